/*
 * A virtual console: a character connection whose host side is a text console that somebody else shows, in
 * the window or on the terminal. This part knows no display; whoever has one connects its screen here and
 * sends what is typed.
 */
#ifndef CHARDEV_VC_H
#define CHARDEV_VC_H

#include "chardev/chardev.h"

/* Output of the front; main thread. */
typedef void chardev_vc_output_fn(void *arg, const void *data, size_t size);

/* True if the connection was opened as vc. NULL is fine. */
bool chardev_is_vc(struct chardev *chr);

/* The size that was asked for, in characters; 0 and 0 if none was. */
void chardev_vc_size(struct chardev *chr, unsigned *columns, unsigned *rows);

/* Where the output goes; what came before is kept (64 KiB of it) and delivered now. NULL disconnects. Main
 * thread. */
void chardev_vc_connect(struct chardev *chr, chardev_vc_output_fn *fn, void *arg);

/* What was typed, for the front. More than the queue takes is kept until it does, up to 64 KiB; the rest is
 * dropped. Main thread. */
void chardev_vc_type(struct chardev *chr, const void *data, size_t size);

#endif
