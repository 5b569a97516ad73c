/*
 * The VGA on an ISA bus. See vga_isa.h.
 */
#include "hw/display/vga_isa.h"

struct vga_isa {
    struct device dev;
    struct vga vga;
    uint64_t vgamem_mb; /* property */
};

static const struct field fields[] = {
    FIELD_STRUCT(struct vga_isa, vga, vga_fields),
    FIELD_RAM(struct vga_isa, vga.vram),
    FIELD_END,
};

static const struct property properties[] = {
    {"vgamem_mb", PROPERTY_U64, offsetof(struct vga_isa, vgamem_mb), "8",
     "video memory in MiB, a power of two"},
    {NULL},
};

struct vga *vga_isa_core(struct device *dev)
{
    return &((struct vga_isa *)dev)->vga;
}

static bool create(struct device *dev, GError **error)
{
    return vga_init(vga_isa_core(dev), dev, ((struct vga_isa *)dev)->vgamem_mb, error);
}

static void reset(struct device *dev)
{
    vga_reset(vga_isa_core(dev));
}

static void drive(struct device *dev)
{
    vga_drive(vga_isa_core(dev));
}

static void loaded(struct device *dev)
{
    vga_loaded(vga_isa_core(dev));
}

static void destroy(struct device *dev)
{
    vga_finish(vga_isa_core(dev));
}

const struct device_class vga_isa_class = {
    .name = "isa-vga",
    .description = "VGA with DISPI linear modes, ISA",
    .state_size = sizeof(struct vga_isa),
    .properties = properties,
    .fields = fields,
    .create = create,
    .reset = reset,
    .drive = drive,
    .loaded = loaded,
    .destroy = destroy,
};
