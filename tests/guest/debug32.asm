; Single step, hardware breakpoints, RF, GD, DR6, the POP SS and MOV SS shadows (SDM vol. 3, 17.2 and 17.3).
; limited kvm skip: breakpoints that a guest arms on KVM are met from its next exit on
; vmm: -cpu max
; qemu: -cpu max
%define MODE 32
%include "image.inc"
%include "protected.inc"

%macro DR_SET 3                       ; number, address, bits of DR7
    mov eax, %2
    mov dr %+ %1, eax
    mov eax, (%3) | 0x400
    mov dr7, eax
%endmacro
%macro DR6 0
    mov eax, dr6
    SHOW "  dr6", eax
    xor eax, eax
    mov dr6, eax
    NEWLINE
%endmacro

; Counts and lists single steps: the handler prints offset, DR6's low half and the saved RF.
%macro STEPS 1
    CASE %1
    mov dword [try_start], %%start
    push 0x102
    popfd
%%start:
%endmacro
%macro STEPS_END 0
    push 2
    popfd
    NEWLINE
%endmacro

step:
    push eax
    push ebp
    lea ebp, [esp + 8]
    mov eax, [ebp]
    sub eax, [cs:try_start]
    SAY " +"
    call hex2
    mov eax, dr6
    SAY ":"
    call hex4
    test dword [ebp + 8], 0x10000
    jz .no_rf
    SAY "R"
.no_rf:
    test al, 15
    jz .no_breakpoint
    or dword [ebp + 8], 0x10000       ; RF: an instruction breakpoint does not set it by itself
.no_breakpoint:
    mov eax, 0xffff0ff0
    mov dr6, eax
    pop ebp
    pop eax
    iretd

int22:
    nop
    iretd

main:
    IDT_GATE 0x22, C32, int22, 0x8e
    mov eax, 0xffff0ff0
    mov dr6, eax
    IDT_GATE 1, C32, step, 0x8e
    STEPS "steps:"
    nop
    mov eax, 1
    jmp short .over
    nop
.over:
    call .sub
    STEPS_END
    STEPS "rep movsb is a step for each element:"
    mov esi, SCRATCH
    mov edi, SCRATCH + 0x100
    mov ecx, 3
    rep movsb
    STEPS_END
    STEPS "mov ss holds one step back:"
    mov eax, D32
    mov ss, eax
    nop
    nop
    STEPS_END
    STEPS "pop ss too:"
    push ss
    pop ss
    nop
    STEPS_END
    STEPS "int clears TF, iret brings it back:"
    int 0x22
    nop
    STEPS_END
    STEPS "pushf pushes TF:"
    pushfd
    pop edx
    STEPS_END
    SHOW "  pushed", edx
    NEWLINE
    CASE "fault under TF: the fault only"
    mov dword [try_start], .fault
    mov dword [try_resume], .fault_end
    mov [try_sp], esp
    push 0x102
    popfd
.fault:
    ud2
.fault_end:
    DR6
    CASE "iretd with TF: one instruction first:"
    mov dword [try_start], .iret_tf
    push 0x102
    push C32
    push .iret_tf
    iretd
.iret_tf:
    nop
    nop
    STEPS_END

    CASE "execution breakpoint: a fault without RF in the image"
    mov dword [try_start], .bp1 - 5
    DR_SET 0, .bp1, 2
    mov ebx, 5
.bp1:
    nop
    NEWLINE
    CASE "RF in the image of iret lets it pass:"
    push 0x10002
    push C32
    push .bp1b
    DR_SET 0, .bp1b, 2
    iretd
.bp1b:
    nop
    NEWLINE
    xor eax, eax
    mov dr7, eax
    IDT_GATE 1, C32, stubs + 5, 0x8e
    CASE "execution breakpoint and what #DB reports"
    DR_SET 1, .bp2, 8
    TRY
    nop
.bp2:
    inc eax
    TRYEND
    DR6
    CASE "write breakpoint, dword: a trap"
    DR_SET 2, SCRATCH, 0x20 | (0xd << 24)
    TRY
    mov eax, [SCRATCH]
    mov [SCRATCH + 3], al
    nop
    TRYEND
    DR6
    CASE "write breakpoint: not beside it"
    DR_SET 2, SCRATCH, 0x20 | (0xd << 24)
    TRY
    mov [SCRATCH + 4], eax
    mov [SCRATCH - 4], eax
    TRYEND
    DR6
    CASE "write breakpoint: an access that overlaps from below"
    DR_SET 2, SCRATCH, 0x20 | (1 << 24)
    TRY
    mov [SCRATCH - 3], eax
    TRYEND
    DR6
    CASE "read and write breakpoint, word"
    DR_SET 3, SCRATCH + 2, 0x80 | (7 << 28)
    TRY
    mov al, [SCRATCH + 1]
    mov al, [SCRATCH + 3]
    TRYEND
    DR6
    CASE "breakpoint in a rep movsb: after the element"
    DR_SET 3, SCRATCH + 0x102, 0x80 | (1 << 28)
    mov esi, SCRATCH
    mov edi, SCRATCH + 0x100
    mov ecx, 6
    mov dword [SCRATCH + 0x200], 0
    TRY
    rep movsb
    TRYEND
    DR6
    CASE "breakpoint on a push"
    DR_SET 0, STACK0 - 4, 2 | (0xd << 16)
    TRY
    push eax
    nop
    TRYEND
    DR6
    CASE "two matches at once, one not enabled"
    mov eax, SCRATCH
    mov dr1, eax
    mov dr2, eax
    DR_SET 0, SCRATCH, 2 | (1 << 16) | (1 << 20) | 8 | (1 << 24)
    TRY
    mov [SCRATCH], al
    TRYEND
    mov eax, dr6
    and eax, 0x4003
    SHOW "  dr6", eax
    xor eax, eax
    mov dr6, eax
    NEWLINE
    CASE "I/O breakpoint with CR4.DE"
    mov eax, cr4
    or eax, 8
    mov cr4, eax
    DR_SET 0, 0x80, 2 | (2 << 16)
    TRY
    out 0x81, al
    out 0x80, al
    TRYEND
    DR6
    CASE "mov ss holds a data breakpoint back"
    mov dword [SCRATCH], D32
    DR_SET 0, SCRATCH, 2 | (3 << 16)
    TRY
    mov ss, [SCRATCH]
    nop
    nop
    TRYEND
    DR6
    CASE "GD: mov from dr0"
    mov eax, 0x2400
    mov dr7, eax
    TRY
    mov eax, dr0
    TRYEND
    DR6
    CASE "ud: mov dr5 with DE"
    TRY
    mov eax, dr5
    TRYEND
    mov eax, cr4
    and eax, ~8
    mov cr4, eax
    CASE "dr4 and dr5 are dr6 and dr7 without DE:"
    mov eax, 0x0401
    mov dr7, eax
    mov eax, dr5
    SHOW "dr5", eax
    mov eax, dr4
    SHOW "dr4", eax
    xor eax, eax
    mov dr7, eax
    mov eax, dr7
    SHOW "dr7", eax
    mov eax, 0xffffffff
    mov dr6, eax
    mov eax, dr6
    SHOW "dr6", eax
    NEWLINE
    xor eax, eax
    mov dr6, eax
    CASE "icebp leaves DR6"
    TRY
    db 0xf1
    TRYEND
    DR6
    CASE "saved RF of a fault"
    IDT_GATE 6, C32, .rf, 0x8e
    ud2
.rf:
    mov edi, esp
    mov eax, [edi + 8]
    and eax, 0x10000
    SHOW "", eax
    mov esp, STACK0
    CASE "; of a trap"
    IDT_GATE 3, C32, .rf3, 0x8e
    int3
.rf3:
    mov edi, esp
    mov eax, [edi + 8]
    and eax, 0x10000
    SHOW "", eax
    mov esp, STACK0
    NEWLINE
    EXIT
.sub:
    ret
    IMAGE_END
