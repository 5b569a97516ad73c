/*
 * User networking. See user.h.
 *
 * One GSource carries everything: its prepare asks libslirp which descriptors to watch and for how
 * long, its dispatch hands the results back and takes frames of the guest from the port. The card's
 * thread asks for that with a flag and a wake-up of the loop. libslirp's timers are sources of
 * their own.
 *
 * Back-pressure: while the queue to the guest is crowded the host's sockets are not read and the
 * guest's frames (whose acknowledgements would bring more) stay in their queue. What libslirp makes
 * all the same, after the queue is really full, is lost as on a wire.
 */
#include "net/user.h"

#include <arpa/inet.h>
#include <errno.h>
#include <slirp/libslirp.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "net/user_guestfwd.h"
#include "net/user_impl.h"
#include "net/user_merge.h"
#include "net/user_poll.h"

#define NS_PER_US       1000
#define CONFIG_VERSION  4

struct net_user {
    Slirp *slirp;
    struct net_port *port;
    GSource *source; /* a struct user_source */
    struct user_poll *poll;
    gpointer poll_tag; /* of its descriptor in the source */
    struct user_merge merge;
    GPtrArray *guestfwds; /* struct user_guestfwd * */
    gint pending;    /* atomic: the port or libslirp wants a round */
    gint64 deadline; /* libslirp's next timeout, in us as g_source_get_time(); -1 = none */
    bool crowded;    /* nothing may go to the guest now */
};

struct user_source {
    GSource source;
    struct net_user *user;
};

/* ---- descriptors ---- */

static const struct {
    int slirp;
    uint32_t epoll;
} event_names[] = {
    {SLIRP_POLL_IN, EPOLLIN},   {SLIRP_POLL_OUT, EPOLLOUT}, {SLIRP_POLL_PRI, EPOLLPRI},
    {SLIRP_POLL_ERR, EPOLLERR}, {SLIRP_POLL_HUP, EPOLLHUP},
};

static int add_poll(int fd, int events, void *opaque)
{
    struct net_user *user = opaque;
    uint32_t wanted = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(event_names); i++) {
        wanted |= events & event_names[i].slirp ? event_names[i].epoll : 0;
    }
    if (user->crowded) {
        wanted &= ~(uint32_t)(EPOLLIN | EPOLLPRI);
    }
    return user_poll_add(user->poll, fd, wanted);
}

static int get_revents(int entry, void *opaque)
{
    struct net_user *user = opaque;
    uint32_t ready = user_poll_ready(user->poll, entry);
    int events = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(event_names); i++) {
        events |= ready & event_names[i].epoll ? event_names[i].slirp : 0;
    }
    return events;
}

static gboolean source_prepare(GSource *source, gint *timeout)
{
    struct net_user *user = ((struct user_source *)source)->user;
    uint32_t ms = UINT32_MAX;
    user->crowded = net_port_crowded(user->port);
    user_poll_begin(user->poll);
    slirp_pollfds_fill(user->slirp, &ms, add_poll, user);
    user_poll_end(user->poll);
    *timeout = ms > G_MAXINT ? -1 : (gint)ms;
    user->deadline = *timeout < 0 ? -1 : g_source_get_time(source) + *timeout * (gint64)1000;
    return g_atomic_int_get(&user->pending) != 0;
}

/* libslirp finds its own timeouts when it is called. */
static gboolean source_check(GSource *source)
{
    struct net_user *user = ((struct user_source *)source)->user;
    return g_atomic_int_get(&user->pending) != 0 ||
           g_source_query_unix_fd(source, user->poll_tag) != 0 ||
           (user->deadline >= 0 && g_source_get_time(source) >= user->deadline);
}

static void flush_merged(struct net_user *user)
{
    size_t size;
    const uint8_t *frame = user_merge_take(&user->merge, &size);
    if (size > 0) {
        slirp_input(user->slirp, frame, (int)size);
    }
}

static gboolean source_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    struct net_user *user = ((struct user_source *)source)->user;
    g_atomic_int_set(&user->pending, 0);
    user_poll_fetch(user->poll);
    slirp_pollfds_poll(user->slirp, 0, get_revents, user);
    net_port_poll(user->port);
    flush_merged(user);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = {source_prepare, source_check, source_dispatch,
                                    NULL,           NULL,         NULL};

/* Any thread: have a round soon. */
static void want_round(struct net_user *user)
{
    if (g_atomic_int_compare_and_exchange(&user->pending, 0, 1) &&
        !g_main_context_is_owner(g_main_context_default())) {
        g_main_context_wakeup(NULL);
    }
}

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
static void register_fd(int fd, void *opaque)
{
}

static void unregister_fd(int fd, void *opaque)
{
    user_poll_forget(((struct net_user *)opaque)->poll, fd);
}

static void notify(void *opaque)
{
    want_round(opaque);
}

static const SlirpCb callbacks = {
    .send_packet = send_packet,
    .guest_error = guest_error,
    .clock_get_ns = clock_get_ns,
    .timer_new = timer_new,
    .timer_free = timer_free,
    .timer_mod = timer_mod,
    .register_poll_fd = register_fd,
    .unregister_poll_fd = unregister_fd,
    .notify = notify,
};

/* ---- port ---- */

static void port_schedule(void *owner)
{
    want_round(owner);
}

static enum net_result port_receive(void *owner, const uint8_t *frame, size_t size)
{
    struct net_user *user = owner;
    if (net_port_crowded(user->port)) {
        return NET_WAIT;
    }
    if (!user_merge_add(&user->merge, frame, size)) {
        flush_merged(user);
        if (!user_merge_add(&user->merge, frame, size)) {
            slirp_input(user->slirp, frame, (int)size);
        }
    }
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
    out->vprefix_addr6 = net->prefix6;
    out->vprefix_len = net->prefix6_len;
    out->vhost6 = net->host6;
    out->vnameserver6 = net->dns6;
    out->vdnssearch = (const char **)config->dnssearch;
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
    user->guestfwds = g_ptr_array_new_with_free_func((GDestroyNotify)user_guestfwd_destroy);
    user->poll = user_poll_create();
    if (user->poll == NULL) {
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "epoll: %s",
                    g_strerror(errno));
        net_user_destroy(user);
        return NULL;
    }
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
    for (unsigned i = 0; config->guestfwd != NULL && config->guestfwd[i] != NULL; i++) {
        struct user_guestfwd *forward = user_guestfwd_create(user->slirp, config->guestfwd[i], error);
        if (forward == NULL) {
            net_user_destroy(user);
            return NULL;
        }
        g_ptr_array_add(user->guestfwds, forward);
    }
    user->poll_tag = g_source_add_unix_fd(user->source, user_poll_fd(user->poll), G_IO_IN);
    /* Else each dispatch would take the descriptor out and put it in again, which wakes the loop.
     */
    g_source_set_can_recurse(user->source, TRUE);
    g_source_attach(user->source, NULL);
    return user;
}

struct user_guestfwd *net_user_add_pipe(struct net_user *user, const char *rule,
                                        size_t (*write)(void *arg, const void *data, size_t size), void *arg,
                                        GError **error)
{
    struct user_guestfwd *pipe = user_guestfwd_create_pipe(user->slirp, rule, write, arg, error);
    if (pipe != NULL) {
        g_ptr_array_add(user->guestfwds, pipe);
    }
    return pipe;
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
    g_ptr_array_unref(user->guestfwds);
    if (user->slirp != NULL) {
        slirp_cleanup(user->slirp);
    }
    user_poll_destroy(user->poll);
    g_free(user);
}

bool net_user_add_forward(struct net_user *user, const char *rule, GError **error)
{
    struct user_forward f;
    if (!user_forward_parse(rule, true, &f, error)) {
        return false;
    }
    if (slirp_add_hostfwd(user->slirp, f.udp, f.host, f.host_port, f.guest, f.guest_port) < 0) {
        int code = errno;
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code),
                    "Could not set up host forwarding rule '%s': %s%s", rule, g_strerror(code),
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
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "host forwarding rule for %s not found",
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

const char *net_user_ping_limit(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP);
    if (fd < 0) {
        return "the host forbids unprivileged ICMP sockets; as root: "
               "sysctl -w net.ipv4.ping_group_range='0 2147483647'";
    }
    close(fd);
    return NULL;
}
