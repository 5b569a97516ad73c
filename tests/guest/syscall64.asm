; SYSCALL, SYSRET, SYSENTER, SYSEXIT, SWAPGS, in 64-bit and compatibility mode (SDM vol. 3, 5.8.7 and 5.8.8).
; vmm: -cpu max
; qemu: -cpu max,vendor=GenuineIntel
%define MODE 64
%include "image.inc"
%include "protected.inc"

%define K_CODE (FREE)                 ; SYSCALL: code, stack of level 0
%define U_BASE (FREE + 0x10)          ; SYSRET: 32-bit code, data, 64-bit code of level 3
%define E_CODE (FREE + 0x28)          ; SYSENTER: code, stack, 32-bit code, data, 64-bit code, data

%macro MSR 3
    mov ecx, %1
    mov eax, %2
    mov edx, %3
    wrmsr
%endmacro

main:
    mov rax, [gdt + C64]
    mov [gdt + K_CODE], rax
    mov [gdt + E_CODE], rax
    mov rax, [gdt + D32]
    mov [gdt + K_CODE + 8], rax
    mov [gdt + E_CODE + 8], rax
    mov rax, [gdt + 0x30]
    mov [gdt + U_BASE], rax
    mov [gdt + E_CODE + 0x10], rax
    mov rax, [gdt + 0x38]
    mov [gdt + U_BASE + 8], rax
    mov [gdt + E_CODE + 0x18], rax
    mov [gdt + E_CODE + 0x28], rax
    mov rax, [gdt + 0x40]
    mov [gdt + U_BASE + 16], rax
    mov [gdt + E_CODE + 0x20], rax
    MSR 0xc0000081, 0, (U_BASE + 3) << 16 | K_CODE
    MSR 0xc0000082, syscall64, 0
    MSR 0xc0000083, syscall32, 0
    MSR 0xc0000084, 0x3700, 0
    MSR 0x174, E_CODE, 0
    MSR 0x175, STACK0 - 0x1000, 0
    MSR 0x176, sysenter64, 0

    CASE "syscall, sysret:"
    TRY3 0x3ed7
    mov r9, .returned
    syscall
.returned:
    mov r10d, cs
    SHOW "cs", r10d
    mov r10d, ss
    SHOW "ss", r10d
    SHOW "rsp", esp
    pushfq
    pop r10
    and r10d, 0x3ffed7 & ~0x8d5
    SHOW "flags", r10d
    TRYEND3
    CASE "sysret to 32-bit code:"
    TRY3 0x3002
    mov r9, .compat
    mov r8d, 1
    syscall
    bits 32
.compat:
    mov eax, cs
    mov [SCRATCH], eax
    ; at level 3 in compatibility mode: SYSCALL goes to CSTAR or, on Intel CPUs, is undefined; SYSENTER works
    mov ecx, esp
    mov edx, .entered
    sysenter
.entered:
    mov eax, cs
    mov [SCRATCH + 4], eax
    mov eax, ss
    mov [SCRATCH + 8], eax
    int 0xff
    bits 64
%$end:
    %pop
    SHOW "  cs", [SCRATCH]
    SHOW "sysenter cs", [SCRATCH + 0x10]
    SHOW "ss", [SCRATCH + 0x14]
    SHOW "rsp", [SCRATCH + 0x18]
    SHOW "IF", [SCRATCH + 0x1c]
    SHOW "sysexit cs", [SCRATCH + 4]
    SHOW "ss", [SCRATCH + 8]
    NEWLINE
    CASE "sysenter, sysexit of 64 bits:"
    TRY3 0x3202
    mov rcx, rsp
    mov rdx, .entered64
    mov r8d, 2
    sysenter
.entered64:
    mov r10d, cs
    SHOW "cs", r10d
    mov r10d, ss
    SHOW "ss", r10d
    TRYEND3
    CASE "gp: sysexit at 3"
    TRY3
    sysexit
    TRYEND3
    CASE "gp: sysenter with a null CS"
    MSR 0x174, 0, 0
    TRY3
    sysenter
    TRYEND3
    CASE "gp: sysexit with a null CS"
    TRY
    sysexit
    TRYEND
    CASE "gp: sysret to an address that is not canonical"
    mov rcx, 1 << 47
    mov r11d, 2
    TRY
    o64 sysret
    TRYEND
    CASE "swapgs:"
    MSR 0xc0000101, 0x1111, 0
    MSR 0xc0000102, 0x2222, 0
    swapgs
    mov ecx, 0xc0000101
    rdmsr
    SHOW "gs", eax
    mov ecx, 0xc0000102
    rdmsr
    SHOW "kernel gs", eax
    NEWLINE
    CASE "ud: syscall without SCE"
    mov ecx, 0xc0000080
    rdmsr
    and eax, ~1
    wrmsr
    TRY
    syscall
    TRYEND
    CASE "ud: sysret without SCE"
    TRY
    sysret
    TRYEND
    EXIT

syscall64:
    mov r10d, cs
    SHOW "cs", r10d
    mov r10d, ss
    SHOW "ss", r10d
    mov r10, rcx
    sub r10, r9
    SHOW "rcx +", r10d
    SHOW "r11", r11d
    SHOW "rsp", esp
    pushfq
    pop r10
    and r10d, 0x3ffed7 & ~0x8d5
    SHOW "flags", r10d
    mov rcx, r9
    cmp r8d, 1
    je .to32
    mov r11d, 0x13ed7
    o64 sysret
.to32:
    mov r11d, 0x3202
    sysret
syscall32:
    ud2

sysenter64:
    mov eax, cs
    mov [SCRATCH + 0x10], eax
    mov eax, ss
    mov [SCRATCH + 0x14], eax
    mov [SCRATCH + 0x18], esp
    pushfq
    pop rax
    and eax, 0x200
    mov [SCRATCH + 0x1c], eax
    cmp r8d, 2
    je .to64
    sysexit
.to64:
    o64 sysexit
    IMAGE_END
