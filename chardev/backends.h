/*
 * Character connections by name, as -serial, -monitor and -debugcon take them:
 *
 *   stdio                               this terminal (raw mode while open)
 *   file:PATH  null  pty
 *   vc[:80Cx24C]                        a console in the window (chardev/vc.h)
 *   unix:PATH[,server][,nowait]         socket; server: listen (one peer at a time), nowait: do not
 * wait for it tcp:HOST:PORT[,server][,nowait]     the same; HOST may be empty (loopback)
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

/* True if the peer is a terminal to which typed characters must be echoed (stdio on a tty, telnet,
 * pty). */
bool chardev_wants_echo(struct chardev *chr);

/* True if the peer is a pipe or a file on standard input, which wants neither echo nor prompts. */
bool chardev_is_script(struct chardev *chr);

/* Whether the terminal's Ctrl-C, Ctrl-\ and Ctrl-Z are signals to the process (as at first) or
 * bytes like all others. The monitor and the multiplexer want bytes. Nothing happens if it is no
 * terminal. */
void chardev_set_signals(struct chardev *chr, bool on);

#endif
