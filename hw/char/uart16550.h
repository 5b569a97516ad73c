/*
 * National Semiconductor PC16550D UART, input clock 1.8432 MHz.
 *
 *   uart16550_connect_irq(dev, line)      INTR
 *   uart16550_connect_chardev(dev, chr)   SIN/SOUT, modem lines
 *
 * Properties: "timing" (bool, off): characters sent take their time on the wire by guest time;
 *             off: they leave at once.
 *             "out2-gate" (bool, off): INTR reaches the line only while MCR OUT2 is 1, as on IBM's
 *             card. Off, because there are guests that were never run on such a card.
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
