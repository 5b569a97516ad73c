/* Opening and closing: the image, its temporary layer, the engine's thread. */
#include "block/block_impl.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Signals are for the threads that know them; a file size limit shall be an error, not a signal. */
static int create_thread(struct block *block)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&block->thread, NULL,
                              block->use_aio ? block_aio_main : block_worker_main, block);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

static bool start_engine(struct block *block, GError **error)
{
    const struct block_image *image = block->image;

    /* Through the host's cache the kernel carries libaio requests out inside io_submit(), one after
     * the other, so there is nothing to win over plain calls; faults are injected below those. */
    block->use_aio = image->driver->locate != NULL && image->file->align > 1 && image->file->fault == NULL;
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

/* Settings that do not go together. */
static bool check_options(const struct block_options *options, GError **error)
{
    bool direct =
        options->cache == BLOCK_CACHE_NONE || options->cache == BLOCK_CACHE_DIRECTSYNC;

    if (options->aio == BLOCK_AIO_NATIVE && !direct) {
        g_set_error(error, BLOCK_ERROR, EINVAL,
                    "aio=native goes round the host's cache: it needs cache=none or directsync");
        return false;
    }
    if (options->detect_zeroes == BLOCK_DETECT_ZEROES_UNMAP && !options->discard) {
        g_set_error(error, BLOCK_ERROR, EINVAL, "detect-zeroes=unmap needs discard=unmap");
        return false;
    }
    return true;
}

struct block *block_open(const char *path, const struct block_options *options,
                         struct event_queue *queue, GError **error)
{
    static const struct block_options defaults;

    if (options != NULL && !check_options(options, error)) {
        return NULL;
    }
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
    block->event.fn = block_deliver_event;
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
    block_wake_engine(block);
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
