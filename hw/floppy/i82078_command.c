/*
 * The command phase: a table of the controller's commands (82078 data sheet, section 5; the scan commands,
 * which the 82078 has lost, from the 82077AA's), and those that only set or tell something.
 */
#include "hw/floppy/i82078_impl.h"

#include <string.h>

#include "core/log.h"
#include "core/machine.h"

#define VERSION_ENHANCED 0x90
#define PART_ID          0x21 /* 82078, 44 pins */
#define LOCK_BIT         0x80 /* of the command LOCK */
#define RELATIVE_INWARDS 0x40
#define DRIVE_SPEC_DONE  0x80 /* ends the parameters of DRIVE SPECIFICATION */
#define DRIVE_SPEC_MUTE  0x40 /* and no result is wanted */

struct fdc_command {
    uint8_t mask, code;
    uint8_t parameters;
    void (*run)(struct i82078 *fdc);
};

void fdc_result(struct i82078 *fdc, unsigned count)
{
    g_assert(count <= FDC_FIFO);
    fdc->phase = count > 0 ? PHASE_RESULT : PHASE_COMMAND;
    fdc->fifo_length = (uint8_t)count;
    fdc->fifo_position = 0;
}

static void invalid(struct i82078 *fdc)
{
    fdc->fifo[0] = ST0_INVALID;
    fdc_result(fdc, 1);
}

static struct fdc_unit *unit_of(struct i82078 *fdc)
{
    return &fdc->units[fdc->fifo[1] & 3];
}

static void run_specify(struct i82078 *fdc)
{
    memcpy(fdc->specify, fdc->fifo + 1, 2);
    fdc_result(fdc, 0);
}

static void run_sense_drive(struct i82078 *fdc)
{
    struct fdc_unit *unit = unit_of(fdc);
    uint8_t st3 = ST3_READY | ST3_TWO_SIDED | (fdc->fifo[1] & (HDS | 3));

    if (unit->type != FLOPPY_NONE && unit->track == 0) {
        st3 |= ST3_TRACK_0;
    }
    if (unit->block != NULL && block_read_only(unit->block)) {
        st3 |= ST3_PROTECTED;
    }
    fdc->fifo[0] = st3;
    fdc_result(fdc, 1);
}

static void run_sense_interrupt(struct i82078 *fdc)
{
    for (unsigned i = 0; i < FDC_UNITS; i++) {
        struct fdc_unit *unit = &fdc->units[i];

        if (unit->ended) {
            unit->ended = false;
            fdc->irq_pending = false;
            fdc->fifo[0] = unit->status;
            fdc->fifo[1] = unit->cylinder;
            fdc_result(fdc, 2);
            return;
        }
    }
    invalid(fdc);
}

static void run_recalibrate(struct i82078 *fdc)
{
    fdc_result(fdc, 0);
    fdc_recalibrate(fdc, fdc->fifo[1] & 3);
}

static void run_seek(struct i82078 *fdc)
{
    fdc_result(fdc, 0);
    fdc_seek(fdc, fdc->fifo[1] & 3, fdc->fifo[2]);
}

static void run_seek_relative(struct i82078 *fdc)
{
    fdc_result(fdc, 0);
    fdc_seek_relative(fdc, fdc->fifo[1] & 3, fdc->fifo[0] & RELATIVE_INWARDS, fdc->fifo[2]);
}

static void run_version(struct i82078 *fdc)
{
    fdc->fifo[0] = VERSION_ENHANCED;
    fdc_result(fdc, 1);
}

static void run_part_id(struct i82078 *fdc)
{
    fdc->fifo[0] = PART_ID;
    fdc_result(fdc, 1);
}

static void run_configure(struct i82078 *fdc)
{
    fdc->config = fdc->fifo[2] & 0x7f;
    fdc->precomp_track = fdc->fifo[3];
    fdc_result(fdc, 0);
}

static void run_lock(struct i82078 *fdc)
{
    fdc->lock = fdc->fifo[0] & LOCK_BIT;
    fdc->fifo[0] = fdc->lock ? 0x10 : 0;
    fdc_result(fdc, 1);
}

/* The drive bits change only if the overwrite bit is set. */
static void run_perpendicular(struct i82078 *fdc)
{
    uint8_t value = fdc->fifo[1];
    uint8_t mask = value & 0x80 ? 0x3f : 0x03;

    fdc->perpendicular = (uint8_t)((fdc->perpendicular & ~mask) | (value & mask));
    fdc_result(fdc, 0);
}

static uint8_t lock_and_perpendicular(const struct i82078 *fdc)
{
    return (uint8_t)((fdc->lock ? 0x80 : 0) | fdc->perpendicular);
}

static void run_dump(struct i82078 *fdc)
{
    for (unsigned i = 0; i < FDC_UNITS; i++) {
        fdc->fifo[i] = fdc->units[i].cylinder;
    }
    memcpy(fdc->fifo + 4, fdc->specify, 2);
    fdc->fifo[6] = fdc->eot;
    fdc->fifo[7] = lock_and_perpendicular(fdc);
    fdc->fifo[8] = fdc->config;
    fdc->fifo[9] = fdc->precomp_track;
    fdc_result(fdc, 10);
}

static void run_save(struct i82078 *fdc)
{
    memset(fdc->fifo, 0, 16);
    fdc->fifo[0] = fdc->dsr & 0x1f;
    fdc->fifo[1] = fdc->option;
    for (unsigned i = 0; i < FDC_UNITS; i++) {
        fdc->fifo[2 + i] = fdc->units[i].cylinder;
    }
    memcpy(fdc->fifo + 6, fdc->specify, 2);
    fdc->fifo[8] = fdc->eot;
    fdc->fifo[9] = lock_and_perpendicular(fdc);
    fdc->fifo[10] = fdc->config;
    fdc->fifo[11] = fdc->precomp_track;
    fdc->fifo[12] = fdc->powerdown;
    fdc_result(fdc, 16);
}

static void run_restore(struct i82078 *fdc)
{
    const uint8_t *saved = fdc->fifo + 1;

    fdc->dsr = saved[0] & 0x1f;
    fdc->option = saved[1];
    for (unsigned i = 0; i < FDC_UNITS; i++) {
        fdc->units[i].cylinder = saved[2 + i];
    }
    memcpy(fdc->specify, saved + 6, 2);
    fdc->eot = saved[8];
    fdc->lock = saved[9] & 0x80;
    fdc->perpendicular = saved[9] & 0x3f;
    fdc->config = saved[10] & 0x7f;
    fdc->precomp_track = saved[11];
    fdc->powerdown = saved[12];
    fdc_result(fdc, 0);
}

static void run_option(struct i82078 *fdc)
{
    fdc->option = fdc->fifo[1];
    fdc_result(fdc, 0);
}

static void run_powerdown(struct i82078 *fdc)
{
    fdc->powerdown = fdc->fifo[1];
    fdc->fifo[0] = fdc->powerdown;
    fdc_result(fdc, 1);
}

/* One drive a byte, until the byte that says that this is all. */
static void run_drive_spec(struct i82078 *fdc)
{
    uint8_t value = fdc->fifo[1];

    if ((value & DRIVE_SPEC_DONE) == 0) {
        fdc->drive_spec[value >> 5 & 3] = value & 0x1f;
        fdc->fifo_length = 1; /* another parameter follows */
        return;
    }
    memcpy(fdc->fifo, fdc->drive_spec, FDC_UNITS);
    fdc_result(fdc, value & DRIVE_SPEC_MUTE ? 0 : FDC_UNITS);
}

/* Sorted as in the data sheet's table; bits MT, MFM and SK are not looked at where they belong. */
static const struct fdc_command commands[] = {
    {0x1f, 0x06, 8, fdc_read_write},    /* READ DATA */
    {0x1f, 0x0c, 8, fdc_read_write},    /* READ DELETED DATA */
    {0x3f, 0x05, 8, fdc_read_write},    /* WRITE DATA */
    {0x3f, 0x09, 8, fdc_read_write},    /* WRITE DELETED DATA */
    {0xbf, 0x02, 8, fdc_read_write},    /* READ TRACK */
    {0x1f, 0x16, 8, fdc_read_write},    /* VERIFY */
    {0x1f, 0x11, 8, fdc_read_write},    /* SCAN EQUAL */
    {0x1f, 0x19, 8, fdc_read_write},    /* SCAN LOW OR EQUAL */
    {0x1f, 0x1d, 8, fdc_read_write},    /* SCAN HIGH OR EQUAL */
    {0xff, 0x10, 0, run_version},       /* VERSION */
    {0xbf, 0x0d, 5, fdc_format},        /* FORMAT TRACK */
    {0xbf, 0xad, 5, fdc_format},        /* FORMAT AND WRITE */
    {0xff, 0x07, 1, run_recalibrate},   /* RECALIBRATE */
    {0xff, 0x08, 0, run_sense_interrupt}, /* SENSE INTERRUPT STATUS */
    {0xff, 0x03, 2, run_specify},       /* SPECIFY */
    {0xff, 0x04, 1, run_sense_drive},   /* SENSE DRIVE STATUS */
    {0xff, 0x8e, 1, run_drive_spec},    /* DRIVE SPECIFICATION */
    {0xff, 0x0f, 2, run_seek},          /* SEEK */
    {0xff, 0x13, 3, run_configure},     /* CONFIGURE */
    {0xbf, 0x8f, 2, run_seek_relative}, /* RELATIVE SEEK */
    {0xff, 0x0e, 0, run_dump},          /* DUMPREG */
    {0xbf, 0x0a, 1, fdc_read_id},       /* READ ID */
    {0xff, 0x12, 1, run_perpendicular}, /* PERPENDICULAR MODE */
    {0x7f, 0x14, 0, run_lock},          /* LOCK */
    {0xff, 0x18, 0, run_part_id},       /* PART ID */
    {0xff, 0x17, 1, run_powerdown},     /* POWERDOWN MODE */
    {0xff, 0x33, 1, run_option},        /* OPTION */
    {0xff, 0x2e, 0, run_save},          /* SAVE */
    {0xff, 0x4e, 16, run_restore},      /* RESTORE */
    {0x00, 0x00, 0, invalid},
};

static const struct fdc_command *find_command(uint8_t code)
{
    const struct fdc_command *command = commands;

    while ((code & command->mask) != command->code) {
        command++;
    }
    return command;
}

void fdc_command_byte(struct i82078 *fdc, uint8_t value)
{
    fdc->fifo[fdc->fifo_length++] = value;
    fdc->irq_pending = false;

    const struct fdc_command *command = find_command(fdc->fifo[0]);
    if (fdc->fifo_length <= command->parameters) {
        return;
    }
    if (command->run == invalid) {
        log_print(fdc->dev.machine->log, LOG_GUEST_ERROR, "floppy: unknown command %02xh\n", value);
    }
    command->run(fdc);
}
