/* Inside the socket backend: opening. */
#ifndef NET_SOCKET_IMPL_H
#define NET_SOCKET_IMPL_H

#include <netinet/in.h>

#include "net/socket.h"

struct socket_ends {
    int listener, fd; /* -1: none */
    bool stream;
    bool own_filter;           /* datagrams from `own` are our own and dropped */
    int out;                   /* multicast: what sends; else -1 */
    struct sockaddr_in to, own; /* of datagrams; to.sin_port 0: connected */
};

/* Opens what the configuration says; all descriptors non-blocking and close-on-exec. */
bool socket_open(const struct net_socket_config *config, struct socket_ends *ends, GError **error);
void socket_close(struct socket_ends *ends);

#endif
