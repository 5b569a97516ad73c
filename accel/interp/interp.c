/*
 * The run loop, and the CPU's state from and to its canonical form.
 *
 * Between traces the loop serves attention bits (interrupt.c), lets timers and events run when the budget of
 * instructions is used up, finds the next trace and enters it. Faults come back by longjmp to a point before
 * the loop.
 */
#include "accel/interp/interp.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "accel/interp/apic.h"
#include "accel/interp/flags.h"
#include "accel/interp/fpu.h"
#include "accel/interp/interrupt.h"
#include "accel/interp/logging.h"
#include "accel/interp/system.h"
#include "accel/interp/tlb.h"
#include "accel/interp/trace.h"
#include "core/machine.h"

/* Instructions between two looks at the clocks, and about as many as interp_run's caller can wait for. */
#define QUANTUM 20000

#define APIC_BASE_BSP 0x100u

const uint64_t address_mask[3] = { 0xffff, 0xffffffff, ~0ull };

uint64_t cpu_rflags(const struct cpu *cpu)
{
    return cpu->eflags | flags_status(cpu);
}

void cpu_set_rflags(struct cpu *cpu, uint64_t rflags)
{
    cpu->eflags = (rflags & ~(uint64_t)FLAGS_STATUS) | FLAG_1;
    set_flags_status(cpu, rflags);
}

void cpu_attention_set(struct cpu *cpu, uint32_t bits)
{
    __atomic_fetch_or(&cpu->attention, bits, __ATOMIC_SEQ_CST);
}

void cpu_attention_clear(struct cpu *cpu, uint32_t bits)
{
    __atomic_fetch_and(&cpu->attention, ~bits, __ATOMIC_SEQ_CST);
}

/* ---- canonical state ---- */

void cpu_state_get(struct cpu *cpu, struct x86_state *state)
{
    *state = cpu->s;
    memcpy(state->gpr, cpu->gpr, sizeof(state->gpr));
    state->rip = cpu->rip;
    state->rflags = cpu_rflags(cpu);
    state->tsc = cpu_tsc(cpu);
    if (cpu->shadow_rip != cpu->rip || cpu->s.activity != X86_ACTIVE) {
        state->shadow_sti = state->shadow_mov_ss = false; /* over, though nobody has asked yet */
    }
    fpu_state_get(cpu, state);
}

static unsigned privilege_level(const struct x86_state *s)
{
    if ((s->cr0 & CR0_PE) == 0) {
        return 0;
    }
    return s->rflags & FLAG_VM ? 3 : (s->seg[SS].attr & SEG_DPL) >> SEG_DPL_SHIFT;
}

void cpu_state_put(struct cpu *cpu, const struct x86_state *state)
{
    uint32_t attention = (state->intr ? CPU_ATTENTION_INTR : 0) |
                         (state->nmi_pending ? CPU_ATTENTION_NMI : 0) |
                         (state->smi_pending ? CPU_ATTENTION_SMI : 0) |
                         (state->shadow_sti || state->shadow_mov_ss ? CPU_ATTENTION_SHADOW : 0);
    struct breakpoints *breaks = cpu->breaks;
    cpu->breaks = NULL; /* this is no event in the guest */
    cpu->s = *state;
    memcpy(cpu->gpr, state->gpr, sizeof(state->gpr));
    cpu->gpr[REG_ZERO] = 0;
    cpu->gpr[REG_4G] = 1ull << 32;
    cpu->rip = state->rip;
    cpu_set_rflags(cpu, state->rflags);
    fpu_state_put(cpu);
    cpu->cpl = privilege_level(state);
    cpu->a20_mask = state->a20 ? ~0ull : ~(1ull << 20);
    cpu->phys_mask = (1ull << cpu->cpuid->physical_bits) - 1;
    apic_update(cpu);
    cpu->exception_depth = -1;
    cpu->triple_fault = false;
    cpu->shadow_rip = state->rip;
    cpu->shadow_single = cpu->step_armed = false;
    cpu->step_count = 0;
    cpu->debug_pending = 0;
    cpu_set_tsc(cpu, state->tsc);
    tlb_flush(cpu, true);
    cpu_attention_clear(cpu, ~(CPU_ATTENTION_KICK | CPU_ATTENTION_TLB));
    cpu_attention_set(cpu, attention);
    cpu_update_mode(cpu); /* may add to attention */
    for (unsigned i = 0; i < G_N_ELEMENTS(cpu->segf); i++) {
        cpu_update_segment(cpu, i);
    }
    cpu->breaks = breaks;
}

void interp_cpu_reset(struct cpu *cpu, bool init)
{
    struct x86_state state;
    uint32_t signature = x86_cpuid_query(cpu->cpuid, cpu->index, 1, 0, 0, 0, 0).eax;
    int64_t tsc_offset = cpu->tsc_offset;
    cpu_state_get(cpu, &state);
    x86_state_reset(&state, init, signature);
    if (!init) {
        state.msr.apic_base &= ~(cpu->index > 0 ? (uint64_t)APIC_BASE_BSP : 0);
        state.msr.apic_base = x86_has(cpu->cpuid, X86_APIC) ? state.msr.apic_base : 0;
    }
    if (cpu->index > 0) {
        state.activity = X86_WAIT_SIPI;
    }
    cpu_state_put(cpu, &state);
    if (init) {
        cpu->tsc_offset = tsc_offset; /* to the tick: counters of several CPUs must not drift apart */
    } else {
        apic_set_base(cpu);
    }
}

struct cpu *interp_cpu_create(struct machine *machine, const struct x86_cpuid *cpuid,
                              struct trace_cache *traces, unsigned index)
{
    size_t size = (sizeof(struct cpu) + 63) & ~(size_t)63;
    struct cpu *cpu = aligned_alloc(64, size);
    if (cpu == NULL) {
        g_error("no memory for a CPU (%zu bytes)", size);
    }
    memset(cpu, 0, size);
    blackbox_init(&cpu->box);
    cpu->machine = machine;
    cpu->cpuid = cpuid;
    cpu->traces = traces;
    cpu->index = index;
    tlb_init(cpu);
    interp_cpu_reset(cpu, false);
    return cpu;
}

void interp_cpu_destroy(struct cpu *cpu)
{
    free(cpu);
}

/* ---- running ---- */

uint64_t interp_instructions(const struct cpu *cpu, const struct insn *insn)
{
    return cpu->icount + (uint64_t)(cpu->quantum - cpu->budget) + (insn != NULL ? insn->n : 0);
}

static void begin_quantum(struct cpu *cpu, int64_t instructions)
{
    cpu->icount += (uint64_t)(cpu->quantum - cpu->budget);
    cpu->quantum = cpu->budget = instructions;
}

/* Enters the trace at rip; comes back at the end of the chain of traces. */
static void run_traces(struct cpu *cpu)
{
    uint32_t limit = cpu->s.seg[CS].limit;
    bool whole_pages = (limit & 0xfff) == 0xfff && (cpu->s.seg[CS].base & 0xfff) == 0;
    cpu->tlb_exec = cpu->tlb_bank[cpu->cpl == 3 ? TLB_USER : TLB_SUPERVISOR];
    if (cpu->mode & MODE_CODE64) {
        cpu->exec_base = 0;
        cpu->exec_limit = UINT64_MAX;
    } else {
        cpu->exec_base = cpu->s.seg[CS].base;
        cpu->exec_limit = whole_pages ? limit : limit > 0xfff ? limit - 0xfff : 0;
    }
    struct trace *trace = trace_find(cpu);
    blackbox_set_base(&cpu->box, cpu->exec_base);
    blackbox_branch(&cpu->box, cpu->rip);
    cpu->gpr[REG_RIP0] = cpu->rip;
    cpu->trace = trace;
    trace->insn[0].fn(cpu, trace->insn);
}

static bool clock_due(const struct clock *clock)
{
    uint64_t deadline = clock_deadline(clock);
    return deadline != CLOCK_NEVER && clock_running(clock) && clock_now(clock) >= deadline;
}

/* Runs timers and events if there are any to run. */
static void poll_machine(struct machine *machine)
{
    if (machine != NULL &&
        (event_pending(machine->events) || clock_due(machine->guest_clock) ||
         clock_due(machine->host_clock) || clock_due(machine->rtc_clock))) {
        uint32_t fp_flags = fpu_flags_save();
        machine_poll(machine);
        fpu_flags_restore(fp_flags);
    }
}

static enum vcpu_exit exit_reason(const struct cpu *cpu)
{
    if (cpu->triple_fault || cpu->s.activity == X86_SHUTDOWN) {
        return VCPU_SHUTDOWN;
    }
    return cpu->s.activity == X86_ACTIVE ? VCPU_KICKED : VCPU_HALTED;
}

/* True if the CPU can execute its next instruction; false: leave with *reason. */
static bool ready(struct cpu *cpu, enum vcpu_exit *reason)
{
    uint32_t attention = __atomic_load_n(&cpu->attention, __ATOMIC_RELAXED);
    bool go = !cpu->triple_fault && (attention == 0 || cpu_handle_attention(cpu)) &&
              cpu->s.activity == X86_ACTIVE;
    if (go) {
        return true;
    }
    *reason = exit_reason(cpu);
    attention = __atomic_load_n(&cpu->attention, __ATOMIC_RELAXED);
    if (attention & CPU_ATTENTION_STOP) {
        cpu_attention_clear(cpu, CPU_ATTENTION_STOP);
        *reason = cpu->triple_fault ? VCPU_SHUTDOWN : VCPU_DEBUG;
    } else if (attention & CPU_ATTENTION_KICK) {
        cpu_attention_clear(cpu, CPU_ATTENTION_KICK);
        *reason = cpu->triple_fault ? VCPU_SHUTDOWN : VCPU_KICKED;
    }
    return false;
}

/* Starts the next quantum and lets the machine do what is due. False if the instruction limit was reached. */
static bool next_quantum(struct cpu *cpu)
{
    int64_t quantum = QUANTUM;
    begin_quantum(cpu, 0);
    if (cpu->run_end != 0) {
        uint64_t done = cpu->icount + cpu->spent;
        if (done >= cpu->run_end) {
            return false;
        }
        quantum = MIN((uint64_t)QUANTUM, cpu->run_end - done - 1);
    }
    begin_quantum(cpu, cpu->mode & MODE_SINGLE ? 0 : quantum);
    poll_machine(cpu->machine);
    return true;
}

/* Until there is a reason to leave. */
static enum vcpu_exit run_loop(struct cpu *cpu)
{
    enum vcpu_exit reason;
    do {
        /* First, since a CPU that is ready has done with what comes before the instruction. What the machine
         * raises here comes before it as well. */
        if (cpu->budget < 0 || cpu->quantum == 0 || cpu->mode & MODE_SINGLE) {
            if (!next_quantum(cpu)) {
                return VCPU_KICKED;
            }
        }
        if (!ready(cpu, &reason)) {
            return reason;
        }
        uint32_t attention = __atomic_load_n(&cpu->attention, __ATOMIC_RELAXED);
        if (unlikely((attention & CPU_ATTENTION_LOG) != 0 || logging(cpu, (enum log_item)(LOG_EXEC | LOG_CPU)))) {
            logging_trace(cpu);
        }
        run_traces(cpu);
    } while (true);
}

enum vcpu_exit interp_run(struct cpu *cpu, uint64_t max_instructions)
{
    begin_quantum(cpu, 0);
    cpu->spent = 0;
    cpu->run_end = max_instructions != 0 ? cpu->icount + max_instructions : 0;
    fpu_enter(cpu);
    if (sigsetjmp(cpu->fault_exit, 0) != 0) {
        /* After a fault the loop begins anew. A handler that faults itself must not keep interrupts out. */
        cpu_spend(cpu, 1);
    }
    enum vcpu_exit reason = run_loop(cpu);
    fpu_leave(cpu);
    return reason;
}

/* Parked already, so a kick means nothing. */
static bool ready_to_step(struct cpu *cpu, enum vcpu_exit *reason)
{
    bool go;
    do {
        go = ready(cpu, reason);
    } while (!go && *reason == VCPU_KICKED);
    return go;
}

void interp_deliver(struct cpu *cpu, const struct cpu_event *event)
{
    fpu_enter(cpu);
    if (sigsetjmp(cpu->fault_exit, 0) == 0) {
        if (event->kind == EVENT_EXCEPTION) {
            cpu->exception_depth = event->vector;
        }
        cpu_event_deliver(cpu, event);
    }
    cpu->exception_depth = -1;
    fpu_leave(cpu);
}

enum vcpu_exit interp_step(struct cpu *cpu)
{
    enum vcpu_exit reason = VCPU_DEBUG;
    begin_quantum(cpu, 0);
    fpu_enter(cpu);
    if (sigsetjmp(cpu->fault_exit, 0) != 0) {
        reason = cpu->triple_fault ? VCPU_SHUTDOWN : VCPU_DEBUG;
    } else if (ready_to_step(cpu, &reason)) {
        cpu->mode |= MODE_SINGLE;
        run_traces(cpu);
        reason = VCPU_DEBUG;
    }
    cpu_attention_clear(cpu, CPU_ATTENTION_STOP);
    cpu_update_mode(cpu);
    begin_quantum(cpu, 0);
    fpu_leave(cpu);
    return reason;
}
