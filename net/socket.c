/*
 * Frames over a socket. See socket.h.
 *
 * Back-pressure: while the queue to the guest is crowded nothing is read; a stream that the peer does not read fills a
 * buffer of OUT_MAX bytes, then the guest's frames stay in their queue. Datagrams that the host cannot take are lost.
 * A peer that sends a size no frame has is cut off.
 */
#include "net/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib-unix.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/socket_impl.h"
#include "net/wake.h"

#define PREFIX_SIZE 4u
#define IN_MAX      (PREFIX_SIZE + NET_FRAME_MAX)
#define OUT_MAX     (256u << 10)
#define DATAGRAMS   64 /* read at once */

struct net_socket {
    struct net_port *port;
    struct net_wake *wake;
    struct socket_ends ends;
    char *text;
    guint accept_watch, in_watch, out_watch; /* 0: none */
    size_t in_size;
    uint8_t in[IN_MAX];
    GByteArray *out; /* of a stream, prefixes included */
};

static void watch_in(struct net_socket *s, bool on);

static void disconnect(struct net_socket *s)
{
    watch_in(s, false);
    if (s->out_watch != 0) {
        g_source_remove(s->out_watch);
        s->out_watch = 0;
    }
    if (s->ends.fd >= 0) {
        close(s->ends.fd);
        s->ends.fd = -1;
    }
    s->in_size = 0;
    g_byte_array_set_size(s->out, 0);
    net_port_resume(s->port);
}

/* ---- from the peer ---- */

static size_t prefix(const uint8_t *p)
{
    return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

/* Takes whole frames out of the buffer. False: the peer talks nonsense. */
static bool unpack(struct net_socket *s)
{
    size_t at = 0;
    while (s->in_size - at >= PREFIX_SIZE) {
        size_t size = prefix(s->in + at);
        if (size < NET_HEADER_SIZE || size > NET_FRAME_MAX) {
            return false;
        }
        if (s->in_size - at < PREFIX_SIZE + size) {
            break;
        }
        net_port_send(s->port, s->in + at + PREFIX_SIZE, size);
        at += PREFIX_SIZE + size;
    }
    memmove(s->in, s->in + at, s->in_size - at);
    s->in_size -= at;
    return true;
}

static void read_stream(struct net_socket *s)
{
    ssize_t n = recv(s->ends.fd, s->in + s->in_size, IN_MAX - s->in_size, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n > 0) {
        s->in_size += (size_t)n;
    }
    if (n <= 0 || !unpack(s)) {
        disconnect(s);
    }
}

static void read_datagrams(struct net_socket *s)
{
    for (unsigned i = 0; i < DATAGRAMS; i++) {
        struct sockaddr_in from = { 0 };
        socklen_t size = sizeof(from);
        ssize_t n = recvfrom(s->ends.fd, s->in, IN_MAX, 0, (struct sockaddr *)&from, &size);
        if (n < 0) {
            return;
        }
        bool own = s->ends.own_filter && from.sin_port == s->ends.own.sin_port &&
                   from.sin_addr.s_addr == s->ends.own.sin_addr.s_addr;
        if (!own && n >= (ssize_t)NET_HEADER_SIZE && n <= (ssize_t)NET_FRAME_MAX) {
            net_port_send(s->port, s->in, (size_t)n);
        }
    }
}

static gboolean readable(gint fd, GIOCondition condition, gpointer data)
{
    struct net_socket *s = data;
    if (net_port_crowded(s->port)) {
        s->in_watch = 0;
        return G_SOURCE_REMOVE; /* until resume */
    }
    if (s->ends.stream) {
        read_stream(s);
    } else {
        read_datagrams(s);
    }
    return s->in_watch != 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void watch_in(struct net_socket *s, bool on)
{
    if (on && s->in_watch == 0 && s->ends.fd >= 0) {
        s->in_watch = g_unix_fd_add(s->ends.fd, G_IO_IN | G_IO_HUP | G_IO_ERR, readable, s);
    } else if (!on && s->in_watch != 0) {
        g_source_remove(s->in_watch);
        s->in_watch = 0;
    }
}

static gboolean acceptable(gint fd, GIOCondition condition, gpointer data)
{
    struct net_socket *s = data;
    int one = 1, peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (peer < 0) {
        return G_SOURCE_CONTINUE;
    }
    if (s->ends.fd >= 0) {
        close(peer); /* one at a time */
        return G_SOURCE_CONTINUE;
    }
    setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    s->ends.fd = peer;
    watch_in(s, true);
    return G_SOURCE_CONTINUE;
}

/* ---- to the peer ---- */

static gboolean writable(gint fd, GIOCondition condition, gpointer data);

static void flush(struct net_socket *s)
{
    if (s->out->len == 0 || s->ends.fd < 0) {
        return;
    }
    ssize_t n = send(s->ends.fd, s->out->data, s->out->len, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        disconnect(s);
        return;
    }
    if (n > 0) {
        g_byte_array_remove_range(s->out, 0, (guint)n);
    }
    if (s->out->len > 0 && s->out_watch == 0) {
        s->out_watch = g_unix_fd_add(s->ends.fd, G_IO_OUT, writable, s);
    }
}

static gboolean writable(gint fd, GIOCondition condition, gpointer data)
{
    struct net_socket *s = data;
    s->out_watch = 0;
    flush(s);
    if (s->out->len < OUT_MAX / 2) {
        net_port_resume(s->port);
    }
    return G_SOURCE_REMOVE;
}

static enum net_result port_receive(void *owner, const uint8_t *frame, size_t size)
{
    struct net_socket *s = owner;
    if (s->ends.fd < 0) {
        return NET_SENT; /* nobody there */
    }
    if (!s->ends.stream) {
        const struct sockaddr *to = s->ends.to.sin_port != 0 ? (const struct sockaddr *)&s->ends.to : NULL;
        int fd = s->ends.out >= 0 ? s->ends.out : s->ends.fd;
        /* What does not go now is lost, as datagrams are. */
        (void)!sendto(fd, frame, size, MSG_NOSIGNAL | MSG_DONTWAIT, to, to != NULL ? sizeof(s->ends.to) : 0);
        return NET_SENT;
    }
    if (s->out->len > OUT_MAX) {
        flush(s);
        if (s->out->len > OUT_MAX) {
            return NET_WAIT;
        }
    }
    const uint8_t head[PREFIX_SIZE] = { (uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8),
                                        (uint8_t)size };
    g_byte_array_append(s->out, head, sizeof(head));
    g_byte_array_append(s->out, frame, (guint)size);
    return NET_SENT;
}

static void poll_port(void *arg)
{
    struct net_socket *s = arg;
    net_port_poll(s->port);
    if (s->out_watch == 0) {
        flush(s);
    }
}

static void port_schedule(void *owner)
{
    net_wake_up(((struct net_socket *)owner)->wake);
}

static void port_resume(void *owner)
{
    watch_in(owner, true);
}

static const struct net_port_ops port_ops = {
    .schedule = port_schedule,
    .receive = port_receive,
    .resume = port_resume,
};

/* ---- life ---- */

static char *text_of(const struct net_socket_config *c)
{
    return c->listen != NULL    ? g_strdup_printf("listen=%s", c->listen)
           : c->connect != NULL ? g_strdup_printf("connect=%s", c->connect)
           : c->mcast != NULL   ? g_strdup_printf("mcast=%s", c->mcast)
           : c->udp != NULL     ? g_strdup_printf("udp=%s,localaddr=%s", c->udp, c->localaddr)
                                : g_strdup_printf("fd=%s", c->fd);
}

struct net_socket *net_socket_create(const struct net_socket_config *config, struct net_port *port, GError **error)
{
    struct socket_ends ends;
    if (!socket_open(config, &ends, error)) {
        return NULL;
    }
    struct net_socket *s = g_new0(struct net_socket, 1);
    s->port = port;
    s->ends = ends;
    s->text = text_of(config);
    s->out = g_byte_array_new();
    s->wake = net_wake_create("socket network", poll_port, s);
    net_port_attach(port, &port_ops, s);
    watch_in(s, true);
    if (ends.listener >= 0) {
        s->accept_watch = g_unix_fd_add(ends.listener, G_IO_IN, acceptable, s);
    }
    return s;
}

void net_socket_destroy(struct net_socket *s)
{
    if (s == NULL) {
        return;
    }
    if (s->accept_watch != 0) {
        g_source_remove(s->accept_watch);
    }
    disconnect(s);
    net_port_detach(s->port);
    net_wake_destroy(s->wake);
    socket_close(&s->ends);
    g_byte_array_unref(s->out);
    g_free(s->text);
    g_free(s);
}

void net_socket_print(const struct net_socket *s, GString *out)
{
    g_string_append_printf(out, "%s%s", s->text, s->ends.fd >= 0 ? "" : ",disconnected");
}
