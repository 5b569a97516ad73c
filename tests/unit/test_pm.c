/*
 * PIIX4 power management: PM1 events, SCI, timer, soft-off.
 */
#include "tests/support/test.h"

#include "hw/acpi/pm.h"

#define BASE 0xb000
#define DEVACTB 0x58

struct bench {
    struct machine *machine;
    struct device *pm;
    struct test_probe sci;
};

static void bench_init(struct bench *b)
{
    b->machine = test_machine_create();
    b->pm = test_device_create(b->machine, &pm_class, "pm", NULL);
    test_probe_init(&b->sci, "sci");
    pm_connect_sci(b->pm, &b->sci.line);
    bus_map(b->machine->io, pm_apm_io(b->pm), 0xb2, 0);
    bus_map(b->machine->io, pm_gpe_io(b->pm), 0xafe0, 0);
    pci_config_write(pm_pci(b->pm), 0x40, BASE | 1, 4);
    pci_config_write(pm_pci(b->pm), 0x80, 1, 1);
}

static uint32_t in(struct bench *b, unsigned port, unsigned size)
{
    return (uint32_t)bus_read(b->machine->io, port, size);
}

static void out(struct bench *b, unsigned port, uint32_t value, unsigned size)
{
    bus_write(b->machine->io, port, value, size);
}

static void test_mapping(void)
{
    struct bench b;
    bench_init(&b);
    /* Firmware sees that SMIs are set up and leaves them alone. */
    g_assert_cmphex(pci_config_read(pm_pci(b.pm), DEVACTB, 4), ==, 1u << 25);
    g_assert_cmphex(pci_config_read(pm_pci(b.pm), 0x40, 4), ==, BASE | 1);
    g_assert_cmphex(in(&b, BASE, 2), ==, 0);
    pci_config_write(pm_pci(b.pm), 0x40, 0x600, 4);
    g_assert_cmphex(in(&b, BASE, 2), ==, 0xffff);
    g_assert_cmphex(in(&b, 0x600, 2), ==, 0);
    pci_config_write(pm_pci(b.pm), 0x80, 0, 1);
    g_assert_cmphex(in(&b, 0x600, 2), ==, 0xffff);
    test_machine_destroy(b.machine);
}

static void test_power_button(void)
{
    struct bench b;
    bench_init(&b);
    out(&b, BASE + 2, 0x100, 2);
    pm_press_power_button(b.pm);
    g_assert_cmphex(in(&b, BASE, 2), ==, 0x100);
    g_assert_false(b.sci.level); /* ACPI is off */
    out(&b, 0xb2, 0xf1, 1);
    g_assert_cmphex(in(&b, BASE + 4, 2), ==, 1);
    g_assert_true(b.sci.level);
    out(&b, BASE + 1, 1, 1);
    g_assert_false(b.sci.level);
    g_assert_cmphex(in(&b, BASE, 4), ==, 0x01000000);
    out(&b, 0xb2, 0xf0, 1);
    g_assert_cmphex(in(&b, BASE + 4, 2), ==, 0);
    test_machine_destroy(b.machine);
}

static void test_timer(void)
{
    struct bench b;
    bench_init(&b);
    g_assert_cmphex(in(&b, BASE + 8, 4), ==, 0);
    test_advance(b.machine, NS_PER_SECOND);
    g_assert_cmpuint(in(&b, BASE + 8, 4), ==, 3579545);
    g_assert_cmphex(in(&b, BASE, 2), ==, 0);
    out(&b, 0xb2, 0xf1, 1);
    out(&b, BASE + 2, 1, 2);
    /* Bit 23 toggles after 2.343 s. */
    test_advance(b.machine, 1343400000);
    g_assert_false(b.sci.level);
    test_advance(b.machine, 100000);
    g_assert_true(b.sci.level);
    out(&b, BASE, 1, 2);
    g_assert_false(b.sci.level);
    test_advance(b.machine, 2350000000);
    g_assert_true(b.sci.level);
    g_assert_cmpuint(in(&b, BASE + 8, 4), <, 1 << 24);
    test_machine_destroy(b.machine);
}

static void test_soft_off(void)
{
    struct bench b;
    bench_init(&b);
    out(&b, BASE + 4, 1u << 10, 2);
    g_assert_cmpint(b.machine->request, ==, REQUEST_NONE);
    out(&b, BASE + 4, 1u << 10 | 0x2000, 2); /* a type that is not there */
    g_assert_cmpint(b.machine->request, ==, REQUEST_NONE);
    out(&b, BASE + 4, 0x2000, 2);
    g_assert_cmpint(b.machine->request, ==, REQUEST_POWEROFF);
    g_assert_cmphex(in(&b, BASE + 4, 2), ==, 0); /* SLP_EN reads as 0 */
    test_machine_destroy(b.machine);
}

static void test_gpe(void)
{
    struct bench b;
    bench_init(&b);
    out(&b, 0xafe2, 0xa5, 1);
    out(&b, 0xafe3, 0x5a, 1);
    g_assert_cmphex(in(&b, 0xafe0, 4), ==, 0x5aa50000);
    test_machine_destroy(b.machine);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/pm/mapping", test_mapping);
    g_test_add_func("/pm/power-button", test_power_button);
    g_test_add_func("/pm/timer", test_timer);
    g_test_add_func("/pm/soft-off", test_soft_off);
    g_test_add_func("/pm/gpe", test_gpe);
    return g_test_run();
}
