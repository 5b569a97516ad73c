/*
 * A PS/2 keyboard with 102 keys and the usual extra ones (IBM PS/2 Technical Reference, "Keyboards
 * (101- and 102-key)"): scan code sets 1, 2 and 3, typematic repeat, lights.
 */
#ifndef HW_INPUT_PS2_KEYBOARD_H
#define HW_INPUT_PS2_KEYBOARD_H

#include "core/device.h"
#include "hw/input/ps2_port.h"
#include "ui/input.h"

extern const struct device_class ps2_keyboard_class;

struct ps2_port *ps2_keyboard_port(struct device *dev);

/* Registers the keyboard as the sink of the machine's input and reports its lights there. NULL
 * disconnects from the one connected before. `input` must outlive the device or be disconnected. */
void ps2_keyboard_connect_input(struct device *dev, struct input *input);

/* A key went down or up. Machine lock held. keyboard is the struct device *. */
void ps2_keyboard_key(void *keyboard, enum key_code key, bool down);

/* The lights as the guest set them, enum input_led. */
unsigned ps2_keyboard_leds(struct device *dev);

#endif
