/*
 * Matching of addresses against DR0-DR3; see debug.h. Not modelled: LBR; with
 * DEBUGCTL.BTF a branch to itself or to the next instruction is not taken for one.
 */
#include "accel/interp/debug.h"

enum { KIND_EXECUTE, KIND_WRITE, KIND_IO, KIND_ACCESS };

static bool breakpoint_on(const struct cpu *cpu, unsigned i)
{
    return (cpu->s.dr[7] >> (2 * i) & 3) != 0;
}

static unsigned breakpoint_kind(const struct cpu *cpu, unsigned i)
{
    return cpu->s.dr[7] >> (16 + 4 * i) & 3;
}

static unsigned breakpoint_length(const struct cpu *cpu, unsigned i)
{
    static const uint8_t lengths[4] = { 1, 2, 8, 4 };
    return lengths[cpu->s.dr[7] >> (18 + 4 * i) & 3];
}

void debug_update(struct cpu *cpu)
{
    cpu->code_breakpoints = cpu->data_breakpoints = false;
    for (unsigned i = 0; i < 4; i++) {
        if (breakpoint_on(cpu, i)) {
            unsigned kind = breakpoint_kind(cpu, i);
            cpu->code_breakpoints |= kind == KIND_EXECUTE;
            cpu->data_breakpoints |= kind == KIND_WRITE || kind == KIND_ACCESS;
        }
    }
}

static bool overlaps(const struct cpu *cpu, unsigned i, uint64_t address, uint64_t size)
{
    uint64_t length = breakpoint_length(cpu, i);
    uint64_t base = cpu->s.dr[i] & ~(length - 1);
    return address < base + length && base < address + size;
}

static void pend(struct cpu *cpu, unsigned i)
{
    cpu->debug_pending |= 1u << i;
    __atomic_fetch_or(&cpu->attention, CPU_ATTENTION_DEBUG, __ATOMIC_SEQ_CST);
}

void debug_check_data(struct cpu *cpu, uint64_t linear, uint64_t size, bool write)
{
    for (unsigned i = 0; i < 4; i++) {
        unsigned kind = breakpoint_kind(cpu, i);
        if (breakpoint_on(cpu, i) && (kind == KIND_ACCESS || (write && kind == KIND_WRITE)) &&
            overlaps(cpu, i, linear, size)) {
            pend(cpu, i);
        }
    }
}

void debug_check_io(struct cpu *cpu, uint16_t port, unsigned size)
{
    if ((cpu->s.cr4 & CR4_DE) == 0) {
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        if (breakpoint_on(cpu, i) && breakpoint_kind(cpu, i) == KIND_IO && overlaps(cpu, i, port, size)) {
            pend(cpu, i);
        }
    }
}

uint32_t debug_match_code(const struct cpu *cpu, uint64_t linear)
{
    uint32_t hits = 0;
    for (unsigned i = 0; i < 4; i++) {
        if (breakpoint_on(cpu, i) && breakpoint_kind(cpu, i) == KIND_EXECUTE && cpu->s.dr[i] == linear) {
            hits |= 1u << i;
        }
    }
    return hits;
}
