/* The synchronous calls, for tools and tests. */
#include "block/block_impl.h"

#include <errno.h>

static int run_request(struct block *block, struct block_request *request)
{
    int result = block_check_request(block, request, 1);

    if (result < 0 || (request->op != BLOCK_FLUSH && request->bytes == 0)) {
        return result;
    }
    request->block = block;
    request->waited_for = true;
    request->started_ns = block_now_ns();
    if (block->queue == NULL) {
        result = block_execute(block, request);
        block_count_request(&block->stats, request, result);
        return result;
    }
    request->busy = true;
    pthread_mutex_lock(&block->mutex);
    block->in_flight++;
    block_hand_to_engine(block, request);
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
