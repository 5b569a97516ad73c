/*
 * The interpreter as an engine: its CPUs, the trace cache and the view of memory they share, and the lines
 * that come in from other threads.
 *
 * All CPUs run on one thread in turn. With more than one, each gets a slice of instructions at a time; PAUSE
 * and HLT end it early. No instruction is interrupted by another CPU, so LOCK needs nothing.
 */
#include "accel/accel.h"
#include "accel/interp/breaks.h"
#include "accel/interp/fpu.h"
#include "accel/interp/interp.h"
#include "accel/interp/interrupt.h"
#include "accel/interp/memory.h"
#include "accel/interp/tlb.h"
#include "accel/interp/trace.h"
#include "core/machine.h"

#define SLICE 20000 /* instructions a CPU runs at a time when there are several */

struct engine {
    struct machine *machine;
    unsigned count;
    struct cpu **cpus; /* owned */
    struct trace_cache *traces;
    struct interp_memory *memory;
    struct break_index planted; /* what the traces check: at least what is set */
};

static void engine_close(void *arg)
{
    struct engine *e = arg;
    for (unsigned i = 0; i < e->count; i++) {
        if (e->cpus[i] != NULL) {
            interp_memory_detach(e->memory, e->cpus[i]);
            interp_cpu_destroy(e->cpus[i]);
        }
    }
    interp_memory_destroy(e->memory);
    trace_cache_destroy(e->traces);
    g_free(e->cpus);
    g_free(e);
}

/* From the CPU's own thread, lock not held. */
static void engine_ferr(void *arg)
{
    struct engine *e = arg;
    uint32_t fp_flags = fpu_flags_save();
    lock_acquire(&e->machine->lock);
    if (e->machine->ferr != NULL) {
        e->machine->ferr(e->machine->ferr_arg);
    }
    lock_release(&e->machine->lock);
    fpu_flags_restore(fp_flags);
}

static void *engine_open(const struct accel_open *open, GError **error)
{
    struct engine *e = g_new0(struct engine, 1);
    struct machine *machine = open->machine;
    unsigned cpus = open->cpus;
    e->machine = machine;
    e->count = cpus;
    e->cpus = g_new0(struct cpu *, cpus);
    e->traces = trace_cache_create();
    e->memory = interp_memory_create(machine, e->traces);
    for (unsigned i = 0; i < cpus; i++) {
        e->cpus[i] = interp_cpu_create(machine, open->cpuid, e->traces, i);
        interp_memory_attach(e->memory, e->cpus[i]);
        e->cpus[i]->shares_thread = cpus > 1;
        e->cpus[i]->ferr = engine_ferr;
        e->cpus[i]->ferr_arg = e;
    }
    return e;
}

static struct cpu *engine_cpu(void *arg, unsigned cpu)
{
    return ((struct engine *)arg)->cpus[cpu];
}

struct cpu *interp_engine_cpu(void *engine, unsigned cpu)
{
    return engine_cpu(engine, cpu);
}

void interp_engine_forget(void *engine)
{
    struct engine *e = engine;
    trace_cache_flush(e->traces);
    if (e->cpus[0]->breaks == NULL) {
        e->planted = (struct break_index){ 0 };
    }
}

static enum vcpu_exit engine_run(void *arg, unsigned cpu)
{
    struct engine *e = arg;
    const struct cpu *c = e->cpus[cpu];
    bool waits = c->s.activity == X86_HALTED || c->s.activity == X86_WAIT_SIPI;
    if (waits && __atomic_load_n(&c->attention, __ATOMIC_RELAXED) == 0) {
        return VCPU_HALTED;
    }
    return interp_run(e->cpus[cpu], e->count > 1 ? SLICE : 0);
}

static void engine_kick(void *arg, unsigned cpu)
{
    cpu_attention_set(engine_cpu(arg, cpu), CPU_ATTENTION_KICK);
}

static void engine_reset(void *arg, unsigned cpu)
{
    interp_cpu_reset(engine_cpu(arg, cpu), false);
}

static void engine_init(void *arg, unsigned cpu)
{
    cpu_attention_set(engine_cpu(arg, cpu), CPU_ATTENTION_INIT);
}

static void engine_sipi(void *arg, unsigned cpu, uint8_t vector)
{
    struct cpu *c = engine_cpu(arg, cpu);
    c->sipi_vector = vector;
    cpu_attention_set(c, CPU_ATTENTION_SIPI);
}

static void engine_state_get(void *arg, unsigned cpu, struct x86_state *state)
{
    cpu_settle(engine_cpu(arg, cpu));
    cpu_state_get(engine_cpu(arg, cpu), state);
}

static void engine_state_put(void *arg, unsigned cpu, const struct x86_state *state)
{
    cpu_state_put(engine_cpu(arg, cpu), state);
}

static void engine_set_intr(void *arg, unsigned cpu, bool level)
{
    struct cpu *c = engine_cpu(arg, cpu);
    __atomic_store_n(&c->s.intr, level, __ATOMIC_SEQ_CST);
    if (level) {
        cpu_attention_set(c, CPU_ATTENTION_INTR);
    } else {
        cpu_attention_clear(c, CPU_ATTENTION_INTR);
    }
}

static void engine_nmi(void *arg, unsigned cpu)
{
    cpu_attention_set(engine_cpu(arg, cpu), CPU_ATTENTION_NMI);
}

static bool engine_halted(void *arg, unsigned cpu)
{
    return engine_cpu(arg, cpu)->s.activity != X86_ACTIVE;
}

static void engine_set_a20(void *arg, bool enabled)
{
    struct engine *e = arg;
    for (unsigned i = 0; i < e->count; i++) {
        struct cpu *c = e->cpus[i];
        if (c->s.a20 != enabled) {
            c->s.a20 = enabled;
            c->a20_mask = enabled ? ~0ull : ~(1ull << 20);
            tlb_flush(c, true);
        }
    }
}

static void engine_set_ignne(void *arg, unsigned cpu, bool level)
{
    engine_cpu(arg, cpu)->ignne = level;
}

static bool engine_translate(void *arg, unsigned cpu, uint64_t linear, uint64_t *physical)
{
    return pagewalk_probe(engine_cpu(arg, cpu), linear, physical);
}

static uint64_t engine_instructions(void *arg)
{
    struct engine *e = arg;
    uint64_t n = 0;
    for (unsigned i = 0; i < e->count; i++) {
        n += interp_instructions(e->cpus[i], NULL);
    }
    return n;
}

static enum vcpu_exit engine_step(void *arg, unsigned cpu)
{
    return interp_step(engine_cpu(arg, cpu));
}

/* Traces may check more than is set, never less. Debuggers take their breakpoints away at each stop and put them back:
 * what checks too much is kept for the time of a step, and longer where it costs little. */
static bool keeps_traces(const struct break_index *planted, const struct breakpoints *set)
{
    bool too_much = breakpoints_armed(set) ? planted->precise && !set->index.precise : planted->events != 0;
    return break_index_covers(planted, &set->index) && !(set->runs && too_much);
}

static void engine_breakpoints_changed(void *arg, struct breakpoints *set)
{
    struct engine *e = arg;
    if (!keeps_traces(&e->planted, set)) {
        trace_cache_flush(e->traces);
        e->planted = set->index;
    }
    for (unsigned i = 0; i < e->count; i++) {
        breaks_set(e->cpus[i], set, &e->planted);
        tlb_flush(e->cpus[i], true);
    }
}

static void engine_breakpoints_pass(void *arg)
{
    struct engine *e = arg;
    for (unsigned i = 0; i < e->count; i++) {
        breaks_pass(e->cpus[i]);
    }
}

static void engine_hold_interrupts(void *arg, unsigned cpu, bool hold)
{
    engine_cpu(arg, cpu)->hold_interrupts = hold;
}

static const struct blackbox *engine_blackbox(void *arg, unsigned cpu)
{
    return &engine_cpu(arg, cpu)->box;
}

const struct accel_ops accel_interp_ops = {
    .name = "interp",
    .open = engine_open,
    .close = engine_close,
    .supports = interp_host_supports,
    .vcpu_run = engine_run,
    .vcpu_kick = engine_kick,
    .vcpu_reset = engine_reset,
    .vcpu_init = engine_init,
    .vcpu_sipi = engine_sipi,
    .state_get = engine_state_get,
    .state_put = engine_state_put,
    .set_intr = engine_set_intr,
    .nmi = engine_nmi,
    .set_a20 = engine_set_a20,
    .set_ignne = engine_set_ignne,
    .halted = engine_halted,
    .translate = engine_translate,
    .instructions = engine_instructions,
    .vcpu_step = engine_step,
    .blackbox = engine_blackbox,
    .breakpoints_changed = engine_breakpoints_changed,
    .breakpoints_pass = engine_breakpoints_pass,
    .hold_interrupts = engine_hold_interrupts,
};
