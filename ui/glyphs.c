/* See the header. */
#include "ui/glyphs.h"

#include <glib.h>
#include <string.h>

#include "ui/display.h"

enum { WIDTH = 8, HEIGHT = 16, CODES = 256, SLOTS = 1024 /* of the hash table, a power of two */ };

struct glyph {
    uint64_t rows[2]; /* the bitmap: byte n of the sixteen is row n, bit 7 leftmost */
};

struct glyphs {
    struct glyph font[CODES];
    int16_t slot[SLOTS]; /* code, -1 = free; open addressing */
};

static unsigned hash(const struct glyph *glyph)
{
    uint64_t mix = (glyph->rows[0] ^ glyph->rows[1] * 3) * 0x9e3779b97f4a7c15ull;
    return (unsigned)(mix >> 54) % SLOTS;
}

static bool is_blank(const struct glyph *glyph)
{
    return (glyph->rows[0] | glyph->rows[1]) == 0;
}

static bool same(const struct glyph *a, const struct glyph *b)
{
    return a->rows[0] == b->rows[0] && a->rows[1] == b->rows[1];
}

/* Code of a bitmap, -1 if the font has none such. */
static int find(const struct glyphs *glyphs, const struct glyph *glyph)
{
    for (unsigned i = hash(glyph); glyphs->slot[i] >= 0; i = (i + 1) % SLOTS) {
        if (same(&glyphs->font[glyphs->slot[i]], glyph)) {
            return glyphs->slot[i];
        }
    }
    return -1;
}

/* Of characters that look the same the printable ASCII one is meant; those come first. */
static void insert(struct glyphs *glyphs, unsigned code)
{
    const struct glyph *glyph = &glyphs->font[code];
    if (is_blank(glyph) || find(glyphs, glyph) >= 0) {
        return;
    }
    unsigned i = hash(glyph);
    while (glyphs->slot[i] >= 0) {
        i = (i + 1) % SLOTS;
    }
    glyphs->slot[i] = (int16_t)code;
}

/* The place of the letter A of the 8x16 font in the ROM, NULL if it has none. */
static const uint8_t *find_letter_a(const uint8_t *rom, size_t size)
{
    static const uint8_t letter_a[HEIGHT] = { 0, 0, 0x10, 0x38, 0x6c, 0xc6, 0xc6, 0xfe, 0xc6, 0xc6, 0xc6, 0xc6 };
    for (size_t at = 'A' * HEIGHT; at + (CODES - 'A') * HEIGHT <= size; at++) {
        if (memcmp(rom + at, letter_a, HEIGHT) == 0) {
            return rom + at;
        }
    }
    return NULL;
}

struct glyphs *glyphs_create(const uint8_t *rom, size_t size)
{
    const uint8_t *letter_a = find_letter_a(rom, size);
    if (letter_a == NULL) {
        return NULL;
    }
    struct glyphs *glyphs = g_new0(struct glyphs, 1);
    memcpy(glyphs->font, letter_a - 'A' * HEIGHT, sizeof(glyphs->font));
    memset(glyphs->slot, 0xff, sizeof(glyphs->slot));
    for (unsigned code = 0x21; code < 0x7f; code++) {
        insert(glyphs, code);
    }
    for (unsigned code = 1; code < CODES; code++) {
        insert(glyphs, code);
    }
    return glyphs;
}

void glyphs_destroy(struct glyphs *glyphs)
{
    g_free(glyphs);
}

/* The bitmap of the cell whose first pixel is at `pixel`, set where the colour differs from that pixel's. False if there
 * are more than two colours. */
static bool cell_bitmap(const uint32_t *pixel, size_t stride, struct glyph *glyph)
{
    uint32_t first = pixel[0] & 0xffffff, second = first;
    uint8_t rows[HEIGHT];
    for (unsigned y = 0; y < HEIGHT; y++, pixel += stride) {
        rows[y] = 0;
        for (unsigned x = 0; x < WIDTH; x++) {
            uint32_t colour = pixel[x] & 0xffffff;
            if (colour != first) {
                if (second != first && colour != second) {
                    return false;
                }
                second = colour;
                rows[y] |= (uint8_t)(0x80 >> x);
            }
        }
    }
    memcpy(glyph->rows, rows, sizeof(rows));
    return true;
}

/* Code of the character in a cell, 0 if it shows none. */
static uint8_t cell_code(const struct glyphs *glyphs, const uint32_t *pixel, size_t stride)
{
    struct glyph glyph;
    if (!cell_bitmap(pixel, stride, &glyph) || is_blank(&glyph)) {
        return 0;
    }
    int code = find(glyphs, &glyph);
    if (code < 0) {
        glyph.rows[0] = ~glyph.rows[0];
        glyph.rows[1] = ~glyph.rows[1];
        code = find(glyphs, &glyph);
    }
    return code < 0 ? 0 : (uint8_t)code;
}

/* Reads all cells of the grid that begins at (left, top) into cells (or only counts if NULL); returns how many are
 * characters. */
static unsigned read_grid(const struct glyphs *glyphs, const struct surface *surface, unsigned left, unsigned top,
                          struct text_cell *cells)
{
    size_t stride = surface->stride;
    unsigned columns = (surface->width - left) / WIDTH, rows = (surface->height - top) / HEIGHT;
    unsigned known = 0;
    for (unsigned row = 0; row < rows; row++) {
        for (unsigned column = 0; column < columns; column++) {
            const uint32_t *pixel = surface_line(surface, top + row * HEIGHT) + left + column * WIDTH;
            uint8_t code = cell_code(glyphs, pixel, stride);
            known += code != 0;
            if (cells != NULL) {
                cells[row * columns + column] = (struct text_cell){ .character = code != 0 ? code : ' ',
                                                                    .attribute = 7 };
            }
        }
    }
    return known;
}

bool glyphs_read(const struct glyphs *glyphs, const struct surface *surface, struct text_screen *screen)
{
    unsigned best = 0, best_left = 0, best_top = 0;
    if (surface->width < 2 * WIDTH || surface->height < 2 * HEIGHT) {
        return false;
    }
    for (unsigned top = 0; top < HEIGHT; top++) {
        for (unsigned left = 0; left < WIDTH; left++) {
            unsigned known = read_grid(glyphs, surface, left, top, NULL);
            if (known > best) {
                best = known;
                best_left = left;
                best_top = top;
            }
            /* The usual place, and no chance hits: text is there. */
            if (top == 0 && left == 0 && known >= 4) {
                left = WIDTH;
                top = HEIGHT;
            }
        }
    }
    if (best == 0) {
        return false;
    }
    *screen = (struct text_screen){ .columns = (surface->width - best_left) / WIDTH,
                                    .rows = (surface->height - best_top) / HEIGHT };
    screen->cells = g_new0(struct text_cell, (size_t)screen->columns * screen->rows);
    read_grid(glyphs, surface, best_left, best_top, screen->cells);
    return true;
}
