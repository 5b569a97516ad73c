/*
 * ATA disk commands: the command set of ATA/ATAPI-7 volume 1 (T13 1532D), chapter 6, for a drive with
 * 28- and 48-bit addresses. Internal to hw/ide; the entry is ata_command_set in hw/ide/drive.h.
 *
 * Data moves through the drive's 64 KiB buffer: a PIO read fetches up to 128 sectors at a time and hands
 * them out in DRQ blocks, a PIO write collects as many before it goes to the disk. An error found then is
 * reported with the first address of the batch.
 *
 * Not modelled: the security, host protected area (but for READ NATIVE MAX), overlap, streaming, media card
 * and device configuration feature sets; these commands are aborted.
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

#endif
