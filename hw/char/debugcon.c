/*
 * The debug console. No PC has it; the convention comes from Bochs (port E9h, which reads as E9h)
 * and from firmware that writes to port 402h.
 */
#include "hw/char/debugcon.h"

#include <inttypes.h>

#include "chardev/chardev.h"
#include "core/bus.h"
#include "core/machine.h"

struct debugcon {
    struct device dev;
    uint64_t iobase;
    uint64_t readback;
    struct chardev *chr;
    struct region io;
};

static uint64_t debugcon_read(void *owner, uint64_t offset, unsigned size)
{
    return ((struct debugcon *)owner)->readback;
}

static void debugcon_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct debugcon *con = owner;
    uint8_t byte = (uint8_t)value;
    chardev_write(con->chr, &byte, 1);
}

static const struct region_ops debugcon_ops = {
    .read = debugcon_read, .write = debugcon_write, .max_size = 1};

struct region *debugcon_io(struct device *dev)
{
    return &((struct debugcon *)dev)->io;
}

uint16_t debugcon_iobase(struct device *dev)
{
    return (uint16_t)((struct debugcon *)dev)->iobase;
}

void debugcon_connect_chardev(struct device *dev, struct chardev *chr)
{
    ((struct debugcon *)dev)->chr = chr;
}

static bool debugcon_create(struct device *dev, GError **error)
{
    struct debugcon *con = (struct debugcon *)dev;
    if (con->iobase > 0xffff) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "isa-debugcon: iobase 0x%" PRIx64 " is no port; use 0 to 0xffff", con->iobase);
        return false;
    }
    con->readback &= 0xff;
    region_init_io(&con->io, "debugcon", 1, &debugcon_ops, con);
    device_add_region(dev, &con->io);
    return true;
}

static const struct property debugcon_properties[] = {
    {"iobase", PROPERTY_U64, offsetof(struct debugcon, iobase), "0xe9", "port"},
    {"readback", PROPERTY_U64, offsetof(struct debugcon, readback), "0xe9",
     "value read from the port"},
    {NULL},
};

const struct device_class debugcon_class = {
    .name = "isa-debugcon",
    .description = "port that prints bytes on the host",
    .state_size = sizeof(struct debugcon),
    .properties = debugcon_properties,
    .create = debugcon_create,
};
