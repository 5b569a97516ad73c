/*
 * BMI1, BMI2 (VEX-coded, W gives 32 or 64 bits) and ADX.
 */
#include "accel/interp/op_impl.h"

/* ZF and SF from the result, OF and the undefined AF clear. */
#define BMI_FLAGS(bits, r, cf) (flags_result(cpu, (int##bits##_t)(r)), cpu->fl_c = (cf) ? FL_CF | FL_PO : 0)

/* For PDEP and PEXT, which are offered on any host. */
static inline bool host_bmi2(void)
{
    return __builtin_cpu_supports("bmi2");
}

#define BMI(op, bits)                                                                                \
    static inline void alu_andn##bits(struct cpu *cpu, const struct insn *insn, uint##bits##_t v)    \
    {                                                                                                \
        uint##bits##_t r = ~GET##bits(insn->vreg) & v;                                               \
        BMI_FLAGS(bits, r, false);                                                                   \
        SET##bits(insn->reg, r);                                                                     \
    }                                                                                                \
    static inline void alu_bextr##bits(struct cpu *cpu, const struct insn *insn, uint##bits##_t v)   \
    {                                                                                                \
        unsigned start = GET8(insn->vreg * 8), length = GET8(insn->vreg * 8 + 1);                    \
        uint##bits##_t r = start < (bits) ? v >> start : 0;                                          \
        r &= length < (bits) ? ((uint##bits##_t)1 << length) - 1 : ~(uint##bits##_t)0;               \
        BMI_FLAGS(bits, r, false);                                                                   \
        SET##bits(insn->reg, r);                                                                     \
    }                                                                                                \
    static inline void alu_blsr##bits(struct cpu *cpu, const struct insn *insn, uint##bits##_t v)    \
    {                                                                                                \
        uint##bits##_t r = v & (v - 1);                                                              \
        BMI_FLAGS(bits, r, v == 0);                                                                  \
        SET##bits(insn->vreg, r);                                                                    \
    }                                                                                                \
    static inline void alu_blsmsk##bits(struct cpu *cpu, const struct insn *insn, uint##bits##_t v)  \
    {                                                                                                \
        uint##bits##_t r = v ^ (v - 1);                                                              \
        BMI_FLAGS(bits, r, v == 0);                                                                  \
        SET##bits(insn->vreg, r);                                                                    \
    }                                                                                                \
    static inline void alu_blsi##bits(struct cpu *cpu, const struct insn *insn, uint##bits##_t v)    \
    {                                                                                                \
        uint##bits##_t r = v & -v;                                                                   \
        BMI_FLAGS(bits, r, v != 0);                                                                  \
        SET##bits(insn->vreg, r);                                                                    \
    }                                                                                                \
    static inline void alu_bzhi##bits(struct cpu *cpu, const struct insn *insn, uint##bits##_t v)    \
    {                                                                                                \
        unsigned n = GET8(insn->vreg * 8);                                                           \
        uint##bits##_t r = n < (bits) ? v & (((uint##bits##_t)1 << n) - 1) : v;                      \
        BMI_FLAGS(bits, r, n > (bits) - 1);                                                          \
        SET##bits(insn->reg, r);                                                                     \
    }                                                                                                \
    static inline void alu_pdep##bits(struct cpu *cpu, const struct insn *insn, uint##bits##_t mask) \
    {                                                                                                \
        uint##bits##_t from = GET##bits(insn->vreg), r = 0;                                          \
        if (host_bmi2()) {                                                                           \
            __asm__("pdep %2, %1, %0" : "=r"(r) : "r"(from), "r"(mask));                             \
            mask = 0;                                                                                \
        }                                                                                            \
        for (; mask != 0; mask &= mask - 1, from >>= 1) {                                            \
            r |= from & 1 ? mask & -mask : 0;                                                        \
        }                                                                                            \
        SET##bits(insn->reg, r);                                                                     \
    }                                                                                                \
    static inline void alu_pext##bits(struct cpu *cpu, const struct insn *insn, uint##bits##_t mask) \
    {                                                                                                \
        uint##bits##_t from = GET##bits(insn->vreg), r = 0;                                          \
        if (host_bmi2()) {                                                                           \
            __asm__("pext %2, %1, %0" : "=r"(r) : "r"(from), "r"(mask));                             \
            mask = 0;                                                                                \
        }                                                                                            \
        for (unsigned i = 0; mask != 0; mask &= mask - 1, i++) {                                     \
            r |= from & mask & -mask ? (uint##bits##_t)1 << i : 0;                                   \
        }                                                                                            \
        SET##bits(insn->reg, r);                                                                     \
    }                                                                                                \
    static inline void alu_mulx##bits(struct cpu *cpu, const struct insn *insn, uint##bits##_t v)    \
    {                                                                                                \
        unsigned __int128 p = (unsigned __int128)GET##bits(RDX) * v;                                 \
        SET##bits(insn->vreg, (uint##bits##_t)p);                                                    \
        SET##bits(insn->reg, (uint##bits##_t)(p >> (bits)));                                         \
    }                                                                                                \
    static inline void alu_rorx##bits(struct cpu *cpu, const struct insn *insn, uint##bits##_t v)    \
    {                                                                                                \
        unsigned n = insn->imm & ((bits) - 1);                                                       \
        SET##bits(insn->reg, n == 0 ? v : v >> n | v << ((bits) - n));                               \
    }                                                                                                \
    static inline void alu_sarx##bits(struct cpu *cpu, const struct insn *insn, uint##bits##_t v)    \
    {                                                                                                \
        SET##bits(insn->reg, (uint##bits##_t)((int##bits##_t)v >> (GET8(insn->vreg * 8) & ((bits) - 1)))); \
    }                                                                                                \
    static inline void alu_shlx##bits(struct cpu *cpu, const struct insn *insn, uint##bits##_t v)    \
    {                                                                                                \
        SET##bits(insn->reg, v << (GET8(insn->vreg * 8) & ((bits) - 1)));                            \
    }                                                                                                \
    static inline void alu_shrx##bits(struct cpu *cpu, const struct insn *insn, uint##bits##_t v)    \
    {                                                                                                \
        SET##bits(insn->reg, v >> (GET8(insn->vreg * 8) & ((bits) - 1)));                            \
    }                                                                                                \
    static inline void alu_adcx##bits(struct cpu *cpu, const struct insn *insn, uint##bits##_t v)    \
    {                                                                                                \
        unsigned __int128 r = (unsigned __int128)GET##bits(insn->reg) + v + flag_cf(cpu);            \
        set_flag_cf(cpu, r >> (bits) & 1);                                                           \
        SET##bits(insn->reg, (uint##bits##_t)r);                                                     \
    }                                                                                                \
    static inline void alu_adox##bits(struct cpu *cpu, const struct insn *insn, uint##bits##_t v)    \
    {                                                                                                \
        unsigned __int128 r = (unsigned __int128)GET##bits(insn->reg) + v + flag_of(cpu);            \
        set_flags_cf_of(cpu, flag_cf(cpu), r >> (bits) & 1);                                         \
        SET##bits(insn->reg, (uint##bits##_t)r);                                                     \
    }
BMI(, 32)
BMI(, 64)

#define READ_OP(op, bits)                                                     \
    OP_REG(op##bits##_reg, alu_##op##bits(cpu, insn, GET##bits(insn->rm)))    \
    OP_READ(op##bits##_mem, bits, alu_##op##bits(cpu, insn, m))
/* VEX.L must be 0: only the first column. */
#define VEX_SETS(op)                                                                     \
    READ_OP(op, 32)                                                                      \
    READ_OP(op, 64)                                                                      \
    const struct op_handlers op_##op##32 = { { op##32_reg }, { op##32_mem } };           \
    const struct op_handlers op_##op##64 = { { op##64_reg }, { op##64_mem } };
VEX_SETS(andn)
VEX_SETS(bextr)
VEX_SETS(blsr)
VEX_SETS(blsmsk)
VEX_SETS(blsi)
VEX_SETS(bzhi)
VEX_SETS(pdep)
VEX_SETS(pext)
VEX_SETS(mulx)
VEX_SETS(rorx)
VEX_SETS(sarx)
VEX_SETS(shlx)
VEX_SETS(shrx)

#define ADX_SET(op)                                                                      \
    READ_OP(op, 32)                                                                      \
    READ_OP(op, 64)                                                                      \
    const struct op_handlers op_##op = { { op##32_reg, op##32_reg, op##64_reg },         \
                                         { op##32_mem, op##32_mem, op##64_mem } };
ADX_SET(adcx)
ADX_SET(adox)
