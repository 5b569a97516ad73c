; NMI: taken with IF 0, blocked until the next IRET and remembered once meanwhile, unblocked by any IRET (SDM vol. 3,
; 6.7 and 6.7.1). The local APIC sends them to the CPU itself, by physical destination (10.6.1).
; flat skip: needs the local APIC
; vmm: -cpu max
; qemu: -cpu max
; limited kvm skip: not tried there: what is shown is the order of NMI and IRET
%define MODE 32
%include "image.inc"
%include "protected.inc"

; An NMI to this CPU, and time for it to come.
%macro SEND_NMI 0
    mov dword [0xfee00310], 0
    mov dword [0xfee00300], 0x4400
    mov ecx, 1000
%%wait:
    pause
    loop %%wait
%endmacro

; Each entry: counts, notes the depth, and does what [plan] says.
handler:
    pushad
    inc dword [total]
    inc dword [depth]
    mov eax, [depth]
    cmp eax, [deepest]
    jbe .not_deeper
    mov [deepest], eax
.not_deeper:
    mov ecx, [plan]
    mov dword [plan], 0
    cmp ecx, 1
    je .twice
    cmp ecx, 2
    je .by_trap
    jmp .done
.twice:                                 ; two more while this one is served: one is remembered
    SEND_NMI
    SEND_NMI
    jmp .done
.by_trap:                               ; one more, and then an IRET of another handler
    SEND_NMI
    mov eax, [total]
    mov [before], eax
    int3
    times 4 nop
    mov eax, [total]
    mov [after], eax
.done:
    dec dword [depth]
    popad
    iretd

trap:
    iretd

%macro RUN 2+
    CASE %2
    mov dword [plan], %1
    mov dword [total], 0
    mov dword [depth], 0
    mov dword [deepest], 0
    SEND_NMI
    SHOW "taken", [total]
    SHOW "deepest", [deepest]
    NEWLINE
%endmacro

main:
    IDT_GATE 2, C32, handler, 0x8e
    IDT_GATE 3, C32, trap, 0x8e
    mov dword [0xfee000f0], 0x1ff
    cli
    RUN 0, "with IF 0:"
    RUN 1, "two more within the handler:"
    RUN 2, "one more, and an IRET within the handler:"
    CASE "before and after that IRET:"
    SHOW "taken", [before]
    SHOW "taken", [after]
    NEWLINE
    RUN 0, "and again:"
    EXIT

plan:    dd 0
total:   dd 0
depth:   dd 0
deepest: dd 0
before:  dd 0
after:   dd 0
    IMAGE_END
