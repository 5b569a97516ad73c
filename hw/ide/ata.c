/*
 * ATA disk commands. See the header.
 */
#include "hw/ide/ata.h"

#include <errno.h>

#include "core/log.h"
#include "core/machine.h"
#include "hw/ide/ata_identify.h"
#include "hw/ide/channel.h"

#define MULTIPLE_MAX 16

/* Bits of a command table entry. */
enum {
    EXT = 1,      /* 48-bit address and count */
    DMA = 2,      /* through the bus master */
    MULTIPLE = 4, /* DRQ blocks of SET MULTIPLE MODE's size */
    FUA = 8,      /* on the medium before completion */
    LOCKED = 16,  /* aborted while the drive is locked (ATA/ATAPI-7 volume 1, table of section 4.7) */
    AFTER_NATIVE_MAX = 32, /* added when it is run: the command before was READ NATIVE MAX ADDRESS */
    AFTER_PREPARE = 64,    /* .. SECURITY ERASE PREPARE */
};

struct ata_entry {
    uint8_t code;
    uint8_t flags;
    void (*run)(struct ide_drive *drive, unsigned flags);
};

struct ide_geometry ata_default_geometry(uint64_t sectors)
{
    uint64_t cylinders = sectors / (16 * 63);

    return (struct ide_geometry){
        .cylinders = (uint16_t)MIN(MAX(cylinders, 1), 16383), .heads = 16, .sectors = 63};
}

static void abort_command(struct ide_drive *drive)
{
    drive_fail(drive, ATA_ERROR_ABRT);
}

bool ata_get_address(const struct ide_drive *drive, bool ext, uint64_t *lba)
{
    uint32_t low = drive->lba_low[0] | (uint32_t)drive->lba_mid[0] << 8 |
                   (uint32_t)drive->lba_high[0] << 16;
    unsigned head = drive->device & 0x0f;

    if (ext) {
        *lba = low | (uint64_t)drive->lba_low[1] << 24 | (uint64_t)drive->lba_mid[1] << 32 |
               (uint64_t)drive->lba_high[1] << 40;
        return true;
    }
    if (drive->device & ATA_DEVICE_LBA) {
        *lba = low | head << 24;
        return true;
    }
    *lba = ((uint64_t)(low >> 8) * drive->heads + head) * drive->track_sectors +
           drive->lba_low[0] - 1;
    return head < drive->heads && drive->lba_low[0] != 0 &&
           drive->lba_low[0] <= drive->track_sectors;
}

void ata_put_address(struct ide_drive *drive, uint64_t lba)
{
    if (!drive->ext && (drive->device & ATA_DEVICE_LBA) == 0) {
        uint64_t track = lba / drive->track_sectors;
        uint64_t cylinder = track / drive->heads;

        drive->lba_low[0] = (uint8_t)(lba % drive->track_sectors + 1);
        drive->lba_mid[0] = (uint8_t)cylinder;
        drive->lba_high[0] = (uint8_t)(cylinder >> 8);
        drive->device = (uint8_t)((drive->device & 0xf0) | (track % drive->heads));
        return;
    }
    drive->lba_low[0] = (uint8_t)lba;
    drive->lba_mid[0] = (uint8_t)(lba >> 8);
    drive->lba_high[0] = (uint8_t)(lba >> 16);
    if (drive->ext) {
        drive->lba_low[1] = (uint8_t)(lba >> 24);
        drive->lba_mid[1] = (uint8_t)(lba >> 32);
        drive->lba_high[1] = (uint8_t)(lba >> 40);
    } else {
        drive->device = (uint8_t)((drive->device & 0xf0) | (lba >> 24 & 0x0f));
    }
}

/* Common start of the commands that address sectors. False: the command has been ended. */
static bool start_transfer(struct ide_drive *drive, unsigned flags)
{
    uint64_t lba;

    drive->ext = (flags & EXT) != 0;
    drive->dma = (flags & DMA) != 0;
    drive->fua = (flags & FUA) != 0 || !drive->write_cache;
    drive->per_block = flags & MULTIPLE ? drive->multiple : 1;
    if (drive->per_block == 0 || (drive->dma && drive->channel->bm == NULL)) {
        abort_command(drive);
        return false;
    }
    if (drive->ext) {
        drive->remaining = drive->count[0] | (uint32_t)drive->count[1] << 8;
        drive->remaining = drive->remaining != 0 ? drive->remaining : 65536;
    } else {
        drive->remaining = drive->count[0] != 0 ? drive->count[0] : 256;
    }
    if (!ata_get_address(drive, drive->ext, &lba) || lba >= drive->sectors) {
        drive_fail(drive, ATA_ERROR_IDNF);
        return false;
    }
    drive->lba = lba;
    if (drive->remaining > drive->sectors - lba) {
        ata_put_address(drive, drive->sectors);
        drive_fail(drive, ATA_ERROR_IDNF);
        return false;
    }
    return true;
}

/* Asks for the next DRQ block of a PIO write, behind what is in the buffer already. */
static void want_block(struct ide_drive *drive, uint32_t filled)
{
    uint32_t sectors = MIN(drive->per_block, drive->remaining - filled / ATA_SECTOR_BYTES);

    drive_pio(drive, PHASE_PIO_OUT, filled, sectors * ATA_SECTOR_BYTES);
}

/* Offers the next DRQ block of what is in the buffer. */
static void offer_block(struct ide_drive *drive, uint32_t position)
{
    uint32_t bytes = drive->per_block * ATA_SECTOR_BYTES;

    drive_pio(drive, PHASE_PIO_IN, position, MIN(bytes, drive->fill - position));
    drive_interrupt(drive);
}

/* A reply of `bytes` that is in pio already. */
static void reply(struct ide_drive *drive, uint32_t bytes)
{
    drive->ext = drive->dma = false;
    drive->remaining = 0;
    drive->per_block = bytes / ATA_SECTOR_BYTES;
    drive->fill = bytes;
    offer_block(drive, 0);
}

static void ata_block_moved(struct ide_drive *drive)
{
    if (drive->phase == PHASE_PIO_IN) {
        if (drive->position < drive->fill) {
            offer_block(drive, drive->position);
        } else if (drive->remaining != 0) {
            drive_block(drive, OP_READ);
        } else {
            drive->phase = PHASE_IDLE;
            drive->status = ATA_STATUS_DRDY | ATA_STATUS_DSC;
        }
        return;
    }
    if (ata_security_data(drive)) {
        return;
    }
    drive->fill = drive->position;
    if (drive->fill / ATA_SECTOR_BYTES < drive->remaining &&
        drive->fill + drive->per_block * ATA_SECTOR_BYTES <= IDE_PIO_BYTES) {
        want_block(drive, drive->fill);
        drive_interrupt(drive);
    } else {
        drive_block(drive, OP_WRITE);
    }
}

static void ata_chunk_done(struct ide_drive *drive, uint32_t units)
{
    if (drive->op != OP_FLUSH) {
        ata_put_address(drive, drive->lba - 1);
        drive->count[0] = (uint8_t)drive->remaining;
        drive->count[1] = (uint8_t)(drive->remaining >> 8);
    }
    if (drive->op == OP_READ && !drive->dma) {
        offer_block(drive, 0);
    } else if (drive->remaining == 0 && drive->op == OP_WRITE && drive->fua) {
        drive_block(drive, OP_FLUSH);
    } else if (drive->remaining == 0 || drive->op == OP_FLUSH) {
        drive_complete(drive);
    } else if (drive->op == OP_WRITE && !drive->dma) {
        want_block(drive, 0);
        drive_interrupt(drive);
    } else {
        drive_advance(drive);
    }
}

static void ata_reply_done(struct ide_drive *drive)
{
    drive_complete(drive);
}

static void ata_failed(struct ide_drive *drive, int error)
{
    bool reading = drive->op == OP_READ || drive->op == OP_VERIFY;

    if (drive->op != OP_FLUSH) { /* the first sector that failed */
        ata_put_address(drive, drive->lba);
    }
    if (error == -ERANGE) {
        drive_fail(drive, ATA_ERROR_IDNF);
    } else {
        drive_fail(drive, reading ? ATA_ERROR_UNC : ATA_ERROR_ABRT);
    }
}

static void run_read(struct ide_drive *drive, unsigned flags)
{
    if (start_transfer(drive, flags)) {
        drive_block(drive, OP_READ);
    }
}

static void run_verify(struct ide_drive *drive, unsigned flags)
{
    if (start_transfer(drive, flags)) {
        drive_block(drive, OP_VERIFY);
    }
}

static void run_write(struct ide_drive *drive, unsigned flags)
{
    if (!start_transfer(drive, flags)) {
        return;
    }
    if (drive->dma) {
        drive_block(drive, OP_WRITE);
    } else {
        want_block(drive, 0);
    }
}

static void run_flush(struct ide_drive *drive, unsigned flags)
{
    drive->dma = false;
    drive_block(drive, OP_FLUSH);
}

static void run_seek(struct ide_drive *drive, unsigned flags)
{
    uint64_t lba;

    if (ata_get_address(drive, false, &lba) && lba < drive->sectors) {
        drive_complete(drive);
    } else {
        drive_fail(drive, ATA_ERROR_IDNF);
    }
}

static void run_recalibrate(struct ide_drive *drive, unsigned flags)
{
    drive_complete(drive);
}

static void run_identify(struct ide_drive *drive, unsigned flags)
{
    ata_identify(drive, drive->pio);
    reply(drive, IDENTIFY_BYTES);
}

static void run_set_multiple(struct ide_drive *drive, unsigned flags)
{
    uint8_t count = drive->count[0];

    if (count > MULTIPLE_MAX || (count & (count - 1)) != 0) {
        drive->multiple = 0;
        abort_command(drive);
    } else {
        drive->multiple = count;
        drive_complete(drive);
    }
}

static void run_initialize_parameters(struct ide_drive *drive, unsigned flags)
{
    if (drive->count[0] == 0) {
        abort_command(drive);
        return;
    }
    drive->heads = (drive->device & 0x0f) + 1;
    drive->track_sectors = drive->count[0];
    drive_complete(drive);
}

static void run_native_max(struct ide_drive *drive, unsigned flags)
{
    drive->ext = (flags & EXT) != 0;
    ata_native_max(drive);
}

static void run_set_max(struct ide_drive *drive, unsigned flags)
{
    drive->ext = (flags & EXT) != 0;
    ata_set_max(drive, (flags & AFTER_NATIVE_MAX) != 0);
}

static void run_security_freeze(struct ide_drive *drive, unsigned flags)
{
    ata_security_freeze(drive);
}

static void run_erase_prepare(struct ide_drive *drive, unsigned flags)
{
    ata_security_erase_prepare(drive);
}

static void run_security(struct ide_drive *drive, unsigned flags)
{
    ata_security_command(drive, (flags & AFTER_PREPARE) != 0);
}

static void run_data_set_management(struct ide_drive *drive, unsigned flags)
{
    ata_data_set_management(drive);
}

static void run_features(struct ide_drive *drive, unsigned flags)
{
    ata_set_features(drive);
}

static void run_smart(struct ide_drive *drive, unsigned flags)
{
    if (ata_smart(drive)) {
        reply(drive, ATA_SECTOR_BYTES);
    }
}

static void run_standby(struct ide_drive *drive, unsigned flags)
{
    drive->power = ATA_POWER_STANDBY;
    run_flush(drive, flags);
}

static void run_idle(struct ide_drive *drive, unsigned flags)
{
    drive->power = ATA_POWER_ACTIVE;
    drive_complete(drive);
}

static void run_sleep(struct ide_drive *drive, unsigned flags)
{
    drive->power = ATA_POWER_SLEEP;
    drive_complete(drive);
}

static void run_check_power(struct ide_drive *drive, unsigned flags)
{
    drive->count[0] = drive->power == ATA_POWER_STANDBY ? 0x00 : 0xff;
    drive_complete(drive);
}

static const struct ata_entry commands[] = {
    {0x06, DMA | LOCKED, run_data_set_management},    /* DATA SET MANAGEMENT, ATA8-ACS */
    {0x10, 0, run_recalibrate},                       /* RECALIBRATE, until ATA-3 */
    {0x20, LOCKED, run_read},                         /* READ SECTOR(S) */
    {0x21, LOCKED, run_read},                         /* the same without retries, until ATA-4 */
    {0x24, EXT | LOCKED, run_read},                   /* READ SECTOR(S) EXT */
    {0x25, EXT | DMA | LOCKED, run_read},             /* READ DMA EXT */
    {0x27, EXT, run_native_max},                      /* READ NATIVE MAX ADDRESS EXT */
    {0x29, EXT | MULTIPLE | LOCKED, run_read},        /* READ MULTIPLE EXT */
    {0x30, LOCKED, run_write},                        /* WRITE SECTOR(S) */
    {0x31, LOCKED, run_write},
    {0x34, EXT | LOCKED, run_write},                  /* WRITE SECTOR(S) EXT */
    {0x35, EXT | DMA | LOCKED, run_write},            /* WRITE DMA EXT */
    {0x37, EXT | LOCKED, run_set_max},                /* SET MAX ADDRESS EXT */
    {0x39, EXT | MULTIPLE | LOCKED, run_write},       /* WRITE MULTIPLE EXT */
    {0x3c, LOCKED, run_write},                        /* WRITE VERIFY, ATA-1 */
    {0x3d, EXT | DMA | FUA | LOCKED, run_write},      /* WRITE DMA FUA EXT */
    {0x40, LOCKED, run_verify},                       /* READ VERIFY SECTOR(S) */
    {0x41, LOCKED, run_verify},
    {0x42, EXT | LOCKED, run_verify},                 /* READ VERIFY SECTOR(S) EXT */
    {0x70, 0, run_seek},                              /* SEEK */
    {0x91, 0, run_initialize_parameters},             /* INITIALIZE DEVICE PARAMETERS */
    {0x94, 0, run_standby},                           /* STANDBY IMMEDIATE and so on, ATA-1 to -3 codes */
    {0x95, 0, run_idle},
    {0x96, 0, run_standby},
    {0x97, 0, run_idle},
    {0x98, 0, run_check_power},
    {0x99, 0, run_sleep},
    {0xb0, 0, run_smart},                             /* SMART */
    {0xc4, MULTIPLE | LOCKED, run_read},              /* READ MULTIPLE */
    {0xc5, MULTIPLE | LOCKED, run_write},             /* WRITE MULTIPLE */
    {0xc6, 0, run_set_multiple},                      /* SET MULTIPLE MODE */
    {0xc8, DMA | LOCKED, run_read},                   /* READ DMA */
    {0xc9, DMA | LOCKED, run_read},
    {0xca, DMA | LOCKED, run_write},                  /* WRITE DMA */
    {0xcb, DMA | LOCKED, run_write},
    {0xce, EXT | MULTIPLE | FUA | LOCKED, run_write}, /* WRITE MULTIPLE FUA EXT */
    {0xe0, 0, run_standby},                           /* STANDBY IMMEDIATE */
    {0xe1, 0, run_idle},                              /* IDLE IMMEDIATE */
    {0xe2, 0, run_standby},                           /* STANDBY */
    {0xe3, 0, run_idle},                              /* IDLE */
    {0xe5, 0, run_check_power},                       /* CHECK POWER MODE */
    {0xe6, 0, run_sleep},                             /* SLEEP */
    {0xe7, LOCKED, run_flush},                        /* FLUSH CACHE */
    {0xea, EXT | LOCKED, run_flush},                  /* FLUSH CACHE EXT */
    {ATA_CMD_IDENTIFY, 0, run_identify},              /* IDENTIFY DEVICE */
    {0xef, 0, run_features},                          /* SET FEATURES */
    {0xf1, 0, run_security},                          /* SECURITY SET PASSWORD */
    {0xf2, 0, run_security},                          /* SECURITY UNLOCK */
    {0xf3, 0, run_erase_prepare},                     /* SECURITY ERASE PREPARE */
    {0xf4, 0, run_security},                          /* SECURITY ERASE UNIT */
    {0xf5, 0, run_security_freeze},                   /* SECURITY FREEZE LOCK */
    {0xf6, 0, run_security},                          /* SECURITY DISABLE PASSWORD */
    {0xf8, 0, run_native_max},                        /* READ NATIVE MAX ADDRESS */
    {0xf9, LOCKED, run_set_max},                      /* SET MAX */
};

static void ata_command(struct ide_drive *drive, uint8_t command)
{
    unsigned before = (drive->native_max_read ? AFTER_NATIVE_MAX : 0) |
                      (drive->security.prepared ? AFTER_PREPARE : 0);

    drive->narrow = 0;
    drive->native_max_read = drive->security.prepared = false;
    if (drive->power == ATA_POWER_SLEEP) {
        return; /* only a reset wakes it */
    }
    if ((command & 0xf0) == 0x10 || (command & 0xf0) == 0x70) {
        command &= 0xf0; /* RECALIBRATE and SEEK took a step rate in the low bits once */
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (commands[i].code == command && (commands[i].flags & LOCKED) != 0 &&
            drive->security.locked) {
            abort_command(drive);
            return;
        }
        if (commands[i].code == command) {
            commands[i].run(drive, commands[i].flags | before);
            return;
        }
    }
    log_print(drive->channel->machine->log, LOG_GUEST_ERROR, "ata: command %02xh aborted\n",
              command);
    abort_command(drive);
}

const struct ide_command_set ata_command_set = {
    .command = ata_command,
    .block_moved = ata_block_moved,
    .chunk_done = ata_chunk_done,
    .reply_done = ata_reply_done,
    .failed = ata_failed,
    .unit_bytes = ATA_SECTOR_BYTES,
    .reset_status = ATA_STATUS_DRDY | ATA_STATUS_DSC,
};
