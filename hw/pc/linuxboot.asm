; Option ROM that starts a Linux kernel given by -kernel (x86 boot protocol, Documentation/x86/boot.rst).
;
; It is a Plug and Play option ROM with a bootstrap entry vector (PnP BIOS specification 1.0A, section 3.3; BIOS
; Boot Specification 1.01, section 3.3). hw/pc/linux_boot.c fills in the table at `loads`: for each piece of
; the kernel a ready fw_cfg DMA descriptor. The entry point hands them to the device one after the other,
; and then enters the kernel's real-mode part.

bits 16
org 0

FW_CFG_DMA_HIGH equ 0x514
FW_CFG_DMA_LOW  equ 0x518

    db 0x55, 0xaa
    db (end - $$) / 512
    jmp short init
    times 0x18 - ($ - $$) db 0
    dw 0                        ; no PCI data structure
    dw pnp

align 16
pnp:
    db "$PnP"
    db 1                        ; structure revision
    db 2                        ; length in 16-byte units
    dw 0                        ; next header
    db 0
    db 0                        ; checksum: set by linux_boot.c
    dd 0                        ; device identifier
    dw maker
    dw product
    db 0x02, 0x00, 0x80         ; device type: mass storage, other
    db 0x24                     ; supports DDIM initialisation, may be an IPL device
    dw 0                        ; boot connection vector
    dw 0                        ; disconnect vector
    dw boot                     ; bootstrap entry vector
    dw 0
    dw 0

maker:   db "vmm", 0
product: db "Linux loader", 0

init:                           ; INITIALIZE entry: nothing to hook
    mov ax, 0x20                ; BIOS: IPL device attached
    retf

; Table written by linux_boot.c. Position 0x60 is part of the interface.
    times 0x60 - ($ - $$) db 0
loads_count:  dw 0
setup_segment: dw 0x1000
stack_top:    dw 0xe000
              dw 0
loads:        times 8 * 16 db 0  ; fw_cfg DMA descriptors: control, length, address; big-endian

boot:
    cli
    cld
    mov ax, cs
    mov ds, ax
    mov si, loads
    mov cx, [loads_count]
.next:
    ; The device clears the control word when it is done, so the descriptor must lie in RAM: on the stack.
    sub sp, 16
    mov di, sp
    push cx
    mov ax, ss
    mov es, ax
    mov cx, 8
    push di
    rep movsw
    pop di
    xor eax, eax
    mov ax, ss
    shl eax, 4
    movzx ebx, di
    add eax, ebx
    bswap eax
    mov ebx, eax
    xor eax, eax
    mov dx, FW_CFG_DMA_HIGH
    out dx, eax
    mov eax, ebx
    mov dx, FW_CFG_DMA_LOW
    out dx, eax
.wait:
    mov eax, [es:di]
    bswap eax
    and eax, ~1                 ; anything but "error" or "done": still busy
    jnz .wait
    pop cx
    add sp, 16
    loop .next

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
