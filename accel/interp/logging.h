/*
 * What the interpreter says with -d in_asm, exec, cpu, mmu and pcall (int is said where events are delivered). Nothing is
 * paid for it while the items are off but a test at places that are not hot.
 */
#ifndef ACCEL_INTERP_LOGGING_H
#define ACCEL_INTERP_LOGGING_H

#include "accel/interp/cpu.h"
#include "core/machine.h"

static inline bool logging(const struct cpu *cpu, enum log_item items)
{
    return cpu->machine != NULL && log_wants(cpu->machine->log, items);
}

/* in_asm: code that has been decoded, of `size` bytes at a linear address. */
void logging_decoded(struct cpu *cpu, uint64_t linear, const uint8_t *code, unsigned size);
/* exec and cpu: the next trace. Makes the CPU come back after it while one of them is on. */
void logging_trace(struct cpu *cpu);
/* mmu: a page fault. */
void logging_page_fault(struct cpu *cpu, uint64_t linear, uint32_t error);
/* pcall: a far transfer; selector and offset 0: the target is not known yet (it is on the stack). */
void logging_transfer(struct cpu *cpu, const char *what, uint16_t selector, uint64_t offset);

#endif
