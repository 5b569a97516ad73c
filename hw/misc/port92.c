/*
 * System control port A, port 92h of the PS/2 (82371SB, "port 92 register").
 *
 * Bit 0: a change from 0 to 1 resets the CPU. Bit 1: A20 gate. The other bits (security lock,
 * activity lights) are kept and do nothing. Both bits are clear after a reset of the machine.
 */
#include "hw/misc/port92.h"

#include "core/bus.h"
#include "core/irq.h"
#include "core/machine.h"

#define P92_INIT 0x01
#define P92_A20  0x02

struct port92 {
    struct device dev;
    uint8_t control; /* saved */
    struct irq *a20;
    struct irq *reset;
    struct region io;
};

static void port92_drive(struct device *dev)
{
    struct port92 *port = (struct port92 *)dev;
    irq_set(port->a20, port->control & P92_A20);
}

static uint64_t port92_read(void *owner, uint64_t offset, unsigned size)
{
    return ((struct port92 *)owner)->control;
}

static void port92_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct port92 *port = owner;
    bool rising = (value & P92_INIT) && !(port->control & P92_INIT);
    port->control = (uint8_t)value;
    port92_drive(&port->dev);
    if (rising) {
        irq_pulse(port->reset);
    }
}

static const struct region_ops port92_ops = {
    .read = port92_read, .write = port92_write, .max_size = 1};

struct region *port92_io(struct device *dev)
{
    return &((struct port92 *)dev)->io;
}

void port92_connect_a20(struct device *dev, struct irq *line)
{
    ((struct port92 *)dev)->a20 = line;
}

void port92_connect_reset(struct device *dev, struct irq *line)
{
    ((struct port92 *)dev)->reset = line;
}

static bool port92_create(struct device *dev, GError **error)
{
    struct port92 *port = (struct port92 *)dev;
    region_init_io(&port->io, "port92", 1, &port92_ops, port);
    device_add_region(dev, &port->io);
    return true;
}

static void port92_reset(struct device *dev)
{
    ((struct port92 *)dev)->control = 0;
}

static const struct field port92_fields[] = {
    FIELD_U8(struct port92, control),
    FIELD_END,
};

const struct device_class port92_class = {
    .name = "port92",
    .description = "system control port A: fast A20 gate and CPU reset",
    .state_size = sizeof(struct port92),
    .fields = port92_fields,
    .create = port92_create,
    .reset = port92_reset,
    .drive = port92_drive,
};
