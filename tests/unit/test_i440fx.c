/*
 * 82441FX (hw/pci/host_i440fx.c): PAM in all four modes for all areas, SMRAM, state.
 */
#include <string.h>

#include "core/state.h"
#include "hw/pci/host_i440fx.h"
#include "tests/support/test.h"

enum { BIOS_BYTES = 256 << 10, BIOS_WINDOW = 128 << 10, RAM_BYTES = 2 << 20 };

struct bench {
    struct machine *machine;
    struct ram *dram, *bios;
    struct i440fx *host;
    struct region low, bios_region, vga;
    unsigned vga_writes;
};

static uint64_t vga_read(void *owner, uint64_t offset, unsigned size)
{
    return 0x7777777777777777;
}

static void vga_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    ((struct bench *)owner)->vga_writes++;
}

static const struct region_ops vga_ops = {vga_read, vga_write, 1, 8};

/* As the board does it: DRAM below A0000h, the BIOS at the end of the first megabyte, VGA at A0000h. */
static void setup(struct bench *bench)
{
    struct bus *memory;

    memset(bench, 0, sizeof(*bench));
    bench->machine = test_machine_create();
    memory = bench->machine->memory;
    bench->dram = ram_create("ram", RAM_BYTES, NULL);
    bench->bios = ram_create("bios", BIOS_BYTES, NULL);
    memset(bench->dram->host, 0x11, RAM_BYTES);
    memset(bench->bios->host, 0xb1, BIOS_BYTES);
    region_init_ram(&bench->low, "low", bench->dram, 0, 0xa0000);
    region_init_rom(&bench->bios_region, "bios", bench->bios, BIOS_BYTES - BIOS_WINDOW,
                    BIOS_WINDOW);
    region_init_io(&bench->vga, "vga", 0x20000, &vga_ops, bench);
    bus_map(memory, &bench->low, 0, 0);
    bus_map(memory, &bench->bios_region, 0x100000 - BIOS_WINDOW, 0);
    bus_map(memory, &bench->vga, 0xa0000, 0);
    bench->host =
        (struct i440fx *)test_device_create(bench->machine, &i440fx_class, "host", NULL);
    i440fx_connect_memory(&bench->host->dev, bench->dram, bench->bios, BIOS_WINDOW);
    test_machine_reset(bench->machine);
}

static void finish(struct bench *bench)
{
    test_machine_destroy(bench->machine);
    ram_destroy(bench->dram);
    ram_destroy(bench->bios);
}

static uint8_t peek(struct bench *bench, uint32_t address)
{
    return (uint8_t)bus_read(bench->machine->memory, address, 1);
}

static void poke(struct bench *bench, uint32_t address, uint8_t value)
{
    bus_write(bench->machine->memory, address, value, 1);
}

static void test_pam(void)
{
    struct bench bench;

    setup(&bench);
    for (unsigned area = 0; area < I440FX_PAM_AREAS; area++) {
        uint32_t base = area == 0 ? 0xf0000 : 0xc0000 + (area - 1) * 0x4000;
        uint32_t last = base + (area == 0 ? 0xffff : 0x3fff);
        unsigned offset = area == 0 ? 0x59 : 0x5a + (area - 1) / 2;
        unsigned shift = area == 0 || area % 2 == 0 ? 4 : 0;
        uint8_t outside = base >= 0xe0000 ? 0xb1 : 0xff;

        for (unsigned round = 0; round < 2; round++) {
            uint32_t address = round == 0 ? base : last;

            pci_config_write(&bench.host->pci, offset, 0, 1);
            g_assert_cmphex(peek(&bench, address), ==, outside);
            poke(&bench, address, 0x22);
            g_assert_cmphex(bench.dram->host[address], ==, 0x11);
            pci_config_write(&bench.host->pci, offset, 2u << shift, 1); /* write only */
            g_assert_cmphex(peek(&bench, address), ==, outside);
            poke(&bench, address, 0x33);
            g_assert_cmphex(peek(&bench, address), ==, outside);
            g_assert_cmphex(bench.dram->host[address], ==, 0x33);
            pci_config_write(&bench.host->pci, offset, 1u << shift, 1); /* read only */
            g_assert_cmphex(peek(&bench, address), ==, 0x33);
            poke(&bench, address, 0x44);
            g_assert_cmphex(peek(&bench, address), ==, 0x33);
            pci_config_write(&bench.host->pci, offset, 3u << shift, 1);
            poke(&bench, address, 0x55);
            g_assert_cmphex(peek(&bench, address), ==, 0x55);
            bench.dram->host[address] = 0x11;
        }
        pci_config_write(&bench.host->pci, offset, 0, 1);
    }
    g_assert_cmphex(bench.bios->host[BIOS_BYTES - 1], ==, 0xb1);
    finish(&bench);
}

/* A BIOS copies itself: reads ROM, writes the same address. */
static void test_shadow_copy(void)
{
    struct bench bench;

    setup(&bench);
    for (unsigned i = 0; i < BIOS_BYTES; i++) {
        bench.bios->host[i] = (uint8_t)(i * 7);
    }
    pci_config_write(&bench.host->pci, 0x59, 0x20, 1);
    for (uint32_t a = 0xf0000; a < 0x100000; a += 4) {
        bus_write(bench.machine->memory, a, bus_read(bench.machine->memory, a, 4), 4);
    }
    pci_config_write(&bench.host->pci, 0x59, 0x10, 1);
    g_assert_cmpmem(bench.dram->host + 0xf0000, 0x10000, bench.bios->host + BIOS_BYTES - 0x10000,
                    0x10000);
    g_assert_cmphex(peek(&bench, 0xffff0), ==, (uint8_t)((BIOS_BYTES - 16) * 7));
    test_machine_reset(bench.machine);
    bench.dram->host[0xffff0] ^= 0xff;
    g_assert_cmphex(peek(&bench, 0xffff0), ==, (uint8_t)((BIOS_BYTES - 16) * 7));
    finish(&bench);
}

static void test_smram(void)
{
    struct bench bench;
    struct pci_device *pci;

    setup(&bench);
    pci = &bench.host->pci;
    g_assert_cmphex(pci_config_read(pci, 0x72, 1), ==, 0x02);
    g_assert_cmphex(peek(&bench, 0xa0000), ==, 0x77);
    pci_config_write(pci, 0x72, I440FX_SMRAM_D_OPEN, 1);
    g_assert_cmphex(pci_config_read(pci, 0x72, 1), ==, 0x42);
    g_assert_cmphex(peek(&bench, 0xbffff), ==, 0x11);
    poke(&bench, 0xa0000, 0x99);
    g_assert_cmphex(bench.dram->host[0xa0000], ==, 0x99);
    g_assert_cmpuint(bench.vga_writes, ==, 0);

    /* Lock: closed, and only SMM sees it. */
    pci_config_write(pci, 0x72,
                     I440FX_SMRAM_D_OPEN | I440FX_SMRAM_D_LCK | I440FX_SMRAM_G_SMRAME, 1);
    g_assert_cmphex(pci_config_read(pci, 0x72, 1), ==, 0x1a);
    g_assert_cmphex(peek(&bench, 0xa0000), ==, 0x77);
    pci_config_write(pci, 0x72, I440FX_SMRAM_D_OPEN, 1);
    g_assert_cmphex(pci_config_read(pci, 0x72, 1), ==, 0x1a);
    irq_set(&bench.host->smm_input, true);
    g_assert_cmphex(peek(&bench, 0xa0000), ==, 0x99);
    irq_set(&bench.host->smm_input, false);
    g_assert_cmphex(peek(&bench, 0xa0000), ==, 0x77);
    test_machine_reset(bench.machine);
    pci_config_write(pci, 0x72, I440FX_SMRAM_D_OPEN, 1);
    g_assert_cmphex(peek(&bench, 0xa0000), ==, 0x99);
    finish(&bench);
}

static void test_state(void)
{
    struct test_random random = {.state = 4};
    struct bench bench;

    setup(&bench);
    pci_config_write(&bench.host->pci, 0x5f, 0x33, 1);
    pci_config_write(&bench.host->pci, 0x72, 0x1a, 1);
    GByteArray *saved = g_byte_array_new();
    state_save(i440fx_class.fields, bench.host, saved);
    for (unsigned i = 0; i < 200; i++) {
        state_randomize(i440fx_class.fields, bench.host, test_random_fn, &random);
        i440fx_class.loaded(&bench.host->dev);
        device_drive(&bench.host->dev);
        poke(&bench, 0xc0000 + (uint32_t)(test_random_next(&random) & 0x3ffff), 0);
    }
    g_assert_true(
        state_load(i440fx_class.fields, bench.host, saved->data, saved->len, NULL));
    i440fx_class.loaded(&bench.host->dev);
    device_drive(&bench.host->dev);
    g_assert_cmphex(pci_config_read(&bench.host->pci, 0x72, 1), ==, 0x1a);
    poke(&bench, 0xec000, 0x66);
    g_assert_cmphex(peek(&bench, 0xec000), ==, 0x66);
    g_byte_array_free(saved, TRUE);
    finish(&bench);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/i440fx/pam", test_pam);
    g_test_add_func("/i440fx/shadow-copy", test_shadow_copy);
    g_test_add_func("/i440fx/smram", test_smram);
    g_test_add_func("/i440fx/state", test_state);
    return g_test_run();
}
