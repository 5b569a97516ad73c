/*
 * Plugging drives into a channel, and what the monitor does with CD drives.
 */
#include <string.h>

#include "core/machine.h"
#include "hw/ide/ata.h"
#include "hw/ide/atapi.h"
#include "hw/ide/channel.h"

/* The medium's size in sectors of the drive; a last part sector does not count. */
static uint64_t medium_sectors(const struct ide_drive *drive)
{
    return drive->block != NULL ? block_size(drive->block) / drive->set->unit_bytes : 0;
}

static void set_names(struct ide_drive *drive, unsigned number, const struct ide_options *options)
{
    const char *model = drive->kind == IDE_DISK ? "VMM HARDDISK" : "VMM CD-ROM";

    if (options->serial != NULL) {
        g_strlcpy(drive->serial, options->serial, sizeof(drive->serial));
    } else {
        g_snprintf(drive->serial, sizeof(drive->serial), "VM%05u", number);
    }
    g_strlcpy(drive->model, options->model != NULL ? options->model : model,
              sizeof(drive->model));
    g_strlcpy(drive->firmware, options->firmware != NULL ? options->firmware : VMM_VERSION,
              sizeof(drive->firmware));
}

static bool geometry_is_sane(const struct ide_geometry *geometry)
{
    return geometry->heads <= 16 && geometry->sectors >= 1 && geometry->sectors <= 255 &&
           geometry->cylinders >= 1;
}

static bool set_geometry(struct ide_drive *drive, const struct ide_geometry *wanted,
                         GError **error)
{
    drive->geometry =
        wanted->heads != 0 ? *wanted : ata_default_geometry(MAX(drive->sectors, 1));
    if (!geometry_is_sane(&drive->geometry)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "IDE disk geometry %u,%u,%u is impossible: cyls= must be 1-65535, heads= 1-16 "
                    "and secs= 1-255",
                    wanted->cylinders, wanted->heads, wanted->sectors);
        return false;
    }
    return true;
}

bool ide_channel_attach(struct ide_channel *channel, unsigned unit, struct block *block,
                        enum ide_kind kind, const struct ide_options *options, GError **error)
{
    static const struct ide_options defaults;
    struct ide_drive *drive;

    options = options != NULL ? options : &defaults;
    if (unit > 1 || channel->drives[unit].present) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_EXIST,
                    "IDE unit %u is not free: choose another index=", unit);
        return false;
    }
    drive = &channel->drives[unit];
    drive->kind = kind;
    drive->set = kind == IDE_DISK ? &ata_command_set : &atapi_command_set;
    drive->block = block;
    drive->native_sectors = medium_sectors(drive);
    ata_apply_limit(drive);
    if (kind == IDE_DISK && drive->sectors == 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "an IDE disk needs an image of at least 512 bytes: check file=");
        drive->block = NULL;
        return false;
    }
    if (!set_geometry(drive, &options->geometry, error)) {
        drive->block = NULL;
        return false;
    }
    drive->io.bounce = g_try_malloc(IDE_BOUNCE_BYTES);
    if (drive->io.bounce == NULL) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOMEM, "no memory for an IDE drive");
        drive->block = NULL;
        return false;
    }
    set_names(drive, channel->number * 2 + unit + 1, options);
    drive->read_error = options->read_error;
    drive->write_error = options->write_error;
    drive->wwn = options->wwn;
    drive->physical_bytes = MAX(options->physical_bytes, ATA_SECTOR_BYTES);
    drive->write_cache_off = options->write_cache_off;
    drive->present = true;
    drive_power_on(drive);
    return true;
}

void ide_channel_finish(struct ide_channel *channel)
{
    if (channel->machine == NULL) {
        return;
    }
    event_cancel(channel->machine->events, &channel->resumed);
    for (unsigned i = 0; i < 2; i++) {
        struct ide_drive *drive = &channel->drives[i];

        drive_reset(drive);
        if (drive->io.busy) {
            block_drain(drive->io.block);
        }
        g_free(drive->io.bounce);
        drive->io.bounce = NULL;
        drive->present = false;
    }
}

struct ide_drive *ide_channel_drive_at(struct ide_channel *channel, unsigned unit)
{
    return unit <= 1 && channel->drives[unit].present ? &channel->drives[unit] : NULL;
}

void ide_drive_change_medium(struct ide_drive *drive, struct block *block)
{
    bool had = drive->block != NULL && !drive->tray_open;

    drive->io.abandoned = drive->io.busy;
    drive->block = block;
    drive->native_sectors = medium_sectors(drive);
    ata_apply_limit(drive);
    drive->tray_open = drive->kind == IDE_CDROM && block == NULL; /* ejected: it stays open */
    atapi_medium_changed(drive, had, block != NULL);
    /* A read that was under way goes on, with an error if its sectors are no longer there. */
    drive_advance(drive);
}

void ide_drive_resized(struct ide_drive *drive)
{
    drive->native_sectors = medium_sectors(drive);
    ata_apply_limit(drive);
}

bool ide_drive_request_eject(struct ide_drive *drive)
{
    if (!drive->locked) {
        return true;
    }
    atapi_eject_requested(drive);
    return false;
}

bool ide_drive_locked(const struct ide_drive *drive)
{
    return drive->locked;
}

bool ide_drive_tray_open(const struct ide_drive *drive)
{
    return drive->tray_open;
}
