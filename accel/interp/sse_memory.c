/*
 * The rare ends of SIMD instructions: memory operands that miss the software TLB or are not aligned
 * as they must be, and unmasked exceptions.
 */
#include "accel/interp/sse.h"

static void check_alignment(struct cpu *cpu, const struct insn *insn, uint64_t ea,
                            unsigned alignment)
{
    if ((cpu->segf[insn->seg].base + ea) & alignment) {
        cpu_fault(cpu, insn, EXC_GP, 0);
    }
}

const void *simd_read_slow(struct cpu *cpu, const struct insn *insn, uint64_t ea, unsigned size,
                           unsigned alignment)
{
    check_alignment(cpu, insn, ea, alignment);
    mem_read_bytes(cpu, insn, insn->seg, ea, cpu->simd_scratch, size);
    return cpu->simd_scratch;
}

void simd_write_slow(struct cpu *cpu, const struct insn *insn, uint64_t ea, unsigned size,
                     unsigned alignment)
{
    check_alignment(cpu, insn, ea, alignment);
    mem_write_bytes(cpu, insn, insn->seg, ea, cpu->simd_scratch, size);
}

void simd_finish_sse(struct cpu *cpu, const struct insn *insn)
{
    simd_check(cpu, insn);
    memcpy(cpu->s.ymm[insn->reg], cpu->simd_scratch, 16);
    NEXT(cpu, insn);
}

void simd_finish_vex128(struct cpu *cpu, const struct insn *insn)
{
    simd_check(cpu, insn);
    memcpy(cpu->s.ymm[insn->reg], cpu->simd_scratch, 16);
    memset(&cpu->s.ymm[insn->reg][2], 0, 16);
    NEXT(cpu, insn);
}

void simd_finish_vex256(struct cpu *cpu, const struct insn *insn)
{
    simd_check(cpu, insn);
    memcpy(cpu->s.ymm[insn->reg], cpu->simd_scratch, 32);
    NEXT(cpu, insn);
}
