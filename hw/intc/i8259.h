/*
 * Intel 8259A programmable interrupt controller: one device a chip, so a PC has two of them.
 *
 *   irq_set(i8259_irq(pic, n), level)   the inputs IR0..IR7
 *   i8259_connect_int(pic, line)        the output INT
 *   i8259_connect_slave(master, n, s)   the cascade bus CAS0-2: s sits on the master's IRn
 *
 * A slave's INT must be connected to i8259_irq(master, n) as well.
 *
 * A source must hold its input high until it is served: a request that goes away before is
 * forgotten, and acknowledging nothing gives the spurious vector of IR7.
 *
 * Properties: "elcr-mask" (u64): which bits of the edge/level register can be set; 0 means a chip
 * without that register, where ICW1's LTIM decides.
 */
#ifndef HW_INTC_I8259_H
#define HW_INTC_I8259_H

#include "core/device.h"
#include "core/irqchip.h"

extern const struct device_class i8259_class;

/* Input IRn, n in 0..7. */
struct irq *i8259_irq(struct device *dev, unsigned n);

/* The two registers: A0 = 0 and A0 = 1. */
struct region *i8259_io(struct device *dev);

/* The edge/level control register, one byte. */
struct region *i8259_elcr(struct device *dev);

void i8259_connect_int(struct device *dev, struct irq *line);
void i8259_connect_slave(struct device *master, unsigned n, struct device *slave);

/* The INTA cycle: the vector for the CPU, 0..255, from the master or the slave it selects. The
 * master's state changes as the datasheet says (ISR set, or not with AEOI). Machine lock held. */
int i8259_acknowledge(struct device *master);

/* As machine->interrupt_acknowledge wants it; arg is the master. */
int i8259_acknowledge_fn(void *arg);

/* The registers as they are, and others in their place (core/irqchip.h): the inputs have the levels `lines` but for those
 * that slaves drive. Outputs follow with the next drive(). Machine lock held. */
void i8259_get(struct device *dev, struct pic_registers *registers);
void i8259_put(struct device *dev, const struct pic_registers *registers, uint8_t lines);

/* Appends the line of `info pic` for this chip, with newline; number is what follows "pic". */
void i8259_format(struct device *dev, unsigned number, GString *out);

#endif
