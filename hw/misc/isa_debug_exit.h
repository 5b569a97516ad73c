/*
 * A port by which a test program ends the emulator: writing value asks for exit code (value << 1)
 * | 1.
 *
 * Properties: "iobase" (u64, 0x501), "iosize" (u64, 2): where the board maps the region.
 */
#ifndef HW_MISC_ISA_DEBUG_EXIT_H
#define HW_MISC_ISA_DEBUG_EXIT_H

#include "core/device.h"

extern const struct device_class isa_debug_exit_class;

struct region *isa_debug_exit_io(struct device *dev); /* iosize bytes */
uint16_t isa_debug_exit_iobase(struct device *dev);

#endif
