/*
 * A call that is owed to the main thread. Any thread posts; the function runs soon in the default
 * GLib main context, once however often it was posted meanwhile. This is how a front's thread hands
 * work (flushing, reading on) to the thread that owns the descriptors.
 */
#ifndef CHARDEV_MAIN_CALL_H
#define CHARDEV_MAIN_CALL_H

#include <glib.h>

struct main_call {
    GSource *source; /* owned */
};

void main_call_init(struct main_call *call, void (*fn)(void *arg), void *arg);
/* Main thread. After the return fn is not called any more. */
void main_call_finish(struct main_call *call);
/* Thread-safe. */
void main_call_post(struct main_call *call);

#endif
