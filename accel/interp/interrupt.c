/*
 * Between two instructions: INIT, traps, NMI, interrupts and instruction breakpoints, in the order of SDM volume 3,
 * table 6-2. See interrupt.h.
 *
 * The INTR bit of the attention word means "look at the pin"; it is dropped while EFLAGS.IF is clear and set again
 * by cpu_check_intr() when that changes, so that a waiting interrupt costs nothing in the meantime. The shadow
 * of STI and MOV SS is recognised by RIP: it holds while RIP is still the address behind that instruction, and
 * ends with the one instruction that is then run as a trace of its own.
 *
 * The local APIC is a device of the board and reaches the CPU through the same INTR pin.
 *
 * Not modelled: SMM.
 */
#include "accel/interp/interrupt.h"

#include "accel/interp/apic.h"
#include "accel/interp/debug.h"
#include "accel/interp/fpu.h"
#include "accel/interp/interp.h"
#include "accel/interp/segment.h"
#include "accel/interp/tlb.h"
#include "core/machine.h"

static void attention_set(struct cpu *cpu, uint32_t bits)
{
    __atomic_fetch_or(&cpu->attention, bits, __ATOMIC_SEQ_CST);
}

static void attention_clear(struct cpu *cpu, uint32_t bits)
{
    __atomic_fetch_and(&cpu->attention, ~bits, __ATOMIC_SEQ_CST);
}

void cpu_set_intr(struct cpu *cpu, bool level)
{
    __atomic_store_n(&cpu->s.intr, level, __ATOMIC_RELAXED);
    if (level) {
        attention_set(cpu, CPU_ATTENTION_INTR);
    }
}

void cpu_raise_nmi(struct cpu *cpu)
{
    attention_set(cpu, CPU_ATTENTION_NMI);
}

void cpu_begin_shadow(struct cpu *cpu, uint64_t next_rip, bool mov_ss)
{
    cpu->s.shadow_sti = !mov_ss;
    cpu->s.shadow_mov_ss = mov_ss;
    cpu->shadow_rip = next_rip;
}

static void end_shadow(struct cpu *cpu)
{
    cpu->s.shadow_sti = cpu->s.shadow_mov_ss = false;
    if (cpu->shadow_single) {
        cpu->shadow_single = false;
        cpu_update_mode(cpu);
    }
    attention_clear(cpu, CPU_ATTENTION_SHADOW);
}

/* Is the next instruction the one in the shadow? Asking ends a shadow that is over. */
static bool in_shadow(struct cpu *cpu)
{
    uint32_t attention = __atomic_load_n(&cpu->attention, __ATOMIC_RELAXED);
    if ((attention & CPU_ATTENTION_SHADOW) != 0 && !cpu->shadow_single) {
        cpu->shadow_rip = cpu->rip; /* the state was loaded so */
    }
    if (cpu->shadow_rip != cpu->rip ||
        (cpu->shadow_single && cpu->shadow_count != interp_instructions(cpu, NULL))) {
        end_shadow(cpu);
    }
    return cpu->s.shadow_sti || cpu->s.shadow_mov_ss;
}

/* The instruction in the shadow runs next, alone, so that this place is reached right behind it. */
static void pass_shadow(struct cpu *cpu)
{
    cpu->shadow_count = interp_instructions(cpu, NULL);
    cpu->shadow_single = true;
    cpu_update_mode(cpu);
    attention_set(cpu, CPU_ATTENTION_SHADOW);
}

static void raise_debug(struct cpu *cpu, uint32_t bits)
{
    cpu->debug_pending = 0;
    cpu->step_armed = false;
    cpu->s.dr[6] = (cpu->s.dr[6] & ~15ull) | DR6_FIXED | bits;
    cpu->s.dr[7] &= ~(uint64_t)DR7_GD;
    cpu->s.msr.debugctl &= ~(uint64_t)(DEBUGCTL_LBR | DEBUGCTL_BTF);
    cpu_fault(cpu, NULL, EXC_DB, 0);
}

/* The run loop may come here more than once before it runs an instruction: has this place been passed? */
static bool cleared_to_run(const struct cpu *cpu)
{
    return cpu->step_count == interp_instructions(cpu, NULL) + 1;
}

/* The instruction that has just run alone went elsewhere than to the one behind it, or to itself by an iteration. */
static bool has_branched(const struct cpu *cpu)
{
    const struct insn *insn = cpu->trace->insn[0].len != 0 ? cpu->trace->insn : cpu->trace->insn + 1; /* behind a check */
    uint64_t mask = cpu->mode & MODE_CODE64 ? UINT64_MAX : cpu->s.seg[CS].attr & SEG_DB ? UINT32_MAX : UINT16_MAX;
    uint64_t next = (cpu->step_rip + insn->len) & mask;
    return cpu->rip != next && cpu->rip != cpu->step_rip;
}

static void debug_traps(struct cpu *cpu)
{
    if (cpu->step_armed && !cleared_to_run(cpu)) {
        bool branches_only = (cpu->s.msr.debugctl & DEBUGCTL_BTF) != 0;
        cpu->debug_pending |= !branches_only || has_branched(cpu) ? DR6_BS : 0;
        cpu->step_armed = false;
    }
    if (cpu->debug_pending != 0) {
        raise_debug(cpu, cpu->debug_pending);
    }
}

static void take_nmi(struct cpu *cpu)
{
    cpu->s.nmi_pending = false;
    cpu->s.nmi_blocked = true;
    cpu_event_deliver(cpu, &(struct cpu_event){ .kind = EVENT_EXTERNAL, .vector = EXC_NMI, .rip = cpu->rip });
}

static void take_interrupt(struct cpu *cpu)
{
    struct machine *machine = cpu->machine;
    int vector = -1;

    attention_clear(cpu, CPU_ATTENTION_INTR);
    if (!__atomic_load_n(&cpu->s.intr, __ATOMIC_RELAXED)) {
        return;
    }
    uint32_t fp_flags = fpu_flags_save();
    lock_acquire(&machine->lock);
    /* The line may have fallen while we waited for the lock. */
    if (cpu->s.intr) {
        vector = apic_acknowledge(cpu);
    }
    lock_release(&machine->lock);
    fpu_flags_restore(fp_flags);
    if (vector < 0) {
        return;
    }
    log_print(machine->log, LOG_INT, "Servicing hardware INT=0x%02x\n", (unsigned)vector);
    cpu_event_deliver(cpu, &(struct cpu_event){
                               .kind = EVENT_EXTERNAL, .vector = (uint8_t)vector, .rip = cpu->rip });
    cpu_check_intr(cpu);
}

static void events(struct cpu *cpu)
{
    bool shadow = in_shadow(cpu);
    bool mov_ss = shadow && cpu->s.shadow_mov_ss;
    uint32_t attention = __atomic_load_n(&cpu->attention, __ATOMIC_SEQ_CST);

    if (mov_ss && !cleared_to_run(cpu)) {
        cpu->step_armed = false; /* SDM 6.8.3: no single-step trap behind MOV SS */
    } else if (!mov_ss) {
        debug_traps(cpu);
    }
    if ((attention & CPU_ATTENTION_NMI) != 0) {
        attention_clear(cpu, CPU_ATTENTION_NMI);
        cpu->s.nmi_pending = true;
    }
    if (cpu->hold_interrupts) {
        return;
    }
    bool intr = (attention & CPU_ATTENTION_INTR) != 0;
    if (shadow && (intr || cpu->s.nmi_pending || cpu->debug_pending != 0)) {
        pass_shadow(cpu);
        return;
    }
    if (cpu->s.nmi_pending && !cpu->s.nmi_blocked) {
        take_nmi(cpu);
    }
    if (intr && (cpu->eflags & FLAG_IF) != 0) {
        take_interrupt(cpu);
    } else if (intr) {
        attention_clear(cpu, CPU_ATTENTION_INTR);
    }
}

/* Just before the next instruction. */
static void before_instruction(struct cpu *cpu)
{
    if (!cleared_to_run(cpu)) {
        if (cpu->code_breakpoints && (cpu->eflags & FLAG_RF) == 0) {
            uint32_t hits = debug_match_code(cpu, cpu->segf[CS].base + cpu->rip);
            if (hits != 0) {
                raise_debug(cpu, hits);
            }
        }
        cpu->step_count = interp_instructions(cpu, NULL) + 1;
        cpu->eflags &= ~FLAG_RF;
        cpu->step_armed = (cpu->eflags & FLAG_TF) != 0;
        cpu->step_rip = cpu->rip;
    }
    if ((cpu->eflags & FLAG_TF) == 0 && (cpu->s.dr[7] & 0xff) == 0 && cpu->debug_pending == 0) {
        attention_clear(cpu, CPU_ATTENTION_DEBUG);
    }
}

/* SDM volume 3, 9.4.4.2: the CPU starts in real mode at vector * 4096. */
static void start_up(struct cpu *cpu)
{
    struct x86_segment *cs = &cpu->s.seg[CS];
    if (cpu->s.activity != X86_WAIT_SIPI) {
        return;
    }
    cs->selector = (uint16_t)(cpu->sipi_vector << 8);
    cs->base = (uint64_t)cpu->sipi_vector << 12;
    cpu->rip = 0;
    cpu->s.activity = X86_ACTIVE;
    cpu_update_mode(cpu);
    cpu_update_segment(cpu, CS);
}

static void serve_lines(struct cpu *cpu, uint32_t attention)
{
    if ((attention & CPU_ATTENTION_TLB) != 0) {
        attention_clear(cpu, CPU_ATTENTION_TLB);
        tlb_flush_dirty(cpu);
    }
    if ((attention & CPU_ATTENTION_INIT) != 0) {
        attention_clear(cpu, CPU_ATTENTION_INIT);
        interp_cpu_reset(cpu, true);
    }
    if ((attention & CPU_ATTENTION_SIPI) != 0) {
        attention_clear(cpu, CPU_ATTENTION_SIPI);
        start_up(cpu);
    }
    attention_clear(cpu, CPU_ATTENTION_SMI);
}

void cpu_settle(struct cpu *cpu)
{
    uint32_t attention = __atomic_load_n(&cpu->attention, __ATOMIC_SEQ_CST);
    serve_lines(cpu, attention);
    if ((attention & CPU_ATTENTION_NMI) != 0) {
        cpu->s.nmi_pending = true;
    }
}

bool cpu_handle_attention(struct cpu *cpu)
{
    uint32_t attention = __atomic_load_n(&cpu->attention, __ATOMIC_SEQ_CST);

    serve_lines(cpu, attention);
    if ((attention & (CPU_ATTENTION_KICK | CPU_ATTENTION_STOP)) != 0) {
        in_shadow(cpu);
        return false;
    }
    if (cpu->s.activity == X86_SHUTDOWN || cpu->s.activity == X86_WAIT_SIPI) {
        return false;
    }
    events(cpu);
    if (cpu->s.activity != X86_ACTIVE) {
        return false;
    }
    if ((__atomic_load_n(&cpu->attention, __ATOMIC_RELAXED) & CPU_ATTENTION_STOP) != 0) {
        return false; /* the debugger wants to see the handler that was just entered */
    }
    before_instruction(cpu);
    return true;
}
