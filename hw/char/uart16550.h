/*
 * National Semiconductor PC16550D UART, input clock 1.8432 MHz.
 *
 *   uart16550_connect_irq(dev, line)      INTR, gated by MCR OUT2 as on a PC's serial card
 *   uart16550_connect_chardev(dev, chr)   SIN/SOUT, modem lines
 *
 * Properties: "timing" (bool, on): characters take their time on the wire; off: they leave at once.
 *             "iobase", "irq" (u64): kept for the board, not used by the chip.
 */
#ifndef HW_CHAR_UART16550_H
#define HW_CHAR_UART16550_H

#include "core/device.h"

struct chardev;

extern const struct device_class uart16550_class;

struct region *uart16550_io(struct device *dev); /* 8 bytes */
void uart16550_connect_irq(struct device *dev, struct irq *line);

/* Not owned; NULL disconnects. Call it before chardev_destroy(). */
void uart16550_connect_chardev(struct device *dev, struct chardev *chr);

#endif
