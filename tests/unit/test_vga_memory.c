/* hw/display/vga_memory.c against a model that works plane by plane and bit by bit. */
#include "tests/support/vga_bench.h"

#include <string.h>

struct model {
    uint8_t planes[4][65536];
    uint8_t latch[4];
    uint8_t gfx[9], map_mask;
};

static bool bit(unsigned value, unsigned n)
{
    return (value >> n & 1) != 0;
}

static void model_write(struct model *model, unsigned address, uint8_t value)
{
    unsigned mode = model->gfx[5] & 3, rotate = model->gfx[3] & 7, function = model->gfx[3] >> 3 & 3;
    uint8_t rotated = (uint8_t)((value | value << 8) >> rotate);

    for (unsigned plane = 0; plane < 4; plane++) {
        uint8_t result = 0;

        for (unsigned n = 0; n < 8; n++) {
            bool old = bit(model->latch[plane], n), data, mask = bit(model->gfx[8], n);

            switch (mode) {
            case 0:
                data = bit(model->gfx[1], plane) ? bit(model->gfx[0], plane) : bit(rotated, n);
                break;
            case 2:
                data = bit(value, plane);
                break;
            case 3:
                data = bit(model->gfx[0], plane);
                mask = mask && bit(rotated, n);
                break;
            default:
                data = old;
                break;
            }
            if (mode != 1) {
                data = function == 1 ? data && old : function == 2 ? data || old
                                                 : function == 3   ? data != old
                                                                   : data;
                data = mask ? data : old;
            }
            result |= (uint8_t)(data << n);
        }
        if (bit(model->map_mask, plane)) {
            model->planes[plane][address] = result;
        }
    }
}

static uint8_t model_read(struct model *model, unsigned address)
{
    uint8_t result = 0;

    for (unsigned plane = 0; plane < 4; plane++) {
        model->latch[plane] = model->planes[plane][address];
    }
    if (!bit(model->gfx[5], 3)) {
        return model->latch[model->gfx[4] & 3];
    }
    for (unsigned n = 0; n < 8; n++) {
        bool match = true;

        for (unsigned plane = 0; plane < 4; plane++) {
            if (bit(model->gfx[7], plane) &&
                bit(model->latch[plane], n) != bit(model->gfx[2], plane)) {
                match = false;
            }
        }
        result |= (uint8_t)(match << n);
    }
    return result;
}

static void compare(struct vga_bench *bench, const struct model *model)
{
    for (unsigned i = 0; i < 65536 * 4; i++) {
        g_assert_cmphex(bench->vga->vram->host[i], ==, model->planes[i % 4][i / 4]);
    }
}

static void test_planar(void)
{
    struct vga_bench *bench = vga_bench_create();
    struct model *model = g_new0(struct model, 1);
    struct test_random random = {7};

    vga_set_mode(bench, MODE_12);
    memcpy(model->gfx, vga_mode_tables[MODE_12].gfx, 9);
    model->map_mask = 15;
    for (unsigned i = 0; i < 50000; i++) {
        uint64_t dice = test_random_next(&random);
        unsigned address = dice >> 8 & 0xff, index = (dice >> 32) % 9;
        uint8_t value = (uint8_t)(dice >> 16);

        switch (dice & 7) {
        case 0:
            if (index == 6) {
                continue;
            }
            /* Without odd/even and the shift modes. */
            value &= index == 5 ? 0x0b : index == 3 ? 0x1f : index == 4 ? 3 : index == 8 ? 0xff : 0xf;
            vga_gfx(bench, index, value);
            model->gfx[index] = value;
            break;
        case 1:
            model->map_mask = value & 15;
            vga_seq(bench, 2, value & 15);
            break;
        case 2:
        case 3:
        case 4:
            g_assert_cmphex(vga_peek(bench, 0xa0000 + address), ==, model_read(model, address));
            break;
        default:
            vga_poke(bench, 0xa0000 + address, value);
            model_write(model, address, value);
            break;
        }
    }
    compare(bench, model);
    g_free(model);
    vga_bench_destroy(bench);
}

static void test_wide_access(void)
{
    struct vga_bench *bench = vga_bench_create();

    vga_set_mode(bench, MODE_12);
    vga_seq(bench, 2, 4);
    bus_write(bench->machine->memory, 0xa0010, 0x8877665544332211, 8);
    for (unsigned i = 0; i < 8; i++) {
        g_assert_cmphex(bench->vga->vram->host[4 * (0x10 + i) + 2], ==, 0x11 * (i + 1));
        g_assert_cmphex(bench->vga->vram->host[4 * (0x10 + i) + 1], ==, 0);
    }
    vga_gfx(bench, 4, 2);
    g_assert_cmphex(bus_read(bench->machine->memory, 0xa0012, 4), ==, 0x66554433);
    g_assert_cmphex(bench->vga->latch, ==, 0x660000);
    vga_bench_destroy(bench);
}

static void test_odd_even(void)
{
    struct vga_bench *bench = vga_bench_create();

    vga_set_mode(bench, MODE_3);
    bus_write(bench->machine->memory, 0xb8004, 0x1f42, 2);
    g_assert_cmphex(bench->vga->vram->host[4 * 4], ==, 0x42);
    g_assert_cmphex(bench->vga->vram->host[4 * 4 + 1], ==, 0x1f);
    g_assert_cmphex(bus_read(bench->machine->memory, 0xb8004, 4), ==, 0x1f42);
    /* Odd/even reading of planes 2 and 3. */
    bench->vga->vram->host[4 * 4 + 2] = 0x77;
    bench->vga->vram->host[4 * 4 + 3] = 0x88;
    vga_gfx(bench, 4, 2);
    g_assert_cmphex(bus_read(bench->machine->memory, 0xb8004, 2), ==, 0x8877);
    vga_bench_destroy(bench);
}

static void test_windows(void)
{
    static const struct {
        uint8_t select;
        uint32_t first, last;
    } WINDOWS[] = {
        {0x01, 0xa0000, 0xbffff}, {0x05, 0xa0000, 0xaffff},
        {0x09, 0xb0000, 0xb7fff}, {0x0d, 0xb8000, 0xbffff},
    };
    struct vga_bench *bench = vga_bench_create();

    vga_set_mode(bench, MODE_12);
    for (unsigned i = 0; i < G_N_ELEMENTS(WINDOWS); i++) {
        vga_gfx(bench, 6, WINDOWS[i].select);
        for (uint32_t address = 0xa0000; address < 0xc0000; address += 0x7fff) {
            bool inside = address >= WINDOWS[i].first && address <= WINDOWS[i].last;

            vga_poke(bench, address, 0x5a);
            g_assert_cmphex(vga_peek(bench, address), ==, inside ? 0x5a : 0xff);
            vga_poke(bench, address, 0);
        }
    }
    /* Memory switched off: nobody answers. */
    vga_out(bench, 0x3c2, 0xe1);
    g_assert_null(bus_find(bench->machine->memory, 0xb8000));
    vga_bench_destroy(bench);
}

static bool is_direct(struct vga_bench *bench)
{
    return bus_find(bench->machine->memory, 0xa0000)->region->kind == REGION_RAM;
}

/* Chain-4 as plain memory, and with the rest of the write path in between. */
static void test_chain4(void)
{
    struct vga_bench *bench = vga_bench_create();

    vga_set_mode(bench, MODE_13);
    g_assert_true(is_direct(bench));
    bus_write(bench->machine->memory, 0xa0101, 0x44332211, 4);
    g_assert_cmphex(bench->vga->vram->host[0x101], ==, 0x11);
    g_assert_cmphex(bench->vga->vram->host[0x104], ==, 0x44);
    vga_seq(bench, 2, 0x05);
    g_assert_false(is_direct(bench));
    bus_write(bench->machine->memory, 0xa0200, 0x44332211, 4);
    g_assert_cmphex(*(uint32_t *)(void *)(bench->vga->vram->host + 0x200), ==, 0x330011);
    vga_seq(bench, 2, 0x0f);
    g_assert_true(is_direct(bench));
    vga_gfx(bench, 8, 0x0f);
    g_assert_false(is_direct(bench));
    vga_peek(bench, 0xa0200);
    vga_poke(bench, 0xa0201, 0xff);
    g_assert_cmphex(bench->vga->vram->host[0x201], ==, 0x0f);
    g_assert_cmphex(vga_peek(bench, 0xa0202), ==, 0x33);
    vga_gfx(bench, 8, 0xff);
    vga_gfx(bench, 3, 1);
    g_assert_false(is_direct(bench));
    vga_gfx(bench, 3, 0);
    vga_gfx(bench, 1, 1);
    g_assert_false(is_direct(bench));
    vga_gfx(bench, 1, 0);
    g_assert_true(is_direct(bench));
    vga_out(bench, 0x3c3, 0);
    g_assert_null(bus_find(bench->machine->memory, 0xa0000));
    vga_out(bench, 0x3c3, 1);
    g_assert_true(is_direct(bench));
    vga_bench_destroy(bench);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/vga-memory/planar", test_planar);
    g_test_add_func("/vga-memory/wide", test_wide_access);
    g_test_add_func("/vga-memory/odd-even", test_odd_even);
    g_test_add_func("/vga-memory/windows", test_windows);
    g_test_add_func("/vga-memory/chain4", test_chain4);
    return g_test_run();
}
