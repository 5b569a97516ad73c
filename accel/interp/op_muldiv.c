/*
 * MUL IMUL DIV IDIV. CF and OF of a multiplication tell that the product does not fit into the lower half; SF,
 * ZF and PF, undefined, follow the lower half; AF is cleared. Division leaves the flags alone.
 */
#include "accel/interp/op_impl.h"

typedef unsigned __int128 uint128_t;
typedef __int128 int128_t;

#define MUL_FLAGS(bits, low, overflow)                 \
    do {                                               \
        bool o_ = (overflow);                          \
        flags_result(cpu, (int##bits##_t)(low));       \
        cpu->fl_c = o_ ? FL_CF : 0;                    \
    } while (0)

/* Where the wide operand lives: AX for bytes, else rDX:rAX. */
static inline void set_product8(struct cpu *cpu, uint16_t p)
{
    SET16(RAX, p);
}
#define PRODUCT(bits, wide)                                                           \
    static inline void set_product##bits(struct cpu *cpu, wide p)                     \
    {                                                                                 \
        SET##bits(RAX, (uint##bits##_t)p);                                            \
        SET##bits(RDX, (uint##bits##_t)(p >> (bits)));                                \
    }
PRODUCT(16, uint32_t)
PRODUCT(32, uint64_t)
PRODUCT(64, uint128_t)

#define MULTIPLY(bits, uwide, swide)                                                                \
    static inline void alu_mul##bits(struct cpu *cpu, const struct insn *insn, uint##bits##_t b)    \
    {                                                                                               \
        uwide p = (uwide)GET##bits(RAX) * b;                                                        \
        set_product##bits(cpu, p);                                                                  \
        MUL_FLAGS(bits, p, p >> (bits) != 0);                                                       \
    }                                                                                               \
    static inline void alu_imul##bits(struct cpu *cpu, const struct insn *insn, uint##bits##_t b)   \
    {                                                                                               \
        swide p = (swide)(int##bits##_t)GET##bits(RAX) * (int##bits##_t)b;                          \
        set_product##bits(cpu, (uwide)p);                                                           \
        MUL_FLAGS(bits, p, p != (int##bits##_t)p);                                                  \
    }
MULTIPLY(8, uint16_t, int16_t)
MULTIPLY(16, uint32_t, int32_t)
MULTIPLY(32, uint64_t, int64_t)
MULTIPLY(64, uint128_t, int128_t)

/* #DE comes before anything is changed. */
#define DIVIDE(bits, uwide, swide, DIVIDEND, STORE)                                                 \
    static inline void alu_div##bits(struct cpu *cpu, const struct insn *insn, uint##bits##_t b)    \
    {                                                                                               \
        uwide a = (DIVIDEND);                                                                       \
        if (unlikely(b == 0 || (uint##bits##_t)(a >> (bits)) >= b)) {                               \
            cpu_fault(cpu, insn, EXC_DE, 0);                                                        \
        }                                                                                           \
        uint##bits##_t q = (uint##bits##_t)(a / b), r = (uint##bits##_t)(a % b);                    \
        STORE;                                                                                      \
    }                                                                                               \
    static inline void alu_idiv##bits(struct cpu *cpu, const struct insn *insn, uint##bits##_t b)   \
    {                                                                                               \
        swide a = (swide)(DIVIDEND), d = (int##bits##_t)b;                                          \
        uwide ua = a < 0 ? -(uwide)a : (uwide)a, ub = d < 0 ? -(uwide)d : (uwide)d;                 \
        if (unlikely(b == 0 || ua / ub > ((uwide)1 << ((bits) - 1)) - ((a < 0) == (d < 0)))) {      \
            cpu_fault(cpu, insn, EXC_DE, 0);                                                        \
        }                                                                                           \
        uint##bits##_t q = (uint##bits##_t)(ua / ub), r = (uint##bits##_t)(ua % ub);                \
        q = (a < 0) == (d < 0) ? q : (uint##bits##_t)-q;                                            \
        r = a < 0 ? (uint##bits##_t)-r : r;                                                         \
        STORE;                                                                                      \
    }
DIVIDE(8, uint16_t, int16_t, GET16(RAX), SET16(RAX, q | r << 8))
DIVIDE(16, uint32_t, int32_t, (uint32_t)GET16(RDX) << 16 | GET16(RAX), SET16(RAX, q); SET16(RDX, r))
DIVIDE(32, uint64_t, int64_t, (uint64_t)GET32(RDX) << 32 | GET32(RAX), SET32(RAX, q); SET32(RDX, r))

/* 128 bits by 64: the host's own instruction, or 64 by 64 where the dividend is a sign-extended one. */
static inline void alu_div64(struct cpu *cpu, const struct insn *insn, uint64_t b)
{
    uint64_t q, r;
    if (unlikely(cpu->gpr[RDX] >= b)) { /* also if b is 0 */
        cpu_fault(cpu, insn, EXC_DE, 0);
    }
    __asm__("divq %4" : "=a"(q), "=d"(r) : "a"(cpu->gpr[RAX]), "d"(cpu->gpr[RDX]), "r"(b) : "cc");
    cpu->gpr[RAX] = q;
    cpu->gpr[RDX] = r;
}

static __attribute__((noinline)) void idiv_wide(struct cpu *cpu, const struct insn *insn, uint64_t b)
{
    int128_t a = (int128_t)((uint128_t)cpu->gpr[RDX] << 64 | cpu->gpr[RAX]), d = (int64_t)b;
    uint128_t ua = a < 0 ? -(uint128_t)a : (uint128_t)a, ud = d < 0 ? -(uint128_t)d : (uint128_t)d;
    bool same_sign = (a < 0) == (d < 0);
    if (b == 0 || ua / ud > ((uint128_t)1 << 63) - same_sign) {
        cpu_fault(cpu, insn, EXC_DE, 0);
    }
    uint64_t q = (uint64_t)(ua / ud), r = (uint64_t)(ua % ud);
    cpu->gpr[RAX] = same_sign ? q : -q;
    cpu->gpr[RDX] = a < 0 ? -r : r;
}

static inline void alu_idiv64(struct cpu *cpu, const struct insn *insn, uint64_t b)
{
    int64_t a = (int64_t)cpu->gpr[RAX], d = (int64_t)b;
    if (unlikely((int64_t)cpu->gpr[RDX] != a >> 63 || d == 0 || d == -1)) {
        idiv_wide(cpu, insn, b);
        return;
    }
    cpu->gpr[RAX] = (uint64_t)(a / d);
    cpu->gpr[RDX] = (uint64_t)(a % d);
}

#define UNARY(op, bits)                                                             \
    OP_REG(op##bits##_reg, alu_##op##bits(cpu, insn, GET##bits(insn->rm)))          \
    OP_READ(op##bits##_mem, bits, alu_##op##bits(cpu, insn, m))
#define UNARY_SETS(op)          \
    FOR_BV(UNARY, op)           \
    SET_B_RM(op_##op##_Eb, op)  \
    SET_V_RM(op_##op##_Ev, op)
UNARY_SETS(mul)
UNARY_SETS(imul)
UNARY_SETS(div)
UNARY_SETS(idiv)

#define IMUL2(swide, bits)                                                                           \
    static inline uint##bits##_t alu_imul2_##bits(struct cpu *cpu, uint##bits##_t a, uint##bits##_t b) \
    {                                                                                                \
        swide p = (swide)(int##bits##_t)a * (int##bits##_t)b;                                        \
        MUL_FLAGS(bits, p, p != (int##bits##_t)p);                                                   \
        return (uint##bits##_t)p;                                                                    \
    }                                                                                                \
    OP_REG(imul_GE##bits##_reg,                                                                      \
           SET##bits(insn->reg, alu_imul2_##bits(cpu, GET##bits(insn->reg), GET##bits(insn->rm))))   \
    OP_READ(imul_GE##bits##_mem, bits,                                                               \
            SET##bits(insn->reg, alu_imul2_##bits(cpu, GET##bits(insn->reg), m)))                    \
    OP_REG(imul_GEI##bits##_reg,                                                                     \
           SET##bits(insn->reg, alu_imul2_##bits(cpu, GET##bits(insn->rm), insn->imm)))              \
    OP_READ(imul_GEI##bits##_mem, bits, SET##bits(insn->reg, alu_imul2_##bits(cpu, m, insn->imm)))
IMUL2(int32_t, 16)
IMUL2(int64_t, 32)
IMUL2(int128_t, 64)
SET_V_RM(op_imul_Gv_Ev, imul_GE)
SET_V_RM(op_imul_Gv_Ev_Iz, imul_GEI)
