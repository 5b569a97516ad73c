; Boot sector of tests/boot/diskfull.t: writes SECTORS sectors of the first hard disk through the BIOS, 32 KiB a call, each
; beginning with its number, and reports on the first serial port: 'e' and the BIOS's code for a call that failed (it
; goes on with the next one), then "written".
;
; nasm -DSECTORS=8192 -DDRIVE=0x80
    bits 16
    org 0x7c00

RUN    equ 64     ; sectors of a call
BUFFER equ 0x1000 ; segment of what is written

start:
    cli
    xor ax, ax
    mov ds, ax
    mov ss, ax
    mov sp, 0x7c00
    sti
    mov dx, 0x3fb ; eight bits
    mov al, 3
    out dx, al
    mov ax, BUFFER
    mov es, ax
.run:
    xor di, di
    mov eax, [packet.lba]
    mov cx, RUN
.fill:
    mov [es:di], eax
    mov [es:di + 508], eax
    inc eax
    add di, 512
    loop .fill
    mov si, packet
    mov dl, DRIVE
    mov ax, 0x4300
    int 0x13
    jnc .next
    push ax
    mov bl, 'e'
    call put
    pop bx
    mov bl, bh
    add bl, '0'
    call put
.next:
    mov word [packet.count], RUN
    add dword [packet.lba], RUN
    cmp dword [packet.lba], SECTORS
    jb .run
    mov si, text
.report:
    lodsb
    test al, al
    jz .end
    mov bl, al
    call put
    jmp .report
.end:
    hlt
    jmp .end

put:
    mov dx, 0x3fd
.wait:
    in al, dx
    test al, 0x20
    jz .wait
    mov dx, 0x3f8
    mov al, bl
    out dx, al
    ret

text db "written", 10, 0
    align 4
packet:
    db 16, 0
.count:
    dw RUN
    dw 0, BUFFER
.lba:
    dd 0, 0

    times 510 - ($ - $$) db 0
    dw 0xaa55
