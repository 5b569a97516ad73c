/*
 * Host protected area and TRIM (hw/ide/ata_protect.c), the security feature set (ata_security.c), through the ports.
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

/* A command with a sector of data: flags in word 0, a password. */
static uint8_t run_password(struct ide_bench *bench, uint8_t command, uint16_t word, const char *password)
{
    uint8_t data[512] = {(uint8_t)word, (uint8_t)(word >> 8)};

    memcpy(data + 2, password, strlen(password));
    data[34] = 0x34; /* revision 1234h, with a master password */
    data[35] = 0x12;
    bench_command28(bench, command, 0, 0);
    uint8_t status = bench_wait(bench);
    if (status != (READY | ATA_STATUS_DRQ)) {
        return status;
    }
    bench_pio_out(bench, data, sizeof(data));
    return bench_wait(bench);
}

enum { SET = 0xf1, UNLOCK = 0xf2, PREPARE = 0xf3, ERASE = 0xf4, FREEZE = 0xf5, DISABLE = 0xf6 };
enum { USER = 0, MASTER = 1, MAXIMUM = 0x100 };

static void test_freeze(void)
{
    struct ide_bench bench;

    setup(&bench);
    g_assert_cmphex(identify_word(&bench, 82) & 0x0002, ==, 0x0002);
    g_assert_cmphex(identify_word(&bench, 128), ==, 0x0021);
    g_assert_cmphex(run28(&bench, FREEZE, 0, 0), ==, READY);
    g_assert_cmphex(identify_word(&bench, 128), ==, 0x0029);
    g_assert_cmphex(run28(&bench, PREPARE, 0, 0), ==, FAILED);
    g_assert_cmphex(run_password(&bench, SET, USER, "x"), ==, FAILED);
    g_assert_cmphex(run_password(&bench, UNLOCK, USER, ""), ==, FAILED);
    g_assert_cmphex(run_password(&bench, DISABLE, USER, ""), ==, FAILED);
    g_assert_cmphex(run28(&bench, FREEZE, 0, 0), ==, READY);
    device_reset(bench.dev);
    g_assert_cmphex(identify_word(&bench, 128), ==, 0x0021);
    bench_finish(&bench);
}

static void test_lock(void)
{
    struct ide_bench bench;

    setup(&bench);
    g_assert_cmphex(identify_word(&bench, 92), ==, 0xfffe);
    g_assert_cmphex(run_password(&bench, SET, MASTER, "boss"), ==, READY);
    g_assert_cmphex(identify_word(&bench, 92), ==, 0x1234);
    g_assert_cmphex(identify_word(&bench, 128), ==, 0x0021);
    g_assert_cmphex(run_password(&bench, SET, USER, "me"), ==, READY);
    g_assert_cmphex(identify_word(&bench, 128), ==, 0x0023);
    g_assert_cmphex(identify_word(&bench, 85) & 2, ==, 2);
    g_assert_cmphex(run28(&bench, 0x40, 0, 1), ==, READY); /* locked at the next reset only */
    device_reset(bench.dev);
    g_assert_cmphex(identify_word(&bench, 128), ==, 0x0027);
    static const uint8_t aborted[] = {0x20, 0x30, 0x40, 0xc8, 0xca, 0xe7, 0xea, 0xf9, FREEZE, SET, DISABLE};
    for (unsigned i = 0; i < G_N_ELEMENTS(aborted); i++) {
        bench_out(&bench, P_ERROR, 0);
        g_assert_cmphex(run28(&bench, aborted[i], 0, 1), ==, FAILED);
        g_assert_cmphex(bench_in(&bench, P_ERROR), ==, ATA_ERROR_ABRT);
    }
    g_assert_cmphex(run28(&bench, 0xf8, 0, 0), ==, READY);
    g_assert_cmphex(run28(&bench, 0xe5, 0, 0), ==, READY);
    /* Five attempts. */
    g_assert_cmphex(run_password(&bench, UNLOCK, USER, "you"), ==, FAILED);
    g_assert_cmphex(run_password(&bench, UNLOCK, USER, "me"), ==, READY);
    g_assert_cmphex(identify_word(&bench, 128), ==, 0x0023);
    g_assert_cmphex(run28(&bench, 0x40, 0, 1), ==, READY);
    device_reset(bench.dev);
    for (unsigned i = 0; i < 5; i++) {
        g_assert_cmphex(identify_word(&bench, 128), ==, 0x0027);
        g_assert_cmphex(run_password(&bench, UNLOCK, USER, "you"), ==, FAILED);
    }
    g_assert_cmphex(identify_word(&bench, 128), ==, 0x0037);
    g_assert_cmphex(run_password(&bench, UNLOCK, USER, "me"), ==, FAILED);
    device_reset(bench.dev);
    /* At the high level the master password unlocks, at the maximum it does not. */
    g_assert_cmphex(run_password(&bench, UNLOCK, MASTER, "boss"), ==, READY);
    g_assert_cmphex(run_password(&bench, SET, USER | MAXIMUM, "me"), ==, READY);
    g_assert_cmphex(identify_word(&bench, 128), ==, 0x0123);
    device_reset(bench.dev);
    for (unsigned i = 0; i < 6; i++) {
        g_assert_cmphex(run_password(&bench, UNLOCK, MASTER, "boss"), ==, FAILED);
    }
    g_assert_cmphex(run_password(&bench, UNLOCK, USER, "me"), ==, READY);
    g_assert_cmphex(run_password(&bench, DISABLE, MASTER, "boss"), ==, FAILED);
    g_assert_cmphex(run_password(&bench, DISABLE, USER, "me"), ==, READY);
    g_assert_cmphex(identify_word(&bench, 85) & 2, ==, 0);
    device_reset(bench.dev);
    g_assert_cmphex(run28(&bench, 0x40, 0, 1), ==, READY);
    bench_finish(&bench);
}

static void test_erase(void)
{
    static uint8_t disk[SECTORS * ATA_SECTOR_BYTES];
    struct ide_bench bench;
    struct ide_drive *drive = setup(&bench);

    memset(disk, 0x77, sizeof(disk));
    g_assert_cmpint(block_write(drive->block, 0, disk, sizeof(disk)), ==, 0);
    run_password(&bench, SET, MASTER, "boss");
    run_password(&bench, SET, USER | MAXIMUM, "me");
    device_reset(bench.dev);
    g_assert_cmphex(run_password(&bench, ERASE, MASTER, "boss"), ==, FAILED); /* not prepared */
    g_assert_cmphex(run28(&bench, PREPARE, 0, 0), ==, READY);
    g_assert_cmphex(run28(&bench, 0xe5, 0, 0), ==, READY); /* something in between */
    g_assert_cmphex(run_password(&bench, ERASE, MASTER, "boss"), ==, FAILED);
    g_assert_cmphex(run28(&bench, PREPARE, 0, 0), ==, READY);
    g_assert_cmphex(run_password(&bench, ERASE, USER, "you"), ==, FAILED);
    g_assert_cmphex(identify_word(&bench, 128), ==, 0x0127);
    g_assert_cmpint(block_read(drive->block, 0, disk, sizeof(disk)), ==, 0);
    g_assert_cmphex(disk[1000], ==, 0x77);
    g_assert_cmphex(run28(&bench, PREPARE, 0, 0), ==, READY);
    g_assert_cmphex(run_password(&bench, ERASE, MASTER, "boss"), ==, READY);
    g_assert_cmphex(identify_word(&bench, 128), ==, 0x0021);
    g_assert_cmphex(run28(&bench, 0x20, 0, 1), ==, READY | ATA_STATUS_DRQ);
    g_assert_cmpint(block_read(drive->block, 0, disk, sizeof(disk)), ==, 0);
    for (unsigned i = 0; i < sizeof(disk); i++) {
        g_assert_cmphex(disk[i], ==, 0);
    }
    bench_finish(&bench);
}

/* SET MAX with a subcommand that takes a password. */
static uint8_t run_set_max(struct ide_bench *bench, uint8_t function, const char *password)
{
    bench_out(bench, P_ERROR, function);
    return password != NULL ? run_password(bench, 0xf9, 0, password) : run28(bench, 0xf9, 0, 0);
}

static void test_set_max_passwords(void)
{
    struct ide_bench bench;

    setup(&bench);
    g_assert_cmphex(identify_word(&bench, 83) & 0x0100, ==, 0x0100);
    g_assert_cmphex(run_set_max(&bench, 2, NULL), ==, FAILED); /* no password to lock with */
    g_assert_cmphex(run_set_max(&bench, 1, "max"), ==, READY);
    g_assert_cmphex(identify_word(&bench, 86) & 0x0100, ==, 0x0100);
    g_assert_cmphex(run_set_max(&bench, 2, NULL), ==, READY);
    g_assert_cmphex(run_set_max(&bench, 1, "other"), ==, FAILED);
    run28(&bench, 0xf8, 0, 0);
    g_assert_cmphex(run28(&bench, 0xf9, 999, 0), ==, FAILED);
    g_assert_cmphex(run_set_max(&bench, 3, "min"), ==, FAILED);
    g_assert_cmphex(run_set_max(&bench, 3, "max"), ==, READY);
    run28(&bench, 0xf8, 0, 0);
    g_assert_cmphex(run28(&bench, 0xf9, 999, 0), ==, READY);
    g_assert_cmphex(run_set_max(&bench, 2, NULL), ==, READY);
    for (unsigned i = 0; i < 5; i++) {
        g_assert_cmphex(run_set_max(&bench, 3, "min"), ==, FAILED);
    }
    g_assert_cmphex(run_set_max(&bench, 3, "max"), ==, FAILED);
    device_reset(bench.dev);
    g_assert_cmphex(identify_word(&bench, 86) & 0x0100, ==, 0);
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
    g_test_add_func("/ata-protect/freeze", test_freeze);
    g_test_add_func("/ata-protect/lock", test_lock);
    g_test_add_func("/ata-protect/erase", test_erase);
    g_test_add_func("/ata-protect/set-max-passwords", test_set_max_passwords);
    g_test_add_func("/ata-protect/trim", test_trim);
    return g_test_run();
}
