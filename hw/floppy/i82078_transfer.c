/*
 * Commands that move data: which sectors, in which order, and what the result says (82078 data sheet,
 * sections 5.1 and 6; for the scan commands 82077AA, 5.1.7).
 *
 * A track of an image holds the sectors 1, 2, 3 .. of 512 bytes (size code 2), each marked with the cylinder
 * and the head it lies at. A disk of 40 cylinders in a drive of 80 tracks has them on every second track;
 * firmware that does not know this and steps by single tracks finds its cylinders all the same.
 */
#include "hw/floppy/i82078_impl.h"

#include <string.h>

#include "core/log.h"
#include "core/machine.h"

#define SECTOR_SIZE_CODE 2
#define VERIFY_COUNT     0x80 /* EC, in the second byte of VERIFY */

/* Low bits of the first byte. */
#define CODE_MASK         0x1f
#define CODE_READ_TRACK   0x02
#define CODE_WRITE        0x05
#define CODE_WRITE_DELETED 0x09
#define CODE_READ_DELETED 0x0c
#define CODE_FORMAT_WRITE 0xad
#define CODE_SCAN_EQUAL   0x11
#define CODE_VERIFY       0x16
#define CODE_SCAN_LOW     0x19
#define CODE_SCAN_HIGH    0x1d

#define SCAN_ANY 0xff /* a byte from the guest that equals everything */

static struct fdc_unit *unit_of(struct i82078 *fdc)
{
    return &fdc->units[fdc->unit];
}

static uint8_t code_of(const struct i82078 *fdc)
{
    return fdc->fifo[0] & CODE_MASK;
}

void fdc_end(struct i82078 *fdc, uint8_t ic, uint8_t st1, uint8_t st2)
{
    uint8_t status = ic | (uint8_t)(fdc->side != 0 ? HDS : 0) | fdc->unit;

    st1 |= fdc->st1;
    if (st1 != 0) {
        status |= ST0_ABNORMAL;
    }
    fdc->fifo[0] = status;
    fdc->fifo[1] = st1;
    fdc->fifo[2] = st2 | fdc->st2;
    fdc->fifo[3] = fdc->cylinder;
    fdc->fifo[4] = fdc->head;
    fdc->fifo[5] = fdc->sector;
    fdc->fifo[6] = fdc->size_code;
    fdc_result(fdc, 7);
    i82078_interrupt(fdc);
}

/* Can the head read this disk's format at all, here? */
static bool has_marks(struct i82078 *fdc)
{
    const struct fdc_unit *unit = unit_of(fdc);
    const struct floppy_geometry *g = &unit->geometry;
    uint8_t rate = fdc->dsr & RATE_MASK;
    /* In a drive that turns faster the bits come faster, too. */
    bool double_density = g->type == FLOPPY_360K && rate == FLOPPY_RATE_300K;

    return unit->block != NULL && (fdc->dor & DOR_MOTOR << fdc->unit) != 0 &&
           (fdc->fifo[0] & COMMAND_MFM) != 0 && (rate == g->rate || double_density) &&
           fdc->side < g->heads;
}

/* Every second track only. */
static bool double_steps(const struct fdc_unit *unit)
{
    return unit->type != FLOPPY_360K && unit->geometry.type == FLOPPY_360K;
}

static uint8_t marked_cylinder(const struct fdc_unit *unit)
{
    return double_steps(unit) ? unit->track / 2 : unit->track;
}

uint64_t fdc_offset(const struct i82078 *fdc)
{
    const struct floppy_geometry *g = &fdc->units[fdc->unit].geometry;
    uint64_t track = (uint64_t)fdc->cylinder * g->heads + fdc->side;

    return (track * g->sectors + fdc->sector - 1) * FLOPPY_SECTOR_BYTES;
}

/* Looks for the ID of the sector that is next. False: ended. */
static bool find_sector(struct i82078 *fdc)
{
    const struct fdc_unit *unit = unit_of(fdc);
    const struct floppy_geometry *g = &unit->geometry;
    bool right = fdc->cylinder == marked_cylinder(unit) ||
                 (double_steps(unit) && fdc->cylinder == unit->track);

    if (!has_marks(fdc) || marked_cylinder(unit) >= g->cylinders) {
        fdc_end(fdc, ST0_ABNORMAL, ST1_MISSING, 0);
    } else if (!right || fdc->cylinder >= g->cylinders) {
        fdc_end(fdc, ST0_ABNORMAL, ST1_NO_DATA, ST2_CYLINDER);
    } else if (fdc->head != fdc->side || fdc->sector < 1 || fdc->sector > g->sectors ||
               fdc->size_code != SECTOR_SIZE_CODE ||
               fdc_offset(fdc) + FLOPPY_SECTOR_BYTES > block_size(unit->block)) {
        fdc_end(fdc, ST0_ABNORMAL, ST1_NO_DATA, 0);
    } else {
        return true;
    }
    return false;
}

/* How many sectors from the present one the next request takes. */
static unsigned run_length(const struct i82078 *fdc)
{
    const struct fdc_unit *unit = &fdc->units[fdc->unit];
    uint64_t there = (block_size(unit->block) - fdc_offset(fdc)) / FLOPPY_SECTOR_BYTES;
    unsigned last = MIN(unit->geometry.sectors, MAX(fdc->eot, fdc->sector));
    unsigned run = MIN(last - fdc->sector + 1u, FLOPPY_MAX_SECTORS);

    if (fdc->op == OP_SCAN || code_of(fdc) == CODE_READ_DELETED) {
        run = 1;
    }
    if (fdc->left > 0) {
        run = MIN(run, fdc->left);
    }
    return (unsigned)MIN(run, there);
}

void fdc_next_chunk(struct i82078 *fdc)
{
    if (!find_sector(fdc)) {
        return;
    }
    fdc->chunk = (uint8_t)run_length(fdc);
    fdc->position = 0;
    fdc->length = fdc->chunk * FLOPPY_SECTOR_BYTES;
    fdc->phase = fdc->op == OP_WRITE ? PHASE_MOVE : PHASE_DISK;
}

/* The ID that follows the last sector of a side. True if the command goes on there. */
static bool next_side(struct i82078 *fdc)
{
    fdc->sector = 1;
    if ((fdc->fifo[0] & COMMAND_MT) == 0) {
        fdc->cylinder++;
        return false;
    }
    fdc->head ^= 1;
    if (fdc->side == 0) {
        fdc->side = 1;
        return true;
    }
    fdc->cylinder++;
    return false;
}

/* Compares a sector with what the guest has sent. True: the scan has come to its end. */
static bool scan_sector(struct i82078 *fdc)
{
    const uint8_t *disk = fdc->data, *host = fdc->data + FLOPPY_SECTOR_BYTES;
    bool low = true, high = true;

    for (unsigned i = 0; i < FLOPPY_SECTOR_BYTES; i++) {
        if (host[i] != SCAN_ANY && disk[i] != SCAN_ANY) {
            low &= disk[i] <= host[i];
            high &= disk[i] >= host[i];
        }
    }
    if (low && high) {
        fdc->st2 |= ST2_EQUAL;
    }
    switch (code_of(fdc)) {
    case CODE_SCAN_EQUAL:
        return low && high;
    case CODE_SCAN_LOW:
        return low;
    default:
        return high;
    }
}

/* At the end of the last sector: without the guest's terminal count that is an error for commands that wait
 * for it. */
static void end_of_cylinder(struct i82078 *fdc)
{
    uint8_t code = code_of(fdc);

    if (fdc->op == OP_SCAN) {
        fdc_end(fdc, 0, 0, ST2_NOT);
    } else if (code == CODE_READ_TRACK || (fdc->op == OP_VERIFY && fdc->left == 0)) {
        fdc_end(fdc, 0, 0, 0);
    } else {
        fdc_end(fdc, ST0_ABNORMAL, ST1_END, 0);
    }
}

void fdc_chunk_done(struct i82078 *fdc)
{
    unsigned step = fdc->op == OP_SCAN && fdc->step == 2 ? 2 : 1;
    bool hit = fdc->op == OP_SCAN && scan_sector(fdc);
    /* A transfer that ends early leaves the sectors behind its end alone. */
    unsigned sectors = fdc->op == OP_READ ? (fdc->position + FLOPPY_SECTOR_BYTES - 1) / FLOPPY_SECTOR_BYTES
                                          : fdc->chunk;
    bool counted = fdc->left > 0;
    bool goes_on = true;

    fdc->left = fdc->left > sectors ? (uint16_t)(fdc->left - sectors) : 0;
    unsigned next = fdc->sector + (fdc->op == OP_SCAN ? step : sectors);
    fdc->sector = (uint8_t)next;
    if (next > fdc->eot) {
        goes_on = next_side(fdc);
    }
    if (code_of(fdc) == CODE_READ_DELETED) {
        fdc_end(fdc, 0, 0, ST2_CONTROL);
    } else if (fdc->tc || hit || (counted && fdc->left == 0)) {
        fdc_end(fdc, 0, 0, 0);
    } else if (!goes_on) {
        end_of_cylinder(fdc);
    } else {
        fdc_next_chunk(fdc);
    }
}

/* The parameters that all transfers have in common, and the implied seek. */
static void take_parameters(struct i82078 *fdc)
{
    fdc->unit = fdc->fifo[1] & 3;
    fdc->side = fdc->fifo[1] & HDS ? 1 : 0;
    fdc->cylinder = fdc->fifo[2];
    fdc->head = fdc->fifo[3];
    fdc->sector = fdc->fifo[4];
    fdc->size_code = fdc->fifo[5];
    fdc->eot = fdc->fifo[6];
    fdc->st1 = fdc->st2 = 0;
    fdc->left = 0;
    fdc->tc = false;
    fdc->burst = 0;
    if (fdc->config & CONFIG_IMPLIED_SEEK) {
        fdc_seek_now(fdc, fdc->unit, fdc->cylinder);
    }
}

static bool refuse_protected(struct i82078 *fdc)
{
    struct fdc_unit *unit = unit_of(fdc);

    if (unit->block == NULL || !block_read_only(unit->block)) {
        return false;
    }
    fdc_end(fdc, ST0_ABNORMAL, ST1_PROTECTED, 0);
    return true;
}

/* All sectors of a track in their order, whatever the parameters ask for; they are only compared. */
static void begin_read_track(struct i82078 *fdc)
{
    uint8_t cylinder = marked_cylinder(unit_of(fdc));

    if (fdc->cylinder != cylinder || fdc->head != fdc->side || fdc->sector < 1 ||
        fdc->sector > fdc->eot || fdc->size_code != SECTOR_SIZE_CODE) {
        fdc->st1 |= ST1_NO_DATA;
    }
    fdc->cylinder = cylinder;
    fdc->head = fdc->side;
    fdc->sector = 1;
    fdc->size_code = SECTOR_SIZE_CODE;
}

void fdc_read_write(struct i82078 *fdc)
{
    take_parameters(fdc);
    fdc->op = OP_READ;
    switch (code_of(fdc)) {
    case CODE_WRITE:
    case CODE_WRITE_DELETED:
        fdc->op = OP_WRITE;
        if (refuse_protected(fdc)) {
            return;
        }
        break;
    case CODE_VERIFY:
        fdc->op = OP_VERIFY;
        fdc->left = fdc->fifo[1] & VERIFY_COUNT ? fdc->fifo[8] : 0;
        break;
    case CODE_SCAN_EQUAL:
    case CODE_SCAN_LOW:
    case CODE_SCAN_HIGH:
        fdc->op = OP_SCAN;
        fdc->step = fdc->fifo[8];
        break;
    case CODE_READ_TRACK:
        begin_read_track(fdc);
        break;
    case CODE_READ_DELETED:
        if (fdc->fifo[0] & COMMAND_SK) { /* skips every sector that there is */
            fdc_end(fdc, ST0_ABNORMAL, ST1_END, 0);
            return;
        }
        break;
    default:
        break;
    }
    fdc_next_chunk(fdc);
}

/* The next ID to pass the head, by the time. */
void fdc_read_id(struct i82078 *fdc)
{
    fdc->unit = fdc->fifo[1] & 3;
    fdc->side = fdc->fifo[1] & HDS ? 1 : 0;
    fdc->st1 = fdc->st2 = 0;

    const struct fdc_unit *unit = unit_of(fdc);
    const struct floppy_geometry *g = &unit->geometry;
    if (!has_marks(fdc) || marked_cylinder(unit) >= g->cylinders) {
        fdc->head = fdc->side;
        fdc_end(fdc, ST0_ABNORMAL, ST1_MISSING, 0);
        return;
    }
    uint64_t turn = floppy_turn_ns(unit->type);
    uint64_t angle = clock_now(fdc->dev.machine->guest_clock) % turn;
    fdc->cylinder = marked_cylinder(unit);
    fdc->head = fdc->side;
    fdc->sector = (uint8_t)(angle * g->sectors / turn + 1);
    fdc->size_code = SECTOR_SIZE_CODE;
    fdc_end(fdc, 0, 0, 0);
}

/* FORMAT TRACK, and FORMAT AND WRITE, which brings the sectors' contents along. */
void fdc_format(struct i82078 *fdc)
{
    const uint8_t *p = fdc->fifo;

    fdc->unit = p[1] & 3;
    fdc->side = p[1] & HDS ? 1 : 0;
    fdc->size_code = p[2];
    fdc->eot = p[3];
    fdc->fill = p[5];
    fdc->st1 = fdc->st2 = 0;
    fdc->op = OP_FORMAT;
    fdc->tc = false;
    fdc->burst = 0;
    fdc->marks = 0;
    fdc->cylinder = marked_cylinder(unit_of(fdc));
    fdc->head = fdc->side;
    fdc->sector = 1;
    if (refuse_protected(fdc)) {
        return;
    }
    const struct fdc_unit *unit = unit_of(fdc);
    if (!has_marks(fdc) || fdc->cylinder >= unit->geometry.cylinders ||
        fdc->size_code != SECTOR_SIZE_CODE || fdc->eot < 1 || fdc->eot > unit->geometry.sectors) {
        log_print(fdc->dev.machine->log, LOG_GUEST_ERROR,
                  "floppy: a format with %u sectors of size code %u does not fit the image\n",
                  fdc->eot, fdc->size_code);
        fdc_end(fdc, ST0_ABNORMAL, ST1_MISSING, 0);
        return;
    }
    bool writes = (p[0] & 0xbf) == CODE_FORMAT_WRITE;
    fdc->position = 0;
    fdc->length = fdc->eot * (FDC_ID_BYTES + (writes ? FLOPPY_SECTOR_BYTES : 0));
    fdc->phase = PHASE_MOVE;
}
