/*
 * NE2000 cards. See ne2k.h; the chip and its board are in dp8390.c. The PCI card is Realtek's: one I/O window of 32
 * ports, INTA#, no bus mastering.
 */
#include "hw/net/ne2k.h"

#include "hw/net/dp8390.h"
#include "hw/pci/config.h"

#define RTL_VENDOR 0x10ec
#define RTL_DEVICE 0x8029

static const char default_mac[] = "52:54:00:12:34:56";

static uint64_t io_read(void *owner, uint64_t offset, unsigned size)
{
    return dp8390_read(owner, (unsigned)offset, size);
}

static void io_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    dp8390_write(owner, (unsigned)offset, (uint32_t)value, size);
}

static const struct region_ops io_ops = { .read = io_read, .write = io_write, .min_size = 1, .max_size = 4 };

/* ---- ISA ---- */

struct ne2k_isa {
    struct device dev;
    struct dp8390 chip;
    struct region io;
    struct irq *irq_out; /* not owned; NULL: not connected */
    char *mac;
    uint64_t iobase, irq; /* properties */
};

static const struct field isa_fields[] = {
    FIELD_STRUCT(struct ne2k_isa, chip, dp8390_fields),
    FIELD_END,
};

static const struct property isa_properties[] = {
    { "mac", PROPERTY_STRING, offsetof(struct ne2k_isa, mac), default_mac, "hardware address" },
    { "iobase", PROPERTY_U64, offsetof(struct ne2k_isa, iobase), "0x300", "first port" },
    { "irq", PROPERTY_U64, offsetof(struct ne2k_isa, irq), "9", "interrupt" },
    { NULL },
};

static struct ne2k_isa *isa_of(struct device *dev)
{
    return (struct ne2k_isa *)dev;
}

static void isa_interrupt(struct device *dev, bool level)
{
    if (isa_of(dev)->irq_out != NULL) {
        irq_set(isa_of(dev)->irq_out, level);
    }
}

static bool isa_create(struct device *dev, GError **error)
{
    struct ne2k_isa *card = isa_of(dev);
    static const uint16_t irqs = 1u << 3 | 1u << 4 | 1u << 5 | 1u << 7 | 1u << 9 | 1u << 10 | 1u << 11 | 1u << 12 |
                                 1u << 14 | 1u << 15;
    if (card->iobase < 0x100 || card->iobase > 0xffe0 || (card->iobase & 0x1f) != 0) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "iobase=%#" G_GINT64_MODIFIER "x: must be a multiple of 0x20 from 0x100 to 0xffe0, such as 0x300",
                    card->iobase);
        return false;
    }
    if (card->irq > 15 || !(irqs >> card->irq & 1)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "irq=%" G_GUINT64_FORMAT ": must be one of 3, 4, 5, 7, 9, 10, 11, 12, 14, 15", card->irq);
        return false;
    }
    region_init_io(&card->io, "ne2k-isa", DP8390_PORTS, &io_ops, &card->chip);
    device_add_region(dev, &card->io);
    return dp8390_init(&card->chip, dev, card->mac, isa_interrupt, error);
}

static void isa_reset(struct device *dev)
{
    dp8390_reset(&isa_of(dev)->chip);
}

static void isa_drive(struct device *dev)
{
    dp8390_drive(&isa_of(dev)->chip);
}

static void isa_loaded(struct device *dev)
{
    dp8390_loaded(&isa_of(dev)->chip);
}

static void isa_destroy(struct device *dev)
{
    dp8390_finish(&isa_of(dev)->chip);
}

const struct device_class ne2k_isa_class = {
    .name = "ne2k_isa",
    .description = "NE2000 Ethernet (DP8390), ISA",
    .state_size = sizeof(struct ne2k_isa),
    .properties = isa_properties,
    .fields = isa_fields,
    .create = isa_create,
    .reset = isa_reset,
    .drive = isa_drive,
    .loaded = isa_loaded,
    .destroy = isa_destroy,
};

struct region *ne2k_isa_io(struct device *dev)
{
    return &isa_of(dev)->io;
}

uint16_t ne2k_isa_iobase(struct device *dev)
{
    return (uint16_t)isa_of(dev)->iobase;
}

unsigned ne2k_isa_irq(struct device *dev)
{
    return (unsigned)isa_of(dev)->irq;
}

void ne2k_isa_connect_irq(struct device *dev, struct irq *irq)
{
    isa_of(dev)->irq_out = irq;
}

void ne2k_isa_connect_port(struct device *dev, struct net_port *port)
{
    dp8390_connect_port(&isa_of(dev)->chip, port);
}

/* ---- PCI ---- */

struct ne2k_pci {
    struct device dev;
    struct pci_device pci;
    struct dp8390 chip;
    struct region io;
    char *mac;
};

static const struct field pci_fields[] = {
    FIELD_STRUCT(struct ne2k_pci, pci, pci_device_fields),
    FIELD_STRUCT(struct ne2k_pci, chip, dp8390_fields),
    FIELD_END,
};

static const struct property pci_properties[] = {
    { "mac", PROPERTY_STRING, offsetof(struct ne2k_pci, mac), default_mac, "hardware address" },
    { NULL },
};

static struct ne2k_pci *pci_of(struct device *dev)
{
    return (struct ne2k_pci *)dev;
}

static void pci_interrupt(struct device *dev, bool level)
{
    pci_intx_set(&pci_of(dev)->pci, level);
}

static bool pci_create(struct device *dev, GError **error)
{
    struct ne2k_pci *card = pci_of(dev);
    const struct pci_identity identity = {
        .vendor = RTL_VENDOR, .device = RTL_DEVICE, .class_code = 0x0200, .interrupt_pin = 1
    };
    pci_init(&card->pci, dev, &identity);
    region_init_io(&card->io, "ne2k-pci", DP8390_PORTS, &io_ops, &card->chip);
    device_add_region(dev, &card->io);
    pci_add_bar(&card->pci, 0, PCI_BAR_IO, DP8390_PORTS, &card->io);
    card->chip.rtl8029 = true;
    return dp8390_init(&card->chip, dev, card->mac, pci_interrupt, error);
}

static void pci_card_reset(struct device *dev)
{
    pci_reset(&pci_of(dev)->pci);
    dp8390_reset(&pci_of(dev)->chip);
}

static void pci_card_drive(struct device *dev)
{
    pci_drive(&pci_of(dev)->pci);
    dp8390_drive(&pci_of(dev)->chip);
}

static void pci_card_loaded(struct device *dev)
{
    pci_loaded(&pci_of(dev)->pci);
    dp8390_loaded(&pci_of(dev)->chip);
}

static void pci_destroy(struct device *dev)
{
    dp8390_finish(&pci_of(dev)->chip);
    pci_finish(&pci_of(dev)->pci);
}

const struct device_class ne2k_pci_class = {
    .name = "ne2k_pci",
    .description = "Realtek RTL8029AS Ethernet (NE2000), PCI",
    .state_size = sizeof(struct ne2k_pci),
    .properties = pci_properties,
    .fields = pci_fields,
    .create = pci_create,
    .reset = pci_card_reset,
    .drive = pci_card_drive,
    .loaded = pci_card_loaded,
    .destroy = pci_destroy,
};

struct pci_device *ne2k_pci(struct device *dev)
{
    return &pci_of(dev)->pci;
}

void ne2k_pci_connect_port(struct device *dev, struct net_port *port)
{
    dp8390_connect_port(&pci_of(dev)->chip, port);
}

bool ne2k_pci_set_rom(struct device *dev, const void *image, size_t size, GError **error)
{
    return pci_set_rom(&pci_of(dev)->pci, image, size, error);
}
