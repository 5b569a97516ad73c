/*
 * Stack frames; see stack.h. Limits are checked for the whole frame before the first byte is stored.
 */
#include "accel/interp/stack.h"

#include "accel/interp/segment.h"
#include "accel/interp/tlb.h"

#define FRAME_MAX 64

uint64_t stack_mask(const struct cpu *cpu)
{
    return (cpu->mode & MODE_CODE64) != 0 ? UINT64_MAX : (cpu->mode & MODE_STACK32) != 0 ? UINT32_MAX : 0xffff;
}

struct stack stack_current(const struct cpu *cpu, uint32_t error)
{
    return (struct stack){ .seg = cpu->s.seg[SS], .sp = cpu->gpr[RSP] & stack_mask(cpu),
                           .mask = stack_mask(cpu), .cpl = cpu->cpl, .error = error };
}

struct stack stack_of(const struct x86_segment *seg, uint64_t sp, unsigned cpl, uint32_t error)
{
    uint64_t mask = (seg->attr & SEG_DB) != 0 ? UINT32_MAX : 0xffff;
    return (struct stack){ .seg = *seg, .sp = sp & mask, .mask = mask, .cpl = (uint8_t)cpl, .error = error };
}

static uint64_t slot_linear(struct cpu *cpu, const struct stack *st, uint64_t sp, unsigned width)
{
    if (st->mask == UINT64_MAX) {
        if (!is_canonical(sp) || !is_canonical(sp + width - 1)) {
            cpu_fault(cpu, NULL, EXC_SS, st->error);
        }
        return sp;
    }
    if (!segment_covers(cpu, &st->seg, sp, width, true)) {
        cpu_fault(cpu, NULL, EXC_SS, st->error);
    }
    return (uint32_t)(st->seg.base + sp);
}

void stack_push(struct cpu *cpu, struct stack *st, const uint64_t *values, unsigned n, unsigned width)
{
    enum tlb_bank bank = tlb_bank_of(cpu, st->cpl);
    uint8_t frame[FRAME_MAX];
    uint64_t sp = st->sp, linear = 0;
    bool together = n * width <= sizeof(frame);

    for (unsigned i = 0; i < n; i++) {
        uint64_t below = (sp - width) & st->mask;
        together = together && below + width == sp;
        sp = below;
        linear = slot_linear(cpu, st, sp, width);
    }
    if (st->mask != UINT64_MAX && linear + n * width > 0x100000000ull) {
        together = false;
    }
    if (together || n == 1) {
        for (unsigned i = 0; i < n; i++) {
            memcpy(frame + (n - 1 - i) * width, &values[i], width);
        }
        lin_write_bytes(cpu, NULL, linear, frame, n * width, bank);
        st->sp = sp;
        return;
    }
    sp = st->sp;
    for (unsigned i = 0; i < n; i++) {
        sp = (sp - width) & st->mask;
        lin_probe_write(cpu, NULL, slot_linear(cpu, st, sp, width), width, bank);
    }
    for (unsigned i = 0; i < n; i++) {
        st->sp = (st->sp - width) & st->mask;
        lin_write(cpu, NULL, slot_linear(cpu, st, st->sp, width), values[i], width, bank);
    }
}

void stack_commit(struct cpu *cpu, const struct stack *st)
{
    if (st->mask == 0xffff) {
        set_reg16(cpu, RSP, (uint16_t)st->sp);
    } else {
        cpu->gpr[RSP] = st->sp;
    }
}
