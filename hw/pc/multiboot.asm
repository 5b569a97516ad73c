; Option ROM that starts a Multiboot kernel given by -kernel (Multiboot Specification 0.6.96, section 3): fetches the pieces
; that hw/pc/multiboot.c has listed, asks the BIOS for the memory map, which it puts into the information structure at INFO,
; and enters the kernel in protected mode.
    %include "boot_rom.inc"

INFO            equ 0x9000      ; the structure; its fields, and the map behind it
INFO_LOWER      equ 4
INFO_UPPER      equ 8
INFO_MMAP_SIZE  equ 44
INFO_MMAP       equ 48
MMAP            equ 0x9100
ENTRY_SIZE      equ 24          ; 4 bytes of size, 20 of the BIOS's

    boot_rom_begin "Multiboot"
              dw 0
entry:        dd 0

    boot_rom_fetch
    sti
    xor ax, ax
    mov es, ax
    int 0x12                    ; KiB below 640 KiB
    movzx eax, ax
    mov [es:INFO + INFO_LOWER], eax
    mov di, MMAP
    xor ebx, ebx
.map:
    mov dword [es:di], ENTRY_SIZE - 4
    add di, 4
    mov eax, 0xe820
    mov edx, 0x534d4150         ; SMAP
    mov ecx, ENTRY_SIZE - 4
    int 0x15
    jc .map_failed
    ; The block at 1 MiB says how much there is above.
    cmp dword [es:di], 0x100000
    jne .not_upper
    mov eax, [es:di + 8]
    shr eax, 10
    mov [es:INFO + INFO_UPPER], eax
.not_upper:
    add di, ENTRY_SIZE - 4
    test ebx, ebx
    jnz .map
    jmp .map_end
.map_failed:
    sub di, 4
.map_end:
    sub di, MMAP
    movzx edi, di
    mov [es:INFO + INFO_MMAP_SIZE], edi
    mov dword [es:INFO + INFO_MMAP], MMAP

    cli
    ; The table of descriptors and the far pointer are addressed from the segment the BIOS has put this ROM into.
    xor eax, eax
    mov ax, cs
    shl eax, 4
    mov ebp, [entry]
    add eax, gdt
    push eax
    push word gdt_end - gdt - 1
    mov bx, sp
    o32 lgdt [ss:bx]
    xor eax, eax
    mov ax, cs
    shl eax, 4
    add eax, protected
    push dword 8
    push eax
    mov ecx, cr0
    or cl, 1
    mov cr0, ecx
    o32 retf

bits 32
protected:
    mov ax, 16
    mov ds, ax
    mov es, ax
    mov fs, ax
    mov gs, ax
    mov ss, ax
    mov eax, 0x2badb002
    mov ebx, INFO
    jmp ebp

align 8
gdt:
    dq 0
    dq 0x00cf9a000000ffff       ; 8: code, 4 GiB
    dq 0x00cf92000000ffff       ; 16: data
gdt_end:

    times 1024 - ($ - $$) db 0
end:
