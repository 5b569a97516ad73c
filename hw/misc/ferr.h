/*
 * The AT's x87 error logic: FERR# of the CPU is latched and raises IRQ 13; a write to port F0h clears the
 * latch and asserts IGNNE# until the CPU's error is gone (IBM PC/AT Technical Reference, "Math Coprocessor";
 * Intel SDM volume 1, appendix D).
 */
#ifndef HW_MISC_FERR_H
#define HW_MISC_FERR_H

#include "core/device.h"
#include "core/irq.h"

extern const struct device_class ferr_class;

struct region *ferr_io(struct device *dev); /* 1 byte, port F0h */
/* To the interrupt controller's IRQ 13; and to the CPU's IGNNE# pin. */
void ferr_connect_irq(struct device *dev, struct irq *line);
void ferr_connect_ignne(struct device *dev, struct irq *line);
/* The CPU asserts FERR#; arg is the device. Machine lock held. */
void ferr_assert(void *arg);

#endif
