/*
 * A backend over one or two file descriptors: what stdio, ptys, sockets and serial ports have in
 * common.
 *
 * Bytes from the descriptor go to the front as its queue allows; when the queue is full the
 * descriptor is not looked at until the front has taken some. Writes go straight to the descriptor
 * in the front's thread; what it does not take is the front's to keep, and the main loop watches
 * for the moment when it takes more.
 */
#ifndef CHARDEV_STREAM_H
#define CHARDEV_STREAM_H

#include "chardev/chardev_impl.h"
#include "chardev/main_call.h"

struct stream;

struct stream_ops {
    /* Changes n bytes that were read, in place; returns how many are left for the front. NULL:
     * none. */
    size_t (*decode)(struct stream *stream, uint8_t *data, size_t n);
    /* Whether a read is allowed now; when it is again, the backend calls stream_resume(). NULL:
     * always. Main thread. */
    bool (*may_read)(struct stream *stream);
    /* The peer went away: end of file or an error. Both descriptors were closed. Main thread. */
    void (*hung_up)(struct stream *stream);
    /* The first of the backend's own duties at its end: before the descriptors are closed. May be
     * NULL. */
    void (*destroy)(struct stream *stream);
};

struct stream {
    struct chardev base;
    const struct stream_ops *stream_ops;
    int in;                /* -1: none; owned */
    int out;               /* -1: writes vanish; may equal in; owned; io_lock */
    bool keep_out;         /* the end of the input does not end the output (stdio) */
    int escape;            /* this byte is doubled in the output (telnet); -1 = none */
    bool escape_owed;      /* its second half; io_lock */
    bool failed;           /* out failed for good; io_lock */
    bool blocked;          /* a write was not taken in full; io_lock */
    GMutex io_lock;        /* guards out between the front's and the main thread */
    guint in_watch;        /* main thread; 0 = none */
    guint out_watch;       /* main thread */
    struct main_call call; /* look at reading and writing again */
};

/* Prepares the part beyond struct chardev, no descriptors yet. The chardev part is set up by this
 * too. `ops` starts as stream_chardev_ops, changed where the backend does more. */
void stream_init(struct stream *stream, const struct stream_ops *stream_ops,
                 const struct chardev_ops *ops, const char *label, bool open);
/* A peer is there: takes over the descriptors (made non-blocking by the caller) and starts reading.
 */
void stream_open(struct stream *stream, int in, int out);
/* Closes both descriptors; nobody is told. Main thread. */
void stream_close(struct stream *stream);

/* For a backend's table of chardev_ops. */
size_t stream_write(struct chardev *chr, const uint8_t *data, size_t size);
void stream_resume(struct chardev *chr);
void stream_destroy(struct chardev *chr);

/* Makes the descriptor non-blocking; false and errno. */
bool stream_set_nonblocking(int fd);

#endif
