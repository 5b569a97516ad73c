/*
 * The "backdoor" port of VMware's virtual machines, 5658h: a guest reads it with a magic number in EAX and a command
 * in ECX, and gets answers in registers. Guests look for an absolute pointer there (hw/input/vmmouse.h).
 */
#ifndef HW_MISC_VMPORT_H
#define HW_MISC_VMPORT_H

#include "core/device.h"
#include "core/machine.h"

#define VMPORT_MAGIC 0x564d5868
#define VMPORT_BASE 0x5658

extern const struct device_class vmport_class;

struct region *vmport_io(struct device *dev); /* 4 bytes */

/* Carries out a command: registers hold what the guest gave, and are what it gets. */
typedef void vmport_fn(void *arg, struct port_registers *registers);
/* command < 128. */
void vmport_connect(struct device *dev, unsigned command, vmport_fn *fn, void *arg);

#endif
