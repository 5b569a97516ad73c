/*
 * Intel 82441FX. See the header for the model and the data sheet sections.
 */
#include "hw/pci/host_i440fx.h"

#include <string.h>

#include "core/machine.h"
#include "core/ram.h"

#define PAM_READ  1 /* bits of a nibble of a PAM register */
#define PAM_WRITE 2

#define SMRAM_BASE     0xa0000
#define SMRAM_SIZE     0x20000
#define SMRAM_WRITABLE \
    (I440FX_SMRAM_D_OPEN | I440FX_SMRAM_D_CLS | I440FX_SMRAM_D_LCK | I440FX_SMRAM_G_SMRAME)

/* Area 0 is the BIOS segment (high nibble of PAM0), the others follow from C0000h, 16 KiB each. */
static unsigned pam_bits(const struct i440fx *host, unsigned area)
{
    unsigned offset = I440FX_PAM0 + (area + 1) / 2;
    unsigned shift = area % 2 == 0 ? 4 : 0;

    return (host->pci.config[offset] >> shift) & (PAM_READ | PAM_WRITE);
}

static void pam_drive(struct i440fx *host, unsigned area)
{
    struct i440fx_pam *pam = &host->pam[area];
    unsigned bits = pam_bits(host, area);

    if (bits == PAM_READ) {
        mapping_retarget(pam->mapping, &pam->protected);
    } else if (bits == PAM_WRITE) {
        mapping_retarget(pam->mapping, &pam->write_only);
    } else {
        mapping_retarget(pam->mapping, &pam->ram);
    }
    mapping_enable(pam->mapping, bits != 0);
}

static bool smram_visible(const struct i440fx *host)
{
    uint8_t smram = host->pci.config[I440FX_SMRAM];

    return (smram & I440FX_SMRAM_D_OPEN) != 0 ||
           (host->smm && (smram & I440FX_SMRAM_G_SMRAME) != 0);
}

static void i440fx_drive(struct device *dev)
{
    struct i440fx *host = (struct i440fx *)dev;
    bool locked = (host->pci.config[I440FX_SMRAM] & I440FX_SMRAM_D_LCK) != 0;

    host->pci.writable[I440FX_SMRAM] = locked ? I440FX_SMRAM_D_CLS : SMRAM_WRITABLE;
    bus_begin(dev->machine->memory);
    pci_drive(&host->pci);
    if (host->dram != NULL) {
        for (unsigned i = 0; i < I440FX_PAM_AREAS; i++) {
            pam_drive(host, i);
        }
        mapping_enable(host->smram_mapping, smram_visible(host));
    }
    bus_commit(dev->machine->memory);
}

static void i440fx_written(struct pci_device *pci, unsigned offset, unsigned size)
{
    uint8_t *smram = &pci->config[I440FX_SMRAM];

    if (*smram & I440FX_SMRAM_D_LCK) {
        *smram &= (uint8_t)~I440FX_SMRAM_D_OPEN;
    }
    i440fx_drive(pci->dev);
}

static void smm_changed(void *sink, unsigned n, bool level)
{
    struct i440fx *host = sink;

    host->smm = level;
    i440fx_drive(&host->dev);
}

static uint64_t no_rom_read(void *owner, uint64_t offset, unsigned size)
{
    return UINT64_MAX;
}

/* Stores of write-only areas. The bus has split the access, so it stays inside the area. */
static void shadow_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct i440fx_pam *pam = owner;
    struct ram *dram = pam->host->dram;

    for (unsigned i = 0; i < size; i++) {
        dram->host[pam->base + offset + i] = (uint8_t)(value >> (8 * i));
    }
    ram_touched(dram, pam->base + offset, size);
}

static const struct region_ops shadow_ops = {no_rom_read, shadow_write, 1, 8};

static void pam_connect(struct i440fx *host, struct i440fx_pam *pam, struct ram *bios,
                        uint32_t bios_window)
{
    struct bus *memory = host->dev.machine->memory;
    uint32_t end = pam->base + pam->size;

    region_init_ram(&pam->ram, "shadow-ram", host->dram, pam->base, pam->size);
    region_init_rom(&pam->protected, "shadow-rom", host->dram, pam->base, pam->size);
    if (bios != NULL && 0x100000 - pam->base <= bios_window) {
        region_init_rom(&pam->write_only, "shadow-fill", bios, bios->size - 0x100000 + pam->base,
                        pam->size);
        pam->write_only.ops = &shadow_ops;
        pam->write_only.owner = pam;
    } else {
        region_init_io(&pam->write_only, "shadow-fill", pam->size, &shadow_ops, pam);
    }
    g_assert(end <= host->dram->size);
    pam->mapping = bus_map(memory, &pam->ram, pam->base, I440FX_PRIORITY);
    mapping_enable(pam->mapping, false);
}

void i440fx_connect_memory(struct device *dev, struct ram *dram, struct ram *bios,
                           uint32_t bios_window)
{
    struct i440fx *host = (struct i440fx *)dev;
    struct bus *memory = dev->machine->memory;
    uint64_t rows = dram->size >> 23;

    g_assert(host->dram == NULL && dram->size >= 0x100000);
    g_assert(bios == NULL || (bios_window <= bios->size && bios_window % 0x4000 == 0));
    host->dram = dram;
    for (unsigned i = 0; i < 8; i++) {
        pci_default_u8(&host->pci, I440FX_DRB0 + i, (uint8_t)MIN(MAX(rows, 1), 0xff));
    }
    bus_begin(memory);
    for (unsigned i = 0; i < I440FX_PAM_AREAS; i++) {
        pam_connect(host, &host->pam[i], bios, bios_window);
    }
    region_init_ram(&host->smram, "smram", dram, SMRAM_BASE, SMRAM_SIZE);
    host->smram_mapping = bus_map(memory, &host->smram, SMRAM_BASE, I440FX_PRIORITY);
    mapping_enable(host->smram_mapping, false);
    bus_commit(memory);
}

struct pci_bus *i440fx_bus(struct device *dev)
{
    return &((struct i440fx *)dev)->bus;
}

/* Chip-specific registers (data sheet table 5): value after reset and writable bits. */
static const struct {
    uint8_t offset, value, writable;
} registers[] = {
    {0x50, 0x00, 0x70}, {0x51, 0x00, 0xff}, {0x53, 0x80, 0xff}, {0x54, 0x02, 0xff},
    {0x55, 0x00, 0xff}, {0x56, 0x00, 0xff}, {0x57, 0x01, 0xff}, {0x58, 0x10, 0xff},
    {0x59, 0x00, 0x70}, {0x5a, 0x00, 0x77}, {0x5b, 0x00, 0x77}, {0x5c, 0x00, 0x77},
    {0x5d, 0x00, 0x77}, {0x5e, 0x00, 0x77}, {0x5f, 0x00, 0x77}, {0x60, 0x01, 0xff},
    {0x61, 0x01, 0xff}, {0x62, 0x01, 0xff}, {0x63, 0x01, 0xff}, {0x64, 0x01, 0xff},
    {0x65, 0x01, 0xff}, {0x66, 0x01, 0xff}, {0x67, 0x01, 0xff}, {0x68, 0x00, 0xc0},
    {0x70, 0x20, 0xff}, {0x71, 0x10, 0xff}, {0x72, 0x02, SMRAM_WRITABLE},
    {0x90, 0x00, 0xff}, {0x93, 0x00, 0x0b},
};

static bool i440fx_create(struct device *dev, GError **error)
{
    static const struct pci_identity identity = {
        .vendor = 0x8086, .device = 0x1237, .class_code = 0x0600, .revision = 2};
    struct i440fx *host = (struct i440fx *)dev;

    pci_init(&host->pci, dev, &identity);
    host->pci.written = i440fx_written;
    pci_default_u16(&host->pci, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    pci_writable_u16(&host->pci, PCI_COMMAND, PCI_COMMAND_SERR | PCI_COMMAND_PARITY);
    pci_default_u16(&host->pci, PCI_STATUS, PCI_STATUS_DEVSEL_MEDIUM | PCI_STATUS_FAST_BACK);
    for (unsigned i = 0; i < G_N_ELEMENTS(registers); i++) {
        pci_default_u8(&host->pci, registers[i].offset, registers[i].value);
        pci_writable_u8(&host->pci, registers[i].offset, registers[i].writable);
    }
    for (unsigned i = 0; i < I440FX_PAM_AREAS; i++) {
        struct i440fx_pam *pam = &host->pam[i];

        pam->host = host;
        pam->base = i == 0 ? 0xf0000 : 0xc0000 + (i - 1) * 0x4000;
        pam->size = i == 0 ? 0x10000 : 0x4000;
    }
    irq_init(&host->smm_input, "smm", smm_changed, host, 0);
    dev->inputs = &host->smm_input;
    dev->input_count = 1;
    pci_bus_init(&host->bus, dev);
    return pci_bus_add(&host->bus, &host->pci, 0, 0, error);
}

static void i440fx_reset(struct device *dev)
{
    struct i440fx *host = (struct i440fx *)dev;

    pci_reset(&host->pci);
    host->smm = false;
    host->bus.config_address = 0;
}

static void i440fx_loaded(struct device *dev)
{
    struct i440fx *host = (struct i440fx *)dev;

    host->pci.writable[I440FX_SMRAM] = SMRAM_WRITABLE;
    pci_loaded(&host->pci);
    host->bus.config_address &= PCI_CONFIG_ADDRESS_WRITABLE;
}

static void i440fx_destroy(struct device *dev)
{
    struct i440fx *host = (struct i440fx *)dev;
    struct bus *memory = dev->machine->memory;

    if (host->dram != NULL) {
        bus_begin(memory);
        for (unsigned i = 0; i < I440FX_PAM_AREAS; i++) {
            bus_unmap(memory, host->pam[i].mapping);
        }
        bus_unmap(memory, host->smram_mapping);
        bus_commit(memory);
    }
    pci_finish(&host->pci);
}

static const struct field i440fx_fields[] = {
    FIELD_STRUCT(struct i440fx, pci, pci_device_fields),
    FIELD_STRUCT(struct i440fx, bus, pci_bus_fields),
    FIELD_BOOL(struct i440fx, smm),
    FIELD_END,
};

const struct device_class i440fx_class = {
    .name = "i440FX-pcihost",
    .description = "Intel 82441FX host bridge and PCI bus",
    .state_size = sizeof(struct i440fx),
    .fields = i440fx_fields,
    .create = i440fx_create,
    .reset = i440fx_reset,
    .drive = i440fx_drive,
    .loaded = i440fx_loaded,
    .destroy = i440fx_destroy,
};
