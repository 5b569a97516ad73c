/*
 * The worker: one thread an image, which takes requests in order and carries them out with the
 * driver's straight-line calls. Scattered memory is gathered in a buffer of bounded size, so that
 * drivers see flat pieces.
 */
#include "block/block_impl.h"

#include <errno.h>
#include <string.h>
#include <time.h>

enum {
    GATHER_BYTES = 512 * 1024,
    IDLE_SECONDS = 1, /* after so long without a request, waiting metadata is written */
};

/* A place in an iov. */
struct cursor {
    const struct iovec *iov;
    size_t skip; /* of *iov */
};

/* Copies between the memory at the cursor and a flat buffer, and moves on. */
static void cursor_copy(struct cursor *cursor, uint8_t *buffer, size_t bytes, bool to_iov)
{
    while (bytes > 0) {
        size_t piece = MIN(bytes, cursor->iov->iov_len - cursor->skip);
        uint8_t *memory = (uint8_t *)cursor->iov->iov_base + cursor->skip;
        memcpy(to_iov ? memory : buffer, to_iov ? buffer : memory, piece);
        buffer += piece;
        bytes -= piece;
        cursor->skip += piece;
        if (cursor->skip == cursor->iov->iov_len) {
            cursor->iov++;
            cursor->skip = 0;
        }
    }
}

static int transfer(struct block_image *image, bool write, uint64_t offset, void *buffer,
                    size_t bytes)
{
    return write ? block_image_write(image, offset, buffer, bytes)
                 : image->driver->read(image, offset, buffer, bytes);
}

static int transfer_iov(struct block_image *image, const struct block_request *request)
{
    bool write = request->op == BLOCK_WRITE;

    if (request->iov_count == 1) {
        return transfer(image, write, request->offset, request->iov->iov_base, request->bytes);
    }
    size_t size = (size_t)MIN(request->bytes, GATHER_BYTES);
    struct cursor cursor = {.iov = request->iov};
    g_autofree uint8_t *buffer = g_malloc(size);
    for (uint64_t at = 0; at < request->bytes;) {
        size_t piece = (size_t)MIN(request->bytes - at, size);
        if (write) {
            cursor_copy(&cursor, buffer, piece, false);
        }
        int result = transfer(image, write, request->offset + at, buffer, piece);
        if (result < 0) {
            return result;
        }
        if (!write) {
            cursor_copy(&cursor, buffer, piece, true);
        }
        at += piece;
    }
    return 0;
}

bool block_is_zero(const void *data, size_t bytes)
{
    const uint8_t *first = data;

    return bytes == 0 || (*first == 0 && memcmp(first, first + 1, bytes - 1) == 0);
}

bool block_is_zero_write(const struct block *block, const struct block_request *request)
{
    if (block->options.detect_zeroes == BLOCK_DETECT_ZEROES_OFF || request->op != BLOCK_WRITE) {
        return false;
    }
    for (int i = 0; i < request->iov_count; i++) {
        if (!block_is_zero(request->iov[i].iov_base, request->iov[i].iov_len)) {
            return false;
        }
    }
    return true;
}

static int execute(struct block *block, const struct block_request *request)
{
    struct block_image *image = block->image;
    bool sync = block_writes_through(block);
    int result = 0;

    switch (request->op) {
    case BLOCK_READ:
        return transfer_iov(image, request);
    case BLOCK_WRITE:
        result = block_is_zero_write(block, request)
                     ? image->driver->write_zeroes(image, request->offset, request->bytes)
                     : transfer_iov(image, request);
        break;
    case BLOCK_FLUSH:
        result = block_image_flush(image);
        result = result == 0 ? block->late_error : result;
        block->late_error = 0;
        return result;
    case BLOCK_DISCARD:
        return block->options.discard
                   ? image->driver->discard(image, request->offset, request->bytes)
                   : 0;
    case BLOCK_WRITE_ZEROES:
        result = image->driver->write_zeroes(image, request->offset, request->bytes);
        break;
    }
    return result == 0 && sync ? block_image_flush(image) : result;
}

int block_execute(struct block *block, const struct block_request *request)
{
    pthread_mutex_lock(&block->image_mutex);
    int result = execute(block, request);
    pthread_mutex_unlock(&block->image_mutex);
    return result;
}

bool block_writes_through(const struct block *block)
{
    return block->options.cache == BLOCK_CACHE_WRITETHROUGH ||
           block->options.cache == BLOCK_CACHE_DIRECTSYNC;
}

void block_write_waiting(struct block *block)
{
    struct block_image *image = block->image;

    pthread_mutex_lock(&block->image_mutex);
    if (block_image_dirty(image)) {
        int result = block_image_flush(image);
        /* Nobody asked for this one: whoever flushes next has to know. A full disk has lost nothing: what
         * could not be written is still waiting. */
        if (result < 0 && result != -ENOSPC && result != -EDQUOT) {
            block->late_error = result;
        }
    }
    pthread_mutex_unlock(&block->image_mutex);
}

int64_t block_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec;
}

/* Waits for a request; mutex held. NULL: time to stop. */
static struct block_request *wait_for_request(struct block *block)
{
    bool idle_done = false;

    while (block->pending.head == NULL && !block->stop) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += IDLE_SECONDS;
        if (idle_done) {
            pthread_cond_wait(&block->wake, &block->mutex);
        } else if (pthread_cond_timedwait(&block->wake, &block->mutex, &until) == ETIMEDOUT) {
            pthread_mutex_unlock(&block->mutex);
            block_write_waiting(block);
            pthread_mutex_lock(&block->mutex);
            idle_done = true;
        }
    }
    return block_list_take(&block->pending);
}

void *block_worker_main(void *arg)
{
    struct block *block = arg;
    int64_t written = block_seconds();

    pthread_mutex_lock(&block->mutex);
    for (struct block_request *request; (request = wait_for_request(block)) != NULL;) {
        pthread_mutex_unlock(&block->mutex);
        block_finish(block, request, block_execute(block, request));
        if (block_seconds() - written >= BLOCK_BUSY_SECONDS) {
            block_write_waiting(block);
            written = block_seconds();
        }
        pthread_mutex_lock(&block->mutex);
    }
    pthread_mutex_unlock(&block->mutex);
    return NULL;
}
