/*
 * Bus master registers and descriptor walk (hw/ide/busmaster.c).
 */
#include <string.h>

#include "hw/ide/busmaster.h"
#include "tests/support/test.h"

struct bench {
    struct machine *machine;
    struct ram *ram;
    struct busmaster bm;
    unsigned starts;
};

static void started(void *arg)
{
    ((struct bench *)arg)->starts++;
}

static void setup(struct bench *bench)
{
    bench->machine = test_machine_create();
    bench->ram = test_machine_add_ram(bench->machine, 1 << 20);
    bench->starts = 0;
    busmaster_init(&bench->bm, bench->machine->memory, started, bench);
    busmaster_reset(&bench->bm);
    bench->bm.enabled = true;
}

static void put(struct bench *bench, uint32_t at, uint32_t address, uint32_t flags)
{
    memcpy(bench->ram->host + at, &address, 4);
    memcpy(bench->ram->host + at + 4, &flags, 4);
}

static void test_registers(void)
{
    struct bench bench;

    setup(&bench);
    busmaster_write(&bench.bm, BUSMASTER_TABLE, 0x12345677, 4);
    g_assert_cmphex(busmaster_read(&bench.bm, BUSMASTER_TABLE, 4), ==, 0x12345674);
    busmaster_write(&bench.bm, BUSMASTER_TABLE + 2, 0xab, 1);
    g_assert_cmphex(busmaster_read(&bench.bm, BUSMASTER_TABLE, 4), ==, 0x12ab5674);
    busmaster_write(&bench.bm, BUSMASTER_STATUS, 0xff, 1);
    g_assert_cmphex(busmaster_read(&bench.bm, BUSMASTER_STATUS, 1), ==, 0x60);
    busmaster_interrupt(&bench.bm);
    bench.bm.status |= BUSMASTER_STATUS_ERROR;
    busmaster_write(&bench.bm, BUSMASTER_STATUS, 0x60, 1);
    g_assert_cmphex(busmaster_read(&bench.bm, BUSMASTER_STATUS, 1), ==, 0x66);
    busmaster_write(&bench.bm, BUSMASTER_STATUS, 0x64, 1);
    g_assert_cmphex(busmaster_read(&bench.bm, BUSMASTER_STATUS, 1), ==, 0x62);
    busmaster_write(&bench.bm, BUSMASTER_COMMAND, 0xff, 1);
    g_assert_cmphex(busmaster_read(&bench.bm, BUSMASTER_COMMAND, 1), ==, 0x09);
    g_assert_cmpuint(bench.starts, ==, 1);
    busmaster_write(&bench.bm, BUSMASTER_COMMAND, 0x09, 1);
    g_assert_cmpuint(bench.starts, ==, 1);
    g_assert_true(busmaster_ready(&bench.bm));
    bench.bm.enabled = false;
    g_assert_false(busmaster_ready(&bench.bm));
    test_machine_destroy(bench.machine);
}

static void test_walk(void)
{
    struct bench bench;
    uint8_t data[0x10100];

    setup(&bench);
    for (unsigned i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 13);
    }
    put(&bench, 0x100, 0x20000, 0x0100);
    put(&bench, 0x108, 0x30000, 0x80000000); /* 64 KiB, last */
    busmaster_write(&bench.bm, BUSMASTER_TABLE, 0x100, 4);
    busmaster_write(&bench.bm, BUSMASTER_COMMAND, 0x09, 1);
    g_assert_cmpuint(busmaster_transfer(&bench.bm, data, 0x180, true), ==, 0x180);
    busmaster_commit(&bench.bm);
    g_assert_true(busmaster_ready(&bench.bm));
    g_assert_cmpuint(busmaster_transfer(&bench.bm, data + 0x180, sizeof(data), true), ==,
                     sizeof(data) - 0x180);
    g_assert_true(busmaster_ready(&bench.bm)); /* until committed */
    busmaster_commit(&bench.bm);
    g_assert_false(busmaster_ready(&bench.bm));
    g_assert_cmpmem(bench.ram->host + 0x20000, 0x100, data, 0x100);
    g_assert_cmpmem(bench.ram->host + 0x30000, 0x10000, data + 0x100, 0x10000);
    test_machine_destroy(bench.machine);
}

static void test_rewind(void)
{
    struct bench bench;
    uint8_t data[16];

    setup(&bench);
    memcpy(bench.ram->host + 0x2000, "0123456789abcdef", 16);
    put(&bench, 0x100, 0x2000, 6);
    put(&bench, 0x108, 0x2006, 0x8000000a);
    busmaster_write(&bench.bm, BUSMASTER_TABLE, 0x100, 4);
    busmaster_write(&bench.bm, BUSMASTER_COMMAND, 0x01, 1);
    g_assert_cmpuint(busmaster_transfer(&bench.bm, data, 4, false), ==, 4);
    busmaster_mark(&bench.bm);
    g_assert_cmpuint(busmaster_transfer(&bench.bm, data, 8, false), ==, 8);
    g_assert_cmpmem(data, 8, "456789ab", 8);
    busmaster_rewind(&bench.bm);
    g_assert_cmpuint(busmaster_transfer(&bench.bm, data, 12, false), ==, 12);
    g_assert_cmpmem(data, 12, "456789abcdef", 12);
    /* A new START makes the mark void. */
    busmaster_write(&bench.bm, BUSMASTER_COMMAND, 0, 1);
    busmaster_write(&bench.bm, BUSMASTER_COMMAND, 1, 1);
    busmaster_rewind(&bench.bm);
    g_assert_cmpuint(busmaster_transfer(&bench.bm, data, 2, false), ==, 2);
    g_assert_cmpmem(data, 2, "01", 2);
    test_machine_destroy(bench.machine);
}

/* Descriptors and data outside RAM set the error bit; the walk ends all the same. */
static void test_bad_memory(void)
{
    struct bench bench;
    static uint8_t data[512 << 10];

    setup(&bench);
    busmaster_write(&bench.bm, BUSMASTER_TABLE, 0xfffffff0, 4);
    busmaster_write(&bench.bm, BUSMASTER_COMMAND, 0x09, 1);
    busmaster_transfer(&bench.bm, data, sizeof(data), true);
    g_assert_cmphex(bench.bm.status & BUSMASTER_STATUS_ERROR, !=, 0);
    /* The smallest regions there are, all over memory. */
    for (unsigned i = 0; i < 1 << 17; i++) {
        put(&bench, 8 * i, 0x2000, 2);
    }
    busmaster_write(&bench.bm, BUSMASTER_COMMAND, 0, 1);
    busmaster_write(&bench.bm, BUSMASTER_TABLE, 0, 4);
    busmaster_write(&bench.bm, BUSMASTER_COMMAND, 0x01, 1);
    g_assert_cmpuint(busmaster_transfer(&bench.bm, data, 0x10000, false), ==, 0x10000);
    test_machine_destroy(bench.machine);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/busmaster/registers", test_registers);
    g_test_add_func("/busmaster/walk", test_walk);
    g_test_add_func("/busmaster/rewind", test_rewind);
    g_test_add_func("/busmaster/bad-memory", test_bad_memory);
    return g_test_run();
}
