/*
 * Requests: checks, the way to the engine's thread and back, statistics, draining; and the
 * synchronous calls.
 *
 * A request goes: submit (machine thread) -> pending -> engine -> finished -> one event for the
 * whole list -> done() (machine thread). There is one event a block, not one a request, so that
 * draining can hand out the completions itself, whatever state the event queue is in; the event
 * then finds an empty list.
 */
#include "block/block_impl.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- cache modes ---- */

static const char *const cache_names[] = {
    [BLOCK_CACHE_WRITEBACK] = "writeback", [BLOCK_CACHE_WRITETHROUGH] = "writethrough",
    [BLOCK_CACHE_NONE] = "none",           [BLOCK_CACHE_DIRECTSYNC] = "directsync",
    [BLOCK_CACHE_UNSAFE] = "unsafe",
};

bool block_cache_parse(const char *name, enum block_cache *cache)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(cache_names); i++) {
        if (strcmp(name, cache_names[i]) == 0) {
            *cache = (enum block_cache)i;
            return true;
        }
    }
    return false;
}

const char *block_cache_name(enum block_cache cache)
{
    return cache_names[cache];
}

static const char *const preallocation_names[] = {
    [BLOCK_PREALLOCATE_OFF] = "off",
    [BLOCK_PREALLOCATE_METADATA] = "metadata",
    [BLOCK_PREALLOCATE_FALLOC] = "falloc",
    [BLOCK_PREALLOCATE_FULL] = "full",
};

bool block_preallocation_parse(const char *name, enum block_preallocation *mode)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(preallocation_names); i++) {
        if (strcmp(name, preallocation_names[i]) == 0) {
            *mode = (enum block_preallocation)i;
            return true;
        }
    }
    return false;
}

const char *block_preallocation_name(enum block_preallocation mode)
{
    return preallocation_names[mode];
}

/* ---- completion ---- */

static void count_request(struct block_stats *stats, const struct block_request *request,
                          int result)
{
    int64_t taken = now_ns() - request->started_ns;

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
    count_request(&block->stats, request, result);
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

static void deliver_event(struct event *event)
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

/* 0 or -errno. align: what offset and length must be multiples of. */
static int check_request(const struct block *block, const struct block_request *request,
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

/* Mutex held. Both ways, since the libaio thread may have fallen back on being a plain worker. */
static void wake_engine(struct block *block)
{
    pthread_cond_signal(&block->wake);
    if (block->use_aio) {
        block_raw_aio_wake(block);
    }
}

static void hand_to_engine(struct block *block, struct block_request *request)
{
    block_list_append(&block->pending, request);
    wake_engine(block);
}

void block_submit(struct block *block, struct block_request *request)
{
    int result = check_request(block, request, BLOCK_SECTOR_BYTES);
    bool nothing = request->op != BLOCK_FLUSH && request->bytes == 0;

    g_assert(block->queue != NULL && !request->busy);
    request->busy = true;
    request->block = block;
    request->waited_for = false;
    request->started_ns = now_ns();
    pthread_mutex_lock(&block->mutex);
    block->in_flight++;
    if (result < 0 || nothing) {
        finish_locked(block, request, result);
        pthread_mutex_unlock(&block->mutex);
        event_post(block->queue, &block->event);
        return;
    }
    hand_to_engine(block, request);
    pthread_mutex_unlock(&block->mutex);
}

/* ---- synchronous calls ---- */

static int run_request(struct block *block, struct block_request *request)
{
    int result = check_request(block, request, 1);

    if (result < 0 || (request->op != BLOCK_FLUSH && request->bytes == 0)) {
        return result;
    }
    request->block = block;
    request->waited_for = true;
    request->started_ns = now_ns();
    if (block->queue == NULL) {
        result = block_execute(block, request);
        count_request(&block->stats, request, result);
        return result;
    }
    request->busy = true;
    pthread_mutex_lock(&block->mutex);
    block->in_flight++;
    hand_to_engine(block, request);
    while (request->busy) {
        pthread_cond_wait(&block->done, &block->mutex);
    }
    pthread_mutex_unlock(&block->mutex);
    return request->result;
}

static int run_transfer(struct block *block, enum block_op op, uint64_t offset, uint8_t *buffer,
                        size_t bytes)
{
    int result = 0;

    do {
        size_t piece = MIN(bytes, BLOCK_REQUEST_MAX_BYTES);
        struct iovec iov = {.iov_base = buffer, .iov_len = piece};
        struct block_request request = {
            .op = op, .offset = offset, .bytes = piece, .iov = &iov, .iov_count = 1};
        result = run_request(block, &request);
        buffer += piece;
        offset += piece;
        bytes -= piece;
    } while (result == 0 && bytes > 0);
    return result;
}

int block_read(struct block *block, uint64_t offset, void *buffer, size_t bytes)
{
    return run_transfer(block, BLOCK_READ, offset, buffer, bytes);
}

int block_write(struct block *block, uint64_t offset, const void *buffer, size_t bytes)
{
    return run_transfer(block, BLOCK_WRITE, offset, (uint8_t *)buffer, bytes);
}

int block_write_zeroes(struct block *block, uint64_t offset, uint64_t bytes)
{
    struct block_request request = {.op = BLOCK_WRITE_ZEROES, .offset = offset, .bytes = bytes};

    return run_request(block, &request);
}

int block_discard(struct block *block, uint64_t offset, uint64_t bytes)
{
    struct block_request request = {.op = BLOCK_DISCARD, .offset = offset, .bytes = bytes};

    return run_request(block, &request);
}

int block_flush(struct block *block)
{
    struct block_request request = {.op = BLOCK_FLUSH};

    return run_request(block, &request);
}

int block_truncate(struct block *block, uint64_t bytes)
{
    struct block_image *image = block->image;

    g_assert(block_in_flight(block) == 0);
    if (block->options.read_only) {
        return -EROFS;
    }
    pthread_mutex_lock(&block->image_mutex);
    int result = image->driver->truncate != NULL ? image->driver->truncate(image, bytes) : -ENOTSUP;
    block->bytes = image->bytes;
    pthread_mutex_unlock(&block->image_mutex);
    return result;
}

int block_status(struct block *block, uint64_t offset, uint64_t bytes, bool *data, uint64_t *run)
{
    struct block_image *image = block->image;

    g_assert(block_in_flight(block) == 0);
    if (offset >= block->bytes || bytes == 0) {
        return -EINVAL;
    }
    pthread_mutex_lock(&block->image_mutex);
    int result = image->driver->status(image, offset, MIN(bytes, block->bytes - offset), data, run);
    pthread_mutex_unlock(&block->image_mutex);
    return result;
}

/* ---- opening and closing ---- */

/* Signals are for the threads that know them; a file size limit shall be an error, not a signal. */
static int create_thread(struct block *block)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&block->thread, NULL,
                              block->use_aio ? block_raw_aio_main : block_worker_main, block);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

static bool start_engine(struct block *block, GError **error)
{
    const struct block_image *image = block->image;
    /* Through the host's cache the kernel carries libaio requests out inside io_submit(), one after
     * the other, so there is nothing to win over plain calls; faults are injected below those. */
    block->use_aio =
        image->driver == &block_raw_driver && image->file->align > 1 && image->file->fault == NULL;
    if (block->use_aio) {
        block->wake_fd = eventfd(0, EFD_CLOEXEC);
    }
    int code = block->use_aio && block->wake_fd < 0 ? errno : create_thread(block);
    if (code != 0) {
        g_set_error(error, BLOCK_ERROR, code, "Could not start a thread for '%s': %s", image->path,
                    g_strerror(code));
        return false;
    }
    return true;
}

static void init_sync(struct block *block)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&block->mutex, NULL);
    pthread_mutex_init(&block->image_mutex, NULL);
    pthread_cond_init(&block->wake, &attributes);
    pthread_cond_init(&block->done, NULL);
    pthread_condattr_destroy(&attributes);
}

static void destroy(struct block *block)
{
    block_image_close(block->image);
    if (block->wake_fd >= 0) {
        close(block->wake_fd);
    }
    pthread_cond_destroy(&block->wake);
    pthread_cond_destroy(&block->done);
    pthread_mutex_destroy(&block->mutex);
    pthread_mutex_destroy(&block->image_mutex);
    g_free(block->snapshots);
    g_free(block);
}

static struct block_image *open_image(const char *path, const struct block_options *options,
                                      GError **error)
{
    struct block_options below = *options;

    below.read_only = options->read_only || options->snapshot;
    struct block_image *image = block_image_open(path, &below, error);
    if (image == NULL || !options->snapshot) {
        return image;
    }
    struct block_image *overlay = block_overlay_create(image, error);
    if (overlay == NULL) {
        block_image_close(image);
    }
    return overlay;
}

struct block *block_open(const char *path, const struct block_options *options,
                         struct event_queue *queue, GError **error)
{
    static const struct block_options defaults;
    struct block_image *image = open_image(path, options != NULL ? options : &defaults, error);

    if (image == NULL) {
        return NULL;
    }
    struct block *block = g_new0(struct block, 1);
    block->image = image;
    block->bytes = image->bytes;
    block->options = options != NULL ? *options : defaults;
    block->options.format = NULL;
    block->queue = queue;
    block->event.fn = deliver_event;
    block->wake_fd = -1;
    init_sync(block);
    if (queue != NULL && !start_engine(block, error)) {
        destroy(block);
        return NULL;
    }
    return block;
}

static void stop_engine(struct block *block)
{
    pthread_mutex_lock(&block->mutex);
    g_assert(!block->delivering);
    block->stop = true;
    wake_engine(block);
    pthread_mutex_unlock(&block->mutex);
    pthread_join(block->thread, NULL);
    event_cancel(block->queue, &block->event);
}

void block_close(struct block *block)
{
    if (block == NULL) {
        return;
    }
    if (block->queue != NULL) {
        block_drain(block);
        stop_engine(block);
    }
    int result = block_image_flush(block->image);
    if (result < 0) {
        g_printerr("vmm: warning: could not write the last changes of '%s': %s\n",
                   block->image->path, g_strerror(-result));
    }
    destroy(block);
}

/* ---- what it is ---- */

/* The image below a temporary layer, or the image itself. */
static struct block_image *named_image(const struct block *block)
{
    return block->options.snapshot ? block_overlay_base(block->image) : block->image;
}

uint64_t block_size(const struct block *block)
{
    return block->bytes;
}

bool block_read_only(const struct block *block)
{
    return block->options.read_only;
}

const char *block_format(const struct block *block)
{
    return named_image(block)->driver->name;
}

const char *block_file_name(const struct block *block)
{
    return named_image(block)->path;
}

enum block_cache block_cache_mode(const struct block *block)
{
    return block->options.cache;
}

void block_get_stats(struct block *block, struct block_stats *stats)
{
    pthread_mutex_lock(&block->mutex);
    *stats = block->stats;
    pthread_mutex_unlock(&block->mutex);
}

void block_get_info(struct block *block, struct block_info *info)
{
    struct block_image *image = named_image(block);

    *info = (struct block_info){
        .file_name = image->path,
        .format = image->driver->name,
        .virtual_bytes = block->bytes,
        .actual_bytes = block_file_allocated(image->file),
        .read_only = block->options.read_only,
        .snapshot = block->options.snapshot,
        .probed = image->probed,
        .cache = block->options.cache,
    };
    if (image->driver->info != NULL) {
        image->driver->info(image, info);
    }
}

/* ---- snapshots inside the image ---- */

const struct block_snapshot *block_snapshots(struct block *block, unsigned *count)
{
    struct block_image *image = named_image(block);

    g_clear_pointer(&block->snapshots, g_free);
    *count = 0;
    if (image->driver->snapshot_list != NULL) {
        block->snapshots = image->driver->snapshot_list(image, count);
    }
    return *count > 0 ? block->snapshots : NULL;
}

static bool run_snapshot(struct block *block, const char *name,
                         bool (*run)(struct block_image *, const char *, GError **), GError **error)
{
    g_assert(block_in_flight(block) == 0);
    if (run == NULL || block->options.snapshot || block->options.read_only) {
        g_set_error(error, BLOCK_ERROR, ENOTSUP, "'%s' %s", block_file_name(block),
                    run == NULL ? "is in a format that has no snapshots inside; remedy: qcow2"
                                : "is not open for writing");
        return false;
    }
    pthread_mutex_lock(&block->image_mutex);
    bool ok = run(block->image, name, error);
    block->bytes = block->image->bytes;
    pthread_mutex_unlock(&block->image_mutex);
    return ok;
}

bool block_snapshot_create(struct block *block, const char *name, GError **error)
{
    return run_snapshot(block, name, block->image->driver->snapshot_create, error);
}

bool block_snapshot_apply(struct block *block, const char *name, GError **error)
{
    return run_snapshot(block, name, block->image->driver->snapshot_apply, error);
}

bool block_snapshot_delete(struct block *block, const char *name, GError **error)
{
    return run_snapshot(block, name, block->image->driver->snapshot_delete, error);
}

struct block_image *block_get_image(struct block *block)
{
    return block->image;
}

bool block_commit(struct block *block, GError **error)
{
    struct block_image *base = named_image(block);

    g_assert(block_in_flight(block) == 0);
    if (!block->options.snapshot) {
        g_set_error(error, BLOCK_ERROR, EINVAL,
                    "'%s' was not opened with -snapshot: nothing to commit", base->path);
        return false;
    }
    pthread_mutex_lock(&block->image_mutex);
    bool ok = block_overlay_commit(block->image, &block->options, error);
    pthread_mutex_unlock(&block->image_mutex);
    return ok;
}
