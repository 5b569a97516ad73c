/*
 * What the files of loops share. Each loop is a function that does its work `passes` times and returns a checksum
 * by which the emulators are compared; a pass is some ten thousand instructions.
 */
#ifndef TESTS_BENCH_GUEST_LOOPS_H
#define TESTS_BENCH_GUEST_LOOPS_H

#include <stdint.h>

/* A row of a table of loops; a table ends with a row without name. entry.asm has the same layout. */
struct loop {
    char name[16], group[16];
    uint64_t (*run)(uint64_t passes);
#ifndef __x86_64__
    uint32_t high;
#endif
};
#define LOOP_END { .name = "" }

extern const struct loop integer_loops[], branch_loops[], memory_loops[], sse_loops[], x87_loops[], simd_loops[],
    code_loops[], system_loops[];

/* Memory for the loops to work in, from 4 MiB to 64 MiB, one to one mapped by 4 KiB pages. Each loop fills what it
 * reads, so that no loop depends on another. */
#define ARENA ((uint8_t *)0x400000)
#define ARENA_SIZE 0x3c00000u

static inline uint32_t next_random(uint32_t *seed)
{
    return *seed = *seed * 1664525 + 1013904223;
}

#endif
