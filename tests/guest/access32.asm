; Instructions of every sort on memory that is no memory (the planes of the VGA, set up so that they read as they were
; written) and on ports; single step over them; MSRs that are not there; a time stamp counter that never goes back.
; What an engine that leaves the CPU for each such access must do: complete it, and then trap, go on or go back.
; flat skip: needs the VGA
%define MODE 32
%include "image.inc"
%include "protected.inc"

%define VGA 0xa0000
%define AT  (VGA + 0x100)

%macro OUTW 2                             ; port, value: index in the low byte
    mov dx, %1
    mov ax, %2
    out dx, ax
%endmacro

; The first 16 bytes there.
%macro DUMP 0
    call dump
%endmacro

main:
    mov dx, 0xcf8
    mov eax, 0x80001004                   ; the VGA's PCI command
    out dx, eax
    mov dx, 0xcfc
    mov ax, 3
    out dx, ax
    mov dx, 0x3c2
    mov al, 0x67                          ; memory on
    out dx, al
    OUTW 0x3c4, 0x0604                    ; planes, odd and even addresses alike
    OUTW 0x3c4, 0x0f02                    ; all planes written
    OUTW 0x3ce, 0x0001                    ; no set/reset
    OUTW 0x3ce, 0x0003                    ; no rotation, no function
    OUTW 0x3ce, 0x0004                    ; plane 0 read
    OUTW 0x3ce, 0x0005                    ; write mode 0, read mode 0
    OUTW 0x3ce, 0x0506                    ; graphics, at A0000h
    OUTW 0x3ce, 0xff08                    ; all bits
    mov edi, VGA
    mov ecx, 0x1000
    xor eax, eax
    rep stosd

    CASE "mov, 1, 2 and 4 bytes, unaligned:"
    mov byte [AT], 0x11
    mov word [AT + 1], 0x3322
    mov dword [AT + 3], 0x77665544
    movzx eax, word [AT + 2]
    SHOW "movzx", eax
    mov byte [AT + 9], 0x80
    movsx eax, byte [AT + 9]
    SHOW "movsx", eax
    DUMP
    CASE "read, change and write:"
    add dword [AT], 0x01010101
    inc word [AT + 4]
    not byte [AT + 6]
    neg dword [AT + 8]
    rol word [AT + 1], 4
    lock xor dword [AT + 3], 0x0f0f0f0f
    bts dword [AT], 77
    lock btr word [AT + 2], 3
    setc [AT + 15]
    DUMP
    CASE "xchg, cmpxchg, xadd, cmpxchg8b:"
    mov eax, 0x12345678
    xchg eax, [AT]
    SHOW "old", eax
    mov eax, 0x12345678
    mov ebx, 0xa5a5a5a5
    lock cmpxchg [AT], ebx
    SHOW "old", eax
    cmpxchg [AT + 4], ebx                 ; not equal
    SHOW "seen", eax
    mov ebx, 3
    lock xadd [AT], ebx
    SHOW "old", ebx
    mov eax, [AT + 8]
    mov edx, [AT + 12]
    mov ebx, 0x89abcdef
    mov ecx, 0x01234567
    lock cmpxchg8b [AT + 8]
    DUMP
    CASE "push and pop, the operand there and the stack there:"
    push dword [AT]
    pop dword [AT + 4]
    push word [AT + 8]
    pop word [AT]
    mov ebx, esp
    mov esp, AT + 16
    push 0x600dc0de
    call .callee
.callee:
    pop eax
    sub eax, .callee
    mov esp, ebx
    SHOW "called", eax
    mov dword [AT + 8], 0
    DUMP
    CASE "single step over a store there"
    TRY
    pushfd
    or dword [esp], 0x100
    popfd
    mov dword [AT], 0x51515151
    TRYEND
    SHOW "stored", [AT]
    NEWLINE
    CASE "x87, MMX and SSE operands:"
    mov eax, cr4
    or eax, 0x600
    mov cr4, eax
    fninit
    fld1
    fst qword [AT]
    fldpi
    fstp dword [AT + 8]
    fiadd word [AT + 6]
    fistp dword [AT + 12]
    DUMP
    movups xmm0, [AT]
    movdqu [AT + 1], xmm0
    movq mm0, [AT]
    movq [AT + 8], mm0
    emms
    fxsave [VGA + 0x200]
    mov eax, [VGA + 0x200]
    SHOW "fcw and fsw", eax
    DUMP
    CASE "string instructions, both ways, overlapping:"
    mov edi, AT
    mov ecx, 16
    mov al, 0xa0
.fill:
    stosb
    inc al
    loop .fill
    mov esi, AT
    mov edi, AT + 3
    mov ecx, 6
    rep movsb
    std
    mov esi, AT + 12
    mov edi, AT + 14
    mov ecx, 3
    rep movsw
    cld
    mov edi, AT
    mov ecx, 100
    mov al, 0xa1
    repne scasb
    SHOW "left", ecx
    mov esi, AT
    mov edi, .pattern
    mov ecx, 8
    repe cmpsb
    SHOW "left", ecx
    DUMP
    CASE "from there to memory over the end of a page:"
    mov esi, AT
    mov edi, SCRATCH + 0xffb
    mov ecx, 4
    rep movsd
    SHOW "before", [SCRATCH + 0xffc]
    SHOW "across", [SCRATCH + 0xfff]
    NEWLINE
    CASE "outs and ins, up and down:"
    mov dx, 0x3c8
    xor al, al
    out dx, al
    inc edx
    mov edi, SCRATCH
    mov ecx, 300
.colours:
    mov eax, ecx
    and al, 0x3f
    stosb
    loop .colours
    mov esi, SCRATCH
    mov ecx, 150
    rep outsb
    std
    mov esi, SCRATCH + 299
    mov ecx, 150
    rep outsb
    mov dx, 0x3c7
    xor al, al
    out dx, al
    add edx, 2
    mov edi, SCRATCH + 0x1000 + 150
    mov ecx, 151
    rep insb
    cld
    mov edi, SCRATCH + 0x1fb0
    mov ecx, 149
    rep insb
    SHOW "first", [SCRATCH + 0x1000 + 147]
    SHOW "151st", [SCRATCH + 0x1000]
    SHOW "last", [SCRATCH + 0x1fb0 + 145]
    SHOW "esi", esi
    SHOW "edi", edi
    NEWLINE

    ; Each instruction traps once, with its access complete, a repeated one after each turn.
    CASE "single step over a load from there"
    TRY
    pushfd
    or dword [esp], 0x100
    popfd
    mov ebp, [AT]
    TRYEND
    SHOW "loaded", ebp
    NEWLINE
    CASE "single step over out"
    mov dx, 0x3c8
    mov al, 7
    TRY
    pushfd
    or dword [esp], 0x100
    popfd
    out dx, al
    TRYEND
    in al, dx
    movzx eax, al
    SHOW "there", eax
    NEWLINE
    CASE "single step over in"
    xor eax, eax
    TRY
    pushfd
    or dword [esp], 0x100
    popfd
    in al, dx
    TRYEND
    CASE "single step over rep stosb there"
    mov edi, AT
    mov ecx, 5
    mov al, 0x33
    TRY
    pushfd
    or dword [esp], 0x100
    popfd
    rep stosb
    TRYEND
    DUMP

    CASE "rdmsr that is not there"
    mov ecx, 0x12345
    TRY
    rdmsr
    TRYEND
    CASE "wrmsr that is not there"
    mov ecx, 0x12345
    TRY
    wrmsr
    TRYEND
    CASE "wrmsr of a bad value"
    mov ecx, 0xc0000080
    mov eax, 0xffffffff
    mov edx, eax
    TRY
    wrmsr
    TRYEND
    CASE "sysenter_eip keeps"
    mov ecx, 0x176
    mov eax, 0x13572468
    xor edx, edx
    wrmsr
    xor eax, eax
    rdmsr
    SHOW "value", eax
    NEWLINE
    CASE "the time stamp counter goes back:"
    mov ebp, 3000
    xor ebx, ebx                          ; times
    rdtsc
    mov esi, eax
    mov edi, edx
.clock:
    test ebp, 15
    jnz .no_x87
    fninit                                ; what an emulator may not know
    fld1
    fstp st0
.no_x87:
    mov ecx, 20
.wait:
    loop .wait
    in al, 0x61                           ; and a device
    rdtsc
    cmp edx, edi
    ja .forward
    jb .back
    cmp eax, esi
    jae .forward
.back:
    inc ebx
.forward:
    mov esi, eax
    mov edi, edx
    dec ebp
    jnz .clock
    SHOW "times", ebx
    NEWLINE
    EXIT

.pattern:
    db 0xa0, 0xa1, 0xa2, 0xa0, 0xa1, 0xff, 0, 0

dump:
    pushad
    mov esi, AT
    mov ecx, 4
.next:
    mov eax, [esi]
    SHOW "", eax
    add esi, 4
    loop .next
    NEWLINE
    popad
    ret
    IMAGE_END
