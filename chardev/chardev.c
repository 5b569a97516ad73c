/*
 * The connection object between a front (UART, monitor) and a backend: the bounded queue towards
 * the front and the hand-over to the front's thread. See chardev.h for the roles and chardev_impl.h
 * for the fields.
 */
#include "chardev/chardev_impl.h"

/* An entry of the queue that is no byte. */
#define CHARDEV_QUEUE_BREAK 0x100
/* Entries that bytes leave free, so that a break finds room behind them. */
#define CHARDEV_QUEUE_RESERVE 8
#define CHARDEV_CHUNK         256

static void run_event(struct event *event);

void chardev_init(struct chardev *chr, const struct chardev_ops *ops, const char *label, bool open)
{
    chr->ops = ops;
    chr->label = g_strdup(label);
    g_mutex_init(&chr->lock);
    chr->open = open;
    chr->link.event.fn = run_event;
    chr->link.chr = chr;
}

void chardev_destroy(struct chardev *chr)
{
    if (chr == NULL) {
        return;
    }
    chardev_detach(chr);
    if (chr->ops->destroy != NULL) {
        chr->ops->destroy(chr);
    }
    g_mutex_clear(&chr->lock);
    g_free(chr->label);
    g_free(chr);
}

const char *chardev_label(struct chardev *chr)
{
    return chr != NULL ? chr->label : "null";
}

bool chardev_is_open(struct chardev *chr)
{
    if (chr == NULL) {
        return false;
    }
    g_mutex_lock(&chr->lock);
    bool open = chr->open;
    g_mutex_unlock(&chr->lock);
    return open;
}

/* Takes the next run of bytes (up to max) or one break out of the queue. Returns the number of
 * bytes; *was_break and *resume tell the rest. */
static size_t take(struct chardev *chr, uint8_t *data, size_t max, bool *was_break, bool *resume)
{
    size_t size = 0;
    *was_break = false;
    *resume = false;
    g_mutex_lock(&chr->lock);
    while (chr->count > 0 && !*was_break) {
        uint16_t entry = chr->queue[chr->head];
        if (entry == CHARDEV_QUEUE_BREAK) {
            if (size > 0) {
                break;
            }
            *was_break = true;
        } else if (size < max) {
            data[size++] = (uint8_t)entry;
        } else {
            break;
        }
        chr->head = (chr->head + 1) % CHARDEV_QUEUE_SIZE;
        chr->count--;
    }
    if (chr->was_full && chr->count < CHARDEV_QUEUE_SIZE - CHARDEV_QUEUE_RESERVE) {
        chr->was_full = false;
        *resume = true;
    }
    g_mutex_unlock(&chr->lock);
    return size;
}

/* Hands over bytes and breaks until the front has no room or the queue is empty. A front that takes
 * without end is fed at most one full queue, so that a backend that refills it cannot hold the
 * machine thread. */
static void drain_queue(struct chardev *chr)
{
    for (unsigned budget = CHARDEV_QUEUE_SIZE; budget > 0 && chr->front != NULL; budget--) {
        uint8_t data[CHARDEV_CHUNK];
        size_t room = chr->front->room != NULL ? chr->front->room(chr->front_arg) : sizeof(data);
        bool was_break, resume;
        size_t size = take(chr, data, MIN(room, sizeof(data)), &was_break, &resume);
        if (size > 0) {
            chr->front->receive(chr->front_arg, data, size);
        }
        if (was_break && chr->front->event != NULL) {
            chr->front->event(chr->front_arg, CHARDEV_BREAK);
        }
        if (resume && chr->ops->resume != NULL) {
            chr->ops->resume(chr);
        }
        if (size == 0 && !was_break) {
            break;
        }
    }
}

static void tell_open(struct chardev *chr)
{
    bool open = chardev_is_open(chr);
    if (open != chr->open_told) {
        chr->open_told = open;
        if (chr->front != NULL && chr->front->event != NULL) {
            chr->front->event(chr->front_arg, open ? CHARDEV_OPENED : CHARDEV_CLOSED);
        }
    }
}

static void drain(struct chardev *chr)
{
    if (chr->draining || chr->front == NULL) {
        return;
    }
    chr->draining = true;
    if (chardev_is_open(chr)) {
        tell_open(chr);
    }
    drain_queue(chr);
    tell_open(chr);
    g_mutex_lock(&chr->lock);
    bool writable = chr->writable_pending;
    bool lines = chr->lines_pending;
    bool focus = chr->focus_pending;
    chr->writable_pending = false;
    chr->lines_pending = false;
    chr->focus_pending = false;
    g_mutex_unlock(&chr->lock);
    chr->draining = false; /* what follows may make room: chardev_accept() must work */
    if (lines && chr->front != NULL && chr->front->event != NULL) {
        chr->front->event(chr->front_arg, CHARDEV_LINES);
    }
    if (focus && chr->front != NULL && chr->front->event != NULL) {
        chr->front->event(chr->front_arg, CHARDEV_FOCUSED);
    }
    if (writable && chr->refused) {
        chr->refused = false;
        if (chr->front != NULL && chr->front->writable != NULL) {
            chr->front->writable(chr->front_arg);
        }
    }
}

static void run_event(struct event *event)
{
    struct chardev_event_link *link = (struct chardev_event_link *)event;
    drain(link->chr);
}

/* Something is new for the front. A front with an event queue is never called from here. */
static void notify(struct chardev *chr)
{
    g_mutex_lock(&chr->lock);
    bool direct = chr->front != NULL && chr->events == NULL;
    if (chr->events != NULL) {
        event_post(chr->events, &chr->link.event);
    }
    g_mutex_unlock(&chr->lock);
    if (direct) {
        drain(chr);
    }
}

void chardev_attach(struct chardev *chr, struct event_queue *events,
                    const struct chardev_front *front, void *arg)
{
    g_assert(chr->front == NULL);
    g_mutex_lock(&chr->lock);
    chr->front = front;
    chr->front_arg = arg;
    chr->events = events;
    g_mutex_unlock(&chr->lock);
    chr->open_told = false;
    chr->refused = false;
    notify(chr);
}

void chardev_detach(struct chardev *chr)
{
    if (chr == NULL) {
        return;
    }
    g_mutex_lock(&chr->lock);
    if (chr->events != NULL) {
        event_cancel(chr->events, &chr->link.event);
    }
    chr->events = NULL;
    chr->front = NULL;
    chr->front_arg = NULL;
    g_mutex_unlock(&chr->lock);
}

size_t chardev_write(struct chardev *chr, const void *data, size_t size)
{
    if (chr == NULL || size == 0) {
        return size;
    }
    size_t taken = chr->ops->write(chr, data, size);
    if (taken < size) {
        chr->refused = true;
    }
    if (chr->tap != NULL && taken > 0) {
        chr->tap(chr->tap_arg, data, taken);
    }
    return taken;
}

void chardev_set_tap(struct chardev *chr, void (*fn)(void *arg, const uint8_t *data, size_t size),
                     void *arg)
{
    chr->tap = fn;
    chr->tap_arg = arg;
}

void chardev_accept(struct chardev *chr)
{
    if (chr != NULL) {
        drain(chr);
    }
}

void chardev_send_event(struct chardev *chr, enum chardev_event event)
{
    if (chr != NULL && chr->ops->event != NULL) {
        chr->ops->event(chr, event);
    }
}

void chardev_set_params(struct chardev *chr, const struct chardev_params *params)
{
    if (chr != NULL && chr->ops->set_params != NULL) {
        chr->ops->set_params(chr, params);
    }
}

void chardev_set_lines(struct chardev *chr, unsigned lines)
{
    if (chr != NULL && chr->ops->set_lines != NULL) {
        chr->ops->set_lines(chr, lines);
    }
}

unsigned chardev_lines(struct chardev *chr)
{
    const unsigned connected = CHARDEV_LINE_CTS | CHARDEV_LINE_DSR | CHARDEV_LINE_DCD;
    if (chr == NULL) {
        return connected;
    }
    if (chr->ops->lines != NULL) {
        return chr->ops->lines(chr);
    }
    return chardev_is_open(chr) ? connected : 0;
}

size_t chardev_room(struct chardev *chr)
{
    const unsigned usable = CHARDEV_QUEUE_SIZE - CHARDEV_QUEUE_RESERVE;
    g_mutex_lock(&chr->lock);
    size_t room = chr->count < usable ? usable - chr->count : 0;
    if (room == 0) {
        chr->was_full = true;
    }
    g_mutex_unlock(&chr->lock);
    return room;
}

/* Lock held, room checked. */
static void push(struct chardev *chr, uint16_t entry)
{
    chr->queue[(chr->head + chr->count) % CHARDEV_QUEUE_SIZE] = entry;
    chr->count++;
}

size_t chardev_deliver(struct chardev *chr, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    size_t taken = MIN(size, chardev_room(chr));
    g_mutex_lock(&chr->lock);
    for (size_t i = 0; i < taken; i++) {
        push(chr, bytes[i]);
    }
    g_mutex_unlock(&chr->lock);
    if (taken > 0) {
        notify(chr);
    }
    return taken;
}

void chardev_deliver_event(struct chardev *chr, enum chardev_event event)
{
    g_mutex_lock(&chr->lock);
    if (event == CHARDEV_LINES) {
        chr->lines_pending = true;
    } else if (event == CHARDEV_FOCUSED) {
        chr->focus_pending = true;
    } else if (event != CHARDEV_BREAK) {
        chr->open = event == CHARDEV_OPENED;
    } else if (chr->count < CHARDEV_QUEUE_SIZE) {
        push(chr, CHARDEV_QUEUE_BREAK);
    }
    g_mutex_unlock(&chr->lock);
    notify(chr);
}

void chardev_writable(struct chardev *chr)
{
    g_mutex_lock(&chr->lock);
    chr->writable_pending = true;
    g_mutex_unlock(&chr->lock);
    notify(chr);
}
