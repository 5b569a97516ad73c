; Boot sector of a test floppy: reads every sector of the disk through the BIOS, a track a call, checks that each
; begins with its own number, writes the last one, reads it again, and reports on the first serial port.
;
; nasm -DCYLINDERS=80 -DHEADS=2 -DSECTORS=18
    bits 16
    org 0x7c00

BUFFER equ 0x1000 ; segment of what is read

start:
    cli
    xor ax, ax
    mov ds, ax
    mov ss, ax
    mov sp, 0x7c00
    mov [drive], dl
    sti
    mov ax, BUFFER
    mov es, ax
.track:
    mov bp, 5 ; attempts
.again:
    mov ax, 0x0200 | SECTORS
    call bios
    jnc .check
    xor ah, ah
    mov dl, [drive]
    int 0x13
    dec bp
    jnz .again
    mov si, failed
    jmp report
.check:
    xor di, di
    mov cx, SECTORS
.sector:
    mov ax, [number]
    test ax, ax ; the first one is this program
    jz .good
    cmp [es:di], ax
    mov si, wrong
    jne report
.good:
    inc word [number]
    add di, 512
    loop .sector
    inc byte [head]
    cmp byte [head], HEADS
    jb .track
    mov byte [head], 0
    inc byte [cylinder]
    cmp byte [cylinder], CYLINDERS
    jb .track

    ; Write to the last sector.
    mov byte [cylinder], CYLINDERS - 1
    mov byte [head], HEADS - 1
    mov byte [sector], SECTORS
    mov word [es:0], 0x4242
    mov ax, 0x0301
    call bios
    mov si, unwritten
    jc report
    mov word [es:0], 0
    mov ax, 0x0201
    call bios
    mov si, unwritten
    cmp word [es:0], 0x4242
    jne report
    mov si, good

report:
    mov dx, 0x3fb ; eight bits
    mov al, 3
    out dx, al
.next:
    lodsb
    test al, al
    jz .end
    mov bl, al
    mov dx, 0x3fd
.wait:
    in al, dx
    test al, 0x20
    jz .wait
    mov dx, 0x3f8
    mov al, bl
    out dx, al
    jmp .next
.end:
    hlt
    jmp .end

; int 13h, AX = function and count, at the place of the variables, into ES:0.
bios:
    mov ch, [cylinder]
    mov cl, [sector]
    mov dh, [head]
    mov dl, [drive]
    xor bx, bx
    int 0x13
    ret

number dw 0
drive db 0
cylinder db 0
head db 0
sector db 1
good db "all sectors read", 10, 0
failed db "a read failed", 10, 0
wrong db "wrong contents", 10, 0
unwritten db "the write failed", 10, 0

    times 510 - ($ - $$) db 0
    dw 0xaa55
