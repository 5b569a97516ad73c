/*
 * The DISPI interface: linear modes of 8 to 32 bits a pixel and planar modes of 4, set by eleven 16-bit
 * registers behind an index and a data port (Bochs VBE display interface, revisions B0C0-B0C5).
 *
 * Sizes and depth can be changed only while the mode is off. A request for a mode that does not fit into video
 * memory, or for a view that leaves it, is refused: the register keeps its value.
 */
#include <string.h>

#include "hw/display/vga_impl.h"

/* Bits of memory to a pixel; 0 if there is no such depth. */
static unsigned bits_of_depth(unsigned bpp)
{
    switch (bpp) {
    case 4:
    case 8:
    case 16:
    case 24:
    case 32:
        return bpp;
    case 15:
        return 16;
    default:
        return 0;
    }
}

static unsigned depth_bits(const struct vga *vga)
{
    return bits_of_depth(vga->dispi[DISPI_BPP]);
}

/* Bytes of memory to a line of `width` pixels, over all planes. */
static uint64_t line_bytes(const struct vga *vga, unsigned width)
{
    return (uint64_t)width * depth_bits(vga) / 8;
}

static void set_virtual_width(struct vga *vga, unsigned width)
{
    uint64_t height = vga->vram->size / MAX(line_bytes(vga, width), 1);

    vga->dispi[DISPI_VIRT_WIDTH] = (uint16_t)width;
    vga->dispi[DISPI_VIRT_HEIGHT] = (uint16_t)MIN(height, UINT16_MAX);
}

/* True if a screen of the mode's size at these offsets lies in a virtual screen of that width, in memory. */
static bool view_fits(const struct vga *vga, unsigned width, unsigned x, unsigned y)
{
    unsigned xres = vga->dispi[DISPI_XRES], yres = vga->dispi[DISPI_YRES];

    return x + xres <= width && (uint64_t)(y + yres) * line_bytes(vga, width) <= vga->vram->size;
}

/* True if size and depth make a mode. Planar lines are whole bytes. */
static bool mode_possible(const struct vga *vga)
{
    unsigned xres = vga->dispi[DISPI_XRES], yres = vga->dispi[DISPI_YRES];

    return xres >= 1 && xres <= DISPI_MAX_XRES && yres >= 1 && yres <= DISPI_MAX_YRES &&
           depth_bits(vga) != 0 && (depth_bits(vga) != 4 || xres % 8 == 0) &&
           view_fits(vga, xres, 0, 0);
}

void dispi_reset(struct vga *vga)
{
    vga->dispi_index = 0;
    memset(vga->dispi, 0, sizeof(vga->dispi));
    vga->dispi[DISPI_ID] = DISPI_ID_LAST;
}

void dispi_loaded(struct vga *vga)
{
    uint16_t *dispi = vga->dispi;

    if (dispi[DISPI_ID] < DISPI_ID_FIRST || dispi[DISPI_ID] > DISPI_ID_LAST) {
        dispi[DISPI_ID] = DISPI_ID_LAST;
    }
    dispi[DISPI_BANK] &= (uint16_t)(vga->vram->size / 0x10000 - 1);
    if (dispi_on(vga) && (!mode_possible(vga) || !view_fits(vga, dispi[DISPI_VIRT_WIDTH],
                                                            dispi[DISPI_X_OFFSET],
                                                            dispi[DISPI_Y_OFFSET]))) {
        dispi[DISPI_ENABLE] &= (uint16_t)~DISPI_ENABLED;
    }
}

bool dispi_linear(const struct vga *vga)
{
    return dispi_on(vga) && vga->dispi[DISPI_BPP] != 4;
}

uint64_t dispi_bank_offset(const struct vga *vga)
{
    return dispi_on(vga) ? (uint64_t)vga->dispi[DISPI_BANK] << 16 : 0;
}

uint16_t dispi_read(struct vga *vga, unsigned index)
{
    if (index >= DISPI_COUNT) {
        return 0;
    }
    if (index == DISPI_VIDEO_MEMORY_64K) {
        return (uint16_t)(vga->vram->size >> 16);
    }
    if ((vga->dispi[DISPI_ENABLE] & DISPI_GETCAPS) != 0) {
        switch (index) {
        case DISPI_XRES:
            return DISPI_MAX_XRES;
        case DISPI_YRES:
            return DISPI_MAX_YRES;
        case DISPI_BPP:
            return 32;
        default:
            break;
        }
    }
    return vga->dispi[index];
}

static void refuse(const struct vga *vga, unsigned index, uint16_t value)
{
    log_print(vga->machine->log, LOG_GUEST_ERROR,
              "vga: DISPI register %u refuses 0x%04x (mode %u x %u x %u)\n", index, value,
              vga->dispi[DISPI_XRES], vga->dispi[DISPI_YRES], vga->dispi[DISPI_BPP]);
}

static void write_enable(struct vga *vga, uint16_t value)
{
    uint16_t old = vga->dispi[DISPI_ENABLE];
    const uint16_t known = DISPI_ENABLED | DISPI_GETCAPS | DISPI_8BIT_DAC | DISPI_LFB_ENABLED |
                           DISPI_NOCLEARMEM;

    value &= known;
    if (((old ^ value) & DISPI_8BIT_DAC) != 0) {
        vga->palette_changed = true;
    }
    if ((value & DISPI_ENABLED) != 0 && (old & DISPI_ENABLED) == 0) {
        if (!mode_possible(vga)) {
            refuse(vga, DISPI_ENABLE, value);
            value &= (uint16_t)~DISPI_ENABLED;
        } else {
            set_virtual_width(vga, vga->dispi[DISPI_XRES]);
            vga->dispi[DISPI_X_OFFSET] = 0;
            vga->dispi[DISPI_Y_OFFSET] = 0;
            vga->dispi[DISPI_BANK] = 0;
            if ((value & DISPI_NOCLEARMEM) == 0) {
                uint64_t size = vga->dispi[DISPI_YRES] * line_bytes(vga, vga->dispi[DISPI_XRES]);

                memset(vga->vram->host, 0, size);
                ram_touched(vga->vram, 0, size);
            }
        }
    }
    vga->dispi[DISPI_ENABLE] = value;
    vga_mark_redraw(vga);
}

/* Sizes and depth: only while no mode is on. */
static bool write_geometry(struct vga *vga, unsigned index, uint16_t value)
{
    if (dispi_on(vga)) {
        /* The same value again is harmless and common. */
        return vga->dispi[index] == value;
    }
    if (index == DISPI_BPP) {
        value = value == 0 ? 8 : value;
        if (bits_of_depth(value) == 0) {
            return false;
        }
    } else if (value > (index == DISPI_XRES ? DISPI_MAX_XRES : DISPI_MAX_YRES)) {
        return false;
    }
    vga->dispi[index] = value;
    return true;
}

static bool write_view(struct vga *vga, unsigned index, uint16_t value)
{
    unsigned width = vga->dispi[DISPI_VIRT_WIDTH];
    unsigned x = vga->dispi[DISPI_X_OFFSET], y = vga->dispi[DISPI_Y_OFFSET];

    if (!dispi_on(vga)) {
        /* Enabling sets the view; what is written before has no effect. */
        return true;
    }
    switch (index) {
    case DISPI_VIRT_WIDTH:
        if ((depth_bits(vga) == 4 && value % 8 != 0) || !view_fits(vga, value, 0, 0)) {
            return false;
        }
        if (!view_fits(vga, value, x, y)) {
            vga->dispi[DISPI_X_OFFSET] = 0;
            vga->dispi[DISPI_Y_OFFSET] = 0;
        }
        set_virtual_width(vga, value);
        return true;
    case DISPI_X_OFFSET:
        x = value;
        break;
    default:
        y = value;
        break;
    }
    if (!view_fits(vga, width, x, y)) {
        return false;
    }
    vga->dispi[index] = value;
    return true;
}

void dispi_write(struct vga *vga, unsigned index, uint16_t value)
{
    bool ok = true;

    switch (index) {
    case DISPI_ID:
        ok = value >= DISPI_ID_FIRST && value <= DISPI_ID_LAST;
        if (ok) {
            vga->dispi[DISPI_ID] = value;
        }
        break;
    case DISPI_XRES:
    case DISPI_YRES:
    case DISPI_BPP:
        ok = write_geometry(vga, index, value);
        break;
    case DISPI_ENABLE:
        write_enable(vga, value);
        break;
    case DISPI_BANK:
        vga->dispi[DISPI_BANK] = value & (uint16_t)(vga->vram->size / 0x10000 - 1);
        break;
    case DISPI_VIRT_WIDTH:
    case DISPI_X_OFFSET:
    case DISPI_Y_OFFSET:
        ok = write_view(vga, index, value);
        break;
    default:
        /* The virtual height follows from the width; the memory size is fixed. */
        break;
    }
    if (!ok) {
        refuse(vga, index, value);
    }
    vga_drive(vga);
}

static uint64_t dispi_ports_read(void *owner, uint64_t offset, unsigned size)
{
    struct vga *vga = owner;

    return offset == 0 ? vga->dispi_index : dispi_read(vga, vga->dispi_index);
}

static void dispi_ports_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct vga *vga = owner;

    /* 1CE is the index; 1CF and 1D0 are both the data port. */
    if (offset == 0) {
        vga->dispi_index = (uint16_t)value;
    } else {
        dispi_write(vga, vga->dispi_index, (uint16_t)value);
        vga_wake(vga);
    }
}

const struct region_ops dispi_ports_ops = {dispi_ports_read, dispi_ports_write, 1, 2};

void dispi_mode(const struct vga *vga, struct vga_mode *mode)
{
    unsigned x = vga->dispi[DISPI_X_OFFSET], y = vga->dispi[DISPI_Y_OFFSET];
    unsigned width = vga->dispi[DISPI_VIRT_WIDTH];

    mode->width = vga->dispi[DISPI_XRES];
    mode->height = vga->dispi[DISPI_YRES];
    mode->bpp = vga->dispi[DISPI_BPP];
    mode->dot = 1;
    mode->char_width = 8;
    mode->chars = mode->width / 8;
    mode->rows_lines = 1;
    mode->repeat = 1;
    mode->line_compare = UINT32_MAX;
    mode->addressing = CRTC_MODE_A13 | CRTC_MODE_A14 | CRTC_MODE_BYTE;
    mode->word_mask = (uint32_t)(vga->vram->size / 4 - 1);
    if (mode->kind == VGA_LINEAR) {
        mode->pitch = (uint32_t)line_bytes(vga, width);
        mode->start = (uint32_t)(y * line_bytes(vga, width) + line_bytes(vga, x));
    } else {
        mode->pitch = width / 8;
        mode->start = y * (width / 8) + x / 8;
        mode->pan = x % 8;
    }
}

uint32_t dispi_line_bytes(const struct vga_mode *mode)
{
    return mode->width * bits_of_depth(mode->bpp) / 8;
}

static void convert_8(const struct vga *vga, const uint8_t *in, uint32_t *out, unsigned width)
{
    for (unsigned i = 0; i < width; i++) {
        out[i] = vga->colours[in[i]];
    }
}

/* Five or six bits become eight by repeating the upper ones. */
static void convert_15(const uint8_t *bytes, uint32_t *out, unsigned width)
{
    for (unsigned i = 0; i < width; i++) {
        uint32_t p = bytes[2 * i] | (uint32_t)bytes[2 * i + 1] << 8;
        uint32_t wide = (p & 0x7c00) << 9 | (p & 0x3e0) << 6 | (p & 0x1f) << 3;

        out[i] = wide | ((wide >> 5) & 0x070707);
    }
}

static void convert_16(const uint8_t *bytes, uint32_t *out, unsigned width)
{
    for (unsigned i = 0; i < width; i++) {
        uint32_t p = bytes[2 * i] | (uint32_t)bytes[2 * i + 1] << 8;
        uint32_t wide = (p & 0xf800) << 8 | (p & 0x7e0) << 5 | (p & 0x1f) << 3;

        out[i] = wide | ((wide >> 5) & 0x070007) | ((wide >> 6) & 0x000300);
    }
}

static void convert_24(const uint8_t *in, uint32_t *out, unsigned width)
{
    for (unsigned i = 0; i < width; i++) {
        out[i] = in[3 * i] | (uint32_t)in[3 * i + 1] << 8 | (uint32_t)in[3 * i + 2] << 16;
    }
}

static void convert_32(const uint8_t *in, uint32_t *out, unsigned width)
{
    unsigned i;

    /* Lines start at multiples of 4 (whole pixels); two pixels at a time. */
    for (i = 0; i + 1 < width; i += 2) {
        uint64_t two;

        memcpy(&two, in + 4 * i, sizeof(two));
        two &= 0x00ffffff00ffffff;
        memcpy(out + i, &two, sizeof(two));
    }
    if (i < width) {
        uint32_t one;

        memcpy(&one, in + 4 * i, sizeof(one));
        out[i] = one & 0xffffff;
    }
}

void dispi_draw_line(const struct vga *vga, uint32_t address, uint32_t *pixels)
{
    const uint8_t *in = vga->vram->host + address;
    unsigned width = vga->mode.width;

    /* The view lies within memory (view_fits), the line therefore as well. */
    switch (vga->mode.bpp) {
    case 8:
        convert_8(vga, in, pixels, width);
        break;
    case 15:
        convert_15(in, pixels, width);
        break;
    case 16:
        convert_16(in, pixels, width);
        break;
    case 24:
        convert_24(in, pixels, width);
        break;
    default:
        convert_32(in, pixels, width);
        break;
    }
}
