/*
 * The engine of commands that move data: block requests into memory of their own, and bytes between data[] and
 * the guest, by DMA or through the FIFO. See i82078_impl.h.
 */
#include "hw/floppy/i82078_impl.h"

#include <errno.h>
#include <string.h>

#include "core/log.h"
#include "core/machine.h"
#include "hw/dma/i8237.h"

/* ---- the disk's side ---- */

static void io_done(struct block_request *request, int result);

/* `sectors` of them at an offset of the image, from or into the bounce buffer. */
static void submit(struct i82078 *fdc, uint64_t offset, unsigned sectors, bool write)
{
    struct fdc_io *io = &fdc->io;

    io->iov = (struct iovec){.iov_base = io->bounce, .iov_len = sectors * FLOPPY_SECTOR_BYTES};
    io->request = (struct block_request){
        .op = write ? BLOCK_WRITE : BLOCK_READ,
        .offset = offset,
        .bytes = io->iov.iov_len,
        .iov = &io->iov,
        .iov_count = 1,
        .done = io_done,
        .arg = fdc,
    };
    io->busy = true;
    io->block = fdc->units[fdc->unit].block;
    block_submit(io->block, &io->request);
}

/* What FORMAT AND WRITE has sent for sector n; NULL: FORMAT TRACK. */
static const uint8_t *format_contents(const struct i82078 *fdc, unsigned n)
{
    const unsigned stride = FDC_ID_BYTES + FLOPPY_SECTOR_BYTES;

    if (fdc->length < fdc->eot * stride) {
        return NULL;
    }
    for (unsigned i = 0; i < fdc->eot; i++) {
        if (fdc->data[i * stride + 2] == n) {
            return fdc->data + i * stride + FDC_ID_BYTES;
        }
    }
    return NULL;
}

/* Writes the next run of sectors that were formatted. */
static void submit_format(struct i82078 *fdc)
{
    unsigned first = 0, count = 0;

    while ((fdc->marks >> first & 1) == 0) {
        first++;
    }
    while ((fdc->marks >> (first + count) & 1) != 0) {
        uint8_t *place = fdc->io.bounce + count * FLOPPY_SECTOR_BYTES;
        const uint8_t *contents = format_contents(fdc, first + count + 1);

        if (contents != NULL) {
            memcpy(place, contents, FLOPPY_SECTOR_BYTES);
        } else {
            memset(place, fdc->fill, FLOPPY_SECTOR_BYTES);
        }
        count++;
    }
    fdc->sector = (uint8_t)(first + 1);
    fdc->chunk = (uint8_t)count;
    submit(fdc, fdc_offset(fdc), count, true);
}

/* Are the sectors of this chunk (still) on a disk in the drive? */
static bool chunk_is_there(const struct i82078 *fdc)
{
    const struct fdc_unit *unit = &fdc->units[fdc->unit];
    const struct floppy_geometry *g = &unit->geometry;

    return unit->block != NULL && fdc->sector >= 1 && fdc->sector + fdc->chunk - 1u <= g->sectors &&
           fdc->cylinder < g->cylinders && fdc->side < g->heads &&
           fdc_offset(fdc) + fdc->chunk * FLOPPY_SECTOR_BYTES <= block_size(unit->block);
}

static bool disk_step(struct i82078 *fdc)
{
    if (fdc->io.busy || fdc->stalled) {
        return false;
    }
    if (fdc->op == OP_FORMAT && fdc->marks == 0) {
        fdc_end(fdc, 0, 0, 0);
        return true;
    }
    if (fdc->chunk < 1 || !chunk_is_there(fdc)) {
        fdc_end(fdc, ST0_ABNORMAL, ST1_MISSING, 0);
        return true;
    }
    if (fdc->op == OP_FORMAT) {
        submit_format(fdc);
    } else {
        if (fdc->op == OP_WRITE) {
            memcpy(fdc->io.bounce, fdc->data, fdc->chunk * FLOPPY_SECTOR_BYTES);
        }
        submit(fdc, fdc_offset(fdc), fdc->chunk, fdc->op == OP_WRITE);
    }
    return false;
}

/* True: dealt with; false: the chunk shall count as done. */
static bool handle_error(struct i82078 *fdc, int error)
{
    const struct fdc_unit *unit = &fdc->units[fdc->unit];
    bool write = fdc->op == OP_WRITE || fdc->op == OP_FORMAT;

    switch (block_error_action(write ? unit->write_error : unit->read_error, write, error)) {
    case BLOCK_ON_ERROR_IGNORE:
        if (!write) {
            memset(fdc->io.bounce, 0, fdc->chunk * FLOPPY_SECTOR_BYTES);
        }
        return false;
    case BLOCK_ON_ERROR_STOP:
        fdc->stalled = true;
        fdc->dev.machine->pause_why = RUN_STATE_IO_ERROR;
        machine_request(fdc->dev.machine, REQUEST_PAUSE);
        return true;
    default:
        break;
    }
    if (write) {
        fdc_end(fdc, ST0_ABNORMAL | ST0_EQUIPMENT, 0, 0);
    } else if (fdc->chunk > 1 && error == -EIO) {
        /* Something among them: one after the other, until the sector is known. */
        fdc->chunk = 1;
        fdc->length = FLOPPY_SECTOR_BYTES;
    } else {
        fdc_end(fdc, ST0_ABNORMAL, ST1_DATA, ST2_DATA);
    }
    return true;
}

static void disk_done(struct i82078 *fdc)
{
    switch (fdc->op) {
    case OP_READ:
        memcpy(fdc->data, fdc->io.bounce, fdc->length);
        fdc->phase = PHASE_MOVE;
        break;
    case OP_SCAN:
        memcpy(fdc->data, fdc->io.bounce, FLOPPY_SECTOR_BYTES);
        fdc->position = FLOPPY_SECTOR_BYTES;
        fdc->length = 2 * FLOPPY_SECTOR_BYTES;
        fdc->phase = PHASE_MOVE;
        break;
    case OP_FORMAT:
        fdc->marks &= ~(((1ull << fdc->chunk) - 1) << (fdc->sector - 1));
        break;
    default:
        fdc_chunk_done(fdc);
        break;
    }
}

static void io_done(struct block_request *request, int result)
{
    struct i82078 *fdc = request->arg;

    fdc->io.busy = false;
    if (fdc->io.abandoned) {
        fdc->io.abandoned = false;
    } else if (result == 0 || !handle_error(fdc, result)) {
        disk_done(fdc);
    }
    i82078_advance(fdc);
}

void fdc_abandon(struct i82078 *fdc)
{
    fdc->io.abandoned = fdc->io.busy;
}

/* ---- the guest's side ---- */

bool fdc_moves_out(const struct i82078 *fdc)
{
    return fdc->op == OP_READ;
}

/* Which sectors the IDs name. Those that an image cannot have end the command. */
static void take_marks(struct i82078 *fdc)
{
    const struct fdc_unit *unit = &fdc->units[fdc->unit];
    unsigned stride = fdc->length / fdc->eot;

    for (unsigned i = 0; i < fdc->eot; i++) {
        const uint8_t *id = fdc->data + i * stride;

        if (id[0] != fdc->cylinder || id[1] != fdc->head || id[2] < 1 ||
            id[2] > unit->geometry.sectors || id[3] != fdc->size_code) {
            log_print(fdc->dev.machine->log, LOG_GUEST_ERROR,
                      "floppy: the image has no place for a sector marked %u/%u/%u/%u\n", id[0],
                      id[1], id[2], id[3]);
            fdc_end(fdc, ST0_ABNORMAL, ST1_MISSING, 0);
            return;
        }
        fdc->marks |= 1ull << (id[2] - 1);
    }
    fdc->chunk = 1;
    fdc->phase = PHASE_DISK;
}

/* All bytes were moved, or the guest has ended the transfer. */
static void move_done(struct i82078 *fdc)
{
    switch (fdc->op) {
    case OP_WRITE:
        /* The rest of the last sector is zeroes; sectors behind it stay as they are. */
        memset(fdc->data + fdc->position, 0, fdc->length - fdc->position);
        fdc->chunk = (uint8_t)((fdc->position + FLOPPY_SECTOR_BYTES - 1) / FLOPPY_SECTOR_BYTES);
        fdc->phase = PHASE_DISK;
        break;
    case OP_FORMAT:
        if (fdc->position < fdc->length) {
            fdc_end(fdc, ST0_ABNORMAL, ST1_MISSING, 0);
        } else {
            take_marks(fdc);
        }
        break;
    case OP_SCAN:
        /* What the guest has not sent is not compared. */
        memset(fdc->data + fdc->position, 0xff, fdc->length - fdc->position);
        fdc_chunk_done(fdc);
        break;
    default:
        fdc_chunk_done(fdc);
        break;
    }
}

static bool move_step(struct i82078 *fdc)
{
    bool tc = false;

    if (!i82078_uses_dma(fdc) || (fdc->dor & DOR_DMAGATE) == 0 || fdc->dma == NULL ||
        !i8237_granted(fdc->dma, fdc->dma_channel)) {
        return false;
    }
    uint8_t *place = fdc->data + fdc->position;
    size_t wanted = fdc->length - fdc->position;
    size_t moved = fdc_moves_out(fdc)
                       ? i8237_to_memory(fdc->dma, fdc->dma_channel, place, wanted, &tc)
                       : i8237_from_memory(fdc->dma, fdc->dma_channel, place, wanted, &tc);
    fdc->position += (uint32_t)moved;
    fdc->tc |= tc;
    if (tc || fdc->position == fdc->length) {
        move_done(fdc);
    }
    return moved > 0;
}

/* A byte passed through the FIFO. The interrupt falls when the FIFO is used up, and rises for the next lot. */
static void fifo_moved(struct i82078 *fdc)
{
    unsigned threshold = (fdc->config & CONFIG_THRESHOLD) + 1u;
    unsigned lot = fdc_moves_out(fdc) ? 17 - threshold : threshold;

    if (fdc->config & CONFIG_NO_FIFO) {
        lot = 1;
    }
    fdc->position++;
    fdc->burst++;
    if (fdc->burst >= lot) {
        fdc->burst = 0;
        irq_set(fdc->irq, false);
    }
    if (fdc->position == fdc->length) {
        move_done(fdc);
    }
}

uint8_t fdc_fifo_read(struct i82078 *fdc)
{
    uint8_t value = fdc->data[fdc->position];

    fifo_moved(fdc);
    return value;
}

void fdc_fifo_write(struct i82078 *fdc, uint8_t value)
{
    fdc->data[fdc->position] = value;
    fifo_moved(fdc);
}

bool fdc_data_step(struct i82078 *fdc)
{
    switch (fdc->phase) {
    case PHASE_DISK:
        return disk_step(fdc);
    case PHASE_MOVE:
        return move_step(fdc);
    default:
        return false;
    }
}
