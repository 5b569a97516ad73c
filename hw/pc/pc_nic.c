/*
 * Network cards of the board: one table says which models there are, of which class, and with which boot ROM (iPXE's, from
 * the package ipxe-qemu).
 */
#include <string.h>

#include "hw/misc/fw_cfg.h"
#include "hw/net/e1000.h"
#include "hw/net/ne2k.h"
#include "hw/pc/firmware.h"
#include "hw/pc/pc_impl.h"
#include "hw/pci/config.h"
#include "hw/pci/host_i440fx.h"
#include "hw/pci/pci_bus.h"

#define SLOT_FIRST  3
#define ROM_MAX     (256u << 10)
#define ISA_IO_STEP 0x20u
#define ISA_IO_BASE 0x300u
#define ISA_CARDS   4

struct nic_model {
    const char *names; /* separated by blanks; the first is the class's */
    const struct device_class *class;
    const char *rom; /* less its prefix: pxe- for the BIOS, efi- for UEFI; NULL for ISA */
    struct pci_device *(*pci)(struct device *dev);
    bool (*set_rom)(struct device *dev, const void *image, size_t size, GError **error);
    void (*connect)(struct device *dev, struct net_port *port);
};

static const struct nic_model models[] = {
    { "e1000 e1000-82540em", &e1000_class, "e1000.rom", e1000_pci, e1000_set_rom, e1000_connect_port },
    { "ne2k_pci ne2k-pci rtl8029", &ne2k_pci_class, "ne2k_pci.rom", ne2k_pci, ne2k_pci_set_rom,
      ne2k_pci_connect_port },
    { "ne2k_isa ne2k-isa", &ne2k_isa_class, NULL, NULL, NULL, ne2k_isa_connect_port },
};

static const struct nic_model *find_model(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        g_auto(GStrv) names = g_strsplit(models[i].names, " ", -1);
        if (g_strv_contains((const char *const *)names, name)) {
            return &models[i];
        }
    }
    return NULL;
}

const char *pc_nic_model(const char *name)
{
    const struct nic_model *model = find_model(name);
    return model != NULL ? model->class->name : NULL;
}

/* Debian's build of a ROM for a family of cards names no card: puts ours into its PCI data structure (PCI Firmware
 * Specification 3.0, 5.1.2), as the BIOS compares it, and keeps the sum of all bytes by changing byte 6, iPXE's own
 * checksum. */
static void name_card(uint8_t *rom, size_t size, const struct pci_device *pci)
{
    size_t at = size > 0x1a ? (size_t)(rom[0x18] | rom[0x19] << 8) : size;
    if (at + 8 > size || memcmp(rom + at, "PCIR", 4) != 0 ||
        (rom[at + 4] | rom[at + 5] | rom[at + 6] | rom[at + 7]) != 0) {
        return;
    }
    const uint8_t *ids = pci->defaults + PCI_VENDOR_ID; /* vendor and device; before the first reset */
    for (unsigned i = 0; i < 4; i++) {
        rom[at + 4 + i] = ids[i];
        rom[6] = (uint8_t)(rom[6] - ids[i]);
    }
}

/* Network boot is an extra: without the ROM's package a machine still starts. A kernel that is given needs no
 * ROM, and starts sooner without; one that is asked for by name is there all the same. */
static bool add_rom(struct pc *pc, const struct pc_config *config, const struct pc_nic_config *nic,
                    const struct nic_model *model, struct device *dev, GError **error)
{
    g_autoptr(GError) why = NULL;
    if (nic->romfile != NULL ? nic->romfile[0] == '\0' : config->kernel != NULL) {
        return true;
    }
    g_autofree char *usual = g_strconcat(pc_firmware_is_uefi(pc) ? "efi-" : "pxe-", model->rom, NULL);
    g_autoptr(GBytes) rom =
        firmware_load(nic->romfile != NULL ? nic->romfile : usual, config->firmware_dirs, ROM_MAX, &why);
    const char *order = config->boot_once != NULL ? config->boot_once : config->boot_order;
    if (rom == NULL && nic->romfile != NULL) {
        g_propagate_prefixed_error(error, g_steal_pointer(&why), "network card '%s': romfile=: ", nic->id);
        return false;
    }
    if (rom == NULL && (nic->bootindex >= 0 || (order != NULL && strchr(order, 'n') != NULL))) {
        warn_once(pc->machine->log, "no network boot: %s not found; remedy: apt-get install ipxe-qemu", usual);
    }
    if (rom == NULL) {
        return true;
    }
    gsize size;
    g_autofree uint8_t *image = g_bytes_unref_to_data(g_steal_pointer(&rom), &size);
    name_card(image, size, model->pci(dev));
    return model->set_rom(dev, image, size, error);
}

static bool add_pci(struct pc *pc, const struct pc_config *config, const struct pc_nic_config *nic,
                    const struct nic_model *model, GError **error)
{
    const char *const properties[] = { "mac", nic->mac, NULL };
    struct pci_bus *bus = i440fx_bus(pc->host);
    struct device *dev = device_create(pc->machine, model->class, nic->id, properties, error);
    bool placed = nic->slot >= 0;
    int slot = placed ? nic->slot : pci_bus_free_slot(bus, SLOT_FIRST);
    if (dev == NULL || !add_rom(pc, config, nic, model, dev, error) ||
        !pci_bus_add(bus, model->pci(dev), (unsigned)slot, placed ? nic->function : 0, error)) {
        return false;
    }
    model->connect(dev, nic->port);
    return true;
}

/* The n-th ISA card's place follows from its number unless it is given. */
static bool add_isa(struct pc *pc, const struct pc_nic_config *nic, const struct nic_model *model, unsigned n,
                    GError **error)
{
    static const char *const irqs[ISA_CARDS] = { "9", "10", "11", "3" };
    g_autofree char *iobase = g_strdup_printf("%u", ISA_IO_BASE + (n % ISA_CARDS) * ISA_IO_STEP);
    const char *const properties[] = {
        "mac", nic->mac, "iobase", nic->iobase != NULL ? nic->iobase : iobase,
        "irq", nic->irq != NULL ? nic->irq : irqs[n % ISA_CARDS], NULL
    };
    struct device *dev = device_create(pc->machine, model->class, nic->id, properties, error);
    if (dev == NULL) {
        return false;
    }
    bus_map(pc->machine->io, ne2k_isa_io(dev), ne2k_isa_iobase(dev), 0);
    ne2k_isa_connect_irq(dev, pc_irq(pc, ne2k_isa_irq(dev), PC_IRQ_ISA_SHARED));
    model->connect(dev, nic->port);
    return true;
}

/* An Open Firmware path, as SeaBIOS compares them. */
static bool set_boot_place(struct pc *pc, const struct pc_nic_config *nic, GError **error)
{
    const struct nic_model *model = find_model(nic->model != NULL ? nic->model : "e1000");
    if (nic->bootindex < 0 || model->pci == NULL) {
        return true;
    }
    unsigned devfn = model->pci(machine_find_device(pc->machine, nic->id))->devfn;
    g_autofree char *function = (devfn & 7) != 0 ? g_strdup_printf(",%x", devfn & 7) : g_strdup("");
    g_autofree char *path = g_strdup_printf("/pci@i0cf8/ethernet@%x%s/ethernet-phy@0", devfn >> 3, function);
    g_autofree char *name = g_strdup_printf("network card '%s'", nic->id);
    return pc_boot_place(pc, nic->bootindex, name, path, error);
}

bool pc_add_nics(struct pc *pc, const struct pc_config *config, GError **error)
{
    unsigned isa_cards = 0;
    /* Those with a place of their own come first: the others take what is left. */
    for (unsigned i = 0; i < 2 * config->nic_count; i++) {
        const struct pc_nic_config *nic = &config->nics[i % config->nic_count];
        const struct nic_model *model = find_model(nic->model != NULL ? nic->model : "e1000");
        if ((nic->slot >= 0) != (i < config->nic_count)) {
            continue;
        }
        if (model == NULL) {
            g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                        "network card '%s': there is no such model; there is " PC_NIC_MODELS, nic->model);
            return false;
        }
        if (!(model->pci != NULL ? add_pci(pc, config, nic, model, error)
                                 : add_isa(pc, nic, model, isa_cards++, error))) {
            return false;
        }
    }
    for (unsigned i = 0; i < config->nic_count; i++) {
        if (!set_boot_place(pc, &config->nics[i], error)) {
            return false;
        }
    }
    return true;
}
