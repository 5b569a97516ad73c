/*
 * The CPU's side of its local APIC, which is a device of the board (machine->apics): where its page of registers
 * lies, its MSRs, the base register, CR8.
 */
#ifndef ACCEL_INTERP_APIC_H
#define ACCEL_INTERP_APIC_H

#include "accel/interp/cpu.h"
#include "accel/interp/memory.h"

/* Recomputes cpu->apic_page from IA32_APIC_BASE. */
void apic_update(struct cpu *cpu);
/* As apic_update, and tells the APIC. Machine lock held or not. */
void apic_set_base(struct cpu *cpu);
/* IA32_APIC_BASE by WRMSR; false: #GP. */
bool apic_base_write(struct cpu *cpu, uint64_t value);

/* x2APIC registers and IA32_TSC_DEADLINE; false: #GP. */
bool apic_msr_read(struct cpu *cpu, uint32_t msr, uint64_t *value);
bool apic_msr_write(struct cpu *cpu, uint32_t msr, uint64_t value);
uint64_t apic_deadline_read(struct cpu *cpu);
void apic_deadline_write(struct cpu *cpu, uint64_t tsc);

void apic_cr8_write(struct cpu *cpu, uint64_t value);

/* INTA cycle: vector or -1. Machine lock held. */
int apic_acknowledge(struct cpu *cpu);

static inline bool apic_hit(const struct cpu *cpu, uint64_t phys)
{
    return (phys & ~0xfffull) == cpu->apic_page;
}

/* As memory_find(), for this CPU: its APIC hides what is behind it. */
static inline struct memory_page apic_memory_find(struct cpu *cpu, uint64_t phys)
{
    if (unlikely(apic_hit(cpu, phys))) {
        return (struct memory_page){ .kind = MEMORY_DEVICE };
    }
    return memory_find(cpu->memory, phys);
}

/* Access to the page of registers. Machine lock held. */
uint64_t apic_read(struct cpu *cpu, uint64_t phys, unsigned size);
void apic_write(struct cpu *cpu, uint64_t phys, uint64_t value, unsigned size);

#endif
