/*
 * Inside of struct block, shared by block*.c (requests, synchronous calls, opening, information) and
 * the two engines that carry requests out: worker.c (any format, one request after the other) and
 * aio.c (O_DIRECT, several at once).
 */
#ifndef BLOCK_BLOCK_IMPL_H
#define BLOCK_BLOCK_IMPL_H

#include "block/block.h"
#include "block/driver_impl.h"
#include "core/event.h"

#include <pthread.h>

/* A list that is taken from at its head. */
struct block_request_list {
    struct block_request *head;
    struct block_request *tail;
};

struct block {
    struct block_image *image;    /* driver calls: under image_mutex */
    uint64_t bytes;               /* image->bytes; changes only while drained */
    struct block_options options; /* strings are not kept */
    struct event_queue *queue;    /* not owned; NULL: no thread, synchronous only */
    struct event event;           /* posted when finished becomes non-empty */
    struct block_snapshot *snapshots; /* last answer of block_snapshots() */
    bool use_aio;
    pthread_t thread;
    int wake_fd; /* eventfd of aio.c: new requests and completions; -1: none */

    pthread_mutex_t image_mutex; /* held around driver calls; never together with mutex */
    int late_error;              /* of a flush of our own, for the next flush; under image_mutex */

    pthread_mutex_t mutex;              /* guards all below */
    pthread_cond_t wake;                /* for the worker: pending or stop */
    pthread_cond_t done;                /* something was finished */
    struct block_request_list pending;  /* not taken by the engine yet */
    struct block_request_list finished; /* done() to be called */
    unsigned in_flight;                 /* submitted, done() not called yet */
    bool stop;
    bool delivering; /* inside a done() */
    struct block_stats stats;
};

static inline void block_list_append(struct block_request_list *list, struct block_request *request)
{
    request->next = NULL;
    if (list->head == NULL) {
        list->head = request;
    } else {
        list->tail->next = request;
    }
    list->tail = request;
}

static inline struct block_request *block_list_take(struct block_request_list *list)
{
    struct block_request *request = list->head;

    if (request != NULL) {
        list->head = request->next;
        request->next = NULL;
    }
    return request;
}

/* 0 or -errno. align: what offset and length must be multiples of. */
int block_check_request(const struct block *block, const struct block_request *request,
                        unsigned align);
/* Wakes the engine: mutex held. */
void block_wake_engine(struct block *block);
/* Appends to pending, and wakes the engine: mutex held. */
void block_hand_to_engine(struct block *block, struct block_request *request);
/* The event of a block. */
void block_deliver_event(struct event *event);
void block_count_request(struct block_stats *stats, const struct block_request *request,
                         int result);
/* The host's monotonic clock. */
int64_t block_now_ns(void);

/* Engine's thread: the host is through with a request. 0 or -errno. The request is not touched
 * after it. */
void block_finish(struct block *block, struct block_request *request, int result);
/* Carries out one request with the driver's blocking calls. */
int block_execute(struct block *block, const struct block_request *request);
/* cache= wants writes on the disk when they complete. */
bool block_writes_through(const struct block *block);
/* Writes metadata that is waiting (struct block_driver, dirty); nothing is in flight. */
void block_write_waiting(struct block *block);
enum { BLOCK_BUSY_SECONDS = 5 }; /* so long at most it waits while requests keep coming */
/* The host's monotonic clock, coarse. */
int64_t block_seconds(void);
/* A write of nothing but zeroes that shall not be written as such (detect-zeroes=)? */
bool block_is_zero_write(const struct block *block, const struct block_request *request);

/* Engine threads; the argument is the struct block. They end when stop is set and nothing is
 * pending. */
void *block_worker_main(void *block);
void *block_aio_main(void *block);
/* Mutex held. */
void block_aio_wake(struct block *block);

#endif
