/*
 * VEX moves of whole registers and lanes, broadcasts, masked moves, VZEROALL. Moves of scalars and
 * halves are in sse_move.c.
 */
#include "accel/interp/avx.h"

#define LOAD_WHOLE(name, alignment)                                                                \
    static void avx_##name##_128r(struct cpu *cpu, const struct insn *insn)                        \
    {                                                                                              \
        xmm_set_vex(cpu, insn->reg, xmm_get(cpu, insn->rm));                                       \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    SIMD_MEM_HANDLER(SIMD_NO_ATTRIBUTES, avx_##name##_128m, 128, (alignment)&15, {                 \
        xmm_set_vex(cpu, insn->reg, simd_value128(p));                                             \
        NEXT(cpu, insn);                                                                           \
    })                                                                                             \
    TARGET_AVX static void avx_##name##_256r(struct cpu *cpu, const struct insn *insn)             \
    {                                                                                              \
        ymm_set(cpu, insn->reg, ymm_get(cpu, insn->rm));                                           \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    SIMD_MEM_HANDLER(TARGET_AVX, avx_##name##_256m, 256, alignment, {                              \
        ymm_set(cpu, insn->reg, simd_value256(p));                                                 \
        NEXT(cpu, insn);                                                                           \
    })                                                                                             \
    VEX_BOTH(avx_##name)                                                                           \
    VEX_TABLE(avx_##name##_mem, NULL, NULL, avx_##name##_128m, avx_##name##_256m)

#define STORE_WHOLE(name, alignment)                                                               \
    static void avx_##name##_128r(struct cpu *cpu, const struct insn *insn)                        \
    {                                                                                              \
        xmm_set_vex(cpu, insn->rm, xmm_get(cpu, insn->reg));                                       \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    static void avx_##name##_128m(struct cpu *cpu, const struct insn *insn)                        \
    {                                                                                              \
        simd_store128(cpu, insn, xmm_get(cpu, insn->reg), (alignment)&15);                         \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    TARGET_AVX static void avx_##name##_256r(struct cpu *cpu, const struct insn *insn)             \
    {                                                                                              \
        ymm_set(cpu, insn->rm, ymm_get(cpu, insn->reg));                                           \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    TARGET_AVX static void avx_##name##_256m(struct cpu *cpu, const struct insn *insn)             \
    {                                                                                              \
        simd_store256(cpu, insn, ymm_get(cpu, insn->reg), alignment);                              \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    VEX_BOTH(avx_##name)

LOAD_WHOLE(load_a, 31)
LOAD_WHOLE(load_u, 0)
STORE_WHOLE(store_a, 31)
STORE_WHOLE(store_u, 0)
VEX_TABLE(avx_store_a_mem, NULL, NULL, avx_store_a_128m, avx_store_a_256m)

/* VMOVDDUP: the 128-bit form has an 8-byte memory operand (sse_move.c). */
TARGET_AVX static void movddup_256r(struct cpu *cpu, const struct insn *insn)
{
    __m256d s = _mm256_castsi256_pd(ymm_get(cpu, insn->rm));
    ymm_set(cpu, insn->reg, _mm256_castpd_si256(_mm256_movedup_pd(s)));
    NEXT(cpu, insn);
}
SIMD_MEM_HANDLER(TARGET_AVX, movddup_256m, 256, 0, {
    __m256d s = _mm256_castsi256_pd(simd_value256(p));
    ymm_set(cpu, insn->reg, _mm256_castpd_si256(_mm256_movedup_pd(s)));
    NEXT(cpu, insn);
})
VEX_TABLE(avx_movddup_256, NULL, movddup_256r, NULL, movddup_256m)

/* ---- sign masks of 256 bits ---- */

#define MOVMSK(name, text)                                                                         \
    TARGET_AVX static void name##_256r(struct cpu *cpu, const struct insn *insn)                   \
    {                                                                                              \
        uint32_t v;                                                                                \
        __m256i s = ymm_get(cpu, insn->rm);                                                        \
        __asm__ volatile(text " %1, %0" : "=r"(v) : "x"(s));                                       \
        set_reg32(cpu, insn->reg, v);                                                              \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    VEX_TABLE(avx_##name##_256, NULL, name##_256r, NULL, NULL)
MOVMSK(movmskps, "vmovmskps")
MOVMSK(movmskpd, "vmovmskpd")
MOVMSK(pmovmskb, "vpmovmskb")

/* ---- lanes ---- */

static void avx_extract128_r(struct cpu *cpu, const struct insn *insn)
{
    __m128i v = simd_value128(&cpu->s.ymm[insn->reg][insn->imm & 1 ? 2 : 0]);
    xmm_set_vex(cpu, insn->rm, v);
    NEXT(cpu, insn);
}
static void avx_extract128_m(struct cpu *cpu, const struct insn *insn)
{
    simd_store128(cpu, insn, simd_value128(&cpu->s.ymm[insn->reg][insn->imm & 1 ? 2 : 0]), 0);
    NEXT(cpu, insn);
}
VEX_TABLE(avx_extract128, NULL, avx_extract128_r, NULL, avx_extract128_m)

static inline void insert128(struct cpu *cpu, const struct insn *insn, __m128i v)
{
    unsigned lane = insn->imm & 1 ? 2 : 0;
    __m128i other = simd_value128(&cpu->s.ymm[insn->vreg][2 - lane]);
    _mm_storeu_si128((__m128i_u *)&cpu->s.ymm[insn->reg][2 - lane], other);
    _mm_storeu_si128((__m128i_u *)&cpu->s.ymm[insn->reg][lane], v);
}
static void avx_insert128_r(struct cpu *cpu, const struct insn *insn)
{
    insert128(cpu, insn, xmm_get(cpu, insn->rm));
    NEXT(cpu, insn);
}
SIMD_MEM_HANDLER(SIMD_NO_ATTRIBUTES, avx_insert128_m, 128, 0, {
    insert128(cpu, insn, simd_value128(p));
    NEXT(cpu, insn);
})
VEX_TABLE(avx_insert128, NULL, avx_insert128_r, NULL, avx_insert128_m)

/* ---- broadcasts: from an XMM register (AVX2) or memory ---- */

static inline __m128i splat8(uint64_t v)
{
    return _mm_set1_epi8((char)v);
}
static inline __m128i splat16(uint64_t v)
{
    return _mm_set1_epi16((short)v);
}
static inline __m128i splat32(uint64_t v)
{
    return _mm_set1_epi32((int)v);
}
static inline __m128i splat64(uint64_t v)
{
    return _mm_set1_epi64x((long long)v);
}

static inline void set_lanes(struct cpu *cpu, unsigned r, __m128i v)
{
    _mm_storeu_si128((__m128i_u *)&cpu->s.ymm[r][0], v);
    _mm_storeu_si128((__m128i_u *)&cpu->s.ymm[r][2], v);
}

#define BROADCAST(bits)                                                                            \
    static void broadcast##bits##_128r(struct cpu *cpu, const struct insn *insn)                   \
    {                                                                                              \
        xmm_set_vex(cpu, insn->reg, splat##bits(cpu->s.ymm[insn->rm][0]));                         \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    static void broadcast##bits##_256r(struct cpu *cpu, const struct insn *insn)                   \
    {                                                                                              \
        set_lanes(cpu, insn->reg, splat##bits(cpu->s.ymm[insn->rm][0]));                           \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    static void broadcast##bits##_128m(struct cpu *cpu, const struct insn *insn)                   \
    {                                                                                              \
        xmm_set_vex(cpu, insn->reg,                                                                \
                    splat##bits(mem_read##bits(cpu, insn, insn->seg, insn_ea(cpu, insn))));        \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    static void broadcast##bits##_256m(struct cpu *cpu, const struct insn *insn)                   \
    {                                                                                              \
        set_lanes(cpu, insn->reg,                                                                  \
                  splat##bits(mem_read##bits(cpu, insn, insn->seg, insn_ea(cpu, insn))));          \
        NEXT(cpu, insn);                                                                           \
    }
BROADCAST(8)
BROADCAST(16)
BROADCAST(32)
BROADCAST(64)
VEX_BOTH_AS(avx_pbroadcastb, broadcast8)
VEX_BOTH_AS(avx_pbroadcastw, broadcast16)
VEX_BOTH_AS(avx_pbroadcastd, broadcast32)
VEX_BOTH_AS(avx_pbroadcastq, broadcast64)
VEX_TABLE(avx_broadcastss, NULL, NULL, broadcast32_128m, broadcast32_256m)
VEX_TABLE(avx_broadcastss_reg, broadcast32_128r, broadcast32_256r, NULL, NULL)
VEX_TABLE(avx_broadcastsd, NULL, NULL, NULL, broadcast64_256m)
VEX_TABLE(avx_broadcastsd_reg, NULL, broadcast64_256r, NULL, NULL)

SIMD_MEM_HANDLER(SIMD_NO_ATTRIBUTES, broadcast128_256m, 128, 0, {
    set_lanes(cpu, insn->reg, simd_value128(p));
    NEXT(cpu, insn);
})
VEX_TABLE(avx_broadcast128, NULL, NULL, NULL, broadcast128_256m)

/* ---- VMASKMOVPS and kin: elements whose mask has the sign bit; the others are neither read nor
 * written ---- */

static inline bool mask_bit(const struct cpu *cpu, const struct insn *insn, unsigned element,
                            unsigned size)
{
    const uint8_t *mask = (const uint8_t *)cpu->s.ymm[insn->vreg];
    return mask[element * size + size - 1] & 0x80;
}
static inline uint64_t element_ea(const struct cpu *cpu, const struct insn *insn, unsigned offset)
{
    return (insn_ea(cpu, insn) + offset) & address_mask[insn->asize];
}

static __attribute__((noinline)) void masked_load(struct cpu *cpu, const struct insn *insn,
                                                  unsigned size, unsigned bytes)
{
    uint8_t v[32] = {0};
    for (unsigned i = 0; i < bytes / size; i++) {
        if (mask_bit(cpu, insn, i, size)) {
            mem_read_bytes(cpu, insn, insn->seg, element_ea(cpu, insn, i * size), v + i * size,
                           size);
        }
    }
    memcpy(cpu->s.ymm[insn->reg], v, sizeof(v));
}
static __attribute__((noinline)) void masked_store(struct cpu *cpu, const struct insn *insn,
                                                   unsigned size, unsigned bytes)
{
    const uint8_t *v = (const uint8_t *)cpu->s.ymm[insn->reg];
    for (unsigned i = 0; i < bytes / size; i++) {
        if (mask_bit(cpu, insn, i, size)) {
            mem_probe_write(cpu, insn, insn->seg, element_ea(cpu, insn, i * size), size);
        }
    }
    for (unsigned i = 0; i < bytes / size; i++) {
        if (mask_bit(cpu, insn, i, size)) {
            mem_write_bytes(cpu, insn, insn->seg, element_ea(cpu, insn, i * size), v + i * size,
                            size);
        }
    }
}

#define MASKED(name, function, size, bytes)                                                        \
    static void name(struct cpu *cpu, const struct insn *insn)                                     \
    {                                                                                              \
        function(cpu, insn, size, bytes);                                                          \
        NEXT(cpu, insn);                                                                           \
    }
MASKED(maskmov32_load_128m, masked_load, 4, 16)
MASKED(maskmov32_load_256m, masked_load, 4, 32)
MASKED(maskmov64_load_128m, masked_load, 8, 16)
MASKED(maskmov64_load_256m, masked_load, 8, 32)
MASKED(maskmov32_store_128m, masked_store, 4, 16)
MASKED(maskmov32_store_256m, masked_store, 4, 32)
MASKED(maskmov64_store_128m, masked_store, 8, 16)
MASKED(maskmov64_store_256m, masked_store, 8, 32)
VEX_TABLE(avx_maskmov32_load, NULL, NULL, maskmov32_load_128m, maskmov32_load_256m)
VEX_TABLE(avx_maskmov64_load, NULL, NULL, maskmov64_load_128m, maskmov64_load_256m)
VEX_TABLE(avx_maskmov32_store, NULL, NULL, maskmov32_store_128m, maskmov32_store_256m)
VEX_TABLE(avx_maskmov64_store, NULL, NULL, maskmov64_store_128m, maskmov64_store_256m)

/* ---- VZEROUPPER, VZEROALL: only XMM0 to XMM7 outside 64-bit mode ---- */

static void zero_upper(struct cpu *cpu, const struct insn *insn)
{
    unsigned count = cpu->mode & MODE_CODE64 ? 16 : 8;
    for (unsigned i = 0; i < count; i++) {
        cpu->s.ymm[i][2] = cpu->s.ymm[i][3] = 0;
    }
    NEXT(cpu, insn);
}
static void zero_all(struct cpu *cpu, const struct insn *insn)
{
    memset(cpu->s.ymm, 0, (cpu->mode & MODE_CODE64 ? 16 : 8) * sizeof(cpu->s.ymm[0]));
    NEXT(cpu, insn);
}
VEX_TABLE(avx_zero, zero_upper, zero_all, NULL, NULL)
