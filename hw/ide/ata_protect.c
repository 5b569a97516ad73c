/*
 * Host protected area (ATA/ATAPI-7 volume 1, sections 4.9, 6.27 and 6.47; its passwords are in ata_security.c);
 * and DATA SET MANAGEMENT with TRIM (ATA8-ACS, 7.10).
 *
 * A volatile maximum is forgotten at power-on and hardware reset, the other one when vmm ends.
 */
#include "hw/ide/ata.h"

#include <string.h>

#include "hw/ide/ata_identify.h"
#include "hw/ide/busmaster.h"
#include "hw/ide/channel.h"

/* SET MAX's subcommands, in the features register */
#define SET_MAX_ADDRESS 0x00
#define SET_MAX_PASSWORD 0x01
#define SET_MAX_LOCK    0x02
#define SET_MAX_UNLOCK  0x03
#define SET_MAX_FREEZE  0x04

#define SET_MAX_KEEP 0x01 /* VV, in the sector count register */

#define DSM_TRIM        0x01
#define TRIM_ENTRY      8 /* bytes: address of 48 bits, count of 16 */

void ata_apply_limit(struct ide_drive *drive)
{
    drive->sectors = drive->native_sectors;
    if (drive->kind == IDE_DISK && drive->max_sectors != 0) {
        drive->sectors = MIN(drive->max_sectors, drive->native_sectors);
    }
}

void ata_native_max(struct ide_drive *drive)
{
    if (!drive->ext && (drive->device & ATA_DEVICE_LBA) == 0) {
        ata_put_address(drive, (uint64_t)drive->geometry.cylinders * drive->heads *
                                       drive->track_sectors - 1);
    } else {
        ata_put_address(drive, (drive->ext ? drive->native_sectors
                                           : MIN(drive->native_sectors, ATA_LBA28_SECTORS)) - 1);
    }
    drive->native_max_read = true;
    drive_complete(drive);
}

/* Only at once after READ NATIVE MAX ADDRESS (of the same width) may the maximum be changed. */
static void set_max_address(struct ide_drive *drive, bool allowed)
{
    uint64_t lba;

    if (!allowed || !ata_get_address(drive, drive->ext, &lba)) {
        drive_fail(drive, ATA_ERROR_ABRT);
        return;
    }
    if (lba >= drive->native_sectors) {
        drive_fail(drive, ATA_ERROR_IDNF);
        return;
    }
    drive->max_sectors = lba + 1 == drive->native_sectors ? 0 : lba + 1;
    if (drive->count[0] & SET_MAX_KEEP) {
        drive->max_kept = drive->max_sectors;
    }
    ata_apply_limit(drive);
    drive_complete(drive);
}

void ata_set_max(struct ide_drive *drive, bool after_native_max)
{
    uint8_t function = drive->ext ? SET_MAX_ADDRESS : drive->features[0];

    /* The subcommand counts only where READ NATIVE MAX ADDRESS did not come before. */
    if (after_native_max) {
        function = SET_MAX_ADDRESS;
    }
    if (drive->max_frozen && function != SET_MAX_FREEZE) {
        drive_fail(drive, ATA_ERROR_ABRT);
        return;
    }
    switch (function) {
    case SET_MAX_ADDRESS:
        set_max_address(drive, after_native_max && !ata_set_max_locked(drive));
        break;
    case SET_MAX_PASSWORD:
    case SET_MAX_UNLOCK:
        ata_set_max_password(drive);
        break;
    case SET_MAX_LOCK:
        ata_set_max_lock(drive);
        break;
    case SET_MAX_FREEZE:
        drive->max_frozen = true;
        drive_complete(drive);
        break;
    default:
        drive_fail(drive, ATA_ERROR_ABRT);
        break;
    }
}

void ata_data_set_management(struct ide_drive *drive)
{
    uint32_t blocks = drive->count[0] | (uint32_t)drive->count[1] << 8;

    if (drive->features[0] != DSM_TRIM || blocks == 0 || blocks > ATA_TRIM_BLOCKS ||
        drive->channel->bm == NULL || block_read_only(drive->block)) {
        drive_fail(drive, ATA_ERROR_ABRT);
        return;
    }
    drive->dma = true;
    drive->ext = true;
    drive->remaining = blocks;
    drive->per_block = 1;
    drive->position = drive->fill = 0; /* of the list */
    drive_block(drive, OP_TRIM);
}

bool ata_trim_fetch(struct ide_drive *drive)
{
    struct busmaster *bm = drive->channel->bm;
    uint32_t bytes = drive->remaining * ATA_SECTOR_BYTES;

    if (!busmaster_ready(bm)) {
        return false;
    }
    drive->fill = busmaster_transfer(bm, drive->pio, bytes, false);
    busmaster_commit(bm);
    if (drive->fill != bytes) {
        drive->fill = 0;
        return false;
    }
    drive->position = 0;
    return true;
}

int ata_trim_next(struct ide_drive *drive, uint64_t *lba, uint32_t *count)
{
    for (; drive->position + TRIM_ENTRY <= drive->fill; drive->position += TRIM_ENTRY) {
        uint64_t entry;

        memcpy(&entry, drive->pio + drive->position, sizeof(entry));
        entry = GUINT64_FROM_LE(entry);
        *lba = entry & 0xffffffffffffull;
        *count = (uint32_t)(entry >> 48);
        if (*count > 0) {
            bool there = *lba < drive->sectors && *count <= drive->sectors - *lba;

            drive->lba = *lba;
            return there ? 1 : -1;
        }
    }
    return 0;
}

void ata_trim_done(struct ide_drive *drive)
{
    drive->position += TRIM_ENTRY;
    drive_advance(drive);
}
