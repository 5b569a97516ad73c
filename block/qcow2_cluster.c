/*
 * From an offset of the disk to a place in the file: L1 and L2 tables of QCOW2 images. An extended
 * L2 entry has a bitmap of 32 subclusters beside it: bit n, it is stored; bit 32 + n, it is zero.
 */
#include "block/qcow2_impl.h"

#include <errno.h>

uint32_t qcow2_l2_index(const struct qcow2 *qcow, uint64_t offset)
{
    return (uint32_t)(offset >> qcow->cluster_bits) & ((1u << qcow->l2_bits) - 1);
}

uint64_t qcow2_l2_entry(const struct qcow2 *qcow, const struct qcow2_slot *slot, uint32_t index)
{
    return qcow2_get64(slot->bytes + index * qcow->entry_bytes);
}

uint64_t qcow2_l2_bitmap(const struct qcow2 *qcow, const struct qcow2_slot *slot, uint32_t index)
{
    return qcow->extended ? qcow2_get64(slot->bytes + index * qcow->entry_bytes + 8) : 0;
}

void qcow2_l2_set(struct qcow2 *qcow, struct qcow2_slot *slot, uint32_t index, uint64_t entry,
                  uint64_t bitmap)
{
    qcow2_put64(slot->bytes + index * qcow->entry_bytes, entry);
    if (qcow->extended) {
        qcow2_put64(slot->bytes + index * qcow->entry_bytes + 8, bitmap);
    }
    qcow2_cache_touch(&qcow->l2, slot, index * qcow->entry_bytes, qcow->entry_bytes);
}

bool qcow2_entry_placed(const struct qcow2 *qcow, uint64_t entry)
{
    return (entry & QCOW2_PACKED) == 0 &&
           ((entry & QCOW2_OFFSET_MASK) != 0 ||
            (qcow2_has_data_file(qcow) && (entry & QCOW2_COPIED) != 0));
}

uint64_t qcow2_l1_entries_for(const struct qcow2 *qcow, uint64_t bytes)
{
    uint64_t span = qcow2_l2_span(qcow);

    return bytes / span + (bytes % span != 0);
}

/* ---- L2 tables ---- */

/* Puts a new L2 table into L1: empty, or a copy of the one that is shared. */
static int make_l2(struct block_image *image, uint32_t l1_index, struct qcow2_slot **slot)
{
    struct qcow2 *qcow = image->state;
    uint64_t old = qcow->l1.entries[l1_index] & QCOW2_OFFSET_MASK;
    uint64_t clusters = 1, offset;
    g_autofree uint8_t *copy = NULL;
    int result = 0;

    if (old != 0) {
        struct qcow2_slot *shared;
        result = qcow2_cache_get(image, &qcow->l2, old, false, &shared);
        if (result < 0) {
            return result;
        }
        copy = g_memdup2(shared->bytes, qcow->cluster_bytes);
    }
    result = qcow2_take(image, &clusters, &offset);
    if (result < 0) {
        return result;
    }
    result = qcow2_cache_get(image, &qcow->l2, offset, true, slot);
    if (result < 0) {
        qcow2_give_back(image, offset, qcow->cluster_bytes);
        return result;
    }
    if (copy != NULL) {
        memcpy((*slot)->bytes, copy, qcow->cluster_bytes);
        qcow2_give_later(image, old, qcow->cluster_bytes);
    }
    qcow2_root_set(&qcow->l1, l1_index, offset | QCOW2_COPIED);
    return 0;
}

int qcow2_l2_get(struct block_image *image, uint64_t offset, bool write, struct qcow2_slot **slot)
{
    struct qcow2 *qcow = image->state;
    uint64_t l1_index = offset >> (qcow->cluster_bits + qcow->l2_bits);

    *slot = NULL;
    if (l1_index >= qcow->l1.count) {
        return write ? -EIO : 0;
    }
    uint64_t entry = qcow->l1.entries[l1_index];
    uint64_t place = entry & QCOW2_OFFSET_MASK;
    if (place % qcow->cluster_bytes != 0) {
        return qcow2_corrupt(image, "L2 table out of line", place);
    }
    if (place != 0 && qcow2_is_metadata(qcow, place, qcow->cluster_bytes)) {
        return qcow2_corrupt(image, "L2 table on other metadata", place);
    }
    if (write && (place == 0 || (entry & QCOW2_COPIED) == 0)) {
        return make_l2(image, (uint32_t)l1_index, slot);
    }
    return place == 0 ? 0 : qcow2_cache_get(image, &qcow->l2, place, false, slot);
}

/* ---- runs ---- */

/* How the subcluster with this number in its cluster is stored. */
static enum qcow2_kind kind_of(const struct qcow2 *qcow, uint64_t entry, uint64_t bitmap,
                               unsigned sub)
{
    if ((entry & QCOW2_PACKED) != 0) {
        return QCOW2_RUN_PACKED;
    }
    if (qcow->extended) {
        if ((bitmap >> (32 + sub) & 1) != 0) {
            return QCOW2_RUN_ZERO;
        }
        return qcow2_entry_placed(qcow, entry) && (bitmap >> sub & 1) != 0 ? QCOW2_RUN_DATA
                                                                           : QCOW2_RUN_NONE;
    }
    if (qcow->header.version >= 3 && (entry & QCOW2_ZERO) != 0) {
        return QCOW2_RUN_ZERO;
    }
    return qcow2_entry_placed(qcow, entry) ? QCOW2_RUN_DATA : QCOW2_RUN_NONE;
}

/* One cluster's share: from offset to at most the cluster's end, all of one kind. */
static void find_piece(const struct qcow2 *qcow, const struct qcow2_slot *slot, uint64_t offset,
                       struct qcow2_run *piece)
{
    uint32_t index = qcow2_l2_index(qcow, offset);
    uint64_t entry = qcow2_l2_entry(qcow, slot, index);
    uint64_t bitmap = qcow2_l2_bitmap(qcow, slot, index);
    uint64_t in_cluster = offset & (qcow->cluster_bytes - 1);
    unsigned sub = (unsigned)(in_cluster >> qcow->sub_bits);
    unsigned subs = 1u << (qcow->cluster_bits - qcow->sub_bits);
    unsigned end = sub + 1;

    piece->kind = kind_of(qcow, entry, bitmap, sub);
    while (end < subs && kind_of(qcow, entry, bitmap, end) == piece->kind) {
        end++;
    }
    piece->entry = entry;
    piece->placed = qcow2_entry_placed(qcow, entry);
    piece->place = piece->placed ? (entry & QCOW2_OFFSET_MASK) + in_cluster : 0;
    piece->bytes = ((uint64_t)end << qcow->sub_bits) - in_cluster;
}

int qcow2_find_run(struct block_image *image, uint64_t offset, uint64_t bytes,
                   struct qcow2_run *run)
{
    struct qcow2 *qcow = image->state;
    uint64_t span = qcow2_l2_span(qcow);
    struct qcow2_slot *slot;
    int result = qcow2_l2_get(image, offset, false, &slot);

    if (result < 0) {
        return result;
    }
    bytes = MIN(bytes, span - (offset & (span - 1)));
    if (slot == NULL) {
        *run = (struct qcow2_run){.kind = QCOW2_RUN_NONE, .bytes = bytes};
        return 0;
    }
    find_piece(qcow, slot, offset, run);
    while (run->bytes < bytes && run->kind != QCOW2_RUN_PACKED) {
        struct qcow2_run next;
        find_piece(qcow, slot, offset + run->bytes, &next);
        if (next.kind != run->kind || next.placed != run->placed ||
            (run->placed && next.place != run->place + run->bytes)) {
            break;
        }
        run->bytes += next.bytes;
    }
    run->bytes = MIN(run->bytes, bytes);
    if (run->placed && (run->entry & QCOW2_OFFSET_MASK) % qcow->cluster_bytes != 0) {
        return qcow2_corrupt(image, "data cluster out of line", run->entry & QCOW2_OFFSET_MASK);
    }
    return 0;
}

bool qcow2_run_is_zero(const struct block_image *image, uint64_t offset,
                       const struct qcow2_run *run)
{
    return run->kind == QCOW2_RUN_ZERO ||
           (run->kind == QCOW2_RUN_NONE &&
            (image->backing == NULL || offset >= image->backing->bytes));
}
