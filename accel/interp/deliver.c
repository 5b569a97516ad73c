/*
 * Delivery of events through the interrupt vector table (real mode) or the IDT: SDM volume 3, 6.11 to 6.14, and
 * the INT n pseudo code of volume 2.
 *
 * Everything that can fault is done before the first register changes.
 */
#include "accel/interp/breaks.h"
#include "accel/interp/interrupt.h"
#include "accel/interp/segment.h"
#include "accel/interp/stack.h"
#include "accel/interp/task.h"
#include "core/machine.h"

/* A delivery on its way. */
struct delivery {
    const struct cpu_event *event;
    uint32_t ext;      /* EXT bit */
    unsigned type;     /* of the gate */
    uint16_t selector; /* of the code segment */
    uint64_t offset;
    struct x86_segment cs;
    unsigned cpl; /* of the handler */
};

static bool is_software(const struct cpu_event *event)
{
    return event->kind == EVENT_INT_N || event->kind == EVENT_INT3_INTO;
}

static uint32_t vector_error(const struct delivery *d)
{
    return d->event->vector * 8u + 2 + d->ext;
}

static uint64_t pushed_flags(const struct cpu *cpu, const struct cpu_event *event)
{
    uint64_t flags = cpu_rflags(cpu);
    return event->set_rf ? flags | FLAG_RF : flags;
}

static void deliver_real(struct cpu *cpu, struct delivery *d)
{
    const struct cpu_event *event = d->event;
    struct stack st = stack_current(cpu, 0);

    if (event->vector * 4u + 3 > cpu->s.idtr.limit) {
        cpu_fault(cpu, NULL, EXC_GP, vector_error(d));
    }
    uint64_t entry = lin_read_system(cpu, NULL, cpu->s.idtr.base + event->vector * 4u, 4);
    uint64_t frame[3] = { cpu_rflags(cpu) & 0xffff, cpu->s.seg[CS].selector, event->rip & 0xffff };
    stack_push(cpu, &st, frame, 3, 2);
    stack_commit(cpu, &st);
    cpu->eflags &= ~(FLAG_IF | FLAG_TF | FLAG_AC | FLAG_RF);
    segment_set_real(cpu, CS, (uint16_t)(entry >> 16));
    cpu->rip = entry & 0xffff;
}

/* Reads and checks the gate. False if it is a task gate. */
static bool read_gate(struct cpu *cpu, struct delivery *d, unsigned *ist)
{
    bool wide = in_long_mode(cpu);
    unsigned size = wide ? 16 : 8;
    uint64_t address = cpu->s.idtr.base + d->event->vector * size;

    if (d->event->vector * size + size - 1 > cpu->s.idtr.limit) {
        cpu_fault(cpu, NULL, EXC_GP, vector_error(d));
    }
    uint64_t raw = lin_read_system(cpu, NULL, address, 8);
    struct descriptor gate = { .lo = (uint32_t)raw, .hi = (uint32_t)(raw >> 32) };
    d->type = desc_type(&gate);
    bool known = d->type == SYSTEM_INT32 || d->type == SYSTEM_TRAP32 ||
                 (!wide && (d->type == SYSTEM_INT16 || d->type == SYSTEM_TRAP16 ||
                            d->type == SYSTEM_TASK_GATE));
    if ((gate.hi & SEG_S) != 0 || !known || (is_software(d->event) && desc_dpl(&gate) < cpu->cpl)) {
        cpu_fault(cpu, NULL, EXC_GP, vector_error(d));
    }
    if (!desc_is_present(&gate)) {
        cpu_fault(cpu, NULL, EXC_NP, vector_error(d));
    }
    d->selector = (uint16_t)(gate.lo >> 16);
    d->offset = gate.lo & 0xffff;
    if (d->type == SYSTEM_INT32 || d->type == SYSTEM_TRAP32) {
        d->offset |= gate.hi & 0xffff0000;
    }
    if (wide) {
        d->offset |= lin_read_system(cpu, NULL, address + 8, 4) << 32;
        *ist = gate.hi & 7;
    }
    return d->type != SYSTEM_TASK_GATE;
}

static void check_code_segment(struct cpu *cpu, struct delivery *d)
{
    struct descriptor code;
    uint32_t error = (d->selector & SEL_INDEX) | d->ext;

    if ((d->selector & SEL_INDEX) == 0) {
        cpu_fault(cpu, NULL, EXC_GP, d->ext);
    }
    if (!desc_read(cpu, d->selector, &code, false) || !desc_is_code(&code) || desc_dpl(&code) > cpu->cpl) {
        cpu_fault(cpu, NULL, EXC_GP, error);
    }
    if (in_long_mode(cpu) && (code.hi & (SEG_L | SEG_DB)) != SEG_L) {
        cpu_fault(cpu, NULL, EXC_GP, error);
    }
    if (!desc_is_present(&code)) {
        cpu_fault(cpu, NULL, EXC_NP, error);
    }
    d->cpl = (code.hi & SEG_C) != 0 ? cpu->cpl : desc_dpl(&code);
    if ((cpu->mode & MODE_V86) != 0 && d->cpl != 0) {
        cpu_fault(cpu, NULL, EXC_GP, error);
    }
    desc_set_accessed(cpu, &code);
    d->cs = desc_segment((uint16_t)((d->selector & SEL_INDEX) | d->cpl), &code);
    if (!in_long_mode(cpu) && d->offset > d->cs.limit) {
        cpu_fault(cpu, NULL, EXC_GP, d->ext);
    }
    if (in_long_mode(cpu) && !is_canonical(d->offset)) {
        cpu_fault(cpu, NULL, EXC_GP, d->ext);
    }
}

/* The last step: nothing faults any more. */
static void enter_handler(struct cpu *cpu, const struct delivery *d, const struct stack *st)
{
    bool v86 = (cpu->eflags & FLAG_VM) != 0;
    bool is_interrupt_gate = (d->type & 1) == 0;

    cpu->eflags &= ~(FLAG_TF | FLAG_VM | FLAG_RF | FLAG_NT | (is_interrupt_gate ? FLAG_IF : 0));
    cpu->s.seg[CS] = d->cs;
    cpu->s.seg[SS] = st->seg;
    if (v86) {
        static const uint8_t data[] = { ES, DS, FS, GS };
        for (unsigned i = 0; i < G_N_ELEMENTS(data); i++) {
            cpu->s.seg[data[i]] = segment_null(0);
        }
    }
    stack_commit(cpu, st);
    cpu->rip = d->offset;
    for (unsigned i = 0; i < 6; i++) {
        cpu_update_segment(cpu, i);
    }
}

static void deliver_protected(struct cpu *cpu, struct delivery *d)
{
    const struct cpu_event *event = d->event;
    const struct x86_segment *seg = cpu->s.seg;
    unsigned width = d->type == SYSTEM_INT32 || d->type == SYSTEM_TRAP32 ? 4 : 2;
    uint64_t frame[10];
    unsigned n = 0;
    struct stack st;

    if (d->cpl < cpu->cpl) {
        uint16_t ss;
        uint32_t esp;
        tss_stack(cpu, d->cpl, d->ext, &ss, &esp);
        struct x86_segment stack_seg = segment_prepare_stack(cpu, ss, d->cpl, EXC_TS, d->ext);
        st = stack_of(&stack_seg, esp, d->cpl, (ss & SEL_INDEX) | d->ext);
        if ((cpu->mode & MODE_V86) != 0) {
            static const uint8_t saved[] = { GS, FS, DS, ES };
            for (unsigned i = 0; i < G_N_ELEMENTS(saved); i++) {
                frame[n++] = seg[saved[i]].selector;
            }
        }
        frame[n++] = seg[SS].selector;
        frame[n++] = cpu->gpr[RSP];
    } else {
        st = stack_current(cpu, d->ext);
    }
    frame[n++] = pushed_flags(cpu, event);
    frame[n++] = seg[CS].selector;
    frame[n++] = event->rip;
    if (event->has_error) {
        frame[n++] = event->error;
    }
    stack_push(cpu, &st, frame, n, width);
    enter_handler(cpu, d, &st);
}

static void deliver_long(struct cpu *cpu, struct delivery *d, unsigned ist)
{
    const struct cpu_event *event = d->event;
    struct stack st = { .seg = cpu->s.seg[SS], .sp = cpu->gpr[RSP], .mask = UINT64_MAX,
                        .cpl = (uint8_t)d->cpl, .error = d->ext };
    uint64_t frame[6] = { cpu->s.seg[SS].selector, cpu->gpr[RSP], pushed_flags(cpu, event),
                          cpu->s.seg[CS].selector, event->rip, event->error };

    if (ist != 0 || d->cpl < cpu->cpl) {
        st.sp = tss_stack64(cpu, d->cpl, ist, d->ext);
    }
    if (d->cpl < cpu->cpl) {
        st.seg = segment_null((uint16_t)d->cpl);
        st.seg.attr = d->cpl << SEG_DPL_SHIFT;
    }
    st.sp &= ~15ull;
    stack_push(cpu, &st, frame, event->has_error ? 6 : 5, 8);
    enter_handler(cpu, d, &st);
}

static void log_delivery(struct cpu *cpu, const struct cpu_event *event)
{
    const struct x86_segment *seg = cpu->s.seg;
    log_print(cpu->machine->log, LOG_INT,
              "v=%02x e=%04x i=%d cpl=%u IP=%04x:%016llx pc=%016llx SP=%04x:%016llx %s=%016llx\n",
              event->vector, event->has_error ? event->error : 0, is_software(event), cpu->cpl,
              seg[CS].selector, (unsigned long long)cpu->rip,
              (unsigned long long)(cpu->segf[CS].base + cpu->rip), seg[SS].selector,
              (unsigned long long)cpu->gpr[RSP], event->vector == EXC_PF ? "CR2" : "env->regs[R_EAX]",
              (unsigned long long)(event->vector == EXC_PF ? cpu->s.cr2 : cpu->gpr[RAX]));
}

void cpu_event_deliver(struct cpu *cpu, const struct cpu_event *event)
{
    struct delivery d = { .event = event,
                          .ext = event->kind == EVENT_INT_N || event->kind == EVENT_INT3_INTO ? 0 : 1 };
    unsigned ist = 0;

    if (cpu->machine != NULL && log_wants(cpu->machine->log, LOG_INT)) {
        log_delivery(cpu, event);
    }
    cpu->delivering = event->kind == EVENT_EXTERNAL;
    if ((cpu->mode & MODE_PE) == 0) {
        deliver_real(cpu, &d);
    } else if (event->kind == EVENT_INT_N && v86_redirected(cpu, event->vector)) {
        v86_deliver(cpu, event);
    } else if (!read_gate(cpu, &d, &ist)) {
        task_switch(cpu, &(struct task_switch){ .reason = TASK_EVENT,
                                                .selector = d.selector,
                                                .next_rip = event->rip,
                                                .ext = d.ext,
                                                .has_error = event->has_error,
                                                .error = event->error });
    } else {
        check_code_segment(cpu, &d);
        if (in_long_mode(cpu)) {
            deliver_long(cpu, &d, ist);
        } else {
            deliver_protected(cpu, &d);
        }
    }
    cpu->s.activity = X86_ACTIVE;
    cpu->delivering = false;
    cpu->step_armed = false;
    cpu->step_count = 0;
    cpu_update_mode(cpu);
    if (cpu->breaks != NULL && event->kind != EVENT_EXCEPTION) {
        breaks_interrupt(cpu, event->vector);
    }
}
