/*
 * The wire between a card and a backend. See port.h.
 *
 * One mutex guards both queues; it is never held while an owner's receive, resume or link operation
 * or a tap runs, so these may send.
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
    unsigned frames;
    size_t bytes;
    bool scheduled;  /* schedule() was called and net_port_poll() not yet */
    bool blocked;    /* the owner's receive said NET_WAIT */
    bool wants_room; /* the owner waits for room at the peer */
    bool link_told;  /* what the owner last heard of the cable */
    net_tap_fn *tap; /* of the owner's thread */
    void *tap_arg;
    struct net_port_stats stats;
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

/* The mutex is held. */
static void schedule(struct net_port *port)
{
    if (port->ops != NULL && !port->scheduled) {
        port->scheduled = true;
        port->ops->schedule(port->owner);
    }
}

static bool crowded(const struct net_port *to)
{
    return to->frames > NET_QUEUE_LOW_FRAMES || to->bytes > NET_QUEUE_LOW_BYTES;
}

void net_link_set(struct net_link *link, bool up)
{
    g_mutex_lock(&link->mutex);
    __atomic_store_n(&link->up, up, __ATOMIC_RELAXED);
    schedule(&link->ports[0]);
    schedule(&link->ports[1]);
    g_mutex_unlock(&link->mutex);
}

bool net_link_up(const struct net_link *link)
{
    return __atomic_load_n(&link->up, __ATOMIC_RELAXED);
}

bool net_port_link_up(const struct net_port *port)
{
    return net_link_up(port->link);
}

/* Takes out the first frame to this end; the mutex is held. */
static struct frame *take(struct net_port *port)
{
    struct frame *frame = port->first;
    if (frame != NULL) {
        port->first = frame->next;
        if (port->first == NULL) {
            port->last = &port->first;
        }
        port->frames--;
        port->bytes -= frame->size;
    }
    return frame;
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
    struct frame *frame;
    while ((frame = take(port)) != NULL) {
        g_free(frame);
    }
    port->ops = NULL;
    port->owner = NULL;
    port->tap = NULL;
    port->scheduled = port->blocked = port->wants_room = false;
    if (port->peer->wants_room) {
        schedule(port->peer);
    }
    g_mutex_unlock(&port->link->mutex);
}

void net_port_set_tap(struct net_port *port, net_tap_fn *fn, void *arg)
{
    port->tap = fn;
    port->tap_arg = arg;
}

enum net_result net_port_send(struct net_port *port, const uint8_t *data, size_t size)
{
    struct net_port *to = port->peer;
    enum net_result result = NET_SENT;
    assert(size <= NET_FRAME_MAX);
    g_mutex_lock(&port->link->mutex);
    if (to->ops == NULL || !net_link_up(port->link)) {
        port->stats.dropped++;
    } else if (to->frames >= NET_QUEUE_FRAMES || to->bytes + size > NET_QUEUE_BYTES) {
        port->wants_room = true;
        result = NET_WAIT;
    } else {
        struct frame *frame = g_malloc(sizeof(*frame) + size);
        frame->next = NULL;
        frame->size = size;
        memcpy(frame->data, data, size);
        *to->last = frame;
        to->last = &frame->next;
        to->frames++;
        to->bytes += size;
        port->stats.frames++;
        port->stats.bytes += size;
        if (!to->blocked) {
            schedule(to);
        }
    }
    g_mutex_unlock(&port->link->mutex);
    if (result == NET_SENT && port->tap != NULL) {
        port->tap(port->tap_arg, data, size);
    }
    return result;
}

bool net_port_crowded(struct net_port *port)
{
    g_mutex_lock(&port->link->mutex);
    bool is = crowded(port->peer);
    port->wants_room |= is;
    g_mutex_unlock(&port->link->mutex);
    return is;
}

/* Hands one frame to the owner; false if there is none or the owner does not take it. */
static bool hand_out(struct net_port *port)
{
    g_mutex_lock(&port->link->mutex);
    const struct net_port_ops *ops = port->ops;
    struct frame *frame = port->blocked || ops == NULL ? NULL : port->first;
    /* Set first: the owner may call net_port_resume() from within receive. Only this thread takes
     * frames out, so the first one stays while the owner looks at it. */
    port->blocked |= frame != NULL;
    g_mutex_unlock(&port->link->mutex);
    if (frame == NULL) {
        return false;
    }
    if (net_port_link_up(port)) {
        if (ops->receive(port->owner, frame->data, frame->size) == NET_WAIT) {
            g_mutex_lock(&port->link->mutex);
            bool again = !port->blocked;
            g_mutex_unlock(&port->link->mutex);
            return again;
        }
        if (port->tap != NULL) {
            port->tap(port->tap_arg, frame->data, frame->size);
        }
    }
    g_mutex_lock(&port->link->mutex);
    port->blocked = false;
    frame = take(port);
    if (port->peer->wants_room && !crowded(port)) {
        schedule(port->peer);
    }
    g_mutex_unlock(&port->link->mutex);
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
        schedule(port);
        g_mutex_unlock(&port->link->mutex);
    }
}

void net_port_resume(struct net_port *port)
{
    g_mutex_lock(&port->link->mutex);
    port->blocked = false;
    if (port->first != NULL) {
        schedule(port);
    }
    g_mutex_unlock(&port->link->mutex);
}

struct net_port_stats net_port_stats(struct net_port *port)
{
    g_mutex_lock(&port->link->mutex);
    struct net_port_stats stats = port->stats;
    g_mutex_unlock(&port->link->mutex);
    return stats;
}
