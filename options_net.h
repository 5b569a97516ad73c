/* What the command line says about the network. */
#ifndef OPTIONS_NET_H
#define OPTIONS_NET_H

#include <glib.h>
#include <stdbool.h>

#include "core/option.h"

#define OPTION_NICS_MAX 8

struct option_nic {
    char *id;     /* NULL = e1000.N */
    char *mac;    /* NULL = 52:54:00:12:34:56 and on */
    char *netdev; /* the backend's id; "" = no cable; NULL (-net nic): the next -net user */
};

/* A user network. Strings are NULL unless given. */
struct option_netdev {
    char *id; /* NULL (-net user): for the next -net nic */
    char *net, *host, *dns, *dhcp_start, *hostname, *domainname, *tftp, *bootfile,
        *tftp_server_name;
    bool restricted, no_ipv4, no_ipv6;
    GPtrArray *hostfwd; /* char *, rules */
};

struct option_net {
    bool none;
    GPtrArray *nics;         /* struct option_nic * */
    GPtrArray *netdevs;      /* struct option_netdev * */
    GPtrArray *redirections; /* char *: hostfwd rules for the first user network */
};

void option_net_init(struct option_net *net);
void option_net_finish(struct option_net *net);

/* The arguments of -net, -nic, -netdev, -device (whose driver is a network card) and -redir. */
bool option_net_legacy(struct option_net *net, const char *argument, GError **error);
bool option_net_nic(struct option_net *net, const char *argument, GError **error);
bool option_net_netdev(struct option_net *net, const char *argument, GError **error);
bool option_net_device(struct option_net *net, const char *argument, GError **error);
bool option_net_redirect(struct option_net *net, const char *argument, GError **error);

#endif
