/*
 * The list of device classes. A new device adds its header and one line; the catalog test then tries it.
 */
#include "hw/catalog.h"

#include <stddef.h>
#include <string.h>

/* One #include per chip, sorted. */
#include "hw/acpi/pm.h"
#include "hw/audio/pcspk.h"
#include "hw/char/debugcon.h"
#include "hw/char/parallel.h"
#include "hw/char/uart16550.h"
#include "hw/display/vga_isa.h"
#include "hw/display/vga_pci.h"
#include "hw/dma/i8237.h"
#include "hw/floppy/i82078.h"
#include "hw/ide/piix_ide.h"
#include "hw/input/i8042.h"
#include "hw/input/ps2_keyboard.h"
#include "hw/input/ps2_mouse.h"
#include "hw/input/vmmouse.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "hw/intc/lapic.h"
#include "hw/misc/ferr.h"
#include "hw/misc/flat_output.h"
#include "hw/misc/fw_cfg.h"
#include "hw/misc/isa_debug_exit.h"
#include "hw/misc/pflash_cfi01.h"
#include "hw/misc/port61.h"
#include "hw/misc/port92.h"
#include "hw/misc/vmport.h"
#include "hw/net/e1000.h"
#include "hw/net/ne2k.h"
#include "hw/pci/host_i440fx.h"
#include "hw/pci/piix3.h"
#include "hw/rtc/mc146818.h"
#include "hw/timer/i8254.h"

/* One line per class, sorted by header. */
static const struct device_class *const classes[] = {
    &pm_class,
    &debugcon_class,
    &uart16550_class,
    &parallel_class,
    &pcspk_class,
    &vmport_class,
    &vmmouse_class,
    &vga_isa_class,
    &vga_pci_class,
    &i8237_class,
    &i82078_class,
    &piix_ide_class,
    &i8042_class,
    &ps2_keyboard_class,
    &ps2_mouse_class,
    &i8259_class,
    &ioapic_class,
    &lapic_class,
    &ferr_class,
    &flat_output_class,
    &fw_cfg_class,
    &isa_debug_exit_class,
    &pflash_cfi01_class,
    &port61_class,
    &port92_class,
    &e1000_class,
    &ne2k_isa_class,
    &ne2k_pci_class,
    &i440fx_class,
    &piix3_class,
    &mc146818_class,
    &i8254_class,
    NULL,
};

const struct device_class *const *catalog_classes(void)
{
    return classes;
}

const struct device_class *catalog_find(const char *name)
{
    for (const struct device_class *const *class = classes; *class; class++) {
        if (strcmp((*class)->name, name) == 0) {
            return *class;
        }
    }
    return NULL;
}
