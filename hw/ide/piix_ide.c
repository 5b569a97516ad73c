/*
 * The IDE function of the 82371SB. See the header.
 */
#include "hw/ide/piix_ide.h"

#include "core/machine.h"

#define IDETIM_PRIMARY 0x40
#define BUSMASTER_BAR  4

static struct piix_ide *from_dev(struct device *dev)
{
    return (struct piix_ide *)dev;
}

static uint64_t bus_master_read(void *owner, uint64_t offset, unsigned size)
{
    struct piix_ide *ide = owner;

    return busmaster_read(&ide->busmasters[offset / BUSMASTER_PORTS],
                          (unsigned)offset % BUSMASTER_PORTS, size);
}

static void bus_master_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct piix_ide *ide = owner;

    busmaster_write(&ide->busmasters[offset / BUSMASTER_PORTS],
                    (unsigned)offset % BUSMASTER_PORTS, (uint32_t)value, size);
}

static const struct region_ops bus_master_ops = {bus_master_read, bus_master_write, 1, 4};

/* START rose: a drive may be waiting for it. */
static void bus_master_started(void *arg)
{
    struct ide_channel *channel = arg;

    for (unsigned i = 0; i < 2; i++) {
        drive_advance(&channel->drives[i]);
    }
}

static void piix_ide_drive(struct device *dev)
{
    struct piix_ide *ide = from_dev(dev);

    pci_drive(&ide->pci);
    for (unsigned i = 0; i < PIIX_IDE_CHANNELS; i++) {
        ide->busmasters[i].enabled = pci_is_master(&ide->pci);
        ide_channel_drive(&ide->channels[i]);
    }
}

static void piix_ide_written(struct pci_device *pci, unsigned offset, unsigned size)
{
    piix_ide_drive(pci->dev);
}

static bool piix_ide_create(struct device *dev, GError **error)
{
    static const struct pci_identity identity = {
        .vendor = 0x8086, .device = 0x7010, .class_code = 0x0101, .prog_if = 0x80};
    struct piix_ide *ide = from_dev(dev);

    pci_init(&ide->pci, dev, &identity);
    ide->pci.written = piix_ide_written;
    pci_writable_u16(&ide->pci, PCI_COMMAND,
                     PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    pci_default_u16(&ide->pci, PCI_STATUS, PCI_STATUS_DEVSEL_MEDIUM | PCI_STATUS_FAST_BACK);
    pci_writable_u32(&ide->pci, IDETIM_PRIMARY, 0xffffffff);
    pci_writable_u8(&ide->pci, 0x44, 0xff); /* SIDETIM: slave timing */
    region_init_io(&ide->busmaster_region, "ide-busmaster", 2 * BUSMASTER_PORTS, &bus_master_ops,
                   ide);
    pci_add_bar(&ide->pci, BUSMASTER_BAR, PCI_BAR_IO, 2 * BUSMASTER_PORTS,
                &ide->busmaster_region);
    for (unsigned i = 0; i < PIIX_IDE_CHANNELS; i++) {
        busmaster_init(&ide->busmasters[i], dev->machine->memory, bus_master_started,
                       &ide->channels[i]);
        ide_channel_init(&ide->channels[i], dev, &ide->busmasters[i]);
        ide->channels[i].number = i;
    }
    device_add_region(dev, &ide->busmaster_region);
    return true;
}

static void piix_ide_reset(struct device *dev)
{
    struct piix_ide *ide = from_dev(dev);

    pci_reset(&ide->pci);
    for (unsigned i = 0; i < PIIX_IDE_CHANNELS; i++) {
        busmaster_reset(&ide->busmasters[i]);
        ide_channel_reset(&ide->channels[i]);
    }
}

static void piix_ide_loaded(struct device *dev)
{
    struct piix_ide *ide = from_dev(dev);

    pci_loaded(&ide->pci);
    for (unsigned i = 0; i < PIIX_IDE_CHANNELS; i++) {
        busmaster_loaded(&ide->busmasters[i]);
        ide_channel_loaded(&ide->channels[i]);
    }
}

static void piix_ide_destroy(struct device *dev)
{
    struct piix_ide *ide = from_dev(dev);

    for (unsigned i = 0; i < PIIX_IDE_CHANNELS; i++) {
        ide_channel_finish(&ide->channels[i]);
    }
    pci_finish(&ide->pci);
}

struct pci_device *piix_ide_pci(struct device *dev)
{
    return &from_dev(dev)->pci;
}

struct ide_channel *piix_ide_channel(struct device *dev, unsigned n)
{
    g_assert(n < PIIX_IDE_CHANNELS);
    return &from_dev(dev)->channels[n];
}

struct region *piix_ide_command_region(struct device *dev, unsigned n)
{
    return &piix_ide_channel(dev, n)->command_region;
}

struct region *piix_ide_control_region(struct device *dev, unsigned n)
{
    return &piix_ide_channel(dev, n)->control_region;
}

static const struct field piix_ide_fields[] = {
    FIELD_STRUCT(struct piix_ide, pci, pci_device_fields),
    FIELD_STRUCT_ARRAY(struct piix_ide, channels, ide_channel_fields),
    FIELD_STRUCT_ARRAY(struct piix_ide, busmasters, busmaster_fields),
    FIELD_END,
};

const struct device_class piix_ide_class = {
    .name = "piix3-ide",
    .description = "Intel 82371SB IDE controller with bus master",
    .state_size = sizeof(struct piix_ide),
    .fields = piix_ide_fields,
    .create = piix_ide_create,
    .reset = piix_ide_reset,
    .drive = piix_ide_drive,
    .loaded = piix_ide_loaded,
    .destroy = piix_ide_destroy,
};
