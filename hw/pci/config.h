/*
 * The PCI side of a device: configuration space, base address registers, expansion ROM, INTx, capabilities.
 *
 * A PCI device embeds a struct pci_device anywhere in its own struct. How to use it:
 *
 *   create   pci_init() with the identity, then pci_add_bar(), pci_set_rom(), pci_add_capability() ..
 *   fields   FIELD_STRUCT(struct mine, pci, pci_device_fields)
 *   reset    pci_reset()        loaded  pci_loaded()
 *   drive    pci_intx_set(pci, level) with the level derived from the device's state, then pci_drive()
 *   destroy  pci_finish()
 *
 * The board puts the device in a slot with pci_bus_add() (hw/pci/pci_bus.h). Which bits of the space a guest
 * can write is data: for every byte a mask of writable bits and one of bits cleared by writing one. Where
 * memory and ports answer is derived from the base address registers and the command register by
 * pci_drive(), through mappings of the machine's buses, which lie below everything else
 * (PCI_BAR_PRIORITY): a guest that sizes a register while decoding is on does not hide RAM or the BIOS.
 *
 * After: PCI Local Bus Specification 2.3, chapter 6. Not modelled: parity, SERR#, BIST, the latency timer
 * and cache line registers beyond storage, MSI.
 */
#ifndef HW_PCI_CONFIG_H
#define HW_PCI_CONFIG_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bus.h"
#include "core/device.h"
#include "core/irq.h"
#include "hw/pci/regs.h"

#define PCI_BAR_COUNT    6
#define PCI_BAR_PRIORITY (-1)

struct ram;
struct pci_bus;
struct pci_device;

/* Kinds of base address register; the values are the register's read-only low bits. */
enum pci_bar_kind {
    PCI_BAR_MEMORY = 0,
    PCI_BAR_IO = PCI_BASE_ADDRESS_IO,
    PCI_BAR_MEMORY_PREFETCH = PCI_BASE_ADDRESS_PREFETCH,
    PCI_BAR_MEMORY64 = PCI_BASE_ADDRESS_64, /* takes this register and the next */
    PCI_BAR_MEMORY64_PREFETCH = PCI_BASE_ADDRESS_64 | PCI_BASE_ADDRESS_PREFETCH,
};

/* One base address register; configuration, not saved. */
struct pci_bar {
    bool present;
    enum pci_bar_kind kind;
    uint64_t size;           /* bytes, a power of two: 4.. for ports, 16.. for memory */
    struct region *region;   /* what it shows; not owned; may be smaller than size */
    struct mapping *mapping; /* made when first enabled; owned by the machine's bus */
    uint64_t base;           /* where the mapping is, while enabled */
    bool enabled;
};

/* What a device is; copied into the read-only registers. */
struct pci_identity {
    uint16_t vendor, device;
    uint16_t class_code; /* base class and subclass, 0x0300 = VGA */
    uint8_t prog_if, revision;
    uint16_t subsystem_vendor, subsystem_device; /* both 0: PCI_SUBSYSTEM_*_DEFAULT */
    uint8_t interrupt_pin;                       /* 0 = none, 1 = INTA# .. 4 = INTD# */
};

/* Called after a guest's write changed bytes [offset, offset + size) and after pci_drive(). */
typedef void pci_written_fn(struct pci_device *pci, unsigned offset, unsigned size);

struct pci_device {
    struct device *dev;              /* the device this is part of */
    uint8_t config[PCI_CONFIG_SIZE]; /* saved */
    /* Configuration, fixed after create. */
    uint8_t defaults[PCI_CONFIG_SIZE]; /* after reset */
    uint8_t writable[PCI_CONFIG_SIZE]; /* bits a guest can write */
    uint8_t clear[PCI_CONFIG_SIZE];    /* bits a guest clears by writing ones */
    uint8_t chip[PCI_CONFIG_SIZE];     /* bits the device itself changes, read-only to guests */
    struct pci_bar bars[PCI_BAR_COUNT];
    struct pci_bar rom; /* expansion ROM at 30h; region is rom_region */
    struct region rom_region;
    struct ram *rom_ram;     /* owned, or NULL */
    pci_written_fn *written; /* NULL, or set by the device after pci_init() */
    struct pci_bus *bus;     /* NULL until pci_bus_add() */
    uint8_t devfn;           /* slot and function on the bus */
    struct irq intx;         /* to the bus; made by pci_bus_add() */
};

extern const struct field pci_device_fields[];

/* Prepares the space of a type 0 function: identity, a command register with the I/O, memory, bus master,
 * parity, SERR and INTx disable bits writable, error status bits, latency, cache line and interrupt line. */
void pci_init(struct pci_device *pci, struct device *dev, const struct pci_identity *identity);
/* Disables the mappings and frees the ROM. Safe on a zeroed or half-made one. */
void pci_finish(struct pci_device *pci);

/* Declares base address register `index` (0-5) of `size` bytes that shows `region` (owned by the device,
 * must outlive it). */
void pci_add_bar(struct pci_device *pci, unsigned index, enum pci_bar_kind kind, uint64_t size,
                 struct region *region);
/* Copies an option ROM image into a ROM block behind the register at 30h. False and error if the host has
 * no memory or the image has no bytes or over 16 MiB. */
bool pci_set_rom(struct pci_device *pci, const void *image, size_t size, GError **error);
/* Puts a capability of `size` bytes (header of two included) in front of the list at `offset`, a multiple
 * of 4 in [40h, 100h - size]. The device fills the bytes behind the header in defaults and masks. */
void pci_add_capability(struct pci_device *pci, uint8_t id, uint8_t offset, uint8_t size);

/* Little-endian access to the default values and the masks, for create functions. */
void pci_default_u8(struct pci_device *pci, unsigned offset, uint8_t value);
void pci_default_u16(struct pci_device *pci, unsigned offset, uint16_t value);
void pci_default_u32(struct pci_device *pci, unsigned offset, uint32_t value);
void pci_writable_u8(struct pci_device *pci, unsigned offset, uint8_t mask);
void pci_writable_u16(struct pci_device *pci, unsigned offset, uint16_t mask);
void pci_writable_u32(struct pci_device *pci, unsigned offset, uint32_t mask);

/* Present values. */
uint8_t pci_get_u8(const struct pci_device *pci, unsigned offset);
uint16_t pci_get_u16(const struct pci_device *pci, unsigned offset);
uint32_t pci_get_u32(const struct pci_device *pci, unsigned offset);

void pci_reset(struct pci_device *pci);
/* Restores the read-only bits, which a damaged snapshot may have changed. */
void pci_loaded(struct pci_device *pci);
/* Derives the mappings and the INTx line. Idempotent; batches the bus changes. */
void pci_drive(struct pci_device *pci);
/* The device's interrupt request: interrupt status bit, and the line unless disabled. */
void pci_intx_set(struct pci_device *pci, bool level);
/* May the device do DMA (bus master enable)? */
bool pci_is_master(const struct pci_device *pci);
/* Base of a register as the guest set it, 0 if the register is not there; the low bits are removed. */
uint64_t pci_bar_base(const struct pci_device *pci, unsigned index);

/* A guest's access of 1, 2 or 4 bytes within one dword; the host bridge's way in. */
uint32_t pci_config_read(const struct pci_device *pci, unsigned offset, unsigned size);
void pci_config_write(struct pci_device *pci, unsigned offset, uint32_t value, unsigned size);

#endif
