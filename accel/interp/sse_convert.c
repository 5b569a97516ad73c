/*
 * SSE conversions between scalars and general registers, and the instructions that set EFLAGS:
 * COMISS and kin, PTEST, VTESTPS. Legacy and VEX.128; the VEX forms of what writes no XMM register
 * are the same handlers.
 */
#include "accel/interp/flags.h"
#include "accel/interp/sse.h"

/* CVTSI2SS/SD from a register or memory of 32 or 64 bits; rows by operand size, in VEX by W. */
#define FROM_INTEGER(name, bits, text, set, source, end)                                           \
    static void name##_r(struct cpu *cpu, const struct insn *insn)                                 \
    {                                                                                              \
        __m128i d = xmm_get(cpu, insn->source);                                                    \
        __asm__ volatile(text " %1, %0" : "+x"(d) : "r"((uint##bits##_t)cpu->gpr[insn->rm]));      \
        end(cpu, insn, F, d);                                                                      \
    }                                                                                              \
    SIMD_MEM_HANDLER(SIMD_NO_ATTRIBUTES, name##_m, bits, 0, {                                      \
        __m128i d = xmm_get(cpu, insn->source);                                                    \
        uint##bits##_t v;                                                                          \
        memcpy(&v, p, sizeof(v));                                                                  \
        __asm__ volatile(text " %1, %0" : "+x"(d) : "r"(v));                                       \
        end(cpu, insn, F, d);                                                                      \
    })

FROM_INTEGER(sse_cvtsi2ss32, 32, "cvtsi2ssl", xmm_set, reg, SIMD_END_SSE)
FROM_INTEGER(sse_cvtsi2ss64, 64, "cvtsi2ssq", xmm_set, reg, SIMD_END_SSE)
FROM_INTEGER(sse_cvtsi2sd32, 32, "cvtsi2sdl", xmm_set, reg, SIMD_END_SSE)
FROM_INTEGER(sse_cvtsi2sd64, 64, "cvtsi2sdq", xmm_set, reg, SIMD_END_SSE)
FROM_INTEGER(avx_cvtsi2ss32, 32, "cvtsi2ssl", xmm_set_vex, vreg, SIMD_END_VEX128)
FROM_INTEGER(avx_cvtsi2ss64, 64, "cvtsi2ssq", xmm_set_vex, vreg, SIMD_END_VEX128)
FROM_INTEGER(avx_cvtsi2sd32, 32, "cvtsi2sdl", xmm_set_vex, vreg, SIMD_END_VEX128)
FROM_INTEGER(avx_cvtsi2sd64, 64, "cvtsi2sdq", xmm_set_vex, vreg, SIMD_END_VEX128)

#define BY_SIZE(name, h32, h64)                                                                    \
    const struct op_handlers name = {                                                              \
        {h32##_r, h32##_r, h64##_r}, {h32##_m, h32##_m, h64##_m}, {NULL, NULL, NULL}};
#define BY_W(name, handler) const struct op_handlers name = HANDLERS(handler##_r, handler##_m);

BY_SIZE(sse_cvtsi2ss, sse_cvtsi2ss32, sse_cvtsi2ss64)
BY_SIZE(sse_cvtsi2sd, sse_cvtsi2sd32, sse_cvtsi2sd64)
BY_W(avx_cvtsi2ss_w0, avx_cvtsi2ss32)
BY_W(avx_cvtsi2ss_w1, avx_cvtsi2ss64)
BY_W(avx_cvtsi2sd_w0, avx_cvtsi2sd32)
BY_W(avx_cvtsi2sd_w1, avx_cvtsi2sd64)

/* CVT(T)SS2SI, CVT(T)SD2SI: `bits` of the integer, `size` of the memory operand. */
#define TO_INTEGER(name, bits, size, text)                                                         \
    static inline void name##_do(struct cpu *cpu, const struct insn *insn, __m128i s)              \
    {                                                                                              \
        uint##bits##_t v;                                                                          \
        __asm__ volatile(text " %1, %0" : "=r"(v) : "x"(s));                                       \
        if (unlikely(cpu->simd_unmasked)) {                                                        \
            simd_check(cpu, insn);                                                                 \
        }                                                                                          \
        cpu->gpr[insn->reg] = v;                                                                   \
    }                                                                                              \
    static void name##_r(struct cpu *cpu, const struct insn *insn)                                 \
    {                                                                                              \
        name##_do(cpu, insn, xmm_get(cpu, insn->rm));                                              \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    SIMD_MEM_HANDLER(SIMD_NO_ATTRIBUTES, name##_m, size, 0, {                                      \
        name##_do(cpu, insn, simd_value##size(p));                                                 \
        NEXT(cpu, insn);                                                                           \
    })

#define TO_INTEGER_ALL(name, size)                                                                 \
    TO_INTEGER(sse_##name##_32, 32, size, #name "l")                                               \
    TO_INTEGER(sse_##name##_64, 64, size, #name "q")                                               \
    BY_SIZE(sse_##name, sse_##name##_32, sse_##name##_64)                                          \
    BY_W(avx_##name##_w0, sse_##name##_32)                                                         \
    BY_W(avx_##name##_w1, sse_##name##_64)

TO_INTEGER_ALL(cvtss2si, 32)
TO_INTEGER_ALL(cvttss2si, 32)
TO_INTEGER_ALL(cvtsd2si, 64)
TO_INTEGER_ALL(cvttsd2si, 64)

/* ---- EFLAGS ---- */

static inline void set_zf_pf_cf(struct cpu *cpu, bool zf, bool pf, bool cf)
{
    cpu->fl_z = !zf;
    cpu->fl_s = !pf;
    /* OF = bit 31 ^ bit 30 = 0 */
    cpu->fl_c = cf ? FL_CF | FL_PO : 0;
}

#define COMPARE(name, size, text)                                                                  \
    static inline void name##_do(struct cpu *cpu, const struct insn *insn, __m128i s)              \
    {                                                                                              \
        bool zf, pf, cf;                                                                           \
        __asm__ volatile(text " %4, %3"                                                            \
                         : "=@ccz"(zf), "=@ccp"(pf), "=@ccc"(cf)                                   \
                         : "x"(xmm_get(cpu, insn->reg)), "x"(s));                                  \
        if (unlikely(cpu->simd_unmasked)) {                                                        \
            simd_check(cpu, insn);                                                                 \
        }                                                                                          \
        set_zf_pf_cf(cpu, zf, pf, cf);                                                             \
    }                                                                                              \
    static void name##_r(struct cpu *cpu, const struct insn *insn)                                 \
    {                                                                                              \
        name##_do(cpu, insn, xmm_get(cpu, insn->rm));                                              \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    SIMD_MEM_HANDLER(SIMD_NO_ATTRIBUTES, name##_m, size, 0, {                                      \
        name##_do(cpu, insn, simd_value##size(p));                                                 \
        NEXT(cpu, insn);                                                                           \
    })                                                                                             \
    const struct op_handlers name = HANDLERS(name##_r, name##_m);

COMPARE(sse_ucomiss, 32, "ucomiss")
COMPARE(sse_comiss, 32, "comiss")
COMPARE(sse_ucomisd, 64, "ucomisd")
COMPARE(sse_comisd, 64, "comisd")

/* ZF = (d AND s) all zero, CF = (NOT d AND s) all zero; VTESTPS looks at the sign bits only. */
#define TEST(name, alignment, text)                                                                \
    static inline void name##_do(struct cpu *cpu, const struct insn *insn, __m128i s)              \
    {                                                                                              \
        bool zf, cf;                                                                               \
        __asm__ volatile(text " %3, %2"                                                            \
                         : "=@ccz"(zf), "=@ccc"(cf)                                                \
                         : "x"(xmm_get(cpu, insn->reg)), "x"(s));                                  \
        set_zf_pf_cf(cpu, zf, false, cf);                                                          \
    }                                                                                              \
    static void name##_r(struct cpu *cpu, const struct insn *insn)                                 \
    {                                                                                              \
        name##_do(cpu, insn, xmm_get(cpu, insn->rm));                                              \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    SIMD_MEM_HANDLER(SIMD_NO_ATTRIBUTES, name##_m, 128, alignment, {                               \
        name##_do(cpu, insn, simd_value128(p));                                                    \
        NEXT(cpu, insn);                                                                           \
    })

#define TEST256(name, text)                                                                        \
    TARGET_AVX static inline void name##_do(struct cpu *cpu, const struct insn *insn, __m256i s)   \
    {                                                                                              \
        bool zf, cf;                                                                               \
        __m256i d = _mm256_loadu_si256((const __m256i_u *)cpu->s.ymm[insn->reg]);                  \
        __asm__ volatile(text " %3, %2" : "=@ccz"(zf), "=@ccc"(cf) : "x"(d), "x"(s));              \
        set_zf_pf_cf(cpu, zf, false, cf);                                                          \
    }                                                                                              \
    TARGET_AVX static void name##_r(struct cpu *cpu, const struct insn *insn)                      \
    {                                                                                              \
        name##_do(cpu, insn, _mm256_loadu_si256((const __m256i_u *)cpu->s.ymm[insn->rm]));         \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    SIMD_MEM_HANDLER(TARGET_AVX, name##_m, 256, 0, {                                               \
        name##_do(cpu, insn, _mm256_loadu_si256((const __m256i_u *)p));                            \
        NEXT(cpu, insn);                                                                           \
    })

#define TEST_VEX(name)                                                                             \
    const struct op_handlers avx_##name = {{avx_##name##128_r, avx_##name##256_r, NULL},           \
                                           {avx_##name##128_m, avx_##name##256_m, NULL},           \
                                           {NULL, NULL, NULL}};

TEST(sse_ptest, 15, "ptest")
const struct op_handlers sse_ptest = HANDLERS(sse_ptest_r, sse_ptest_m);
TEST(avx_ptest128, 0, "ptest")
TEST256(avx_ptest256, "vptest")
TEST(avx_testps128, 0, "vtestps")
TEST256(avx_testps256, "vtestps")
TEST(avx_testpd128, 0, "vtestpd")
TEST256(avx_testpd256, "vtestpd")
TEST_VEX(ptest)
TEST_VEX(testps)
TEST_VEX(testpd)
