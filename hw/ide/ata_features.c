/*
 * SET FEATURES (ATA/ATAPI-7 volume 1, section 6.49) and SMART (section 6.54) of a drive that never ages.
 */
#include <string.h>

#include "hw/ide/ata.h"
#include "hw/ide/ata_identify.h"
#include "hw/ide/channel.h"

#define FEATURE_WRITE_CACHE_ON  0x02
#define FEATURE_TRANSFER_MODE   0x03
#define FEATURE_LOOK_AHEAD_OFF  0x55
#define FEATURE_KEEP_SETTINGS   0x66
#define FEATURE_WRITE_CACHE_OFF 0x82
#define FEATURE_LOOK_AHEAD_ON   0xaa
#define FEATURE_DEFAULTS        0xcc

#define SMART_READ_DATA       0xd0
#define SMART_READ_THRESHOLDS 0xd1
#define SMART_AUTOSAVE        0xd2
#define SMART_SAVE            0xd3
#define SMART_OFFLINE         0xd4
#define SMART_READ_LOG        0xd5
#define SMART_ENABLE          0xd8
#define SMART_DISABLE         0xd9
#define SMART_STATUS          0xda
#define SMART_KEY_MID         0x4f
#define SMART_KEY_HIGH        0xc2

static bool mode_is_known(const struct ide_drive *drive, uint8_t mode)
{
    unsigned number = mode & 7;

    switch (mode & 0xf8) {
    case ATA_MODE_PIO_DEFAULT:
        return number <= 1;
    case ATA_MODE_PIO:
        return number <= ATA_MODE_PIO_MAX;
    case ATA_MODE_MWDMA:
        return drive->channel->bm != NULL && number <= ATA_MODE_MWDMA_MAX;
    case ATA_MODE_UDMA:
        return drive->channel->bm != NULL && number <= ATA_MODE_UDMA_MAX;
    default:
        return false;
    }
}

void ata_set_features(struct ide_drive *drive)
{
    switch (drive->features[0]) {
    case FEATURE_TRANSFER_MODE:
        if (!mode_is_known(drive, drive->count[0])) {
            drive_fail(drive, ATA_ERROR_ABRT);
            return;
        }
        drive->transfer_mode = drive->count[0];
        break;
    case FEATURE_WRITE_CACHE_ON:
        drive->write_cache = true;
        break;
    case FEATURE_WRITE_CACHE_OFF:
        drive->write_cache = false;
        if (drive->kind == IDE_DISK) {
            drive->dma = false;
            drive_block(drive, OP_FLUSH);
            return;
        }
        break;
    case FEATURE_LOOK_AHEAD_ON:
        drive->look_ahead = true;
        break;
    case FEATURE_LOOK_AHEAD_OFF:
        drive->look_ahead = false;
        break;
    case FEATURE_KEEP_SETTINGS:
    case FEATURE_DEFAULTS:
        break;
    default:
        drive_fail(drive, ATA_ERROR_ABRT);
        return;
    }
    drive_complete(drive);
}

/* Attributes: number, flags (low byte), raw value. Value and worst are 100, thresholds are below. */
static const struct {
    uint8_t number, flags, threshold;
    uint32_t raw;
} attributes[] = {
    {1, 0x0b, 6, 0},    /* raw read error rate */
    {5, 0x33, 36, 0},   /* reallocated sectors */
    {9, 0x32, 0, 1},    /* power-on hours */
    {12, 0x32, 0, 1},   /* power cycles */
    {190, 0x22, 50, 31},/* airflow temperature */
    {197, 0x12, 0, 0},  /* pending sectors */
};

static void put_sum(uint8_t *data)
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < 511; i++) {
        sum = (uint8_t)(sum + data[i]);
    }
    data[511] = (uint8_t)-sum;
}

static void put_attributes(uint8_t *data, bool thresholds)
{
    memset(data, 0, ATA_SECTOR_BYTES);
    data[0] = 0x10; /* structure revision */
    for (unsigned i = 0; i < G_N_ELEMENTS(attributes); i++) {
        uint8_t *row = data + 2 + 12 * i;

        row[0] = attributes[i].number;
        if (thresholds) {
            row[1] = attributes[i].threshold;
            continue;
        }
        row[1] = attributes[i].flags;
        row[3] = 100;
        row[4] = 100;
        row[5] = (uint8_t)attributes[i].raw;
    }
    if (!thresholds) {
        data[362] = 0x02; /* off-line collection completed */
        data[364] = 1;    /* seconds it takes */
        data[367] = 0x11; /* it can be started; self-tests as well */
        data[368] = 0x03; /* attributes are saved by themselves and on request */
        data[370] = 0x01; /* error log supported */
        data[372] = 1;    /* minutes of a short self-test */
        data[373] = 1;
    }
    put_sum(data);
}

/* Self-tests that were run, in a ring as ATA/ATAPI-7 volume 1, 6.54.6.8.4 has it: all came to their end well. */
static void put_self_tests(const struct ide_drive *drive, uint8_t *data)
{
    for (unsigned i = 0; i < MIN(drive->self_tests, ATA_SELF_TESTS); i++) {
        uint8_t *row = data + 2 + 24 * i;

        row[0] = drive->self_test[i];
        row[2] = 1; /* power-on hours */
    }
    data[508] = drive->self_tests == 0 ? 0 : (uint8_t)((drive->self_tests - 1) % ATA_SELF_TESTS + 1);
}

/* SMART EXECUTE OFF-LINE IMMEDIATE: routines take no time, on a drive that has nothing to find. */
static bool run_self_test(struct ide_drive *drive)
{
    uint8_t routine = drive->lba_low[0];

    switch (routine) {
    case 0x00: /* collect data */
    case 0x7f: /* abort a self-test: none is running */
        return true;
    case 0x01: /* short, extended; with 80h the command ends with the test */
    case 0x02:
    case 0x81:
    case 0x82:
        drive->self_test[drive->self_tests % ATA_SELF_TESTS] = routine;
        drive->self_tests++;
        if (drive->self_tests == 2 * ATA_SELF_TESTS) {
            drive->self_tests = ATA_SELF_TESTS; /* the ring is full either way */
        }
        return true;
    default:
        return false;
    }
}

/* Log directory (0), summary error log (1, empty) and self-test log (6). */
static bool put_log(struct ide_drive *drive)
{
    uint8_t address = drive->lba_low[0];

    if (drive->count[0] != 1 || (address != 0 && address != 1 && address != 6)) {
        return false;
    }
    memset(drive->pio, 0, ATA_SECTOR_BYTES);
    drive->pio[0] = 1; /* version */
    if (address == 0) {
        drive->pio[2] = 1; /* sectors of log 1 and log 6 */
        drive->pio[12] = 1;
    } else {
        if (address == 6) {
            put_self_tests(drive, drive->pio);
        }
        put_sum(drive->pio);
    }
    return true;
}

bool ata_smart(struct ide_drive *drive)
{
    bool keyed = drive->lba_mid[0] == SMART_KEY_MID && drive->lba_high[0] == SMART_KEY_HIGH;
    uint8_t function = drive->features[0];

    if (!keyed || (!drive->smart && function != SMART_ENABLE)) {
        drive_fail(drive, ATA_ERROR_ABRT);
        return false;
    }
    switch (function) {
    case SMART_READ_DATA:
        put_attributes(drive->pio, false);
        return true;
    case SMART_READ_THRESHOLDS:
        put_attributes(drive->pio, true);
        return true;
    case SMART_READ_LOG:
        if (put_log(drive)) {
            return true;
        }
        break;
    case SMART_ENABLE:
    case SMART_DISABLE:
        drive->smart = function == SMART_ENABLE;
        drive_complete(drive);
        return false;
    case SMART_OFFLINE:
        if (run_self_test(drive)) {
            drive_complete(drive);
            return false;
        }
        break;
    case SMART_AUTOSAVE:
    case SMART_SAVE:
    case SMART_STATUS: /* the key left as it is means "healthy" */
        drive_complete(drive);
        return false;
    default:
        break;
    }
    drive_fail(drive, ATA_ERROR_ABRT);
    return false;
}
