/*
 * VEX instructions with an 8-bit immediate: those of simd.def, and the permutations and blends that
 * only AVX and AVX2 have.
 */
#include "accel/interp/avx.h"

#include "accel/interp/sse_stub.h"

/* xmm0 = xmm0 op xmm1, ymm0 = ymm0 op ymm1 */
static inline __m128i run_stub(const uint8_t (*stubs)[8], const struct insn *insn, __m128i d,
                               __m128i s)
{
    register __m128i x0 __asm__("xmm0") = d;
    register __m128i x1 __asm__("xmm1") = s;
    __asm__ volatile(SIMD_STUB_CALL("%2") : "+x"(x0) : "x"(x1), "r"(stubs[insn->imm & 0xff]));
    return x0;
}
TARGET_AVX static inline __m256i run_stub256(const uint8_t (*stubs)[8], const struct insn *insn,
                                             __m256i d, __m256i s)
{
    register __m256i x0 __asm__("ymm0") = d;
    register __m256i x1 __asm__("ymm1") = s;
    __asm__ volatile(SIMD_STUB_CALL("%2") : "+x"(x0) : "x"(x1), "r"(stubs[insn->imm & 0xff]));
    return x0;
}

#define STUB128(name) d = run_stub(avx_##name##_stubs128, insn, d, s)
#define STUB256(name) d = run_stub256(avx_##name##_stubs256, insn, a, s)

#define BINARY_128(name, class, bits)                                                              \
    SIMD_STUBS(avx_##name##_stubs128, "v" #name " $simd_stub, %xmm1, %xmm0, %xmm0")                \
    VEX_PAIR_128(avx_##name, class, vreg, bits, STUB128(name))
#define BINARY_256(name, class)                                                                    \
    SIMD_STUBS(avx_##name##_stubs256, "v" #name " $simd_stub, %ymm1, %ymm0, %ymm0")                \
    VEX_PAIR_256(avx_##name, class, vreg, STUB256(name))
#define UNARY_128(name, class)                                                                     \
    SIMD_STUBS(avx_##name##_stubs128, "v" #name " $simd_stub, %xmm1, %xmm0")                       \
    VEX_PAIR_128(avx_##name, class, rm, 128, STUB128(name))
#define UNARY_256(name, class)                                                                     \
    SIMD_STUBS(avx_##name##_stubs256, "v" #name " $simd_stub, %ymm1, %ymm0")                       \
    VEX_PAIR_256(avx_##name, class, rm, STUB256(name))

#define BINARY_BOTH(name, class)                                                                   \
    BINARY_128(name, class, 128) BINARY_256(name, class) VEX_BOTH(avx_##name)
#define UNARY_BOTH(name, class) UNARY_128(name, class) UNARY_256(name, class) VEX_BOTH(avx_##name)

#define BINARY_F(name)  BINARY_BOTH(name, F)
#define BINARY_L(name)  BINARY_BOTH(name, L)
#define BINARY_I(name)  BINARY_BOTH(name, I)
#define BINARY_X(name)  BINARY_128(name, X, 128) VEX_128(avx_##name)
#define BINARY_FX(name) BINARY_128(name, FX, 128) VEX_128(avx_##name)
#define UNARY_F(name)   UNARY_BOTH(name, F)
#define UNARY_I(name)   UNARY_BOTH(name, I)
#define UNARY_X(name)   UNARY_128(name, X) VEX_128(avx_##name)

#define SIMD_BINARY_IMM(map, opcode, prefix, name, feature, class) BINARY_##class(name)
#define SIMD_UNARY_IMM(map, opcode, prefix, name, feature, class)  UNARY_##class(name)
#define SIMD_SCALAR_IMM(map, opcode, prefix, name, feature, class, bits)                           \
    BINARY_128(name, class, bits) VEX_LIG(avx_##name)
#include "accel/interp/simd.def"

BINARY_BOTH(pblendd, I)
UNARY_BOTH(permilps, L)
UNARY_BOTH(permilpd, L)
#define UNARY_ONLY_256(name)  UNARY_256(name, I) VEX_256(avx_##name)
#define BINARY_ONLY_256(name) BINARY_256(name, I) VEX_256(avx_##name)
UNARY_ONLY_256(permq)
UNARY_ONLY_256(permpd)
BINARY_ONLY_256(perm2f128)
BINARY_ONLY_256(perm2i128)
