/*
 * The backend that is the master of a new pseudo terminal. The slave's path is said on stderr and
 * is the connection's label. While nobody has the slave open the master reports a hang-up without
 * end; then we look again four times a second, since there is no event for the moment when somebody
 * opens it.
 */
#include "chardev/backends_impl.h"
#include "chardev/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define PTY_LOOK_MS 250

struct pty {
    struct stream stream;
    int master;
    guint timer;
};

static enum chardev_peer pty_peer(struct chardev *chr)
{
    return CHARDEV_PEER_TERMINAL;
}

/* Is the slave open? */
static gboolean pty_look(gpointer arg)
{
    struct pty *pty = arg;
    struct pollfd poll_fd = {.fd = pty->master, .events = POLLIN};
    if (poll(&poll_fd, 1, 0) < 0 || poll_fd.revents & POLLHUP) {
        return G_SOURCE_CONTINUE;
    }
    int fd = fcntl(pty->master, F_DUPFD_CLOEXEC, 3);
    if (fd < 0) {
        return G_SOURCE_CONTINUE;
    }
    pty->timer = 0;
    stream_open(&pty->stream, fd, fd);
    chardev_deliver_event(&pty->stream.base, CHARDEV_OPENED); /* the front may write at once */
    return G_SOURCE_REMOVE;
}

static void pty_hung_up(struct stream *stream)
{
    struct pty *pty = (struct pty *)stream;
    chardev_deliver_event(&stream->base, CHARDEV_CLOSED);
    pty->timer = g_timeout_add(PTY_LOOK_MS, pty_look, pty);
}

static void pty_destroy(struct stream *stream)
{
    struct pty *pty = (struct pty *)stream;
    if (pty->timer != 0) {
        g_source_remove(pty->timer);
    }
    if (pty->master >= 0) {
        close(pty->master);
    }
}

static const struct stream_ops pty_stream_ops = {.hung_up = pty_hung_up, .destroy = pty_destroy};

static const struct chardev_ops pty_ops = {
    .write = stream_write,
    .resume = stream_resume,
    .peer = pty_peer,
    .destroy = stream_destroy,
};

/* A master whose slave is in raw mode, -1 and errno. */
static int open_master(char *slave, size_t size)
{
    struct termios mode;
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return -1;
    }
    if (grantpt(fd) < 0 || unlockpt(fd) < 0 || ptsname_r(fd, slave, size) != 0 ||
        tcgetattr(fd, &mode) < 0) {
        close(fd);
        return -1;
    }
    cfmakeraw(&mode);
    tcsetattr(fd, TCSANOW, &mode);
    /* A master is "not hung up" until the slave was opened for the first time: do that now. */
    int first = open(slave, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (first >= 0) {
        close(first);
    }
    return fd;
}

struct chardev *chardev_pty_create(GError **error)
{
    char slave[64];
    int master = open_master(slave, sizeof(slave));
    if (master < 0) {
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "no pseudo terminal: %s",
                    g_strerror(errno));
        return NULL;
    }
    g_autofree char *label = g_strdup_printf("pty:%s", slave);
    struct pty *pty = g_new0(struct pty, 1);
    stream_init(&pty->stream, &pty_stream_ops, &pty_ops, label, false);
    pty->master = master;
    pty->timer = g_timeout_add(PTY_LOOK_MS, pty_look, pty);
    g_printerr("char device redirected to %s\n", slave);
    return &pty->stream.base;
}
