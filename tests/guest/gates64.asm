; Gates of 64-bit mode: call gates with a stack switch, RETF of each width, IRETQ forms, compatibility mode, IST with
; an exception, nested stacks (SDM vol. 3, 5.8.3.1, 6.14).
; limited kvm skip: level 3 of 64-bit mode runs natively until it is seen, with the code segments of the host
; vmm: -cpu max
; qemu: -cpu max,vendor=GenuineIntel
%define MODE 64
%include "image.inc"
%include "protected.inc"

%define GATE (FREE + 3)
%define CODE1 (FREE + 0x10)

%macro CALL_GATE64 4
    CALL_GATE %1, %2, %3, %4, 0
    mov dword [gdt + (%1 & ~7) + 8], 0
    mov dword [gdt + (%1 & ~7) + 12], 0
%endmacro

main:
    DESCRIPTOR FREE + 0x20, 0, 0xfff, 0xf3, 4       ; 4 KiB of data for level 3
    CASE "call gate from level 3:"
    CALL_GATE64 GATE, C64, callee, 0xec
    TRY3
    call far dword [pointer]
.after:
    mov r10d, ss
    mov r11d, cs
    mov r12, rsp
    SHOW "back: cs", r11d
    SHOW "ss", r10d
    SHOW "rsp", r12d
    TRYEND3
    CASE "call gate at level 0:"
    CALL_GATE64 GATE, C64, callee, 0xec
    mov r9, rsp
    call far dword [pointer]
    mov r12, rsp
    sub r9, r12
    SHOW "left", r9d
    NEWLINE
    CASE "gp: call gate to 32-bit code"
    CALL_GATE64 GATE, C32, callee, 0xec
    TRY3
    call far dword [pointer]
    TRYEND3
    CASE "gp: 16-bit call gate"
    CALL_GATE64 GATE, C64, callee, 0xe4
    TRY3
    call far dword [pointer]
    TRYEND3
    CASE "gp: type in the upper half"
    CALL_GATE64 GATE, C64, callee, 0xec
    mov byte [gdt + (GATE & ~7) + 13], 0x0c
    TRY3
    call far dword [pointer]
    TRYEND3
    CASE "gp: offset that is not canonical"
    CALL_GATE64 GATE, C64, callee, 0xec
    mov dword [gdt + (GATE & ~7) + 8], 0x8000
    TRY3
    call far dword [pointer]
    TRYEND3
    CASE "np: call gate"
    CALL_GATE64 GATE, C64, callee, 0x6c
    TRY3
    call far dword [pointer]
    TRYEND3
    CASE "ss: RSP0 that is not canonical"
    CALL_GATE64 GATE, C64, callee, 0xec
    mov word [gdt + (GATE & ~7) + 2], CODE1 + 1
    DESCRIPTOR CODE1, 0, 0xfffff, 0xbb, 0xa
    mov dword [TSS + 12], 0
    mov dword [TSS + 16], 0x8000
    TRY3
    call far dword [pointer]
    TRYEND3

    CASE "far jump to compatibility mode and back:"
    TRY
    jmp far dword [to32]
    bits 32
.in32:
    mov eax, cs
    mov ebx, -1
    inc ebx                           ; not a REX prefix here
    mov [SCRATCH], eax
    mov [SCRATCH + 4], ebx
    jmp C64:.in64
    bits 64
.in64:
    TRYEND
    SHOW "  cs", [SCRATCH]
    SHOW "ebx", [SCRATCH + 4]
    NEWLINE
    CASE "an exception in compatibility mode"
    TRY
    jmp far dword [to32_ud]
    bits 32
.in32_ud:
    nop
    ud2
    bits 64
    TRYEND
    CASE "compatibility mode at 3: segments count"
    TRY3
    push U32
    push .seg3
    retfq
    bits 32
.seg3:
    mov eax, FREE + 0x20 + 3
    mov ds, eax
    mov al, [0xfff]
    mov al, [0x1000]
    bits 64
    TRYEND3
    CASE "compatibility mode, SS is null"
    TRY
    xor eax, eax
    mov ss, eax
    jmp far dword [to32_push]
    bits 32
.in32_push:
    push eax
    jmp C64:.in64_pushed
    bits 64
.in64_pushed:
    TRYEND
    mov eax, D32
    mov ss, eax
    CASE "compatibility mode, 16-bit code:"
    TRY
    push C16
    push .in16
    retfq
    bits 16
.in16:
    mov ax, cs
    mov [SCRATCH16], ax
    push word C64
    push word .from16
    retf
    bits 64
.from16:
    TRYEND
    SHOW "  cs", [SCRATCH16]
    NEWLINE
    CASE "iretq keeps the whole RSP and RIP, loads SS at the same level:"
    mov r9, rsp
    push D32
    mov rax, 0x12345678000
    push rax
    push 2
    push C64
    push .iret
    iretq
.iret:
    mov r10, rsp
    mov rsp, r9
    mov r11, r10
    shr r11, 32
    SHOW "rsp high", r11d
    SHOW "low", r10d
    NEWLINE
    CASE "iretd of 32-bit frames in 64-bit mode:"
    mov r9, rsp
    sub rsp, 20
    mov dword [rsp], .iretd
    mov dword [rsp + 4], C64
    mov dword [rsp + 8], 2
    mov dword [rsp + 12], STACK0 - 0x800
    mov dword [rsp + 16], D32
    iretd
.iretd:
    mov r10, rsp
    mov rsp, r9
    SHOW "rsp", r10d
    NEWLINE
    CASE "retf with 32 bits and a count:"
    mov r9, rsp
    sub rsp, 8
    mov dword [rsp], .retf
    mov dword [rsp + 4], C64
    retf 8
.retf:
    mov r10, rsp
    sub r10, r9
    mov rsp, r9
    SHOW "moved", r10d
    NEWLINE
    CASE "exceptions nest on an IST: the second frame overwrites:"
    IDT_GATE 6, C64, .ud, 0x8e
    mov byte [IDT + 6 * 16 + 4], 1
    mov qword [TSS + 0x24], SCRATCH + 0x2000
    mov r9, rsp
    xor r8d, r8d
    ud2
.ud:
    inc r8d
    mov r10, rsp
    cmp r8d, 2
    je .nested
    SHOW "rsp", r10d
    ud2
.nested:
    mov rsp, r9
    SHOW "again", r10d
    NEWLINE
    CASE "CPL and the stack of an interrupt in compatibility mode at 3:"
    IDT_GATE 0x21, C64, .int21, 0xee
    TRY3
    push U32
    push .compat3
    retfq
    bits 32
.compat3:
    int 0x21
    bits 64
.int21:
    mov r10, [rsp + 8]
    mov r11, [rsp + 32]
    mov r12, rsp
    SHOW "old cs", r10d
    SHOW "old ss", r11d
    SHOW "rsp", r12d
    TRYEND3
    EXIT

callee:
    mov r13, rsp
    mov r10d, cs
    SHOW "cs", r10d
    mov r10d, ss
    SHOW "ss", r10d
    SHOW "rsp", r13d
    SHOW "old cs", [r13 + 8]
    SHOW "old rsp", [r13 + 16]
    SHOW "old ss", [r13 + 24]
    o64 retf

    align 8
pointer:
    dd 0xdeadbeef
    dw GATE
to32:
    dd main.in32
    dw C32
to32_push:
    dd main.in32_push
    dw C32
to32_ud:
    dd main.in32_ud
    dw C32
    align 8
SCRATCH16:
    dd 0, 0
    IMAGE_END
