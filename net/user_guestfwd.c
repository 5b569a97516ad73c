/*
 * Guest forwards. See user_guestfwd.h. Commands and Unix sockets are libslirp's own; a TCP target is one connection of ours,
 * made when the guest first sends and again after the target has closed it.
 */
#include "net/user_guestfwd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OUT_MAX (256u << 10) /* bytes from the guest that the target has not taken yet */
#define FAIL(error, ...) (g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, __VA_ARGS__), false)

struct user_guestfwd {
    Slirp *slirp;
    struct in_addr server; /* in the guest's net */
    int port;
    struct sockaddr_in to;
    int fd; /* -1: not connected */
    guint in_watch, out_watch, retry;
    GByteArray *out;
    size_t (*write)(void *arg, const void *data, size_t size); /* of a pipe; NULL: none */
    void *arg;
};

static void disconnect(struct user_guestfwd *f)
{
    guint *watches[] = { &f->in_watch, &f->out_watch, &f->retry };
    for (unsigned i = 0; i < G_N_ELEMENTS(watches); i++) {
        if (*watches[i] != 0) {
            g_source_remove(*watches[i]);
            *watches[i] = 0;
        }
    }
    if (f->fd >= 0) {
        close(f->fd);
        f->fd = -1;
    }
    g_byte_array_set_size(f->out, 0);
}

static gboolean readable(gint fd, GIOCondition condition, gpointer data);

static gboolean read_again(gpointer data)
{
    struct user_guestfwd *f = data;
    f->retry = 0;
    f->in_watch = g_unix_fd_add(f->fd, G_IO_IN | G_IO_HUP, readable, f);
    return G_SOURCE_REMOVE;
}

static gboolean readable(gint fd, GIOCondition condition, gpointer data)
{
    struct user_guestfwd *f = data;
    uint8_t buffer[16384];
    size_t room = slirp_socket_can_recv(f->slirp, f->server, f->port);
    if (room == 0) { /* the guest is slow, or gone */
        f->in_watch = 0;
        f->retry = g_timeout_add(10, read_again, f);
        return G_SOURCE_REMOVE;
    }
    ssize_t n = recv(fd, buffer, MIN(room, sizeof(buffer)), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return G_SOURCE_CONTINUE;
    }
    if (n <= 0) {
        disconnect(f);
        return G_SOURCE_REMOVE;
    }
    slirp_socket_recv(f->slirp, f->server, f->port, buffer, (int)n);
    return G_SOURCE_CONTINUE;
}

static gboolean writable(gint fd, GIOCondition condition, gpointer data)
{
    struct user_guestfwd *f = data;
    ssize_t n = send(fd, f->out->data, f->out->len, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        disconnect(f);
        return G_SOURCE_REMOVE;
    }
    if (n > 0) {
        g_byte_array_remove_range(f->out, 0, (guint)n);
    }
    if (f->out->len > 0) {
        return G_SOURCE_CONTINUE;
    }
    f->out_watch = 0;
    return G_SOURCE_REMOVE;
}

static ssize_t from_guest(const void *data, size_t size, void *opaque)
{
    struct user_guestfwd *f = opaque;
    if (f->fd < 0) {
        f->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (f->fd < 0 ||
            (connect(f->fd, (struct sockaddr *)&f->to, sizeof(f->to)) != 0 && errno != EINPROGRESS)) {
            disconnect(f);
            return (ssize_t)size; /* nobody there */
        }
        f->in_watch = g_unix_fd_add(f->fd, G_IO_IN | G_IO_HUP, readable, f);
    }
    size_t taken = MIN(size, OUT_MAX - MIN(f->out->len, OUT_MAX));
    g_byte_array_append(f->out, data, (guint)taken);
    if (f->out_watch == 0 && f->out->len > 0) {
        f->out_watch = g_unix_fd_add(f->fd, G_IO_OUT, writable, f);
    }
    return (ssize_t)taken;
}

/* "ADDRESS:PORT". */
static bool place_parse(const char *text, struct in_addr *address, int *port)
{
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    guint64 n = colon != NULL ? g_ascii_strtoull(colon + 1, &end, 10) : 0;
    g_autofree char *host = colon != NULL ? g_strndup(text, (gsize)(colon - text)) : NULL;
    *port = (int)n;
    return host != NULL && inet_pton(AF_INET, host, address) == 1 && end != colon + 1 && *end == '\0' && n >= 1 &&
           n <= 65535;
}

static ssize_t into_pipe(const void *data, size_t size, void *opaque)
{
    struct user_guestfwd *f = opaque;
    return (ssize_t)f->write(f->arg, data, size);
}

static bool add(struct user_guestfwd *f, const char *target, GError **error)
{
    const char *rest = strchr(target, ':');
    int r = -1;
    if (f->write != NULL) {
        r = slirp_add_guestfwd(f->slirp, into_pipe, f, &f->server, f->port);
    } else if (rest != NULL && g_str_has_prefix(target, "cmd:")) {
        r = slirp_add_exec(f->slirp, rest + 1, &f->server, f->port);
    } else if (rest != NULL && g_str_has_prefix(target, "unix:")) {
        r = slirp_add_unix(f->slirp, rest + 1, &f->server, f->port);
    } else if (rest != NULL && g_str_has_prefix(target, "tcp:")) {
        int port;
        if (!place_parse(rest + 1, &f->to.sin_addr, &port)) {
            return FAIL(error, "'%s' must be tcp:ADDRESS:PORT", target);
        }
        f->to.sin_family = AF_INET;
        f->to.sin_port = htons((uint16_t)port);
        r = slirp_add_guestfwd(f->slirp, from_guest, f, &f->server, f->port);
    } else {
        return FAIL(error, "target '%s' is not of the form cmd:COMMAND, unix:PATH or tcp:ADDRESS:PORT", target);
    }
    return r >= 0 || FAIL(error, "the address must be in the guest's network, not the gateway's or the name server's, "
                                 "and its port must be free");
}

struct user_guestfwd *user_guestfwd_create(Slirp *slirp, const char *rule, GError **error)
{
    return user_guestfwd_create_pipe(slirp, rule, NULL, NULL, error);
}

size_t user_guestfwd_room(struct user_guestfwd *f)
{
    return slirp_socket_can_recv(f->slirp, f->server, f->port);
}

void user_guestfwd_receive(struct user_guestfwd *f, const uint8_t *data, size_t size)
{
    slirp_socket_recv(f->slirp, f->server, f->port, data, (int)size);
}

struct user_guestfwd *user_guestfwd_create_pipe(Slirp *slirp, const char *rule,
                                                size_t (*write)(void *arg, const void *data, size_t size), void *arg,
                                                GError **error)
{
    const char *server = g_str_has_prefix(rule, "tcp:") ? rule + 4 : rule[0] == ':' ? rule + 1 : NULL;
    const char *dash = server != NULL ? strchr(server, '-') : NULL;
    struct user_guestfwd *f = g_new0(struct user_guestfwd, 1);
    f->slirp = slirp;
    f->fd = -1;
    f->write = write;
    f->arg = arg;
    f->out = g_byte_array_new();
    g_autofree char *place = dash != NULL ? g_strndup(server, (gsize)(dash - server)) : NULL;
    bool ok = (place != NULL && place_parse(place, &f->server, &f->port)) ||
              FAIL(error, "'%s' is not of the form tcp:SERVER:PORT-TARGET, such as tcp:10.0.2.100:80-cmd:COMMAND",
                   rule);
    if (!ok || !add(f, dash + 1, error)) {
        g_prefix_error(error, "guestfwd: ");
        user_guestfwd_destroy(f);
        return NULL;
    }
    return f;
}

void user_guestfwd_destroy(struct user_guestfwd *f)
{
    if (f != NULL) {
        disconnect(f);
        g_byte_array_unref(f->out);
        g_free(f);
    }
}
