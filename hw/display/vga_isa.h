/*
 * The VGA without a bus around it, for boards without PCI: the legacy ports and the window at A0000, and the
 * video memory where the board maps it (the region vga_isa_core(dev)->lfb; E0000000 is where drivers of the
 * DISPI interface look).
 *
 * Property: "vgamem_mb" (u64, 8): size of the video memory in MiB, a power of two up to 256.
 */
#ifndef HW_DISPLAY_VGA_ISA_H
#define HW_DISPLAY_VGA_ISA_H

#include "core/device.h"
#include "hw/display/vga.h"

extern const struct device_class vga_isa_class;

/* The board calls vga_connect() and vga_attach_display() on it. */
struct vga *vga_isa_core(struct device *dev);

#endif
