/* hw/display/vga_regs.c and vga_timing.c */
#include "tests/support/vga_bench.h"

static void test_indexed(void)
{
    struct vga_bench *bench = vga_bench_create();

    vga_set_mode(bench, MODE_3);
    vga_seq(bench, 3, 0xff);
    g_assert_cmphex(vga_in(bench, 0x3c5), ==, 0x3f);
    g_assert_cmphex(vga_in(bench, 0x3c4), ==, 3);
    vga_gfx(bench, 5, 0xff);
    g_assert_cmphex(vga_in(bench, 0x3cf), ==, 0x7b);
    vga_gfx(bench, 9, 0xff);
    g_assert_cmphex(vga_in(bench, 0x3cf), ==, 0);
    vga_crtc(bench, 0x18, 0x12);
    g_assert_cmphex(vga_in(bench, 0x3d5), ==, 0x12);
    vga_crtc(bench, 0x40, 0x12);
    g_assert_cmphex(vga_in(bench, 0x3d5), ==, 0);
    vga_bench_destroy(bench);
}

static void test_write_protection(void)
{
    struct vga_bench *bench = vga_bench_create();

    vga_set_mode(bench, MODE_3);
    vga_crtc(bench, 0x11, 0x8e);
    for (unsigned i = 0; i <= 7; i++) {
        vga_crtc(bench, i, 0);
        g_assert_cmphex(vga_in(bench, 0x3d5), ==,
                        i == 7 ? 0x0f : vga_mode_tables[MODE_3].crtc[i]);
    }
    vga_crtc(bench, 8, 5);
    g_assert_cmphex(vga_in(bench, 0x3d5), ==, 5);
    vga_crtc(bench, 0x11, 0x0e);
    vga_crtc(bench, 0, 0);
    g_assert_cmphex(vga_in(bench, 0x3d5), ==, 0);
    vga_bench_destroy(bench);
}

static void test_attribute(void)
{
    struct vga_bench *bench = vga_bench_create();

    vga_set_mode(bench, MODE_3);
    vga_in(bench, 0x3da);
    vga_out(bench, 0x3c0, 0x05);
    vga_out(bench, 0x3c0, 0xff);
    vga_out(bench, 0x3c0, 0x06);
    vga_in(bench, 0x3da);
    vga_out(bench, 0x3c0, 0x25);
    g_assert_cmphex(vga_in(bench, 0x3c0), ==, 0x25);
    g_assert_cmphex(vga_in(bench, 0x3c1), ==, 0x3f);
    vga_crtc(bench, 0x24, 0);
    g_assert_cmphex(vga_in(bench, 0x3d5), ==, 0x80);
    vga_in(bench, 0x3da);
    g_assert_cmphex(vga_in(bench, 0x3d5), ==, 0);
    vga_bench_destroy(bench);
}

static void test_dac(void)
{
    struct vga_bench *bench = vga_bench_create();

    vga_set_mode(bench, MODE_3);
    vga_out(bench, 0x3c8, 255);
    g_assert_cmphex(vga_in(bench, 0x3c7), ==, 0);
    for (unsigned i = 1; i <= 6; i++) {
        vga_out(bench, 0x3c9, (uint8_t)(0xc0 + i));
    }
    g_assert_cmphex(vga_in(bench, 0x3c8), ==, 1);
    vga_out(bench, 0x3c7, 255);
    g_assert_cmphex(vga_in(bench, 0x3c7), ==, 3);
    for (unsigned i = 1; i <= 6; i++) {
        g_assert_cmphex(vga_in(bench, 0x3c9), ==, i);
    }
    /* An unfinished colour is not taken over. */
    vga_out(bench, 0x3c8, 255);
    vga_out(bench, 0x3c9, 0x3f);
    vga_out(bench, 0x3c7, 255);
    g_assert_cmphex(vga_in(bench, 0x3c9), ==, 1);
    vga_bench_destroy(bench);
}

static void test_mono_and_colour(void)
{
    struct vga_bench *bench = vga_bench_create();

    vga_set_mode(bench, MODE_7);
    g_assert_cmphex(vga_in(bench, 0x3cc), ==, 0x66);
    vga_out(bench, 0x3b4, 0x0f);
    vga_out(bench, 0x3b5, 0x77);
    g_assert_cmphex(vga_in(bench, 0x3b5), ==, 0x77);
    g_assert_cmphex(vga_in(bench, 0x3d5), ==, 0xff);
    g_assert_cmphex(vga_in(bench, 0x3da), ==, 0xff);
    vga_out(bench, 0x3ba, 0x03);
    g_assert_cmphex(vga_in(bench, 0x3ca), ==, 0x03);
    vga_out(bench, 0x3c2, 0x67);
    g_assert_cmphex(vga_in(bench, 0x3b5), ==, 0xff);
    g_assert_cmphex(vga_in(bench, 0x3d5), ==, 0x77);
    /* The parallel port's addresses stay free. */
    g_assert_null(bus_find(bench->machine->io, 0x3bc));
    vga_out(bench, 0x3c3, 0);
    g_assert_cmphex(vga_in(bench, 0x3d5), ==, 0xff);
    g_assert_cmphex(vga_in(bench, 0x3c3), ==, 0);
    vga_out(bench, 0x3c3, 1);
    g_assert_cmphex(vga_in(bench, 0x3d5), ==, 0x77);
    vga_bench_destroy(bench);
}

/* The share of a frame, in thousandths, in which the bits of status 1 are as wanted. */
static unsigned share(struct vga_bench *bench, uint8_t mask, uint8_t wanted, uint64_t frame_ns)
{
    unsigned count = 0;

    for (unsigned i = 0; i < 20000; i++) {
        count += (vga_in(bench, 0x3da) & mask) == wanted;
        test_advance(bench->machine, frame_ns / 20000);
    }
    return (count + 10) / 20;
}

static void test_retrace(void)
{
    struct vga_bench *bench = vga_bench_create();
    /* Mode 3: 100 x 9 dots, 449 lines, 28.322 MHz; mode 12h: 800 dots, 525 lines, 25.175 MHz. */
    uint64_t text_ns = 900ull * 449 * NS_PER_SECOND / 28322000;
    uint64_t graphics_ns = 800ull * 525 * NS_PER_SECOND / 25175000;
    unsigned edges = 0;
    bool before = false;

    vga_set_mode(bench, MODE_3);
    g_assert_cmpuint(share(bench, 0x08, 0x08, text_ns), ==, 4);
    /* 80 of 100 characters in 400 of 449 lines are shown. */
    g_assert_cmpuint(share(bench, 0x01, 0x00, text_ns) - 711, <=, 4);
    vga_set_mode(bench, MODE_12);
    g_assert_cmpuint(share(bench, 0x08, 0x08, graphics_ns), ==, 4);
    g_assert_cmpuint(share(bench, 0x01, 0x00, graphics_ns) - 729, <=, 4);
    for (unsigned i = 0; i < 100000; i++) {
        bool now = (vga_in(bench, 0x3da) & 8) != 0;

        edges += now && !before;
        before = now;
        test_advance(bench->machine, 10000);
    }
    g_assert_cmpuint(edges, ==, 60);
    /* Registers that make no frame, and DISPI modes, still have a retrace. */
    vga_crtc(bench, 6, 0);
    vga_crtc(bench, 7, 0);
    g_assert_cmpuint(share(bench, 0x08, 0x08, text_ns), ==, 4);
    vga_bench_destroy(bench);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/vga-regs/indexed", test_indexed);
    g_test_add_func("/vga-regs/write-protection", test_write_protection);
    g_test_add_func("/vga-regs/attribute", test_attribute);
    g_test_add_func("/vga-regs/dac", test_dac);
    g_test_add_func("/vga-regs/mono-and-colour", test_mono_and_colour);
    g_test_add_func("/vga-regs/retrace", test_retrace);
    return g_test_run();
}
