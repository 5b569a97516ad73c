/* hw/display/vga_planar.c, vga_mode.c, vga_draw.c: every pixel of the graphics modes. */
#include "tests/support/vga_bench.h"

/* What a test has drawn. */
struct picture {
    enum vga_test_mode mode;
    unsigned x_scale, y_scale;     /* screen dots to a pixel */
    unsigned x_offset, y_offset;   /* of the top left pixel */
    unsigned split;                /* screen line at which it starts again from 0, 0; 0: never */
    bool split_pans;
};

/* The test pattern: any value of 8 bits, nothing regular. */
static unsigned pattern(unsigned x, unsigned y)
{
    return (x * 7 + y * 13 + (x ^ y) + (x >> 5) * 3) & 0xff;
}

static unsigned pixel_at(const struct picture *picture, unsigned x, unsigned y)
{
    if (picture->split != 0 && y >= picture->split) {
        unsigned pan = picture->split_pans ? picture->x_offset % 8 : 0;

        return pattern(x / picture->x_scale + pan, (y - picture->split) / picture->y_scale);
    }
    return pattern(x / picture->x_scale + picture->x_offset, y / picture->y_scale + picture->y_offset);
}

static uint32_t expect_16(const void *arg, unsigned x, unsigned y)
{
    const struct picture *picture = arg;

    return vga_pixel_colour(picture->mode, pixel_at(picture, x, y) & 15);
}

static uint32_t expect_256(const void *arg, unsigned x, unsigned y)
{
    return vga_dac_colour(pixel_at(arg, x, y));
}

static uint32_t expect_4(const void *arg, unsigned x, unsigned y)
{
    const struct picture *picture = arg;

    return vga_pixel_colour(picture->mode, pixel_at(picture, x, y) & 3);
}

static uint32_t expect_2(const void *arg, unsigned x, unsigned y)
{
    const struct picture *picture = arg;

    return vga_pixel_colour(picture->mode, pixel_at(picture, x, y) & 1);
}

/* Draws the pattern plane by plane, lines `pitch` bytes apart. */
static void draw_planar(struct vga_bench *bench, unsigned width, unsigned height, unsigned pitch)
{
    for (unsigned plane = 0; plane < 4; plane++) {
        vga_seq(bench, 2, (uint8_t)(1 << plane));
        for (unsigned y = 0; y < height; y++) {
            for (unsigned x = 0; x < width; x += 8) {
                unsigned byte = 0;

                for (unsigned i = 0; i < 8; i++) {
                    byte = byte << 1 | (pattern(x + i, y) >> plane & 1);
                }
                vga_poke(bench, 0xa0000 + y * pitch + x / 8, (uint8_t)byte);
            }
        }
    }
    vga_seq(bench, 2, 15);
}

static void check_planar(enum vga_test_mode mode, unsigned width, unsigned height)
{
    const struct vga_mode_table *table = &vga_mode_tables[mode];
    struct picture picture = {mode, table->width / width, table->height / height, 0, 0, 0, false};
    struct vga_bench *bench = vga_bench_create();

    vga_set_mode(bench, mode);
    draw_planar(bench, width, height, width / 8);
    vga_expect(bench, table->width, table->height, expect_16, &picture);
    g_assert_false(display_update(bench->display));
    vga_bench_destroy(bench);
}

static void test_planar_modes(void)
{
    check_planar(MODE_D, 320, 200);
    check_planar(MODE_E, 640, 200);
    check_planar(MODE_10, 640, 350);
    check_planar(MODE_12, 640, 480);
}

static void test_cga_4_colours(void)
{
    struct picture picture = {MODE_4, 2, 2, 0, 0, 0, false};
    struct vga_bench *bench = vga_bench_create();

    vga_set_mode(bench, MODE_4);
    for (unsigned y = 0; y < 200; y++) {
        for (unsigned x = 0; x < 320; x += 4) {
            unsigned byte = 0;

            for (unsigned i = 0; i < 4; i++) {
                byte = byte << 2 | (pattern(x + i, y) & 3);
            }
            vga_poke(bench, 0xb8000 + (y & 1) * 0x2000 + y / 2 * 80 + x / 4, (uint8_t)byte);
            g_assert_cmphex(
                vga_peek(bench, 0xb8000 + (y & 1) * 0x2000 + y / 2 * 80 + x / 4), ==, byte);
        }
    }
    vga_expect(bench, 640, 400, expect_4, &picture);
    vga_bench_destroy(bench);
}

static void test_cga_2_colours(void)
{
    struct picture picture = {MODE_6, 1, 2, 0, 0, 0, false};
    struct vga_bench *bench = vga_bench_create();

    vga_set_mode(bench, MODE_6);
    for (unsigned y = 0; y < 200; y++) {
        for (unsigned x = 0; x < 640; x += 8) {
            unsigned byte = 0;

            for (unsigned i = 0; i < 8; i++) {
                byte = byte << 1 | (pattern(x + i, y) & 1);
            }
            vga_poke(bench, 0xb8000 + (y & 1) * 0x2000 + y / 2 * 80 + x / 8, (uint8_t)byte);
        }
    }
    vga_expect(bench, 640, 400, expect_2, &picture);
    vga_bench_destroy(bench);
}

static void test_mode_13(void)
{
    struct picture picture = {MODE_13, 2, 2, 0, 0, 0, false};
    struct vga_bench *bench = vga_bench_create();

    vga_set_mode(bench, MODE_13);
    for (unsigned i = 0; i < 64000; i++) {
        vga_poke(bench, 0xa0000 + i, (uint8_t)pattern(i % 320, i / 320));
    }
    vga_expect(bench, 640, 400, expect_256, &picture);
    /* The window is plain memory now; a store must be seen all the same. */
    g_assert_cmpuint(bus_find(bench->machine->memory, 0xa0000)->region->kind, ==, REGION_RAM);
    display_viewer_taken(&bench->viewer);
    vga_poke(bench, 0xa0000 + 100 * 320 + 5, 77);
    g_assert_true(display_update(bench->display));
    g_assert_cmphex(surface_line(display_surface(bench->display), 201)[11], ==, vga_dac_colour(77));
    g_assert_cmpint(pixman_region32_extents(&bench->viewer.damage)->y1, <=, 200);
    g_assert_cmpint(pixman_region32_extents(&bench->viewer.damage)->y1, >, 150);
    /* Pixel mask and a new colour change everything. */
    vga_out(bench, 0x3c6, 0x0f);
    g_assert_true(display_update(bench->display));
    g_assert_cmphex(surface_line(display_surface(bench->display), 201)[11], ==,
                    vga_dac_colour(77 & 15));
    vga_bench_destroy(bench);
}

static void draw_mode_x(struct vga_bench *bench, unsigned width, unsigned height)
{
    for (unsigned plane = 0; plane < 4; plane++) {
        vga_seq(bench, 2, (uint8_t)(1 << plane));
        for (unsigned y = 0; y < height; y++) {
            for (unsigned x = plane; x < width; x += 4) {
                vga_poke(bench, 0xa0000 + (y * width + x) / 4, (uint8_t)pattern(x, y));
            }
        }
    }
}

static void test_mode_x(void)
{
    struct picture picture = {MODE_X, 2, 2, 0, 0, 0, false};
    struct vga_bench *bench = vga_bench_create();

    vga_set_mode(bench, MODE_X);
    draw_mode_x(bench, 320, 240);
    vga_expect(bench, 640, 480, expect_256, &picture);
    vga_bench_destroy(bench);
}

static void test_mode_x_panning(void)
{
    struct picture picture = {MODE_X, 2, 2, 4 * 3 + 3, 20, 0, false};
    struct vga_bench *bench = vga_bench_create();

    vga_set_mode(bench, MODE_X);
    vga_crtc(bench, 0x13, 0x32);
    draw_mode_x(bench, 400, 300);
    vga_crtc(bench, 0x0c, (20 * 100 + 3) >> 8);
    vga_crtc(bench, 0x0d, (20 * 100 + 3) & 0xff);
    vga_attr(bench, 0x13, 6);
    vga_expect(bench, 640, 480, expect_256, &picture);
    vga_bench_destroy(bench);
}

/* A virtual screen of 800 x 600, panned by dots, and split. */
static void check_split(bool split_pans)
{
    struct picture picture = {MODE_12, 1, 1, 8 * 2 + 5, 50, 300, split_pans};
    struct vga_bench *bench = vga_bench_create();
    unsigned start = 50 * 100 + 1;

    vga_set_mode(bench, MODE_12);
    vga_crtc(bench, 0x13, 50);
    draw_planar(bench, 800, 600, 100);
    vga_crtc(bench, 0x0c, (uint8_t)(start >> 8));
    vga_crtc(bench, 0x0d, (uint8_t)start);
    /* One more byte by byte panning. */
    vga_crtc(bench, 0x08, 0x20);
    vga_attr(bench, 0x13, 5);
    vga_attr(bench, 0x10, split_pans ? 0x01 : 0x21);
    /* Line compare 299: bits 8 and 9 are elsewhere. */
    vga_crtc(bench, 0x11, 0x0c);
    vga_crtc(bench, 0x18, 299 & 0xff);
    vga_crtc(bench, 0x07, 0x3e | 0x10);
    vga_crtc(bench, 0x09, 0x00);
    vga_expect(bench, 640, 480, expect_16, &picture);
    vga_bench_destroy(bench);
}

static void test_split(void)
{
    check_split(false);
    check_split(true);
}

static void test_page_flip_and_row_scan(void)
{
    struct picture picture = {MODE_D, 2, 2, 0, 7, 0, false};
    struct vga_bench *bench = vga_bench_create();

    vga_set_mode(bench, MODE_D);
    draw_planar(bench, 320, 250, 40);
    vga_crtc(bench, 0x0d, 7 * 40 & 0xff);
    vga_crtc(bench, 0x0c, 7 * 40 >> 8);
    vga_expect(bench, 640, 400, expect_16, &picture);
    vga_bench_destroy(bench);
}

static uint32_t expect_p54(const void *arg, unsigned x, unsigned y)
{
    return vga_dac_colour(0xb0 | (vga_mode_tables[MODE_12].attr[pattern(x, y) & 5] & 15));
}

static void test_colour_select(void)
{
    struct vga_bench *bench = vga_bench_create();

    vga_set_mode(bench, MODE_12);
    draw_planar(bench, 640, 480, 80);
    vga_attr(bench, 0x10, 0x81);
    vga_attr(bench, 0x14, 0x0b);
    vga_attr(bench, 0x12, 0x05);
    vga_expect(bench, 640, 480, expect_p54, NULL);
    vga_bench_destroy(bench);
}

static uint32_t expect_black(const void *arg, unsigned x, unsigned y)
{
    return 0;
}

static void test_blanking(void)
{
    struct picture picture = {MODE_12, 1, 1, 0, 0, 0, false};
    struct vga_bench *bench = vga_bench_create();

    vga_set_mode(bench, MODE_12);
    draw_planar(bench, 640, 480, 80);
    vga_seq(bench, 1, 0x21);
    vga_expect(bench, 640, 480, expect_black, NULL);
    vga_seq(bench, 1, 0x01);
    vga_expect(bench, 640, 480, expect_16, &picture);
    vga_in(bench, 0x3da);
    vga_out(bench, 0x3c0, 0x00);
    vga_expect(bench, 640, 480, expect_black, NULL);
    vga_bench_destroy(bench);
}

#define LINE_NS (800 * NS_PER_SECOND / 25175000)
#define FRAME_NS (449ull * 800 * NS_PER_SECOND / 25175000)

static void set_colour(struct vga_bench *bench, unsigned index, unsigned red)
{
    vga_out(bench, 0x3c8, (uint8_t)index);
    vga_out(bench, 0x3c9, (uint8_t)red);
    vga_out(bench, 0x3c9, 0);
    vga_out(bench, 0x3c9, 0);
}

/* The lines from `arg` on are red. */
static uint32_t expect_bars(const void *arg, unsigned x, unsigned y)
{
    unsigned from = *(const unsigned *)arg;

    return y >= from ? 0xff0000 : 0;
}

/* A colour that is changed at the same line of each frame, and back in the retrace. */
static void test_colours_by_line(void)
{
    struct vga_bench *bench = vga_bench_create();
    unsigned from = 0, none = 1000;

    vga_set_mode(bench, MODE_13);
    set_colour(bench, 0, 0);
    vga_expect(bench, 640, 400, expect_bars, &none);
    test_advance(bench->machine, 2 * FRAME_NS - clock_now(bench->machine->guest_clock) % FRAME_NS);
    for (unsigned i = 0; i < 4; i++) {
        test_advance(bench->machine, 100 * LINE_NS + LINE_NS / 2);
        set_colour(bench, 0, 63);
        if (i == 0) {
            /* Once is no effect: the palette was loaded. */
            vga_expect(bench, 640, 400, expect_bars, &from);
        }
        test_advance(bench->machine, 320 * LINE_NS);
        set_colour(bench, 0, 0);
        test_advance(bench->machine, FRAME_NS - clock_now(bench->machine->guest_clock) % FRAME_NS);
    }
    display_update(bench->display);
    g_assert_cmpuint(display_rest(bench->display), ==, 0);
    /* Times are rounded: the line may be the next one. */
    from = surface_line(display_surface(bench->display), 100)[0] != 0 ? 100 : 101;
    vga_expect(bench, 640, 400, expect_bars, &from);
    test_advance(bench->machine, 4 * FRAME_NS);
    vga_expect(bench, 640, 400, expect_bars, &none);
    g_assert_cmpuint(display_rest(bench->display), ==, DISPLAY_REST_LONG);
    vga_bench_destroy(bench);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/vga-planar/16-colours", test_planar_modes);
    g_test_add_func("/vga-planar/mode-4", test_cga_4_colours);
    g_test_add_func("/vga-planar/mode-6", test_cga_2_colours);
    g_test_add_func("/vga-planar/mode-13", test_mode_13);
    g_test_add_func("/vga-planar/mode-x", test_mode_x);
    g_test_add_func("/vga-planar/mode-x-panning", test_mode_x_panning);
    g_test_add_func("/vga-planar/split", test_split);
    g_test_add_func("/vga-planar/page-flip", test_page_flip_and_row_scan);
    g_test_add_func("/vga-planar/colour-select", test_colour_select);
    g_test_add_func("/vga-planar/blanking", test_blanking);
    g_test_add_func("/vga-planar/colours-by-line", test_colours_by_line);
    return g_test_run();
}
