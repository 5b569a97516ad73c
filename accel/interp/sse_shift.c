/*
 * SSE shifts and INSERTPS: what is nearly regular. A shift by an immediate is the shift by a
 * register with that count.
 */
#include "accel/interp/sse.h"

#include "accel/interp/sse_stub.h"

#define SHIFT(name)                                                                                \
    static inline __m128i host_##name(__m128i v, __m128i count)                                    \
    {                                                                                              \
        __asm__(#name " %1, %0" : "+x"(v) : "x"(count));                                           \
        return v;                                                                                  \
    }                                                                                              \
    static void sse_##name##_r(struct cpu *cpu, const struct insn *insn)                           \
    {                                                                                              \
        __m128i v = host_##name(xmm_get(cpu, insn->reg), xmm_get(cpu, insn->rm));                  \
        xmm_set(cpu, insn->reg, v);                                                                \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    SIMD_MEM_HANDLER(SIMD_NO_ATTRIBUTES, sse_##name##_m, 128, 15, {                                \
        __m128i v = host_##name(xmm_get(cpu, insn->reg), simd_value128(p));                        \
        xmm_set(cpu, insn->reg, v);                                                                \
        NEXT(cpu, insn);                                                                           \
    })                                                                                             \
    const struct op_handlers sse_##name = HANDLERS(sse_##name##_r, sse_##name##_m);                \
    static void sse_##name##_imm_r(struct cpu *cpu, const struct insn *insn)                       \
    {                                                                                              \
        __m128i count = _mm_cvtsi32_si128((uint8_t)insn->imm);                                     \
        xmm_set(cpu, insn->rm, host_##name(xmm_get(cpu, insn->rm), count));                        \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    const struct op_handlers sse_##name##_imm = HANDLERS(sse_##name##_imm_r, NULL);                \
    static void avx_##name##_imm_r(struct cpu *cpu, const struct insn *insn)                       \
    {                                                                                              \
        __m128i count = _mm_cvtsi32_si128((uint8_t)insn->imm);                                     \
        xmm_set_vex(cpu, insn->vreg, host_##name(xmm_get(cpu, insn->rm), count));                  \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    const struct op_handlers avx_##name##_imm = {                                                  \
        {avx_##name##_imm_r, NULL, NULL}, {NULL, NULL, NULL}, {NULL, NULL, NULL}};

SHIFT(psrlw)
SHIFT(psrld)
SHIFT(psrlq)
SHIFT(psraw)
SHIFT(psrad)
SHIFT(psllw)
SHIFT(pslld)
SHIFT(psllq)

/* Whole-register shifts by bytes: a window into the value between zeroes. */
static inline __m128i shift_bytes(const struct cpu *cpu, const struct insn *insn, bool left)
{
    uint64_t window[6] = {0, 0, cpu->s.ymm[insn->rm][0], cpu->s.ymm[insn->rm][1], 0, 0};
    unsigned count = (uint8_t)insn->imm > 16 ? 16 : (uint8_t)insn->imm;
    __m128i v;
    memcpy(&v, (const uint8_t *)window + (left ? 16 - count : 16 + count), sizeof(v));
    return v;
}

#define SHIFT_BYTES(name, left)                                                                    \
    static void sse_##name##_r(struct cpu *cpu, const struct insn *insn)                           \
    {                                                                                              \
        xmm_set(cpu, insn->rm, shift_bytes(cpu, insn, left));                                      \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    const struct op_handlers sse_##name = HANDLERS(sse_##name##_r, NULL);                          \
    static void avx_##name##_r(struct cpu *cpu, const struct insn *insn)                           \
    {                                                                                              \
        xmm_set_vex(cpu, insn->vreg, shift_bytes(cpu, insn, left));                                \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    const struct op_handlers avx_##name = {                                                        \
        {avx_##name##_r, NULL, NULL}, {NULL, NULL, NULL}, {NULL, NULL, NULL}};
SHIFT_BYTES(psrldq_imm, false)
SHIFT_BYTES(pslldq_imm, true)

/* INSERTPS: bits 7-6 pick the source element, but for memory there is only one. */
SIMD_STUBS(insertps_stubs, "insertps $simd_stub, %xmm1, %xmm0")

static inline __m128i host_insertps(__m128i d, __m128i s, unsigned imm)
{
    register __m128i x0 __asm__("xmm0") = d;
    register __m128i x1 __asm__("xmm1") = s;
    __asm__(SIMD_STUB_CALL("%2") : "+x"(x0) : "x"(x1), "r"(insertps_stubs[imm]));
    return x0;
}

#define INSERTPS(prefix, set, source)                                                              \
    static void prefix##_insertps_r(struct cpu *cpu, const struct insn *insn)                      \
    {                                                                                              \
        __m128i d = xmm_get(cpu, insn->source), s = xmm_get(cpu, insn->rm);                        \
        set(cpu, insn->reg, host_insertps(d, s, insn->imm & 0xff));                                \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    SIMD_MEM_HANDLER(SIMD_NO_ATTRIBUTES, prefix##_insertps_m, 32, 0, {                             \
        __m128i d = xmm_get(cpu, insn->source), s = simd_value32(p);                               \
        set(cpu, insn->reg, host_insertps(d, s, insn->imm & 0x3f));                                \
        NEXT(cpu, insn);                                                                           \
    })                                                                                             \
    const struct op_handlers prefix##_insertps = HANDLERS(prefix##_insertps_r, prefix##_insertps_m);
INSERTPS(sse, xmm_set, reg)
INSERTPS(avx, xmm_set_vex, vreg)
