/*
 * The connections of a run: what -serial, -parallel, -monitor, -mon, -debugcon and -chardev ask for, and what is there if
 * they are not given.
 */
#ifndef TERMINALS_H
#define TERMINALS_H

#include <glib.h>
#include <stdbool.h>

#include "options.h"

struct chardev;
struct desktop;
struct mux_ops;
struct pc_config;

struct terminals {
    const struct options *options;
    struct desktop *desktop;
    const struct mux_ops *mux_ops;
    void *arg; /* of mux_ops */
    GPtrArray *shared; /* struct shared_terminal *: multiplexers and named connections; owned */
    struct chardev *serial[OPTIONS_SERIAL_MAX], *parallel[OPTIONS_PARALLEL_MAX]; /* owned; NULL: none */
    struct chardev *debugcon, *monitors[OPTIONS_MONITOR_MAX];                   /* likewise */
    unsigned monitor_count;
    GPtrArray *extra; /* struct chardev *: for others; owned */
    struct chardev *qmp[OPTIONS_QMP_MAX]; /* owned; NULL: none */
};

/* Opens all of them and enters them into the board's configuration. plain: serial port and monitor share the
 * terminal unless said otherwise. The rest of *terminals up to `arg` has been filled in. False and error, which names the
 * option; terminals_close() is still due. */
bool terminals_open(struct terminals *terminals, bool plain, struct pc_config *config, GError **error);
/* One more, for an option besides these; it stays ours. NULL and error, also for "none". */
struct chardev *terminals_open_extra(void *terminals, const char *option, const char *spec, GError **error);
/* When nothing uses them any more. */
void terminals_close(struct terminals *terminals);

#endif
