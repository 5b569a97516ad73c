/*
 * What the host's CPU lets the interpreter offer: instructions that are run by the host's own are
 * only advertised if the host has them. The compile-time baseline is x86-64-v1 (SSE2).
 */
#include "accel/interp/fpu.h"

#include <cpuid.h>

static bool host_leaf7_ebx(unsigned bit)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> bit & 1);
}

bool interp_host_supports(enum x86_feature feature)
{
    switch (feature) {
    case X86_SSE3:
        return __builtin_cpu_supports("sse3");
    case X86_SSSE3:
        return __builtin_cpu_supports("ssse3");
    case X86_SSE4_1:
        return __builtin_cpu_supports("sse4.1");
    case X86_SSE4_2:
        return __builtin_cpu_supports("sse4.2");
    case X86_AES:
        return __builtin_cpu_supports("aes");
    case X86_PCLMULQDQ:
        return __builtin_cpu_supports("pclmul");
    case X86_SHA:
        return host_leaf7_ebx(29) && __builtin_cpu_supports("sse4.1");
    case X86_AVX:
        return __builtin_cpu_supports("avx");
    case X86_F16C: {
        unsigned a, b, c, d;
        return __builtin_cpu_supports("avx") && __get_cpuid(1, &a, &b, &c, &d) && (c >> 29 & 1);
    }
    case X86_FMA:
        return __builtin_cpu_supports("fma");
    case X86_AVX2:
        return __builtin_cpu_supports("avx2");
    default:
        return true;
    }
}
