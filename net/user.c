/*
 * User networking. See user.h.
 *
 * One GSource carries everything: its prepare asks libslirp which descriptors to poll and for how
 * long, its dispatch hands the results back and takes frames of the guest from the port. The card's
 * thread wakes it by setting its ready time, which is thread-safe. libslirp's timers are sources of
 * their own.
 *
 * Back-pressure: while the queue to the guest is crowded the host's sockets are not read and the
 * guest's frames (whose acknowledgements would bring more) stay in their queue. What libslirp makes
 * all the same, after the queue is really full, is lost as on a wire.
 */
#include "net/user.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <slirp/libslirp.h>
#include <string.h>

#include "net/user_impl.h"

#define NS_PER_US       1000
#define CONFIG_VERSION  4
#define IPV6_PREFIX     "fec0::"
#define IPV6_HOST       "fec0::2"
#define IPV6_DNS        "fec0::3"
#define IPV6_PREFIX_LEN 64

/* A descriptor that libslirp wants polled. */
struct user_poll {
    int fd;
    short events; /* POLLIN .. */
    gpointer tag;
};

struct net_user {
    Slirp *slirp;
    struct net_port *port;
    GSource *source; /* a struct user_source */
    GArray *polls;   /* struct user_poll, as libslirp numbered them in the last prepare */
    GArray *wanted;  /* the same, being collected */
    bool crowded;    /* nothing may go to the guest now */
};

struct user_source {
    GSource source;
    struct net_user *user;
};

/* ---- descriptors ---- */

static short events_of(int slirp_events)
{
    return (short)((slirp_events & SLIRP_POLL_IN ? POLLIN : 0) |
                   (slirp_events & SLIRP_POLL_OUT ? POLLOUT : 0) |
                   (slirp_events & SLIRP_POLL_PRI ? POLLPRI : 0) |
                   (slirp_events & SLIRP_POLL_ERR ? POLLERR : 0) |
                   (slirp_events & SLIRP_POLL_HUP ? POLLHUP : 0));
}

static int slirp_events_of(int events)
{
    return (events & POLLIN ? SLIRP_POLL_IN : 0) | (events & POLLOUT ? SLIRP_POLL_OUT : 0) |
           (events & POLLPRI ? SLIRP_POLL_PRI : 0) | (events & POLLERR ? SLIRP_POLL_ERR : 0) |
           (events & POLLHUP ? SLIRP_POLL_HUP : 0);
}

static int add_poll(int fd, int events, void *opaque)
{
    struct net_user *user = opaque;
    struct user_poll poll = {.fd = fd, .events = events_of(events)};
    if (user->crowded) {
        poll.events = (short)(poll.events & ~(POLLIN | POLLPRI));
    }
    g_array_append_val(user->wanted, poll);
    return (int)user->wanted->len - 1;
}

static int get_revents(int index, void *opaque)
{
    struct net_user *user = opaque;
    if (index < 0 || (guint)index >= user->polls->len) {
        return 0;
    }
    const struct user_poll *poll = &g_array_index(user->polls, struct user_poll, index);
    int events = poll->tag != NULL ? (int)g_source_query_unix_fd(user->source, poll->tag) : 0;
    return slirp_events_of(events & (poll->events | POLLERR | POLLHUP));
}

/* Makes the source poll what `wanted` says, changing as little as possible. */
static void sync_polls(struct net_user *user)
{
    guint kept = 0;
    for (; kept < user->wanted->len && kept < user->polls->len; kept++) {
        struct user_poll *old = &g_array_index(user->polls, struct user_poll, kept);
        struct user_poll *new = &g_array_index(user->wanted, struct user_poll, kept);
        if (old->fd != new->fd || (old->events == 0) != (new->events == 0)) {
            break;
        }
        if (old->events != new->events) {
            g_source_modify_unix_fd(user->source, old->tag, (GIOCondition) new->events);
        }
        new->tag = old->tag;
    }
    for (guint i = kept; i < user->polls->len; i++) {
        struct user_poll *old = &g_array_index(user->polls, struct user_poll, i);
        if (old->tag != NULL) {
            g_source_remove_unix_fd(user->source, old->tag);
        }
    }
    for (guint i = kept; i < user->wanted->len; i++) {
        struct user_poll *new = &g_array_index(user->wanted, struct user_poll, i);
        /* Without any event a hung-up socket would still wake the loop, again and again. */
        new->tag = new->events != 0
                       ? g_source_add_unix_fd(user->source, new->fd, (GIOCondition) new->events)
                       : NULL;
    }
    GArray *swap = user->polls;
    user->polls = user->wanted;
    user->wanted = swap;
    g_array_set_size(user->wanted, 0);
}

static gboolean source_prepare(GSource *source, gint *timeout)
{
    struct net_user *user = ((struct user_source *)source)->user;
    uint32_t ms = UINT32_MAX;
    user->crowded = net_port_crowded(user->port);
    slirp_pollfds_fill(user->slirp, &ms, add_poll, user);
    sync_polls(user);
    *timeout = ms > G_MAXINT ? -1 : (gint)ms;
    return FALSE;
}

/* libslirp wants to be called after every sleep: its own timeouts are found there. */
static gboolean source_check(GSource *source)
{
    return TRUE;
}

static gboolean source_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    struct net_user *user = ((struct user_source *)source)->user;
    g_source_set_ready_time(source, -1);
    slirp_pollfds_poll(user->slirp, 0, get_revents, user);
    net_port_poll(user->port);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = {source_prepare, source_check, source_dispatch,
                                    NULL,           NULL,         NULL};

/* ---- libslirp's callbacks ---- */

static ssize_t send_packet(const void *frame, size_t size, void *opaque)
{
    struct net_user *user = opaque;
    if (size <= NET_FRAME_MAX) {
        net_port_send(user->port, frame, size);
    }
    return (ssize_t)size;
}

static void guest_error(const char *message, void *opaque)
{
    g_debug("user network: %s", message);
}

static int64_t clock_get_ns(void *opaque)
{
    return g_get_monotonic_time() * NS_PER_US;
}

struct user_timer {
    GSource source;
    SlirpTimerCb fn;
    void *arg;
};

static gboolean timer_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    struct user_timer *timer = (struct user_timer *)source;
    g_source_set_ready_time(source, -1);
    timer->fn(timer->arg);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs timer_funcs = {NULL, NULL, timer_dispatch, NULL, NULL, NULL};

static void *timer_new(SlirpTimerCb fn, void *arg, void *opaque)
{
    GSource *source = g_source_new(&timer_funcs, sizeof(struct user_timer));
    struct user_timer *timer = (struct user_timer *)source;
    timer->fn = fn;
    timer->arg = arg;
    g_source_attach(source, NULL);
    return timer;
}

static void timer_free(void *timer, void *opaque)
{
    g_source_destroy(timer);
    g_source_unref(timer);
}

static void timer_mod(void *timer, int64_t expire_ms, void *opaque)
{
    g_source_set_ready_time(timer, expire_ms * 1000);
}

/* Every descriptor is named again in each prepare. */
static void no_poll_fd(int fd, void *opaque)
{
}

static void notify(void *opaque)
{
    struct net_user *user = opaque;
    if (user->source != NULL) {
        g_source_set_ready_time(user->source, 0);
    }
}

static const SlirpCb callbacks = {
    .send_packet = send_packet,
    .guest_error = guest_error,
    .clock_get_ns = clock_get_ns,
    .timer_new = timer_new,
    .timer_free = timer_free,
    .timer_mod = timer_mod,
    .register_poll_fd = no_poll_fd,
    .unregister_poll_fd = no_poll_fd,
    .notify = notify,
};

/* ---- port ---- */

static void port_schedule(void *owner)
{
    g_source_set_ready_time(((struct net_user *)owner)->source, 0);
}

static enum net_result port_receive(void *owner, const uint8_t *frame, size_t size)
{
    struct net_user *user = owner;
    if (net_port_crowded(user->port)) {
        return NET_WAIT;
    }
    slirp_input(user->slirp, frame, (int)size);
    return NET_SENT;
}

static void port_resume(void *owner)
{
    net_port_resume(((struct net_user *)owner)->port);
}

static const struct net_port_ops port_ops = {
    .schedule = port_schedule,
    .receive = port_receive,
    .resume = port_resume,
};

/* ---- the backend ---- */

static void slirp_config(const struct net_user_config *config, const struct user_net *net,
                         SlirpConfig *out)
{
    memset(out, 0, sizeof(*out));
    out->version = CONFIG_VERSION;
    out->restricted = config->restricted;
    out->in_enabled = !config->no_ipv4;
    out->vnetwork = net->network;
    out->vnetmask = net->mask;
    out->vhost = net->host;
    out->vdhcp_start = net->dhcp;
    out->vnameserver = net->dns;
    out->in6_enabled = !config->no_ipv6;
    inet_pton(AF_INET6, IPV6_PREFIX, &out->vprefix_addr6);
    out->vprefix_len = IPV6_PREFIX_LEN;
    inet_pton(AF_INET6, IPV6_HOST, &out->vhost6);
    inet_pton(AF_INET6, IPV6_DNS, &out->vnameserver6);
    out->vhostname = config->hostname;
    out->vdomainname = config->domainname;
    out->tftp_path = config->tftp;
    out->bootfile = config->bootfile;
    out->tftp_server_name = config->tftp_server_name;
}

struct net_user *net_user_create(const struct net_user_config *config, struct net_port *port,
                                 GError **error)
{
    struct user_net net;
    SlirpConfig slirp;
    if (config->tftp != NULL && !g_file_test(config->tftp, G_FILE_TEST_IS_DIR)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOTDIR, "tftp=: '%s' is no folder",
                    config->tftp);
        return NULL;
    }
    if (!user_net_parse(config, &net, error)) {
        return NULL;
    }
    struct net_user *user = g_new0(struct net_user, 1);
    user->port = port;
    user->polls = g_array_new(FALSE, TRUE, sizeof(struct user_poll));
    user->wanted = g_array_new(FALSE, TRUE, sizeof(struct user_poll));
    slirp_config(config, &net, &slirp);
    user->slirp = slirp_new(&slirp, &callbacks, user);
    if (user->slirp == NULL) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                    "libslirp %s refused the settings", slirp_version_string());
        net_user_destroy(user);
        return NULL;
    }
    user->source = g_source_new(&source_funcs, sizeof(struct user_source));
    g_source_set_static_name(user->source, "user network");
    ((struct user_source *)user->source)->user = user;
    net_port_attach(port, &port_ops, user);
    for (unsigned i = 0; config->hostfwd != NULL && config->hostfwd[i] != NULL; i++) {
        if (!net_user_add_forward(user, config->hostfwd[i], error)) {
            net_user_destroy(user);
            return NULL;
        }
    }
    g_source_attach(user->source, NULL);
    return user;
}

void net_user_destroy(struct net_user *user)
{
    if (user == NULL) {
        return;
    }
    if (user->source != NULL) {
        net_port_detach(user->port);
        g_source_destroy(user->source);
        g_source_unref(user->source);
        user->source = NULL;
    }
    if (user->slirp != NULL) {
        slirp_cleanup(user->slirp);
    }
    g_array_unref(user->polls);
    g_array_unref(user->wanted);
    g_free(user);
}

bool net_user_add_forward(struct net_user *user, const char *rule, GError **error)
{
    struct user_forward f;
    if (!user_forward_parse(rule, true, &f, error)) {
        g_prefix_error(error, "hostfwd: ");
        return false;
    }
    if (slirp_add_hostfwd(user->slirp, f.udp, f.host, f.host_port, f.guest, f.guest_port) < 0) {
        int code = errno;
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code),
                    "hostfwd: cannot listen for '%s': %s%s", rule, g_strerror(code),
                    code == EACCES ? " (ports below 1024 are the administrator's)" : "");
        return false;
    }
    return true;
}

bool net_user_remove_forward(struct net_user *user, const char *rule, GError **error)
{
    struct user_forward f;
    if (!user_forward_parse(rule, false, &f, error)) {
        return false;
    }
    if (slirp_remove_hostfwd(user->slirp, f.udp, f.host, f.host_port) < 0) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "there is no forward of '%s'",
                    rule);
        return false;
    }
    return true;
}

void net_user_print(struct net_user *user, GString *out)
{
    char *text = slirp_connection_info(user->slirp);
    g_string_append(out, text);
    g_free(text);
}
