/*
 * What the VEX-encoded handlers share. The 256-bit ones are compiled for AVX (TARGET_AVX), which
 * also makes the compiler clear the upper halves of the host's registers at their end. In 128-bit
 * ones the host runs the legacy instruction on a copy of the first source; only the write to the
 * guest's register differs.
 */
#ifndef ACCEL_INTERP_AVX_H
#define ACCEL_INTERP_AVX_H

#include "accel/interp/sse.h"

TARGET_AVX static inline __m256i ymm_get(const struct cpu *cpu, unsigned r)
{
    return _mm256_loadu_si256((const __m256i_u *)cpu->s.ymm[r]);
}
TARGET_AVX static inline void ymm_set(struct cpu *cpu, unsigned r, __m256i v)
{
    _mm256_storeu_si256((__m256i_u *)cpu->s.ymm[r], v);
}
TARGET_AVX static inline __m256i simd_value256(const void *p)
{
    return _mm256_loadu_si256((const __m256i_u *)p);
}
TARGET_AVX static inline void simd_store256(struct cpu *cpu, const struct insn *insn, __m256i v,
                                            unsigned alignment)
{
    uint64_t ea = insn_ea(cpu, insn);
    void *p = mem_fast(cpu, insn->seg, ea, 32, true);
    if (likely(p != NULL && !((uintptr_t)p & alignment))) {
        _mm256_storeu_si256((__m256i_u *)p, v);
    } else {
        _mm256_storeu_si256((__m256i_u *)cpu->simd_scratch, v);
        simd_write_slow(cpu, insn, ea, 32, alignment);
    }
}

#define SIMD_END_VEX256(cpu, insn, class, v)                                                       \
    SIMD_CHECK_##class(cpu, insn, v, simd_finish_vex256);                                          \
    ymm_set(cpu, (insn)->reg, v);                                                                  \
    NEXT(cpu, insn)

/* d = d op s by the legacy instruction; d = a op s, d = op(s) of 256 bits by the VEX one. */
#define HOST_LEGACY(text, d, s)  __asm__ volatile(text " %1, %0" : "+x"(d) : "x"(s))
#define HOST_VEX2(text, d, s)    __asm__ volatile("v" text " %1, %0" : "=x"(d) : "x"(s))
#define HOST_VEX3(text, d, a, s) __asm__ volatile("v" text " %2, %1, %0" : "=x"(d) : "x"(a), "x"(s))

/* Tables indexed by VEX.L: both lengths, 128 only, 256 only, length ignored. */
#define VEX_TABLE(name, r0, r1, m0, m1)                                                            \
    const struct op_handlers name = {{r0, r1, NULL}, {m0, m1, NULL}, {NULL, NULL, NULL}};
#define VEX_BOTH(name)       VEX_TABLE(name, name##_128r, name##_256r, name##_128m, name##_256m)
#define VEX_BOTH_AS(name, h) VEX_TABLE(name, h##_128r, h##_256r, h##_128m, h##_256m)
#define VEX_128(name)        VEX_TABLE(name, name##_128r, NULL, name##_128m, NULL)
#define VEX_256(name)        VEX_TABLE(name, NULL, name##_256r, NULL, name##_256m)
#define VEX_LIG(name)        VEX_TABLE(name, name##_128r, name##_128r, name##_128m, name##_128m)

/* Defines NAME_128r and NAME_128m from the first source's register number and an instruction on d
 * and s. */
#define VEX_PAIR_128(name, class, first, bits, host)                                               \
    static void name##_128r(struct cpu *cpu, const struct insn *insn)                              \
    {                                                                                              \
        __m128i d = xmm_get(cpu, insn->first), s = xmm_get(cpu, insn->rm);                         \
        host;                                                                                      \
        SIMD_END_VEX128(cpu, insn, class, d);                                                      \
    }                                                                                              \
    SIMD_MEM_HANDLER(SIMD_NO_ATTRIBUTES, name##_128m, bits, 0, {                                   \
        __m128i d = xmm_get(cpu, insn->first), s = simd_value##bits(p);                            \
        host;                                                                                      \
        SIMD_END_VEX128(cpu, insn, class, d);                                                      \
    })
/* NAME_256r and NAME_256m; the instruction is on a, s and d. */
#define VEX_PAIR_256(name, class, first, host)                                                     \
    TARGET_AVX static void name##_256r(struct cpu *cpu, const struct insn *insn)                   \
    {                                                                                              \
        __m256i d, a = ymm_get(cpu, insn->first), s = ymm_get(cpu, insn->rm);                      \
        (void)a;                                                                                   \
        host;                                                                                      \
        SIMD_END_VEX256(cpu, insn, class, d);                                                      \
    }                                                                                              \
    SIMD_MEM_HANDLER(TARGET_AVX, name##_256m, 256, 0, {                                            \
        __m256i d, a = ymm_get(cpu, insn->first), s = simd_value256(p);                            \
        (void)a;                                                                                   \
        host;                                                                                      \
        SIMD_END_VEX256(cpu, insn, class, d);                                                      \
    })

#endif
