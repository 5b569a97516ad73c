/*
 * An IDE channel: registers, drive selection, interrupt line. See the header.
 */
#include "hw/ide/channel.h"

#include <stddef.h>

#include "core/log.h"
#include "core/machine.h"
#include "hw/ide/ata.h"
#include "hw/ide/busmaster.h"

/* Command block registers */
enum { DATA, FEATURES, COUNT, LBA_LOW, LBA_MID, LBA_HIGH, DEVICE, COMMAND };
#define ERROR_REGISTER FEATURES
#define STATUS         COMMAND

const struct field ide_channel_fields[] = {
    FIELD_STRUCT_ARRAY(struct ide_channel, drives, ide_drive_fields),
    FIELD_U8(struct ide_channel, control),
    FIELD_U8(struct ide_channel, select),
    FIELD_BOOL(struct ide_channel, line),
    FIELD_END,
};

static struct ide_drive *selected(struct ide_channel *channel)
{
    return &channel->drives[channel->select];
}

/* Who answers reads: the selected drive, or drive 0 for an absent drive 1. NULL: nobody. */
static struct ide_drive *responder(struct ide_channel *channel)
{
    if (selected(channel)->present) {
        return selected(channel);
    }
    return channel->drives[0].present ? &channel->drives[0] : NULL;
}

void ide_channel_update(struct ide_channel *channel)
{
    const struct ide_drive *drive = selected(channel);
    bool level =
        drive->present && drive->intrq && (channel->control & IDE_CONTROL_NIEN) == 0;

    if (level && !channel->line && channel->bm != NULL) {
        busmaster_interrupt(channel->bm);
    }
    channel->line = level;
    irq_set(channel->irq, level);
}

static uint8_t status_of(const struct ide_channel *channel)
{
    const struct ide_drive *drive = &channel->drives[channel->select];

    if (!drive->present) {
        return 0;
    }
    return channel->control & IDE_CONTROL_SRST ? ATA_STATUS_BSY : drive->status;
}

static uint8_t register_read(struct ide_channel *channel, unsigned offset)
{
    struct ide_drive *drive = responder(channel);
    unsigned old = channel->control & IDE_CONTROL_HOB ? 1 : 0;

    if (drive == NULL) {
        return 0;
    }
    switch (offset) {
    case ERROR_REGISTER:
        return drive->error;
    case COUNT:
        return drive->count[old];
    case LBA_LOW:
        return drive->lba_low[old];
    case LBA_MID:
        return drive->lba_mid[old];
    case LBA_HIGH:
        return drive->lba_high[old];
    case DEVICE:
        return drive->device | (channel->select ? ATA_DEVICE_DEV : 0);
    case STATUS:
        if (selected(channel)->intrq) {
            selected(channel)->intrq = false;
            ide_channel_update(channel);
        }
        return status_of(channel);
    default:
        return 0xff;
    }
}

static uint64_t command_read(void *owner, uint64_t offset, unsigned size)
{
    struct ide_channel *channel = owner;
    uint64_t value = 0;

    if (offset == DATA) {
        struct ide_drive *drive = selected(channel);

        return drive->present ? drive_data_read(drive, size) : UINT64_MAX;
    }
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)register_read(channel, (unsigned)offset + i) << (8 * i);
    }
    return value;
}

static void push(uint8_t *pair, uint8_t value)
{
    pair[1] = pair[0];
    pair[0] = value;
}

/* A write to registers 1-5, which both drives see. */
static void parameter_write(struct ide_drive *drive, unsigned offset, uint8_t value)
{
    static const size_t pairs[] = {
        [FEATURES] = offsetof(struct ide_drive, features),
        [COUNT] = offsetof(struct ide_drive, count),
        [LBA_LOW] = offsetof(struct ide_drive, lba_low),
        [LBA_MID] = offsetof(struct ide_drive, lba_mid),
        [LBA_HIGH] = offsetof(struct ide_drive, lba_high),
    };

    push((uint8_t *)drive + pairs[offset], value);
}

/* EXECUTE DEVICE DIAGNOSTIC: both drives test themselves, drive 0 reports. */
static void diagnostic(struct ide_channel *channel)
{
    for (unsigned i = 0; i < 2; i++) {
        drive_reset(&channel->drives[i]);
    }
    channel->select = 0;
    if (channel->drives[0].present) {
        drive_interrupt(&channel->drives[0]);
    }
    ide_channel_update(channel);
}

static void command_write_register(struct ide_channel *channel, uint8_t command)
{
    struct ide_drive *drive = selected(channel);

    if (command == ATA_CMD_DIAGNOSTIC && responder(channel) != NULL) {
        diagnostic(channel);
        return;
    }
    if (!drive->present) {
        return;
    }
    drive->intrq = false;
    drive->command = command;
    ide_channel_update(channel);
    drive->set->command(drive, command);
}

static bool is_busy(const struct ide_drive *drive)
{
    return drive->present && (drive->status & (ATA_STATUS_BSY | ATA_STATUS_DRQ)) != 0;
}

static void register_write(struct ide_channel *channel, unsigned offset, uint8_t value)
{
    struct ide_drive *drive = selected(channel);
    bool device_reset =
        offset == COMMAND && value == ATA_CMD_DEVICE_RESET && drive->kind == IDE_CDROM;

    channel->control &= (uint8_t)~IDE_CONTROL_HOB;
    if ((channel->control & IDE_CONTROL_SRST) != 0 || (is_busy(drive) && !device_reset)) {
        log_print(channel->machine->log, LOG_GUEST_ERROR,
                  "ide: write of %02xh to register %u of a busy drive\n", value, offset);
        return;
    }
    if (offset == COMMAND) {
        command_write_register(channel, value);
    } else if (offset == DEVICE) {
        channel->select = value & ATA_DEVICE_DEV ? 1 : 0;
        for (unsigned i = 0; i < 2; i++) {
            channel->drives[i].device = (uint8_t)(value & ~ATA_DEVICE_DEV);
        }
        ide_channel_update(channel);
    } else {
        for (unsigned i = 0; i < 2; i++) {
            parameter_write(&channel->drives[i], offset, value);
        }
    }
}

static void command_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct ide_channel *channel = owner;

    if (offset == DATA) {
        if (selected(channel)->present) {
            drive_data_write(selected(channel), (uint32_t)value, size);
        }
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        register_write(channel, (unsigned)offset + i, (uint8_t)(value >> (8 * i)));
    }
}

static uint64_t control_read(void *owner, uint64_t offset, unsigned size)
{
    return status_of(owner);
}

static void control_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct ide_channel *channel = owner;
    bool was = (channel->control & IDE_CONTROL_SRST) != 0;
    bool now = (value & IDE_CONTROL_SRST) != 0;

    channel->control =
        (uint8_t)value & (IDE_CONTROL_NIEN | IDE_CONTROL_SRST | IDE_CONTROL_HOB);
    if (was != now) {
        for (unsigned i = 0; i < 2; i++) {
            drive_reset(&channel->drives[i]);
        }
        channel->select = 0;
    }
    ide_channel_update(channel);
}

static const struct region_ops command_ops = {command_read, command_write, 1, 4};
static const struct region_ops control_ops = {control_read, control_write, 1, 1};

static struct ide_channel *channel_of_event(struct event *event)
{
    return (struct ide_channel *)((char *)event - offsetof(struct ide_channel, resumed));
}

static void resumed(struct event *event)
{
    struct ide_channel *channel = channel_of_event(event);

    for (unsigned i = 0; i < 2; i++) {
        channel->drives[i].stalled = false;
        drive_advance(&channel->drives[i]);
    }
}

/* Main thread, without the machine lock: the drives are the machine thread's. */
static void state_changed(void *arg, struct machine *machine, enum run_state state)
{
    struct ide_channel *channel = arg;

    if (state == RUN_STATE_RUNNING) {
        event_post(machine->events, &channel->resumed);
    }
}

void ide_channel_init(struct ide_channel *channel, struct device *dev, struct busmaster *bm)
{
    channel->machine = dev->machine;
    channel->bm = bm;
    channel->resumed.fn = resumed;
    for (unsigned i = 0; i < 2; i++) {
        channel->drives[i].channel = channel;
        channel->drives[i].unit = i;
    }
    region_init_io(&channel->command_region, "ide-command", IDE_COMMAND_PORTS, &command_ops,
                   channel);
    region_init_io(&channel->control_region, "ide-control", IDE_CONTROL_PORTS, &control_ops,
                   channel);
    device_add_region(dev, &channel->command_region);
    device_add_region(dev, &channel->control_region);
    machine_on_state(dev->machine, state_changed, channel);
}

void ide_channel_reset(struct ide_channel *channel)
{
    for (unsigned i = 0; i < 2; i++) {
        drive_power_on(&channel->drives[i]);
    }
    channel->control = 0;
    channel->select = 0;
    channel->line = false;
}

void ide_channel_loaded(struct ide_channel *channel)
{
    channel->select &= 1;
    channel->control &= IDE_CONTROL_NIEN | IDE_CONTROL_SRST | IDE_CONTROL_HOB;
    for (unsigned i = 0; i < 2; i++) {
        drive_loaded(&channel->drives[i]);
    }
}

void ide_channel_drive(struct ide_channel *channel)
{
    for (unsigned i = 0; i < 2; i++) {
        drive_advance(&channel->drives[i]);
    }
    ide_channel_update(channel);
}

void ide_channel_connect_irq(struct ide_channel *channel, struct irq *line)
{
    channel->irq = line;
}
