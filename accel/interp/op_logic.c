/*
 * AND OR XOR TEST NOT. CF and OF are cleared; AF, which is undefined, too.
 */
#include "accel/interp/op_impl.h"

#define ALU(bits)                                                                     \
    static inline uint##bits##_t logic##bits(struct cpu *cpu, uint##bits##_t r)       \
    {                                                                                 \
        flags_result(cpu, (int##bits##_t)r);                                          \
        cpu->fl_c = 0;                                                                \
        return r;                                                                     \
    }
ALU(8)
ALU(16)
ALU(32)
ALU(64)

/* op E,G; op G,E; op E,I */
#define BINARY(op, sign, bits)                                                                          \
    OP_REG(op##_EG##bits##_reg,                                                                         \
           SET##bits(insn->rm, logic##bits(cpu, GET##bits(insn->rm) sign GET##bits(insn->reg))))        \
    OP_RMW(op##_EG##bits##_mem, bits, m = logic##bits(cpu, m sign GET##bits(insn->reg)))                \
    OP_LOCK(op##_EG##bits##_lock, bits, m = logic##bits(cpu, m sign GET##bits(insn->reg)))              \
    OP_REG(op##_GE##bits##_reg,                                                                         \
           SET##bits(insn->reg, logic##bits(cpu, GET##bits(insn->reg) sign GET##bits(insn->rm))))       \
    OP_READ(op##_GE##bits##_mem, bits,                                                                  \
            SET##bits(insn->reg, logic##bits(cpu, GET##bits(insn->reg) sign m)))                        \
    OP_REG(op##_EI##bits##_reg,                                                                         \
           SET##bits(insn->rm, logic##bits(cpu, GET##bits(insn->rm) sign (uint##bits##_t)insn->imm)))   \
    OP_RMW(op##_EI##bits##_mem, bits, m = logic##bits(cpu, m sign (uint##bits##_t)insn->imm))           \
    OP_LOCK(op##_EI##bits##_lock, bits, m = logic##bits(cpu, m sign (uint##bits##_t)insn->imm))

#define BINARY_SETS(op, sign)           \
    FOR_BV(BINARY, op, sign)            \
    SET_B_RML(op_##op##_Eb_Gb, op##_EG) \
    SET_V_RML(op_##op##_Ev_Gv, op##_EG) \
    SET_B_RM(op_##op##_Gb_Eb, op##_GE)  \
    SET_V_RM(op_##op##_Gv_Ev, op##_GE)  \
    SET_B_RML(op_##op##_Eb_Ib, op##_EI) \
    SET_V_RML(op_##op##_Ev_Iz, op##_EI)

BINARY_SETS(and, &)
BINARY_SETS(or, |)
BINARY_SETS(xor, ^)

#define TEST(op, bits)                                                                            \
    OP_REG(op##_EG##bits##_reg, logic##bits(cpu, GET##bits(insn->rm) & GET##bits(insn->reg)))     \
    OP_READ(op##_EG##bits##_mem, bits, logic##bits(cpu, m & GET##bits(insn->reg)))                \
    OP_REG(op##_EI##bits##_reg, logic##bits(cpu, GET##bits(insn->rm) & (uint##bits##_t)insn->imm)) \
    OP_READ(op##_EI##bits##_mem, bits, logic##bits(cpu, m & (uint##bits##_t)insn->imm))
FOR_BV(TEST, test)
SET_B_RM(op_test_Eb_Gb, test_EG)
SET_V_RM(op_test_Ev_Gv, test_EG)
SET_B_RM(op_test_Eb_Ib, test_EI)
SET_V_RM(op_test_Ev_Iz, test_EI)

#define NOT(op, bits)                                              \
    OP_REG(op##bits##_reg, SET##bits(insn->rm, ~GET##bits(insn->rm))) \
    OP_RMW(op##bits##_mem, bits, m = ~m)                           \
    OP_LOCK(op##bits##_lock, bits, m = ~m)
FOR_BV(NOT, not)
SET_B_RML(op_not_Eb, not)
SET_V_RML(op_not_Ev, not)
