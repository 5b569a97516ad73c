/*
 * The wire between a card and a backend. See port.h.
 *
 * One mutex guards both queues; it is never held while an owner's receive, resume or link operation
 * or a tap runs, so these may send. A poll takes all that is queued over into an inbox, which only
 * the owner's thread touches: the mutex is taken once for many frames. An end's schedule operation runs without the mutex, too,
 * which the thread that it wakes needs at once. What is in the inbox no
 * longer counts as queued, so an end that takes nothing holds back at most twice the queue's
 * bounds.
 */
#include "net/port.h"

#include <assert.h>
#include <glib.h>
#include <string.h>

#define POLL_BATCH                                                                                 \
    512u /* frames handed out by one poll: the other work of a thread gets its turn */

struct frame {
    struct frame *next;
    size_t size;
    uint8_t data[];
};

struct net_port {
    struct net_link *link;
    struct net_port *peer;
    const struct net_port_ops *ops; /* NULL: no owner */
    void *owner;
    struct frame *first, **last; /* to this end */
    unsigned frames;             /* in that list; atomic for those who only look */
    size_t bytes;
    bool scheduled;  /* schedule() was called and net_port_poll() not yet */
    bool blocked;    /* the owner's receive said NET_WAIT; written by the owner's thread only */
    bool wants_room; /* the owner waits for room at the peer */
    struct net_port_stats stats;
    /* Of the owner's thread, without the mutex. */
    struct frame *inbox; /* taken out of the list, not yet handed out */
    bool resumed;        /* net_port_resume() was called while receive ran */
    bool link_told;      /* what the owner last heard of the cable */
    bool corked;         /* the other end is woken later */
    net_tap_fn *tap;
    void *tap_arg;
};

struct net_link {
    GMutex mutex;
    struct net_port ports[2];
    bool up; /* atomic */
};

struct net_link *net_link_create(void)
{
    struct net_link *link = g_new0(struct net_link, 1);
    g_mutex_init(&link->mutex);
    link->up = true;
    for (unsigned i = 0; i < 2; i++) {
        struct net_port *port = &link->ports[i];
        port->link = link;
        port->peer = &link->ports[1 - i];
        port->last = &port->first;
        port->link_told = true;
    }
    return link;
}

void net_link_destroy(struct net_link *link)
{
    if (link == NULL) {
        return;
    }
    assert(link->ports[0].ops == NULL && link->ports[1].ops == NULL);
    g_mutex_clear(&link->mutex);
    g_free(link);
}

struct net_port *net_link_port(struct net_link *link, unsigned n)
{
    assert(n < 2);
    return &link->ports[n];
}

/* An end that is to be told once the mutex is free; NULL if that is not needed. The mutex is held. */
static struct net_port *to_schedule(struct net_port *port, bool wanted)
{
    if (!wanted || port->ops == NULL || port->scheduled) {
        return NULL;
    }
    port->scheduled = true;
    return port;
}

static void schedule(struct net_port *port)
{
    if (port != NULL) {
        port->ops->schedule(port->owner);
    }
}

static bool crowded(const struct net_port *to)
{
    return __atomic_load_n(&to->frames, __ATOMIC_RELAXED) > NET_QUEUE_LOW_FRAMES ||
           __atomic_load_n(&to->bytes, __ATOMIC_RELAXED) > NET_QUEUE_LOW_BYTES;
}

/* The mutex is held. */
static void set_count(struct net_port *port, unsigned frames, size_t bytes)
{
    __atomic_store_n(&port->frames, frames, __ATOMIC_RELAXED);
    __atomic_store_n(&port->bytes, bytes, __ATOMIC_RELAXED);
}

void net_link_set(struct net_link *link, bool up)
{
    g_mutex_lock(&link->mutex);
    __atomic_store_n(&link->up, up, __ATOMIC_RELAXED);
    struct net_port *first = to_schedule(&link->ports[0], true), *second = to_schedule(&link->ports[1], true);
    g_mutex_unlock(&link->mutex);
    schedule(first);
    schedule(second);
}

bool net_link_up(const struct net_link *link)
{
    return __atomic_load_n(&link->up, __ATOMIC_RELAXED);
}

bool net_port_link_up(const struct net_port *port)
{
    return net_link_up(port->link);
}

static void free_frames(struct frame *frame)
{
    while (frame != NULL) {
        struct frame *next = frame->next;
        g_free(frame);
        frame = next;
    }
}

/* Takes out all frames to this end; the mutex is held. */
static struct frame *take_all(struct net_port *port)
{
    struct frame *frames = port->first;
    port->first = NULL;
    port->last = &port->first;
    set_count(port, 0, 0);
    return frames;
}

void net_port_attach(struct net_port *port, const struct net_port_ops *ops, void *owner)
{
    g_mutex_lock(&port->link->mutex);
    assert(port->ops == NULL);
    port->ops = ops;
    port->owner = owner;
    port->link_told = net_link_up(port->link);
    g_mutex_unlock(&port->link->mutex);
}

void net_port_detach(struct net_port *port)
{
    g_mutex_lock(&port->link->mutex);
    struct frame *frames = take_all(port);
    port->ops = NULL;
    port->owner = NULL;
    port->tap = NULL;
    port->scheduled = port->blocked = port->wants_room = false;
    struct net_port *tell = to_schedule(port->peer, port->peer->wants_room);
    g_mutex_unlock(&port->link->mutex);
    schedule(tell);
    free_frames(frames);
    free_frames(port->inbox);
    port->inbox = NULL;
}

void net_port_set_tap(struct net_port *port, net_tap_fn *fn, void *arg)
{
    port->tap = fn;
    port->tap_arg = arg;
}

enum net_result net_port_send(struct net_port *port, const uint8_t *data, size_t size)
{
    struct net_port *to = port->peer, *tell = NULL;
    enum net_result result = NET_SENT;
    assert(size <= NET_FRAME_MAX);
    struct frame *frame = g_malloc(sizeof(*frame) + size);
    frame->next = NULL;
    frame->size = size;
    memcpy(frame->data, data, size);
    g_mutex_lock(&port->link->mutex);
    if (to->ops == NULL || !net_link_up(port->link)) {
        port->stats.dropped++;
    } else if (to->frames >= NET_QUEUE_FRAMES || to->bytes + size > NET_QUEUE_BYTES) {
        port->wants_room = true;
        result = NET_WAIT;
    } else {
        *to->last = frame;
        to->last = &frame->next;
        frame = NULL;
        set_count(to, to->frames + 1, to->bytes + size);
        port->stats.frames++;
        port->stats.bytes += size;
        tell = to_schedule(to, !to->blocked && !port->corked);
    }
    g_mutex_unlock(&port->link->mutex);
    schedule(tell);
    g_free(frame);
    if (result == NET_SENT && port->tap != NULL) {
        port->tap(port->tap_arg, data, size);
    }
    return result;
}

void net_port_cork(struct net_port *port)
{
    port->corked = true;
}

void net_port_uncork(struct net_port *port)
{
    struct net_port *to = port->peer;
    port->corked = false;
    if (__atomic_load_n(&to->frames, __ATOMIC_RELAXED) == 0) {
        return; /* taken over already, by an end that was awake */
    }
    g_mutex_lock(&port->link->mutex);
    struct net_port *tell = to_schedule(to, to->first != NULL && !to->blocked);
    g_mutex_unlock(&port->link->mutex);
    schedule(tell);
}

bool net_port_crowded(struct net_port *port)
{
    if (!crowded(port->peer)) {
        return false;
    }
    g_mutex_lock(&port->link->mutex);
    bool is = crowded(port->peer);
    port->wants_room |= is;
    g_mutex_unlock(&port->link->mutex);
    return is;
}

/* Fills an empty inbox. */
static void take_over(struct net_port *port)
{
    g_mutex_lock(&port->link->mutex);
    port->inbox = take_all(port);
    struct net_port *tell = to_schedule(port->peer, port->peer->wants_room);
    g_mutex_unlock(&port->link->mutex);
    schedule(tell);
}

/* Hands one frame to the owner; false if there is none or the owner does not take it. */
static bool hand_out(struct net_port *port)
{
    const struct net_port_ops *ops = port->ops;
    if (port->inbox == NULL && ops != NULL && !port->blocked) {
        take_over(port);
    }
    struct frame *frame = port->inbox;
    if (frame == NULL || ops == NULL || port->blocked) {
        return false;
    }
    if (net_port_link_up(port)) {
        port->resumed = false;
        if (ops->receive(port->owner, frame->data, frame->size) == NET_WAIT) {
            if (!port->resumed) {
                g_mutex_lock(&port->link->mutex);
                port->blocked = true;
                g_mutex_unlock(&port->link->mutex);
            }
            return port->resumed;
        }
        if (port->tap != NULL) {
            port->tap(port->tap_arg, frame->data, frame->size);
        }
    }
    port->inbox = frame->next;
    g_free(frame);
    return true;
}

void net_port_poll(struct net_port *port)
{
    g_mutex_lock(&port->link->mutex);
    const struct net_port_ops *ops = port->ops;
    port->scheduled = false;
    bool up = net_link_up(port->link), tell = ops != NULL && up != port->link_told;
    port->link_told = up;
    bool room = ops != NULL && port->wants_room && !crowded(port->peer);
    if (room) {
        port->wants_room = false;
    }
    g_mutex_unlock(&port->link->mutex);
    if (tell && ops->link != NULL) {
        ops->link(port->owner, up);
    }
    if (room && ops->resume != NULL) {
        ops->resume(port->owner);
    }
    unsigned n = 0;
    while (n < POLL_BATCH && hand_out(port)) {
        n++;
    }
    if (n == POLL_BATCH) {
        g_mutex_lock(&port->link->mutex);
        struct net_port *tell_self = to_schedule(port, true);
        g_mutex_unlock(&port->link->mutex);
        schedule(tell_self);
    }
}

void net_port_resume(struct net_port *port)
{
    port->resumed = true;
    if (!port->blocked) {
        return;
    }
    g_mutex_lock(&port->link->mutex);
    port->blocked = false;
    struct net_port *tell = to_schedule(port, port->inbox != NULL || port->first != NULL);
    g_mutex_unlock(&port->link->mutex);
    schedule(tell);
}

struct net_port_stats net_port_stats(struct net_port *port)
{
    g_mutex_lock(&port->link->mutex);
    struct net_port_stats stats = port->stats;
    g_mutex_unlock(&port->link->mutex);
    return stats;
}
