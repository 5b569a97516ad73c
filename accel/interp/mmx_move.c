/*
 * MMX moves, EMMS, and the SSE conversions with MMX operands.
 */
#include "accel/interp/mmx.h"
#include "accel/interp/sse.h"

#define EA(cpu, insn) (insn)->seg, insn_ea(cpu, insn)

/* A handler that waits for pending x87 exceptions, then does the statements. */
#define MMX_FORM(name, ...)                                                                        \
    static void name(struct cpu *cpu, const struct insn *insn)                                     \
    {                                                                                              \
        if (fpu_wait(cpu, insn)) {                                                                 \
            return;                                                                                \
        }                                                                                          \
        __VA_ARGS__                                                                                \
        NEXT(cpu, insn);                                                                           \
    }

static inline void load(struct cpu *cpu, unsigned r, uint64_t v)
{
    mmx_enter(cpu);
    mmx_set(cpu, r, v);
}

MMX_FORM(mmx_movd32_r, load(cpu, insn->reg, (uint32_t)cpu->gpr[insn->rm]);)
MMX_FORM(mmx_movd64_r, load(cpu, insn->reg, cpu->gpr[insn->rm]);)
MMX_FORM(mmx_movd32_m, load(cpu, insn->reg, mem_read32(cpu, insn, EA(cpu, insn)));)
MMX_FORM(mmx_movq_m, load(cpu, insn->reg, mem_read64(cpu, insn, EA(cpu, insn)));)
MMX_FORM(mmx_movq_r, load(cpu, insn->reg, mmx_get(cpu, insn->rm));)
MMX_FORM(mmx_movq_store_r, load(cpu, insn->rm, mmx_get(cpu, insn->reg));)
MMX_FORM(mmx_movd32_store_r, set_reg32(cpu, insn->rm, (uint32_t)mmx_get(cpu, insn->reg));
         mmx_enter(cpu);)
MMX_FORM(mmx_movd64_store_r, cpu->gpr[insn->rm] = mmx_get(cpu, insn->reg); mmx_enter(cpu);)
MMX_FORM(mmx_movd32_store_m,
         mem_write32(cpu, insn, EA(cpu, insn), (uint32_t)mmx_get(cpu, insn->reg));
         mmx_enter(cpu);)
MMX_FORM(mmx_movq_store_m, mem_write64(cpu, insn, EA(cpu, insn), mmx_get(cpu, insn->reg));
         mmx_enter(cpu);)

#define BY_SIZE(name, r32, r64, m32, m64)                                                          \
    const struct op_handlers name = {{r32, r32, r64}, {m32, m32, m64}, {NULL, NULL, NULL}};
BY_SIZE(mmx_movd, mmx_movd32_r, mmx_movd64_r, mmx_movd32_m, mmx_movq_m)
BY_SIZE(mmx_movd_store, mmx_movd32_store_r, mmx_movd64_store_r, mmx_movd32_store_m,
        mmx_movq_store_m)
const struct op_handlers mmx_movq = HANDLERS(mmx_movq_r, mmx_movq_m);
const struct op_handlers mmx_movq_store = HANDLERS(mmx_movq_store_r, mmx_movq_store_m);
const struct op_handlers mmx_movntq = HANDLERS(NULL, mmx_movq_store_m);

MMX_FORM(mmx_emms_r, mmx_enter(cpu); cpu->s.fpu.ftw = 0;)
const struct op_handlers mmx_emms = HANDLERS(mmx_emms_r, NULL);

MMX_FORM(mmx_maskmovq_r,
         simd_mask_move(cpu, insn, cpu->s.fpu.st[insn->reg & 7], cpu->s.fpu.st[insn->rm & 7], 8);
         mmx_enter(cpu);)
const struct op_handlers mmx_maskmovq = HANDLERS(mmx_maskmovq_r, NULL);

MMX_FORM(mmx_pmovmskb_r, {
    __m128i v = _mm_cvtsi64_si128((long long)mmx_get(cpu, insn->rm));
    set_reg32(cpu, insn->reg, (uint32_t)_mm_movemask_epi8(v));
    mmx_enter(cpu);
})
const struct op_handlers mmx_pmovmskb = HANDLERS(mmx_pmovmskb_r, NULL);

static inline void insert_word(struct cpu *cpu, const struct insn *insn, uint64_t v)
{
    unsigned shift = 16 * (insn->imm & 3);
    uint64_t d = mmx_get(cpu, insn->reg) & ~(0xffffull << shift);
    load(cpu, insn->reg, d | v << shift);
}
MMX_FORM(mmx_pinsrw_r, insert_word(cpu, insn, cpu->gpr[insn->rm] & 0xffff);)
MMX_FORM(mmx_pinsrw_m, insert_word(cpu, insn, mem_read16(cpu, insn, EA(cpu, insn)));)
const struct op_handlers mmx_pinsrw = HANDLERS(mmx_pinsrw_r, mmx_pinsrw_m);

MMX_FORM(mmx_pextrw_r,
         set_reg32(cpu, insn->reg, mmx_get(cpu, insn->rm) >> (16 * (insn->imm & 3)) & 0xffff);
         mmx_enter(cpu);)
const struct op_handlers mmx_pextrw = HANDLERS(mmx_pextrw_r, NULL);

/* ---- between MMX and XMM ---- */

MMX_FORM(sse_movdq2q_r, load(cpu, insn->reg, cpu->s.ymm[insn->rm][0]);)
const struct op_handlers sse_movdq2q = HANDLERS(sse_movdq2q_r, NULL);

MMX_FORM(sse_movq2dq_r,
         xmm_set(cpu, insn->reg, _mm_cvtsi64_si128((long long)mmx_get(cpu, insn->rm)));
         mmx_enter(cpu);)
const struct op_handlers sse_movq2dq = HANDLERS(sse_movq2dq_r, NULL);

static void check(struct cpu *cpu, const struct insn *insn)
{
    if (unlikely(cpu->simd_unmasked)) {
        simd_check(cpu, insn);
    }
}

/* From memory there is no transition to MMX state. */
#define FROM_MMX(name)                                                                             \
    static inline void name##_do(struct cpu *cpu, const struct insn *insn, uint64_t s, bool enter) \
    {                                                                                              \
        __m128i d = xmm_get(cpu, insn->reg);                                                       \
        __asm__ volatile("movq %1, %%mm0\n\t" #name " %%mm0, %0\n\temms" : "+x"(d) : "r"(s));      \
        check(cpu, insn);                                                                          \
        if (enter) {                                                                               \
            mmx_enter(cpu);                                                                        \
        }                                                                                          \
        xmm_set(cpu, insn->reg, d);                                                                \
    }                                                                                              \
    MMX_FORM(sse_##name##_r, name##_do(cpu, insn, mmx_get(cpu, insn->rm), true);)                  \
    static void sse_##name##_m(struct cpu *cpu, const struct insn *insn)                           \
    {                                                                                              \
        name##_do(cpu, insn, mem_read64(cpu, insn, EA(cpu, insn)), false);                         \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    const struct op_handlers sse_##name = HANDLERS(sse_##name##_r, sse_##name##_m);
FROM_MMX(cvtpi2ps)
FROM_MMX(cvtpi2pd)

#define TO_MMX(name, read)                                                                         \
    static inline void name##_do(struct cpu *cpu, const struct insn *insn, __m128i s)              \
    {                                                                                              \
        uint64_t d;                                                                                \
        __asm__ volatile(#name " %1, %%mm0\n\tmovq %%mm0, %0\n\temms" : "=r"(d) : "x"(s));         \
        check(cpu, insn);                                                                          \
        load(cpu, insn->reg, d);                                                                   \
    }                                                                                              \
    MMX_FORM(sse_##name##_r, name##_do(cpu, insn, xmm_get(cpu, insn->rm));)                        \
    MMX_FORM(sse_##name##_m, name##_do(cpu, insn, read);)                                          \
    const struct op_handlers sse_##name = HANDLERS(sse_##name##_r, sse_##name##_m);

static inline __m128i read64(struct cpu *cpu, const struct insn *insn)
{
    return _mm_cvtsi64_si128((long long)mem_read64(cpu, insn, EA(cpu, insn)));
}
static inline __m128i read128(struct cpu *cpu, const struct insn *insn)
{
    const void *p = simd_fast(cpu, insn, 128, 15);
    return simd_value128(p != NULL ? p : simd_slow(cpu, insn, 128, 15));
}
TO_MMX(cvtps2pi, read64(cpu, insn))
TO_MMX(cvttps2pi, read64(cpu, insn))
TO_MMX(cvtpd2pi, read128(cpu, insn))
TO_MMX(cvttpd2pi, read128(cpu, insn))
