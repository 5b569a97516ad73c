/*
 * PCI bus 0: slots and functions, configuration mechanism 1, and the interrupt pins of the slots.
 *
 * The bus is a part of the host bridge's device (hw/pci/host_i440fx.h), which saves its one register,
 * CONFIG_ADDRESS. Interrupt pins are rotated over the four PIRQ lines by slot number, as on the usual board:
 * PIRQ = (pin + slot - 1) mod 4, INTA# of slot 1 being PIRQA; each PIRQ is the OR of all that share it.
 *
 * Ports: CF8h-CFBh CONFIG_ADDRESS (only 32-bit accesses reach it), CFCh-CFFh CONFIG_DATA (8, 16, 32 bits).
 * The byte port CF9h lies inside: it is handed to the region given with pci_bus_set_reset_control().
 *
 * After: PCI Local Bus Specification 2.3, section 3.2.2.3. Not modelled: bridges (other bus numbers read as
 * ones), special cycles.
 */
#ifndef HW_PCI_PCI_BUS_H
#define HW_PCI_PCI_BUS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/bus.h"
#include "core/irq.h"
#include "hw/pci/config.h"

#define PCI_PIRQ_COUNT              4
#define PCI_CONFIG_ADDRESS_WRITABLE 0x80fffffcu

struct log;

struct pci_bus {
    uint32_t config_address; /* saved by the host bridge */
    struct log *log;
    struct pci_device *devices[256]; /* by devfn; not owned */
    struct region address_port;      /* 4 bytes, for the board to map at CF8h */
    struct region data_port;         /* 4 bytes, for the board to map at CFCh */
    struct region *reset_control;    /* 1 byte; NULL = CF9h does not answer */
    uint16_t pirq_users[PCI_PIRQ_COUNT]; /* pins that are high, derived */
    struct irq *pirq[PCI_PIRQ_COUNT];    /* outputs; NULL while unconnected */
};

extern const struct field pci_bus_fields[];

/* Prepares an empty bus as a part of `host` and adds the two port regions to that device. */
void pci_bus_init(struct pci_bus *bus, struct device *host);

/* Puts a device into a slot (0-31) as a function (0-7). False and error if it is taken. A device that has
 * functions above 0 becomes multifunction. */
bool pci_bus_add(struct pci_bus *bus, struct pci_device *pci, unsigned slot, unsigned function,
                 GError **error);
/* The lowest slot without function 0, from `first` up; -1 if the bus is full. */
int pci_bus_free_slot(const struct pci_bus *bus, unsigned first);
/* Connects PIRQ n (0-3 = A-D) to an input of the interrupt router. */
void pci_bus_connect_pirq(struct pci_bus *bus, unsigned n, struct irq *line);
void pci_bus_set_reset_control(struct pci_bus *bus, struct region *region);

/* PIRQ number (0-3) of a pin (1-4) of a slot. */
unsigned pci_bus_pirq_of(unsigned slot, unsigned pin);

/* Appends what `info pci` shows. */
void pci_bus_print(const struct pci_bus *bus, GString *out);

#endif
