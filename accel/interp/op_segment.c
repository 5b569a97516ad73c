/*
 * Handlers of MOV, PUSH and POP with segment registers and of LDS and its kin.
 */
#include "accel/interp/decode.h"
#include "accel/interp/interrupt.h"
#include "accel/interp/segment.h"
#include "accel/interp/stack.h"
#include "accel/interp/system.h"
#include "accel/interp/trace.h"

/* After a load: SS can change the mode, and holds events back. The others change no more than MODE_FLAT. */
static void loaded(struct cpu *cpu, const struct insn *insn, unsigned seg, bool shadow)
{
    uint32_t before = cpu->trace->mode & ~(uint32_t)(MODE_CUT | MODE_CROSS);
    if (seg != SS) {
        if (unlikely(cpu->mode != before)) {
            return trace_leave(cpu, insn, system_next(cpu, insn));
        }
        NEXT(cpu, insn);
    }
    cpu_update_mode(cpu);
    if (shadow) {
        cpu_begin_shadow(cpu, system_next(cpu, insn), true);
    }
    if (cpu->mode != before || __atomic_load_n(&cpu->attention, __ATOMIC_RELAXED) != 0) {
        return trace_leave(cpu, insn, system_next(cpu, insn));
    }
    NEXT(cpu, insn);
}

static bool is_loadable(unsigned seg)
{
    return seg <= GS && seg != CS;
}

static void mov_to_sreg_reg(struct cpu *cpu, const struct insn *insn)
{
    if (!is_loadable(insn->reg)) {
        cpu_fault(cpu, insn, EXC_UD, 0);
    }
    system_begin(cpu, insn);
    segment_load(cpu, insn->reg, (uint16_t)cpu->gpr[insn->rm]);
    return loaded(cpu, insn, insn->reg, true);
}

static void mov_to_sreg_mem(struct cpu *cpu, const struct insn *insn)
{
    if (!is_loadable(insn->reg)) {
        cpu_fault(cpu, insn, EXC_UD, 0);
    }
    system_begin(cpu, insn);
    segment_load(cpu, insn->reg, mem_read16(cpu, NULL, insn->seg, insn_ea(cpu, insn)));
    return loaded(cpu, insn, insn->reg, true);
}
const struct op_handlers h_mov_to_sreg = HANDLERS(mov_to_sreg_reg, mov_to_sreg_mem);

static void mov_from_sreg_r16(struct cpu *cpu, const struct insn *insn)
{
    if (insn->reg > GS) {
        cpu_fault(cpu, insn, EXC_UD, 0);
    }
    set_reg16(cpu, insn->rm, cpu->s.seg[insn->reg].selector);
    NEXT(cpu, insn);
}

static void mov_from_sreg_reg(struct cpu *cpu, const struct insn *insn)
{
    if (insn->reg > GS) {
        cpu_fault(cpu, insn, EXC_UD, 0);
    }
    cpu->gpr[insn->rm] = cpu->s.seg[insn->reg].selector;
    NEXT(cpu, insn);
}

static void mov_from_sreg_mem(struct cpu *cpu, const struct insn *insn)
{
    if (insn->reg > GS) {
        cpu_fault(cpu, insn, EXC_UD, 0);
    }
    mem_write16(cpu, insn, insn->seg, insn_ea(cpu, insn), cpu->s.seg[insn->reg].selector);
    NEXT(cpu, insn);
}
const struct op_handlers h_mov_from_sreg = {
    { mov_from_sreg_r16, mov_from_sreg_reg, mov_from_sreg_reg },
    { mov_from_sreg_mem, mov_from_sreg_mem, mov_from_sreg_mem },
    { NULL, NULL, NULL },
};

/* ---- stack ---- */

static void push_sreg(struct cpu *cpu, const struct insn *insn, unsigned seg, unsigned width)
{
    uint64_t mask = stack_mask(cpu);
    uint64_t sp = (cpu->gpr[RSP] - width) & mask;
    uint16_t selector = cpu->s.seg[seg].selector;

    if (width == 2) {
        mem_write16(cpu, insn, SS, sp, selector);
    } else if (width == 4) {
        mem_write32(cpu, insn, SS, sp, selector);
    } else {
        mem_write64(cpu, insn, SS, sp, selector);
    }
    cpu->gpr[RSP] = mask == 0xffff ? (cpu->gpr[RSP] & ~0xffffull) | sp : sp;
    NEXT(cpu, insn);
}

static void pop_sreg(struct cpu *cpu, const struct insn *insn, unsigned seg, unsigned width)
{
    uint64_t mask = stack_mask(cpu);
    uint64_t sp = cpu->gpr[RSP] & mask;

    system_begin(cpu, insn);
    uint64_t value = width == 2   ? mem_read16(cpu, NULL, SS, sp)
                     : width == 4 ? mem_read32(cpu, NULL, SS, sp)
                                  : mem_read64(cpu, NULL, SS, sp);
    segment_load(cpu, seg, (uint16_t)value);
    sp = (sp + width) & mask;
    cpu->gpr[RSP] = mask == 0xffff ? (cpu->gpr[RSP] & ~0xffffull) | sp : sp;
    return loaded(cpu, insn, seg, true);
}

#define PUSH_POP(name, seg)                                                                            \
    static void push_##name##_16(struct cpu *cpu, const struct insn *insn)                             \
    {                                                                                                  \
        return push_sreg(cpu, insn, seg, 2);                                                           \
    }                                                                                                  \
    static void push_##name##_32(struct cpu *cpu, const struct insn *insn)                             \
    {                                                                                                  \
        return push_sreg(cpu, insn, seg, 4);                                                           \
    }                                                                                                  \
    static void push_##name##_64(struct cpu *cpu, const struct insn *insn)                             \
    {                                                                                                  \
        return push_sreg(cpu, insn, seg, 8);                                                           \
    }                                                                                                  \
    const struct op_handlers h_push_##name = { { push_##name##_16, push_##name##_32, push_##name##_64 }, \
                                               { NULL, NULL, NULL },                                   \
                                               { NULL, NULL, NULL } }
#define POP(name, seg)                                                                                 \
    static void pop_##name##_16(struct cpu *cpu, const struct insn *insn)                              \
    {                                                                                                  \
        return pop_sreg(cpu, insn, seg, 2);                                                            \
    }                                                                                                  \
    static void pop_##name##_32(struct cpu *cpu, const struct insn *insn)                              \
    {                                                                                                  \
        return pop_sreg(cpu, insn, seg, 4);                                                            \
    }                                                                                                  \
    static void pop_##name##_64(struct cpu *cpu, const struct insn *insn)                              \
    {                                                                                                  \
        return pop_sreg(cpu, insn, seg, 8);                                                            \
    }                                                                                                  \
    const struct op_handlers h_pop_##name = { { pop_##name##_16, pop_##name##_32, pop_##name##_64 },   \
                                              { NULL, NULL, NULL },                                    \
                                              { NULL, NULL, NULL } }
PUSH_POP(es, ES);
PUSH_POP(cs, CS);
PUSH_POP(ss, SS);
PUSH_POP(ds, DS);
PUSH_POP(fs, FS);
PUSH_POP(gs, GS);
POP(es, ES);
POP(ss, SS);
POP(ds, DS);
POP(fs, FS);
POP(gs, GS);

/* ---- LDS, LES, LFS, LGS, LSS ---- */

static void load_pointer(struct cpu *cpu, const struct insn *insn, unsigned seg, unsigned width)
{
    uint64_t ea = insn_ea(cpu, insn);
    uint64_t selector_ea = (ea + width) & address_mask[insn->asize];

    system_begin(cpu, insn);
    uint64_t offset = width == 2   ? mem_read16(cpu, NULL, insn->seg, ea)
                      : width == 4 ? mem_read32(cpu, NULL, insn->seg, ea)
                                   : mem_read64(cpu, NULL, insn->seg, ea);
    segment_load(cpu, seg, mem_read16(cpu, NULL, insn->seg, selector_ea));
    if (width == 2) {
        set_reg16(cpu, insn->reg, (uint16_t)offset);
    } else {
        cpu->gpr[insn->reg] = offset;
    }
    return loaded(cpu, insn, seg, false);
}

#define LOAD_POINTER(name, seg)                                                                        \
    static void name##_16(struct cpu *cpu, const struct insn *insn)                                    \
    {                                                                                                  \
        return load_pointer(cpu, insn, seg, 2);                                                        \
    }                                                                                                  \
    static void name##_32(struct cpu *cpu, const struct insn *insn)                                    \
    {                                                                                                  \
        return load_pointer(cpu, insn, seg, 4);                                                        \
    }                                                                                                  \
    static void name##_64(struct cpu *cpu, const struct insn *insn)                                    \
    {                                                                                                  \
        return load_pointer(cpu, insn, seg, 8);                                                        \
    }                                                                                                  \
    const struct op_handlers h_##name = { { NULL, NULL, NULL },                                        \
                                          { name##_16, name##_32, name##_64 },                         \
                                          { NULL, NULL, NULL } }
LOAD_POINTER(les, ES);
LOAD_POINTER(lds, DS);
LOAD_POINTER(lss, SS);
LOAD_POINTER(lfs, FS);
LOAD_POINTER(lgs, GS);
