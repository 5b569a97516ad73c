/*
 * Network ports: two ends of a wire, one held by a card, the other by a backend.
 *
 * Each end belongs to one thread (the card's to the machine thread, the backend's to the main
 * thread). What one end sends is copied into a bounded queue; the other end is told by its
 * schedule() operation, which any thread may call, and takes the frames out with net_port_poll() in
 * its own thread. So neither ever waits for the other. Back-pressure: a full queue answers
 * NET_WAIT, and the sender's resume() is called when there is room again; a receiver that answers
 * NET_WAIT keeps the frame in the queue until it calls net_port_resume(). A cable that is pulled
 * out (link down) swallows frames, as does an end without owner.
 *
 * Frames are Ethernet frames without preamble and FCS.
 */
#ifndef NET_PORT_H
#define NET_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_FRAME_MAX   16384u
#define NET_HEADER_SIZE 14u
/* A queue of one direction. Above the low mark it is `crowded`: a sender should then stop. */
#define NET_QUEUE_FRAMES     2048u
#define NET_QUEUE_BYTES      (2u << 20)
#define NET_QUEUE_LOW_FRAMES 256u
#define NET_QUEUE_LOW_BYTES  (256u << 10)

struct net_link;
struct net_port;

enum net_result { NET_SENT, NET_WAIT };

struct net_port_ops {
    /* Any thread, never blocks, must not call back: have net_port_poll() called soon in the owner's
     * thread. */
    void (*schedule)(void *owner);
    /* The rest from within net_port_poll(). A frame has come. NET_WAIT: not now, I shall call
     * net_port_resume(). */
    enum net_result (*receive)(void *owner, const uint8_t *frame, size_t size);
    /* NULL, or: after NET_WAIT or a crowded queue, there is room again. */
    void (*resume)(void *owner);
    /* NULL, or: the cable was plugged in or pulled out. */
    void (*link)(void *owner, bool up);
};

/* Sees every frame that an end sent or received, in the thread of that end's owner. */
typedef void net_tap_fn(void *arg, const uint8_t *frame, size_t size);

struct net_port_stats {
    uint64_t frames, bytes; /* queued towards the other end */
    uint64_t dropped;       /* sent with the cable out, or to nobody */
};

/* A wire whose cable is plugged in and whose two ends have no owner. */
struct net_link *net_link_create(void);
/* Both ends must have been detached. NULL is fine. */
void net_link_destroy(struct net_link *link);
/* End 0 (by convention the card's) or 1 (the backend's). */
struct net_port *net_link_port(struct net_link *link, unsigned n);
/* Any thread: plugs in or pulls out; both ends are told. */
void net_link_set(struct net_link *link, bool up);
bool net_link_up(const struct net_link *link);

void net_port_attach(struct net_port *port, const struct net_port_ops *ops, void *owner);
/* In the owner's thread, while the other end's thread is not working on the wire (that of the cards has ended when backends are
 * closed). Frames queued to this end are dropped; afterwards no operation is called. */
void net_port_detach(struct net_port *port);
/* Watches this end; NULL: no more. In the owner's thread. */
void net_port_set_tap(struct net_port *port, net_tap_fn *fn, void *arg);

/* The rest in the owner's thread. Copies a frame of at most NET_FRAME_MAX bytes. */
enum net_result net_port_send(struct net_port *port, const uint8_t *frame, size_t size);
/* Between the two the other end is not woken: several frames make one wake-up. */
void net_port_cork(struct net_port *port);
void net_port_uncork(struct net_port *port);
/* Is the queue to the other end above its low mark? If so, resume() will be called. */
bool net_port_crowded(struct net_port *port);
/* Hands out frames, room and link changes. */
void net_port_poll(struct net_port *port);
/* This end takes frames again. */
void net_port_resume(struct net_port *port);
bool net_port_link_up(const struct net_port *port);
struct net_port_stats net_port_stats(struct net_port *port);

#endif
