/*
 * A wire through a socket, to another vmm or to QEMU (`-netdev socket`): over TCP each frame goes after its size in four
 * bytes, big-endian; over UDP and multicast one datagram is one frame. Everything runs in the main thread.
 */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include <glib.h>

#include "net/port.h"

struct net_socket;

/* Exactly one of the first five. Strings are "HOST:PORT", borrowed; NULL: not given. */
struct net_socket_config {
    const char *listen;  /* HOST may be empty: all addresses; one peer at a time */
    const char *connect;
    const char *mcast;   /* the group and its port */
    const char *udp;     /* where datagrams go; localaddr says where they come in */
    const char *fd;      /* number of an open, connected socket */
    const char *localaddr; /* for udp HOST:PORT; for mcast the HOST whose interface is used */
};

/* Attaches to a port, whose link must outlive the backend. NULL and error that names the setting. */
struct net_socket *net_socket_create(const struct net_socket_config *config, struct net_port *port, GError **error);
void net_socket_destroy(struct net_socket *socket);
/* "connect=127.0.0.1:1234, connected" and the like. */
void net_socket_print(const struct net_socket *socket, GString *out);

#endif
