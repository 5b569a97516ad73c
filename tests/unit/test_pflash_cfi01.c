/* Tests of hw/misc/pflash_cfi01.c: the commands as a driver uses them, what the bus sees meanwhile, the image behind. */
#include "hw/misc/pflash_cfi01.h"

#include <glib/gstdio.h>
#include <string.h>

#include "block/block.h"
#include "tests/support/test.h"

#define BASE 0xfffe0000u
#define SIZE 0x20000u

struct rig {
    struct machine *machine;
    struct device *dev;
    struct block *block;
    char *path;
};

static void rig_init(struct rig *rig, bool read_only)
{
    static const struct block_options writable = { .format = "raw" }, fixed = { .format = "raw", .read_only = true };
    g_autofree uint8_t *image = g_malloc(SIZE);
    GError *error = NULL;

    memset(image, 0xff, SIZE);
    memcpy(image + 0x1000, "hello", 5);
    rig->path = g_strdup_printf("%s/pflash-%d.fd", g_get_tmp_dir(), (int)g_test_rand_int() & 0xffffff);
    g_assert_true(g_file_set_contents(rig->path, (char *)image, SIZE, NULL));
    rig->machine = test_machine_create();
    rig->dev = test_device_create(rig->machine, &pflash_cfi01_class, "flash", NULL);
    rig->block = block_open(rig->path, read_only ? &fixed : &writable, rig->machine->events, &error);
    g_assert_no_error(error);
    g_assert_true(pflash_cfi01_attach(rig->dev, rig->block, &error));
    pflash_cfi01_map(rig->dev, rig->machine->memory, BASE);
}

static void rig_finish(struct rig *rig)
{
    block_close(rig->block);
    test_machine_destroy(rig->machine);
    g_unlink(rig->path);
    g_free(rig->path);
}

static uint8_t get(struct rig *rig, uint32_t offset)
{
    return (uint8_t)bus_read(rig->machine->memory, BASE + offset, 1);
}

static void put(struct rig *rig, uint32_t offset, uint8_t value)
{
    bus_write(rig->machine->memory, BASE + offset, value, 1);
}

/* A byte of the file, after what is under way. */
static uint8_t on_disk(struct rig *rig, uint32_t offset)
{
    uint8_t byte = 0;
    block_drain(rig->block);
    g_assert_cmpint(block_read(rig->block, offset, &byte, 1), ==, 0);
    return byte;
}

static bool is_memory(struct rig *rig)
{
    return bus_find(rig->machine->memory, BASE)->region->kind == REGION_ROM;
}

/* How OVMF tells flash from ROM and RAM. */
static void test_probe(void)
{
    struct rig rig;
    rig_init(&rig, false);
    g_assert_true(is_memory(&rig));
    g_assert_cmpmem(pflash_cfi01_ram(rig.dev)->host + 0x1000, 5, "hello", 5);
    put(&rig, 0, 0x50);
    g_assert_cmphex(get(&rig, 0), ==, 0xff);
    put(&rig, 0, 0x70);
    g_assert_false(is_memory(&rig));
    g_assert_cmphex(get(&rig, 0), ==, 0x00);
    put(&rig, 0, 0xff);
    g_assert_true(is_memory(&rig));
    g_assert_cmphex(get(&rig, 0x1000), ==, 'h');
    rig_finish(&rig);
}

static void test_identification(void)
{
    static const uint8_t query[] = { 'Q', 'R', 'Y', 1, 0 };
    struct rig rig;
    rig_init(&rig, false);
    put(&rig, 0, 0x90);
    g_assert_cmphex(bus_read(rig.machine->memory, BASE, 2), ==, 0x1889);
    g_assert_cmphex(get(&rig, 2), ==, 0);
    put(&rig, 0x55, 0x98);
    for (unsigned i = 0; i < sizeof(query); i++) {
        g_assert_cmphex(get(&rig, 0x10 + i), ==, query[i]);
    }
    g_assert_cmpuint(get(&rig, 0x27), ==, 17); /* 2^17 bytes */
    g_assert_cmpuint(get(&rig, 0x2a), ==, 5);
    g_assert_cmpuint(get(&rig, 0x2d) | get(&rig, 0x2e) << 8, ==, SIZE / 4096 - 1);
    g_assert_cmpuint((get(&rig, 0x2f) | get(&rig, 0x30) << 8) * 256, ==, 4096);
    g_assert_cmphex(get(&rig, 0x31), ==, 'P');
    g_assert_cmphex(get(&rig, 0x1f000), ==, 0);
    put(&rig, 0, 0xff);
    rig_finish(&rig);
}

/* Programming clears bits only; erasing sets them, in one block. */
static void test_program(void)
{
    struct rig rig;
    rig_init(&rig, false);
    put(&rig, 0x2000, 0x40);
    put(&rig, 0x2000, 0x3c);
    g_assert_cmphex(get(&rig, 0), ==, 0x80);
    put(&rig, 0x2000, 0x10);
    put(&rig, 0x2000, 0x0f);
    put(&rig, 0x2001, 0x10);
    put(&rig, 0x2001, 0x55);
    put(&rig, 0, 0xff);
    g_assert_cmphex(get(&rig, 0x2000), ==, 0x0c);
    g_assert_cmphex(on_disk(&rig, 0x2000), ==, 0x0c);
    g_assert_cmphex(on_disk(&rig, 0x2001), ==, 0x55);
    put(&rig, 0x1800, 0x20);
    put(&rig, 0x1800, 0xd0);
    g_assert_cmphex(get(&rig, 0x1000), ==, 0x80);
    put(&rig, 0, 0xff);
    g_assert_cmphex(get(&rig, 0x1000), ==, 0xff);
    g_assert_cmphex(get(&rig, 0x2000), ==, 0x0c);
    g_assert_cmphex(on_disk(&rig, 0x1000), ==, 0xff);
    rig_finish(&rig);
}

static void test_buffer(void)
{
    struct rig rig;
    rig_init(&rig, false);
    put(&rig, 0x3000, 0xe8);
    g_assert_cmphex(get(&rig, 0x3000), ==, 0x80);
    put(&rig, 0x3000, 3);
    for (unsigned i = 0; i < 4; i++) {
        put(&rig, 0x3004 + i, (uint8_t)(0x11 * (i + 1)));
    }
    put(&rig, 0x3000, 0xd0);
    put(&rig, 0, 0xff);
    g_assert_cmphex(bus_read(rig.machine->memory, BASE + 0x3004, 4), ==, 0x44332211);
    g_assert_cmphex(get(&rig, 0x3008), ==, 0xff);
    g_assert_cmphex(on_disk(&rig, 0x3007), ==, 0x44);
    /* A count or an address out of range, or another command than the confirmation: nothing is programmed. */
    put(&rig, 0x3000, 0xe8);
    put(&rig, 0x3000, 32);
    g_assert_cmphex(get(&rig, 0x3000), ==, 0xb0);
    put(&rig, 0, 0x50);
    put(&rig, 0x3000, 0xe8);
    put(&rig, 0x3000, 1);
    put(&rig, 0x3010, 0);
    put(&rig, 0x3020, 0);
    g_assert_cmphex(get(&rig, 0x3000), ==, 0xb0);
    put(&rig, 0, 0x50);
    put(&rig, 0x3000, 0xe8);
    put(&rig, 0x3000, 0);
    put(&rig, 0x3010, 0);
    put(&rig, 0x3010, 0xff);
    g_assert_cmphex(get(&rig, 0x3000), ==, 0xb0);
    put(&rig, 0, 0xff);
    g_assert_cmphex(get(&rig, 0x3010), ==, 0xff);
    /* The end of the chip. */
    put(&rig, SIZE - 1, 0xe8);
    put(&rig, SIZE - 1, 31);
    for (unsigned i = 0; i < 32; i++) {
        put(&rig, SIZE - 1, 0);
    }
    put(&rig, SIZE - 1, 0xd0);
    g_assert_cmphex(get(&rig, 0) & 0x10, ==, 0x10);
    put(&rig, 0, 0xff);
    g_assert_cmphex(get(&rig, SIZE - 1), ==, 0xff);
    rig_finish(&rig);
}

static void test_read_only(void)
{
    struct rig rig;
    rig_init(&rig, true);
    put(&rig, 0x1000, 0x10);
    put(&rig, 0x1000, 0);
    g_assert_cmphex(get(&rig, 0), ==, 0x90);
    put(&rig, 0, 0x50);
    put(&rig, 0x1000, 0x20);
    put(&rig, 0x1000, 0xd0);
    g_assert_cmphex(get(&rig, 0), ==, 0xa0);
    put(&rig, 0, 0xff);
    g_assert_cmphex(get(&rig, 0x1000), ==, 'h');
    rig_finish(&rig);
}

/* A reset ends a mode, not the contents; a wide store is so many cycles. */
static void test_reset(void)
{
    struct rig rig;
    rig_init(&rig, false);
    bus_write(rig.machine->memory, BASE + 0x4000, 0x9940, 2);
    put(&rig, 0x4000, 0x70);
    test_machine_reset(rig.machine);
    g_assert_true(is_memory(&rig));
    g_assert_cmphex(get(&rig, 0x4001), ==, 0x99);
    put(&rig, 0, 0x70);
    g_assert_cmphex(get(&rig, 0), ==, 0x80);
    rig_finish(&rig);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/pflash_cfi01/probe", test_probe);
    g_test_add_func("/pflash_cfi01/identification", test_identification);
    g_test_add_func("/pflash_cfi01/program", test_program);
    g_test_add_func("/pflash_cfi01/buffer", test_buffer);
    g_test_add_func("/pflash_cfi01/read-only", test_read_only);
    g_test_add_func("/pflash_cfi01/reset", test_reset);
    return g_test_run();
}
