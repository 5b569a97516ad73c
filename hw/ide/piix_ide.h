/*
 * The IDE function of the 82371SB (PIIX3): PCI function 1 (8086:7010), two channels at the legacy ports and
 * interrupts, and the bus master registers behind base address register 4.
 *
 * The board maps each channel's regions (1F0h/3F6h and 170h/376h) and connects its line (ISA interrupts 14
 * and 15); drives are plugged in with ide_channel_attach() (hw/ide/channel.h).
 *
 * After: Intel 82371SB data sheet (290550), section 2.3. Not modelled: the timing registers (40h-44h) are
 * storage, also their decode enable bits: the legacy ports always answer.
 */
#ifndef HW_IDE_PIIX_IDE_H
#define HW_IDE_PIIX_IDE_H

#include "core/device.h"
#include "hw/ide/busmaster.h"
#include "hw/ide/channel.h"
#include "hw/pci/config.h"

#define PIIX_IDE_CHANNELS 2

struct piix_ide {
    struct device dev;
    struct pci_device pci;
    struct ide_channel channels[PIIX_IDE_CHANNELS];
    struct busmaster busmasters[PIIX_IDE_CHANNELS];
    struct region busmaster_region;
};

extern const struct device_class piix_ide_class;

/* For pci_bus_add(); function 1 of the PIIX3's slot. */
struct pci_device *piix_ide_pci(struct device *dev);
/* n: 0 = primary, 1 = secondary. */
struct ide_channel *piix_ide_channel(struct device *dev, unsigned n);
/* The regions to map for channel n. */
struct region *piix_ide_command_region(struct device *dev, unsigned n);
struct region *piix_ide_control_region(struct device *dev, unsigned n);

#endif
