; Interrupts and their shadows: STI, MOV SS and POP SS, POPF without one, HLT, repeated string instructions that are
; interrupted in the middle (SDM vol. 3, 6.8; vol. 2, STI, MOV, POP, REP).
; flat skip: needs the 8259A and the 8254
; limited kvm skip: short windows for interrupts are not seen there
; vmm: -cpu max
; qemu: -cpu max
%define MODE 32
%include "image.inc"
%include "protected.inc"

; The body runs with IRQ 0 waiting in the PIC and IF 0; shown is where it was taken.
%macro WHERE 1+
    CASE %1
    mov dword [try_start], %%start
    mov dword [taken], 0
    call arm
%%start:
%endmacro
%macro WHERE_END 0
    nop
    nop
    cli
    SHOW "taken", [taken]
    mov eax, [place]
    SHOW "at +", eax
    NEWLINE
    call drain
%endmacro

timer:
    push eax
    mov eax, [esp + 4]
    sub eax, [try_start]
    mov [place], eax
    inc dword [taken]
    mov al, 0x20
    out 0x20, al
    pop eax
    iretd

; One shot of the PIT; waits for the request to stand in the PIC.
arm:
    mov al, 0x30
    out 0x43, al
    mov al, 50
    out 0x40, al
    mov al, 0
    out 0x40, al
    mov al, 0x0a
    out 0x20, al
.wait:
    in al, 0x20
    test al, 1
    jz .wait
    ret

drain:
    sti
    nop
    nop
    cli
    mov dword [place], 0xffffffff
    ret

main:
    IDT_GATE 0x30, C32, timer, 0x8e
    mov dword [0xfee000f0], 0x1ff     ; local APIC, if there is one: the PIC comes in by LINT0
    mov dword [0xfee00350], 0x700
    mov al, 0x11
    out 0x20, al
    mov al, 0x30
    out 0x21, al
    mov al, 4
    out 0x21, al
    mov al, 1
    out 0x21, al
    mov al, 0xfe
    out 0x21, al
    call drain
    mov ebx, D32

    WHERE "sti:"
    sti
    nop
    WHERE_END
    WHERE "sti, cli:"
    sti
    cli
    WHERE_END
    WHERE "sti, sti:"
    sti
    sti
    WHERE_END
    WHERE "sti, mov ss:"
    sti
    mov ss, ebx
    nop
    WHERE_END
    WHERE "popfd:"
    push 0x202
    popfd
    WHERE_END
    WHERE "popfd of TF clear, mov ss ahead:"
    push 0x202
    mov ss, ebx
    popfd
    WHERE_END
    WHERE "iretd:"
    push 0x202
    push C32
    push .iret
    iretd
.iret:
    WHERE_END
    WHERE "sti, jump:"
    sti
    jmp .jump
    nop
.jump:
    nop
    WHERE_END
    WHERE "sti, hlt:"
    sti
    hlt
    WHERE_END
    WHERE "sti, push ss, pop ss:"
    sti
    push ss
    pop ss
    nop
    WHERE_END
    WHERE "sti, rep movsb of none:"
    xor ecx, ecx
    sti
    rep movsb
    nop
    WHERE_END
    WHERE "sti, int3 of a trap gate: in the handler at once"
    IDT_GATE 3, C32, .handler, 0x8f
    mov esi, esp
    mov dword [try_start], .handler
    sti
    int3
.handler:
    nop
    mov esp, esi
    WHERE_END

    CASE "hlt waits for the timer:"
    mov dword [taken], 0
    mov dword [try_start], .hlt
    mov al, 0x30
    out 0x43, al
    mov al, 0
    out 0x40, al
    mov al, 4
    out 0x40, al
    sti
.hlt:
    hlt
    cli
    SHOW "taken", [taken]
    SHOW "at +", [place]
    NEWLINE

    CASE "rep stosd in the middle:"
    IDT_GATE 0x30, C32, middle, 0x8e
    mov al, 0x34
    out 0x43, al
    mov al, 0x00
    out 0x40, al
    mov al, 2
    out 0x40, al
    mov dword [taken], 0
    mov ebp, 3000
    cld
    sti
.again:
    mov edi, 0x200000
    mov ecx, 0x100000
    mov eax, ebp
.rep:
    rep stosd
    cmp edi, 0x600000
    jne .wrong
    cmp [0x5ffffc], eax
    jne .wrong
    cmp dword [taken], 3
    jae .rep_good
    dec ebp
    jnz .again
.wrong:
    cli
    SAY " wrong"
.rep_good:
    cli
    SAY " good", 10
    CASE "rep movsb in the middle, downwards:"
    mov dword [taken], 0
    mov ebp, 3000
    mov dword [middle_base], 0x1fffff
    mov dword [middle_scale], 0
    mov dword [middle_place], .rep_movsb
    std
    sti
.again2:
    mov esi, 0x3fffff
    mov edi, 0x5fffff
    mov ecx, 0x200000
.rep_movsb:
    rep movsb
    cmp edi, 0x3fffff
    jne .wrong2
    cmp esi, 0x1fffff
    jne .wrong2
    cmp dword [taken], 3
    jae .good2
    dec ebp
    jnz .again2
.wrong2:
    cli
    cld
    SAY " wrong"
.good2:
    cli
    cld
    SAY " good", 10
    mov al, 0xff
    out 0x21, al
    EXIT

; Counts the interrupts at the repeated instruction whose registers agree.
middle:
    push eax
    push edx
    mov eax, [esp + 8]
    cmp eax, [middle_place]
    jne .out
    test ecx, ecx
    jz .out
    cmp dword [middle_scale], 0
    je .down
    lea edx, [edi + ecx * 4]
    cmp edx, 0x600000
    jne .out
    cmp ecx, 0x100000
    je .out
    inc dword [taken]
    jmp .out
.down:
    mov edx, esi
    sub edx, ecx
    cmp edx, [middle_base]
    jne .out
    mov edx, edi
    sub edx, esi
    cmp edx, 0x200000
    jne .out
    cmp ecx, 0x200000
    je .out
    inc dword [taken]
.out:
    mov al, 0x20
    out 0x20, al
    pop edx
    pop eax
    iretd

    align 4
taken:
    dd 0
place:
    dd 0xffffffff
middle_base:
    dd 0
middle_scale:
    dd 1
middle_place:
    dd main.rep
    IMAGE_END
