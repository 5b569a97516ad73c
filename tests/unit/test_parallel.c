/* The parallel port: bytes by strobe, busy while the connection is full, interrupt on acknowledge. */
#include "tests/support/test.h"

#include "chardev/chardev.h"
#include "core/irq.h"
#include "hw/char/parallel.h"

static void set_level(void *arg, unsigned n, bool level)
{
    *(bool *)arg = level;
}

static void print(struct device *dev, uint8_t byte, uint8_t control)
{
    test_region_write(parallel_io(dev), 0, byte, 1);
    test_region_write(parallel_io(dev), 2, control | 1, 1);
    test_region_write(parallel_io(dev), 2, control, 1);
}

static void test_print(void)
{
    struct machine *machine = test_machine_create();
    struct device *dev = test_device_create(machine, &parallel_class, "parallel0", NULL);
    struct chardev *chr = chardev_memory_create(2);
    struct irq line;
    bool level = false;
    size_t size;
    irq_init(&line, "lpt", set_level, &level, 7);
    parallel_connect_irq(dev, &line);
    device_reset(dev);
    print(dev, 'x', 0x0c); /* to nobody */
    g_assert_cmphex(test_region_read(parallel_io(dev), 1, 1), ==, 0xdf);
    g_assert_cmphex(test_region_read(parallel_io(dev), 0, 1), ==, 'x');
    g_assert_cmphex(test_region_read(parallel_io(dev), 2, 1), ==, 0xcc);
    parallel_connect_chardev(dev, chr);
    print(dev, 'a', 0x1c);
    g_assert_true(level);
    g_assert_cmphex(test_region_read(parallel_io(dev), 1, 1) & 0x80, ==, 0x80);
    g_assert_false(level);
    print(dev, 'b', 0x0c);
    g_assert_false(level);
    print(dev, 'c', 0x1c); /* no room: busy, and a further strobe is not heard */
    g_assert_cmphex(test_region_read(parallel_io(dev), 1, 1) & 0x80, ==, 0);
    print(dev, 'd', 0x1c);
    g_assert_cmpmem(chardev_memory_data(chr, &size), 2, "ab", 2);
    chardev_memory_clear(chr);
    test_run_events(machine);
    g_assert_true(level);
    g_assert_cmpmem(chardev_memory_data(chr, &size), 1, "c", 1);
    g_assert_cmphex(test_region_read(parallel_io(dev), 1, 1) & 0x80, ==, 0x80);
    test_machine_destroy(machine);
    chardev_destroy(chr);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/parallel/print", test_print);
    return g_test_run();
}
