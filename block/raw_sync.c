/*
 * The raw format: the file is the disk. Plain blocking calls; block/aio.c goes round it for
 * files opened with O_DIRECT, where the host can work on several requests at once.
 *
 * The disk's size is the file's, rounded up to whole sectors; the missing rest reads as zeroes.
 */
#include "block/driver_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static uint64_t round_to_sector(uint64_t bytes)
{
    return (bytes + BLOCK_SECTOR_BYTES - 1) / BLOCK_SECTOR_BYTES * BLOCK_SECTOR_BYTES;
}

static bool raw_open(struct block_image *image, const struct block_options *options, GError **error)
{
    image->bytes = round_to_sector(image->file->bytes);
    return true;
}

/* Room on the host; a raw disk has no metadata to do less. */
static int preallocate(struct block_file *file, uint64_t from, uint64_t end,
                       enum block_preallocation mode)
{
    static const uint8_t zeroes[65536];
    int result = 0;

    if (mode == BLOCK_PREALLOCATE_METADATA) {
        return -EINVAL;
    }
    if (mode == BLOCK_PREALLOCATE_FALLOC) {
        return end > from ? -posix_fallocate(file->fd, (off_t)from, (off_t)(end - from)) : 0;
    }
    for (uint64_t at = from; at < end && result == 0; at += sizeof(zeroes)) {
        result = block_file_write(file, at, zeroes, (size_t)MIN(sizeof(zeroes), end - at));
    }
    return result;
}

static bool raw_create(struct block_file *file, const struct block_create_options *options,
                       uint64_t bytes, GError **error)
{
    if (options->backing_name != NULL) {
        g_set_error(error, BLOCK_ERROR, EINVAL,
                    "%s: Backing file not supported for file format 'raw'; use -f qcow",
                    file->path);
        return false;
    }
    int result = block_file_truncate(file, bytes);
    if (result == 0 && options->preallocation != BLOCK_PREALLOCATE_OFF) {
        result = preallocate(file, 0, bytes, options->preallocation);
    }
    if (result < 0) {
        g_set_error(error, BLOCK_ERROR, -result, "%s: Could not resize file: %s", file->path,
                    g_strerror(-result));
        return false;
    }
    return true;
}

static void raw_close(struct block_image *image)
{
}

static int raw_read(struct block_image *image, uint64_t offset, void *buffer, size_t bytes)
{
    return block_file_read(image->file, offset, buffer, bytes);
}

/*
 * A guessed-raw image must not turn into another format (see probe.c). The bytes are copied before
 * they are looked at, because the guest may change them meanwhile; *taken is how much of the write
 * has been done.
 */
static int write_guarded_head(struct block_image *image, uint64_t offset, const uint8_t *buffer,
                              size_t bytes, size_t *taken)
{
    uint8_t head[BLOCK_PROBE_BYTES];
    int result = block_file_read(image->file, 0, head, sizeof(head));

    *taken = MIN(bytes, sizeof(head) - (size_t)offset);
    if (result < 0) {
        return result;
    }
    memcpy(head + offset, buffer, *taken);
    if (block_probe_is_foreign(head, sizeof(head))) {
        return -EPERM;
    }
    return block_file_write(image->file, offset, head + offset, *taken);
}

static int raw_write(struct block_image *image, uint64_t offset, const void *buffer, size_t bytes)
{
    size_t taken = 0;

    if (image->probed && offset < BLOCK_PROBE_BYTES) {
        int result = write_guarded_head(image, offset, buffer, bytes, &taken);
        if (result < 0 || taken == bytes) {
            return result;
        }
    }
    return block_file_write(image->file, offset + taken, (const uint8_t *)buffer + taken,
                            bytes - taken);
}

static int raw_write_zeroes(struct block_image *image, uint64_t offset, uint64_t bytes)
{
    return block_file_zero_in_place(image->file, offset, bytes);
}

static int raw_discard(struct block_image *image, uint64_t offset, uint64_t bytes)
{
    return block_file_zero(image->file, offset, bytes);
}

static int raw_flush(struct block_image *image)
{
    return block_file_sync(image->file);
}

static int raw_truncate(struct block_image *image, uint64_t bytes)
{
    int result = block_file_truncate(image->file, bytes);

    if (result == 0) {
        image->bytes = round_to_sector(bytes);
    }
    return result;
}

static int raw_status(struct block_image *image, uint64_t offset, uint64_t bytes, bool *data,
                      uint64_t *run)
{
    return block_file_status(image->file, offset, bytes, data, run);
}

static int raw_map(struct block_image *image, uint64_t offset, uint64_t bytes,
                   struct block_extent *extent)
{
    int result = block_file_status(image->file, offset, bytes, &extent->data, &extent->bytes);

    extent->present = true;
    extent->zero = !extent->data;
    extent->has_offset = true;
    extent->offset = offset;
    extent->file = image->path;
    return result;
}

static int raw_preallocate(struct block_image *image, uint64_t offset, uint64_t end,
                           enum block_preallocation mode)
{
    if (mode == BLOCK_PREALLOCATE_METADATA) {
        return -ENOTSUP;
    }
    return preallocate(image->file, offset, end, mode);
}

static bool raw_locate(struct block_image *image, bool write, uint64_t offset, uint64_t bytes,
                       struct block_file **file, uint64_t *place)
{
    *file = image->file;
    *place = offset;
    return !(write && image->probed && offset < BLOCK_PROBE_BYTES); /* that has to be looked at */
}

const struct block_driver block_raw_driver = {
    .name = "raw",
    .open = raw_open,
    .create = raw_create,
    .close = raw_close,
    .read = raw_read,
    .write = raw_write,
    .write_zeroes = raw_write_zeroes,
    .discard = raw_discard,
    .flush = raw_flush,
    .truncate = raw_truncate,
    .status = raw_status,
    .map = raw_map,
    .preallocate = raw_preallocate,
    .locate = raw_locate,
};
