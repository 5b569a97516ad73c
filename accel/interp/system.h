/*
 * What the system instructions share among each other and with task switches and the engine.
 */
#ifndef ACCEL_INTERP_SYSTEM_H
#define ACCEL_INTERP_SYSTEM_H

#include "accel/interp/cpu.h"

/* Every flag that exists. */
#define FLAGS_WRITABLE                                                                                 \
    (FLAGS_STATUS | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT | FLAG_RF | FLAG_VM | FLAG_AC |  \
     FLAG_VIF | FLAG_VIP | FLAG_ID)

/* Start of a system instruction's handler: from here on faults are raised with insn = NULL. */
static inline void system_begin(struct cpu *cpu, const struct insn *insn)
{
    cpu->rip = insn_rip(cpu, insn);
}
/* Where to go on, cut to the width of the code segment. */
static inline uint64_t system_next(const struct cpu *cpu, const struct insn *insn)
{
    uint64_t rip = insn_next_rip(cpu, insn);
    return (cpu->mode & MODE_CODE64) != 0 ? rip : (uint32_t)rip;
}

/* CR3: whether the value may be loaded (PAE: the PDPTEs it points to are good; reserved bits), and loading it,
 * with all that follows. */
bool cr3_loadable(struct cpu *cpu, uint64_t cr3);
void cr3_set(struct cpu *cpu, uint64_t cr3);

/* The time stamp counter. */
uint64_t cpu_tsc(const struct cpu *cpu);
void cpu_set_tsc(struct cpu *cpu, uint64_t tsc);

/* MSRs by number, as RDMSR and WRMSR see them; false means #GP. */
bool msr_read(struct cpu *cpu, uint32_t msr, uint64_t *value);
bool msr_write(struct cpu *cpu, uint32_t msr, uint64_t value);

/* Sets the flags of `mask` from `flags`, and sees to what hangs on TF, IF, AC, VM. */
void cpu_change_flags(struct cpu *cpu, uint64_t flags, uint64_t mask);

#endif
