/*
 * Text modes: characters from plane 0, attributes from plane 1, fonts from plane 2.
 *
 * What each cell looked like when it was drawn is remembered, and only cells that look different now are drawn
 * again. A cell's look is its character, its attribute and whether cursor or blinking change it.
 */
#include <string.h>

#include "hw/display/vga_impl.h"

#define LOOK_CURSOR 0x10000u
#define LOOK_BLINKED_OFF 0x20000u
#define LOOK_NONE UINT32_MAX

/* The cursor is on for so many frames and off for as many; characters. */
#define CURSOR_FRAMES 8
#define BLINK_FRAMES 16

/* A row of characters on the screen: scan lines [top, bottom). */
struct text_row {
    unsigned top, bottom;
    unsigned first_scan;    /* row scan counter at top */
    unsigned first_scanned; /* how often that line was shown before */
    uint32_t address;
    bool below_split;
};

/* What is the same for all cells of an update. */
struct text_style {
    uint32_t cursor;    /* address counter at the cursor, LOOK_NONE if it is off now */
    bool blink;         /* attribute bit 7 blinks */
    bool blinked_off;
    uint32_t fonts[2];  /* word index in vram of the fonts, by attribute bit 3 */
};

/* The next row of characters from line *y on; false at the bottom of the screen. */
static bool next_row(const struct vga_mode *mode, unsigned *y, struct vga_line *line,
                     struct text_row *row)
{
    if (*y >= mode->height) {
        return false;
    }
    *row = (struct text_row){*y, *y, line->row_scan, line->scanned, line->address, line->below_split};
    do {
        vga_line_next(mode, *y, line);
        (*y)++;
    } while (*y < mode->height && line->address == row->address &&
             line->below_split == row->below_split &&
             (line->row_scan != 0 || line->scanned != 0));
    row->bottom = *y;
    return true;
}

static uint32_t cursor_position(const struct vga *vga)
{
    return (uint32_t)(vga->crtc[CRTC_CURSOR_HIGH] << 8 | vga->crtc[CRTC_CURSOR_LOW]) +
           ((vga->crtc[CRTC_CURSOR_END] >> 5) & 3);
}

static bool cursor_shown(const struct vga *vga)
{
    return (vga->crtc[CRTC_CURSOR_START] & CRTC_CURSOR_OFF) == 0 &&
           (vga->crtc[CRTC_CURSOR_START] & 0x1f) <= (vga->crtc[CRTC_CURSOR_END] & 0x1f);
}

/* Font n = 0..7 as the character map select register counts them. */
static uint32_t font_address(const struct vga *vga, unsigned n)
{
    if ((vga->seq[SEQ_MEMORY_MODE] & SEQ_EXTENDED_MEMORY) == 0) {
        return 0;
    }
    return (n & 3) * 0x4000 + (n >> 2) * 0x2000;
}

static struct text_style style_now(const struct vga *vga)
{
    unsigned select = vga->seq[SEQ_FONT_SELECT];
    uint64_t frame = vga_frame(vga);
    struct text_style style = {
        .cursor = cursor_shown(vga) && (frame & CURSOR_FRAMES) == 0 ? cursor_position(vga) & 0xffff : LOOK_NONE,
        .blink = (vga->attr[ATTR_MODE] & ATTR_MODE_BLINK) != 0,
        .blinked_off = (frame & BLINK_FRAMES) != 0,
        .fonts = {font_address(vga, (select & 3) | (select >> 2 & 4)),
                  font_address(vga, (select >> 2 & 3) | (select >> 3 & 4))},
    };

    return style;
}

/* Character in bits 0-7, attribute in bits 8-15. */
static uint32_t cell_at(const struct vga *vga, const struct vga_mode *mode,
                        const struct text_row *row, unsigned column)
{
    const uint32_t *words = (const uint32_t *)(const void *)vga->vram->host;
    uint32_t counter = row->address + (column >> mode->count_shift);

    return words[vga_plane_address(mode, counter, row->first_scan)] & 0xffff;
}

static uint32_t look_at(const struct vga *vga, const struct text_style *style,
                        const struct text_row *row, unsigned column)
{
    uint32_t look = cell_at(vga, &vga->mode, row, column);

    if (((row->address + (column >> vga->mode.count_shift)) & 0xffff) == style->cursor) {
        look |= LOOK_CURSOR;
    }
    if (style->blink && style->blinked_off && (look & 0x8000) != 0) {
        look |= LOOK_BLINKED_OFF;
    }
    return look;
}

/* The dots of one line of a cell, bit 8 leftmost, bit 0 the ninth. */
static unsigned cell_dots(const struct vga *vga, const struct text_style *style, uint32_t look,
                          unsigned scan)
{
    unsigned character = look & 0xff, attribute = (look >> 8) & 0xff;
    uint32_t font = style->fonts[(attribute >> 3) & 1];
    unsigned dots = vga->vram->host[4 * (font + character * 32 + scan) + 2];
    unsigned cursor_start = vga->crtc[CRTC_CURSOR_START] & 0x1f;
    unsigned cursor_end = vga->crtc[CRTC_CURSOR_END] & 0x1f;

    dots <<= 1;
    /* Line graphics run through into the ninth dot. */
    if ((vga->attr[ATTR_MODE] & ATTR_MODE_LINE_GRAPHICS) != 0 && (character & 0xe0) == 0xc0) {
        dots |= dots >> 1 & 1;
    }
    if ((attribute & 0x77) == 0x01 && scan == (vga->crtc[CRTC_UNDERLINE] & 0x1f)) {
        dots = 0x1ff;
    }
    if ((look & LOOK_BLINKED_OFF) != 0) {
        dots = 0;
    }
    if ((look & LOOK_CURSOR) != 0 && scan >= cursor_start && scan <= cursor_end) {
        dots = 0x1ff;
    }
    return dots;
}

/* Draws a cell whose left edge is at x, which may lie outside the surface. */
static void draw_cell(const struct vga *vga, const struct text_style *style,
                      const struct text_row *row, struct surface *surface, int x, uint32_t look)
{
    const struct vga_mode *mode = &vga->mode;
    unsigned attribute = (look >> 8) & 0xff;
    uint32_t ink = vga->palette[attribute & 0xf];
    uint32_t paper = vga->palette[(attribute >> 4) & (style->blink ? 7 : 0xf)];
    unsigned scan = row->first_scan, scanned = row->first_scanned;
    int width = (int)(mode->char_width * mode->dot);

    for (unsigned y = row->top; y < row->bottom; y++) {
        uint32_t *pixels = surface_line(surface, y);
        unsigned dots = cell_dots(vga, style, look, scan);

        for (int i = MAX(0, -x); i < width && x + i < (int)surface->width; i++) {
            pixels[x + i] = (dots >> (8 - (unsigned)i / mode->dot)) & 1 ? ink : paper;
        }
        if (++scanned == mode->repeat) {
            scanned = 0;
            scan = (scan + 1) & 0x1f;
        }
    }
}

/* Forgets what was drawn and makes room for the present mode. */
static void forget_cells(struct vga *vga)
{
    const struct vga_mode *mode = &vga->mode;
    /* One row more for a first row that is cut, one for one cut by the split, one for the last. */
    unsigned rows = mode->height / (mode->rows_lines * mode->repeat) + 3;

    vga->cell_count = rows * (mode->chars + 1);
    vga->cells = g_renew(uint32_t, vga->cells, vga->cell_count);
    for (unsigned i = 0; i < vga->cell_count; i++) {
        vga->cells[i] = LOOK_NONE;
    }
}

static void draw_row(struct vga *vga, const struct text_style *style, const struct text_row *row,
                     uint32_t *drawn, struct surface *surface)
{
    const struct vga_mode *mode = &vga->mode;
    int width = (int)(mode->char_width * mode->dot);
    unsigned pan = row->below_split && mode->pan_split_only ? 0 : mode->pan;
    unsigned columns = mode->chars + (pan != 0 ? 1 : 0);
    int left = -1, right = -1;

    for (unsigned column = 0; column < columns; column++) {
        uint32_t look = look_at(vga, style, row, column);
        int x = (int)column * width - (int)(pan * mode->dot);

        if (look == drawn[column]) {
            continue;
        }
        drawn[column] = look;
        draw_cell(vga, style, row, surface, x, look);
        left = left < 0 ? MAX(x, 0) : left;
        right = x + width;
    }
    if (left >= 0) {
        display_damage(vga->display, left, (int)row->top, right - left,
                       (int)(row->bottom - row->top));
    }
}

/* Whether no cell can look different from what was drawn; remembers what that depends on. */
static bool is_unchanged(struct vga *vga, const struct text_style *style)
{
    uint32_t now[3] = {style->cursor, vga->mode.start, (uint32_t)(style->blink * 2 + style->blinked_off)};
    bool same = memcmp(now, vga->text_seen, sizeof(now)) == 0;

    memcpy(vga->text_seen, now, sizeof(now));
    return same;
}

void vga_text_draw(struct vga *vga, struct surface *surface, bool dirty)
{
    const struct vga_mode *mode = &vga->mode;
    struct text_style style = style_now(vga);
    bool unchanged = is_unchanged(vga, &style);
    struct vga_line line;
    struct text_row row;
    unsigned y = 0, index = 0;

    if (vga->font_changed) {
        vga->font_changed = false;
        vga_mark_redraw(vga);
    }
    if (vga->redraw) {
        forget_cells(vga);
    } else if (unchanged && !dirty) {
        return;
    }
    vga_line_first(mode, &line);
    while (next_row(mode, &y, &line, &row) && index + mode->chars + 1 <= vga->cell_count) {
        draw_row(vga, &style, &row, vga->cells + index, surface);
        index += mode->chars + 1;
    }
}

uint64_t vga_text_rest(const struct vga *vga)
{
    if (cursor_shown(vga)) {
        return vga_until_frame(vga, CURSOR_FRAMES);
    }
    return (vga->attr[ATTR_MODE] & ATTR_MODE_BLINK) != 0 ? vga_until_frame(vga, BLINK_FRAMES) : DISPLAY_REST_LONG;
}

bool vga_text_read(struct vga *vga, struct text_screen *screen)
{
    struct vga_mode mode;
    struct vga_line line;
    struct text_row row;
    GArray *cells;

    vga_mode_get(vga, &mode);
    if (mode.kind != VGA_TEXT) {
        return false;
    }
    cells = g_array_new(FALSE, FALSE, sizeof(struct text_cell));
    vga_line_first(&mode, &line);
    for (unsigned y = 0; next_row(&mode, &y, &line, &row); screen->rows++) {
        for (unsigned column = 0; column < mode.chars; column++) {
            uint32_t look = cell_at(vga, &mode, &row, column);
            uint32_t counter = row.address + (column >> mode.count_shift);
            struct text_cell cell = {(uint8_t)look, (uint8_t)(look >> 8)};

            g_array_append_val(cells, cell);
            if (cursor_shown(vga) && ((counter ^ cursor_position(vga)) & 0xffff) == 0) {
                screen->cursor_visible = true;
                screen->cursor_column = column;
                screen->cursor_row = screen->rows;
            }
        }
    }
    screen->columns = mode.chars;
    screen->cells = (struct text_cell *)(void *)g_array_free(cells, FALSE);
    return true;
}
