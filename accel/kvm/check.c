/*
 * The cross-check as an engine.
 *
 * The interpreter's CPUs are the machine's: they alone reach devices, store to memory, take interrupts. Beside each
 * stands a VCPU whose memory is the same but read-only. Before the interpreter executes an instruction, KVM does, in
 * single step and from the same state; its stores come out, are noted and dropped, and when the interpreter has gone
 * the same step they must be found in memory, and the registers must be equal. So nothing has to be copied or undone,
 * and no device is touched twice: an instruction for which KVM wants a device is the interpreter's alone, and so is
 * what check_rules.c names. After such a one KVM gets the state anew; otherwise it simply goes on.
 *
 * KVM may be further by a few instructions: the first of an exception's handler belongs to the step that raised it,
 * and a repeated string instruction may be one step there. So the interpreter goes on until both are at the same RIP;
 * if it never gets there, that is the difference.
 *
 * A step on KVM takes ten to a hundred thousand times as long as one on the interpreter. So each instruction (by address
 * and mode) is compared the first CHECK_TIMES times only, and where nothing new comes the interpreter runs freely for a
 * while. All that is compared is compared instruction by instruction.
 */
#include "accel/kvm/check.h"

#include <string.h>

#include "accel/interp/fpu.h"
#include "accel/kvm/check_impl.h"
#include "accel/kvm/probe.h"

#define CHECK_TIMES 8
#define SEEN_SIZE (1u << 16) /* counters; two addresses may share one */
#define STEPS 64             /* a call of vcpu_run */
#define BORING 200           /* after so many in a row without news */
#define FREE_RUN 2000        /* the interpreter runs so many instructions */
#define AHEAD_MAX 2          /* instructions that KVM may be further */
#define REASONS_MAX 32

struct reason_count {
    const char *text;
    uint64_t count;
};

struct check_engine {
    struct machine *machine;
    void *interp; /* the interpreter's engine */
    struct kvm_engine *kvm;
    unsigned count;
    struct check_cpu *cpus; /* owned */
    struct op_index *index;
    uint8_t *seen;
    GMutex mutex; /* guards what follows */
    uint64_t compared;
    struct reason_count reasons[REASONS_MAX];
    char *difference; /* owned; NULL: none was found */
};

/* ---- what happened ---- */

static void count_reason(struct check_engine *e, const char *text)
{
    g_mutex_lock(&e->mutex);
    for (unsigned i = 0; i < REASONS_MAX; i++) {
        struct reason_count *r = &e->reasons[i];
        if (r->text == NULL || strcmp(r->text, text) == 0) {
            r->text = text;
            r->count++;
            break;
        }
    }
    g_mutex_unlock(&e->mutex);
}

static void count_compared(struct check_engine *e)
{
    g_mutex_lock(&e->mutex);
    e->compared++;
    g_mutex_unlock(&e->mutex);
}

void check_report(void *engine, GString *out)
{
    struct check_engine *e = engine;
    g_mutex_lock(&e->mutex);
    g_string_append_printf(out, "compared: %" G_GUINT64_FORMAT " instructions on both engines, %s\n", e->compared,
                           e->difference != NULL ? "with a difference" : "no difference");
    for (unsigned i = 0; i < REASONS_MAX && e->reasons[i].text != NULL; i++) {
        g_string_append_printf(out, "  interpreted only: %" G_GUINT64_FORMAT " (%s)\n", e->reasons[i].count,
                               e->reasons[i].text);
    }
    g_string_append(out, e->difference != NULL ? e->difference : "");
    g_mutex_unlock(&e->mutex);
}

bool check_found(void *engine)
{
    struct check_engine *e = engine;
    g_mutex_lock(&e->mutex);
    bool found = e->difference != NULL;
    g_mutex_unlock(&e->mutex);
    return found;
}

static enum vcpu_exit stop(struct check_engine *e, struct check_cpu *k, const char *what,
                           const struct x86_state *before, const struct x86_state *interp, const struct x86_state *kvm)
{
    g_autoptr(GString) text = g_string_new(NULL);
    check_describe(k, what, before, interp, kvm, text);
    g_mutex_lock(&e->mutex);
    if (e->difference == NULL) {
        e->difference = g_strdup(text->str);
    }
    g_mutex_unlock(&e->mutex);
    return VCPU_ERROR;
}

/* ---- a step ---- */

/* Often enough? Counts it. */
static bool is_known(struct check_engine *e, const struct check_cpu *k)
{
    uint64_t key = (k->cpu->s.seg[CS].base + k->cpu->rip) ^ (uint64_t)k->cpu->mode << 40;
    uint8_t *seen = &e->seen[(key * 0x9e3779b97f4a7c15ull) >> 48];
    if (*seen >= CHECK_TIMES) {
        return true;
    }
    (*seen)++;
    return false;
}

static enum vcpu_exit step_alone(struct check_engine *e, struct check_cpu *k)
{
    k->fresh = false;
    return accel_interp_ops.vcpu_step(e->interp, k->kvm->index);
}

/* KVM has gone on to another instruction. Why that cannot be compared, or NULL. The insn stays the first, with what
 * either leaves open. */
static const char *look_ahead(struct check_engine *e, struct check_cpu *k)
{
    struct x86_state state;
    struct check_insn first = k->insn;
    accel_interp_ops.state_get(e->interp, k->kvm->index, &state);
    const char *why = check_fetch(k, e->index, &state) ? check_obstacle(k, &state) : "no code in memory";
    first.undefined |= k->insn.undefined;
    if (k->insn.fpu && !first.fpu) {
        why = "two instructions at a time";
    }
    k->insn = first;
    return why;
}

/* The interpreter goes on to where KVM is. *retired: it executed something, and did not only raise an exception. *why: KVM
 * has run something that cannot be compared, or NULL. */
static enum vcpu_exit catch_up(struct check_engine *e, struct check_cpu *k, const struct x86_state *kvm,
                               struct x86_state *interp, bool *retired, const char **why)
{
    unsigned most = k->insn.repeated ? CHECK_STORES_MAX : AHEAD_MAX + 1;
    uint64_t before = interp_instructions(k->cpu, NULL);
    enum vcpu_exit exit = VCPU_DEBUG;
    *why = NULL;
    k->cpu->hold_interrupts = true;
    for (unsigned i = 0; i < most && *why == NULL; i++) {
        exit = accel_interp_ops.vcpu_step(e->interp, k->kvm->index);
        if (exit != VCPU_DEBUG || kvm == NULL ||
            (k->cpu->rip == kvm->rip && (!k->insn.repeated || k->cpu->gpr[RCX] == kvm->gpr[RCX]))) {
            break;
        }
        *why = k->insn.repeated ? NULL : look_ahead(e, k);
    }
    k->cpu->hold_interrupts = false;
    *retired = interp_instructions(k->cpu, NULL) != before;
    accel_interp_ops.state_get(e->interp, k->kvm->index, interp);
    return exit;
}

/* KVM raised an exception without delivering it. */
static enum vcpu_exit compare_fault(struct check_engine *e, struct check_cpu *k, const struct x86_state *before,
                                    unsigned vector)
{
    struct x86_state interp;
    const char *why;
    bool retired;
    enum vcpu_exit exit = catch_up(e, k, NULL, &interp, &retired, &why);
    if (!retired) {
        count_compared(e);
        return exit;
    }
    if (vector == EXC_UD && k->kvm->engine->limits.emulated) {
        count_reason(e, "KVM does not know the instruction");
        return exit;
    }
    g_autofree char *what = g_strdup_printf("KVM raises exception %u, the interpreter does not", vector);
    return stop(e, k, what, before, &interp, NULL);
}

/* The part of RCX that a repeated instruction counts with. */
static uint64_t count_mask(const struct check_cpu *k)
{
    static const uint64_t masks[] = { 0xffff, 0xffffffff, UINT64_MAX };
    return masks[MIN(k->insn.insn.asize, 2)];
}

static enum vcpu_exit compare_done(struct check_engine *e, struct check_cpu *k, const struct x86_state *before,
                                   struct x86_state *kvm)
{
    struct x86_state interp;
    const char *why;
    bool retired, tolerated;
    if (k->insn.repeated && kvm->rip == before->rip && (kvm->gpr[RCX] & count_mask(k)) == 0) {
        /* The last round is done; KVM would only move RIP when it is entered again. */
        kvm->rip += k->insn.insn.len;
        k->fresh = false;
    }
    enum vcpu_exit exit = catch_up(e, k, kvm, &interp, &retired, &why);
    if (why != NULL) {
        count_reason(e, why);
    }
    if (exit != VCPU_DEBUG || why != NULL) {
        k->fresh = false;
        return exit;
    }
    g_autofree char *field = check_compare_state(k, &interp, kvm, &tolerated);
    lock_acquire(&e->machine->lock);
    g_autofree char *memory = check_compare_memory(k, e->machine->memory);
    lock_release(&e->machine->lock);
    if (field != NULL || memory != NULL) {
        return stop(e, k, field != NULL ? field : memory, before, &interp, kvm);
    }
    count_compared(e);
    if (tolerated || (k->kvm->guarded && kvm->idtr.limit != before->idtr.limit)) {
        k->fresh = false;
    }
    return exit;
}

static enum vcpu_exit step_both(struct check_engine *e, struct check_cpu *k)
{
    struct x86_state before, kvm;
    unsigned vector = 0;
    accel_interp_ops.state_get(e->interp, k->kvm->index, &before);
    const char *why = check_fetch(k, e->index, &before) ? check_obstacle(k, &before) : "no code in memory";
    if (why != NULL) {
        count_reason(e, why);
        return step_alone(e, k);
    }
    switch (check_kvm_step(k, &before, &kvm, &vector)) {
    case CHECK_DONE:
        return compare_done(e, k, &before, &kvm);
    case CHECK_FAULT:
        return compare_fault(e, k, &before, vector);
    case CHECK_DEVICE:
        count_reason(e, "devices");
        return step_alone(e, k);
    case CHECK_CANNOT:
        count_reason(e, "KVM cannot");
        return step_alone(e, k);
    }
    return VCPU_DEBUG;
}

/* Something comes from outside before the next instruction. */
static bool event_due(const struct check_cpu *k)
{
    uint32_t attention = __atomic_load_n(&k->cpu->attention, __ATOMIC_SEQ_CST);
    bool intr = k->cpu->s.intr && (k->cpu->eflags & FLAG_IF) != 0;
    return intr || (attention & ~(uint32_t)(CPU_ATTENTION_KICK | CPU_ATTENTION_INTR | CPU_ATTENTION_STOP)) != 0;
}

static enum vcpu_exit one_step(struct check_engine *e, struct check_cpu *k)
{
    if (event_due(k)) {
        return step_alone(e, k);
    }
    if (!is_known(e, k)) {
        k->boring = 0;
        return step_both(e, k);
    }
    if (++k->boring < BORING) {
        return step_alone(e, k);
    }
    k->boring = 0;
    k->fresh = false;
    enum vcpu_exit exit = interp_run(k->cpu, FREE_RUN);
    return exit == VCPU_KICKED ? VCPU_DEBUG : exit;
}

enum vcpu_exit check_single_step(void *engine, unsigned cpu)
{
    struct check_engine *e = engine;
    return one_step(e, &e->cpus[cpu]);
}

static enum vcpu_exit check_run(void *arg, unsigned cpu)
{
    struct check_engine *e = arg;
    struct check_cpu *k = &e->cpus[cpu];
    for (unsigned i = 0; i < STEPS; i++) {
        const struct cpu *c = k->cpu;
        bool waits = c->s.activity == X86_HALTED || c->s.activity == X86_WAIT_SIPI;
        uint32_t attention = __atomic_load_n(&c->attention, __ATOMIC_SEQ_CST);
        if ((attention & CPU_ATTENTION_KICK) != 0) {
            cpu_attention_clear(k->cpu, CPU_ATTENTION_KICK);
            return VCPU_KICKED;
        }
        if (waits && attention == 0) {
            return VCPU_HALTED;
        }
        enum vcpu_exit exit = one_step(e, k);
        if (exit != VCPU_DEBUG) {
            return exit;
        }
    }
    return VCPU_KICKED;
}

/* ---- the engine ---- */

static void check_close(void *arg)
{
    struct check_engine *e = arg;
    if (e->kvm != NULL) {
        kvm_engine_close(e->kvm);
    }
    g_mutex_clear(&e->mutex);
    g_free(e->difference);
    g_free(e->index);
    g_free(e->seen);
    g_free(e->cpus);
    g_free(e);
}

static void *check_open(const struct accel_open *open, GError **error)
{
    struct check_engine *e = g_new0(struct check_engine, 1);
    struct accel_open shadow = *open;
    shadow.irqchip = ACCEL_IRQCHIP_OFF; /* the interpreter executes, with the board's */
    shadow.shadow = true;
    *e = (struct check_engine){
        .machine = open->machine, .interp = open->interp, .count = open->cpus,
        .cpus = g_new0(struct check_cpu, open->cpus), .index = op_index_create(), .seen = g_malloc0(SEEN_SIZE),
    };
    g_mutex_init(&e->mutex);
    e->kvm = kvm_engine_open(&shadow, &kvm_sys_host, error);
    if (e->kvm == NULL) {
        check_close(e);
        return NULL;
    }
    for (unsigned i = 0; i < e->count; i++) {
        e->cpus[i].kvm = &e->kvm->cpus[i];
        e->cpus[i].cpu = interp_engine_cpu(e->interp, i);
    }
    return e;
}

/* The rest is the interpreter's. */

static void *of_interp(void *arg)
{
    return ((struct check_engine *)arg)->interp;
}

static void check_kick(void *arg, unsigned cpu)
{
    accel_interp_ops.vcpu_kick(of_interp(arg), cpu);
}

static void check_reset(void *arg, unsigned cpu)
{
    ((struct check_engine *)arg)->cpus[cpu].fresh = false;
    accel_interp_ops.vcpu_reset(of_interp(arg), cpu);
}

static void check_init(void *arg, unsigned cpu)
{
    accel_interp_ops.vcpu_init(of_interp(arg), cpu);
}

static void check_sipi(void *arg, unsigned cpu, uint8_t vector)
{
    accel_interp_ops.vcpu_sipi(of_interp(arg), cpu, vector);
}

static void check_state_get(void *arg, unsigned cpu, struct x86_state *state)
{
    accel_interp_ops.state_get(of_interp(arg), cpu, state);
}

static void check_state_put(void *arg, unsigned cpu, const struct x86_state *state)
{
    ((struct check_engine *)arg)->cpus[cpu].fresh = false;
    accel_interp_ops.state_put(of_interp(arg), cpu, state);
}

static void check_set_intr(void *arg, unsigned cpu, bool level)
{
    accel_interp_ops.set_intr(of_interp(arg), cpu, level);
}

static void check_nmi(void *arg, unsigned cpu)
{
    accel_interp_ops.nmi(of_interp(arg), cpu);
}

static void check_set_a20(void *arg, bool enabled)
{
    accel_interp_ops.set_a20(of_interp(arg), enabled);
}

static void check_set_ignne(void *arg, unsigned cpu, bool level)
{
    accel_interp_ops.set_ignne(of_interp(arg), cpu, level);
}

static bool check_halted(void *arg, unsigned cpu)
{
    return accel_interp_ops.halted(of_interp(arg), cpu);
}

static bool check_translate(void *arg, unsigned cpu, uint64_t linear, uint64_t *physical)
{
    return accel_interp_ops.translate(of_interp(arg), cpu, linear, physical);
}

static uint64_t check_instructions(void *arg)
{
    return accel_interp_ops.instructions(of_interp(arg));
}

static enum vcpu_exit check_vcpu_step(void *arg, unsigned cpu)
{
    struct check_engine *e = arg;
    return step_alone(e, &e->cpus[cpu]);
}

static void check_breakpoints_changed(void *arg, struct breakpoints *set)
{
    accel_interp_ops.breakpoints_changed(of_interp(arg), set);
}

static void check_breakpoints_pass(void *arg)
{
    accel_interp_ops.breakpoints_pass(of_interp(arg));
}

static void check_hold_interrupts(void *arg, unsigned cpu, bool hold)
{
    accel_interp_ops.hold_interrupts(of_interp(arg), cpu, hold);
}

const struct accel_ops accel_check_ops = {
    .name = "check",
    .open = check_open,
    .close = check_close,
    .supports = interp_host_supports,
    .vcpu_run = check_run,
    .vcpu_kick = check_kick,
    .vcpu_reset = check_reset,
    .vcpu_init = check_init,
    .vcpu_sipi = check_sipi,
    .state_get = check_state_get,
    .state_put = check_state_put,
    .set_intr = check_set_intr,
    .nmi = check_nmi,
    .set_a20 = check_set_a20,
    .set_ignne = check_set_ignne,
    .halted = check_halted,
    .translate = check_translate,
    .instructions = check_instructions,
    .vcpu_step = check_vcpu_step,
    .breakpoints_changed = check_breakpoints_changed,
    .breakpoints_pass = check_breakpoints_pass,
    .hold_interrupts = check_hold_interrupts,
};
