/*
 * The absolute pointer of VMware's virtual machines: reports wait in a queue behind the backdoor port, and the PS/2
 * mouse interrupts to say that there are some. Linux, X.org and others have a driver for it.
 */
#ifndef HW_INPUT_VMMOUSE_H
#define HW_INPUT_VMMOUSE_H

#include "core/device.h"
#include "ui/input.h"

extern const struct device_class vmmouse_class;

/* The port, the mouse that interrupts, and where positions come from (NULL: nowhere). */
void vmmouse_connect(struct device *dev, struct device *vmport, struct device *mouse, struct input *input);

#endif
