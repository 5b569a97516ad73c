/* See the header. SIGPIPE is expected to be ignored by the process. */
#include "chardev/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

#define STREAM_CHUNK 1024

static void stream_update(void *arg);

bool stream_set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

void stream_init(struct stream *stream, const struct stream_ops *stream_ops,
                 const struct chardev_ops *ops, const char *label, bool open)
{
    chardev_init(&stream->base, ops, label, open);
    stream->stream_ops = stream_ops;
    stream->in = stream->out = -1;
    stream->escape = -1;
    g_mutex_init(&stream->io_lock);
    main_call_init(&stream->call, stream_update, stream);
}

static void remove_watch(guint *watch)
{
    if (*watch != 0) {
        g_source_remove(*watch);
        *watch = 0;
    }
}

static void close_in(struct stream *stream)
{
    remove_watch(&stream->in_watch);
    g_mutex_lock(&stream->io_lock);
    if (stream->in >= 0 && stream->in != stream->out) {
        close(stream->in);
    }
    stream->in = -1;
    g_mutex_unlock(&stream->io_lock);
}

void stream_close(struct stream *stream)
{
    close_in(stream);
    remove_watch(&stream->out_watch);
    g_mutex_lock(&stream->io_lock);
    if (stream->out >= 0) {
        close(stream->out);
    }
    stream->out = -1;
    stream->escape_owed = false;
    stream->failed = false;
    bool was_blocked = stream->blocked;
    stream->blocked = false;
    g_mutex_unlock(&stream->io_lock);
    if (was_blocked) {
        chardev_writable(&stream->base);
    }
}

static void hang_up(struct stream *stream)
{
    if (stream->keep_out) {
        close_in(stream);
        return;
    }
    stream_close(stream);
    if (stream->stream_ops->hung_up != NULL) {
        stream->stream_ops->hung_up(stream);
    }
}

static bool may_read(struct stream *stream)
{
    return chardev_room(&stream->base) > 0 &&
           (stream->stream_ops->may_read == NULL || stream->stream_ops->may_read(stream));
}

static gboolean can_read(gint fd, GIOCondition condition, gpointer arg)
{
    struct stream *stream = arg;
    uint8_t data[STREAM_CHUNK];
    if (!may_read(stream)) {
        stream->in_watch = 0; /* resume is owed to us */
        return G_SOURCE_REMOVE;
    }
    ssize_t n = read(fd, data, MIN(chardev_room(&stream->base), sizeof(data)));
    if (n < 0 && (errno == EAGAIN || errno == EINTR || !may_read(stream))) {
        return G_SOURCE_CONTINUE;
    }
    if (n <= 0) {
        stream->in_watch = 0;
        hang_up(stream);
        return G_SOURCE_REMOVE;
    }
    size_t left = (size_t)n;
    if (stream->stream_ops->decode != NULL) {
        left = stream->stream_ops->decode(stream, data, left);
    }
    chardev_deliver(&stream->base, data, left);
    return G_SOURCE_CONTINUE;
}

static gboolean can_write(gint fd, GIOCondition condition, gpointer arg)
{
    struct stream *stream = arg;
    stream->out_watch = 0;
    g_mutex_lock(&stream->io_lock);
    stream->blocked = false;
    g_mutex_unlock(&stream->io_lock);
    chardev_writable(&stream->base);
    return G_SOURCE_REMOVE;
}

/* Main thread: watches the descriptors for what is wanted of them now. */
static void stream_update(void *arg)
{
    struct stream *stream = arg;
    g_mutex_lock(&stream->io_lock);
    bool want_out = stream->blocked && stream->out >= 0;
    /* A peer that is gone may have left bytes: their end is the hang-up, if we read at all. */
    bool lost = stream->failed && !stream->keep_out && stream->in < 0;
    g_mutex_unlock(&stream->io_lock);
    if (lost) {
        hang_up(stream);
        return;
    }
    if (want_out && stream->out_watch == 0) {
        stream->out_watch =
            g_unix_fd_add(stream->out, G_IO_OUT | G_IO_ERR | G_IO_HUP, can_write, stream);
    }
    if (stream->in >= 0 && stream->in_watch == 0 && may_read(stream)) {
        stream->in_watch =
            g_unix_fd_add(stream->in, G_IO_IN | G_IO_ERR | G_IO_HUP, can_read, stream);
    }
}

void stream_open(struct stream *stream, int in, int out)
{
    g_mutex_lock(&stream->io_lock);
    stream->in = in;
    stream->out = out;
    stream->failed = false;
    g_mutex_unlock(&stream->io_lock);
    stream_update(stream);
}

void stream_resume(struct chardev *chr)
{
    main_call_post(&((struct stream *)chr)->call);
}

/* Writes to the descriptor; io_lock held. Returns bytes taken, or -1 if it is full, -2 if it is
 * lost. */
static ssize_t put(struct stream *stream, const uint8_t *data, size_t size)
{
    for (;;) {
        ssize_t n = write(stream->out, data, size);
        if (n > 0) {
            return n;
        }
        if (n == 0 || errno == EAGAIN) {
            return -1;
        }
        if (errno != EINTR) {
            return -2;
        }
    }
}

/* The same with the escape byte doubled. */
static ssize_t put_escaped(struct stream *stream, const uint8_t *data, size_t size)
{
    uint8_t escape = (uint8_t)stream->escape;
    if (stream->escape_owed) {
        ssize_t n = put(stream, &escape, 1);
        if (n <= 0) {
            return n;
        }
        stream->escape_owed = false;
    }
    const uint8_t *special = memchr(data, escape, size);
    if (special == data) {
        ssize_t n = put(stream, data, 1);
        stream->escape_owed = n == 1;
        return n;
    }
    return put(stream, data, special != NULL ? (size_t)(special - data) : size);
}

size_t stream_write(struct chardev *chr, const uint8_t *data, size_t size)
{
    struct stream *stream = (struct stream *)chr;
    size_t taken = 0;
    bool post = false;
    g_mutex_lock(&stream->io_lock);
    while ((taken < size || stream->escape_owed) && stream->out >= 0 && !stream->failed) {
        ssize_t n;
        if (stream->escape < 0) {
            n = put(stream, data + taken, size - taken);
        } else if (taken < size) {
            n = put_escaped(stream, data + taken, size - taken);
        } else {
            uint8_t escape = (uint8_t)stream->escape;
            n = put(stream, &escape, 1);
            if (n == 1) {
                stream->escape_owed = false;
            }
            break; /* else it goes out with the next byte */
        }
        if (n >= 0) {
            taken += (size_t)n;
            continue;
        }
        post = true;
        if (n == -1) {
            stream->blocked = true;
            g_mutex_unlock(&stream->io_lock);
            main_call_post(&stream->call);
            return taken;
        }
        stream->failed = true;
    }
    g_mutex_unlock(&stream->io_lock);
    if (post) {
        main_call_post(&stream->call);
    }
    return size; /* what has nowhere to go is taken and lost */
}

void stream_destroy(struct chardev *chr)
{
    struct stream *stream = (struct stream *)chr;
    if (stream->stream_ops->destroy != NULL) {
        stream->stream_ops->destroy(stream);
    }
    stream_close(stream);
    main_call_finish(&stream->call);
    g_mutex_clear(&stream->io_lock);
}
