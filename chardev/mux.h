/*
 * Several fronts on one terminal: -nographic and mon:stdio put the serial port and the monitor on
 * it, and Ctrl-A c goes from one to the next. Keys after the escape key: h help, x leave, s commit
 * snapshots, b break, t timestamps, c next front, and the escape key itself sends it.
 */
#ifndef CHARDEV_MUX_H
#define CHARDEV_MUX_H

#include "chardev/chardev.h"

struct mux;

struct mux_ops {
    void (*quit)(void *arg);   /* Ctrl-A x */
    void (*commit)(void *arg); /* Ctrl-A s */
};

/* Takes over the backend. escape: 1 = Ctrl-A; 0 = none. */
struct mux *mux_create(struct chardev *backend, unsigned escape, const struct mux_ops *ops,
                       void *arg);
/* Destroys the backend too. The connections must have been destroyed before. */
void mux_destroy(struct mux *mux);

/* A new front's connection (at most 4). The first one has the input. Destroy with
 * chardev_destroy(). */
struct chardev *mux_connect(struct mux *mux, const char *label);
/* Gives the input to a connection. */
void mux_focus(struct mux *mux, struct chardev *connection);

#endif
