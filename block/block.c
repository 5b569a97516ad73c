/*
 * Requests: checks, the way to the engine's thread and back, statistics, draining.
 *
 * A request goes: submit (machine thread) -> pending -> engine -> finished -> one event for the
 * whole list -> done() (machine thread). There is one event a block, not one a request, so that
 * draining can hand out the completions itself, whatever state the event queue is in; the event
 * then finds an empty list.
 */
#include "block/block_impl.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>

int64_t block_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- completion ---- */

void block_count_request(struct block_stats *stats, const struct block_request *request, int result)
{
    int64_t taken = block_now_ns() - request->started_ns;

    if (result < 0) {
        stats->errors++;
        return;
    }
    switch (request->op) {
    case BLOCK_READ:
        stats->reads++;
        stats->bytes_read += request->bytes;
        stats->read_ns += taken;
        break;
    case BLOCK_WRITE:
    case BLOCK_WRITE_ZEROES:
        stats->writes++;
        stats->bytes_written += request->bytes;
        stats->write_ns += taken;
        break;
    case BLOCK_FLUSH:
        stats->flushes++;
        stats->flush_ns += taken;
        break;
    case BLOCK_DISCARD:
        stats->discards++;
        break;
    }
}

/* Puts a request on the list of finished ones; mutex held. */
static void finish_locked(struct block *block, struct block_request *request, int result)
{
    request->result = result;
    block_count_request(&block->stats, request, result);
    if (request->waited_for) {
        request->busy = false;
        block->in_flight--;
    } else {
        block_list_append(&block->finished, request);
    }
    pthread_cond_broadcast(&block->done);
}

void block_finish(struct block *block, struct block_request *request, int result)
{
    bool post = !request->waited_for;

    pthread_mutex_lock(&block->mutex);
    finish_locked(block, request, result);
    pthread_mutex_unlock(&block->mutex);
    /* Outside the lock: posting wakes the machine thread through a callback that takes locks of its
     * own. */
    if (post) {
        event_post(block->queue, &block->event);
    }
}

/* Calls done() for what is finished, one by one, since each may submit, or drain. */
static void deliver(struct block *block)
{
    for (;;) {
        pthread_mutex_lock(&block->mutex);
        struct block_request *request = block_list_take(&block->finished);
        bool was_delivering = block->delivering;
        if (request != NULL) {
            block->in_flight--;
            block->delivering = true;
        }
        pthread_mutex_unlock(&block->mutex);
        if (request == NULL) {
            return;
        }
        request->busy = false;
        request->done(request, request->result);
        pthread_mutex_lock(&block->mutex);
        block->delivering = was_delivering;
        pthread_mutex_unlock(&block->mutex);
    }
}

void block_deliver_event(struct event *event)
{
    deliver((struct block *)((char *)event - offsetof(struct block, event)));
}

void block_drain(struct block *block)
{
    for (;;) {
        pthread_mutex_lock(&block->mutex);
        while (block->in_flight > 0 && block->finished.head == NULL) {
            pthread_cond_wait(&block->done, &block->mutex);
        }
        bool empty = block->in_flight == 0;
        pthread_mutex_unlock(&block->mutex);
        if (empty) {
            return;
        }
        deliver(block);
    }
}

unsigned block_in_flight(struct block *block)
{
    pthread_mutex_lock(&block->mutex);
    unsigned count = block->in_flight;
    pthread_mutex_unlock(&block->mutex);
    return count;
}

/* ---- submission ---- */

static bool iov_fits(const struct block_request *request)
{
    uint64_t sum = 0;

    if (request->iov_count < 1 || request->iov_count > BLOCK_REQUEST_MAX_IOV) {
        return false;
    }
    for (int i = 0; i < request->iov_count; i++) {
        if (request->iov[i].iov_len > request->bytes - sum) {
            return false;
        }
        sum += request->iov[i].iov_len;
    }
    return sum == request->bytes;
}

int block_check_request(const struct block *block, const struct block_request *request,
                        unsigned align)
{
    bool moves = request->op == BLOCK_READ || request->op == BLOCK_WRITE;

    if (request->op == BLOCK_FLUSH) {
        return 0;
    }
    if (request->op != BLOCK_READ && block->options.read_only) {
        return -EROFS;
    }
    if (request->offset > block->bytes || request->bytes > block->bytes - request->offset) {
        return -EIO;
    }
    if (request->offset % align != 0 || request->bytes % align != 0) {
        return -EINVAL;
    }
    if (moves && request->bytes > 0 &&
        (request->bytes > BLOCK_REQUEST_MAX_BYTES || !iov_fits(request))) {
        return -EINVAL;
    }
    return 0;
}

/* Both ways, since the libaio thread may have fallen back on being a plain worker. */
void block_wake_engine(struct block *block)
{
    pthread_cond_signal(&block->wake);
    if (block->use_aio) {
        block_aio_wake(block);
    }
}

void block_hand_to_engine(struct block *block, struct block_request *request)
{
    block_list_append(&block->pending, request);
    block_wake_engine(block);
}

void block_submit(struct block *block, struct block_request *request)
{
    int result = block_check_request(block, request, BLOCK_SECTOR_BYTES);
    bool nothing = request->op != BLOCK_FLUSH && request->bytes == 0;

    g_assert(block->queue != NULL && !request->busy);
    request->busy = true;
    request->block = block;
    request->waited_for = false;
    request->started_ns = block_now_ns();
    pthread_mutex_lock(&block->mutex);
    block->in_flight++;
    if (result < 0 || nothing) {
        finish_locked(block, request, result);
        pthread_mutex_unlock(&block->mutex);
        event_post(block->queue, &block->event);
        return;
    }
    block_hand_to_engine(block, request);
    pthread_mutex_unlock(&block->mutex);
}
