; Segment limits: byte and page granularity, expand-down, operands across the end, stacks, code limits, 16-bit
; wrap-around (SDM vol. 3, 5.3 and 3.4.5).
; qemu skip: its TCG does not check segment limits
%define MODE 32
%include "image.inc"
%include "protected.inc"

; Access of a size at an offset in ES.
%macro READ 3
    CASE %1
    TRY
    mov %2, [es:%3]
    TRYEND
    mov ecx, FREE
    mov es, ecx
%endmacro
%macro WRITE 3
    CASE %1
    TRY
    mov [es:%3], %2
    TRYEND
    mov ecx, FREE
    mov es, ecx
%endmacro
%macro ES_IS 4
    DESCRIPTOR FREE, %1, %2, %3, %4
    mov ecx, FREE
    mov es, ecx
%endmacro
main:
    ES_IS SCRATCH, 0xfff, 0x93, 4
    READ "byte: last", al, 0xfff
    READ "byte: beyond", al, 0x1000
    READ "dword: last", eax, 0xffc
    READ "dword: one too far", eax, 0xffd
    WRITE "dword write: one too far", eax, 0xffd
    READ "dword: wraps", eax, 0xffffffff
    READ "word: at the limit", ax, 0xfff
    CASE "movsd: second operand beyond"
    mov esi, SCRATCH
    mov edi, 0xff8
    mov ecx, 4
    cld
    TRY
    rep movsd
    TRYEND
    mov eax, FREE
    mov es, eax
    CASE "stosb downwards"
    mov edi, 2
    mov ecx, 5
    TRY
    std
    rep stosb
    TRYEND
    cld
    mov eax, FREE
    mov es, eax
    CASE "movups: across"
    mov eax, cr4
    or eax, 0x600
    mov cr4, eax
    TRY
    movups xmm0, [es:0xff8]
    TRYEND
    mov eax, FREE
    mov es, eax
    CASE "fxsave: across"
    TRY
    fxsave [es:0xf00]
    TRYEND
    mov eax, FREE
    mov es, eax
    CASE "lgdt: across"
    TRY
    lgdt [es:0xffb]
    TRYEND
    mov eax, FREE
    mov es, eax
    CASE "cmpxchg8b: across"
    TRY
    cmpxchg8b [es:0xffc]
    TRYEND
    mov eax, FREE
    mov es, eax
    CASE "bt with a bit offset beyond"
    mov eax, 0x8000
    TRY
    bt [es:0], eax
    TRYEND
    mov eax, FREE
    mov es, eax
    CASE "bt with a bit offset inside"
    mov eax, 0x7fff
    TRY
    bt [es:0], eax
    TRYEND

    ES_IS SCRATCH, 1, 0x93, 0xc
    READ "pages: last", al, 0x1fff
    READ "pages: beyond", al, 0x2000

    ES_IS SCRATCH, 0xfff, 0x97, 4
    READ "expand-down: the limit itself", al, 0xfff
    READ "expand-down: first", al, 0x1000
    READ "expand-down: dword first", eax, 0x1000
    READ "expand-down: dword across", eax, 0xffd
    READ "expand-down: 0", al, 0
    READ "expand-down 32 bit: above 64 KiB", al, 0x10000
    READ "expand-down 32 bit: dword wraps", eax, 0xfffffffe
    ES_IS SCRATCH, 0xfff, 0x97, 0
    READ "expand-down 16 bit: last", al, 0xffff
    READ "expand-down 16 bit: word across the top", ax, 0xffff
    READ "expand-down 16 bit: beyond", al, 0x10000
    ES_IS SCRATCH, 0, 0x97, 0xc
    READ "expand-down pages: the limit", al, 0xfff
    READ "expand-down pages: above", al, 0x1000

    DESCRIPTOR FREE, SCRATCH, 0xfff, 0x93, 4
    CASE "lss and push"
    TRY
    lss esp, [.ss_top]
    push eax
    mov ecx, D32
    mov ss, ecx
    TRYEND
    DESCRIPTOR FREE + 8, SCRATCH, 0xfff, 0xf3, 4
%macro STACK3_CASE 2+
    CASE %1
    TRY3
    mov ecx, FREE + 11
    mov ss, ecx
    mov esp, 0x800
    %2
    TRYEND3
%endmacro
    STACK3_CASE "ss: [ebp] beyond", mov eax, [ebp + 0x1000]
    STACK3_CASE "ss: push beyond", push dword [ss:esp + 0x7fd]
    CASE "ss: push at 2"
    TRY3
    mov ecx, FREE + 11
    mov ss, ecx
    mov esp, 2
    push eax
    TRYEND3
    CASE "push word at 2"
    TRY3
    mov ecx, FREE + 11
    mov ss, ecx
    mov esp, 2
    push ax
    TRYEND3
    CASE "ss: pop at the end"
    TRY3
    mov ecx, FREE + 11
    mov ss, ecx
    mov esp, 0xffe
    pop eax
    TRYEND3
    CASE "ss: call without room"
    TRY3
    mov ecx, FREE + 11
    mov ss, ecx
    mov esp, 0
    call $ + 5
    TRYEND3
    CASE "ss: enter without room"
    TRY3
    mov ecx, FREE + 11
    mov ss, ecx
    mov esp, 0x10
    enter 0, 8
    TRYEND3
    CASE "ss: pusha without room"
    TRY3
    mov ecx, FREE + 11
    mov ss, ecx
    mov esp, 0x1c
    pusha
    TRYEND3
    CASE "ss: leave outside"
    TRY3
    mov ecx, FREE + 11
    mov ss, ecx
    mov ebp, 0x2000
    leave
    TRYEND3
    DESCRIPTOR FREE + 8, SCRATCH, 0xffff, 0xf3, 0
    CASE "16-bit stack: sp wraps, upper half of esp kept"
    TRY3
    mov ecx, FREE + 11
    mov ss, ecx
    mov esp, 0x12340004
    push eax
    push dword 0x11223344
    mov [SCRATCH + 0x20000], esp
    TRYEND3
    SHOW "esp", [SCRATCH + 0x20000]
    SHOW "fffc", [SCRATCH + 0xfffc]
    NEWLINE

    ; code
    DESCRIPTOR FREE, 0, .code_end - $$ - 1, 0x9b, 4
    CASE "gp: jump beyond the limit of CS"
    TRY
    jmp FREE:.in_small
.in_small:
    jmp near .after_end
    TRYEND
    CASE "gp: far jump beyond the limit"
    TRY
    jmp FREE:.after_end
    TRYEND
    CASE "gp: execution runs over the limit"
    mov eax, 0
    TRY
    jmp FREE:.last
    TRYEND
    jmp .go_on
    align 16
.last:
    nop
    nop
.code_end:
.after_end:
    nop
    call report_none
.go_on:
    CASE "gp: instruction across the limit"
    DESCRIPTOR FREE, 0, .across - $$ + 2, 0x9b, 4
    TRY
    jmp FREE:.across
.across:
    mov eax, 0x12345678
    TRYEND
    EXIT

    align 4
.ss_top:
    dd 0x1000
    dw FREE
    IMAGE_END
