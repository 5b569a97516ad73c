/*
 * The 32-bit loops: protected mode with flat segments, without paging.
 */
#include "tests/bench/guest/loops.h"

__asm__(".section .head, \"a\"\n"
        "    .long table32\n"
        ".text\n");

static uint64_t run_alu(uint64_t passes)
{
    uint32_t a = 1, b = 2, c = 3, d = 4;
    for (uint32_t i = 0; i < (uint32_t)passes * 1000; i++) {
        a += b ^ c;
        b = (b << 7 | b >> 25) + d;
        c -= a >> 3;
        d ^= c << 5;
        a |= d & 0x1234567;
        b = b < a ? b + 1 : b - i;
    }
    return a ^ b ^ c ^ d;
}

static uint64_t run_long(uint64_t passes)
{
    uint64_t a = 0x123456789abcdefull, b = 7;
    for (uint32_t i = 0; i < (uint32_t)passes * 300; i++) {
        a = a * b + 0x9e3779b97f4a7c15ull;
        b = (b ^ a >> 29) + (a << 3);
        a -= b < a ? b : i;
    }
    return (uint32_t)(a ^ b);
}

static void sort(uint32_t *a, int low, int high)
{
    while (low < high) {
        uint32_t pivot = a[(low + high) / 2];
        int i = low, j = high;
        while (i <= j) {
            while (a[i] < pivot) {
                i++;
            }
            while (a[j] > pivot) {
                j--;
            }
            if (i <= j) {
                uint32_t t = a[i];
                a[i++] = a[j];
                a[j--] = t;
            }
        }
        sort(a, low, j);
        low = i;
    }
}

static uint64_t run_sort(uint64_t passes)
{
    uint32_t *a = (uint32_t *)ARENA, seed = 1, sum = 0;
    for (uint32_t n = (uint32_t)passes; n > 0; n--) {
        for (unsigned i = 0; i < 512; i++) {
            a[i] = next_random(&seed) >> 8;
        }
        sort(a, 0, 511);
        sum += a[100];
    }
    return sum;
}

static __attribute__((noinline)) uint32_t fibonacci(uint32_t n)
{
    __asm__ volatile("" : "+r"(n));
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static uint64_t run_calls(uint64_t passes)
{
    uint32_t sum = 0;
    for (uint32_t n = (uint32_t)passes; n > 0; n--) {
        sum += fibonacci(13);
    }
    return sum;
}

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
    for (uint32_t n = (uint32_t)passes; n > 0; n--) {
        for (unsigned i = 0; i < 1024; i++) {
            crc = table[(crc ^ data[i]) & 0xff] ^ crc >> 8;
        }
    }
    return crc;
}

static uint64_t run_copy(uint64_t passes)
{
    for (uint32_t n = (uint32_t)passes; n > 0; n--) {
        volatile uint32_t *to = (uint32_t *)(ARENA + 0x100000), *from = (uint32_t *)ARENA;
        for (unsigned i = 0; i < 2048; i++) {
            to[i] = from[i];
        }
    }
    return 0;
}

static uint64_t run_rep_movs(uint64_t passes)
{
    for (uint32_t n = (uint32_t)passes; n > 0; n--) {
        void *to = ARENA + 0x100000, *from = ARENA;
        uint32_t count = 8192;
        __asm__ volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
    }
    return 0;
}

static uint64_t run_float(uint64_t passes)
{
    double sum = 0;
    for (uint32_t n = (uint32_t)passes; n > 0; n--) {
        for (int px = 0; px < 24; px++) {
            double cx = px * 0.08 - 1.5, x = 0, y = 0;
            for (int i = 0; i < 60 && x * x + y * y < 4.0; i++) {
                double t = x * x - y * y + cx;
                y = 2 * x * y + 0.35;
                x = t;
                sum += 1;
            }
        }
    }
    return (uint32_t)(int32_t)sum;
}

/* Loads of segment registers and far calls, as system code makes them. */
static uint64_t run_segments(uint64_t passes)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < (uint32_t)passes * 100; i++) {
        __asm__ volatile("push %%es\n"
                         "mov %%ds, %%eax\n"
                         "mov %%eax, %%es\n"
                         "push %%cs\n"
                         "call 1f\n"
                         "jmp 2f\n"
                         "1: inc %0\n"
                         "lret\n"
                         "2: pop %%es\n"
                         : "+r"(count)
                         :
                         : "eax", "memory", "cc");
    }
    return count;
}

__attribute__((used)) const struct loop table32[] = {
    { "alu32", "32-bit", run_alu },
    { "long32", "32-bit", run_long },
    { "sort32", "32-bit", run_sort },
    { "calls32", "32-bit", run_calls },
    { "crc_table32", "32-bit", run_crc_table },
    { "copy32", "32-bit", run_copy },
    { "rep_movs32", "32-bit", run_rep_movs },
    { "float32", "32-bit", run_float },
    { "segments32", "32-bit", run_segments },
    LOOP_END
};
