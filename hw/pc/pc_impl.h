/*
 * Inside hw/pc: the board's parts and wires.
 */
#ifndef HW_PC_PC_IMPL_H
#define HW_PC_PC_IMPL_H

#include "hw/intc/apic_bus.h"
#include "hw/pc/pc_machine.h"

#define PC_ISA_IRQS 16

/* Who drives an ISA interrupt. */
enum pc_irq_source { PC_IRQ_ISA, PC_IRQ_PCI, PC_IRQ_ISA_SHARED, PC_IRQ_SCI, PC_IRQ_SOURCES };

struct pc {
    struct machine *machine;
    /* Memory. */
    struct ram *ram;
    struct ram *bios;      /* what shows at the top of the first MiB; owned if there is no flash chip */
    struct device *flash[PC_FLASHES];
    uint64_t below_4g, above_4g; /* bytes of RAM below and above 4 GiB */
    struct region ram_low, ram_high, ram_above;
    struct region bios_top, bios_isa;
    /* Devices; owned by the machine. */
    struct device *pic[2], *pit, *rtc, *kbc, *keyboard, *mouse, *port61, *port92, *dma[2], *fw_cfg;
    struct device *host, *piix3, *ide, *vga, *ioapic;
    struct device *pm; /* NULL without ACPI */
    struct device *floppy; /* NULL without drives */
    struct apic_bus apics;
    /* Wires. */
    struct irq_or isa[PC_ISA_IRQS]; /* inputs: see enum pc_irq_source */
    struct irq isa_out[PC_ISA_IRQS];
    struct irq pic_int;                   /* 8259 to the local APICs */
    struct irq intr[APIC_BUS_MAX_CPUS];   /* local APIC to its CPU */
    enum irqchip_away away;         /* which interrupt chips an engine has (pc_irqchip.c) */
    struct irqchip_outside outside; /* ... and how to reach it */
    unsigned cpus;
    struct irq_or a20;              /* keyboard controller, port 92h */
    struct irq a20_cpu, ignne;
    struct irq_or reset;
    struct irq reset_machine;
    char *boot_order; /* after `once` has been used */
    GPtrArray *boot_places; /* pc_boot_order.c's */
};

/* pc_memmap.c: RAM, ROM, and what firmware must be told of them. */
bool pc_memmap_create(struct pc *pc, const struct pc_config *config, GError **error);
void pc_memmap_describe(struct pc *pc);
void pc_memmap_destroy(struct pc *pc);

/* pc_firmware.c: the image of -bios, or flash chips, below 4 GiB and below 1 MiB. */
bool pc_firmware_create(struct pc *pc, const struct pc_config *config, GError **error);
/* Does it look like UEFI? It takes other ROMs of cards than the BIOS. */
bool pc_firmware_is_uefi(const struct pc *pc);
void pc_firmware_destroy(struct pc *pc);

/* pc_irq.c: interrupt controllers, A20 and reset lines. */
bool pc_irq_create(struct pc *pc, unsigned cpus, GError **error);
/* The line by which a source drives ISA interrupt n. */
struct irq *pc_irq(struct pc *pc, unsigned n, enum pc_irq_source source);

/* pc_apic.c: local APICs and the I/O APIC, and the CPUs' way to them. */
bool pc_apic_create(struct pc *pc, unsigned cpus, GError **error);

/* pc_irqchip.c: the seam by which an engine takes the interrupt chips. */
void pc_irqchip_create(struct pc *pc);

/* pc_smbios.c: what the BIOS is to say of the machine. */
void pc_smbios_fill(struct pc *pc, const struct pc_config *config);

/* pc_acpi.c: tables for firmware without its own. */
void pc_acpi_fill(struct pc *pc, const struct pc_config *config);

/* pc_nic.c: network cards in free PCI slots or at their ISA ports, with the option ROM for network boot. */
bool pc_add_nics(struct pc *pc, const struct pc_config *config, GError **error);

/* pc_boot_order.c: what the firmware tries before all letters of the boot order. A device with bootindex=, `name` for
 * messages, and its Open Firmware path; false and error if another one has that number. Then, with everything built,
 * the list goes to the firmware. */
bool pc_boot_place(struct pc *pc, int bootindex, const char *name, const char *path, GError **error);
bool pc_boot_places_tell(struct pc *pc, const struct pc_config *config, GError **error);
void pc_boot_places_free(struct pc *pc);

/* pc_cmos.c: what the BIOS reads from CMOS, boot order and drive types. */
void pc_cmos_fill(struct pc *pc, const struct pc_config *config);

#endif
