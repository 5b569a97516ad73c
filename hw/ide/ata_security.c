/*
 * The security feature set (ATA/ATAPI-7 volume 1, sections 4.7 and 6.38 to 6.43) and the passwords of SET MAX
 * (6.47). A drive whose user password is set is locked at power-on and hardware reset; what it then refuses is
 * marked in the command table (ata.c).
 *
 * Passwords belong to the drive, not to the image: they last until vmm ends. A SECURITY ERASE UNIT writes zeroes,
 * as the enhanced one does.
 */
#include <string.h>

#include "hw/ide/ata.h"
#include "hw/ide/ata_identify.h"
#include "hw/ide/channel.h"

#define CMD_SET_PASSWORD 0xf1
#define CMD_UNLOCK       0xf2
#define CMD_ERASE_UNIT   0xf4
#define CMD_DISABLE      0xf6
#define CMD_SET_MAX      0xf9

#define SET_MAX_SET_PASSWORD 0x01

/* Word 0 of the data; the password follows in words 1 to 16, and the master password's revision in word 17. */
#define DATA_MASTER   0x01 /* first byte */
#define DATA_MAXIMUM  0x01 /* second byte: level, with the user password */
#define DATA_PASSWORD 2
#define DATA_REVISION 34

#define ATTEMPTS         5
#define REVISION_DEFAULT 0xfffe
#define ERASE_SECTORS    (1u << 21) /* zeroed by one request */

void ata_security_power_on(struct ide_drive *drive)
{
    struct ata_security *security = &drive->security;

    if (!drive->present || security->revision == 0) {
        *security = (struct ata_security){.revision = REVISION_DEFAULT};
    }
    security->locked = security->enabled;
    security->frozen = security->prepared = false;
    security->attempts = ATTEMPTS;
    security->max_set = security->max_locked = false;
    security->max_attempts = ATTEMPTS;
}

void ata_security_freeze(struct ide_drive *drive)
{
    if (drive->security.locked) {
        drive_fail(drive, ATA_ERROR_ABRT);
        return;
    }
    drive->security.frozen = true;
    drive_complete(drive);
}

void ata_security_erase_prepare(struct ide_drive *drive)
{
    if (drive->security.frozen) {
        drive_fail(drive, ATA_ERROR_ABRT);
        return;
    }
    drive->security.prepared = true;
    drive_complete(drive);
}

/* Asks for the sector with the password. */
static void want_password(struct ide_drive *drive)
{
    drive->ext = drive->dma = false;
    drive->remaining = drive->per_block = 1;
    drive_pio(drive, PHASE_PIO_OUT, 0, ATA_SECTOR_BYTES);
}

void ata_security_command(struct ide_drive *drive, bool prepared)
{
    const struct ata_security *security = &drive->security;
    bool allowed = !security->frozen;

    switch (drive->command) {
    case CMD_UNLOCK:
        allowed = allowed && security->attempts > 0;
        break;
    case CMD_ERASE_UNIT:
        allowed = allowed && security->attempts > 0 && prepared && drive->block != NULL &&
                  !block_read_only(drive->block);
        break;
    default: /* SET PASSWORD, DISABLE PASSWORD */
        allowed = allowed && !security->locked;
        break;
    }
    if (allowed) {
        want_password(drive);
    } else {
        drive_fail(drive, ATA_ERROR_ABRT);
    }
}

static bool same(const uint8_t *password, const uint8_t *data)
{
    return memcmp(password, data + DATA_PASSWORD, ATA_PASSWORD_BYTES) == 0;
}

static void finish(struct ide_drive *drive, bool good)
{
    if (good) {
        drive_complete(drive);
    } else {
        drive_fail(drive, ATA_ERROR_ABRT);
    }
}

static void set_password(struct ide_drive *drive, const uint8_t *data)
{
    struct ata_security *security = &drive->security;

    if (data[0] & DATA_MASTER) {
        uint16_t revision = (uint16_t)(data[DATA_REVISION] | data[DATA_REVISION + 1] << 8);
        memcpy(security->master, data + DATA_PASSWORD, ATA_PASSWORD_BYTES);
        if (revision != 0 && revision != 0xffff) {
            security->revision = revision;
        }
    } else {
        memcpy(security->user, data + DATA_PASSWORD, ATA_PASSWORD_BYTES);
        security->maximum = (data[1] & DATA_MAXIMUM) != 0;
        security->enabled = true;
    }
    drive_complete(drive);
}

/* The right password for UNLOCK and DISABLE PASSWORD. *counts: a wrong one was tried. */
static bool is_password(const struct ata_security *security, const uint8_t *data, bool *counts)
{
    bool master = (data[0] & DATA_MASTER) != 0;

    *counts = !(master && security->maximum);
    return *counts && same(master ? security->master : security->user, data);
}

static void unlock(struct ide_drive *drive, const uint8_t *data)
{
    struct ata_security *security = &drive->security;
    bool counts;
    bool good = !security->locked || is_password(security, data, &counts);

    if (good) {
        security->locked = false;
    } else if (counts) {
        security->attempts--;
    }
    finish(drive, good);
}

static void disable(struct ide_drive *drive, const uint8_t *data)
{
    struct ata_security *security = &drive->security;
    bool counts;
    bool good = !security->enabled || is_password(security, data, &counts);

    if (good) {
        security->enabled = false;
        memset(security->user, 0, sizeof(security->user));
    }
    finish(drive, good);
}

static void erase(struct ide_drive *drive, const uint8_t *data)
{
    const struct ata_security *security = &drive->security;

    if (!same(data[0] & DATA_MASTER ? security->master : security->user, data)) {
        drive_fail(drive, ATA_ERROR_ABRT);
        return;
    }
    drive->lba = 0;
    drive_block(drive, OP_ERASE);
}

uint32_t ata_erase_next(const struct ide_drive *drive)
{
    return (uint32_t)MIN(ERASE_SECTORS, drive->native_sectors - MIN(drive->lba, drive->native_sectors));
}

void ata_erase_done(struct ide_drive *drive)
{
    struct ata_security *security = &drive->security;

    security->enabled = security->locked = security->maximum = false;
    memset(security->user, 0, sizeof(security->user));
    drive_complete(drive);
}

/* ---- SET MAX ---- */

bool ata_set_max_locked(const struct ide_drive *drive)
{
    return drive->security.max_locked;
}

void ata_set_max_password(struct ide_drive *drive)
{
    bool set = drive->features[0] == SET_MAX_SET_PASSWORD;

    if (set ? drive->security.max_locked : drive->security.max_attempts == 0) {
        drive_fail(drive, ATA_ERROR_ABRT);
    } else {
        want_password(drive);
    }
}

void ata_set_max_lock(struct ide_drive *drive)
{
    bool good = drive->security.max_set && !drive->security.max_locked;

    drive->security.max_locked |= good;
    finish(drive, good);
}

static void set_max_data(struct ide_drive *drive, const uint8_t *data)
{
    struct ata_security *security = &drive->security;
    bool good = true;

    if (drive->features[0] == SET_MAX_SET_PASSWORD) {
        memcpy(security->max_password, data + DATA_PASSWORD, ATA_PASSWORD_BYTES);
        security->max_set = true;
    } else if (security->max_locked) {
        good = same(security->max_password, data);
        security->max_locked = !good;
        security->max_attempts -= good ? 0 : 1;
    }
    finish(drive, good);
}

bool ata_security_data(struct ide_drive *drive)
{
    static const struct {
        uint8_t command;
        void (*take)(struct ide_drive *drive, const uint8_t *data);
    } takers[] = {
        {CMD_SET_PASSWORD, set_password}, {CMD_UNLOCK, unlock}, {CMD_ERASE_UNIT, erase},
        {CMD_DISABLE, disable},           {CMD_SET_MAX, set_max_data},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(takers); i++) {
        if (takers[i].command == drive->command) {
            takers[i].take(drive, drive->pio);
            return true;
        }
    }
    return false;
}

/* ---- IDENTIFY DEVICE ---- */

uint16_t ata_security_status(const struct ide_drive *drive)
{
    const struct ata_security *security = &drive->security;

    return (uint16_t)(0x0021 | (security->enabled ? 0x02 : 0) | (security->locked ? 0x04 : 0) |
                      (security->frozen ? 0x08 : 0) | (security->attempts == 0 ? 0x10 : 0) |
                      (security->maximum ? 0x100 : 0));
}
