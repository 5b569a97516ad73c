/*
 * Intel 82540EM Gigabit Ethernet controller ("e1000", PCI 8086:100E): public side.
 */
#ifndef HW_NET_E1000_H
#define HW_NET_E1000_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/device.h"

struct net_port;
struct pci_device;

extern const struct device_class e1000_class;

/* For pci_bus_add(). */
struct pci_device *e1000_pci(struct device *dev);
/* Connects the card's end of a wire, which must outlive the device. Once, before the first reset.
 */
void e1000_connect_port(struct device *dev, struct net_port *port);
/* The option ROM. False and error as pci_set_rom(). */
bool e1000_set_rom(struct device *dev, const void *image, size_t size, GError **error);

#endif
