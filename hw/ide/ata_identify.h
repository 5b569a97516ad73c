/*
 * The answers to IDENTIFY DEVICE and IDENTIFY PACKET DEVICE (ATA/ATAPI-7 volume 1, sections 6.17 and 6.18).
 */
#ifndef HW_IDE_ATA_IDENTIFY_H
#define HW_IDE_ATA_IDENTIFY_H

#include <stdint.h>

#include "hw/ide/drive.h"

#define ATA_LBA28_SECTORS 0x0fffffffu /* most sectors that 28-bit commands reach */

/* Transfer modes as in SET FEATURES 03h: type in the upper five bits, number in the lower three. */
#define ATA_MODE_PIO_DEFAULT 0x00
#define ATA_MODE_PIO         0x08
#define ATA_MODE_MWDMA       0x20
#define ATA_MODE_UDMA        0x40
#define ATA_MODE_PIO_MAX     4
#define ATA_MODE_MWDMA_MAX   2
#define ATA_MODE_UDMA_MAX    5

/* Fill IDENTIFY_BYTES bytes. */
void ata_identify(const struct ide_drive *drive, uint8_t *data);
void atapi_identify(const struct ide_drive *drive, uint8_t *data);

#endif
