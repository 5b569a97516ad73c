/*
 * The backdoor port. Its interface is that of VMware's published open-vm-tools header (backdoor_def.h): command
 * numbers and the magic number. Of the commands only GETVERSION is answered here; others are connected. Not modelled:
 * the high-bandwidth port 5659h, access from unprivileged code without I/O permission.
 */
#include "hw/misc/vmport.h"

#include "core/bus.h"

#define COMMANDS 128
#define GET_VERSION 10
#define VERSION 6
#define PRODUCT 2 /* as a server product */

struct vmport {
    struct device dev;
    struct {
        vmport_fn *fn;
        void *arg;
    } commands[COMMANDS];
    struct region io;
};

static void get_version(void *arg, struct port_registers *registers)
{
    registers->eax = VERSION;
    registers->ebx = VMPORT_MAGIC;
    registers->ecx = PRODUCT;
}

static uint64_t vmport_read(void *owner, uint64_t offset, unsigned size)
{
    struct vmport *port = owner;
    struct machine *machine = port->dev.machine;
    struct port_registers registers;
    if (offset != 0 || size != 4 || machine->port_registers == NULL) {
        return UINT32_MAX;
    }
    machine->port_registers(machine->port_registers_arg, &registers, false);
    unsigned command = registers.ecx & 0xffff;
    if (registers.eax != VMPORT_MAGIC || command >= COMMANDS || port->commands[command].fn == NULL) {
        return UINT32_MAX;
    }
    port->commands[command].fn(port->commands[command].arg, &registers);
    machine->port_registers(machine->port_registers_arg, &registers, true);
    return registers.eax;
}

static void vmport_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
}

static const struct region_ops vmport_ops = {.read = vmport_read, .write = vmport_write, .max_size = 4};

struct region *vmport_io(struct device *dev)
{
    return &((struct vmport *)dev)->io;
}

void vmport_connect(struct device *dev, unsigned command, vmport_fn *fn, void *arg)
{
    struct vmport *port = (struct vmport *)dev;
    g_assert(command < COMMANDS);
    port->commands[command].fn = fn;
    port->commands[command].arg = arg;
}

static bool vmport_create(struct device *dev, GError **error)
{
    struct vmport *port = (struct vmport *)dev;
    region_init_io(&port->io, "vmport", 4, &vmport_ops, port);
    device_add_region(dev, &port->io);
    vmport_connect(dev, GET_VERSION, get_version, NULL);
    return true;
}

const struct device_class vmport_class = {
    .name = "vmport",
    .description = "VMware's backdoor port",
    .state_size = sizeof(struct vmport),
    .create = vmport_create,
};
