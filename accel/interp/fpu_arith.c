/*
 * x87 basic arithmetic and comparison: FADD, FMUL, FSUB(R), FDIV(R), FCOM and kin with memory,
 * integer and register operands, and the one- and two-operand functions of D9. SDM volume 1,
 * sections 8.3.5 to 8.3.9.
 */
#include "accel/interp/flags.h"
#include "accel/interp/fpu_fast.h"

/* ST(0) = ST(0) op memory. */
#define ARITH_MEM(name, opcode, ext, bits, text)                                                   \
    FPU_SLOW_LOAD(name, opcode, ext, bits)                                                         \
    static void name##_m(struct cpu *cpu, const struct insn *insn)                                 \
    {                                                                                              \
        uint64_t ea = insn_ea(cpu, insn);                                                          \
        void *p = mem_fast(cpu, insn->seg, ea, (bits) / 8, false);                                 \
        if (!fpu_fast(cpu) || unlikely(p == NULL)) {                                               \
            return name##_slow(cpu, insn);                                                         \
        }                                                                                          \
        uint16_t sw;                                                                               \
        uint8_t *st = fpu_st(cpu, 0);                                                              \
        __asm__ volatile("fldt %1\n\t" text " %2\n\tfnstsw %0\n\tfstpt %1"                         \
                         : "=a"(sw), "+m"(FPU_REG(st))                                             \
                         : "m"(FPU_MEMORY(bits, p)));                                              \
        fpu_flags(cpu, sw, FSW_C1);                                                                \
        fpu_track_mem(cpu, insn, ea);                                                              \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    FPU_MEM_HANDLERS(name, name##_m);

#define ARITH_MEM_ALL(op, ext)                                                                     \
    ARITH_MEM(fpu_##op##_m32, 0xd8, ext, 32, "f" #op "s")                                          \
    ARITH_MEM(fpu_##op##_m64, 0xdc, ext, 64, "f" #op "l")                                          \
    ARITH_MEM(fpu_##op##_i32, 0xda, ext, 32, "fi" #op "l")                                         \
    ARITH_MEM(fpu_##op##_i16, 0xde, ext, 16, "fi" #op "s")

ARITH_MEM_ALL(add, 0)
ARITH_MEM_ALL(mul, 1)
ARITH_MEM_ALL(sub, 4)
ARITH_MEM_ALL(subr, 5)
ARITH_MEM_ALL(div, 6)
ARITH_MEM_ALL(divr, 7)

/* With ST(1) = the destination and ST(0) = the other on the host's stack, these pop into the
 * destination. Given as bytes since assemblers disagree on the names. */
#define HOST_ADD  ".byte 0xde, 0xc1"
#define HOST_MUL  ".byte 0xde, 0xc9"
#define HOST_SUBR ".byte 0xde, 0xe1"
#define HOST_SUB  ".byte 0xde, 0xe9"
#define HOST_DIVR ".byte 0xde, 0xf1"
#define HOST_DIV  ".byte 0xde, 0xf9"

/* dst = dst op src, where one of both is ST(0) and the other ST(i). */
#define ARITH_REG(name, opcode, ext, dst, src, pop, text)                                          \
    FPU_SLOW_REG(name, opcode, ext, insn->rm)                                                      \
    static void name##_r(struct cpu *cpu, const struct insn *insn)                                 \
    {                                                                                              \
        unsigned i = insn->rm & 7;                                                                 \
        if (!fpu_fast2(cpu, i)) {                                                                  \
            return name##_slow(cpu, insn);                                                         \
        }                                                                                          \
        uint16_t sw;                                                                               \
        uint8_t *d = fpu_st(cpu, dst), *s = fpu_st(cpu, src);                                      \
        __asm__ volatile("fldt %1\n\tfldt %2\n\t" text "\n\tfnstsw %0\n\tfstpt %1"                 \
                         : "=a"(sw), "+m"(FPU_REG(d))                                              \
                         : "m"(FPU_REG(s)));                                                       \
        fpu_flags(cpu, sw, FSW_C1);                                                                \
        fpu_track(cpu, insn);                                                                      \
        if (pop) {                                                                                 \
            fpu_pop(cpu);                                                                          \
        }                                                                                          \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    FPU_REG_HANDLERS(name, name##_r);

#define ARITH_REG_ALL(op, ext, sti_ext, host)                                                      \
    ARITH_REG(fpu_##op##_st0, 0xd8, ext, 0, i, false, host)                                        \
    ARITH_REG(fpu_##op##_sti, 0xdc, sti_ext, i, 0, false, host)                                    \
    ARITH_REG(fpu_##op##p_sti, 0xde, sti_ext, i, 0, true, host)

ARITH_REG_ALL(add, 0, 0, HOST_ADD)
ARITH_REG_ALL(mul, 1, 1, HOST_MUL)
ARITH_REG_ALL(sub, 4, 5, HOST_SUB)
ARITH_REG_ALL(subr, 5, 4, HOST_SUBR)
ARITH_REG_ALL(div, 6, 7, HOST_DIV)
ARITH_REG_ALL(divr, 7, 6, HOST_DIVR)

/* ---- comparison ---- */

#define COMPARE_MEM(name, opcode, ext, bits, pop, text)                                            \
    FPU_SLOW_LOAD(name, opcode, ext, bits)                                                         \
    static void name##_m(struct cpu *cpu, const struct insn *insn)                                 \
    {                                                                                              \
        uint64_t ea = insn_ea(cpu, insn);                                                          \
        void *p = mem_fast(cpu, insn->seg, ea, (bits) / 8, false);                                 \
        if (!fpu_fast(cpu) || unlikely(p == NULL)) {                                               \
            return name##_slow(cpu, insn);                                                         \
        }                                                                                          \
        uint16_t sw;                                                                               \
        __asm__ volatile("fldt %1\n\t" text " %2\n\tfnstsw %0"                                     \
                         : "=a"(sw)                                                                \
                         : "m"(FPU_REG(fpu_st(cpu, 0))), "m"(FPU_MEMORY(bits, p)));                \
        fpu_flags(cpu, sw, FSW_CC);                                                                \
        fpu_track_mem(cpu, insn, ea);                                                              \
        if (pop) {                                                                                 \
            fpu_pop(cpu);                                                                          \
        }                                                                                          \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    FPU_MEM_HANDLERS(name, name##_m);

#define COMPARE_MEM_ALL(op, ext, pop)                                                              \
    COMPARE_MEM(fpu_##op##_m32, 0xd8, ext, 32, pop, "fcomps")                                      \
    COMPARE_MEM(fpu_##op##_m64, 0xdc, ext, 64, pop, "fcompl")                                      \
    COMPARE_MEM(fpu_##op##_i32, 0xda, ext, 32, pop, "ficompl")                                     \
    COMPARE_MEM(fpu_##op##_i16, 0xde, ext, 16, pop, "ficomps")

COMPARE_MEM_ALL(com, 2, 0)
COMPARE_MEM_ALL(comp, 3, 1)

/* pops: 0 to 2. */
#define COMPARE_REG(name, opcode, ext, pops, text)                                                 \
    FPU_SLOW_REG(name, opcode, ext, insn->rm)                                                      \
    static void name##_r(struct cpu *cpu, const struct insn *insn)                                 \
    {                                                                                              \
        unsigned i = insn->rm & 7;                                                                 \
        if (!fpu_fast2(cpu, i)) {                                                                  \
            return name##_slow(cpu, insn);                                                         \
        }                                                                                          \
        uint16_t sw;                                                                               \
        __asm__ volatile("fldt %2\n\tfldt %1\n\t" text "\n\tfnstsw %0"                             \
                         : "=a"(sw)                                                                \
                         : "m"(FPU_REG(fpu_st(cpu, 0))), "m"(FPU_REG(fpu_st(cpu, i))));            \
        fpu_flags(cpu, sw, FSW_CC);                                                                \
        fpu_track(cpu, insn);                                                                      \
        for (int n = 0; n < (pops); n++) {                                                         \
            fpu_pop(cpu);                                                                          \
        }                                                                                          \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    FPU_REG_HANDLERS(name, name##_r);

COMPARE_REG(fpu_com, 0xd8, 2, 0, "fcompp")
COMPARE_REG(fpu_comp, 0xd8, 3, 1, "fcompp")
COMPARE_REG(fpu_compp, 0xde, 3, 2, "fcompp")
COMPARE_REG(fpu_ucom, 0xdd, 4, 0, "fucompp")
COMPARE_REG(fpu_ucomp, 0xdd, 5, 1, "fucompp")
COMPARE_REG(fpu_ucompp, 0xda, 5, 2, "fucompp")

/* The flags of FCOMI when the host runs it in the slow way come from its condition codes: the same
 * compare is made by FCOM or FUCOM, which differ in nothing else but where the answer goes. */
static void compare_eflags(struct cpu *cpu, uint16_t cc)
{
    set_flags_status(cpu, (cc & FSW_C0 ? FLAG_CF : 0) | (cc & FSW_C2 ? FLAG_PF : 0) |
                              (cc & FSW_C3 ? FLAG_ZF : 0));
}

static void compare_eflags_slow(struct cpu *cpu, const struct insn *insn, unsigned number, bool pop)
{
    uint16_t cc = cpu->s.fpu.fsw & (FSW_C0 | FSW_C2 | FSW_C3);
    fpu_native_reg(cpu, insn, number);
    uint16_t after = cpu->s.fpu.fsw;
    cpu->s.fpu.fsw = (uint16_t)((after & ~(FSW_C0 | FSW_C2 | FSW_C3)) | cc);
    /* An unmasked invalid or denormal operand leaves EFLAGS and the stack alone. */
    if (!(after & ~cpu->s.fpu.fcw & 3)) {
        compare_eflags(cpu, after);
        if (pop) {
            fpu_pop(cpu);
        }
    }
}

#define COMPARE_EFLAGS(name, number, pop, text)                                                    \
    FPU_SLOW_HANDLER(name, compare_eflags_slow(cpu, insn, (number) + (insn->rm & 7), pop))         \
    static void name##_r(struct cpu *cpu, const struct insn *insn)                                 \
    {                                                                                              \
        unsigned i = insn->rm & 7;                                                                 \
        if (!fpu_fast2(cpu, i)) {                                                                  \
            return name##_slow(cpu, insn);                                                         \
        }                                                                                          \
        uint16_t sw;                                                                               \
        __asm__ volatile("fldt %2\n\tfldt %1\n\t" text "\n\tfnstsw %0"                             \
                         : "=a"(sw)                                                                \
                         : "m"(FPU_REG(fpu_st(cpu, 0))), "m"(FPU_REG(fpu_st(cpu, i))));            \
        fpu_flags(cpu, sw & ~FSW_C1, FSW_C1);                                                      \
        compare_eflags(cpu, sw);                                                                   \
        fpu_track(cpu, insn);                                                                      \
        if (pop) {                                                                                 \
            fpu_pop(cpu);                                                                          \
        }                                                                                          \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    FPU_REG_HANDLERS(name, name##_r);

COMPARE_EFLAGS(fpu_comi, X87(0xd8, 2, 0), false, "fcompp")
COMPARE_EFLAGS(fpu_comip, X87(0xd8, 2, 0), true, "fcompp")
COMPARE_EFLAGS(fpu_ucomi, X87(0xdd, 4, 0), false, "fucompp")
COMPARE_EFLAGS(fpu_ucomip, X87(0xdd, 4, 0), true, "fucompp")

/* ---- functions of ST(0), and of ST(0) and ST(1) ---- */

#define UNARY(name, rm, cc, text)                                                                  \
    FPU_SLOW_REG(fpu_##name, 0xd9, (rm) >> 3, rm)                                                  \
    static void fpu_##name##_r(struct cpu *cpu, const struct insn *insn)                           \
    {                                                                                              \
        if (!fpu_fast(cpu)) {                                                                      \
            return fpu_##name##_slow(cpu, insn);                                                   \
        }                                                                                          \
        uint16_t sw;                                                                               \
        uint8_t *st = fpu_st(cpu, 0);                                                              \
        __asm__ volatile("fldt %1\n\t" text "\n\tfnstsw %0\n\tfstpt %1"                            \
                         : "=a"(sw), "+m"(FPU_REG(st)));                                           \
        fpu_flags(cpu, sw, cc);                                                                    \
        fpu_track(cpu, insn);                                                                      \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    FPU_REG_HANDLERS(fpu_##name, fpu_##name##_r);

UNARY(chs, 040, FSW_C1, "fchs")
UNARY(abs, 041, FSW_C1, "fabs")
UNARY(tst, 044, FSW_CC, "ftst")
UNARY(xam, 045, FSW_CC, "fxam")
UNARY(2xm1, 060, FSW_C1, "f2xm1")
UNARY(sqrt, 072, FSW_C1, "fsqrt")
UNARY(rndint, 074, FSW_C1, "frndint")
UNARY(sin, 076, FSW_C1 | FSW_C2, "fsin")
UNARY(cos, 077, FSW_C1 | FSW_C2, "fcos")

/* The result replaces ST(1), and the stack is popped. */
#define BINARY_POP(name, rm, text)                                                                 \
    FPU_SLOW_REG(fpu_##name, 0xd9, (rm) >> 3, rm)                                                  \
    static void fpu_##name##_r(struct cpu *cpu, const struct insn *insn)                           \
    {                                                                                              \
        if (!fpu_fast2(cpu, 1)) {                                                                  \
            return fpu_##name##_slow(cpu, insn);                                                   \
        }                                                                                          \
        uint16_t sw;                                                                               \
        __asm__ volatile("fldt %1\n\tfldt %2\n\t" text "\n\tfnstsw %0\n\tfstpt %1"                 \
                         : "=a"(sw), "+m"(FPU_REG(fpu_st(cpu, 1)))                                 \
                         : "m"(FPU_REG(fpu_st(cpu, 0))));                                          \
        fpu_pop(cpu);                                                                              \
        fpu_flags(cpu, sw, FSW_C1);                                                                \
        fpu_track(cpu, insn);                                                                      \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    FPU_REG_HANDLERS(fpu_##name, fpu_##name##_r);

BINARY_POP(yl2x, 061, "fyl2x")
BINARY_POP(patan, 063, "fpatan")
BINARY_POP(yl2xp1, 071, "fyl2xp1")

FPU_SLOW_REG(fpu_scale, 0xd9, 7, 5)
static void fpu_scale_r(struct cpu *cpu, const struct insn *insn)
{
    if (!fpu_fast2(cpu, 1)) {
        return fpu_scale_slow(cpu, insn);
    }
    uint16_t sw;
    __asm__ volatile("fldt %2\n\tfldt %1\n\tfscale\n\tfnstsw %0\n\tfstpt %1\n\tfstp %%st(0)"
                     : "=a"(sw), "+m"(FPU_REG(fpu_st(cpu, 0)))
                     : "m"(FPU_REG(fpu_st(cpu, 1))));
    fpu_flags(cpu, sw, FSW_C1);
    fpu_track(cpu, insn);
    NEXT(cpu, insn);
}
FPU_REG_HANDLERS(fpu_scale, fpu_scale_r);
