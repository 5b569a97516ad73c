/* net/user.c: a scripted guest asks for a lease, pings, and gets a forwarded connection. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/user.h"
#include "net/user_impl.h"
#include "tests/support/chardev_front.h"
#include "tests/support/test.h"

#include <arpa/inet.h>

struct guest {
    struct net_link *link;
    struct net_port *port;
    struct net_user *user;
    gint woken; /* atomic */
    bool busy;
    unsigned frames;
    uint8_t lease[4]; /* from a DHCP answer */
    bool arp, echo;   /* answers seen */
    bool syn;         /* somebody connects to us */
    bool asked;       /* an ARP request for our address */
    uint8_t dhcp6[256]; /* DHCPv6 answer */
    size_t dhcp6_size;
};

static const uint8_t guest_mac[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};
static const uint8_t host_mac[6] = {0x52, 0x55, 10, 0, 2, 2};

static void schedule(void *owner)
{
    g_atomic_int_set(&((struct guest *)owner)->woken, 1);
}

static enum net_result receive(void *owner, const uint8_t *f, size_t size)
{
    struct guest *g = owner;
    if (g->busy) {
        return NET_WAIT;
    }
    g->frames++;
    unsigned type = size > 14 ? (unsigned)f[12] << 8 | f[13] : 0;
    if (type == 0x0806 && f[21] == 2) {
        g->arp = true;
    } else if (type == 0x0806) {
        g->asked = true;
    } else if (type == 0x0800 && f[23] == 17 && size > 14 + 20 + 8 + 20) {
        memcpy(g->lease, f + 42 + 16, 4); /* yiaddr */
    } else if (type == 0x0800 && f[23] == 1 && f[34] == 0) {
        g->echo = true;
    } else if (type == 0x0800 && f[23] == 6 && (f[47] & 2)) {
        g->syn = true;
    } else if (type == 0x86dd && f[20] == 17 && f[57] == 34 && size - 62 <= sizeof(g->dhcp6)) { /* 546 */
        g->dhcp6_size = size - 62;
        memcpy(g->dhcp6, f + 62, g->dhcp6_size);
    }
    return NET_SENT;
}

static const struct net_port_ops ops = {.schedule = schedule, .receive = receive};

static bool pump(struct guest *g)
{
    if (g_atomic_int_compare_and_exchange(&g->woken, 1, 0)) {
        net_port_poll(g->port);
    }
    return true;
}

static void guest_begin_with(struct guest *g, const struct net_user_config *config)
{
    GError *error = NULL;
    memset(g, 0, sizeof(*g));
    g->link = net_link_create();
    g->port = net_link_port(g->link, 0);
    net_port_attach(g->port, &ops, g);
    g->user = net_user_create(config, net_link_port(g->link, 1), &error);
    g_assert_no_error(error);
}

static void guest_begin(struct guest *g, const char *const *hostfwd)
{
    guest_begin_with(g, &(struct net_user_config){.hostfwd = hostfwd});
}

static void guest_end(struct guest *g)
{
    net_user_destroy(g->user);
    net_port_detach(g->port);
    net_link_destroy(g->link);
}

static unsigned sum(const uint8_t *p, size_t n)
{
    unsigned s = 0;
    for (size_t i = 0; i < n; i += 2) {
        s += (unsigned)p[i] << 8 | (i + 1 < n ? p[i + 1] : 0);
    }
    s = (s & 0xffff) + (s >> 16);
    return ~(s + (s >> 16)) & 0xffff;
}

/* An IPv4 packet from us; the payload's checksum is the caller's. */
static void send_ip(struct guest *g, const uint8_t dst_mac[6], const uint8_t src[4],
                    const uint8_t dst[4], unsigned protocol, const uint8_t *payload, size_t size)
{
    uint8_t f[1514] = {0};
    memcpy(f, dst_mac, 6);
    memcpy(f + 6, guest_mac, 6);
    f[12] = 8;
    uint8_t *ip = f + 14;
    ip[0] = 0x45;
    ip[2] = (uint8_t)((20 + size) >> 8);
    ip[3] = (uint8_t)(20 + size);
    ip[8] = 64;
    ip[9] = (uint8_t)protocol;
    memcpy(ip + 12, src, 4);
    memcpy(ip + 16, dst, 4);
    unsigned c = sum(ip, 20);
    ip[10] = (uint8_t)(c >> 8);
    ip[11] = (uint8_t)c;
    memcpy(ip + 20, payload, size);
    g_assert_cmpint(net_port_send(g->port, f, 34 + size), ==, NET_SENT);
}

static void ask_arp(struct guest *g, const uint8_t source[4])
{
    uint8_t f[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0,
                     0,    8,    6,    0,    1,    8,    0, 6, 4, 0, 1};
    memcpy(f + 6, guest_mac, 6);
    memcpy(f + 22, guest_mac, 6);
    memcpy(f + 28, source, 4);
    memcpy(f + 38, (const uint8_t[]){10, 0, 2, 2}, 4);
    net_port_send(g->port, f, sizeof(f));
}

/* An IPv6 packet from our link-local address to a multicast one; its checksum is put in at `at` of the payload. */
static void send_ip6(struct guest *g, const char *dst, uint8_t protocol, const uint8_t *payload, size_t size, size_t at)
{
    uint8_t f[200] = {0x33, 0x33}, pseudo[40 + 128] = {0};
    uint8_t *ip = f + 14;
    memcpy(f + 6, guest_mac, 6);
    f[12] = 0x86;
    f[13] = 0xdd;
    ip[0] = 0x60;
    ip[5] = (uint8_t)size;
    ip[6] = protocol;
    ip[7] = 255;
    inet_pton(AF_INET6, "fe80::5054:ff:fe12:3456", ip + 8);
    inet_pton(AF_INET6, dst, ip + 24);
    memcpy(f + 2, ip + 36, 4);
    memcpy(ip + 40, payload, size);
    memcpy(pseudo, ip + 8, 32);
    pseudo[35] = (uint8_t)size;
    pseudo[39] = protocol;
    memcpy(pseudo + 40, payload, size);
    unsigned c = sum(pseudo, 40 + size);
    ip[40 + at] = (uint8_t)(c >> 8);
    ip[40 + at + 1] = (uint8_t)c;
    g_assert_cmpint(net_port_send(g->port, f, 54 + size), ==, NET_SENT);
}

/* A DHCPv6 message to all servers. */
static void send_dhcp6(struct guest *g, const uint8_t *message, size_t size)
{
    uint8_t udp[64] = {2, 34, 2, 35, 0, (uint8_t)(8 + size)};
    memcpy(udp + 8, message, size);
    send_ip6(g, "ff02::1:2", 17, udp, 8 + size, 6);
}

/* Tells the network our hardware address. */
static void send_advertisement(struct guest *g)
{
    uint8_t icmp[32] = {136};
    inet_pton(AF_INET6, "fe80::5054:ff:fe12:3456", icmp + 8);
    icmp[24] = 2;
    icmp[25] = 1;
    memcpy(icmp + 26, guest_mac, 6);
    send_ip6(g, "ff02::1", 58, icmp, sizeof(icmp), 2);
}

/* What DHCPv6 gives: name server and boot file to who asks for information, and no addresses. */
static void test_dhcp6(void)
{
    static const uint8_t solicit[] = {1, 0, 0, 1, 0, 3, 0, 12, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t request[] = {11, 1, 2, 3, 0, 6, 0, 4, 0, 23, 0, 59};
    static const char url_text[] = "tftp://[fec0:0000:0000:0000:0000:0000:0000:0002]/boot.efi";
    struct guest g;
    gint64 deadline = g_get_monotonic_time() + 3 * G_USEC_PER_SEC;
    guest_begin_with(&g, &(struct net_user_config){.bootfile = "boot.efi"});
    send_advertisement(&g);
    send_dhcp6(&g, solicit, sizeof(solicit));
    send_dhcp6(&g, request, sizeof(request));
    while (g.dhcp6_size == 0 && g_get_monotonic_time() < deadline) {
        g_main_context_iteration(NULL, FALSE);
        pump(&g);
    }
    g_assert_cmpuint(g.dhcp6_size, >, 8);
    g_assert_cmpmem(g.dhcp6, 4, "\x07\x01\x02\x03", 4); /* the answer to the second one */
    bool dns = false, url = false;
    for (size_t at = 4; at + 4 <= g.dhcp6_size; at += 4u + g.dhcp6[at + 3]) {
        const uint8_t *option = g.dhcp6 + at;
        dns |= option[1] == 23 && option[3] == 16 && memcmp(option + 4, "\xfe\xc0", 2) == 0 && option[19] == 3;
        url |= option[1] == 59 && memcmp(option + 4, url_text, option[3]) == 0;
    }
    g_assert_true(url);
    g_assert_true(dns);
    guest_end(&g);
}

static void test_dhcp(void)
{
    static const uint8_t any[4], all[4] = {255, 255, 255, 255},
                                 all_mac[6] = {255, 255, 255, 255, 255, 255};
    uint8_t p[8 + 300] = {0, 68, 0, 67, (8 + 300) >> 8, (8 + 300) & 0xff};
    struct guest g;
    guest_begin(&g, NULL);
    p[8] = 1; /* request */
    p[9] = 1;
    p[10] = 6;
    p[12] = 0x12;
    memcpy(p + 8 + 28, guest_mac, 6);
    memcpy(p + 8 + 236, "\x63\x82\x53\x63\x35\x01\x01\xff", 8); /* discover */
    send_ip(&g, all_mac, any, all, 17, p, sizeof(p));
    TEST_WAIT(pump(&g) && g.lease[0] != 0);
    g_assert_cmpmem(g.lease, 4, ((const uint8_t[]){10, 0, 2, 15}), 4);
    guest_end(&g);
}

static void test_arp(void)
{
    static const uint8_t me[4] = {10, 0, 2, 15};
    struct guest g;
    guest_begin(&g, NULL);
    ask_arp(&g, me);
    TEST_WAIT(pump(&g) && g.arp);
    /* The gateway answers pings itself. */
    static const uint8_t host[4] = {10, 0, 2, 2};
    uint8_t icmp[16] = {8, 0, 0, 0, 1, 2, 0, 1};
    unsigned c = sum(icmp, sizeof(icmp));
    icmp[2] = (uint8_t)(c >> 8);
    icmp[3] = (uint8_t)c;
    send_ip(&g, host_mac, me, host, 1, icmp, sizeof(icmp));
    TEST_WAIT(pump(&g) && g.echo);
    guest_end(&g);
}

/* A port that is free at the moment. */
static int free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&a, sizeof(a)), ==, 0);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&a, &size), ==, 0);
    close(fd);
    return ntohs(a.sin_port);
}

static void test_forward(void)
{
    static const uint8_t me[4] = {10, 0, 2, 15};
    int port = free_port();
    g_autofree char *rule = g_strdup_printf("tcp:127.0.0.1:%d-:22", port);
    g_autofree char *key = g_strdup_printf("tcp:127.0.0.1:%d", port);
    const char *const rules[] = {rule, NULL};
    GError *error = NULL;
    struct guest g;
    guest_begin(&g, rules);
    g_assert_false(net_user_add_forward(g.user, rule, &error));
    g_assert_nonnull(strstr(error->message, "Could not set up host forwarding rule"));
    g_clear_error(&error);
    ask_arp(&g, me); /* now our address is known */
    TEST_WAIT(pump(&g) && g.arp);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                            .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&a, sizeof(a)), ==, 0);
    TEST_WAIT(pump(&g) && g.syn);
    close(fd);
    GString *text = g_string_new(NULL);
    net_user_print(g.user, text);
    g_assert_nonnull(strstr(text->str, "TCP[HOST_FORWARD]"));
    g_string_free(text, TRUE);
    g_assert_true(net_user_remove_forward(g.user, key, &error));
    g_assert_false(net_user_remove_forward(g.user, key, &error));
    g_clear_error(&error);
    guest_end(&g);
}

/* With nothing to do the main loop sleeps. */
static void test_idle(void)
{
    static const uint8_t me[4] = {10, 0, 2, 15};
    struct guest g;
    guest_begin(&g, NULL);
    ask_arp(&g, me);
    TEST_WAIT(pump(&g) && g.arp);
    unsigned rounds = 0;
    while (g_main_context_iteration(NULL, FALSE)) {
        g_assert_cmpuint(++rounds, <, 100);
    }
    guest_end(&g);
}

/* A guest that takes nothing: the queue stays bounded, and goes on when it takes again. */
static void test_slow_guest(void)
{
    static const uint8_t me[4] = {10, 0, 2, 15};
    struct guest g;
    guest_begin(&g, NULL);
    g.busy = true;
    for (unsigned i = 0; i < 10000; i++) {
        ask_arp(&g, me);
        if (i % 64 == 0) {
            g_main_context_iteration(NULL, FALSE);
            pump(&g);
        }
    }
    uint64_t waiting = net_port_stats(net_link_port(g.link, 1)).frames;
    g_assert_cmpuint(waiting, <=, NET_QUEUE_LOW_FRAMES + 2);
    g.busy = false;
    net_port_resume(g.port);
    TEST_WAIT(pump(&g) && g.frames > NET_QUEUE_LOW_FRAMES + 100);
    guest_end(&g);
}

static void test_config(void)
{
    struct user_net net;
    struct user_forward f;
    GError *error = NULL;
    struct net_user_config config = {.net = "192.168.76.9/24", .dhcp_start = "192.168.76.100"};
    g_assert_true(user_net_parse(&config, &net, &error));
    g_assert_cmphex(ntohl(net.network.s_addr), ==, 0xc0a84c00);
    g_assert_cmphex(ntohl(net.host.s_addr), ==, 0xc0a84c02);
    g_assert_cmphex(ntohl(net.dhcp.s_addr), ==, 0xc0a84c64);
    const struct net_user_config bad[] = {
        {.net = "nonsense"},     {.net = "10.0.0.0/33"}, {.net = "10.0.0.0/255.0.255.0"},
        {.host = "192.168.1.1"}, {.dns = "10.0.2.2"},    {.dhcp_start = "10.0.2"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(user_net_parse(&bad[i], &net, &error));
        g_clear_error(&error);
    }
    g_assert_true(user_forward_parse("udp:127.0.0.1:5353-10.0.2.20:53", true, &f, &error));
    g_assert_true(f.udp && f.host_port == 5353 && f.guest_port == 53);
    static const char *const wrong[] = {
        "", "tcp", "tcp::1", "tcp::1-:0", "tcp::1-:65536", "sctp::1-:1", "tcp:x:1-:1"};
    for (unsigned i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_assert_false(user_forward_parse(wrong[i], true, &f, &error));
        g_clear_error(&error);
    }
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/user/config", test_config);
    g_test_add_func("/user/dhcp", test_dhcp);
    g_test_add_func("/user/dhcp6", test_dhcp6);
    g_test_add_func("/user/arp-and-ping", test_arp);
    g_test_add_func("/user/forward", test_forward);
    g_test_add_func("/user/idle", test_idle);
    g_test_add_func("/user/slow-guest", test_slow_guest);
    return g_test_run();
}
