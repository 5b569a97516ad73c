/*
 * The network options: -net, -nic, -netdev, -device e1000 and -redir, as QEMU and the 2007 kvm
 * spell them. Here they are only read; network.c puts cards and backends together.
 */
#include "options_net.h"

#include <string.h>

#define FAIL(error, ...)                                                                           \
    (g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, __VA_ARGS__), false)

#define USER_KEYS                                                                                  \
    "net", "host", "dns", "dhcpstart", "hostname", "domainname", "tftp", "bootfile",               \
        "tftp-server-name", "restrict", "ipv4", "ipv6", "hostfwd"

static void nic_free(gpointer data)
{
    struct option_nic *nic = data;
    g_free(nic->id);
    g_free(nic->mac);
    g_free(nic->netdev);
    g_free(nic);
}

static void netdev_free(gpointer data)
{
    struct option_netdev *dev = data;
    char **strings[] = {
        &dev->id,       &dev->net,        &dev->host, &dev->dns,      &dev->dhcp_start,
        &dev->hostname, &dev->domainname, &dev->tftp, &dev->bootfile, &dev->tftp_server_name};
    for (unsigned i = 0; i < G_N_ELEMENTS(strings); i++) {
        g_free(*strings[i]);
    }
    g_ptr_array_unref(dev->hostfwd);
    g_free(dev);
}

void option_net_init(struct option_net *net)
{
    memset(net, 0, sizeof(*net));
    net->nics = g_ptr_array_new_with_free_func(nic_free);
    net->netdevs = g_ptr_array_new_with_free_func(netdev_free);
    net->redirections = g_ptr_array_new_with_free_func(g_free);
}

void option_net_finish(struct option_net *net)
{
    g_clear_pointer(&net->nics, g_ptr_array_unref);
    g_clear_pointer(&net->netdevs, g_ptr_array_unref);
    g_clear_pointer(&net->redirections, g_ptr_array_unref);
}

static bool add_nic(struct option_net *net, const struct option_list *list, const char *mac_key,
                    const char *netdev, GError **error)
{
    const char *model = option_list_get(list, "model");
    if (model != NULL && strcmp(model, "e1000") != 0 && strcmp(model, "e1000-82540em") != 0) {
        return FAIL(error, "model=%s is not supported; there is e1000", model);
    }
    if (net->nics->len >= OPTION_NICS_MAX) {
        return FAIL(error, "there can be %d network cards", OPTION_NICS_MAX);
    }
    struct option_nic *nic = g_new0(struct option_nic, 1);
    nic->id = g_strdup(option_list_get(list, "id"));
    nic->mac = g_strdup(option_list_get(list, mac_key));
    nic->netdev = g_strdup(netdev);
    g_ptr_array_add(net->nics, nic);
    return true;
}

static bool user_flag(const struct option_list *list, const char *name, bool *value, GError **error)
{
    const char *text = option_list_get(list, name);
    return text == NULL || option_parse_bool(text, value, error);
}

/* A user network with the settings of the list. */
static bool add_user(struct option_net *net, const struct option_list *list, const char *id,
                     GError **error)
{
    struct option_netdev *dev = g_new0(struct option_netdev, 1);
    const struct {
        const char *name;
        char **member;
    } strings[] = {
        {"net", &dev->net},
        {"host", &dev->host},
        {"dns", &dev->dns},
        {"dhcpstart", &dev->dhcp_start},
        {"hostname", &dev->hostname},
        {"domainname", &dev->domainname},
        {"tftp", &dev->tftp},
        {"bootfile", &dev->bootfile},
        {"tftp-server-name", &dev->tftp_server_name},
    };
    dev->hostfwd = g_ptr_array_new_with_free_func(g_free);
    dev->id = g_strdup(id);
    g_ptr_array_add(net->netdevs, dev);
    for (unsigned i = 0; i < G_N_ELEMENTS(strings); i++) {
        *strings[i].member = g_strdup(option_list_get(list, strings[i].name));
    }
    for (guint i = 0; i < list->names->len; i++) {
        if (strcmp(g_ptr_array_index(list->names, i), "hostfwd") == 0) {
            g_ptr_array_add(dev->hostfwd, g_strdup(g_ptr_array_index(list->values, i)));
        }
    }
    bool ipv4 = true, ipv6 = true;
    if (!user_flag(list, "restrict", &dev->restricted, error) ||
        !user_flag(list, "ipv4", &ipv4, error) || !user_flag(list, "ipv6", &ipv6, error)) {
        return false;
    }
    dev->no_ipv4 = !ipv4;
    dev->no_ipv6 = !ipv6;
    return true;
}

/* The first word of the argument, which says the kind. Newly allocated. */
static char *kind_of(const char *argument)
{
    return g_strndup(argument, strcspn(argument, ","));
}

bool option_net_legacy(struct option_net *net, const char *argument, GError **error)
{
    static const char *const nic_keys[] = {"type", "model", "macaddr", "name", "vlan",
                                           "id",   "addr",  "vectors", NULL};
    static const char *const user_keys[] = {"type", "name", "vlan", "id", USER_KEYS, NULL};
    g_autofree char *kind = kind_of(argument);
    struct option_list list;
    bool nic = strcmp(kind, "nic") == 0;
    if (strcmp(kind, "none") == 0) {
        net->none = true;
        return true;
    }
    if (!nic && strcmp(kind, "user") != 0) {
        return FAIL(error, "'%s' is not supported yet; there is nic, user and none", kind);
    }
    if (!option_list_parse(&list, argument, "type", nic ? nic_keys : user_keys, error)) {
        return false;
    }
    bool ok = nic ? add_nic(net, &list, "macaddr", NULL, error) : add_user(net, &list, NULL, error);
    option_list_finish(&list);
    return ok;
}

bool option_net_nic(struct option_net *net, const char *argument, GError **error)
{
    static const char *const keys[] = {"type", "model", "mac", "id", USER_KEYS, NULL};
    g_autofree char *kind = kind_of(argument);
    struct option_list list;
    if (strcmp(kind, "none") == 0) {
        net->none = true;
        return true;
    }
    if (strcmp(kind, "user") != 0) {
        return FAIL(error, "'%s' is not supported yet; there is user and none", kind);
    }
    if (!option_list_parse(&list, argument, "type", keys, error)) {
        return false;
    }
    g_autofree char *id = g_strdup_printf("#nic%u", net->nics->len);
    bool ok = add_nic(net, &list, "mac", id, error) && add_user(net, &list, id, error);
    option_list_finish(&list);
    return ok;
}

bool option_net_netdev(struct option_net *net, const char *argument, GError **error)
{
    static const char *const keys[] = {"type", "id", USER_KEYS, NULL};
    g_autofree char *kind = kind_of(argument);
    struct option_list list;
    if (strcmp(kind, "user") != 0) {
        return FAIL(error, "'%s' is not supported yet; there is user", kind);
    }
    if (!option_list_parse(&list, argument, "type", keys, error)) {
        return false;
    }
    const char *id = option_list_get(&list, "id");
    bool ok = id != NULL ? true : FAIL(error, "id= is missing, by which -device names it");
    for (guint i = 0; ok && i < net->netdevs->len; i++) {
        ok = g_strcmp0(((struct option_netdev *)g_ptr_array_index(net->netdevs, i))->id, id) != 0 ||
             FAIL(error, "id=%s is taken", id);
    }
    ok = ok && add_user(net, &list, id, error);
    option_list_finish(&list);
    return ok;
}

bool option_net_device(struct option_net *net, const char *argument, GError **error)
{
    static const char *const keys[] = {"driver", "netdev", "mac", "id", NULL};
    struct option_list list;
    if (!option_list_parse(&list, argument, "driver", keys, error)) {
        return false;
    }
    const char *netdev = option_list_get(&list, "netdev");
    bool ok = add_nic(net, &list, "mac", netdev != NULL ? netdev : "", error);
    option_list_finish(&list);
    return ok;
}

bool option_net_redirect(struct option_net *net, const char *argument, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(argument, ":", 5);
    if (g_strv_length(parts) != 4) {
        return FAIL(error, "'%s' is not of the form [tcp|udp]:HOSTPORT:[GUESTADDR]:GUESTPORT",
                    argument);
    }
    g_ptr_array_add(net->redirections,
                    g_strdup_printf("%s::%s-%s:%s", parts[0], parts[1], parts[2], parts[3]));
    return true;
}
