/*
 * The transfer engine and task file shared by ATA and ATAPI drives. See the header.
 */
#include "hw/ide/drive.h"

#include <errno.h>
#include <string.h>

#include "core/log.h"
#include "core/machine.h"
#include "hw/ide/ata.h"
#include "hw/ide/atapi.h"
#include "hw/ide/busmaster.h"
#include "hw/ide/channel.h"

const struct field ide_drive_fields[] = {
    FIELD_U8_ARRAY(struct ide_drive, features),
    FIELD_U8_ARRAY(struct ide_drive, count),
    FIELD_U8_ARRAY(struct ide_drive, lba_low),
    FIELD_U8_ARRAY(struct ide_drive, lba_mid),
    FIELD_U8_ARRAY(struct ide_drive, lba_high),
    FIELD_U8(struct ide_drive, device),
    FIELD_U8(struct ide_drive, error),
    FIELD_U8(struct ide_drive, status),
    FIELD_U8(struct ide_drive, command),
    FIELD_BOOL(struct ide_drive, intrq),
    FIELD_I32(struct ide_drive, phase),
    FIELD_I32(struct ide_drive, op),
    FIELD_BOOL(struct ide_drive, dma),
    FIELD_BOOL(struct ide_drive, ext),
    FIELD_BOOL(struct ide_drive, fua),
    FIELD_BOOL(struct ide_drive, gathered),
    FIELD_BOOL(struct ide_drive, stalled),
    FIELD_U64(struct ide_drive, lba),
    FIELD_U32(struct ide_drive, remaining),
    FIELD_U32(struct ide_drive, per_block),
    FIELD_U32(struct ide_drive, narrow),
    FIELD_U32(struct ide_drive, position),
    FIELD_U32(struct ide_drive, block_end),
    FIELD_U32(struct ide_drive, fill),
    FIELD_BYTES(struct ide_drive, pio),
    FIELD_U16(struct ide_drive, heads),
    FIELD_U16(struct ide_drive, track_sectors),
    FIELD_U8(struct ide_drive, multiple),
    FIELD_U8(struct ide_drive, transfer_mode),
    FIELD_BOOL(struct ide_drive, write_cache),
    FIELD_BOOL(struct ide_drive, look_ahead),
    FIELD_BOOL(struct ide_drive, smart),
    FIELD_BYTES(struct ide_drive, self_test),
    FIELD_U8(struct ide_drive, self_tests),
    FIELD_U8(struct ide_drive, power),
    FIELD_U64(struct ide_drive, max_sectors),
    FIELD_U64(struct ide_drive, max_kept),
    FIELD_BOOL(struct ide_drive, max_frozen),
    FIELD_BYTES(struct ide_drive, security.user),
    FIELD_BYTES(struct ide_drive, security.master),
    FIELD_U16(struct ide_drive, security.revision),
    FIELD_BOOL(struct ide_drive, security.enabled),
    FIELD_BOOL(struct ide_drive, security.maximum),
    FIELD_BOOL(struct ide_drive, security.locked),
    FIELD_BOOL(struct ide_drive, security.frozen),
    FIELD_BOOL(struct ide_drive, security.prepared),
    FIELD_U8(struct ide_drive, security.attempts),
    FIELD_BYTES(struct ide_drive, security.max_password),
    FIELD_BOOL(struct ide_drive, security.max_set),
    FIELD_BOOL(struct ide_drive, security.max_locked),
    FIELD_U8(struct ide_drive, security.max_attempts),
    FIELD_BOOL(struct ide_drive, native_max_read),
    FIELD_U8(struct ide_drive, sense_key),
    FIELD_U8(struct ide_drive, asc),
    FIELD_U8(struct ide_drive, ascq),
    FIELD_BOOL(struct ide_drive, attention),
    FIELD_BOOL(struct ide_drive, tray_open),
    FIELD_BOOL(struct ide_drive, locked),
    FIELD_U8(struct ide_drive, media_event),
    FIELD_BYTES(struct ide_drive, packet),
    FIELD_BOOL(struct ide_drive, in_packet),
    FIELD_U16(struct ide_drive, byte_limit),
    FIELD_U16(struct ide_drive, sector_bytes),
    FIELD_U8(struct ide_drive, cd_parts),
    FIELD_BOOL(struct ide_drive, feature_event),
    FIELD_BYTES(struct ide_drive, mode_recovery),
    FIELD_BYTES(struct ide_drive, mode_audio),
    FIELD_END,
};

void drive_interrupt(struct ide_drive *drive)
{
    drive->intrq = true;
    ide_channel_update(drive->channel);
}

void drive_complete(struct ide_drive *drive)
{
    drive->phase = PHASE_IDLE;
    drive->error = 0;
    drive->status = ATA_STATUS_DRDY | ATA_STATUS_DSC;
    drive_interrupt(drive);
}

void drive_fail(struct ide_drive *drive, uint8_t error)
{
    drive->phase = PHASE_IDLE;
    drive->gathered = false;
    drive->error = error;
    drive->status = ATA_STATUS_DRDY | ATA_STATUS_DSC | ATA_STATUS_ERR;
    drive_interrupt(drive);
}

void drive_pio(struct ide_drive *drive, enum ide_phase phase, uint32_t position, uint32_t bytes)
{
    g_assert(position + bytes <= IDE_PIO_BYTES && bytes > 0);
    drive->phase = phase;
    drive->position = position;
    drive->block_end = position + bytes;
    drive->status = ATA_STATUS_DRDY | ATA_STATUS_DSC | ATA_STATUS_DRQ;
}

void drive_block(struct ide_drive *drive, enum ide_op op)
{
    drive->phase = PHASE_BLOCK;
    drive->op = op;
    drive->status = ATA_STATUS_BSY;
    drive_advance(drive);
}

static void dma_answer(struct ide_drive *drive, enum ide_phase phase, uint32_t fill)
{
    g_assert(fill <= IDE_PIO_BYTES);
    drive->phase = phase;
    drive->fill = fill;
    drive->status = ATA_STATUS_BSY;
    drive_advance(drive);
}

void drive_dma_reply(struct ide_drive *drive, uint32_t fill)
{
    dma_answer(drive, PHASE_DMA_REPLY, fill);
}

void drive_dma_take(struct ide_drive *drive, uint32_t fill)
{
    dma_answer(drive, PHASE_DMA_TAKE, fill);
}

static uint32_t unit_bytes(const struct ide_drive *drive)
{
    return drive->set->unit_bytes;
}

/* Must the data be rearranged on its way to the guest (raw CD sectors)? */
static bool is_formatted(const struct ide_drive *drive)
{
    return drive->set->format != NULL && drive->sector_bytes != unit_bytes(drive);
}

/* How many sectors the next request moves. */
static uint32_t chunk_units(const struct ide_drive *drive)
{
    uint32_t most = IDE_BOUNCE_BYTES / unit_bytes(drive);

    if (drive->op == OP_WRITE && !drive->dma) {
        return drive->fill / unit_bytes(drive);
    }
    if (is_formatted(drive)) {
        most = MIN(most, IDE_PIO_BYTES / drive->sector_bytes);
    } else if (drive->op == OP_READ && !drive->dma) {
        most = IDE_PIO_BYTES / unit_bytes(drive);
    }
    if (drive->narrow != 0) {
        most = MIN(most, drive->narrow);
    }
    return MIN(most, drive->remaining);
}

/* Fetches the data of a DMA write. False if nothing can be written now; the drive then waits for the bus
 * master to be started again. */
static bool gather(struct ide_drive *drive)
{
    struct busmaster *bm = drive->channel->bm;
    uint32_t bytes = drive->io.units * unit_bytes(drive);
    uint32_t got;

    busmaster_mark(bm);
    got = busmaster_transfer(bm, drive->io.bounce, bytes, false);
    drive->io.units = got / unit_bytes(drive);
    if (drive->io.units == 0) {
        log_print(drive->channel->machine->log, LOG_GUEST_ERROR,
                  "ide: descriptor table ends before the transfer\n");
        busmaster_commit(bm);
        return false;
    }
    drive->gathered = true;
    return true;
}

static void io_done(struct block_request *request, int result);

static bool moves_nothing(const struct ide_drive *drive)
{
    return drive->op == OP_FLUSH || drive->op == OP_TRIM || drive->op == OP_ERASE;
}

static void submit(struct ide_drive *drive)
{
    static const enum block_op ops[OP_COUNT] = {
        [OP_READ] = BLOCK_READ,
        [OP_WRITE] = BLOCK_WRITE,
        [OP_VERIFY] = BLOCK_READ,
        [OP_FLUSH] = BLOCK_FLUSH,
        [OP_TRIM] = BLOCK_DISCARD,
        [OP_ERASE] = BLOCK_WRITE_ZEROES,
    };
    struct ide_io *io = &drive->io;
    uint64_t bytes = (uint64_t)io->units * unit_bytes(drive);

    io->iov = (struct iovec){.iov_base = io->bounce, .iov_len = bytes};
    io->request = (struct block_request){
        .op = ops[drive->op],
        .offset = drive->lba * unit_bytes(drive),
        .bytes = bytes,
        .iov = &io->iov,
        .iov_count = 1,
        .done = io_done,
        .arg = drive,
    };
    if (moves_nothing(drive)) {
        io->request.iov = NULL;
        io->request.iov_count = 0;
    }
    io->busy = true;
    io->block = drive->block;
    block_submit(drive->block, &io->request);
}

/* The next range of the list, once it has been fetched. */
static void submit_trim(struct ide_drive *drive)
{
    if (drive->fill == 0 && !ata_trim_fetch(drive)) {
        return;
    }
    switch (ata_trim_next(drive, &drive->lba, &drive->io.units)) {
    case 0:
        drive_complete(drive);
        break;
    case 1:
        submit(drive);
        break;
    default:
        drive->set->failed(drive, -ERANGE);
        break;
    }
}

static void submit_chunk(struct ide_drive *drive)
{
    struct ide_io *io = &drive->io;
    bool moves = drive->dma && (drive->op == OP_READ || drive->op == OP_WRITE);

    if (drive->block == NULL) {
        drive->set->failed(drive, -ENOMEDIUM);
        return;
    }
    if (drive->op == OP_FLUSH) {
        io->units = 0;
        submit(drive);
        return;
    }
    if (drive->op == OP_TRIM) {
        submit_trim(drive);
        return;
    }
    if (drive->op == OP_ERASE) {
        io->units = ata_erase_next(drive);
        submit(drive);
        return;
    }
    io->units = chunk_units(drive);
    if (io->units == 0 || drive->lba >= drive->sectors ||
        io->units > drive->sectors - drive->lba) {
        drive->set->failed(drive, -ERANGE);
        return;
    }
    if (moves) {
        if (drive->gathered) {
            drive->gathered = false;
            busmaster_rewind(drive->channel->bm);
        }
        if (!busmaster_ready(drive->channel->bm) ||
            (drive->op == OP_WRITE && !gather(drive))) {
            return;
        }
    } else if (drive->op == OP_WRITE) {
        memcpy(io->bounce, drive->pio, io->units * unit_bytes(drive));
    }
    submit(drive);
}

static void advance_reply(struct ide_drive *drive)
{
    struct busmaster *bm = drive->channel->bm;
    bool to_memory = drive->phase == PHASE_DMA_REPLY;

    if (!busmaster_ready(bm)) {
        return;
    }
    uint32_t moved = busmaster_transfer(bm, drive->pio, drive->fill, to_memory);
    busmaster_commit(bm);
    if (moved == drive->fill && to_memory) {
        drive->set->reply_done(drive);
    } else if (moved == drive->fill) {
        drive->set->block_moved(drive);
    }
}

void drive_advance(struct ide_drive *drive)
{
    if (!drive->present) {
        return;
    }
    if (drive->phase == PHASE_DMA_REPLY || drive->phase == PHASE_DMA_TAKE) {
        advance_reply(drive);
    } else if (drive->phase == PHASE_BLOCK && !drive->io.busy && !drive->stalled) {
        submit_chunk(drive);
    }
}

/* Data of a READ that has arrived goes to memory or to pio. False: the bus master stopped; the chunk will
 * be read again when it is started again. */
static bool scatter(struct ide_drive *drive)
{
    uint32_t bytes = drive->io.units * unit_bytes(drive);
    uint8_t *data = drive->io.bounce;

    if (is_formatted(drive)) {
        for (uint32_t i = 0; i < drive->io.units; i++) {
            drive->set->format(drive, drive->lba + i, data + i * unit_bytes(drive),
                               drive->pio + i * drive->sector_bytes);
        }
        bytes = drive->io.units * drive->sector_bytes;
        data = drive->pio;
    }
    if (drive->dma) {
        struct busmaster *bm = drive->channel->bm;
        uint32_t moved;

        if (!busmaster_ready(bm)) {
            return false;
        }
        moved = busmaster_transfer(bm, data, bytes, true);
        busmaster_commit(bm);
        return moved == bytes;
    }
    if (data != drive->pio) {
        memcpy(drive->pio, data, bytes);
    }
    drive->fill = bytes;
    return true;
}

static void finish_chunk(struct ide_drive *drive)
{
    uint32_t units = drive->io.units;

    if (drive->op == OP_TRIM) {
        ata_trim_done(drive);
        return;
    }
    if (drive->op == OP_ERASE) {
        drive->lba += units;
        if (drive->lba < drive->native_sectors) {
            drive_advance(drive);
        } else {
            ata_erase_done(drive);
        }
        return;
    }
    if (drive->op == OP_READ && !scatter(drive)) {
        return;
    }
    if (drive->gathered) {
        drive->gathered = false;
        busmaster_commit(drive->channel->bm);
    }
    drive->lba += units;
    drive->remaining -= MIN(units, drive->remaining);
    drive->set->chunk_done(drive, units);
}

/* A long request says only that something in it failed: repeats it in smaller pieces, until the sector is
 * known and those before it were served. True if another attempt is made. */
static bool look_closer(struct ide_drive *drive)
{
    /* A DRQ block of several sectors cannot be cut short. */
    uint32_t least = drive->dma || drive->op != OP_READ ? 1 : MAX(drive->per_block, 1);

    if (moves_nothing(drive) || drive->io.units <= least ||
        (drive->op == OP_WRITE && !drive->dma)) {
        return false;
    }
    drive->narrow = MAX(drive->io.units / 8 / least, 1) * least;
    drive_advance(drive);
    return true;
}

/* True if the failed chunk is dealt with, false if it shall count as done. */
static bool handle_error(struct ide_drive *drive, int error)
{
    bool reading = drive->op == OP_READ || drive->op == OP_VERIFY;
    enum block_error_policy policy = reading ? drive->read_error : drive->write_error;

    policy = block_error_action(policy, !reading, error);
    if (policy == BLOCK_ON_ERROR_IGNORE) {
        if (reading) {
            memset(drive->io.bounce, 0, drive->io.units * unit_bytes(drive));
        }
        return false;
    }
    if (policy == BLOCK_ON_ERROR_STOP) {
        drive->stalled = true;
        drive->channel->machine->pause_why = RUN_STATE_IO_ERROR;
        machine_request(drive->channel->machine, REQUEST_PAUSE);
        return true;
    }
    if (error != -EIO || !look_closer(drive)) {
        drive->set->failed(drive, error);
    }
    return true;
}

static void io_done(struct block_request *request, int result)
{
    struct ide_drive *drive = request->arg;

    drive->io.busy = false;
    if (drive->io.abandoned) {
        drive->io.abandoned = false;
        drive_advance(drive);
    } else if (result == 0 || !handle_error(drive, result)) {
        finish_chunk(drive);
    }
}

void drive_signature(struct ide_drive *drive)
{
    memset(drive->lba_low, 0, sizeof(drive->lba_low));
    memset(drive->lba_mid, 0, sizeof(drive->lba_mid));
    memset(drive->lba_high, 0, sizeof(drive->lba_high));
    memset(drive->count, 0, sizeof(drive->count));
    drive->count[0] = 1;
    drive->lba_low[0] = 1;
    drive->lba_mid[0] = drive->set->signature_mid;
    drive->lba_high[0] = drive->set->signature_high;
    drive->device = 0;
}

void drive_reset(struct ide_drive *drive)
{
    drive->io.abandoned = drive->io.busy;
    drive->phase = PHASE_IDLE;
    drive->op = OP_READ;
    drive->dma = drive->ext = drive->fua = false;
    drive->gathered = drive->stalled = false;
    drive->in_packet = false;
    drive->lba = 0;
    drive->remaining = drive->per_block = drive->narrow = 0;
    drive->position = drive->block_end = drive->fill = 0;
    drive->intrq = false;
    drive->features[0] = drive->features[1] = 0;
    drive->command = 0;
    drive->power = 0;
    if (drive->present) {
        drive->status = drive->set->reset_status;
        drive->error = 1; /* diagnostic code: passed */
        drive_signature(drive);
    }
}

void drive_power_on(struct ide_drive *drive)
{
    drive->status = drive->error = 0;
    memset(drive->count, 0, sizeof(drive->count));
    memset(drive->lba_low, 0, sizeof(drive->lba_low));
    memset(drive->lba_mid, 0, sizeof(drive->lba_mid));
    memset(drive->lba_high, 0, sizeof(drive->lba_high));
    drive->device = 0;
    drive_reset(drive);
    memset(drive->pio, 0, sizeof(drive->pio));
    memset(drive->packet, 0, sizeof(drive->packet));
    drive->heads = drive->geometry.heads;
    drive->track_sectors = drive->geometry.sectors;
    drive->multiple = 0;
    drive->transfer_mode = 0;
    drive->write_cache = !drive->write_cache_off;
    drive->look_ahead = true;
    drive->smart = true;
    if (!drive->present) { /* what outlives a reset is the drive's */
        drive->max_kept = 0;
        drive->self_tests = 0;
        memset(drive->self_test, 0, sizeof(drive->self_test));
    }
    drive->max_sectors = drive->max_kept;
    drive->max_frozen = drive->native_max_read = false;
    ata_security_power_on(drive);
    ata_apply_limit(drive);
    drive->sense_key = drive->asc = drive->ascq = 0;
    drive->attention = drive->tray_open = drive->locked = false;
    drive->media_event = 0;
    drive->feature_event = false;
    atapi_mode_reset(drive);
    drive->cd_parts = READ_CD_USER;
    drive->byte_limit = IDE_BYTE_LIMIT_MAX;
    drive->sector_bytes = CD_SECTOR_BYTES;
}

void drive_loaded(struct ide_drive *drive)
{
    bool sane = drive->phase >= 0 && drive->phase < PHASE_COUNT && drive->op >= 0 &&
                drive->op < OP_COUNT && drive->fill <= IDE_PIO_BYTES &&
                drive->block_end <= IDE_PIO_BYTES && drive->position <= drive->block_end &&
                (!drive->dma || drive->channel->bm != NULL) &&
                ((drive->phase != PHASE_DMA_REPLY && drive->phase != PHASE_DMA_TAKE) || drive->dma) &&
                (drive->phase != PHASE_DMA_TAKE || drive->kind == IDE_CDROM) &&
                (drive->op != OP_TRIM || (drive->dma && drive->remaining <= ATA_TRIM_BLOCKS));

    drive->io.abandoned = drive->io.busy;
    ata_apply_limit(drive);
    if (atapi_parts_bytes(drive->cd_parts) == 0) {
        drive->cd_parts = READ_CD_USER;
    }
    drive->sector_bytes = atapi_parts_bytes(drive->cd_parts);
    drive->device &= (uint8_t)~ATA_DEVICE_DEV;
    if (drive->heads == 0 || drive->heads > 16 || drive->track_sectors == 0 ||
        drive->track_sectors > 255) {
        drive->heads = drive->geometry.heads;
        drive->track_sectors = drive->geometry.sectors;
    }
    if (drive->multiple > 16 || (drive->multiple & (drive->multiple - 1)) != 0) {
        drive->multiple = 0;
    }
    if (drive->kind == IDE_DISK && drive->phase != PHASE_IDLE &&
        (drive->per_block == 0 || drive->per_block > 16)) {
        sane = drive->op == OP_FLUSH && drive->phase == PHASE_BLOCK && sane;
    }
    if (drive->kind == IDE_CDROM && (drive->op != OP_READ || (drive->in_packet &&
                                                              drive->phase != PHASE_PIO_OUT))) {
        sane = false;
    }
    drive->self_tests = MIN(drive->self_tests, 2 * ATA_SELF_TESTS - 1);
    drive->byte_limit &= IDE_BYTE_LIMIT_MAX;
    if (drive->byte_limit == 0) {
        drive->byte_limit = IDE_BYTE_LIMIT_MAX;
    }
    if (drive->present && !sane) {
        drive_reset(drive);
    }
}

uint32_t drive_data_read(struct ide_drive *drive, unsigned size)
{
    uint32_t value = 0;

    if (drive->phase != PHASE_PIO_IN) {
        return UINT32_MAX;
    }
    for (unsigned i = 0; i < size && drive->position + i < drive->block_end; i++) {
        value |= (uint32_t)drive->pio[drive->position + i] << (8 * i);
    }
    drive->position = MIN(drive->position + size, drive->block_end);
    if (drive->position == drive->block_end) {
        drive->set->block_moved(drive);
    }
    return value;
}

void drive_data_write(struct ide_drive *drive, uint32_t value, unsigned size)
{
    if (drive->phase != PHASE_PIO_OUT) {
        return;
    }
    for (unsigned i = 0; i < size && drive->position + i < drive->block_end; i++) {
        drive->pio[drive->position + i] = (uint8_t)(value >> (8 * i));
    }
    drive->position = MIN(drive->position + size, drive->block_end);
    if (drive->position == drive->block_end) {
        drive->set->block_moved(drive);
    }
}
