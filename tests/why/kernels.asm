; Kernels that are broken on purpose, one for each value of CASE: boot sectors that enter protected or long mode and
; fall over in one well-known way. tests/why/why.t checks that the monitor's `why` names the cause.
        bits 16
        org 0x7c00
%ifndef CASE
%define CASE 1
%endif
%define LONG (CASE >= 11)
PML4    equ 0x10000
POINTERS    equ 0x11000
PAGEDIR      equ 0x12000
TABLE      equ 0x13000

start:  cli
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        mov ax, 0x2401                  ; A20
        int 0x15
        cli
%if CASE == 10                          ; real mode: the vectors are cut off, then a divide error
        lidt [no_idt]
        xor cx, cx
        div cx
%endif
        lgdt [gdtr]
        lidt [idtr]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp 0x08:protected

        bits 32
protected:
        mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov esp, 0x7c00
        cld
        mov edi, idt                    ; and the TSS behind it
        xor eax, eax
        mov ecx, 0x2000 / 4
        rep stosd
%if LONG
        mov edi, PML4
        xor eax, eax
        mov ecx, 0x4000 / 4
        rep stosd
        mov dword [PML4], POINTERS + 7
        mov dword [POINTERS], PAGEDIR + 7
        mov dword [PAGEDIR], TABLE + 7
        mov edi, TABLE                     ; the first 2 MiB, page by page
        mov eax, 7
fill:   mov [edi], eax
        add eax, 0x1000
        add edi, 8
        cmp edi, TABLE + 0x1000
        jb fill
        mov eax, cr4
        or al, 0x20
        mov cr4, eax
%if CASE == 18
        mov dword [PML4], 0             ; page tables that map nothing
%endif
        mov eax, PML4
        mov cr3, eax
        mov ecx, 0xc0000080
        rdmsr
        or eax, 0x900                   ; LME, NXE
        wrmsr
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        jmp 0x18:wide
        bits 64
wide:
%if CASE != 24
        mov ax, 0x28
        ltr ax
%endif
%endif

%if CASE == 1                           ; no IDT entry for #UD
        ud2
%elif CASE == 2                         ; an IDT of limit 0
        lidt [no_idt]
        xor ecx, ecx
        div ecx
%elif CASE == 3                         ; a data segment that is not in the GDT
        mov ax, 0x40
        mov ds, ax
%elif CASE == 4                         ; a gate whose selector is data
        mov word [idt + 6 * 8 + 2], 0x10
        mov byte [idt + 6 * 8 + 5], 0x8e
        ud2
%elif CASE == 5                         ; a gate that is not present
        mov word [idt + 3 * 8 + 2], 8
        mov byte [idt + 3 * 8 + 5], 0x0e
        int3
%elif CASE == 6                         ; the GDT is gone
        lgdt [no_idt]
        mov ax, 0x10
        mov ss, ax
%elif CASE == 7                         ; paging with an empty page directory
        mov eax, 0x20000
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        nop
%elif CASE == 8                         ; a stack of limit 0
        mov ax, 0x20
        mov ss, ax
        mov esp, 0x100
        push eax
%elif CASE == 9                         ; HLT with interrupts off (no fault at all)
        hlt
%elif CASE == 11                        ; a write to an address that is not mapped
        mov [0x40000000], rax
%elif CASE == 12                        ; not canonical
        mov rax, 0x8000000000000000
        mov [rax], rax
%elif CASE == 13                        ; code in a page that is NX
        mov dword [TABLE + 0x20 * 8 + 4], 0x80000000
        mov rax, 0x20000
        jmp rax
%elif CASE == 14                        ; a handler whose IST is not canonical
        mov word [idt + 6 * 16 + 2], 0x18
        mov byte [idt + 6 * 16 + 4], 1
        mov byte [idt + 6 * 16 + 5], 0x8e
        mov rax, 0x8000000000000000
        mov [tss + 36], rax
        ud2
%elif CASE == 15                        ; stack overflow: pushes down to a page that is not there
        mov qword [TABLE + 0x30 * 8], 0
        mov rsp, 0x31000
repeat_: push rax
        jmp repeat_
%elif CASE == 16                        ; the IDT itself is not mapped
        mov dword [idtr + 2], 0x40000000
        lidt [idtr]
        ud2
%elif CASE == 17                        ; a handler at an address that is not mapped
        mov word [idt + 6 * 16 + 2], 0x18
        mov byte [idt + 6 * 16 + 5], 0x8e
        mov dword [idt + 6 * 16 + 8], 0xffffffff
        mov word [idt + 6 * 16 + 6], 0x8000
        ud2
%elif CASE == 19                        ; a gate to a 32-bit code segment in long mode
        mov word [idt + 6 * 16 + 2], 0x08
        mov byte [idt + 6 * 16 + 5], 0x8e
        ud2
%elif CASE == 20                        ; a reset by the keyboard controller
        mov al, 0xfe
        out 0x64, al
%elif CASE == 21                        ; a write to a page that is read-only (CR0.WP)
        mov dword [TABLE + 0x20 * 8], 0x20000 + 1
        mov rax, cr0
        or rax, 0x10000
        mov cr0, rax
        invlpg [0x20000]
        mov [0x20000], rax
%elif CASE == 22                        ; a handler that leaves a word on the stack before IRETQ
        mov word [idt + 3 * 16], handler
        mov word [idt + 3 * 16 + 2], 0x18
        mov byte [idt + 3 * 16 + 5], 0x8e
        int3
        jmp stop
handler: push rcx
        iretq
%elif CASE == 23                        ; a stack pointer that is not canonical
        mov rsp, 0x8000000000000000
        push rax
%elif CASE == 24                        ; ring 3 without a TSS
        mov word [idt + 3 * 16], stop
        mov word [idt + 3 * 16 + 2], 0x18
        mov byte [idt + 3 * 16 + 5], 0xee
        push 0x33
        push 0x7000
        push 2
        push 0x3b
        push user
        iretq
user:   int3
%elif CASE == 25                        ; a reserved bit in a page table entry
        mov dword [TABLE + 0x20 * 8 + 4], 0x00080000
        invlpg [0x20000]
        mov [0x20000], rax
%elif CASE == 26                        ; a handler whose IST is not mapped
        mov word [idt + 6 * 16], stop
        mov word [idt + 6 * 16 + 2], 0x18
        mov byte [idt + 6 * 16 + 4], 1
        mov byte [idt + 6 * 16 + 5], 0x8e
        mov dword [tss + 36], 0x40001000
        ud2
%elif CASE == 27                        ; an IDT whose limit is too small for the exception
        mov word [idtr], 6 * 16 - 1
        lidt [idtr]
        ud2
%elif CASE == 28                        ; a code segment with L and D
        mov byte [gdt + 0x18 + 6], 0x60
        push 0x18
        push stop
        retfq
%elif CASE == 29                        ; a far jump through a pointer that is not mapped
        mov rbx, 0x7fff0000
        jmp far [rbx]
%elif CASE == 30                        ; SYSCALL, and LSTAR was never set
        mov qword [TABLE], 0
        mov ecx, 0xc0000080
        rdmsr
        or al, 1
        wrmsr
        mov ecx, 0xc0000081
        mov edx, 0x00230018
        wrmsr
        syscall
%elif CASE == 31                        ; a pointer read from where there is no device
        mov dword [TABLE + 0x20 * 8], 0xe0000000 + 0x13
        mov dword [TABLE + 0x20 * 8 + 4], 0
        invlpg [0x20000]
        mov rbx, [0x20000]
        mov [rbx], rax
%elif CASE == 32                        ; MOVAPS to an address that is not a multiple of 16
        mov rax, cr4
        or ax, 0x600
        mov cr4, rax
        mov rsp, 0x7008
        movaps [rsp], xmm0
%elif CASE == 33                        ; SSE without CR4.OSFXSR
        movaps xmm0, xmm1
%endif
stop:   jmp stop

        align 8
gdt:    dq 0
        dq 0x00cf9b000000ffff           ; 08 code, 32 bits
        dq 0x00cf93000000ffff           ; 10 data
        dq 0x00209b0000000000           ; 18 code, 64 bits
        dq 0x0040930000000000           ; 20 data, limit 0
        dw 103, tss, 0x8900, 0          ; 28 TSS
%if CASE == 24
        dq 0x0000f3000000ffff           ; 30 data, ring 3 (and the upper half of the TSS, which is not used)
        dq 0x0020fb0000000000           ; 38 code, 64 bits, ring 3
%else
        dq 0
%endif
gdtr:   dw $ - gdt - 1
        dd gdt
idtr:   dw 32 * 16 - 1
        dd idt
        dd 0
no_idt: dw 0
        dd 0
        times 510 - ($ - $$) db 0
        dw 0xaa55
idt     equ 0x8000
tss     equ 0x9000
        times 0x100000 db 0
