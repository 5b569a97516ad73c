/*
 * Descriptor table registers and questions about descriptors: LGDT, LIDT, SGDT, SIDT, LLDT, LTR, SLDT, STR, SMSW,
 * LAR, LSL, VERR, VERW, ARPL.
 */
#include "accel/interp/decode.h"
#include "accel/interp/flags.h"
#include "accel/interp/segment.h"
#include "accel/interp/system.h"
#include "accel/interp/trace.h"

static void check_umip(struct cpu *cpu, const struct insn *insn)
{
    if ((cpu->s.cr4 & CR4_UMIP) != 0 && cpu->cpl != 0 && (cpu->mode & MODE_PE) != 0) {
        cpu_fault(cpu, insn, EXC_GP, 0);
    }
}

/* ---- GDTR, IDTR ---- */

static void store_table(struct cpu *cpu, const struct insn *insn, const struct x86_table *table)
{
    uint8_t image[10];
    bool wide = (cpu->mode & MODE_CODE64) != 0;

    check_umip(cpu, insn);
    memcpy(image, &table->limit, 2);
    memcpy(image + 2, &table->base, 8);
    mem_write_bytes(cpu, insn, insn->seg, insn_ea(cpu, insn), image, wide ? 10 : 6);
    NEXT(cpu, insn);
}

static void sgdt(struct cpu *cpu, const struct insn *insn)
{
    return store_table(cpu, insn, &cpu->s.gdtr);
}
const struct op_handlers h_sgdt = { { NULL, NULL, NULL }, { sgdt, sgdt, sgdt }, { NULL, NULL, NULL } };

static void sidt(struct cpu *cpu, const struct insn *insn)
{
    return store_table(cpu, insn, &cpu->s.idtr);
}
const struct op_handlers h_sidt = { { NULL, NULL, NULL }, { sidt, sidt, sidt }, { NULL, NULL, NULL } };

/* 16-bit operand size takes 24 bits of the base. */
static void load_table(struct cpu *cpu, const struct insn *insn, struct x86_table *table, uint64_t base_mask)
{
    uint8_t image[10] = { 0 };
    uint64_t base;
    uint16_t limit;
    bool wide = (cpu->mode & MODE_CODE64) != 0;

    mem_read_bytes(cpu, insn, insn->seg, insn_ea(cpu, insn), image, wide ? 10 : 6);
    memcpy(&limit, image, 2);
    memcpy(&base, image + 2, 8);
    if (wide && !is_canonical(base)) {
        cpu_fault(cpu, insn, EXC_GP, 0);
    }
    table->limit = limit;
    table->base = wide ? base : base & base_mask;
    NEXT(cpu, insn);
}

static void lgdt_16(struct cpu *cpu, const struct insn *insn)
{
    return load_table(cpu, insn, &cpu->s.gdtr, 0xffffff);
}
static void lgdt_32(struct cpu *cpu, const struct insn *insn)
{
    return load_table(cpu, insn, &cpu->s.gdtr, 0xffffffff);
}
const struct op_handlers h_lgdt = {
    { NULL, NULL, NULL }, { lgdt_16, lgdt_32, lgdt_32 }, { NULL, NULL, NULL }
};

static void lidt_16(struct cpu *cpu, const struct insn *insn)
{
    return load_table(cpu, insn, &cpu->s.idtr, 0xffffff);
}
static void lidt_32(struct cpu *cpu, const struct insn *insn)
{
    return load_table(cpu, insn, &cpu->s.idtr, 0xffffffff);
}
const struct op_handlers h_lidt = {
    { NULL, NULL, NULL }, { lidt_16, lidt_32, lidt_32 }, { NULL, NULL, NULL }
};

/* ---- 16-bit values to a register of any size or to a word in memory ---- */

#define STORE_WORD(name, value)                                                        \
    static void name##_r16(struct cpu *cpu, const struct insn *insn)                   \
    {                                                                                  \
        check_umip(cpu, insn);                                                         \
        set_reg16(cpu, insn->rm, (uint16_t)(value));                                   \
        NEXT(cpu, insn);                                                               \
    }                                                                                  \
    static void name##_r32(struct cpu *cpu, const struct insn *insn)                   \
    {                                                                                  \
        check_umip(cpu, insn);                                                         \
        cpu->gpr[insn->rm] = (value);                                                  \
        NEXT(cpu, insn);                                                               \
    }                                                                                  \
    static void name##_mem(struct cpu *cpu, const struct insn *insn)                   \
    {                                                                                  \
        check_umip(cpu, insn);                                                         \
        mem_write16(cpu, insn, insn->seg, insn_ea(cpu, insn), (uint16_t)(value));      \
        NEXT(cpu, insn);                                                               \
    }                                                                                  \
    const struct op_handlers h_##name = { { name##_r16, name##_r32, name##_r32 },      \
                                          { name##_mem, name##_mem, name##_mem },      \
                                          { NULL, NULL, NULL } }
STORE_WORD(sldt, cpu->s.ldtr.selector);
STORE_WORD(str, cpu->s.tr.selector);
STORE_WORD(smsw, (uint32_t)cpu->s.cr0);

/* The 16-bit source of LLDT, LTR, VERR, ...: after system_begin(). */
#define SELECTOR_SOURCE(name)                                                          \
    static void name##_reg(struct cpu *cpu, const struct insn *insn)                   \
    {                                                                                  \
        system_begin(cpu, insn);                                                       \
        return name(cpu, insn, (uint16_t)cpu->gpr[insn->rm]);                          \
    }                                                                                  \
    static void name##_mem(struct cpu *cpu, const struct insn *insn)                   \
    {                                                                                  \
        system_begin(cpu, insn);                                                       \
        return name(cpu, insn, mem_read16(cpu, NULL, insn->seg, insn_ea(cpu, insn)));  \
    }

static void lldt(struct cpu *cpu, const struct insn *insn, uint16_t selector)
{
    cpu->s.ldtr = segment_prepare_ldt(cpu, selector, EXC_GP);
    NEXT(cpu, insn);
}
SELECTOR_SOURCE(lldt)
const struct op_handlers h_lldt = HANDLERS(lldt_reg, lldt_mem);

static void ltr(struct cpu *cpu, const struct insn *insn, uint16_t selector)
{
    struct descriptor d;
    bool wide = in_long_mode(cpu);
    uint32_t error = selector & SEL_INDEX;

    if (error == 0 || (selector & 4) != 0 || !desc_read(cpu, selector, &d, wide) || (d.hi & SEG_S) != 0 ||
        (desc_type(&d) != SYSTEM_TSS32 && (wide || desc_type(&d) != SYSTEM_TSS16))) {
        cpu_fault(cpu, NULL, EXC_GP, error);
    }
    if (!desc_is_present(&d)) {
        cpu_fault(cpu, NULL, EXC_NP, error);
    }
    struct x86_segment tr = desc_segment(selector, &d);
    if (wide && (!is_canonical(tr.base) || (d.last & 0x1f00) != 0)) {
        cpu_fault(cpu, NULL, EXC_GP, error);
    }
    desc_set_busy(cpu, &d, true);
    tr.attr |= 2u << SEG_TYPE_SHIFT;
    cpu->s.tr = tr;
    NEXT(cpu, insn);
}
SELECTOR_SOURCE(ltr)
const struct op_handlers h_ltr = HANDLERS(ltr_reg, ltr_mem);

/* ---- LAR, LSL, VERR, VERW ---- */

/* Reads a descriptor and checks that the program may know of it. Types of system descriptors that count: bits. */
static bool visible(struct cpu *cpu, uint16_t selector, uint32_t legacy_types, uint32_t long_types,
                    struct descriptor *d)
{
    if ((selector & SEL_INDEX) == 0 || !desc_read(cpu, selector, d, false)) {
        return false;
    }
    if ((d->hi & SEG_S) == 0) {
        uint32_t types = in_long_mode(cpu) ? long_types : legacy_types;
        if ((types >> desc_type(d) & 1) == 0) {
            return false;
        }
    }
    bool conforming = desc_is_code(d) && (d->hi & SEG_C) != 0;
    return conforming || (desc_dpl(d) >= cpu->cpl && desc_dpl(d) >= (selector & 3u));
}

#define LAR_LEGACY 0x1a3eu /* 1-5, 9, 11, 12 */
#define LAR_LONG 0x1a04u   /* 2, 9, 11, 12 */
#define LSL_LEGACY 0x0a0eu /* 1-3, 9, 11 */
#define LSL_LONG 0x0a04u   /* 2, 9, 11 */

static void lar_lsl(struct cpu *cpu, const struct insn *insn, uint16_t selector, bool limit, bool narrow)
{
    struct descriptor d;
    bool ok = limit ? visible(cpu, selector, LSL_LEGACY, LSL_LONG, &d)
                    : visible(cpu, selector, LAR_LEGACY, LAR_LONG, &d);
    if (ok) {
        uint32_t value = limit ? desc_limit(&d) : d.hi & 0x00f0ff00;
        if (narrow) {
            set_reg16(cpu, insn->reg, (uint16_t)value);
        } else {
            set_reg32(cpu, insn->reg, value);
        }
    }
    set_flag_zf(cpu, ok);
    NEXT(cpu, insn);
}

#define LAR_LSL(name, limit, narrow)                                                                  \
    static void name(struct cpu *cpu, const struct insn *insn, uint16_t selector)                     \
    {                                                                                                 \
        return lar_lsl(cpu, insn, selector, limit, narrow);                                           \
    }                                                                                                 \
    SELECTOR_SOURCE(name)
LAR_LSL(lar16, false, true)
LAR_LSL(lar32, false, false)
LAR_LSL(lsl16, true, true)
LAR_LSL(lsl32, true, false)
const struct op_handlers h_lar = {
    { lar16_reg, lar32_reg, lar32_reg }, { lar16_mem, lar32_mem, lar32_mem }, { NULL, NULL, NULL }
};
const struct op_handlers h_lsl = {
    { lsl16_reg, lsl32_reg, lsl32_reg }, { lsl16_mem, lsl32_mem, lsl32_mem }, { NULL, NULL, NULL }
};

static void verr(struct cpu *cpu, const struct insn *insn, uint16_t selector)
{
    struct descriptor d;
    bool ok = visible(cpu, selector, 0, 0, &d) && (!desc_is_code(&d) || (d.hi & SEG_R) != 0);
    set_flag_zf(cpu, ok);
    NEXT(cpu, insn);
}
SELECTOR_SOURCE(verr)
const struct op_handlers h_verr = HANDLERS(verr_reg, verr_mem);

static void verw(struct cpu *cpu, const struct insn *insn, uint16_t selector)
{
    struct descriptor d;
    bool ok = visible(cpu, selector, 0, 0, &d) && desc_is_writable_data(&d);
    set_flag_zf(cpu, ok);
    NEXT(cpu, insn);
}
SELECTOR_SOURCE(verw)
const struct op_handlers h_verw = HANDLERS(verw_reg, verw_mem);

/* ---- ARPL ---- */

static void arpl_reg(struct cpu *cpu, const struct insn *insn)
{
    uint16_t dest = (uint16_t)cpu->gpr[insn->rm], rpl = cpu->gpr[insn->reg] & 3;
    bool raise = (dest & 3) < rpl;
    if (raise) {
        set_reg16(cpu, insn->rm, (dest & SEL_INDEX) | rpl);
    }
    set_flag_zf(cpu, raise);
    NEXT(cpu, insn);
}

static void arpl_mem(struct cpu *cpu, const struct insn *insn)
{
    uint16_t rpl = cpu->gpr[insn->reg] & 3;
    uint16_t dest = mem_rmw_read16(cpu, insn, insn->seg, insn_ea(cpu, insn));
    bool raise = (dest & 3) < rpl;
    if (raise) {
        mem_rmw_write16(cpu, insn, (dest & SEL_INDEX) | rpl);
    }
    set_flag_zf(cpu, raise);
    NEXT(cpu, insn);
}
const struct op_handlers h_arpl = HANDLERS(arpl_reg, arpl_mem);
