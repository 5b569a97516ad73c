/*
 * Writing to the disk in a QCOW2 image. A write is cut at the borders of L2 tables, and then into
 * runs of clusters that can be written where they are, and runs that need new places. What the
 * write leaves over of a new cluster (or subcluster) is filled in from what was there before.
 */
#include "block/qcow2_impl.h"

#include <errno.h>

/* Bits of the subclusters from byte `from` to byte `end` of a cluster. */
static uint64_t sub_mask(const struct qcow2 *qcow, uint64_t from, uint64_t end)
{
    unsigned first = (unsigned)(from >> qcow->sub_bits);
    unsigned last = (unsigned)((end - 1) >> qcow->sub_bits);

    return (QCOW2_ALL_ALLOCATED >> (31 - (last - first))) << first;
}

/* May the range in_cluster..end of a cluster be written where it is? */
static bool in_place(const struct qcow2 *qcow, uint64_t entry, uint64_t bitmap, uint64_t in_cluster,
                     uint64_t end)
{
    if (!qcow2_entry_placed(qcow, entry) || (entry & QCOW2_COPIED) == 0) {
        return false;
    }
    if (qcow->extended) {
        uint64_t mask = sub_mask(qcow, in_cluster, end);
        return (bitmap & mask) == mask && (bitmap & mask << 32) == 0;
    }
    return qcow->header.version < 3 || (entry & QCOW2_ZERO) == 0;
}

/* It has a place of its own that can be written to, though not all of it is in use. */
static bool has_own_place(const struct qcow2 *qcow, uint64_t entry)
{
    return qcow2_entry_placed(qcow, entry) && (entry & QCOW2_COPIED) != 0;
}

static int range_is_zero(struct block_image *image, uint64_t offset, uint64_t bytes, bool *zero)
{
    *zero = true;
    bytes = offset < image->bytes ? MIN(bytes, image->bytes - offset) : 0;
    while (bytes > 0 && *zero) {
        struct qcow2_run run;
        int result = qcow2_find_run(image, offset, bytes, &run);
        if (result < 0) {
            return result;
        }
        *zero = qcow2_run_is_zero(image, offset, &run);
        offset += run.bytes;
        bytes -= run.bytes;
    }
    return 0;
}

/* What is there now; beyond the disk's end are zeroes. */
static int read_old(struct block_image *image, uint64_t offset, uint8_t *buffer, size_t bytes)
{
    size_t have = offset < image->bytes ? (size_t)MIN(bytes, image->bytes - offset) : 0;

    memset(buffer + have, 0, bytes - have);
    return qcow2_read(image, offset, buffer, have);
}

/* A write into new places: the range from..end of the disk goes to the file at `place`, with
 * offset..offset+bytes from the buffer and the rest from what is there now. */
struct store {
    uint64_t from, end;
    uint64_t offset;
    uint64_t bytes;
    const uint8_t *buffer;
    uint64_t place;
};

static int store_margin(struct block_image *image, const struct store *store, uint64_t from,
                        uint64_t bytes, bool fresh)
{
    struct qcow2 *qcow = image->state;
    bool zero = false;
    int result = 0;

    if (bytes == 0) {
        return 0;
    }
    if (fresh) { /* what lies beyond the end of the file is zero already */
        result = range_is_zero(image, from, bytes, &zero);
    }
    if (result == 0 && !zero) {
        result = read_old(image, from, qcow->cow, bytes);
        if (result == 0) {
            result = block_file_write(qcow->data_file, store->place + (from - store->from),
                                      qcow->cow, bytes);
        }
    }
    return result;
}

static int store_data(struct block_image *image, const struct store *store)
{
    struct qcow2 *qcow = image->state;
    uint64_t head = store->offset - store->from;
    uint64_t tail_at = store->offset + store->bytes;
    uint64_t tail = store->end - tail_at;
    bool fresh = store->place >= qcow->data_file->bytes && !qcow->data_file->device;

    if (head + tail > 0 && store->end - store->from <= qcow->cluster_bytes && !fresh) {
        /* All in one write. */
        int result = head > 0 ? read_old(image, store->from, qcow->cow, head) : 0;
        if (result == 0 && tail > 0) {
            result = read_old(image, tail_at, qcow->cow + head + store->bytes, tail);
        }
        if (result < 0) {
            return result;
        }
        memcpy(qcow->cow + head, store->buffer, store->bytes);
        return block_file_write(qcow->data_file, store->place, qcow->cow, store->end - store->from);
    }
    int result = store_margin(image, store, store->from, head, fresh);
    if (result == 0) {
        result = store_margin(image, store, tail_at, tail, fresh);
    }
    return result == 0
               ? block_file_write(qcow->data_file, store->place + head, store->buffer, store->bytes)
               : result;
}

/* Does a write to a part of this cluster bring the whole cluster along? */
static bool copies_cluster(const struct qcow2 *qcow, uint64_t entry, uint64_t bitmap)
{
    return !qcow->extended || (entry & QCOW2_PACKED) != 0 ||
           (qcow2_entry_placed(qcow, entry) && (entry & QCOW2_COPIED) == 0 &&
            (bitmap & QCOW2_ALL_ALLOCATED) != 0);
}

/* Widens the write to what has to be stored with it. */
static void find_margins(const struct qcow2 *qcow, const struct qcow2_slot *slot,
                         struct store *store)
{
    uint64_t last = store->offset + store->bytes - 1;
    uint32_t first_index = qcow2_l2_index(qcow, store->offset);
    uint32_t last_index = qcow2_l2_index(qcow, last);
    uint64_t sub_bytes = 1ull << qcow->sub_bits;
    bool whole = copies_cluster(qcow, qcow2_l2_entry(qcow, slot, first_index),
                                qcow2_l2_bitmap(qcow, slot, first_index));
    uint64_t unit = whole ? qcow->cluster_bytes : sub_bytes;

    store->from = store->offset & ~(unit - 1);
    whole = copies_cluster(qcow, qcow2_l2_entry(qcow, slot, last_index),
                           qcow2_l2_bitmap(qcow, slot, last_index));
    unit = whole ? qcow->cluster_bytes : sub_bytes;
    store->end = (last & ~(unit - 1)) + unit;
}

/* Enters `clusters` clusters at `place` (of the first one's start) into the table. */
static void enter_clusters(struct block_image *image, struct qcow2_slot *slot,
                           const struct store *store, uint64_t place, uint64_t clusters)
{
    struct qcow2 *qcow = image->state;
    uint32_t first = qcow2_l2_index(qcow, store->offset);
    uint64_t start = store->offset & ~(uint64_t)(qcow->cluster_bytes - 1);

    for (uint64_t i = 0; i < clusters; i++) {
        uint32_t index = first + (uint32_t)i;
        uint64_t entry = qcow2_l2_entry(qcow, slot, index);
        uint64_t bitmap = qcow2_l2_bitmap(qcow, slot, index);
        uint64_t at = start + i * qcow->cluster_bytes;
        uint64_t fresh = (place + i * qcow->cluster_bytes) | QCOW2_COPIED;
        if (qcow->extended) {
            uint64_t from = MAX(store->from, at) - at;
            uint64_t end = MIN(store->end, at + qcow->cluster_bytes) - at;
            uint64_t mask = sub_mask(qcow, from, end);
            bitmap = copies_cluster(qcow, entry, bitmap) ? 0 : bitmap;
            bitmap = (bitmap | mask) & ~(mask << 32);
        }
        if ((entry & QCOW2_PACKED) != 0 ||
            (entry & QCOW2_OFFSET_MASK) != (fresh & QCOW2_OFFSET_MASK)) {
            qcow2_give_entry(image, entry);
        }
        qcow2_l2_set(qcow, slot, index, fresh, bitmap);
    }
}

/* How many clusters in a row need a new place; at least the first one does. */
static uint64_t clusters_to_place(const struct qcow2 *qcow, const struct qcow2_slot *slot,
                                  uint64_t offset, uint64_t bytes)
{
    uint32_t index = qcow2_l2_index(qcow, offset);
    uint32_t last = qcow2_l2_index(qcow, offset + bytes - 1);
    uint64_t clusters = 1;

    while (index + clusters <= last &&
           !has_own_place(qcow, qcow2_l2_entry(qcow, slot, index + (uint32_t)clusters))) {
        clusters++;
    }
    return clusters;
}

static int write_new(struct block_image *image, struct qcow2_slot *slot, uint64_t offset,
                     const uint8_t *buffer, uint64_t bytes, uint64_t *done)
{
    struct qcow2 *qcow = image->state;
    uint64_t in_cluster = offset & (qcow->cluster_bytes - 1);
    uint64_t clusters = clusters_to_place(qcow, slot, offset, bytes);
    uint64_t place = offset - in_cluster;
    bool taken = !qcow2_has_data_file(qcow);
    int result = taken ? qcow2_take(image, &clusters, &place) : 0;

    if (result < 0) {
        return result;
    }
    *done = MIN(bytes, clusters * qcow->cluster_bytes - in_cluster);
    struct store store = {.offset = offset, .bytes = *done, .buffer = buffer};
    find_margins(qcow, slot, &store);
    store.place = place + (store.from - (offset - in_cluster));
    result = store_data(image, &store);
    if (result < 0) {
        if (taken) {
            qcow2_give_back(image, place, clusters * qcow->cluster_bytes);
        }
        return result;
    }
    enter_clusters(image, slot, &store, place, clusters);
    return 0;
}

/* Into a place that is there, but not (all) in use: zero with room, or missing subclusters. */
static int write_into(struct block_image *image, struct qcow2_slot *slot, uint64_t offset,
                      const uint8_t *buffer, uint64_t bytes, uint64_t *done)
{
    struct qcow2 *qcow = image->state;
    uint64_t in_cluster = offset & (qcow->cluster_bytes - 1);
    uint64_t place = qcow2_l2_entry(qcow, slot, qcow2_l2_index(qcow, offset)) & QCOW2_OFFSET_MASK;

    *done = MIN(bytes, qcow->cluster_bytes - in_cluster);
    struct store store = {.offset = offset, .bytes = *done, .buffer = buffer};
    find_margins(qcow, slot, &store);
    store.place = place + (store.from - (offset - in_cluster));
    int result = store_data(image, &store);
    if (result == 0) {
        enter_clusters(image, slot, &store, place, 1);
    }
    return result;
}

/* Length of the run that can be written in one go where it is; 0: not at all. */
static uint64_t run_in_place(const struct qcow2 *qcow, const struct qcow2_slot *slot,
                             uint64_t offset, uint64_t bytes)
{
    uint64_t start_place = 0;
    uint64_t done = 0;

    while (done < bytes) {
        uint64_t at = offset + done;
        uint64_t in_cluster = at & (qcow->cluster_bytes - 1);
        uint64_t piece = MIN(bytes - done, qcow->cluster_bytes - in_cluster);
        uint32_t index = qcow2_l2_index(qcow, at);
        uint64_t entry = qcow2_l2_entry(qcow, slot, index);
        uint64_t place = (entry & QCOW2_OFFSET_MASK) + in_cluster;
        if (!in_place(qcow, entry, qcow2_l2_bitmap(qcow, slot, index), in_cluster,
                      in_cluster + piece) ||
            (done > 0 && place != start_place + done)) {
            break;
        }
        start_place = done == 0 ? place : start_place;
        done += piece;
    }
    return done;
}

/* May this run be written to, going by the table alone? */
static bool place_is_good(const struct qcow2 *qcow, uint64_t entry)
{
    uint64_t place = entry & QCOW2_OFFSET_MASK;

    return place % qcow->cluster_bytes == 0 &&
           (place == 0 || qcow2_has_data_file(qcow) ||
            !qcow2_is_metadata(qcow, place, qcow->cluster_bytes));
}

/* Writes some of a range that lies below one L2 table. */
static int write_some(struct block_image *image, uint64_t offset, const uint8_t *buffer,
                      uint64_t bytes, uint64_t *done)
{
    struct qcow2 *qcow = image->state;
    struct qcow2_slot *slot;
    int result = qcow2_l2_get(image, offset, true, &slot);

    if (result < 0) {
        return result;
    }
    uint64_t entry = qcow2_l2_entry(qcow, slot, qcow2_l2_index(qcow, offset));
    uint64_t place = entry & QCOW2_OFFSET_MASK;
    if ((entry & QCOW2_PACKED) == 0 && !place_is_good(qcow, entry)) {
        return qcow2_corrupt(image, "data cluster out of line or on metadata", place);
    }
    *done = run_in_place(qcow, slot, offset, bytes);
    if (*done > 0) {
        place += offset & (qcow->cluster_bytes - 1);
        return block_file_write(qcow->data_file, place, buffer, *done);
    }
    return has_own_place(qcow, entry) ? write_into(image, slot, offset, buffer, bytes, done)
                                      : write_new(image, slot, offset, buffer, bytes, done);
}

int qcow2_write(struct block_image *image, uint64_t offset, const void *buffer, size_t bytes)
{
    struct qcow2 *qcow = image->state;
    const uint8_t *in = buffer;
    uint64_t span = qcow2_l2_span(qcow);

    while (bytes > 0) {
        uint64_t done = 0;
        uint64_t piece = MIN(bytes, span - (offset & (span - 1)));
        int result = write_some(image, offset, in, piece, &done);
        if (result < 0) {
            return result;
        }
        offset += done;
        in += done;
        bytes -= done;
    }
    return 0;
}

static bool locate_write(struct block_image *image, uint64_t offset, uint64_t bytes,
                         uint64_t *place)
{
    struct qcow2 *qcow = image->state;
    uint64_t l1_index = offset >> (qcow->cluster_bits + qcow->l2_bits);
    struct qcow2_slot *slot;

    if (l1_index >= qcow->l1.count || (qcow->l1.entries[l1_index] & QCOW2_COPIED) == 0 ||
        offset / qcow2_l2_span(qcow) != (offset + bytes - 1) / qcow2_l2_span(qcow) ||
        qcow2_l2_get(image, offset, false, &slot) < 0 || slot == NULL) {
        return false;
    }
    uint64_t entry = qcow2_l2_entry(qcow, slot, qcow2_l2_index(qcow, offset));
    *place = (entry & QCOW2_OFFSET_MASK) + (offset & (qcow->cluster_bytes - 1));
    return place_is_good(qcow, entry) && run_in_place(qcow, slot, offset, bytes) >= bytes;
}

bool qcow2_locate(struct block_image *image, bool write, uint64_t offset, uint64_t bytes,
                  struct block_file **file, uint64_t *place)
{
    struct qcow2 *qcow = image->state;
    struct qcow2_run run;

    *file = qcow->data_file;
    if (qcow->data_file == NULL) {
        return false;
    }
    if (write) {
        return locate_write(image, offset, bytes, place);
    }
    if (qcow2_find_run(image, offset, bytes, &run) < 0 || run.kind != QCOW2_RUN_DATA ||
        run.bytes < bytes) {
        return false;
    }
    *place = run.place;
    return true;
}
