/*
 * Intel 82371SB, function 0. See the header.
 */
#include "hw/pci/piix3.h"

#include "core/machine.h"
#include "hw/pci/pci_bus.h"

static uint64_t rcr_read(void *owner, uint64_t offset, unsigned size)
{
    struct piix3 *piix3 = owner;

    return piix3->rcr;
}

static void rcr_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct piix3 *piix3 = owner;
    bool rises = (value & PIIX3_RCR_RCPU) != 0 && (piix3->rcr & PIIX3_RCR_RCPU) == 0;

    piix3->rcr = (uint8_t)value & (PIIX3_RCR_SRST | PIIX3_RCR_RCPU);
    if (rises) {
        machine_guest_reset(piix3->dev.machine);
    }
}

static const struct region_ops rcr_ops = {rcr_read, rcr_write, 1, 1};

static void piix3_drive(struct device *dev)
{
    struct piix3 *piix3 = (struct piix3 *)dev;

    pci_drive(&piix3->pci);
    pirq_drive(&piix3->pirq);
}

static void piix3_written(struct pci_device *pci, unsigned offset, unsigned size)
{
    piix3_drive(pci->dev);
}

/* Chip-specific registers (data sheet section 2.2): value after reset and writable bits. */
static const struct {
    uint8_t offset, value, writable;
} registers[] = {
    {0x4c, 0x4d, 0xff},                     /* IORT: ISA I/O recovery timer */
    {0x4e, 0x03, 0xff}, {0x4f, 0x00, 0x01}, /* XBCS: X-bus chip select */
    {0x60, 0x80, PIRQRC_WRITABLE},          /* PIRQRCA */
    {0x61, 0x80, PIRQRC_WRITABLE}, {0x62, 0x80, PIRQRC_WRITABLE}, {0x63, 0x80, PIRQRC_WRITABLE},
    {0x69, 0x02, 0xfe},                     /* TOM: top of memory */
    {0x6a, 0x00, 0x55}, {0x6b, 0x00, 0x80}, /* MSTAT: miscellaneous status */
    {0x70, 0x80, 0xef}, {0x71, 0x80, 0xef}, /* MBIRQ0, 1: motherboard interrupt routing */
    {0x76, 0x0c, 0x8f}, {0x77, 0x0c, 0x8f}, /* MBDMA0, 1: motherboard DMA */
    {0x78, 0x02, 0xff}, {0x79, 0x00, 0xff}, /* PCSC: programmable chip select */
    {0x80, 0x00, 0x7f},                     /* APICBASE */
    {0x82, 0x00, 0x0f},                     /* DLC: deterministic latency control */
    {0xa0, 0x08, 0x1f},                     /* SMICNTL */
    {0xa2, 0x00, 0xff}, {0xa3, 0x00, 0x01}, /* SMIEN */
    {0xa4, 0x00, 0xff}, {0xa5, 0x00, 0xff}, {0xa6, 0x00, 0xff}, {0xa7, 0x00, 0xe0}, /* SEE */
    {0xa8, 0x0f, 0xff},                     /* FTMR: fast off timer */
    {0xaa, 0x00, 0xff}, {0xab, 0x00, 0x01}, /* SMIREQ */
    {0xac, 0x00, 0xff},                     /* CTLTMR */
    {0xae, 0x00, 0xff},                     /* CTHTMR */
};

static bool piix3_create(struct device *dev, GError **error)
{
    static const struct pci_identity identity = {
        .vendor = 0x8086, .device = 0x7000, .class_code = 0x0601};
    struct piix3 *piix3 = (struct piix3 *)dev;

    pci_init(&piix3->pci, dev, &identity);
    piix3->pci.written = piix3_written;
    pci_default_u16(&piix3->pci, PCI_COMMAND,
                    PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    pci_writable_u16(&piix3->pci, PCI_COMMAND, PCI_COMMAND_SERR);
    pci_default_u16(&piix3->pci, PCI_STATUS, PCI_STATUS_DEVSEL_MEDIUM);
    pci_default_u8(&piix3->pci, PCI_HEADER_TYPE, PCI_HEADER_MULTIFUNCTION);
    for (unsigned i = 0; i < G_N_ELEMENTS(registers); i++) {
        pci_default_u8(&piix3->pci, registers[i].offset, registers[i].value);
        pci_writable_u8(&piix3->pci, registers[i].offset, registers[i].writable);
    }
    pirq_init(&piix3->pirq, &piix3->pci.config[PIIX3_PIRQRCA]);
    dev->inputs = piix3->pirq.in;
    dev->input_count = PIRQ_COUNT;
    region_init_io(&piix3->rcr_region, "reset-control", 1, &rcr_ops, piix3);
    device_add_region(dev, &piix3->rcr_region);
    return true;
}

static void piix3_reset(struct device *dev)
{
    struct piix3 *piix3 = (struct piix3 *)dev;

    pci_reset(&piix3->pci);
    piix3->rcr = 0;
}

static void piix3_loaded(struct device *dev)
{
    struct piix3 *piix3 = (struct piix3 *)dev;

    pci_loaded(&piix3->pci);
    piix3->rcr &= PIIX3_RCR_SRST | PIIX3_RCR_RCPU;
}

static void piix3_destroy(struct device *dev)
{
    pci_finish(&((struct piix3 *)dev)->pci);
}

void piix3_connect_isa(struct device *dev, unsigned n, struct irq *line)
{
    g_assert(n < PIRQ_ISA_COUNT);
    ((struct piix3 *)dev)->pirq.isa[n] = line;
}

bool piix3_attach(struct device *dev, struct pci_bus *bus, unsigned slot, GError **error)
{
    struct piix3 *piix3 = (struct piix3 *)dev;

    if (!pci_bus_add(bus, &piix3->pci, slot, 0, error)) {
        return false;
    }
    for (unsigned i = 0; i < PIRQ_COUNT; i++) {
        pci_bus_connect_pirq(bus, i, &piix3->pirq.in[i]);
    }
    pci_bus_set_reset_control(bus, &piix3->rcr_region);
    return true;
}

static const struct field piix3_fields[] = {
    FIELD_STRUCT(struct piix3, pci, pci_device_fields),
    FIELD_U8(struct piix3, rcr),
    FIELD_END,
};

const struct device_class piix3_class = {
    .name = "PIIX3",
    .description = "Intel 82371SB PCI-to-ISA bridge and interrupt router",
    .state_size = sizeof(struct piix3),
    .fields = piix3_fields,
    .create = piix3_create,
    .reset = piix3_reset,
    .drive = piix3_drive,
    .loaded = piix3_loaded,
    .destroy = piix3_destroy,
};
