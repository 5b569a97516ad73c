/* Floating point with SSE. */
#include "tests/bench/guest/float_loops.h"

const struct loop sse_loops[] = {
    { "nbody_sse", "float", run_nbody },
    { "mandel_sse", "float", run_mandelbrot },
    { "convert_sse", "float", run_convert },
    LOOP_END
};
