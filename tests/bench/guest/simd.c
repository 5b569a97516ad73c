/*
 * SIMD loops: SSE to SSE4.1 and AES, AVX2 and FMA.
 */
#include <immintrin.h>

#include "tests/bench/guest/loops.h"

static uint64_t sum128(__m128i v)
{
    uint64_t parts[2];
    _mm_storeu_si128((__m128i *)parts, v);
    return parts[0] ^ parts[1];
}

__attribute__((target("sse4.1"))) static uint64_t run_sse_int(uint64_t passes)
{
    __m128i a = _mm_set1_epi16(0x1234), b = _mm_set1_epi8(3), c = _mm_setzero_si128();
    const __m128i order = _mm_set_epi8(3, 7, 1, 0, 15, 4, 2, 8, 9, 6, 5, 10, 13, 12, 14, 11);
    for (uint64_t i = 0; i < passes * 500; i++) {
        a = _mm_add_epi16(a, b);
        b = _mm_shuffle_epi8(b, order);
        c = _mm_add_epi32(c, _mm_madd_epi16(a, b));
        b = _mm_xor_si128(b, _mm_slli_epi32(c, 3));
        c = _mm_max_epu8(c, _mm_sad_epu8(a, b));
        a = _mm_unpacklo_epi8(a, _mm_srli_epi64(c, 7));
        a = _mm_blendv_epi8(a, b, _mm_cmpgt_epi16(a, c));
    }
    return sum128(_mm_add_epi32(a, _mm_add_epi32(b, c)));
}

static uint64_t run_sse_float(uint64_t passes)
{
    __m128 a = _mm_set_ps(1.5f, 2.5f, 3.5f, 4.5f), b = _mm_set1_ps(0.75f), c = _mm_set1_ps(0.125f);
    __m128d d = _mm_set_pd(1.25, 3.0), e = _mm_set1_pd(0.5);
    for (uint64_t i = 0; i < passes * 500; i++) {
        a = _mm_add_ps(_mm_mul_ps(a, b), c);
        c = _mm_min_ps(_mm_shuffle_ps(a, c, 0x93), b);
        a = _mm_sub_ps(a, _mm_and_ps(c, _mm_cmplt_ps(c, a)));
        d = _mm_add_pd(_mm_mul_pd(d, e), _mm_cvtps_pd(a));
        e = _mm_div_pd(e, _mm_add_pd(e, _mm_set1_pd(0.5)));
    }
    return sum128(_mm_castps_si128(a)) ^ sum128(_mm_castpd_si128(d));
}

/* An image filter: loads, unpacking, arithmetic, packing, stores. */
static uint64_t run_sse_image(uint64_t passes)
{
    const __m128i zero = _mm_setzero_si128();
    for (unsigned i = 0; i < 8192; i++) {
        ARENA[i] = (uint8_t)(i * 13);
    }
    for (; passes > 0; passes--) {
        for (unsigned i = 0; i < 4096; i += 16) {
            __m128i p = _mm_loadu_si128((__m128i *)(ARENA + i)), q = _mm_loadu_si128((__m128i *)(ARENA + i + 1));
            __m128i low = _mm_add_epi16(_mm_unpacklo_epi8(p, zero), _mm_unpacklo_epi8(q, zero));
            __m128i high = _mm_add_epi16(_mm_unpackhi_epi8(p, zero), _mm_unpackhi_epi8(q, zero));
            __m128i mean = _mm_packus_epi16(_mm_srli_epi16(low, 1), _mm_srli_epi16(high, 1));
            _mm_store_si128((__m128i *)(ARENA + 16384 + i), _mm_avg_epu8(mean, p));
        }
    }
    return sum128(_mm_load_si128((__m128i *)(ARENA + 16384 + 512)));
}

__attribute__((target("aes,pclmul"))) static uint64_t run_aes(uint64_t passes)
{
    __m128i state = _mm_set1_epi32(0x01234567), key = _mm_set1_epi32(0x0badcafe);
    for (uint64_t i = 0; i < passes * 100; i++) {
        for (unsigned round = 0; round < 9; round++) {
            state = _mm_aesenc_si128(state, key);
        }
        state = _mm_aesenclast_si128(state, key);
        key = _mm_xor_si128(key, _mm_clmulepi64_si128(state, key, 0x01));
    }
    return sum128(state);
}

__attribute__((target("avx2"))) static uint64_t run_avx2_int(uint64_t passes)
{
    __m256i a = _mm256_set1_epi32(0x01020304), b = _mm256_set1_epi16(77), c = _mm256_setzero_si256();
    for (uint64_t i = 0; i < passes * 500; i++) {
        a = _mm256_add_epi32(a, b);
        b = _mm256_xor_si256(_mm256_mullo_epi16(b, a), c);
        c = _mm256_permute4x64_epi64(_mm256_alignr_epi8(c, a, 5), 0x4b);
        a = _mm256_sub_epi8(a, _mm256_srlv_epi32(b, _mm256_and_si256(c, _mm256_set1_epi32(15))));
        c = _mm256_max_epu16(c, _mm256_shuffle_epi32(b, 0x1e));
    }
    a = _mm256_add_epi32(a, _mm256_add_epi32(b, c));
    return sum128(_mm256_castsi256_si128(a)) + sum128(_mm256_extracti128_si256(a, 1));
}

__attribute__((target("avx2,fma"))) static uint64_t run_avx_float(uint64_t passes)
{
    __m256d a = _mm256_set_pd(1, 2, 3, 4), b = _mm256_set1_pd(0.5), c = _mm256_set1_pd(0.25);
    __m256 f = _mm256_set1_ps(1.5f);
    for (uint64_t i = 0; i < passes * 500; i++) {
        a = _mm256_fmadd_pd(a, b, c);
        c = _mm256_mul_pd(_mm256_permute_pd(a, 5), b);
        f = _mm256_add_ps(_mm256_mul_ps(f, _mm256_set1_ps(0.5f)), _mm256_castpd_ps(_mm256_unpacklo_pd(b, b)));
        b = _mm256_div_pd(b, _mm256_add_pd(b, _mm256_set1_pd(0.5)));
    }
    a = _mm256_add_pd(a, _mm256_add_pd(b, c));
    return sum128(_mm_castpd_si128(_mm256_castpd256_pd128(a))) ^
           sum128(_mm_castps_si128(_mm256_castps256_ps128(f)));
}

const struct loop simd_loops[] = {
    { "sse_int", "simd", run_sse_int },
    { "sse_float", "simd", run_sse_float },
    { "sse_image", "simd", run_sse_image },
    { "aes", "simd", run_aes },
    { "avx2_int", "simd", run_avx2_int },
    { "avx_float", "simd", run_avx_float },
    LOOP_END
};
