/* hw/display/vga_text.c: every dot of the text modes, against an independent rendering. */
#include "tests/support/vga_bench.h"

#include <string.h>

/* A rendering of the screen by the definition of the modes. */
struct text {
    enum vga_test_mode mode;
    unsigned columns, dot, cell_width, cell_height;
    const uint8_t *cells;          /* character, attribute; line by line */
    unsigned row_pitch;            /* cells from row to row */
    unsigned first;                /* cell at the top left */
    unsigned skip_lines, skip_dots; /* smooth scrolling */
    int cursor;                    /* cell index, -1: none */
    unsigned cursor_start, cursor_end;
    bool blink, blinked_off, line_graphics;
    unsigned underline;
    uint8_t (*font)(unsigned character, unsigned scan, bool bright);
};

/* Fonts in which every character is different. */
static uint8_t font_a(unsigned character, unsigned scan, bool bright)
{
    return (uint8_t)(character * 5 + scan * 31 + (character ^ scan));
}

static uint8_t font_b(unsigned character, unsigned scan, bool bright)
{
    return bright ? (uint8_t)~font_a(character, scan, false) : font_a(character, scan, false);
}

static uint32_t expect_text(const void *arg, unsigned x, unsigned y)
{
    const struct text *text = arg;
    unsigned width = text->cell_width * text->dot;
    unsigned sx = x + text->skip_dots * text->dot, sy = y + text->skip_lines;
    unsigned index = text->first + sy / text->cell_height * text->row_pitch + sx / width;
    unsigned character = text->cells[2 * index], attribute = text->cells[2 * index + 1];
    unsigned column = sx % width / text->dot, scan = sy % text->cell_height;
    unsigned row_dots = text->font(character, scan, (attribute & 8) != 0);
    unsigned paper = attribute >> 4;
    bool ink;

    if (column == 8) {
        ink = text->line_graphics && character >= 0xc0 && character <= 0xdf && (row_dots & 1) != 0;
    } else {
        ink = (row_dots >> (7 - column) & 1) != 0;
    }
    if ((attribute & 7) == 1 && (attribute & 0x70) == 0 && scan == text->underline) {
        ink = true;
    }
    if (text->blink) {
        paper &= 7;
        ink = ink && !((attribute & 0x80) != 0 && text->blinked_off);
    }
    if ((int)index == text->cursor && scan >= text->cursor_start && scan <= text->cursor_end) {
        ink = true;
    }
    return vga_pixel_colour(text->mode, ink ? attribute & 15 : paper);
}

/* Font n as the hardware places it: 0, 16, 32, 48, 8, 24, 40, 56 K. */
static void load_font(struct vga_bench *bench, unsigned n, bool bright,
                      uint8_t (*font)(unsigned, unsigned, bool))
{
    static const unsigned PLACES[8] = {0, 16, 32, 48, 8, 24, 40, 56};

    vga_seq(bench, 2, 4);
    vga_seq(bench, 4, 6);
    vga_gfx(bench, 5, 0);
    vga_gfx(bench, 6, 4);
    for (unsigned i = 0; i < 256 * 32; i++) {
        vga_poke(bench, 0xa0000 + PLACES[n] * 1024 + i, font(i / 32, i % 32, bright));
    }
    vga_seq(bench, 2, 3);
    vga_seq(bench, 4, 2);
    vga_gfx(bench, 5, 0x10);
    vga_gfx(bench, 6, (vga_in(bench, 0x3cc) & 1) != 0 ? 0x0e : 0x0a);
}

/* The same through the window; rows of all lengths. */
static void fill(struct vga_bench *bench, uint8_t *cells, unsigned count, uint32_t base)
{
    for (unsigned i = 0; i < 2 * count; i++) {
        cells[i] = (uint8_t)((i >> 1) * 3 + (i & 1) * (i >> 4) * 7 + (i >> 8));
        vga_poke(bench, base + i, cells[i]);
        g_assert_cmphex(vga_peek(bench, base + i), ==, cells[i]);
    }
}

static uint8_t cells[2 * 4000];

static struct text describe(enum vga_test_mode mode)
{
    return (struct text){
        .mode = mode,
        .columns = mode == MODE_1 ? 40 : 80,
        .dot = mode == MODE_1 ? 2 : 1,
        .cell_width = mode == MODE_1 ? 9 : 9,
        .cell_height = 16,
        .cells = cells,
        .row_pitch = mode == MODE_1 ? 40 : 80,
        .cursor = 0,
        .cursor_start = 13,
        .cursor_end = 14,
        .blink = true,
        .line_graphics = true,
        .underline = mode == MODE_7 ? 15 : 31,
        .font = font_a,
    };
}

static struct vga_bench *start(enum vga_test_mode mode)
{
    struct vga_bench *bench = vga_bench_create();

    vga_set_mode(bench, mode);
    load_font(bench, 0, false, font_a);
    fill(bench, cells, 4000, mode == MODE_7 ? 0xb0000 : 0xb8000);
    return bench;
}

static void check_mode(enum vga_test_mode mode)
{
    struct vga_bench *bench = start(mode);
    struct text text = describe(mode);

    vga_expect(bench, 720, 400, expect_text, &text);
    vga_bench_destroy(bench);
}

static void test_modes(void)
{
    check_mode(MODE_1);
    check_mode(MODE_3);
    check_mode(MODE_7);
}

static void test_8_dots_and_bright_paper(void)
{
    struct vga_bench *bench = start(MODE_3);
    struct text text = describe(MODE_3);

    vga_expect(bench, 720, 400, expect_text, &text);
    vga_seq(bench, 1, 1);
    vga_attr(bench, 0x13, 0);
    vga_attr(bench, 0x10, 0x04);
    text.cell_width = 8;
    text.blink = false;
    vga_expect(bench, 640, 400, expect_text, &text);
    vga_bench_destroy(bench);
}

static void test_without_line_graphics(void)
{
    struct vga_bench *bench = start(MODE_3);
    struct text text = describe(MODE_3);

    vga_attr(bench, 0x10, 0x08);
    text.line_graphics = false;
    vga_expect(bench, 720, 400, expect_text, &text);
    vga_bench_destroy(bench);
}

static void test_cell_heights(void)
{
    struct vga_bench *bench = start(MODE_3);
    struct text text = describe(MODE_3);

    /* 50 lines of 8; the cursor's end lies below the cell. */
    vga_crtc(bench, 9, 0x47);
    vga_crtc(bench, 0x0a, 0x06);
    vga_crtc(bench, 0x0b, 0x1f);
    text.cell_height = 8;
    text.cursor_start = 6;
    text.cursor_end = 31;
    vga_expect(bench, 720, 400, expect_text, &text);
    vga_bench_destroy(bench);
}

static void test_changes(void)
{
    struct vga_bench *bench = start(MODE_3);
    struct text text = describe(MODE_3);
    pixman_box32_t *extents;

    vga_expect(bench, 720, 400, expect_text, &text);
    display_viewer_taken(&bench->viewer);
    g_assert_false(display_update(bench->display));
    cells[2 * (5 * 80 + 7)] ^= 0x55;
    vga_poke(bench, 0xb8000 + 2 * (5 * 80 + 7), cells[2 * (5 * 80 + 7)]);
    g_assert_true(display_update(bench->display));
    extents = pixman_region32_extents(&bench->viewer.damage);
    g_assert_cmpint(extents->x1, ==, 7 * 9);
    g_assert_cmpint(extents->x2, ==, 8 * 9);
    g_assert_cmpint(extents->y1, ==, 5 * 16);
    g_assert_cmpint(extents->y2, ==, 6 * 16);
    vga_expect(bench, 720, 400, expect_text, &text);
    /* Scrolling by the start address. */
    vga_crtc(bench, 0x0d, 160);
    text.first = 160;
    text.cursor = -1;
    vga_expect(bench, 720, 400, expect_text, &text);
    /* The cursor moves to the third line on the screen. */
    vga_crtc(bench, 0x0e, (160 + 170) >> 8);
    vga_crtc(bench, 0x0f, (160 + 170) & 0xff);
    text.cursor = 160 + 170;
    vga_expect(bench, 720, 400, expect_text, &text);
    vga_crtc(bench, 0x0a, 0x2d);
    text.cursor = -1;
    vga_expect(bench, 720, 400, expect_text, &text);
    vga_crtc(bench, 0x0a, 0x0f);
    vga_expect(bench, 720, 400, expect_text, &text);
    vga_bench_destroy(bench);
}

static void test_blinking(void)
{
    struct vga_bench *bench = start(MODE_3);
    struct text text = describe(MODE_3);
    const uint64_t frame = 900ull * 449 * NS_PER_SECOND / 28322000 + 1;

    vga_expect(bench, 720, 400, expect_text, &text);
    /* Nobody need look before the cursor goes off. */
    g_assert_cmpuint(display_rest(bench->display), >, 8 * frame / 1000 - 1000);
    g_assert_cmpuint(display_rest(bench->display), <=, 8 * frame / 1000 + 1);
    test_advance(bench->machine, 8 * frame);
    text.cursor = -1;
    vga_expect(bench, 720, 400, expect_text, &text);
    test_advance(bench->machine, 8 * frame);
    text.cursor = 0;
    text.blinked_off = true;
    vga_expect(bench, 720, 400, expect_text, &text);
    test_advance(bench->machine, 16 * frame);
    text.blinked_off = false;
    vga_expect(bench, 720, 400, expect_text, &text);
    vga_bench_destroy(bench);
}

/* Attribute bit 3 chooses between two fonts, wherever they are. */
static void test_fonts(void)
{
    static const uint8_t SELECT[8] = {0x00, 0x01, 0x02, 0x03, 0x10, 0x11, 0x12, 0x13};
    struct text text = describe(MODE_3);

    text.font = font_b;
    for (unsigned n = 1; n < 8; n++) {
        struct vga_bench *bench = start(MODE_3);

        /* The dark font stays at 0, the bright one is n. */
        load_font(bench, n, true, font_b);
        vga_seq(bench, 3, (uint8_t)((SELECT[n] & 3) << 2 | (SELECT[n] & 0x10) << 1));
        vga_expect(bench, 720, 400, expect_text, &text);
        /* A new font at the same place shows at once. */
        load_font(bench, n, false, font_a);
        text.font = font_a;
        vga_expect(bench, 720, 400, expect_text, &text);
        text.font = font_b;
        vga_bench_destroy(bench);
    }
}

static void test_smooth_scrolling(void)
{
    struct vga_bench *bench = start(MODE_3);
    struct text text = describe(MODE_3);

    /* A line of 88 cells, moved by 3 dots and 5 lines. */
    vga_crtc(bench, 0x13, 44);
    vga_crtc(bench, 8, 5);
    vga_attr(bench, 0x13, 2);
    text.row_pitch = 88;
    text.skip_lines = 5;
    text.skip_dots = 3;
    vga_expect(bench, 720, 400, expect_text, &text);
    vga_bench_destroy(bench);
}

static void test_text_hook(void)
{
    struct vga_bench *bench = start(MODE_3);
    struct text_screen screen;
    char *line;

    for (unsigned i = 0; i < 5; i++) {
        vga_poke(bench, 0xb8000 + 2 * (24 * 80 + i), (uint8_t)"Hallo"[i]);
    }
    vga_crtc(bench, 0x0e, (24 * 80 + 5) >> 8);
    vga_crtc(bench, 0x0f, (24 * 80 + 5) & 0xff);
    g_assert_true(display_text(bench->display, &screen));
    g_assert_cmpuint(screen.columns, ==, 80);
    g_assert_cmpuint(screen.rows, ==, 25);
    g_assert_cmpint(memcmp(screen.cells, cells, 2 * 24 * 80), ==, 0);
    g_assert_true(screen.cursor_visible);
    g_assert_cmpuint(screen.cursor_row, ==, 24);
    g_assert_cmpuint(screen.cursor_column, ==, 5);
    line = text_screen_line(&screen, 24);
    g_assert_true(g_str_has_prefix(line, "Hallo"));
    g_free(line);
    text_screen_clear(&screen);
    vga_gfx(bench, 6, 5);
    g_assert_false(display_text(bench->display, &screen));
    vga_bench_destroy(bench);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/vga-text/modes", test_modes);
    g_test_add_func("/vga-text/8-dots", test_8_dots_and_bright_paper);
    g_test_add_func("/vga-text/line-graphics", test_without_line_graphics);
    g_test_add_func("/vga-text/cell-heights", test_cell_heights);
    g_test_add_func("/vga-text/changes", test_changes);
    g_test_add_func("/vga-text/blinking", test_blinking);
    g_test_add_func("/vga-text/fonts", test_fonts);
    g_test_add_func("/vga-text/smooth-scrolling", test_smooth_scrolling);
    g_test_add_func("/vga-text/hook", test_text_hook);
    return g_test_run();
}
