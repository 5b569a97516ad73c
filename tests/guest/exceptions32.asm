; Every exception of 32-bit protected mode with its error code and saved instruction pointer (SDM vol. 3, 6.15).
; vmm: -cpu max
; qemu: -cpu max
%define MODE 32
%include "image.inc"
%include "protected.inc"

main:
    CASE "de: div by zero"
    xor ecx, ecx
    TRY
    div ecx
    TRYEND
    CASE "de: idiv overflow"
    mov eax, 0x80000000
    cdq
    mov ecx, -1
    TRY
    idiv ecx
    TRYEND
    CASE "de: div8 overflow"
    mov eax, 0x1000
    mov cl, 1
    TRY
    div cl
    TRYEND
    CASE "de: aam 0"
    TRY
    aam 0
    TRYEND
    CASE "db: icebp"
    TRY
    nop
    db 0xf1
    TRYEND
    CASE "db: single step"
    TRY
    pushfd
    or dword [esp], 0x100
    popfd
    nop
    nop
    TRYEND
    CASE "bp: int3"
    TRY
    int3
    TRYEND
    CASE "bp: int 3"
    TRY
    int 3
    TRYEND
    CASE "of: into with OF"
    mov al, 0x7f
    inc al
    TRY
    into
    TRYEND
    CASE "of: into without OF"
    xor al, al
    TRY
    into
    TRYEND
    CASE "br: below"
    mov eax, 4
    TRY
    bound eax, [bounds]
    TRYEND
    CASE "br: upper bound is in"
    mov eax, 10
    TRY
    bound eax, [bounds]
    TRYEND
    CASE "br: above"
    mov eax, 11
    TRY
    bound eax, [bounds]
    TRYEND
    CASE "ud: ud2"
    TRY
    ud2
    TRYEND
    CASE "ud: lock nop"
    TRY
    db 0xf0, 0x90
    TRYEND
    CASE "ud: lock mov"
    TRY
    db 0xf0, 0x89, 0x03
    TRYEND
    CASE "ud: bound of a register"
    TRY
    db 0x62, 0xc0
    TRYEND
    CASE "ud: lea of a register"
    TRY
    db 0x8d, 0xc0
    TRYEND
    CASE "ud: mov cs, ax"
    TRY
    db 0x8e, 0xc8
    TRYEND
    CASE "ud: mov cr1"
    TRY
    db 0x0f, 0x20, 0xc8
    TRYEND
    CASE "gp: 16 byte instruction"
    TRY
    times 15 db 0x66
    nop
    TRYEND
    CASE "15 byte instruction"
    TRY
    times 14 db 0x66
    nop
    TRYEND
    CASE "nm: x87 with EM"
    mov eax, cr0
    or eax, 4
    mov cr0, eax
    TRY
    fninit
    TRYEND
    CASE "ud: sse with EM"
    mov eax, cr4
    or eax, 0x600
    mov cr4, eax
    TRY
    xorps xmm0, xmm0
    TRYEND
    CASE "nm: x87 with TS"
    mov eax, cr0
    and eax, ~4
    or eax, 0x2a
    mov cr0, eax
    TRY
    fld1
    TRYEND
    CASE "nm: wait with TS and MP"
    TRY
    wait
    TRYEND
    CASE "nm: sse with TS"
    TRY
    xorps xmm0, xmm0
    TRYEND
    CASE "wait with TS without MP"
    mov eax, cr0
    and eax, ~2
    mov cr0, eax
    TRY
    wait
    TRYEND
    clts
    CASE "mf: pending, at the next x87 instruction"
    fninit
    fldcw [unmasked]
    fld1
    fldz
    TRY
    fdivp
    nop
    fld1
    TRYEND
    CASE "mf: no-wait instruction"
    TRY
    fnstsw ax
    TRYEND
    SHOW "fsw", eax
    NEWLINE
    CASE "mf: wait"
    TRY
    wait
    TRYEND
    fnclex
    CASE "xm: divide by zero"
    ldmxcsr [mxcsr_unmasked]
    xorps xmm1, xmm1
    movss xmm0, [one]
    TRY
    divss xmm0, xmm1
    TRYEND
    CASE "ud: xm without OSXMMEXCPT"
    mov eax, cr4
    and eax, ~0x400
    mov cr4, eax
    TRY
    divss xmm0, xmm1
    TRYEND
    mov eax, cr4
    or eax, 0x400
    mov cr4, eax
    CASE "gp: ldmxcsr reserved"
    TRY
    ldmxcsr [mxcsr_reserved]
    TRYEND
    CASE "gp: movaps misaligned"
    TRY
    movaps xmm0, [one + 4]
    TRYEND
    CASE "ac: level 0 never"
    mov eax, cr0
    or eax, 0x40000
    mov cr0, eax
    TRY
    push 0x40002
    popfd
    mov eax, [SCRATCH + 1]
    TRYEND
    push 2
    popfd
    CASE "ac: level 3 dword"
    TRY3 0x40002
    mov eax, [SCRATCH + 2]
    TRYEND3
    CASE "ac: level 3 word"
    TRY3 0x40002
    mov ax, [SCRATCH + 2]
    mov [SCRATCH + 1], ax
    TRYEND3
    CASE "ac: level 3 bytes"
    TRY3 0x40002
    mov al, [SCRATCH + 1]
    mov al, [SCRATCH + 3]
    TRYEND3
    CASE "ac: level 3 push"
    TRY3 0x40002
    dec esp
    push eax
    TRYEND3
    CASE "ac: level 3 movups"
    TRY3 0x40002
    fld qword [SCRATCH + 4]
    TRYEND3
    CASE "ac: flag without CR0.AM"
    mov eax, cr0
    and eax, ~0x40000
    mov cr0, eax
    TRY3 0x40002
    mov eax, [SCRATCH + 1]
    TRYEND3

    ; loads of data segments
    DESCRIPTOR FREE, 0, 0xfffff, 0x13, 0xc          ; not present
    DESCRIPTOR FREE + 8, 0, 0xfffff, 0x99, 0xc      ; execute only
    DESCRIPTOR FREE + 16, 0, 0xfffff, 0x91, 0xc     ; read only
    DESCRIPTOR FREE + 24, 0, 0xfffff, 0x82, 0       ; LDT
    DESCRIPTOR FREE + 32, 0, 0xfffff, 0xd3, 0xc     ; data of level 2
    DESCRIPTOR FREE + 40, 0, 0xfffff, 0x9e, 0xc     ; conforming, readable
    DESCRIPTOR FREE + 48, 0, 0xfffff, 0x80, 0       ; system type 0
%macro LOAD 3
    CASE %1
    mov eax, %3
    TRY
    mov %2, eax
    TRYEND
%endmacro
    LOAD "np: ds not present", ds, FREE
    LOAD "ss: ss not present", ss, FREE
    LOAD "gp: ds execute only", ds, FREE + 8
    LOAD "ds read only", ds, FREE + 16
    LOAD "gp: ss read only", ss, FREE + 16
    LOAD "gp: ds system", ds, FREE + 24
    LOAD "gp: ss code", ss, FREE + 40
    LOAD "gp: ss null", ss, 0
    LOAD "ds null", ds, 3
    LOAD "gp: ds RPL 3 of level 2", ds, FREE + 35
    LOAD "ds RPL 2 of level 2", ds, FREE + 34
    LOAD "ds conforming RPL 3", ds, FREE + 43
    LOAD "gp: ss RPL 1", ss, D32 + 1
    LOAD "gp: ss level 3", ss, UD
    LOAD "gp: ds beyond the GDT", ds, 0x100
    LOAD "gp: es in the null LDT", es, 0xc
    CASE "gp: null fs used"
    xor eax, eax
    mov fs, eax
    TRY
    mov eax, [fs:0]
    TRYEND
    CASE "gp: store to read only ds"
    mov eax, FREE + 16
    mov es, eax
    TRY
    mov [es:SCRATCH], eax
    TRYEND
    CASE "gp: store to code"
    TRY
    mov [cs:SCRATCH], eax
    TRYEND
    CASE "gp: read of execute only code"
    TRY
    jmp (FREE + 8):.xo
.xo:
    mov eax, [cs:SCRATCH]
    TRYEND

    ; privileged instructions
%macro AT3 2+
    CASE %1
    TRY3 2
    %2
    TRYEND3
%endmacro
    AT3 "gp: hlt at 3", hlt
    AT3 "gp: cli at 3", cli
    AT3 "gp: lgdt at 3", lgdt [gdt_pointer]
    AT3 "sgdt at 3", sgdt [SCRATCH]
    AT3 "gp: mov cr0 at 3", mov eax, cr0
    AT3 "gp: mov dr0 at 3", mov eax, dr0
    AT3 "gp: rdmsr at 3", rdmsr
    AT3 "gp: in at 3", in al, 0x80
    AT3 "gp: int 20h at 3", int 0x20
    AT3 "gp: int 0 at 3", int 0
    AT3 "gp: clts at 3", clts
    AT3 "gp: invlpg at 3", invlpg [0]
    AT3 "gp: wbinvd at 3", wbinvd
    CASE "popfd at 3 keeps IF and IOPL"
    TRY3 0x2
    push 0x3202
    popfd
    pushfd
    pop dword [SCRATCH]
    TRYEND3
    SHOW "flags", [SCRATCH]
    NEWLINE

    ; delivery
    CASE "gp: vector beyond the IDT"
    lidt [short_idt]
    TRY
    int 0x30
    TRYEND
    lidt [idt_pointer]
    CASE "np: gate of #UD, EXT set"
    mov byte [IDT + 6 * 8 + 5], 0x0e
    TRY
    ud2
    TRYEND
    mov byte [IDT + 6 * 8 + 5], 0x8e
    CASE "np: int gate not present"
    mov byte [IDT + 0x21 * 8 + 5], 0x0e
    TRY
    int 0x21
    TRYEND
    CASE "gp: int gate of wrong type"
    mov byte [IDT + 0x21 * 8 + 5], 0x8c
    TRY
    int 0x21
    TRYEND
    CASE "gp: int gate to data"
    IDT_GATE 0x21, D32, .never, 0x8e
    TRY
    int 0x21
.never:
    TRYEND
    CASE "gp: int gate to null"
    IDT_GATE 0x21, 0, .never, 0x8e
    TRY
    int 0x21
    TRYEND
    CASE "gp: int gate to level 3"
    IDT_GATE 0x21, U32, .never, 0x8e
    TRY
    int 0x21
    TRYEND
    CASE "np: int gate to a segment not present"
    DESCRIPTOR FREE, 0, 0xfffff, 0x1b, 0xc
    IDT_GATE 0x21, FREE, .never, 0x8e
    TRY
    int 0x21
    TRYEND
    CASE "df: #GP with a #GP in its delivery"
    mov byte [IDT + 13 * 8 + 5], 0x8c
    mov eax, FREE + 1                               ; level 3 is wanted for SS only
    TRY
    mov ss, eax
    TRYEND
    CASE "np in the delivery of #BP is no #DF"
    mov byte [IDT + 13 * 8 + 5], 0x8e
    mov byte [IDT + 3 * 8 + 5], 0x0e
    TRY
    int3
    TRYEND
    mov byte [IDT + 3 * 8 + 5], 0x8e
    DESCRIPTOR FREE, 0, 0xfffff, 0xbb, 0xc          ; code of level 1
    DESCRIPTOR FREE + 8, 0, 0xfffff, 0xb3, 0xc      ; data of level 1
    IDT_GATE 0x21, FREE + 1, .never1, 0xee
    mov dword [TSS + 12], STACK0 - 0x8000           ; ESP1
%macro SS1 2
    CASE %1
    mov dword [TSS + 16], %2
    TRY3
    int 0x21
    TRYEND3
%endmacro
    SS1 "ts: null SS1", 1
    SS1 "ts: SS1 of RPL 0", FREE + 8
    SS1 "ts: SS1 of level 0", D32 + 1
    SS1 "ts: SS1 of code", FREE + 1
    SS1 "ts: SS1 beyond the GDT", 0x101
    mov byte [gdt + FREE + 8 + 5], 0x33
    SS1 "ss: SS1 not present", FREE + 9
    mov byte [gdt + FREE + 8 + 5], 0xb3
    DESCRIPTOR TSS_SEL, TSS, 0x0f, 0x89, 0
    mov eax, TSS_SEL
    ltr ax
    SS1 "ts: SS1 beyond the TSS", FREE + 9
    DESCRIPTOR TSS_SEL, TSS, 0x67, 0x89, 0
    mov eax, TSS_SEL
    ltr ax
    DESCRIPTOR FREE + 8, 0, 0x00fff, 0xb3, 0x4
    SS1 "ss: stack of level 1 beyond its limit", FREE + 9
    EXIT
.never1:
    int 0xff

    align 16
one:
    dd 0x3f800000, 0, 0, 0, 0
bounds:
    dd 5, 10
unmasked:
    dw 0x0378
mxcsr_unmasked:
    dd 0x1d80
mxcsr_reserved:
    dd 0x10001f80
short_idt:
    dw 0x30 * 8 - 1
    dd IDT
    IMAGE_END
