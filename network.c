/* See the header. */
#include "network.h"

#include <string.h>

#include "hw/net/e1000.h"
#include "net/pcap.h"
#include "net/user.h"

#define FAIL(error, ...)                                                                           \
    (g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, __VA_ARGS__), false)
#define MAC_DEFAULT      "52:54:00:12:34:%02x"
#define MAC_DEFAULT_LAST 0x56

static struct option_netdev *netdev_at(const struct option_net *options, guint i)
{
    return g_ptr_array_index(options->netdevs, i);
}

/* The backend of a card, NULL if it has none; *legacy counts the pairs made by order. */
static struct option_netdev *backend_of(const struct option_net *options,
                                        const struct option_nic *nic, guint *legacy)
{
    guint skip = *legacy;
    for (guint i = 0; i < options->netdevs->len; i++) {
        struct option_netdev *dev = netdev_at(options, i);
        if (nic->netdev != NULL ? g_strcmp0(dev->id, nic->netdev) == 0
                                : dev->id == NULL && skip-- == 0) {
            *legacy += nic->netdev == NULL;
            return dev;
        }
    }
    return NULL;
}

static bool open_user(struct monitor_nic *nic, const struct option_netdev *dev,
                      const GPtrArray *redirections, GError **error)
{
    g_autoptr(GPtrArray) rules = g_ptr_array_new();
    for (guint i = 0; i < dev->hostfwd->len; i++) {
        g_ptr_array_add(rules, g_ptr_array_index(dev->hostfwd, i));
    }
    for (guint i = 0; redirections != NULL && i < redirections->len; i++) {
        g_ptr_array_add(rules, g_ptr_array_index(redirections, i));
    }
    g_ptr_array_add(rules, NULL);
    const struct net_user_config config = {
        .restricted = dev->restricted,
        .no_ipv4 = dev->no_ipv4,
        .no_ipv6 = dev->no_ipv6,
        .net = dev->net,
        .host = dev->host,
        .dns = dev->dns,
        .dhcp_start = dev->dhcp_start,
        .hostname = dev->hostname,
        .domainname = dev->domainname,
        .tftp = dev->tftp,
        .bootfile = dev->bootfile,
        .tftp_server_name = dev->tftp_server_name,
        .hostfwd = (const char *const *)rules->pdata,
    };
    nic->user = net_user_create(&config, net_link_port(nic->link, 1), error);
    if (nic->user == NULL) {
        g_prefix_error(error, "network '%s': ", dev->id != NULL ? dev->id : "user");
        return false;
    }
    return true;
}

static bool open_nic(struct networks *networks, const struct option_nic *option,
                     struct option_netdev *dev, const GPtrArray *redirections,
                     struct pc_config *config, GError **error)
{
    unsigned n = networks->count++;
    struct monitor_nic *nic = &networks->list[n];
    uint8_t mac[6];
    nic->name = option->id != NULL ? g_strdup(option->id) : g_strdup_printf("e1000.%u", n);
    nic->mac = option->mac != NULL ? g_ascii_strdown(option->mac, -1)
                                   : g_strdup_printf(MAC_DEFAULT, MAC_DEFAULT_LAST + n);
    nic->backend = g_strdup(dev != NULL && dev->id != NULL && dev->id[0] != '#' ? dev->id : "");
    nic->link = net_link_create();
    if (!e1000_mac_parse(nic->mac, mac)) {
        return FAIL(
            error,
            "mac=%s: must be six hexadecimal bytes such as 52:54:00:12:34:56, not a group address",
            nic->mac);
    }
    if (nic->backend[0] == '\0') {
        g_free(nic->backend);
        nic->backend = dev != NULL ? g_strdup_printf("user.%u", n) : NULL;
    }
    config->nics[n] = (struct pc_nic_config){
        .id = nic->name,
        .mac = nic->mac,
        .port = net_link_port(nic->link, 0),
    };
    config->nic_count = networks->count;
    return dev == NULL || open_user(nic, dev, redirections, error);
}

/* Each backend serves one card. */
static bool check_use(const struct option_net *options, const bool *used, GPtrArray *warnings,
                      GError **error)
{
    guint legacy_nics = 0, legacy_users = 0;
    for (guint i = 0; i < options->nics->len; i++) {
        legacy_nics += ((struct option_nic *)g_ptr_array_index(options->nics, i))->netdev == NULL;
    }
    for (guint i = 0; i < options->netdevs->len; i++) {
        const char *id = netdev_at(options, i)->id;
        legacy_users += id == NULL;
        if (!used[i]) {
            g_ptr_array_add(warnings,
                            g_strdup_printf("network '%s' has no card", id != NULL ? id : "user"));
        }
    }
    if (legacy_nics != legacy_users && legacy_nics > 0 && legacy_users > 0) {
        return FAIL(error,
                    "-net: %u cards and %u user networks: a hub is not supported yet; give each "
                    "card its own "
                    "with -nic user",
                    legacy_nics, legacy_users);
    }
    return true;
}

static bool open_default(struct networks *networks, const struct option_net *options,
                         struct pc_config *config, GError **error)
{
    g_autoptr(GPtrArray) no_rules = g_ptr_array_new();
    const struct option_nic nic = {0};
    struct option_netdev dev = {.hostfwd = no_rules};
    return open_nic(networks, &nic, &dev, options->redirections, config, error);
}

bool networks_open(struct networks *networks, const struct option_net *options,
                   struct pc_config *config, GPtrArray *warnings, GError **error)
{
    if (options->nics->len == 0 && options->netdevs->len == 0) {
        if (options->none && options->redirections->len > 0) {
            return FAIL(error, "-redir needs a user network, but there is none");
        }
        return options->none || open_default(networks, options, config, error);
    }
    g_autofree bool *used = g_new0(bool, options->netdevs->len + 1);
    const GPtrArray *redirections = options->redirections;
    guint legacy = 0;
    for (guint i = 0; i < options->nics->len; i++) {
        const struct option_nic *nic = g_ptr_array_index(options->nics, i);
        struct option_netdev *dev = backend_of(options, nic, &legacy);
        guint number = 0;
        if (dev == NULL && nic->netdev != NULL && nic->netdev[0] != '\0') {
            return FAIL(error, "-device e1000: there is no -netdev with id=%s", nic->netdev);
        }
        if (dev == NULL) {
            g_ptr_array_add(warnings,
                            g_strdup_printf("network card %u is connected to nothing", i));
        } else if (g_ptr_array_find(options->netdevs, dev, &number) && used[number]) {
            return FAIL(error, "-device e1000: netdev=%s has a card already", nic->netdev);
        }
        used[number] |= dev != NULL;
        if (!open_nic(networks, nic, dev, dev != NULL ? redirections : NULL, config, error)) {
            return false;
        }
        redirections = dev != NULL ? NULL : redirections;
    }
    if (redirections != NULL && redirections->len > 0) {
        return FAIL(error, "-redir needs a card on a user network");
    }
    return check_use(options, used, warnings, error);
}

void networks_close(struct networks *networks)
{
    for (unsigned i = 0; i < networks->count; i++) {
        struct monitor_nic *nic = &networks->list[i];
        g_clear_pointer(&nic->user, net_user_destroy);
        g_clear_pointer(&nic->capture, pcap_destroy);
    }
}

void networks_free(struct networks *networks)
{
    for (unsigned i = 0; i < networks->count; i++) {
        struct monitor_nic *nic = &networks->list[i];
        net_link_destroy(nic->link);
        g_free(nic->name);
        g_free(nic->mac);
        g_free(nic->backend);
    }
    networks->count = 0;
}
