/*
 * System control port A (port 92h): fast A20 gate and fast CPU reset.
 *
 *   port92_connect_a20(dev, line)     bit 1
 *   port92_connect_reset(dev, line)   a pulse when bit 0 goes from 0 to 1
 */
#ifndef HW_MISC_PORT92_H
#define HW_MISC_PORT92_H

#include "core/device.h"

extern const struct device_class port92_class;

struct region *port92_io(struct device *dev); /* 1 byte */
void port92_connect_a20(struct device *dev, struct irq *line);
void port92_connect_reset(struct device *dev, struct irq *line);

#endif
