/*
 * Packet commands about the disc: MMC-3 chapter 6 (READ CD, READ TOC/PMA/ATIP, READ DISC INFORMATION ..) and
 * the block commands. The disc has one session with one data track, which starts at address 0.
 */
#include <string.h>

#include "hw/ide/atapi.h"
#include "hw/ide/channel.h"

#define LEAD_OUT     0xaa
#define CONTROL_DATA 0x14 /* ADR 1 (position), control 4 (data track) */

#define READ_CD_EXTRAS 0x07 /* C2 errors; in the next byte the sub-channels */

static void invalid_field(struct ide_drive *drive)
{
    atapi_check(drive, SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD);
}

/* Sectors as a 32-bit number: no command can address more. */
static uint32_t disc_sectors(const struct ide_drive *drive)
{
    return (uint32_t)MIN(drive->sectors, UINT32_MAX);
}

static void run_read_10(struct ide_drive *drive, const uint8_t *packet)
{
    atapi_read(drive, atapi_be32(packet + 2), atapi_be16(packet + 7), CD_SECTOR_BYTES);
}

static void run_read_12(struct ide_drive *drive, const uint8_t *packet)
{
    atapi_read(drive, atapi_be32(packet + 2), atapi_be32(packet + 6), CD_SECTOR_BYTES);
}

/* Parts must lie one behind the other; the subheader, which a sector in mode 1 does not have, does not count. */
static bool is_contiguous(unsigned parts)
{
    static const uint8_t order[] = {READ_CD_SYNC, READ_CD_HEADER, READ_CD_USER, READ_CD_CHECKS};
    unsigned runs = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(order); i++) {
        bool before = i > 0 && (parts & order[i - 1]) != 0;
        runs += (parts & order[i]) != 0 && !before;
    }
    return runs <= 1;
}

static void read_cd(struct ide_drive *drive, uint64_t lba, uint32_t count, const uint8_t *packet)
{
    unsigned type = packet[1] >> 2 & 7, parts = packet[9] & READ_CD_PARTS;
    uint16_t bytes = atapi_parts_bytes((uint8_t)parts);

    if (type == 1 || type > 2) {
        atapi_check(drive, SENSE_ILLEGAL_REQUEST, ASC_WRONG_TRACK_MODE);
    } else if ((packet[9] & READ_CD_EXTRAS) != 0 || (packet[10] & READ_CD_EXTRAS) != 0 ||
               !is_contiguous(parts)) {
        invalid_field(drive);
    } else if (bytes == 0) {
        atapi_good(drive);
    } else {
        drive->cd_parts = (uint8_t)parts;
        atapi_read(drive, lba, count, bytes);
    }
}

static void run_read_cd(struct ide_drive *drive, const uint8_t *packet)
{
    read_cd(drive, atapi_be32(packet + 2), atapi_be24(packet + 6), packet);
}

static bool from_msf(const uint8_t *bytes, uint32_t *lba)
{
    uint32_t frames = (bytes[0] * 60u + bytes[1]) * 75 + bytes[2];

    if (bytes[1] > 59 || bytes[2] > 74 || frames < 150) {
        return false;
    }
    *lba = frames - 150;
    return true;
}

static void run_read_cd_msf(struct ide_drive *drive, const uint8_t *packet)
{
    uint32_t first, end;

    if (!from_msf(packet + 3, &first) || !from_msf(packet + 6, &end) || end < first) {
        invalid_field(drive);
    } else {
        read_cd(drive, first, end - first, packet);
    }
}

static void run_seek(struct ide_drive *drive, const uint8_t *packet)
{
    if (atapi_be32(packet + 2) >= drive->sectors) {
        atapi_check(drive, SENSE_ILLEGAL_REQUEST, ASC_OUT_OF_RANGE);
    } else {
        atapi_good(drive);
    }
}

static void run_read_capacity(struct ide_drive *drive, const uint8_t *packet)
{
    uint32_t sectors = disc_sectors(drive);

    atapi_put32(drive->pio, sectors != 0 ? sectors - 1 : 0);
    atapi_put32(drive->pio + 4, CD_SECTOR_BYTES);
    atapi_reply(drive, 8, 8);
}

/* An address in a table of contents: 4 bytes. */
static void put_address(uint8_t *bytes, uint32_t lba, bool msf)
{
    if (msf) {
        bytes[0] = 0;
        atapi_put_msf(bytes + 1, lba);
    } else {
        atapi_put32(bytes, lba);
    }
}

/* Time since the start of the track. */
static void put_relative_msf(uint8_t *bytes, uint32_t frames)
{
    bytes[0] = 0;
    bytes[1] = (uint8_t)(frames / (60 * 75));
    bytes[2] = (uint8_t)(frames / 75 % 60);
    bytes[3] = (uint8_t)(frames % 75);
}

static uint8_t *put_track(uint8_t *at, uint8_t track, uint32_t lba, bool msf)
{
    memset(at, 0, 8);
    at[1] = CONTROL_DATA;
    at[2] = track;
    put_address(at + 4, lba, msf);
    return at + 8;
}

/* Format 0: the tracks from `first` on, and the lead-out. */
static uint8_t *put_toc(struct ide_drive *drive, uint8_t *at, uint8_t first, bool msf)
{
    if (first <= 1) {
        at = put_track(at, 1, 0, msf);
    }
    return put_track(at, LEAD_OUT, disc_sectors(drive), msf);
}

/* One entry of format 2: a point of the lead-in's Q sub-channel. */
static uint8_t *put_point(uint8_t *at, uint8_t point, uint8_t m, uint8_t s, uint8_t f)
{
    memset(at, 0, 11);
    at[0] = 1; /* session */
    at[1] = CONTROL_DATA;
    at[3] = point;
    at[8] = m;
    at[9] = s;
    at[10] = f;
    return at + 11;
}

static uint8_t *put_full_toc(struct ide_drive *drive, uint8_t *at)
{
    uint8_t msf[3];

    at = put_point(at, 0xa0, 1, 0, 0); /* first track, disc type CD-ROM */
    at = put_point(at, 0xa1, 1, 0, 0); /* last track */
    atapi_put_msf(msf, disc_sectors(drive));
    at = put_point(at, 0xa2, msf[0], msf[1], msf[2]); /* lead-out */
    return put_point(at, 1, 0, 2, 0);
}

static void run_read_toc(struct ide_drive *drive, const uint8_t *packet)
{
    unsigned format = packet[2] & 0x0f;
    bool msf = (packet[1] & 0x02) != 0;
    uint8_t track = packet[6];
    uint8_t *data = drive->pio, *at = data + 4;

    if (format == 0) {
        format = packet[9] >> 6; /* where SFF-8020i had it */
    }
    if (format == 0 && (track <= 1 || track == LEAD_OUT)) {
        at = put_toc(drive, at, track, msf);
    } else if (format == 1) {
        at = put_track(at, 1, 0, msf); /* first track of the last session */
    } else if (format == 2 && track <= 1) {
        at = put_full_toc(drive, at);
    } else {
        invalid_field(drive);
        return;
    }
    atapi_put16(data, (uint32_t)(at - data) - 2);
    data[2] = data[3] = 1; /* first and last track or session */
    atapi_reply(drive, (uint32_t)(at - data), atapi_be16(packet + 7));
}

static void run_read_disc_information(struct ide_drive *drive, const uint8_t *packet)
{
    uint8_t *data = drive->pio;

    if ((packet[1] & 7) != 0) {
        invalid_field(drive);
        return;
    }
    memset(data, 0, 34);
    atapi_put16(data, 32);
    data[2] = 0x0e; /* complete disc, last session complete */
    data[3] = 1;    /* first track */
    data[4] = 1;    /* sessions */
    data[5] = 1;    /* first and last track of the last session */
    data[6] = 1;
    data[7] = 0x20; /* unrestricted use */
    atapi_put32(data + 16, UINT32_MAX);
    atapi_put32(data + 20, UINT32_MAX);
    atapi_reply(drive, 34, atapi_be16(packet + 7));
}

static void run_read_track_information(struct ide_drive *drive, const uint8_t *packet)
{
    uint8_t *data = drive->pio;
    uint32_t wanted = atapi_be32(packet + 2);

    if ((packet[1] & 3) == 0 ? wanted >= disc_sectors(drive) : wanted != 1) {
        invalid_field(drive);
        return;
    }
    memset(data, 0, 36);
    atapi_put16(data, 34);
    data[2] = 1; /* track */
    data[3] = 1; /* session */
    data[5] = 4; /* data track */
    data[6] = 1; /* mode 1 */
    atapi_put32(data + 24, disc_sectors(drive));
    atapi_reply(drive, 36, atapi_be16(packet + 7));
}

/* Where the head is: at the sector that was read last. */
static uint32_t head_position(const struct ide_drive *drive)
{
    uint32_t sectors = disc_sectors(drive);

    return drive->lba == 0 || sectors == 0 ? 0 : (uint32_t)MIN(drive->lba, sectors) - 1;
}

/* No track has audio, so nothing plays; position, catalogue number and ISRC are told all the same. */
static void run_read_sub_channel(struct ide_drive *drive, const uint8_t *packet)
{
    bool msf = (packet[1] & 0x02) != 0;
    uint8_t format = packet[3], track = packet[6];
    uint8_t *data = drive->pio;
    uint32_t size = 4;

    memset(data, 0, 24);
    data[1] = 0x15; /* no audio status */
    if ((packet[2] & 0x40) != 0) { /* the Q sub-channel */
        if (format < 1 || format > 3 || (format == 3 && track != 1)) {
            invalid_field(drive);
            return;
        }
        size = format == 1 ? 16 : 24;
        data[4] = format;
        if (format != 2) {
            data[5] = CONTROL_DATA;
            data[6] = 1;
        }
        if (format == 1) {
            data[7] = 1; /* index */
            put_address(data + 8, head_position(drive), msf);
            put_address(data + 12, head_position(drive), msf); /* the track starts at 0 .. */
            if (msf) {
                put_relative_msf(data + 12, head_position(drive)); /* .. which is 00:00.00 in the track */
            }
        } /* 2, 3: the valid bits stay clear: there is no such number */
    }
    atapi_put16(data + 2, size - 4);
    atapi_reply(drive, size, atapi_be16(packet + 7));
}

static void run_read_header(struct ide_drive *drive, const uint8_t *packet)
{
    uint32_t lba = atapi_be32(packet + 2);

    if (lba >= disc_sectors(drive)) {
        atapi_check(drive, SENSE_ILLEGAL_REQUEST, ASC_OUT_OF_RANGE);
        return;
    }
    memset(drive->pio, 0, 8);
    drive->pio[0] = 1; /* mode 1 */
    put_address(drive->pio + 4, lba, (packet[1] & 0x02) != 0);
    atapi_reply(drive, 8, atapi_be16(packet + 7));
}

const struct atapi_entry atapi_disc_commands[] = {
    {0x25, ATAPI_NEEDS_DISC, run_read_capacity},          /* READ CAPACITY */
    {0x28, ATAPI_NEEDS_DISC, run_read_10},                /* READ (10) */
    {0x2b, ATAPI_NEEDS_DISC, run_seek},                   /* SEEK (10) */
    {0x42, ATAPI_NEEDS_DISC, run_read_sub_channel},       /* READ SUB-CHANNEL */
    {0x43, ATAPI_NEEDS_DISC, run_read_toc},               /* READ TOC/PMA/ATIP */
    {0x44, ATAPI_NEEDS_DISC, run_read_header},            /* READ HEADER */
    {0x51, ATAPI_NEEDS_DISC, run_read_disc_information},  /* READ DISC INFORMATION */
    {0x52, ATAPI_NEEDS_DISC, run_read_track_information}, /* READ TRACK INFORMATION */
    {0xa8, ATAPI_NEEDS_DISC, run_read_12},                /* READ (12) */
    {0xad, ATAPI_NEEDS_DISC, atapi_read_dvd_structure},   /* READ DVD STRUCTURE */
    {0xb9, ATAPI_NEEDS_DISC, run_read_cd_msf},            /* READ CD MSF */
    {0xbe, ATAPI_NEEDS_DISC, run_read_cd},                /* READ CD */
    {0, 0, NULL},
};
