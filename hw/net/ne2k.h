/* NE2000 cards: on the ISA bus, and the Realtek RTL8029AS on PCI (10EC:8029). */
#ifndef HW_NET_NE2K_H
#define HW_NET_NE2K_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/device.h"

struct irq;
struct net_port;
struct pci_device;
struct region;

extern const struct device_class ne2k_isa_class, ne2k_pci_class;

/* The 32 ports of the ISA card, and its place on the bus as its properties say. */
struct region *ne2k_isa_io(struct device *dev);
uint16_t ne2k_isa_iobase(struct device *dev);
unsigned ne2k_isa_irq(struct device *dev);
void ne2k_isa_connect_irq(struct device *dev, struct irq *irq);
void ne2k_isa_connect_port(struct device *dev, struct net_port *port);

/* For pci_bus_add(). */
struct pci_device *ne2k_pci(struct device *dev);
void ne2k_pci_connect_port(struct device *dev, struct net_port *port);
/* The option ROM. False and error as pci_set_rom(). */
bool ne2k_pci_set_rom(struct device *dev, const void *image, size_t size, GError **error);

#endif
