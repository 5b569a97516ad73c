/*
 * SSE moves, legacy and VEX.128: whole registers, scalars, halves, between XMM and general
 * registers, inserts and extracts. The 256-bit forms are in avx_move.c.
 */
#include "accel/interp/sse.h"

#define EA(cpu, insn) (insn)->seg, insn_ea(cpu, insn)

/* ---- whole registers ---- */

#define LOAD_WHOLE(name, set, alignment)                                                           \
    static void name##_r(struct cpu *cpu, const struct insn *insn)                                 \
    {                                                                                              \
        set(cpu, insn->reg, xmm_get(cpu, insn->rm));                                               \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    SIMD_MEM_HANDLER(SIMD_NO_ATTRIBUTES, name##_m, 128, alignment, {                               \
        set(cpu, insn->reg, simd_value128(p));                                                     \
        NEXT(cpu, insn);                                                                           \
    })

#define STORE_WHOLE(name, set, alignment)                                                          \
    static void name##_r(struct cpu *cpu, const struct insn *insn)                                 \
    {                                                                                              \
        set(cpu, insn->rm, xmm_get(cpu, insn->reg));                                               \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    static void name##_m(struct cpu *cpu, const struct insn *insn)                                 \
    {                                                                                              \
        simd_store128(cpu, insn, xmm_get(cpu, insn->reg), alignment);                              \
        NEXT(cpu, insn);                                                                           \
    }

LOAD_WHOLE(sse_load_a, xmm_set, 15)
LOAD_WHOLE(sse_load_u, xmm_set, 0)
STORE_WHOLE(sse_store_a, xmm_set, 15)
STORE_WHOLE(sse_store_u, xmm_set, 0)
const struct op_handlers sse_load_a = HANDLERS(sse_load_a_r, sse_load_a_m);
const struct op_handlers sse_load_u = HANDLERS(sse_load_u_r, sse_load_u_m);
const struct op_handlers sse_store_a = HANDLERS(sse_store_a_r, sse_store_a_m);
const struct op_handlers sse_store_u = HANDLERS(sse_store_u_r, sse_store_u_m);
/* Memory forms only: MOVNTPS and kin, MOVNTDQA, LDDQU. */
const struct op_handlers sse_load_a_mem = HANDLERS(NULL, sse_load_a_m);
const struct op_handlers sse_load_u_mem = HANDLERS(NULL, sse_load_u_m);
const struct op_handlers sse_store_a_mem = HANDLERS(NULL, sse_store_a_m);

/* ---- the rest, each as sse_NAME and avx_NAME. For the VEX form SET clears the upper half and SRC
 * is vvvv. ---- */

#define SSE_SET       xmm_set
#define AVX_SET       xmm_set_vex
#define SSE_SRC(insn) ((insn)->reg)
#define AVX_SRC(insn) ((insn)->vreg)

#define REG_FORM(P, prefix, name, ...)                                                             \
    static void prefix##_##name##_r(struct cpu *cpu, const struct insn *insn)                      \
    {                                                                                              \
        __VA_ARGS__                                                                                \
        NEXT(cpu, insn);                                                                           \
    }
#define LOAD_FORM(P, prefix, name, bits, ...)                                                      \
    SIMD_MEM_HANDLER(SIMD_NO_ATTRIBUTES, prefix##_##name##_m, bits, 0, {                           \
        __VA_ARGS__                                                                                \
        NEXT(cpu, insn);                                                                           \
    })
#define STORE_FORM(P, prefix, name, ...)                                                           \
    static void prefix##_##name##_m(struct cpu *cpu, const struct insn *insn)                      \
    {                                                                                              \
        __VA_ARGS__                                                                                \
        NEXT(cpu, insn);                                                                           \
    }
#define TABLE(prefix, name, r, m) const struct op_handlers prefix##_##name = HANDLERS(r, m);

#define LOW32(a, b) _mm_castps_si128(_mm_move_ss(_mm_castsi128_ps(a), _mm_castsi128_ps(b)))
#define LOW64(a, b) _mm_castpd_si128(_mm_move_sd(_mm_castsi128_pd(a), _mm_castsi128_pd(b)))

#define BOTH(P, prefix)                                                                            \
    /* MOVSS, MOVSD */                                                                             \
    REG_FORM(P, prefix, movss,                                                                     \
             P##_SET(cpu, insn->reg, LOW32(xmm_get(cpu, P##_SRC(insn)), xmm_get(cpu, insn->rm)));) \
    LOAD_FORM(P, prefix, movss, 32, P##_SET(cpu, insn->reg, simd_value32(p));)                     \
    REG_FORM(P, prefix, movsd,                                                                     \
             P##_SET(cpu, insn->reg, LOW64(xmm_get(cpu, P##_SRC(insn)), xmm_get(cpu, insn->rm)));) \
    LOAD_FORM(P, prefix, movsd, 64, P##_SET(cpu, insn->reg, simd_value64(p));)                     \
    /* MOVLPS, MOVHLPS; MOVHPS, MOVLHPS; MOVDDUP */                                                \
    REG_FORM(P, prefix, movlps, {                                                                  \
        __m128d d = _mm_castsi128_pd(xmm_get(cpu, P##_SRC(insn)));                                 \
        __m128d s = _mm_castsi128_pd(xmm_get(cpu, insn->rm));                                      \
        P##_SET(cpu, insn->reg, _mm_castpd_si128(_mm_shuffle_pd(s, d, 3)));                        \
    })                                                                                             \
    LOAD_FORM(P, prefix, movlps, 64,                                                               \
              P##_SET(cpu, insn->reg, LOW64(xmm_get(cpu, P##_SRC(insn)), simd_value64(p)));)       \
    TABLE(prefix, movlps, prefix##_movlps_r, prefix##_movlps_m)                                    \
    TABLE(prefix, movlpd, NULL, prefix##_movlps_m)                                                 \
    REG_FORM(P, prefix, movhps,                                                                    \
             P##_SET(cpu, insn->reg,                                                               \
                     _mm_unpacklo_epi64(xmm_get(cpu, P##_SRC(insn)), xmm_get(cpu, insn->rm)));)    \
    LOAD_FORM(P, prefix, movhps, 64,                                                               \
              P##_SET(cpu, insn->reg,                                                              \
                      _mm_unpacklo_epi64(xmm_get(cpu, P##_SRC(insn)), simd_value64(p)));)          \
    TABLE(prefix, movhps, prefix##_movhps_r, prefix##_movhps_m)                                    \
    TABLE(prefix, movhpd, NULL, prefix##_movhps_m)                                                 \
    REG_FORM(P, prefix, movddup, {                                                                 \
        __m128i s = xmm_get(cpu, insn->rm);                                                        \
        P##_SET(cpu, insn->reg, _mm_unpacklo_epi64(s, s));                                         \
    })                                                                                             \
    LOAD_FORM(P, prefix, movddup, 64, {                                                            \
        __m128i s = simd_value64(p);                                                               \
        P##_SET(cpu, insn->reg, _mm_unpacklo_epi64(s, s));                                         \
    })                                                                                             \
    TABLE(prefix, movddup, prefix##_movddup_r, prefix##_movddup_m)                                 \
    /* MOVQ */                                                                                     \
    REG_FORM(P, prefix, movq_load,                                                                 \
             P##_SET(cpu, insn->reg, _mm_move_epi64(xmm_get(cpu, insn->rm)));)                     \
    TABLE(prefix, movq_load, prefix##_movq_load_r, prefix##_movsd_m)                               \
    REG_FORM(P, prefix, movq_store,                                                                \
             P##_SET(cpu, insn->rm, _mm_move_epi64(xmm_get(cpu, insn->reg)));)                     \
    TABLE(prefix, movq_store, prefix##_movq_store_r, sse_movsd_store_m)                            \
    /* MOVD, MOVQ from a general register; the memory forms are MOVSS's and MOVSD's */             \
    REG_FORM(P, prefix, movd32,                                                                    \
             P##_SET(cpu, insn->reg, _mm_cvtsi32_si128((int)cpu->gpr[insn->rm]));)                 \
    REG_FORM(P, prefix, movd64,                                                                    \
             P##_SET(cpu, insn->reg, _mm_cvtsi64_si128((long long)cpu->gpr[insn->rm]));)           \
    /* PINSRB, PINSRW, PINSRD, PINSRQ */                                                           \
    INSERT(P, prefix, pinsrb, 8)                                                                   \
    INSERT(P, prefix, pinsrw, 16)                                                                  \
    INSERT(P, prefix, pinsrd, 32)                                                                  \
    INSERT(P, prefix, pinsrq, 64)                                                                  \
    TABLE(prefix, pinsrb, prefix##_pinsrb_r, prefix##_pinsrb_m)                                    \
    TABLE(prefix, pinsrw, prefix##_pinsrw_r, prefix##_pinsrw_m)

/* The element is replaced in the destination's memory image, which is where the register lives. */
#define INSERT(P, prefix, name, bits)                                                              \
    static inline void prefix##_##name##_do(struct cpu *cpu, const struct insn *insn,              \
                                            uint##bits##_t v)                                      \
    {                                                                                              \
        unsigned i = insn->imm & (128 / (bits)-1);                                                 \
        P##_SET(cpu, insn->reg, xmm_get(cpu, P##_SRC(insn)));                                      \
        memcpy((uint8_t *)cpu->s.ymm[insn->reg] + i * ((bits) / 8), &v, sizeof(v));                \
    }                                                                                              \
    REG_FORM(P, prefix, name,                                                                      \
             prefix##_##name##_do(cpu, insn, (uint##bits##_t)cpu->gpr[insn->rm]);)                 \
    STORE_FORM(P, prefix, name,                                                                    \
               prefix##_##name##_do(cpu, insn, mem_read##bits(cpu, insn, EA(cpu, insn)));)

/* Stores of scalars: the same for VEX. */
STORE_FORM(SSE, sse, movss_store, simd_store32(cpu, insn, xmm_get(cpu, insn->reg));)
STORE_FORM(SSE, sse, movsd_store, simd_store64(cpu, insn, xmm_get(cpu, insn->reg));)
STORE_FORM(SSE, sse, movhps_store, mem_write64(cpu, insn, EA(cpu, insn), cpu->s.ymm[insn->reg][1]);)
REG_FORM(SSE, sse, movss_store,
         xmm_set(cpu, insn->rm, LOW32(xmm_get(cpu, insn->rm), xmm_get(cpu, insn->reg)));)
REG_FORM(SSE, sse, movsd_store,
         xmm_set(cpu, insn->rm, LOW64(xmm_get(cpu, insn->rm), xmm_get(cpu, insn->reg)));)
REG_FORM(AVX, avx, movss_store,
         xmm_set_vex(cpu, insn->rm, LOW32(xmm_get(cpu, insn->vreg), xmm_get(cpu, insn->reg)));)
REG_FORM(AVX, avx, movsd_store,
         xmm_set_vex(cpu, insn->rm, LOW64(xmm_get(cpu, insn->vreg), xmm_get(cpu, insn->reg)));)
TABLE(sse, movss_store, sse_movss_store_r, sse_movss_store_m)
TABLE(sse, movsd_store, sse_movsd_store_r, sse_movsd_store_m)
TABLE(avx, movss_store, avx_movss_store_r, NULL)
TABLE(avx, movsd_store, avx_movsd_store_r, NULL)
TABLE(sse, movss_store_mem, NULL, sse_movss_store_m)
TABLE(sse, movlps_store, NULL, sse_movsd_store_m)
TABLE(sse, movhps_store, NULL, sse_movhps_store_m)

BOTH(SSE, sse)
BOTH(AVX, avx)

/* vvvv is an operand in the register form only: two rows. */
TABLE(sse, movss, sse_movss_r, sse_movss_m)
TABLE(sse, movsd, sse_movsd_r, sse_movsd_m)
TABLE(avx, movss, avx_movss_r, NULL)
TABLE(avx, movsd, avx_movsd_r, NULL)
TABLE(avx, movss_mem, NULL, avx_movss_m)
TABLE(avx, movsd_mem, NULL, avx_movsd_m)

/* MOVD/MOVQ, PINSRD/PINSRQ: by operand size; in VEX by rows for W0 and W1. */
#define BY_SIZE(name, r32, r64, m32, m64)                                                          \
    const struct op_handlers name = {{r32, r32, r64}, {m32, m32, m64}, {NULL, NULL, NULL}};
BY_SIZE(sse_movd, sse_movd32_r, sse_movd64_r, sse_movss_m, sse_movsd_m)
BY_SIZE(sse_pinsrd, sse_pinsrd_r, sse_pinsrq_r, sse_pinsrd_m, sse_pinsrq_m)
TABLE(avx, movd, avx_movd32_r, avx_movss_m)
TABLE(avx, movq, avx_movd64_r, avx_movsd_m)
TABLE(avx, pinsrd, avx_pinsrd_r, avx_pinsrd_m)
TABLE(avx, pinsrq, avx_pinsrq_r, avx_pinsrq_m)

/* ---- to general registers; the same for VEX ---- */

REG_FORM(SSE, sse, movd32_store, set_reg32(cpu, insn->rm, (uint32_t)cpu->s.ymm[insn->reg][0]);)
REG_FORM(SSE, sse, movd64_store, cpu->gpr[insn->rm] = cpu->s.ymm[insn->reg][0];)
BY_SIZE(sse_movd_store, sse_movd32_store_r, sse_movd64_store_r, sse_movss_store_m,
        sse_movsd_store_m)
TABLE(avx, movd_store, sse_movd32_store_r, sse_movss_store_m)
TABLE(avx, movq_gpr_store, sse_movd64_store_r, sse_movsd_store_m)

/* PEXTRB, PEXTRW, PEXTRD/EXTRACTPS, PEXTRQ to rm; the general register gets the element
 * zero-extended. */
#define EXTRACT(name, bits)                                                                        \
    static inline uint##bits##_t name##_element(struct cpu *cpu, const struct insn *insn)          \
    {                                                                                              \
        uint##bits##_t v;                                                                          \
        unsigned i = insn->imm & (128 / (bits)-1);                                                 \
        memcpy(&v, (const uint8_t *)cpu->s.ymm[insn->reg] + i * ((bits) / 8), sizeof(v));          \
        return v;                                                                                  \
    }                                                                                              \
    REG_FORM(SSE, sse, name, cpu->gpr[insn->rm] = name##_element(cpu, insn);)                      \
    STORE_FORM(SSE, sse, name,                                                                     \
               mem_write##bits(cpu, insn, EA(cpu, insn), name##_element(cpu, insn));)
EXTRACT(pextrb, 8)
EXTRACT(pextrw, 16)
EXTRACT(pextrd, 32)
EXTRACT(pextrq, 64)
TABLE(sse, pextrb, sse_pextrb_r, sse_pextrb_m)
TABLE(sse, pextrw, sse_pextrw_r, sse_pextrw_m)
BY_SIZE(sse_pextrd, sse_pextrd_r, sse_pextrq_r, sse_pextrd_m, sse_pextrq_m)
TABLE(sse, extractps, sse_pextrd_r, sse_pextrd_m)
TABLE(avx, pextrd, sse_pextrd_r, sse_pextrd_m)
TABLE(avx, pextrq, sse_pextrq_r, sse_pextrq_m)

/* PEXTRW of 0F C5: ModRM.reg is the general register. */
REG_FORM(SSE, sse, pextrw_0f, {
    uint16_t v;
    memcpy(&v, (const uint8_t *)cpu->s.ymm[insn->rm] + 2 * (insn->imm & 7), 2);
    set_reg32(cpu, insn->reg, v);
})
TABLE(sse, pextrw_0f, sse_pextrw_0f_r, NULL)

REG_FORM(SSE, sse, movmskps,
         set_reg32(cpu, insn->reg,
                   (uint32_t)_mm_movemask_ps(_mm_castsi128_ps(xmm_get(cpu, insn->rm))));)
REG_FORM(SSE, sse, movmskpd,
         set_reg32(cpu, insn->reg,
                   (uint32_t)_mm_movemask_pd(_mm_castsi128_pd(xmm_get(cpu, insn->rm))));)
REG_FORM(SSE, sse, pmovmskb,
         set_reg32(cpu, insn->reg, (uint32_t)_mm_movemask_epi8(xmm_get(cpu, insn->rm)));)
TABLE(sse, movmskps, sse_movmskps_r, NULL)
TABLE(sse, movmskpd, sse_movmskpd_r, NULL)
TABLE(sse, pmovmskb, sse_pmovmskb_r, NULL)

/* ---- others ---- */

STORE_FORM(SSE, sse, movnti32,
           mem_write32(cpu, insn, EA(cpu, insn), (uint32_t)cpu->gpr[insn->reg]);)
STORE_FORM(SSE, sse, movnti64, mem_write64(cpu, insn, EA(cpu, insn), cpu->gpr[insn->reg]);)
BY_SIZE(sse_movnti, NULL, NULL, sse_movnti32_m, sse_movnti64_m)

/* To seg:rDI. The bytes that the mask has are probed before the first is written. */
void simd_mask_move(struct cpu *cpu, const struct insn *insn, const uint8_t *data,
                    const uint8_t *mask, unsigned size)
{
    uint64_t ea = cpu->gpr[RDI] & address_mask[insn->asize];
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < size; i++) {
            if (mask[i] & 0x80) {
                uint64_t at = (ea + i) & address_mask[insn->asize];
                if (pass == 0) {
                    mem_probe_write(cpu, insn, insn->seg, at, 1);
                } else {
                    mem_write8(cpu, insn, insn->seg, at, data[i]);
                }
            }
        }
    }
}

static void sse_maskmovdqu_r(struct cpu *cpu, const struct insn *insn)
{
    simd_mask_move(cpu, insn, (const uint8_t *)cpu->s.ymm[insn->reg],
                   (const uint8_t *)cpu->s.ymm[insn->rm], 16);
    NEXT(cpu, insn);
}
TABLE(sse, maskmovdqu, sse_maskmovdqu_r, NULL)

/* SFENCE, LFENCE, MFENCE: the host's, since guest memory is shared between VCPU threads. */
REG_FORM(SSE, sse, mfence, __asm__ volatile("mfence" : : : "memory");)
REG_FORM(SSE, sse, lfence, __asm__ volatile("lfence" : : : "memory");)
REG_FORM(SSE, sse, sfence, __asm__ volatile("sfence" : : : "memory");)
TABLE(sse, mfence, sse_mfence_r, NULL)
TABLE(sse, lfence, sse_lfence_r, NULL)
TABLE(sse, sfence, sse_sfence_r, NULL)

/* CLFLUSH, CLFLUSHOPT, CLWB: caches are not modelled, but the address is checked like a load's. */
STORE_FORM(SSE, sse, clflush, mem_probe_read(cpu, insn, EA(cpu, insn), 1);)
TABLE(sse, clflush, NULL, sse_clflush_m)
