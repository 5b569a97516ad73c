#include "tests/support/ide_bench.h"

#include <glib/gstdio.h>
#include <string.h>

#include "core/event.h"

void bench_init(struct ide_bench *bench)
{
    struct pci_device *pci;

    memset(bench, 0, sizeof(*bench));
    bench->machine = test_machine_create();
    bench->ram = test_machine_add_ram(bench->machine, BENCH_RAM_BYTES);
    bench->dev = test_device_create(bench->machine, &piix_ide_class, "ide", NULL);
    bench->channel = piix_ide_channel(bench->dev, 0);
    for (unsigned i = 0; i < 2; i++) {
        test_probe_init(&bench->irq[i], "irq");
        ide_channel_connect_irq(piix_ide_channel(bench->dev, i), &bench->irq[i].line);
        bus_map(bench->machine->io, piix_ide_command_region(bench->dev, i), i ? 0x170 : 0x1f0, 0);
        bus_map(bench->machine->io, piix_ide_control_region(bench->dev, i), i ? 0x376 : 0x3f6, 0);
    }
    pci = piix_ide_pci(bench->dev);
    pci_config_write(pci, 0x20, BENCH_BM_BASE | 1, 4);
    pci_config_write(pci, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MASTER, 2);
}

void bench_finish(struct ide_bench *bench)
{
    /* First the images, whose completions go through the machine's event queue. */
    for (unsigned i = 0; i < bench->block_count; i++) {
        block_close(bench->blocks[i]);
        g_unlink(bench->paths[i]);
        g_free(bench->paths[i]);
    }
    test_machine_destroy(bench->machine);
}

struct block *bench_image(struct ide_bench *bench, uint64_t bytes, struct block_fault *fault)
{
    struct block_options options = {.format = "raw", .cache = BLOCK_CACHE_UNSAFE, .fault = fault};
    uint32_t *words = g_malloc(bytes);
    GError *error = NULL;
    struct block *block;
    char *path;
    int fd = g_file_open_tmp("vmm-ide-XXXXXX", &path, &error);

    g_assert_no_error(error);
    g_close(fd, NULL);
    for (uint64_t i = 0; i < bytes / 4; i++) {
        words[i] = (uint32_t)i;
    }
    g_assert_true(g_file_set_contents(path, (char *)words, (gssize)bytes, &error));
    g_free(words);
    block = block_open(path, &options, bench->machine->events, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(bench->block_count, <, G_N_ELEMENTS(bench->blocks));
    bench->paths[bench->block_count] = path;
    bench->blocks[bench->block_count++] = block;
    return block;
}

struct ide_drive *bench_attach(struct ide_bench *bench, unsigned unit, struct block *block,
                               enum ide_kind kind, const struct ide_options *options)
{
    GError *error = NULL;

    g_assert_true(ide_channel_attach(bench->channel, unit, block, kind, options, &error));
    g_assert_no_error(error);
    return ide_channel_drive_at(bench->channel, unit);
}

uint8_t bench_in(struct ide_bench *bench, unsigned port)
{
    return (uint8_t)bus_read(bench->machine->io, port, 1);
}

void bench_out(struct ide_bench *bench, unsigned port, uint8_t value)
{
    bus_write(bench->machine->io, port, value, 1);
}

uint8_t bench_status(struct ide_bench *bench)
{
    return bench_in(bench, P_CONTROL);
}

uint8_t bench_wait(struct ide_bench *bench)
{
    for (unsigned i = 0; i < 100000 && (bench_status(bench) & ATA_STATUS_BSY); i++) {
        if (event_run(bench->machine->events) == 0) {
            g_usleep(100);
        }
    }
    g_assert_cmphex(bench_status(bench) & ATA_STATUS_BSY, ==, 0);
    return bench_status(bench);
}

void bench_command28(struct ide_bench *bench, uint8_t command, uint32_t lba, uint8_t count)
{
    uint8_t dev = bench_in(bench, P_DEVICE) & ATA_DEVICE_DEV;

    bench_out(bench, P_DEVICE, (uint8_t)(0xe0 | dev | (lba >> 24 & 0x0f)));
    bench_out(bench, P_COUNT, count);
    bench_out(bench, P_LOW, (uint8_t)lba);
    bench_out(bench, P_MID, (uint8_t)(lba >> 8));
    bench_out(bench, P_HIGH, (uint8_t)(lba >> 16));
    bench_out(bench, P_COMMAND, command);
}

void bench_command48(struct ide_bench *bench, uint8_t command, uint64_t lba, uint16_t count)
{
    uint8_t dev = bench_in(bench, P_DEVICE) & ATA_DEVICE_DEV;

    bench_out(bench, P_DEVICE, (uint8_t)(0xe0 | dev));
    bench_out(bench, P_COUNT, (uint8_t)(count >> 8));
    bench_out(bench, P_LOW, (uint8_t)(lba >> 24));
    bench_out(bench, P_MID, (uint8_t)(lba >> 32));
    bench_out(bench, P_HIGH, (uint8_t)(lba >> 40));
    bench_out(bench, P_COUNT, (uint8_t)count);
    bench_out(bench, P_LOW, (uint8_t)lba);
    bench_out(bench, P_MID, (uint8_t)(lba >> 8));
    bench_out(bench, P_HIGH, (uint8_t)(lba >> 16));
    bench_out(bench, P_COMMAND, command);
}

void bench_pio_in(struct ide_bench *bench, void *data, unsigned bytes)
{
    uint8_t *at = data;

    for (unsigned i = 0; i < bytes; i += 2) {
        uint16_t word = (uint16_t)bus_read(bench->machine->io, P_DATA, 2);

        memcpy(at + i, &word, MIN(2, bytes - i));
    }
}

void bench_pio_out(struct ide_bench *bench, const void *data, unsigned bytes)
{
    const uint8_t *at = data;

    for (unsigned i = 0; i < bytes; i += 2) {
        bus_write(bench->machine->io, P_DATA, (uint64_t)at[i] | (uint64_t)at[i + 1] << 8, 2);
    }
}

void bench_dma_start(struct ide_bench *bench, const struct bench_region *regions, unsigned count,
                     bool to_memory)
{
    uint32_t *table = (uint32_t *)(bench->ram->host + BENCH_TABLE);
    uint8_t command = to_memory ? BUSMASTER_COMMAND_READ : 0;

    for (unsigned i = 0; i < count; i++) {
        table[2 * i] = regions[i].address;
        table[2 * i + 1] = (regions[i].bytes & 0xffff) | (i + 1 == count ? 0x80000000u : 0);
    }
    bus_write(bench->machine->io, BENCH_BM_BASE + BUSMASTER_TABLE, BENCH_TABLE, 4);
    bench_out(bench, BENCH_BM_BASE + BUSMASTER_STATUS,
              BUSMASTER_STATUS_ERROR | BUSMASTER_STATUS_INTERRUPT);
    bench_out(bench, BENCH_BM_BASE + BUSMASTER_COMMAND, command);
    bench_out(bench, BENCH_BM_BASE + BUSMASTER_COMMAND, command | BUSMASTER_COMMAND_START);
}

uint8_t bench_dma_status(struct ide_bench *bench)
{
    return bench_in(bench, BENCH_BM_BASE + BUSMASTER_STATUS);
}

void bench_dma_stop(struct ide_bench *bench)
{
    bench_out(bench, BENCH_BM_BASE + BUSMASTER_COMMAND, 0);
}

uint8_t bench_packet(struct ide_bench *bench, const uint8_t *packet, uint16_t limit)
{
    bench_out(bench, P_FEATURES, limit == 0 ? 1 : 0);
    bench_out(bench, P_MID, (uint8_t)limit);
    bench_out(bench, P_HIGH, (uint8_t)(limit >> 8));
    bench_out(bench, P_COMMAND, 0xa0);
    g_assert_cmphex(bench_status(bench) & (ATA_STATUS_BSY | ATA_STATUS_DRQ), ==, ATA_STATUS_DRQ);
    g_assert_cmphex(bench_in(bench, P_COUNT) & 3, ==, ATAPI_REASON_CD);
    bench_pio_out(bench, packet, ATAPI_PACKET_BYTES);
    return limit != 0 ? bench_wait(bench) : bench_status(bench);
}

unsigned bench_packet_data(struct ide_bench *bench, uint8_t *data, unsigned size)
{
    unsigned total = 0;

    while (bench_wait(bench) & ATA_STATUS_DRQ) {
        unsigned bytes = bench_in(bench, P_MID) | (unsigned)bench_in(bench, P_HIGH) << 8;

        g_assert_cmphex(bench_in(bench, P_COUNT) & 3, ==, ATAPI_REASON_IO);
        g_assert_true(bench->irq[0].level);
        bench_in(bench, P_STATUS);
        g_assert_false(bench->irq[0].level);
        g_assert_cmpuint(total + bytes, <=, size);
        bench_pio_in(bench, data + total, bytes);
        total += bytes;
    }
    g_assert_cmphex(bench_in(bench, P_COUNT) & 3, ==, ATAPI_REASON_IO | ATAPI_REASON_CD);
    g_assert_cmphex(bench_in(bench, P_STATUS), ==, ATA_STATUS_DRDY | ATA_STATUS_DSC);
    return total;
}
