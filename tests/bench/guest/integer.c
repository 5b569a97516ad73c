/*
 * Integer loops: ALU, multiply, divide, hashes, bit manipulation.
 */
#include "tests/bench/guest/loops.h"

static inline uint64_t rotate(uint64_t v, unsigned n)
{
    return v << n | v >> (64 - n);
}

static uint64_t run_alu(uint64_t passes)
{
    uint64_t a = 1, b = 2, c = 3, d = 4;
    for (uint64_t i = 0; i < passes * 1000; i++) {
        a += b ^ c;
        b = rotate(b, 7) + d;
        c -= a >> 3;
        d ^= c << 5;
        a |= d & 0x1234567;
        b = b < a ? b + 1 : b - i;
    }
    return a ^ b ^ c ^ d;
}

static uint64_t run_mul64(uint64_t passes)
{
    uint64_t a = 0x123456789abcdefull, b = 7;
    for (uint64_t i = 0; i < passes * 1000; i++) {
        unsigned __int128 product = (unsigned __int128)a * (b | 1);
        a = (uint64_t)product + 0x9e3779b97f4a7c15ull;
        b ^= (uint64_t)(product >> 64);
        b *= 0x2545f4914f6cdd1dull;
    }
    return a ^ b;
}

static uint64_t run_div64(uint64_t passes)
{
    uint64_t a = 0xfedcba9876543210ull, sum = 0;
    uint32_t seed = 1;
    for (uint64_t i = 0; i < passes * 500; i++) {
        uint64_t divisor = next_random(&seed) | 1;
        sum += a / divisor + a % divisor + (uint32_t)a / (uint32_t)(divisor >> 8 | 1);
        a = rotate(a, 3) + i;
    }
    return sum;
}

static const uint32_t sha256_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
};

static inline uint32_t ror32(uint32_t v, unsigned n)
{
    return v >> n | v << (32 - n);
}

static void sha256_block(uint32_t h[8], const uint32_t block[16])
{
    uint32_t w[64], s[8];
    for (unsigned i = 0; i < 16; i++) {
        w[i] = __builtin_bswap32(block[i]);
    }
    for (unsigned i = 16; i < 64; i++) {
        uint32_t s0 = ror32(w[i - 15], 7) ^ ror32(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t s1 = ror32(w[i - 2], 17) ^ ror32(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    for (unsigned i = 0; i < 8; i++) {
        s[i] = h[i];
    }
    for (unsigned i = 0; i < 64; i++) {
        uint32_t s1 = ror32(s[4], 6) ^ ror32(s[4], 11) ^ ror32(s[4], 25);
        uint32_t t1 = s[7] + s1 + ((s[4] & s[5]) ^ (~s[4] & s[6])) + sha256_k[i] + w[i];
        uint32_t s0 = ror32(s[0], 2) ^ ror32(s[0], 13) ^ ror32(s[0], 22);
        uint32_t t2 = s0 + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        for (unsigned j = 7; j > 0; j--) {
            s[j] = s[j - 1];
        }
        s[4] += t1;
        s[0] = t1 + t2;
    }
    for (unsigned i = 0; i < 8; i++) {
        h[i] += s[i];
    }
}

static uint64_t run_sha256(uint64_t passes)
{
    uint32_t h[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
    uint32_t block[16] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    for (; passes > 0; passes--) {
        for (unsigned i = 0; i < 4; i++) {
            sha256_block(h, block);
        }
    }
    return h[0];
}

/* A table-driven CRC, byte by byte. */
static uint64_t run_crc_table(uint64_t passes)
{
    uint32_t *table = (uint32_t *)ARENA, crc = ~0u;
    uint8_t *data = ARENA + 4096;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (unsigned bit = 0; bit < 8; bit++) {
            c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
        }
        table[i] = c;
    }
    for (unsigned i = 0; i < 1024; i++) {
        data[i] = (uint8_t)(i * 7);
    }
    for (; passes > 0; passes--) {
        for (unsigned i = 0; i < 1024; i++) {
            crc = table[(crc ^ data[i]) & 0xff] ^ crc >> 8;
        }
    }
    return crc;
}

__attribute__((target("bmi,bmi2,lzcnt,popcnt"))) static uint64_t run_bmi(uint64_t passes)
{
    uint64_t a = 0x0123456789abcdefull, b = 0x00ff00ff0f0f3333ull, sum = 0;
    for (uint64_t i = 0; i < passes * 500; i++) {
        sum += __builtin_ia32_pdep_di(a, b) ^ __builtin_ia32_pext_di(a, b);
        sum += (uint64_t)__builtin_popcountll(a) + (uint64_t)__builtin_clzll(b | 1) +
               (uint64_t)__builtin_ctzll(a | 1 << 20);
        a = rotate(a, 5) + (a & ~b);
        b = (b & (b - 1)) + i;
    }
    return sum;
}

__attribute__((target("sse4.2"))) static uint64_t run_crc32(uint64_t passes)
{
    uint64_t crc = 1;
    for (uint64_t i = 0; i < passes * 1000; i++) {
        crc = __builtin_ia32_crc32di(crc, i);
        crc = __builtin_ia32_crc32qi((uint32_t)crc, (uint8_t)i);
    }
    return crc;
}

const struct loop integer_loops[] = {
    { "alu", "integer", run_alu },
    { "mul64", "integer", run_mul64 },
    { "div64", "integer", run_div64 },
    { "sha256", "integer", run_sha256 },
    { "crc_table", "integer", run_crc_table },
    { "bmi", "integer", run_bmi },
    { "crc32", "integer", run_crc32 },
    LOOP_END
};
