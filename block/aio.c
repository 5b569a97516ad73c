/*
 * Images opened with O_DIRECT: a thread that keeps several requests in flight through libaio
 * (io_submit(2)), or through threads that make plain calls (aio=threads). One eventfd wakes it for
 * both new requests and completions. The format says where
 * a request's data lies in the host file (`locate`: metadata only, in this thread). What has no such
 * place, or libaio cannot do, or O_DIRECT does not take (new clusters, flush, zeroing, odd offsets),
 * waits until nothing is in flight and is then done by plain calls; so metadata never changes, and no
 * cluster finds a new use, under a transfer.
 *
 * Memory that is not aligned as O_DIRECT wants it goes through an aligned buffer of the request's
 * own.
 */
#include "block/aio_threads.h"
#include "block/block_impl.h"

#include <errno.h>
#include <libaio.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    AIO_DEPTH = 32,
    IDLE_MS = 1000,
    MEMORY_ALIGN = 4096,
    BOUNCE_MAX_BYTES = 1 << 20, /* longer unaligned requests take the blocking way, in pieces */
};

struct aio_slot {
    struct iocb iocb; /* first: the kernel gives it back */
    struct aio_transfer transfer;
    struct block_request *request;
    struct iovec bounce; /* base NULL: the request's own memory is used */
    struct aio_slot *next_free;
};

struct aio {
    struct block *block;
    io_context_t context;
    struct aio_threads *threads; /* instead of the context; NULL: libaio */
    struct aio_slot slots[AIO_DEPTH];
    struct aio_slot *free;
    unsigned busy;
};

void block_aio_wake(struct block *block)
{
    uint64_t one = 1;

    /* Can only fail when the counter is about to overflow, and then the thread is awake anyway. */
    if (write(block->wake_fd, &one, sizeof(one)) < 0) {
        return;
    }
}

/* Waits for a new request or a completion; false after timeout_ms (-1: none). */
static bool wait_for_wake(struct block *block, int timeout_ms)
{
    struct pollfd fd = {.fd = block->wake_fd, .events = POLLIN};
    uint64_t count;

    if (timeout_ms >= 0 && poll(&fd, 1, timeout_ms) == 0) {
        return false;
    }
    while (read(block->wake_fd, &count, sizeof(count)) < 0 && errno == EINTR) {
        continue;
    }
    return true;
}

/* ---- one request ---- */

/* Where the data of a request is. */
struct place {
    struct block_file *file;
    uint64_t offset;
};

static bool iov_aligned(const struct block_request *request, size_t align)
{
    if (request->iov_count > IOV_MAX) {
        return false;
    }
    for (int i = 0; i < request->iov_count; i++) {
        if ((uintptr_t)request->iov[i].iov_base % MEMORY_ALIGN != 0 ||
            request->iov[i].iov_len % align != 0) {
            return false;
        }
    }
    return true;
}

/* Where in a host file the whole of it lies. */
static bool locate(struct block *block, const struct block_request *request, struct place *place)
{
    struct block_image *image = block->image;
    bool write = request->op == BLOCK_WRITE;

    pthread_mutex_lock(&block->image_mutex);
    /* A write that is to be on the disk when it completes takes waiting metadata along. */
    bool found = !(write && (image->read_only || (block_writes_through(block) && block_image_dirty(image)))) &&
                 image->driver->locate(image, write, request->offset, request->bytes, &place->file,
                                       &place->offset);
    pthread_mutex_unlock(&block->image_mutex);
    return found;
}

/* True if the kernel can do this one by itself. */
static bool is_suitable(struct block *block, const struct block_request *request,
                        struct place *place)
{
    if ((request->op != BLOCK_READ && request->op != BLOCK_WRITE) ||
        block_is_zero_write(block, request) || !locate(block, request, place)) {
        return false;
    }
    size_t align = place->file->align;
    if (align == 1 || place->offset % align != 0 || request->bytes % align != 0 ||
        place->offset + request->bytes > place->file->bytes) {
        return false;
    }
    return request->bytes <= BOUNCE_MAX_BYTES || iov_aligned(request, align);
}

static void copy_iov(const struct block_request *request, uint8_t *buffer, bool to_iov)
{
    for (int i = 0; i < request->iov_count; i++) {
        const struct iovec *iov = &request->iov[i];
        if (iov->iov_len > 0) {
            memcpy(to_iov ? iov->iov_base : buffer, to_iov ? buffer : iov->iov_base, iov->iov_len);
        }
        buffer += iov->iov_len;
    }
}

static bool prepare_memory(struct aio_slot *slot, size_t align)
{
    struct block_request *request = slot->request;
    void *memory = NULL;

    slot->bounce = (struct iovec){0};
    if (iov_aligned(request, align)) {
        return true;
    }
    if (posix_memalign(&memory, MEMORY_ALIGN, request->bytes) != 0) {
        return false;
    }
    slot->bounce = (struct iovec){.iov_base = memory, .iov_len = request->bytes};
    if (request->op == BLOCK_WRITE) {
        copy_iov(request, memory, false);
    }
    return true;
}

static void release_slot(struct aio *aio, struct aio_slot *slot)
{
    free(slot->bounce.iov_base);
    slot->request = NULL;
    slot->next_free = aio->free;
    aio->free = slot;
    aio->busy--;
}

/* Starts a request in a free slot. False: to be done by plain calls instead. */
static bool start(struct aio *aio, struct block_request *request, const struct place *place)
{
    struct block_file *file = place->file;
    struct aio_slot *slot = aio->free;
    struct iocb *iocb = &slot->iocb;

    aio->free = slot->next_free;
    aio->busy++;
    slot->request = request;
    if (!prepare_memory(slot, file->align)) {
        release_slot(aio, slot);
        return false;
    }
    const struct iovec *iov = slot->bounce.iov_base != NULL ? &slot->bounce : request->iov;
    int count = slot->bounce.iov_base != NULL ? 1 : request->iov_count;
    if (aio->threads != NULL) {
        slot->transfer = (struct aio_transfer){ .fd = file->fd, .write = request->op == BLOCK_WRITE, .iov = iov,
                                                .iov_count = count, .offset = place->offset };
        aio_threads_submit(aio->threads, &slot->transfer);
        return true;
    }
    if (request->op == BLOCK_READ) {
        io_prep_preadv(iocb, file->fd, iov, count, (long long)place->offset);
    } else {
        io_prep_pwritev(iocb, file->fd, iov, count, (long long)place->offset);
    }
    io_set_eventfd(iocb, aio->block->wake_fd);
    if (io_submit(aio->context, 1, &iocb) != 1) {
        release_slot(aio, slot);
        return false;
    }
    return true;
}

static void complete(struct aio *aio, struct aio_slot *slot, long result)
{
    struct block_request *request = slot->request;

    if (result == (long)request->bytes) {
        if (request->op == BLOCK_READ && slot->bounce.iov_base != NULL) {
            copy_iov(request, slot->bounce.iov_base, true);
        }
        result = 0;
    } else if (result >= 0) {
        /* Short: the plain calls find out why, and bring it to an end or to an error. */
        result = block_execute(aio->block, request);
    }
    release_slot(aio, slot);
    block_finish(aio->block, request, (int)result);
}

static void reap_threads(struct aio *aio, bool wait)
{
    struct aio_transfer *transfer;

    for (; (transfer = aio_threads_take(aio->threads, wait)) != NULL; wait = false) {
        complete(aio, (struct aio_slot *)((char *)transfer - offsetof(struct aio_slot, transfer)), transfer->result);
    }
}

/* Takes in what is complete; waits for at least `least` of them, 0 or 1. */
static void reap(struct aio *aio, long least)
{
    if (aio->threads != NULL) {
        reap_threads(aio, least > 0);
        return;
    }
    struct io_event events[AIO_DEPTH];
    int count;

    do {
        count = io_getevents(aio->context, least, AIO_DEPTH, events, NULL);
    } while (count == -EINTR);
    for (int i = 0; i < count; i++) {
        complete(aio, (struct aio_slot *)events[i].obj, (long)events[i].res);
    }
}

/* ---- the thread ---- */

static struct block_request *next_request(struct block *block, bool *stop)
{
    pthread_mutex_lock(&block->mutex);
    struct block_request *request = block_list_take(&block->pending);
    *stop = block->stop;
    pthread_mutex_unlock(&block->mutex);
    return request;
}

static void reap_all(struct aio *aio)
{
    while (aio->busy > 0) {
        reap(aio, 1);
    }
}

static void carry_out(struct aio *aio, struct block_request *request)
{
    while (aio->free == NULL) {
        reap(aio, 1);
    }
    struct place place;
    if (is_suitable(aio->block, request, &place) && start(aio, request, &place)) {
        return;
    }
    reap_all(aio);
    block_finish(aio->block, request, block_execute(aio->block, request));
}

/* Nothing to do for now; once a second has passed, metadata that is waiting is written. */
static void wait_for_work(struct aio *aio, bool *idle_done)
{
    bool formats = aio->block->image->driver->dirty != NULL;

    if (!wait_for_wake(aio->block, formats && aio->busy == 0 && !*idle_done ? IDLE_MS : -1)) {
        block_write_waiting(aio->block);
        *idle_done = true;
    }
}

void *block_aio_main(void *arg)
{
    struct aio aio = {.block = arg};
    int64_t written = block_seconds();
    bool stop = false, idle_done = true;

    for (unsigned i = 0; i < AIO_DEPTH; i++) {
        aio.slots[i].next_free = aio.free;
        aio.free = &aio.slots[i];
    }
    if (aio.block->options.aio == BLOCK_AIO_THREADS) {
        aio.threads = aio_threads_create(aio.block->wake_fd);
    }
    if (aio.threads == NULL && io_setup(AIO_DEPTH, &aio.context) < 0) {
        /* The system's limit (fs.aio-max-nr) is used up: one at a time, then. */
        return block_worker_main(arg);
    }
    for (;;) {
        struct block_request *request = next_request(aio.block, &stop);
        if (request != NULL) {
            carry_out(&aio, request);
            idle_done = false;
        } else if (stop && aio.busy == 0) {
            break;
        } else {
            wait_for_work(&aio, &idle_done);
        }
        if (aio.busy > 0) {
            reap(&aio, 0);
        }
        if (block_seconds() - written >= BLOCK_BUSY_SECONDS) {
            reap_all(&aio);
            block_write_waiting(aio.block);
            written = block_seconds();
        }
    }
    if (aio.threads != NULL) {
        aio_threads_destroy(aio.threads);
    } else {
        io_destroy(aio.context);
    }
    return NULL;
}
