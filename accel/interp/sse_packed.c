/*
 * Legacy SSE instructions of regular form (simd.def), each done by the host's own.
 */
#include "accel/interp/sse.h"

/* The result of `text` on d and s replaces d. */
#define HOST_BINARY(text, d, s) __asm__ volatile(text " %1, %0" : "+x"(d) : "x"(s))

#define SIMD_HANDLERS(name, class, bits, alignment)                                                \
    static void sse_##name##_r(struct cpu *cpu, const struct insn *insn)                           \
    {                                                                                              \
        __m128i d = xmm_get(cpu, insn->reg), s = xmm_get(cpu, insn->rm);                           \
        HOST_BINARY(#name, d, s);                                                                  \
        SIMD_END_SSE(cpu, insn, class, d);                                                         \
    }                                                                                              \
    SIMD_MEM_HANDLER(SIMD_NO_ATTRIBUTES, sse_##name##_m, bits, alignment, {                        \
        __m128i d = xmm_get(cpu, insn->reg), s = simd_value##bits(p);                              \
        HOST_BINARY(#name, d, s);                                                                  \
        SIMD_END_SSE(cpu, insn, class, d);                                                         \
    })                                                                                             \
    const struct op_handlers sse_##name = HANDLERS(sse_##name##_r, sse_##name##_m);

#define SIMD_BINARY(map, opcode, prefix, name, feature, class) SIMD_HANDLERS(name, class, 128, 15)
#define SIMD_UNARY(map, opcode, prefix, name, feature, class)  SIMD_HANDLERS(name, class, 128, 15)
#define SIMD_NARROW(map, opcode, prefix, name, feature, class) SIMD_HANDLERS(name, class, 128, 15)
#define SIMD_SCALAR(map, opcode, prefix, name, feature, class, bits)                               \
    SIMD_HANDLERS(name, class, bits, 0)
#define SIMD_WIDEN(map, opcode, prefix, name, feature, class, bits)                                \
    SIMD_HANDLERS(name, class, bits, 0)
#include "accel/interp/simd.def"

/* SHA has no VEX form. XMM0 is a third operand of SHA256RNDS2. */
#define SIMD_NO_VEX(name) SIMD_HANDLERS(name, X, 128, 15)
SIMD_NO_VEX(sha1nexte)
SIMD_NO_VEX(sha1msg1)
SIMD_NO_VEX(sha1msg2)
SIMD_NO_VEX(sha256msg1)
SIMD_NO_VEX(sha256msg2)

/* Instructions with XMM0 as an implicit operand. */
#define SIMD_XMM0(name)                                                                            \
    static inline __m128i host_##name(const struct cpu *cpu, __m128i d, __m128i s)                 \
    {                                                                                              \
        register __m128i mask __asm__("xmm0") = xmm_get(cpu, 0);                                   \
        __asm__ volatile(#name " %%xmm0, %1, %0" : "+x"(d) : "x"(s), "x"(mask));                   \
        return d;                                                                                  \
    }                                                                                              \
    static void sse_##name##_r(struct cpu *cpu, const struct insn *insn)                           \
    {                                                                                              \
        xmm_set(cpu, insn->reg,                                                                    \
                host_##name(cpu, xmm_get(cpu, insn->reg), xmm_get(cpu, insn->rm)));                \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    SIMD_MEM_HANDLER(SIMD_NO_ATTRIBUTES, sse_##name##_m, 128, 15, {                                \
        xmm_set(cpu, insn->reg, host_##name(cpu, xmm_get(cpu, insn->reg), simd_value128(p)));      \
        NEXT(cpu, insn);                                                                           \
    })                                                                                             \
    const struct op_handlers sse_##name = HANDLERS(sse_##name##_r, sse_##name##_m);

SIMD_XMM0(sha256rnds2)
SIMD_XMM0(pblendvb)
SIMD_XMM0(blendvps)
SIMD_XMM0(blendvpd)
