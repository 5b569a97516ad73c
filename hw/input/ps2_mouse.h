/*
 * A PS/2 mouse that becomes an IntelliMouse (wheel) or IntelliMouse Explorer (five buttons) when
 * the guest knocks for it with the known sequences of sample rates.
 */
#ifndef HW_INPUT_PS2_MOUSE_H
#define HW_INPUT_PS2_MOUSE_H

#include "core/device.h"
#include "hw/input/ps2_port.h"
#include "ui/input.h"

extern const struct device_class ps2_mouse_class;

struct ps2_port *ps2_mouse_port(struct device *dev);

/* Registers the mouse as the relative pointer of the machine's input; NULL disconnects. */
void ps2_mouse_connect_input(struct device *dev, struct input *input);

/* Motion (right and down positive), wheel (towards the user positive) and the buttons held (enum
 * input_button). Machine lock held. */
void ps2_mouse_event(struct device *dev, int dx, int dy, int dz, unsigned buttons);

/* Sends a report even if nothing moved: how the absolute pointer beside it (vmmouse.h) interrupts. Machine lock
 * held. */
void ps2_mouse_poke(struct device *dev);

#endif
