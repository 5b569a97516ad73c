/*
 * Host protected area, SECURITY FREEZE LOCK and TRIM (hw/ide/ata_protect.c), through the ports.
 */
#include <string.h>

#include "hw/ide/ata.h"
#include "hw/ide/ata_identify.h"
#include "tests/support/ide_bench.h"

enum { SECTORS = 4000 };

#define READY  (ATA_STATUS_DRDY | ATA_STATUS_DSC)
#define FAILED (READY | ATA_STATUS_ERR)

static struct ide_drive *setup(struct ide_bench *bench)
{
    bench_init(bench);
    return bench_attach(bench, 0, bench_image(bench, SECTORS * ATA_SECTOR_BYTES, NULL), IDE_DISK, NULL);
}

static uint32_t identify_word(struct ide_bench *bench, unsigned word)
{
    uint8_t data[512];

    bench_out(bench, P_COMMAND, 0xec);
    g_assert_cmphex(bench_wait(bench), ==, READY | ATA_STATUS_DRQ);
    bench_pio_in(bench, data, sizeof(data));
    return data[2 * word] | (uint32_t)data[2 * word + 1] << 8;
}

static uint32_t address(struct ide_bench *bench)
{
    return bench_in(bench, P_LOW) | (uint32_t)bench_in(bench, P_MID) << 8 |
           (uint32_t)bench_in(bench, P_HIGH) << 16 | (bench_in(bench, P_DEVICE) & 0x0fu) << 24;
}

static uint8_t run28(struct ide_bench *bench, uint8_t command, uint32_t lba, uint8_t count)
{
    bench_command28(bench, command, lba, count);
    return bench_wait(bench);
}

static void test_protected_area(void)
{
    struct ide_bench bench;

    setup(&bench);
    g_assert_cmphex(identify_word(&bench, 82) & 0x0400, ==, 0x0400);
    g_assert_cmphex(run28(&bench, 0xf8, 0, 0), ==, READY);
    g_assert_cmpuint(address(&bench), ==, SECTORS - 1);
    /* Only at once after READ NATIVE MAX ADDRESS. */
    g_assert_cmphex(run28(&bench, 0xe5, 0, 0), ==, READY);
    bench_out(&bench, P_ERROR, 0);
    g_assert_cmphex(run28(&bench, 0xf9, 999, 0), ==, FAILED);
    g_assert_cmphex(bench_in(&bench, P_ERROR), ==, ATA_ERROR_ABRT);
    /* Beyond the native maximum. */
    run28(&bench, 0xf8, 0, 0);
    g_assert_cmphex(run28(&bench, 0xf9, SECTORS, 0), ==, FAILED);
    g_assert_cmphex(bench_in(&bench, P_ERROR), ==, ATA_ERROR_IDNF);
    run28(&bench, 0xf8, 0, 0);
    g_assert_cmphex(run28(&bench, 0xf9, 999, 0), ==, READY);
    g_assert_cmpuint(identify_word(&bench, 60), ==, 1000);
    g_assert_cmpuint(identify_word(&bench, 100), ==, 1000);
    g_assert_cmphex(run28(&bench, 0x40, 999, 1), ==, READY);
    g_assert_cmphex(run28(&bench, 0x40, 1000, 1), ==, FAILED);
    g_assert_cmphex(bench_in(&bench, P_ERROR), ==, ATA_ERROR_IDNF);
    g_assert_cmphex(run28(&bench, 0xf8, 0, 0), ==, READY); /* still knows the whole */
    g_assert_cmpuint(address(&bench), ==, SECTORS - 1);
    /* A software reset keeps a volatile maximum, a hardware reset does not. */
    bench_out(&bench, P_CONTROL, 0x04);
    bench_out(&bench, P_CONTROL, 0x00);
    g_assert_cmpuint(identify_word(&bench, 60), ==, 1000);
    device_reset(bench.dev);
    g_assert_cmpuint(identify_word(&bench, 60), ==, SECTORS);
    bench_finish(&bench);
}

static void test_kept(void)
{
    struct ide_bench bench;

    setup(&bench);
    bench_command48(&bench, 0x27, 0, 0);
    bench_wait(&bench);
    bench_command48(&bench, 0x37, 1999, 1);
    g_assert_cmphex(bench_wait(&bench), ==, READY);
    device_reset(bench.dev);
    g_assert_cmpuint(identify_word(&bench, 100), ==, 2000);
    bench_command48(&bench, 0x27, 0, 0);
    bench_wait(&bench);
    g_assert_cmpuint(bench_in(&bench, P_LOW) | (uint32_t)bench_in(&bench, P_MID) << 8, ==, SECTORS - 1);
    bench_command48(&bench, 0x37, SECTORS - 1, 1);
    g_assert_cmphex(bench_wait(&bench), ==, READY);
    g_assert_cmpuint(identify_word(&bench, 100), ==, SECTORS);
    /* SET MAX FREEZE LOCK. */
    bench_out(&bench, P_ERROR, 4);
    g_assert_cmphex(run28(&bench, 0xf9, 0, 0), ==, READY);
    bench_out(&bench, P_ERROR, 0);
    run28(&bench, 0xf8, 0, 0);
    g_assert_cmphex(run28(&bench, 0xf9, 999, 0), ==, FAILED);
    bench_finish(&bench);
}

static void test_security(void)
{
    struct ide_bench bench;

    setup(&bench);
    g_assert_cmphex(identify_word(&bench, 128), ==, 0x0001);
    g_assert_cmphex(run28(&bench, 0xf5, 0, 0), ==, READY);
    g_assert_cmphex(identify_word(&bench, 128), ==, 0x0009);
    g_assert_cmphex(run28(&bench, 0xf3, 0, 0), ==, FAILED); /* ERASE PREPARE */
    device_reset(bench.dev);
    g_assert_cmphex(identify_word(&bench, 128), ==, 0x0001);
    bench_finish(&bench);
}

/* Puts a range into the list at 2 MiB. */
static void range(struct ide_bench *bench, unsigned n, uint64_t lba, uint16_t count)
{
    uint64_t entry = GUINT64_TO_LE(lba | (uint64_t)count << 48);

    memcpy(bench->ram->host + 0x200000 + n * 8, &entry, 8);
}

static void test_trim(void)
{
    struct bench_region list = {0x200000, 1024};
    struct ide_bench bench;
    struct block_stats stats;

    setup(&bench);
    g_assert_cmphex(identify_word(&bench, 169), ==, 1);
    memset(bench.ram->host + 0x200000, 0, 8 * ATA_SECTOR_BYTES);
    range(&bench, 0, 100, 50);
    range(&bench, 63, 300, 8);
    range(&bench, 64, SECTORS - 1, 1); /* in the second block */
    bench_out(&bench, P_ERROR, 1);
    bench_command48(&bench, 0x06, 0, 2);
    g_assert_cmphex(bench_status(&bench), ==, ATA_STATUS_BSY);
    bench_dma_start(&bench, &list, 1, false);
    g_assert_cmphex(bench_wait(&bench), ==, READY);
    g_assert_true(bench.irq[0].level);
    bench_dma_stop(&bench);
    block_get_stats(bench.blocks[0], &stats);
    g_assert_cmpuint(stats.discards, ==, 3);
    /* A range that is not on the disk. */
    range(&bench, 0, SECTORS, 1);
    list.bytes = 512;
    bench_dma_start(&bench, &list, 1, false);
    bench_command48(&bench, 0x06, 0, 1);
    g_assert_cmphex(bench_wait(&bench), ==, FAILED);
    g_assert_cmphex(bench_in(&bench, P_ERROR), ==, ATA_ERROR_IDNF);
    bench_dma_stop(&bench);
    /* What is not TRIM, or too long a list. */
    bench_out(&bench, P_ERROR, 0);
    bench_command48(&bench, 0x06, 0, 1);
    g_assert_cmphex(bench_wait(&bench), ==, FAILED);
    bench_out(&bench, P_ERROR, 1);
    bench_command48(&bench, 0x06, 0, 9);
    g_assert_cmphex(bench_wait(&bench), ==, FAILED);
    g_assert_cmphex(bench_in(&bench, P_ERROR), ==, ATA_ERROR_ABRT);
    bench_finish(&bench);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/ata-protect/protected-area", test_protected_area);
    g_test_add_func("/ata-protect/kept", test_kept);
    g_test_add_func("/ata-protect/security", test_security);
    g_test_add_func("/ata-protect/trim", test_trim);
    return g_test_run();
}
