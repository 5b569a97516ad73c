/*
 * Configuration space of a PCI function. See the header for the model; PCI 2.3 chapter 6 for the registers.
 */
#include "hw/pci/config.h"

#include <string.h>

#include "core/machine.h"
#include "core/ram.h"
#include "hw/pci/pci_bus.h"

#define PCI_ROM_MAX (16u << 20)

const struct field pci_device_fields[] = {
    FIELD_BYTES(struct pci_device, config),
    FIELD_END,
};

static void put_le(uint8_t *bytes, unsigned offset, uint32_t value, unsigned size)
{
    g_assert(offset + size <= PCI_CONFIG_SIZE);
    for (unsigned i = 0; i < size; i++) {
        bytes[offset + i] = (uint8_t)(value >> (8 * i));
    }
}

static uint32_t get_le(const uint8_t *bytes, unsigned offset, unsigned size)
{
    uint32_t value = 0;

    g_assert(offset + size <= PCI_CONFIG_SIZE);
    for (unsigned i = 0; i < size; i++) {
        value |= (uint32_t)bytes[offset + i] << (8 * i);
    }
    return value;
}

void pci_default_u8(struct pci_device *pci, unsigned offset, uint8_t value)
{
    put_le(pci->defaults, offset, value, 1);
}

void pci_default_u16(struct pci_device *pci, unsigned offset, uint16_t value)
{
    put_le(pci->defaults, offset, value, 2);
}

void pci_default_u32(struct pci_device *pci, unsigned offset, uint32_t value)
{
    put_le(pci->defaults, offset, value, 4);
}

void pci_writable_u8(struct pci_device *pci, unsigned offset, uint8_t mask)
{
    put_le(pci->writable, offset, mask, 1);
}

void pci_writable_u16(struct pci_device *pci, unsigned offset, uint16_t mask)
{
    put_le(pci->writable, offset, mask, 2);
}

void pci_writable_u32(struct pci_device *pci, unsigned offset, uint32_t mask)
{
    put_le(pci->writable, offset, mask, 4);
}

uint8_t pci_get_u8(const struct pci_device *pci, unsigned offset)
{
    return (uint8_t)get_le(pci->config, offset, 1);
}

uint16_t pci_get_u16(const struct pci_device *pci, unsigned offset)
{
    return (uint16_t)get_le(pci->config, offset, 2);
}

uint32_t pci_get_u32(const struct pci_device *pci, unsigned offset)
{
    return get_le(pci->config, offset, 4);
}

void pci_init(struct pci_device *pci, struct device *dev, const struct pci_identity *identity)
{
    bool plain = identity->subsystem_vendor == 0 && identity->subsystem_device == 0;

    memset(pci, 0, sizeof(*pci));
    pci->dev = dev;
    pci_default_u16(pci, PCI_VENDOR_ID, identity->vendor);
    pci_default_u16(pci, PCI_DEVICE_ID, identity->device);
    pci_default_u8(pci, PCI_REVISION_ID, identity->revision);
    pci_default_u8(pci, PCI_CLASS_PROG, identity->prog_if);
    pci_default_u16(pci, PCI_CLASS_CODE, identity->class_code);
    pci_default_u16(pci, PCI_SUBSYSTEM_VENDOR_ID,
                    plain ? PCI_SUBSYSTEM_VENDOR_DEFAULT : identity->subsystem_vendor);
    pci_default_u16(pci, PCI_SUBSYSTEM_ID,
                    plain ? PCI_SUBSYSTEM_DEVICE_DEFAULT : identity->subsystem_device);
    pci_default_u8(pci, PCI_INTERRUPT_PIN, identity->interrupt_pin);

    pci_writable_u16(pci, PCI_COMMAND,
                     PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
                         PCI_COMMAND_PARITY | PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE);
    put_le(pci->clear, PCI_STATUS, PCI_STATUS_W1C, 2);
    if (identity->interrupt_pin != 0) {
        put_le(pci->chip, PCI_STATUS, PCI_STATUS_INTERRUPT, 2);
        pci_writable_u8(pci, PCI_INTERRUPT_LINE, 0xff);
    }
    pci_writable_u8(pci, PCI_CACHE_LINE_SIZE, 0xff);
    pci_writable_u8(pci, PCI_LATENCY_TIMER, 0xff);
}

static void bar_drop(struct bus *space, struct pci_bar *bar)
{
    if (bar->mapping != NULL) {
        bus_unmap(space, bar->mapping);
        bar->mapping = NULL;
    }
}

static struct bus *bar_space(const struct pci_device *pci, const struct pci_bar *bar)
{
    struct machine *machine = pci->dev->machine;

    return bar->kind == PCI_BAR_IO ? machine->io : machine->memory;
}

void pci_finish(struct pci_device *pci)
{
    if (pci->dev == NULL) {
        return;
    }
    for (unsigned i = 0; i < PCI_BAR_COUNT; i++) {
        bar_drop(bar_space(pci, &pci->bars[i]), &pci->bars[i]);
    }
    bar_drop(pci->dev->machine->memory, &pci->rom);
    ram_destroy(pci->rom_ram);
    pci->rom_ram = NULL;
    if (pci->bus != NULL) {
        irq_set(&pci->intx, false);
        pci->bus->devices[pci->devfn] = NULL;
        pci->bus = NULL;
    }
}

static bool is_64(enum pci_bar_kind kind)
{
    return kind == PCI_BAR_MEMORY64 || kind == PCI_BAR_MEMORY64_PREFETCH;
}

void pci_add_bar(struct pci_device *pci, unsigned index, enum pci_bar_kind kind, uint64_t size,
                 struct region *region)
{
    unsigned offset = PCI_BASE_ADDRESS_0 + 4 * index;

    g_assert(index < PCI_BAR_COUNT && !pci->bars[index].present);
    g_assert(size >= (kind == PCI_BAR_IO ? 4 : 16) && (size & (size - 1)) == 0);
    g_assert(is_64(kind) ? index + 1 < PCI_BAR_COUNT : size <= (1u << 31));
    pci->bars[index] = (struct pci_bar){
        .present = true, .kind = kind, .size = size, .region = region};
    pci_default_u32(pci, offset, kind);
    pci_writable_u32(pci, offset, (uint32_t)~(size - 1));
    if (is_64(kind)) {
        pci_writable_u32(pci, offset + 4, (uint32_t)(~(size - 1) >> 32));
    }
}

bool pci_set_rom(struct pci_device *pci, const void *image, size_t size, GError **error)
{
    uint64_t bar_size = RAM_PAGE_SIZE;

    g_assert(pci->rom_ram == NULL);
    if (size == 0 || size > PCI_ROM_MAX) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "option ROM of '%s' has %zu bytes, but it must have 1 to %u", pci->dev->id,
                    size, PCI_ROM_MAX);
        return false;
    }
    while (bar_size < size) {
        bar_size *= 2;
    }
    pci->rom_ram = ram_create("pci-rom", bar_size, error);
    if (pci->rom_ram == NULL) {
        return false;
    }
    memset(pci->rom_ram->host, 0xff, bar_size);
    memcpy(pci->rom_ram->host, image, size);
    region_init_rom(&pci->rom_region, "pci-rom", pci->rom_ram, 0, bar_size);
    pci->rom = (struct pci_bar){
        .present = true, .kind = PCI_BAR_MEMORY, .size = bar_size, .region = &pci->rom_region};
    pci_writable_u32(pci, PCI_ROM_ADDRESS, (uint32_t)~(bar_size - 1) | PCI_ROM_ADDRESS_ENABLE);
    return true;
}

void pci_add_capability(struct pci_device *pci, uint8_t id, uint8_t offset, uint8_t size)
{
    g_assert(offset >= 0x40 && (offset & 3) == 0 && size >= 2 && offset + size <= PCI_CONFIG_SIZE);
    pci_default_u8(pci, offset, id);
    pci_default_u8(pci, offset + 1, pci->defaults[PCI_CAPABILITY_LIST]);
    pci_default_u8(pci, PCI_CAPABILITY_LIST, offset);
    pci_default_u16(pci, PCI_STATUS,
                    (uint16_t)(get_le(pci->defaults, PCI_STATUS, 2) | PCI_STATUS_CAP_LIST));
}

void pci_reset(struct pci_device *pci)
{
    memcpy(pci->config, pci->defaults, sizeof(pci->config));
}

void pci_loaded(struct pci_device *pci)
{
    for (unsigned i = 0; i < PCI_CONFIG_SIZE; i++) {
        uint8_t own = pci->writable[i] | pci->clear[i] | pci->chip[i];

        pci->config[i] = (uint8_t)((pci->config[i] & own) | (pci->defaults[i] & ~own));
    }
}

uint64_t pci_bar_base(const struct pci_device *pci, unsigned index)
{
    const struct pci_bar *bar = &pci->bars[index];
    unsigned offset = PCI_BASE_ADDRESS_0 + 4 * index;
    uint64_t base;

    g_assert(index < PCI_BAR_COUNT);
    if (!bar->present) {
        return 0;
    }
    base = pci_get_u32(pci, offset);
    if (is_64(bar->kind)) {
        base |= (uint64_t)pci_get_u32(pci, offset + 4) << 32;
    }
    return base & ~(bar->size - 1);
}

/* Address 0 means "not set up", and what reaches past the top of the space is a size being probed. */
static bool base_is_sane(const struct pci_bar *bar, uint64_t base)
{
    uint64_t limit = bar->kind == PCI_BAR_IO ? 0x10000
                     : is_64(bar->kind)      ? UINT64_C(1) << 52
                                             : UINT64_C(1) << 32;

    return base != 0 && base < limit && bar->size < limit && base <= limit - bar->size &&
           base + bar->size != limit;
}

static void bar_drive(struct pci_device *pci, struct pci_bar *bar, uint64_t base, bool enabled)
{
    enabled = enabled && bar->region != NULL && base_is_sane(bar, base);
    if (enabled && bar->mapping == NULL) {
        bar->mapping = bus_map(bar_space(pci, bar), bar->region, base, PCI_BAR_PRIORITY);
    } else if (bar->mapping != NULL && (enabled != bar->enabled || base != bar->base)) {
        if (enabled) {
            mapping_move(bar->mapping, base);
        }
        mapping_enable(bar->mapping, enabled);
    }
    bar->base = base;
    bar->enabled = enabled;
}

static void intx_drive(struct pci_device *pci)
{
    bool request = (pci_get_u16(pci, PCI_STATUS) & PCI_STATUS_INTERRUPT) != 0;
    bool disabled = (pci_get_u16(pci, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE) != 0;

    if (pci->bus != NULL) {
        irq_set(&pci->intx, request && !disabled);
    }
}

void pci_drive(struct pci_device *pci)
{
    struct machine *machine = pci->dev->machine;
    uint16_t command = pci_get_u16(pci, PCI_COMMAND);
    bool memory = (command & PCI_COMMAND_MEMORY) != 0;
    bool io = (command & PCI_COMMAND_IO) != 0;

    bus_begin(machine->memory);
    bus_begin(machine->io);
    for (unsigned i = 0; i < PCI_BAR_COUNT; i++) {
        struct pci_bar *bar = &pci->bars[i];

        if (bar->present) {
            bar_drive(pci, bar, pci_bar_base(pci, i), bar->kind == PCI_BAR_IO ? io : memory);
        }
    }
    if (pci->rom.present) {
        uint32_t address = pci_get_u32(pci, PCI_ROM_ADDRESS);

        bar_drive(pci, &pci->rom, address & ~(pci->rom.size - 1),
                  memory && (address & PCI_ROM_ADDRESS_ENABLE));
    }
    bus_commit(machine->io);
    bus_commit(machine->memory);
    intx_drive(pci);
}

void pci_intx_set(struct pci_device *pci, bool level)
{
    uint16_t status = pci_get_u16(pci, PCI_STATUS);

    put_le(pci->config, PCI_STATUS,
           level ? status | PCI_STATUS_INTERRUPT : status & ~PCI_STATUS_INTERRUPT, 2);
    intx_drive(pci);
}

bool pci_is_master(const struct pci_device *pci)
{
    return (pci_get_u16(pci, PCI_COMMAND) & PCI_COMMAND_MASTER) != 0;
}

uint32_t pci_config_read(const struct pci_device *pci, unsigned offset, unsigned size)
{
    return get_le(pci->config, offset, size);
}

void pci_config_write(struct pci_device *pci, unsigned offset, uint32_t value, unsigned size)
{
    g_assert(offset + size <= PCI_CONFIG_SIZE);
    for (unsigned i = 0; i < size; i++) {
        unsigned at = offset + i;
        uint8_t byte = (uint8_t)(value >> (8 * i));
        uint8_t kept = pci->config[at] & ~pci->writable[at] & ~(byte & pci->clear[at]);

        pci->config[at] = (uint8_t)(kept | (byte & pci->writable[at]));
    }
    pci_drive(pci);
    if (pci->written != NULL) {
        pci->written(pci, offset, size);
    }
}
