/*
 * The six-pin connector between a PS/2 controller and a keyboard or mouse, at the level of bytes.
 *
 * A device implements ps2_port_ops; the controller connects itself and is told when the device has
 * something to send. The controller decides when to take a byte (it may hold the clock line low).
 */
#ifndef HW_INPUT_PS2_PORT_H
#define HW_INPUT_PS2_PORT_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

struct ps2_port_ops {
    bool (*pending)(void *owner);            /* the device has a byte to send */
    uint8_t (*take)(void *owner);            /* the byte; only if pending */
    void (*send)(void *owner, uint8_t byte); /* a byte from the controller */
};

struct ps2_port {
    const struct ps2_port_ops *ops;
    void *owner;                                  /* the device: first argument of ops */
    void (*notify)(void *controller, unsigned n); /* NULL while unconnected: something is pending */
    void *controller;
    unsigned n;
};

static inline void ps2_port_notify(const struct ps2_port *port)
{
    if (port->notify != NULL) {
        port->notify(port->controller, port->n);
    }
}

#endif
