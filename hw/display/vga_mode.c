/*
 * From registers to the geometry of the picture: sizes, the way of the address counter from line to line, and
 * how the counter becomes an address in the planes (IBM Video Subsystem Technical Reference, "CRT
 * Controller").
 *
 * The surface has a pixel for each dot of the full dot clock and a line for each scan line, so that 320 x 200
 * comes out as 640 x 400, as a monitor shows it.
 */
#include <string.h>

#include "hw/display/vga_impl.h"

static unsigned v_display_end(const struct vga *vga)
{
    unsigned overflow = vga->crtc[CRTC_OVERFLOW];

    return vga->crtc[CRTC_V_DISPLAY_END] | (overflow & 0x02) << 7 | (overflow & 0x40) << 3;
}

static unsigned line_compare(const struct vga *vga)
{
    return vga->crtc[CRTC_LINE_COMPARE] | (vga->crtc[CRTC_OVERFLOW] & 0x10u) << 4 |
           (vga->crtc[CRTC_MAX_SCAN_LINE] & 0x40u) << 3;
}

static enum vga_kind kind_of(const struct vga *vga)
{
    if ((vga->attr_index & ATTR_INDEX_VIDEO_ON) == 0 ||
        (vga->seq[SEQ_CLOCKING_MODE] & SEQ_SCREEN_OFF) != 0) {
        return VGA_BLANK;
    }
    if (!dispi_on(vga) && (vga->crtc[CRTC_MODE] & CRTC_MODE_RUN) == 0) {
        return VGA_BLANK;
    }
    if (dispi_linear(vga)) {
        return VGA_LINEAR;
    }
    if (dispi_on(vga)) {
        return VGA_PLANAR;
    }
    if ((vga->gfx[GFX_MISC] & GFX_MISC_GRAPHICS) == 0) {
        return VGA_TEXT;
    }
    if ((vga->gfx[GFX_MODE] & GFX_MODE_SHIFT_256) != 0) {
        return VGA_PIXEL8;
    }
    return (vga->gfx[GFX_MODE] & GFX_MODE_SHIFT_CGA) != 0 ? VGA_CGA4 : VGA_PLANAR;
}

/* Panning in dots; with 9 dots to a character the register counts from 8 = none. */
static unsigned panning(const struct vga *vga, unsigned char_width)
{
    unsigned value = vga->attr[ATTR_PANNING];

    if (char_width == 9) {
        return value >= 8 ? 0 : value + 1;
    }
    return value & 7;
}

static void crtc_geometry(const struct vga *vga, struct vga_mode *mode)
{
    unsigned crtc_mode = vga->crtc[CRTC_MODE];
    unsigned max_scan = vga->crtc[CRTC_MAX_SCAN_LINE];
    unsigned lines_x2 = (crtc_mode & CRTC_MODE_LINES_X2) != 0 ? 2 : 1;
    bool nine = mode->kind == VGA_TEXT && (vga->seq[SEQ_CLOCKING_MODE] & SEQ_8_DOT) == 0;

    mode->dot = (vga->seq[SEQ_CLOCKING_MODE] & SEQ_HALF_CLOCK) != 0 ? 2 : 1;
    mode->char_width = nine ? 9 : 8;
    mode->chars = vga->crtc[CRTC_H_DISPLAY_END] + 1u;
    mode->width = mode->chars * mode->char_width * mode->dot;
    mode->height = (v_display_end(vga) + 1) * lines_x2;
    mode->rows_lines = (max_scan & 0x1f) + 1;
    mode->repeat = (max_scan & 0x80) != 0 ? 2 : 1;
    mode->line_compare = line_compare(vga) * lines_x2 + lines_x2 - 1;
    mode->start = (uint32_t)(vga->crtc[CRTC_START_HIGH] << 8 | vga->crtc[CRTC_START_LOW]) +
                  ((vga->crtc[CRTC_PRESET_ROW_SCAN] >> 5) & 3);
    mode->pitch = vga->crtc[CRTC_OFFSET] * 2u;
    mode->preset_row = vga->crtc[CRTC_PRESET_ROW_SCAN] & 0x1f;
    mode->pan = panning(vga, mode->char_width);
    mode->pan_split_only = (vga->attr[ATTR_MODE] & ATTR_MODE_PAN_SPLIT) != 0;
    mode->count_shift = (vga->crtc[CRTC_UNDERLINE] & CRTC_COUNT_BY_4) != 0 ? 2
                        : (crtc_mode & CRTC_MODE_COUNT_BY_2) != 0          ? 1
                                                                           : 0;
    mode->addressing = crtc_mode & (CRTC_MODE_A13 | CRTC_MODE_A14 | CRTC_MODE_A15 | CRTC_MODE_BYTE);
    mode->doubleword = (vga->crtc[CRTC_UNDERLINE] & CRTC_DOUBLEWORD) != 0;
    mode->word_mask = 0xffff;
}

void vga_mode_get(const struct vga *vga, struct vga_mode *mode)
{
    /* Modes are compared as bytes. */
    memset(mode, 0, sizeof(*mode));
    mode->kind = kind_of(vga);
    if (mode->kind == VGA_BLANK) {
        return;
    }
    if (dispi_on(vga)) {
        dispi_mode(vga, mode);
    } else {
        crtc_geometry(vga, mode);
    }
}

void vga_line_first(const struct vga_mode *mode, struct vga_line *line)
{
    *line = (struct vga_line){.address = mode->start, .row_scan = mode->preset_row};
}

void vga_line_next(const struct vga_mode *mode, unsigned y, struct vga_line *line)
{
    if (y == mode->line_compare) {
        *line = (struct vga_line){.below_split = true};
        return;
    }
    if (++line->scanned < mode->repeat) {
        return;
    }
    line->scanned = 0;
    if (line->row_scan == mode->rows_lines - 1) {
        line->row_scan = 0;
        line->address += mode->pitch;
    } else {
        line->row_scan = (line->row_scan + 1) & 0x1f;
    }
}

uint32_t vga_plane_address(const struct vga_mode *mode, uint32_t counter, unsigned row_scan)
{
    uint32_t address = counter;

    /* In doubleword mode memory is as chain-4 has stored it: see vga.h. */
    if (!mode->doubleword && (mode->addressing & CRTC_MODE_BYTE) == 0) {
        unsigned top = (mode->addressing & CRTC_MODE_A15) != 0 ? 15 : 13;

        address = counter << 1 | ((counter >> top) & 1);
    }
    if ((mode->addressing & CRTC_MODE_A13) == 0) {
        address = (address & ~(1u << 13)) | (row_scan & 1) << 13;
    }
    if ((mode->addressing & CRTC_MODE_A14) == 0) {
        address = (address & ~(1u << 14)) | ((row_scan >> 1) & 1) << 14;
    }
    return address & mode->word_mask;
}
