/*
 * For those who write character backends: the base struct and the backend's side of the connection.
 *
 * A backend's struct starts with struct chardev. Its functions marked "front's thread" are called
 * with the machine lock held when the front is a device: they must not block. The chardev_*() calls
 * below may be made from any thread, but from one thread at a time (normally the main thread).
 */
#ifndef CHARDEV_CHARDEV_IMPL_H
#define CHARDEV_CHARDEV_IMPL_H

#include "chardev/chardev.h"
#include "core/event.h"

struct chardev_ops {
    /* Takes up to size bytes, without blocking; returns how many. When fewer: call
     * chardev_writable() once it can take more. Front's thread. */
    size_t (*write)(struct chardev *chr, const uint8_t *data, size_t size);
    /* The queue that was full has room again: go on reading. Front's thread; NULL if not
     * interested. */
    void (*resume)(struct chardev *chr);
    /* From the front (break). Front's thread; may be NULL. */
    void (*event)(struct chardev *chr, enum chardev_event event);
    void (*set_params)(struct chardev *chr, const struct chardev_params *params); /* may be NULL */
    void (*set_lines)(struct chardev *chr, unsigned lines);                       /* may be NULL */
    unsigned (*lines)(struct chardev *chr);                                       /* may be NULL */
    enum chardev_peer (*peer)(struct chardev *chr); /* NULL: CHARDEV_PEER_OTHER */
    /* Whether Ctrl-C, Ctrl-\\ and Ctrl-Z of the terminal are signals or bytes; NULL: not a
     * terminal. */
    void (*set_signals)(struct chardev *chr, bool on);
    /* Frees what the backend owns beyond its struct, which chardev_destroy() frees with g_free().
     */
    void (*destroy)(struct chardev *chr);
};

/* What sits at the other end. */
enum chardev_peer {
    CHARDEV_PEER_OTHER,    /* a program or a file */
    CHARDEV_PEER_TERMINAL, /* a terminal that shows only what it is sent: echo what is typed */
    CHARDEV_PEER_SCRIPT,   /* a pipe or file on standard input: neither echo nor prompts */
};

#define CHARDEV_QUEUE_SIZE 4096 /* bytes on their way to the front, a power of two */

struct chardev {
    const struct chardev_ops *ops;
    char *label; /* owned */

    GMutex lock;                        /* guards what follows up to `front` */
    uint16_t queue[CHARDEV_QUEUE_SIZE]; /* bytes, and breaks as CHARDEV_QUEUE_BREAK */
    unsigned head, count;               /* oldest entry, number of entries */
    bool open;                          /* a peer is there */
    bool was_full;                      /* chardev_room() said 0: resume is owed */
    bool writable_pending;              /* the front is to be told */
    bool lines_pending;                 /* likewise, of CHARDEV_LINES */
    bool focus_pending;                 /* likewise, of CHARDEV_FOCUSED */

    /* The front's side; used in the front's thread only. */
    const struct chardev_front *front;
    void *front_arg;
    struct event_queue *events;
    bool open_told; /* the last of OPENED and CLOSED that the front heard */
    bool draining;  /* in drain(): chardev_accept() from within receive does nothing */
    bool refused;   /* a write was not taken in full */
    void (*tap)(void *arg, const uint8_t *data, size_t size); /* sees what is written, or NULL */
    void *tap_arg;
    struct chardev_event_link {
        struct event event;
        struct chardev *chr;
    } link;
};

/* Initialises the base struct. label is copied. `open`: whether a peer is there from the start. */
void chardev_init(struct chardev *chr, const struct chardev_ops *ops, const char *label, bool open);

/* How many bytes chardev_deliver() would take now. 0: ops->resume is called when that changes. */
size_t chardev_room(struct chardev *chr);

/* Bytes from the host for the front; copied. Returns how many were taken. */
size_t chardev_deliver(struct chardev *chr, const void *data, size_t size);

/* A break, or the peer came or went. */
void chardev_deliver_event(struct chardev *chr, enum chardev_event event);

/* The backend can take bytes again after a short write. */
void chardev_writable(struct chardev *chr);

#endif
