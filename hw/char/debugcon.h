/*
 * The debug console: one port, a byte written goes to the host.
 *
 * Properties: "iobase" (u64, 0xe9), "readback" (u64, 0xe9): what reading gives, by which programs
 * recognise it.
 */
#ifndef HW_CHAR_DEBUGCON_H
#define HW_CHAR_DEBUGCON_H

#include "core/device.h"

struct chardev;

extern const struct device_class debugcon_class;

struct region *debugcon_io(struct device *dev); /* 1 byte */
uint16_t debugcon_iobase(struct device *dev);

/* Where bytes go; not owned; NULL swallows them. A connection that cannot take a byte at once loses
 * it. */
void debugcon_connect_chardev(struct device *dev, struct chardev *chr);

#endif
