; Virtual 8086 mode: what traps with IOPL 3 and IOPL 0, the frame at level 0, the VME extensions (virtual interrupt
; flag, interrupt redirection), I/O bitmap, address wrap (SDM vol. 3, chapter 20).
; limited kvm skip: needs VME, which is hidden there
; vmm: -cpu max
; qemu: -cpu max
%define MODE 32
%include "image.inc"
%include "protected.inc"

; V86 code runs with CS = SS = 0, so that offsets are linear addresses; the other segments are told apart by number.
%macro V86 2                          ; name, EFLAGS besides VM
    %push try
    CASE %1
    mov dword [try_resume], %$end
    mov dword [try_start], %$start
    mov [try_sp], esp
    push 0x5004                       ; GS
    push 0x5003                       ; FS
    push 0x5002                       ; DS
    push 0x5001                       ; ES
    push 0                            ; SS
    push 0xfe00                       ; ESP
    push 0x20002 | (%2)
    push 0
    push %$start
    iretd
    bits 16
%$start:
%endmacro
%macro V86END 0
    int 0xff
    bits 32
%$end:
    %pop
%endmacro

main:
    ; With VME and IOPL 0 the INT 0FFh at the end of a body is itself refused: #GP at that place stands for
    ; "none".
    ; IVT entries 21h and 22h
    mov dword [0x21 * 4], vector21
    mov dword [0x22 * 4], vector21
    IDT_GATE 0x20, C32, frame_gate, 0xee
    mov word [TSS + 102], 0x88        ; redirection bitmap at 68h, I/O bitmap behind it
    mov edi, TSS + 0x88
    mov ecx, 0x2001
    mov al, 0
    cld
    rep stosb
    mov byte [edi - 1], 0xff
    mov byte [TSS + 0x88 + 0x80 / 8], 0x06    ; ports 81h and 82h
    DESCRIPTOR TSS_SEL, TSS, 0x2088, 0x89, 0
    mov eax, TSS_SEL
    ltr ax

    V86 "frame at level 0:", 0x3202
    int 0x20
    V86END
    V86 "IOPL 3: cli sti pushf popf", 0x3202
    cli
    pushf
    pop ax
    sti
    push ax
    popf
    V86END
    V86 "IOPL 3: popf keeps IOPL", 0x3202
    push word 0x0202
    popf
    pushf
    pop word [cs:SCRATCH16]
    V86END
    SHOW "  flags", [SCRATCH16]
    NEWLINE
    V86 "IOPL 3: iret", 0x3202
    push word 0x0202
    push word 0
    push word %$there
    iret
%$there:
    V86END
    V86 "IOPL 3: int 3 by the IDT", 0x3202
    int3
    V86END
    V86 "IOPL 3: int of a gate of level 0", 0x3202
    int 0x30
    V86END
    V86 "IOPL 3: hlt", 0x3202
    hlt
    V86END
    V86 "IOPL 3: mov from cr0", 0x3202
    mov eax, cr0
    V86END
    V86 "IOPL 3: lgdt", 0x3202
    lgdt [0]
    V86END
    V86 "IOPL 3: lldt is undefined", 0x3202
    lldt ax
    V86END
    V86 "IOPL 3: arpl is undefined", 0x3202
    db 0x63, 0xc0
    V86END
    V86 "IOPL 3: lar is undefined", 0x3202
    lar ax, ax
    V86END
    V86 "sgdt and smsw", 0x3202
    smsw ax
    sgdt [cs:SCRATCH16]
    V86END
    mov dword [SCRATCH16], 0
    mov dword [SCRATCH16 + 4], 0
    V86 "I/O bitmap: allowed", 0x3202
    in al, 0x80
    V86END
    V86 "I/O bitmap: denied, whatever the IOPL", 0x3202
    in al, 0x81
    V86END
    V86 "I/O bitmap: word over two", 0x3202
    in ax, 0x80
    V86END
    V86 "gp: limit of 64 KiB", 0x3202
    mov eax, [0xfffe]
    V86END
    V86 "gp: 32-bit address", 0x3202
    mov ebx, 0x10000
    mov al, [ebx]
    V86END
    V86 "ss: push over the end", 0x3202
    mov sp, 1
    push ax
    V86END
    V86 "IOPL 0: cli", 0x202
    cli
    V86END
    V86 "IOPL 0: sti", 0x202
    sti
    V86END
    V86 "IOPL 0: pushf", 0x202
    pushf
    V86END
    V86 "IOPL 0: pushfd", 0x202
    pushfd
    V86END
    V86 "IOPL 0: popf", 0x202
    popf
    V86END
    V86 "IOPL 0: iret", 0x202
    iret
    V86END
    V86 "IOPL 0: int 20h", 0x202
    int 0x20
    V86END
    V86 "IOPL 0: int3 is not sensitive", 0x202
    int3
    V86END
    V86 "IOPL 0: into is not sensitive", 0xa02
    into
    V86END
    V86 "IOPL 0: in by the bitmap", 0x202
    in al, 0x80
    V86END

    SAY "VME", 10
    mov byte [TSS + 0x68 + 0xff / 8], 0x80    ; the way out is not redirected
    mov eax, cr4
    or eax, 1
    mov cr4, eax
    V86 "IOPL 0: int 21h by the IVT:", 0x80202        ; VIF
    int 0x21
    mov [cs:SCRATCH16 + 8], ax
    V86END
    SHOW "  pushed", [SCRATCH16]
    SHOW "inside", [SCRATCH16 + 4]
    SHOW "ax", [SCRATCH16 + 8]
    NEWLINE
    V86 "IOPL 0: cli clears VIF, pushf shows it as IF with IOPL 3", 0x80202
    pushf
    pop word [cs:SCRATCH16]
    cli
    pushf
    pop word [cs:SCRATCH16 + 4]
    sti
    pushf
    pop word [cs:SCRATCH16 + 8]
    V86END
    SHOW "  first", [SCRATCH16]
    SHOW "cli", [SCRATCH16 + 4]
    SHOW "sti", [SCRATCH16 + 8]
    NEWLINE
    V86 "IOPL 0: popf sets VIF, not IF", 0x202
    push word 0x0202
    popf
    pushf
    pop word [cs:SCRATCH16]
    push word 0x0002
    popf
    pushf
    pop word [cs:SCRATCH16 + 4]
    V86END
    SHOW "  set", [SCRATCH16]
    SHOW "clear", [SCRATCH16 + 4]
    NEWLINE
    V86 "IOPL 0, VIP: sti", 0x100202
    sti
    V86END
    V86 "IOPL 0, VIP: popf with IF", 0x100202
    push word 0x202
    popf
    V86END
    V86 "IOPL 0, VIP: popf without IF", 0x100202
    push word 0x002
    popf
    V86END
    V86 "IOPL 0: popf with TF", 0x202
    push word 0x102
    popf
    V86END
    V86 "IOPL 0: pushfd", 0x202
    pushfd
    V86END
    V86 "IOPL 0: popfd", 0x202
    popfd
    V86END
    V86 "IOPL 0: iret", 0x202
    push word 0x0202
    push word 0
    push word %$there
    iret
%$there:
    V86END
    mov byte [TSS + 0x68 + 0x22 / 8], 1 << 2  ; nor is 22h
    V86 "IOPL 0: int 22h with its bit set", 0x202
    int 0x22
    V86END
    V86 "IOPL 3: int 22h with its bit set: gate of level 0", 0x3202
    int 0x22
    V86END
    V86 "IOPL 3: int 21h by the IVT:", 0x3202
    int 0x21
    V86END
    SHOW "  pushed", [SCRATCH16]
    SHOW "inside", [SCRATCH16 + 4]
    NEWLINE
    V86 "int3 is never redirected", 0x3202
    int3
    V86END
    SAY "PVI", 10
    mov eax, cr4
    and eax, ~1
    or eax, 2
    mov cr4, eax
    CASE "level 3: sti sets VIF"
    TRY3 0x202
    sti
    pushfd
    pop dword [SCRATCH]
    cli
    pushfd
    pop dword [SCRATCH + 4]
    TRYEND3
    SHOW "  sti", [SCRATCH]
    SHOW "cli", [SCRATCH + 4]
    NEWLINE
    CASE "level 3, VIP: sti"
    TRY3 0x100202
    sti
    TRYEND3
    CASE "level 3: popf does not touch VIF"
    TRY3 0x80202
    push 0x202
    popfd
    pushfd
    pop dword [SCRATCH]
    TRYEND3
    SHOW "  flags", [SCRATCH]
    NEWLINE
    EXIT

frame_gate:
    mov edi, esp
    mov esi, D32
    mov ebx, ds
    mov ds, esi
    SHOW "ds in the handler", ebx
    SHOW "cs", [edi + 4]
    SHOW "flags", [edi + 8]
    SHOW "esp", [edi + 12]
    SHOW "ss", [edi + 16]
    SHOW "es", [edi + 20]
    SHOW "ds", [edi + 24]
    SHOW "fs", [edi + 28]
    SHOW "gs", [edi + 32]
    SHOW "used", edi
    iretd

    bits 16
vector21:
    push bp
    mov bp, sp
    mov ax, [bp + 6]
    mov [cs:SCRATCH16], ax
    pushf
    pop word [cs:SCRATCH16 + 4]
    mov ax, 0x5678
    pop bp
    iret
    align 16
SCRATCH16:
    dd 0, 0, 0, 0
    IMAGE_END
