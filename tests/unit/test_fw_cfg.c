/* Tests of hw/misc/fw_cfg.c: items, the directory, the data port and DMA. */
#include "hw/misc/fw_cfg.h"

#include <string.h>

#include "core/bus.h"
#include "core/dma.h"
#include "core/machine.h"
#include "tests/support/test.h"

#define PORT 0x510

static struct device *make(struct machine **machine)
{
    *machine = test_machine_create();
    test_machine_add_ram(*machine, 1 << 20);
    struct device *dev = test_device_create(*machine, &fw_cfg_class, "fw_cfg", NULL);
    bus_map((*machine)->io, fw_cfg_io(dev), PORT, 0);
    return dev;
}

static uint32_t read_be(struct machine *m, unsigned bytes)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < bytes; i++) {
        v = v << 8 | (uint32_t)bus_read(m->io, PORT + 1, 1);
    }
    return v;
}

static void test_signature(void)
{
    struct machine *m;
    make(&m);
    bus_write(m->io, PORT, FW_CFG_SIGNATURE, 2);
    g_assert_cmphex(read_be(m, 4), ==, 0x51454d55); /* QEMU */
    g_assert_cmphex(read_be(m, 1), ==, 0);          /* beyond the end */
    bus_write(m->io, PORT, 0x1234, 2);              /* no such item */
    g_assert_cmphex(read_be(m, 4), ==, 0);
    g_assert_cmphex(bus_read(m->io, PORT + 4, 4), ==, 0x554d4551);
    g_assert_cmphex(bus_read(m->io, PORT + 8, 4), ==, 0x47464320);
    test_machine_destroy(m);
}

static void test_directory(void)
{
    struct machine *m;
    struct device *dev = make(&m);
    fw_cfg_set_file(dev, "etc/b", "bbb", 3);
    fw_cfg_set_file(dev, "etc/a", "a", 1);
    fw_cfg_set_file(dev, "etc/b", "BBBBB", 5);
    bus_write(m->io, PORT, FW_CFG_FILE_DIR, 2);
    g_assert_cmpuint(read_be(m, 4), ==, 2);
    g_assert_cmpuint(read_be(m, 4), ==, 1); /* etc/a comes first */
    unsigned key_a = read_be(m, 2);
    read_be(m, 2);
    char name[57] = "";
    for (unsigned i = 0; i < 56; i++) {
        name[i] = (char)read_be(m, 1);
    }
    g_assert_cmpstr(name, ==, "etc/a");
    g_assert_cmpuint(read_be(m, 4), ==, 5);
    unsigned key_b = read_be(m, 2);
    g_assert_cmpuint(key_a, !=, key_b);
    bus_write(m->io, PORT, key_b, 2);
    g_assert_cmphex(read_be(m, 4), ==, 0x42424242);
    test_machine_destroy(m);
}

/* Writes a descriptor at 0x1000 and starts it; returns the control word afterwards. */
static uint32_t dma(struct machine *m, uint32_t control, uint32_t length, uint64_t address)
{
    struct {
        uint32_t control, length;
        uint64_t address;
    } d = { GUINT32_TO_BE(control), GUINT32_TO_BE(length), GUINT64_TO_BE(address) };
    dma_write(m->memory, 0x1000, &d, sizeof(d));
    bus_write(m->io, PORT + 4, 0, 4);
    bus_write(m->io, PORT + 8, GUINT32_TO_BE(0x1000), 4);
    dma_read(m->memory, 0x1000, &d, sizeof(d));
    return GUINT32_FROM_BE(d.control);
}

static void test_dma(void)
{
    struct machine *m;
    struct device *dev = make(&m);
    char data[8] = "";
    fw_cfg_add(dev, FW_CFG_KERNEL_DATA, "kernel", 6);
    g_assert_cmphex(dma(m, FW_CFG_KERNEL_DATA << 16 | 8 | 4, 2, 0), ==, 0); /* select, skip 2 */
    g_assert_cmphex(dma(m, 2, 8, 0x2000), ==, 0);                           /* read 8 */
    dma_read(m->memory, 0x2000, data, sizeof(data));
    g_assert_cmpmem(data, 8, "rnel\0\0\0\0", 8);
    g_assert_cmphex(dma(m, 2, 8, 0xfffffff0), ==, 1);    /* outside RAM */
    g_assert_cmphex(dma(m, 16, 8, 0x2000), ==, 1);       /* write: not allowed */
    g_assert_cmphex(dma(m, 2, 0xffffffff, 0x80000), ==, 1); /* huge: stops at the end of RAM */
    test_machine_destroy(m);
}

struct maker {
    struct device *dev;
    unsigned calls;
};

static void make_file(void *arg)
{
    struct maker *maker = arg;
    char text = (char)('0' + ++maker->calls);
    fw_cfg_set_file(maker->dev, "etc/made", &text, 1);
}

/* A file that is made when it is selected. */
static void test_on_select(void)
{
    struct machine *m;
    struct maker maker = { .dev = make(&m) };
    fw_cfg_set_file(maker.dev, "etc/made", "-", 1);
    fw_cfg_set_file(maker.dev, "etc/other", "o", 1);
    fw_cfg_on_select(maker.dev, "etc/made", make_file, &maker);
    bus_write(m->io, PORT, FW_CFG_FILE_FIRST + 1, 2);
    g_assert_cmpuint(read_be(m, 1), ==, 'o');
    g_assert_cmpuint(maker.calls, ==, 0);
    bus_write(m->io, PORT, FW_CFG_FILE_FIRST, 2);
    g_assert_cmpuint(read_be(m, 1), ==, '1');
    bus_write(m->io, PORT, FW_CFG_FILE_FIRST, 2);
    g_assert_cmpuint(read_be(m, 1), ==, '2');
    test_machine_destroy(m);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/fw_cfg/signature", test_signature);
    g_test_add_func("/fw_cfg/directory", test_directory);
    g_test_add_func("/fw_cfg/dma", test_dma);
    g_test_add_func("/fw_cfg/on-select", test_on_select);
    return g_test_run();
}
