; Transfers between privilege levels: interrupt and trap gates, call gates with stack switch and parameters, RETF
; with a count, IRET forms, task switches by JMP, CALL, INT, IRET and a task gate (SDM vol. 3, 5.8, 6.12, 7.3).
; vmm: -cpu max
; qemu: -cpu max
%define MODE 32
%include "image.inc"
%include "protected.inc"

%define GATE (FREE + 3)
%define TASK2 (FREE + 0x10)
%define TASK3 (FREE + 0x30)
%define TASK_GATE (FREE + 0x18)
%define CODE_CONFORMING (FREE + 0x20)
%define LDT_SEL (FREE + 0x28)
%define TSS2 (TSS + 0x1000)

%macro SHOW_FLAGS 0
    pushfd
    pop eax
    and eax, 0x00077f00
    SHOW "flags", eax
%endmacro

main:
    ; interrupt gates from level 3
    CASE "int gate from level 3:"
    IDT_GATE 0x21, C32, .int_gate, 0xee
    TRY3 0x3202
    mov ebx, 0x1234
    int 0x21
    mov eax, cs
    SHOW "back at cs", eax
    TRYEND3
    jmp .trap_case
.int_gate:
    mov edi, esp
    SHOW_FLAGS
    mov eax, ss
    SHOW "ss", eax
    SHOW "esp", edi
    SHOW "cs", [edi + 4]
    SHOW "old flags", [edi + 8]
    SHOW "old esp", [edi + 12]
    SHOW "old ss", [edi + 16]
    SHOW "ebx", ebx
    iretd
.trap_case:
    CASE "trap gate keeps IF, clears TF, NT, RF, VM:"
    IDT_GATE 0x21, C32, .trap_gate, 0xef
    TRY3 0x7202
    int 0x21
    TRYEND3
    jmp .conforming_case
.trap_gate:
    mov edi, esp
    SHOW_FLAGS
    SHOW "old flags", [edi + 8]
    iretd
.conforming_case:
    CASE "gate to conforming code: level and stack stay:"
    DESCRIPTOR CODE_CONFORMING, 0, 0xfffff, 0x9f, 0xc
    IDT_GATE 0x21, CODE_CONFORMING, .conforming, 0xee
    TRY3
    int 0x21
    TRYEND3
    jmp .gate16_case
.conforming:
    mov edi, esp
    mov eax, cs
    SHOW "cs", eax
    SHOW "esp", edi
    iretd
.gate16_case:
    CASE "16-bit int gate pushes words:"
    IDT_GATE 0x21, C32, .gate16, 0xe6
    mov ebp, esp
    int 0x21
    mov edi, 0
    NEWLINE
    jmp .call_gate_cases
.gate16:
    mov eax, ebp
    sub eax, esp
    SHOW "used", eax
    o16 iret

.call_gate_cases:
    CASE "call gate with 2 parameters and stack switch:"
    CALL_GATE GATE, C32, .callee, 0xec, 2
    TRY3
    push 0x11111111
    push 0x22222222
    call GATE:0xdeadbeef
.after_call:
    mov eax, esp
    SHOW "esp after", eax
    TRYEND3
    jmp .no_parameters
.callee:
    mov edi, esp
    mov eax, cs
    SHOW "cs", eax
    SHOW "esp", edi
    mov eax, [edi]
    sub eax, .after_call
    SHOW "return +", eax
    SHOW "cs", [edi + 4]
    SHOW "p1", [edi + 8]
    SHOW "p2", [edi + 12]
    SHOW "esp", [edi + 16]
    SHOW "ss", [edi + 20]
    retf 8
.no_parameters:
    CASE "call gate at the same level pushes no stack:"
    CALL_GATE GATE, C32, .same_level, 0xec, 2
    mov ebp, esp
    call (GATE & ~3):0
    NEWLINE
    jmp .jump_gate
.same_level:
    mov eax, ebp
    sub eax, esp
    SHOW "used", eax
    retf
.jump_gate:
    CASE "jump by a call gate, level 0:"
    CALL_GATE GATE, C32, .jumped, 0xec, 0
    TRY
    jmp (GATE & ~3):0
    TRYEND
.jumped:
    call report_none
    CASE "gp: jump by a call gate to a more privileged level"
    TRY3
    jmp GATE:0
    TRYEND3
    CASE "gp: call gate of level 0 from level 3"
    CALL_GATE GATE, C32, .jumped, 0x8c, 0
    TRY3
    call GATE:0
    TRYEND3
    CASE "np: call gate not present"
    CALL_GATE GATE, C32, .jumped, 0x6c, 0
    TRY3
    call GATE:0
    TRYEND3
    CASE "gp: call gate to null"
    CALL_GATE GATE, 0, .jumped, 0xec, 0
    TRY3
    call GATE:0
    TRYEND3
    CASE "gp: call gate to data"
    CALL_GATE GATE, D32, .jumped, 0xec, 0
    TRY3
    call GATE:0
    TRYEND3
    CASE "16-bit call gate with a parameter:"
    CALL_GATE GATE, C32, .callee16, 0xe4, 1
    TRY3
    push word 0x4321
    call GATE:0
    SHOW "esp after", esp
    TRYEND3
    jmp .retf_cases
.callee16:
    mov edi, esp
    SHOW "esp", edi
    movzx eax, word [edi + 2]
    SHOW "cs", eax
    movzx eax, word [edi + 4]
    SHOW "parameter", eax
    movzx eax, word [edi + 6]
    SHOW "sp", eax
    o16 retf 2

.retf_cases:
    CASE "retf to level 3 clears DS of level 0:"
    mov [try_sp], esp
    mov dword [try_resume], .retf_done
    mov eax, UD
    mov es, eax
    mov eax, CODE_CONFORMING
    mov fs, eax
    push UD
    push STACK3
    push U32
    push .level3
    retf
.level3:
    mov eax, ds
    mov ebx, UD
    mov ds, ebx
    mov [SCRATCH], eax
    mov [SCRATCH + 4], es
    mov [SCRATCH + 8], fs
    int 0xff
.retf_done:
    SHOW " ds", [SCRATCH]
    SHOW "es", [SCRATCH + 4]
    SHOW "fs", [SCRATCH + 8]
    NEWLINE
    CASE "gp: retf to a lower level"
    TRY3
    push C32
    push main
    retf
    TRYEND3
    CASE "gp: retf to null"
    TRY
    push 0
    push main
    retf
    TRYEND
    CASE "gp: iret to level 3 with SS of level 0"
    TRY
    push D32
    push STACK3
    push 2
    push U32
    push main
    iretd
    TRYEND
    CASE "gp: iret to data"
    TRY
    push 2
    push D32
    push main
    iretd
    TRYEND
    CASE "np: iret to code not present"
    DESCRIPTOR FREE + 8, 0, 0xfffff, 0x1b, 0xc
    TRY
    push 2
    push FREE + 8
    push main
    iretd
    TRYEND
    CASE "iret at 3 cannot change IOPL and IF:"
    TRY3 0x202
    push 0x3002
    push U32
    push .i3
    iretd
.i3:
    pushfd
    pop dword [SCRATCH]
    TRYEND3
    SHOW " flags", [SCRATCH]
    NEWLINE
    CASE "iret at 0 loads them, and ID, AC:"
    push 0x243202
    push C32
    push .i0
    iretd
.i0:
    pushfd
    pop eax
    push 2
    popfd
    SHOW "flags", eax
    NEWLINE
    CASE "16-bit iret keeps the upper half of EFLAGS:"
    push 0x240002
    popfd
    push word 0x3002
    push word C32
    push word .i16
    o16 iret
.i16:
    pushfd
    pop eax
    push 2
    popfd
    SHOW "flags", eax
    NEWLINE

    ; tasks
    CASE "call of a TSS and iret:"
    call .new_task
    TRY
    call TASK2:0
.back:
    str eax
    SHOW "tr", eax
    mov eax, cr0
    and eax, 8
    SHOW "TS", eax
    SHOW_FLAGS
    movzx eax, byte [gdt + TSS_SEL + 5]
    SHOW "type1", eax
    movzx eax, byte [gdt + (TASK2 & ~7) + 5]
    SHOW "type2", eax
    mov eax, [TSS2 + 32]
    sub eax, .task_again
    SHOW "saved eip +", eax
    TRYEND
    jmp .jump_task
.task:
    str eax
    SHOW "tr", eax
    SHOW "link", [TSS2]
    SHOW "ebx", ebx
    SHOW "ebp", ebp
    mov edi, esp
    SHOW "esp", edi
    mov eax, fs
    SHOW "fs", eax
    sldt eax
    SHOW "ldt", eax
    SHOW_FLAGS
    movzx eax, byte [gdt + TSS_SEL + 5]
    SHOW "type1", eax
    movzx eax, byte [gdt + (TASK2 & ~7) + 5]
    SHOW "type2", eax
    mov eax, [TSS + 32]
    sub eax, .back
    SHOW "saved eip +", eax
    iretd
.task_again:
    ud2
.jump_task:
    CASE "jump to a TSS and back:"
    call .new_task
    mov dword [TSS2 + 32], .task_jump
    TRY
    jmp TASK2:0
    str eax
    SHOW "tr", eax
    movzx eax, byte [gdt + (TASK2 & ~7) + 5]
    SHOW "type2", eax
    TRYEND
    jmp .gate_task
.task_jump:
    SHOW_FLAGS
    movzx eax, byte [gdt + TSS_SEL + 5]
    SHOW "type1", eax
    jmp TSS_SEL:0
.gate_task:
    CASE "exception by a task gate, error code on the new stack:"
    call .new_task
    mov dword [TSS2 + 32], .task_fault
    IDT_GATE 13, TASK2, 0, 0x85
    TRY
    mov eax, 0x108
    mov ds, eax
    TRYEND
    IDT_GATE 13, C32, stubs + 13 * 5, 0x8e
    jmp .task_faults
.task_fault:
    mov edi, esp
    SHOW "error", [edi]
    SHOW "esp", edi
    SHOW "link", [TSS2]
    mov eax, [TSS + 32]
    sub eax, [try_start]
    SHOW "eip +", eax
    add dword [TSS + 32], 2
    pop eax
    iretd
.task_faults:
    CASE "gp: call of a busy TSS"
    TRY
    call TSS_SEL:0
    TRYEND
    CASE "gp: TSS of level 0 from level 3"
    call .new_task
    TRY3
    call TASK2 + 3:0
    TRYEND3
    CASE "np: TSS not present"
    call .new_task
    mov byte [gdt + (TASK2 & ~7) + 5], 0x09
    TRY
    jmp TASK2:0
    TRYEND
    CASE "ts: TSS too short"
    call .new_task
    mov word [gdt + (TASK2 & ~7)], 0x66
    TRY
    jmp TASK2:0
    TRYEND
%macro BAD_TASK 3
    CASE %1
    call .new_task
    mov dword [TSS2 + %2], %3
    jmp TASK2:0
    clts
    NEWLINE
%endmacro
    ; faults in the context of the new task: their handler has to be a task
    mov edi, TSS2
    call .new_task
    mov esi, TSS2
    mov edi, TSS2 + 0x1000
    mov ecx, 26
    rep movsd
    mov dword [TSS2 + 0x1000 + 32], .task_ts
    mov dword [TSS2 + 0x1000 + 56], STACK0 - 0x7000
    DESCRIPTOR TASK3, TSS2 + 0x1000, 0x67, 0x89, 0
    IDT_GATE 10, TASK3, 0, 0x85
    IDT_GATE 11, TASK3, 0, 0x85
    IDT_GATE 12, TASK3, 0, 0x85
    BAD_TASK "ts: new task, CS data", 76, D32
    BAD_TASK "ts: new task, SS null", 80, 0
    BAD_TASK "ts: new task, DS beyond the GDT", 84, 0x108
    BAD_TASK "ts: new task, LDT bad", 96, D32
    BAD_TASK "ts: new task, SS of RPL 3", 80, UD
    BAD_TASK "ts: new task, CS null", 76, 0
    DESCRIPTOR FREE + 8, 0, 0xfffff, 0x1b, 0xc
    BAD_TASK "np: new task, CS not present", 76, FREE + 8
    DESCRIPTOR FREE + 8, 0, 0xfffff, 0x13, 0xc
    BAD_TASK "ss: new task, SS not present", 80, FREE + 8
    BAD_TASK "np: new task, ES not present", 72, FREE + 8
    jmp .iret_nt
.task_ts:
    mov edi, esp
    SHOW "error", [edi]
    mov eax, [TSS2 + 0x1000]
    SHOW "link", eax
    mov eax, [TSS2 + 32]
    sub eax, .task
    SHOW "eip +", eax
    movzx eax, word [TSS2 + 76]
    SHOW "cs", eax
    movzx eax, byte [gdt + (TASK2 & ~7) + 5]
    SHOW "type2", eax
    add esp, 4
    jmp TSS_SEL:0
    jmp .task_ts
.iret_nt:
    IDT_GATE 10, C32, stubs + 10 * 5, 0x8e
    IDT_GATE 11, C32, stubs + 11 * 5, 0x8e
    IDT_GATE 12, C32, stubs + 12 * 5, 0x8e
    CASE "ts: iret with NT to a TSS that is not busy"
    call .new_task
    mov word [TSS], TASK2
    TRY
    push 0x4002
    popfd
    iretd
    TRYEND
    CASE "task gate by call:"
    call .new_task
    mov dword [TSS2 + 32], .task_gate_body
    DESCRIPTOR TASK_GATE, 0, 0, 0x85, 0
    mov word [gdt + (TASK_GATE & ~7) + 2], TASK2
    TRY
    call TASK_GATE:0
    TRYEND
    jmp .trap_bit
.task_gate_body:
    SHOW "link", [TSS2]
    iretd
.trap_bit:
    CASE "db: T bit of the TSS"
    call .new_task
    mov dword [TSS2 + 32], .task_trap
    mov word [TSS2 + 100], 1
    mov eax, 0
    mov dr6, eax
    TRY
    jmp TASK2:0
    TRYEND
    jmp .done
.task_trap:
    nop
    ud2
.done:
    mov eax, dr6
    SHOW " dr6", eax
    NEWLINE
    EXIT

; Makes TASK2 a fresh task.
.new_task:
    mov edi, TSS2
    mov ecx, 26
    xor eax, eax
    cld
    rep stosd
    mov dword [TSS2 + 4], STACK0 - 0x5000
    mov dword [TSS2 + 8], D32
    mov dword [TSS2 + 32], .task
    mov dword [TSS2 + 36], 2
    mov dword [TSS2 + 52], 0xbbbbbbbb
    mov dword [TSS2 + 60 - 4], STACK0 - 0x6000
    mov dword [TSS2 + 60], 0x55555555
    mov dword [TSS2 + 72], D32
    mov dword [TSS2 + 76], C32
    mov dword [TSS2 + 80], D32
    mov dword [TSS2 + 84], D32
    mov dword [TSS2 + 88], UD
    mov dword [TSS2 + 92], 0
    mov word [TSS2 + 102], 104
    DESCRIPTOR TASK2, TSS2, 0x67, 0x89, 0
    ret
    IMAGE_END
