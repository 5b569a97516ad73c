; Disk image of the CPU loops: boot sector, the ways between the CPU's modes, and the 16-bit loops.
;
; The boot sector loads the rest behind it to 10000h and jumps there. From then on main64 (main.c) reads commands
; from COM1 in 64-bit mode and calls run_low for the loops of other modes. No interrupt is ever enabled and the BIOS
; is called by the boot sector alone, so all emulators execute the same instructions whatever their BIOS.
;
;   10000h  this file                  60000h  real-mode stack (up to 6ffffh)
;   20000h  64-bit loops (LOOPS64)     80000h  end of the 32- and 64-bit stack
;   40000h  32-bit loops (LOOPS32)     100000h page tables, 400000h and up: data of the loops

LOW_BASE equ 0x10000
BASE64 equ 0x20000
BASE32 equ 0x40000
IMAGE_END equ 0x50000
REAL_STACK_SEG equ 0x6000
STACK_END equ 0x80000
KERNEL_STACK equ 0x90000        ; for what comes from user mode
PAGE_TABLES equ 0x100000        ; PML4, PDPT, PD, then 32 page tables: 64 MiB, one to one

CODE64 equ 8
DATA equ 16
CODE32 equ 24
CODE16 equ 32
DATA16 equ 40
TSS equ 72

MSR_EFER equ 0xc0000080

section .boot start=0 vstart=0x7c00
bits 16
    cli
    xor ax, ax
    mov ds, ax
    mov ss, ax
    mov sp, 0x7c00
    mov [drive], dl
    sti
next_part:
    mov ah, 0x42
    mov dl, [drive]
    mov si, packet
    int 0x13
    jc failed
    add dword [packet.sector], 64
    add word [packet.segment], 64 * 512 / 16
    cmp word [packet.segment], IMAGE_END / 16
    jb next_part
    cli
    jmp LOW_BASE / 16:0
failed:
    hlt
    jmp failed
drive: db 0
align 4
packet:
    dw 16, 64, 0
.segment:
    dw LOW_BASE / 16
.sector:
    dq 1
times 510 - ($ - $$) db 0
    dw 0xaa55

section .low start=512 vstart=LOW_BASE
low:
    jmp start16
align 8
    dd table16                  ; at 10008h: the 16-bit loops
    dd run_low                  ; at 1000Ch: run_low(bits, function, passes)
start16:
    mov ax, LOW_BASE / 16
    mov ds, ax
    in al, 0x92
    or al, 2
    and al, 0xfe
    out 0x92, al
    o32 lgdt [gdt_pointer - low]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp dword CODE32:start32

bits 32
start32:
    mov ax, DATA
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov esp, STACK_END
    cld
    mov edi, PAGE_TABLES
    mov ecx, 3 * 1024
    xor eax, eax
    rep stosd
    mov dword [PAGE_TABLES], (PAGE_TABLES + 0x1000) | 7
    mov dword [PAGE_TABLES + 0x1000], (PAGE_TABLES + 0x2000) | 7
    mov eax, (PAGE_TABLES + 0x3000) | 7
    mov ecx, 32
    mov edi, PAGE_TABLES + 0x2000
.directory:
    mov [edi], eax
    add edi, 8
    add eax, 0x1000
    loop .directory
    mov edi, PAGE_TABLES + 0x3000
    mov eax, 7
    mov ecx, 32 * 512
.table:
    mov [edi], eax
    mov dword [edi + 4], 0
    add edi, 8
    add eax, 0x1000
    loop .table
    mov eax, cr4
    or eax, 0x620               ; PAE, OSFXSR, OSXMMEXCPT
    mov cr4, eax
    mov eax, PAGE_TABLES
    mov cr3, eax
    call long_mode
bits 64
    mov ax, TSS
    ltr ax
    mov rax, BASE64
    jmp rax

; From 32-bit code without paging to 64-bit code: returns in 64-bit mode.
bits 32
long_mode:
    pop ebx
    mov ecx, MSR_EFER
    rdmsr
    or eax, 0x101               ; LME, SCE
    wrmsr
    mov eax, cr0
    and eax, ~0xc               ; TS, EM
    or eax, 0x80010022          ; PG, WP, NE, MP
    mov cr0, eax
    jmp CODE64:.in64
bits 64
.in64:
    mov ax, DATA
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov eax, ebx
    jmp rax

; uint32_t run_low(uint32_t bits, uint32_t function, uint32_t passes), from 64-bit C
run_low:
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    mov [rel saved_rsp], rsp
    mov [rel function], esi
    mov [rel passes], edx
    sidt [rel idt64]
    push CODE32
    lea rax, [rel .compat]
    push rax
    retfq
bits 32
.compat:
    mov ax, DATA
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov eax, cr0
    and eax, 0x7fffffff
    mov cr0, eax
    mov ecx, MSR_EFER
    rdmsr
    and eax, ~0x100
    wrmsr
    cmp edi, 16
    je to_real
    push dword [passes]
    call [function]
    mov [result], eax
back32:
    mov esp, [saved_rsp]
    call long_mode
bits 64
    lidt [rel idt64]
    mov rsp, [rel saved_rsp]
    mov eax, [rel result]
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    ret

bits 32
to_real:
    jmp CODE16:.protected16 - low
bits 16
.protected16:
    mov ax, DATA16
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov fs, ax
    mov gs, ax
    mov eax, cr0
    and al, 0xfe
    mov cr0, eax
    jmp LOW_BASE / 16:.real - low
.real:
    mov ax, LOW_BASE / 16
    mov ds, ax
    mov es, ax
    mov ax, REAL_STACK_SEG
    mov ss, ax
    mov esp, 0xfff0
    lidt [real_idt - low]
    cld
    mov ecx, [passes - low]
    mov bx, [function - low]
    call bx
    mov bx, LOW_BASE / 16
    mov ds, bx
    mov [result - low], eax
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp dword CODE32:.back
bits 32
.back:
    mov ax, DATA
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov fs, ax
    mov gs, ax
    jmp back32

align 8
gdt:
    dq 0
    dq 0x00af9b000000ffff       ; CODE64
    dq 0x00cf93000000ffff       ; DATA
    dq 0x00cf9b000000ffff       ; CODE32
    dq 0x00009b010000ffff       ; CODE16: base 10000h
    dq 0x000093010000ffff       ; DATA16
    dq 0x00cffb000000ffff       ; user code, 32 bits
    dq 0x00cff3000000ffff       ; user data
    dq 0x00affb000000ffff       ; user code, 64 bits
    dw 103, tss - low, 0x8900 | LOW_BASE >> 16, 0   ; TSS
    dq 0
gdt_pointer:
    dw $ - gdt - 1
    dd gdt
real_idt:
    dw 0x3ff
    dd 0
align 8
    dd 0
tss:
    dd 0
    dq KERNEL_STACK
    times 104 - ($ - tss) db 0
align 8
saved_rsp: dq 0
idt64: times 10 db 0
align 4
function: dd 0
passes: dd 0
result: dd 0

; ---- 16-bit loops: ECX = passes, result in EAX; DS = ES = this segment ----

bits 16

; Registers only.
alu16:
    mov ax, 1
    mov bx, 2
    mov dx, 3
    mov si, 4
.pass:
    push cx
    mov cx, 500
.inner:
    add ax, bx
    rol bx, 3
    xor dx, ax
    sub si, dx
    adc ax, si
    shr dx, 1
    inc bx
    loop .inner
    pop cx
    dec ecx
    jnz .pass
    movzx eax, ax
    ret

; Memory operands by base, index and override; bubble sort of 64 words.
sort16:
    push es
    mov ax, 0x5000
    mov es, ax
    mov bx, 12345
.pass:
    push ecx
    xor di, di
.fill:
    imul bx, bx, 25173
    add bx, 13849
    mov [es:di + 0x100], bx
    add di, 2
    cmp di, 128
    jb .fill
    mov dx, 126
.outer:
    xor di, di
.inner:
    mov ax, [es:di + 0x100]
    cmp ax, [es:di + 0x102]
    jbe .ordered
    xchg ax, [es:di + 0x102]
    mov [es:di + 0x100], ax
.ordered:
    add di, 2
    cmp di, dx
    jb .inner
    sub dx, 2
    jnz .outer
    pop ecx
    dec ecx
    jnz .pass
    movzx eax, word [es:0x140]
    pop es
    ret

; Near calls with a frame, stack far from the code.
call16:
    xor eax, eax
.pass:
    mov dx, 200
.inner:
    push dx
    call .callee
    add sp, 2
    dec dx
    jnz .inner
    dec ecx
    jnz .pass
    ret
.callee:
    push bp
    mov bp, sp
    add ax, [bp + 4]
    pop bp
    ret

; The same with the stack in the page of the code, where boot loaders have it.
codepage16:
    mov ebx, esp
    mov bp, ss
    mov dx, ds
    mov ss, dx
    mov sp, .stack - low
    push ebx
    push bp
    call call16
    pop bp
    pop ebx
    mov ss, bp
    mov esp, ebx
    ret
    times 128 db 0
.stack:

; String copies within a segment and between segments.
string16:
    push ds
    push es
    mov ax, 0x5000
    mov es, ax
    mov ds, ax
.pass:
    push ecx
    xor si, si
    mov di, 0x4000
    mov cx, 0x1000
    rep movsw
    mov di, 0x8000
    mov cx, 0x1000
    mov ax, 0x1234
    rep stosw
    mov si, 0x4000
    mov di, 0
    mov cx, 0x1000
    rep movsb
    pop ecx
    dec ecx
    jnz .pass
    mov eax, [0x8000]
    pop es
    pop ds
    ret

; Software interrupts.
int16:
    push es
    xor ax, ax
    mov es, ax
    mov word [es:0x60 * 4], .handler - low
    mov word [es:0x60 * 4 + 2], LOW_BASE / 16
    xor eax, eax
.pass:
    mov dx, 100
.inner:
    int 0x60
    dec dx
    jnz .inner
    dec ecx
    jnz .pass
    pop es
    ret
.handler:
    inc ax
    iret

; Far calls, loads of segment registers, 32-bit operands and addresses.
far16:
    push es
    xor eax, eax
.pass:
    mov dx, 100
.inner:
    call LOW_BASE / 16:.callee - low
    dec dx
    jnz .inner
    dec ecx
    jnz .pass
    pop es
    ret
.callee:
    push es
    mov bx, 0x5000
    mov es, bx
    movzx ebx, dx
    add [es:ebx * 4 + 0x100], eax
    add eax, ebx
    pop es
    retf

; Text to the screen, as DOS programs write it.
text16:
    push es
    mov ax, 0xb800
    mov es, ax
.pass:
    push cx
    xor di, di
    mov cx, 2000
    mov ax, 0x0720
.inner:
    mov [es:di], ax
    inc al
    add di, 2
    loop .inner
    pop cx
    dec ecx
    jnz .pass
    xor eax, eax
    pop es
    ret

; name, group, function
%macro ROW 2
%%row:
    db %1
    times 16 - ($ - %%row) db 0
    db "16-bit"
    times 10 db 0
    dq %2 - low
%endmacro
align 8
table16:
    ROW "alu16", alu16
    ROW "sort16", sort16
    ROW "call16", call16
    ROW "codepage16", codepage16
    ROW "string16", string16
    ROW "int16", int16
    ROW "far16", far16
    ROW "text16", text16
    times 40 db 0

section .c64 start=(512 + BASE64 - LOW_BASE) vstart=BASE64
    incbin LOOPS64
section .c32 start=(512 + BASE32 - LOW_BASE) vstart=BASE32
    incbin LOOPS32
    times IMAGE_END - BASE32 - ($ - $$) db 0
