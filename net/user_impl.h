/* Inside the user network: reading its settings. */
#ifndef NET_USER_IMPL_H
#define NET_USER_IMPL_H

#include <netinet/in.h>

#include "net/user.h"

/* The addresses of the guest's net. */
struct user_net {
    struct in_addr network, mask, host, dns, dhcp;
    struct in6_addr prefix6, host6, dns6;
    uint8_t prefix6_len;
};

/* One forward as text says it; guest.s_addr 0: the first address of DHCP. */
struct user_forward {
    bool udp;
    struct in_addr host, guest;
    int host_port, guest_port;
};

/* Fills in defaults; false and error if an address is malformed or outside the net. */
bool user_net_parse(const struct net_user_config *config, struct user_net *net, GError **error);
/* with_guest: the part behind '-' is needed, else not allowed. */
bool user_forward_parse(const char *rule, bool with_guest, struct user_forward *forward,
                        GError **error);

#endif
