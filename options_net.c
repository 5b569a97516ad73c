/*
 * The network options: -net, -nic, -netdev, -device CARD and -redir, as QEMU and the 2007 kvm spell them. Here they are
 * only read; network.c puts cards and backends together.
 */
#include "options_net.h"

#include <string.h>

#include "hw/pc/pc_machine.h"

#define FAIL(error, ...)                                                                           \
    (g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, __VA_ARGS__), false)
#define KEYS_MAX 40
#define CARD_KEYS "iobase irq bus addr romfile rombar bootindex multifunction"
#define KINDS    "user, socket, tap"

/* The settings of each kind of backend. */
static const struct {
    const char *type, *keys; /* separated by blanks */
} kinds[] = {
    {"user", "net host dns dhcpstart hostname domainname tftp bootfile tftp-server-name restrict "
             "ipv4 ipv6 ipv6-net ipv6-host ipv6-dns dnssearch hostfwd guestfwd"},
    {"socket", "listen connect mcast udp fd localaddr"},
    {"tap", "ifname fd script downscript vhost vhostforce vnet_hdr sndbuf poll-us"}, /* the last five have no effect here */
    {"hubport", "hubid netdev"},
};

static void nic_free(gpointer data)
{
    struct option_nic *nic = data;
    g_free(nic->model);
    g_free(nic->id);
    g_free(nic->mac);
    g_free(nic->netdev);
    g_free(nic->iobase);
    g_free(nic->irq);
    g_free(nic->romfile);
    g_free(nic);
}

static void netdev_free(gpointer data)
{
    struct option_netdev *dev = data;
    g_free(dev->type);
    g_free(dev->id);
    option_list_finish(&dev->list);
    g_free(dev);
}

static void dump_free(gpointer data)
{
    struct option_dump *dump = data;
    g_free(dump->file);
    g_free(dump->netdev);
    g_free(dump);
}

void option_net_init(struct option_net *net)
{
    memset(net, 0, sizeof(*net));
    net->nics = g_ptr_array_new_with_free_func(nic_free);
    net->netdevs = g_ptr_array_new_with_free_func(netdev_free);
    net->redirections = g_ptr_array_new_with_free_func(g_free);
    net->dumps = g_ptr_array_new_with_free_func(dump_free);
}

void option_net_finish(struct option_net *net)
{
    g_clear_pointer(&net->nics, g_ptr_array_unref);
    g_clear_pointer(&net->netdevs, g_ptr_array_unref);
    g_clear_pointer(&net->redirections, g_ptr_array_unref);
    g_clear_pointer(&net->dumps, g_ptr_array_unref);
    g_clear_pointer(&net->tftp, g_free);
    g_clear_pointer(&net->bootp, g_free);
}

bool option_net_is_card(const char *driver)
{
    return pc_nic_model(driver) != NULL;
}

bool option_net_is_missing_card(const char *driver)
{
    static const char *const others[] = {
        "rtl8139", "pcnet", "virtio", "virtio-net", "virtio-net-pci", "vmxnet3", "e1000e", "e1000-82544gc",
        "e1000-82545em", "igb", "i82550", "i82551", "i82557a", "i82557b", "i82557c", "i82558a", "i82558b", "i82559a",
        "i82559b", "i82559c", "i82559er", "i82562", "i82801", "tulip", "sungem", "usb-net", "rocker", NULL
    };
    return g_str_has_prefix(driver, "virtio-net-") || g_strv_contains(others, driver);
}

/* The first word of the argument, which says the kind; for "type=user" its value. Newly allocated. */
static char *kind_of(const char *argument)
{
    if (g_str_has_prefix(argument, "type=")) {
        argument += strlen("type=");
    }
    return g_strndup(argument, strcspn(argument, ","));
}

/* Samba is a program of the host's that nothing here starts. */
static bool refuse_smb(const char *argument, GError **error)
{
    g_auto(GStrv) words = g_strsplit(argument, ",", -1);
    for (unsigned i = 0; words[i] != NULL; i++) {
        if (g_str_has_prefix(words[i], "smb=") || g_str_has_prefix(words[i], "smbserver=")) {
            return FAIL(error, "%s: there is no SMB server; files go by tftp=FOLDER, or by a server of the host's at 10.0.2.2",
                        words[i]);
        }
    }
    return true;
}

/* Reads a list whose keys are those of the kind and some more. False and error. */
static bool parse(struct option_list *list, const char *argument, const char *implied,
                  const char *kind, const char *more, GError **error)
{
    const char *keys = "";
    for (unsigned i = 0; kind != NULL && i < G_N_ELEMENTS(kinds); i++) {
        keys = strcmp(kinds[i].type, kind) == 0 ? kinds[i].keys : keys;
    }
    g_autofree char *all = g_strconcat(implied, " ", more, keys[0] != '\0' ? " " : "", keys, NULL);
    g_auto(GStrv) words = g_strsplit(all, " ", KEYS_MAX);
    if (g_strcmp0(kind, "user") == 0 && !refuse_smb(argument, error)) {
        return false;
    }
    return option_list_parse(list, argument, implied, (const char *const *)words, error);
}

static bool is_kind(const char *kind)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (strcmp(kinds[i].type, kind) == 0) {
            return true;
        }
    }
    return false;
}

static bool hub_parse(const struct option_list *list, const char *name, int *hub, GError **error)
{
    const char *text = option_list_get(list, name);
    char *end = NULL;
    guint64 n = text != NULL ? g_ascii_strtoull(text, &end, 10) : 0;
    if (text != NULL && (end == text || *end != '\0' || n > OPTION_HUB_MAX)) {
        return FAIL(error, "%s=%s: must be a number from 0 to %d", name, text, OPTION_HUB_MAX);
    }
    *hub = (int)n;
    return true;
}

/* "SLOT[.FUNCTION]" in hexadecimal digits, as QEMU reads it; a bus number before it can only be 0. */
static bool address_parse(const char *text, struct option_nic *nic, GError **error)
{
    const char *at = g_str_has_prefix(text, "0:") ? text + 2 : g_str_has_prefix(text, "00:") ? text + 3 : text;
    char *end;
    guint64 slot = g_ascii_strtoull(at, &end, 16), function = 0;
    bool ok = g_ascii_isxdigit(at[0]) && end != at;
    if (ok && *end == '.') {
        at = end + 1;
        function = g_ascii_strtoull(at, &end, 16);
        ok = g_ascii_isxdigit(at[0]);
    }
    if (!ok || *end != '\0' || slot > 31 || function > 7) {
        return FAIL(error, "addr=%s: must be SLOT or SLOT.FUNCTION, hexadecimal, 0 to 1f and 0 to 7", text);
    }
    nic->slot = (int)slot;
    nic->function = (int)function;
    return true;
}

/* The card's place in the machine and in the boot order. */
static bool place_parse(struct option_nic *nic, const struct option_list *list, GError **error)
{
    bool isa = strcmp(nic->model, "ne2k_isa") == 0, flag;
    const char *home = isa ? "isa.0" : "pci.0";
    const char *bus = option_list_get(list, "bus"), *addr = option_list_get(list, "addr");
    const char *rom = option_list_get(list, "romfile"), *index = option_list_get(list, "bootindex");
    const char *multifunction = option_list_get(list, "multifunction"), *bar = option_list_get(list, "rombar");
    nic->slot = nic->bootindex = -1;
    if (bus != NULL && strcmp(bus, home) != 0) {
        return FAIL(error, "bus=%s: Bus '%s' not found; a %s is on bus=%s", bus, bus, nic->model, home);
    }
    if (isa && (addr != NULL || rom != NULL || multifunction != NULL || bar != NULL)) {
        return FAIL(error, "%s= is for cards on PCI; a ne2k_isa has iobase= and irq=",
                    addr != NULL ? "addr" : rom != NULL ? "romfile" : bar != NULL ? "rombar" : "multifunction");
    }
    if (multifunction != NULL && !option_parse_bool(multifunction, &flag, error)) {
        g_prefix_error(error, "multifunction=: ");
        return false;
    }
    if (bar != NULL && strcmp(bar, "0") != 0 && strcmp(bar, "1") != 0) {
        return FAIL(error, "rombar=%s: must be 0 or 1", bar);
    }
    nic->romfile = g_strdup(g_strcmp0(bar, "0") == 0 ? "" : rom);
    if (index != NULL) {
        char *end;
        gint64 n = g_ascii_strtoll(index, &end, 10);
        if (end == index || *end != '\0' || n < -1 || n > G_MAXINT) {
            return FAIL(error, "bootindex=%s: must be a number, 0 for what is booted first, or -1", index);
        }
        nic->bootindex = (int)n;
    }
    return addr == NULL || address_parse(addr, nic, error);
}

static bool add_nic(struct option_net *net, const struct option_list *list, const char *model,
                    const char *mac_key, const char *netdev, int hub, GError **error)
{
    const char *class = model != NULL ? pc_nic_model(model) : "e1000";
    if (class == NULL) {
        return FAIL(error, "model=%s is not supported; there is %s", model, PC_NIC_MODELS);
    }
    if (net->nics->len >= OPTION_NICS_MAX) {
        return FAIL(error, "there can be %d network cards", OPTION_NICS_MAX);
    }
    struct option_nic *nic = g_new0(struct option_nic, 1);
    nic->model = g_strdup(class);
    nic->id = g_strdup(option_list_get(list, "id"));
    nic->mac = g_strdup(option_list_get(list, mac_key));
    nic->iobase = g_strdup(option_list_get(list, "iobase"));
    nic->irq = g_strdup(option_list_get(list, "irq"));
    nic->netdev = g_strdup(netdev);
    nic->hub = hub;
    g_ptr_array_add(net->nics, nic);
    return place_parse(nic, list, error);
}

/* Takes over the list. False and error if a flag in it is malformed or the name is taken. */
static bool add_netdev(struct option_net *net, const char *type, struct option_list list,
                       const char *id, int hub, GError **error)
{
    static const char *const flags[] = {"restrict", "ipv4", "ipv6"};
    struct option_netdev *dev = g_new0(struct option_netdev, 1);
    dev->type = g_strdup(type);
    dev->id = g_strdup(id);
    dev->hub = hub;
    dev->list = list;
    for (guint i = 0; id != NULL && i < net->netdevs->len; i++) {
        const struct option_netdev *other = g_ptr_array_index(net->netdevs, i);
        if (g_strcmp0(other->id, id) == 0) {
            netdev_free(dev);
            return FAIL(error, "id=%s is taken", id);
        }
    }
    g_ptr_array_add(net->netdevs, dev);
    for (unsigned i = 0; i < G_N_ELEMENTS(flags); i++) {
        bool value;
        const char *text = option_list_get(&dev->list, flags[i]);
        if (text != NULL && !option_parse_bool(text, &value, error)) {
            g_prefix_error(error, "%s=: ", flags[i]);
            return false;
        }
    }
    return true;
}

static bool legacy_nic(struct option_net *net, const char *argument, GError **error)
{
    struct option_list list;
    int hub = 0;
    if (!parse(&list, argument, "type", NULL, "model macaddr name vlan id vectors netdev " CARD_KEYS,
               error)) {
        return false;
    }
    const char *netdev = option_list_get(&list, "netdev");
    bool ok = hub_parse(&list, "vlan", &hub, error) &&
              add_nic(net, &list, option_list_get(&list, "model"), "macaddr", netdev,
                      netdev != NULL ? OPTION_NO_HUB : hub, error);
    option_list_finish(&list);
    return ok;
}

static void add_dump(struct option_net *net, const char *file, const char *netdev)
{
    struct option_dump *dump = g_new0(struct option_dump, 1);
    dump->file = g_strdup(file);
    dump->netdev = g_strdup(netdev);
    g_ptr_array_add(net->dumps, dump);
}

bool option_net_object(struct option_net *net, const char *argument, GError **error)
{
    struct option_list list;
    static const char *const known[] = {"kind", "id", "netdev", "file", NULL};
    g_autofree char *kind = g_strndup(argument, strcspn(argument, ","));
    if (strcmp(kind, "filter-dump") != 0) {
        return FAIL(error, "'%s' is not supported; there is filter-dump,id=ID,netdev=ID,file=FILE", kind);
    }
    if (!option_list_parse(&list, argument, "kind", known, error)) {
        return false;
    }
    const char *file = option_list_get(&list, "file"), *netdev = option_list_get(&list, "netdev");
    bool ok = (file != NULL && netdev != NULL) || FAIL(error, "filter-dump needs netdev=ID and file=FILE");
    if (ok) {
        add_dump(net, file, netdev);
    }
    option_list_finish(&list);
    return ok;
}

static bool legacy_dump(struct option_net *net, const char *argument, GError **error)
{
    struct option_list list;
    if (!parse(&list, argument, "type", NULL, "file vlan len", error)) {
        return false;
    }
    const char *file = option_list_get(&list, "file");
    add_dump(net, file != NULL ? file : "qemu-vlan0.pcap", NULL);
    option_list_finish(&list);
    return true;
}

static bool is_help(const char *word)
{
    return strcmp(word, "help") == 0 || strcmp(word, "?") == 0;
}

const char *option_net_help(const char *argument)
{
    g_auto(GStrv) words = g_strsplit(argument, ",", -1);
    for (unsigned i = 0; words[i] != NULL; i++) {
        if (g_str_has_prefix(words[i], "model=") && is_help(words[i] + strlen("model="))) {
            return "nic";
        }
    }
    return words[0] != NULL && is_help(words[0]) ? "netdev" : NULL;
}

const char *option_net_device_help(const char *class)
{
    if (!option_net_is_card(class)) {
        return "";
    }
    return strcmp(class, "ne2k_isa") == 0
               ? "  netdev=<str> - the network it is connected to\n"
               : "  netdev=<str> - the network it is connected to\n"
                 "  addr=<str> - SLOT[.FUNCTION] on bus=pci.0, hexadecimal (default: a free slot)\n"
                 "  romfile=<str> - boot ROM; empty: none (default: iPXE's)\n"
                 "  rombar=<int> - 0: no boot ROM (default: 1)\n"
                 "  bootindex=<int> - place in the boot order (default: by -boot)\n";
}

bool option_net_legacy(struct option_net *net, const char *argument, GError **error)
{
    g_autofree char *kind = kind_of(argument);
    struct option_list list;
    int hub = 0;
    if (strcmp(kind, "none") == 0) {
        net->none = true;
        return true;
    }
    if (strcmp(kind, "nic") == 0) {
        return legacy_nic(net, argument, error);
    }
    if (strcmp(kind, "dump") == 0) {
        return legacy_dump(net, argument, error);
    }
    if (!is_kind(kind) || strcmp(kind, "hubport") == 0) {
        return FAIL(error, "'%s' is not a kind of network; there is nic, none, dump, " KINDS, kind);
    }
    if (!parse(&list, argument, "type", kind, "name vlan id", error)) {
        return false;
    }
    if (!hub_parse(&list, "vlan", &hub, error)) {
        option_list_finish(&list);
        return false;
    }
    const char *id = option_list_get(&list, "id");
    g_autofree char *name = g_strdup(id != NULL ? id : option_list_get(&list, "name"));
    return add_netdev(net, kind, list, name, hub, error);
}

bool option_net_nic(struct option_net *net, const char *argument, GError **error)
{
    g_autofree char *kind = kind_of(argument);
    struct option_list list;
    if (strcmp(kind, "none") == 0) {
        net->none = true;
        return true;
    }
    if (strchr(kind, '=') != NULL) { /* -nic model=.. is on user networking */
        g_free(kind);
        kind = g_strdup("user");
    }
    if (!is_kind(kind) || strcmp(kind, "hubport") == 0) {
        return FAIL(error, "'%s' is not a kind of network; there is none, " KINDS, kind);
    }
    if (!parse(&list, argument, "type", kind, "model mac macaddr id " CARD_KEYS, error)) {
        return false;
    }
    /* The name is that of the network, as in -netdev. */
    const char *name = option_list_get(&list, "id");
    g_autofree char *id = name != NULL ? g_strdup(name) : g_strdup_printf("#net%u", net->nics->len);
    const char *mac = option_list_get(&list, "mac") != NULL ? "mac" : "macaddr";
    if (!add_nic(net, &list, option_list_get(&list, "model"), mac, id, OPTION_NO_HUB, error)) {
        option_list_finish(&list);
        return false;
    }
    struct option_nic *nic = g_ptr_array_index(net->nics, net->nics->len - 1);
    g_clear_pointer(&nic->id, g_free);
    return add_netdev(net, kind, list, id, OPTION_NO_HUB, error);
}

bool option_net_netdev(struct option_net *net, const char *argument, GError **error)
{
    g_autofree char *kind = kind_of(argument);
    struct option_list list;
    int hub = OPTION_NO_HUB;
    if (!is_kind(kind)) {
        return FAIL(error, "'%s' is not a kind of network; there is hubport, " KINDS, kind);
    }
    if (!parse(&list, argument, "type", kind, "id", error)) {
        return false;
    }
    g_autofree char *id = g_strdup(option_list_get(&list, "id"));
    if ((strcmp(kind, "hubport") == 0 && !hub_parse(&list, "hubid", &hub, error)) ||
        (id == NULL && !FAIL(error, "id= is missing, by which -device names it"))) {
        option_list_finish(&list);
        return false;
    }
    return add_netdev(net, kind, list, id, hub, error);
}

bool option_net_device(struct option_net *net, const char *argument, GError **error)
{
    struct option_list list;
    if (!parse(&list, argument, "driver", NULL, "netdev mac id " CARD_KEYS, error)) {
        return false;
    }
    const char *netdev = option_list_get(&list, "netdev");
    bool ok = add_nic(net, &list, option_list_get(&list, "driver"), "mac",
                      netdev != NULL ? netdev : "", OPTION_NO_HUB, error);
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
