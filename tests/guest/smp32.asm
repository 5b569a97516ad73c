; Four CPUs in 32-bit protected mode: INIT and start-up messages reach them, LOCK and XCHG are atomic between them
; (SDM vol. 3, 9.4.4 and 9.1), on an engine with one thread for all as on one with a thread each.
; vmm: -smp 4
; qemu: -smp 4
; flat skip: one CPU, and no APIC
; Also as smp32_two.asm.
%define MODE 32
%include "image.inc"
%include "protected.inc"

%ifndef CPUS
  %define CPUS 4
%endif
%define AP_PAGE 7
%define APIC 0xfee00000
%define COUNTS 100000
%define TURNS 20000
%define STACKS (SCRATCH + 0x1000)

main:
    mov dword [APIC + 0xf0], 0x1ff      ; software enable
    mov dword [APIC + 0x300], 0xc4500   ; INIT to all others
    mov ecx, 100000
.delay:
    dec ecx
    jnz .delay
    mov dword [APIC + 0x300], 0xc4600 + AP_PAGE ; start-up
.wait_up:
    pause
    cmp dword [up], CPUS - 1
    jne .wait_up
    CASE "started:"
    SHOW "others", [up]
    NEWLINE
    mov dword [go], 1
    call work
.wait_done:
    pause
    cmp dword [done], CPUS
    jne .wait_done
    CASE "lock inc:"
    SHOW "sum", [counted]
    NEWLINE
    CASE "lock xadd: the sum of all that was read"
    SHOW "low", [xadded]
    NEWLINE
    CASE "lock cmpxchg:"
    SHOW "sum", [exchanged]
    NEWLINE
    CASE "under a spin lock made of xchg:"
    SHOW "sum", [guarded]
    NEWLINE
    EXIT

; The same on every CPU.
work:
    mov ecx, COUNTS
.count:
    lock inc dword [counted]
    dec ecx
    jnz .count
    mov ecx, TURNS
    xor ebx, ebx
.xadd:
    mov eax, 1
    lock xadd [ticket], eax
    add ebx, eax
    dec ecx
    jnz .xadd
    lock add [xadded], ebx
    mov ecx, TURNS
.exchange:
    mov eax, [exchanged]
.again:
    lea edx, [eax + 1]
    lock cmpxchg [exchanged], edx
    jnz .again
    dec ecx
    jnz .exchange
    mov ecx, TURNS
.turn:
    mov eax, 1
    xchg [spin], eax
    test eax, eax
    jz .mine
    pause
    jmp .turn
.mine:
    mov eax, [guarded]
    inc eax
    mov [guarded], eax
    mov dword [spin], 0
    dec ecx
    jnz .turn
    lock inc dword [done]
    ret

    align 4
up: dd 0
go: dd 0
done: dd 0
counted: dd 0
ticket: dd 0
xadded: dd 0
exchanged: dd 0
spin: dd 0
guarded: dd 0

    times AP_PAGE * 0x1000 - ($ - $$) db 0
    bits 16
ap16:
    cli
    xor ax, ax
    mov ds, ax
    lgdt [gdt_pointer]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp C32:ap32
    bits 32
ap32:
    mov eax, D32
    mov ds, eax
    mov es, eax
    mov ss, eax
    ; A KVM that emulates gets a CPU only five million instructions after its start (docs/kvm.md).
    mov ecx, 2600000
.warm_up:
    dec ecx
    jnz .warm_up
    mov eax, 1
    lock xadd [up], eax
    shl eax, 12
    lea esp, [eax + STACKS + 0x1000]
.wait:
    pause
    cmp dword [go], 0
    je .wait
    call work
.halt:
    hlt
    jmp .halt

    IMAGE_END
