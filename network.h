/*
 * The networks of the command line: wires cards, backends and hubs together.
 */
#ifndef NETWORK_H
#define NETWORK_H

#include <glib.h>
#include <stdbool.h>

#include "hw/pc/pc_machine.h"
#include "monitor/monitor.h"
#include "options_net.h"

#define NETWORKS_MAX 16

struct chardev;
struct net_hub;

/* Where connections come from that a network needs. */
struct network_chardevs {
    /* As terminals_open_extra(). */
    struct chardev *(*open)(void *arg, const char *option, const char *spec, GError **error);
    void *arg;
};

struct networks {
    struct monitor_nic list[PC_NICS]; /* one a card */
    unsigned count;
    struct monitor_net nets[NETWORKS_MAX]; /* backends */
    unsigned net_count;
    struct net_hub *hubs[NETWORKS_MAX]; /* owned */
    unsigned hub_count;
    struct network_chardevs chardevs; /* filled in by who opens them; open NULL: there are none */
};

/* Opens the backends and fills config->nics; without any option there is one e1000 on user
 * networking. Warnings (char *) are appended to warnings. False and error that names the option. */
bool networks_open(struct networks *networks, const struct option_net *options,
                   struct pc_config *config, GPtrArray *warnings, GError **error);
/* Closes hubs and backends: before the machine is destroyed. */
void networks_close(struct networks *networks);
/* Frees the wires: after it. */
void networks_free(struct networks *networks);

#endif
