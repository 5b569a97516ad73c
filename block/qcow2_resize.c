/*
 * Size and preallocation of QCOW2 images. A larger disk needs a longer L1 table, which is written
 * elsewhere; one write of the header switches to it.
 */
#include "block/qcow2_impl.h"

#include <errno.h>
#include <fcntl.h>

int qcow2_l1_move(struct block_image *image, const uint64_t *entries, uint32_t count,
                  uint64_t bytes)
{
    struct qcow2 *qcow = image->state;
    struct qcow2_header before = qcow->header;
    struct qcow2_root old = qcow->l1, fresh = {0};
    uint64_t offset;
    int result = qcow2_take_exact(image, MAX((uint64_t)count * 8, 1), &offset);

    if (result < 0) {
        return result;
    }
    fresh.count = count;
    fresh.offset = offset;
    fresh.entries = g_memdup2(entries, MAX((size_t)count * 8, 8));
    size_t units =
        (size_t)qcow2_round_up(MAX((uint64_t)count * 8, 1), QCOW2_UNIT_BYTES) / QCOW2_UNIT_BYTES;
    fresh.dirty = g_malloc(units);
    memset(fresh.dirty, 1, units);
    fresh.dirty_units = (unsigned)units;
    result = qcow2_write_counts(image);
    if (result == 0) {
        result = qcow2_root_write(image, &fresh);
        fresh.dirty_units = 0;
        memset(fresh.dirty, 0, units);
    }
    if (result == 0) {
        result = qcow2_sync(image);
    }
    if (result == 0) {
        qcow->header.l1_offset = offset;
        qcow->header.l1_entries = count;
        qcow->header.bytes = bytes;
        result = qcow2_write_header(image);
        result = result == 0 ? qcow2_sync(image) : result;
    }
    if (result < 0) {
        qcow->header = before;
        qcow2_root_finish(&fresh);
        qcow2_give_back(image, offset, (uint64_t)count * 8);
        return result;
    }
    qcow->l1 = fresh;
    image->bytes = bytes / BLOCK_SECTOR_BYTES * BLOCK_SECTOR_BYTES;
    if (old.offset != 0) {
        qcow2_give_back(image, old.offset, MAX((uint64_t)old.count * 8, 1));
    }
    qcow2_root_finish(&old);
    return 0;
}

/* Old data and the backing file's must not appear in what is added. */
static int clear_new_part(struct block_image *image, uint64_t from)
{
    const struct qcow2 *qcow = image->state;
    uint64_t end = qcow2_round_up(from, qcow->cluster_bytes);

    if (image->backing != NULL) {
        end = MAX(end, image->backing->bytes);
    }
    end = MIN(end, image->bytes);
    return end > from ? qcow2_write_zeroes(image, from, end - from) : 0;
}

static int grow(struct block_image *image, uint64_t bytes)
{
    struct qcow2 *qcow = image->state;
    uint64_t count = MAX(qcow2_l1_entries_for(qcow, bytes), 1);
    uint64_t before = image->bytes;
    /* A machine's state may lie behind the old end. */
    int result = qcow2_state_drop(image);

    if (count > QCOW2_L1_MAX_BYTES / 8) {
        return -EFBIG;
    }
    if (result < 0) {
        return result;
    }
    if (count > qcow->l1.count) {
        g_autofree uint64_t *entries = g_new0(uint64_t, count);
        memcpy(entries, qcow->l1.entries, (size_t)qcow->l1.count * 8);
        result = qcow2_l1_move(image, entries, (uint32_t)count, bytes);
    } else {
        uint64_t old_bytes = qcow->header.bytes;
        qcow->header.bytes = bytes;
        result = qcow2_write_header(image);
        if (result < 0) {
            qcow->header.bytes = old_bytes;
        } else {
            image->bytes = bytes;
        }
    }
    return result == 0 ? clear_new_part(image, before) : result;
}

static int shrink(struct block_image *image, uint64_t bytes)
{
    struct qcow2 *qcow = image->state;
    uint64_t from = qcow2_round_up(bytes, qcow->cluster_bytes);
    int result = from < image->bytes ? qcow2_unmap(image, from, image->bytes - from) : 0;

    if (result == 0) {
        result = qcow2_flush(image);
    }
    if (result == 0) {
        uint64_t old_bytes = qcow->header.bytes;
        qcow->header.bytes = bytes;
        result = qcow2_write_header(image);
        if (result < 0) {
            qcow->header.bytes = old_bytes;
        }
    }
    if (result == 0) {
        image->bytes = bytes;
    }
    return result;
}

int qcow2_truncate(struct block_image *image, uint64_t bytes)
{
    struct qcow2 *qcow = image->state;
    bool raw_data = (qcow->header.autoclear & QCOW2_AUTOCLEAR_DATA_RAW) != 0;

    bytes = qcow2_round_up(bytes, BLOCK_SECTOR_BYTES);
    if (qcow->header.version < 3 && qcow->snapshots->len > 0) {
        return -ENOTSUP; /* its snapshots do not know their size */
    }
    int result = qcow2_flush(image);
    if (result == 0 && bytes != image->bytes) {
        result = bytes > image->bytes ? grow(image, bytes) : shrink(image, bytes);
    }
    if (result == 0 && raw_data) {
        result = block_file_truncate(qcow->data_file, bytes);
    }
    return result == 0 ? qcow2_flush(image) : result;
}

/* ---- preallocation ---- */

/* Room on the host for a new run of clusters, reading as zeroes. */
static int prepare_room(struct block_file *file, uint64_t place, uint64_t bytes,
                        enum block_preallocation mode)
{
    static const uint8_t zeroes[65536];
    int result = block_file_zero(file, place, bytes); /* only what is not beyond the end */

    if (result == 0 && mode == BLOCK_PREALLOCATE_FALLOC) {
        int code = posix_fallocate(file->fd, (off_t)place, (off_t)bytes);
        file->bytes = code == 0 ? MAX(file->bytes, place + bytes) : file->bytes;
        return -code;
    }
    for (uint64_t at = 0; mode == BLOCK_PREALLOCATE_FULL && at < bytes && result == 0;
         at += sizeof(zeroes)) {
        result = block_file_write(file, place + at, zeroes, MIN(sizeof(zeroes), bytes - at));
    }
    return result;
}

/* Gives places to clusters from `offset` on that have none; all below one L2 table. */
static int preallocate_some(struct block_image *image, uint64_t offset, uint64_t bytes,
                            enum block_preallocation mode, uint64_t *done)
{
    struct qcow2 *qcow = image->state;
    struct qcow2_slot *slot;
    uint64_t clusters = 0, place = offset;
    int result = qcow2_l2_get(image, offset, true, &slot);

    if (result < 0) {
        return result;
    }
    uint32_t index = qcow2_l2_index(qcow, offset);
    while (clusters * qcow->cluster_bytes < bytes &&
           qcow2_l2_entry(qcow, slot, index + (uint32_t)clusters) == 0) {
        clusters++;
    }
    *done = MAX(clusters, 1) * qcow->cluster_bytes;
    if (clusters == 0) {
        return 0;
    }
    if (!qcow2_has_data_file(qcow)) {
        result = qcow2_take(image, &clusters, &place);
        *done = clusters * qcow->cluster_bytes;
    }
    if (result == 0) {
        result = prepare_room(qcow->data_file, place, *done, mode);
    }
    for (uint64_t i = 0; result == 0 && i < clusters; i++) {
        qcow2_l2_set(qcow, slot, index + (uint32_t)i,
                     (place + i * qcow->cluster_bytes) | QCOW2_COPIED,
                     qcow->backing_name != NULL ? 0 : QCOW2_ALL_ALLOCATED);
    }
    return result;
}

int qcow2_preallocate(struct block_image *image, uint64_t offset, uint64_t end,
                      enum block_preallocation mode)
{
    struct qcow2 *qcow = image->state;
    uint64_t span = qcow2_l2_span(qcow);

    offset = offset & ~(uint64_t)(qcow->cluster_bytes - 1);
    while (mode != BLOCK_PREALLOCATE_OFF && offset < end) {
        uint64_t done = 0;
        uint64_t piece = MIN(end - offset, span - (offset & (span - 1)));
        int result = preallocate_some(image, offset, piece, mode, &done);
        if (result < 0) {
            return result;
        }
        offset += done;
    }
    int result = qcow2_write_out(image);
    /* What has a place is inside the file. */
    uint64_t file_end =
        qcow2_has_data_file(qcow) ? image->bytes : qcow->free_hint << qcow->cluster_bits;
    if (result == 0 && mode != BLOCK_PREALLOCATE_OFF && !qcow->data_file->device &&
        file_end > qcow->data_file->bytes) {
        result = block_file_truncate(qcow->data_file, file_end);
    }
    return result;
}
