/*
 * Port 92h: A20 and the edge that resets the CPU.
 */
#include "tests/support/test.h"

#include "hw/misc/port92.h"

static void out(struct device *dev, uint8_t value)
{
    test_region_write(port92_io(dev), 0, value, 1);
}

static void test_port92(void)
{
    struct machine *machine = test_machine_create();
    struct device *dev = test_device_create(machine, &port92_class, "port92", NULL);
    struct test_probe a20, reset;
    test_probe_init(&a20, "a20");
    test_probe_init(&reset, "reset");
    port92_connect_a20(dev, &a20.line);
    port92_connect_reset(dev, &reset.line);
    g_assert_cmphex(test_region_read(port92_io(dev), 0, 1), ==, 0);
    out(dev, 0x02);
    g_assert_true(a20.level);
    g_assert_cmpuint(reset.rises, ==, 0);
    out(dev, 0x03);
    out(dev, 0x03); /* no edge */
    g_assert_cmpuint(reset.rises, ==, 1);
    g_assert_false(reset.level);
    out(dev, 0x00);
    g_assert_false(a20.level);
    out(dev, 0x01);
    g_assert_cmpuint(reset.rises, ==, 2);
    device_reset(dev);
    g_assert_cmphex(test_region_read(port92_io(dev), 0, 1), ==, 0);
    test_machine_destroy(machine);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/port92/port92", test_port92);
    return g_test_run();
}
