/*
 * Intel 8042 keyboard controller with the PS/2 firmware: two ports, A20 gate and CPU reset.
 *
 *   i8042_connect_keyboard(dev, ps2_keyboard_port(kbd))
 *   i8042_connect_mouse(dev, ps2_mouse_port(mouse))
 *   i8042_connect_kbd_irq / _aux_irq     IRQ1 and IRQ12: high while a byte waits
 *   i8042_connect_a20                    output port bit 1
 *   i8042_connect_reset                  high while output port bit 0 is low; a pulse for FE
 */
#ifndef HW_INPUT_I8042_H
#define HW_INPUT_I8042_H

#include "core/device.h"
#include "hw/input/ps2_port.h"

extern const struct device_class i8042_class;

struct region *i8042_data(struct device *dev);    /* 1 byte, port 60h */
struct region *i8042_command(struct device *dev); /* 1 byte, port 64h */

void i8042_connect_keyboard(struct device *dev, struct ps2_port *port);
void i8042_connect_mouse(struct device *dev, struct ps2_port *port);
void i8042_connect_kbd_irq(struct device *dev, struct irq *line);
void i8042_connect_aux_irq(struct device *dev, struct irq *line);
void i8042_connect_a20(struct device *dev, struct irq *line);
void i8042_connect_reset(struct device *dev, struct irq *line);

#endif
