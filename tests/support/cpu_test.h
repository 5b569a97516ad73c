/*
 * A machine with RAM and one interpreted CPU, with descriptor tables made by hand, for tests of the interpreter.
 *
 * Layout: GDT at 0x1000, IDT at 0x1800, TSS at 0x3000, a HLT for each vector at 0x4000 + 16 * vector, stacks that
 * end at 0x8000 (level 0) and 0x9000 (level 3), code at 0x10000, page tables from 0x100000.
 */
#ifndef TESTS_SUPPORT_CPU_TEST_H
#define TESTS_SUPPORT_CPU_TEST_H

#include "accel/interp/access.h"
#include "accel/interp/cpu.h"
#include "accel/interp/interp.h"
#include "tests/support/test.h"

#define CPU_TEST_RAM 0x1000000u
#define CPU_TEST_GDT 0x1000u
#define CPU_TEST_IDT 0x1800u
#define CPU_TEST_TSS 0x3000u
#define CPU_TEST_HANDLERS 0x4000u
#define CPU_TEST_STACK0 0x8000u
#define CPU_TEST_STACK3 0x9000u
#define CPU_TEST_CODE 0x10000u
#define CPU_TEST_TABLES 0x100000u

/* Selectors of the tables made by cpu_test_protected() and cpu_test_long(). */
#define SEL_CODE0 0x08
#define SEL_DATA0 0x10
#define SEL_CODE3 0x1b
#define SEL_DATA3 0x23
#define SEL_TSS 0x28 /* 16 bytes in long mode */
#define SEL_FREE 0x38 /* from here on for the test */

struct cpu_test {
    struct machine *machine;
    struct ram *ram;
    struct x86_cpuid cpuid;
    struct trace_cache *traces;
    struct interp_memory *memory;
    struct cpu *cpu;
    uint8_t *mem; /* RAM */
};

/* A CPU in power-on state, `model` as for -cpu. The machine lock is not held. */
struct cpu_test *cpu_test_create(const char *model);
void cpu_test_destroy(struct cpu_test *t);

/* Stores to RAM, as a debugger would. */
void cpu_test_poke(struct cpu_test *t, uint32_t address, uint64_t value, unsigned size);
uint64_t cpu_test_peek(const struct cpu_test *t, uint32_t address, unsigned size);
/* A descriptor; attr as in struct x86_segment, limit in bytes. */
void cpu_test_descriptor(struct cpu_test *t, unsigned selector, uint32_t base, uint32_t limit, uint32_t attr);
/* An interrupt gate, trap gate etc. (type) in the IDT. */
void cpu_test_gate(struct cpu_test *t, unsigned vector, uint16_t selector, uint32_t offset, unsigned type,
                   unsigned dpl);

/* Real mode, segments 0, SP at the end of stack 0; IP of vector v is its HLT. */
void cpu_test_real(struct cpu_test *t);
/* Flat 32-bit protected mode at level cpl (0 or 3), IF clear. */
void cpu_test_protected(struct cpu_test *t, unsigned cpl);
/* 64-bit mode at level cpl; the first 16 MiB are mapped one to one for everybody. */
void cpu_test_long(struct cpu_test *t, unsigned cpl);

/* Puts code at CPU_TEST_CODE and RIP to it. */
void cpu_test_code(struct cpu_test *t, const void *code, size_t size);
#define CODE(t, ...)                                        \
    do {                                                    \
        static const uint8_t code_[] = { __VA_ARGS__ };     \
        cpu_test_code(t, code_, sizeof(code_));             \
    } while (0)
/* One instruction. */
enum vcpu_exit cpu_test_step(struct cpu_test *t);

/* Fails unless the CPU stands at the handler of a vector. */
void cpu_test_expect_vector(struct cpu_test *t, unsigned vector);
/* The same, and the error code on the stack (32- or 64-bit frame). */
void cpu_test_expect_error(struct cpu_test *t, unsigned vector, uint32_t error);
/* Runs fn(cpu) where faults may be raised; true if it came back without one. */
bool cpu_test_try(struct cpu_test *t, void (*fn)(struct cpu *cpu, void *arg), void *arg);

#endif
