/*
 * Configuration space (hw/pci/config.c): masks, sizing, mappings, ROM, interrupt pin, capabilities, state.
 */
#include <string.h>

#include "core/state.h"
#include "hw/pci/config.h"
#include "hw/pci/pci_bus.h"
#include "tests/support/test.h"

/* A card with every kind of register. */
struct card {
    struct device dev;
    struct pci_device pci;
    struct region memory, io, wide;
};

static uint64_t card_read(void *owner, uint64_t offset, unsigned size)
{
    return 0x5a;
}

static void card_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
}

static const struct region_ops card_ops = {card_read, card_write, 1, 4};

static bool card_create(struct device *dev, GError **error)
{
    static const struct pci_identity identity = {
        .vendor = 0x1234, .device = 0x5678, .class_code = 0x0200, .revision = 7,
        .interrupt_pin = 1};
    struct card *card = (struct card *)dev;
    uint8_t rom[5000];

    pci_init(&card->pci, dev, &identity);
    region_init_io(&card->memory, "card-memory", 0x20000, &card_ops, card);
    region_init_io(&card->io, "card-io", 0x40, &card_ops, card);
    region_init_io(&card->wide, "card-wide", 0x100000, &card_ops, card);
    pci_add_bar(&card->pci, 0, PCI_BAR_MEMORY, 0x20000, &card->memory);
    pci_add_bar(&card->pci, 1, PCI_BAR_IO, 0x40, &card->io);
    pci_add_bar(&card->pci, 2, PCI_BAR_MEMORY64_PREFETCH, 0x100000, &card->wide);
    pci_add_capability(&card->pci, PCI_CAP_PM, 0xdc, 8);
    pci_add_capability(&card->pci, PCI_CAP_MSI, 0xd0, 10);
    memset(rom, 0xab, sizeof(rom));
    return pci_set_rom(&card->pci, rom, sizeof(rom), error);
}

static void card_reset(struct device *dev)
{
    pci_reset(&((struct card *)dev)->pci);
}

static void card_drive(struct device *dev)
{
    pci_drive(&((struct card *)dev)->pci);
}

static void card_loaded(struct device *dev)
{
    pci_loaded(&((struct card *)dev)->pci);
}

static void card_destroy(struct device *dev)
{
    pci_finish(&((struct card *)dev)->pci);
}

static const struct field card_fields[] = {
    FIELD_STRUCT(struct card, pci, pci_device_fields),
    FIELD_END,
};

static const struct device_class card_class = {
    .name = "card",
    .description = "for tests",
    .state_size = sizeof(struct card),
    .fields = card_fields,
    .create = card_create,
    .reset = card_reset,
    .drive = card_drive,
    .loaded = card_loaded,
    .destroy = card_destroy,
};

static struct card *card_new(struct machine *machine)
{
    return (struct card *)test_device_create(machine, &card_class, "card", NULL);
}

static const struct region *at(struct bus *bus, uint64_t address)
{
    const struct flat_range *range = bus_find(bus, address);

    return range != NULL ? range->region : NULL;
}

static void test_identity(void)
{
    struct machine *machine = test_machine_create();
    struct pci_device *pci = &card_new(machine)->pci;

    g_assert_cmphex(pci_config_read(pci, 0, 4), ==, 0x56781234);
    g_assert_cmphex(pci_config_read(pci, 8, 4), ==, 0x02000007);
    g_assert_cmphex(pci_config_read(pci, 0x2c, 4), ==, 0x11001af4);
    pci_config_write(pci, 0, 0xffffffff, 4);
    g_assert_cmphex(pci_config_read(pci, 0, 4), ==, 0x56781234);
    pci_config_write(pci, PCI_COMMAND, 0xffff, 2);
    g_assert_cmphex(pci_config_read(pci, PCI_COMMAND, 2), ==, 0x0547);
    pci_config_write(pci, PCI_INTERRUPT_LINE, 0xff0b, 2);
    g_assert_cmphex(pci_config_read(pci, PCI_INTERRUPT_LINE, 2), ==, 0x010b);
    test_machine_destroy(machine);
}

static void test_sizing(void)
{
    struct machine *machine = test_machine_create();
    struct pci_device *pci = &card_new(machine)->pci;

    for (unsigned offset = 0x10; offset < 0x28; offset += 4) {
        pci_config_write(pci, offset, 0xffffffff, 4);
    }
    g_assert_cmphex(pci_config_read(pci, 0x10, 4), ==, 0xfffe0000);
    g_assert_cmphex(pci_config_read(pci, 0x14, 4), ==, 0xffffffc1);
    g_assert_cmphex(pci_config_read(pci, 0x18, 4), ==, 0xfff0000c);
    g_assert_cmphex(pci_config_read(pci, 0x1c, 4), ==, 0xffffffff);
    g_assert_cmphex(pci_config_read(pci, 0x20, 4), ==, 0);
    pci_config_write(pci, PCI_ROM_ADDRESS, 0xfffffffe, 4);
    g_assert_cmphex(pci_config_read(pci, PCI_ROM_ADDRESS, 4), ==, 0xffffe000);
    test_machine_destroy(machine);
}

static void test_mapping(void)
{
    struct machine *machine = test_machine_create();
    struct card *card = card_new(machine);
    struct pci_device *pci = &card->pci;

    pci_config_write(pci, 0x10, 0xf0020000, 4);
    pci_config_write(pci, 0x14, 0xc040, 4);
    pci_config_write(pci, 0x18, 0x00100000, 4);
    pci_config_write(pci, 0x1c, 0x0000000c, 4);
    g_assert_null(at(machine->memory, 0xf0020000));
    pci_config_write(pci, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
    g_assert_true(at(machine->memory, 0xf0020000) == &card->memory);
    g_assert_true(at(machine->memory, 0xf003ffff) == &card->memory);
    g_assert_true(at(machine->memory, 0xc00100000) == &card->wide);
    g_assert_null(at(machine->io, 0xc040));
    pci_config_write(pci, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_IO, 2);
    g_assert_true(at(machine->io, 0xc07f) == &card->io);
    pci_config_write(pci, 0x12, 0xf1, 1); /* moves */
    pci_config_write(pci, 0x13, 0xe0, 1);
    g_assert_null(at(machine->memory, 0xf0020000));
    g_assert_true(at(machine->memory, 0xe0f00000) == &card->memory);
    pci_config_write(pci, 0x10, 0xffffffff, 4); /* being sized: must not answer at the BIOS */
    g_assert_null(at(machine->memory, 0xfffffff0));
    pci_config_write(pci, 0x10, 0, 4);
    g_assert_null(at(machine->memory, 0));
    pci_config_write(pci, PCI_COMMAND, 0, 2);
    g_assert_null(at(machine->io, 0xc040));
    test_machine_destroy(machine);
}

static void test_below_ram(void)
{
    struct machine *machine = test_machine_create();
    struct card *card = card_new(machine);

    test_machine_add_ram(machine, 1 << 20);
    pci_config_write(&card->pci, 0x10, 0x00020000, 4);
    pci_config_write(&card->pci, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
    g_assert_true(at(machine->memory, 0x20000) != &card->memory);
    test_machine_destroy(machine);
}

static void test_rom(void)
{
    struct machine *machine = test_machine_create();
    struct pci_device *pci = &card_new(machine)->pci;

    pci_config_write(pci, PCI_ROM_ADDRESS, 0xfe000000, 4);
    pci_config_write(pci, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
    g_assert_cmphex(bus_read(machine->memory, 0xfe000000, 1), ==, 0xff);
    pci_config_write(pci, PCI_ROM_ADDRESS, 0xfe000001, 4);
    g_assert_cmphex(bus_read(machine->memory, 0xfe000000, 1), ==, 0xab);
    g_assert_cmphex(bus_read(machine->memory, 0xfe000000 + 4999, 1), ==, 0xab);
    g_assert_cmphex(bus_read(machine->memory, 0xfe000000 + 5000, 1), ==, 0xff);
    test_machine_destroy(machine);
}

static void test_interrupt(void)
{
    struct machine *machine = test_machine_create();
    struct pci_device *pci = &card_new(machine)->pci;
    struct pci_bus bus = {0};
    struct test_probe probe;
    GError *error = NULL;

    test_probe_init(&probe, "pirq");
    g_assert_true(pci_bus_add(&bus, pci, 2, 0, &error));
    pci_bus_connect_pirq(&bus, 1, &probe.line);
    pci_intx_set(pci, true);
    g_assert_true(probe.level);
    g_assert_cmphex(pci_config_read(pci, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT, !=, 0);
    pci_config_write(pci, PCI_COMMAND, PCI_COMMAND_INTX_DISABLE, 2);
    g_assert_false(probe.level);
    g_assert_cmphex(pci_config_read(pci, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT, !=, 0);
    pci_config_write(pci, PCI_COMMAND, 0, 2);
    g_assert_true(probe.level);
    pci_intx_set(pci, false);
    g_assert_false(probe.level);
    test_machine_destroy(machine);
    g_assert_null(bus.devices[PCI_DEVFN(2, 0)]);
}

static void test_capabilities(void)
{
    struct machine *machine = test_machine_create();
    struct pci_device *pci = &card_new(machine)->pci;

    g_assert_cmphex(pci_config_read(pci, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST, !=, 0);
    g_assert_cmphex(pci_config_read(pci, PCI_CAPABILITY_LIST, 1), ==, 0xd0);
    g_assert_cmphex(pci_config_read(pci, 0xd0, 2), ==, 0xdc05);
    g_assert_cmphex(pci_config_read(pci, 0xdc, 2), ==, 0x0001);
    test_machine_destroy(machine);
}

/* Anything may be in a file: read-only bits come back as they were, and the mappings follow. */
static void test_loaded(void)
{
    struct test_random random = {.state = 3};
    struct machine *machine = test_machine_create();
    struct card *card = card_new(machine);

    for (unsigned i = 0; i < 2000; i++) {
        state_randomize(card_fields, card, test_random_fn, &random);
        card_loaded(&card->dev);
        device_drive(&card->dev);
        g_assert_cmphex(pci_config_read(&card->pci, 0, 4), ==, 0x56781234);
        g_assert_cmphex(pci_config_read(&card->pci, 0x10, 4) & 0x1ffff, ==, 0);
    }
    device_reset(&card->dev);
    g_assert_cmpuint(bus_view(machine->memory)->count, ==, 0);
    test_machine_destroy(machine);
}

static void test_bad_rom(void)
{
    struct machine *machine = test_machine_create();
    struct card *card = card_new(machine);
    struct pci_device other = {.dev = &card->dev};
    GError *error = NULL;

    g_assert_false(pci_set_rom(&other, "", 0, &error));
    g_assert_nonnull(strstr(error->message, "option ROM"));
    g_clear_error(&error);
    test_machine_destroy(machine);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/pci-config/identity", test_identity);
    g_test_add_func("/pci-config/sizing", test_sizing);
    g_test_add_func("/pci-config/mapping", test_mapping);
    g_test_add_func("/pci-config/below-ram", test_below_ram);
    g_test_add_func("/pci-config/rom", test_rom);
    g_test_add_func("/pci-config/interrupt", test_interrupt);
    g_test_add_func("/pci-config/capabilities", test_capabilities);
    g_test_add_func("/pci-config/loaded", test_loaded);
    g_test_add_func("/pci-config/bad-rom", test_bad_rom);
    return g_test_run();
}
