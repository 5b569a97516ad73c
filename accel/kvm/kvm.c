/*
 * KVM as an engine: what runs a CPU next, KVM or the interpreter, and the lines and messages of the board, which all go
 * to the interpreter's CPUs (accel/interp/engine.c) and kick those that are on KVM.
 */
#include "accel/breakpoint.h"
#include "accel/interp/fpu.h"
#include "accel/kvm/kvm_impl.h"

#define IDLE_WATCH_NS 100000000u /* the watchdog's interval while no CPU is on KVM */

static struct kvm_cpu *kvm_cpu(void *arg, unsigned cpu)
{
    return &((struct kvm_engine *)arg)->cpus[cpu];
}

static void *kvm_open(const struct accel_open *open, GError **error)
{
    return kvm_engine_open(open, &kvm_sys_host, error);
}

/* ---- running ---- */

/* A CPU on KVM that is halted: has it something to do? */
static bool wakes_up(struct kvm_cpu *c)
{
    const uint32_t messages = CPU_ATTENTION_INIT | CPU_ATTENTION_SIPI | CPU_ATTENTION_NMI | CPU_ATTENTION_SMI;
    bool intr = __atomic_load_n(&c->cpu->s.intr, __ATOMIC_SEQ_CST) &&
                (c->run->s.regs.regs.rflags & FLAG_IF) != 0;
    if (!intr && (__atomic_load_n(&c->cpu->attention, __ATOMIC_SEQ_CST) & messages) == 0) {
        return false;
    }
    c->turn.native_since = kvm_now(c->engine);
    if (intr) {
        c->cpu->s.activity = X86_ACTIVE;
        c->irq_ready = true;
    }
    return true;
}

static bool has_message(const struct kvm_cpu *c)
{
    return (__atomic_load_n(&c->cpu->attention, __ATOMIC_SEQ_CST) &
            (CPU_ATTENTION_INIT | CPU_ATTENTION_SIPI | CPU_ATTENTION_NMI | CPU_ATTENTION_SMI)) != 0;
}

/* With chips in the kernel: all CPUs go together. False: this one stays for now. */
static bool gang_gone(struct kvm_cpu *c)
{
    enum kvm_gang gang = kvm_gang_give(c);
    if (gang == KVM_GANG_REFUSED) {
        c->turn.reason = KVM_REASON_ENTRY;
        kvm_turn_begin(c);
    }
    return gang == KVM_GANG_GIVEN;
}

static void leave_kvm(struct kvm_cpu *c, enum kvm_reason reason)
{
    c->turn.reason = reason;
    kvm_turn_begin(c);
}

/* A stretch on KVM. */
static void run_on_kvm(struct kvm_cpu *c)
{
    struct kvm_engine *e = c->engine;
    enum native_exit why = NATIVE_LEAVE;
    int error = 0;
    world_share(&e->world, true);
    if (!c->native && kvm_has_chips(e)) {
        world_unshare(&e->world, true);
        return; /* taken back with the others */
    }
    if (!c->native) {
        c->turn.patient = __atomic_load_n(&c->cpu->s.intr, __ATOMIC_SEQ_CST) && c->turn.reason == KVM_REASON_LATE;
        error = kvm_give(c);
        c->turn.native_since = kvm_now(e);
    }
    if (error == 0 && (kvm_has_chips(e) || c->cpu->s.activity == X86_ACTIVE)) { /* else it is to be woken first */
        __atomic_store_n(&e->ran, true, __ATOMIC_SEQ_CST);
        why = kvm_native_run(c);
    }
    world_unshare(&e->world, true);
    if (error < 0) {
        leave_kvm(c, KVM_REASON_ENTRY);
    } else if (why == NATIVE_RESCUE) {
        kvm_turn_begin(c);
    }
}

/* A halted CPU on the interpreter may wake up on KVM: else one that works for a moment at a time would never be there. A
 * guarded CPU would be back at once, since its interrupts are the interpreter's, and one with split chips does not know
 * that it can take the 8259s'. */
static bool wakes_on_kvm(struct kvm_cpu *c)
{
    const struct cpu *ic = c->cpu;
    bool guarded = c->engine->policy.guard && (ic->s.cr0 & CR0_PE) != 0;
    bool split = c->engine->irqchip.kind == ACCEL_IRQCHIP_SPLIT;
    return ic->s.activity == X86_HALTED && !guarded && !split && (ic->eflags & FLAG_IF) != 0 && c->turn.left == 0 &&
           kvm_now(c->engine) >= c->turn.until && kvm_turn_idle(c);
}

enum next { NEXT_KVM, NEXT_GANG /* to KVM with the others */, NEXT_LEAVE, NEXT_INTERP, NEXT_HALTED };

/* With chips in the kernel another CPU's thread may bring this one to KVM or back, but not while the world is shared. */
static enum next next_step(struct kvm_cpu *c)
{
    struct cpu *ic = c->cpu;
    bool chips = kvm_has_chips(c->engine);
    enum next next;
    if (chips) {
        world_share(&c->engine->world, true);
    }
    bool waits = ic->s.activity == X86_HALTED || ic->s.activity == X86_WAIT_SIPI;
    if (c->native) {
        bool halted = !chips && ic->s.activity == X86_HALTED && !wakes_up(c);
        next = halted ? NEXT_HALTED : has_message(c) ? NEXT_LEAVE : NEXT_KVM;
    } else if (waits && __atomic_load_n(&ic->attention, __ATOMIC_SEQ_CST) == 0) {
        next = NEXT_HALTED;
    } else {
        bool lasts = kvm_turn_lasts(c) && !wakes_on_kvm(c);
        next = lasts ? NEXT_INTERP : chips ? NEXT_GANG : NEXT_KVM;
    }
    if (chips) {
        world_unshare(&c->engine->world, true);
    }
    return next;
}

static enum vcpu_exit kvm_vcpu_run(void *arg, unsigned cpu)
{
    struct kvm_cpu *c = kvm_cpu(arg, cpu);
    struct cpu *ic = c->cpu;
    for (;;) {
        if ((__atomic_load_n(&ic->attention, __ATOMIC_SEQ_CST) & CPU_ATTENTION_KICK) != 0) {
            cpu_attention_clear(ic, CPU_ATTENTION_KICK);
            return VCPU_KICKED;
        }
        switch (next_step(c)) {
        case NEXT_HALTED:
            return VCPU_HALTED;
        case NEXT_LEAVE:
            leave_kvm(c, KVM_REASON_INTERRUPT);
            break;
        case NEXT_INTERP:
            return kvm_turn_run(c);
        case NEXT_GANG:
            if (!gang_gone(c)) {
                return kvm_turn_run(c);
            }
            break;
        case NEXT_KVM:
            run_on_kvm(c);
            break;
        }
    }
}

static uint64_t kvm_poll(void *arg)
{
    struct kvm_engine *e = arg;
    bool busy = false;
    world_share(&e->world, false);
    kvm_coalesced_flush(e);
    machine_poll(e->machine);
    world_unshare(&e->world, false);
    for (unsigned i = 0; i < e->count; i++) {
        struct kvm_cpu *c = &e->cpus[i];
        if (__atomic_load_n(&c->in_run, __ATOMIC_SEQ_CST)) {
            bool idle = __atomic_load_n(&c->idle, __ATOMIC_RELAXED);
            busy = busy || !idle || e->limits.emulated;
            uint64_t now = kvm_now(e);
            bool seldom = idle && !e->limits.emulated; /* see probe_answer() of kvm_run.c */
            if (now - c->watched >= (seldom ? IDLE_WATCH_NS : KVM_WATCH_NS)) {
                c->watched = now;
                __atomic_store_n(&c->probe, true, __ATOMIC_SEQ_CST);
                kvm_cpu_kick(c);
            }
        }
    }
    return busy ? KVM_WATCH_NS : IDLE_WATCH_NS;
}

static void kvm_vcpu_kick(void *arg, unsigned cpu)
{
    struct kvm_cpu *c = kvm_cpu(arg, cpu);
    cpu_attention_set(c->cpu, CPU_ATTENTION_KICK);
    kvm_cpu_kick(c);
}

/* ---- state; parked ---- */

static void take(struct kvm_cpu *c)
{
    if (kvm_has_chips(c->engine)) {
        kvm_gang_take(c->engine);
    } else {
        kvm_take(c, false);
    }
}

void kvm_code_settle(struct kvm_engine *e)
{
    if (__atomic_exchange_n(&e->ran, false, __ATOMIC_SEQ_CST) && !kvm_memory_drop_code(e->memory)) {
        interp_engine_forget(e->interp);
    }
}

/* Brings all CPUs to the interpreter, with no decoded code left of what KVM has changed. */
static void take_all(struct kvm_engine *e)
{
    for (unsigned i = 0; i < e->count; i++) {
        take(&e->cpus[i]);
    }
    kvm_code_settle(e);
}

/* The monitor is going to look at the chips. */
static void kvm_parked(void *engine)
{
    struct kvm_engine *e = engine;
    if (kvm_has_chips(e)) {
        take_all(e);
    }
}

void kvm_engine_leave(void *engine)
{
    take_all(engine);
}

static enum vcpu_exit kvm_vcpu_step(void *arg, unsigned cpu)
{
    struct kvm_engine *e = arg;
    take_all(e);
    return accel_interp_ops.vcpu_step(e->interp, cpu);
}

/* Breakpoints are the interpreter's: as long as there are any, all runs there. */
static void kvm_breakpoints_changed(void *arg, struct breakpoints *set)
{
    struct kvm_engine *e = arg;
    take_all(e);
    e->policy.debugging = breakpoints_armed(set);
    accel_interp_ops.breakpoints_changed(e->interp, set);
}

static void kvm_breakpoints_pass(void *arg)
{
    accel_interp_ops.breakpoints_pass(((struct kvm_engine *)arg)->interp);
}

static void kvm_hold_interrupts(void *arg, unsigned cpu, bool hold)
{
    accel_interp_ops.hold_interrupts(((struct kvm_engine *)arg)->interp, cpu, hold);
}

/* Of one CPU only: its own thread asks too, when it has met a breakpoint. */
static void kvm_state_read(void *arg, unsigned cpu, struct x86_state *state)
{
    take(kvm_cpu(arg, cpu));
    accel_interp_ops.state_get(kvm_cpu(arg, cpu)->engine->interp, cpu, state);
}

static void kvm_state_write(void *arg, unsigned cpu, const struct x86_state *state)
{
    take(kvm_cpu(arg, cpu));
    accel_interp_ops.state_put(kvm_cpu(arg, cpu)->engine->interp, cpu, state);
}

static bool kvm_translate(void *arg, unsigned cpu, uint64_t linear, uint64_t *physical)
{
    take(kvm_cpu(arg, cpu));
    return accel_interp_ops.translate(kvm_cpu(arg, cpu)->engine->interp, cpu, linear, physical);
}

static void kvm_vcpu_reset(void *arg, unsigned cpu)
{
    struct kvm_engine *e = arg;
    struct kvm_cpu *c = kvm_cpu(arg, cpu);
    if (kvm_has_chips(e)) {
        kvm_gang_take(e);
    } else {
        kvm_take(c, true);
    }
    kvm_turn_reset(c);
    __atomic_store_n(&e->policy.user_seen, false, __ATOMIC_RELAXED);
    accel_interp_ops.vcpu_reset(e->interp, cpu);
}

/* ---- lines and messages; any thread, most with the machine lock held ---- */

static void kvm_set_intr(void *arg, unsigned cpu, bool level)
{
    struct kvm_engine *e = arg;
    accel_interp_ops.set_intr(e->interp, cpu, level);
    if (level) {
        kvm_cpu_kick(kvm_cpu(arg, cpu));
    }
}

static void kvm_nmi(void *arg, unsigned cpu)
{
    struct kvm_engine *e = arg;
    accel_interp_ops.nmi(e->interp, cpu);
    kvm_cpu_kick(kvm_cpu(arg, cpu));
}

static void kvm_vcpu_init(void *arg, unsigned cpu)
{
    struct kvm_engine *e = arg;
    accel_interp_ops.vcpu_init(e->interp, cpu);
    kvm_cpu_kick(kvm_cpu(arg, cpu));
}

static void kvm_vcpu_sipi(void *arg, unsigned cpu, uint8_t vector)
{
    struct kvm_engine *e = arg;
    accel_interp_ops.vcpu_sipi(e->interp, cpu, vector);
    kvm_cpu_kick(kvm_cpu(arg, cpu));
}

static void kvm_set_a20(void *arg, bool enabled)
{
    struct kvm_engine *e = arg;
    accel_interp_ops.set_a20(e->interp, enabled);
    kvm_kick_all(e);
}

static void kvm_set_ignne(void *arg, unsigned cpu, bool level)
{
    struct kvm_engine *e = arg;
    accel_interp_ops.set_ignne(e->interp, cpu, level);
}

static bool kvm_halted(void *arg, unsigned cpu)
{
    return kvm_cpu(arg, cpu)->cpu->s.activity != X86_ACTIVE;
}

static uint64_t kvm_instructions(void *arg)
{
    struct kvm_engine *e = arg;
    return accel_interp_ops.instructions(e->interp);
}

void kvm_engine_rescues(void *engine, GString *out)
{
    struct kvm_engine *e = engine;
    kvm_rescues_print(e->rescues, out);
    struct kvm_code_drops drops = kvm_memory_code_drops(e->memory);
    g_string_append_printf(out, "decoded code: %" G_GUINT64_FORMAT " takeovers, %" G_GUINT64_FORMAT
                           " pages found changed, %" G_GUINT64_FORMAT " times all dropped\n",
                           drops.times, drops.pages, drops.unknown);
}

bool kvm_engine_policy(void *engine, const char *text, GError **error)
{
    return kvm_policy_parse(&((struct kvm_engine *)engine)->policy, text, error);
}

const struct accel_ops accel_kvm_ops = {
    .name = "kvm",
    .threads = true,
    .open = kvm_open,
    .close = kvm_engine_close,
    .poll = kvm_poll,
    .supports = interp_host_supports,
    .vcpu_run = kvm_vcpu_run,
    .vcpu_kick = kvm_vcpu_kick,
    .vcpu_reset = kvm_vcpu_reset,
    .vcpu_init = kvm_vcpu_init,
    .vcpu_sipi = kvm_vcpu_sipi,
    .state_get = kvm_state_read,
    .state_put = kvm_state_write,
    .set_intr = kvm_set_intr,
    .nmi = kvm_nmi,
    .set_a20 = kvm_set_a20,
    .set_ignne = kvm_set_ignne,
    .halted = kvm_halted,
    .translate = kvm_translate,
    .instructions = kvm_instructions,
    .vcpu_step = kvm_vcpu_step,
    .parked = kvm_parked,
    .breakpoints_changed = kvm_breakpoints_changed,
    .breakpoints_pass = kvm_breakpoints_pass,
    .hold_interrupts = kvm_hold_interrupts,
};
