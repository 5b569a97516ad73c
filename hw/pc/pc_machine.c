/*
 * The wiring list of the board. Ports are those of the IBM PC/AT Technical Reference and of the 82371SB data
 * sheet; PCI slots are those that QEMU's `pc` machine uses, which firmware and guests expect.
 */
#include "hw/pc/pc_machine.h"

#include <string.h>

#include "core/ram.h"
#include "hw/acpi/pm.h"
#include "hw/audio/pcspk.h"
#include "hw/char/debugcon.h"
#include "hw/char/parallel.h"
#include "hw/char/uart16550.h"
#include "hw/display/vga_pci.h"
#include "hw/dma/i8237.h"
#include "hw/ide/piix_ide.h"
#include "hw/input/i8042.h"
#include "hw/input/ps2_keyboard.h"
#include "hw/input/ps2_mouse.h"
#include "hw/input/vmmouse.h"
#include "hw/misc/ferr.h"
#include "hw/misc/fw_cfg.h"
#include "hw/misc/isa_debug_exit.h"
#include "hw/misc/port61.h"
#include "hw/misc/port92.h"
#include "hw/misc/vmport.h"
#include "hw/pc/firmware.h"
#include "hw/pc/linux_boot.h"
#include "hw/pc/pc_impl.h"
#include "hw/pci/host_i440fx.h"
#include "hw/pci/piix3.h"
#include "hw/rtc/mc146818.h"
#include "hw/timer/i8254.h"

#define SLOT_PIIX3 1
#define SLOT_VGA 2
#define BIOS_WINDOW (128u << 10)
#define VGA_ROM "vgabios-stdvga.bin"
#define VGA_ROM_MAX (64u << 10)
#define OPTION_ROM_MAX (255u * 512)

static void map_io(struct pc *pc, struct region *region, uint16_t port)
{
    bus_map(pc->machine->io, region, port, 0);
}

/* Makes a device with default properties; NULL and error, as device_create(). */
static struct device *add(struct pc *pc, const struct device_class *class, const char *id, GError **error)
{
    return device_create(pc->machine, class, id, NULL, error);
}

static bool pc_add_timers(struct pc *pc, GError **error)
{
    pc->pit = add(pc, &i8254_class, "pit", error);
    pc->port61 = pc->pit != NULL ? add(pc, &port61_class, "port61", error) : NULL;
    pc->rtc = pc->port61 != NULL ? add(pc, &mc146818_class, "rtc", error) : NULL;
    if (pc->rtc == NULL) {
        return false;
    }
    map_io(pc, i8254_io(pc->pit), 0x40);
    map_io(pc, port61_io(pc->port61), 0x61);
    map_io(pc, mc146818_io(pc->rtc), 0x70);
    i8254_connect_out(pc->pit, 0, pc_irq(pc, 0, PC_IRQ_ISA));
    port61_connect_gate2(pc->port61, i8254_gate(pc->pit, 2));
    port61_connect_out2(pc->port61, i8254_output, pc->pit, 2);
    mc146818_connect_irq(pc->rtc, pc_irq(pc, 8, PC_IRQ_ISA));
    return true;
}

static bool pc_add_speaker(struct pc *pc, const struct pc_config *config, GError **error)
{
    struct device *speaker = add(pc, &pcspk_class, "pcspk", error);
    if (speaker == NULL) {
        return false;
    }
    pcspk_connect_source(speaker, pc->pit, pc->port61);
    if (config->audio != NULL) {
        pcspk_connect_audio(speaker, config->audio);
        i8254_watch(pc->pit, 2, pcspk_sync, pcspk_changed, speaker);
        port61_watch(pc->port61, pcspk_sync, pcspk_changed, speaker);
    }
    return true;
}

static bool pc_add_dma(struct pc *pc, GError **error)
{
    static const char *const slave[] = { "shift", "0", NULL }, *const master[] = { "shift", "1", NULL };
    pc->dma[0] = device_create(pc->machine, &i8237_class, "dma0", slave, error);
    pc->dma[1] = pc->dma[0] != NULL ? device_create(pc->machine, &i8237_class, "dma1", master, error) : NULL;
    if (pc->dma[1] == NULL) {
        return false;
    }
    map_io(pc, i8237_io(pc->dma[0]), 0x00);
    map_io(pc, i8237_io(pc->dma[1]), 0xc0);
    map_io(pc, i8237_pages(pc->dma[0]), 0x80);
    map_io(pc, i8237_pages(pc->dma[1]), 0x88);
    i8237_connect_hrq(pc->dma[0], i8237_dreq(pc->dma[1], 0));
    i8237_connect_dack(pc->dma[1], 0, i8237_hlda(pc->dma[0]));
    return true;
}

static bool pc_add_input(struct pc *pc, const struct pc_config *config, GError **error)
{
    pc->kbc = add(pc, &i8042_class, "i8042", error);
    pc->keyboard = pc->kbc != NULL ? add(pc, &ps2_keyboard_class, "keyboard", error) : NULL;
    pc->mouse = pc->keyboard != NULL ? add(pc, &ps2_mouse_class, "mouse", error) : NULL;
    pc->port92 = pc->mouse != NULL ? add(pc, &port92_class, "port92", error) : NULL;
    if (pc->port92 == NULL) {
        return false;
    }
    map_io(pc, i8042_data(pc->kbc), 0x60);
    map_io(pc, i8042_command(pc->kbc), 0x64);
    map_io(pc, port92_io(pc->port92), 0x92);
    i8042_connect_keyboard(pc->kbc, ps2_keyboard_port(pc->keyboard));
    i8042_connect_mouse(pc->kbc, ps2_mouse_port(pc->mouse));
    i8042_connect_kbd_irq(pc->kbc, pc_irq(pc, 1, PC_IRQ_ISA));
    i8042_connect_aux_irq(pc->kbc, pc_irq(pc, 12, PC_IRQ_ISA));
    i8042_connect_a20(pc->kbc, &pc->a20.in[0]);
    i8042_connect_reset(pc->kbc, &pc->reset.in[0]);
    port92_connect_a20(pc->port92, &pc->a20.in[1]);
    port92_connect_reset(pc->port92, &pc->reset.in[1]);
    if (config->input != NULL) {
        ps2_keyboard_connect_input(pc->keyboard, config->input);
        ps2_mouse_connect_input(pc->mouse, config->input);
    }
    return true;
}

static bool pc_add_vmmouse(struct pc *pc, const struct pc_config *config, GError **error)
{
    if (config->no_vmport) {
        return true;
    }
    struct device *port = add(pc, &vmport_class, "vmport", error);
    struct device *pointer = port != NULL ? add(pc, &vmmouse_class, "vmmouse", error) : NULL;
    if (pointer == NULL) {
        return false;
    }
    map_io(pc, vmport_io(port), VMPORT_BASE);
    vmmouse_connect(pointer, port, pc->mouse, config->input);
    return true;
}

static bool pc_add_serial(struct pc *pc, const struct pc_config *config, GError **error)
{
    static const uint16_t ports[PC_SERIAL_PORTS] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 };
    static const uint8_t irqs[PC_SERIAL_PORTS] = { 4, 3, 4, 3 };
    for (unsigned i = 0; i < PC_SERIAL_PORTS; i++) {
        if (!config->serial_present[i]) {
            continue;
        }
        g_autofree char *id = g_strdup_printf("serial%u", i);
        struct device *uart = add(pc, &uart16550_class, id, error);
        if (uart == NULL) {
            return false;
        }
        map_io(pc, uart16550_io(uart), ports[i]);
        /* Ports 2 and 3 share the interrupts of 0 and 1. */
        uart16550_connect_irq(uart, pc_irq(pc, irqs[i], i < 2 ? PC_IRQ_ISA : PC_IRQ_ISA_SHARED));
        uart16550_connect_chardev(uart, config->serial[i]);
    }
    return true;
}

static bool pc_add_parallel(struct pc *pc, const struct pc_config *config, GError **error)
{
    static const uint16_t ports[PC_PARALLEL_PORTS] = { 0x378, 0x278, 0x3bc };
    static const uint8_t irqs[PC_PARALLEL_PORTS] = { 7, 5, 7 };
    for (unsigned i = 0; i < PC_PARALLEL_PORTS; i++) {
        if (!config->parallel_present[i]) {
            continue;
        }
        g_autofree char *id = g_strdup_printf("parallel%u", i);
        struct device *port = add(pc, &parallel_class, id, error);
        if (port == NULL) {
            return false;
        }
        map_io(pc, parallel_io(port), ports[i]);
        parallel_connect_irq(port, pc_irq(pc, irqs[i], i < 2 ? PC_IRQ_ISA : PC_IRQ_ISA_SHARED));
        parallel_connect_chardev(port, config->parallel[i]);
    }
    return true;
}

static bool pc_add_debug_port(struct pc *pc, const char *id, uint16_t port, struct chardev *chr, GError **error)
{
    g_autofree char *base = g_strdup_printf("%u", port);
    /* A program recognises the port by reading its own low byte back. */
    g_autofree char *readback = g_strdup_printf("%u", 0xe9);
    const char *const properties[] = { "iobase", base, "readback", readback, NULL };
    struct device *dev = device_create(pc->machine, &debugcon_class, id, properties, error);
    if (dev == NULL) {
        return false;
    }
    debugcon_connect_chardev(dev, chr);
    map_io(pc, debugcon_io(dev), debugcon_iobase(dev));
    return true;
}

static bool pc_add_misc(struct pc *pc, const struct pc_config *config, GError **error)
{
    struct device *ferr = add(pc, &ferr_class, "ferr", error);
    pc->fw_cfg = ferr != NULL ? add(pc, &fw_cfg_class, "fw_cfg", error) : NULL;
    if (pc->fw_cfg == NULL) {
        return false;
    }
    map_io(pc, ferr_io(ferr), 0xf0);
    ferr_connect_irq(ferr, pc_irq(pc, 13, PC_IRQ_ISA));
    ferr_connect_ignne(ferr, &pc->ignne);
    pc->machine->ferr = ferr_assert;
    pc->machine->ferr_arg = ferr;
    map_io(pc, fw_cfg_io(pc->fw_cfg), 0x510);
    if (config->debugcon != NULL &&
        !pc_add_debug_port(pc, "debugcon", config->debugcon_iobase, config->debugcon, error)) {
        return false;
    }
    if (config->debug_exit) {
        g_autofree char *base = g_strdup_printf("%u", config->debug_exit_iobase);
        g_autofree char *size = g_strdup_printf("%u", config->debug_exit_iosize);
        const char *const properties[] = { "iobase", base, "iosize", size, NULL };
        struct device *dev = device_create(pc->machine, &isa_debug_exit_class, "debug-exit", properties, error);
        if (dev == NULL) {
            return false;
        }
        map_io(pc, isa_debug_exit_io(dev), isa_debug_exit_iobase(dev));
    }
    return true;
}

static bool pc_add_pci(struct pc *pc, GError **error)
{
    pc->host = add(pc, &i440fx_class, "i440fx", error);
    pc->piix3 = pc->host != NULL ? add(pc, &piix3_class, "piix3", error) : NULL;
    if (pc->piix3 == NULL) {
        return false;
    }
    struct pci_bus *bus = i440fx_bus(pc->host);
    i440fx_connect_memory(pc->host, pc->ram, pc->bios, MIN((uint32_t)pc->bios->size, BIOS_WINDOW));
    map_io(pc, &bus->address_port, 0xcf8);
    map_io(pc, &bus->data_port, 0xcfc);
    if (!piix3_attach(pc->piix3, bus, SLOT_PIIX3, error)) {
        return false;
    }
    for (unsigned n = 0; n < PC_ISA_IRQS; n++) {
        piix3_connect_isa(pc->piix3, n, pc_irq(pc, n, PC_IRQ_PCI));
    }
    return true;
}

static bool pc_add_vga(struct pc *pc, const struct pc_config *config, GError **error)
{
    if (!config->vga) {
        return true;
    }
    pc->vga = add(pc, &vga_pci_class, "vga", error);
    g_autoptr(GBytes) rom = pc->vga != NULL ? firmware_load(VGA_ROM, config->firmware_dirs, VGA_ROM_MAX, error) : NULL;
    if (rom == NULL || !vga_pci_set_rom(pc->vga, g_bytes_get_data(rom, NULL), g_bytes_get_size(rom), error) ||
        !pci_bus_add(i440fx_bus(pc->host), vga_pci_device(pc->vga), SLOT_VGA, 0, error)) {
        return false;
    }
    struct vga *core = vga_pci_core(pc->vga);
    vga_connect(core, pc->machine->memory, pc->machine->io, 0);
    if (config->display != NULL) {
        vga_attach_display(core, config->display);
    }
    return true;
}

/* Images that the firmware runs like the ROM of a card: -option-rom. */
static bool pc_add_option_roms(struct pc *pc, const struct pc_config *config, GError **error)
{
    for (const char *const *name = config->option_roms; name != NULL && *name != NULL; name++) {
        g_autoptr(GBytes) rom = firmware_load(*name, config->firmware_dirs, OPTION_ROM_MAX, error);
        g_autofree char *file = g_path_get_basename(*name);
        g_autofree char *path = g_strconcat("genroms/", file, NULL);
        gsize size = 0;
        const uint8_t *bytes = rom != NULL ? g_bytes_get_data(rom, &size) : NULL;
        if (bytes == NULL) {
            g_prefix_error(error, "-option-rom: ");
            return false;
        }
        if (size < 3 || bytes[0] != 0x55 || bytes[1] != 0xaa || bytes[2] * 512u > size || strlen(path) > 55) {
            g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                        "-option-rom: '%s' is no option ROM (55h AAh, its length in units of 512 bytes), or its name is too long",
                        *name);
            return false;
        }
        fw_cfg_set_file(pc->fw_cfg, path, bytes, size);
    }
    return true;
}

static bool pc_add_ide(struct pc *pc, const struct pc_config *config, GError **error)
{
    static const uint16_t command[] = { 0x1f0, 0x170 }, control[] = { 0x3f6, 0x376 };
    pc->ide = add(pc, &piix_ide_class, "ide", error);
    if (pc->ide == NULL || !pci_bus_add(i440fx_bus(pc->host), piix_ide_pci(pc->ide), SLOT_PIIX3, 1, error)) {
        return false;
    }
    for (unsigned n = 0; n < PIIX_IDE_CHANNELS; n++) {
        map_io(pc, piix_ide_command_region(pc->ide, n), command[n]);
        map_io(pc, piix_ide_control_region(pc->ide, n), control[n]);
        ide_channel_connect_irq(piix_ide_channel(pc->ide, n), pc_irq(pc, 14 + n, PC_IRQ_ISA));
    }
    for (unsigned i = 0; i < PC_IDE_DRIVES; i++) {
        const struct pc_drive_config *d = &config->drives[i];
        if (d->present &&
            !ide_channel_attach(piix_ide_channel(pc->ide, i / 2), i % 2, d->block, d->kind, &d->options, error)) {
            return false;
        }
    }
    return true;
}

static bool pc_add_floppy(struct pc *pc, const struct pc_config *config, GError **error)
{
    const struct pc_floppy_config *floppies = config->floppies;
    if (!floppies[0].present && !floppies[1].present) {
        return true;
    }
    pc->floppy = add(pc, &i82078_class, "fdc", error);
    if (pc->floppy == NULL) {
        return false;
    }
    map_io(pc, i82078_io(pc->floppy), 0x3f0);
    map_io(pc, i82078_dir(pc->floppy), 0x3f7);
    i82078_connect_irq(pc->floppy, pc_irq(pc, 6, PC_IRQ_ISA));
    i82078_connect_dma(pc->floppy, pc->dma[0], 2);
    for (unsigned i = 0; i < I82078_DRIVES; i++) {
        if (floppies[i].present &&
            !i82078_attach(pc->floppy, i, floppies[i].block, &floppies[i].options, error)) {
            return false;
        }
    }
    return true;
}

/* Power management, without which firmware makes no ACPI tables. */
static bool pc_add_acpi(struct pc *pc, const struct pc_config *config, GError **error)
{
    if (!config->acpi) {
        return true;
    }
    pc->pm = add(pc, &pm_class, "pm", error);
    if (pc->pm == NULL || !pci_bus_add(i440fx_bus(pc->host), pm_pci(pc->pm), SLOT_PIIX3, 3, error)) {
        return false;
    }
    pm_connect_sci(pc->pm, pc_irq(pc, 9, PC_IRQ_SCI));
    map_io(pc, pm_apm_io(pc->pm), 0xb2);
    map_io(pc, pm_gpe_io(pc->pm), 0xafe0);
    map_io(pc, pm_hotplug_io(pc->pm), 0xae0c);
    return true;
}

static bool pc_add_firmware_data(struct pc *pc, const struct pc_config *config, GError **error)
{
    pc_memmap_describe(pc);
    pc_cmos_fill(pc, config);
    pc_smbios_fill(pc, config);
    pc_acpi_fill(pc, config);
    if (!pc_boot_places_tell(pc, config, error) || !pc_add_option_roms(pc, config, error)) {
        return false;
    }
    return config->kernel == NULL ||
           linux_boot_load(pc->fw_cfg, pc->below_4g, config->kernel, config->initrd, config->append, error);
}

struct pc *pc_create(struct machine *machine)
{
    struct pc *pc = g_new0(struct pc, 1);
    pc->machine = machine;
    return pc;
}

bool pc_build(struct pc *pc, const struct pc_config *config, GError **error)
{
    struct machine *machine = pc->machine;
    pc->cpus = MAX(config->cpus, 1);
    lock_acquire(&machine->lock);
    bus_begin(machine->memory);
    bus_begin(machine->io);
    bool ok = pc_memmap_create(pc, config, error) && pc_irq_create(pc, pc->cpus, error) && pc_add_timers(pc, error) &&
              pc_add_speaker(pc, config, error) &&
              pc_add_dma(pc, error) && pc_add_input(pc, config, error) && pc_add_vmmouse(pc, config, error) &&
              pc_add_serial(pc, config, error) &&
              pc_add_parallel(pc, config, error) &&
              pc_add_misc(pc, config, error) && pc_add_pci(pc, error) && pc_add_vga(pc, config, error) &&
              pc_add_ide(pc, config, error) && pc_add_floppy(pc, config, error) && pc_add_acpi(pc, config, error) && pc_add_nics(pc, config, error) &&
              pc_add_firmware_data(pc, config, error);
    bus_commit(machine->io);
    bus_commit(machine->memory);
    lock_release(&machine->lock);
    return ok;
}

void pc_destroy(struct pc *pc)
{
    if (pc == NULL) {
        return;
    }
    pc_memmap_destroy(pc);
    pc_boot_places_free(pc);
    g_free(pc->boot_order);
    g_free(pc);
}

bool pc_press_power_button(struct pc *pc)
{
    if (pc->pm != NULL) {
        pm_press_power_button(pc->pm);
    }
    return pc->pm != NULL;
}

struct ide_drive *pc_ide_drive(struct pc *pc, unsigned index)
{
    return index < PC_IDE_DRIVES ? ide_channel_drive_at(piix_ide_channel(pc->ide, index / 2), index % 2) : NULL;
}

struct device *pc_floppy(struct pc *pc)
{
    return pc->floppy;
}

void pc_print_pci(struct pc *pc, GString *out)
{
    pci_bus_print(i440fx_bus(pc->host), out);
}
