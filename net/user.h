/*
 * User networking: a NAT of the process's own, made by libslirp. The guest is at 10.0.2.15 (by
 * DHCP), the host and gateway at 10.0.2.2, a name server at 10.0.2.3; IPv6 is fec0::/64 with router
 * advertisements. No privileges are needed. Everything here runs in the main thread.
 */
#ifndef NET_USER_H
#define NET_USER_H

#include <glib.h>
#include <stdbool.h>

#include "net/port.h"

struct net_user;
struct user_guestfwd;

/* Strings are borrowed during net_user_create(); NULL means the default. */
struct net_user_config {
    bool restricted; /* the guest reaches nothing but forwards, DHCP and DNS of its own net */
    bool no_ipv4, no_ipv6;
    const char *net;        /* "10.0.2.0/24", or with a mask or without */
    const char *host, *dns; /* addresses within net: its .2 and .3 */
    const char *dhcp_start; /* its .15 */
    const char *hostname;   /* told to the guest by DHCP */
    const char *domainname;
    const char *tftp;     /* folder served by TFTP; NULL: none */
    const char *bootfile; /* told by DHCP */
    const char *tftp_server_name;
    const char *const *dnssearch; /* domains told by DHCP, NULL-terminated; or NULL */
    const char *ipv6_net;  /* "fec0::/64", or without the length */
    const char *ipv6_host, *ipv6_dns; /* addresses within it: its ::2 and ::3 */
    const char *const *hostfwd; /* NULL-terminated rules, see net_user_add_forward(); or NULL */
    const char *const *guestfwd; /* the same, see net/user_guestfwd.h */
};

/* Attaches to a port, whose link must outlive the backend. NULL and error that names the setting.
 */
struct net_user *net_user_create(const struct net_user_config *config, struct net_port *port,
                                 GError **error);
/* An address in the guest's net whose connections end in the program: write is called with what a guest sends and returns
 * how much of it was taken. rule: [tcp]:SERVER:PORT-, the rest is not looked at. The pipe is the network's. */
struct user_guestfwd *net_user_add_pipe(struct net_user *user, const char *rule,
                                        size_t (*write)(void *arg, const void *data, size_t size), void *arg,
                                        GError **error);
/* Closes all connections. NULL is fine. */
void net_user_destroy(struct net_user *user);

/* A forward of a host port to the guest: [tcp|udp]:[HOSTADDR]:HOSTPORT-[GUESTADDR]:GUESTPORT.
 * HOSTADDR empty: all of the host's addresses; HOSTPORT 0: any free one; GUESTADDR empty: the first that DHCP gives. */
bool net_user_add_forward(struct net_user *user, const char *rule, GError **error);
/* Takes one away: [tcp|udp]:[HOSTADDR]:HOSTPORT. */
bool net_user_remove_forward(struct net_user *user, const char *rule, GError **error);
/* NULL if the host lets us ping for the guest, else why it does not and what to do. */
const char *net_user_ping_limit(void);
/* The table of connections. */
void net_user_print(struct net_user *user, GString *out);

#endif
