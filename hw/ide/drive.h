/*
 * What ATA disks and ATAPI drives have in common: the task file, and the engine that moves data between
 * the host's disk, the drive's buffer and the guest. Internal to hw/ide; users see hw/ide/channel.h.
 *
 * A drive is always in one of the phases of enum ide_phase. A command sets up what is to be moved (lba,
 * remaining, op, dma) and enters PHASE_BLOCK; drive_advance() then submits one block request for the next
 * chunk. lba and remaining move on only when a chunk is complete, so that at any moment the saved fields
 * suffice to submit the chunk again: after a load, and after the host's disk was full (werror=stop).
 *
 * Only one block request of a drive is in flight at a time, into memory of its own (struct ide_io), never
 * into the PIO buffer. A reset abandons it: what it brings is dropped, but the memory stays taken and the
 * next chunk waits until it is back. So late completions do no harm and writes keep their order.
 *
 * The protocol is that of ATA/ATAPI-7 volume 2, chapter 11.
 */
#ifndef HW_IDE_DRIVE_H
#define HW_IDE_DRIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "block/block.h"
#include "core/device.h"
#include "hw/ide/ide.h"

#define ATA_PASSWORD_BYTES 32
#define ATA_SELF_TESTS     21 /* that the log holds */
#define IDE_PIO_BYTES    65536u          /* the drive's sector buffer */
#define IDE_BOUNCE_BYTES (512u << 10)    /* the longest block request */
#define ATA_SECTOR_BYTES 512u
#define CD_SECTOR_BYTES  2048u

/* Status register */
#define ATA_STATUS_BSY  0x80
#define ATA_STATUS_DRDY 0x40
#define ATA_STATUS_DF   0x20
#define ATA_STATUS_DSC  0x10
#define ATA_STATUS_DRQ  0x08
#define ATA_STATUS_ERR  0x01
/* Error register */
#define ATA_ERROR_UNC  0x40
#define ATA_ERROR_IDNF 0x10
#define ATA_ERROR_ABRT 0x04
/* Device register */
#define ATA_DEVICE_LBA 0x40
#define ATA_DEVICE_DEV 0x10
/* Interrupt reason (sector count register of a packet device) */
#define ATAPI_REASON_CD  0x01
#define ATAPI_REASON_IO  0x02

#define ATAPI_PACKET_BYTES 12
#define IDE_BYTE_LIMIT_MAX 0xfffe /* a DRQ block is even, but for the last */

struct busmaster;
struct ide_channel;
struct ide_drive;

enum ide_phase {
    PHASE_IDLE,      /* waiting for a command */
    PHASE_PIO_IN,    /* DRQ: the guest reads pio[position..block_end) */
    PHASE_PIO_OUT,   /* DRQ: the guest writes pio[position..block_end) */
    PHASE_BLOCK,     /* BSY: a block request is in flight, or will be as soon as possible */
    PHASE_DMA_REPLY, /* BSY: pio[0..fill) goes to memory when the bus master is ready */
    PHASE_DMA_TAKE,  /* BSY: pio[0..fill) comes from memory; then as if the guest had written it */
    PHASE_COUNT,
};

enum ide_op { OP_READ, OP_WRITE, OP_VERIFY, OP_FLUSH, OP_TRIM, OP_ERASE, OP_COUNT };

/* The drive's one block request. */
struct ide_io {
    struct block_request request;
    struct iovec iov;
    uint8_t *bounce;     /* IDE_BOUNCE_BYTES, owned */
    struct block *block; /* where it was submitted; valid while busy */
    uint32_t units;      /* sectors of the drive in this request */
    bool busy;           /* submitted and not back yet */
    bool abandoned;      /* ignore what comes back */
};

/* What makes a disk a disk and a CD drive a CD drive. */
struct ide_command_set {
    /* A command was written; the drive is selected, idle and present. */
    void (*command)(struct ide_drive *drive, uint8_t command);
    /* The guest has moved the whole DRQ block. */
    void (*block_moved)(struct ide_drive *drive);
    /* A chunk of `units` sectors was moved: from the disk to memory or to pio[0..fill), or to the disk, or
     * verified; lba and remaining have moved on. After a flush units is 0. */
    void (*chunk_done)(struct ide_drive *drive, uint32_t units);
    /* The data of a PHASE_DMA_REPLY has gone. */
    void (*reply_done)(struct ide_drive *drive);
    /* The host failed with -errno at lba; -ERANGE: lba is not on the medium. */
    void (*failed)(struct ide_drive *drive, int error);
    /* Puts a sector of CD_SECTOR_BYTES as the guest wants it (sector_bytes) at out. NULL: as it is. */
    void (*format)(struct ide_drive *drive, uint64_t lba, const uint8_t *sector, uint8_t *out);
    /* Bytes of a sector of the medium. */
    uint32_t unit_bytes;
    /* Status register after reset, and the signature for the task file. */
    uint8_t reset_status, signature_mid, signature_high;
};

/* The security feature set and the passwords of SET MAX (ata_security.c). Saved. */
struct ata_security {
    uint8_t user[ATA_PASSWORD_BYTES], master[ATA_PASSWORD_BYTES];
    uint16_t revision; /* of the master password */
    bool enabled;      /* a user password is set */
    bool maximum;      /* security level: the master password does not unlock */
    bool locked, frozen;
    bool prepared;    /* the last command was SECURITY ERASE PREPARE */
    uint8_t attempts; /* left */
    uint8_t max_password[ATA_PASSWORD_BYTES];
    bool max_set, max_locked;
    uint8_t max_attempts;
};

struct ide_drive {
    /* Configuration, not saved. */
    struct ide_channel *channel;
    unsigned unit; /* 0 = master, 1 = slave */
    bool present;
    enum ide_kind kind;
    const struct ide_command_set *set;
    struct block *block; /* not owned; NULL: no medium */
    struct ide_io io;
    uint64_t native_sectors; /* of the medium, ATA_SECTOR_BYTES or CD_SECTOR_BYTES each */
    uint64_t sectors;        /* those that the guest reaches; derived */
    struct ide_geometry geometry; /* as reported by IDENTIFY DEVICE */
    char serial[21], model[41], firmware[9];
    enum block_error_policy read_error, write_error;
    uint64_t wwn;            /* as in struct ide_options */
    uint32_t physical_bytes; /* 512 or more */
    bool write_cache_off;

    /* Task file, saved. Index 1 is the previous content of the two-deep registers. */
    uint8_t features[2], count[2], lba_low[2], lba_mid[2], lba_high[2];
    uint8_t device; /* without the DEV bit */
    uint8_t error, status, command;
    bool intrq; /* interrupt pending */

    /* The command in progress, saved. */
    int32_t phase, op;
    bool dma;           /* data goes through the bus master */
    bool ext;           /* a 48-bit command */
    bool fua;           /* flush at the end */
    bool gathered;      /* DMA write: data of the chunk was taken from memory already */
    bool stalled;       /* waits for the machine to resume after an error of the host's disk */
    uint64_t lba;       /* next sector */
    uint32_t remaining; /* sectors */
    uint32_t per_block; /* sectors of a DRQ block (ATA) */
    uint32_t narrow;    /* most sectors of a chunk, while looking for the one that fails; 0 = any */
    uint32_t position, block_end, fill; /* in pio */
    uint8_t pio[IDE_PIO_BYTES];

    /* Settings, saved. */
    uint16_t heads, track_sectors; /* translation for CHS addresses (INITIALIZE DEVICE PARAMETERS) */
    uint8_t multiple;              /* sectors; 0 = off */
    uint8_t transfer_mode;         /* as in SET FEATURES 03h */
    bool write_cache, look_ahead, smart;
    uint8_t self_test[ATA_SELF_TESTS]; /* SMART: routines that were run, a ring */
    uint8_t self_tests;                /* how many; below 2 * ATA_SELF_TESTS */
    uint8_t power; /* enum ata_power */
    uint64_t max_sectors, max_kept; /* SET MAX: now, and after the next hardware reset; 0 = all */
    bool max_frozen;
    struct ata_security security;
    bool native_max_read; /* the last command was READ NATIVE MAX ADDRESS */

    /* ATAPI, saved. */
    uint8_t sense_key, asc, ascq;
    bool attention; /* unit attention: the medium may have changed */
    bool tray_open, locked;
    uint8_t media_event; /* for GET EVENT STATUS NOTIFICATION */
    uint8_t packet[ATAPI_PACKET_BYTES];
    bool in_packet;        /* the PIO_OUT phase is that of the packet */
    uint16_t byte_limit;   /* of a DRQ block */
    uint16_t sector_bytes; /* that are sent of each sector, see atapi_parts_bytes() */
    uint8_t cd_parts;      /* READ CD: which these are */
    bool feature_event;    /* for GET EVENT STATUS NOTIFICATION: another disc, other features */
    uint8_t mode_recovery[6], mode_audio[14]; /* mode pages 01h, 0eh */
};

extern const struct field ide_drive_fields[];
extern const struct ide_command_set ata_command_set, atapi_command_set;

/* Bytes of the answer to IDENTIFY (PACKET) DEVICE. */
#define IDENTIFY_BYTES 512

/* Submits, or moves on, whatever can move on now. Idempotent. */
void drive_advance(struct ide_drive *drive);
/* Task file and phase after a power-on, SRST, DEVICE RESET or diagnostic; an I/O in flight is abandoned. */
void drive_reset(struct ide_drive *drive);
/* Power-on values of the settings, then drive_reset(). */
void drive_power_on(struct ide_drive *drive);
/* Clamps what a damaged snapshot may hold. */
void drive_loaded(struct ide_drive *drive);
void drive_signature(struct ide_drive *drive);

/* Data port. Beyond the DRQ block reads give ones and writes vanish. */
uint32_t drive_data_read(struct ide_drive *drive, unsigned size);
void drive_data_write(struct ide_drive *drive, uint32_t value, unsigned size);

/* How a command goes on. */
void drive_interrupt(struct ide_drive *drive);
/* Ends well: DRDY, DSC, interrupt. */
void drive_complete(struct ide_drive *drive);
/* Ends with ERR and bits of the error register. */
void drive_fail(struct ide_drive *drive, uint8_t error);
/* DRQ for pio[position..position + bytes). */
void drive_pio(struct ide_drive *drive, enum ide_phase phase, uint32_t position, uint32_t bytes);
/* BSY, and the next chunk of op. */
void drive_block(struct ide_drive *drive, enum ide_op op);
/* BSY, and pio[0..fill) to memory. */
void drive_dma_reply(struct ide_drive *drive, uint32_t fill);
/* BSY, and pio[0..fill) from memory; then block_moved(). */
void drive_dma_take(struct ide_drive *drive, uint32_t fill);

#endif
