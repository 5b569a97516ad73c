/*
 * Local APIC, one device a CPU: xAPIC (a page of registers) and x2APIC (MSRs 800h-8FFh).
 *
 *   irq_set(lapic_lint(dev, n), level)     the pins LINT0 (8259) and LINT1 (NMI)
 *   lapic_connect_cpu(dev, intr, cpu)      INTR to the CPU core, and the messages that are not vectors
 *   lapic_connect_pic(dev, fn, arg)        the 8259's INTA cycle, for ExtINT
 *   lapic_connect_bus(dev, bus)            the other APICs
 *
 * With the APIC switched off (IA32_APIC_BASE bit 11 clear) LINT0 is the CPU's INTR and LINT1 its NMI pin.
 *
 * Properties: "id" (u64): initial APIC id, also the CPU's number on the board; "virtual-wire" (bool): LINT0 comes
 * out of reset as unmasked ExtINT, as if firmware had set it up, so that a boot CPU takes the 8259's interrupts
 * from the start.
 */
#ifndef HW_INTC_LAPIC_H
#define HW_INTC_LAPIC_H

#include <stdbool.h>
#include <stdint.h>

#include "core/device.h"
#include "core/irqchip.h"
#include "hw/intc/apic_bus.h"

extern const struct device_class lapic_class;

/* Messages to the CPU core; arg and the CPU's number are passed on. */
struct lapic_cpu {
    void *arg;
    void (*nmi)(void *arg, unsigned cpu);
    void (*init)(void *arg, unsigned cpu);
    void (*sipi)(void *arg, unsigned cpu, uint8_t vector);
};

struct irq *lapic_lint(struct device *dev, unsigned n);
void lapic_connect_cpu(struct device *dev, struct irq *intr, const struct lapic_cpu *cpu);
void lapic_connect_pic(struct device *dev, int (*acknowledge)(void *arg), void *arg);
void lapic_connect_bus(struct device *dev, struct apic_bus *bus);

/* INTA cycle: the vector, -1 if there is none. */
int lapic_acknowledge(struct device *dev);
/* The page of registers, offset 0..FFFh. */
uint64_t lapic_read(struct device *dev, uint32_t offset, unsigned size);
void lapic_write(struct device *dev, uint32_t offset, uint64_t value, unsigned size);
/* x2APIC registers; false: the access raises #GP. */
bool lapic_msr_read(struct device *dev, uint32_t msr, uint64_t *value);
bool lapic_msr_write(struct device *dev, uint32_t msr, uint64_t value);
/* IA32_APIC_BASE as it is now; the CPU has checked the transition. */
void lapic_set_base(struct device *dev, uint64_t base);
uint8_t lapic_tpr(struct device *dev);
void lapic_set_tpr(struct device *dev, uint8_t tpr);
/* IA32_TSC_DEADLINE: the value, and the same moment on the guest clock. Reads as 0 when passed. */
uint64_t lapic_deadline(struct device *dev);
void lapic_set_deadline(struct device *dev, uint64_t tsc, uint64_t guest_ns);

/* The registers as they are, and others in their place (core/irqchip.h); the mode is set by lapic_set_base(). While the
 * APIC is away it drives nothing, its timer stands, and it only notes the levels of its pins. Machine lock held. */
void lapic_get(struct device *dev, struct lapic_registers *registers);
void lapic_put(struct device *dev, const struct lapic_registers *registers);
void lapic_set_away(struct device *dev, bool away);

/* For the bus: is this APIC meant; may it take vectors; its processor priority; a message arrives (false: not
 * taken). */
bool lapic_matches(const struct device *dev, uint32_t destination, bool logical);
bool lapic_enabled(const struct device *dev);
uint8_t lapic_priority(const struct device *dev);
bool lapic_deliver(struct device *dev, const struct apic_message *message);

#endif
