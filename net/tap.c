/*
 * Tap devices. See tap.h. After the kernel's Documentation/networking/tuntap.rst. Frames go one a read and write, without
 * the packet information and without virtio headers, so that the card's offloads are done by the card.
 */
#include "net/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "net/wake.h"

#define TUN_PATH "/dev/net/tun"
#define BATCH    64 /* frames read at once */

struct net_tap {
    struct net_port *port;
    struct net_wake *wake;
    int fd;
    char name[IFNAMSIZ];
    char *script, *downscript; /* NULL: none */
    guint in_watch, out_watch;
};

/* ---- frames ---- */

static gboolean readable(gint fd, GIOCondition condition, gpointer data)
{
    struct net_tap *tap = data;
    uint8_t frame[NET_FRAME_MAX];
    for (unsigned i = 0; i < BATCH; i++) {
        if (net_port_crowded(tap->port)) {
            tap->in_watch = 0;
            return G_SOURCE_REMOVE; /* until resume */
        }
        ssize_t n = read(tap->fd, frame, sizeof(frame));
        if (n < 0) {
            if (errno == EAGAIN || errno == EINTR) {
                break;
            }
            tap->in_watch = 0; /* the device is gone */
            return G_SOURCE_REMOVE;
        }
        if (n >= (ssize_t)NET_HEADER_SIZE) {
            net_port_send(tap->port, frame, (size_t)n);
        }
    }
    return G_SOURCE_CONTINUE;
}

static gboolean writable(gint fd, GIOCondition condition, gpointer data)
{
    struct net_tap *tap = data;
    tap->out_watch = 0;
    net_port_resume(tap->port);
    return G_SOURCE_REMOVE;
}

static enum net_result port_receive(void *owner, const uint8_t *frame, size_t size)
{
    struct net_tap *tap = owner;
    if (write(tap->fd, frame, size) < 0 && errno == EAGAIN) {
        if (tap->out_watch == 0) {
            tap->out_watch = g_unix_fd_add(tap->fd, G_IO_OUT, writable, tap);
        }
        return NET_WAIT;
    }
    return NET_SENT; /* also if the interface is down: nobody is there */
}

static void poll_port(void *arg)
{
    net_port_poll(((struct net_tap *)arg)->port);
}

static void port_schedule(void *owner)
{
    net_wake_up(((struct net_tap *)owner)->wake);
}

static void port_resume(void *owner)
{
    struct net_tap *tap = owner;
    if (tap->in_watch == 0) {
        tap->in_watch = g_unix_fd_add(tap->fd, G_IO_IN, readable, tap);
    }
}

static const struct net_port_ops port_ops = {
    .schedule = port_schedule,
    .receive = port_receive,
    .resume = port_resume,
};

/* ---- opening ---- */

/* opened: the kernel's device could be opened, it refuses the interface. */
static void explain(const struct net_tap_config *config, int code, bool opened, GError **error)
{
    const char *what = opened ? "cannot take" : "cannot open " TUN_PATH " for";
    const char *name = config->ifname != NULL ? config->ifname : "tap0";
    if (code == ENOENT) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT,
                    "tap: there is no " TUN_PATH "; as root: modprobe tun");
    } else if (code == EPERM || code == EACCES) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_PERM,
                    "tap: %s '%s': %s; create it once as root and give it to you: %sip tuntap add dev %s mode tap user %s "
                    "&& ip addr add 192.168.77.1/24 dev %s && ip link set dev %s up; then use ifname=%s,script=no",
                    what, name, g_strerror(code), opened ? "" : "chmod 0666 " TUN_PATH " && ", name, g_get_user_name(),
                    name, name, name);
    } else {
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code), "tap: %s '%s': %s%s", what, name,
                    g_strerror(code), code == EBUSY ? " (another program uses it)" : "");
    }
}

static int open_device(const struct net_tap_config *config, char name[IFNAMSIZ], GError **error)
{
    struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
    if (config->ifname != NULL && strlen(config->ifname) >= IFNAMSIZ) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "ifname=%s: at most %d characters",
                    config->ifname, IFNAMSIZ - 1);
        return -1;
    }
    g_strlcpy(request.ifr_name, config->ifname != NULL ? config->ifname : "tap%d", IFNAMSIZ);
    int fd = open(TUN_PATH, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) {
        explain(config, errno, fd >= 0, error);
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    g_strlcpy(name, request.ifr_name, IFNAMSIZ);
    return fd;
}

static int given_fd(const struct net_tap_config *config, char name[IFNAMSIZ], GError **error)
{
    char *end;
    struct ifreq request = { 0 };
    guint64 n = g_ascii_strtoull(config->fd, &end, 10);
    if (end == config->fd || *end != '\0' || n > G_MAXINT || ioctl((int)n, TUNGETIFF, &request) < 0) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "fd=%s: is not the number of an open tap descriptor, as whoever starts vmm hands it over",
                    config->fd);
        return -1;
    }
    if (!(request.ifr_flags & IFF_TAP) || !(request.ifr_flags & IFF_NO_PI) || (request.ifr_flags & IFF_VNET_HDR)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "fd=%s: must be a tap (not tun) made with IFF_NO_PI and without IFF_VNET_HDR", config->fd);
        return -1;
    }
    fcntl((int)n, F_SETFL, fcntl((int)n, F_GETFL) | O_NONBLOCK);
    g_strlcpy(name, request.ifr_name, IFNAMSIZ);
    return (int)n;
}

static bool run_script(const char *option, const char *script, const char *name, GError **error)
{
    const char *const argv[] = { script, name, NULL };
    int status;
    g_autoptr(GError) why = NULL;
    if (script == NULL) {
        return true;
    }
    if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status, &why) ||
        !g_spawn_check_wait_status(status, &why)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "%s=%s %s: %s; %s=no runs none", option, script,
                    name, why->message, option);
        return false;
    }
    return true;
}

static char *script_of(const char *text)
{
    return text == NULL || strcmp(text, "no") == 0 ? NULL : g_strdup(text);
}

struct net_tap *net_tap_create(const struct net_tap_config *config, struct net_port *port, GError **error)
{
    struct net_tap *tap = g_new0(struct net_tap, 1);
    if (config->fd != NULL && (config->ifname != NULL || config->script != NULL || config->downscript != NULL)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "tap: fd= goes without ifname=, script= and downscript=");
        g_free(tap);
        return NULL;
    }
    tap->fd = config->fd != NULL ? given_fd(config, tap->name, error) : open_device(config, tap->name, error);
    if (tap->fd < 0) {
        g_free(tap);
        return NULL;
    }
    tap->script = script_of(config->script);
    if (!run_script("script", tap->script, tap->name, error)) {
        close(tap->fd);
        g_free(tap->script);
        g_free(tap);
        return NULL;
    }
    tap->downscript = script_of(config->downscript);
    tap->port = port;
    tap->wake = net_wake_create("tap", poll_port, tap);
    net_port_attach(port, &port_ops, tap);
    port_resume(tap);
    return tap;
}

void net_tap_destroy(struct net_tap *tap)
{
    if (tap == NULL) {
        return;
    }
    guint *watches[] = { &tap->in_watch, &tap->out_watch };
    for (unsigned i = 0; i < G_N_ELEMENTS(watches); i++) {
        if (*watches[i] != 0) {
            g_source_remove(*watches[i]);
        }
    }
    net_port_detach(tap->port);
    net_wake_destroy(tap->wake);
    run_script("downscript", tap->downscript, tap->name, NULL);
    close(tap->fd);
    g_free(tap->script);
    g_free(tap->downscript);
    g_free(tap);
}

void net_tap_print(const struct net_tap *tap, GString *out)
{
    g_string_append_printf(out, "ifname=%s,script=%s,downscript=%s", tap->name,
                           tap->script != NULL ? tap->script : "no", tap->downscript != NULL ? tap->downscript : "no");
}
