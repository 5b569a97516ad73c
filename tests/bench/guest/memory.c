/*
 * Loops bound by memory accesses: copies of several kinds, pointer chases.
 */
#include <emmintrin.h>

#include "tests/bench/guest/loops.h"

#define BLOCK 32768u

static uint64_t run_rep_movs(uint64_t passes)
{
    for (; passes > 0; passes--) {
        void *to = ARENA + 0x100000, *from = ARENA;
        uint64_t count = BLOCK / 8;
        __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
    }
    return 0;
}

static uint64_t run_rep_stos(uint64_t passes)
{
    for (; passes > 0; passes--) {
        void *to = ARENA;
        uint64_t count = BLOCK;
        __asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(passes) : "memory");
    }
    return ARENA[77];
}

/* Short copies, as compilers and libraries make them. */
static uint64_t run_rep_short(uint64_t passes)
{
    for (uint64_t i = 0; i < passes * 200; i++) {
        void *to = ARENA + 64 + i % 512, *from = ARENA + 4096 + i % 256;
        uint64_t count = 24 + i % 16;
        __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
    }
    return 0;
}

static uint64_t run_rep_scan(uint64_t passes)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < 4096; i++) {
        ARENA[i] = ARENA[8192 + i] = (uint8_t)(i % 255 + 1);
    }
    ARENA[4000] = 0;
    for (; passes > 0; passes--) {
        void *p = ARENA, *q = ARENA + 8192;
        uint64_t count = 4096;
        __asm__ volatile("repne scasb" : "+D"(p), "+c"(count) : "a"(0) : "memory", "cc");
        sum += count;
        p = ARENA;
        count = 500;
        __asm__ volatile("repe cmpsq" : "+D"(p), "+S"(q), "+c"(count) : : "memory", "cc");
        sum += count;
    }
    return sum;
}

static uint64_t run_copy_word(uint64_t passes)
{
    for (; passes > 0; passes--) {
        volatile uint64_t *to = (uint64_t *)(ARENA + 0x100000), *from = (uint64_t *)ARENA;
        for (unsigned i = 0; i < 2048; i++) {
            to[i] = from[i];
        }
    }
    return 0;
}

static uint64_t run_copy_sse(uint64_t passes)
{
    for (; passes > 0; passes--) {
        __m128i *to = (__m128i *)(ARENA + 0x100000), *from = (__m128i *)ARENA;
        for (unsigned i = 0; i < 2048; i += 4) {
            __m128i a = _mm_loadu_si128(from + i), b = _mm_loadu_si128(from + i + 1);
            __m128i c = _mm_loadu_si128(from + i + 2), d = _mm_loadu_si128(from + i + 3);
            _mm_store_si128(to + i, a);
            _mm_store_si128(to + i + 1, b);
            _mm_store_si128(to + i + 2, c);
            _mm_store_si128(to + i + 3, d);
            __asm__ volatile("" : : : "memory");
        }
    }
    return 0;
}

/* A cycle through `count` places that are `stride` bytes apart, in an order that no prefetcher guesses. */
static void **make_cycle(unsigned count, unsigned stride)
{
    for (unsigned i = 0, at = 0; i < count; i++) {
        unsigned next = (at * 5 + 1) & (count - 1);
        *(void **)(ARENA + at * stride) = ARENA + next * stride;
        at = next;
    }
    return (void **)ARENA;
}

static uint64_t chase(void **p, uint64_t steps)
{
    for (; steps > 0; steps -= 8) {
        p = (void **)*p;
        p = (void **)*p;
        p = (void **)*p;
        p = (void **)*p;
        p = (void **)*p;
        p = (void **)*p;
        p = (void **)*p;
        p = (void **)*p;
    }
    return (uintptr_t)p;
}

static uint64_t run_chase_cache(uint64_t passes)
{
    return chase(make_cycle(256, 64), passes * 8192);
}

/* More pages than any software TLB holds. */
static uint64_t run_chase_tlb(uint64_t passes)
{
    return chase(make_cycle(8192, 4096 + 64), passes * 1024);
}

/* Additions to memory: loads, stores, read-modify-writes of all sizes. */
static uint64_t run_update(uint64_t passes)
{
    volatile uint64_t *q = (uint64_t *)ARENA;
    volatile uint32_t *d = (uint32_t *)(ARENA + 4096);
    volatile uint8_t *b = ARENA + 8192;
    for (uint64_t i = 0; i < passes * 1000; i++) {
        q[i & 255] += i;
        d[i & 1023] ^= 5;
        b[i & 4095]++;
    }
    return 0;
}

const struct loop memory_loops[] = {
    { "rep_movs", "memory", run_rep_movs },
    { "rep_stos", "memory", run_rep_stos },
    { "rep_short", "memory", run_rep_short },
    { "rep_scan", "memory", run_rep_scan },
    { "copy_word", "memory", run_copy_word },
    { "copy_sse", "memory", run_copy_sse },
    { "chase_cache", "memory", run_chase_cache },
    { "chase_tlb", "memory", run_chase_tlb },
    { "update", "memory", run_update },
    LOOP_END
};
