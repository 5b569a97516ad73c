/*
 * Far RET and IRET. See far.h.
 */
#include "accel/interp/logging.h"
#include "accel/interp/far.h"
#include "accel/interp/interrupt.h"
#include "accel/interp/segment.h"
#include "accel/interp/stack.h"
#include "accel/interp/system.h"
#include "accel/interp/task.h"

#define FLAGS_IRET16 (FLAGS_STATUS | FLAG_TF | FLAG_DF | FLAG_NT)
#define FLAGS_IRET32 (FLAGS_IRET16 | FLAG_RF | FLAG_AC | FLAG_ID)

/* Slot i of a frame of `width`-byte slots on the present stack. */
static uint64_t slot(struct cpu *cpu, unsigned i, unsigned width, unsigned skip)
{
    uint64_t ea = (cpu->gpr[RSP] + i * width + skip) & stack_mask(cpu);
    return width == 2   ? mem_read16(cpu, NULL, SS, ea)
           : width == 4 ? mem_read32(cpu, NULL, SS, ea)
                        : mem_read64(cpu, NULL, SS, ea);
}

static void set_sp(struct cpu *cpu, uint64_t sp, uint64_t mask)
{
    if (mask == 0xffff) {
        set_reg16(cpu, RSP, (uint16_t)sp);
    } else {
        cpu->gpr[RSP] = sp & mask;
    }
}

static void fault_selector(struct cpu *cpu, enum x86_vector vector, uint16_t selector)
{
    cpu_fault(cpu, NULL, vector, selector & SEL_INDEX);
}

/* The code segment to return to: any level from the present one outwards. */
static struct x86_segment return_code(struct cpu *cpu, uint16_t selector, uint64_t offset)
{
    struct descriptor d;
    unsigned rpl = selector & 3;

    if ((selector & SEL_INDEX) == 0) {
        cpu_fault(cpu, NULL, EXC_GP, 0);
    }
    if (!desc_read(cpu, selector, &d, false) || rpl < cpu->cpl || !desc_is_code(&d) ||
        ((d.hi & SEG_C) != 0 ? desc_dpl(&d) > rpl : desc_dpl(&d) != rpl) ||
        (in_long_mode(cpu) && (d.hi & (SEG_L | SEG_DB)) == (SEG_L | SEG_DB))) {
        fault_selector(cpu, EXC_GP, selector);
    }
    if (!desc_is_present(&d)) {
        fault_selector(cpu, EXC_NP, selector);
    }
    struct x86_segment cs = desc_segment(selector, &d);
    bool code64 = in_long_mode(cpu) && (cs.attr & SEG_L) != 0;
    if (code64 ? !is_canonical(offset) : offset > cs.limit) {
        cpu_fault(cpu, NULL, EXC_GP, 0);
    }
    desc_set_accessed(cpu, &d);
    cs.attr |= SEG_A;
    return cs;
}

/* The stack segment that goes with it. */
static struct x86_segment return_stack(struct cpu *cpu, uint16_t selector, const struct x86_segment *cs)
{
    unsigned rpl = cs->selector & 3;
    bool code64 = in_long_mode(cpu) && (cs->attr & SEG_L) != 0;

    if ((selector & SEL_INDEX) == 0 && code64 && rpl != 3 && (selector & 3u) == rpl) {
        struct x86_segment null = segment_null(selector);
        null.attr = rpl << SEG_DPL_SHIFT;
        return null;
    }
    return segment_prepare_stack(cpu, selector, rpl, EXC_GP, 0);
}

/* Leaves for CS:offset with a new SS:SP; release bytes are dropped from the new stack. */
static void leave_outer(struct cpu *cpu, const struct x86_segment *cs, uint64_t offset,
                        const struct x86_segment *ss, uint64_t sp)
{
    unsigned before = cpu->cpl;
    bool code64 = in_long_mode(cpu) && (cs->attr & SEG_L) != 0;
    uint64_t mask = code64 ? UINT64_MAX : (ss->attr & SEG_DB) != 0 ? UINT32_MAX : 0xffff;

    cpu->s.seg[CS] = *cs;
    cpu->s.seg[SS] = *ss;
    set_sp(cpu, sp, mask);
    cpu->rip = offset;
    cpu_update_mode(cpu);
    cpu_update_segment(cpu, CS);
    cpu_update_segment(cpu, SS);
    if (cpu->cpl > before) {
        segment_drop_inner(cpu);
    }
}

static void return_real(struct cpu *cpu, unsigned width, unsigned release)
{
    uint64_t ip = slot(cpu, 0, width, 0);
    uint16_t selector = (uint16_t)slot(cpu, 1, width, 0);
    if (ip > ((cpu->mode & MODE_V86) != 0 ? 0xffff : cpu->s.seg[CS].limit)) {
        cpu_fault(cpu, NULL, EXC_GP, 0);
    }
    set_sp(cpu, cpu->gpr[RSP] + 2 * width + release, stack_mask(cpu));
    segment_set_real(cpu, CS, selector);
    cpu->rip = ip;
    cpu_update_mode(cpu);
}

void far_return(struct cpu *cpu, unsigned width, unsigned release)
{
    if (unlikely(logging(cpu, LOG_PCALL))) {
        logging_transfer(cpu, "RETF", 0, 0);
    }
    if (!in_protected_mode(cpu)) {
        return_real(cpu, width, release);
        return;
    }
    uint64_t ip = slot(cpu, 0, width, 0);
    struct x86_segment cs = return_code(cpu, (uint16_t)slot(cpu, 1, width, 0), ip);
    if ((cs.selector & 3) == cpu->cpl) {
        set_sp(cpu, cpu->gpr[RSP] + 2 * width + release, stack_mask(cpu));
        segment_set(cpu, CS, &cs);
        cpu->rip = ip;
        cpu_update_mode(cpu);
        return;
    }
    uint64_t sp = slot(cpu, 2, width, release);
    struct x86_segment ss = return_stack(cpu, (uint16_t)slot(cpu, 3, width, release), &cs);
    leave_outer(cpu, &cs, ip, &ss, sp + release);
}

/* ---- IRET ---- */

static void iret_real(struct cpu *cpu, unsigned width)
{
    uint64_t flags = slot(cpu, 2, width, 0);
    uint64_t mask = (width == 2 ? FLAGS_IRET16 : FLAGS_IRET32) | FLAG_IF;

    if ((cpu->mode & MODE_V86) == 0) {
        mask |= FLAG_IOPL;
    }
    return_real(cpu, width, width);
    cpu_change_flags(cpu, flags, mask);
}

static void iret_v86(struct cpu *cpu, unsigned width)
{
    if ((cpu->eflags & FLAG_IOPL) == FLAG_IOPL) {
        iret_real(cpu, width);
        return;
    }
    if ((cpu->s.cr4 & CR4_VME) == 0 || width != 2) {
        cpu_fault(cpu, NULL, EXC_GP, 0);
    }
    uint64_t flags = slot(cpu, 2, width, 0);
    if ((flags & FLAG_TF) != 0 || ((flags & FLAG_IF) != 0 && (cpu->eflags & FLAG_VIP) != 0)) {
        cpu_fault(cpu, NULL, EXC_GP, 0);
    }
    flags |= (flags & FLAG_IF) != 0 ? FLAG_VIF : 0;
    return_real(cpu, width, width);
    cpu_change_flags(cpu, flags, FLAGS_IRET16 | FLAG_VIF);
}

/* NT set: back to the task that called this one. */
static void iret_task(struct cpu *cpu, uint64_t next_rip)
{
    if (in_long_mode(cpu)) {
        cpu_fault(cpu, NULL, EXC_GP, 0);
    }
    uint16_t back = (uint16_t)lin_read_system(cpu, NULL, cpu->s.tr.base, 2);
    task_switch(cpu, &(struct task_switch){ .reason = TASK_IRET, .selector = back, .next_rip = next_rip });
}

/* From level 0 to a V86 program: nine doublewords. */
static void iret_to_v86(struct cpu *cpu, uint64_t eip, uint16_t cs, uint64_t flags)
{
    static const uint8_t order[] = { SS, ES, DS, FS, GS };
    uint16_t selector[G_N_ELEMENTS(order)];
    uint64_t esp = slot(cpu, 3, 4, 0);

    for (unsigned i = 0; i < G_N_ELEMENTS(order); i++) {
        selector[i] = (uint16_t)slot(cpu, 4 + i, 4, 0);
    }
    if (eip > 0xffff) {
        cpu_fault(cpu, NULL, EXC_GP, 0);
    }
    cpu_set_rflags(cpu, (flags & FLAGS_WRITABLE) | FLAG_1);
    segment_set_real(cpu, CS, cs);
    for (unsigned i = 0; i < G_N_ELEMENTS(order); i++) {
        segment_set_real(cpu, order[i], selector[i]);
    }
    cpu->gpr[RSP] = esp;
    cpu->rip = eip;
    cpu_update_mode(cpu);
    cpu_check_intr(cpu);
}

static uint64_t iret_flag_mask(const struct cpu *cpu, unsigned width)
{
    uint64_t mask = width == 2 ? FLAGS_IRET16 : FLAGS_IRET32;
    if (cpu->cpl <= (cpu->eflags & FLAG_IOPL) >> FLAG_IOPL_SHIFT) {
        mask |= FLAG_IF;
    }
    if (cpu->cpl == 0) {
        mask |= FLAG_IOPL | (width == 2 ? 0 : FLAG_VIF | FLAG_VIP);
    }
    return mask;
}

static void iret_protected(struct cpu *cpu, unsigned width)
{
    uint64_t ip = slot(cpu, 0, width, 0);
    uint16_t selector = (uint16_t)slot(cpu, 1, width, 0);
    uint64_t flags = slot(cpu, 2, width, 0);
    uint64_t mask = iret_flag_mask(cpu, width);

    if ((flags & FLAG_VM) != 0 && width == 4 && cpu->cpl == 0 && !in_long_mode(cpu)) {
        iret_to_v86(cpu, ip, selector, flags);
        return;
    }
    struct x86_segment cs = return_code(cpu, selector, ip);
    if ((selector & 3) == cpu->cpl && (cpu->mode & MODE_CODE64) == 0) {
        set_sp(cpu, cpu->gpr[RSP] + 3 * width, stack_mask(cpu));
        segment_set(cpu, CS, &cs);
        cpu->rip = ip;
        cpu_update_mode(cpu);
    } else {
        uint64_t sp = slot(cpu, 3, width, 0);
        struct x86_segment ss = return_stack(cpu, (uint16_t)slot(cpu, 4, width, 0), &cs);
        leave_outer(cpu, &cs, ip, &ss, sp);
    }
    cpu_change_flags(cpu, flags, mask);
}

void far_iret(struct cpu *cpu, unsigned width, uint64_t next_rip)
{
    if (unlikely(logging(cpu, LOG_PCALL))) {
        logging_transfer(cpu, "IRET", 0, 0);
    }
    if ((cpu->mode & MODE_PE) == 0) {
        iret_real(cpu, width);
    } else if ((cpu->mode & MODE_V86) != 0) {
        iret_v86(cpu, width);
    } else if ((cpu->eflags & FLAG_NT) != 0) {
        iret_task(cpu, next_rip);
    } else {
        iret_protected(cpu, width);
    }
    cpu->s.nmi_blocked = false;
    if (cpu->s.nmi_pending) {
        __atomic_fetch_or(&cpu->attention, CPU_ATTENTION_NMI, __ATOMIC_SEQ_CST);
    }
}
