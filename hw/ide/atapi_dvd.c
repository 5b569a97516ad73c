/*
 * READ DVD STRUCTURE (MMC-3, 6.27; layer descriptor: table 258): an image that is larger than any CD is a DVD-ROM of
 * one layer, or of two with opposite track paths. Without copy protection, burst cutting area, or a key.
 */
#include <string.h>

#include "hw/ide/atapi.h"
#include "hw/ide/channel.h"

#define FORMAT_PHYSICAL      0x00
#define FORMAT_COPYRIGHT     0x01
#define FORMAT_MANUFACTURER  0x04
#define FORMAT_LIST          0xff

#define STRUCTURE_HEADER 4
#define STRUCTURE_BYTES  2048
#define LAYER_SECTORS    2298496u /* of a disc of one layer */
#define FIRST_SECTOR     0x030000u
#define SECTOR_MASK      0xffffffu /* numbers of physical sectors */

static void put24(uint8_t *bytes, uint32_t value)
{
    bytes[0] = 0;
    bytes[1] = (uint8_t)(value >> 16);
    atapi_put16(bytes + 2, value & 0xffff);
}

static void put_physical(const struct ide_drive *drive, uint8_t *data)
{
    uint32_t sectors = (uint32_t)MIN(drive->sectors, 2 * LAYER_SECTORS);
    bool two = sectors > LAYER_SECTORS;
    uint32_t first_layer = two ? (sectors + 1) / 2 : sectors;
    uint32_t first_end = FIRST_SECTOR + first_layer - 1;

    data[0] = 0x01;              /* DVD-ROM, version 1 */
    data[1] = 0x02;              /* 120 mm, 10 Mbit/s */
    data[2] = two ? 0x31 : 0x01; /* embossed; two layers, opposite track path */
    put24(data + 4, FIRST_SECTOR);
    /* On the second layer numbers are the complement of those below. */
    put24(data + 8, two ? (~first_end & SECTOR_MASK) + (sectors - first_layer) - 1 : first_end);
    put24(data + 12, two ? first_end : 0);
}

/* One row of the list of structures: it can be read. */
static uint8_t *put_row(uint8_t *at, uint8_t format, uint32_t bytes)
{
    at[0] = format;
    at[1] = 0x40;
    atapi_put16(at + 2, bytes);
    return at + 4;
}

void atapi_read_dvd_structure(struct ide_drive *drive, const uint8_t *packet)
{
    uint8_t *data = drive->pio, *body = data + STRUCTURE_HEADER;
    uint32_t bytes = STRUCTURE_BYTES;
    uint8_t layer = packet[6], format = packet[7];

    if (drive->sectors <= CD_MAX_SECTORS) {
        atapi_check(drive, SENSE_ILLEGAL_REQUEST, ASC_INCOMPATIBLE);
        return;
    }
    memset(data, 0, STRUCTURE_HEADER + STRUCTURE_BYTES);
    if (layer > (drive->sectors > LAYER_SECTORS) && format <= FORMAT_MANUFACTURER) {
        format = 0xfe; /* there is no such layer */
    }
    switch (format) {
    case FORMAT_PHYSICAL:
        put_physical(drive, body);
        break;
    case FORMAT_COPYRIGHT:
        bytes = 4; /* no protection, no region */
        break;
    case FORMAT_MANUFACTURER:
        break;
    case FORMAT_LIST:
        body = put_row(body, FORMAT_PHYSICAL, STRUCTURE_BYTES + 2);
        body = put_row(body, FORMAT_COPYRIGHT, 4 + 2);
        body = put_row(body, FORMAT_MANUFACTURER, STRUCTURE_BYTES + 2);
        bytes = (uint32_t)(body - data) - STRUCTURE_HEADER;
        break;
    default:
        atapi_check(drive, SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD);
        return;
    }
    atapi_put16(data, bytes + 2);
    atapi_reply(drive, STRUCTURE_HEADER + bytes, atapi_be16(packet + 8));
}
