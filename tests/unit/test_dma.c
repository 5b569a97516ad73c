/*
 * DMA reaches RAM only and tells the engines.
 */
#include "tests/support/test.h"

#include "core/dma.h"

#include <string.h>

static uint64_t never_read(void *owner, uint64_t offset, unsigned size)
{
    g_assert_not_reached();
}

static void never_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    g_assert_not_reached();
}

static const struct region_ops never = { never_read, never_write, 0, 0 };

static void test_dma(void)
{
    struct machine *machine = test_machine_create();
    struct bus *bus = machine->memory;
    struct ram *ram = test_machine_add_ram(machine, 0x2000);
    struct region io, rom;
    uint8_t data[32];
    uint64_t bitmap;

    region_init_io(&io, "registers", 0x1000, &never, NULL);
    region_init_rom(&rom, "rom", ram, 0x1000, 0x1000);
    struct mapping *a = bus_map(bus, &io, 0x2000, 0), *b = bus_map(bus, &rom, 0x8000, 0);
    ram_log_dirty(ram, true);
    ram_dirty_fetch(ram, 0, 2, &bitmap);

    memset(data, 0x11, sizeof(data));
    g_assert_true(dma_write(bus, 0xff0, data, 32));
    g_assert_true(ram_dirty_fetch(ram, 0, 2, &bitmap));
    g_assert_cmphex(bitmap, ==, 3);
    memset(data, 0, sizeof(data));
    g_assert_true(dma_read(bus, 0xff0, data, 32));
    g_assert_cmphex(data[31], ==, 0x11);
    g_assert_true(dma_read(bus, 0x8000, data, 32));
    g_assert_cmphex(data[15], ==, 0x11);
    g_assert_cmphex(data[16], ==, 0);

    /* Registers, ROM, nothing, and the end of the address space. */
    g_assert_false(dma_read(bus, 0x1ff0, data, 32));
    g_assert_cmphex(data[15], ==, 0);
    g_assert_cmphex(data[16], ==, 0xff);
    memset(data, 0x22, sizeof(data));
    g_assert_false(dma_write(bus, 0x1ff0, data, 32));
    g_assert_cmphex(ram->host[0x1fff], ==, 0x22);
    g_assert_false(dma_write(bus, 0x8000, data, 32));
    g_assert_cmphex(ram->host[0x1000], ==, 0x11);
    g_assert_false(dma_write(bus, 0x100000, data, 32));
    g_assert_false(dma_read(bus, UINT64_MAX - 7, data, 8));
    g_assert_false(dma_write(bus, UINT64_MAX - 7, data, 8));
    g_assert_true(dma_read(bus, 0x100000, data, 0));
    bus_unmap(bus, a);
    bus_unmap(bus, b);
    test_machine_destroy(machine);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/dma/all", test_dma);
    return g_test_run();
}
