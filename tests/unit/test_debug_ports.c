/*
 * The ports for test programs: debug console and debug exit.
 */
#include "tests/support/test.h"

#include "chardev/chardev.h"
#include "hw/char/debugcon.h"
#include "hw/misc/isa_debug_exit.h"

static void test_debugcon(void)
{
    static const char *const firmware[] = {"iobase", "0x402", "readback", "0x0e9", NULL};
    struct machine *machine = test_machine_create();
    struct device *dev = test_device_create(machine, &debugcon_class, "debugcon", firmware);
    struct chardev *chr = chardev_memory_create(3);
    size_t size;
    g_assert_cmphex(debugcon_iobase(dev), ==, 0x402);
    g_assert_cmphex(test_region_read(debugcon_io(dev), 0, 1), ==, 0xe9);
    test_region_write(debugcon_io(dev), 0, 'x', 1); /* to nobody */
    debugcon_connect_chardev(dev, chr);
    for (const char *p = "abcde"; *p; p++) {
        test_region_write(debugcon_io(dev), 0, (uint8_t)*p, 1);
    }
    const uint8_t *data = chardev_memory_data(chr, &size);
    g_assert_cmpmem(data, size, "abc", 3);
    test_machine_destroy(machine);
    chardev_destroy(chr);
}

static void test_debug_exit(void)
{
    static const char *const four[] = {"iobase", "0xf4", "iosize", "4", NULL};
    struct machine *machine = test_machine_create();
    struct device *dev = test_device_create(machine, &isa_debug_exit_class, "exit", four);
    g_assert_cmphex(isa_debug_exit_iobase(dev), ==, 0xf4);
    g_assert_cmpuint(isa_debug_exit_io(dev)->size, ==, 4);
    g_assert_cmpint(machine->request, ==, REQUEST_NONE);
    test_region_write(isa_debug_exit_io(dev), 0, 0x10, 4);
    g_assert_cmpint(machine->request, ==, REQUEST_EXIT_CODE);
    g_assert_cmpint(machine->exit_code, ==, 0x21);
    test_machine_destroy(machine);
}

static void test_bad_properties(void)
{
    static const char *const size[] = {"iosize", "3", NULL};
    static const char *const base[] = {"iobase", "0xffff", "iosize", "2", NULL};
    static const char *const con[] = {"iobase", "0x10000", NULL};
    struct machine *machine = test_machine_create();
    GError *error = NULL;
    g_assert_null(device_create(machine, &isa_debug_exit_class, "a", size, &error));
    g_clear_error(&error);
    g_assert_null(device_create(machine, &isa_debug_exit_class, "b", base, &error));
    g_clear_error(&error);
    g_assert_null(device_create(machine, &debugcon_class, "c", con, &error));
    g_clear_error(&error);
    test_machine_destroy(machine);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/debug_ports/debugcon", test_debugcon);
    g_test_add_func("/debug_ports/debug-exit", test_debug_exit);
    g_test_add_func("/debug_ports/bad-properties", test_bad_properties);
    return g_test_run();
}
