/* See vga_bench.h. The values are those of the parameter tables in the IBM VGA documentation. */
#include "tests/support/vga_bench.h"

#include <string.h>

#include "hw/display/vga_isa.h"

#define ATTR_EGA 0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f
#define ATTR_CGA 0, 1, 2, 3, 4, 5, 6, 7, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17

const struct vga_mode_table vga_mode_tables[MODE_TEST_COUNT] = {
    [MODE_1] = {"1", 0x67, {8, 3, 0, 2},
                {0x2d, 0x27, 0x28, 0x90, 0x2b, 0xa0, 0xbf, 0x1f, 0, 0x4f, 0x0d, 0x0e, 0, 0, 0, 0,
                 0x9c, 0x8e, 0x8f, 0x14, 0x1f, 0x96, 0xb9, 0xa3, 0xff},
                {ATTR_EGA, 0x0c, 0, 0x0f, 8}, {0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff}, 720, 400},
    [MODE_3] = {"3", 0x67, {0, 3, 0, 2},
                {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0, 0x4f, 0x0d, 0x0e, 0, 0, 0, 0,
                 0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff},
                {ATTR_EGA, 0x0c, 0, 0x0f, 8}, {0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff}, 720, 400},
    [MODE_7] = {"7", 0x66, {0, 3, 0, 2},
                {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0, 0x4f, 0x0d, 0x0e, 0, 0, 0, 0,
                 0x9c, 0x8e, 0x8f, 0x28, 0x0f, 0x96, 0xb9, 0xa3, 0xff},
                {0, 8, 8, 8, 8, 8, 8, 8, 0x10, 0x18, 0x18, 0x18, 0x18, 0x18, 0x18, 0x18, 0x0e, 0,
                 0x0f, 8},
                {0, 0, 0, 0, 0, 0x10, 0x0a, 0, 0xff}, 720, 400},
    [MODE_4] = {"4", 0x63, {9, 3, 0, 2},
                {0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0, 0xc1, 0, 0, 0, 0, 0, 0,
                 0x9c, 0x8e, 0x8f, 0x14, 0, 0x96, 0xb9, 0xa2, 0xff},
                {0, 0x13, 0x15, 0x17, 2, 4, 6, 7, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 1, 0,
                 3, 0},
                {0, 0, 0, 0, 0, 0x30, 0x0f, 0x0f, 0xff}, 640, 400},
    [MODE_6] = {"6", 0x63, {1, 1, 0, 6},
                {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0xc1, 0, 0, 0, 0, 0, 0,
                 0x9c, 0x8e, 0x8f, 0x28, 0, 0x96, 0xb9, 0xc2, 0xff},
                {0, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17,
                 0x17, 1, 0, 1, 0},
                {0, 0, 0, 0, 0, 0, 0x0d, 0x0f, 0xff}, 640, 400},
    [MODE_D] = {"D", 0x63, {9, 0x0f, 0, 6},
                {0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0, 0xc0, 0, 0, 0, 0, 0, 0,
                 0x9c, 0x8e, 0x8f, 0x14, 0, 0x96, 0xb9, 0xe3, 0xff},
                {ATTR_CGA, 1, 0, 0x0f, 0}, {0, 0, 0, 0, 0, 0, 5, 0x0f, 0xff}, 640, 400},
    [MODE_E] = {"E", 0x63, {1, 0x0f, 0, 6},
                {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0xc0, 0, 0, 0, 0, 0, 0,
                 0x9c, 0x8e, 0x8f, 0x28, 0, 0x96, 0xb9, 0xe3, 0xff},
                {ATTR_CGA, 1, 0, 0x0f, 0}, {0, 0, 0, 0, 0, 0, 5, 0x0f, 0xff}, 640, 400},
    [MODE_10] = {"10", 0xa3, {1, 0x0f, 0, 6},
                 {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0x40, 0, 0, 0, 0, 0, 0,
                  0x83, 0x85, 0x5d, 0x28, 0x0f, 0x63, 0xba, 0xe3, 0xff},
                 {ATTR_EGA, 1, 0, 0x0f, 0}, {0, 0, 0, 0, 0, 0, 5, 0x0f, 0xff}, 640, 350},
    [MODE_12] = {"12", 0xe3, {1, 0x0f, 0, 6},
                 {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0, 0x40, 0, 0, 0, 0, 0, 0,
                  0xea, 0x8c, 0xdf, 0x28, 0, 0xe7, 0x04, 0xe3, 0xff},
                 {ATTR_EGA, 1, 0, 0x0f, 0}, {0, 0, 0, 0, 0, 0, 5, 0x0f, 0xff}, 640, 480},
    [MODE_13] = {"13", 0x63, {1, 0x0f, 0, 0x0e},
                 {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0x41, 0, 0, 0, 0, 0, 0,
                  0x9c, 0x8e, 0x8f, 0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff},
                 {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x41, 0, 0x0f, 0},
                 {0, 0, 0, 0, 0, 0x40, 5, 0x0f, 0xff}, 640, 400},
    /* 320 x 240, four planes of pixels */
    [MODE_X] = {"X", 0xe3, {1, 0x0f, 0, 6},
                {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0d, 0x3e, 0, 0x41, 0, 0, 0, 0, 0, 0,
                 0xea, 0xac, 0xdf, 0x28, 0, 0xe7, 0x06, 0xe3, 0xff},
                {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x41, 0, 0x0f, 0},
                {0, 0, 0, 0, 0, 0x40, 5, 0x0f, 0xff}, 640, 480},
};

struct vga_bench *vga_bench_create(void)
{
    struct vga_bench *bench = g_new0(struct vga_bench, 1);
    struct device *dev;

    bench->machine = test_machine_create();
    dev = test_device_create(bench->machine, &vga_isa_class, "vga", NULL);
    bench->vga = vga_isa_core(dev);
    bench->display = display_create();
    vga_connect(bench->vga, bench->machine->memory, bench->machine->io, 1);
    vga_attach_display(bench->vga, bench->display);
    display_viewer_init(&bench->viewer, bench->display);
    return bench;
}

void vga_bench_destroy(struct vga_bench *bench)
{
    vga_attach_display(bench->vga, NULL);
    test_machine_destroy(bench->machine);
    display_viewer_finish(&bench->viewer);
    display_destroy(bench->display);
    g_free(bench);
}

void vga_out(struct vga_bench *bench, unsigned port, uint8_t value)
{
    bus_write(bench->machine->io, port, value, 1);
}

uint8_t vga_in(struct vga_bench *bench, unsigned port)
{
    return (uint8_t)bus_read(bench->machine->io, port, 1);
}

void vga_seq(struct vga_bench *bench, unsigned index, uint8_t value)
{
    bus_write(bench->machine->io, 0x3c4, index | value << 8, 2);
}

static unsigned crtc_port(struct vga_bench *bench)
{
    return (vga_in(bench, 0x3cc) & 1) != 0 ? 0x3d4 : 0x3b4;
}

void vga_crtc(struct vga_bench *bench, unsigned index, uint8_t value)
{
    bus_write(bench->machine->io, crtc_port(bench), index | value << 8, 2);
}

void vga_gfx(struct vga_bench *bench, unsigned index, uint8_t value)
{
    bus_write(bench->machine->io, 0x3ce, index | value << 8, 2);
}

void vga_attr(struct vga_bench *bench, unsigned index, uint8_t value)
{
    vga_in(bench, crtc_port(bench) + 6);
    vga_out(bench, 0x3c0, (uint8_t)index);
    vga_out(bench, 0x3c0, value);
    vga_out(bench, 0x3c0, 0x20);
    vga_in(bench, crtc_port(bench) + 6);
}

void vga_dispi(struct vga_bench *bench, unsigned index, uint16_t value)
{
    bus_write(bench->machine->io, 0x1ce, index, 2);
    bus_write(bench->machine->io, 0x1cf, value, 2);
}

uint16_t vga_dispi_in(struct vga_bench *bench, unsigned index)
{
    bus_write(bench->machine->io, 0x1ce, index, 2);
    return (uint16_t)bus_read(bench->machine->io, 0x1cf, 2);
}

void vga_poke(struct vga_bench *bench, uint32_t address, uint8_t value)
{
    bus_write(bench->machine->memory, address, value, 1);
}

uint8_t vga_peek(struct vga_bench *bench, uint32_t address)
{
    return (uint8_t)bus_read(bench->machine->memory, address, 1);
}

static uint8_t dac_level(unsigned index, unsigned component)
{
    static const unsigned FACTORS[3] = {1, 5, 11};

    /* Red and green together are different for each index. */
    return component == 1 ? (index >> 6 | FACTORS[1] * index << 2) & 0x3f
                          : (FACTORS[component] * index) & 0x3f;
}

uint32_t vga_dac_colour(unsigned index)
{
    uint32_t colour = 0;

    for (unsigned i = 0; i < 3; i++) {
        unsigned level = dac_level(index, i);

        colour = colour << 8 | level * 4 | level / 16;
    }
    return colour;
}

uint32_t vga_pixel_colour(enum vga_test_mode mode, unsigned pixel)
{
    return vga_dac_colour(vga_mode_tables[mode].attr[pixel & vga_mode_tables[mode].attr[18]]);
}

void vga_set_mode(struct vga_bench *bench, enum vga_test_mode mode)
{
    const struct vga_mode_table *table = &vga_mode_tables[mode];

    vga_out(bench, 0x3c2, table->misc);
    vga_seq(bench, 0, 1);
    for (unsigned i = 0; i < 4; i++) {
        vga_seq(bench, i + 1, table->seq[i]);
    }
    vga_seq(bench, 0, 3);
    vga_crtc(bench, 0x11, 0);
    for (unsigned i = 0; i < 25; i++) {
        vga_crtc(bench, i, table->crtc[i]);
    }
    for (unsigned i = 0; i < 9; i++) {
        vga_gfx(bench, i, table->gfx[i]);
    }
    for (unsigned i = 0; i < 20; i++) {
        vga_attr(bench, i, table->attr[i]);
    }
    vga_attr(bench, 20, 0);
    vga_out(bench, 0x3c6, 0xff);
    vga_out(bench, 0x3c8, 0);
    for (unsigned i = 0; i < 256 * 3; i++) {
        vga_out(bench, 0x3c9, dac_level(i / 3, i % 3));
    }
    memset(bench->vga->vram->host, 0, bench->vga->vram->size);
    ram_touched(bench->vga->vram, 0, bench->vga->vram->size);
}

void vga_expect(struct vga_bench *bench, unsigned width, unsigned height, vga_expect_fn *fn,
                const void *arg)
{
    struct surface *surface;

    display_update(bench->display);
    surface = display_surface(bench->display);
    g_assert_cmpuint(surface->width, ==, width);
    g_assert_cmpuint(surface->height, ==, height);
    for (unsigned y = 0; y < height; y++) {
        for (unsigned x = 0; x < width; x++) {
            uint32_t wanted = fn(arg, x, y), got = surface_line(surface, y)[x];

            if (wanted != got) {
                g_error("pixel %u, %u is %06x instead of %06x", x, y, got, wanted);
            }
        }
    }
}
