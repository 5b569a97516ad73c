/*
 * The backend that is a stream socket: unix, tcp, or tcp with the telnet protocol
 * (chardev/telnet.h); server or client. A server serves one peer at a time: while it is there
 * nobody else is accepted, and when it leaves the next one may come. A client whose server goes
 * away stays closed. TCP binds to the loopback interface unless a host is named.
 */
#include "chardev/backends_impl.h"
#include "chardev/stream.h"
#include "chardev/telnet.h"

#include <errno.h>
#include <glib-unix.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct socket_backend {
    struct stream stream;
    enum socket_kind kind;
    struct telnet telnet;
    int listener; /* -1: client */
    guint accept_watch;
    char *unlink_path; /* owned; of a unix server */
};

static void watch_listener(struct socket_backend *self);

static enum chardev_peer socket_peer(struct chardev *chr)
{
    struct socket_backend *self = (struct socket_backend *)chr;
    return self->kind == SOCKET_TELNET ? CHARDEV_PEER_TERMINAL : CHARDEV_PEER_OTHER;
}

static size_t socket_decode(struct stream *stream, uint8_t *data, size_t n)
{
    struct socket_backend *self = (struct socket_backend *)stream;
    unsigned breaks = 0;
    if (self->kind != SOCKET_TELNET) {
        return n;
    }
    size_t left = telnet_decode(&self->telnet, data, n, &breaks);
    while (breaks-- > 0) {
        chardev_deliver_event(&stream->base, CHARDEV_BREAK);
    }
    return left;
}

static void socket_hung_up(struct stream *stream)
{
    struct socket_backend *self = (struct socket_backend *)stream;
    chardev_deliver_event(&stream->base, CHARDEV_CLOSED);
    if (self->listener >= 0) {
        watch_listener(self);
    }
}

static void socket_destroy(struct stream *stream)
{
    struct socket_backend *self = (struct socket_backend *)stream;
    if (self->accept_watch != 0) {
        g_source_remove(self->accept_watch);
    }
    if (self->listener >= 0) {
        close(self->listener);
    }
    if (self->unlink_path != NULL) {
        unlink(self->unlink_path);
        g_free(self->unlink_path);
    }
}

static const struct stream_ops socket_stream_ops = {
    .decode = socket_decode,
    .hung_up = socket_hung_up,
    .destroy = socket_destroy,
};

static const struct chardev_ops socket_ops = {
    .write = stream_write,
    .resume = stream_resume,
    .peer = socket_peer,
    .destroy = stream_destroy,
};

/* Takes over a connected socket. */
static void connected(struct socket_backend *self, int fd)
{
    int one = 1;
    stream_set_nonblocking(fd);
    if (self->kind != SOCKET_UNIX) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
    if (self->kind == SOCKET_TELNET) {
        self->telnet = (struct telnet){0};
        self->stream.escape = TELNET_IAC;
        /* A new connection has room for these few bytes. */
        (void)!send(fd, telnet_hello, telnet_hello_size, MSG_NOSIGNAL);
    }
    stream_open(&self->stream, fd, fd);
    chardev_deliver_event(&self->stream.base, CHARDEV_OPENED); /* the front may write at once */
}

static gboolean can_accept(gint listener, GIOCondition condition, gpointer arg)
{
    struct socket_backend *self = arg;
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        return G_SOURCE_CONTINUE;
    }
    self->accept_watch = 0;
    connected(self, fd);
    return G_SOURCE_REMOVE;
}

static void watch_listener(struct socket_backend *self)
{
    self->accept_watch = g_unix_fd_add(self->listener, G_IO_IN, can_accept, self);
}

static bool fail(GError **error, const char *what, int err)
{
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(err), "cannot %s: %s", what,
                strerror(err));
    return false;
}

/* Makes the socket listen or connect; *fd is -1 on failure. */
static bool use_address(int *fd, const struct sockaddr *address, socklen_t size, bool server,
                        GError **error)
{
    int one = 1;
    *fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd < 0) {
        return fail(error, "make a socket", errno);
    }
    if (server) {
        setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    }
    bool done = server ? bind(*fd, address, size) == 0 && listen(*fd, 1) == 0
                       : connect(*fd, address, size) == 0;
    if (!done) {
        int err = errno;
        close(*fd);
        *fd = -1;
        return fail(error, server ? "listen there" : "connect", err);
    }
    return true;
}

/* A path where a server that is gone has left its socket may be taken over. */
static void remove_stale(const struct sockaddr_un *address)
{
    struct stat st;
    if (lstat(address->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode)) {
        return;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
            errno == ECONNREFUSED) {
            unlink(address->sun_path);
        }
        close(fd);
    }
}

static bool open_unix_socket(int *fd, const char *path, bool server, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        return fail(error, "use a path as long as this one", ENAMETOOLONG);
    }
    strcpy(address.sun_path, path);
    if (server) {
        remove_stale(&address);
    }
    return use_address(fd, (const struct sockaddr *)&address, sizeof(address), server, error);
}

static bool open_tcp_socket(int *fd, const char *text, bool server, GError **error)
{
    const char *colon = strrchr(text, ':');
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC}, *found;
    if (colon == NULL || colon[1] == '\0') {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "the address must be HOST:PORT or :PORT");
        return false;
    }
    g_autofree char *host = g_strndup(text, (size_t)(colon - text));
    size_t n = strlen(host);
    if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
        memmove(host, host + 1, n - 2);
        host[n - 2] = '\0';
    }
    int r = getaddrinfo(host[0] != '\0' ? host : "127.0.0.1", colon + 1, &hints, &found);
    if (r != 0) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s", gai_strerror(r));
        return false;
    }
    bool done = false;
    for (struct addrinfo *a = found; a != NULL && !done; a = a->ai_next) {
        g_clear_error(error);
        done = use_address(fd, a->ai_addr, a->ai_addrlen, server, error);
    }
    freeaddrinfo(found);
    return done;
}

/* Port of a TCP socket, for the label: the one asked for may have been 0. */
static unsigned port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
        return 0;
    }
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

static char *make_label(enum socket_kind kind, const char *address, bool server, int fd)
{
    static const char *const kinds[] = {"unix", "tcp", "telnet"};
    const char *suffix = server ? ",server" : "";
    if (kind == SOCKET_UNIX || !server) {
        return g_strdup_printf("%s:%s%s", kinds[kind], address, suffix);
    }
    int host = (int)(strrchr(address, ':') - address);
    return g_strdup_printf("%s:%.*s:%u%s", kinds[kind], host > 0 ? host : 9,
                           host > 0 ? address : "127.0.0.1", port_of(fd), suffix);
}

struct chardev *chardev_socket_create(enum socket_kind kind, const char *address, bool server,
                                      bool wait, GError **error)
{
    int fd = -1;
    bool done = kind == SOCKET_UNIX ? open_unix_socket(&fd, address, server, error)
                                    : open_tcp_socket(&fd, address, server, error);
    if (!done) {
        return NULL;
    }
    g_autofree char *label = make_label(kind, address, server, fd);
    struct socket_backend *self = g_new0(struct socket_backend, 1);
    stream_init(&self->stream, &socket_stream_ops, &socket_ops, label, false);
    self->kind = kind;
    self->listener = server ? fd : -1;
    if (server && kind == SOCKET_UNIX) {
        self->unlink_path = g_strdup(address);
    }
    if (!server) {
        connected(self, fd);
    } else if (wait) {
        g_printerr("vmm: waiting for connection on: %s\n", label);
        int peer;
        do {
            peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        } while (peer < 0 && (errno == EINTR || errno == ECONNABORTED));
        if (peer >= 0) {
            connected(self, peer);
        }
    } else {
        watch_listener(self);
    }
    return &self->stream.base;
}
