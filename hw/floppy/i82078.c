/*
 * Intel 82078 floppy disk controller (data sheets 290468 and, for what it inherits, 290166: 82077AA), in
 * PC/AT mode: registers, resets, and the two request lines. See i82078_impl.h for the other files.
 *
 * Not modelled: tape drives, power down (commands are kept, nothing sleeps), head load and unload times, the
 * rotation of the disk but for READ ID, deleted data marks (images have no place for them: sectors are
 * written as normal ones), CRC errors, and the time that data takes. Where a real controller would wait for
 * the index hole for ever, because there is no disk or the motor is off, a command ends with "missing address
 * mark". Stepping takes the time that SPECIFY says.
 */
#include "hw/floppy/i82078_impl.h"

#include <string.h>

#include "core/log.h"
#include "core/machine.h"
#include "hw/dma/i8237.h"

enum { PORT_SRA, PORT_SRB, PORT_DOR, PORT_TDR, PORT_MSR_DSR, PORT_FIFO, PORTS };

static const struct field unit_fields[] = {
    FIELD_U8(struct fdc_unit, track),    FIELD_U8(struct fdc_unit, cylinder),
    FIELD_U8(struct fdc_unit, status),   FIELD_BOOL(struct fdc_unit, ended),
    FIELD_BOOL(struct fdc_unit, changed), FIELD_U64(struct fdc_unit, arrival),
    FIELD_END,
};

static const struct field fields[] = {
    FIELD_STRUCT_ARRAY(struct i82078, units, unit_fields),
    FIELD_U8(struct i82078, dor),
    FIELD_U8(struct i82078, tdr),
    FIELD_U8(struct i82078, dsr),
    FIELD_BYTES(struct i82078, specify),
    FIELD_U8(struct i82078, config),
    FIELD_U8(struct i82078, precomp_track),
    FIELD_U8(struct i82078, perpendicular),
    FIELD_U8(struct i82078, option),
    FIELD_U8(struct i82078, powerdown),
    FIELD_BYTES(struct i82078, drive_spec),
    FIELD_BOOL(struct i82078, lock),
    FIELD_BOOL(struct i82078, irq_pending),
    FIELD_I32(struct i82078, phase),
    FIELD_I32(struct i82078, op),
    FIELD_BYTES(struct i82078, fifo),
    FIELD_U8(struct i82078, fifo_length),
    FIELD_U8(struct i82078, fifo_position),
    FIELD_U8(struct i82078, unit),
    FIELD_U8(struct i82078, cylinder),
    FIELD_U8(struct i82078, head),
    FIELD_U8(struct i82078, sector),
    FIELD_U8(struct i82078, size_code),
    FIELD_U8(struct i82078, side),
    FIELD_U8(struct i82078, eot),
    FIELD_U8(struct i82078, step),
    FIELD_U8(struct i82078, st1),
    FIELD_U8(struct i82078, st2),
    FIELD_U16(struct i82078, left),
    FIELD_U8(struct i82078, chunk),
    FIELD_U64(struct i82078, marks),
    FIELD_U8(struct i82078, fill),
    FIELD_BOOL(struct i82078, tc),
    FIELD_BOOL(struct i82078, stalled),
    FIELD_U8(struct i82078, burst),
    FIELD_U32(struct i82078, position),
    FIELD_U32(struct i82078, length),
    FIELD_BYTES(struct i82078, data),
    FIELD_END,
};

/* ---- lines ---- */

bool i82078_uses_dma(const struct i82078 *fdc)
{
    return (fdc->specify[1] & 1) == 0;
}

static bool wants_dma(const struct i82078 *fdc)
{
    return fdc->phase == PHASE_MOVE && i82078_uses_dma(fdc) && (fdc->dor & DOR_DMAGATE) != 0;
}

static bool irq_level(const struct i82078 *fdc)
{
    bool fifo = fdc->phase == PHASE_MOVE && !i82078_uses_dma(fdc);

    return (fdc->dor & DOR_DMAGATE) != 0 && (fdc->irq_pending || fifo);
}

static void drive_lines(struct i82078 *fdc)
{
    if (fdc->dma != NULL) {
        irq_set(i8237_dreq(fdc->dma, fdc->dma_channel), wants_dma(fdc));
    }
    irq_set(fdc->irq, irq_level(fdc));
}

void i82078_interrupt(struct i82078 *fdc)
{
    /* An interrupt that was not served hides no other from a controller that looks at edges. */
    fdc->irq_pending = false;
    drive_lines(fdc);
    fdc->irq_pending = true;
    drive_lines(fdc);
}

/* The grant of a DMA request comes from inside drive_lines(); the loop sees to it. */
void i82078_advance(struct i82078 *fdc)
{
    if (fdc->advancing) {
        return;
    }
    fdc->advancing = true;
    do {
        drive_lines(fdc);
    } while (fdc_data_step(fdc));
    drive_lines(fdc);
    fdc->advancing = false;
}

static void dack_changed(void *sink, unsigned n, bool level)
{
    if (level) {
        i82078_advance(sink);
    }
}

static void i82078_drive(struct device *dev)
{
    struct i82078 *fdc = (struct i82078 *)dev;

    for (unsigned i = 0; i < FDC_UNITS; i++) {
        fdc_unit_drive(&fdc->units[i]);
    }
    i82078_advance(fdc);
}

/* ---- resets ---- */

static void reset_command(struct i82078 *fdc)
{
    fdc_abandon(fdc);
    fdc->phase = PHASE_COMMAND;
    fdc->op = OP_READ;
    fdc->fifo_length = fdc->fifo_position = 0;
    fdc->tc = fdc->stalled = fdc->irq_pending = false;
    fdc->position = fdc->length = 0;
    fdc->left = fdc->burst = fdc->chunk = 0;
    fdc->marks = 0;
}

/* What a reset by DOR or DSR does; SPECIFY's values and the drives' positions stay. */
static void soft_reset(struct i82078 *fdc)
{
    reset_command(fdc);
    if (!fdc->lock) {
        fdc->config = CONFIG_NO_FIFO;
        fdc->precomp_track = 0;
    }
    fdc->perpendicular &= 0xfc;
    for (unsigned i = 0; i < FDC_UNITS; i++) {
        fdc->units[i].ended = false;
        fdc->units[i].arrival = CLOCK_NEVER;
    }
}

/* Polling finds that all drives have changed from not ready to ready. */
static void leave_reset(struct i82078 *fdc)
{
    if (fdc->config & CONFIG_NO_POLL) {
        return;
    }
    for (unsigned i = 0; i < FDC_UNITS; i++) {
        fdc->units[i].ended = true;
        fdc->units[i].status = (uint8_t)(ST0_POLLING | i);
    }
    i82078_interrupt(fdc);
}

static void i82078_reset(struct device *dev)
{
    struct i82078 *fdc = (struct i82078 *)dev;

    fdc->lock = false;
    fdc->dor = fdc->tdr = 0;
    fdc->dsr = FLOPPY_RATE_250K;
    fdc->perpendicular = fdc->option = fdc->powerdown = 0;
    memset(fdc->specify, 0, sizeof(fdc->specify));
    memset(fdc->drive_spec, 0, sizeof(fdc->drive_spec));
    soft_reset(fdc);
    memset(fdc->fifo, 0, sizeof(fdc->fifo));
    memset(fdc->data, 0, sizeof(fdc->data));
    fdc->unit = fdc->cylinder = fdc->head = fdc->sector = fdc->size_code = 0;
    fdc->side = fdc->eot = fdc->step = fdc->st1 = fdc->st2 = fdc->fill = 0;
    for (unsigned i = 0; i < FDC_UNITS; i++) {
        fdc->units[i].track = fdc->units[i].cylinder = fdc->units[i].status = 0;
        fdc->units[i].changed = true;
    }
}

/* Do the saved counts of a command in progress go together? */
static bool command_is_sane(const struct i82078 *fdc)
{
    uint32_t sectors_length = fdc->chunk * FLOPPY_SECTOR_BYTES;
    bool marks = fdc->length == fdc->eot * FDC_ID_BYTES ||
                 fdc->length == fdc->eot * (FDC_ID_BYTES + FLOPPY_SECTOR_BYTES);

    switch (fdc->phase) {
    case PHASE_COMMAND:
        return fdc->fifo_length < FDC_FIFO;
    case PHASE_RESULT:
        return fdc->fifo_position < fdc->fifo_length;
    default:
        break;
    }
    if (fdc->chunk > FLOPPY_MAX_SECTORS || fdc->length > FDC_DATA ||
        (fdc->phase == PHASE_MOVE && fdc->position >= fdc->length)) {
        return false;
    }
    switch (fdc->op) {
    case OP_FORMAT:
        return fdc->eot >= 1 && fdc->eot <= FLOPPY_MAX_SECTORS && marks;
    case OP_SCAN:
        return fdc->chunk == 1 && fdc->length <= 2 * FLOPPY_SECTOR_BYTES;
    default:
        return fdc->length == sectors_length;
    }
}

static void i82078_loaded(struct device *dev)
{
    struct i82078 *fdc = (struct i82078 *)dev;
    bool sane = fdc->phase >= 0 && fdc->phase < PHASE_COUNT && fdc->op >= 0 && fdc->op < OP_COUNT &&
                fdc->fifo_length <= FDC_FIFO && fdc->fifo_position <= fdc->fifo_length &&
                fdc->unit < FDC_UNITS && command_is_sane(fdc);

    fdc->perpendicular &= 0x3f;
    fdc->marks &= (1ull << FLOPPY_MAX_SECTORS) - 1;
    for (unsigned i = 0; i < FDC_UNITS; i++) {
        fdc->units[i].track = MIN(fdc->units[i].track, floppy_tracks(fdc->units[i].type));
    }
    if (!sane) {
        reset_command(fdc);
    }
    fdc->io.abandoned = fdc->io.busy;
}

/* ---- ports ---- */

static void write_dor(struct i82078 *fdc, uint8_t value)
{
    uint8_t before = fdc->dor;

    fdc->dor = value;
    if ((before & DOR_RESET) != 0 && (value & DOR_RESET) == 0) {
        soft_reset(fdc);
    } else if ((before & DOR_RESET) == 0 && (value & DOR_RESET) != 0) {
        leave_reset(fdc);
    }
}

static void write_dsr(struct i82078 *fdc, uint8_t value)
{
    fdc->dsr = value & (uint8_t)~DSR_RESET;
    if (value & DSR_RESET) {
        soft_reset(fdc);
        if (fdc->dor & DOR_RESET) {
            leave_reset(fdc);
        }
    }
}

static uint8_t read_msr(const struct i82078 *fdc)
{
    uint8_t value = 0;

    if ((fdc->dor & DOR_RESET) == 0) {
        return 0;
    }
    for (unsigned i = 0; i < FDC_UNITS; i++) {
        value |= fdc->units[i].arrival != CLOCK_NEVER ? 1u << i : 0;
    }
    switch (fdc->phase) {
    case PHASE_COMMAND:
        return value | MSR_RQM | (fdc->fifo_length > 0 ? MSR_BUSY : 0);
    case PHASE_RESULT:
        return value | MSR_RQM | MSR_DIO | MSR_BUSY;
    case PHASE_MOVE:
        value |= i82078_uses_dma(fdc) ? 0 : MSR_RQM | (fdc_moves_out(fdc) ? MSR_DIO : 0);
        break;
    default:
        break;
    }
    return value | MSR_BUSY | (i82078_uses_dma(fdc) ? 0 : MSR_NON_DMA);
}

static uint8_t read_fifo(struct i82078 *fdc)
{
    if (fdc->phase == PHASE_RESULT) {
        uint8_t value = fdc->fifo[fdc->fifo_position++];

        fdc->irq_pending = false;
        if (fdc->fifo_position == fdc->fifo_length) {
            fdc_result(fdc, 0);
        }
        return value;
    }
    return fdc->phase == PHASE_MOVE && !i82078_uses_dma(fdc) && fdc_moves_out(fdc)
               ? fdc_fifo_read(fdc)
               : 0;
}

static void write_fifo(struct i82078 *fdc, uint8_t value)
{
    if (fdc->phase == PHASE_COMMAND && (fdc->dor & DOR_RESET) != 0) {
        fdc_command_byte(fdc, value);
    } else if (fdc->phase == PHASE_MOVE && !i82078_uses_dma(fdc) && !fdc_moves_out(fdc)) {
        fdc_fifo_write(fdc, value);
    } else {
        log_print(fdc->dev.machine->log, LOG_GUEST_ERROR,
                  "floppy: %02xh written while the controller takes nothing\n", value);
    }
}

static uint64_t io_read(void *owner, uint64_t offset, unsigned size)
{
    struct i82078 *fdc = owner;
    uint8_t value = 0xff; /* status registers A and B are not there in AT mode */

    switch (offset) {
    case PORT_DOR:
        value = fdc->dor;
        break;
    case PORT_TDR:
        value = 0xfc | fdc->tdr;
        break;
    case PORT_MSR_DSR:
        value = read_msr(fdc);
        break;
    case PORT_FIFO:
        value = read_fifo(fdc);
        i82078_advance(fdc);
        break;
    default:
        break;
    }
    return value;
}

static void io_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct i82078 *fdc = owner;

    switch (offset) {
    case PORT_DOR:
        write_dor(fdc, (uint8_t)value);
        break;
    case PORT_TDR:
        fdc->tdr = value & 3;
        break;
    case PORT_MSR_DSR:
        write_dsr(fdc, (uint8_t)value);
        break;
    case PORT_FIFO:
        write_fifo(fdc, (uint8_t)value);
        break;
    default:
        break;
    }
    i82078_drive(&fdc->dev);
}

static const struct region_ops io_ops = {.read = io_read, .write = io_write, .max_size = 1};

static uint64_t dir_read(void *owner, uint64_t offset, unsigned size)
{
    return fdc_disk_changed(owner) ? DIR_CHANGED : 0;
}

static void dir_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct i82078 *fdc = owner;

    fdc->dsr = (uint8_t)((fdc->dsr & ~RATE_MASK) | (value & RATE_MASK));
}

static const struct region_ops dir_ops = {.read = dir_read, .write = dir_write, .max_size = 1};

/* ---- life ---- */

static void go_on(struct event *event)
{
    struct i82078 *fdc = (struct i82078 *)((char *)event - offsetof(struct i82078, resumed));

    fdc->stalled = false;
    i82078_advance(fdc);
}

static void state_changed(void *arg, struct machine *machine, enum run_state state)
{
    struct i82078 *fdc = arg;

    if (state == RUN_STATE_RUNNING) {
        event_post(machine->events, &fdc->resumed);
    }
}

static bool i82078_create(struct device *dev, GError **error)
{
    struct i82078 *fdc = (struct i82078 *)dev;

    fdc->io.bounce = g_malloc(FDC_DATA);
    for (unsigned i = 0; i < FDC_UNITS; i++) {
        fdc_unit_init(fdc, i);
    }
    irq_init(&fdc->dack, "dack", dack_changed, fdc, 0);
    dev->inputs = &fdc->dack;
    dev->input_count = 1;
    region_init_io(&fdc->io_region, "floppy", PORTS, &io_ops, fdc);
    region_init_io(&fdc->dir_region, "floppy-dir", 1, &dir_ops, fdc);
    device_add_region(dev, &fdc->io_region);
    device_add_region(dev, &fdc->dir_region);
    fdc->resumed.fn = go_on;
    machine_on_state(dev->machine, state_changed, fdc);
    return true;
}

static void i82078_destroy(struct device *dev)
{
    struct i82078 *fdc = (struct i82078 *)dev;

    event_cancel(dev->machine->events, &fdc->resumed);
    fdc_abandon(fdc);
    fdc->phase = PHASE_COMMAND;
    if (fdc->io.busy) {
        block_drain(fdc->io.block);
    }
    for (unsigned i = 0; i < FDC_UNITS; i++) {
        timer_cancel(&fdc->units[i].timer);
    }
    g_free(fdc->io.bounce);
}

struct region *i82078_io(struct device *dev)
{
    return &((struct i82078 *)dev)->io_region;
}

struct region *i82078_dir(struct device *dev)
{
    return &((struct i82078 *)dev)->dir_region;
}

void i82078_connect_irq(struct device *dev, struct irq *line)
{
    ((struct i82078 *)dev)->irq = line;
}

void i82078_connect_dma(struct device *dev, struct device *dma, unsigned channel)
{
    struct i82078 *fdc = (struct i82078 *)dev;

    fdc->dma = dma;
    fdc->dma_channel = channel;
    i8237_connect_dack(dma, channel, &fdc->dack);
}

const struct device_class i82078_class = {
    .name = "isa-fdc",
    .description = "Intel 82078 floppy disk controller",
    .state_size = sizeof(struct i82078),
    .fields = fields,
    .create = i82078_create,
    .reset = i82078_reset,
    .drive = i82078_drive,
    .loaded = i82078_loaded,
    .destroy = i82078_destroy,
};
