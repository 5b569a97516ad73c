/* hw/display/vbe.c, vga_mmio.c: DISPI modes in all depths. */
#include "tests/support/vga_bench.h"

#include <string.h>

static void set_mode(struct vga_bench *bench, unsigned width, unsigned height, unsigned bpp,
                     unsigned flags)
{
    vga_dispi(bench, DISPI_ENABLE, 0);
    vga_dispi(bench, DISPI_XRES, (uint16_t)width);
    vga_dispi(bench, DISPI_YRES, (uint16_t)height);
    vga_dispi(bench, DISPI_BPP, (uint16_t)bpp);
    vga_dispi(bench, DISPI_ENABLE, (uint16_t)(DISPI_ENABLED | flags));
}

static uint32_t noise(unsigned x, unsigned y)
{
    uint32_t value = x * 2654435761u ^ y * 2246822519u;

    return value ^ value >> 15;
}

struct picture {
    unsigned bpp;
    unsigned x, y; /* of the view */
};

/* The upper bits are repeated below. */
static uint32_t widen(uint32_t value, unsigned bits)
{
    return value << (8 - bits) | value >> (2 * bits - 8);
}

static uint32_t expect_linear(const void *arg, unsigned x, unsigned y)
{
    const struct picture *picture = arg;
    uint32_t value = noise(x + picture->x, y + picture->y);

    switch (picture->bpp) {
    case 4:
        return vga_pixel_colour(MODE_12, value & 15);
    case 8:
        return vga_dac_colour(value & 0xff);
    case 15:
        return widen(value >> 10 & 31, 5) << 16 | widen(value >> 5 & 31, 5) << 8 |
               widen(value & 31, 5);
    case 16:
        return widen(value >> 11 & 31, 5) << 16 | widen(value >> 5 & 63, 6) << 8 |
               widen(value & 31, 5);
    default:
        return value & 0xffffff;
    }
}

/* Draws through the linear frame buffer. */
static void draw_linear(struct vga_bench *bench, unsigned width, unsigned height, unsigned bpp)
{
    unsigned bytes = (bpp + 7) / 8;

    for (unsigned y = 0; y < height; y++) {
        for (unsigned x = 0; x < width; x++) {
            uint32_t value = noise(x, y);

            memcpy(bench->vga->vram->host + (size_t)(y * width + x) * bytes, &value, bytes);
        }
    }
    ram_touched(bench->vga->vram, 0, (uint64_t)width * height * bytes);
}

static void test_depths(void)
{
    static const unsigned DEPTHS[] = {8, 15, 16, 24, 32};

    for (unsigned i = 0; i < G_N_ELEMENTS(DEPTHS); i++) {
        struct vga_bench *bench = vga_bench_create();
        struct picture picture = {DEPTHS[i], 0, 0};

        vga_set_mode(bench, MODE_3);
        set_mode(bench, 648, 483, DEPTHS[i], DISPI_LFB_ENABLED);
        draw_linear(bench, 648, 483, DEPTHS[i]);
        vga_expect(bench, 648, 483, expect_linear, &picture);
        g_assert_false(display_update(bench->display));
        vga_bench_destroy(bench);
    }
}

static void test_virtual_screen(void)
{
    struct vga_bench *bench = vga_bench_create();
    struct picture picture = {32, 33, 120};

    vga_set_mode(bench, MODE_3);
    set_mode(bench, 640, 480, 32, DISPI_LFB_ENABLED);
    vga_dispi(bench, DISPI_VIRT_WIDTH, 1000);
    g_assert_cmpuint(vga_dispi_in(bench, DISPI_VIRT_WIDTH), ==, 1000);
    g_assert_cmpuint(vga_dispi_in(bench, DISPI_VIRT_HEIGHT), ==, (8 << 20) / 4000);
    draw_linear(bench, 1000, 700, 32);
    vga_dispi(bench, DISPI_X_OFFSET, 33);
    vga_dispi(bench, DISPI_Y_OFFSET, 120);
    vga_expect(bench, 640, 480, expect_linear, &picture);
    /* Views outside are refused. */
    vga_dispi(bench, DISPI_X_OFFSET, 361);
    vga_dispi(bench, DISPI_Y_OFFSET, 60000);
    vga_dispi(bench, DISPI_VIRT_WIDTH, 600);
    vga_dispi(bench, DISPI_VIRT_WIDTH, 60000);
    vga_expect(bench, 640, 480, expect_linear, &picture);
    vga_bench_destroy(bench);
}

static void test_planar_depth(void)
{
    struct vga_bench *bench = vga_bench_create();
    struct picture picture = {4, 0, 0};

    /* 1280 x 1024 needs more than a bank of 64 K addresses. */
    vga_set_mode(bench, MODE_12);
    set_mode(bench, 1280, 1024, 4, 0);
    for (unsigned plane = 0; plane < 4; plane++) {
        vga_seq(bench, 2, (uint8_t)(1 << plane));
        for (unsigned address = 0; address < 160 * 1024; address++) {
            unsigned byte = 0;

            if (address % 0x10000 == 0) {
                vga_dispi(bench, DISPI_BANK, (uint16_t)(address / 0x10000));
            }
            for (unsigned i = 0; i < 8; i++) {
                byte = byte << 1 | (noise(address % 160 * 8 + i, address / 160) >> plane & 1);
            }
            vga_poke(bench, 0xa0000 + address % 0x10000, (uint8_t)byte);
        }
    }
    vga_expect(bench, 1280, 1024, expect_linear, &picture);
    vga_bench_destroy(bench);
}

static void test_banks(void)
{
    struct vga_bench *bench = vga_bench_create();
    struct picture picture = {8, 0, 0};

    vga_set_mode(bench, MODE_3);
    set_mode(bench, 640, 480, 8, 0);
    for (unsigned address = 0; address < 640 * 480; address++) {
        if (address % 0x10000 == 0) {
            vga_dispi(bench, DISPI_BANK, (uint16_t)(address / 0x10000));
        }
        vga_poke(bench, 0xa0000 + address % 0x10000,
                 (uint8_t)noise(address % 640, address / 640));
    }
    vga_expect(bench, 640, 480, expect_linear, &picture);
    g_assert_cmpuint(vga_dispi_in(bench, DISPI_BANK), ==, 4);
    vga_bench_destroy(bench);
}

static void test_dirty_lines(void)
{
    struct vga_bench *bench = vga_bench_create();
    pixman_box32_t *extents;

    vga_set_mode(bench, MODE_3);
    set_mode(bench, 1024, 768, 32, DISPI_LFB_ENABLED);
    g_assert_true(display_update(bench->display));
    display_viewer_taken(&bench->viewer);
    bus_map(bench->machine->memory, &bench->vga->lfb, 0xe0000000, 1);
    bus_write(bench->machine->memory, 0xe0000000 + 500 * 4096 + 40, 0x1234567, 4);
    g_assert_true(display_update(bench->display));
    extents = pixman_region32_extents(&bench->viewer.damage);
    g_assert_cmpint(extents->y1, ==, 500);
    g_assert_cmpint(extents->y2, ==, 501);
    g_assert_cmphex(surface_line(display_surface(bench->display), 500)[10], ==, 0x234567);
    vga_bench_destroy(bench);
}

static void test_registers(void)
{
    struct vga_bench *bench = vga_bench_create();

    vga_set_mode(bench, MODE_3);
    g_assert_cmphex(vga_dispi_in(bench, DISPI_ID), ==, 0xb0c5);
    vga_dispi(bench, DISPI_ID, 0xb0c2);
    g_assert_cmphex(vga_dispi_in(bench, DISPI_ID), ==, 0xb0c2);
    vga_dispi(bench, DISPI_ID, 0xb0c6);
    g_assert_cmphex(vga_dispi_in(bench, DISPI_ID), ==, 0xb0c2);
    g_assert_cmpuint(vga_dispi_in(bench, DISPI_VIDEO_MEMORY_64K), ==, 128);
    vga_dispi(bench, DISPI_ENABLE, DISPI_GETCAPS);
    g_assert_cmpuint(vga_dispi_in(bench, DISPI_XRES), ==, 8192);
    g_assert_cmpuint(vga_dispi_in(bench, DISPI_YRES), ==, 8192);
    g_assert_cmpuint(vga_dispi_in(bench, DISPI_BPP), ==, 32);
    g_assert_cmpuint(vga_dispi_in(bench, 11), ==, 0);
    set_mode(bench, 800, 600, 16, DISPI_LFB_ENABLED);
    vga_dispi(bench, DISPI_XRES, 640);
    g_assert_cmpuint(vga_dispi_in(bench, DISPI_XRES), ==, 800);
    g_assert_cmpuint(bus_read(bench->machine->io, 0x1d0, 2), ==, 800);
    /* Neither without a size, nor larger than memory, nor of an unknown depth. */
    set_mode(bench, 0, 600, 16, 0);
    g_assert_cmpuint(vga_dispi_in(bench, DISPI_ENABLE) & 1, ==, 0);
    set_mode(bench, 8192, 8192, 32, 0);
    g_assert_cmpuint(vga_dispi_in(bench, DISPI_ENABLE) & 1, ==, 0);
    vga_dispi(bench, DISPI_BPP, 5);
    g_assert_cmpuint(vga_dispi_in(bench, DISPI_BPP), ==, 32);
    vga_bench_destroy(bench);
}

static void test_clearing(void)
{
    struct vga_bench *bench = vga_bench_create();

    vga_set_mode(bench, MODE_3);
    memset(bench->vga->vram->host, 0xaa, bench->vga->vram->size);
    set_mode(bench, 640, 480, 8, DISPI_NOCLEARMEM);
    g_assert_cmphex(bench->vga->vram->host[0], ==, 0xaa);
    set_mode(bench, 640, 480, 8, 0);
    g_assert_cmphex(bench->vga->vram->host[0], ==, 0);
    g_assert_cmphex(bench->vga->vram->host[640 * 480 - 1], ==, 0);
    g_assert_cmphex(bench->vga->vram->host[640 * 480], ==, 0xaa);
    vga_bench_destroy(bench);
}

static void test_8_bit_dac(void)
{
    struct vga_bench *bench = vga_bench_create();

    vga_set_mode(bench, MODE_3);
    set_mode(bench, 640, 480, 8, DISPI_8BIT_DAC);
    vga_out(bench, 0x3c8, 0);
    vga_out(bench, 0x3c9, 0x81);
    vga_out(bench, 0x3c9, 0xfe);
    vga_out(bench, 0x3c9, 0x03);
    vga_out(bench, 0x3c7, 0);
    g_assert_cmphex(vga_in(bench, 0x3c9), ==, 0x81);
    display_update(bench->display);
    g_assert_cmphex(display_surface(bench->display)->pixels[0], ==, 0x81fe03);
    vga_bench_destroy(bench);
}

static uint64_t mmio_in(struct vga_bench *bench, unsigned offset, unsigned size)
{
    return test_region_read(&bench->vga->mmio, offset, size);
}

static void test_mmio(void)
{
    struct vga_bench *bench = vga_bench_create();

    vga_set_mode(bench, MODE_3);
    g_assert_cmphex(mmio_in(bench, 0x500, 2), ==, 0xb0c5);
    test_region_write(&bench->vga->mmio, 0x502, 320, 2);
    test_region_write(&bench->vga->mmio, 0x504, 200, 2);
    test_region_write(&bench->vga->mmio, 0x506, 32, 2);
    test_region_write(&bench->vga->mmio, 0x508, 0x41, 2);
    display_update(bench->display);
    g_assert_cmpuint(display_surface(bench->display)->width, ==, 320);
    g_assert_cmphex(mmio_in(bench, 0x40c, 1), ==, 0x67);
    test_region_write(&bench->vga->mmio, 0x404, 2 | 0x0700, 2);
    g_assert_cmphex(bench->vga->seq[2], ==, 7);
    g_assert_cmphex(mmio_in(bench, 0x000, 4), ==, 0xffffff00);
    g_assert_cmphex(mmio_in(bench, 0x600, 4), ==, 0);
    vga_bench_destroy(bench);
}

static void test_back_to_text(void)
{
    struct vga_bench *bench = vga_bench_create();
    struct text_screen screen;

    vga_set_mode(bench, MODE_3);
    set_mode(bench, 640, 480, 32, DISPI_LFB_ENABLED);
    g_assert_false(display_text(bench->display, &screen));
    vga_dispi(bench, DISPI_ENABLE, 0);
    g_assert_true(display_text(bench->display, &screen));
    text_screen_clear(&screen);
    display_update(bench->display);
    g_assert_cmpuint(display_surface(bench->display)->width, ==, 720);
    vga_bench_destroy(bench);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/vbe/depths", test_depths);
    g_test_add_func("/vbe/virtual-screen", test_virtual_screen);
    g_test_add_func("/vbe/planar", test_planar_depth);
    g_test_add_func("/vbe/banks", test_banks);
    g_test_add_func("/vbe/dirty-lines", test_dirty_lines);
    g_test_add_func("/vbe/registers", test_registers);
    g_test_add_func("/vbe/clearing", test_clearing);
    g_test_add_func("/vbe/8-bit-dac", test_8_bit_dac);
    g_test_add_func("/vbe/mmio", test_mmio);
    g_test_add_func("/vbe/back-to-text", test_back_to_text);
    return g_test_run();
}
