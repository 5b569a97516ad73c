/*
 * See the header. A hub with one card and one backend is only a wire; it is still shown as a hub.
 */
#include "network.h"

#include <string.h>

#include "net/hub.h"
#include "net/mac.h"
#include "net/pcap.h"
#include "net/port.h"
#include "network_backend.h"

#define FAIL(error, ...)                                                                           \
    (g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, __VA_ARGS__), false)
#define MAC_DEFAULT      "52:54:00:12:34:%02x"
#define MAC_DEFAULT_LAST 0x56

/* What is to be connected: the options, or the default. */
struct plan {
    const struct option_net *options;
    GPtrArray *nics, *netdevs; /* as in the options; hubports are left out */
    const struct option_net *old; /* -redir, -tftp, -bootp; NULL: given to a user network already */
    GPtrArray *warnings;
};

static bool is_hubport(const struct option_netdev *dev)
{
    return strcmp(dev->type, "hubport") == 0;
}

static struct option_netdev *find_netdev(const struct option_net *options, const char *id)
{
    for (guint i = 0; i < options->netdevs->len; i++) {
        struct option_netdev *dev = g_ptr_array_index(options->netdevs, i);
        if (g_strcmp0(dev->id, id) == 0) {
            return dev;
        }
    }
    return NULL;
}

/* The hub a backend is at: its own, or that of the hubport which names it. */
static int netdev_hub(const struct option_net *options, const struct option_netdev *dev)
{
    for (guint i = 0; dev->hub == OPTION_NO_HUB && dev->id != NULL && i < options->netdevs->len; i++) {
        const struct option_netdev *port = g_ptr_array_index(options->netdevs, i);
        if (is_hubport(port) && g_strcmp0(option_list_get(&port->list, "netdev"), dev->id) == 0) {
            return port->hub;
        }
    }
    return dev->hub;
}

static int nic_hub(const struct option_net *options, const struct option_nic *nic)
{
    const struct option_netdev *dev = nic->netdev != NULL ? find_netdev(options, nic->netdev) : NULL;
    return dev == NULL ? nic->hub : is_hubport(dev) ? dev->hub : netdev_hub(options, dev);
}

/* ---- cards ---- */

static bool add_nic(struct networks *networks, const struct plan *plan, const struct option_nic *option,
                    struct pc_config *config, GError **error)
{
    unsigned n = networks->count++, same = 0;
    struct monitor_nic *nic = &networks->list[n];
    uint8_t mac[6];
    nic->model = option->model != NULL ? option->model : "e1000";
    for (unsigned i = 0; i < n; i++) {
        same += strcmp(networks->list[i].model, nic->model) == 0;
    }
    nic->name = option->id != NULL ? g_strdup(option->id) : g_strdup_printf("%s.%u", nic->model, same);
    nic->mac = option->mac != NULL ? g_ascii_strdown(option->mac, -1)
                                   : g_strdup_printf(MAC_DEFAULT, (MAC_DEFAULT_LAST + n) & 0xff);
    nic->hub = nic_hub(plan->options, option);
    nic->link = net_link_create();
    config->nics[n] = (struct pc_nic_config){
        .model = nic->model,
        .id = nic->name,
        .mac = nic->mac,
        .iobase = option->iobase,
        .irq = option->irq,
        .romfile = option->romfile,
        .slot = option->slot,
        .function = (unsigned)option->function,
        .bootindex = option->bootindex,
        .port = net_link_port(nic->link, 0),
    };
    config->nic_count = networks->count;
    if (option->netdev != NULL && option->netdev[0] != '\0' && find_netdev(plan->options, option->netdev) == NULL) {
        return FAIL(error, "-device %s: there is no -netdev with id=%s", nic->model, option->netdev);
    }
    return net_mac_parse(nic->mac, mac, error);
}

/* ---- backends ---- */

static struct monitor_net *add_net(struct networks *networks, const struct option_netdev *dev, GError **error)
{
    if (networks->net_count == NETWORKS_MAX) {
        (void)FAIL(error, "there can be %d networks", NETWORKS_MAX);
        return NULL;
    }
    unsigned same = 0;
    for (unsigned i = 0; i < networks->net_count; i++) {
        same += strcmp(networks->nets[i].type, dev->type) == 0;
    }
    struct monitor_net *net = &networks->nets[networks->net_count++];
    bool named = dev->id != NULL && dev->id[0] != '#';
    net->type = dev->type;
    net->name = named ? g_strdup(dev->id) : g_strdup_printf("%s.%u", dev->type, same);
    net->hub = OPTION_NO_HUB;
    return net;
}

static bool open_net(struct networks *networks, struct plan *plan, const struct option_netdev *dev,
                     struct net_link *link, struct monitor_net **opened, GError **error)
{
    struct monitor_net *net = add_net(networks, dev, error);
    if (net == NULL) {
        return false;
    }
    bool user = strcmp(dev->type, "user") == 0;
    net->own_link = link == NULL;
    net->link = link != NULL ? link : net_link_create();
    *opened = net;
    bool ok = network_backend_open(net, dev, user ? plan->old : NULL, &networks->chardevs, error);
    plan->old = user ? NULL : plan->old;
    return ok;
}

static void warn_no_card(const struct plan *plan, const struct option_netdev *dev)
{
    g_ptr_array_add(plan->warnings,
                    g_strdup_printf("network '%s' has no card", dev->id != NULL ? dev->id : dev->type));
}

/* A backend that one card names. Without a card it is opened all the same: what is wrong with it is said, and others may count
 * on its sockets. */
static bool open_pair(struct networks *networks, struct plan *plan, const struct option_netdev *dev, GError **error)
{
    struct monitor_nic *card = NULL;
    for (guint i = 0; i < plan->nics->len; i++) {
        const struct option_nic *nic = g_ptr_array_index(plan->nics, i);
        if (nic->netdev != NULL && g_strcmp0(nic->netdev, dev->id) == 0) {
            if (card != NULL) {
                return FAIL(error, "-device %s: netdev=%s has a card already; a hub joins several (-netdev hubport)",
                            networks->list[i].model, dev->id);
            }
            card = &networks->list[i];
        }
    }
    struct monitor_net *alone;
    if (card == NULL) {
        warn_no_card(plan, dev);
    }
    return open_net(networks, plan, dev, card != NULL ? card->link : NULL, card != NULL ? &card->net : &alone, error);
}

/* ---- hubs ---- */

static bool open_hub(struct networks *networks, struct plan *plan, int number, GError **error)
{
    struct monitor_nic *card = NULL;
    unsigned cards = 0, backends = 0;
    for (unsigned i = 0; i < networks->count; i++) {
        if (networks->list[i].hub == number) {
            card = &networks->list[i];
            cards++;
        }
    }
    for (guint i = 0; i < plan->netdevs->len; i++) {
        const struct option_netdev *dev = g_ptr_array_index(plan->netdevs, i);
        if (netdev_hub(plan->options, dev) == number) {
            backends++;
            if (cards == 0) {
                warn_no_card(plan, dev);
            }
        }
    }
    if (backends == 0 && cards < 2) {
        return true;
    }
    struct net_hub *hub = cards <= 1 && backends == 1 ? NULL : net_hub_create();
    for (guint i = 0; i < plan->netdevs->len; i++) {
        const struct option_netdev *dev = g_ptr_array_index(plan->netdevs, i);
        struct monitor_net *net = NULL;
        if (netdev_hub(plan->options, dev) != number) {
            continue;
        }
        if (!open_net(networks, plan, dev, hub == NULL && card != NULL ? card->link : NULL, &net, error)) {
            net_hub_destroy(hub);
            return false;
        }
        net->hub = number;
        if (hub != NULL) {
            net_hub_add(hub, net_link_port(net->link, 0));
        } else if (card != NULL) {
            card->net = net;
        }
    }
    if (hub != NULL) {
        for (unsigned i = 0; i < networks->count; i++) {
            if (networks->list[i].hub == number) {
                net_hub_add(hub, net_link_port(networks->list[i].link, 1));
            }
        }
        networks->hubs[networks->hub_count++] = hub;
    }
    return true;
}

/* ---- all ---- */

static void check_cards(const struct networks *networks, const struct plan *plan)
{
    for (unsigned i = 0; i < networks->count; i++) {
        const struct monitor_nic *nic = &networks->list[i];
        unsigned others = nic->net != NULL;
        for (unsigned k = 0; nic->hub >= 0 && k < networks->count; k++) {
            others += k != i && networks->list[k].hub == nic->hub;
        }
        for (unsigned k = 0; nic->hub >= 0 && k < networks->net_count; k++) {
            others += networks->nets[k].hub == nic->hub;
        }
        if (others == 0) {
            g_ptr_array_add(plan->warnings, g_strdup_printf("network card %u is connected to nothing", i));
        }
    }
}

/* The first of the old options that speak of the user network; NULL: none. */
static const char *old_spelling(const struct option_net *options)
{
    return options->redirections->len > 0 ? "redir"
           : options->tftp != NULL        ? "tftp"
           : options->bootp != NULL       ? "bootp"
                                          : NULL;
}

static bool open_plan(struct networks *networks, struct plan *plan, struct pc_config *config, GError **error)
{
    for (guint i = 0; i < plan->nics->len; i++) {
        if (!add_nic(networks, plan, g_ptr_array_index(plan->nics, i), config, error)) {
            return false;
        }
    }
    for (guint i = 0; i < plan->netdevs->len; i++) {
        const struct option_netdev *dev = g_ptr_array_index(plan->netdevs, i);
        if (netdev_hub(plan->options, dev) == OPTION_NO_HUB && !open_pair(networks, plan, dev, error)) {
            return false;
        }
    }
    for (int hub = 0; hub <= OPTION_HUB_MAX && networks->hub_count < NETWORKS_MAX; hub++) {
        if (!open_hub(networks, plan, hub, error)) {
            return false;
        }
    }
    check_cards(networks, plan);
    const char *old = plan->old != NULL ? old_spelling(plan->old) : NULL;
    return old == NULL || FAIL(error, "-%s needs a card on a user network", old);
}

/* The card that has the backend to itself; else NULL and the backend. False and error if there is no such. */
static bool find_dumped(struct networks *networks, const struct option_dump *dump, struct monitor_nic **nic,
                        struct monitor_net **net, GError **error)
{
    *nic = NULL;
    *net = NULL;
    if (dump->netdev == NULL) {
        *nic = networks->count > 0 ? &networks->list[0] : NULL;
        return *nic != NULL || FAIL(error, "there is no network card");
    }
    for (unsigned i = 0; i < networks->net_count; i++) {
        if (strcmp(networks->nets[i].name, dump->netdev) == 0) {
            *net = &networks->nets[i];
        }
    }
    for (unsigned i = 0; *net != NULL && i < networks->count; i++) {
        if (networks->list[i].net == *net) {
            *nic = &networks->list[i];
        }
    }
    return *net != NULL || FAIL(error, "there is no -netdev with id=%s that has a card", dump->netdev);
}

static bool open_dump(struct networks *networks, const struct option_dump *dump, GError **error)
{
    struct monitor_nic *nic;
    struct monitor_net *net;
    if (!find_dumped(networks, dump, &nic, &net, error)) {
        return false;
    }
    /* The two ends of one wire have one capture. */
    struct pcap **capture = nic != NULL ? &nic->capture : &net->capture;
    if (*capture != NULL) {
        return FAIL(error, "'%s': there can be one capture of a wire", dump->file);
    }
    *capture = pcap_create(dump->file, error);
    if (*capture != NULL) {
        net_port_set_tap(net_link_port(nic != NULL ? nic->link : net->link, 1), pcap_frame, *capture);
    }
    return *capture != NULL;
}

static bool open_dumps(struct networks *networks, const struct option_net *options, GError **error)
{
    for (guint i = 0; i < options->dumps->len; i++) {
        const struct option_dump *dump = g_ptr_array_index(options->dumps, i);
        if (!open_dump(networks, dump, error)) {
            g_prefix_error(error, "%s: ", dump->netdev != NULL ? "-object filter-dump" : "-net dump");
            return false;
        }
    }
    return true;
}

bool networks_open(struct networks *networks, const struct option_net *options,
                   struct pc_config *config, GPtrArray *warnings, GError **error)
{
    struct option_nic default_nic = {.slot = -1, .bootindex = -1};
    struct option_netdev default_user = {.type = (char *)"user"};
    g_autoptr(GPtrArray) nics = g_ptr_array_new(), netdevs = g_ptr_array_new();
    struct plan plan = {.options = options, .nics = nics, .netdevs = netdevs,
                        .old = options, .warnings = warnings};
    for (guint i = 0; i < options->nics->len; i++) {
        g_ptr_array_add(nics, g_ptr_array_index(options->nics, i));
    }
    for (guint i = 0; i < options->netdevs->len; i++) {
        struct option_netdev *dev = g_ptr_array_index(options->netdevs, i);
        const char *behind = is_hubport(dev) ? option_list_get(&dev->list, "netdev") : NULL;
        if (behind != NULL && find_netdev(options, behind) == NULL) {
            return FAIL(error, "-netdev hubport: there is no -netdev with id=%s", behind);
        }
        if (!is_hubport(dev)) {
            g_ptr_array_add(netdevs, dev);
        }
    }
    if (options->nics->len == 0 && options->netdevs->len == 0) {
        if (options->none) {
            const char *old = old_spelling(options);
            return old == NULL || FAIL(error, "-%s needs a user network, but there is none", old);
        }
        g_ptr_array_add(nics, &default_nic);
        g_ptr_array_add(netdevs, &default_user);
    }
    return open_plan(networks, &plan, config, error) && open_dumps(networks, options, error);
}

void networks_close(struct networks *networks)
{
    for (unsigned i = 0; i < networks->hub_count; i++) {
        net_hub_destroy(networks->hubs[i]);
    }
    networks->hub_count = 0;
    for (unsigned i = 0; i < networks->net_count; i++) {
        network_backend_close(&networks->nets[i]);
    }
    for (unsigned i = 0; i < networks->count; i++) {
        g_clear_pointer(&networks->list[i].capture, pcap_destroy);
    }
}

void networks_free(struct networks *networks)
{
    for (unsigned i = 0; i < networks->net_count; i++) {
        struct monitor_net *net = &networks->nets[i];
        if (net->own_link) {
            net_link_destroy(net->link);
        }
        g_free(net->name);
        g_free(net->settings);
    }
    for (unsigned i = 0; i < networks->count; i++) {
        struct monitor_nic *nic = &networks->list[i];
        net_link_destroy(nic->link);
        g_free(nic->name);
        g_free(nic->mac);
    }
    networks->count = networks->net_count = 0;
}
