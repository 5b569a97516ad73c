/*
 * The backend that writes to a file. A regular file takes bytes as fast as they come (they go to
 * the page cache). For a FIFO or a terminal the descriptor is non-blocking and the main loop
 * watches for the moment when it takes bytes again (SIGPIPE is expected to be ignored by the
 * process). When the disk is full the bytes are lost and one warning says so.
 */
#include "chardev/chardev_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

struct chardev_file {
    struct chardev base;
    int fd;
    bool failed; /* said so already */
    guint watch; /* source of the main context, 0 if none; base.lock */
};

static gboolean file_can_write(gint fd, GIOCondition condition, gpointer arg)
{
    struct chardev_file *file = arg;
    g_mutex_lock(&file->base.lock);
    file->watch = 0;
    g_mutex_unlock(&file->base.lock);
    chardev_writable(&file->base);
    return G_SOURCE_REMOVE;
}

static void file_watch(struct chardev_file *file)
{
    g_mutex_lock(&file->base.lock);
    if (file->watch == 0) {
        file->watch = g_unix_fd_add(file->fd, G_IO_OUT | G_IO_ERR | G_IO_HUP, file_can_write, file);
    }
    g_mutex_unlock(&file->base.lock);
}

static size_t file_write(struct chardev *chr, const uint8_t *data, size_t size)
{
    struct chardev_file *file = (struct chardev_file *)chr;
    size_t taken = 0;
    while (taken < size) {
        ssize_t n = write(file->fd, data + taken, size - taken);
        if (n >= 0) {
            taken += (size_t)n;
        } else if (errno == EAGAIN) {
            file_watch(file);
            break;
        } else if (errno != EINTR) {
            if (!file->failed) {
                file->failed = true;
                g_printerr("vmm: warning: %s: %s; output is lost\n", chr->label, strerror(errno));
            }
            return size;
        }
    }
    return taken;
}

static void file_destroy(struct chardev *chr)
{
    struct chardev_file *file = (struct chardev_file *)chr;
    if (file->watch != 0) {
        g_source_remove(file->watch);
    }
    if (file->fd >= 0) {
        close(file->fd);
    }
}

static const struct chardev_ops file_ops = {.write = file_write, .destroy = file_destroy};

struct chardev *chardev_file_create(const char *path, bool append, GError **error)
{
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | (append ? O_APPEND : O_TRUNC);
    int fd = open(path, flags, 0666);
    if (fd < 0) {
        int err = errno;
        g_set_error(
            error, G_FILE_ERROR, g_file_error_from_errno(err), "cannot open '%s' for writing: %s",
            path, err == ENXIO ? "nobody reads this pipe; start the reader first" : strerror(err));
        return NULL;
    }
    char *label = g_strdup_printf("file:%s", path);
    struct chardev_file *file = g_new0(struct chardev_file, 1);
    chardev_init(&file->base, &file_ops, label, true);
    file->fd = fd;
    g_free(label);
    return &file->base;
}
