/*
 * The VGA on the PCI bus. See vga_pci.h.
 */
#include "hw/display/vga_pci.h"

#define VGA_PCI_VENDOR 0x1234
#define VGA_PCI_DEVICE 0x1111
#define VGA_PCI_CLASS 0x0300
#define VGA_PCI_REVISION 2

struct vga_pci {
    struct device dev;
    struct pci_device pci;
    struct vga vga;
    uint64_t vgamem_mb; /* property */
};

static const struct field fields[] = {
    FIELD_STRUCT(struct vga_pci, pci, pci_device_fields),
    FIELD_STRUCT(struct vga_pci, vga, vga_fields),
    FIELD_RAM(struct vga_pci, vga.vram),
    FIELD_END,
};

static const struct property properties[] = {
    {"vgamem_mb", PROPERTY_U64, offsetof(struct vga_pci, vgamem_mb), "16",
     "video memory in MiB, a power of two"},
    {NULL},
};

static struct vga_pci *vga_pci_of(struct device *dev)
{
    return (struct vga_pci *)dev;
}

/* The legacy addresses follow the command register, which also guests' writes change. */
static void written(struct pci_device *pci, unsigned offset, unsigned size)
{
    struct vga_pci *self = vga_pci_of(pci->dev);
    uint16_t command = pci_get_u16(pci, PCI_COMMAND);

    vga_set_decode(&self->vga, (command & PCI_COMMAND_IO) != 0, (command & PCI_COMMAND_MEMORY) != 0);
}

static bool create(struct device *dev, GError **error)
{
    struct vga_pci *self = vga_pci_of(dev);
    const struct pci_identity identity = {
        .vendor = VGA_PCI_VENDOR,
        .device = VGA_PCI_DEVICE,
        .class_code = VGA_PCI_CLASS,
        .revision = VGA_PCI_REVISION,
    };

    pci_init(&self->pci, dev, &identity);
    self->pci.written = written;
    if (!vga_init(&self->vga, dev, self->vgamem_mb, error)) {
        return false;
    }
    pci_add_bar(&self->pci, 0, PCI_BAR_MEMORY_PREFETCH, self->vga.lfb.size, &self->vga.lfb);
    pci_add_bar(&self->pci, 2, PCI_BAR_MEMORY, VGA_MMIO_SIZE, &self->vga.mmio);
    return true;
}

static void reset(struct device *dev)
{
    struct vga_pci *self = vga_pci_of(dev);

    pci_reset(&self->pci);
    vga_reset(&self->vga);
}

static void drive(struct device *dev)
{
    struct vga_pci *self = vga_pci_of(dev);

    pci_drive(&self->pci);
    written(&self->pci, PCI_COMMAND, 2);
}

static void loaded(struct device *dev)
{
    struct vga_pci *self = vga_pci_of(dev);

    pci_loaded(&self->pci);
    vga_loaded(&self->vga);
}

static void destroy(struct device *dev)
{
    struct vga_pci *self = vga_pci_of(dev);

    pci_finish(&self->pci);
    vga_finish(&self->vga);
}

const struct device_class vga_pci_class = {
    .name = "VGA",
    .description = "VGA with DISPI linear modes, PCI",
    .state_size = sizeof(struct vga_pci),
    .properties = properties,
    .fields = fields,
    .create = create,
    .reset = reset,
    .drive = drive,
    .loaded = loaded,
    .destroy = destroy,
};

struct pci_device *vga_pci_device(struct device *dev)
{
    return &vga_pci_of(dev)->pci;
}

struct vga *vga_pci_core(struct device *dev)
{
    return &vga_pci_of(dev)->vga;
}

bool vga_pci_set_rom(struct device *dev, const void *image, size_t size, GError **error)
{
    return pci_set_rom(&vga_pci_of(dev)->pci, image, size, error);
}
