/*
 * Intel 82441FX (440FX PMC), the host bridge of the board: PCI function 0:0.0 (8086:1237), the PCI bus with
 * its configuration ports, and the switches of memory below 1 MiB.
 *
 * PAM0-6 (59h-5Fh): thirteen areas of C0000h-FFFFFh, each with a read enable and a write enable bit. With
 * both set DRAM answers; with only reads enabled DRAM is write protected; with only writes enabled reads go
 * on to ROM and PCI while writes fill the DRAM beneath (how a BIOS copies itself); with none set ROM and PCI
 * answer both.
 * SMRAM (72h): A0000h-BFFFFh shows DRAM instead of the VGA window while D_OPEN is set, or while the CPU is
 * in SMM (input line "smm") with G_SMRAME set; D_LCK freezes the register until reset.
 *
 * Division of labour with the board: the board maps DRAM at 0-9FFFFh and from 100000h up, and ROM and the
 * VGA window at any priority below I440FX_PRIORITY; the bridge maps DRAM in A0000h-FFFFFh.
 *
 * After: Intel 82441FX data sheet (290549), sections 3.2 and 4.1. Not modelled: the fixed DRAM hole (68h),
 * DRAM timing and error registers beyond storage, D_CLS (data accesses of SMM code see DRAM as well), and
 * SMM is a line for all CPUs together.
 */
#ifndef HW_PCI_HOST_I440FX_H
#define HW_PCI_HOST_I440FX_H

#include <stdbool.h>
#include <stdint.h>

#include "core/device.h"
#include "core/irq.h"
#include "hw/pci/config.h"
#include "hw/pci/pci_bus.h"

#define I440FX_PRIORITY  10
#define I440FX_PAM_AREAS 13

#define I440FX_PAM0           0x59
#define I440FX_DRB0           0x60
#define I440FX_SMRAM          0x72
#define I440FX_SMRAM_D_OPEN   0x40
#define I440FX_SMRAM_D_CLS    0x20
#define I440FX_SMRAM_D_LCK    0x10
#define I440FX_SMRAM_G_SMRAME 0x08

struct i440fx;

/* One switched area. */
struct i440fx_pam {
    struct i440fx *host;
    uint32_t base, size;
    struct region ram;        /* reads and writes go to DRAM */
    struct region protected;  /* reads from DRAM, writes vanish */
    struct region write_only; /* reads from the ROM beneath, or all ones; writes to DRAM */
    struct mapping *mapping;
};

struct i440fx {
    struct device dev;
    struct pci_device pci;
    struct pci_bus bus;
    bool smm; /* saved: the level of the "smm" input */
    struct irq smm_input;
    struct ram *dram; /* not owned; NULL until i440fx_connect_memory() */
    struct i440fx_pam pam[I440FX_PAM_AREAS];
    struct region smram;
    struct mapping *smram_mapping;
};

extern const struct device_class i440fx_class;

/* After device_create(): makes the bridge switch the windows of `dram` (system RAM, guest address 0 at
 * offset 0, at least 1 MiB). `bios` is the ROM whose last `bios_window` bytes (a multiple of 16 KiB, at most
 * 256 KiB) show below 1 MiB, so that areas in write-only mode read as it; NULL for none. Neither is owned. */
void i440fx_connect_memory(struct device *dev, struct ram *dram, struct ram *bios,
                           uint32_t bios_window);

/* The bus behind the bridge. */
struct pci_bus *i440fx_bus(struct device *dev);

#endif
