/*
 * A character connection: bytes between a device of the guest (the front: a UART, the debug
 * console) or the monitor, and something on the host (the backend: stdio, a pty, a socket, a file).
 *
 *   front -> backend   chardev_write() hands over bytes and says how many were taken. Not all
 *                      taken: the front keeps the rest and tries again when its `writable` is
 *                      called.
 *   backend -> front   the backend puts bytes into a bounded queue (chardev_deliver(), see
 *                      chardev_impl.h); the front gets as many as its `room` allows, and asks for
 *                      more with chardev_accept() when it has room again.
 *
 * Nobody polls and nothing grows. Break, open and close travel the same way as the bytes; a break
 * keeps its place among them.
 *
 * Threads: the front is called in the thread that runs its event queue (for a device: the machine
 * thread, machine lock held), because deliveries are posted there as events. A front without an
 * event queue (the monitor) is called directly in the backend's thread.
 */
#ifndef CHARDEV_CHARDEV_H
#define CHARDEV_CHARDEV_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chardev; /* the backends' base struct, in chardev_impl.h */
struct event_queue;

enum chardev_event {
    CHARDEV_OPENED,  /* a peer is there: the terminal is open, the socket is connected */
    CHARDEV_CLOSED,  /* the peer went away; writes are taken and lost until it is back */
    CHARDEV_BREAK,   /* a break condition on the line */
    CHARDEV_LINES,   /* the incoming modem lines changed: look at chardev_lines() */
    CHARDEV_FOCUSED, /* on a terminal shared with others: the keyboard is here now (chardev/mux.h)
                      */
};

/* Line settings, for backends that are real serial ports. */
struct chardev_params {
    unsigned speed;     /* bits a second */
    unsigned data_bits; /* 5..8 */
    unsigned stop_bits; /* 1 or 2 */
    char parity;        /* 'N', 'O', 'E' */
};

/* Modem lines, for backends that have them. */
enum chardev_line {
    CHARDEV_LINE_DTR = 1 << 0,
    CHARDEV_LINE_RTS = 1 << 1,
    CHARDEV_LINE_CTS = 1 << 2,
    CHARDEV_LINE_DSR = 1 << 3,
    CHARDEV_LINE_DCD = 1 << 4,
    CHARDEV_LINE_RI = 1 << 5,
};

/* What a front implements; arg is the one given to chardev_attach(). All but receive may be NULL.
 */
struct chardev_front {
    size_t (*room)(void *arg); /* how many bytes receive would take now; NULL = any number */
    void (*receive)(void *arg, const uint8_t *data, size_t size); /* size <= what room said, > 0 */
    void (*writable)(void *arg); /* after a write that was not taken in full: try again */
    void (*event)(void *arg, enum chardev_event event);
};

/* Attaches the front (one at a time; detach the old one first). `events`: the queue by which the
 * front is called, NULL for directly in the backend's thread. Bytes that arrived before are
 * delivered now. If a peer is there, CHARDEV_OPENED follows. `front` must outlive the attachment.
 */
void chardev_attach(struct chardev *chr, struct event_queue *events,
                    const struct chardev_front *front, void *arg);

/* After the return the front is not called any more. Call it in the front's thread. NULL is fine.
 */
void chardev_detach(struct chardev *chr);

/* Front: sends bytes; returns how many were taken (0..size). Never blocks. A NULL connection takes
 * all. */
size_t chardev_write(struct chardev *chr, const void *data, size_t size);

/* Shows fn each run of bytes that the backend has taken, in the front's thread; one tap a connection, NULL ends it. */
void chardev_set_tap(struct chardev *chr, void (*fn)(void *arg, const uint8_t *data, size_t size),
                     void *arg);

/* Front: has room again; receive may be called before this returns. NULL is fine. */
void chardev_accept(struct chardev *chr);

/* Front: tells the host side; only CHARDEV_BREAK means anything in this direction. NULL is fine. */
void chardev_send_event(struct chardev *chr, enum chardev_event event);

/* Front: line settings and outgoing modem lines (DTR, RTS). NULL is fine. */
void chardev_set_params(struct chardev *chr, const struct chardev_params *params);
void chardev_set_lines(struct chardev *chr, unsigned lines);

/* The incoming modem lines. A backend that has none shows CTS, DSR and DCD while a peer is there; a
 * NULL connection shows them always, as a loop-back plug would, so that no guest waits for a modem.
 */
unsigned chardev_lines(struct chardev *chr);

/* True if a peer is there. False for NULL. */
bool chardev_is_open(struct chardev *chr);

/* The backend's kind and its argument, e.g. "file:out.txt"; valid while the connection lives.
 * "null" for NULL. */
const char *chardev_label(struct chardev *chr);

/* Detaches the front and frees everything. Main thread. NULL is fine. */
void chardev_destroy(struct chardev *chr);

/* Backends that live here. */

/* Takes everything, delivers nothing. */
struct chardev *chardev_null_create(void);

/* Writes go to a file (created; truncated unless `append`). A FIFO or terminal is not waited for:
 * what it does not take at once is kept back until it does. NULL and error if it cannot be opened.
 */
struct chardev *chardev_file_create(const char *path, bool append, GError **error);

/* For tests: keeps what was written until it is taken out. `capacity` bytes at most; 0 refuses all.
 */
struct chardev *chardev_memory_create(size_t capacity);
/* What was written and not yet taken out. */
const uint8_t *chardev_memory_data(struct chardev *chr, size_t *size);
/* Forgets what was written; the front is told that it can write again if it had been refused. */
void chardev_memory_clear(struct chardev *chr);
/* Sends bytes to the front; returns how many the queue took. */
size_t chardev_memory_send(struct chardev *chr, const void *data, size_t size);
/* Sends an event to the front. */
void chardev_memory_event(struct chardev *chr, enum chardev_event event);
/* The number of breaks, and the last line settings and outgoing lines, that the front sent. */
unsigned chardev_memory_breaks(struct chardev *chr);
const struct chardev_params *chardev_memory_params(struct chardev *chr);
unsigned chardev_memory_out_lines(struct chardev *chr);
/* Sets what chardev_lines() answers. */
void chardev_memory_set_in_lines(struct chardev *chr, unsigned lines);

#endif
