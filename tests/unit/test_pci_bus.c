/*
 * PCI bus 0 behind the ports CF8h-CFFh (hw/pci/pci_bus.c), with the real chips on it.
 */
#include <string.h>

#include "hw/ide/piix_ide.h"
#include "hw/pci/host_i440fx.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/piix3.h"
#include "tests/support/test.h"

struct bench {
    struct machine *machine;
    struct pci_bus *bus;
    struct device *host, *piix3, *ide;
};

static void setup(struct bench *bench)
{
    GError *error = NULL;

    bench->machine = test_machine_create();
    bench->host = test_device_create(bench->machine, &i440fx_class, "host", NULL);
    bench->piix3 = test_device_create(bench->machine, &piix3_class, "piix3", NULL);
    bench->ide = test_device_create(bench->machine, &piix_ide_class, "ide", NULL);
    bench->bus = i440fx_bus(bench->host);
    g_assert_true(piix3_attach(bench->piix3, bench->bus, 1, &error));
    g_assert_true(pci_bus_add(bench->bus, piix_ide_pci(bench->ide), 1, 1, &error));
    bus_map(bench->machine->io, &bench->bus->address_port, 0xcf8, 0);
    bus_map(bench->machine->io, &bench->bus->data_port, 0xcfc, 0);
}

static uint32_t config(struct bench *bench, unsigned devfn, unsigned offset, unsigned size)
{
    bus_write(bench->machine->io, 0xcf8, 0x80000000u | devfn << 8 | (offset & 0xfc), 4);
    return (uint32_t)bus_read(bench->machine->io, 0xcfc + (offset & 3), size);
}

static void test_scan(void)
{
    struct bench bench;

    setup(&bench);
    g_assert_cmphex(config(&bench, 0x00, 0, 4), ==, 0x12378086);
    g_assert_cmphex(config(&bench, 0x00, 8, 1), ==, 2);
    g_assert_cmphex(config(&bench, 0x00, 0x2c, 4), ==, 0x11001af4);
    g_assert_cmphex(config(&bench, 0x08, 0, 4), ==, 0x70008086);
    g_assert_cmphex(config(&bench, 0x08, 0x0e, 1), ==, 0x80);
    g_assert_cmphex(config(&bench, 0x09, 0, 4), ==, 0x70108086);
    g_assert_cmphex(config(&bench, 0x09, 0x0a, 2), ==, 0x0101);
    g_assert_cmphex(config(&bench, 0x09, 0x09, 1), ==, 0x80);
    g_assert_cmphex(config(&bench, 0x10, 0, 4), ==, 0xffffffff);
    g_assert_cmphex(config(&bench, 0x10, 2, 2), ==, 0xffff);
    bus_write(bench.machine->io, 0xcf8, 0x80010000, 4); /* bus 1 */
    g_assert_cmphex(bus_read(bench.machine->io, 0xcfc, 4), ==, 0xffffffff);
    bus_write(bench.machine->io, 0xcf8, 0, 4); /* not enabled */
    g_assert_cmphex(bus_read(bench.machine->io, 0xcfc, 4), ==, 0xffffffff);
    test_machine_destroy(bench.machine);
}

static void test_address_register(void)
{
    struct bench bench;

    setup(&bench);
    bus_write(bench.machine->io, 0xcf8, 0xffffffff, 4);
    g_assert_cmphex(bus_read(bench.machine->io, 0xcf8, 4), ==, 0x80fffffc);
    bus_write(bench.machine->io, 0xcf8, 0, 1); /* only 32-bit accesses count */
    bus_write(bench.machine->io, 0xcfa, 0, 2);
    g_assert_cmphex(bus_read(bench.machine->io, 0xcf8, 4), ==, 0x80fffffc);
    g_assert_cmphex(bus_read(bench.machine->io, 0xcf8, 2), ==, 0xffff);
    test_machine_destroy(bench.machine);
}

static void test_data_sizes(void)
{
    struct bench bench;

    setup(&bench);
    bus_write(bench.machine->io, 0xcf8, 0x80000000u | 0x08 << 8 | 0x60, 4);
    bus_write(bench.machine->io, 0xcfd, 0x0a, 1);
    bus_write(bench.machine->io, 0xcfe, 0x0b05, 2);
    g_assert_cmphex(bus_read(bench.machine->io, 0xcfc, 4), ==, 0x0b050a80);
    g_assert_cmphex(bus_read(bench.machine->io, 0xcfe, 1), ==, 0x05);
    test_machine_destroy(bench.machine);
}

/* CF9h lies within CF8h-CFBh and goes to the PIIX3 when accessed as a byte. */
static void test_reset_control(void)
{
    struct bench bench;

    setup(&bench);
    bus_write(bench.machine->io, 0xcf8, 0x80000600, 4);
    g_assert_cmpint(bench.machine->request, ==, REQUEST_NONE);
    bus_write(bench.machine->io, 0xcf9, 0x02, 1);
    g_assert_cmphex(bus_read(bench.machine->io, 0xcf9, 1), ==, 0x02);
    g_assert_cmpint(bench.machine->request, ==, REQUEST_NONE);
    bus_write(bench.machine->io, 0xcf9, 0x06, 1);
    g_assert_cmpint(bench.machine->request, ==, REQUEST_RESET);
    g_assert_cmphex(bus_read(bench.machine->io, 0xcf8, 4), ==, 0x80000600);
    test_machine_destroy(bench.machine);
}

static void test_slots(void)
{
    struct bench bench;
    struct pci_device extra;
    const struct pci_identity identity = {.vendor = 1, .device = 2, .interrupt_pin = 1};
    GError *error = NULL;

    setup(&bench);
    pci_init(&extra, bench.host, &identity);
    g_assert_cmpint(pci_bus_free_slot(bench.bus, 0), ==, 2);
    g_assert_cmpint(pci_bus_free_slot(bench.bus, 9), ==, 9);
    g_assert_false(pci_bus_add(bench.bus, &extra, 1, 1, &error));
    g_assert_nonnull(strstr(error->message, "addr="));
    g_clear_error(&error);
    g_assert_false(pci_bus_add(bench.bus, &extra, 32, 0, &error));
    g_clear_error(&error);
    g_assert_cmpuint(pci_bus_pirq_of(1, 1), ==, 0);
    g_assert_cmpuint(pci_bus_pirq_of(3, 1), ==, 2);
    g_assert_cmpuint(pci_bus_pirq_of(3, 4), ==, 1);
    g_assert_cmpuint(pci_bus_pirq_of(0, 1), ==, 3);
    test_machine_destroy(bench.machine);
}

/* Two cards on the same PIRQ: the line falls when both have let go. */
static void test_shared_interrupt(void)
{
    struct bench bench;
    struct pci_device cards[2];
    const struct pci_identity identity = {.vendor = 1, .device = 2, .interrupt_pin = 1};
    struct test_probe probe;
    GError *error = NULL;

    setup(&bench);
    test_probe_init(&probe, "irq11");
    piix3_connect_isa(bench.piix3, 11, &probe.line);
    for (unsigned i = 0; i < 2; i++) {
        pci_init(&cards[i], bench.host, &identity);
        g_assert_true(pci_bus_add(bench.bus, &cards[i], 3 + 4 * i, 0, &error));
    }
    config(&bench, 0x08, 0x62, 1);
    bus_write(bench.machine->io, 0xcfe, 11, 1); /* PIRQC to IRQ 11 */
    pci_intx_set(&cards[0], true);
    pci_intx_set(&cards[1], true);
    pci_intx_set(&cards[0], false);
    g_assert_true(probe.level);
    pci_intx_set(&cards[1], false);
    g_assert_false(probe.level);
    g_assert_cmpuint(probe.rises, ==, 1);
    pci_finish(&cards[0]);
    pci_finish(&cards[1]);
    test_machine_destroy(bench.machine);
}

static void test_print(void)
{
    struct bench bench;
    GString *text = g_string_new(NULL);

    setup(&bench);
    pci_bus_print(bench.bus, text);
    g_assert_nonnull(strstr(text->str, "  Bus  0, device   0, function 0:\n    Host bridge: PCI "
                                       "device 8086:1237\n"));
    g_assert_nonnull(strstr(text->str, "IDE controller: PCI device 8086:7010"));
    g_assert_nonnull(strstr(text->str, "BAR4: I/O at 0x0000"));
    g_string_free(text, TRUE);
    test_machine_destroy(bench.machine);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/pci-bus/scan", test_scan);
    g_test_add_func("/pci-bus/address-register", test_address_register);
    g_test_add_func("/pci-bus/data-sizes", test_data_sizes);
    g_test_add_func("/pci-bus/reset-control", test_reset_control);
    g_test_add_func("/pci-bus/slots", test_slots);
    g_test_add_func("/pci-bus/shared-interrupt", test_shared_interrupt);
    g_test_add_func("/pci-bus/print", test_print);
    return g_test_run();
}
