/*
 * Far JMP and CALL: to code segments, through call gates, to tasks. See far.h.
 */
#include "accel/interp/logging.h"
#include "accel/interp/far.h"
#include "accel/interp/interrupt.h"
#include "accel/interp/segment.h"
#include "accel/interp/stack.h"
#include "accel/interp/task.h"

#define GATE_PARAMETERS_MAX 31

/* A code segment and an offset in it, checked. */
struct target {
    struct x86_segment cs;
    uint64_t offset;
};

static void fault_selector(struct cpu *cpu, enum x86_vector vector, uint16_t selector)
{
    cpu_fault(cpu, NULL, vector, selector & SEL_INDEX);
}

static void check_offset(struct cpu *cpu, const struct x86_segment *cs, uint64_t offset)
{
    bool code64 = in_long_mode(cpu) && (cs->attr & SEG_L) != 0;
    if (code64 ? !is_canonical(offset) : offset > cs->limit) {
        cpu_fault(cpu, NULL, EXC_GP, 0);
    }
}

static void enter(struct cpu *cpu, const struct target *target)
{
    segment_set(cpu, CS, &target->cs);
    cpu->rip = target->offset;
    cpu_update_mode(cpu);
}

static void jump_real(struct cpu *cpu, uint16_t selector, uint64_t offset)
{
    if (offset > ((cpu->mode & MODE_V86) != 0 ? 0xffff : cpu->s.seg[CS].limit)) {
        cpu_fault(cpu, NULL, EXC_GP, 0);
    }
    segment_set_real(cpu, CS, selector);
    cpu->rip = offset;
    cpu_update_mode(cpu);
}

/* Reads the descriptor a far pointer names. */
static void read_target(struct cpu *cpu, uint16_t selector, struct descriptor *d)
{
    if ((selector & SEL_INDEX) == 0) {
        cpu_fault(cpu, NULL, EXC_GP, 0);
    }
    if (!desc_read(cpu, selector, d, false)) {
        fault_selector(cpu, EXC_GP, selector);
    }
}

/* A code segment named directly. */
static struct target direct_target(struct cpu *cpu, uint16_t selector, struct descriptor *d, uint64_t offset)
{
    bool conforming = (d->hi & SEG_C) != 0;
    if (!desc_is_code(d) || (in_long_mode(cpu) && (d->hi & (SEG_L | SEG_DB)) == (SEG_L | SEG_DB)) ||
        (conforming ? desc_dpl(d) > cpu->cpl : (selector & 3) > cpu->cpl || desc_dpl(d) != cpu->cpl)) {
        fault_selector(cpu, EXC_GP, selector);
    }
    if (!desc_is_present(d)) {
        fault_selector(cpu, EXC_NP, selector);
    }
    struct target t = { .cs = desc_segment((uint16_t)((selector & SEL_INDEX) | cpu->cpl), d),
                        .offset = offset };
    check_offset(cpu, &t.cs, offset);
    return t;
}

/* Rights to use a gate or TSS. */
static void check_gate(struct cpu *cpu, uint16_t selector, const struct descriptor *d)
{
    if (desc_dpl(d) < cpu->cpl || desc_dpl(d) < (selector & 3u)) {
        fault_selector(cpu, EXC_GP, selector);
    }
}

/* Tasks, by TSS or task gate. False if the descriptor is neither. */
static bool to_task(struct cpu *cpu, uint16_t selector, const struct descriptor *d, enum task_reason reason,
                    uint64_t next_rip)
{
    unsigned type = desc_type(d);
    uint16_t tss = selector;

    if (in_long_mode(cpu) || (type != SYSTEM_TASK_GATE && type != SYSTEM_TSS16 && type != SYSTEM_TSS32)) {
        return false;
    }
    check_gate(cpu, selector, d);
    if (!desc_is_present(d)) {
        fault_selector(cpu, EXC_NP, selector);
    }
    if (type == SYSTEM_TASK_GATE) {
        tss = task_gate_selector(d);
    }
    task_switch(cpu, &(struct task_switch){ .reason = reason, .selector = tss, .next_rip = next_rip });
    return true;
}

struct gate {
    uint16_t selector;
    uint64_t offset;
    struct descriptor code;
    unsigned width, parameters;
    bool inner; /* a CALL goes to a more privileged level */
};

static struct gate read_call_gate(struct cpu *cpu, uint16_t selector, struct descriptor *d, bool jump)
{
    struct gate g = { 0 };
    unsigned type = desc_type(d);
    bool wide = in_long_mode(cpu);

    if (type != SYSTEM_CALL32 && (wide || type != SYSTEM_CALL16)) {
        fault_selector(cpu, EXC_GP, selector);
    }
    check_gate(cpu, selector, d);
    if (!desc_is_present(d)) {
        fault_selector(cpu, EXC_NP, selector);
    }
    if (wide && (!desc_read(cpu, selector, d, true) || (d->last & 0x1f00) != 0)) {
        fault_selector(cpu, EXC_GP, selector);
    }
    g.selector = (uint16_t)(d->lo >> 16);
    g.offset = (d->lo & 0xffff) | (type == SYSTEM_CALL32 ? d->hi & 0xffff0000 : 0) |
               (uint64_t)d->high_base << 32;
    g.width = wide ? 8 : type == SYSTEM_CALL32 ? 4 : 2;
    g.parameters = wide ? 0 : d->hi & 31;

    read_target(cpu, g.selector, &g.code);
    bool conforming = (g.code.hi & SEG_C) != 0;
    if (!desc_is_code(&g.code) || desc_dpl(&g.code) > cpu->cpl ||
        (jump && !conforming && desc_dpl(&g.code) != cpu->cpl) ||
        (wide && (g.code.hi & (SEG_L | SEG_DB)) != SEG_L)) {
        fault_selector(cpu, EXC_GP, g.selector);
    }
    if (!desc_is_present(&g.code)) {
        fault_selector(cpu, EXC_NP, g.selector);
    }
    g.inner = !conforming && desc_dpl(&g.code) < cpu->cpl;
    return g;
}

static struct target gate_target(struct cpu *cpu, struct gate *g, unsigned cpl)
{
    struct target t = { .cs = desc_segment((uint16_t)((g->selector & SEL_INDEX) | cpl), &g->code),
                        .offset = g->offset };
    check_offset(cpu, &t.cs, t.offset);
    desc_set_accessed(cpu, &g->code);
    t.cs.attr |= SEG_A;
    return t;
}

void far_jump(struct cpu *cpu, uint16_t selector, uint64_t offset, uint64_t next_rip)
{
    if (unlikely(logging(cpu, LOG_PCALL))) {
        logging_transfer(cpu, "JMP", selector, offset);
    }
    struct descriptor d;
    struct target target;

    if (!in_protected_mode(cpu)) {
        jump_real(cpu, selector, offset);
        return;
    }
    read_target(cpu, selector, &d);
    if ((d.hi & SEG_S) != 0) {
        target = direct_target(cpu, selector, &d, offset);
        desc_set_accessed(cpu, &d);
        target.cs.attr |= SEG_A;
    } else if (to_task(cpu, selector, &d, TASK_JMP, next_rip)) {
        return;
    } else {
        struct gate g = read_call_gate(cpu, selector, &d, true);
        target = gate_target(cpu, &g, cpu->cpl);
    }
    enter(cpu, &target);
}

/* The return address on the present stack. */
static void push_return(struct cpu *cpu, uint64_t next_rip, unsigned width)
{
    struct stack st = stack_current(cpu, 0);
    uint64_t frame[2] = { cpu->s.seg[CS].selector, next_rip };
    stack_push(cpu, &st, frame, 2, width);
    stack_commit(cpu, &st);
}

static struct stack inner_stack(struct cpu *cpu, unsigned cpl)
{
    if (in_long_mode(cpu)) {
        struct stack st = { .seg = segment_null((uint16_t)cpl), .sp = tss_stack64(cpu, cpl, 0, 0),
                            .mask = UINT64_MAX, .cpl = (uint8_t)cpl };
        st.seg.attr = cpl << SEG_DPL_SHIFT;
        return st;
    }
    uint16_t ss;
    uint32_t esp;
    tss_stack(cpu, cpl, 0, &ss, &esp);
    struct x86_segment seg = segment_prepare_stack(cpu, ss, cpl, EXC_TS, 0);
    return stack_of(&seg, esp, cpl, ss & SEL_INDEX);
}

static void call_inner(struct cpu *cpu, struct gate *g, uint64_t next_rip)
{
    uint64_t frame[4 + GATE_PARAMETERS_MAX];
    unsigned n = 0, cpl = desc_dpl(&g->code);
    uint64_t sp = cpu->gpr[RSP], mask = stack_mask(cpu);

    struct stack st = inner_stack(cpu, cpl);
    struct target target = gate_target(cpu, g, cpl);
    frame[n++] = cpu->s.seg[SS].selector;
    frame[n++] = sp;
    for (unsigned i = g->parameters; i-- > 0;) {
        uint64_t ea = (sp + i * g->width) & mask;
        frame[n++] = g->width == 4 ? mem_read32(cpu, NULL, SS, ea) : mem_read16(cpu, NULL, SS, ea);
    }
    frame[n++] = cpu->s.seg[CS].selector;
    frame[n++] = next_rip;
    stack_push(cpu, &st, frame, n, g->width);
    cpu->s.seg[SS] = st.seg;
    stack_commit(cpu, &st);
    enter(cpu, &target);
    cpu_update_segment(cpu, SS);
}

void far_call(struct cpu *cpu, uint16_t selector, uint64_t offset, uint64_t next_rip, unsigned width)
{
    if (unlikely(logging(cpu, LOG_PCALL))) {
        logging_transfer(cpu, "CALL", selector, offset);
    }
    struct descriptor d;

    if (!in_protected_mode(cpu)) {
        if (offset > ((cpu->mode & MODE_V86) != 0 ? 0xffff : cpu->s.seg[CS].limit)) {
            cpu_fault(cpu, NULL, EXC_GP, 0);
        }
        push_return(cpu, next_rip, width);
        jump_real(cpu, selector, offset);
        return;
    }
    read_target(cpu, selector, &d);
    if ((d.hi & SEG_S) != 0) {
        struct target target = direct_target(cpu, selector, &d, offset);
        desc_set_accessed(cpu, &d);
        target.cs.attr |= SEG_A;
        push_return(cpu, next_rip, width);
        enter(cpu, &target);
        return;
    }
    if (to_task(cpu, selector, &d, TASK_CALL, next_rip)) {
        return;
    }
    struct gate g = read_call_gate(cpu, selector, &d, false);
    if (g.inner) {
        call_inner(cpu, &g, next_rip);
        return;
    }
    struct target target = gate_target(cpu, &g, cpu->cpl);
    push_return(cpu, next_rip, g.width);
    enter(cpu, &target);
}
