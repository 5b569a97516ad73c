/* net/hub.c, net/socket.c, net/wake.c, net/user_guestfwd.c: frames between fake cards. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/hub.h"
#include "net/socket.h"
#include "net/tap.h"
#include "net/wake.h"
#include "tests/support/chardev_front.h"
#include "tests/support/test.h"

/* A card at end 0 of a wire. */
struct card {
    struct net_link *link;
    struct net_port *port;
    gint woken;
    bool busy;
    unsigned got;
    size_t size;
    uint8_t byte;
};

static void schedule(void *owner)
{
    g_atomic_int_set(&((struct card *)owner)->woken, 1);
}

static enum net_result receive(void *owner, const uint8_t *frame, size_t size)
{
    struct card *c = owner;
    if (c->busy) {
        return NET_WAIT;
    }
    c->got++;
    c->size = size;
    c->byte = frame[size - 1];
    return NET_SENT;
}

static const struct net_port_ops ops = { .schedule = schedule, .receive = receive };

static void card_begin(struct card *c)
{
    memset(c, 0, sizeof(*c));
    c->link = net_link_create();
    c->port = net_link_port(c->link, 0);
    net_port_attach(c->port, &ops, c);
}

static void card_end(struct card *c)
{
    net_port_detach(c->port);
    net_link_destroy(c->link);
}

static bool pump(struct card *c)
{
    if (g_atomic_int_compare_and_exchange(&c->woken, 1, 0)) {
        net_port_poll(c->port);
    }
    return true;
}

static void send_frame(struct card *c, size_t size, uint8_t last)
{
    uint8_t frame[NET_FRAME_MAX] = { 0 };
    frame[size - 1] = last;
    g_assert_cmpint(net_port_send(c->port, frame, size), ==, NET_SENT);
}

static int free_port(int type)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(a);
    int fd = socket(AF_INET, type, 0);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&a, sizeof(a)), ==, 0);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&a, &size), ==, 0);
    close(fd);
    return ntohs(a.sin_port);
}

static void test_hub(void)
{
    struct card cards[3];
    struct net_hub *hub = net_hub_create();
    for (unsigned i = 0; i < 3; i++) {
        card_begin(&cards[i]);
        net_hub_add(hub, net_link_port(cards[i].link, 1));
    }
    send_frame(&cards[0], 100, 7);
    TEST_WAIT(pump(&cards[1]) && pump(&cards[2]) && cards[1].got == 1 && cards[2].got == 1);
    g_assert_cmpuint(cards[0].got, ==, 0);
    g_assert_cmpuint(cards[2].size, ==, 100);
    /* A slow card holds the others back, and nobody loses anything. */
    cards[2].busy = true;
    unsigned sent = 0;
    for (; sent < 5000 && !net_port_crowded(cards[0].port); sent++) {
        send_frame(&cards[0], 60, 1);
        if (sent % 16 == 0) {
            g_main_context_iteration(NULL, FALSE);
            pump(&cards[1]);
            pump(&cards[2]);
        }
    }
    g_assert_cmpuint(sent, <, 5000);
    cards[2].busy = false;
    net_port_resume(cards[2].port);
    TEST_WAIT(pump(&cards[1]) && pump(&cards[2]) && cards[1].got == 1 + sent && cards[2].got == 1 + sent);
    net_hub_destroy(hub);
    for (unsigned i = 0; i < 3; i++) {
        card_end(&cards[i]);
    }
}

static struct net_socket *open_socket(struct card *c, const struct net_socket_config *config)
{
    GError *error = NULL;
    card_begin(c);
    struct net_socket *s = net_socket_create(config, net_link_port(c->link, 1), &error);
    g_assert_no_error(error);
    return s;
}

static void test_stream(void)
{
    struct card a, b;
    g_autofree char *place = g_strdup_printf("127.0.0.1:%d", free_port(SOCK_STREAM));
    struct net_socket *listener = open_socket(&a, &(struct net_socket_config){ .listen = place });
    struct net_socket *caller = open_socket(&b, &(struct net_socket_config){ .connect = place });
    TEST_WAIT(pump(&a));
    unsigned n = 0;
    for (size_t size = 14; size <= NET_FRAME_MAX; size += 523) {
        send_frame(&b, size, (uint8_t)size);
        n++;
        TEST_WAIT(pump(&a) && a.got == n);
        g_assert_cmpuint(a.size, ==, size);
        g_assert_cmpuint(a.byte, ==, (uint8_t)size);
    }
    for (unsigned i = 0; i < 1000; i++) {
        send_frame(&a, 1514, 3);
        g_main_context_iteration(NULL, FALSE);
        pump(&b);
    }
    TEST_WAIT(pump(&b) && b.got == 1000);
    net_socket_destroy(caller);
    g_autoptr(GString) text = g_string_new(NULL);
    TEST_WAIT((g_string_truncate(text, 0), net_socket_print(listener, text),
               strstr(text->str, ",disconnected") != NULL));
    net_socket_destroy(listener);
    card_end(&a);
    card_end(&b);
}

/* QEMU's framing, byte for byte; nonsense ends the connection. */
static void test_framing(void)
{
    struct card c;
    int port = free_port(SOCK_STREAM);
    g_autofree char *place = g_strdup_printf("127.0.0.1:%d", port);
    struct net_socket *s = open_socket(&c, &(struct net_socket_config){ .listen = place });
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                              .sin_port = htons((uint16_t)port) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&to, sizeof(to)), ==, 0);
    uint8_t message[4 + 20] = { 0, 0, 0, 20 }, answer[4 + 33];
    message[23] = 9;
    g_assert_cmpint(write(fd, message, 6), ==, 6); /* in pieces */
    TEST_WAIT(pump(&c));
    g_assert_cmpint(write(fd, message + 6, sizeof(message) - 6), ==, sizeof(message) - 6);
    TEST_WAIT(pump(&c) && c.got == 1);
    g_assert_cmpuint(c.byte, ==, 9);
    send_frame(&c, 33, 5);
    while (g_main_context_iteration(NULL, FALSE)) {
    }
    g_assert_cmpint(recv(fd, answer, sizeof(answer), MSG_WAITALL), ==, sizeof(answer));
    g_assert_cmpmem(answer, 4, "\0\0\0\x21", 4);
    g_assert_cmpuint(answer[36], ==, 5);
    g_assert_cmpint(write(fd, "\xff\xff\xff\xff", 4), ==, 4);
    g_autoptr(GString) text = g_string_new(NULL);
    TEST_WAIT((g_string_truncate(text, 0), net_socket_print(s, text), strstr(text->str, ",disconnected") != NULL));
    close(fd);
    net_socket_destroy(s);
    card_end(&c);
}

static void test_datagrams(void)
{
    struct card a, b;
    g_autofree char *one = g_strdup_printf("127.0.0.1:%d", free_port(SOCK_DGRAM));
    g_autofree char *two = g_strdup_printf("127.0.0.1:%d", free_port(SOCK_DGRAM));
    struct net_socket *s = open_socket(&a, &(struct net_socket_config){ .udp = one, .localaddr = two });
    struct net_socket *t = open_socket(&b, &(struct net_socket_config){ .udp = two, .localaddr = one });
    send_frame(&a, 1000, 4);
    TEST_WAIT(pump(&b) && b.got == 1);
    g_assert_cmpuint(b.size, ==, 1000);
    send_frame(&b, 60, 5);
    TEST_WAIT(pump(&a) && a.got == 1);
    net_socket_destroy(s);
    net_socket_destroy(t);
    card_end(&a);
    card_end(&b);
}

static void test_mcast(void)
{
    struct card cards[3];
    struct net_socket *s[3];
    g_autofree char *group = g_strdup_printf("230.0.0.1:%d", free_port(SOCK_DGRAM));
    const struct net_socket_config config = { .mcast = group, .localaddr = "127.0.0.1" };
    for (unsigned i = 0; i < 3; i++) {
        s[i] = open_socket(&cards[i], &config);
    }
    send_frame(&cards[0], 200, 8);
    TEST_WAIT(pump(&cards[1]) && pump(&cards[2]) && cards[1].got == 1 && cards[2].got == 1);
    pump(&cards[0]);
    g_assert_cmpuint(cards[0].got, ==, 0); /* not our own */
    for (unsigned i = 0; i < 3; i++) {
        net_socket_destroy(s[i]);
        card_end(&cards[i]);
    }
}

static void test_tap_errors(void)
{
    struct card c;
    GError *error = NULL;
    card_begin(&c);
    const struct net_tap_config bad[] = { { .fd = "0" }, { .fd = "x" }, { .fd = "3", .ifname = "tap0" },
                                          { .ifname = "name-that-is-too-long" } };
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_null(net_tap_create(&bad[i], net_link_port(c.link, 1), &error));
        g_assert_nonnull(error);
        g_clear_error(&error);
    }
    card_end(&c);
}

static gpointer wake_it(gpointer wake)
{
    net_wake_up(wake);
    return NULL;
}

static void count(void *arg)
{
    ++*(unsigned *)arg;
}

static void test_wake(void)
{
    unsigned calls = 0;
    struct net_wake *wake = net_wake_create("test", count, &calls);
    net_wake_up(wake);
    net_wake_up(wake);
    while (g_main_context_iteration(NULL, FALSE)) {
    }
    g_assert_cmpuint(calls, ==, 1);
    GThread *thread = g_thread_new("wake", wake_it, wake);
    TEST_WAIT(calls == 2);
    g_thread_join(thread);
    net_wake_destroy(wake);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/net/hub", test_hub);
    g_test_add_func("/net/socket/stream", test_stream);
    g_test_add_func("/net/socket/framing", test_framing);
    g_test_add_func("/net/socket/udp", test_datagrams);
    g_test_add_func("/net/socket/mcast", test_mcast);
    g_test_add_func("/net/tap-errors", test_tap_errors);
    g_test_add_func("/net/wake", test_wake);
    return g_test_run();
}
