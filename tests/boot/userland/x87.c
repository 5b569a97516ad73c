/* The x87: every arithmetic and transcendental instruction over many operands, all precisions and roundings, BCD and
 * integer stores, environments; and long double through the C library and printf. */
#include <fenv.h>
#include <math.h>
#include <stdlib.h>

#include "tests/boot/userland/sum.h"

#define COUNT 20000

static struct sum sum = {0xCBF29CE484222325u};

static void add(long double value)
{
    uint8_t image[10];
    memcpy(image, &value, sizeof(image));
    sum_add(&sum, image, sizeof(image));
}

static uint16_t status_clear(void)
{
    uint16_t status;
    __asm__ volatile("fnstsw %0\n\tfnclex" : "=m"(status));
    return status & 0x47FF; /* the exceptions, C0-C2, C3 */
}

static void status_add(void)
{
    uint16_t status = status_clear();
    sum_add(&sum, &status, sizeof(status));
}

/* Values of every kind, most of them ordinary. */
static long double operand(void)
{
    uint64_t r = random_next();
    long double value = (long double)(int64_t)random_next() / 9223372036854775808.0L;
    switch (r % 16) {
    case 0: return (long double)(int64_t)(r >> 40);
    case 1: return ldexpl(value, (int)(r >> 32) % 16000);
    case 2: return (r >> 8) % 4 == 0 ? 0.0L : (long double)((r >> 8) % 8) - 4;
    case 3: return (r >> 8) % 2 ? INFINITY : -INFINITY;
    case 4: return ldexpl(value, -16400);
    case 5: return value * 1e6L;
    case 6: return NAN;
    default: return value;
    }
}

#define UNARY(NAME, CODE)                                                                                              \
    static void do_##NAME(void)                                                                                        \
    {                                                                                                                  \
        for (int i = 0; i < COUNT; i++) {                                                                              \
            long double x = operand();                                                                                 \
            __asm__ volatile(CODE : "+t"(x));                                                                          \
            add(x);                                                                                             \
            status_add();                                                                                              \
        }                                                                                                              \
        sum_print(&sum, #NAME);                                                                                        \
    }
/* Two operands, both stay: the result in ST0 is seen, and ST1. */
#define BINARY(NAME, CODE)                                                                                             \
    static void do_##NAME(void)                                                                                        \
    {                                                                                                                  \
        for (int i = 0; i < COUNT; i++) {                                                                              \
            long double x = operand(), y = operand();                                                                  \
            __asm__ volatile(CODE : "+t"(x), "+u"(y));                                                                 \
            add(x);                                                                                             \
            add(y);                                                                                             \
            status_add();                                                                                              \
        }                                                                                                              \
        sum_print(&sum, #NAME);                                                                                        \
    }
/* Two operands, one of them popped. */
#define POPPING(NAME, CODE)                                                                                            \
    static void do_##NAME(void)                                                                                        \
    {                                                                                                                  \
        for (int i = 0; i < COUNT; i++) {                                                                              \
            long double x = operand(), y = operand(), z;                                                               \
            __asm__ volatile(CODE : "=t"(z) : "0"(x), "u"(y) : "st(1)");                                               \
            add(z);                                                                                             \
            status_add();                                                                                              \
        }                                                                                                              \
        sum_print(&sum, #NAME);                                                                                        \
    }

UNARY(fsin, "fsin")
UNARY(fcos, "fcos")
UNARY(f2xm1, "f2xm1")
UNARY(fsqrt, "fsqrt")
UNARY(frndint, "frndint")
UNARY(fabs, "fabs")
UNARY(fchs, "fchs")
UNARY(fsincos, "fsincos\n\tfaddp")
UNARY(fptan, "fptan\n\tfaddp")
UNARY(fxtract, "fxtract\n\tfmulp")
UNARY(fbstp, "subq $16, %%rsp\n\tfbstp (%%rsp)\n\tfbld (%%rsp)\n\taddq $16, %%rsp")
UNARY(fistp16, "subq $16, %%rsp\n\tfistps (%%rsp)\n\tfilds (%%rsp)\n\taddq $16, %%rsp")
UNARY(fistp32, "subq $16, %%rsp\n\tfistpl (%%rsp)\n\tfildl (%%rsp)\n\taddq $16, %%rsp")
UNARY(fistp64, "subq $16, %%rsp\n\tfistpll (%%rsp)\n\tfildll (%%rsp)\n\taddq $16, %%rsp")
UNARY(fisttp64, "subq $16, %%rsp\n\tfisttpll (%%rsp)\n\tfildll (%%rsp)\n\taddq $16, %%rsp")
UNARY(fstp32, "subq $16, %%rsp\n\tfstps (%%rsp)\n\tflds (%%rsp)\n\taddq $16, %%rsp")
UNARY(fstp64, "subq $16, %%rsp\n\tfstpl (%%rsp)\n\tfldl (%%rsp)\n\taddq $16, %%rsp")
UNARY(fxam, "fxam")
UNARY(ftst, "ftst")
UNARY(fsave, "subq $128, %%rsp\n\tfnsave (%%rsp)\n\tfrstor (%%rsp)\n\taddq $128, %%rsp")
UNARY(fxsave, "movq %%rsp, %%rax\n\tsubq $640, %%rsp\n\tandq $-64, %%rsp\n\tfxsave64 (%%rsp)\n\tfninit\n\t"
              "fxrstor64 (%%rsp)\n\tmovq %%rax, %%rsp")
BINARY(fprem, "1: fprem\n\tfnstsw %%ax\n\ttestb $4, %%ah\n\tjnz 1b")
BINARY(fprem1, "1: fprem1\n\tfnstsw %%ax\n\ttestb $4, %%ah\n\tjnz 1b")
BINARY(fscale, "fscale")
BINARY(fadd, "fadd %%st(1), %%st")
BINARY(fsub, "fsub %%st(1), %%st")
BINARY(fsubr, "fsubr %%st, %%st(1)")
BINARY(fmul, "fmul %%st(1), %%st")
BINARY(fdiv, "fdiv %%st(1), %%st")
BINARY(fdivr, "fdivr %%st, %%st(1)")
BINARY(fcom, "fcom %%st(1)")
BINARY(fucom, "fucom %%st(1)")
BINARY(fcmov, "fcomi %%st(1), %%st\n\tfcmovb %%st(1), %%st")
POPPING(fpatan, "fpatan")
POPPING(fyl2x, "fyl2x")
POPPING(fyl2xp1, "fyl2xp1")

static void instructions(uint16_t control)
{
    printf("control %04x\n", control);
    __asm__ volatile("fldcw %0" : : "m"(control));
    do_fsin(), do_fcos(), do_f2xm1(), do_fsqrt(), do_frndint(), do_fabs(), do_fchs(), do_fsincos(), do_fptan();
    do_fxtract(), do_fbstp(), do_fistp16(), do_fistp32(), do_fistp64(), do_fisttp64(), do_fstp32(), do_fstp64();
    do_fxam(), do_ftst(), do_fsave(), do_fxsave();
    do_fprem(), do_fprem1(), do_fscale(), do_fadd(), do_fsub(), do_fsubr(), do_fmul(), do_fdiv(), do_fdivr();
    do_fcom(), do_fucom(), do_fcmov(), do_fpatan(), do_fyl2x(), do_fyl2xp1();
}

static void library(void)
{
    for (int i = 0; i < 400; i++) {
        long double x = operand();
        char text[200];
        if (!isfinite(x)) {
            continue;
        }
        int n = snprintf(text, sizeof(text), "%.40Lg %La %.18Le %+.3Lf", x, x, x, fmodl(x, 1e9L));
        sum_add(&sum, text, (size_t)n);
        long double back = strtold(text, NULL);
        add(back);
    }
    sum_print(&sum, "printf");
    for (int i = 0; i < 5000; i++) {
        long double x = (long double)(int64_t)random_next() / 9e17L, y = fabsl(x) + 1e-3L;
        long double results[] = {
            sinl(x), cosl(x), tanl(x), expl(x), expm1l(x), logl(y), log10l(y), log1pl(y), atanl(x), asinl(x / 11),
            acosl(x / 11), sinhl(x), coshl(x), tanhl(x), asinhl(x), powl(y, x), cbrtl(x), hypotl(x, y), erfl(x),
            tgammal(x), lgammal(y), fmal(x, y, x), remainderl(x, y), rintl(x), sqrtl(y), atan2l(x, y), exp2l(x),
        };
        for (unsigned k = 0; k < sizeof(results) / sizeof(results[0]); k++) {
            add(results[k]);
        }
    }
    sum_print(&sum, "libm-long-double");
    long double pi = 0, sign = 1;
    for (int i = 0; i < 2000000; i++, sign = -sign) {
        pi += sign * 4 / (2 * i + 1);
    }
    printf("pi %.20Lf %La\n", pi, pi);
}

int main(void)
{
    static const uint16_t controls[] = {0x037F, 0x027F, 0x007F, 0x077F, 0x0B7F, 0x0F7F, 0x067F, 0x0C7F};
    for (unsigned i = 0; i < sizeof(controls) / sizeof(controls[0]); i++) {
        instructions(controls[i]);
    }
    __asm__ volatile("fninit");
    library();
    return 0;
}
