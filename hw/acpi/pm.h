/*
 * Power management function of the 82371AB (PIIX4): PCI function 3 (8086:7113) with the ACPI registers, the PM
 * timer and the SMI command port, and the general-purpose event block that firmware for this board expects.
 *
 *   pm_connect_sci(dev, line)      SCI, level, to ISA interrupt 9
 *   pm_apm_io(dev)                 ports B2h, B3h
 *   pm_gpe_io(dev)                 port AFE0h, 4 bytes
 *   pm_hotplug_io(dev)             port AE0Ch, 4 bytes: which PCI slots can be unplugged (none)
 *
 * The ACPI registers appear where software puts them (PMBA, 40h).
 */
#ifndef HW_ACPI_PM_H
#define HW_ACPI_PM_H

#include "core/device.h"
#include "hw/pci/config.h"

extern const struct device_class pm_class;

struct pci_device *pm_pci(struct device *dev);
struct region *pm_apm_io(struct device *dev);
struct region *pm_gpe_io(struct device *dev);
struct region *pm_hotplug_io(struct device *dev);
void pm_connect_sci(struct device *dev, struct irq *line);

/* Port of the ACPI registers, wherever software has put them. */
uint16_t pm_base(struct device *dev);

/* The power button is pressed; the guest may act on it. */
void pm_press_power_button(struct device *dev);

#endif
