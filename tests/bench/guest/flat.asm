; The CPU loops without a BIOS and without a serial port, for vmm -flat -32: brings loops.img to where its boot sector would
; bring it, the commands of SCRIPT behind it (main.c reads them there), and begins in real mode. So a run is the same,
; instruction for instruction, each time. nasm -DLOOPS='"loops.img"' -DSCRIPT='"r 0 1"'
bits 32
org 0x100000
SCRIPT_AT equ 0x50000
        cld
        mov esi, image + 512
        mov edi, 0x10000
        mov ecx, (SCRIPT_AT - 0x10000) / 4
        rep movsd
        mov esi, script
        mov ecx, script_end - script
        rep movsb
        mov esi, low
        mov edi, 0x7e00
        mov ecx, low_end - low
        rep movsb
        lgdt [pointer]
        jmp 0x18:0x7e00
low:
bits 16
        mov ax, 0x20
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov eax, cr0
        and al, 0xfe
        mov cr0, eax
        jmp 0x1000:0
low_end:
        align 8
gdt:    dq 0, 0, 0
        dq 0x00009b000000ffff           ; 18 code, 16 bits
        dq 0x000093000000ffff           ; 20 data
pointer: dw $ - gdt - 1
        dd gdt
script: db 'script: ', SCRIPT, 10, 0
script_end:
image:  incbin LOOPS, 0, 0x50000
