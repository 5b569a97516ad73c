/*
 * ROL ROR RCL RCR SHL SHR SAR, SHLD SHRD.
 *
 * Counts are taken modulo 32 (64 for 64-bit operands); a count of 0 changes no flag. OF is defined for a count
 * of 1 only; here it is computed by the same formula for all counts. AF is cleared.
 */
#include "accel/interp/op_impl.h"

/* Flags of a shift: result and the last bit shifted out. */
#define SHIFT_FLAGS(bits, r, cf, of)                  \
    do {                                              \
        flags_result(cpu, (int##bits##_t)(r));        \
        cpu->fl_c = 0;                                \
        set_flags_cf_of(cpu, (cf), (of));             \
    } while (0)
#define MSB(bits, v) ((bool)((v) >> ((bits) - 1) & 1))
#define COUNT_MASK(bits) ((bits) == 64 ? 63u : 31u)

#define SHIFTS(op, bits)                                                                              \
    static inline uint##bits##_t alu_shl##bits(struct cpu *cpu, uint##bits##_t a, unsigned n)         \
    {                                                                                                 \
        n &= COUNT_MASK(bits);                                                                        \
        if (n == 0) {                                                                                 \
            return a;                                                                                 \
        }                                                                                             \
        uint64_t before = (uint64_t)a << (n - 1); /* its top bit is the one that goes out */          \
        uint##bits##_t r = (uint##bits##_t)(before << 1);                                             \
        bool cf = MSB(bits, before);                                                                  \
        SHIFT_FLAGS(bits, r, cf, cf ^ MSB(bits, r));                                                  \
        return r;                                                                                     \
    }                                                                                                 \
    static inline uint##bits##_t alu_shr##bits(struct cpu *cpu, uint##bits##_t a, unsigned n)         \
    {                                                                                                 \
        n &= COUNT_MASK(bits);                                                                        \
        if (n == 0) {                                                                                 \
            return a;                                                                                 \
        }                                                                                             \
        uint64_t before = (uint64_t)a >> (n - 1);                                                     \
        uint##bits##_t r = (uint##bits##_t)(before >> 1);                                             \
        SHIFT_FLAGS(bits, r, before & 1, MSB(bits, before));                                          \
        return r;                                                                                     \
    }                                                                                                 \
    static inline uint##bits##_t alu_sar##bits(struct cpu *cpu, uint##bits##_t a, unsigned n)         \
    {                                                                                                 \
        n &= COUNT_MASK(bits);                                                                        \
        if (n == 0) {                                                                                 \
            return a;                                                                                 \
        }                                                                                             \
        int64_t before = (int64_t)(int##bits##_t)a >> (n - 1);                                        \
        uint##bits##_t r = (uint##bits##_t)(before >> 1);                                             \
        SHIFT_FLAGS(bits, r, before & 1, false);                                                      \
        return r;                                                                                     \
    }                                                                                                 \
    static inline uint##bits##_t alu_rol##bits(struct cpu *cpu, uint##bits##_t a, unsigned n)         \
    {                                                                                                 \
        n &= COUNT_MASK(bits);                                                                        \
        if (n == 0) {                                                                                 \
            return a;                                                                                 \
        }                                                                                             \
        n &= (bits) - 1;                                                                              \
        uint##bits##_t r = n == 0 ? a : (uint##bits##_t)(a << n | a >> ((bits) - n));                 \
        set_flags_cf_of(cpu, r & 1, (r & 1) ^ MSB(bits, r));                                          \
        return r;                                                                                     \
    }                                                                                                 \
    static inline uint##bits##_t alu_ror##bits(struct cpu *cpu, uint##bits##_t a, unsigned n)         \
    {                                                                                                 \
        n &= COUNT_MASK(bits);                                                                        \
        if (n == 0) {                                                                                 \
            return a;                                                                                 \
        }                                                                                             \
        n &= (bits) - 1;                                                                              \
        uint##bits##_t r = n == 0 ? a : (uint##bits##_t)(a >> n | a << ((bits) - n));                 \
        set_flags_cf_of(cpu, MSB(bits, r), (r >> ((bits) - 1) ^ r >> ((bits) - 2)) & 1);              \
        return r;                                                                                     \
    }                                                                                                 \
    /* Rotations through CF turn bits + 1 positions. */                                               \
    static inline uint##bits##_t alu_rcl##bits(struct cpu *cpu, uint##bits##_t a, unsigned n)         \
    {                                                                                                 \
        n = (n & COUNT_MASK(bits)) % ((bits) + 1);                                                    \
        if (n == 0) {                                                                                 \
            return a;                                                                                 \
        }                                                                                             \
        uint64_t c = flag_cf(cpu);                                                                    \
        uint##bits##_t low = n == 1 ? 0 : (uint##bits##_t)(a >> ((bits) + 1 - n));                    \
        uint##bits##_t high = n == (bits) ? 0 : (uint##bits##_t)(a << (n & 63));                      \
        uint##bits##_t r = high | (uint##bits##_t)(c << (n - 1)) | low;                               \
        bool cf = a >> ((bits) - n) & 1;                                                              \
        set_flags_cf_of(cpu, cf, cf ^ MSB(bits, r));                                                  \
        return r;                                                                                     \
    }                                                                                                 \
    static inline uint##bits##_t alu_rcr##bits(struct cpu *cpu, uint##bits##_t a, unsigned n)         \
    {                                                                                                 \
        n = (n & COUNT_MASK(bits)) % ((bits) + 1);                                                    \
        if (n == 0) {                                                                                 \
            return a;                                                                                 \
        }                                                                                             \
        uint64_t c = flag_cf(cpu);                                                                    \
        uint##bits##_t high = n == 1 ? 0 : (uint##bits##_t)(a << ((bits) + 1 - n));                   \
        uint##bits##_t low = n == (bits) ? 0 : (uint##bits##_t)(a >> (n & 63));                       \
        uint##bits##_t r = low | (uint##bits##_t)(c << ((bits) - n)) | high;                          \
        bool cf = a >> (n - 1) & 1;                                                                   \
        set_flags_cf_of(cpu, cf, (r >> ((bits) - 1) ^ r >> ((bits) - 2)) & 1);                        \
        return r;                                                                                     \
    }
FOR_BV(SHIFTS, )

#define SHIFT(op, bits)                                                                               \
    OP_REG(op##_I##bits##_reg, SET##bits(insn->rm, alu_##op##bits(cpu, GET##bits(insn->rm), insn->imm))) \
    OP_RMW(op##_I##bits##_mem, bits, m = alu_##op##bits(cpu, m, insn->imm))                           \
    OP_REG(op##_C##bits##_reg,                                                                        \
           SET##bits(insn->rm, alu_##op##bits(cpu, GET##bits(insn->rm), GET8(RCX * 8))))              \
    OP_RMW(op##_C##bits##_mem, bits, m = alu_##op##bits(cpu, m, GET8(RCX * 8)))
#define SHIFT_SETS(op)                 \
    FOR_BV(SHIFT, op)                  \
    SET_B_RM(op_##op##_Eb_Ib, op##_I)  \
    SET_V_RM(op_##op##_Ev_Ib, op##_I)  \
    SET_B_RM(op_##op##_Eb_CL, op##_C)  \
    SET_V_RM(op_##op##_Ev_CL, op##_C)
SHIFT_SETS(rol)
SHIFT_SETS(ror)
SHIFT_SETS(rcl)
SHIFT_SETS(rcr)
SHIFT_SETS(shl)
SHIFT_SETS(shr)
SHIFT_SETS(sar)

/* With 16 bits and a count above 16, which is undefined, processors go on with the bits of the destination:
 * the source is taken as source:destination. */
static inline uint16_t alu_shld16(struct cpu *cpu, uint16_t a, uint16_t b, unsigned n)
{
    n &= 31;
    if (n == 0) {
        return a;
    }
    uint64_t wide = (uint64_t)a << 32 | (uint64_t)b << 16 | a;
    uint16_t r = (uint16_t)(wide << n >> 32);
    bool cf = wide << n >> 48 & 1;
    SHIFT_FLAGS(16, r, cf, MSB(16, r) ^ MSB(16, a));
    return r;
}
static inline uint16_t alu_shrd16(struct cpu *cpu, uint16_t a, uint16_t b, unsigned n)
{
    n &= 31;
    if (n == 0) {
        return a;
    }
    uint64_t wide = (uint64_t)a << 32 | (uint64_t)b << 16 | a;
    uint16_t r = (uint16_t)(wide >> n);
    bool cf = wide >> (n - 1) & 1;
    SHIFT_FLAGS(16, r, cf, MSB(16, r) ^ MSB(16, a));
    return r;
}

#define DOUBLE_SHIFT(op, bits)                                                                      \
    static inline uint##bits##_t alu_shld##bits(struct cpu *cpu, uint##bits##_t a, uint##bits##_t b, unsigned n) \
    {                                                                                               \
        n &= (bits) - 1;                                                                            \
        if (n == 0) {                                                                               \
            return a;                                                                               \
        }                                                                                           \
        uint##bits##_t r = a << n | b >> ((bits) - n);                                              \
        SHIFT_FLAGS(bits, r, a >> ((bits) - n) & 1, MSB(bits, r) ^ MSB(bits, a));                   \
        return r;                                                                                   \
    }                                                                                               \
    static inline uint##bits##_t alu_shrd##bits(struct cpu *cpu, uint##bits##_t a, uint##bits##_t b, unsigned n) \
    {                                                                                               \
        n &= (bits) - 1;                                                                            \
        if (n == 0) {                                                                               \
            return a;                                                                               \
        }                                                                                           \
        uint##bits##_t r = a >> n | b << ((bits) - n);                                              \
        SHIFT_FLAGS(bits, r, a >> (n - 1) & 1, MSB(bits, r) ^ MSB(bits, a));                        \
        return r;                                                                                   \
    }
DOUBLE_SHIFT(, 32)
DOUBLE_SHIFT(, 64)

#define DOUBLE_OPS(op, bits)                                                                        \
    OP_REG(op##_I##bits##_reg,                                                                      \
           SET##bits(insn->rm, alu_##op##bits(cpu, GET##bits(insn->rm), GET##bits(insn->reg), insn->imm))) \
    OP_RMW(op##_I##bits##_mem, bits, m = alu_##op##bits(cpu, m, GET##bits(insn->reg), insn->imm))   \
    OP_REG(op##_C##bits##_reg, SET##bits(insn->rm, alu_##op##bits(cpu, GET##bits(insn->rm),         \
                                                                  GET##bits(insn->reg), GET8(RCX * 8)))) \
    OP_RMW(op##_C##bits##_mem, bits, m = alu_##op##bits(cpu, m, GET##bits(insn->reg), GET8(RCX * 8)))
FOR_V(DOUBLE_OPS, shld)
FOR_V(DOUBLE_OPS, shrd)
SET_V_RM(op_shld_Ev_Gv_Ib, shld_I)
SET_V_RM(op_shld_Ev_Gv_CL, shld_C)
SET_V_RM(op_shrd_Ev_Gv_Ib, shrd_I)
SET_V_RM(op_shrd_Ev_Gv_CL, shrd_C)
