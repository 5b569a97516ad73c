/* The C library's double and float functions, which choose variants by what the CPU has. */
#include <complex.h>
#include <math.h>
#include <stdlib.h>

#include "tests/boot/userland/sum.h"

int main(void)
{
    struct sum sum = {0xCBF29CE484222325u};
    for (int i = 0; i < 60000; i++) {
        double x = (double)(int64_t)random_next() / 9e17, y = fabs(x) + 1e-3;
        float g = (float)x, h = (float)y;
        double results[] = {sin(x), cos(x), tan(x), exp(x), exp2(x), expm1(x), log(y), log2(y), log1p(y), atan(x), asin(x / 11),
                            acos(x / 11), sinh(x), cosh(x), tanh(x), pow(y, x), cbrt(x), hypot(x, y), erf(x), tgamma(x),
                            lgamma(y), fma(x, y, x), remainder(x, y), fmod(x * 1e9, y), rint(x), atan2(x, y), j0(x),
                            floor(x), ceil(x), trunc(x), nearbyint(x), creal(csqrt(x + y * I))};
        float floats[] = {sinf(g), cosf(g), expf(g), logf(h), powf(h, g), tanf(g), atan2f(g, h), erff(g), fmaf(g, h, g)};
        sum_add(&sum, results, sizeof(results));
        sum_add(&sum, floats, sizeof(floats));
        if (i % 10 == 0) {
            char text[100];
            int n = snprintf(text, sizeof(text), "%.17g %a %.30f", x, y, x * y);
            sum_add(&sum, text, (size_t)n);
            double back = strtod(text, NULL);
            sum_add(&sum, &back, sizeof(back));
        }
        if (i % 10000 == 9999) {
            sum_print(&sum, "libm");
        }
    }
    return 0;
}
