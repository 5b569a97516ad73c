/*
 * 82371SB, function 0 (hw/pci/piix3.c).
 */
#include "core/state.h"
#include "hw/pci/piix3.h"
#include "tests/support/test.h"

static void test_registers(void)
{
    struct machine *machine = test_machine_create();
    struct piix3 *piix3 =
        (struct piix3 *)test_device_create(machine, &piix3_class, "piix3", NULL);

    g_assert_cmphex(pci_config_read(&piix3->pci, 0, 4), ==, 0x70008086);
    g_assert_cmphex(pci_config_read(&piix3->pci, 0x0a, 2), ==, 0x0601);
    g_assert_cmphex(pci_config_read(&piix3->pci, 0x4c, 4), ==, 0x0003004d);
    g_assert_cmphex(pci_config_read(&piix3->pci, 0x60, 4), ==, 0x80808080);
    pci_config_write(&piix3->pci, 0x60, 0xffffffff, 4);
    g_assert_cmphex(pci_config_read(&piix3->pci, 0x60, 4), ==, 0x8f8f8f8f);
    pci_config_write(&piix3->pci, 0x04, 0, 2); /* the bridge cannot be switched off */
    g_assert_cmphex(pci_config_read(&piix3->pci, 0x04, 2), ==, 0x0007);
    test_machine_destroy(machine);
}

/* A PIRQ that is high when its route is written or loaded shows at once. */
static void test_route(void)
{
    struct machine *machine = test_machine_create();
    struct device *dev = test_device_create(machine, &piix3_class, "piix3", NULL);
    struct piix3 *piix3 = (struct piix3 *)dev;
    struct test_probe probe;

    test_probe_init(&probe, "irq10");
    piix3_connect_isa(dev, 10, &probe.line);
    irq_set(&dev->inputs[0], true);
    g_assert_false(probe.level);
    pci_config_write(&piix3->pci, PIIX3_PIRQRCA, 10, 1);
    g_assert_true(probe.level);
    device_reset(dev);
    g_assert_false(probe.level);
    piix3->pci.config[PIIX3_PIRQRCA] = 10;
    piix3_class.loaded(dev);
    device_drive(dev);
    g_assert_true(probe.level);
    test_machine_destroy(machine);
}

static void test_reset_control(void)
{
    struct machine *machine = test_machine_create();
    struct piix3 *piix3 =
        (struct piix3 *)test_device_create(machine, &piix3_class, "piix3", NULL);

    test_region_write(&piix3->rcr_region, 0, 0xff & ~PIIX3_RCR_RCPU, 1);
    g_assert_cmphex(test_region_read(&piix3->rcr_region, 0, 1), ==, PIIX3_RCR_SRST);
    g_assert_cmpint(machine->request, ==, REQUEST_NONE);
    test_region_write(&piix3->rcr_region, 0, PIIX3_RCR_RCPU, 1);
    g_assert_cmpint(machine->request, ==, REQUEST_RESET);
    machine->request = REQUEST_NONE;
    test_region_write(&piix3->rcr_region, 0, PIIX3_RCR_RCPU, 1); /* no edge */
    g_assert_cmpint(machine->request, ==, REQUEST_NONE);
    test_machine_destroy(machine);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/piix3/registers", test_registers);
    g_test_add_func("/piix3/route", test_route);
    g_test_add_func("/piix3/reset-control", test_reset_control);
    return g_test_run();
}
