/*
 * Parallel port as on the IBM Printer Adapter (PC/AT Technical Reference, "Printer adapter"), with the data
 * register readable.
 *
 * The printer takes a byte when STROBE goes active, is busy until the connection has taken it, and then
 * acknowledges: an interrupt follows if it is enabled. The pulse of ACK# itself is too short to be seen.
 * Not modelled: input (PS/2 bidirectional mode, EPP, ECP), a printer without paper or off line.
 */
#include "hw/char/parallel.h"

#include "chardev/chardev.h"
#include "core/bus.h"
#include "core/irq.h"
#include "core/machine.h"

#define DATA 0
#define STATUS 1
#define CONTROL 2

#define STATUS_ERROR_OFF 0x08
#define STATUS_SELECTED 0x10
#define STATUS_ACK_OFF 0x40
#define STATUS_NOT_BUSY 0x80
#define STATUS_UNUSED 0x07
#define CONTROL_STROBE 0x01
#define CONTROL_IRQ_ENABLE 0x10
#define CONTROL_WRITABLE 0x3f
#define CONTROL_UNUSED 0xc0
#define CONTROL_RESET 0x0c

struct parallel {
    struct device dev;
    /* Saved. */
    uint8_t data, control;
    uint8_t latch;     /* the byte that the printer was given */
    bool busy;         /* it has not been taken yet */
    bool acknowledged; /* it has, and the guest has not looked */
    struct irq *line;
    struct chardev *chr;
    struct region io;
};

static void parallel_drive(struct device *dev)
{
    struct parallel *port = (struct parallel *)dev;
    irq_set(port->line, port->acknowledged && (port->control & CONTROL_IRQ_ENABLE) != 0);
}

static void print(struct parallel *port)
{
    if (port->busy && chardev_write(port->chr, &port->latch, 1) == 1) {
        port->busy = false;
        port->acknowledged = true;
    }
    parallel_drive(&port->dev);
}

static uint64_t parallel_read(void *owner, uint64_t offset, unsigned size)
{
    struct parallel *port = owner;
    if (offset == DATA) {
        return port->data;
    }
    if (offset == CONTROL) {
        return port->control | CONTROL_UNUSED;
    }
    port->acknowledged = false;
    parallel_drive(&port->dev);
    return STATUS_ERROR_OFF | STATUS_SELECTED | STATUS_ACK_OFF | STATUS_UNUSED |
           (port->busy ? 0 : STATUS_NOT_BUSY);
}

static void parallel_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct parallel *port = owner;
    if (offset == DATA) {
        port->data = (uint8_t)value;
    } else if (offset == CONTROL) {
        bool strobe = (value & ~port->control & CONTROL_STROBE) != 0;
        port->control = value & CONTROL_WRITABLE;
        if (strobe && !port->busy) {
            port->latch = port->data;
            port->busy = true;
        }
        print(port);
    }
}

static const struct region_ops parallel_ops = {
    .read = parallel_read, .write = parallel_write, .max_size = 1};

struct region *parallel_io(struct device *dev)
{
    return &((struct parallel *)dev)->io;
}

void parallel_connect_irq(struct device *dev, struct irq *line)
{
    ((struct parallel *)dev)->line = line;
}

/* Nothing comes back from a printer. */
static size_t front_room(void *arg)
{
    return SIZE_MAX;
}

static void front_receive(void *arg, const uint8_t *data, size_t size)
{
}

static void front_writable(void *arg)
{
    print(arg);
}

static const struct chardev_front front = {
    .room = front_room, .receive = front_receive, .writable = front_writable};

void parallel_connect_chardev(struct device *dev, struct chardev *chr)
{
    struct parallel *port = (struct parallel *)dev;
    chardev_detach(port->chr);
    port->chr = chr;
    if (chr != NULL) {
        chardev_attach(chr, dev->machine->events, &front, port);
    }
}

static bool parallel_create(struct device *dev, GError **error)
{
    struct parallel *port = (struct parallel *)dev;
    region_init_io(&port->io, "parallel", 3, &parallel_ops, port);
    device_add_region(dev, &port->io);
    return true;
}

static void parallel_reset(struct device *dev)
{
    struct parallel *port = (struct parallel *)dev;
    port->data = port->latch = 0;
    port->control = CONTROL_RESET;
    port->busy = port->acknowledged = false;
}

static void parallel_destroy(struct device *dev)
{
    chardev_detach(((struct parallel *)dev)->chr);
}

static void parallel_loaded(struct device *dev)
{
    ((struct parallel *)dev)->control &= CONTROL_WRITABLE;
}

static const struct field parallel_fields[] = {
    FIELD_U8(struct parallel, data),  FIELD_U8(struct parallel, control),
    FIELD_U8(struct parallel, latch), FIELD_BOOL(struct parallel, busy),
    FIELD_BOOL(struct parallel, acknowledged), FIELD_END,
};

const struct device_class parallel_class = {
    .name = "isa-parallel",
    .description = "parallel printer port",
    .state_size = sizeof(struct parallel),
    .fields = parallel_fields,
    .create = parallel_create,
    .reset = parallel_reset,
    .drive = parallel_drive,
    .loaded = parallel_loaded,
    .destroy = parallel_destroy,
};
