/*
 * The board: i440FX + PIIX3, as QEMU's machine type `pc`. pc_machine.c is the wiring list, pc_memmap.c lays
 * out memory and loads the firmware, pc_irq.c is the interrupt controllers and the lines to the CPU.
 */
#ifndef HW_PC_PC_MACHINE_H
#define HW_PC_PC_MACHINE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/bus.h"
#include "core/irq.h"
#include "core/machine.h"
#include "hw/floppy/i82078.h"
#include "hw/ide/ide.h"

struct audio;
struct block;
struct chardev;
struct display;
struct input;
struct ide_drive;
struct net_port;
struct ram;

#define PC_SERIAL_PORTS 4
#define PC_PARALLEL_PORTS 3
#define PC_IDE_DRIVES 4
#define PC_NICS 8
#define PC_FLASHES 2
#define PC_UUID_BYTES 16

/* A drive of the board, by index: 0 = primary master .. 3 = secondary slave. */
struct pc_drive_config {
    bool present;
    enum ide_kind kind;
    struct block *block; /* not owned; NULL: CD drive without a disc */
    struct ide_options options;
    const char *translation; /* what the BIOS makes of its geometry: none, lba, large, rechs; NULL or auto: by size */
    unsigned boot_rank;      /* the firmware tries 1 first, then 2 ..; 0: by the boot order */
};

/* A floppy drive; without any there is no controller. */
struct pc_floppy_config {
    bool present;
    struct block *block; /* not owned; NULL: no disk inside */
    struct floppy_options options;
    unsigned boot_rank; /* as for a disk */
};

/* A network card. */
struct pc_nic_config {
    const char *model; /* as pc_nic_model() knows it; NULL = e1000 */
    const char *id, *mac;
    const char *iobase, *irq; /* of an ISA card; NULL = 0x300, 9 (a second one: 0x320, 10 ..) */
    const char *romfile;      /* boot ROM: a path, or a name as of firmware; "" = none, NULL = the model's own */
    int slot;                 /* on the PCI bus; -1 = a free one */
    unsigned function;
    int bootindex;            /* place in the boot order before all letters; -1 = by its letter */
    struct net_port *port; /* stays the caller's; must outlive the machine */
};

/* Everything is borrowed for the time of pc_create() unless it says otherwise. */
struct pc_config {
    uint64_t ram; /* bytes */
    const char *bios;                  /* NULL = bios-256k.bin */
    const char *const *firmware_dirs;  /* -L, NULL-terminated, or NULL */
    const char *boot_order, *boot_once; /* letters a c d n; NULL = "cdn" / none */
    bool boot_menu, no_fd_bootchk, nographic;
    const char *kernel, *initrd, *append;
    const uint8_t *uuid; /* PC_UUID_BYTES in the order they are written; NULL: none */
    const char *const *option_roms; /* image names, NULL-terminated, or NULL: run by the firmware */
    bool vga;
    unsigned cpus;
    bool acpi; /* power management function, and with it the firmware's ACPI tables */
    struct pc_drive_config drives[PC_IDE_DRIVES];
    struct pc_floppy_config floppies[I82078_DRIVES];
    struct block *flash[PC_FLASHES]; /* firmware, in place of `bios`, and its variables; NULL: none. Not owned */
    struct pc_nic_config nics[PC_NICS];
    unsigned nic_count;
    struct chardev *serial[PC_SERIAL_PORTS]; /* stays the caller's; must outlive the machine */
    bool serial_present[PC_SERIAL_PORTS];
    struct chardev *parallel[PC_PARALLEL_PORTS]; /* likewise */
    bool parallel_present[PC_PARALLEL_PORTS];
    struct chardev *debugcon; /* NULL = the port is not there */
    uint16_t debugcon_iobase;
    bool debug_exit;
    uint16_t debug_exit_iobase, debug_exit_iosize;
    struct display *display; /* stays the caller's */
    struct input *input;     /* stays the caller's */
    bool no_vmport;          /* without VMware's port and its absolute pointer */
    struct audio *audio;     /* of the speaker; NULL: silent. Stays the caller's; must outlive the machine */
};

/* The name of the device class that a model's name means ("rtl8029" is a ne2k_pci); NULL: there is no such card. */
const char *pc_nic_model(const char *name);
/* All models, with commas, for messages. */
#define PC_NIC_MODELS "e1000, ne2k_pci, ne2k_isa"

struct pc;

/* A board without parts, for machine_create()'s machine. */
struct pc *pc_create(struct machine *machine);
/* Puts devices, wiring and firmware on it; nothing runs yet. False and error naming what is wrong; then only
 * machine_destroy() and pc_destroy() may follow. */
bool pc_build(struct pc *pc, const struct pc_config *config, GError **error);
/* After machine_destroy(): frees memory blocks. NULL is fine. */
void pc_destroy(struct pc *pc);
/* Before each reset but the first: the boot order of `once` gives way to the lasting one. */
void pc_prepare_reset(struct pc *pc);

/* The guest's memory, for saving and loading it. */
struct ram *pc_ram(struct pc *pc);

/* The power button; false if the board has none (no ACPI). Machine lock held. */
bool pc_press_power_button(struct pc *pc);

/* The IDE drive with an index, NULL if absent. */
struct ide_drive *pc_ide_drive(struct pc *pc, unsigned index);
/* The floppy controller, NULL if absent. */
struct device *pc_floppy(struct pc *pc);
/* For `info pic` and `info pci`. */
void pc_print_pic(struct pc *pc, GString *out);
void pc_print_pci(struct pc *pc, GString *out);
/* For `info irq`: "IRQ statistics ..." lines. */
void pc_print_irq(struct pc *pc, GString *out);
/* `boot_set`: a new order for the next reset. False if a letter is unknown. */
bool pc_set_boot_order(struct pc *pc, const char *order);

#endif
