/*
 * The VGA as PCI card 1234:1111, "standard VGA": BAR 0 is the video memory, BAR 2 the register window
 * (vga_mmio.c); the legacy ports and the window at A0000 answer as the command register allows.
 *
 * The board connects it so:
 *
 *     struct device *dev = device_create(machine, &vga_pci_class, "vga", NULL, error);
 *     vga_pci_set_rom(dev, image, size, error);             vgabios-stdvga.bin
 *     vga_connect(vga_pci_core(dev), machine->memory, machine->io, priority);
 *     vga_attach_display(vga_pci_core(dev), display);
 *     pci_bus_add(bus, vga_pci_device(dev), 2, 0, error);
 *
 * Property: "vgamem_mb" (u64, 16): size of the video memory in MiB, a power of two up to 256.
 */
#ifndef HW_DISPLAY_VGA_PCI_H
#define HW_DISPLAY_VGA_PCI_H

#include <glib.h>
#include <stddef.h>

#include "core/device.h"
#include "hw/display/vga.h"
#include "hw/pci/config.h"

extern const struct device_class vga_pci_class;

struct pci_device *vga_pci_device(struct device *dev);
struct vga *vga_pci_core(struct device *dev);
/* The option ROM; copied. False and error as pci_set_rom(). */
bool vga_pci_set_rom(struct device *dev, const void *image, size_t size, GError **error);

#endif
