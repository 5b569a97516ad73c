/*
 * VEX forms of the regular instructions of simd.def, 128 and 256 bits.
 */
#include "accel/interp/avx.h"

/* Which lengths a class has. */
#define BINARY_F(name, class) BINARY_BOTH(name, class)
#define BINARY_L(name, class) BINARY_BOTH(name, class)
#define BINARY_I(name, class) BINARY_BOTH(name, class)
#define BINARY_X(name, class)                                                                      \
    VEX_PAIR_128(avx_##name, class, vreg, 128, HOST_LEGACY(#name, d, s))                           \
    VEX_128(avx_##name)
#define BINARY_BOTH(name, class)                                                                   \
    VEX_PAIR_128(avx_##name, class, vreg, 128, HOST_LEGACY(#name, d, s))                           \
    VEX_PAIR_256(avx_##name, class, vreg, HOST_VEX3(#name, d, a, s))                               \
    VEX_BOTH(avx_##name)

#define UNARY_F(name, class) UNARY_BOTH(name, class)
#define UNARY_L(name, class) UNARY_BOTH(name, class)
#define UNARY_I(name, class) UNARY_BOTH(name, class)
#define UNARY_X(name, class)                                                                       \
    VEX_PAIR_128(avx_##name, class, rm, 128, HOST_LEGACY(#name, d, s))                             \
    VEX_128(avx_##name)
#define UNARY_BOTH(name, class)                                                                    \
    VEX_PAIR_128(avx_##name, class, rm, 128, HOST_LEGACY(#name, d, s))                             \
    VEX_PAIR_256(avx_##name, class, rm, HOST_VEX2(#name, d, s))                                    \
    VEX_BOTH(avx_##name)

#define SIMD_BINARY(map, opcode, prefix, name, feature, class) BINARY_##class(name, class)
#define SIMD_UNARY(map, opcode, prefix, name, feature, class)  UNARY_##class(name, class)
#define SIMD_SCALAR(map, opcode, prefix, name, feature, class, bits)                               \
    VEX_PAIR_128(avx_##name, class, vreg, bits, HOST_LEGACY(#name, d, s))                          \
    VEX_LIG(avx_##name)
#include "accel/interp/simd.def"

/* Widening and narrowing conversions: the lengths of source and destination differ. */
#define WIDE_16      32
#define WIDE_32      64
#define WIDE_64      128
#define VALUE(bits)  VALUE_(bits)
#define VALUE_(bits) simd_value##bits

#define SIMD_WIDEN(map, opcode, prefix, name, feature, class, bits)                                \
    VEX_PAIR_128(avx_##name, class, rm, bits, HOST_LEGACY(#name, d, s))                            \
    TARGET_AVX static void avx_##name##_256r(struct cpu *cpu, const struct insn *insn)             \
    {                                                                                              \
        __m128i s = xmm_get(cpu, insn->rm);                                                        \
        __m256i d;                                                                                 \
        HOST_VEX2(#name, d, s);                                                                    \
        SIMD_END_VEX256(cpu, insn, class, d);                                                      \
    }                                                                                              \
    SIMD_MEM_HANDLER(TARGET_AVX, avx_##name##_256m, WIDE_##bits, 0, {                              \
        __m128i s = VALUE(WIDE_##bits)(p);                                                         \
        __m256i d;                                                                                 \
        HOST_VEX2(#name, d, s);                                                                    \
        SIMD_END_VEX256(cpu, insn, class, d);                                                      \
    })                                                                                             \
    VEX_BOTH(avx_##name)

#define SIMD_NARROW(map, opcode, prefix, name, feature, class)                                     \
    VEX_PAIR_128(avx_##name, class, rm, 128, HOST_LEGACY(#name, d, s))                             \
    TARGET_AVX static void avx_##name##_256r(struct cpu *cpu, const struct insn *insn)             \
    {                                                                                              \
        __m256i s = ymm_get(cpu, insn->rm);                                                        \
        __m128i d;                                                                                 \
        HOST_VEX2(#name, d, s);                                                                    \
        SIMD_END_VEX128(cpu, insn, class, d);                                                      \
    }                                                                                              \
    SIMD_MEM_HANDLER(TARGET_AVX, avx_##name##_256m, 256, 0, {                                      \
        __m256i s = simd_value256(p);                                                              \
        __m128i d;                                                                                 \
        HOST_VEX2(#name, d, s);                                                                    \
        SIMD_END_VEX128(cpu, insn, class, d);                                                      \
    })                                                                                             \
    VEX_BOTH(avx_##name)
#include "accel/interp/simd.def"
