/*
 * ATAPI CD/DVD drives: the PACKET protocol (ATA/ATAPI-7 volume 2, section 11.8) and the multimedia commands
 * (SFF-8020i, MMC-3) of a read-only drive with one data track. Internal to hw/ide but for what
 * hw/ide/channel.h says about media; the entry is atapi_command_set in hw/ide/drive.h.
 *
 * atapi.c moves packets, data and status; atapi_commands.c knows the commands with short answers,
 * atapi_mode.c the mode pages, atapi_disc.c and atapi_dvd.c what tells about the disc.
 *
 * Not modelled: audio (no track has any), writing, C2 errors, raw sub-channels, DVD keys, and the tray's motor (it
 * takes no time).
 */
#ifndef HW_IDE_ATAPI_H
#define HW_IDE_ATAPI_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/ide/drive.h"

/* Sense keys */
#define SENSE_NONE            0x0
#define SENSE_NOT_READY       0x2
#define SENSE_MEDIUM_ERROR    0x3
#define SENSE_ILLEGAL_REQUEST 0x5
#define SENSE_UNIT_ATTENTION  0x6

/* Additional sense codes (code << 8 | qualifier) */
#define ASC_UNRECOVERED_READ   0x1100
#define ASC_LIST_LENGTH        0x1a00
#define ASC_ILLEGAL_OPCODE     0x2000
#define ASC_OUT_OF_RANGE       0x2100
#define ASC_INVALID_FIELD      0x2400
#define ASC_INVALID_PARAMETER  0x2600
#define ASC_MEDIUM_CHANGED     0x2800
#define ASC_SAVING_UNSUPPORTED 0x3900
#define ASC_NO_MEDIUM          0x3a01 /* and the tray is closed */
#define ASC_NO_MEDIUM_OPEN     0x3a02
#define ASC_INCOMPATIBLE       0x3002
#define ASC_REMOVAL_PREVENTED  0x5302
#define ASC_WRONG_TRACK_MODE   0x6400

/* Media events of GET EVENT STATUS NOTIFICATION */
#define MEDIA_EVENT_NONE    0
#define MEDIA_EVENT_EJECT   1
#define MEDIA_EVENT_NEW     2
#define MEDIA_EVENT_REMOVAL 3

/* More sectors than fit on any CD: the disc is a DVD. 99 minutes of 60 seconds of 75 sectors. */
#define CD_MAX_SECTORS (99u * 60 * 75)

/* A row of the command table. run ends the command or starts its data. */
struct atapi_entry {
    uint8_t code, flags;
    void (*run)(struct ide_drive *drive, const uint8_t *packet);
};
#define ATAPI_NEEDS_DISC     1 /* NOT READY without one */
#define ATAPI_SKIP_ATTENTION 2 /* runs although unit attention is pending */

extern const struct atapi_entry atapi_commands[], atapi_disc_commands[]; /* ended by run == NULL */

bool atapi_has_disc(const struct ide_drive *drive);

/* How a command goes on: good status, CHECK CONDITION, an answer of `size` bytes in pio of which at most
 * `wanted` are sent, or `count` sectors from `lba` (checked here), each sent as `sector_bytes`. */
void atapi_good(struct ide_drive *drive);
void atapi_check(struct ide_drive *drive, uint8_t key, uint16_t asc);
void atapi_reply(struct ide_drive *drive, uint32_t size, uint32_t wanted);
void atapi_read(struct ide_drive *drive, uint64_t lba, uint32_t count, uint16_t sector_bytes);

/* `bytes` bytes from the guest to pio[0..fill), then atapi_mode_taken(). */
void atapi_want(struct ide_drive *drive, uint32_t bytes);
/* NOT READY, and why. */
void atapi_no_disc(struct ide_drive *drive);

/* atapi_mode.c. MODE SENSE and MODE SELECT; the latter's data has come; power-on. */
void atapi_mode_sense(struct ide_drive *drive, const uint8_t *packet);
void atapi_mode_select(struct ide_drive *drive, const uint8_t *packet);
void atapi_mode_taken(struct ide_drive *drive);
void atapi_mode_reset(struct ide_drive *drive);

/* atapi_dvd.c */
void atapi_read_dvd_structure(struct ide_drive *drive, const uint8_t *packet);

/* READ CD: what to send of each sector */
#define READ_CD_SYNC   0x80
#define READ_CD_HEADER 0x20
#define READ_CD_USER   0x10
#define READ_CD_CHECKS 0x08 /* EDC and ECC */
#define READ_CD_PARTS  0xf8 /* of these, 40h is the subheader, which mode 1 does not have */
/* Bytes that are sent of a sector. */
uint16_t atapi_parts_bytes(uint8_t parts);

/* The monitor has put a disc in, taken it out or changed it. */
void atapi_medium_changed(struct ide_drive *drive, bool had, bool has);
/* The monitor has pressed the button while the tray was locked. */
void atapi_eject_requested(struct ide_drive *drive);

/* Big-endian fields, as in all SCSI structures. */
static inline uint32_t atapi_be16(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 8 | bytes[1];
}

static inline uint32_t atapi_be24(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 16 | atapi_be16(bytes + 1);
}

static inline uint32_t atapi_be32(const uint8_t *bytes)
{
    return atapi_be16(bytes) << 16 | atapi_be16(bytes + 2);
}

static inline void atapi_put16(uint8_t *bytes, uint32_t value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

static inline void atapi_put32(uint8_t *bytes, uint32_t value)
{
    atapi_put16(bytes, value >> 16);
    atapi_put16(bytes + 2, value);
}

/* Minute, second, frame of an address; address 0 is 00:02.00. */
void atapi_put_msf(uint8_t *bytes, uint32_t lba);

#endif
