/*
 * Bringing the surface up to date: what has to be converted, and in which way.
 *
 * In graphics modes a line is converted if a page of its memory was stored to since the last time; in text
 * modes cells are compared (vga_text.c). Everything is converted after a change of mode, start address or
 * colours.
 */
#include <string.h>

#include "hw/display/vga_impl.h"

static uint32_t dac_colour(const struct vga *vga, unsigned index)
{
    const uint8_t *rgb = &(vga->raster.on ? vga->raster.shown : vga->dac)[(index & vga->dac_mask) * 3];
    uint32_t colour = 0;

    for (unsigned i = 0; i < 3; i++) {
        uint32_t level = rgb[i];

        if ((vga->dispi[DISPI_ENABLE] & DISPI_8BIT_DAC) == 0) {
            level = (level & 0x3f) << 2 | (level & 0x3f) >> 4;
        }
        colour = colour << 8 | level;
    }
    return colour;
}

/* The DAC index of a 4-bit pixel. */
static unsigned attribute_colour(const struct vga *vga, unsigned pixel)
{
    unsigned value = vga->attr[pixel & vga->attr[ATTR_PLANE_ENABLE] & 0xf] & 0x3f;

    if ((vga->attr[ATTR_MODE] & ATTR_MODE_P54) != 0) {
        value = (value & 0xf) | (vga->attr[ATTR_COLOUR_SELECT] & 3u) << 4;
    }
    return value | (vga->attr[ATTR_COLOUR_SELECT] & 0xcu) << 4;
}

static void make_colours(struct vga *vga)
{
    for (unsigned i = 0; i < 256; i++) {
        vga->colours[i] = dac_colour(vga, i);
    }
    for (unsigned i = 0; i < 16; i++) {
        vga->palette[i] = vga->colours[attribute_colour(vga, i)];
    }
}

static void update_colours(struct vga *vga)
{
    if (!vga->palette_changed) {
        return;
    }
    vga->palette_changed = false;
    make_colours(vga);
    vga_mark_redraw(vga);
}

bool vga_is_dirty(const struct vga *vga, uint32_t first, uint32_t size)
{
    uint64_t last_page = (vga->vram->size - 1) >> RAM_PAGE_BITS;
    uint64_t end = MIN(((uint64_t)first + size - 1) >> RAM_PAGE_BITS, last_page);

    for (uint64_t page = first >> RAM_PAGE_BITS; page <= end; page++) {
        if ((vga->dirty[page / 64] >> (page % 64) & 1) != 0) {
            return true;
        }
    }
    return false;
}

/* The part of vram that a line shows. */
static void line_range(const struct vga *vga, const struct vga_line *line, uint32_t *first,
                       uint32_t *size)
{
    if (vga->mode.kind == VGA_LINEAR) {
        *first = line->address;
        *size = dispi_line_bytes(&vga->mode);
    } else {
        vga_planar_line_range(vga, line, first, size);
    }
}

/* Fetches which pages changed, of those that the mode may show. False if none did. */
static bool fetch_dirty(struct vga *vga)
{
    const struct vga_mode *mode = &vga->mode;
    uint64_t first = 0, end = ((uint64_t)mode->word_mask + 1) * 4;

    if (mode->kind == VGA_LINEAR) {
        first = mode->start;
        end = first + (uint64_t)mode->pitch * mode->height;
    }
    /* Whole words of the bitmap. */
    first = first >> RAM_PAGE_BITS & ~63ull;
    end = MIN((end + RAM_PAGE_SIZE - 1) >> RAM_PAGE_BITS, vga->vram->size >> RAM_PAGE_BITS);
    if (first >= end) {
        return false;
    }
    return ram_dirty_fetch(vga->vram, first, end - first, vga->dirty + first / 64);
}

static void draw_graphics_line(const struct vga *vga, const struct vga_line *line, uint32_t *pixels)
{
    if (vga->mode.kind == VGA_LINEAR) {
        dispi_draw_line(vga, line->address, pixels);
    } else {
        vga_planar_draw_line(vga, line, pixels);
    }
}

static void draw_graphics(struct vga *vga, struct surface *surface)
{
    const struct vga_mode *mode = &vga->mode;
    struct vga_line line;
    unsigned run = 0; /* lines drawn directly above y */
    unsigned y;

    if (!fetch_dirty(vga) && !vga->redraw) {
        return;
    }
    vga_line_first(mode, &line);
    for (y = 0; y < mode->height; y++) {
        uint32_t first, size;
        bool recoloured = vga_raster_line(vga, y);

        if (recoloured) {
            make_colours(vga);
        }
        line_range(vga, &line, &first, &size);
        if (vga->redraw || vga_is_dirty(vga, first, size)) {
            if (line.scanned != 0 && run != 0 && !recoloured) {
                memcpy(surface_line(surface, y), surface_line(surface, y - 1),
                       mode->width * sizeof(uint32_t));
            } else {
                draw_graphics_line(vga, &line, surface_line(surface, y));
            }
            run++;
        } else if (run != 0) {
            display_damage(vga->display, 0, (int)(y - run), (int)mode->width, (int)run);
            run = 0;
        }
        vga_line_next(mode, y, &line);
    }
    if (run != 0) {
        display_damage(vga->display, 0, (int)(y - run), (int)mode->width, (int)run);
    }
}

static void draw_blank(struct vga *vga)
{
    struct surface *surface = display_surface(vga->display);

    if (vga->redraw) {
        surface_fill(surface, 0, 0, (int)surface->width, (int)surface->height, 0);
        display_damage(vga->display, 0, 0, (int)surface->width, (int)surface->height);
    }
}

/* Takes over the present mode; marks everything for drawing if that looks different from before. */
static void update_mode(struct vga *vga)
{
    struct vga_mode mode, before = vga->mode;

    vga_mode_get(vga, &mode);
    if (mode.kind == VGA_TEXT && before.kind == VGA_TEXT) {
        /* Scrolling by the start address only changes what the cells hold. */
        before.start = mode.start;
    }
    if (memcmp(&mode, &before, sizeof(mode)) != 0) {
        vga_mark_redraw(vga);
    }
    vga->mode = mode;
}

static void draw(void *arg)
{
    struct vga *vga = arg;
    struct surface *surface;

    update_mode(vga);
    if (vga->mode.kind == VGA_TEXT || vga->mode.kind == VGA_BLANK) {
        vga->palette_changed |= vga->raster.on;
        vga->raster.on = false;
    } else {
        vga_raster_begin(vga);
    }
    update_colours(vga);
    if (vga->mode.kind == VGA_BLANK) {
        draw_blank(vga);
    } else {
        surface = display_set_size(vga->display, vga->mode.width, vga->mode.height);
        if (vga->mode.kind == VGA_TEXT) {
            vga_text_draw(vga, surface, fetch_dirty(vga));
        } else {
            draw_graphics(vga, surface);
        }
    }
    vga->redraw = false;
}

static void invalidate(void *arg)
{
    vga_mark_redraw(arg);
}

static bool text(void *arg, struct text_screen *screen)
{
    return vga_text_read(arg, screen);
}

/* Stores and port writes tell that they were made, unless the engine keeps the log of stores to itself. */
static uint64_t rest(void *arg)
{
    const struct vga *vga = arg;

    if (vga->vram->dirty_sync != NULL || vga->raster.on) {
        return 0;
    }
    return vga->mode.kind == VGA_TEXT ? vga_text_rest(vga) : DISPLAY_REST_LONG;
}

const struct display_source vga_display_source = {draw, text, invalidate, rest};
