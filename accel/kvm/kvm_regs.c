/*
 * General and system registers and pending events between the canonical state and KVM: KVM API 4.11 (REGS), 4.13
 * (SREGS), 4.31 (VCPU_EVENTS), 5 (the run area, KVM_CAP_SYNC_REGS). Handing the state over, and taking it back.
 *
 * A guarded CPU (kvm_policy.h) runs on KVM with an IDT limit of 0; the guest's own limit is in kvm_cpu.base.
 */
#include <errno.h>
#include <string.h>

#include "accel/interp/apic.h"
#include "accel/interp/debug.h"
#include "accel/interp/system.h"
#include "accel/interp/tlb.h"
#include "accel/kvm/kvm_impl.h"

/* ---- general registers ---- */

static void regs_from_state(struct kvm_regs *r, const struct x86_state *s)
{
    *r = (struct kvm_regs){
        .rax = s->gpr[RAX], .rbx = s->gpr[RBX], .rcx = s->gpr[RCX], .rdx = s->gpr[RDX],
        .rsi = s->gpr[RSI], .rdi = s->gpr[RDI], .rsp = s->gpr[RSP], .rbp = s->gpr[RBP],
        .r8 = s->gpr[R8], .r9 = s->gpr[R9], .r10 = s->gpr[R10], .r11 = s->gpr[R11],
        .r12 = s->gpr[R12], .r13 = s->gpr[R13], .r14 = s->gpr[R14], .r15 = s->gpr[R15],
        .rip = s->rip, .rflags = s->rflags,
    };
}

static void state_from_regs(struct x86_state *s, const struct kvm_regs *r)
{
    const uint64_t gpr[16] = { r->rax, r->rcx, r->rdx, r->rbx, r->rsp, r->rbp, r->rsi, r->rdi,
                               r->r8, r->r9, r->r10, r->r11, r->r12, r->r13, r->r14, r->r15 };
    memcpy(s->gpr, gpr, sizeof(gpr));
    s->rip = r->rip;
    s->rflags = r->rflags | FLAG_1;
}

/* ---- system registers ---- */

/* VT demands that the granularity bit fits the limit. */
static bool granular(const struct x86_segment *s)
{
    return s->limit > 0xfffff || ((s->limit & 0xfff) == 0xfff && (s->attr & SEG_G) != 0);
}

static void segment_to_kvm(struct kvm_segment *k, const struct x86_segment *s)
{
    *k = (struct kvm_segment){
        .base = s->base,
        .limit = s->limit,
        .selector = s->selector,
        .type = s->attr >> SEG_TYPE_SHIFT & 15,
        .s = (s->attr & SEG_S) != 0,
        .dpl = (s->attr & SEG_DPL) >> SEG_DPL_SHIFT,
        .present = (s->attr & SEG_P) != 0,
        .avl = (s->attr & SEG_AVL) != 0,
        .l = (s->attr & SEG_L) != 0,
        .db = (s->attr & SEG_DB) != 0,
        .g = granular(s),
        .unusable = (s->attr & SEG_P) == 0,
    };
}

static void segment_from_kvm(struct x86_segment *s, const struct kvm_segment *k)
{
    *s = (struct x86_segment){
        .base = k->base,
        .limit = k->limit,
        .selector = k->selector,
        .attr = (uint32_t)k->type << SEG_TYPE_SHIFT | (k->s ? SEG_S : 0) |
                (uint32_t)k->dpl << SEG_DPL_SHIFT | (k->present && !k->unusable ? SEG_P : 0) |
                (k->avl ? SEG_AVL : 0) | (k->l ? SEG_L : 0) | (k->db ? SEG_DB : 0) | (k->g ? SEG_G : 0),
    };
}

static void sregs_from_state(struct kvm_sregs *k, const struct x86_state *s, bool guarded)
{
    struct kvm_segment *seg[6] = { &k->es, &k->cs, &k->ss, &k->ds, &k->fs, &k->gs };
    memset(k, 0, sizeof(*k));
    for (unsigned i = 0; i < 6; i++) {
        segment_to_kvm(seg[i], &s->seg[i]);
    }
    segment_to_kvm(&k->ldt, &s->ldtr);
    segment_to_kvm(&k->tr, &s->tr);
    k->gdt.base = s->gdtr.base;
    k->gdt.limit = s->gdtr.limit;
    k->idt.base = s->idtr.base;
    k->idt.limit = guarded ? 0 : s->idtr.limit;
    k->cr0 = s->cr0;
    k->cr2 = s->cr2;
    k->cr3 = s->cr3;
    k->cr4 = s->cr4;
    k->cr8 = s->cr8;
    k->efer = s->msr.efer;
    k->apic_base = s->msr.apic_base;
}

static void state_from_sregs(struct x86_state *s, const struct kvm_sregs *k, bool guarded)
{
    const struct kvm_segment *seg[6] = { &k->es, &k->cs, &k->ss, &k->ds, &k->fs, &k->gs };
    for (unsigned i = 0; i < 6; i++) {
        segment_from_kvm(&s->seg[i], seg[i]);
    }
    segment_from_kvm(&s->ldtr, &k->ldt);
    segment_from_kvm(&s->tr, &k->tr);
    s->gdtr = (struct x86_table){ k->gdt.base, k->gdt.limit };
    if (!guarded || k->idt.limit != 0 || k->idt.base != s->idtr.base) {
        s->idtr = (struct x86_table){ k->idt.base, k->idt.limit };
    }
    s->cr0 = k->cr0;
    s->cr2 = k->cr2;
    s->cr3 = k->cr3;
    s->cr4 = k->cr4;
    s->cr8 = k->cr8;
    s->msr.efer = k->efer;
    s->msr.apic_base = k->apic_base;
}

/* ---- events ---- */

static void events_from_state(struct kvm_vcpu_events *k, const struct x86_state *s)
{
    *k = (struct kvm_vcpu_events){
        .interrupt.shadow = (s->shadow_sti ? KVM_X86_SHADOW_INT_STI : 0) |
                            (s->shadow_mov_ss ? KVM_X86_SHADOW_INT_MOV_SS : 0),
        .nmi.masked = s->nmi_blocked,
        .nmi.pending = s->nmi_pending,
        .flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW,
    };
}

/* A software interrupt or exception that was not delivered is executed again: RIP is at the instruction. */
static bool event_from_kvm(struct cpu_event *event, const struct kvm_vcpu_events *k)
{
    *event = (struct cpu_event){ .kind = EVENT_EXTERNAL };
    if ((k->exception.injected || k->exception.pending) && k->exception.nr != EXC_BP &&
        k->exception.nr != EXC_OF) {
        event->kind = EVENT_EXCEPTION;
        event->vector = k->exception.nr;
        event->has_error = k->exception.has_error_code;
        event->error = k->exception.error_code;
        event->set_rf = k->exception.nr != EXC_DB;
        return true;
    }
    if (k->interrupt.injected && !k->interrupt.soft) {
        event->vector = k->interrupt.nr;
        return true;
    }
    return false;
}

static void state_from_events(struct x86_state *s, const struct kvm_vcpu_events *k)
{
    s->shadow_sti = (k->interrupt.shadow & KVM_X86_SHADOW_INT_STI) != 0;
    s->shadow_mov_ss = (k->interrupt.shadow & KVM_X86_SHADOW_INT_MOV_SS) != 0;
    s->nmi_blocked = k->nmi.masked;
    s->nmi_pending = k->nmi.pending || k->nmi.injected;
}

/* ---- both ways ---- */

int kvm_regs_sync(struct kvm_cpu *c)
{
    struct kvm_sync_regs *r = &c->run->s.regs;
    if (c->engine->caps.sync_regs && c->ran) {
        return 0;
    }
    int error = kvm_cpu_ioctl(c, KVM_GET_REGS, &r->regs);
    error = error < 0 ? error : kvm_cpu_ioctl(c, KVM_GET_SREGS, &r->sregs);
    return error < 0 ? error : kvm_cpu_ioctl(c, KVM_GET_VCPU_EVENTS, &r->events);
}

int kvm_sregs_put(struct kvm_cpu *c)
{
    struct kvm_run *run = c->run;
    if (c->engine->caps.sync_regs && c->ran) {
        run->kvm_dirty_regs |= KVM_SYNC_X86_SREGS;
        return 0;
    }
    return kvm_cpu_ioctl(c, KVM_SET_SREGS, &run->s.regs.sregs);
}

int kvm_events_put(struct kvm_cpu *c)
{
    struct kvm_run *run = c->run;
    run->s.regs.events.flags &= ~(KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR);
    if (c->engine->caps.sync_regs && c->ran) {
        run->kvm_dirty_regs |= KVM_SYNC_X86_EVENTS;
        return 0;
    }
    return kvm_cpu_ioctl(c, KVM_SET_VCPU_EVENTS, &run->s.regs.events);
}

int kvm_state_put(struct kvm_cpu *c, const struct x86_state *state)
{
    struct kvm_sync_regs *r = &c->run->s.regs;
    c->base = *state;
    c->ran = false;
    c->guarded = kvm_policy_guard(&c->engine->policy, state);
    regs_from_state(&r->regs, state);
    sregs_from_state(&r->sregs, state, c->guarded);
    events_from_state(&r->events, state);
    c->run->kvm_dirty_regs = 0;
    c->run->cr8 = state->cr8;
    int error = kvm_cpu_ioctl(c, KVM_SET_SREGS, &r->sregs);
    error = error < 0 ? error : kvm_msr_put(c, state);
    error = error < 0 ? error : kvm_fpu_put(c, state);
    error = error < 0 ? error : kvm_debug_put(c, state);
    error = error < 0 ? error : kvm_cpu_ioctl(c, KVM_SET_REGS, &r->regs);
    return error < 0 ? error : kvm_cpu_ioctl(c, KVM_SET_VCPU_EVENTS, &r->events);
}

void kvm_registers_get(const struct kvm_cpu *c, struct x86_state *state)
{
    const struct kvm_sync_regs *r = &c->run->s.regs;
    state_from_regs(state, &r->regs);
    state_from_sregs(state, &r->sregs, c->guarded);
    state_from_events(state, &r->events);
}

int kvm_state_get(struct kvm_cpu *c, struct x86_state *state, struct cpu_event *event, bool *has_event)
{
    const struct kvm_sync_regs *r = &c->run->s.regs;
    *state = c->base;
    int error = kvm_regs_sync(c);
    error = error < 0 ? error : kvm_msr_get(c, state);
    error = error < 0 ? error : kvm_fpu_get(c, state);
    error = error < 0 ? error : kvm_debug_get(c, state);
    if (error < 0) {
        return error;
    }
    kvm_registers_get(c, state);
    *has_event = event_from_kvm(event, &r->events);
    event->rip = state->rip;
    return 0;
}

/* ---- handing over ---- */

int kvm_give(struct kvm_cpu *c)
{
    struct x86_state state;
    cpu_state_get(c->cpu, &state);
    int error = kvm_state_put(c, &state);
    if (error >= 0 && !c->engine->limits.emulated) {
        error = kvm_tsc_put(c, state.tsc);
    }
    if (error >= 0 && kvm_has_chips(c->engine)) {
        error = kvm_lapic_give(c, state.activity);
    }
    c->native = error >= 0;
    c->died = false;
    c->irq_ready = !kvm_has_chips(c->engine) && (state.rflags & FLAG_IF) != 0 && !state.shadow_sti &&
                   !state.shadow_mov_ss;
    c->io_pending = false;
    return error;
}

/* KVM moves RIP and writes the destination only when it is entered again. An access that was cut in pieces may ask
 * for the next one instead. */
void kvm_io_complete(struct kvm_cpu *c)
{
    enum { MOST_PIECES = 64 };
    for (unsigned i = 0; c->io_pending && i < MOST_PIECES; i++) {
        c->io_pending = false;
        __atomic_store_n(&c->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
        if (kvm_cpu_ioctl(c, KVM_RUN, NULL) != 0) {
            break;
        }
        if (c->run->exit_reason == KVM_EXIT_MMIO) {
            kvm_exit_mmio(c);
        } else if (c->run->exit_reason == KVM_EXIT_IO) {
            kvm_exit_io(c);
        }
    }
    __atomic_store_n(&c->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
}

/* The state comes back under the machine lock, since pins may change at any time. */
static void put_back(struct kvm_cpu *c, struct x86_state *state, uint32_t activity)
{
    const uint32_t messages = CPU_ATTENTION_INIT | CPU_ATTENTION_SIPI | CPU_ATTENTION_NMI | CPU_ATTENTION_SMI;
    struct cpu *cpu = c->cpu;
    struct machine_lock *lock = &c->engine->machine->lock;
    bool held = lock_held(lock); /* a machine reset calls with it */
    if (!held) {
        lock_acquire(lock);
    }
    uint32_t waiting = __atomic_load_n(&cpu->attention, __ATOMIC_SEQ_CST) & messages;
    state->intr = cpu->s.intr;
    state->a20 = cpu->s.a20;
    state->activity = activity;
    int64_t tsc_offset = cpu->tsc_offset;
    cpu_state_put(cpu, state);
    if (c->engine->limits.emulated) {
        cpu->tsc_offset = tsc_offset;
    }
    cpu_attention_set(cpu, waiting);
    if ((state->cr0 & CR0_PG) != 0 && (state->cr4 & CR4_PAE) != 0 && (state->msr.efer & EFER_LMA) == 0) {
        pagewalk_load_pdptes(cpu, state->cr3, cpu->s.pdpte);
    }
    if (!held) {
        lock_release(lock);
    }
}

/* SYSCALL as an emulating KVM does it: CPL 3 at LSTAR, RCX and R11 as they should be. Back to the instruction. */
static void undo_syscall(struct cpu *cpu)
{
    enum { SYSCALL_BYTES = 2 };
    bool user64 = (cpu->s.msr.efer & EFER_LMA) != 0 && cpu->cpl == 3;
    if (user64 && (cpu->rip == KVM_LSTAR_POISON || cpu->rip == cpu->s.msr.lstar)) {
        cpu->rip = cpu->gpr[RCX] - SYSCALL_BYTES;
        cpu_set_rflags(cpu, cpu->gpr[R11]);
        cpu_update_mode(cpu);
    }
}

bool kvm_interrupt_lost(const struct kvm_cpu *c)
{
    const struct kvm_vcpu_events *events = &c->run->s.regs.events;
    return c->guarded && kvm_has_chips(c->engine) && events->interrupt.nr != 0 && !events->interrupt.injected;
}

/* What the kernel's chips have given a guarded CPU is not to be lost with the shutdown it led to; a signal may even
 * have come before that exit. */
static bool event_of_chips(struct kvm_cpu *c, struct x86_state *state, struct cpu_event *event)
{
    if (c->guarded && state->nmi_blocked && !c->base.nmi_blocked) {
        state->nmi_blocked = false;
        state->nmi_pending = true;
    }
    if (kvm_interrupt_lost(c)) {
        *event = (struct cpu_event){ .kind = EVENT_EXTERNAL, .vector = c->run->s.regs.events.interrupt.nr,
                                     .rip = state->rip };
        return true;
    }
    return false;
}

/* After the shutdown of a guarded CPU: faults are found again when the instruction is executed again, but a
 * single-step trap is lost unless it is delivered. */
static bool trap_of_shutdown(struct kvm_cpu *c, struct x86_state *state, struct cpu_event *event)
{
    if (!c->guarded || c->run->s.regs.events.exception.nr != EXC_DB) {
        return false;
    }
    if ((state->rflags & FLAG_TF) == 0) {
        if ((state->dr[6] & DR6_BD) != 0) {
            state->dr[7] |= DR7_GD; /* cleared for the handler, but it is to be met again */
        }
        return false;
    }
    state->dr[6] |= DR6_FIXED | DR6_BS;
    *event = (struct cpu_event){ .kind = EVENT_EXCEPTION, .vector = EXC_DB, .rip = state->rip };
    return true;
}

void kvm_take(struct kvm_cpu *c, bool shutdown)
{
    struct x86_state state;
    struct cpu_event event;
    bool has_event = false;
    if (!c->native) {
        return;
    }
    kvm_io_complete(c);
    c->native = false;
    shutdown = shutdown || c->died;
    c->died = false;
    uint32_t activity = c->cpu->s.activity;
    int error = 0;
    if (kvm_has_chips(c->engine)) {
        error = kvm_activity_get(c, &activity); /* carries out INIT and start-up messages, */
        c->ran = false;                         /* after which the run area is stale */
    } else if (!c->ran) {
        return; /* nothing has changed */
    }
    error = error < 0 ? error : kvm_state_get(c, &state, &event, &has_event);
    if (error < 0) {
        log_print(c->engine->machine->log, LOG_CPU_RESET, "CPU#%u: KVM does not give the state back: %s\n", c->index,
                  g_strerror(-error));
        return;
    }
    bool acknowledged = kvm_has_chips(c->engine) && has_event && event.kind == EVENT_EXTERNAL;
    if (shutdown && !acknowledged) { /* an interrupt that the kernel's chips have acknowledged is not to be lost */
        has_event = trap_of_shutdown(c, &state, &event);
    }
    if (kvm_has_chips(c->engine)) {
        has_event = event_of_chips(c, &state, &event) || has_event;
    }
    if (activity != X86_ACTIVE) {
        state.shadow_sti = state.shadow_mov_ss = false; /* of STI; HLT, which has been executed */
    }
    state.tsc = kvm_tsc_get(c);
    put_back(c, &state, activity);
    if (shutdown && c->guarded) {
        undo_syscall(c->cpu);
    }
    if (has_event) {
        interp_deliver(c->cpu, &event);
    }
}
