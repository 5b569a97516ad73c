/* hw/display/vga_pci.c */
#include "tests/support/test.h"

#include <string.h>

#include "hw/display/vga_pci.h"

static void test_identity_and_bars(void)
{
    struct machine *machine = test_machine_create();
    struct device *dev = test_device_create(machine, &vga_pci_class, "vga", NULL);
    struct pci_device *pci = vga_pci_device(dev);
    uint8_t rom[512] = {0x55, 0xaa, 1};
    GError *error = NULL;

    vga_connect(vga_pci_core(dev), machine->memory, machine->io, 1);
    g_assert_cmphex(pci_config_read(pci, 0, 4), ==, 0x11111234);
    g_assert_cmphex(pci_config_read(pci, 8, 4) >> 8, ==, 0x030000);
    pci_config_write(pci, 0x10, 0xffffffff, 4);
    g_assert_cmphex(pci_config_read(pci, 0x10, 4), ==, 0xff000008);
    pci_config_write(pci, 0x18, 0xffffffff, 4);
    g_assert_cmphex(pci_config_read(pci, 0x18, 4), ==, 0xfffff000);
    g_assert_true(vga_pci_set_rom(dev, rom, sizeof(rom), &error));
    pci_config_write(pci, 0x10, 0xfd000000, 4);
    pci_config_write(pci, 0x18, 0xfebf0000, 4);
    /* Nothing answers before the command register allows it. */
    g_assert_null(bus_find(machine->io, 0x3c0));
    g_assert_null(bus_find(machine->memory, 0xfd000000));
    pci_config_write(pci, 4, 3, 2);
    g_assert_nonnull(bus_find(machine->io, 0x3c0));
    bus_write(machine->io, 0x3c2, 0x67, 1);
    g_assert_nonnull(bus_find(machine->memory, 0xb8000));
    g_assert_cmphex(bus_read(machine->memory, 0xfebf0500, 2), ==, 0xb0c5);
    bus_write(machine->memory, 0xfd000123, 0x42, 1);
    g_assert_cmphex(vga_pci_core(dev)->vram->host[0x123], ==, 0x42);
    pci_config_write(pci, 4, 1, 2);
    g_assert_null(bus_find(machine->memory, 0xb8000));
    test_machine_destroy(machine);
}

static void test_memory_size(void)
{
    struct machine *machine = test_machine_create();
    const char *const good[] = {"vgamem_mb", "64", NULL}, *const bad[] = {"vgamem_mb", "12", NULL};
    GError *error = NULL;
    struct device *dev = test_device_create(machine, &vga_pci_class, "a", good);

    g_assert_cmpuint(vga_pci_core(dev)->vram->size, ==, 64 << 20);
    g_assert_null(device_create(machine, &vga_pci_class, "b", bad, &error));
    g_assert_nonnull(strstr(error->message, "vgamem_mb"));
    g_clear_error(&error);
    test_machine_destroy(machine);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/vga-pci/identity-and-bars", test_identity_and_bars);
    g_test_add_func("/vga-pci/memory-size", test_memory_size);
    return g_test_run();
}
