/*
 * System control port B, port 61h of the PC/AT (IBM PC/AT Technical Reference, "System board I/O
 * ports"; 82371SB, "NMI status and control register").
 *
 * Bits 0-3 are read/write (gate 2, speaker data, parity check disable, channel check disable), bit
 * 4 toggles with every memory refresh request, bit 5 is OUT2. Memory and channel checks never
 * happen: bits 6 and 7 read as 0.
 */
#include "hw/misc/port61.h"

#include "core/bus.h"
#include "core/clock.h"
#include "core/irq.h"
#include "core/machine.h"

#define P61_GATE2         0x01
#define P61_SPEAKER       0x02
#define P61_WRITABLE      0x0f
#define P61_REFRESH       0x10
#define P61_OUT2          0x20
#define REFRESH_PERIOD_NS 15085 /* 18 clocks of 1.193182 MHz */

struct port61 {
    struct device dev;
    uint8_t control; /* bits 0-3; saved */
    struct irq *gate2;
    struct irq *speaker;
    port61_level_fn *out2;
    void *out2_arg;
    unsigned out2_n;
    void (*before)(void *arg);
    void (*after)(void *arg);
    void *watch_arg;
    struct region io;
};

static void port61_drive(struct device *dev)
{
    struct port61 *port = (struct port61 *)dev;
    irq_set(port->gate2, port->control & P61_GATE2);
    irq_set(port->speaker, port->control & P61_SPEAKER);
}

static uint64_t port61_read(void *owner, uint64_t offset, unsigned size)
{
    struct port61 *port = owner;
    uint64_t now = clock_now(port->dev.machine->guest_clock);
    uint8_t value = port->control;
    if (now / REFRESH_PERIOD_NS & 1) {
        value |= P61_REFRESH;
    }
    if (port->out2 != NULL && port->out2(port->out2_arg, port->out2_n)) {
        value |= P61_OUT2;
    }
    return value;
}

static void port61_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct port61 *port = owner;
    if (port->before != NULL) {
        port->before(port->watch_arg);
    }
    port->control = value & P61_WRITABLE;
    port61_drive(&port->dev);
    if (port->after != NULL) {
        port->after(port->watch_arg);
    }
}

static const struct region_ops port61_ops = {
    .read = port61_read, .write = port61_write, .max_size = 1};

struct region *port61_io(struct device *dev)
{
    return &((struct port61 *)dev)->io;
}

void port61_connect_gate2(struct device *dev, struct irq *line)
{
    ((struct port61 *)dev)->gate2 = line;
}

void port61_connect_out2(struct device *dev, port61_level_fn *fn, void *arg, unsigned n)
{
    struct port61 *port = (struct port61 *)dev;
    port->out2 = fn;
    port->out2_arg = arg;
    port->out2_n = n;
}

void port61_connect_speaker(struct device *dev, struct irq *line)
{
    ((struct port61 *)dev)->speaker = line;
}

bool port61_speaker_data(struct device *dev)
{
    return (((struct port61 *)dev)->control & P61_SPEAKER) != 0;
}

void port61_watch(struct device *dev, void (*before)(void *arg), void (*after)(void *arg), void *arg)
{
    struct port61 *port = (struct port61 *)dev;
    port->before = before;
    port->after = after;
    port->watch_arg = arg;
}

bool port61_speaker_on(struct device *dev)
{
    const uint8_t on = P61_GATE2 | P61_SPEAKER;
    return (((struct port61 *)dev)->control & on) == on;
}

static bool port61_create(struct device *dev, GError **error)
{
    struct port61 *port = (struct port61 *)dev;
    region_init_io(&port->io, "port61", 1, &port61_ops, port);
    device_add_region(dev, &port->io);
    return true;
}

static void port61_reset(struct device *dev)
{
    ((struct port61 *)dev)->control = 0;
}

static void port61_loaded(struct device *dev)
{
    ((struct port61 *)dev)->control &= P61_WRITABLE;
}

static const struct field port61_fields[] = {
    FIELD_U8(struct port61, control),
    FIELD_END,
};

const struct device_class port61_class = {
    .name = "port61",
    .description = "system control port B: speaker, timer 2 gate, refresh",
    .state_size = sizeof(struct port61),
    .fields = port61_fields,
    .create = port61_create,
    .reset = port61_reset,
    .drive = port61_drive,
    .loaded = port61_loaded,
};
