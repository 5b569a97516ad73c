/*
 * The VGA as a whole: creation, reset, and the mapping of its memory window. See vga.h.
 */
#include "hw/display/vga.h"

#include <string.h>

#include "hw/display/vga_impl.h"

const struct field vga_fields[] = {
    FIELD_U8(struct vga, misc),
    FIELD_U8(struct vga, feature),
    FIELD_U8(struct vga, enable),
    FIELD_U8(struct vga, seq_index),
    FIELD_BYTES(struct vga, seq),
    FIELD_U8(struct vga, crtc_index),
    FIELD_BYTES(struct vga, crtc),
    FIELD_U8(struct vga, gfx_index),
    FIELD_BYTES(struct vga, gfx),
    FIELD_U8(struct vga, attr_index),
    FIELD_BYTES(struct vga, attr),
    FIELD_BOOL(struct vga, attr_data),
    FIELD_U8(struct vga, dac_mask),
    FIELD_U8(struct vga, dac_state),
    FIELD_U8(struct vga, dac_read),
    FIELD_U8(struct vga, dac_write),
    FIELD_U8(struct vga, dac_sub),
    FIELD_BYTES(struct vga, dac_latch),
    FIELD_BYTES(struct vga, dac),
    FIELD_U32(struct vga, latch),
    FIELD_U16(struct vga, dispi_index),
    FIELD_U16_ARRAY(struct vga, dispi),
    FIELD_END,
};

static void vram_dirtied(void *arg, struct ram *ram)
{
    vga_wake(arg);
}

bool vga_init(struct vga *vga, struct device *dev, uint64_t megabytes, GError **error)
{
    uint64_t size = megabytes << 20;

    vga->dev = dev;
    vga->machine = dev->machine;
    vga->decode_io = true;
    vga->decode_memory = true;
    if (megabytes < 1 || megabytes > 256 || (megabytes & (megabytes - 1)) != 0) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "VGA property vgamem_mb: %" G_GUINT64_FORMAT
                    " is not a power of two from 1 to 256; try 16",
                    megabytes);
        return false;
    }
    vga->vram = ram_create("vga.vram", size, error);
    if (vga->vram == NULL) {
        return false;
    }
    ram_log_dirty(vga->vram, true);
    vga->vram->dirtied = vram_dirtied;
    vga->vram->dirtied_arg = vga;
    vga->dirty = g_new0(uint64_t, (size / RAM_PAGE_SIZE + 63) / 64);
    region_init_io(&vga->ports, "vga-ports", VGA_PORTS_SIZE, &vga_ports_ops, vga);
    region_init_io(&vga->window, "vga-window", VGA_WINDOW_SIZE, &vga_window_ops, vga);
    region_init_io(&vga->dispi_ports, "vga-dispi", DISPI_PORTS_SIZE, &dispi_ports_ops, vga);
    region_init_io(&vga->mmio, "vga-mmio", VGA_MMIO_SIZE, &vga_mmio_ops, vga);
    region_init_ram(&vga->lfb, "vga-vram", vga->vram, 0, size);
    device_add_region(dev, &vga->ports);
    device_add_region(dev, &vga->window);
    device_add_region(dev, &vga->dispi_ports);
    device_add_region(dev, &vga->mmio);
    device_add_region(dev, &vga->lfb);
    return true;
}

void vga_finish(struct vga *vga)
{
    vga_attach_display(vga, NULL);
    ram_destroy(vga->vram);
    g_free(vga->dirty);
    g_free(vga->cells);
}

void vga_reset(struct vga *vga)
{
    vga->misc = 0;
    vga->feature = 0;
    vga->enable = 1;
    vga->seq_index = 0;
    memset(vga->seq, 0, sizeof(vga->seq));
    vga->crtc_index = 0;
    memset(vga->crtc, 0, sizeof(vga->crtc));
    vga->gfx_index = 0;
    memset(vga->gfx, 0, sizeof(vga->gfx));
    vga->attr_index = 0;
    memset(vga->attr, 0, sizeof(vga->attr));
    vga->attr_data = false;
    vga->dac_mask = 0xff;
    vga->dac_state = 0;
    vga->dac_read = 0;
    vga->dac_write = 0;
    vga->dac_sub = 0;
    memset(vga->dac_latch, 0, sizeof(vga->dac_latch));
    memset(vga->dac, 0, sizeof(vga->dac));
    vga->latch = 0;
    dispi_reset(vga);
    vga->palette_changed = true;
    vga->font_changed = true;
    vga_wake(vga);
}

/* Maps the part of video memory that the window now shows as plain memory, or takes it out. */
static void drive_direct(struct vga *vga, bool memory_on)
{
    uint64_t offset = 0, base = 0, size = 0;
    bool plain = memory_on && vga_window_is_plain(vga, &offset, &base, &size);

    if (vga->direct != NULL &&
        (!plain || offset != vga->direct_offset || base != vga->direct_base ||
         size != vga->direct_size)) {
        bus_unmap(vga->memory, vga->direct);
        vga->direct = NULL;
    }
    if (plain && vga->direct == NULL) {
        vga->direct =
            bus_map_window(vga->memory, &vga->lfb, offset, size, VGA_WINDOW_BASE + base, vga->priority);
        vga->direct_offset = offset;
        vga->direct_base = base;
        vga->direct_size = size;
    }
}

void vga_drive(struct vga *vga)
{
    bool memory_on;

    if (vga->memory == NULL) {
        return;
    }
    memory_on = vga->decode_memory && (vga->enable & 1) != 0 && (vga->misc & MISC_RAM_ENABLE) != 0;
    bus_begin(vga->memory);
    mapping_enable(vga->maps[0], memory_on);
    drive_direct(vga, memory_on);
    bus_commit(vga->memory);
    mapping_enable(vga->maps[1], vga->decode_io);
    mapping_enable(vga->maps[2], vga->decode_io);
    mapping_enable(vga->maps[3], vga->decode_io);
}

void vga_loaded(struct vga *vga)
{
    vga->attr_index &= 0x3f;
    vga->dac_sub %= 3;
    vga->enable &= 1;
    dispi_loaded(vga);
    vga->raster.count[0] = vga->raster.count[1] = 0;
    vga->palette_changed = true;
    vga->font_changed = true;
    vga_mark_redraw(vga);
    vga_wake(vga);
}

void vga_connect(struct vga *vga, struct bus *memory, struct bus *io, int priority)
{
    vga->memory = memory;
    vga->priority = priority;
    vga->maps[0] = bus_map(memory, &vga->window, VGA_WINDOW_BASE, priority);
    /* 3BC-3BF belong to a parallel port. */
    vga->maps[1] = bus_map_window(io, &vga->ports, 0x00, 0x0c, VGA_PORTS_BASE, priority);
    vga->maps[2] = bus_map_window(io, &vga->ports, 0x10, 0x20, VGA_PORTS_BASE + 0x10, priority);
    vga->maps[3] = bus_map(io, &vga->dispi_ports, DISPI_PORTS_BASE, priority);
    vga_drive(vga);
}

void vga_set_decode(struct vga *vga, bool io, bool memory)
{
    vga->decode_io = io;
    vga->decode_memory = memory;
    vga_drive(vga);
}

void vga_attach_display(struct vga *vga, struct display *display)
{
    if (vga->display != NULL) {
        display_set_source(vga->display, NULL, NULL);
    }
    vga->display = display;
    if (display != NULL) {
        display_set_source(display, &vga_display_source, vga);
    }
}
