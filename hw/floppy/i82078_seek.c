/*
 * Drives: where their heads are, how long stepping takes, and the disk change line. A seek sets the head's
 * new place at once; its end, with the interrupt, comes when the steps would have been made.
 */
#include "hw/floppy/i82078_impl.h"

#include "core/machine.h"

/* Step pulses of a RECALIBRATE. */
#define RECALIBRATE_STEPS 79

/* SRT: 16 minus its value, in milliseconds at 500 kbit/s. */
static uint64_t step_ns(const struct i82078 *fdc)
{
    static const uint64_t unit_ns[] = {
        [FLOPPY_RATE_500K] = 1000000,
        [FLOPPY_RATE_300K] = 1666667,
        [FLOPPY_RATE_250K] = 2000000,
        [FLOPPY_RATE_1M] = 500000,
    };

    return (16 - (fdc->specify[0] >> 4)) * unit_ns[fdc->dsr & RATE_MASK];
}

/* Steps to a track, as far as the drive goes. A step with a disk inside resets the change latch. */
static void move_head(struct fdc_unit *unit, int track)
{
    if (unit->type == FLOPPY_NONE) {
        return;
    }
    track = CLAMP(track, 0, (int)floppy_tracks(unit->type));
    if (track != unit->track && unit->block != NULL) {
        unit->changed = false;
    }
    unit->track = (uint8_t)track;
}

static void seek_ended(struct fdc_unit *unit)
{
    unit->arrival = CLOCK_NEVER;
    unit->ended = true;
    i82078_interrupt(unit->fdc);
}

static void timer_fired(void *arg)
{
    struct fdc_unit *unit = arg;

    seek_ended(unit);
    fdc_unit_drive(unit);
}

static void begin(struct i82078 *fdc, struct fdc_unit *unit, uint8_t status, unsigned steps)
{
    unit->status = (uint8_t)(status | (unit - fdc->units));
    unit->ended = false;
    if (steps == 0) {
        seek_ended(unit);
    } else {
        unit->arrival = clock_now(fdc->dev.machine->guest_clock) + steps * step_ns(fdc);
    }
    fdc_unit_drive(unit);
}

void fdc_seek_now(struct i82078 *fdc, unsigned n, uint8_t cylinder)
{
    struct fdc_unit *unit = &fdc->units[n];

    move_head(unit, unit->track + (cylinder - unit->cylinder));
    unit->cylinder = cylinder;
}

void fdc_seek(struct i82078 *fdc, unsigned n, uint8_t cylinder)
{
    struct fdc_unit *unit = &fdc->units[n];
    unsigned steps = (unsigned)ABS(cylinder - unit->cylinder);

    fdc_seek_now(fdc, n, cylinder);
    begin(fdc, unit, ST0_SEEK_END, steps);
}

void fdc_seek_relative(struct i82078 *fdc, unsigned n, bool inwards, uint8_t steps)
{
    struct fdc_unit *unit = &fdc->units[n];

    move_head(unit, inwards ? unit->track + steps : unit->track - steps);
    unit->cylinder = (uint8_t)(inwards ? unit->cylinder + steps : unit->cylinder - steps);
    begin(fdc, unit, ST0_SEEK_END, steps);
}

void fdc_recalibrate(struct i82078 *fdc, unsigned n)
{
    struct fdc_unit *unit = &fdc->units[n];
    bool there = unit->type != FLOPPY_NONE && unit->track <= RECALIBRATE_STEPS;
    unsigned steps = there ? unit->track : RECALIBRATE_STEPS;

    move_head(unit, unit->track - (int)steps);
    unit->cylinder = 0;
    begin(fdc, unit, there ? ST0_SEEK_END : ST0_ABNORMAL | ST0_SEEK_END | ST0_EQUIPMENT, steps);
}

void fdc_unit_init(struct i82078 *fdc, unsigned n)
{
    struct fdc_unit *unit = &fdc->units[n];

    unit->fdc = fdc;
    unit->arrival = CLOCK_NEVER;
    timer_init(&unit->timer, fdc->dev.machine->guest_clock, timer_fired, unit);
}

void fdc_unit_drive(struct fdc_unit *unit)
{
    timer_at(&unit->timer, unit->arrival);
}

bool fdc_disk_changed(const struct i82078 *fdc)
{
    unsigned n = fdc->dor & DOR_SELECT;
    const struct fdc_unit *unit = &fdc->units[n];

    /* Only the selected drive drives the line, and it is selected together with its motor. */
    return unit->type != FLOPPY_NONE && (fdc->dor & DOR_MOTOR << n) != 0 && unit->changed;
}

bool i82078_attach(struct device *dev, unsigned n, struct block *block,
                   const struct floppy_options *options, GError **error)
{
    static const struct floppy_options defaults;
    struct i82078 *fdc = (struct i82078 *)dev;
    struct floppy_geometry geometry = {.type = FLOPPY_2880K};

    options = options != NULL ? options : &defaults;
    if (n >= I82078_DRIVES || fdc->units[n].type != FLOPPY_NONE) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_EXIST,
                    "floppy drive %u is not free: choose another index=", n);
        return false;
    }
    if (block != NULL && !floppy_geometry_guess(block_size(block), &geometry)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "'%s' is no floppy disk: it must have 1 to 2880 KiB", block_file_name(block));
        return false;
    }
    struct fdc_unit *unit = &fdc->units[n];
    unit->type = options->type != FLOPPY_NONE ? options->type : geometry.type;
    if (unit->type == FLOPPY_720K && options->type == FLOPPY_NONE) {
        unit->type = FLOPPY_1440K; /* reads both, and is what people had */
    }
    unit->read_error = options->read_error;
    unit->write_error = options->write_error;
    if (!i82078_change_medium(dev, n, block, error)) {
        unit->type = FLOPPY_NONE;
        return false;
    }
    return true;
}

enum floppy_type i82078_drive_type(struct device *dev, unsigned n)
{
    return n < I82078_DRIVES ? ((struct i82078 *)dev)->units[n].type : FLOPPY_NONE;
}

bool i82078_change_medium(struct device *dev, unsigned n, struct block *block, GError **error)
{
    struct i82078 *fdc = (struct i82078 *)dev;
    struct fdc_unit *unit = &fdc->units[n];
    struct floppy_geometry geometry = {0};

    if (block != NULL && (!floppy_geometry_guess(block_size(block), &geometry) ||
                          !floppy_fits(unit->type, &geometry))) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "'%s' (%" G_GUINT64_FORMAT " bytes) is no disk for a %s drive",
                    block_file_name(block), block_size(block), floppy_type_name(unit->type));
        return false;
    }
    if (fdc->io.busy && fdc->io.block == unit->block) {
        fdc->io.abandoned = true;
    }
    unit->block = block;
    unit->geometry = geometry;
    unit->changed = true;
    return true;
}
