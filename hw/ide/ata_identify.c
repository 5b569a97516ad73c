/*
 * IDENTIFY DEVICE and IDENTIFY PACKET DEVICE. See the header.
 */
#include "hw/ide/ata_identify.h"

#include <string.h>

#include "hw/ide/ata.h"
#include "hw/ide/channel.h"

#define MULTIPLE_MAX 16

static void put_word(uint8_t *data, unsigned word, uint32_t value)
{
    data[2 * word] = (uint8_t)value;
    data[2 * word + 1] = (uint8_t)(value >> 8);
}

static void put_dword(uint8_t *data, unsigned word, uint32_t value)
{
    put_word(data, word, value & 0xffff);
    put_word(data, word + 1, value >> 16);
}

/* Text is padded with blanks, and the first character is in the upper byte of a word. */
static void put_text(uint8_t *data, unsigned word, unsigned words, const char *text)
{
    size_t length = strlen(text);

    for (unsigned i = 0; i < 2 * words; i++) {
        data[2 * word + (i ^ 1)] = i < length ? (uint8_t)text[i] : ' ';
    }
}

/* The modes that can be chosen in the low byte and the chosen one in the high byte. */
static uint32_t mode_word(uint8_t current, uint8_t type, unsigned most)
{
    uint32_t word = (2u << most) - 1;

    if ((current & 0xf8) == type) {
        word |= 0x100u << (current & 7);
    }
    return word;
}

static void put_common(const struct ide_drive *drive, uint8_t *data)
{
    bool dma = drive->channel->bm != NULL;

    put_text(data, 10, 10, drive->serial);
    put_word(data, 20, 3);   /* dual-ported buffer with look-ahead */
    put_word(data, 21, 512); /* its size in sectors */
    put_text(data, 23, 4, drive->firmware);
    put_text(data, 27, 20, drive->model);
    put_word(data, 48, 1);                           /* 32-bit data port */
    put_word(data, 49, dma ? 0x0f00 : 0x0e00);       /* LBA, IORDY that can be disabled, DMA */
    put_word(data, 51, 0x0200);                      /* PIO and DMA timing of old */
    put_word(data, 52, 0x0200);
    put_word(data, 53, 0x0007);                      /* words 54-58, 64-70 and 88 are valid */
    if (dma) {
        put_word(data, 63, mode_word(drive->transfer_mode, ATA_MODE_MWDMA, ATA_MODE_MWDMA_MAX));
        put_word(data, 88, mode_word(drive->transfer_mode, ATA_MODE_UDMA, ATA_MODE_UDMA_MAX));
    }
    put_word(data, 64, 0x0003); /* PIO 3 and 4 */
    for (unsigned word = 65; word <= 68; word++) {
        put_word(data, word, 120); /* ns a cycle */
    }
    put_word(data, 80, 0x00f0); /* ATA/ATAPI-4 to -7 */
}

static void put_capacity(const struct ide_drive *drive, uint8_t *data)
{
    uint64_t cylinder = (uint64_t)drive->heads * drive->track_sectors;
    uint32_t cylinders = (uint32_t)MIN(drive->sectors / cylinder, 65535);
    uint64_t chs = MAX(cylinders, 1) * cylinder;

    put_word(data, 1, drive->geometry.cylinders);
    put_word(data, 3, drive->geometry.heads);
    put_word(data, 6, drive->geometry.sectors);
    put_word(data, 54, MAX(cylinders, 1));
    put_word(data, 55, drive->heads);
    put_word(data, 56, drive->track_sectors);
    put_dword(data, 57, (uint32_t)MIN(chs, drive->sectors));
    put_dword(data, 60, (uint32_t)MIN(drive->sectors, ATA_LBA28_SECTORS));
    put_dword(data, 100, (uint32_t)drive->sectors);
    put_dword(data, 102, (uint32_t)(drive->sectors >> 32));
}

/* Two's complement checksum over the whole block in the last byte. */
static void put_checksum(uint8_t *data)
{
    uint8_t sum = 0;

    data[510] = 0xa5;
    for (unsigned i = 0; i < 511; i++) {
        sum = (uint8_t)(sum + data[i]);
    }
    data[511] = (uint8_t)-sum;
}

void ata_identify(const struct ide_drive *drive, uint8_t *data)
{
    memset(data, 0, IDENTIFY_BYTES);
    put_common(drive, data);
    put_capacity(drive, data);
    put_word(data, 0, 0x0040); /* a fixed disk */
    put_word(data, 22, 4);     /* ECC bytes of READ LONG, for old BIOSes */
    put_word(data, 47, 0x8000 | MULTIPLE_MAX);
    put_word(data, 50, 0x4000);
    put_word(data, 59, drive->multiple != 0 ? 0x0100u | drive->multiple : 0);
    put_word(data, 82, 0x446b); /* NOP, HPA, look-ahead, write cache, power management, security, SMART */
    put_word(data, 83, 0x7500); /* FLUSH CACHE and EXT, 48-bit addresses, SET MAX passwords */
    put_word(data, 84, 0x4043u | (drive->wwn != 0 ? 0x0100 : 0)); /* WRITE DMA FUA EXT, SMART error log and self-test */
    put_word(data, 85,
             0x4408u | (drive->look_ahead ? 0x40 : 0) | (drive->write_cache ? 0x20 : 0) |
                 (drive->security.enabled ? 0x02 : 0) | (drive->smart ? 0x01 : 0));
    put_word(data, 86, 0x3400u | (drive->security.max_set ? 0x0100 : 0));
    put_word(data, 87, 0x4043u | (drive->wwn != 0 ? 0x0100 : 0));
    for (unsigned i = 0; i < 4; i++) {
        put_word(data, 108 + i, (uint32_t)(drive->wwn >> (48 - 16 * i)) & 0xffff);
    }
    if (drive->physical_bytes > ATA_SECTOR_BYTES) {
        unsigned exponent = (unsigned)g_bit_storage(drive->physical_bytes / ATA_SECTOR_BYTES) - 1;
        put_word(data, 106, 0x6000u | exponent);
    }
    put_word(data, 105, ATA_TRIM_BLOCKS);
    put_word(data, 89, 1); /* minutes, in units of two, that SECURITY ERASE UNIT takes */
    put_word(data, 90, 1);
    put_word(data, 92, drive->security.revision);
    put_word(data, 128, ata_security_status(drive));
    put_word(data, 169, 0x0001); /* TRIM */
    /* Reset result: this drive passed, 80-conductor cable seen. */
    put_word(data, 93, drive->unit == 0 ? 0x600b : 0x6b00);
    put_checksum(data);
}

void atapi_identify(const struct ide_drive *drive, uint8_t *data)
{
    memset(data, 0, IDENTIFY_BYTES);
    put_common(drive, data);
    put_word(data, 0, 0x85c0);  /* ATAPI CD-ROM, removable, DRQ within 50 us, 12-byte packets */
    put_word(data, 71, 30);     /* us from PACKET to bus release, SERVICE to BSY clear */
    put_word(data, 72, 30);
    put_word(data, 125, IDE_BYTE_LIMIT_MAX); /* what a byte count limit of 0 means */
    put_word(data, 82, 0x4210); /* NOP, DEVICE RESET, PACKET */
    put_word(data, 83, 0x4000);
    put_word(data, 84, 0x4000);
    put_word(data, 85, 0x4210);
    put_word(data, 87, 0x4000);
    put_checksum(data);
}
