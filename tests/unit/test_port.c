/* net/port.c and net/pcap.c: a wire between two fake owners. */
#include <glib/gstdio.h>
#include <string.h>

#include "net/pcap.h"
#include "net/port.h"
#include "tests/support/test.h"

struct end {
    struct net_port *port;
    unsigned scheduled, got, resumed, link_changes;
    size_t last_size;
    uint8_t last_byte;
    bool busy; /* answers NET_WAIT */
};

static void schedule(void *owner)
{
    ((struct end *)owner)->scheduled++;
}

static enum net_result receive(void *owner, const uint8_t *frame, size_t size)
{
    struct end *end = owner;
    if (end->busy) {
        return NET_WAIT;
    }
    end->got++;
    end->last_size = size;
    end->last_byte = frame[0];
    return NET_SENT;
}

static void resume(void *owner)
{
    ((struct end *)owner)->resumed++;
}

static void changed(void *owner, bool up)
{
    ((struct end *)owner)->link_changes++;
}

static const struct net_port_ops ops = {schedule, receive, resume, changed};

static struct net_link *wire(struct end ends[2])
{
    struct net_link *link = net_link_create();
    memset(ends, 0, 2 * sizeof(ends[0]));
    for (unsigned i = 0; i < 2; i++) {
        ends[i].port = net_link_port(link, i);
        net_port_attach(ends[i].port, &ops, &ends[i]);
    }
    return link;
}

static void unwire(struct net_link *link, struct end ends[2])
{
    net_port_detach(ends[0].port);
    net_port_detach(ends[1].port);
    net_link_destroy(link);
}

static void test_send(void)
{
    struct end ends[2];
    struct net_link *link = wire(ends);
    const uint8_t frame[60] = {7};
    g_assert_cmpint(net_port_send(ends[0].port, frame, sizeof(frame)), ==, NET_SENT);
    g_assert_cmpint(net_port_send(ends[0].port, frame, 42), ==, NET_SENT);
    g_assert_cmpuint(ends[1].scheduled, ==, 1); /* once until it polls */
    g_assert_cmpuint(ends[1].got, ==, 0);
    net_port_poll(ends[1].port);
    g_assert_cmpuint(ends[1].got, ==, 2);
    g_assert_cmpuint(ends[1].last_size, ==, 42);
    g_assert_cmpuint(ends[1].last_byte, ==, 7);
    g_assert_cmpuint(ends[0].scheduled, ==, 0);
    g_assert_cmpuint(net_port_stats(ends[0].port).bytes, ==, 102);
    unwire(link, ends);
}

static void test_cork(void)
{
    struct end ends[2];
    struct net_link *link = wire(ends);
    const uint8_t frame[60] = {7};
    net_port_cork(ends[0].port);
    net_port_send(ends[0].port, frame, sizeof(frame));
    net_port_send(ends[0].port, frame, sizeof(frame));
    g_assert_cmpuint(ends[1].scheduled, ==, 0);
    net_port_uncork(ends[0].port);
    g_assert_cmpuint(ends[1].scheduled, ==, 1);
    net_port_poll(ends[1].port);
    g_assert_cmpuint(ends[1].got, ==, 2);
    net_port_cork(ends[0].port);
    net_port_uncork(ends[0].port); /* nothing was sent */
    g_assert_cmpuint(ends[1].scheduled, ==, 1);
    /* A receiver that waits is not woken either. */
    ends[1].busy = true;
    net_port_send(ends[0].port, frame, sizeof(frame));
    net_port_poll(ends[1].port);
    unsigned before = ends[1].scheduled;
    net_port_cork(ends[0].port);
    net_port_send(ends[0].port, frame, sizeof(frame));
    net_port_uncork(ends[0].port);
    g_assert_cmpuint(ends[1].scheduled, ==, before);
    unwire(link, ends);
}

static void test_receiver_waits(void)
{
    struct end ends[2];
    struct net_link *link = wire(ends);
    const uint8_t frame[60] = {0};
    ends[1].busy = true;
    net_port_send(ends[0].port, frame, sizeof(frame));
    net_port_poll(ends[1].port);
    net_port_send(ends[0].port, frame, sizeof(frame));
    g_assert_cmpuint(ends[1].scheduled, ==, 1);
    ends[1].busy = false;
    net_port_resume(ends[1].port);
    g_assert_cmpuint(ends[1].scheduled, ==, 2);
    net_port_poll(ends[1].port);
    g_assert_cmpuint(ends[1].got, ==, 2);
    unwire(link, ends);
}

static void test_back_pressure(void)
{
    struct end ends[2];
    struct net_link *link = wire(ends);
    static const uint8_t frame[NET_FRAME_MAX];
    unsigned sent = 0;
    while (net_port_send(ends[0].port, frame, sizeof(frame)) == NET_SENT) {
        sent++;
        g_assert_cmpuint(sent, <=, NET_QUEUE_BYTES / NET_FRAME_MAX);
    }
    g_assert_true(net_port_crowded(ends[0].port));
    g_assert_false(net_port_crowded(ends[1].port));
    net_port_poll(ends[1].port);
    g_assert_cmpuint(ends[1].got, ==, sent);
    g_assert_cmpuint(ends[0].scheduled, ==, 1);
    net_port_poll(ends[0].port);
    g_assert_cmpuint(ends[0].resumed, ==, 1);
    g_assert_false(net_port_crowded(ends[0].port));
    /* Small frames are bounded by number. */
    for (sent = 0; net_port_send(ends[0].port, frame, 60) == NET_SENT; sent++) {
        g_assert_cmpuint(sent, <, NET_QUEUE_FRAMES);
    }
    unwire(link, ends);
}

static void test_cable(void)
{
    struct end ends[2];
    struct net_link *link = wire(ends);
    const uint8_t frame[60] = {0};
    net_port_send(ends[0].port, frame, sizeof(frame));
    net_link_set(link, false);
    net_port_poll(ends[0].port);
    net_port_poll(ends[1].port);
    g_assert_cmpuint(ends[0].link_changes, ==, 1);
    g_assert_cmpuint(ends[1].link_changes, ==, 1);
    g_assert_cmpuint(ends[1].got, ==, 0); /* was under way */
    g_assert_cmpint(net_port_send(ends[0].port, frame, sizeof(frame)), ==, NET_SENT);
    g_assert_cmpuint(net_port_stats(ends[0].port).dropped, ==, 1);
    net_link_set(link, true);
    net_port_poll(ends[1].port);
    net_port_send(ends[0].port, frame, sizeof(frame));
    net_port_poll(ends[1].port);
    g_assert_cmpuint(ends[1].got, ==, 1);
    unwire(link, ends);
}

static void test_nobody(void)
{
    struct end ends[2];
    struct net_link *link = wire(ends);
    const uint8_t frame[60] = {0};
    net_port_send(ends[0].port, frame, sizeof(frame));
    net_port_detach(ends[1].port);
    g_assert_cmpint(net_port_send(ends[0].port, frame, sizeof(frame)), ==, NET_SENT);
    g_assert_cmpuint(net_port_stats(ends[0].port).dropped, ==, 1);
    net_port_attach(ends[1].port, &ops, &ends[1]);
    net_port_poll(ends[1].port);
    g_assert_cmpuint(ends[1].got, ==, 0);
    unwire(link, ends);
}

static void test_pcap(void)
{
    struct end ends[2];
    struct net_link *link = wire(ends);
    g_autofree char *folder = g_dir_make_tmp("vmm-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "a.pcap", NULL), *contents = NULL;
    gsize size;
    GError *error = NULL;
    struct pcap *pcap = pcap_create(path, &error);
    g_assert_no_error(error);
    const uint8_t frame[60] = {1};
    net_port_set_tap(ends[1].port, pcap_frame, pcap);
    net_port_send(ends[1].port, frame, sizeof(frame)); /* out */
    net_port_send(ends[0].port, frame, 42);            /* in */
    net_port_poll(ends[1].port);
    net_port_set_tap(ends[1].port, NULL, NULL);
    net_port_send(ends[1].port, frame, sizeof(frame));
    pcap_destroy(pcap);
    g_assert_true(g_file_get_contents(path, &contents, &size, NULL));
    g_assert_cmpuint(size, ==, 24 + 16 + 60 + 16 + 42);
    g_assert_cmpmem(contents, 4, "\xd4\xc3\xb2\xa1", 4);
    g_assert_cmpuint(((const uint8_t *)contents)[24 + 8], ==, 60);
    g_assert_null(pcap_create("/nowhere/at/all", &error));
    g_assert_nonnull(strstr(error->message, "/nowhere/at/all"));
    g_error_free(error);
    unwire(link, ends);
    g_remove(path);
    g_rmdir(folder);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/port/send", test_send);
    g_test_add_func("/port/cork", test_cork);
    g_test_add_func("/port/receiver-waits", test_receiver_waits);
    g_test_add_func("/port/back-pressure", test_back_pressure);
    g_test_add_func("/port/cable", test_cable);
    g_test_add_func("/port/nobody", test_nobody);
    g_test_add_func("/pcap/frames", test_pcap);
    return g_test_run();
}
