/*
 * The output port of flat binaries: a byte written goes to the host, and each line gets a prefix there.
 *
 * Properties: "iobase" (u64, 0xf1), "prefix" (string, "GUEST: ").
 */
#ifndef HW_MISC_FLAT_OUTPUT_H
#define HW_MISC_FLAT_OUTPUT_H

#include "core/device.h"

extern const struct device_class flat_output_class;

struct region *flat_output_io(struct device *dev); /* 1 byte */
uint16_t flat_output_iobase(struct device *dev);

/* Where text goes; called with the machine lock held. NULL swallows it. */
void flat_output_connect(struct device *dev, void (*put)(void *arg, const char *text, size_t size), void *arg);

#endif
