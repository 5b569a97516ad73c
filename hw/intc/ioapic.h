/*
 * Intel 82093AA I/O APIC: 24 inputs, each with an entry of the redirection table that says which message is sent
 * to which local APIC.
 *
 *   irq_set(ioapic_irq(dev, n), asserted)   the inputs INTIN0..INTIN23
 *   ioapic_connect(dev, bus)                where messages go
 *
 * A line says "asserted" and not "high": the polarity bits are kept but change nothing, as if the board had the
 * right inverters.
 */
#ifndef HW_INTC_IOAPIC_H
#define HW_INTC_IOAPIC_H

#include <stdint.h>

#include "core/device.h"
#include "core/irqchip.h"
#include "hw/intc/apic_bus.h"

#define IOAPIC_INPUTS 24

extern const struct device_class ioapic_class;

struct irq *ioapic_irq(struct device *dev, unsigned n);
/* The window of registers, for FEC00000h. */
struct region *ioapic_region(struct device *dev);
/* Makes it one of the bus's. */
void ioapic_connect(struct device *dev, struct apic_bus *bus);
/* End of interrupt for a vector: its level-triggered entries may send again. */
void ioapic_eoi(struct device *dev, uint8_t vector);
/* The registers as they are, and others in their place (core/irqchip.h), with inputs at the levels of `levels`. Messages
 * that are due go out with the next drive(). Machine lock held. */
void ioapic_get(struct device *dev, struct ioapic_registers *registers);
void ioapic_put(struct device *dev, const struct ioapic_registers *registers, uint32_t levels);
/* Appends the text of `info pic` for this chip. */
void ioapic_format(struct device *dev, GString *out);

#endif
