/*
 * The output port of flat binaries, as the test driver of the 2007 kvm had it: port F1h, and "GUEST: " before each
 * line. There is nothing to be read from it.
 */
#include "hw/misc/flat_output.h"

#include <inttypes.h>
#include <string.h>

#include "core/bus.h"
#include "core/machine.h"

struct flat_output {
    struct device dev;
    uint64_t iobase;
    char *prefix;
    bool within_line; /* the prefix of this line is out */
    void (*put)(void *arg, const char *text, size_t size);
    void *arg;
    struct region io;
};

static void flat_output_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct flat_output *port = owner;
    char byte = (char)value;
    if (port->put == NULL) {
        return;
    }
    if (!port->within_line) {
        port->put(port->arg, port->prefix, strlen(port->prefix));
    }
    port->within_line = byte != '\n';
    port->put(port->arg, &byte, 1);
}

static const struct region_ops flat_output_ops = { .write = flat_output_write, .max_size = 1 };

struct region *flat_output_io(struct device *dev)
{
    return &((struct flat_output *)dev)->io;
}

uint16_t flat_output_iobase(struct device *dev)
{
    return (uint16_t)((struct flat_output *)dev)->iobase;
}

void flat_output_connect(struct device *dev, void (*put)(void *arg, const char *text, size_t size), void *arg)
{
    struct flat_output *port = (struct flat_output *)dev;
    port->put = put;
    port->arg = arg;
}

static bool flat_output_create(struct device *dev, GError **error)
{
    struct flat_output *port = (struct flat_output *)dev;
    if (port->iobase > 0xffff) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "flat-output: iobase 0x%" PRIx64 " is no port; use 0 to 0xffff", port->iobase);
        return false;
    }
    region_init_io(&port->io, "flat-output", 1, &flat_output_ops, port);
    device_add_region(dev, &port->io);
    return true;
}

static void flat_output_reset(struct device *dev)
{
    ((struct flat_output *)dev)->within_line = false;
}

static const struct property flat_output_properties[] = {
    { "iobase", PROPERTY_U64, offsetof(struct flat_output, iobase), "0xf1", "port" },
    { "prefix", PROPERTY_STRING, offsetof(struct flat_output, prefix), "GUEST: ", "text before each line" },
    { NULL },
};

static const struct field flat_output_fields[] = {
    FIELD_BOOL(struct flat_output, within_line),
    FIELD_END,
};

const struct device_class flat_output_class = {
    .name = "flat-output",
    .description = "port by which a flat binary prints lines on the host",
    .state_size = sizeof(struct flat_output),
    .properties = flat_output_properties,
    .fields = flat_output_fields,
    .create = flat_output_create,
    .reset = flat_output_reset,
};
