/* Opening of the socket backend's sockets. See socket_impl.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/socket_impl.h"

#define FAIL(error, ...) (g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, __VA_ARGS__), false)

static bool fail_errno(const char *what, const char *text, GError **error)
{
    int code = errno;
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code), "%s=%s: %s", what, text, g_strerror(code));
    return false;
}

static bool host_parse(const char *what, const char *host, struct in_addr *address, GError **error)
{
    address->s_addr = htonl(INADDR_ANY);
    if (host[0] == '\0' || inet_pton(AF_INET, host, address) == 1) {
        return true;
    }
    const struct addrinfo hints = { .ai_family = AF_INET };
    struct addrinfo *found = NULL;
    int r = getaddrinfo(host, NULL, &hints, &found);
    if (r != 0) {
        return FAIL(error, "%s=: host '%s' is not known: %s", what, host, gai_strerror(r));
    }
    *address = ((struct sockaddr_in *)(void *)found->ai_addr)->sin_addr;
    freeaddrinfo(found);
    return true;
}

static bool address_parse(const char *what, const char *text, struct sockaddr_in *address, GError **error)
{
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    guint64 port = colon != NULL ? g_ascii_strtoull(colon + 1, &end, 10) : 0;
    memset(address, 0, sizeof(*address));
    address->sin_family = AF_INET;
    if (colon == NULL || end == colon + 1 || *end != '\0' || port < 1 || port > 65535) {
        return FAIL(error, "%s=%s: must be HOST:PORT, such as %s=127.0.0.1:1234", what, text, what);
    }
    address->sin_port = htons((uint16_t)port);
    g_autofree char *host = g_strndup(text, (gsize)(colon - text));
    return host_parse(what, host, &address->sin_addr, error);
}

static int new_socket(int type)
{
    int one = 1, fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    }
    return fd;
}

static bool open_listen(const struct net_socket_config *config, struct socket_ends *ends, GError **error)
{
    struct sockaddr_in at;
    if (!address_parse("listen", config->listen, &at, error)) {
        return false;
    }
    ends->stream = true;
    ends->listener = new_socket(SOCK_STREAM | SOCK_NONBLOCK);
    return (ends->listener >= 0 && bind(ends->listener, (struct sockaddr *)&at, sizeof(at)) == 0 &&
            listen(ends->listener, 1) == 0) ||
           fail_errno("listen", config->listen, error);
}

static bool open_connect(const struct net_socket_config *config, struct socket_ends *ends, GError **error)
{
    struct sockaddr_in to;
    int one = 1;
    if (!address_parse("connect", config->connect, &to, error)) {
        return false;
    }
    ends->stream = true;
    ends->fd = new_socket(SOCK_STREAM);
    if (ends->fd < 0 || connect(ends->fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        return fail_errno("connect", config->connect, error);
    }
    setsockopt(ends->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return true;
}

/* Two sockets: the one in the group gets what all send, the other sends, so that its address tells our own frames. */
static bool open_mcast(const struct net_socket_config *config, struct socket_ends *ends, GError **error)
{
    struct ip_mreqn group = { 0 };
    socklen_t size = sizeof(ends->own);
    if (!address_parse("mcast", config->mcast, &ends->to, error) ||
        (config->localaddr != NULL && !host_parse("localaddr", config->localaddr, &group.imr_address, error))) {
        return false;
    }
    if (!IN_MULTICAST(ntohl(ends->to.sin_addr.s_addr))) {
        return FAIL(error, "mcast=%s: must be a multicast address, such as mcast=230.0.0.1:1234", config->mcast);
    }
    group.imr_multiaddr = ends->to.sin_addr;
    ends->fd = new_socket(SOCK_DGRAM);
    ends->out = new_socket(SOCK_DGRAM);
    int loop = 1;
    if (ends->fd < 0 || ends->out < 0 || bind(ends->fd, (struct sockaddr *)&ends->to, sizeof(ends->to)) != 0 ||
        setsockopt(ends->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)) != 0 ||
        setsockopt(ends->out, IPPROTO_IP, IP_MULTICAST_LOOP, &loop, sizeof(loop)) != 0 ||
        (config->localaddr != NULL &&
         setsockopt(ends->out, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof(group)) != 0) ||
        connect(ends->out, (struct sockaddr *)&ends->to, sizeof(ends->to)) != 0 ||
        getsockname(ends->out, (struct sockaddr *)&ends->own, &size) != 0) {
        return fail_errno("mcast", config->mcast, error);
    }
    ends->own_filter = true;
    ends->to.sin_port = 0;
    return true;
}

static bool open_udp(const struct net_socket_config *config, struct socket_ends *ends, GError **error)
{
    struct sockaddr_in at;
    if (config->localaddr == NULL) {
        return FAIL(error, "udp=%s needs localaddr=HOST:PORT, where the peer sends to", config->udp);
    }
    if (!address_parse("udp", config->udp, &ends->to, error) ||
        !address_parse("localaddr", config->localaddr, &at, error)) {
        return false;
    }
    ends->fd = new_socket(SOCK_DGRAM);
    return (ends->fd >= 0 && bind(ends->fd, (struct sockaddr *)&at, sizeof(at)) == 0) ||
           fail_errno("localaddr", config->localaddr, error);
}

static bool open_fd(const struct net_socket_config *config, struct socket_ends *ends, GError **error)
{
    char *end;
    guint64 n = g_ascii_strtoull(config->fd, &end, 10);
    int type = 0;
    socklen_t size = sizeof(type);
    if (end == config->fd || *end != '\0' || n > G_MAXINT ||
        getsockopt((int)n, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
        return FAIL(error, "fd=%s: is not the number of an open socket", config->fd);
    }
    ends->fd = (int)n;
    ends->stream = type == SOCK_STREAM;
    return true;
}

bool socket_open(const struct net_socket_config *config, struct socket_ends *ends, GError **error)
{
    const struct {
        const char *value;
        bool (*open)(const struct net_socket_config *, struct socket_ends *, GError **);
    } ways[] = {
        { config->listen, open_listen }, { config->connect, open_connect }, { config->mcast, open_mcast },
        { config->udp, open_udp },       { config->fd, open_fd },
    };
    unsigned given = 0, way = 0;
    memset(ends, 0, sizeof(*ends));
    ends->listener = ends->fd = ends->out = -1;
    for (unsigned i = 0; i < G_N_ELEMENTS(ways); i++) {
        if (ways[i].value != NULL) {
            given++;
            way = i;
        }
    }
    if (given != 1) {
        return FAIL(error, "socket: exactly one of listen=, connect=, mcast=, udp= and fd= is needed");
    }
    if (!ways[way].open(config, ends, error)) {
        socket_close(ends);
        return false;
    }
    if (ends->fd >= 0) {
        fcntl(ends->fd, F_SETFL, fcntl(ends->fd, F_GETFL) | O_NONBLOCK);
    }
    return true;
}

void socket_close(struct socket_ends *ends)
{
    int *fds[] = { &ends->listener, &ends->fd, &ends->out };
    for (unsigned i = 0; i < G_N_ELEMENTS(fds); i++) {
        if (*fds[i] >= 0) {
            close(*fds[i]);
            *fds[i] = -1;
        }
    }
}
