; Option ROM that starts a Linux kernel given by -kernel (x86 boot protocol, Documentation/x86/boot.rst): fetches the pieces
; that hw/pc/linux_boot.c has listed, and then enters the kernel's real-mode part.
    %include "boot_rom.inc"

    boot_rom_begin "Linux loader"
setup_segment: dw 0x1000
stack_top:    dw 0xe000
              dw 0

    boot_rom_fetch
    mov ax, [setup_segment]
    mov bx, [stack_top]
    mov ds, ax
    mov es, ax
    mov fs, ax
    mov gs, ax
    mov ss, ax
    mov sp, bx
    add ax, 0x20
    push ax                     ; setup code starts 512 bytes into the header
    xor ax, ax
    push ax
    xor ebx, ebx
    xor ecx, ecx
    xor edx, edx
    xor edi, edi
    xor esi, esi
    xor ebp, ebp
    retf

    times 1024 - ($ - $$) db 0
end:
