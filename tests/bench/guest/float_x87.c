/* Floating point with the x87; compiled with -mfpmath=387. */
#define USE_X87
#include "tests/bench/guest/float_loops.h"

/* Transcendental instructions. */
static uint64_t run_trigonometry(uint64_t passes)
{
    double sum = 0;
    for (uint64_t i = 0; i < passes * 20; i++) {
        double a = (double)(i % 100) * 0.03125, s, c, t, e;
        __asm__("fsincos" : "=t"(c), "=u"(s) : "0"(a));
        __asm__("fld1\n fpatan" : "=t"(t) : "0"(a));
        __asm__("f2xm1" : "=t"(e) : "0"(c * 0.5));
        sum += s * t + e;
    }
    return (uint64_t)(sum * 1000);
}

/* Extended precision in memory, with the rounding that ALU tests like least. */
static uint64_t run_extended(uint64_t passes)
{
    volatile long double *cells = (long double *)ARENA;
    for (unsigned i = 0; i < 64; i++) {
        cells[i] = (long double)i + 0.125L;
    }
    for (; passes > 0; passes--) {
        for (unsigned i = 0; i < 63; i++) {
            cells[i] = cells[i] * 0.75L + cells[i + 1] / 3.0L;
        }
    }
    return (uint64_t)(cells[5] * 1000);
}

const struct loop x87_loops[] = {
    { "nbody_x87", "float", run_nbody },
    { "mandel_x87", "float", run_mandelbrot },
    { "convert_x87", "float", run_convert },
    { "extended_x87", "float", run_extended },
    { "trig_x87", "float", run_trigonometry },
    LOOP_END
};
