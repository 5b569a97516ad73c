/*
 * Task state segments: stacks of inner levels, the I/O permission bitmap, and the hardware task switch. See
 * task.h; SDM volume 3, 8.2 and 8.3, volume 1, 19.5.
 *
 * The switch has two halves. Up to the commit point everything is read and checked in the old task; from then on
 * the new task is running, and what is wrong with its segments is its own fault.
 */
#include "accel/interp/logging.h"
#include "accel/interp/task.h"

#include "accel/interp/interrupt.h"
#include "accel/interp/debug.h"
#include "accel/interp/segment.h"
#include "accel/interp/stack.h"
#include "accel/interp/system.h"
#include "accel/interp/tlb.h"

/* ---- single fields ---- */

static bool tr_is_32(const struct cpu *cpu)
{
    return (cpu->s.tr.attr >> SEG_TYPE_SHIFT & 8) != 0;
}

static void check_tss_room(struct cpu *cpu, uint32_t last, uint32_t ext)
{
    if ((cpu->s.tr.attr & SEG_P) == 0 || last > cpu->s.tr.limit) {
        cpu_fault(cpu, NULL, EXC_TS, (cpu->s.tr.selector & SEL_INDEX) | ext);
    }
}

void tss_stack(struct cpu *cpu, unsigned cpl, uint32_t ext, uint16_t *ss, uint32_t *esp)
{
    uint64_t base = cpu->s.tr.base;
    if (tr_is_32(cpu)) {
        check_tss_room(cpu, 4 + cpl * 8 + 5, ext);
        *esp = (uint32_t)lin_read_system(cpu, NULL, base + 4 + cpl * 8, 4);
        *ss = (uint16_t)lin_read_system(cpu, NULL, base + 8 + cpl * 8, 2);
    } else {
        check_tss_room(cpu, 2 + cpl * 4 + 3, ext);
        *esp = (uint32_t)lin_read_system(cpu, NULL, base + 2 + cpl * 4, 2);
        *ss = (uint16_t)lin_read_system(cpu, NULL, base + 4 + cpl * 4, 2);
    }
}

uint64_t tss_stack64(struct cpu *cpu, unsigned cpl, unsigned ist, uint32_t ext)
{
    uint32_t offset = ist != 0 ? 0x24 + (ist - 1) * 8 : 4 + cpl * 8;
    check_tss_room(cpu, offset + 7, ext);
    uint64_t rsp = lin_read_system(cpu, NULL, cpu->s.tr.base + offset, 8);
    if (!is_canonical(rsp)) {
        cpu_fault(cpu, NULL, EXC_SS, ext);
    }
    return rsp;
}

bool tss_io_allowed(struct cpu *cpu, uint16_t port, unsigned size)
{
    const struct x86_segment *tr = &cpu->s.tr;
    if ((tr->attr & SEG_P) == 0 || !tr_is_32(cpu) || tr->limit < 0x67) {
        return false;
    }
    uint32_t map = (uint32_t)lin_read_system(cpu, NULL, tr->base + 0x66, 2);
    uint32_t byte = map + port / 8;
    if (byte + 1 > tr->limit) { /* the CPU always reads two bytes */
        return false;
    }
    uint32_t bits = (uint32_t)lin_read_system(cpu, NULL, tr->base + byte, 2) >> (port & 7);
    return (bits & ((1u << size) - 1)) == 0;
}

uint16_t task_gate_selector(const struct descriptor *gate)
{
    return (uint16_t)(gate->lo >> 16);
}

/* ---- the switch ---- */

struct task_image {
    uint32_t cr3, eip, eflags;
    uint32_t gpr[8];
    uint16_t sel[6]; /* ES CS SS DS FS GS: the order of the TSS is that of the register numbers */
    uint16_t ldt;
    bool trap;
};

static uint32_t tss_get(struct cpu *cpu, uint64_t base, unsigned offset, unsigned size)
{
    return (uint32_t)lin_read_system(cpu, NULL, base + offset, size);
}

static struct task_image image_read(struct cpu *cpu, uint64_t base, bool is_32)
{
    struct task_image t = { 0 };
    if (is_32) {
        t.cr3 = tss_get(cpu, base, 0x1c, 4);
        t.eip = tss_get(cpu, base, 0x20, 4);
        t.eflags = tss_get(cpu, base, 0x24, 4);
        for (unsigned i = 0; i < 8; i++) {
            t.gpr[i] = tss_get(cpu, base, 0x28 + i * 4, 4);
        }
        for (unsigned i = 0; i < 6; i++) {
            t.sel[i] = (uint16_t)tss_get(cpu, base, 0x48 + i * 4, 2);
        }
        t.ldt = (uint16_t)tss_get(cpu, base, 0x60, 2);
        t.trap = (tss_get(cpu, base, 0x64, 2) & 1) != 0;
        return t;
    }
    t.eip = tss_get(cpu, base, 0x0e, 2);
    t.eflags = tss_get(cpu, base, 0x10, 2);
    for (unsigned i = 0; i < 8; i++) {
        t.gpr[i] = tss_get(cpu, base, 0x12 + i * 2, 2) | 0xffff0000;
    }
    for (unsigned i = 0; i < 4; i++) {
        t.sel[i] = (uint16_t)tss_get(cpu, base, 0x22 + i * 2, 2);
    }
    t.ldt = (uint16_t)tss_get(cpu, base, 0x2a, 2);
    return t;
}

/* Saves the registers; the caller has made sure that the stores do not fault. */
static void image_save(struct cpu *cpu, uint32_t eip, uint32_t eflags)
{
    uint64_t base = cpu->s.tr.base;
    if (tr_is_32(cpu)) {
        lin_write_system(cpu, NULL, base + 0x20, eip, 4);
        lin_write_system(cpu, NULL, base + 0x24, eflags, 4);
        for (unsigned i = 0; i < 8; i++) {
            lin_write_system(cpu, NULL, base + 0x28 + i * 4, cpu->gpr[i], 4);
        }
        for (unsigned i = 0; i < 6; i++) {
            lin_write_system(cpu, NULL, base + 0x48 + i * 4, cpu->s.seg[i].selector, 2);
        }
        return;
    }
    lin_write_system(cpu, NULL, base + 0x0e, eip, 2);
    lin_write_system(cpu, NULL, base + 0x10, eflags, 2);
    for (unsigned i = 0; i < 8; i++) {
        lin_write_system(cpu, NULL, base + 0x12 + i * 2, cpu->gpr[i], 2);
    }
    for (unsigned i = 0; i < 4; i++) {
        lin_write_system(cpu, NULL, base + 0x22 + i * 2, cpu->s.seg[i].selector, 2);
    }
}

static void probe_range(struct cpu *cpu, uint64_t base, uint32_t size)
{
    lin_probe_write(cpu, NULL, (uint32_t)base, 1, TLB_SUPERVISOR);
    lin_probe_write(cpu, NULL, (uint32_t)(base + size - 1), 1, TLB_SUPERVISOR);
}

static void check_new_tss(struct cpu *cpu, const struct task_switch *r, struct descriptor *d)
{
    enum x86_vector vector = r->reason == TASK_IRET ? EXC_TS : EXC_GP;
    uint32_t error = (r->selector & SEL_INDEX) | r->ext;

    if ((r->selector & SEL_INDEX) == 0 || (r->selector & 4) != 0 ||
        !desc_read(cpu, r->selector, d, false)) {
        cpu_fault(cpu, NULL, vector, error);
    }
    bool busy = (desc_type(d) & 2) != 0;
    if ((d->hi & SEG_S) != 0 || (desc_type(d) & ~10u) != SYSTEM_TSS16 || busy != (r->reason == TASK_IRET)) {
        cpu_fault(cpu, NULL, vector, error);
    }
    if (!desc_is_present(d)) {
        cpu_fault(cpu, NULL, EXC_NP, error);
    }
    if (desc_limit(d) < ((desc_type(d) & 8) != 0 ? 0x67u : 0x2bu)) {
        cpu_fault(cpu, NULL, EXC_TS, error);
    }
}

static void load_code_segment(struct cpu *cpu, uint16_t selector)
{
    struct descriptor d;
    uint32_t error = selector & SEL_INDEX;
    unsigned rpl = selector & 3;

    if (error == 0 || !desc_read(cpu, selector, &d, false) || !desc_is_code(&d) ||
        ((d.hi & SEG_C) != 0 ? desc_dpl(&d) > rpl : desc_dpl(&d) != rpl)) {
        cpu_fault(cpu, NULL, EXC_TS, error);
    }
    if (!desc_is_present(&d)) {
        cpu_fault(cpu, NULL, EXC_NP, error);
    }
    desc_set_accessed(cpu, &d);
    struct x86_segment s = desc_segment(selector, &d);
    segment_set(cpu, CS, &s);
}

static void load_data_segment(struct cpu *cpu, unsigned seg, uint16_t selector)
{
    struct descriptor d;
    uint32_t error = selector & SEL_INDEX;

    if (error == 0) {
        return; /* it is already null */
    }
    bool ok = desc_read(cpu, selector, &d, false) && (d.hi & SEG_S) != 0;
    bool code = ok && desc_is_code(&d);
    if (!ok || (code && (d.hi & SEG_R) == 0) ||
        (!(code && (d.hi & SEG_C) != 0) && (desc_dpl(&d) < cpu->cpl || desc_dpl(&d) < (selector & 3u)))) {
        cpu_fault(cpu, NULL, EXC_TS, error);
    }
    if (!desc_is_present(&d)) {
        cpu_fault(cpu, NULL, EXC_NP, error);
    }
    desc_set_accessed(cpu, &d);
    struct x86_segment s = desc_segment(selector, &d);
    segment_set(cpu, seg, &s);
}

/* All selectors are in place, but nothing is usable yet: a fault on the way finds the new task so. */
static void load_segments(struct cpu *cpu, const struct task_image *t)
{
    cpu->s.ldtr = segment_null(t->ldt);
    cpu->s.ldtr = segment_prepare_ldt(cpu, t->ldt, EXC_TS);
    if ((cpu->eflags & FLAG_VM) != 0) {
        for (unsigned i = 0; i < 6; i++) {
            segment_set_real(cpu, i, t->sel[i]);
        }
        cpu_update_mode(cpu);
        return;
    }
    load_code_segment(cpu, t->sel[CS]);
    struct x86_segment ss = segment_prepare_stack(cpu, t->sel[SS], t->sel[CS] & 3, EXC_TS, 0);
    segment_set(cpu, SS, &ss);
    cpu_update_mode(cpu);
    static const uint8_t data[] = { ES, DS, FS, GS };
    for (unsigned i = 0; i < G_N_ELEMENTS(data); i++) {
        load_data_segment(cpu, data[i], t->sel[data[i]]);
    }
}

/* The registers of the new task that need no checks. */
static void load_registers(struct cpu *cpu, const struct task_switch *r, const struct task_image *t,
                           bool is_32)
{
    bool nested = r->reason == TASK_CALL || r->reason == TASK_EVENT;
    uint32_t flags = t->eflags | (nested ? FLAG_NT : 0);

    if (is_32 && (cpu->s.cr0 & CR0_PG) != 0) {
        cr3_set(cpu, t->cr3);
    }
    cpu->rip = t->eip;
    cpu_set_rflags(cpu, (flags & FLAGS_WRITABLE) | FLAG_1);
    for (unsigned i = 0; i < 8; i++) {
        cpu->gpr[i] = t->gpr[i];
    }
    for (unsigned i = 0; i < 6; i++) {
        cpu->s.seg[i] = segment_null(t->sel[i]);
    }
    /* The level the segments are checked with. */
    cpu->s.seg[SS].attr = (uint32_t)(t->sel[CS] & 3) << SEG_DPL_SHIFT;
    for (unsigned i = 0; i < 6; i++) {
        cpu_update_segment(cpu, i);
    }
    cpu->s.dr[7] &= ~0x155ull; /* L0-L3, LE */
    cpu->s.cr0 |= CR0_TS;
    cpu_update_mode(cpu);
}

void task_switch(struct cpu *cpu, const struct task_switch *r)
{
    if (unlikely(logging(cpu, LOG_PCALL))) {
        logging_transfer(cpu, "task switch", r->selector, 0);
    }
    struct descriptor new_desc, old_desc;
    bool nested = r->reason == TASK_CALL || r->reason == TASK_EVENT;

    check_new_tss(cpu, r, &new_desc);
    bool is_32 = (desc_type(&new_desc) & 8) != 0;
    uint64_t base = desc_base(&new_desc);
    struct task_image image = image_read(cpu, base, is_32);
    probe_range(cpu, cpu->s.tr.base, tr_is_32(cpu) ? 0x5e : 0x2a);
    if (nested) {
        lin_probe_write(cpu, NULL, (uint32_t)base, 2, TLB_SUPERVISOR);
    }
    bool have_old = desc_read(cpu, cpu->s.tr.selector, &old_desc, false);
    lin_probe_write(cpu, NULL, (uint32_t)(new_desc.linear + 5), 1, TLB_SUPERVISOR);
    if (have_old) {
        lin_probe_write(cpu, NULL, (uint32_t)(old_desc.linear + 5), 1, TLB_SUPERVISOR);
    }
    if (is_32 && (cpu->s.cr0 & CR0_PG) != 0 && !cr3_loadable(cpu, image.cr3)) {
        cpu_fault(cpu, NULL, EXC_GP, r->ext);
    }

    if (!nested && have_old) {
        desc_set_busy(cpu, &old_desc, false);
    }
    uint32_t flags = (uint32_t)cpu_rflags(cpu) & ~(r->reason == TASK_IRET ? FLAG_NT : 0u);
    image_save(cpu, (uint32_t)r->next_rip, flags);
    if (nested) {
        lin_write_system(cpu, NULL, base, cpu->s.tr.selector, 2);
    }
    if (r->reason != TASK_IRET) {
        desc_set_busy(cpu, &new_desc, true);
    }
    cpu->s.tr = desc_segment(r->selector, &new_desc);
    load_registers(cpu, r, &image, is_32);
    load_segments(cpu, &image);

    if (r->has_error) {
        struct stack st = stack_current(cpu, 0);
        uint64_t error = r->error;
        stack_push(cpu, &st, &error, 1, is_32 ? 4 : 2);
        stack_commit(cpu, &st);
    }
    if ((cpu->mode & MODE_V86) == 0 && cpu->rip > cpu->s.seg[CS].limit) {
        cpu_fault(cpu, NULL, EXC_GP, 0);
    }
    if (image.trap) {
        cpu->debug_pending |= DR6_BT;
        __atomic_fetch_or(&cpu->attention, CPU_ATTENTION_DEBUG, __ATOMIC_SEQ_CST);
    }
    cpu_check_intr(cpu);
}
