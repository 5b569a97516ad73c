/*
 * A CPU of the interpreter with 4 MiB of RAM at BENCH_BASE, flat segments and no paging, and a twin of that
 * memory in the host's address space, where the same code runs natively.
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

/* General registers and flags as the native runner loads and stores them. */
struct native_regs {
    uint64_t gpr[16];
    uint64_t rflags;
};
/* Maps the native twin of the memory. False if the address is taken. */
bool native_begin(void);
void native_end(void);
/* Runs `size` bytes of code at BENCH_CODE natively. Returns 0, or the signal it raised (registers are then not
 * stored). */
int native_run(struct native_regs *regs, const void *code, unsigned size);
/* The same in 32-bit mode; the upper halves of the registers are undefined afterwards. */
int native_run32(struct native_regs *regs, const void *code, unsigned size);

#endif
