/*
 * Decimal adjustments: DAA DAS AAA AAS AAM AAD. Not in 64-bit mode. Undefined flags as processors leave them:
 * OF clear; after AAA and AAS, SF, ZF and PF from AL.
 */
#include "accel/interp/op_impl.h"

#define AL 0 /* byte registers */
#define AH 1

static void adjust_flags(struct cpu *cpu, uint8_t al, bool cf, bool af)
{
    flags_result(cpu, (int8_t)al);
    cpu->fl_c = af ? FL_AF : 0;
    set_flags_cf_of(cpu, cf, false);
}

static void decimal_adjust(struct cpu *cpu, bool subtract)
{
    uint8_t old = GET8(AL), al = old;
    bool old_cf = flag_cf(cpu), cf = false, af = (old & 15) > 9 || flag_af(cpu);
    if (af) {
        cf = old_cf || (subtract ? old < 6 : old > 0xf9);
        al += subtract ? -6 : 6;
    }
    if (old > 0x99 || old_cf) {
        al += subtract ? -0x60 : 0x60;
        cf = true;
    } else if (!subtract) {
        cf = false;
    }
    SET8(AL, al);
    adjust_flags(cpu, al, cf, af);
}
OP_REG(daa, decimal_adjust(cpu, false))
OP_REG(das, decimal_adjust(cpu, true))
SET_ONE(op_daa, daa)
SET_ONE(op_das, das)

static void ascii_adjust(struct cpu *cpu, int sign)
{
    bool adjust = (GET8(AL) & 15) > 9 || flag_af(cpu);
    if (adjust) {
        SET16(RAX, GET16(RAX) + sign * 0x106);
    }
    SET8(AL, GET8(AL) & 15);
    adjust_flags(cpu, GET8(AL), adjust, adjust);
}
OP_REG(aaa, ascii_adjust(cpu, 1))
OP_REG(aas, ascii_adjust(cpu, -1))
SET_ONE(op_aaa, aaa)
SET_ONE(op_aas, aas)

HANDLER aam(struct cpu *cpu, const struct insn *insn)
{
    uint8_t al = GET8(AL), base = insn->imm;
    if (base == 0) {
        cpu_fault(cpu, insn, EXC_DE, 0);
    }
    SET8(AH, al / base);
    SET8(AL, al % base);
    adjust_flags(cpu, GET8(AL), false, false);
    NEXT(cpu, insn);
}
SET_ONE(op_aam, aam)

HANDLER aad(struct cpu *cpu, const struct insn *insn)
{
    uint8_t al = GET8(AL) + GET8(AH) * (uint8_t)insn->imm;
    SET16(RAX, al);
    adjust_flags(cpu, al, false, false);
    NEXT(cpu, insn);
}
SET_ONE(op_aad, aad)

/* SALC, undocumented but used: AL = CF ? FF : 0. */
OP_REG(salc, SET8(AL, flag_cf(cpu) ? 0xff : 0))
SET_ONE(op_salc, salc)
