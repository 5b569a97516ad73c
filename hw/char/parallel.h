/*
 * The parallel printer port of the PC/AT: data, status and control register. A printer's place is taken by a
 * character connection that gets the bytes.
 */
#ifndef HW_CHAR_PARALLEL_H
#define HW_CHAR_PARALLEL_H

#include "core/device.h"

struct chardev;
struct irq;

extern const struct device_class parallel_class;

struct region *parallel_io(struct device *dev); /* 3 bytes */
void parallel_connect_irq(struct device *dev, struct irq *line);
/* Where bytes go; not owned; NULL swallows them. */
void parallel_connect_chardev(struct device *dev, struct chardev *chr);

#endif
