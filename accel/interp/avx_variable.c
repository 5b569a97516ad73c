/*
 * VEX instructions without an immediate that SSE has not: variable shifts and permutations, blends
 * with a fourth register, shifts of 256 bits by a count, FMA and half-precision conversion.
 */
#include "accel/interp/avx.h"

#include "accel/interp/sse_stub.h"

#define BINARY_128(name, class)                                                                    \
    VEX_PAIR_128(avx_##name, class, vreg, 128,                                                     \
                 __asm__ volatile("v" #name " %1, %0, %0"                                          \
                                  : "+x"(d)                                                        \
                                  : "x"(s)))
#define BINARY_256(name, class) VEX_PAIR_256(avx_##name, class, vreg, HOST_VEX3(#name, d, a, s))
#define BINARY(name, class)     BINARY_128(name, class) BINARY_256(name, class) VEX_BOTH(avx_##name)

BINARY(psrlvd, I)
BINARY(psrlvq, I)
BINARY(psravd, I)
BINARY(psllvd, I)
BINARY(psllvq, I)
VEX_PAIR_128(avx_permilps_var, L, vreg, 128,
             __asm__ volatile("vpermilps %1, %0, %0"
                              : "+x"(d)
                              : "x"(s)))
VEX_PAIR_256(avx_permilps_var, L, vreg, HOST_VEX3("permilps", d, a, s))
VEX_PAIR_128(avx_permilpd_var, L, vreg, 128,
             __asm__ volatile("vpermilpd %1, %0, %0"
                              : "+x"(d)
                              : "x"(s)))
VEX_PAIR_256(avx_permilpd_var, L, vreg, HOST_VEX3("permilpd", d, a, s))
VEX_BOTH(avx_permilps_var)
VEX_BOTH(avx_permilpd_var)
BINARY_256(permd, I)
BINARY_256(permps, I)
VEX_256(avx_permd)
VEX_256(avx_permps)

/* ---- shifts by a count in an XMM register or 128-bit memory, or by an immediate ---- */

#define SHIFT(name)                                                                                \
    VEX_PAIR_128(avx_##name, I, vreg, 128, HOST_LEGACY(#name, d, s))                               \
    TARGET_AVX static void avx_##name##_256r(struct cpu *cpu, const struct insn *insn)             \
    {                                                                                              \
        __m256i d, a = ymm_get(cpu, insn->vreg);                                                   \
        __m128i s = xmm_get(cpu, insn->rm);                                                        \
        HOST_VEX3(#name, d, a, s);                                                                 \
        SIMD_END_VEX256(cpu, insn, I, d);                                                          \
    }                                                                                              \
    SIMD_MEM_HANDLER(TARGET_AVX, avx_##name##_256m, 128, 0, {                                      \
        __m256i d, a = ymm_get(cpu, insn->vreg);                                                   \
        __m128i s = simd_value128(p);                                                              \
        HOST_VEX3(#name, d, a, s);                                                                 \
        SIMD_END_VEX256(cpu, insn, I, d);                                                          \
    })                                                                                             \
    VEX_BOTH(avx_##name)                                                                           \
    TARGET_AVX static void avx_##name##_imm_256r(struct cpu *cpu, const struct insn *insn)         \
    {                                                                                              \
        __m256i d, a = ymm_get(cpu, insn->rm);                                                     \
        __m128i s = _mm_cvtsi32_si128((uint8_t)insn->imm);                                         \
        HOST_VEX3(#name, d, a, s);                                                                 \
        ymm_set(cpu, insn->vreg, d);                                                               \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    VEX_TABLE(avx_##name##_imm_256, NULL, avx_##name##_imm_256r, NULL, NULL)
SHIFT(psrlw)
SHIFT(psrld)
SHIFT(psrlq)
SHIFT(psraw)
SHIFT(psrad)
SHIFT(psllw)
SHIFT(pslld)
SHIFT(psllq)

SIMD_STUBS(psrldq_stubs, "vpsrldq $simd_stub, %ymm0, %ymm0")
SIMD_STUBS(pslldq_stubs, "vpslldq $simd_stub, %ymm0, %ymm0")

#define SHIFT_BYTES(name)                                                                          \
    TARGET_AVX static void avx_##name##_imm_256r(struct cpu *cpu, const struct insn *insn)         \
    {                                                                                              \
        register __m256i v __asm__("ymm0") = ymm_get(cpu, insn->rm);                               \
        __asm__ volatile(SIMD_STUB_CALL("%1") : "+x"(v) : "r"(name##_stubs[insn->imm & 0xff]));    \
        ymm_set(cpu, insn->vreg, v);                                                               \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    VEX_TABLE(avx_##name##_imm_256, NULL, avx_##name##_imm_256r, NULL, NULL)
SHIFT_BYTES(psrldq)
SHIFT_BYTES(pslldq)

/* ---- blends by the mask in the register of imm[7:4] ---- */

#define BLENDV(name)                                                                               \
    VEX_PAIR_128(avx_##name, L, vreg, 128, {                                                       \
        __m128i mask = xmm_get(cpu, insn->imm >> 4 & 15);                                          \
        __asm__ volatile("v" #name " %2, %1, %0, %0" : "+x"(d) : "x"(s), "x"(mask));               \
    })                                                                                             \
    VEX_PAIR_256(avx_##name, L, vreg, {                                                            \
        __m256i mask = ymm_get(cpu, insn->imm >> 4 & 15);                                          \
        __asm__ volatile("v" #name " %3, %2, %1, %0" : "=x"(d) : "x"(a), "x"(s), "x"(mask));       \
    })                                                                                             \
    VEX_BOTH(avx_##name)
BLENDV(blendvps)
BLENDV(blendvpd)
BLENDV(pblendvb)

/* ---- FMA: the destination is a source too ---- */

#define FMA_PACKED(name)                                                                           \
    VEX_PAIR_128(avx_##name, F, reg, 128, {                                                        \
        __m128i b = xmm_get(cpu, insn->vreg);                                                      \
        __asm__ volatile("v" #name " %2, %1, %0" : "+x"(d) : "x"(b), "x"(s));                      \
    })                                                                                             \
    VEX_PAIR_256(avx_##name, F, reg, {                                                             \
        __m256i b = ymm_get(cpu, insn->vreg);                                                      \
        d = a;                                                                                     \
        __asm__ volatile("v" #name " %2, %1, %0" : "+x"(d) : "x"(b), "x"(s));                      \
    })                                                                                             \
    VEX_BOTH(avx_##name)
#define FMA_SCALAR(name, bits)                                                                     \
    VEX_PAIR_128(avx_##name, F, reg, bits, {                                                       \
        __m128i b = xmm_get(cpu, insn->vreg);                                                      \
        __asm__ volatile("v" #name " %2, %1, %0" : "+x"(d) : "x"(b), "x"(s));                      \
    })                                                                                             \
    VEX_LIG(avx_##name)
#define FMA_ORDERS(macro, name, suffix, ...)                                                       \
    macro(name##132##suffix, ##__VA_ARGS__) macro(name##213##suffix, ##__VA_ARGS__)                \
        macro(name##231##suffix, ##__VA_ARGS__)
#define FMA_BOTH(name) FMA_ORDERS(FMA_PACKED, name, ps) FMA_ORDERS(FMA_PACKED, name, pd)
#define FMA_ALL(name)                                                                              \
    FMA_BOTH(name) FMA_ORDERS(FMA_SCALAR, name, ss, 32) FMA_ORDERS(FMA_SCALAR, name, sd, 64)
FMA_ALL(fmadd)
FMA_ALL(fmsub)
FMA_ALL(fnmadd)
FMA_ALL(fnmsub)
FMA_BOTH(fmaddsub)
FMA_BOTH(fmsubadd)

/* ---- F16C ---- */

VEX_PAIR_128(avx_cvtph2ps, F, rm, 64, HOST_VEX2("cvtph2ps", d, s))
TARGET_AVX static void avx_cvtph2ps_256r(struct cpu *cpu, const struct insn *insn)
{
    __m128i s = xmm_get(cpu, insn->rm);
    __m256i d;
    HOST_VEX2("cvtph2ps", d, s);
    SIMD_END_VEX256(cpu, insn, F, d);
}
SIMD_MEM_HANDLER(TARGET_AVX, avx_cvtph2ps_256m, 128, 0, {
    __m128i s = simd_value128(p);
    __m256i d;
    HOST_VEX2("cvtph2ps", d, s);
    SIMD_END_VEX256(cpu, insn, F, d);
})
VEX_BOTH(avx_cvtph2ps)

SIMD_STUBS(cvtps2ph_stubs, "vcvtps2ph $simd_stub, %xmm0, %xmm0")
SIMD_STUBS(cvtps2ph_stubs256, "vcvtps2ph $simd_stub, %ymm0, %xmm0")

/* VCVTPS2PH ignores FTZ, so with underflow unmasked a tiny but exact result shows only by being a denormal. */
static void check_narrow(struct cpu *cpu, const struct insn *insn, __m128i result)
{
    uint16_t half[8];
    uint32_t mxcsr = _mm_getcsr();
    memcpy(half, &result, sizeof(half));
    for (unsigned i = 0; i < 8 && !(cpu->s.mxcsr & MXCSR_UM); i++) {
        if ((half[i] & 0x7c00) == 0 && (half[i] & 0x3ff) != 0) {
            mxcsr |= _MM_EXCEPT_UNDERFLOW;
        }
    }
    _mm_setcsr(mxcsr);
    simd_check(cpu, insn);
}

/* The result to memory must not change MXCSR before the store is known not to fault. */
static inline __m128i host_cvtps2ph(struct cpu *cpu, const struct insn *insn)
{
    register __m128i v __asm__("xmm0") = xmm_get(cpu, insn->reg);
    __asm__ volatile(SIMD_STUB_CALL("%1") : "+x"(v) : "r"(cvtps2ph_stubs[insn->imm & 0xff]));
    if (unlikely(cpu->simd_unmasked)) {
        check_narrow(cpu, insn, v);
    }
    return v;
}
TARGET_AVX static inline __m128i host_cvtps2ph256(struct cpu *cpu, const struct insn *insn)
{
    register __m256i v __asm__("ymm0") = ymm_get(cpu, insn->reg);
    __asm__ volatile(SIMD_STUB_CALL("%1") : "+x"(v) : "r"(cvtps2ph_stubs256[insn->imm & 0xff]));
    __m128i result = _mm256_castsi256_si128(v);
    if (unlikely(cpu->simd_unmasked)) {
        check_narrow(cpu, insn, result);
    }
    return result;
}
static void avx_cvtps2ph_128r(struct cpu *cpu, const struct insn *insn)
{
    xmm_set_vex(cpu, insn->rm, _mm_move_epi64(host_cvtps2ph(cpu, insn)));
    NEXT(cpu, insn);
}
static void avx_cvtps2ph_128m(struct cpu *cpu, const struct insn *insn)
{
    mem_probe_write(cpu, insn, insn->seg, insn_ea(cpu, insn), 8);
    simd_store64(cpu, insn, host_cvtps2ph(cpu, insn));
    NEXT(cpu, insn);
}
TARGET_AVX static void avx_cvtps2ph_256r(struct cpu *cpu, const struct insn *insn)
{
    xmm_set_vex(cpu, insn->rm, host_cvtps2ph256(cpu, insn));
    NEXT(cpu, insn);
}
TARGET_AVX static void avx_cvtps2ph_256m(struct cpu *cpu, const struct insn *insn)
{
    mem_probe_write(cpu, insn, insn->seg, insn_ea(cpu, insn), 16);
    simd_store128(cpu, insn, host_cvtps2ph256(cpu, insn), 0);
    NEXT(cpu, insn);
}
VEX_BOTH(avx_cvtps2ph)
