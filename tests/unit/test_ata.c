/*
 * ATA disks (hw/ide/ata.c and drive.c): protocols by ATA/ATAPI-7 volume 2 chapter 11, through the ports.
 */
#include <errno.h>
#include <string.h>

#include "core/state.h"
#include "tests/support/ide_bench.h"

enum { DISK_SECTORS = 20480, SECTOR = 512 };

#define READY (ATA_STATUS_DRDY | ATA_STATUS_DSC)
#define OFFER (READY | ATA_STATUS_DRQ)

/* The bench holds wires that others point to, so it lives where the test put it. */
static void setup(struct ide_bench *bench, struct block_fault *fault,
                  const struct ide_options *options)
{
    bench_init(bench);
    bench_attach(bench, 0, bench_image(bench, DISK_SECTORS * SECTOR, fault), IDE_DISK, options);
}

static void assert_sector(const void *data, uint64_t lba)
{
    const uint32_t *words = data;

    for (unsigned i = 0; i < SECTOR / 4; i++) {
        g_assert_cmpuint(words[i], ==, lba * (SECTOR / 4) + i);
    }
}

static uint16_t word_of(const uint8_t *data, unsigned word)
{
    return (uint16_t)(data[2 * word] | data[2 * word + 1] << 8);
}

static void test_identify(void)
{
    struct ide_bench bench;
    uint8_t data[512], sum = 0;

    setup(&bench, NULL, NULL);
    bench_out(&bench, P_COMMAND, 0xec);
    g_assert_cmphex(bench_status(&bench), ==, OFFER);
    g_assert_true(bench.irq[0].level);
    g_assert_cmphex(bench_in(&bench, P_STATUS), ==, OFFER);
    g_assert_false(bench.irq[0].level);
    bench_pio_in(&bench, data, sizeof(data));
    g_assert_cmphex(bench_status(&bench), ==, READY);
    g_assert_cmpuint(word_of(data, 1), ==, DISK_SECTORS / (16 * 63));
    g_assert_cmpuint(word_of(data, 3), ==, 16);
    g_assert_cmpuint(word_of(data, 6), ==, 63);
    g_assert_cmpuint(word_of(data, 60), ==, DISK_SECTORS);
    g_assert_cmpuint(word_of(data, 100), ==, DISK_SECTORS);
    g_assert_cmphex(word_of(data, 27), ==, 'V' << 8 | 'M');
    g_assert_cmphex(word_of(data, 10), ==, 'V' << 8 | 'M');
    for (unsigned i = 0; i < 512; i++) {
        sum = (uint8_t)(sum + data[i]);
    }
    g_assert_cmphex(sum, ==, 0);
    bench_finish(&bench);
}

/* World wide name, large sectors of the medium, a write cache that is off. */
static void test_identify_options(void)
{
    const struct ide_options options = {.serial = "S1", .model = "MODEL", .firmware = "F1", .wwn = 0x5000c50012345678,
                                        .physical_bytes = 4096, .write_cache_off = true};
    struct ide_bench bench;
    uint8_t data[512];

    setup(&bench, NULL, &options);
    bench_out(&bench, P_COMMAND, 0xec);
    bench_pio_in(&bench, data, sizeof(data));
    g_assert_cmphex(word_of(data, 10), ==, 'S' << 8 | '1');
    g_assert_cmphex(word_of(data, 23), ==, 'F' << 8 | '1');
    g_assert_cmphex(word_of(data, 27), ==, 'M' << 8 | 'O');
    g_assert_cmphex(word_of(data, 84) & 0x0100, ==, 0x0100);
    g_assert_cmphex(word_of(data, 87) & 0x0100, ==, 0x0100);
    g_assert_cmphex(word_of(data, 108), ==, 0x5000);
    g_assert_cmphex(word_of(data, 111), ==, 0x5678);
    g_assert_cmphex(word_of(data, 106), ==, 0x6003);
    g_assert_cmphex(word_of(data, 85) & 0x20, ==, 0);
    bench_finish(&bench);
}

/* An interrupt for each sector, the address of the last one at the end; more than the buffer holds. */
static void test_pio_read(void)
{
    struct ide_bench bench;
    uint8_t data[SECTOR];

    setup(&bench, NULL, NULL);
    bench_command28(&bench, 0x20, 1000, 0);
    for (unsigned i = 0; i < 256; i++) {
        g_assert_cmphex(bench_wait(&bench), ==, OFFER);
        g_assert_true(bench.irq[0].level);
        bench_in(&bench, P_STATUS);
        bench_pio_in(&bench, data, SECTOR);
        assert_sector(data, 1000 + i);
    }
    g_assert_cmphex(bench_status(&bench), ==, READY);
    g_assert_false(bench.irq[0].level);
    g_assert_cmpuint(bench.irq[0].rises, ==, 256);
    g_assert_cmpuint(bench_in(&bench, P_LOW) | bench_in(&bench, P_MID) << 8, ==, 1255);
    bench_finish(&bench);
}

static void test_chs(void)
{
    struct ide_bench bench;
    uint8_t data[SECTOR];

    setup(&bench, NULL, NULL);
    bench_out(&bench, P_DEVICE, 0xa3); /* cylinder 2, head 3, sector 5 */
    bench_out(&bench, P_COUNT, 1);
    bench_out(&bench, P_LOW, 5);
    bench_out(&bench, P_MID, 2);
    bench_out(&bench, P_HIGH, 0);
    bench_out(&bench, P_COMMAND, 0x20);
    g_assert_cmphex(bench_wait(&bench), ==, OFFER);
    bench_pio_in(&bench, data, SECTOR);
    assert_sector(data, (2 * 16 + 3) * 63 + 4);
    g_assert_cmpuint(bench_in(&bench, P_LOW), ==, 5);
    g_assert_cmpuint(bench_in(&bench, P_DEVICE) & 15, ==, 3);

    /* INITIALIZE DEVICE PARAMETERS: 4 heads, 32 sectors; then head 5 does not exist. */
    bench_out(&bench, P_DEVICE, 0xa3);
    bench_out(&bench, P_COUNT, 32);
    bench_out(&bench, P_COMMAND, 0x91);
    g_assert_cmphex(bench_status(&bench), ==, READY);
    bench_out(&bench, P_DEVICE, 0xa2);
    bench_out(&bench, P_COUNT, 1);
    bench_out(&bench, P_COMMAND, 0x20);
    g_assert_cmphex(bench_wait(&bench), ==, OFFER);
    bench_pio_in(&bench, data, SECTOR);
    assert_sector(data, (2 * 4 + 2) * 32 + 4);
    bench_out(&bench, P_DEVICE, 0xa5);
    bench_out(&bench, P_COMMAND, 0x20);
    g_assert_cmphex(bench_wait(&bench), ==, READY | ATA_STATUS_ERR);
    g_assert_cmphex(bench_in(&bench, P_ERROR), ==, ATA_ERROR_IDNF);
    bench_finish(&bench);
}

static void test_multiple(void)
{
    struct ide_bench bench;
    uint8_t data[8 * SECTOR];

    setup(&bench, NULL, NULL);
    bench_command28(&bench, 0xc4, 7, 20); /* not set up yet */
    g_assert_cmphex(bench_in(&bench, P_ERROR), ==, ATA_ERROR_ABRT);
    bench_out(&bench, P_COUNT, 7); /* no power of two */
    bench_out(&bench, P_COMMAND, 0xc6);
    g_assert_cmphex(bench_in(&bench, P_ERROR), ==, ATA_ERROR_ABRT);
    bench_out(&bench, P_COUNT, 8);
    bench_out(&bench, P_COMMAND, 0xc6);
    g_assert_cmphex(bench_in(&bench, P_STATUS), ==, READY);
    test_probe_clear(&bench.irq[0]);
    bench_command28(&bench, 0xc4, 7, 20);
    for (unsigned done = 0; done < 20; done += 8) {
        unsigned sectors = MIN(8, 20 - done);

        g_assert_cmphex(bench_wait(&bench), ==, OFFER);
        bench_in(&bench, P_STATUS);
        bench_pio_in(&bench, data, sectors * SECTOR);
        assert_sector(data + (sectors - 1) * SECTOR, 7 + done + sectors - 1);
    }
    g_assert_cmphex(bench_wait(&bench), ==, READY);
    g_assert_cmpuint(bench.irq[0].rises, ==, 3);
    bench_finish(&bench);
}

static void test_pio_write(void)
{
    struct ide_bench bench;
    uint8_t data[SECTOR], back[SECTOR];

    setup(&bench, NULL, NULL);
    bench_command48(&bench, 0x34, 300, 200);
    g_assert_false(bench.irq[0].level);
    for (unsigned i = 0; i < 200; i++) {
        g_assert_cmphex(bench_wait(&bench), ==, OFFER);
        bench_in(&bench, P_STATUS);
        memset(data, (int)i, SECTOR);
        bench_pio_out(&bench, data, SECTOR);
    }
    g_assert_cmphex(bench_wait(&bench), ==, READY);
    g_assert_true(bench.irq[0].level);
    for (unsigned i = 0; i < 200; i++) {
        g_assert_cmpint(block_read(bench.blocks[0], (300 + i) * SECTOR, back, SECTOR), ==, 0);
        memset(data, (int)i, SECTOR);
        g_assert_cmpmem(data, SECTOR, back, SECTOR);
    }
    bench_finish(&bench);
}

/* Odd pieces and more than one block request (512 KiB); interrupt, active and end as on the PIIX. */
static void test_dma_read(void)
{
    struct ide_bench bench;
    struct bench_region regions[32];
    unsigned sectors = 1500;

    setup(&bench, NULL, NULL);
    regions[0] = (struct bench_region){0x100000, 6};
    regions[1] = (struct bench_region){0x100006, SECTOR - 6};
    for (unsigned i = 0; i < 12; i++) {
        unsigned left = (sectors - 1) * SECTOR - i * 0x10000;

        regions[2 + i] =
            (struct bench_region){0x100000 + SECTOR + i * 0x10000, MIN(left, 0x10000)};
    }
    bench_command48(&bench, 0x25, 5000, (uint16_t)sectors);
    g_assert_cmphex(bench_status(&bench), ==, ATA_STATUS_BSY);
    bench_dma_start(&bench, regions, 14, true);
    g_assert_cmphex(bench_wait(&bench), ==, READY);
    g_assert_true(bench.irq[0].level);
    g_assert_cmphex(bench_dma_status(&bench), ==, BUSMASTER_STATUS_INTERRUPT);
    for (unsigned i = 0; i < sectors; i++) {
        assert_sector(bench.ram->host + 0x100000 + i * SECTOR, 5000 + i);
    }
    bench_dma_stop(&bench);
    bench_finish(&bench);
}

static void test_dma_write(void)
{
    struct ide_bench bench;
    struct bench_region region = {0x200000, 0}; /* 64 KiB */
    uint8_t back[SECTOR];

    setup(&bench, NULL, NULL);
    for (unsigned i = 0; i < 128; i++) {
        memset(bench.ram->host + 0x200000 + i * SECTOR, (int)(i + 1), SECTOR);
    }
    bench_dma_start(&bench, &region, 1, false); /* before the command is fine as well */
    bench_command28(&bench, 0xca, 40, 64);
    g_assert_cmphex(bench_wait(&bench), ==, READY);
    /* The table is longer than the transfer: active stays. */
    g_assert_cmphex(bench_dma_status(&bench), ==,
                    BUSMASTER_STATUS_INTERRUPT | BUSMASTER_STATUS_ACTIVE);
    bench_dma_stop(&bench);
    g_assert_cmpint(block_read(bench.blocks[0], 103 * SECTOR, back, SECTOR), ==, 0);
    g_assert_cmpint(back[0], ==, 64);
    g_assert_cmpint(block_read(bench.blocks[0], 104 * SECTOR, back, SECTOR), ==, 0);
    assert_sector(back, 104);
    bench_finish(&bench);
}

/* A table that ends too early leaves the drive waiting, without interrupt, until a reset. */
static void test_dma_short(void)
{
    struct ide_bench bench;
    struct bench_region region = {0x200000, 1024};

    setup(&bench, NULL, NULL);
    bench_command28(&bench, 0xc8, 0, 4);
    bench_dma_start(&bench, &region, 1, true);
    block_drain(bench.blocks[0]);
    test_run_events(bench.machine);
    g_assert_cmphex(bench_status(&bench), ==, ATA_STATUS_BSY);
    g_assert_cmphex(bench_dma_status(&bench), ==, 0);
    bench_out(&bench, P_CONTROL, IDE_CONTROL_SRST);
    g_assert_cmphex(bench_status(&bench), ==, ATA_STATUS_BSY);
    bench_out(&bench, P_CONTROL, 0);
    g_assert_cmphex(bench_status(&bench), ==, READY);
    g_assert_cmphex(bench_in(&bench, P_ERROR), ==, 1);
    bench_finish(&bench);
}

static void test_ranges(void)
{
    struct ide_bench bench;

    setup(&bench, NULL, NULL);
    bench_command28(&bench, 0x20, DISK_SECTORS - 1, 2);
    g_assert_cmphex(bench_wait(&bench), ==, READY | ATA_STATUS_ERR);
    g_assert_cmphex(bench_in(&bench, P_ERROR), ==, ATA_ERROR_IDNF);
    g_assert_cmpuint(bench_in(&bench, P_LOW) | bench_in(&bench, P_MID) << 8, ==, DISK_SECTORS);
    bench_command48(&bench, 0x24, 0xffffffffffff, 1);
    g_assert_cmphex(bench_in(&bench, P_ERROR), ==, ATA_ERROR_IDNF);
    bench_command48(&bench, 0x27, 0, 0); /* READ NATIVE MAX ADDRESS EXT */
    g_assert_cmphex(bench_status(&bench), ==, READY);
    g_assert_cmpuint(bench_in(&bench, P_LOW) | bench_in(&bench, P_MID) << 8, ==,
                     DISK_SECTORS - 1);
    bench_command28(&bench, 0x40, 0, 0); /* VERIFY */
    g_assert_cmphex(bench_wait(&bench), ==, READY);
    bench_finish(&bench);
}

/* One bad sector in the middle of a long transfer: the address registers tell which. */
static void test_unreadable(void)
{
    struct block_fault *fault = block_fault_create();
    struct block_fault_rule rule = {.ops = BLOCK_FAULT_READ, .first = 777 * SECTOR,
                                    .last = 777 * SECTOR + 511, .error = EIO};
    struct bench_region region = {0x200000, 0};
    struct ide_bench bench;

    setup(&bench, fault, NULL);
    block_fault_add(fault, &rule);
    bench_command28(&bench, 0xc8, 700, 128);
    bench_dma_start(&bench, &region, 1, true);
    g_assert_cmphex(bench_wait(&bench), ==, READY | ATA_STATUS_ERR);
    g_assert_cmphex(bench_in(&bench, P_ERROR), ==, ATA_ERROR_UNC);
    g_assert_cmpuint(bench_in(&bench, P_LOW) | bench_in(&bench, P_MID) << 8, ==, 777);
    g_assert_true(bench_dma_status(&bench) & BUSMASTER_STATUS_INTERRUPT);
    assert_sector(bench.ram->host + 0x200000 + 76 * SECTOR, 776);
    bench_dma_stop(&bench);

    /* PIO delivers what comes before. */
    bench_command28(&bench, 0x20, 776, 2);
    uint8_t data[SECTOR];
    g_assert_cmphex(bench_wait(&bench), ==, OFFER);
    bench_pio_in(&bench, data, SECTOR);
    assert_sector(data, 776);
    g_assert_cmphex(bench_wait(&bench), ==, READY | ATA_STATUS_ERR);
    g_assert_cmpuint(bench_in(&bench, P_LOW) | bench_in(&bench, P_MID) << 8, ==, 777);
    bench_finish(&bench);
    block_fault_destroy(fault);
}

/* A full host disk pauses the machine; the same data is written when it goes on. */
static void test_disk_full(void)
{
    struct block_fault *fault = block_fault_create();
    struct block_fault_rule rule = {.ops = BLOCK_FAULT_WRITE, .error = ENOSPC, .count = 1};
    struct bench_region regions[] = {{0x200000, 512}, {0x300000, 512}};
    struct ide_bench bench;
    uint8_t back[2 * SECTOR];

    setup(&bench, fault, NULL);
    block_fault_add(fault, &rule);
    memset(bench.ram->host + 0x200000, 0x11, 512);
    memset(bench.ram->host + 0x300000, 0x22, 512);
    bench_command28(&bench, 0xca, 10, 2);
    bench_dma_start(&bench, regions, 2, false);
    block_drain(bench.blocks[0]);
    g_assert_cmpint(bench.machine->request, ==, REQUEST_PAUSE);
    g_assert_cmphex(bench_status(&bench), ==, ATA_STATUS_BSY);
    lock_release(&bench.machine->lock);
    machine_serve_request(bench.machine);
    machine_resume(bench.machine);
    lock_acquire(&bench.machine->lock);
    g_assert_cmphex(bench_wait(&bench), ==, READY);
    g_assert_cmphex(bench_dma_status(&bench), ==, BUSMASTER_STATUS_INTERRUPT);
    g_assert_cmpint(block_read(bench.blocks[0], 10 * SECTOR, back, sizeof(back)), ==, 0);
    g_assert_cmphex(back[0], ==, 0x11);
    g_assert_cmphex(back[SECTOR], ==, 0x22);
    bench_finish(&bench);
    block_fault_destroy(fault);
}

/* Saved while it waits for room, a DMA write is done by the machine that loads the state. */
static void test_saved_while_full(void)
{
    struct block_fault *fault = block_fault_create();
    struct block_fault_rule rule = {.ops = BLOCK_FAULT_WRITE, .error = ENOSPC};
    struct bench_region regions[] = {{0x200000, 512}, {0x300000, 512}};
    GByteArray *saved = g_byte_array_new();
    struct ide_bench a, b;
    GError *error = NULL;
    uint8_t back[2 * SECTOR];

    setup(&a, fault, NULL);
    setup(&b, NULL, NULL);
    block_fault_add(fault, &rule);
    bench_command28(&a, 0xca, 10, 2);
    bench_dma_start(&a, regions, 2, false);
    block_drain(a.blocks[0]);
    state_save(piix_ide_class.fields, a.dev, saved);
    memcpy(b.ram->host + BENCH_TABLE, a.ram->host + BENCH_TABLE, 16);
    memset(b.ram->host + 0x200000, 0x11, 512);
    memset(b.ram->host + 0x300000, 0x22, 512);
    g_assert_true(state_load(piix_ide_class.fields, b.dev, saved->data, saved->len, &error));
    piix_ide_class.loaded(b.dev);
    device_drive(b.dev);
    g_assert_cmpuint(block_in_flight(b.blocks[0]), ==, 0); /* it waits for the machine to go on */
    g_assert_cmphex(bench_status(&b), ==, ATA_STATUS_BSY);
    lock_release(&b.machine->lock);
    machine_pause(b.machine, RUN_STATE_PAUSED);
    machine_resume(b.machine);
    lock_acquire(&b.machine->lock);
    g_assert_cmphex(bench_wait(&b), ==, READY);
    g_assert_cmpint(block_read(b.blocks[0], 10 * SECTOR, back, sizeof(back)), ==, 0);
    g_assert_cmphex(back[0], ==, 0x11);
    g_assert_cmphex(back[SECTOR], ==, 0x22);
    g_byte_array_free(saved, TRUE);
    bench_finish(&a);
    bench_finish(&b);
    block_fault_destroy(fault);
}

static void test_write_error(void)
{
    struct block_fault *fault = block_fault_create();
    struct block_fault_rule rule = {.ops = BLOCK_FAULT_WRITE, .error = EIO};
    struct ide_bench bench;
    uint8_t data[SECTOR] = {0};

    setup(&bench, fault, NULL);
    block_fault_add(fault, &rule);
    bench_command28(&bench, 0x30, 33, 1);
    bench_pio_out(&bench, data, SECTOR);
    g_assert_cmphex(bench_wait(&bench), ==, READY | ATA_STATUS_ERR);
    g_assert_cmphex(bench_in(&bench, P_ERROR), ==, ATA_ERROR_ABRT);
    g_assert_cmpuint(bench_in(&bench, P_LOW), ==, 33);
    bench_finish(&bench);
    block_fault_destroy(fault);
}

/* What an abandoned read brings must not show up in the next command's data. */
static void test_reset_in_flight(void)
{
    struct ide_bench bench;
    uint8_t data[SECTOR];

    setup(&bench, NULL, NULL);
    for (unsigned i = 0; i < 20; i++) {
        bench_command28(&bench, 0x20, 0, 0);
        g_assert_cmphex(bench_status(&bench), ==, ATA_STATUS_BSY);
        bench_out(&bench, P_CONTROL, IDE_CONTROL_SRST);
        bench_out(&bench, P_CONTROL, 0);
        g_assert_cmphex(bench_status(&bench), ==, READY);
        bench_command28(&bench, 0x20, 4000 + i, 1);
        g_assert_cmphex(bench_wait(&bench), ==, OFFER);
        bench_pio_in(&bench, data, SECTOR);
        assert_sector(data, 4000 + i);
    }
    bench_command28(&bench, 0x20, 0, 0);
    bench_finish(&bench); /* and with one in flight */
}

/* Every point of a command survives a save and a load into another machine with the same image. */
static void test_save_load(void)
{
    struct ide_bench a, b;
    GByteArray *saved = g_byte_array_new();
    struct bench_region region = {0x200000, 4096};
    GError *error = NULL;
    uint8_t data[SECTOR];

    setup(&a, NULL, NULL);
    setup(&b, NULL, NULL);
    bench_command28(&a, 0x20, 50, 3);
    bench_wait(&a);
    bench_pio_in(&a, data, 100);
    state_save(piix_ide_class.fields, a.dev, saved);
    g_assert_true(state_load(piix_ide_class.fields, b.dev, saved->data, saved->len, &error));
    piix_ide_class.loaded(b.dev);
    device_drive(b.dev);
    g_assert_true(b.irq[0].level);
    bench_pio_in(&b, data + 100, SECTOR - 100);
    assert_sector(data, 50);
    bench_pio_in(&b, data, SECTOR);
    assert_sector(data, 51);

    /* A DMA read that is in flight when it is saved. */
    bench_out(&a, P_CONTROL, IDE_CONTROL_SRST);
    bench_out(&a, P_CONTROL, 0);
    bench_command28(&a, 0xc8, 60, 8);
    bench_dma_start(&a, &region, 1, true);
    memcpy(b.ram->host + BENCH_TABLE, a.ram->host + BENCH_TABLE, 8);
    g_byte_array_set_size(saved, 0);
    state_save(piix_ide_class.fields, a.dev, saved);
    g_assert_true(state_load(piix_ide_class.fields, b.dev, saved->data, saved->len, &error));
    piix_ide_class.loaded(b.dev);
    device_drive(b.dev);
    g_assert_cmphex(bench_wait(&b), ==, READY);
    assert_sector(b.ram->host + 0x200000 + 7 * SECTOR, 67);
    g_byte_array_free(saved, TRUE);
    bench_finish(&a);
    bench_finish(&b);
}

static void test_features(void)
{
    struct ide_bench bench;
    uint8_t data[SECTOR];

    setup(&bench, NULL, NULL);
    bench_out(&bench, P_FEATURES, 0x03);
    bench_out(&bench, P_COUNT, 0x45); /* UDMA 5 */
    bench_out(&bench, P_COMMAND, 0xef);
    g_assert_cmphex(bench_in(&bench, P_STATUS), ==, READY);
    bench_out(&bench, P_COUNT, 0x46); /* not supported */
    bench_out(&bench, P_COMMAND, 0xef);
    g_assert_cmphex(bench_in(&bench, P_STATUS), ==, READY | ATA_STATUS_ERR);
    bench_out(&bench, P_FEATURES, 0x82);
    bench_out(&bench, P_COMMAND, 0xef);
    g_assert_cmphex(bench_wait(&bench), ==, READY);
    bench_out(&bench, P_COMMAND, 0xec);
    bench_pio_in(&bench, data, SECTOR);
    g_assert_cmphex(word_of(data, 88), ==, 0x203f);
    g_assert_cmphex(word_of(data, 85) & 0x20, ==, 0);
    bench_out(&bench, P_COMMAND, 0xe7);
    g_assert_cmphex(bench_wait(&bench), ==, READY);
    bench_out(&bench, P_COMMAND, 0xe0); /* STANDBY IMMEDIATE, CHECK POWER MODE */
    bench_wait(&bench);
    bench_out(&bench, P_COMMAND, 0xe5);
    g_assert_cmphex(bench_in(&bench, P_COUNT), ==, 0);
    bench_out(&bench, P_MID, 0x4f);
    bench_out(&bench, P_HIGH, 0xc2);
    bench_out(&bench, P_FEATURES, 0xd0);
    bench_out(&bench, P_COMMAND, 0xb0);
    g_assert_cmphex(bench_status(&bench), ==, OFFER);
    bench_pio_in(&bench, data, SECTOR);
    bench_out(&bench, P_FEATURES, 0xda);
    bench_out(&bench, P_COMMAND, 0xb0);
    g_assert_cmphex(bench_in(&bench, P_HIGH), ==, 0xc2);
    bench_out(&bench, P_COMMAND, 0x00); /* NOP */
    g_assert_cmphex(bench_in(&bench, P_ERROR), ==, ATA_ERROR_ABRT);
    bench_finish(&bench);
}

/* SET FEATURES subcommands: which are known, and what IDENTIFY shows of them. */
static void test_set_features(void)
{
    static const struct {
        uint8_t feature, count;
        bool ok;
    } rows[] = {
        {0x03, 0x00, true}, {0x03, 0x01, true}, {0x03, 0x02, false}, {0x03, 0x0c, true},
        {0x03, 0x0d, false}, {0x03, 0x22, true}, {0x03, 0x23, false}, {0x03, 0x80, false},
        {0x02, 0, true}, {0x55, 0, true}, {0x66, 0, true}, {0xcc, 0, true}, {0x05, 0x80, false},
    };
    struct ide_bench bench;
    uint8_t data[SECTOR];

    setup(&bench, NULL, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        bench_out(&bench, P_FEATURES, rows[i].feature);
        bench_out(&bench, P_COUNT, rows[i].count);
        bench_out(&bench, P_COMMAND, 0xef);
        g_assert_cmphex(bench_in(&bench, P_STATUS), ==,
                        rows[i].ok ? READY : READY | ATA_STATUS_ERR);
    }
    bench_out(&bench, P_COMMAND, 0xec);
    bench_pio_in(&bench, data, SECTOR);
    g_assert_cmphex(word_of(data, 63), ==, 0x0407);
    g_assert_cmphex(word_of(data, 85) & 0x60, ==, 0x20); /* cache, no look-ahead */
    bench_finish(&bench);
}

static uint8_t smart(struct ide_bench *bench, uint8_t function, uint8_t low)
{
    bench_out(bench, P_FEATURES, function);
    bench_out(bench, P_COUNT, 1);
    bench_out(bench, P_LOW, low);
    bench_out(bench, P_MID, 0x4f);
    bench_out(bench, P_HIGH, 0xc2);
    bench_out(bench, P_COMMAND, 0xb0);
    return bench_in(bench, P_STATUS);
}

static void test_smart(void)
{
    struct ide_bench bench;
    static const uint8_t reads[][2] = {{0xd0, 0}, {0xd1, 0}, {0xd5, 1}, {0xd5, 6}};
    uint8_t data[SECTOR];

    setup(&bench, NULL, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(reads); i++) {
        uint8_t sum = 0;

        g_assert_cmphex(smart(&bench, reads[i][0], reads[i][1]), ==, OFFER);
        bench_pio_in(&bench, data, SECTOR);
        for (unsigned j = 0; j < SECTOR; j++) {
            sum = (uint8_t)(sum + data[j]);
        }
        g_assert_cmphex(sum, ==, 0);
        g_assert_cmphex(bench_status(&bench), ==, READY);
    }
    g_assert_cmphex(smart(&bench, 0xd5, 0), ==, OFFER); /* the directory has no checksum */
    bench_pio_in(&bench, data, SECTOR);
    g_assert_cmphex(smart(&bench, 0xd5, 9), ==, READY | ATA_STATUS_ERR);
    g_assert_cmphex(smart(&bench, 0xd9, 0), ==, READY);
    g_assert_cmphex(smart(&bench, 0xda, 0), ==, READY | ATA_STATUS_ERR);
    g_assert_cmphex(smart(&bench, 0xd8, 0), ==, READY);
    g_assert_cmphex(smart(&bench, 0xd4, 0), ==, READY);
    g_assert_cmphex(smart(&bench, 0xdf, 0), ==, READY | ATA_STATUS_ERR);
    bench_out(&bench, P_MID, 0); /* without the key */
    bench_out(&bench, P_COMMAND, 0xb0);
    g_assert_cmphex(bench_in(&bench, P_STATUS), ==, READY | ATA_STATUS_ERR);
    bench_finish(&bench);
}

/* Self-tests are in the log; routines that there are not, are refused. */
static void test_self_tests(void)
{
    struct ide_bench bench;
    uint8_t data[SECTOR];

    setup(&bench, NULL, NULL);
    g_assert_cmphex(smart(&bench, 0xd5, 6), ==, OFFER);
    bench_pio_in(&bench, data, SECTOR);
    g_assert_cmphex(data[508], ==, 0);
    g_assert_cmphex(smart(&bench, 0xd4, 0x01), ==, READY);
    g_assert_cmphex(smart(&bench, 0xd4, 0x82), ==, READY);
    g_assert_cmphex(smart(&bench, 0xd4, 0x7f), ==, READY);
    g_assert_cmphex(smart(&bench, 0xd4, 0x33), ==, READY | ATA_STATUS_ERR);
    g_assert_cmphex(smart(&bench, 0xd5, 6), ==, OFFER);
    bench_pio_in(&bench, data, SECTOR);
    g_assert_cmphex(data[508], ==, 2);
    g_assert_cmphex(data[2], ==, 0x01);
    g_assert_cmphex(data[2 + 24], ==, 0x82);
    for (unsigned i = 0; i < 40; i++) {
        g_assert_cmphex(smart(&bench, 0xd4, 0x02), ==, READY);
    }
    g_assert_cmphex(smart(&bench, 0xd5, 6), ==, OFFER);
    bench_pio_in(&bench, data, SECTOR);
    g_assert_cmphex(data[508], ==, 42 % 21 + 21);
    bench_finish(&bench);
}

static void test_sleep(void)
{
    struct ide_bench bench;

    setup(&bench, NULL, NULL);
    bench_out(&bench, P_COMMAND, 0xe6);
    g_assert_cmphex(bench_in(&bench, P_STATUS), ==, READY);
    test_probe_clear(&bench.irq[0]);
    bench_out(&bench, P_COMMAND, 0xec);
    g_assert_cmpuint(bench.irq[0].rises, ==, 0);
    bench_out(&bench, P_CONTROL, IDE_CONTROL_SRST);
    bench_out(&bench, P_CONTROL, 0);
    bench_out(&bench, P_COMMAND, 0xec);
    g_assert_cmphex(bench_in(&bench, P_STATUS), ==, OFFER);
    bench_finish(&bench);
}

/* rerror=ignore reads zeroes, werror=ignore loses the data; rerror=stop waits. */
static void test_policies(void)
{
    struct block_fault *fault = block_fault_create();
    struct block_fault_rule rule = {.ops = BLOCK_FAULT_READ | BLOCK_FAULT_WRITE, .error = EIO};
    struct ide_options options = {.read_error = BLOCK_ON_ERROR_IGNORE,
                                  .write_error = BLOCK_ON_ERROR_IGNORE};
    struct ide_bench bench;
    uint8_t data[SECTOR], zeroes[SECTOR] = {0};

    setup(&bench, fault, &options);
    block_fault_add(fault, &rule);
    bench_command28(&bench, 0x20, 5, 1);
    g_assert_cmphex(bench_wait(&bench), ==, OFFER);
    bench_pio_in(&bench, data, SECTOR);
    g_assert_cmpmem(data, SECTOR, zeroes, SECTOR);
    bench_command28(&bench, 0x30, 5, 1);
    bench_pio_out(&bench, data, SECTOR);
    g_assert_cmphex(bench_wait(&bench), ==, READY);

    ide_channel_drive_at(bench.channel, 0)->read_error = BLOCK_ON_ERROR_STOP;
    bench_command28(&bench, 0x20, 5, 1);
    block_drain(bench.blocks[0]);
    g_assert_cmpint(bench.machine->request, ==, REQUEST_PAUSE);
    g_assert_cmphex(bench_status(&bench), ==, ATA_STATUS_BSY);
    bench_out(&bench, P_CONTROL, IDE_CONTROL_SRST); /* a reset ends the waiting */
    bench_out(&bench, P_CONTROL, 0);
    g_assert_cmphex(bench_status(&bench), ==, READY);
    bench_finish(&bench);
    block_fault_destroy(fault);
}

/* The bus master switched off in mid-transfer: the command goes on when it is started again. */
static void test_dma_stop(void)
{
    struct ide_bench bench;
    struct bench_region region = {0x200000, 8 * SECTOR};

    setup(&bench, NULL, NULL);
    bench_command28(&bench, 0xc8, 100, 8);
    bench_dma_start(&bench, &region, 1, true);
    bench_dma_stop(&bench);
    block_drain(bench.blocks[0]);
    g_assert_cmphex(bench_status(&bench), ==, ATA_STATUS_BSY);
    bench_dma_start(&bench, &region, 1, true);
    g_assert_cmphex(bench_wait(&bench), ==, READY);
    assert_sector(bench.ram->host + 0x200000 + 7 * SECTOR, 107);
    bench_dma_stop(&bench);

    /* Bus master enable off: nothing moves. */
    pci_config_write(piix_ide_pci(bench.dev), PCI_COMMAND, PCI_COMMAND_IO, 2);
    bench_command28(&bench, 0xc8, 200, 8);
    bench_dma_start(&bench, &region, 1, true);
    g_assert_cmphex(bench_status(&bench), ==, ATA_STATUS_BSY);
    g_assert_cmpuint(block_in_flight(bench.blocks[0]), ==, 0);
    pci_config_write(piix_ide_pci(bench.dev), PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MASTER, 2);
    g_assert_cmphex(bench_wait(&bench), ==, READY);
    assert_sector(bench.ram->host + 0x200000, 200);
    bench_finish(&bench);
}

static void test_bad_options(void)
{
    struct ide_bench bench;
    struct ide_options options = {.geometry = {10, 17, 63}};
    GError *error = NULL;

    bench_init(&bench);
    g_assert_false(ide_channel_attach(bench.channel, 0, bench_image(&bench, 4096, NULL), IDE_DISK,
                                      &options, &error));
    g_assert_nonnull(strstr(error->message, "heads="));
    g_clear_error(&error);
    g_assert_false(ide_channel_attach(bench.channel, 0, NULL, IDE_DISK, NULL, &error));
    g_clear_error(&error);
    bench_finish(&bench);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/ata/identify", test_identify);
    g_test_add_func("/ata/identify-options", test_identify_options);
    g_test_add_func("/ata/pio-read", test_pio_read);
    g_test_add_func("/ata/chs", test_chs);
    g_test_add_func("/ata/multiple", test_multiple);
    g_test_add_func("/ata/pio-write", test_pio_write);
    g_test_add_func("/ata/dma-read", test_dma_read);
    g_test_add_func("/ata/dma-write", test_dma_write);
    g_test_add_func("/ata/dma-short", test_dma_short);
    g_test_add_func("/ata/ranges", test_ranges);
    g_test_add_func("/ata/unreadable", test_unreadable);
    g_test_add_func("/ata/disk-full", test_disk_full);
    g_test_add_func("/ata/saved-while-full", test_saved_while_full);
    g_test_add_func("/ata/write-error", test_write_error);
    g_test_add_func("/ata/reset-in-flight", test_reset_in_flight);
    g_test_add_func("/ata/save-load", test_save_load);
    g_test_add_func("/ata/features", test_features);
    g_test_add_func("/ata/set-features", test_set_features);
    g_test_add_func("/ata/smart", test_smart);
    g_test_add_func("/ata/self-tests", test_self_tests);
    g_test_add_func("/ata/sleep", test_sleep);
    g_test_add_func("/ata/policies", test_policies);
    g_test_add_func("/ata/dma-stop", test_dma_stop);
    g_test_add_func("/ata/bad-options", test_bad_options);
    return g_test_run();
}
