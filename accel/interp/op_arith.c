/*
 * ADD ADC SUB SBB CMP INC DEC NEG.
 */
#include "accel/interp/op_impl.h"

#define ALU(bits)                                                                                       \
    static inline uint##bits##_t alu_add##bits(struct cpu *cpu, uint##bits##_t a, uint##bits##_t b)     \
    {                                                                                                   \
        uint##bits##_t r = a + b;                                                                       \
        flags_result(cpu, (int##bits##_t)r);                                                            \
        cpu->fl_c = flags_carries##bits(CARRY_ADD(a, b, r));                                            \
        return r;                                                                                       \
    }                                                                                                   \
    static inline uint##bits##_t alu_adc##bits(struct cpu *cpu, uint##bits##_t a, uint##bits##_t b)     \
    {                                                                                                   \
        uint##bits##_t r = a + b + flag_cf(cpu);                                                        \
        flags_result(cpu, (int##bits##_t)r);                                                            \
        cpu->fl_c = flags_carries##bits(CARRY_ADD(a, b, r));                                            \
        return r;                                                                                       \
    }                                                                                                   \
    static inline uint##bits##_t alu_sub##bits(struct cpu *cpu, uint##bits##_t a, uint##bits##_t b)     \
    {                                                                                                   \
        uint##bits##_t r = a - b;                                                                       \
        flags_result(cpu, (int##bits##_t)r);                                                            \
        cpu->fl_c = flags_carries##bits(CARRY_SUB(a, b, r));                                            \
        return r;                                                                                       \
    }                                                                                                   \
    static inline uint##bits##_t alu_sbb##bits(struct cpu *cpu, uint##bits##_t a, uint##bits##_t b)     \
    {                                                                                                   \
        uint##bits##_t r = a - b - flag_cf(cpu);                                                        \
        flags_result(cpu, (int##bits##_t)r);                                                            \
        cpu->fl_c = flags_carries##bits(CARRY_SUB(a, b, r));                                            \
        return r;                                                                                       \
    }                                                                                                   \
    static inline uint##bits##_t alu_inc##bits(struct cpu *cpu, uint##bits##_t a)                       \
    {                                                                                                   \
        uint##bits##_t r = a + 1;                                                                       \
        uint32_t af = (r & 15) == 0 ? FL_AF : 0;                                                        \
        flags_result(cpu, (int##bits##_t)r);                                                            \
        set_flags_cf_of(cpu, flag_cf(cpu), r == (uint##bits##_t)1 << ((bits) - 1));                     \
        cpu->fl_c = (cpu->fl_c & ~FL_AF) | af;                                                          \
        return r;                                                                                       \
    }                                                                                                   \
    static inline uint##bits##_t alu_dec##bits(struct cpu *cpu, uint##bits##_t a)                       \
    {                                                                                                   \
        uint##bits##_t r = a - 1;                                                                       \
        uint32_t af = (a & 15) == 0 ? FL_AF : 0;                                                        \
        flags_result(cpu, (int##bits##_t)r);                                                            \
        set_flags_cf_of(cpu, flag_cf(cpu), a == (uint##bits##_t)1 << ((bits) - 1));                     \
        cpu->fl_c = (cpu->fl_c & ~FL_AF) | af;                                                          \
        return r;                                                                                       \
    }                                                                                                   \
    static inline uint##bits##_t alu_neg##bits(struct cpu *cpu, uint##bits##_t a)                       \
    {                                                                                                   \
        return alu_sub##bits(cpu, 0, a);                                                                \
    }
ALU(8)
ALU(16)
ALU(32)
ALU(64)

/* op E,G; op G,E; op E,I */
#define BINARY(op, bits)                                                                                \
    OP_REG(op##_EG##bits##_reg,                                                                         \
           SET##bits(insn->rm, alu_##op##bits(cpu, GET##bits(insn->rm), GET##bits(insn->reg))))         \
    OP_RMW(op##_EG##bits##_mem, bits, m = alu_##op##bits(cpu, m, GET##bits(insn->reg)))                 \
    OP_LOCK(op##_EG##bits##_lock, bits, m = alu_##op##bits(cpu, m, GET##bits(insn->reg)))               \
    OP_REG(op##_GE##bits##_reg,                                                                         \
           SET##bits(insn->reg, alu_##op##bits(cpu, GET##bits(insn->reg), GET##bits(insn->rm))))        \
    OP_READ(op##_GE##bits##_mem, bits,                                                                  \
            SET##bits(insn->reg, alu_##op##bits(cpu, GET##bits(insn->reg), m)))                         \
    OP_REG(op##_EI##bits##_reg,                                                                         \
           SET##bits(insn->rm, alu_##op##bits(cpu, GET##bits(insn->rm), (uint##bits##_t)insn->imm)))    \
    OP_RMW(op##_EI##bits##_mem, bits, m = alu_##op##bits(cpu, m, (uint##bits##_t)insn->imm))            \
    OP_LOCK(op##_EI##bits##_lock, bits, m = alu_##op##bits(cpu, m, (uint##bits##_t)insn->imm))

#define BINARY_SETS(op)               \
    FOR_BV(BINARY, op)                \
    SET_B_RML(op_##op##_Eb_Gb, op##_EG) \
    SET_V_RML(op_##op##_Ev_Gv, op##_EG) \
    SET_B_RM(op_##op##_Gb_Eb, op##_GE)  \
    SET_V_RM(op_##op##_Gv_Ev, op##_GE)  \
    SET_B_RML(op_##op##_Eb_Ib, op##_EI) \
    SET_V_RML(op_##op##_Ev_Iz, op##_EI)

BINARY_SETS(add)
BINARY_SETS(adc)
BINARY_SETS(sub)
BINARY_SETS(sbb)

#define COMPARE(op, bits)                                                                         \
    OP_REG(op##_EG##bits##_reg, alu_sub##bits(cpu, GET##bits(insn->rm), GET##bits(insn->reg)))    \
    OP_READ(op##_EG##bits##_mem, bits, alu_sub##bits(cpu, m, GET##bits(insn->reg)))               \
    OP_REG(op##_GE##bits##_reg, alu_sub##bits(cpu, GET##bits(insn->reg), GET##bits(insn->rm)))    \
    OP_READ(op##_GE##bits##_mem, bits, alu_sub##bits(cpu, GET##bits(insn->reg), m))               \
    OP_REG(op##_EI##bits##_reg,                                                                   \
           alu_sub##bits(cpu, GET##bits(insn->rm), (uint##bits##_t)insn->imm))                    \
    OP_READ(op##_EI##bits##_mem, bits, alu_sub##bits(cpu, m, (uint##bits##_t)insn->imm))
FOR_BV(COMPARE, cmp)
SET_B_RM(op_cmp_Eb_Gb, cmp_EG)
SET_V_RM(op_cmp_Ev_Gv, cmp_EG)
SET_B_RM(op_cmp_Gb_Eb, cmp_GE)
SET_V_RM(op_cmp_Gv_Ev, cmp_GE)
SET_B_RM(op_cmp_Eb_Ib, cmp_EI)
SET_V_RM(op_cmp_Ev_Iz, cmp_EI)

#define UNARY(op, bits)                                                                           \
    OP_REG(op##bits##_reg, SET##bits(insn->rm, alu_##op##bits(cpu, GET##bits(insn->rm))))         \
    OP_RMW(op##bits##_mem, bits, m = alu_##op##bits(cpu, m))                                      \
    OP_LOCK(op##bits##_lock, bits, m = alu_##op##bits(cpu, m))
#define UNARY_SETS(op)           \
    FOR_BV(UNARY, op)            \
    SET_B_RML(op_##op##_Eb, op)  \
    SET_V_RML(op_##op##_Ev, op)
UNARY_SETS(inc)
UNARY_SETS(dec)
UNARY_SETS(neg)

/* The one-byte forms of 16- and 32-bit code, register in the opcode. */
#define INC_DEC_Z(op, bits) \
    OP_REG(op##_Z##bits##_reg, SET##bits(insn->reg, alu_##op##bits(cpu, GET##bits(insn->reg))))
FOR_V(INC_DEC_Z, inc)
FOR_V(INC_DEC_Z, dec)
SET_V_R(op_inc_Zv, inc_Z)
SET_V_R(op_dec_Zv, dec_Z)
