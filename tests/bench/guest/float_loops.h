/*
 * Floating point loops; included by float_sse.c and float_x87.c, which are compiled for the one and the other unit.
 */
#include "tests/bench/guest/loops.h"

struct body {
    double x[3], v[3], mass;
};

static inline double square_root(double a)
{
#ifdef USE_X87
    __asm__("fsqrt" : "+t"(a));
#else
    __asm__("sqrtsd %0, %0" : "+x"(a));
#endif
    return a;
}

static void advance(struct body *b, double dt)
{
    for (unsigned i = 0; i < 5; i++) {
        for (unsigned j = i + 1; j < 5; j++) {
            double d[3], square = 0.01;
            for (unsigned k = 0; k < 3; k++) {
                d[k] = b[i].x[k] - b[j].x[k];
                square += d[k] * d[k];
            }
            double factor = dt / (square * square_root(square));
            for (unsigned k = 0; k < 3; k++) {
                b[i].v[k] -= d[k] * b[j].mass * factor;
                b[j].v[k] += d[k] * b[i].mass * factor;
            }
        }
    }
    for (unsigned i = 0; i < 5; i++) {
        for (unsigned k = 0; k < 3; k++) {
            b[i].x[k] += dt * b[i].v[k];
        }
    }
}

static uint64_t run_nbody(uint64_t passes)
{
    struct body b[5];
    for (unsigned i = 0; i < 5; i++) {
        for (unsigned k = 0; k < 3; k++) {
            b[i].x[k] = 1.5 * i + 0.25 * k;
            b[i].v[k] = 0.125 * k - 0.0625 * i;
        }
        b[i].mass = 1.0 + i;
    }
    for (; passes > 0; passes--) {
        for (unsigned i = 0; i < 10; i++) {
            advance(b, 0.001);
        }
    }
    return (uint64_t)(int64_t)(b[0].x[0] * 1e9);
}

static uint64_t run_mandelbrot(uint64_t passes)
{
    uint64_t sum = 0;
    for (; passes > 0; passes--) {
        for (int px = 0; px < 24; px++) {
            double cx = px * 0.08 - 1.5, cy = 0.35, x = 0, y = 0;
            unsigned n = 0;
            while (n < 60 && x * x + y * y < 4.0) {
                double t = x * x - y * y + cx;
                y = 2 * x * y + cy;
                x = t;
                n++;
            }
            sum += n;
        }
    }
    return sum;
}

/* Conversions, comparisons and single precision. */
static uint64_t run_convert(uint64_t passes)
{
    volatile float *f = (float *)ARENA;
    volatile int32_t *w = (int32_t *)(ARENA + 4096);
    double total = 0;
    for (unsigned i = 0; i < 256; i++) {
        w[i] = (int32_t)(i * 77);
    }
    for (; passes > 0; passes--) {
        for (unsigned i = 0; i < 256; i++) {
            double v = w[i] * 0.5;
            f[i] = (float)(v > 5000 ? v - 5000 : v + 1);
            total += f[i];
            w[i] = (int32_t)(f[i] * 2.0);
        }
    }
    return (uint64_t)total;
}
