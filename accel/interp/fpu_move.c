/*
 * x87 data transfer and register stack: loads, stores, FXCH, FCMOV, constants, FINCSTP, FFREE and
 * the rarer instructions that always take the slow way (BCD, FXTRACT, FPTAN, FSINCOS). SDM volume
 * 1, section 8.3.3.
 */
#include "accel/interp/flags.h"
#include "accel/interp/fpu_fast.h"

#define LOAD_MEM(name, opcode, ext, bits, text)                                                    \
    FPU_SLOW_LOAD(name, opcode, ext, bits)                                                         \
    static void name##_m(struct cpu *cpu, const struct insn *insn)                                 \
    {                                                                                              \
        uint64_t ea = insn_ea(cpu, insn);                                                          \
        void *p = mem_fast(cpu, insn->seg, ea, (bits) / 8, false);                                 \
        if (!fpu_fast_push(cpu) || unlikely(p == NULL)) {                                          \
            return name##_slow(cpu, insn);                                                         \
        }                                                                                          \
        uint16_t sw;                                                                               \
        fpu_push(cpu);                                                                             \
        __asm__ volatile(text " %2\n\tfnstsw %0\n\tfstpt %1"                                       \
                         : "=a"(sw), "=m"(FPU_REG(fpu_st(cpu, 0)))                                 \
                         : "m"(FPU_MEMORY(bits, p)));                                              \
        fpu_flags(cpu, sw, FSW_C1);                                                                \
        fpu_track_mem(cpu, insn, ea);                                                              \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    FPU_MEM_HANDLERS(name, name##_m);

LOAD_MEM(fpu_ld_m32, 0xd9, 0, 32, "flds")
LOAD_MEM(fpu_ld_m64, 0xdd, 0, 64, "fldl")
LOAD_MEM(fpu_ild_i16, 0xdf, 0, 16, "filds")
LOAD_MEM(fpu_ild_i32, 0xdb, 0, 32, "fildl")
LOAD_MEM(fpu_ild_i64, 0xdf, 5, 64, "fildll")

static void fpu_ld_m80_m(struct cpu *cpu, const struct insn *insn)
{
    if (fpu_wait(cpu, insn)) {
        return;
    }
    if (fpu_fast_push(cpu)) {
        uint64_t ea = insn_ea(cpu, insn);
        uint8_t *st = fpu_st(cpu, 7);
        const void *p = mem_fast(cpu, insn->seg, ea, 10, false);
        if (unlikely(p == NULL)) {
            mem_read_bytes(cpu, insn, insn->seg, ea, cpu->simd_scratch, 10);
            p = cpu->simd_scratch;
        }
        fpu_copy(st, p);
        fpu_push(cpu);
        cpu->s.fpu.fsw &= (uint16_t)~FSW_C1;
        fpu_track_mem(cpu, insn, ea);
    } else {
        fpu_native_load10(cpu, insn, X87(0xdb, 5, 0));
    }
    NEXT(cpu, insn);
}
FPU_MEM_HANDLERS(fpu_ld_m80, fpu_ld_m80_m);

static void fpu_bld_m(struct cpu *cpu, const struct insn *insn)
{
    if (fpu_wait(cpu, insn)) {
        return;
    }
    fpu_native_load10(cpu, insn, X87(0xdf, 4, 0));
    NEXT(cpu, insn);
}
FPU_MEM_HANDLERS(fpu_bld, fpu_bld_m);

/* The store goes straight to guest memory if the page is writable RAM; then it cannot fault after
 * the host's flags have changed. text always pops the host's stack. */
#define STORE_MEM(name, opcode, ext, bits, pop, text)                                              \
    FPU_SLOW_STORE(name, opcode, ext, bits)                                                        \
    static void name##_m(struct cpu *cpu, const struct insn *insn)                                 \
    {                                                                                              \
        uint64_t ea = insn_ea(cpu, insn);                                                          \
        void *p = mem_fast(cpu, insn->seg, ea, (bits) / 8, true);                                  \
        if (!fpu_fast(cpu) || unlikely(p == NULL)) {                                               \
            return name##_slow(cpu, insn);                                                         \
        }                                                                                          \
        uint16_t sw;                                                                               \
        __asm__ volatile("fldt %2\n\t" text " %1\n\tfnstsw %0"                                     \
                         : "=a"(sw), "=m"(FPU_MEMORY(bits, p))                                     \
                         : "m"(FPU_REG(fpu_st(cpu, 0))));                                          \
        fpu_flags(cpu, sw, FSW_C1);                                                                \
        fpu_track_mem(cpu, insn, ea);                                                              \
        if (pop) {                                                                                 \
            fpu_pop(cpu);                                                                          \
        }                                                                                          \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    FPU_MEM_HANDLERS(name, name##_m);

STORE_MEM(fpu_st_m32, 0xd9, 2, 32, 0, "fstps")
STORE_MEM(fpu_stp_m32, 0xd9, 3, 32, 1, "fstps")
STORE_MEM(fpu_st_m64, 0xdd, 2, 64, 0, "fstpl")
STORE_MEM(fpu_stp_m64, 0xdd, 3, 64, 1, "fstpl")
STORE_MEM(fpu_ist_i16, 0xdf, 2, 16, 0, "fistps")
STORE_MEM(fpu_istp_i16, 0xdf, 3, 16, 1, "fistps")
STORE_MEM(fpu_ist_i32, 0xdb, 2, 32, 0, "fistpl")
STORE_MEM(fpu_istp_i32, 0xdb, 3, 32, 1, "fistpl")
STORE_MEM(fpu_istp_i64, 0xdf, 7, 64, 1, "fistpll")
STORE_MEM(fpu_isttp_i16, 0xdf, 1, 16, 1, "fisttps")
STORE_MEM(fpu_isttp_i32, 0xdb, 1, 32, 1, "fisttpl")
STORE_MEM(fpu_isttp_i64, 0xdd, 1, 64, 1, "fisttpll")

static void fpu_stp_m80_m(struct cpu *cpu, const struct insn *insn)
{
    if (fpu_wait(cpu, insn)) {
        return;
    }
    uint64_t ea = insn_ea(cpu, insn);
    if (fpu_fast(cpu)) {
        void *p = mem_fast(cpu, insn->seg, ea, 10, true);
        if (likely(p != NULL)) {
            fpu_copy(p, fpu_st(cpu, 0));
        } else {
            mem_write_bytes(cpu, insn, insn->seg, ea, fpu_st(cpu, 0), 10);
        }
        fpu_pop(cpu);
        cpu->s.fpu.fsw &= (uint16_t)~FSW_C1;
        fpu_track_mem(cpu, insn, ea);
    } else {
        fpu_native_store(cpu, insn, X87(0xdb, 7, 0), 10, ea);
    }
    NEXT(cpu, insn);
}
FPU_MEM_HANDLERS(fpu_stp_m80, fpu_stp_m80_m);

static void fpu_bstp_m(struct cpu *cpu, const struct insn *insn)
{
    if (fpu_wait(cpu, insn)) {
        return;
    }
    fpu_native_store(cpu, insn, X87(0xdf, 6, 0), 10, insn_ea(cpu, insn));
    NEXT(cpu, insn);
}
FPU_MEM_HANDLERS(fpu_bstp, fpu_bstp_m);

/* ---- register to register ---- */

FPU_SLOW_REG(fpu_ld_sti, 0xd9, 0, insn->rm)
static void fpu_ld_sti_r(struct cpu *cpu, const struct insn *insn)
{
    unsigned i = insn->rm & 7;
    if (!fpu_fast_push(cpu) || !fpu_valid(cpu, i)) {
        return fpu_ld_sti_slow(cpu, insn);
    }
    fpu_copy(fpu_st(cpu, 7), fpu_st(cpu, i));
    fpu_push(cpu);
    cpu->s.fpu.fsw &= (uint16_t)~FSW_C1;
    fpu_track(cpu, insn);
    NEXT(cpu, insn);
}
FPU_REG_HANDLERS(fpu_ld_sti, fpu_ld_sti_r);

FPU_SLOW_REG(fpu_xch, 0xd9, 1, insn->rm)
static void fpu_xch_r(struct cpu *cpu, const struct insn *insn)
{
    unsigned i = insn->rm & 7;
    if (!fpu_fast2(cpu, i)) {
        return fpu_xch_slow(cpu, insn);
    }
    __asm__ volatile("fldt %0\n\tfldt %1\n\tfstpt %0\n\tfstpt %1"
                     : "+m"(FPU_REG(fpu_st(cpu, 0))), "+m"(FPU_REG(fpu_st(cpu, i))));
    cpu->s.fpu.fsw &= (uint16_t)~FSW_C1;
    fpu_track(cpu, insn);
    NEXT(cpu, insn);
}
FPU_REG_HANDLERS(fpu_xch, fpu_xch_r);

#define STORE_STI(name, opcode, ext, pop)                                                          \
    FPU_SLOW_REG(name, opcode, ext, insn->rm)                                                      \
    static void name##_r(struct cpu *cpu, const struct insn *insn)                                 \
    {                                                                                              \
        unsigned i = insn->rm & 7;                                                                 \
        if (!fpu_fast(cpu)) {                                                                      \
            return name##_slow(cpu, insn);                                                         \
        }                                                                                          \
        fpu_copy(fpu_st(cpu, i), fpu_st(cpu, 0));                                                  \
        cpu->s.fpu.ftw |= (uint8_t)(1u << ((cpu->fpu_top + i) & 7));                               \
        if (pop) {                                                                                 \
            fpu_pop(cpu);                                                                          \
        }                                                                                          \
        cpu->s.fpu.fsw &= (uint16_t)~FSW_C1;                                                       \
        fpu_track(cpu, insn);                                                                      \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    FPU_REG_HANDLERS(name, name##_r);

STORE_STI(fpu_st_sti, 0xdd, 2, 0)
STORE_STI(fpu_stp_sti, 0xdd, 3, 1)
STORE_STI(fpu_stpnce_sti, 0xd9, 3, 1) /* an alias that takes no notice of an empty ST(0) */

/* The slow way runs FCMOVE or FCMOVNE with ZF set. */
#define FCMOV(name, condition)                                                                     \
    FPU_SLOW_HANDLER(fpu_cmov##name,                                                               \
                     fpu_native_reg(cpu, insn, X87(condition ? 0xda : 0xdb, 1, insn->rm & 7)))     \
    static void fpu_cmov##name##_r(struct cpu *cpu, const struct insn *insn)                       \
    {                                                                                              \
        unsigned i = insn->rm & 7;                                                                 \
        if (!fpu_fast2(cpu, i)) {                                                                  \
            return fpu_cmov##name##_slow(cpu, insn);                                               \
        }                                                                                          \
        if (condition) {                                                                           \
            fpu_copy(fpu_st(cpu, 0), fpu_st(cpu, i));                                              \
        }                                                                                          \
        fpu_track(cpu, insn);                                                                      \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    FPU_REG_HANDLERS(fpu_cmov##name, fpu_cmov##name##_r);

FCMOV(b, flag_cf(cpu))
FCMOV(e, flag_zf(cpu))
FCMOV(be, (flag_cf(cpu) || flag_zf(cpu)))
FCMOV(u, flag_pf(cpu))
FCMOV(nb, !flag_cf(cpu))
FCMOV(ne, !flag_zf(cpu))
FCMOV(nbe, (!flag_cf(cpu) && !flag_zf(cpu)))
FCMOV(nu, !flag_pf(cpu))

#define CONSTANT(name, rm)                                                                         \
    FPU_SLOW_REG(fpu_##name, 0xd9, 5, rm)                                                          \
    static void fpu_##name##_r(struct cpu *cpu, const struct insn *insn)                           \
    {                                                                                              \
        if (!fpu_fast_push(cpu)) {                                                                 \
            return fpu_##name##_slow(cpu, insn);                                                   \
        }                                                                                          \
        __asm__ volatile("f" #name "\n\tfstpt %0" : "=m"(FPU_REG(fpu_st(cpu, 7))));                \
        fpu_push(cpu);                                                                             \
        cpu->s.fpu.fsw &= (uint16_t)~FSW_C1;                                                       \
        fpu_track(cpu, insn);                                                                      \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    FPU_REG_HANDLERS(fpu_##name, fpu_##name##_r);

CONSTANT(ld1, 0)
CONSTANT(ldl2t, 1)
CONSTANT(ldl2e, 2)
CONSTANT(ldpi, 3)
CONSTANT(ldlg2, 4)
CONSTANT(ldln2, 5)
CONSTANT(ldz, 6)

/* ---- only the slow way ---- */

#define SLOW_REG(name, opcode, ext, rm)                                                            \
    FPU_SLOW_REG(fpu_##name, opcode, ext, rm)                                                      \
    FPU_REG_HANDLERS(fpu_##name, fpu_##name##_slow);

SLOW_REG(ptan, 0xd9, 6, 2)
SLOW_REG(xtract, 0xd9, 6, 4)
SLOW_REG(sincos, 0xd9, 7, 3)
/* They leave condition codes alone in some cases. */
SLOW_REG(prem1, 0xd9, 6, 5)
SLOW_REG(prem, 0xd9, 7, 0)

/* FINCSTP, FDECSTP, FFREE, FFREEP do not look at the tags and raise nothing. */
#define STACK(name, statement)                                                                     \
    static void fpu_##name##_r(struct cpu *cpu, const struct insn *insn)                           \
    {                                                                                              \
        if (fpu_wait(cpu, insn)) {                                                                 \
            return;                                                                                \
        }                                                                                          \
        statement;                                                                                 \
        fpu_track(cpu, insn);                                                                      \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    FPU_REG_HANDLERS(fpu_##name, fpu_##name##_r);

static void stack_move(struct cpu *cpu, unsigned by)
{
    cpu->fpu_top = (cpu->fpu_top + by) & 7;
    cpu->s.fpu.fsw &= (uint16_t)~FSW_C1;
}
static void stack_free(struct cpu *cpu, unsigned i)
{
    cpu->s.fpu.ftw &= (uint8_t) ~(1u << ((cpu->fpu_top + i) & 7));
    cpu->s.fpu.fsw &= (uint16_t)~FSW_C1;
}
STACK(incstp, stack_move(cpu, 1))
STACK(decstp, stack_move(cpu, 7))
STACK(free, stack_free(cpu, insn->rm))
STACK(freep, (stack_free(cpu, insn->rm), fpu_pop(cpu)))
STACK(nop, (void)0)
