/* A tap device of the host as the other end of the wire (`-netdev tap`). Everything runs in the main thread. */
#ifndef NET_TAP_H
#define NET_TAP_H

#include <glib.h>

#include "net/port.h"

struct net_tap;

/* Strings are borrowed; NULL: not given. */
struct net_tap_config {
    const char *ifname;             /* NULL: the kernel chooses tapN */
    const char *fd;                 /* number of an open tap descriptor, instead of ifname */
    const char *script, *downscript; /* run with the device's name when it comes up and goes; NULL or "no": none */
};

/* Attaches to a port, whose link must outlive the backend. NULL and error that says what to do. */
struct net_tap *net_tap_create(const struct net_tap_config *config, struct net_port *port, GError **error);
/* Runs the down script. NULL is fine. */
void net_tap_destroy(struct net_tap *tap);
/* "ifname=tap0,script=no,downscript=no" and the like. */
void net_tap_print(const struct net_tap *tap, GString *out);

#endif
