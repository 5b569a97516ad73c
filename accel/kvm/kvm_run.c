/*
 * Running a CPU on KVM: KVM API 4.10 (KVM_RUN), 4.16 (KVM_INTERRUPT), 5 (the run area).
 *
 * Kicks. A kicker first sets what the CPU is to see (attention, world.wanted), then immediate_exit, then sends the
 * signal if in_run. The CPU first sets in_run and clears immediate_exit, then looks. So either it sees the cause, or
 * immediate_exit is set after it was cleared and KVM_RUN returns at once, or the signal finds it inside.
 *
 * Interrupts. The board's chips drive the INTR pin; when KVM says that it can take one, the vector is fetched from
 * them as in an INTA cycle and injected, else a window is asked for.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "accel/interp/apic.h"
#include "accel/kvm/kvm_impl.h"

#define KICK_SIGNAL SIGUSR1

static void on_signal(int number)
{
}

void kvm_signal_init(void)
{
    struct sigaction action = { .sa_handler = on_signal }; /* no SA_RESTART: KVM_RUN must return */
    sigaction(KICK_SIGNAL, &action, NULL);
}

void kvm_cpu_kick(struct kvm_cpu *c)
{
    if (__atomic_load_n(&c->in_run, __ATOMIC_SEQ_CST)) {
        __atomic_store_n(&c->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
        pthread_kill(__atomic_load_n(&c->thread, __ATOMIC_RELAXED), KICK_SIGNAL);
    }
}

void kvm_kick_all(void *engine)
{
    struct kvm_engine *e = engine;
    for (unsigned i = 0; i < e->count; i++) {
        kvm_cpu_kick(&e->cpus[i]);
    }
}

static bool must_leave(const struct kvm_cpu *c)
{
    const uint32_t mine = CPU_ATTENTION_KICK | CPU_ATTENTION_INIT | CPU_ATTENTION_SIPI | CPU_ATTENTION_NMI |
                          CPU_ATTENTION_SMI;
    return (__atomic_load_n(&c->cpu->attention, __ATOMIC_SEQ_CST) & mine) != 0 || world_wanted(&c->engine->world);
}

static enum native_exit rescue(struct kvm_cpu *c, enum kvm_reason reason)
{
    c->turn.reason = reason;
    return NATIVE_RESCUE;
}

static int intr_acknowledge(struct kvm_cpu *c)
{
    struct machine *machine = c->engine->machine;
    const struct machine_irqchip *chips = &machine->irqchip;
    int vector = -1;
    lock_acquire(&machine->lock);
    if (kvm_has_chips(c->engine)) {
        vector = chips->extint(chips->arg) ? chips->acknowledge(chips->arg) : -1;
    } else if (c->cpu->s.intr) {
        vector = apic_acknowledge(c->cpu);
    }
    lock_release(&machine->lock);
    return vector;
}

/* What we have to inject: with split chips only what comes from the 8259s, with all of them in the kernel nothing. */
static bool intr_level(const struct kvm_cpu *c)
{
    const struct kvm_engine *e = c->engine;
    if (kvm_has_chips(e)) {
        return e->irqchip.kind == ACCEL_IRQCHIP_SPLIT && __atomic_load_n(&e->irqchip.extint, __ATOMIC_SEQ_CST);
    }
    return __atomic_load_n(&c->cpu->s.intr, __ATOMIC_SEQ_CST);
}

static void intr_inject(struct kvm_cpu *c, uint8_t vector)
{
    struct kvm_interrupt irq = { .irq = vector };
    if (kvm_has_chips(c->engine)) {
        kvm_irqchip_inject(c, vector);
    } else {
        kvm_cpu_ioctl(c, KVM_INTERRUPT, &irq);
    }
}

/* With split chips every CPU sees the 8259s' INT, though only one may be meant: the first, if firmware did it. */
static bool window_matters(const struct kvm_cpu *c)
{
    return c->engine->limits.emulated && !c->turn.patient && (!kvm_has_chips(c->engine) || c->index == 0);
}

/* Injects a waiting interrupt or asks for a window. False: the interpreter must deliver it. */
static bool intr_prepare(struct kvm_cpu *c)
{
    c->run->request_interrupt_window = 0;
    if (!intr_level(c)) {
        c->turn.patient = false;
        return true;
    }
    if (c->irq_ready) {
        c->turn.reason = KVM_REASON_INTERRUPT;
        if (c->guarded) {
            return false;
        }
        int vector = intr_acknowledge(c);
        if (vector >= 0) {
            log_print(c->engine->machine->log, LOG_INT, "Servicing hardware INT=0x%02x\n", (unsigned)vector);
            intr_inject(c, (uint8_t)vector);
            c->irq_ready = false;
        }
    } else if (window_matters(c)) {
        c->turn.reason = KVM_REASON_LATE; /* short windows are not seen there, but the interpreter sees them */
        return false;
    }
    c->run->request_interrupt_window = intr_level(c);
    return true;
}

static uint64_t linear_rip(const struct kvm_cpu *c)
{
    return c->run->s.regs.sregs.cs.base + c->run->s.regs.regs.rip;
}

/* An event that a guarded CPU took on KVM went through the guest's new IDT unguarded, until here. False: the guard would
 * be seen. */
static bool guard_renew(struct kvm_cpu *c)
{
    struct kvm_sregs *s = &c->run->s.regs.sregs;
    bool wanted = (s->cr0 & CR0_PE) != 0;
    bool ours = c->guarded && s->idt.limit == 0 && s->idt.base == c->base.idtr.base;
    if (wanted == c->guarded && (!wanted || ours)) {
        return true;
    }
    const struct x86_table idtr = { s->idt.base, s->idt.limit };
    if (kvm_policy_between(&c->engine->policy, s->cr0, &idtr)) {
        return false;
    }
    if (wanted) {
        if (!ours) {
            c->base.idtr = (struct x86_table){ s->idt.base, s->idt.limit };
        }
        s->idt.limit = 0;
    } else if (ours) {
        s->idt.limit = c->base.idtr.limit;
    }
    c->guarded = wanted;
    kvm_sregs_put(c);
    if (wanted && kvm_has_chips(c->engine)) {
        c->run->s.regs.events.interrupt.nr = 0; /* kvm_interrupt_lost() */
        kvm_events_put(c);
    }
    return true;
}

/* The watchdog asked. True: something must be done, turn.reason says what. */
static bool probe_answer(struct kvm_cpu *c)
{
    struct kvm_turn *turn = &c->turn;
    uint64_t rip = linear_rip(c);
    bool idle = kvm_has_chips(c->engine) && kvm_irqchip_waits(c);
    __atomic_store_n(&c->idle, idle, __ATOMIC_RELAXED);
    if (idle) {
        struct kvm_vcpu_events *events = &c->run->s.regs.events;
        if (events->interrupt.shadow != 0) {
            /* An emulating KVM may leave the shadow of STI; HLT behind, and then nothing wakes the CPU. */
            events->interrupt.shadow = 0;
            events->flags |= KVM_VCPUEVENT_VALID_SHADOW;
            kvm_events_put(c);
        }
        turn->native_since = kvm_now(c->engine);
        return false;
    }
    bool same = rip == turn->probe_rip && turn->exits == turn->probe_exits;
    turn->probe_rip = rip;
    turn->probe_exits = turn->exits;
    if (same) {
        turn->reason = KVM_REASON_SPIN;
        return true;
    }
    turn->reason = KVM_REASON_SHARE;
    return c->engine->limits.emulated && kvm_now(c->engine) - turn->native_since > turn->share;
}

/* Has the CPU come into a mode that is not KVM's? */
static bool mode_left(struct kvm_cpu *c)
{
    struct kvm_policy *policy = &c->engine->policy;
    const struct kvm_sync_regs *r = &c->run->s.regs;
    enum kvm_mode mode = kvm_mode_of(r->sregs.cr0, r->regs.rflags, r->sregs.efer, 0, r->sregs.ss.dpl);
    if (policy->guard && mode == KVM_MODE_USER64) {
        __atomic_store_n(&policy->user_seen, true, __ATOMIC_RELAXED);
    }
    c->turn.reason = KVM_REASON_MODE;
    return policy->interp[mode] || !c->cpu->s.a20;
}

static enum native_exit handle_exit(struct kvm_cpu *c)
{
    struct kvm_run *run = c->run;
    c->turn.exits++;
    switch (run->exit_reason) {
    case KVM_EXIT_IO:
        kvm_exit_io(c);
        break;
    case KVM_EXIT_MMIO:
        kvm_exit_mmio(c);
        break;
    case KVM_EXIT_X86_RDMSR:
    case KVM_EXIT_X86_WRMSR:
        kvm_exit_msr(c, run->exit_reason == KVM_EXIT_X86_WRMSR);
        break;
    case KVM_EXIT_HLT:
        c->cpu->s.activity = X86_HALTED;
        return NATIVE_HALTED;
    case KVM_EXIT_IRQ_WINDOW_OPEN:
    case KVM_EXIT_SET_TPR:
    case KVM_EXIT_INTR:
        break;
    case KVM_EXIT_IOAPIC_EOI:
        kvm_irqchip_eoi(c->engine, run->eoi.vector);
        break;
    case KVM_EXIT_SHUTDOWN:
        c->died = true;
        return rescue(c, kvm_interrupt_lost(c) ? KVM_REASON_INTERRUPT : KVM_REASON_SHUTDOWN);
    case KVM_EXIT_DEBUG:
        return rescue(c, c->alarmed ? KVM_REASON_INTERRUPT : KVM_REASON_UNKNOWN);
    case KVM_EXIT_INTERNAL_ERROR:
        return rescue(c, KVM_REASON_EMULATION);
    case KVM_EXIT_FAIL_ENTRY:
        return rescue(c, KVM_REASON_ENTRY);
    default:
        return rescue(c, KVM_REASON_UNKNOWN);
    }
    return mode_left(c) ? NATIVE_RESCUE : NATIVE_LEAVE;
}

/* With the signal pending, and let through for the time of KVM_RUN (API 4.23) only. */
void kvm_enter_and_leave(struct kvm_cpu *c)
{
    union {
        struct kvm_signal_mask head;
        uint8_t room[sizeof(struct kvm_signal_mask) + 8];
    } mask = { .head = { .len = 8 } };
    sigset_t kick, before;
    const uint64_t others = ~(1ull << (KICK_SIGNAL - 1));
    const struct timespec at_once = { 0, 0 };
    memcpy(mask.head.sigset, &others, sizeof(others));
    sigemptyset(&kick);
    sigaddset(&kick, KICK_SIGNAL);
    pthread_sigmask(SIG_BLOCK, &kick, &before);
    pthread_kill(pthread_self(), KICK_SIGNAL);
    __atomic_store_n(&c->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
    if (kvm_cpu_ioctl(c, KVM_SET_SIGNAL_MASK, &mask) >= 0) {
        kvm_cpu_ioctl(c, KVM_RUN, NULL);
        kvm_cpu_ioctl(c, KVM_SET_SIGNAL_MASK, NULL);
    }
    sigtimedwait(&kick, NULL, &at_once);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* One KVM_RUN. False if the loop is to be left with *why. */
static bool run_once(struct kvm_cpu *c, enum native_exit *why)
{
    c->run->cr8 = c->cpu->s.cr8;
    int r = kvm_cpu_ioctl(c, KVM_RUN, NULL);
    __atomic_store_n(&c->in_run, false, __ATOMIC_SEQ_CST);
    c->ran = true;
    c->io_pending = false;
    c->irq_ready = c->run->ready_for_interrupt_injection;
    if (!c->engine->caps.sync_regs && kvm_regs_sync(c) < 0) {
        *why = rescue(c, KVM_REASON_ENTRY);
        return false;
    }
    kvm_exit_apic(c);
    if (r < 0 && r != -EINTR && r != -EAGAIN) {
        *why = rescue(c, KVM_REASON_ENTRY);
        return false;
    }
    *why = NATIVE_LEAVE;
    if (r >= 0) {
        *why = handle_exit(c);
    } else if (mode_left(c) || (__atomic_exchange_n(&c->probe, false, __ATOMIC_SEQ_CST) && probe_answer(c))) {
        *why = NATIVE_RESCUE;
    }
    if (c->engine->policy.guard && *why == NATIVE_LEAVE && !guard_renew(c)) {
        *why = rescue(c, KVM_REASON_MODE);
    }
    return *why == NATIVE_LEAVE;
}

enum native_exit kvm_native_run(struct kvm_cpu *c)
{
    enum native_exit why = NATIVE_LEAVE;
    __atomic_store_n(&c->thread, pthread_self(), __ATOMIC_RELAXED);
    do {
        __atomic_store_n(&c->in_run, true, __ATOMIC_SEQ_CST);
        __atomic_store_n(&c->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
        if (must_leave(c)) {
            break;
        }
        if (!intr_prepare(c)) {
            why = NATIVE_RESCUE;
            break;
        }
    } while (run_once(c, &why));
    __atomic_store_n(&c->in_run, false, __ATOMIC_SEQ_CST);
    return why;
}
