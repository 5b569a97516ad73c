/*
 * Character connections by name, as -serial, -monitor and -debugcon take them:
 *
 *   stdio                               this terminal (raw mode while open)
 *   file:PATH  null  pty
 *   unix:PATH[,server][,nowait]         socket; server: listen (one peer at a time), nowait: do not wait for it
 *   tcp:HOST:PORT[,server][,nowait]     the same; HOST may be empty (loopback)
 *   telnet:HOST:PORT,server[,nowait]    the same with telnet negotiation
 *   /dev/NAME                           a serial port or other character device of the host
 *
 * Backends run in the default GLib main context.
 */
#ifndef CHARDEV_BACKENDS_H
#define CHARDEV_BACKENDS_H

#include "chardev/chardev.h"

/* NULL and error that names the spec and the remedy. Only one stdio at a time. */
struct chardev *chardev_open(const char *spec, GError **error);

/* True if the peer is a terminal to which typed characters must be echoed (stdio on a tty, telnet, pty). */
bool chardev_wants_echo(struct chardev *chr);

#endif
