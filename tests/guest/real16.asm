; Real mode: exceptions by the IVT, segment limits, "big real mode", the IVT moved and cut by LIDT, the A20 line,
; wrap-around, protected-mode instructions (SDM vol. 3, 20.1).
; flat skip: needs the A20 gate
; vmm: -cpu max
; qemu: -cpu max
%include "image.inc"

%macro SAY 1+
    push si
    mov si, %%text
    call puts
    pop si
    jmp %%over
%%text:
    db %1, 0
%%over:
%endmacro
%macro SHOW 2
    push eax
    mov eax, %2
    SAY " ", %1, "="
    call hex8
    pop eax
%endmacro
%macro NEWLINE 0
    SAY 10
%endmacro
%macro TRY 1+
    %push try
    SAY %1
    mov word [cs:resume], %$end
    mov [cs:saved_sp], sp
    mov word [cs:start], %$start
%$start:
%endmacro
%macro TRYEND 0
    call none
%$end:
    %pop
%endmacro

start16:
    mov di, 0
    mov cx, 32
    mov ax, stubs
.vector:
    stosw
    mov word [di], 0
    add di, 2
    add ax, 3
    loop .vector
    TRY "div by zero:"
    xor cl, cl
    div cl
    TRYEND
    TRY "into:"
    mov al, 0x7f
    inc al
    into
    TRYEND
    TRY "bound:"
    xor ax, ax
    bound ax, [.bounds]
    TRYEND
    TRY "int3:"
    int3
    TRYEND
    TRY "ud2:"
    ud2
    TRYEND
    TRY "word at FFFFh:"
    mov ax, [0xffff]
    TRYEND
    TRY "dword at FFFDh:"
    mov eax, [0xfffd]
    TRYEND
    TRY "byte at FFFFh:"
    mov al, [0xffff]
    TRYEND
    TRY "32-bit address beyond:"
    mov ebx, 0x10000
    mov al, [ebx]
    TRYEND
    TRY "[bp] at FFFFh:"
    mov bp, 0xffff
    mov ax, [bp]
    TRYEND
    mov ax, 0x1000
    mov es, ax
    mov byte [es:0], 0xc3             ; RET, if the limit is not seen
    TRY "jump beyond 64 KiB:"
    mov ebx, 0x10000
    push word .back
    jmp ebx
.back:
    TRYEND
    TRY "16-bit address wraps:"
    mov bx, 0xfff0
    mov al, [bx + 0x20]
    TRYEND
    TRY "lldt:"
    lldt ax
    TRYEND
    TRY "str:"
    str ax
    TRYEND
    TRY "verr:"
    verr ax
    TRYEND
    TRY "arpl:"
    db 0x63, 0xc0
    TRYEND
    TRY "lar:"
    lar ax, ax
    TRYEND
    TRY "sgdt, smsw, clts, mov cr0:"
    sgdt [.scratch]
    smsw ax
    clts
    mov eax, cr0
    TRYEND
    TRY "mov ss of anything:"
    mov ax, 0xffff
    mov ss, ax
    xor ax, ax
    mov ss, ax
    TRYEND
    TRY "push and pop of IOPL and NT:"
    push word 0x7002
    popf
    pushf
    pop word [.scratch]
    push word 2
    popf
    TRYEND
    SHOW "  flags", [.scratch]
    NEWLINE
    TRY "cut IVT, int 21h:"
    lidt [.short_ivt]
    int 0x21
    TRYEND
    lidt [.full_ivt]
    TRY "IVT at 600h:"
    lidt [.moved_ivt]
    mov word [0x600 + 0x40 * 4], stubs + 0x10 * 3
    mov word [0x602 + 0x40 * 4], 0
    int 0x40
    TRYEND
    lidt [.full_ivt]
    SAY "frame of an int:"
    mov word [0x21 * 4], .frame
    mov word [0x21 * 4 + 2], 0
    push word 0x0302
    popf
    int 0x21
.after:
.frame:
    mov bp, sp
    movzx ebx, word [bp]
    sub bx, .after
    SHOW "ip +", ebx
    movzx ebx, word [bp + 4]
    SHOW "flags", ebx
    pushf
    pop bx
    and ebx, 0x300
    SHOW "now", ebx
    NEWLINE
    mov sp, 0xf00
    cli

    ; A20
    call a20_off
    mov ax, 0xffff
    mov es, ax
    mov dword [0x7f0], 0x12345678
    SAY "A20 off:"
    SHOW "FFFF:0800", [es:0x800]
    NEWLINE
    call a20_on
    mov dword [es:0x800], 0x9abcdef0
    SAY "A20 on:"
    SHOW "FFFF:0800", [es:0x800]
    SHOW "0000:07F0", [0x7f0]
    NEWLINE
    call a20_off
    SAY "A20 off again:"
    SHOW "FFFF:0800", [es:0x800]
    NEWLINE
    call a20_on

    ; big real mode
    lgdt [.gdt_pointer]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    mov bx, 8
    mov ds, bx
    mov es, bx
    and al, ~1
    mov cr0, eax
    xor ax, ax
    mov ds, ax
    mov es, ax
    TRY "big real mode:"
    mov ebx, 0x100000
    mov dword [ebx], 0x55aa55aa
    mov eax, [ebx]
    mov [.scratch], eax
    mov esi, 0x100000
    mov edi, 0x100100
    mov ecx, 1
    a32 rep movsd
    mov ebx, 0x100100
    mov eax, [ebx]
    mov [.scratch + 4], eax
    TRYEND
    SHOW "  read", [.scratch]
    SHOW "copied", [.scratch + 4]
    NEWLINE
    TRY "a new selector keeps the limit:"
    mov ax, 0x1000
    mov ds, ax
    mov ebx, 0xf0000
    mov eax, [ebx]
    mov [cs:.scratch], eax
    xor ax, ax
    mov ds, ax
    TRYEND
    SHOW "  read", [.scratch]
    NEWLINE
    TRY "but not that of ss:"
    mov ebp, 0x100000
    mov al, [ebp]
    TRYEND
    mov al, 0
    out 0xf4, al
    cli
    hlt

    align 4
.bounds:
    dw 1, 2
.scratch:
    dd 0, 0
.short_ivt:
    dw 0x21 * 4 + 2
    dd 0
.full_ivt:
    dw 0x3ff
    dd 0
.moved_ivt:
    dw 0x3ff
    dd 0x600
.gdt_pointer:
    dw 15
    dd .gdt
.gdt:
    dq 0
    dq 0x00cf93000000ffff

stubs:
    times 32 call report
report:
    pop ax
    sub ax, stubs + 3
    mov cl, 3
    div cl
    xor cx, cx
    mov ds, cx
    mov es, cx
    movzx eax, al
    mov bp, sp
    SAY " vector"
    SHOW "", eax
    movzx eax, word [bp]
    sub ax, [start]
    SHOW "+", eax
    NEWLINE
    xor ax, ax
    mov ss, ax
    mov sp, [saved_sp]
    jmp [resume]
; Both gates, that of port 92h and that of the keyboard controller: the line is open if either is.
a20_off:
    mov al, 0xdd
    out 0x64, al
    in al, 0x92
    and al, ~2
    out 0x92, al
    jmp keyboard_wait
a20_on:
    mov al, 0xdf
    out 0x64, al
    in al, 0x92
    or al, 2
    out 0x92, al
keyboard_wait:
    in al, 0x64
    test al, 2
    jnz keyboard_wait
    ret
none:
    SAY " none", 10
    ret
puts:
    push ax
    push si
.again:
    mov al, [cs:si]
    inc si
    test al, al
    jz .done
    out 0xe9, al
    jmp .again
.done:
    pop si
    pop ax
    ret
hex8:
    push ecx
    push bx
    mov ecx, 8
.digit:
    rol eax, 4
    mov bx, ax
    and bx, 15
    push ax
    mov al, [cs:bx + digits]
    out 0xe9, al
    pop ax
    loop .digit
    pop bx
    pop ecx
    ret
digits:
    db "0123456789abcdef"
    align 2
resume:
    dw 0
start:
    dw 0
saved_sp:
    dw 0
    IMAGE_END
