/*
 * Intel 82371SB (PIIX3), function 0: the PCI-to-ISA bridge (8086:7000), with the PIRQ router and the reset
 * control register at port CF9h. The chip's IDE function is hw/ide/piix_ide.h; the interrupt controllers,
 * timer, DMA and so on inside the real chip are devices of their own, wired by the board.
 *
 * After: Intel 82371SB data sheet (290550), section 2.2. Not modelled: XBCS and the other chip select, DMA
 * routing, SMI and APIC registers are storage only.
 */
#ifndef HW_PCI_PIIX3_H
#define HW_PCI_PIIX3_H

#include <stdint.h>

#include "core/device.h"
#include "hw/pci/config.h"
#include "hw/pci/pirq.h"

struct pci_bus;

#define PIIX3_PIRQRCA 0x60

#define PIIX3_RCR_SRST 0x02 /* 1 = hard reset, 0 = soft */
#define PIIX3_RCR_RCPU 0x04 /* 0 to 1 resets */

struct piix3 {
    struct device dev;
    struct pci_device pci;
    struct pirq pirq;
    uint8_t rcr;              /* reset control, port CF9h */
    struct region rcr_region; /* 1 byte, for pci_bus_set_reset_control() */
};

extern const struct device_class piix3_class;

/* Connects the router's output for ISA interrupt n (0-15) to a line. */
void piix3_connect_isa(struct device *dev, unsigned n, struct irq *line);
/* Plugs the chip into the bus at slot:0 and connects the four PIRQs and port CF9h. */
bool piix3_attach(struct device *dev, struct pci_bus *bus, unsigned slot, GError **error);

#endif
