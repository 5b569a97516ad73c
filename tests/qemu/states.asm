; Guests that bring a PC into a known state, one for each value of CASE, say so on port E9h ('R'), and stay there. What
; QEMU's monitor shows of them is kept in recorded/ (monitor.t); vmm's monitor must show the same.
;
;   1 real mode        3 32-bit paging    5 long mode, 64 bits       7 compatibility mode, ring 3
;   2 protected mode   4 PAE              6 long mode, ring 3        8 virtual 8086 mode      9 AVX, two CPUs, HLT
        bits 16
        org 0x7c00
%ifndef CASE
%define CASE 1
%endif
%define LONG (CASE == 5 || CASE == 6 || CASE == 7 || CASE == 9)

ROOT    equ 0x20000                     ; the top of the page tables; those below follow
GIGA    equ 0x21000
DIR     equ 0x22000
TABLE   equ 0x23000
HIGH_DIR equ 0x24000
HIGH_TABLE equ 0x25000

%macro outb 2
        mov al, %2
        out %1, al
%endmacro

start:  cli
        cld
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        mov ax, 0x0210                  ; the rest: 16 sectors
        mov bx, 0x7e00
        mov cx, 0x0002
        mov dh, 0
        int 0x13
        mov ax, 0x2401                  ; A20
        int 0x15
        cli
        jmp more
        times 510 - ($ - $$) db 0
        dw 0xaa55

more:   fninit
        call quiet
        call ioapic
        call pic
        lgdt [gdtr]
        lidt [idtr]
        xor eax, eax
        mov cr2, eax
%if CASE == 1
        mov ax, 0x1234
        mov fs, ax
        mov ax, 0xb800
        mov gs, ax
        mov ax, 0x07c0
        mov es, ax
        call registers32
        lidt [vectors]
        mov ebp, 0x0badf00d
        mov esp, 0xcafe6ffe
        mov al, 'R'
        out 0xe9, al
        mov eax, 0x8badf00d
        stc
        std
        jmp 0x07b0:here - 0x7b00
here:   jmp here
%else
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp 0x08:protected
%endif

; No interrupt line moves any more: the timer counts down once, and what it says is waited for.
quiet:  outb 0x20, 0x13
        outb 0x21, 0x08
        outb 0x21, 0x01
        outb 0x43, 0x30
        outb 0x40, 0x10
        outb 0x40, 0x10
        outb 0x20, 0x0a
.count: in al, 0x20
        test al, 1
        jz .count
        mov al, 0x0b
        out 0x70, al
        mov al, 0x02
        out 0x71, al
        mov al, 0x8c
        out 0x70, al
        in al, 0x71
.flush: in al, 0x64
        test al, 1
        jz .done
        in al, 0x60
        jmp .flush
.done:  ret

; Both chips anew; one interrupt in service, one waiting, and whatever else can be seen.
pic:    outb 0x20, 0x11
        outb 0xa0, 0x11
        outb 0x21, 0x20 + 8 * CASE
        outb 0xa1, 0x70 + 8 * CASE
        outb 0x21, 4
        outb 0xa1, 2
%if CASE == 3
        outb 0x21, 0x11                 ; special fully nested
%else
        outb 0x21, 0x01
%endif
        outb 0xa1, 0x01
        outb 0x21, 0xf9
        outb 0xa1, 0xef
        mov dx, 0x4d0
        outb dx, 0x20
        inc dx
        outb dx, 0x0c
%if CASE == 1
        mov word [(0x28 + 1) * 4], irq1
        mov word [(0x28 + 1) * 4 + 2], 0
%elif CASE == 2
        outb 0x20, 0xc3                 ; rotation
        outb 0x20, 0x0b                 ; reads show ISR
%endif
%if CASE == 1 || CASE == 2 || CASE == 5 || CASE == 6
        outb 0x64, 0x60                 ; the controller: interrupts of the keyboard
        call empty
        outb 0x60, 0x41
        call empty
        outb 0x64, 0xd2                 ; a byte as if it came from the keyboard: IRQ 1
        call empty
        outb 0x60, 0x1c
        call empty
%endif
%if CASE == 1
        sti
        nop
        nop
        cli
%endif
        ret
irq1:   iret                            ; no EOI: it stays in service
empty:  in al, 0x64
        test al, 2
        jnz empty
        ret

; The I/O APIC's pins, by way of a data segment of 4 GiB.
ioapic: push ds
        lgdt [gdtr]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        mov bx, 0x10
        mov ds, bx
        and al, 0xfe
        mov cr0, eax
        mov edi, 0xfec00000
%macro pin 3
        mov dword [edi], 0x11 + %1 * 2
        mov dword [edi + 16], %3
        mov dword [edi], 0x10 + %1 * 2
        mov dword [edi + 16], %2
%endmacro
        pin 2, 0x00000030, 0x00000000   ; fixed, physical, edge
        pin 3, 0x00002931, 0x03000000   ; lowest priority, logical, active low
        pin 4, 0x00018432, 0x01000000   ; NMI, level, masked
        pin 5, 0x0001a533, 0x0f000000   ; INIT, level, low, masked
        pin 6, 0x00010234, 0x00000000   ; SMI, masked
        pin 7, 0x00010735, 0x00000000   ; ExtINT, masked
        pin 23, 0x0000a0ef, 0x00000000  ; level, low
%if CASE == 5
        pin 1, 0x00008041, 0x00000000   ; level, and the line is high
%elif CASE == 6
        pin 1, 0x00018041, 0x00000000
%endif
        mov dword [edi], 0x00
        mov dword [edi + 16], 0x05000000
        mov dword [edi], 0x12
        pop ds
        ret

registers32:
        mov ebx, 0xb0b0b0b0
        mov ecx, 0x0c0ffee0
        mov edx, 0xd0d0cafe
        mov esi, 0x51515151
        mov edi, 0xd1d1d1d1
        ret

%if CASE != 1
        bits 32
protected:
        mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov fs, ax
        mov gs, ax
        mov esp, 0x7c00
        mov eax, cr4
        or eax, 0x600                   ; OSFXSR, OSXMMEXCPT
        mov cr4, eax
        mov eax, cr0
        and eax, ~0x0c                  ; EM, TS
        or eax, 0x10022                 ; WP, NE, MP
        mov cr0, eax
        fninit
%if CASE != 4
        fldpi
        fld1
        fchs
        fldl2t
        fldz
        fld qword [real]
        fldcw [control]
%endif
        ldmxcsr [mxcsr]
        movups xmm0, [vector]
        movups xmm1, [vector + 16]
        movaps xmm7, xmm0
        pslldq xmm7, 3
        mov eax, 0x7c00
        mov dr0, eax
        mov eax, 0x12345678
        mov dr1, eax
        mov eax, 0x8
        mov dr3, eax
        mov eax, 0x00000400
        mov dr7, eax

%if CASE == 2
        lldt [ldt_selector]
        mov ax, 0x28
        ltr ax
        mov ax, 0x04 + 8
        mov fs, ax
        mov ax, 0x04 + 16
        mov gs, ax
        xor ax, ax
        mov es, ax
        call registers32_
        mov ebp, 0xebb0ebb0
        mov esp, 0x00006f00
        mov al, 'R'
        out 0xe9, al
        mov eax, 0x80000001
        add eax, eax                    ; flags
        jmp 0x38:here
        bits 16
here:   jmp here
        bits 32
%endif

%if CASE == 3 || CASE == 8              ; 32-bit paging: the first 4 MiB by pages, then large ones
        mov edi, ROOT
        mov ecx, 0x8000 / 4
        xor eax, eax
        rep stosd
        mov dword [ROOT], TABLE + 0x07
        mov edi, TABLE
        mov eax, 7
.fill:  mov [edi], eax
        add eax, 0x1000
        add edi, 4
        cmp eax, 0x100007
        jb .fill
        mov dword [TABLE + 0x50 * 4], 0x50001           ; read-only, supervisor
        mov dword [TABLE + 0x51 * 4], 0x51003           ; supervisor
        mov dword [TABLE + 0x52 * 4], 0x52005           ; read-only, user
        mov dword [TABLE + 0x53 * 4], 0
        mov dword [TABLE + 0x54 * 4], 0x1f557f          ; everything
        mov dword [TABLE + 0x60 * 4], 0xfffff01b        ; cache bits
        mov dword [ROOT + 4], 0x00400083
        mov dword [ROOT + 8], 0x00c00183                ; global
        mov dword [ROOT + 0x300 * 4], 0x000000e5
        mov dword [ROOT + 0x301 * 4], TABLE + 0x05
        mov dword [ROOT + 0x3ff * 4], TABLE + 0x03
        mov eax, cr4
        or eax, 0x90                                    ; PSE, PGE
        mov cr4, eax
        mov eax, ROOT + 0x18
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        jmp .flush
.flush: mov eax, [0xc0001000]
        mov ax, 0x28
        ltr ax
%endif

%if CASE == 4                           ; PAE: by pages, 2 MiB pages, NX
        mov edi, ROOT
        mov ecx, 0x8000 / 4
        xor eax, eax
        rep stosd
        mov dword [ROOT], DIR + 1
        mov dword [ROOT + 24], HIGH_DIR + 1
        call fill_first
        mov dword [DIR + 8], 0x00200083
        mov dword [DIR + 16], 0x004000e3
        mov dword [DIR + 20], 0x80000000
        mov dword [DIR + 24], 0x00000085
        mov dword [HIGH_DIR], TABLE + 0x03
        mov dword [HIGH_DIR + 511 * 8], 0x00e001e7
        mov eax, cr4
        or eax, 0xa0                                    ; PAE, PGE
        mov cr4, eax
        mov eax, ROOT + 0x08
        mov cr3, eax
        mov ecx, 0xc0000080
        rdmsr
        or eax, 0x800
        wrmsr
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        jmp .flush
.flush: mov eax, [0xfffff000]
%endif

%if CASE == 3 || CASE == 4
        call registers32_
        mov ebp, 0x80808080
        mov al, 'R'
        out 0xe9, al
        xor eax, eax
        jmp here
        times 5 nop
here:   jmp here
%endif

%if CASE == 8                           ; virtual 8086 mode, with ports open
        push dword 0x5678               ; GS
        push dword 0x4000               ; FS
        push dword 0xb800               ; DS
        push dword 0x1000               ; ES
        push dword 0x0600               ; SS
        push dword 0x7654               ; ESP
        push dword 0x23202              ; VM, IOPL 3
        push dword 0x0000               ; CS
        push dword here
        mov al, 'R'
        out 0xe9, al
        call registers32_
        mov ebp, 0x4444
        iret
        bits 16
        times 7 nop
here:   jmp here
        bits 32
%endif

%if LONG
        jmp long_mode
%endif

; The first 2 MiB by pages, with some of all sorts.
fill_first:
        mov dword [DIR], TABLE + 0x07
        mov edi, TABLE
        mov eax, 7
.fill:  mov [edi], eax
        add eax, 0x1000
        add edi, 8
        cmp edi, TABLE + 0x1000
        jb .fill
        mov dword [TABLE + 0x50 * 8], 0x50001
        mov dword [TABLE + 0x51 * 8], 0x51003
        mov dword [TABLE + 0x51 * 8 + 4], 0x80000000
        mov dword [TABLE + 0x52 * 8], 0x52005
        mov dword [TABLE + 0x53 * 8], 0
        mov dword [TABLE + 0x54 * 8], 0x1f557f
        mov dword [TABLE + 0x55 * 8], 0xfffff01b
        mov dword [TABLE + 0x55 * 8 + 4], 0x8
        ret

registers32_:
        mov ebx, 0xb0b0b0b0
        mov ecx, 0x0c0ffee0
        mov edx, 0xd0d0cafe
        mov esi, 0x51515151
        mov edi, 0xd1d1d1d1
        ret

%if LONG
long_mode:
        mov edi, ROOT
        mov ecx, 0x8000 / 4
        xor eax, eax
        rep stosd
        mov dword [ROOT], GIGA + 7
        mov dword [ROOT + 511 * 8], GIGA + 3
        mov dword [ROOT + 256 * 8], GIGA + 0x25
        mov dword [GIGA], DIR + 7
        mov dword [GIGA + 511 * 8], HIGH_DIR + 7
        mov dword [GIGA + 8], 0x40000083                ; 1 GiB
        call fill_first
        mov dword [DIR + 8], 0x00200083
        mov dword [DIR + 16], 0x004000e3
        mov dword [DIR + 20], 0x80000000
        mov dword [DIR + 24], 0x00000085
        mov dword [HIGH_DIR], HIGH_TABLE + 0x03
        mov dword [HIGH_DIR + 511 * 8], 0x00e001e7
        mov dword [HIGH_TABLE + 511 * 8], 0x00007067
        mov eax, cr4
        or eax, 0xa0
        mov cr4, eax
        mov eax, ROOT
        mov cr3, eax
        mov ecx, 0xc0000080
        rdmsr
        or eax, 0x900
        wrmsr
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        jmp 0x18:wide
        bits 64
wide:   mov ax, 0x28
        ltr ax
        mov ax, 0x23
        mov fs, ax
        mov ds, ax
        xor ax, ax
        mov es, ax
        mov gs, ax
        mov ecx, 0xc0000100             ; FS.base
        mov eax, 0xdeadb000
        mov edx, 0x00007fff
        wrmsr
        mov ecx, 0xc0000101             ; GS.base
        mov eax, 0x81234000
        mov edx, 0xffffffff
        wrmsr
        movaps xmm15, xmm1
        movq xmm8, [vector]
        mov rax, [0xffffffffc01ff000]
        mov rax, 0xffff800000007c00
        mov rax, [rax]
        mov rbx, 0xb0b0b0b0b0b0b0b0
        mov rcx, 0x0c0ffee0c0ffee00
        mov rdx, 0xd0d0cafed0d0cafe
        mov rsi, 0x5151515151515151
        mov rdi, 0xd1d1d1d1d1d1d1d1
        mov rbp, 0xffffffff80000000
        mov r8, 0x0808080808080808
        mov r9, 0x9
        mov r10, -10
        mov r13, 0x1313131313131313
        mov r15, 0xf00000000000000f
        mov al, 'R'
%if CASE == 9
        mov rax, cr4
        or eax, 0x40000                 ; OSXSAVE
        mov cr4, rax
        xor ecx, ecx
        xgetbv
        or eax, 7
        xsetbv
        vbroadcastsd ymm3, [vector]
        vperm2f128 ymm4, ymm0, ymm1, 0x20
        cli
        mov al, 'R'
        out 0xe9, al
        hlt
%endif
        out 0xe9, al
%if CASE == 5
        mov eax, 1
        mov cr8, rax
        sub eax, 2
        jmp here
        times 3 nop
here:   jmp here
%else
        push 0x20 + 3
        push 0x6f00
        push 0x10047
%if CASE == 6
        push 0x40 + 3
%else
        push 0x48 + 3
%endif
        push here
        xor eax, eax
        iretq
%if CASE == 7
        bits 32
%endif
        times 11 nop
here:   jmp here
%endif
%endif
%endif

; Instructions of all sorts for x /20i, as each mode reads them.
        align 16
        times 0x8600 - 0x7c00 - ($ - $$) db 0x90
code:   db 0x66, 0x90, 0xf3, 0x90, 0x0f, 0x1f, 0x84, 0x00, 0, 0, 0, 0, 0
        db 0xf3, 0xa4, 0xf3, 0x66, 0xab, 0xf2, 0xae, 0x2e, 0x8b, 0x07, 0x65, 0xa1, 0x00, 0x01, 0x00, 0x00
        db 0xe8, 0x10, 0x00, 0x00, 0x00, 0xeb, 0xf0, 0x0f, 0x84, 0x10, 0x20, 0x00, 0x00, 0xcd, 0x80
        db 0x0f, 0x01, 0x15, 0x00, 0x86, 0x00, 0x00, 0x0f, 0x20, 0xd8, 0x0f, 0xa2, 0x0f, 0x32, 0xf0, 0x0f, 0xb1, 0x0e
        db 0xd9, 0xe8, 0xdd, 0x45, 0x08, 0xde, 0xc1, 0x66, 0x0f, 0x6f, 0xc1, 0xf2, 0x0f, 0x10, 0x04, 0x24
        db 0xc4, 0xe2, 0x79, 0x18, 0x00, 0x0f, 0x0b, 0x06, 0xd4, 0x0a, 0x9a, 0x00, 0x10, 0x00, 0x20, 0x30, 0x40
        db 0x48, 0xb8, 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01, 0x4c, 0x8d, 0x15, 0x10, 0, 0, 0, 0xc8, 0x10, 0, 1
        db 0x62, 0xf1, 0x7c, 0x48, 0x28, 0xc1, 0x0f, 0xff, 0xf0, 0xf0, 0xf0, 0x90, 0xcf, 0xcb, 0xca, 0x08, 0x00
        db 0x63, 0xc1, 0xd6, 0x0f, 0x05, 0x0f, 0x34, 0xff, 0x25, 0x00, 0x00, 0x00, 0x01, 0xff, 0xe0, 0x8e, 0xd8, 0xc3
        times 0x8800 - 0x7c00 - ($ - $$) db 0x90
data:   db 'Text, "quoted" \ with', 13, 10, 9, 'lines.', 0, 0x7f, 0x80, 0xff
        dq 0x8000000000000000, -1, 0, 1, 0x7fffffffffffffff, 0x0123456789abcdef, 10, 1000000
        times 0x8880 - 0x7c00 - ($ - $$) db 0xa5

        align 16
gdt:    dq 0
        dq 0x00cf9b000000ffff           ; 08 code, 32 bits
        dq 0x00cf93000000ffff           ; 10 data
        dq 0x00209b0000000000           ; 18 code, 64 bits
        dq 0x00cff3000000ffff           ; 20 data, ring 3
        dw 103, tss, 0x8900, 0          ; 28 TSS
        dq 0
        dq 0x000f9b000000ffff           ; 38 code, 16 bits, 1 MiB
        dq 0x0020fb0000000000           ; 40 code, 64 bits, ring 3
        dq 0x00cffb000000ffff           ; 48 code, 32 bits, ring 3
        dw ldt_end - ldt - 1, ldt, 0x8200, 0 ; 50 LDT
        dq 0
gdtr:   dw $ - gdt - 1
        dd gdt
idtr:   dw 32 * 16 - 1
        dd 0x00009000
        dd 0
vectors: dw 0x3ff
        dd 0
ldt:    dq 0
        dq 0x0000b2340000ffff | (0x12 << 56) ; 0c data, 16 bits, DPL 1
        dq 0x00c096000000000f           ; 14 data, expand-down
        dq 0x00cf9e000000ffff           ; 1c conforming code
ldt_end:
ldt_selector: dw 0x50
control: dw 0x0f7f
mxcsr:  dd 0x00009fc0
real:   dq -12345.678
        align 16
vector: dq 0x0123456789abcdef, 0xfedcba9876543210
        dd 1.0, -2.5, 0.0, 1.0e30
tss     equ 0xa000
        times 0x9e00 - 0x7c00 - ($ - $$) db 0
        times 0x100000 - ($ - $$) db 0
