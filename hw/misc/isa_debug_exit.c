/*
 * A port by which a test program ends the emulator. No hardware has it; the convention is QEMU's:
 * writing `value` makes the process exit with code (value << 1) | 1, so that 0 stays with an
 * orderly power-off.
 */
#include "hw/misc/isa_debug_exit.h"

#include <inttypes.h>

#include "core/bus.h"
#include "core/machine.h"

#define ISA_PORT_LIMIT 0x10000

struct isa_debug_exit {
    struct device dev;
    uint64_t iobase;
    uint64_t iosize;
    struct region io;
};

static uint64_t isa_debug_exit_read(void *owner, uint64_t offset, unsigned size)
{
    return 0;
}

static void isa_debug_exit_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct isa_debug_exit *port = owner;
    port->dev.machine->exit_code = (int)((uint32_t)value << 1 | 1);
    machine_request(port->dev.machine, REQUEST_EXIT_CODE);
}

static const struct region_ops isa_debug_exit_ops = {
    .read = isa_debug_exit_read,
    .write = isa_debug_exit_write,
    .max_size = 4,
};

struct region *isa_debug_exit_io(struct device *dev)
{
    return &((struct isa_debug_exit *)dev)->io;
}

uint16_t isa_debug_exit_iobase(struct device *dev)
{
    return (uint16_t)((struct isa_debug_exit *)dev)->iobase;
}

static bool isa_debug_exit_create(struct device *dev, GError **error)
{
    struct isa_debug_exit *port = (struct isa_debug_exit *)dev;
    if (port->iosize != 1 && port->iosize != 2 && port->iosize != 4) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "isa-debug-exit: iosize must be 1, 2 or 4, not %" PRIu64, port->iosize);
        return false;
    }
    if (port->iobase > ISA_PORT_LIMIT - port->iosize) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "isa-debug-exit: iobase 0x%" PRIx64 " is no port; use 0 to 0xffff",
                    port->iobase);
        return false;
    }
    region_init_io(&port->io, "isa-debug-exit", port->iosize, &isa_debug_exit_ops, port);
    device_add_region(dev, &port->io);
    return true;
}

static const struct property isa_debug_exit_properties[] = {
    {"iobase", PROPERTY_U64, offsetof(struct isa_debug_exit, iobase), "0x501", "first port"},
    {"iosize", PROPERTY_U64, offsetof(struct isa_debug_exit, iosize), "2",
     "number of ports: 1, 2 or 4"},
    {NULL},
};

const struct device_class isa_debug_exit_class = {
    .name = "isa-debug-exit",
    .description = "port that ends the emulator with an exit code",
    .state_size = sizeof(struct isa_debug_exit),
    .properties = isa_debug_exit_properties,
    .create = isa_debug_exit_create,
};
