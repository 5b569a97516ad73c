/*
 * Zeroes and discards in QCOW2 images: whole clusters (or subclusters) are only marked.
 *
 * Zeroing keeps a cluster's place, since the guest is likely to write there again; discarding gives
 * it up. A discarded cluster of a version 2 image would show the backing file's data, so there,
 * with a backing file, nothing is discarded.
 */
#include "block/qcow2_impl.h"

#include <errno.h>

/* New entry for a cluster that becomes zero, and its bitmap. keep: keep its place. */
static void set_zero(struct block_image *image, struct qcow2_slot *slot, uint32_t index, bool keep)
{
    struct qcow2 *qcow = image->state;
    uint64_t entry = qcow2_l2_entry(qcow, slot, index);
    uint64_t flag = qcow->extended || qcow->header.version < 3 ? 0 : QCOW2_ZERO;

    keep = qcow2_entry_placed(qcow, entry) && (entry & QCOW2_COPIED) != 0 &&
           (keep || qcow2_has_data_file(qcow)) && qcow->header.version >= 3;
    if (keep) {
        entry |= flag;
    } else {
        qcow2_give_entry(image, entry);
        entry = flag;
    }
    qcow2_l2_set(qcow, slot, index, entry, QCOW2_ALL_ZERO);
}

/* Can a cluster be made zero by its entry alone? */
static bool can_mark(const struct block_image *image, uint64_t offset)
{
    const struct qcow2 *qcow = image->state;

    return qcow->header.version >= 3 || image->backing == NULL || offset >= image->backing->bytes;
}

static int zero_data_file(struct block_image *image, uint64_t offset, uint64_t bytes)
{
    const struct qcow2 *qcow = image->state;

    return qcow2_has_data_file(qcow) ? block_file_zero(qcow->data_file, offset, bytes) : 0;
}

/* Marks the whole clusters of a range below one L2 table. */
static int mark_clusters(struct block_image *image, uint64_t offset, uint64_t bytes, bool keep)
{
    struct qcow2 *qcow = image->state;
    struct qcow2_slot *slot;
    int result = qcow2_l2_get(image, offset, true, &slot);

    if (result == 0) {
        result = zero_data_file(image, offset, bytes);
    }
    for (uint64_t at = 0; result == 0 && at < bytes; at += qcow->cluster_bytes) {
        set_zero(image, slot, qcow2_l2_index(qcow, offset + at), keep);
    }
    return result;
}

/* Marks whole subclusters inside one cluster. Not for compressed ones. */
static int mark_subclusters(struct block_image *image, uint64_t offset, uint64_t bytes)
{
    struct qcow2 *qcow = image->state;
    uint64_t in_cluster = offset & (qcow->cluster_bytes - 1);
    struct qcow2_slot *slot;
    int result = qcow2_l2_get(image, offset, true, &slot);

    if (result == 0) {
        result = zero_data_file(image, offset, bytes);
    }
    if (result < 0) {
        return result;
    }
    uint32_t index = qcow2_l2_index(qcow, offset);
    uint64_t bitmap = qcow2_l2_bitmap(qcow, slot, index);
    for (uint64_t at = in_cluster; at < in_cluster + bytes; at += 1ull << qcow->sub_bits) {
        unsigned sub = (unsigned)(at >> qcow->sub_bits);
        bitmap = (bitmap & ~(1ull << sub)) | 1ull << (32 + sub);
    }
    qcow2_l2_set(qcow, slot, index, qcow2_l2_entry(qcow, slot, index), bitmap);
    return 0;
}

static int write_zero_bytes(struct block_image *image, uint64_t offset, uint64_t bytes)
{
    static const uint8_t zeroes[65536];
    int result = 0;

    while (bytes > 0 && result == 0) {
        size_t piece = (size_t)MIN(bytes, sizeof(zeroes));
        result = qcow2_write(image, offset, zeroes, piece);
        offset += piece;
        bytes -= piece;
    }
    return result;
}

/* A range inside one cluster that is not the whole of it. */
static int zero_part(struct block_image *image, uint64_t offset, uint64_t bytes)
{
    const struct qcow2 *qcow = image->state;
    uint64_t sub_bytes = 1ull << qcow->sub_bits;
    uint64_t first = qcow2_round_up(offset, sub_bytes);
    uint64_t end = (offset + bytes) & ~(sub_bytes - 1);
    struct qcow2_run run;
    int result = qcow2_find_run(image, offset, bytes, &run);

    if (result < 0 || !qcow->extended || run.kind == QCOW2_RUN_PACKED || first >= end) {
        return result < 0 ? result : write_zero_bytes(image, offset, bytes);
    }
    result = write_zero_bytes(image, offset, first - offset);
    if (result == 0) {
        result = mark_subclusters(image, first, end - first);
    }
    return result == 0 ? write_zero_bytes(image, end, offset + bytes - end) : result;
}

/* The end of the disk counts as the end of a cluster. */
static bool is_whole(const struct block_image *image, uint64_t offset, uint64_t end)
{
    const struct qcow2 *qcow = image->state;
    uint64_t mask = qcow->cluster_bytes - 1;

    return (offset & mask) == 0 && ((end & mask) == 0 || end == image->bytes);
}

/* Cuts the next piece off a range: whole clusters below one L2 table, or a part of a cluster. */
static uint64_t next_piece(const struct block_image *image, uint64_t offset, uint64_t bytes)
{
    const struct qcow2 *qcow = image->state;
    uint64_t mask = qcow->cluster_bytes - 1;
    uint64_t span = qcow2_l2_span(qcow);

    bytes = MIN(bytes, span - (offset & (span - 1)));
    if ((offset & mask) != 0) {
        return MIN(bytes, qcow->cluster_bytes - (offset & mask));
    }
    if (bytes > mask && !is_whole(image, offset, offset + bytes)) {
        return bytes & ~mask;
    }
    return bytes;
}

int qcow2_write_zeroes(struct block_image *image, uint64_t offset, uint64_t bytes)
{
    while (bytes > 0) {
        uint64_t piece = next_piece(image, offset, bytes);
        struct qcow2_run run;
        int result = qcow2_find_run(image, offset, piece, &run);
        if (result == 0 && qcow2_run_is_zero(image, offset, &run)) {
            piece = run.bytes; /* nothing to do */
        } else if (result == 0 && is_whole(image, offset, offset + piece) &&
                   can_mark(image, offset)) {
            result = mark_clusters(image, offset, piece, true);
        } else if (result == 0 && is_whole(image, offset, offset + piece)) {
            result = write_zero_bytes(image, offset, piece);
        } else if (result == 0) {
            result = zero_part(image, offset, piece);
        }
        if (result < 0) {
            return result;
        }
        offset += piece;
        bytes -= piece;
    }
    return 0;
}

int qcow2_discard(struct block_image *image, uint64_t offset, uint64_t bytes)
{
    const struct qcow2 *qcow = image->state;

    while (bytes > 0) {
        uint64_t piece = next_piece(image, offset, bytes);
        struct qcow2_run run;
        int result = qcow2_find_run(image, offset, piece, &run);
        if (result < 0) {
            return result;
        }
        if (run.kind == QCOW2_RUN_NONE && !run.placed) {
            piece = run.bytes;
        } else if (is_whole(image, offset, offset + piece) && can_mark(image, offset)) {
            if (run.bytes < piece && run.kind != QCOW2_RUN_PACKED) {
                piece = MAX(run.bytes & ~(uint64_t)(qcow->cluster_bytes - 1), qcow->cluster_bytes);
                piece = MIN(piece, bytes);
            }
            result = mark_clusters(image, offset, piece, false);
        }
        if (result < 0) {
            return result;
        }
        offset += piece;
        bytes -= piece;
    }
    return 0;
}

int qcow2_unmap(struct block_image *image, uint64_t offset, uint64_t bytes)
{
    struct qcow2 *qcow = image->state;
    uint64_t span = qcow2_l2_span(qcow);

    while (bytes > 0) {
        uint64_t piece = MIN(bytes, span - (offset & (span - 1)));
        struct qcow2_slot *slot;
        int result = qcow2_l2_get(image, offset, false, &slot);
        if (result == 0 && slot != NULL) {
            result = qcow2_l2_get(image, offset, true, &slot);
        }
        for (uint64_t at = 0; result == 0 && slot != NULL && at < piece;
             at += qcow->cluster_bytes) {
            uint32_t index = qcow2_l2_index(qcow, offset + at);
            uint64_t entry = qcow2_l2_entry(qcow, slot, index);
            if (entry != 0 || qcow2_l2_bitmap(qcow, slot, index) != 0) {
                qcow2_give_entry(image, entry);
                qcow2_l2_set(qcow, slot, index, 0, 0);
            }
        }
        if (result < 0) {
            return result;
        }
        offset += piece;
        bytes -= piece;
    }
    return 0;
}
