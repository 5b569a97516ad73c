; Exceptions of 64-bit mode with error codes and saved instruction pointers (SDM vol. 3, 6.14 and 6.15).
; limited kvm skip: needs CMPXCHG16B and XSAVE, which is hidden there
; vmm: -cpu max
; qemu: -cpu max
%define MODE 64
%include "image.inc"
%include "protected.inc"

%define NONCANONICAL 0x800000000000

%macro ONE 2+
    CASE %1
    TRY
    %2
    TRYEND
%endmacro
%macro AT3 2+
    CASE %1
    TRY3 2
    %2
    TRYEND3
%endmacro
%macro BYTES 2+
    CASE %1
    TRY
    db %2
    TRYEND
%endmacro

main:
    xor ecx, ecx
    ONE "de: div by zero", div rcx
    mov rax, 1 << 63
    cqo
    mov rcx, -1
    ONE "de: idiv overflow", idiv rcx
    mov edx, 1
    xor eax, eax
    mov ecx, 1
    ONE "de: div overflow", div rcx
    ONE "bp: int3", int3
    ONE "ud: ud2", ud2
    BYTES "ud: into", 0xce
    BYTES "ud: aaa", 0x37
    BYTES "ud: aam", 0xd4, 10
    BYTES "ud: pusha", 0x60
    BYTES "ud: popa", 0x61
    BYTES "ud: push ds", 0x1e
    BYTES "ud: pop es", 0x07
    BYTES "ud: far call direct", 0x9a, 0, 0, 0, 0, 0, 0
    BYTES "ud: far jump direct", 0xea, 0, 0, 0, 0, 0, 0
    BYTES "ud: salc", 0xd6
    BYTES "ud: 82h", 0x82, 0xc0, 0
    BYTES "ud: vex with REX", 0x48, 0xc5, 0xf8, 0x57, 0xc0
    BYTES "ud: bound", 0x62, 0x05, 0, 0, 0, 0
    BYTES "ud: lock of a register", 0xf0, 0x01, 0xc0
    BYTES "ud: mov cr1", 0x0f, 0x20, 0xc8
    BYTES "ud: mov cr9", 0x44, 0x0f, 0x20, 0xc8
    BYTES "ud: sysenter group hole", 0x0f, 0x0a
    BYTES "rex ignored before a prefix", 0x48, 0x66, 0x90

    ; canonical addresses
    mov r8, NONCANONICAL
    ONE "gp: read, not canonical", mov eax, [r8]
    ONE "gp: write, not canonical", mov [r8], eax
    mov rbp, NONCANONICAL
    ONE "ss: read by rbp", mov eax, [rbp]
    ONE "ss: read by rbp with disp", mov eax, [rbp + 8]
    ONE "gp: index only", mov eax, [nosplit rbp * 1]
    mov r8, NONCANONICAL - 4
    CASE "gp: crosses the canonical boundary"
    TRY
    mov rax, [r8]
    TRYEND
    CASE "ss: push, not canonical"
    mov r8, NONCANONICAL + 0x100
    TRY3
    mov rsp, r8
    push rax
    TRYEND3
    CASE "gp: jump, not canonical"
    mov rax, NONCANONICAL
    TRY
    jmp rax
    TRYEND
    CASE "gp: ret, not canonical"
    mov rax, NONCANONICAL
    TRY
    push rax
    ret
    TRYEND
    CASE "gp: iret, not canonical"
    mov rax, NONCANONICAL
    TRY
    push D32
    push STACK0
    push 2
    push C64
    push rax
    iretq
    TRYEND
    CASE "gp: mov cr8 of 10h"
    mov eax, 0x10
    TRY
    mov cr8, rax
    TRYEND
    CASE "gp: wrmsr fs base, not canonical"
    mov ecx, 0xc0000100
    xor eax, eax
    mov edx, 0x8000
    TRY
    wrmsr
    TRYEND
    CASE "gp: wrmsr LSTAR, not canonical"
    mov ecx, 0xc0000082
    xor eax, eax
    mov edx, 0x8000
    TRY
    wrmsr
    TRYEND
    CASE "gp: unknown MSR"
    mov ecx, 0x12345678
    TRY
    rdmsr
    TRYEND

    ; segments
    CASE "null ss at level 0"
    xor eax, eax
    TRY
    mov ss, eax
    push rax
    pop rax
    TRYEND
    CASE "null ds is usable"
    xor eax, eax
    TRY
    mov ds, eax
    mov es, eax
    mov eax, [SCRATCH]
    TRYEND
    mov eax, 3
    ONE "gp: null ss RPL 3 at level 0", mov ss, eax
    DESCRIPTOR FREE, 0, 0xfffff, 0x13, 0xc          ; not present
    DESCRIPTOR FREE + 8, 0, 0xfffff, 0x99, 0xc      ; execute only
    mov eax, FREE
    ONE "np: ds", mov ds, eax
    mov eax, FREE
    ONE "ss: ss", mov ss, eax
    mov eax, FREE + 8
    ONE "gp: ds execute only", mov ds, eax
    CASE "gp: far jump to a 64-bit TSS"
    TRY
    jmp far dword [.far_tss]
    TRYEND
    CASE "gp: ltr busy"
    mov eax, TSS_SEL
    TRY
    ltr ax
    TRYEND
    CASE "gp: lldt of a TSS"
    mov eax, TSS_SEL
    TRY
    lldt ax
    TRYEND
    CASE "lldt null"
    xor eax, eax
    TRY
    lldt ax
    TRYEND
    CASE "gp: iret with NT"
    TRY
    push 0x4002
    popfq
    iretq
    TRYEND
    CASE "gp: iret to null ss level 3"
    TRY
    push 3
    push STACK3
    push 2
    push U64
    push .never
    iretq
.never:
    TRYEND
    CASE "iret to null ss level 0"
    TRY
    push 0
    push STACK0 - 0x1000
    push 2
    push C64
    push .null_ss
    iretq
.null_ss:
    TRYEND
    mov eax, D32
    mov ss, eax
    mov rsp, STACK0

    ; SSE and x87
    mov rax, cr4
    or eax, 0x600
    mov cr4, rax
    ONE "gp: movaps misaligned", movaps xmm0, [SCRATCH + 4]
    ONE "movups misaligned", movups xmm0, [SCRATCH + 4]
    ONE "gp: fxsave misaligned", fxsave [SCRATCH + 8]
    ONE "gp: cmpxchg16b misaligned", cmpxchg16b [SCRATCH + 8]
    ONE "ud: avx without OSXSAVE", vxorps ymm0, ymm0, ymm0
    ONE "ud: xgetbv without OSXSAVE", xgetbv
    mov rax, cr4
    bts eax, 18
    mov cr4, rax
    ONE "ud: avx without XCR0.AVX", vxorps ymm0, ymm0, ymm0
    xor ecx, ecx
    xor edx, edx
    mov eax, 5
    ONE "gp: xsetbv AVX without SSE", xsetbv
    mov eax, 6
    xor ecx, ecx
    xor edx, edx
    ONE "gp: xsetbv without x87", xsetbv
    mov eax, 7
    xor ecx, ecx
    xor edx, edx
    ONE "xsetbv x87 SSE AVX", xsetbv
    ONE "avx", vxorps ymm0, ymm0, ymm0
    ONE "gp: vmovaps misaligned", vmovaps ymm0, [SCRATCH + 16]
    ONE "vaddps misaligned", vaddps ymm0, ymm0, [SCRATCH + 4]

    ; level 3
    AT3 "gp: hlt at 3", hlt
    AT3 "gp: mov cr8 at 3", mov rax, cr8
    AT3 "gp: swapgs at 3", swapgs
    AT3 "gp: wrmsr at 3", wrmsr
    AT3 "gp: xsetbv at 3", xsetbv
    AT3 "gp: sysretq at 3", o64 sysret
    AT3 "gp: in at 3", in al, dx
    AT3 "gp: int 20h at 3", int 0x20
    AT3 "sgdt at 3", sgdt [SCRATCH]
    mov rax, cr4
    bts eax, 11
    mov cr4, rax
    AT3 "gp: sgdt at 3 with UMIP", sgdt [SCRATCH]
    AT3 "gp: smsw at 3 with UMIP", smsw eax
    AT3 "gp: str at 3 with UMIP", str eax
    mov rax, cr4
    or eax, 4
    mov cr4, rax
    AT3 "gp: rdtsc at 3 with TSD", rdtsc
    CASE "ud: wrfsbase without FSGSBASE"
    xor eax, eax
    TRY
    wrfsbase rax
    TRYEND
    mov rax, cr4
    bts eax, 16
    mov cr4, rax
    mov rax, NONCANONICAL
    AT3 "gp: wrfsbase, not canonical", wrfsbase rbp

    ; delivery
    CASE "gp: gate of 32-bit code"
    IDT_GATE 0x21, C32, main, 0x8e
    TRY
    int 0x21
    TRYEND
    CASE "gp: task gate"
    IDT_GATE 0x21, TSS_SEL, main, 0x85
    TRY
    int 0x21
    TRYEND
    CASE "np: gate"
    IDT_GATE 0x21, C64, main, 0x0e
    TRY
    int 0x21
    TRYEND
    CASE "gp: offset not canonical"
    IDT_GATE 0x21, C64, main, 0x8e
    mov dword [IDT + 0x21 * 16 + 8], 0x8000
    TRY
    int 0x21
    TRYEND
    mov dword [IDT + 0x21 * 16 + 8], 0
    CASE "stack aligned by delivery, SS and RSP always saved"
    IDT_GATE 0x21, C64, .frame, 0x8e
    mov rbp, rsp
    sub rsp, 5
    int 0x21
.frame:
    mov rax, rsp
    mov rdx, [rsp + 24]
    mov rcx, [rsp + 32]
    mov rsp, rbp
    sub rbp, rax
    SHOW "used", ebp
    and eax, 15
    SHOW "align", eax
    and edx, 15
    SHOW "rsp", edx
    SHOW "ss", ecx
    NEWLINE
    CASE "IST switches at the same level, frame at its top"
    IDT_GATE 0x21, C64, .ist, 0x8e
    mov byte [IDT + 0x21 * 16 + 4], 3
    mov qword [TSS + 0x24 + 16], SCRATCH + 0x1004
    mov rbp, rsp
    int 0x21
.ist:
    mov rax, rsp
    mov rsp, rbp
    SHOW "rsp", eax
    NEWLINE
    CASE "ss: IST not canonical"
    mov rax, NONCANONICAL
    mov [TSS + 0x24 + 16], rax
    TRY
    int 0x21
    TRYEND
    CASE "from level 3: new SS is null"
    IDT_GATE 0x21, C64, .level3, 0xee
    mov byte [IDT + 0x21 * 16 + 4], 0
    TRY3
    int 0x21
.level3:
    mov eax, ss
    mov ebx, [rsp + 32]
    mov ecx, [rsp + 8]
    SHOW "ss", eax
    SHOW "old ss", ebx
    SHOW "old cs", ecx
    TRYEND3
    EXIT

    align 8
.far_tss:
    dd main
    dw TSS_SEL
    IMAGE_END
