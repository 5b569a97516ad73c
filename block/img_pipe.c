/*
 * A ring of pieces between the threads that fill them and the one that empties them (img_pipe.h). A
 * piece's number gives its place in the ring, so order needs no sorting.
 */
#include "block/img_pipe.h"
#include "block/driver_impl.h"

#include <glib.h>

enum { PLACES_PER_THREAD = 4 }; /* threads that lose the CPU for a while do not hold up the others */

enum state { STATE_FREE, STATE_TAKEN, STATE_READY };

struct place {
    struct img_piece piece;
    enum state state;
};

struct ring {
    const struct img_pipe *pipe;
    GMutex mutex;
    GCond ready; /* the piece that is to be taken next, or the end */
    GCond room;  /* a place is free, or the end */
    struct place *places;
    unsigned count;
    uint64_t given, taken; /* pieces begun, pieces done with */
    unsigned wait_room;    /* threads that wait for `room`: nobody is woken for nothing */
    bool wait_ready;
    bool ended; /* no more are begun */
};

struct worker {
    struct ring *ring;
    unsigned number;
    GThread *thread;
};

/* The place of the next piece, which is to be worked on; NULL: there is none. Mutex held. */
static struct place *begin_piece(struct ring *ring, unsigned thread)
{
    while (!ring->ended) {
        struct place *place = &ring->places[ring->given % ring->count];
        if (place->state == STATE_FREE) {
            ring->ended = !ring->pipe->next(ring->pipe->arg, thread, &place->piece);
            if (ring->ended) {
                break;
            }
            ring->given++;
            place->state = STATE_TAKEN;
            return place;
        }
        ring->wait_room++;
        g_cond_wait(&ring->room, &ring->mutex);
        ring->wait_room--;
    }
    g_cond_broadcast(&ring->room);
    g_cond_signal(&ring->ready);
    return NULL;
}

static gpointer worker_main(gpointer arg)
{
    struct worker *worker = arg;
    struct ring *ring = worker->ring;

    g_mutex_lock(&ring->mutex);
    for (struct place *place; (place = begin_piece(ring, worker->number)) != NULL;) {
        g_mutex_unlock(&ring->mutex);
        ring->pipe->work(ring->pipe->arg, worker->number, &place->piece);
        g_mutex_lock(&ring->mutex);
        place->state = STATE_READY;
        if (ring->wait_ready && place == &ring->places[ring->taken % ring->count]) {
            g_cond_signal(&ring->ready);
        }
    }
    g_mutex_unlock(&ring->mutex);
    return NULL;
}

static int take_pieces(struct ring *ring)
{
    int status = 0;

    g_mutex_lock(&ring->mutex);
    while (status == 0) {
        struct place *place = &ring->places[ring->taken % ring->count];
        if (place->state == STATE_READY) {
            g_mutex_unlock(&ring->mutex);
            status = ring->pipe->take(ring->pipe->arg, &place->piece);
            g_mutex_lock(&ring->mutex);
            place->state = STATE_FREE;
            ring->taken++;
            if (ring->wait_room > 0) {
                g_cond_signal(&ring->room);
            }
        } else if (ring->ended && ring->taken == ring->given) {
            break;
        } else {
            ring->wait_ready = true;
            g_cond_wait(&ring->ready, &ring->mutex);
            ring->wait_ready = false;
        }
    }
    ring->ended = true;
    g_cond_broadcast(&ring->room);
    g_mutex_unlock(&ring->mutex);
    return status;
}

int img_pipe_run(const struct img_pipe *pipe)
{
    struct worker workers[IMG_PIPE_THREADS_MAX];
    struct ring ring = {.pipe = pipe, .count = PLACES_PER_THREAD * pipe->threads};

    g_mutex_init(&ring.mutex);
    g_cond_init(&ring.ready);
    g_cond_init(&ring.room);
    ring.places = g_new0(struct place, ring.count);
    for (unsigned i = 0; i < ring.count; i++) {
        ring.places[i].piece.buffer = block_memory(pipe->buffer_bytes);
        ring.places[i].piece.extra = g_malloc(pipe->extra_bytes);
    }
    for (unsigned i = 0; i < pipe->threads; i++) {
        workers[i] = (struct worker){.ring = &ring, .number = i};
        workers[i].thread = g_thread_new("read", worker_main, &workers[i]);
    }
    int status = take_pieces(&ring);
    for (unsigned i = 0; i < pipe->threads; i++) {
        g_thread_join(workers[i].thread);
    }
    for (unsigned i = 0; i < ring.count; i++) {
        g_free(ring.places[i].piece.buffer);
        g_free(ring.places[i].piece.extra);
    }
    g_free(ring.places);
    g_mutex_clear(&ring.mutex);
    g_cond_clear(&ring.ready);
    g_cond_clear(&ring.room);
    return status;
}

unsigned img_pipe_threads(void)
{
    return CLAMP(g_get_num_processors(), 2, IMG_PIPE_THREADS_MAX);
}
