/*
 * The PACKET protocol. See the header.
 */
#include "hw/ide/atapi.h"

#include <errno.h>
#include <string.h>

#include "core/log.h"
#include "core/machine.h"
#include "hw/ide/ata.h"
#include "hw/ide/ata_identify.h"
#include "hw/ide/cd_sector.h"
#include "hw/ide/channel.h"

#define FEATURE_DMA     0x01
#define FRAMES_A_SECOND 75
#define LEAD_IN_FRAMES  150

bool atapi_has_disc(const struct ide_drive *drive)
{
    return drive->block != NULL && !drive->tray_open;
}

void atapi_put_msf(uint8_t *bytes, uint32_t lba)
{
    uint64_t frames = (uint64_t)lba + LEAD_IN_FRAMES;
    uint64_t seconds = frames / FRAMES_A_SECOND;

    bytes[0] = (uint8_t)(seconds / 60);
    bytes[1] = (uint8_t)(seconds % 60);
    bytes[2] = (uint8_t)(frames % FRAMES_A_SECOND);
}

static void set_reason(struct ide_drive *drive, uint8_t reason)
{
    drive->count[0] = reason;
}

void atapi_good(struct ide_drive *drive)
{
    drive->sense_key = SENSE_NONE;
    drive->asc = drive->ascq = 0;
    set_reason(drive, ATAPI_REASON_CD | ATAPI_REASON_IO);
    drive_complete(drive);
}

void atapi_check(struct ide_drive *drive, uint8_t key, uint16_t asc)
{
    drive->sense_key = key;
    drive->asc = (uint8_t)(asc >> 8);
    drive->ascq = (uint8_t)asc;
    set_reason(drive, ATAPI_REASON_CD | ATAPI_REASON_IO);
    drive_fail(drive, (uint8_t)(key << 4 | ATA_ERROR_ABRT));
}

/* Offers the next DRQ block of pio[position..fill), as long as the guest's limit and whole sectors allow. */
static void offer_block(struct ide_drive *drive, uint32_t position)
{
    uint32_t bytes = drive->fill - position;
    uint32_t limit = drive->byte_limit;

    if (bytes > limit) {
        bytes = limit > drive->sector_bytes ? limit - limit % drive->sector_bytes : limit;
    }
    drive->lba_mid[0] = (uint8_t)bytes;
    drive->lba_high[0] = (uint8_t)(bytes >> 8);
    set_reason(drive, ATAPI_REASON_IO);
    drive_pio(drive, PHASE_PIO_IN, position, bytes);
    drive_interrupt(drive);
}

void atapi_reply(struct ide_drive *drive, uint32_t size, uint32_t wanted)
{
    drive->remaining = 0;
    drive->fill = MIN(size, wanted);
    if (drive->fill == 0) {
        atapi_good(drive);
    } else if (drive->dma) {
        set_reason(drive, ATAPI_REASON_IO);
        drive_dma_reply(drive, drive->fill);
    } else {
        offer_block(drive, 0);
    }
}

void atapi_read(struct ide_drive *drive, uint64_t lba, uint32_t count, uint16_t sector_bytes)
{
    if (count > drive->sectors || lba > drive->sectors - count) {
        atapi_check(drive, SENSE_ILLEGAL_REQUEST, ASC_OUT_OF_RANGE);
    } else if (count == 0) {
        atapi_good(drive);
    } else {
        drive->lba = lba;
        drive->remaining = count;
        drive->sector_bytes = sector_bytes;
        set_reason(drive, ATAPI_REASON_IO);
        drive_block(drive, OP_READ);
    }
}

void atapi_no_disc(struct ide_drive *drive)
{
    atapi_check(drive, SENSE_NOT_READY, drive->tray_open ? ASC_NO_MEDIUM_OPEN : ASC_NO_MEDIUM);
}

/* Asks for the next DRQ block of a list from the guest. */
static void want_block(struct ide_drive *drive, uint32_t position)
{
    uint32_t bytes = MIN(drive->fill - position, drive->byte_limit);

    drive->lba_mid[0] = (uint8_t)bytes;
    drive->lba_high[0] = (uint8_t)(bytes >> 8);
    set_reason(drive, 0);
    drive_pio(drive, PHASE_PIO_OUT, position, bytes);
    drive_interrupt(drive);
}

void atapi_want(struct ide_drive *drive, uint32_t bytes)
{
    drive->remaining = 0;
    drive->fill = bytes;
    if (drive->dma) {
        set_reason(drive, 0);
        drive_dma_take(drive, bytes);
    } else {
        want_block(drive, 0);
    }
}

static const struct atapi_entry *find(const struct atapi_entry *table, uint8_t code)
{
    for (; table->run != NULL; table++) {
        if (table->code == code) {
            return table;
        }
    }
    return NULL;
}

static void run_packet(struct ide_drive *drive)
{
    const struct atapi_entry *entry = find(atapi_commands, drive->packet[0]);

    if (entry == NULL) {
        entry = find(atapi_disc_commands, drive->packet[0]);
    }
    drive->narrow = 0;
    drive->cd_parts = READ_CD_USER;
    drive->sector_bytes = CD_SECTOR_BYTES;
    if (entry == NULL) {
        log_print(drive->channel->machine->log, LOG_GUEST_ERROR,
                  "atapi: command %02xh is not supported\n", drive->packet[0]);
        atapi_check(drive, SENSE_ILLEGAL_REQUEST, ASC_ILLEGAL_OPCODE);
    } else if (drive->attention && (entry->flags & ATAPI_SKIP_ATTENTION) == 0) {
        drive->attention = false;
        atapi_check(drive, SENSE_UNIT_ATTENTION, ASC_MEDIUM_CHANGED);
    } else if (!atapi_has_disc(drive) && (entry->flags & ATAPI_NEEDS_DISC) != 0) {
        atapi_no_disc(drive);
    } else {
        entry->run(drive, drive->packet);
    }
}

static void atapi_block_moved(struct ide_drive *drive)
{
    if (drive->in_packet) {
        drive->in_packet = false;
        memcpy(drive->packet, drive->pio, ATAPI_PACKET_BYTES);
        run_packet(drive);
    } else if (drive->phase == PHASE_DMA_TAKE ||
               (drive->phase == PHASE_PIO_OUT && drive->position >= drive->fill)) {
        atapi_mode_taken(drive);
    } else if (drive->phase == PHASE_PIO_OUT) {
        want_block(drive, drive->position);
    } else if (drive->command == ATA_CMD_IDENTIFY_PACKET) {
        drive->phase = PHASE_IDLE;
        drive->status = ATA_STATUS_DRDY | ATA_STATUS_DSC;
    } else if (drive->position < drive->fill) {
        offer_block(drive, drive->position);
    } else if (drive->remaining != 0) {
        drive_block(drive, OP_READ);
    } else {
        atapi_good(drive);
    }
}

static void atapi_chunk_done(struct ide_drive *drive, uint32_t units)
{
    if (!drive->dma) {
        offer_block(drive, 0);
    } else if (drive->remaining != 0) {
        drive_advance(drive);
    } else {
        atapi_good(drive);
    }
}

static void atapi_failed(struct ide_drive *drive, int error)
{
    if (error == -ENOMEDIUM) {
        atapi_no_disc(drive);
    } else if (error == -ERANGE) {
        atapi_check(drive, SENSE_ILLEGAL_REQUEST, ASC_OUT_OF_RANGE);
    } else {
        atapi_check(drive, SENSE_MEDIUM_ERROR, ASC_UNRECOVERED_READ);
    }
}

/* The parts of a sector that READ CD selects, in order. */
static const struct {
    uint8_t flag;
    uint16_t at, bytes;
} parts[] = {
    {READ_CD_SYNC, 0, CD_AT_HEADER},
    {READ_CD_HEADER, CD_AT_HEADER, CD_AT_DATA - CD_AT_HEADER},
    {READ_CD_USER, CD_AT_DATA, CD_SECTOR_BYTES},
    {READ_CD_CHECKS, CD_AT_EDC, CD_SECTOR_WHOLE - CD_AT_EDC},
};

uint16_t atapi_parts_bytes(uint8_t wanted)
{
    unsigned bytes = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++) {
        bytes += wanted & parts[i].flag ? parts[i].bytes : 0;
    }
    return (uint16_t)bytes;
}

static void atapi_format(struct ide_drive *drive, uint64_t lba, const uint8_t *sector,
                         uint8_t *out)
{
    uint8_t whole[CD_SECTOR_WHOLE], msf[3];

    memcpy(whole + CD_AT_DATA, sector, CD_SECTOR_BYTES);
    atapi_put_msf(msf, (uint32_t)lba);
    cd_sector_complete(whole, msf);
    for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++) {
        if (drive->cd_parts & parts[i].flag) {
            memcpy(out, whole + parts[i].at, parts[i].bytes);
            out += parts[i].bytes;
        }
    }
}

static void start_packet(struct ide_drive *drive)
{
    uint32_t limit = drive->lba_mid[0] | (uint32_t)drive->lba_high[0] << 8;

    drive->dma = (drive->features[0] & FEATURE_DMA) != 0;
    if (drive->dma && drive->channel->bm == NULL) {
        drive_fail(drive, ATA_ERROR_ABRT);
        return;
    }
    limit &= IDE_BYTE_LIMIT_MAX;
    drive->byte_limit = (uint16_t)(limit != 0 ? limit : IDE_BYTE_LIMIT_MAX);
    drive->in_packet = true;
    set_reason(drive, ATAPI_REASON_CD);
    drive_pio(drive, PHASE_PIO_OUT, 0, ATAPI_PACKET_BYTES);
}

static void start_identify(struct ide_drive *drive)
{
    drive->dma = false;
    drive->remaining = 0;
    drive->fill = IDENTIFY_BYTES;
    atapi_identify(drive, drive->pio);
    drive_pio(drive, PHASE_PIO_IN, 0, IDENTIFY_BYTES);
    drive_interrupt(drive);
}

static void atapi_command(struct ide_drive *drive, uint8_t command)
{
    drive->error = 0;
    switch (command) {
    case ATA_CMD_PACKET:
        start_packet(drive);
        break;
    case ATA_CMD_IDENTIFY_PACKET:
        start_identify(drive);
        break;
    case ATA_CMD_DEVICE_RESET:
        drive_reset(drive);
        ide_channel_update(drive->channel);
        break;
    case ATA_CMD_IDENTIFY:
    case 0x20: /* READ SECTOR(S): how old drivers find out what this is */
        drive_signature(drive);
        drive_fail(drive, ATA_ERROR_ABRT);
        break;
    case 0xe0: /* STANDBY IMMEDIATE */
    case 0xe1: /* IDLE IMMEDIATE */
    case 0xe2: /* STANDBY */
    case 0xe3: /* IDLE */
    case 0xe6: /* SLEEP */
        drive_complete(drive);
        break;
    case 0xe5: /* CHECK POWER MODE */
        drive->count[0] = 0xff;
        drive_complete(drive);
        break;
    case 0xef: /* SET FEATURES */
        ata_set_features(drive);
        break;
    default:
        drive_fail(drive, ATA_ERROR_ABRT);
        break;
    }
}

void atapi_medium_changed(struct ide_drive *drive, bool had, bool has)
{
    drive->feature_event = drive->feature_event || had || has;
    if (has) {
        drive->attention = true;
        drive->media_event = MEDIA_EVENT_NEW;
    } else if (had) {
        drive->attention = false;
        drive->media_event = MEDIA_EVENT_REMOVAL;
    }
}

void atapi_eject_requested(struct ide_drive *drive)
{
    drive->media_event = MEDIA_EVENT_EJECT;
}

const struct ide_command_set atapi_command_set = {
    .command = atapi_command,
    .block_moved = atapi_block_moved,
    .chunk_done = atapi_chunk_done,
    .reply_done = atapi_good,
    .failed = atapi_failed,
    .format = atapi_format,
    .unit_bytes = CD_SECTOR_BYTES,
    .reset_status = 0,
    .signature_mid = 0x14,
    .signature_high = 0xeb,
};
