/* What the command line says about the network. */
#ifndef OPTIONS_NET_H
#define OPTIONS_NET_H

#include <glib.h>
#include <stdbool.h>

#include "core/option.h"

#define OPTION_NICS_MAX 8
#define OPTION_HUB_MAX  255
#define OPTION_NO_HUB   (-1)

struct option_nic {
    char *model;        /* a device class; NULL = e1000 */
    char *id;           /* NULL = e1000.N */
    char *mac;          /* NULL = 52:54:00:12:34:56 and on */
    char *netdev;       /* the backend's id; "" = no cable; NULL: at a hub */
    char *iobase, *irq; /* of an ISA card; NULL: by number */
    char *romfile;      /* boot ROM; "" = none, NULL: the model's own */
    int slot, function; /* on the PCI bus; slot -1: a free one */
    int bootindex;      /* -1: by the boot order's letters */
    int hub;            /* -net nic; else OPTION_NO_HUB */
};

/* A backend. */
struct option_netdev {
    char *type; /* user, socket, tap, hubport */
    char *id;   /* NULL (-net): made up */
    int hub;    /* -net, hubport: it is at that hub; else OPTION_NO_HUB */
    struct option_list list; /* its settings */
};

/* A capture from the start. */
struct option_dump {
    char *file;
    char *netdev; /* the backend's id; NULL (-net dump): the first card */
};

struct option_net {
    bool none;
    GPtrArray *nics;         /* struct option_nic * */
    GPtrArray *netdevs;      /* struct option_netdev * */
    GPtrArray *redirections; /* char *: hostfwd rules for the first user network */
    char *tftp, *bootp;      /* folder and boot file of the first user network; NULL: as its own settings say */
    GPtrArray *dumps;        /* struct option_dump * */
};

void option_net_init(struct option_net *net);
void option_net_finish(struct option_net *net);

/* Is the word a network card, for -device? */
bool option_net_is_card(const char *driver);
/* Does the argument of -net, -nic or -netdev ask for a list: "help" or "?", alone or as the model? "nic" or "netdev", else
 * NULL. */
const char *option_net_help(const char *argument);
/* What -device takes for a card besides its class's properties, for the help; "" for what is no card. */
const char *option_net_device_help(const char *class);
/* The arguments of -net, -nic, -netdev, -device (whose driver is a network card) and -redir. */
bool option_net_legacy(struct option_net *net, const char *argument, GError **error);
bool option_net_nic(struct option_net *net, const char *argument, GError **error);
bool option_net_netdev(struct option_net *net, const char *argument, GError **error);
bool option_net_device(struct option_net *net, const char *argument, GError **error);
/* -object filter-dump. */
bool option_net_object(struct option_net *net, const char *argument, GError **error);
bool option_net_redirect(struct option_net *net, const char *argument, GError **error);
/* An error for a -device that is a network card elsewhere and not here; false: it is not known as one. */
bool option_net_is_missing_card(const char *driver);

#endif
