/* -chardev and -mon: connections with a name, and monitors on them. -serial chardev:ID and the like use them too. */
#ifndef OPTIONS_CHARDEV_H
#define OPTIONS_CHARDEV_H

#include "core/option.h"

struct options;

struct option_chardev {
    char *id, *spec; /* owned; spec as chardev_open() takes it */
    bool mux;        /* several may use it */
};

/* A monitor for programs: -qmp, -mon mode=control. */
struct option_qmp {
    char *spec; /* as in -monitor; owned */
    bool pretty;
};

/* For the table of options.c; target: struct options. */
bool option_set_chardev(void *target, const struct option *option, const char *arg, GError **error);
bool option_set_mon(void *target, const struct option *option, const char *arg, GError **error);
bool option_set_qmp(void *target, const struct option *option, const char *arg, GError **error);
bool option_set_monitor(void *target, const struct option *option, const char *arg, GError **error);

/* The connection with an id, NULL if there is none. */
const struct option_chardev *option_chardev_find(const struct options *options, const char *id);

/* A GDestroyNotify for struct option_chardev. */
void option_chardev_free(gpointer data);

#endif
