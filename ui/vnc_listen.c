/*
 * The sockets of the VNC server.
 */
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ui/vnc_impl.h"

#define PORT_BASE 5900
#define DISPLAY_MAX (65535 - PORT_BASE)
#define BACKLOG 8
#define NAME_MAX_LENGTH 128

#define FAIL(error, code, ...) (g_set_error(error, G_IO_ERROR, g_io_error_from_errno(code), __VA_ARGS__), false)

char *vnc_socket_name(int fd, bool peer)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    char host[NAME_MAX_LENGTH], port[16];

    if ((peer ? getpeername(fd, (struct sockaddr *)&address, &size)
              : getsockname(fd, (struct sockaddr *)&address, &size)) < 0) {
        return g_strdup("unknown");
    }
    if (address.ss_family == AF_UNIX) {
        return g_strdup("unix");
    }
    if (getnameinfo((struct sockaddr *)&address, size, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return g_strdup("unknown");
    }
    return g_strdup_printf(address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

void vnc_listeners_close(struct vnc_listeners *listeners)
{
    while (listeners->count > 0) {
        close(listeners->fd[--listeners->count]);
    }
}

static bool listen_unix(struct vnc *vnc, const char *path, struct vnc_listeners *listeners, GError **error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd;

    if (path[0] == '\0' || strlen(path) >= sizeof(address.sun_path)) {
        return FAIL(error, EINVAL, "unix:%s: the path must have 1 to %zu bytes", path, sizeof(address.sun_path) - 1);
    }
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* One that is left over from a process that is gone is in the way; one that answers stays. */
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 && errno == ECONNREFUSED) {
        unlink(path);
    }
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, BACKLOG) < 0) {
        int code = errno;

        if (fd >= 0) {
            close(fd);
        }
        return FAIL(error, code, "unix:%s: %s", path, g_strerror(code));
    }
    listeners->fd[listeners->count++] = fd;
    vnc->socket_path = g_strdup(path);
    vnc->address = g_strdup_printf("unix:%s", path);
    return true;
}

/* Opens all addresses of the list with this port, or none; 0 or the error number. */
static int listen_port(const struct addrinfo *list, unsigned port, struct vnc_listeners *listeners)
{
    int code = EADDRNOTAVAIL, on = 1;

    for (const struct addrinfo *a = list; a != NULL && listeners->count < VNC_LISTENERS_MAX; a = a->ai_next) {
        struct sockaddr_storage address = {0};
        int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0) {
            code = errno;
            continue;
        }
        memcpy(&address, a->ai_addr, a->ai_addrlen);
        if (a->ai_family == AF_INET6) {
            ((struct sockaddr_in6 *)&address)->sin6_port = htons((uint16_t)port);
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
        } else {
            ((struct sockaddr_in *)&address)->sin_port = htons((uint16_t)port);
        }
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (bind(fd, (struct sockaddr *)&address, a->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
            code = errno;
            close(fd);
            if (code == EADDRINUSE) {
                vnc_listeners_close(listeners);
                return code;
            }
            continue; /* a family that this host does not have */
        }
        listeners->fd[listeners->count++] = fd;
    }
    return listeners->count > 0 ? 0 : code;
}

static bool is_loopback(const struct addrinfo *list)
{
    for (const struct addrinfo *a = list; a != NULL; a = a->ai_next) {
        if (a->ai_family == AF_INET6 ? !IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)a->ai_addr)->sin6_addr)
                                     : ntohl(((struct sockaddr_in *)a->ai_addr)->sin_addr.s_addr) >> 24 != 127) {
            return false;
        }
    }
    return true;
}

bool vnc_listen(struct vnc *vnc, const char *address, unsigned to, struct vnc_listeners *listeners, GError **error)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
    const char *colon = strrchr(address, ':');
    struct addrinfo *list;
    char *end;

    if (g_str_has_prefix(address, "unix:")) {
        return listen_unix(vnc, address + strlen("unix:"), listeners, error);
    }
    unsigned long first = colon != NULL ? strtoul(colon + 1, &end, 10) : 0;
    if (colon == NULL || !g_ascii_isdigit(colon[1]) || *end != '\0' || first > DISPLAY_MAX) {
        return FAIL(error, EINVAL, "'%s': must be [HOST]:N, N from 0 to %d (TCP port %d + N), unix:PATH or none", address,
                    DISPLAY_MAX, PORT_BASE);
    }
    g_autofree char *host = colon == address ? g_strdup("127.0.0.1") : g_strndup(address, (gsize)(colon - address));
    if (host[0] == '[' && g_str_has_suffix(host, "]")) {
        memmove(host, host + 1, strlen(host));
        host[strlen(host) - 1] = '\0';
    }
    int failed = getaddrinfo(host, NULL, &hints, &list);
    if (failed != 0) {
        return FAIL(error, EINVAL, "%s: %s", host, gai_strerror(failed));
    }
    int code = EADDRINUSE;
    for (unsigned long n = first; code == EADDRINUSE && n <= MAX(first, to) && n <= DISPLAY_MAX; n++) {
        code = listen_port(list, PORT_BASE + (unsigned)n, listeners);
    }
    vnc->is_public = !is_loopback(list);
    freeaddrinfo(list);
    if (code != 0) {
        return FAIL(error, code, "%s, port %lu: %s%s", host, PORT_BASE + first, g_strerror(code),
                    code == EADDRINUSE ? "; take another number, or add to=99" : "");
    }
    vnc->address = vnc_socket_name(listeners->fd[0], false);
    return true;
}
