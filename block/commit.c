/*
 * Committing an image: what it holds goes into its backing file, and the image is emptied. The backing file is
 * opened once more for that, for writing, so nobody else may have it open.
 */
#include "block/driver_impl.h"

#include <errno.h>

enum { COPY_BYTES = 1 << 20 };

static int copy_extent(struct block_image *image, struct block_image *target, uint64_t at,
                       const struct block_extent *extent, uint8_t *buffer)
{
    if (extent->zero) {
        return target->driver->write_zeroes(target, at, extent->bytes);
    }
    int result = image->driver->read(image, at, buffer, extent->bytes);
    return result == 0 ? block_image_write(target, at, buffer, extent->bytes) : result;
}

static int copy_down(struct block_image *image, struct block_image *target)
{
    g_autofree uint8_t *buffer = block_memory(COPY_BYTES);
    int result = 0;

    if (target->bytes < image->bytes) {
        result = target->driver->truncate != NULL
                     ? target->driver->truncate(target, image->bytes)
                     : -ENOTSUP;
    }
    for (uint64_t at = 0; at < image->bytes && result == 0;) {
        struct block_extent extent;
        result = block_image_map(image, at, MIN(COPY_BYTES, image->bytes - at), &extent);
        if (result == 0 && extent.present && extent.depth == 0) {
            result = copy_extent(image, target, at, &extent, buffer);
        }
        at += extent.bytes;
    }
    return result == 0 ? block_image_flush(target) : result;
}

bool block_image_commit(struct block_image *image, const struct block_options *options,
                        GError **error)
{
    struct block_image *reader = image->backing;

    if (reader == NULL || reader->file == NULL || image->read_only) {
        g_set_error(error, BLOCK_ERROR, EINVAL, "'%s' has no backing file to commit to", image->path);
        return false;
    }
    struct block_options below = {.format = reader->probed ? NULL : reader->driver->name,
                                  .cache = options->cache,
                                  .allow_backing = options->allow_backing,
                                  .no_lock = options->no_lock,
                                  .depth = options->depth + 1};
    /* Our own lock as a reader would keep the writer out. */
    block_unlock_file(reader->file->fd);
    struct block_image *writer = block_image_open(reader->path, &below, error);
    if (writer == NULL) {
        (void)block_lock_file(reader->file->fd, reader->path, false, NULL);
        return false;
    }
    int result = copy_down(image, writer);
    block_image_close(writer);
    if (result == 0 && image->driver->make_empty != NULL) {
        result = image->driver->make_empty(image);
    }
    if (result < 0) {
        g_set_error(error, BLOCK_ERROR, -result, "Could not commit to '%s': %s", reader->path,
                    g_strerror(-result));
    }
    /* The reader may have old tables in memory. */
    below.read_only = true;
    struct block_image *fresh = block_image_open(reader->path, &below, result < 0 ? NULL : error);
    if (fresh == NULL) {
        return false;
    }
    image->backing = fresh;
    block_image_close(reader);
    return result == 0;
}
