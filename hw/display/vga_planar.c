/*
 * Scan lines of the graphics modes of the VGA proper: 16 colours from four planes, CGA modes with two bits a
 * pixel, and 256 colours. One character clock takes one 32-bit word of memory, a byte from each plane.
 */
#include <string.h>

#include "hw/display/vga_impl.h"

/* A line, and one more character for panning. */
#define LINE_DOTS_MAX (DISPI_MAX_XRES + 32)

/* The word's eight pixels of four bits each, the leftmost first. */
static void word_to_pixels_planar(uint32_t word, uint8_t *pixels)
{
    for (unsigned i = 0; i < 8; i++) {
        uint32_t bits = (word >> (7 - i)) & 0x01010101u;

        /* Gathers the four bits, which stand 8 apart, into bits 24-27. */
        pixels[i] = (uint8_t)((bits * 0x01020408u) >> 24) & 0xf;
    }
}

/* Planes 0 and 2 give the first four pixels, 1 and 3 the others; the even plane of a pair the low bits. */
static void word_to_pixels_cga(uint32_t word, uint8_t *pixels)
{
    for (unsigned i = 0; i < 8; i++) {
        unsigned plane = i / 4;
        unsigned shift = 6 - 2 * (i % 4);
        unsigned low = (word >> (8 * plane + shift)) & 3;
        unsigned high = (word >> (8 * (plane + 2) + shift)) & 3;

        pixels[i] = (uint8_t)(high << 2 | low);
    }
}

static uint32_t *put_dots(uint32_t *out, uint32_t colour, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        *out++ = colour;
    }
    return out;
}

static uint32_t *draw_word(const struct vga *vga, uint32_t word, uint32_t *out)
{
    unsigned dot = vga->mode.dot;
    uint8_t pixels[8];

    if (vga->mode.kind == VGA_PIXEL8) {
        for (unsigned plane = 0; plane < 4; plane++) {
            out = put_dots(out, vga->colours[(word >> (8 * plane)) & 0xff], 2 * dot);
        }
        return out;
    }
    if (vga->mode.kind == VGA_CGA4) {
        word_to_pixels_cga(word, pixels);
    } else {
        word_to_pixels_planar(word, pixels);
    }
    for (unsigned i = 0; i < 8; i++) {
        out = put_dots(out, vga->palette[pixels[i]], dot);
    }
    return out;
}

void vga_planar_draw_line(const struct vga *vga, const struct vga_line *line, uint32_t *pixels)
{
    const struct vga_mode *mode = &vga->mode;
    const uint32_t *words = (const uint32_t *)(const void *)vga->vram->host;
    unsigned pan = line->below_split && mode->pan_split_only ? 0 : mode->pan * mode->dot;
    unsigned chars = mode->chars + (pan != 0 ? 1 : 0);
    uint32_t buffer[LINE_DOTS_MAX];
    uint32_t *out = buffer;

    for (unsigned c = 0; c < chars; c++) {
        uint32_t counter = line->address + (c >> mode->count_shift);

        out = draw_word(vga, words[vga_plane_address(mode, counter, line->row_scan)], out);
    }
    memcpy(pixels, buffer + pan, mode->width * sizeof(uint32_t));
}

void vga_planar_line_range(const struct vga *vga, const struct vga_line *line, uint32_t *first,
                           uint32_t *size)
{
    const struct vga_mode *mode = &vga->mode;
    uint32_t last = line->address + (mode->chars >> mode->count_shift);
    uint32_t begin = vga_plane_address(mode, line->address, line->row_scan);
    uint32_t end = vga_plane_address(mode, last, line->row_scan);

    if (end < begin) {
        /* It wraps: rare enough to look at everything. */
        begin = 0;
        end = mode->word_mask;
    }
    *first = begin * 4;
    *size = (end - begin + 1) * 4;
}
