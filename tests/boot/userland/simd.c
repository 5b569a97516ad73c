/* SIMD and bit instructions by intrinsics over random data: simd sse|crypto|avx2. Where the CPU lacks them the
 * program must die of SIGILL, so there is no check of CPUID here. */
#include <immintrin.h>

#include "tests/boot/userland/sum.h"

#define COUNT 30000

static struct sum sum = {0xCBF29CE484222325u};

static void fill(void *data, size_t size)
{
    uint8_t *bytes = data;
    for (size_t i = 0; i < size; i += 8) {
        uint64_t r = random_next();
        memcpy(bytes + i, &r, 8);
    }
}

/* Floats of moderate size, with the odd zero, denormal, infinity. */
static void fill_floats(float *values, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint64_t r = random_next();
        values[i] = (float)(int32_t)r / 65536.0f;
        switch ((r >> 40) % 64) {
        case 0: values[i] = 0; break;
        case 1: values[i] = 1e-40f; break;
        case 2: values[i] = __builtin_inff(); break;
        }
    }
}

static void fill_doubles(double *values, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint64_t r = random_next();
        values[i] = (double)(int64_t)r / 4294967296.0;
        switch (r % 64) {
        case 0: values[i] = -0.0; break;
        case 1: values[i] = 5e-320; break;
        case 2: values[i] = -__builtin_inf(); break;
        }
    }
}

#define ADD(expression)                                                                                                \
    ({                                                                                                                 \
        __auto_type result_ = (expression);                                                                            \
        sum_add(&sum, &result_, sizeof(result_));                                                                      \
    })

static void mxcsr_add(void)
{
    unsigned mxcsr = _mm_getcsr();
    sum_add(&sum, &mxcsr, sizeof(mxcsr));
    _mm_setcsr(mxcsr & ~0x3Fu);
}

__attribute__((target("sse4.2,popcnt"))) static void run_sse(void)
{
    __m128i a = {0}, b = {0};
    float f[8];
    double d[4];
    for (int i = 0; i < COUNT; i++) {
        fill(&a, 16);
        fill(&b, 16);
        fill_floats(f, 8);
        fill_doubles(d, 4);
        ADD(_mm_add_epi8(a, b)), ADD(_mm_adds_epi16(a, b)), ADD(_mm_subs_epu8(a, b)), ADD(_mm_mullo_epi16(a, b));
        ADD(_mm_mulhi_epu16(a, b)), ADD(_mm_madd_epi16(a, b)), ADD(_mm_sad_epu8(a, b)), ADD(_mm_avg_epu16(a, b));
        ADD(_mm_packs_epi32(a, b)), ADD(_mm_packus_epi16(a, b)), ADD(_mm_unpacklo_epi8(a, b));
        ADD(_mm_unpackhi_epi32(a, b)), ADD(_mm_shuffle_epi32(a, 0x1B)), ADD(_mm_shufflehi_epi16(a, 0x4E));
        ADD(_mm_sll_epi32(a, _mm_cvtsi32_si128(i & 63))), ADD(_mm_sra_epi16(a, _mm_cvtsi32_si128(i & 31)));
        ADD(_mm_srli_si128(a, 5)), ADD(_mm_movemask_epi8(a)), ADD(_mm_mul_epu32(a, b)), ADD(_mm_cmpgt_epi16(a, b));
        ADD(_mm_shuffle_epi8(a, b)), ADD(_mm_hadds_epi16(a, b)), ADD(_mm_maddubs_epi16(a, b));
        ADD(_mm_mulhrs_epi16(a, b)), ADD(_mm_sign_epi32(a, b)), ADD(_mm_abs_epi8(a)), ADD(_mm_alignr_epi8(a, b, 7));
        ADD(_mm_blendv_epi8(a, b, a)), ADD(_mm_mullo_epi32(a, b)), ADD(_mm_minpos_epu16(a)), ADD(_mm_mpsadbw_epu8(a, b, 5));
        ADD(_mm_cvtepu8_epi32(a)), ADD(_mm_cvtepi16_epi64(a)), ADD(_mm_packus_epi32(a, b)), ADD(_mm_testc_si128(a, b));
        ADD(_mm_max_epi8(a, b)), ADD(_mm_min_epu32(a, b)), ADD(_mm_cmpgt_epi64(a, b)), ADD(_mm_insert_epi32(a, i, 2));
        ADD(_mm_extract_epi8(a, 11)), ADD(_mm_cmpistri(a, b, 0x0C)), ADD(_mm_cmpestrm(a, i & 15, b, 9, 0x44));
        ADD(_mm_cmpestri(a, 16, b, i & 15, 0x18)), ADD(_mm_cmpistrz(a, b, 0x3A));
        ADD(_mm_crc32_u64((unsigned)i, random_next())), ADD(_mm_crc32_u8((unsigned)i, (unsigned char)i));
        ADD(_mm_popcnt_u64(random_next()));
        __m128 x = _mm_loadu_ps(f), y = _mm_loadu_ps(f + 4);
        ADD(_mm_add_ps(x, y)), ADD(_mm_mul_ps(x, y)), ADD(_mm_div_ps(x, y)), ADD(_mm_sqrt_ps(x)), ADD(_mm_min_ps(x, y));
        ADD(_mm_cmplt_ps(x, y)), ADD(_mm_cvtps_epi32(x)), ADD(_mm_cvttps_epi32(y)), ADD(_mm_dp_ps(x, y, 0x7B));
        ADD(_mm_round_ps(x, 1)), ADD(_mm_hadd_ps(x, y)), ADD(_mm_addsub_ps(x, y)), ADD(_mm_shuffle_ps(x, y, 0xB1));
        ADD(_mm_insert_ps(x, y, 0x92)), ADD(_mm_blend_ps(x, y, 6)), ADD(_mm_comilt_ss(x, y)), ADD(_mm_cvtss_si64(x));
        __m128d p = _mm_loadu_pd(d), q = _mm_loadu_pd(d + 2);
        ADD(_mm_sub_pd(p, q)), ADD(_mm_mul_pd(p, q)), ADD(_mm_div_pd(p, q)), ADD(_mm_sqrt_pd(p)), ADD(_mm_max_pd(p, q));
        ADD(_mm_cvtpd_ps(p)), ADD(_mm_cvtps_pd(x)), ADD(_mm_cvtpd_epi32(q)), ADD(_mm_round_pd(p, 2));
        ADD(_mm_dp_pd(p, q, 0x33)), ADD(_mm_ucomieq_sd(p, q)), ADD(_mm_cvttsd_si64(p)), ADD(_mm_cvtsi64_sd(p, i));
        mxcsr_add();
    }
    sum_print(&sum, "sse");
}

__attribute__((target("aes,pclmul,sha,sse4.1"))) static void run_crypto(void)
{
    __m128i a = {0}, b = {0}, c = {0};
    for (int i = 0; i < COUNT; i++) {
        fill(&a, 16);
        fill(&b, 16);
        fill(&c, 16);
        ADD(_mm_aesenc_si128(a, b)), ADD(_mm_aesenclast_si128(a, b)), ADD(_mm_aesdec_si128(a, b));
        ADD(_mm_aesdeclast_si128(a, b)), ADD(_mm_aesimc_si128(a)), ADD(_mm_aeskeygenassist_si128(a, 0x1B));
        ADD(_mm_clmulepi64_si128(a, b, 0x00)), ADD(_mm_clmulepi64_si128(a, b, 0x11));
        ADD(_mm_clmulepi64_si128(a, b, 0x10));
        ADD(_mm_sha1msg1_epu32(a, b)), ADD(_mm_sha1msg2_epu32(a, b)), ADD(_mm_sha1nexte_epu32(a, b));
        ADD(_mm_sha1rnds4_epu32(a, b, 0)), ADD(_mm_sha1rnds4_epu32(a, b, 3)), ADD(_mm_sha256msg1_epu32(a, b));
        ADD(_mm_sha256msg2_epu32(a, b)), ADD(_mm_sha256rnds2_epu32(a, b, c));
    }
    sum_print(&sum, "crypto");
}

__attribute__((target("avx2,fma,f16c,bmi,bmi2,lzcnt,movbe,popcnt"))) static void run_avx2(void)
{
    __m256i a = {0}, b = {0};
    float f[16];
    double d[8];
    int table[64];
    fill(table, sizeof(table));
    for (int i = 0; i < COUNT; i++) {
        fill(&a, 32);
        fill(&b, 32);
        fill_floats(f, 16);
        fill_doubles(d, 8);
        ADD(_mm256_add_epi64(a, b)), ADD(_mm256_adds_epu8(a, b)), ADD(_mm256_mullo_epi32(a, b));
        ADD(_mm256_mul_epi32(a, b)), ADD(_mm256_shuffle_epi8(a, b)), ADD(_mm256_permutevar8x32_epi32(a, b));
        ADD(_mm256_permute4x64_epi64(a, 0x39)), ADD(_mm256_permute2x128_si256(a, b, 0x21));
        ADD(_mm256_sllv_epi32(a, _mm256_and_si256(b, _mm256_set1_epi32(63)))), ADD(_mm256_srav_epi32(a, b));
        ADD(_mm256_srlv_epi64(a, _mm256_and_si256(b, _mm256_set1_epi64x(127)))), ADD(_mm256_alignr_epi8(a, b, 9));
        ADD(_mm256_blendv_epi8(a, b, b)), ADD(_mm256_broadcastw_epi16(_mm256_castsi256_si128(a)));
        ADD(_mm256_cvtepi8_epi32(_mm256_castsi256_si128(b))), ADD(_mm256_packus_epi32(a, b)), ADD(_mm256_sad_epu8(a, b));
        ADD(_mm256_mpsadbw_epu8(a, b, 0x2D)), ADD(_mm256_movemask_epi8(a)), ADD(_mm256_maddubs_epi16(a, b));
        ADD(_mm256_i32gather_epi32(table, _mm256_and_si256(a, _mm256_set1_epi32(63)), 4));
        ADD(_mm256_mask_i32gather_epi32(b, table, _mm256_and_si256(a, _mm256_set1_epi32(63)), b, 4));
        ADD(_mm256_maskload_epi32(table + 3, b)), ADD(_mm256_extracti128_si256(a, 1)), ADD(_mm256_testz_si256(a, b));
        __m256 x = _mm256_loadu_ps(f), y = _mm256_loadu_ps(f + 8);
        ADD(_mm256_fmadd_ps(x, y, x)), ADD(_mm256_fnmsub_ps(x, y, y)), ADD(_mm256_fmaddsub_ps(x, y, y));
        ADD(_mm256_div_ps(x, y)), ADD(_mm256_sqrt_ps(y)), ADD(_mm256_hadd_ps(x, y)), ADD(_mm256_dp_ps(x, y, 0xF1));
        ADD(_mm256_cmp_ps(x, y, _CMP_NGE_UQ)), ADD(_mm256_round_ps(x, 3)), ADD(_mm256_permutevar_ps(x, a));
        ADD(_mm256_cvtps_epi32(x)), ADD(_mm256_cvtps_ph(x, 0)), ADD(_mm256_cvtph_ps(_mm256_castsi256_si128(a)));
        ADD(_mm256_blendv_ps(x, y, y)), ADD(_mm256_unpackhi_ps(x, y)), ADD(_mm256_movehdup_ps(x));
        __m256d p = _mm256_loadu_pd(d), q = _mm256_loadu_pd(d + 4);
        ADD(_mm256_fmsub_pd(p, q, p)), ADD(_mm256_fnmadd_pd(p, q, q)), ADD(_mm256_add_pd(p, q));
        ADD(_mm256_cvtpd_ps(p)), ADD(_mm256_cvttpd_epi32(q)), ADD(_mm256_shuffle_pd(p, q, 6));
        ADD(_mm_fmadd_sd(_mm256_castpd256_pd128(p), _mm256_castpd256_pd128(q), _mm256_castpd256_pd128(p)));
        mxcsr_add();
        uint64_t u = random_next(), v = random_next();
        ADD(_pdep_u64(u, v)), ADD(_pext_u64(u, v)), ADD(_bzhi_u64(u, (unsigned)v & 127)), ADD(_andn_u64(u, v));
        ADD(_bextr_u64(u, (unsigned)v & 63, 9)), ADD(_blsi_u64(u)), ADD(_blsr_u64(u)), ADD(_blsmsk_u64(u));
        ADD(_lzcnt_u64(u >> (v & 63))), ADD(_tzcnt_u64(u << (v & 63))), ADD(u << (v & 63)), ADD(u >> (v & 63));
        unsigned long long high;
        ADD(_mulx_u64(u, v, &high));
        ADD(high);
        ADD(__builtin_bswap64(u));
        _mm256_zeroupper();
    }
    sum_print(&sum, "avx2");
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "sse") == 0) {
        run_sse();
    } else if (strcmp(what, "crypto") == 0) {
        run_crypto();
    } else if (strcmp(what, "avx2") == 0) {
        run_avx2();
    } else {
        return 2;
    }
    return 0;
}
