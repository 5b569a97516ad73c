/*
 * The registers of the VGA at ports 3B0-3DF: miscellaneous output, sequencer, CRT controller, graphics
 * controller, attribute controller and DAC (IBM Video Subsystem Technical Reference, "VGA Registers").
 *
 * Bit 0 of miscellaneous output chooses whether the CRT controller, status 1 and feature control are at 3Bx or
 * 3Dx. Bits that do not exist read as 0.
 */
#include <string.h>

#include "hw/display/vga_impl.h"

/* Which bits of the registers exist. */
static const uint8_t SEQ_BITS[VGA_SEQ_COUNT] = {0x03, 0x3d, 0x0f, 0x3f, 0x0e};
static const uint8_t GFX_BITS[VGA_GFX_COUNT] = {0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff};
static const uint8_t ATTR_BITS[VGA_ATTR_COUNT] = {
    0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
    0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0xef, 0xff, 0x3f, 0x0f, 0x0f,
};
static const uint8_t CRTC_BITS[VGA_CRTC_COUNT] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0x3f, 0x7f, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xef, 0xff,
};

enum dac_state { DAC_WRITING = 0, DAC_READING = 3 };

/* Ports, as 3Cx; those of the CRT controller and of status 1 are named by their colour addresses. */
enum vga_port {
    PORT_ATTR = 0x3c0,
    PORT_ATTR_READ = 0x3c1,
    PORT_MISC_WRITE = 0x3c2, /* status 0 when read */
    PORT_ENABLE = 0x3c3,
    PORT_SEQ_INDEX = 0x3c4,
    PORT_SEQ_DATA = 0x3c5,
    PORT_DAC_MASK = 0x3c6,
    PORT_DAC_READ_INDEX = 0x3c7, /* state when read */
    PORT_DAC_WRITE_INDEX = 0x3c8,
    PORT_DAC_DATA = 0x3c9,
    PORT_FEATURE_READ = 0x3ca,
    PORT_MISC_READ = 0x3cc,
    PORT_GFX_INDEX = 0x3ce,
    PORT_GFX_DATA = 0x3cf,
    PORT_CRTC_INDEX = 0x3d4,
    PORT_CRTC_DATA = 0x3d5,
    PORT_STATUS1 = 0x3da, /* feature control when written */
};

static uint8_t dac_read_data(struct vga *vga)
{
    uint8_t value = vga->dac[vga->dac_read * 3 + vga->dac_sub];

    if (++vga->dac_sub == 3) {
        vga->dac_sub = 0;
        vga->dac_read++;
    }
    return value;
}

static void dac_write_data(struct vga *vga, uint8_t value)
{
    bool wide = (vga->dispi[DISPI_ENABLE] & DISPI_8BIT_DAC) != 0;

    vga->dac_latch[vga->dac_sub] = wide ? value : value & 0x3f;
    /* A colour takes effect as a whole, with its third byte. */
    if (++vga->dac_sub == 3) {
        vga->dac_sub = 0;
        vga_raster_note(vga, vga->dac_write, vga->dac_latch);
        memcpy(&vga->dac[vga->dac_write * 3], vga->dac_latch, 3);
        vga->dac_write++;
        vga->palette_changed = true;
    }
}

static void attr_write(struct vga *vga, uint8_t value)
{
    unsigned index = vga->attr_index & 0x1f;

    if (!vga->attr_data) {
        if (((vga->attr_index ^ value) & ATTR_INDEX_VIDEO_ON) != 0) {
            vga_mark_redraw(vga);
        }
        vga->attr_index = value & 0x3f;
    } else if (index < VGA_ATTR_COUNT) {
        vga->attr[index] = value & ATTR_BITS[index];
        vga->palette_changed = true;
        vga_mark_redraw(vga);
    }
    vga->attr_data = !vga->attr_data;
}

static uint8_t crtc_read(const struct vga *vga)
{
    if (vga->crtc_index < VGA_CRTC_COUNT) {
        return vga->crtc[vga->crtc_index];
    }
    /* Not in IBM's book, but on every VGA: the latch of the plane chosen for reading, and the flip-flop. */
    if (vga->crtc_index == 0x22) {
        return (uint8_t)(vga->latch >> (8 * (vga->gfx[GFX_READ_MAP] & 3)));
    }
    if (vga->crtc_index == 0x24) {
        return vga->attr_data ? 0x80 : 0;
    }
    return 0;
}

static void crtc_write(struct vga *vga, uint8_t value)
{
    unsigned index = vga->crtc_index;
    uint8_t bits;

    if (index >= VGA_CRTC_COUNT) {
        return;
    }
    bits = CRTC_BITS[index];
    if (index <= CRTC_OVERFLOW && (vga->crtc[CRTC_V_RETRACE_END] & CRTC_PROTECT) != 0) {
        /* Bit 8 of line compare stays writable. */
        bits = index == CRTC_OVERFLOW ? 0x10 : 0;
    }
    vga->crtc[index] = (uint8_t)((vga->crtc[index] & ~bits) | (value & bits));
}

static uint8_t shared_port_read(struct vga *vga, unsigned port)
{
    switch (port) {
    case PORT_CRTC_INDEX:
        return vga->crtc_index;
    case PORT_CRTC_DATA:
        return crtc_read(vga);
    case PORT_STATUS1:
        vga->attr_data = false;
        return vga_status1(vga);
    default:
        return 0xff;
    }
}

static void shared_port_write(struct vga *vga, unsigned port, uint8_t value)
{
    switch (port) {
    case PORT_CRTC_INDEX:
        vga->crtc_index = value;
        break;
    case PORT_CRTC_DATA:
        crtc_write(vga, value);
        break;
    case PORT_STATUS1:
        vga->feature = value & 0x0b;
        break;
    default:
        break;
    }
}

/* Ports 3B0-3BF and 3D0-3DF answer at one of the two places. */
static bool is_shared(unsigned port)
{
    return (port & 0x3f0) != 0x3c0;
}

static bool is_selected(const struct vga *vga, unsigned port)
{
    return ((vga->misc & MISC_COLOUR) != 0) == ((port & 0x3f0) == 0x3d0);
}

uint8_t vga_port_read(struct vga *vga, unsigned port)
{
    if ((vga->enable & 1) == 0 && port != PORT_ENABLE) {
        return 0xff;
    }
    if (is_shared(port)) {
        return is_selected(vga, port) ? shared_port_read(vga, 0x3d0 | (port & 0xf)) : 0xff;
    }
    switch (port) {
    case PORT_ATTR:
        return vga->attr_index;
    case PORT_ATTR_READ:
        return (vga->attr_index & 0x1f) < VGA_ATTR_COUNT ? vga->attr[vga->attr_index & 0x1f] : 0;
    case PORT_MISC_WRITE:
        /* Status 0: a monitor is connected, no retrace interrupt. */
        return 0x10;
    case PORT_ENABLE:
        return vga->enable;
    case PORT_SEQ_INDEX:
        return vga->seq_index;
    case PORT_SEQ_DATA:
        return vga->seq[vga->seq_index % VGA_SEQ_COUNT];
    case PORT_DAC_MASK:
        return vga->dac_mask;
    case PORT_DAC_READ_INDEX:
        return vga->dac_state;
    case PORT_DAC_WRITE_INDEX:
        return vga->dac_write;
    case PORT_DAC_DATA:
        return dac_read_data(vga);
    case PORT_FEATURE_READ:
        return vga->feature;
    case PORT_MISC_READ:
        return vga->misc;
    case PORT_GFX_INDEX:
        return vga->gfx_index;
    case PORT_GFX_DATA:
        return vga->gfx_index < VGA_GFX_COUNT ? vga->gfx[vga->gfx_index] : 0;
    default:
        return 0xff;
    }
}

static void dac_start(struct vga *vga, enum dac_state state, uint8_t index)
{
    vga->dac_state = state;
    vga->dac_sub = 0;
    if (state == DAC_READING) {
        vga->dac_read = index;
    } else {
        vga->dac_write = index;
    }
}

void vga_port_write(struct vga *vga, unsigned port, uint8_t value)
{
    if ((vga->enable & 1) == 0 && port != PORT_ENABLE) {
        return;
    }
    if (is_shared(port)) {
        if (is_selected(vga, port)) {
            shared_port_write(vga, 0x3d0 | (port & 0xf), value);
        }
        return;
    }
    switch (port) {
    case PORT_ATTR:
        attr_write(vga, value);
        break;
    case PORT_MISC_WRITE:
        vga->misc = value & 0xef;
        vga_drive(vga);
        break;
    case PORT_ENABLE:
        vga->enable = value & 1;
        vga_drive(vga);
        break;
    case PORT_SEQ_INDEX:
        vga->seq_index = value & 7;
        break;
    case PORT_SEQ_DATA:
        vga->seq[vga->seq_index % VGA_SEQ_COUNT] = value & SEQ_BITS[vga->seq_index % VGA_SEQ_COUNT];
        vga_drive(vga);
        break;
    case PORT_DAC_MASK:
        vga->dac_mask = value;
        vga->palette_changed = true;
        break;
    case PORT_DAC_READ_INDEX:
        dac_start(vga, DAC_READING, value);
        break;
    case PORT_DAC_WRITE_INDEX:
        dac_start(vga, DAC_WRITING, value);
        break;
    case PORT_DAC_DATA:
        dac_write_data(vga, value);
        break;
    case PORT_GFX_INDEX:
        vga->gfx_index = value & 0xf;
        break;
    case PORT_GFX_DATA:
        if (vga->gfx_index < VGA_GFX_COUNT) {
            vga->gfx[vga->gfx_index] = value & GFX_BITS[vga->gfx_index];
            vga_drive(vga);
        }
        break;
    default:
        break;
    }
}

static uint64_t ports_read(void *owner, uint64_t offset, unsigned size)
{
    return vga_port_read(owner, VGA_PORTS_BASE + (unsigned)offset);
}

static void ports_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    vga_port_write(owner, VGA_PORTS_BASE + (unsigned)offset, (uint8_t)value);
    vga_wake(owner);
}

const struct region_ops vga_ports_ops = {ports_read, ports_write, 1, 1};
