/*
 * The ports for test programs: debug console and debug exit.
 */
#include "tests/support/test.h"

#include "chardev/chardev.h"
#include "hw/char/debugcon.h"
#include "hw/misc/flat_output.h"
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

static void append(void *arg, const char *text, size_t size)
{
    g_string_append_len(arg, text, (gssize)size);
}

static void say(struct device *dev, const char *text)
{
    for (const char *p = text; *p; p++) {
        test_region_write(flat_output_io(dev), 0, (uint8_t)*p, 1);
    }
}

/* The prefix comes with the first byte of a line, not with the end of the one before. */
static void test_flat_output(void)
{
    struct machine *machine = test_machine_create();
    struct device *dev = test_device_create(machine, &flat_output_class, "out", NULL);
    g_autoptr(GString) text = g_string_new(NULL);
    g_assert_cmphex(flat_output_iobase(dev), ==, 0xf1);
    say(dev, "lost\n");
    flat_output_connect(dev, append, text);
    say(dev, "a\n");
    g_assert_cmpstr(text->str, ==, "GUEST: a\n");
    say(dev, "\nb");
    g_assert_cmpstr(text->str, ==, "GUEST: a\nGUEST: \nGUEST: b");
    test_machine_reset(machine);
    say(dev, "c\n");
    g_assert_cmpstr(text->str, ==, "GUEST: a\nGUEST: \nGUEST: bGUEST: c\n");
    test_machine_destroy(machine);
}

static void test_bad_properties(void)
{
    static const char *const output[] = {"iobase", "0x10000", NULL};
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
    g_assert_null(device_create(machine, &flat_output_class, "d", output, &error));
    g_clear_error(&error);
    test_machine_destroy(machine);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/debug_ports/debugcon", test_debugcon);
    g_test_add_func("/debug_ports/debug-exit", test_debug_exit);
    g_test_add_func("/debug_ports/flat_output", test_flat_output);
    g_test_add_func("/debug_ports/bad-properties", test_bad_properties);
    return g_test_run();
}
