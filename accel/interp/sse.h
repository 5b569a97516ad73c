/*
 * What the SSE and AVX handlers share: registers, memory operands, the exception check.
 *
 * An XMM register is the low half of s.ymm[r]. Legacy SSE instructions leave the high half alone
 * (xmm_set), VEX.128 instructions clear it (xmm_set_vex). Handlers that use 256-bit values are
 * compiled for AVX by TARGET_AVX; all others name their instructions in inline assembly only, and
 * need no compiler support.
 */
#ifndef ACCEL_INTERP_SSE_H
#define ACCEL_INTERP_SSE_H

#include <immintrin.h>

#include "accel/interp/decode.h"
#include "accel/interp/fpu.h"

#define TARGET_AVX __attribute__((target("avx")))

/* Reads into cpu->simd_scratch, which it returns; #GP(0) if the linear address has one of the bits
 * in `alignment` (0 or size - 1). */
const void *simd_read_slow(struct cpu *cpu, const struct insn *insn, uint64_t ea, unsigned size,
                           unsigned alignment) __attribute__((cold, noinline));
/* Writes `size` bytes of cpu->simd_scratch. */
void simd_write_slow(struct cpu *cpu, const struct insn *insn, uint64_t ea, unsigned size,
                     unsigned alignment) __attribute__((cold, noinline));

static inline __m128i xmm_get(const struct cpu *cpu, unsigned r)
{
    return _mm_loadu_si128((const __m128i_u *)cpu->s.ymm[r]);
}
static inline void xmm_set(struct cpu *cpu, unsigned r, __m128i v)
{
    _mm_storeu_si128((__m128i_u *)cpu->s.ymm[r], v);
}
static inline void xmm_set_vex(struct cpu *cpu, unsigned r, __m128i v)
{
    _mm_storeu_si128((__m128i_u *)cpu->s.ymm[r], v);
    _mm_storeu_si128((__m128i_u *)&cpu->s.ymm[r][2], _mm_setzero_si128());
}

/* Memory operands of `bits`, zero-extended to a register: from host memory, and from the slow way.
 * A handler asks for the address with simd_fast(); without one it goes on in a copy of itself that
 * takes the slow way, so that it needs no stack frame. `alignment` is 15 for 16-byte operands of
 * legacy SSE, else 0. */
static inline const void *simd_fast(struct cpu *cpu, const struct insn *insn, unsigned bits,
                                    unsigned alignment)
{
    const void *p = mem_fast(cpu, insn->seg, insn_ea(cpu, insn), bits / 8, false);
    return alignment && ((uintptr_t)p & alignment) ? NULL : p;
}
static inline const void *simd_slow(struct cpu *cpu, const struct insn *insn, unsigned bits,
                                    unsigned alignment)
{
    return simd_read_slow(cpu, insn, insn_ea(cpu, insn), bits / 8, alignment);
}
static inline __m128i simd_value128(const void *p)
{
    return _mm_loadu_si128((const __m128i_u *)p);
}
static inline __m128i simd_value64(const void *p)
{
    long long v;
    memcpy(&v, p, sizeof(v));
    return _mm_cvtsi64_si128(v);
}
static inline __m128i simd_value32(const void *p)
{
    int v;
    memcpy(&v, p, sizeof(v));
    return _mm_cvtsi32_si128(v);
}
static inline __m128i simd_value16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof(v));
    return _mm_cvtsi32_si128(v);
}

/* Defines the memory handler `name`: body is made of code that uses `p`, the operand's host
 * address. */
#define SIMD_MEM_HANDLER(attributes, name, bits, alignment, ...)                                   \
    attributes static void __attribute__((cold, noinline))                                         \
    name##_slow(struct cpu *cpu, const struct insn *insn)                                          \
    {                                                                                              \
        const void *p = simd_slow(cpu, insn, bits, alignment);                                     \
        __VA_ARGS__                                                                                \
    }                                                                                              \
    attributes static void name(struct cpu *cpu, const struct insn *insn)                          \
    {                                                                                              \
        const void *p = simd_fast(cpu, insn, bits, alignment);                                     \
        if (unlikely(p == NULL)) {                                                                 \
            return name##_slow(cpu, insn);                                                         \
        }                                                                                          \
        __VA_ARGS__                                                                                \
    }
#define SIMD_NO_ATTRIBUTES

/* Stores; alignment as in simd_read_slow. */
static inline void simd_store128(struct cpu *cpu, const struct insn *insn, __m128i v,
                                 unsigned alignment)
{
    uint64_t ea = insn_ea(cpu, insn);
    void *p = mem_fast(cpu, insn->seg, ea, 16, true);
    if (likely(p != NULL && !((uintptr_t)p & alignment))) {
        _mm_storeu_si128((__m128i_u *)p, v);
    } else {
        _mm_storeu_si128((__m128i_u *)cpu->simd_scratch, v);
        simd_write_slow(cpu, insn, ea, 16, alignment);
    }
}
static inline void simd_store64(struct cpu *cpu, const struct insn *insn, __m128i v)
{
    mem_write64(cpu, insn, insn->seg, insn_ea(cpu, insn), (uint64_t)_mm_cvtsi128_si64(v));
}
static inline void simd_store32(struct cpu *cpu, const struct insn *insn, __m128i v)
{
    mem_write32(cpu, insn, insn->seg, insn_ea(cpu, insn), (uint32_t)_mm_cvtsi128_si32(v));
}

/* The end of an instruction that can raise SIMD exceptions, when the guest has unmasked one:
 * checks, then writes the result in cpu->simd_scratch to the destination and goes on. Legacy SSE,
 * VEX.128, VEX.256. */
insn_fn simd_finish_sse, simd_finish_vex128, simd_finish_vex256;

/* MASKMOVQ, MASKMOVDQU: bytes of data whose mask byte has bit 7 set to insn's segment and rDI. */
void simd_mask_move(struct cpu *cpu, const struct insn *insn, const uint8_t *data,
                    const uint8_t *mask, unsigned size);

/* Classes of instructions: F can raise SIMD floating-point exceptions; L cannot, and its 256-bit
 * form is AVX; I is integer, with a 256-bit form of AVX2; X and FX are I and F without a 256-bit
 * form. The macro stands before the result v is written. */
#define SIMD_CHECK_F(cpu, insn, v, finish)                                                         \
    do {                                                                                           \
        if (unlikely((cpu)->simd_unmasked)) {                                                      \
            memcpy((cpu)->simd_scratch, &(v), sizeof(v));                                          \
            return finish(cpu, insn);                                                              \
        }                                                                                          \
    } while (0)
#define SIMD_CHECK_L(cpu, insn, v, finish)  ((void)0)
#define SIMD_CHECK_I(cpu, insn, v, finish)  ((void)0)
#define SIMD_CHECK_X(cpu, insn, v, finish)  ((void)0)
#define SIMD_CHECK_FX(cpu, insn, v, finish) SIMD_CHECK_F(cpu, insn, v, finish)

#define SIMD_END_SSE(cpu, insn, class, v)                                                          \
    SIMD_CHECK_##class(cpu, insn, v, simd_finish_sse);                                             \
    xmm_set(cpu, (insn)->reg, v);                                                                  \
    NEXT(cpu, insn)
#define SIMD_END_VEX128(cpu, insn, class, v)                                                       \
    SIMD_CHECK_##class(cpu, insn, v, simd_finish_vex128);                                          \
    xmm_set_vex(cpu, (insn)->reg, v);                                                              \
    NEXT(cpu, insn)

#endif
