/*
 * ATA disk commands: the command set of ATA/ATAPI-7 volume 1 (T13 1532D), chapter 6, for a drive with
 * 28- and 48-bit addresses. Internal to hw/ide; the entry is ata_command_set in hw/ide/drive.h.
 *
 * Data moves through the drive's 64 KiB buffer: a PIO read fetches up to 128 sectors at a time and hands
 * them out in DRQ blocks, a PIO write collects as many before it goes to the disk. An error found then is
 * reported with the first address of the batch.
 *
 * Not modelled: passwords of the security and host protected area feature sets; overlap, streaming, media card
 * and device configuration; these commands are aborted.
 */
#ifndef HW_IDE_ATA_H
#define HW_IDE_ATA_H

#include <stdint.h>

#include "hw/ide/drive.h"

/* Command codes that code outside ata.c needs. */
#define ATA_CMD_DEVICE_RESET       0x08
#define ATA_CMD_DIAGNOSTIC         0x90
#define ATA_CMD_PACKET             0xa0
#define ATA_CMD_IDENTIFY_PACKET    0xa1
#define ATA_CMD_IDENTIFY           0xec

enum ata_power { ATA_POWER_ACTIVE, ATA_POWER_STANDBY, ATA_POWER_SLEEP };

/* The usual translation of a disk's size: 16 heads, 63 sectors, at most 16383 cylinders. */
struct ide_geometry ata_default_geometry(uint64_t sectors);

/* SET FEATURES, for both kinds of drive. Ends the command. */
void ata_set_features(struct ide_drive *drive);
/* SMART. True: the answer, one sector, is in pio; false: the command has been ended. */
bool ata_smart(struct ide_drive *drive);

/* The address registers, in the form of the command. False: an address that the translation does not have. */
bool ata_get_address(const struct ide_drive *drive, bool ext, uint64_t *lba);
void ata_put_address(struct ide_drive *drive, uint64_t lba);

/* ata_protect.c. READ NATIVE MAX ADDRESS and SET MAX (drive->ext says which), DATA SET MANAGEMENT:
 * end the command, or start its I/O. */
void ata_native_max(struct ide_drive *drive);
void ata_set_max(struct ide_drive *drive, bool after_native_max);
void ata_data_set_management(struct ide_drive *drive);
/* drive->sectors from the medium's and the set maximum. */
void ata_apply_limit(struct ide_drive *drive);

/* ata_security.c. SECURITY FREEZE LOCK; ERASE PREPARE; SET PASSWORD, UNLOCK, ERASE UNIT (prepared: right after the
 * latter), DISABLE PASSWORD: end the command, or ask for its data. */
void ata_security_freeze(struct ide_drive *drive);
void ata_security_erase_prepare(struct ide_drive *drive);
void ata_security_command(struct ide_drive *drive, bool prepared);
/* SET MAX SET PASSWORD and UNLOCK, SET MAX LOCK. */
void ata_set_max_password(struct ide_drive *drive);
void ata_set_max_lock(struct ide_drive *drive);
bool ata_set_max_locked(const struct ide_drive *drive);
/* The data of one of these has come, in pio. False: the command is none of these. */
bool ata_security_data(struct ide_drive *drive);
/* After a power-on or hardware reset. */
void ata_security_power_on(struct ide_drive *drive);
/* Word 128 of IDENTIFY DEVICE. */
uint16_t ata_security_status(const struct ide_drive *drive);
/* For the engine: sectors to zero at drive->lba; all are zero now. */
uint32_t ata_erase_next(const struct ide_drive *drive);
void ata_erase_done(struct ide_drive *drive);

#define ATA_TRIM_BLOCKS 8 /* of 512 bytes, that DATA SET MANAGEMENT takes at most */

/* For the engine. Fetches the list of ranges into pio; false: not now. */
bool ata_trim_fetch(struct ide_drive *drive);
/* The next range that is not empty: 1; none: 0; one that is not on the disk: -1. */
int ata_trim_next(struct ide_drive *drive, uint64_t *lba, uint32_t *count);
/* The present range is dealt with. */
void ata_trim_done(struct ide_drive *drive);

#endif
