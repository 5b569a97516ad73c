/*
 * Legacy SSE instructions with an 8-bit immediate (simd.def), PCMPxSTRx and SHA1RNDS4.
 */
#include "accel/interp/sse.h"

#include "accel/interp/flags.h"
#include "accel/interp/sse_stub.h"

/* xmm0 = xmm0 op xmm1 */
static inline __m128i run_stub(const uint8_t (*stubs)[8], const struct insn *insn, __m128i d,
                               __m128i s)
{
    register __m128i x0 __asm__("xmm0") = d;
    register __m128i x1 __asm__("xmm1") = s;
    __asm__ volatile(SIMD_STUB_CALL("%2") : "+x"(x0) : "x"(x1), "r"(stubs[insn->imm & 0xff]));
    return x0;
}

#define SIMD_IMMEDIATE(name, class, bits, alignment)                                               \
    SIMD_STUBS(sse_##name##_stubs, #name " $simd_stub, %xmm1, %xmm0")                              \
    static void sse_##name##_r(struct cpu *cpu, const struct insn *insn)                           \
    {                                                                                              \
        __m128i d = xmm_get(cpu, insn->reg), s = xmm_get(cpu, insn->rm);                           \
        d = run_stub(sse_##name##_stubs, insn, d, s);                                              \
        SIMD_END_SSE(cpu, insn, class, d);                                                         \
    }                                                                                              \
    SIMD_MEM_HANDLER(SIMD_NO_ATTRIBUTES, sse_##name##_m, bits, alignment, {                        \
        __m128i d = xmm_get(cpu, insn->reg), s = simd_value##bits(p);                              \
        d = run_stub(sse_##name##_stubs, insn, d, s);                                              \
        SIMD_END_SSE(cpu, insn, class, d);                                                         \
    })                                                                                             \
    const struct op_handlers sse_##name = HANDLERS(sse_##name##_r, sse_##name##_m);

#define SIMD_BINARY_IMM(map, opcode, prefix, name, feature, class)                                 \
    SIMD_IMMEDIATE(name, class, 128, 15)
#define SIMD_UNARY_IMM(map, opcode, prefix, name, feature, class)                                  \
    SIMD_IMMEDIATE(name, class, 128, 15)
#define SIMD_SCALAR_IMM(map, opcode, prefix, name, feature, class, bits)                           \
    SIMD_IMMEDIATE(name, class, bits, 0)
#include "accel/interp/simd.def"

SIMD_IMMEDIATE(sha1rnds4, X, 128, 15)

/* PCMPESTRI and kin: lengths in EAX and EDX (RAX and RDX with REX.W), index to ECX or mask to XMM0,
 * and flags. Memory operands need not be aligned. */
struct string_compare {
    __m128i mask;
    uint32_t index;
};

static inline struct string_compare run_string(struct cpu *cpu, const struct insn *insn,
                                               const uint8_t (*stubs)[8], __m128i a, __m128i b)
{
    register __m128i x0 __asm__("xmm0") = a;
    register __m128i x1 __asm__("xmm1") = b;
    uint64_t index, flags;
    uint64_t rax = cpu->gpr[RAX], rdx = cpu->gpr[RDX];
    __asm__ volatile(SIMD_STUB_CALL("%5") "\n\tlahf\n\tseto %%al"
                     : "+x"(x0), "+x"(x1), "+a"(rax), "+d"(rdx), "=&c"(index)
                     : "r"(stubs[insn->imm & 0xff])
                     : "cc");
    flags = (rax >> 8 & 0xd5) | (rax & 1) << 11;
    set_flags_status(cpu, (uint32_t)flags & (FLAG_CF | FLAG_ZF | FLAG_SF | FLAG_OF));
    return (struct string_compare){x0, (uint32_t)index};
}

#define STRING_STORE_INDEX(cpu, result)    set_reg32(cpu, RCX, (result).index)
#define STRING_STORE_MASK(cpu, result)     xmm_set(cpu, 0, (result).mask)
#define STRING_STORE_MASK_VEX(cpu, result) xmm_set_vex(cpu, 0, (result).mask)

#define STRING_COMPARE(name, table, store)                                                         \
    static void name##_r(struct cpu *cpu, const struct insn *insn)                                 \
    {                                                                                              \
        __m128i a = xmm_get(cpu, insn->reg), b = xmm_get(cpu, insn->rm);                           \
        struct string_compare result = run_string(cpu, insn, table, a, b);                         \
        store(cpu, result);                                                                        \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    SIMD_MEM_HANDLER(SIMD_NO_ATTRIBUTES, name##_m, 128, 0, {                                       \
        __m128i a = xmm_get(cpu, insn->reg), b = simd_value128(p);                                 \
        struct string_compare result = run_string(cpu, insn, table, a, b);                         \
        store(cpu, result);                                                                        \
        NEXT(cpu, insn);                                                                           \
    })

SIMD_STUBS(sse_pcmpestrm_stubs, "pcmpestrm $simd_stub, %xmm1, %xmm0")
SIMD_STUBS(sse_pcmpestri_stubs, "pcmpestri $simd_stub, %xmm1, %xmm0")
SIMD_STUBS(sse_pcmpistrm_stubs, "pcmpistrm $simd_stub, %xmm1, %xmm0")
SIMD_STUBS(sse_pcmpistri_stubs, "pcmpistri $simd_stub, %xmm1, %xmm0")
/* 48 is REX.W. */
SIMD_STUBS(sse_pcmpestrmq_stubs, ".byte 0x66, 0x48, 0x0f, 0x3a, 0x60, 0xc1, simd_stub")
SIMD_STUBS(sse_pcmpestriq_stubs, ".byte 0x66, 0x48, 0x0f, 0x3a, 0x61, 0xc1, simd_stub")

STRING_COMPARE(sse_pcmpestrm, sse_pcmpestrm_stubs, STRING_STORE_MASK)
STRING_COMPARE(sse_pcmpestri, sse_pcmpestri_stubs, STRING_STORE_INDEX)
STRING_COMPARE(sse_pcmpestrmq, sse_pcmpestrmq_stubs, STRING_STORE_MASK)
STRING_COMPARE(sse_pcmpestriq, sse_pcmpestriq_stubs, STRING_STORE_INDEX)
STRING_COMPARE(sse_pcmpistrm, sse_pcmpistrm_stubs, STRING_STORE_MASK)
STRING_COMPARE(sse_pcmpistri, sse_pcmpistri_stubs, STRING_STORE_INDEX)
STRING_COMPARE(avx_pcmpestrm, sse_pcmpestrm_stubs, STRING_STORE_MASK_VEX)
STRING_COMPARE(avx_pcmpestrmq, sse_pcmpestrmq_stubs, STRING_STORE_MASK_VEX)
STRING_COMPARE(avx_pcmpistrm, sse_pcmpistrm_stubs, STRING_STORE_MASK_VEX)

/* By operand size; in VEX by rows for W0 and W1. */
#define STRING_BY_SIZE(name)                                                                       \
    const struct op_handlers sse_##name = {{sse_##name##_r, sse_##name##_r, sse_##name##q_r},      \
                                           {sse_##name##_m, sse_##name##_m, sse_##name##q_m},      \
                                           {NULL, NULL, NULL}};
STRING_BY_SIZE(pcmpestrm)
STRING_BY_SIZE(pcmpestri)
#define STRING_TABLE(name, handler)                                                                \
    const struct op_handlers name = HANDLERS(handler##_r, handler##_m);
STRING_TABLE(sse_pcmpistrm, sse_pcmpistrm)
STRING_TABLE(sse_pcmpistri, sse_pcmpistri)
STRING_TABLE(avx_pcmpestrm_w0, avx_pcmpestrm)
STRING_TABLE(avx_pcmpestrm_w1, avx_pcmpestrmq)
STRING_TABLE(avx_pcmpestri_w0, sse_pcmpestri)
STRING_TABLE(avx_pcmpestri_w1, sse_pcmpestriq)
STRING_TABLE(avx_pcmpistrm, avx_pcmpistrm)
