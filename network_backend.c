/* One backend from its options. See network_backend.h. */
#include <string.h>

#include "net/pcap.h"
#include "net/socket.h"
#include "net/tap.h"
#include "net/user.h"
#include "network_backend.h"
#include "network_guestfwd.h"

static const char *get(const struct option_netdev *dev, const char *name)
{
    return dev->list.names != NULL ? option_list_get(&dev->list, name) : NULL;
}

/* A flag that was checked when the options were read. */
static bool flag(const struct option_netdev *dev, const char *name, bool value)
{
    const char *text = get(dev, name);
    if (text != NULL) {
        option_parse_bool(text, &value, NULL);
    }
    return value;
}

/* All values of a name, and those of more; NULL-terminated. The strings stay the list's. */
static GPtrArray *all_of(const struct option_netdev *dev, const char *name, const GPtrArray *more)
{
    GPtrArray *values = g_ptr_array_new();
    for (guint i = 0; dev->list.names != NULL && i < dev->list.names->len; i++) {
        if (strcmp(g_ptr_array_index(dev->list.names, i), name) == 0) {
            g_ptr_array_add(values, g_ptr_array_index(dev->list.values, i));
        }
    }
    for (guint i = 0; more != NULL && i < more->len; i++) {
        g_ptr_array_add(values, g_ptr_array_index(more, i));
    }
    g_ptr_array_add(values, NULL);
    return values;
}

/* Takes the rules whose targets are character connections out of a NULL-terminated list. */
static GPtrArray *take_chardev_rules(GPtrArray *rules)
{
    GPtrArray *taken = g_ptr_array_new();
    for (guint i = 0; i + 1 < rules->len;) {
        if (network_guestfwd_is(g_ptr_array_index(rules, i))) {
            g_ptr_array_add(taken, g_ptr_array_remove_index(rules, i));
        } else {
            i++;
        }
    }
    return taken;
}

static bool open_guestfwds(struct monitor_net *net, const struct network_chardevs *chardevs, const GPtrArray *rules,
                           GError **error)
{
    net->guestfwds = g_ptr_array_new_with_free_func((GDestroyNotify)network_guestfwd_destroy);
    for (guint i = 0; i < rules->len; i++) {
        struct network_guestfwd *f =
            network_guestfwd_create(chardevs, net->user, g_ptr_array_index(rules, i), error);
        if (f == NULL) {
            return false;
        }
        g_ptr_array_add(net->guestfwds, f);
    }
    return true;
}

static bool open_user(struct monitor_net *net, const struct option_netdev *dev, const struct option_net *old,
                      const struct network_chardevs *chardevs, GError **error)
{
    g_autoptr(GPtrArray) forwards = all_of(dev, "hostfwd", old != NULL ? old->redirections : NULL);
    g_autoptr(GPtrArray) domains = all_of(dev, "dnssearch", NULL);
    g_autoptr(GPtrArray) guests = all_of(dev, "guestfwd", NULL);
    g_autoptr(GPtrArray) pipes = chardevs->open != NULL ? take_chardev_rules(guests) : g_ptr_array_new();
    const char *tftp = get(dev, "tftp"), *bootfile = get(dev, "bootfile");
    const struct net_user_config config = {
        .restricted = flag(dev, "restrict", false),
        .no_ipv4 = !flag(dev, "ipv4", true),
        .no_ipv6 = !flag(dev, "ipv6", true),
        .net = get(dev, "net"),
        .host = get(dev, "host"),
        .dns = get(dev, "dns"),
        .dhcp_start = get(dev, "dhcpstart"),
        .hostname = get(dev, "hostname"),
        .domainname = get(dev, "domainname"),
        .tftp = tftp != NULL || old == NULL ? tftp : old->tftp,
        .bootfile = bootfile != NULL || old == NULL ? bootfile : old->bootp,
        .tftp_server_name = get(dev, "tftp-server-name"),
        .dnssearch = domains->len > 1 ? (const char *const *)domains->pdata : NULL,
        .ipv6_net = get(dev, "ipv6-net"),
        .ipv6_host = get(dev, "ipv6-host"),
        .ipv6_dns = get(dev, "ipv6-dns"),
        .hostfwd = (const char *const *)forwards->pdata,
        .guestfwd = (const char *const *)guests->pdata,
    };
    net->user = net_user_create(&config, net_link_port(net->link, 1), error);
    const char *address = config.net != NULL ? config.net : "10.0.2.0";
    net->settings = g_strdup_printf("net=%.*s,restrict=%s", (int)strcspn(address, "/"), address,
                                    config.restricted ? "on" : "off");
    return net->user != NULL && open_guestfwds(net, chardevs, pipes, error);
}

static bool open_socket(struct monitor_net *net, const struct option_netdev *dev, GError **error)
{
    const struct net_socket_config config = {
        .listen = get(dev, "listen"),
        .connect = get(dev, "connect"),
        .mcast = get(dev, "mcast"),
        .udp = get(dev, "udp"),
        .fd = get(dev, "fd"),
        .localaddr = get(dev, "localaddr"),
    };
    net->socket = net_socket_create(&config, net_link_port(net->link, 1), error);
    return net->socket != NULL;
}

static bool open_tap(struct monitor_net *net, const struct option_netdev *dev, GError **error)
{
    const struct net_tap_config config = {
        .ifname = get(dev, "ifname"),
        .fd = get(dev, "fd"),
        .script = get(dev, "script"),
        .downscript = get(dev, "downscript"),
    };
    net->tap = net_tap_create(&config, net_link_port(net->link, 1), error);
    return net->tap != NULL;
}

bool network_backend_open(struct monitor_net *net, const struct option_netdev *dev, const struct option_net *old,
                          const struct network_chardevs *chardevs, GError **error)
{
    bool ok = strcmp(dev->type, "user") == 0     ? open_user(net, dev, old, chardevs, error)
              : strcmp(dev->type, "socket") == 0 ? open_socket(net, dev, error)
                                                 : open_tap(net, dev, error);
    if (!ok) {
        g_prefix_error(error, "network '%s': ", net->name);
    }
    return ok;
}

void network_backend_close(struct monitor_net *net)
{
    g_clear_pointer(&net->guestfwds, g_ptr_array_unref);
    g_clear_pointer(&net->user, net_user_destroy);
    g_clear_pointer(&net->socket, net_socket_destroy);
    g_clear_pointer(&net->tap, net_tap_destroy);
    g_clear_pointer(&net->capture, pcap_destroy);
}
