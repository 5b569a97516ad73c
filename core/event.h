/*
 * The one door through which everything nondeterministic reaches the guest: key presses, packets, disk
 * completions, console bytes. Any thread posts; the machine thread takes events out, in order, under the
 * machine lock, at a definite point of guest time.
 */
#ifndef CORE_EVENT_H
#define CORE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

struct event;
typedef void event_fn(struct event *event);

/* Usually embedded in what it is about (a request, a port). Owned by the poster until fn is called; fn may
 * free or post it again. */
struct event {
    event_fn *fn;
    struct event *next; /* queue's own */
    bool queued;        /* queue's own: posting a queued event again does nothing */
};

struct event_queue;

struct event_queue *event_queue_create(void);
/* Events still queued are dropped without being called. */
void event_queue_destroy(struct event_queue *queue);

/* Thread-safe, never blocks. Returns false if the event was already queued. */
bool event_post(struct event_queue *queue, struct event *event);
/* Takes an event out again if it is still queued. Thread-safe. True if it was. */
bool event_cancel(struct event_queue *queue, struct event *event);
/* Calls every event queued at the time of the call. Machine lock held. Returns how many. */
unsigned event_run(struct event_queue *queue);
bool event_pending(struct event_queue *queue);
/* Called from event_post() in the poster's thread, to wake the machine thread. */
void event_on_post(struct event_queue *queue, void (*fn)(void *arg), void *arg);

#endif
