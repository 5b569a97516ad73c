/*
 * A CPU of the interpreter with 4 MiB of RAM at BENCH_BASE, flat segments and no paging. tests/diff runs
 * the same code natively in a twin of that memory in the host's address space.
 */
#ifndef TESTS_SUPPORT_INTERP_BENCH_H
#define TESTS_SUPPORT_INTERP_BENCH_H

#include "accel/interp/interp.h"
#include "accel/interp/memory.h"
#include "accel/interp/trace.h"
#include "core/machine.h"
#include "core/ram.h"

#define BENCH_BASE 0x10000000ull
#define BENCH_SIZE (4u << 20)
#define BENCH_CODE (BENCH_BASE + 0x1000)
#define BENCH_DATA (BENCH_BASE + 0x8000) /* two pages */
#define BENCH_DATA_SIZE 0x2000

struct interp_bench {
    struct machine *machine;
    struct ram *ram, *low;
    struct region region, low_region; /* low: 1 MiB at 0 */
    struct x86_cpuid cpuid;
    struct trace_cache *traces;
    struct interp_memory *memory;
    struct cpu *cpu;
};

/* bits: 16 (real mode, code and data at 0), 32 or 64. */
void interp_bench_begin(struct interp_bench *bench, unsigned bits);
void interp_bench_end(struct interp_bench *bench);
/* Host address of guest memory. */
uint8_t *interp_bench_at(struct interp_bench *bench, uint64_t address);
/* Stores code there and tells the trace cache. */
void interp_bench_code(struct interp_bench *bench, uint64_t address, const void *code, unsigned size);

#endif
