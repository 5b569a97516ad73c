/*
 * PCI bus 0 and configuration mechanism 1. See the header for the model.
 */
#include "hw/pci/pci_bus.h"

#include <inttypes.h>

#include "core/log.h"
#include "core/machine.h"

#define CONFIG_ENABLE 0x80000000u
#define RESET_PORT    1 /* CF9h, as an offset from CF8h */

const struct field pci_bus_fields[] = {
    FIELD_U32(struct pci_bus, config_address),
    FIELD_END,
};

unsigned pci_bus_pirq_of(unsigned slot, unsigned pin)
{
    return (slot + pin + 2) % PCI_PIRQ_COUNT;
}

static struct pci_device *selected(const struct pci_bus *bus)
{
    uint32_t address = bus->config_address;

    if ((address & CONFIG_ENABLE) == 0 || ((address >> 16) & 0xff) != 0) {
        return NULL;
    }
    return bus->devices[(address >> 8) & 0xff];
}

static uint64_t address_read(void *owner, uint64_t offset, unsigned size)
{
    struct pci_bus *bus = owner;

    if (offset == 0 && size == 4) {
        return bus->config_address;
    }
    if (offset == RESET_PORT && size == 1 && bus->reset_control != NULL) {
        return bus->reset_control->ops->read(bus->reset_control->owner, 0, 1);
    }
    return UINT64_MAX;
}

static void address_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct pci_bus *bus = owner;

    if (offset == 0 && size == 4) {
        bus->config_address = (uint32_t)value & PCI_CONFIG_ADDRESS_WRITABLE;
    } else if (offset == RESET_PORT && size == 1 && bus->reset_control != NULL) {
        bus->reset_control->ops->write(bus->reset_control->owner, 0, value, 1);
    } else {
        log_print(bus->log, LOG_GUEST_ERROR, "pci: %u-byte write at CF8h+%u ignored\n", size,
                  (unsigned)offset);
    }
}

static uint64_t data_read(void *owner, uint64_t offset, unsigned size)
{
    struct pci_bus *bus = owner;
    struct pci_device *pci = selected(bus);

    if (pci == NULL || offset + size > 4) {
        return UINT64_MAX;
    }
    return pci_config_read(pci, (bus->config_address & 0xfc) + (unsigned)offset, size);
}

static void data_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct pci_bus *bus = owner;
    struct pci_device *pci = selected(bus);

    if (pci != NULL && offset + size <= 4) {
        pci_config_write(pci, (bus->config_address & 0xfc) + (unsigned)offset, (uint32_t)value,
                         size);
    }
}

static const struct region_ops address_ops = {address_read, address_write, 1, 4};
static const struct region_ops data_ops = {data_read, data_write, 1, 4};

/* Sink of the functions' interrupt pins: n is the devfn. */
static void intx_changed(void *sink, unsigned n, bool level)
{
    struct pci_bus *bus = sink;
    unsigned pirq = pci_bus_pirq_of(PCI_SLOT(n), bus->devices[n]->defaults[PCI_INTERRUPT_PIN]);

    bus->pirq_users[pirq] = (uint16_t)(bus->pirq_users[pirq] + (level ? 1 : -1));
    irq_set(bus->pirq[pirq], bus->pirq_users[pirq] != 0);
}

void pci_bus_init(struct pci_bus *bus, struct device *host)
{
    bus->log = host->machine->log;
    region_init_io(&bus->address_port, "pci-config-address", 4, &address_ops, bus);
    region_init_io(&bus->data_port, "pci-config-data", 4, &data_ops, bus);
    device_add_region(host, &bus->address_port);
    device_add_region(host, &bus->data_port);
}

bool pci_bus_add(struct pci_bus *bus, struct pci_device *pci, unsigned slot, unsigned function,
                 GError **error)
{
    unsigned devfn = PCI_DEVFN(slot, function);

    if (slot > 31 || function > 7 || bus->devices[devfn] != NULL) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_EXIST,
                    "PCI slot %u function %u for '%s' is not free: choose another one with addr=",
                    slot, function, pci->dev->id);
        return false;
    }
    bus->devices[devfn] = pci;
    pci->bus = bus;
    pci->devfn = (uint8_t)devfn;
    irq_init(&pci->intx, "INTx", intx_changed, bus, devfn);
    for (unsigned f = 1; f < 8; f++) {
        struct pci_device *first = bus->devices[PCI_DEVFN(slot, 0)];

        if (first != NULL && bus->devices[PCI_DEVFN(slot, f)] != NULL) {
            first->defaults[PCI_HEADER_TYPE] |= PCI_HEADER_MULTIFUNCTION;
            first->config[PCI_HEADER_TYPE] |= PCI_HEADER_MULTIFUNCTION;
        }
    }
    return true;
}

int pci_bus_free_slot(const struct pci_bus *bus, unsigned first)
{
    for (unsigned slot = first; slot < 32; slot++) {
        if (bus->devices[PCI_DEVFN(slot, 0)] == NULL) {
            return (int)slot;
        }
    }
    return -1;
}

void pci_bus_connect_pirq(struct pci_bus *bus, unsigned n, struct irq *line)
{
    g_assert(n < PCI_PIRQ_COUNT);
    bus->pirq[n] = line;
}

void pci_bus_set_reset_control(struct pci_bus *bus, struct region *region)
{
    bus->reset_control = region;
}

/* What `info pci` calls a class. */
static const char *class_text(uint16_t class_code)
{
    static const struct {
        uint16_t code;
        const char *text;
    } names[] = {
        {0x0101, "IDE controller"},  {0x0106, "SATA controller"}, {0x0200, "Ethernet controller"},
        {0x0300, "VGA controller"},  {0x0600, "Host bridge"},     {0x0601, "ISA bridge"},
        {0x0680, "Bridge"},          {0x0c03, "USB controller"},  {0x0401, "Audio controller"},
        {0x0100, "SCSI controller"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (names[i].code == class_code) {
            return names[i].text;
        }
    }
    return NULL;
}

static void print_bar(const struct pci_device *pci, const struct pci_bar *bar, unsigned index,
                      uint64_t base, GString *out)
{
    bool io = bar->kind == PCI_BAR_IO;
    bool wide = (bar->kind & PCI_BASE_ADDRESS_64) != 0;

    g_string_append_printf(out, "      BAR%u: ", index);
    if (io) {
        g_string_append_printf(out, "I/O at 0x%04" PRIx64 " [0x%04" PRIx64 "].\n", base,
                               base + bar->size - 1);
    } else {
        g_string_append_printf(out, "%s bit%s memory at 0x%08" PRIx64 " [0x%08" PRIx64 "].\n",
                               wide ? "64" : "32",
                               bar->kind & PCI_BASE_ADDRESS_PREFETCH ? " prefetchable" : "", base,
                               base + bar->size - 1);
    }
}

static void print_device(const struct pci_device *pci, GString *out)
{
    uint16_t class_code = pci_get_u16(pci, PCI_CLASS_CODE);
    const char *text = class_text(class_code);
    unsigned pin = pci_get_u8(pci, PCI_INTERRUPT_PIN);

    g_string_append_printf(out, "  Bus  0, device %3u, function %u:\n", PCI_SLOT(pci->devfn),
                           PCI_FUNCTION(pci->devfn));
    if (text != NULL) {
        g_string_append_printf(out, "    %s: ", text);
    } else {
        g_string_append_printf(out, "    Class %04x: ", class_code);
    }
    g_string_append_printf(out, "PCI device %04x:%04x\n", pci_get_u16(pci, PCI_VENDOR_ID),
                           pci_get_u16(pci, PCI_DEVICE_ID));
    g_string_append_printf(out, "      PCI subsystem %04x:%04x\n",
                           pci_get_u16(pci, PCI_SUBSYSTEM_VENDOR_ID),
                           pci_get_u16(pci, PCI_SUBSYSTEM_ID));
    if (pin != 0) {
        g_string_append_printf(out, "      IRQ %u, pin %c\n", pci_get_u8(pci, PCI_INTERRUPT_LINE),
                               'A' + pin - 1);
    }
    for (unsigned i = 0; i < PCI_BAR_COUNT; i++) {
        if (pci->bars[i].present) {
            print_bar(pci, &pci->bars[i], i, pci_bar_base(pci, i), out);
        }
    }
    if (pci->rom.present) {
        print_bar(pci, &pci->rom, 6, pci_get_u32(pci, PCI_ROM_ADDRESS) & ~(pci->rom.size - 1),
                  out);
    }
    g_string_append_printf(out, "      id \"%s\"\n", pci->dev->id);
}

void pci_bus_print(const struct pci_bus *bus, GString *out)
{
    for (unsigned devfn = 0; devfn < 256; devfn++) {
        if (bus->devices[devfn] != NULL) {
            print_device(bus->devices[devfn], out);
        }
    }
}
