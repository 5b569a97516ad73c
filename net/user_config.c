/* Settings of the user network as text: addresses, the net, forwards. */
#include <arpa/inet.h>
#include <string.h>

#include "net/user_impl.h"

#define FAIL(error, ...)                                                                           \
    (g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, __VA_ARGS__), false)

#define DEFAULT_NET  0x0a000200u /* 10.0.2.0 */
#define DEFAULT_MASK 0xffffff00u
#define HOST_NUMBER  2
#define DNS_NUMBER   3
#define DHCP_NUMBER  15
#define DEFAULT_NET6   "fec0::/64"
#define PREFIX6_LENGTH 64

static bool mask_parse(const char *text, uint32_t *mask, GError **error)
{
    struct in_addr dotted;
    char *end;
    guint64 bits = g_ascii_strtoull(text, &end, 10);
    if (end != text && *end == '\0' && bits >= 4 && bits <= 27) {
        *mask = 0xffffffffu << (32 - bits);
        return true;
    }
    if (inet_pton(AF_INET, text, &dotted) == 1) {
        *mask = ntohl(dotted.s_addr);
        uint32_t host_bits = ~*mask;
        if ((host_bits & (host_bits + 1)) == 0 && host_bits >= 31 && host_bits < 1u << 28) {
            return true;
        }
    }
    return FAIL(error, "net=: '%s' is no mask between /4 and /27", text);
}

static bool net_parse(const char *text, uint32_t *network, uint32_t *mask, GError **error)
{
    *network = DEFAULT_NET;
    *mask = DEFAULT_MASK;
    if (text == NULL) {
        return true;
    }
    g_auto(GStrv) parts = g_strsplit(text, "/", 2);
    struct in_addr address;
    if (parts[0] == NULL || inet_pton(AF_INET, parts[0], &address) != 1) {
        return FAIL(error, "net=: '%s' is no network such as 10.0.2.0/24", text);
    }
    if (parts[1] != NULL && !mask_parse(parts[1], mask, error)) {
        return false;
    }
    *network = ntohl(address.s_addr) & *mask;
    return true;
}

/* An address within the net; text NULL: number n of it. */
static bool member_parse(const char *name, const char *text, uint32_t network, uint32_t mask,
                         uint32_t n, struct in_addr *address, GError **error)
{
    address->s_addr = htonl(network | n);
    if (text == NULL) {
        return true;
    }
    if (inet_pton(AF_INET, text, address) != 1) {
        return FAIL(error, "%s=: '%s' is no IPv4 address", name, text);
    }
    if ((ntohl(address->s_addr) & mask) != network) {
        return FAIL(error, "%s=: %s is not in the guest's network", name, text);
    }
    return true;
}

static bool prefix6_parse(const char *text, struct user_net *net, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, "/", 2);
    char *end = NULL;
    guint64 bits = parts[0] != NULL && parts[1] != NULL ? g_ascii_strtoull(parts[1], &end, 10) : PREFIX6_LENGTH;
    if (parts[0] == NULL || inet_pton(AF_INET6, parts[0], &net->prefix6) != 1 ||
        (end != NULL && (end == parts[1] || *end != '\0'))) {
        return FAIL(error, "ipv6-net=: '%s' is no network such as fec0::/64", text);
    }
    if (bits < 1 || bits > 126) {
        return FAIL(error, "ipv6-net=: '%s': the length must be from 1 to 126, and 64 for guests to get an address", text);
    }
    net->prefix6_len = (uint8_t)bits;
    return true;
}

/* An address within the IPv6 net; text NULL: number n of it. */
static bool member6_parse(const char *name, const char *text, const struct user_net *net, uint8_t n,
                          struct in6_addr *address, GError **error)
{
    *address = net->prefix6;
    address->s6_addr[15] |= n;
    if (text == NULL) {
        return true;
    }
    if (inet_pton(AF_INET6, text, address) != 1) {
        return FAIL(error, "%s=: '%s' is no IPv6 address", name, text);
    }
    for (unsigned bit = 0; bit < net->prefix6_len; bit++) {
        if ((address->s6_addr[bit / 8] ^ net->prefix6.s6_addr[bit / 8]) & 0x80 >> bit % 8) {
            return FAIL(error, "%s=: %s is not in the guest's network", name, text);
        }
    }
    return true;
}

static bool net6_parse(const struct net_user_config *config, struct user_net *net, GError **error)
{
    return prefix6_parse(config->ipv6_net != NULL ? config->ipv6_net : DEFAULT_NET6, net, error) &&
           member6_parse("ipv6-host", config->ipv6_host, net, HOST_NUMBER, &net->host6, error) &&
           member6_parse("ipv6-dns", config->ipv6_dns, net, DNS_NUMBER, &net->dns6, error);
}

bool user_net_parse(const struct net_user_config *config, struct user_net *net, GError **error)
{
    uint32_t network, mask;
    if (config->no_ipv4 && config->no_ipv6) {
        return FAIL(error, "ipv4=off,ipv6=off: IPv4 and IPv6 disabled, one of them must be on");
    }
    if (!net_parse(config->net, &network, &mask, error)) {
        return false;
    }
    /* A name server elsewhere is told to the guest, which reaches it as any other host: not if it is restricted. */
    bool dns_anywhere = config->dns != NULL && !config->restricted;
    net->network.s_addr = htonl(network);
    net->mask.s_addr = htonl(mask);
    if (!member_parse("host", config->host, network, mask, HOST_NUMBER, &net->host, error) ||
        !member_parse("dns", config->dns, dns_anywhere ? 0 : network, dns_anywhere ? 0 : mask, DNS_NUMBER, &net->dns,
                      error) ||
        !member_parse("dhcpstart", config->dhcp_start, network, mask, DHCP_NUMBER, &net->dhcp,
                      error)) {
        return false;
    }
    if (net->host.s_addr == net->dns.s_addr) {
        return FAIL(error, "host= and dns= must differ");
    }
    return net6_parse(config, net, error);
}

/* The text up to the separator, which is left out; NULL if there is none. Newly allocated; *text is behind it then. */
static char *word_before(const char **text, char separator)
{
    const char *end = strchr(*text, separator);
    char *word = end != NULL ? g_strndup(*text, (gsize)(end - *text)) : NULL;
    *text = end != NULL ? end + 1 : *text;
    return word;
}

static bool port_parse(const char *text, unsigned first, int *port)
{
    char *end;
    guint64 n = g_ascii_strtoull(text, &end, 10);
    *port = (int)n;
    return g_ascii_isdigit(text[0]) && *end == '\0' && n >= first && n <= 65535;
}

static bool address_parse(const char *text, struct in_addr *address)
{
    address->s_addr = htonl(INADDR_ANY);
    return text[0] == '\0' || inet_aton(text, address) != 0;
}

/* What is wrong with the rule, in the words that QEMU's users know; NULL: nothing. */
static const char *forward_fault(const char *rule, bool with_guest, struct user_forward *forward)
{
    g_autofree char *protocol = word_before(&rule, ':');
    if (protocol == NULL) {
        return "No : separators";
    }
    forward->udp = strcmp(protocol, "udp") == 0;
    if (!forward->udp && protocol[0] != '\0' && strcmp(protocol, "tcp") != 0) {
        return "Bad protocol name";
    }
    g_autofree char *host = word_before(&rule, ':');
    if (host == NULL) {
        return "Missing : separator";
    }
    if (!address_parse(host, &forward->host)) {
        return "Bad host address";
    }
    if (!with_guest) {
        return port_parse(rule, 0, &forward->host_port) ? NULL : "Bad host port";
    }
    g_autofree char *port = word_before(&rule, '-');
    if (port == NULL) {
        return "Bad host port separator";
    }
    if (!port_parse(port, 0, &forward->host_port)) {
        return "Bad host port";
    }
    g_autofree char *guest = word_before(&rule, ':');
    if (guest == NULL) {
        return "Missing guest address";
    }
    return !address_parse(guest, &forward->guest)           ? "Bad guest address"
           : !port_parse(rule, 1, &forward->guest_port) ? "Bad guest port"
                                                          : NULL;
}

bool user_forward_parse(const char *rule, bool with_guest, struct user_forward *forward, GError **error)
{
    memset(forward, 0, sizeof(*forward));
    const char *fault = forward_fault(rule, with_guest, forward);
    if (fault == NULL) {
        return true;
    }
    return with_guest ? FAIL(error, "Invalid host forwarding rule '%s' (%s); it is [tcp|udp]:[HOSTADDR]:HOSTPORT-"
                             "[GUESTADDR]:GUESTPORT", rule, fault)
                      : FAIL(error, "invalid format: '%s' (%s); it is [tcp|udp]:[HOSTADDR]:HOSTPORT", rule, fault);
}
