/* Tests of hw/misc/ferr.c: the latch, IRQ 13 and IGNNE#. */
#include "hw/misc/ferr.h"

#include "core/bus.h"
#include "core/machine.h"
#include "tests/support/test.h"

static void note(void *sink, unsigned n, bool level)
{
    ((bool *)sink)[n] = level;
}

static void test_latch(void)
{
    struct machine *machine = test_machine_create();
    struct device *dev = device_create(machine, &ferr_class, "ferr", NULL, NULL);
    bool levels[2] = { false, false };
    struct irq irq13, ignne;
    irq_init(&irq13, "irq13", note, levels, 0);
    irq_init(&ignne, "ignne", note, levels, 1);
    ferr_connect_irq(dev, &irq13);
    ferr_connect_ignne(dev, &ignne);
    bus_map(machine->io, ferr_io(dev), 0xf0, 0);
    device_reset(dev);
    bus_write(machine->io, 0xf0, 0, 1);
    g_assert_false(levels[0]);
    g_assert_false(levels[1]); /* nothing was latched: nothing to ignore */
    ferr_assert(dev);
    g_assert_true(levels[0]);
    g_assert_false(levels[1]);
    bus_write(machine->io, 0xf0, 0, 1);
    g_assert_false(levels[0]);
    g_assert_true(levels[1]);
    ferr_assert(dev);
    g_assert_true(levels[0]);
    g_assert_false(levels[1]);
    test_machine_destroy(machine);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/ferr/latch", test_latch);
    return g_test_run();
}
