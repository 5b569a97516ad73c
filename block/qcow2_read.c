/*
 * Reading the disk in a QCOW2 image, and telling how it is stored.
 */
#include "block/qcow2_impl.h"

#include <errno.h>

static int read_run(struct block_image *image, uint64_t offset, uint8_t *buffer,
                    const struct qcow2_run *run)
{
    struct qcow2 *qcow = image->state;
    int result;

    switch (run->kind) {
    case QCOW2_RUN_NONE:
        return block_image_read_backing(image, offset, buffer, run->bytes);
    case QCOW2_RUN_ZERO:
        memset(buffer, 0, run->bytes);
        return 0;
    case QCOW2_RUN_DATA:
        if (qcow->data_file == NULL) {
            return -ENOENT; /* opened without it */
        }
        return block_file_read(qcow->data_file, run->place, buffer, run->bytes);
    case QCOW2_RUN_PACKED:
        result = qcow2_unpack(image, run->entry);
        if (result == 0) {
            memcpy(buffer, qcow->unpacked + (offset & (qcow->cluster_bytes - 1)), run->bytes);
        }
        return result;
    }
    return -EIO;
}

int qcow2_read(struct block_image *image, uint64_t offset, void *buffer, size_t bytes)
{
    uint8_t *out = buffer;

    while (bytes > 0) {
        struct qcow2_run run;
        int result = qcow2_find_run(image, offset, bytes, &run);
        if (result == 0) {
            result = read_run(image, offset, out, &run);
        }
        if (result < 0) {
            return result;
        }
        offset += run.bytes;
        out += run.bytes;
        bytes -= run.bytes;
    }
    return 0;
}

int qcow2_status(struct block_image *image, uint64_t offset, uint64_t bytes, bool *data,
                 uint64_t *run_bytes)
{
    struct qcow2_run run;
    int result = qcow2_find_run(image, offset, bytes, &run);

    if (result < 0) {
        return result;
    }
    *data = run.kind == QCOW2_RUN_DATA || run.kind == QCOW2_RUN_PACKED;
    *run_bytes = run.bytes;
    if (run.kind != QCOW2_RUN_NONE || qcow2_run_is_zero(image, offset, &run)) {
        return 0;
    }
    uint64_t below = MIN(run.bytes, image->backing->bytes - offset);
    return image->backing->driver->status(image->backing, offset, below, data, run_bytes);
}

int qcow2_map(struct block_image *image, uint64_t offset, uint64_t bytes,
              struct block_extent *extent)
{
    const struct qcow2 *qcow = image->state;
    struct qcow2_run run;
    int result = qcow2_find_run(image, offset, bytes, &run);

    if (result < 0) {
        return result;
    }
    extent->bytes = run.bytes;
    extent->present = run.kind != QCOW2_RUN_NONE;
    extent->zero = qcow2_run_is_zero(image, offset, &run);
    extent->data = run.kind == QCOW2_RUN_DATA || run.kind == QCOW2_RUN_PACKED;
    extent->packed = run.kind == QCOW2_RUN_PACKED;
    extent->has_offset = extent->present && run.placed;
    extent->offset = run.place;
    extent->file = qcow->data_file != NULL ? qcow->data_file->path : NULL;
    return 0;
}
