/*
 * Reference counts of QCOW2 images, and taking and giving up clusters by way of them.
 *
 * A cluster whose refcount block does not exist is free. New blocks are put at the start of the
 * room that needs them. The refcount table moves to a larger place when it is full.
 */
#include "block/qcow2_impl.h"

#include <errno.h>

enum { PENDING_MAX = 65536 };

/* ---- one count ---- */

uint64_t qcow2_count_in(const struct qcow2 *qcow, const uint8_t *block, uint64_t index)
{
    unsigned order = qcow->refcount_order;

    switch (order) {
    case 3:
        return block[index];
    case 4:
        return qcow2_get16(block + index * 2);
    case 5:
        return qcow2_get32(block + index * 4);
    case 6:
        return qcow2_get64(block + index * 8);
    default: {
        unsigned in_byte = 3 - order; /* log2 of the counts in a byte */
        unsigned shift = (unsigned)(index & ((1u << in_byte) - 1)) << order;
        return block[index >> in_byte] >> shift & qcow->refcount_max;
    }
    }
}

static void put_count(const struct qcow2 *qcow, uint8_t *block, uint64_t index, uint64_t count)
{
    unsigned order = qcow->refcount_order;

    switch (order) {
    case 3:
        block[index] = (uint8_t)count;
        break;
    case 4:
        qcow2_put16(block + index * 2, (uint16_t)count);
        break;
    case 5:
        qcow2_put32(block + index * 4, (uint32_t)count);
        break;
    case 6:
        qcow2_put64(block + index * 8, count);
        break;
    default: {
        unsigned in_byte = 3 - order;
        unsigned shift = (unsigned)(index & ((1u << in_byte) - 1)) << order;
        uint8_t *byte = &block[index >> in_byte];
        *byte = (uint8_t)((*byte & ~(qcow->refcount_max << shift)) | count << shift);
    }
    }
}

/* The block with a cluster's count; *slot is NULL if there is none. */
static int get_block(struct block_image *image, uint64_t cluster, struct qcow2_slot **slot)
{
    struct qcow2 *qcow = image->state;
    uint64_t index = cluster >> qcow->block_bits;
    uint64_t offset;

    *slot = NULL;
    if (index >= qcow->reftable.count || qcow->reftable.entries[index] == 0) {
        return 0;
    }
    offset = qcow->reftable.entries[index];
    if (offset % qcow->cluster_bytes != 0 || offset > INT64_MAX - qcow->cluster_bytes) {
        return qcow2_corrupt(image, "refcount block out of line", offset);
    }
    return qcow2_cache_get(image, &qcow->blocks, offset, false, slot);
}

static uint64_t index_in_block(const struct qcow2 *qcow, uint64_t cluster)
{
    return cluster & ((1ull << qcow->block_bits) - 1);
}

int qcow2_count_get(struct block_image *image, uint64_t cluster, uint64_t *count)
{
    struct qcow2 *qcow = image->state;
    struct qcow2_slot *slot;
    int result = get_block(image, cluster, &slot);

    *count = slot != NULL ? qcow2_count_in(qcow, slot->bytes, index_in_block(qcow, cluster)) : 0;
    return result;
}

/* Makes the block for `cluster` in the cluster `place`, which is free. */
static int make_block(struct block_image *image, uint64_t cluster, uint64_t place)
{
    struct qcow2 *qcow = image->state;
    struct qcow2_slot *slot;
    uint64_t offset = place << qcow->cluster_bits;

    if (offset == 0 || qcow2_is_metadata(qcow, offset, qcow->cluster_bytes)) {
        return qcow2_corrupt(image, "new refcount block on other metadata", offset);
    }
    int result = qcow2_cache_get(image, &qcow->blocks, offset, true, &slot);
    if (result < 0) {
        return result;
    }
    qcow2_root_set(&qcow->reftable, (uint32_t)(cluster >> qcow->block_bits), offset);
    return qcow2_count_set(image, place, 1);
}

/* Room in the refcount table for the count of this cluster. *moved: it was full. */
static int ensure_table(struct block_image *image, uint64_t cluster, bool *moved)
{
    struct qcow2 *qcow = image->state;
    uint64_t index = cluster >> qcow->block_bits;

    *moved = index >= qcow->reftable.count;
    if (!*moved) {
        return 0;
    }
    /* While the table itself is being placed there is room enough, or the image is too large. */
    return qcow->growing ? -EFBIG : qcow2_reftable_move(image, index + 1);
}

int qcow2_count_set(struct block_image *image, uint64_t cluster, uint64_t count)
{
    struct qcow2 *qcow = image->state;
    struct qcow2_slot *slot;
    int result = get_block(image, cluster, &slot);

    if (result == 0 && slot == NULL) {
        if (count == 0) {
            return 0;
        }
        /* Inside of the blocks' own room this ends at once: the count is in the block just made. */
        uint64_t room = 1, offset;
        result = qcow2_take(image, &room, &offset);
        if (result == 0) {
            result = get_block(image, cluster, &slot);
        }
        if (result == 0 && slot != NULL) { /* taking room has made it */
            qcow2_give_back(image, offset, qcow->cluster_bytes);
            result = get_block(image, cluster, &slot);
        } else if (result == 0) {
            struct qcow2_slot *fresh;
            bool moved;
            result = ensure_table(image, cluster, &moved);
            if (result == 0) {
                result = qcow2_cache_get(image, &qcow->blocks, offset, true, &fresh);
            }
            if (result == 0) {
                qcow2_root_set(&qcow->reftable, (uint32_t)(cluster >> qcow->block_bits), offset);
                result = get_block(image, cluster, &slot);
            }
        }
    }
    if (result < 0) {
        return result;
    }
    uint64_t index = index_in_block(qcow, cluster);
    put_count(qcow, slot->bytes, index, count);
    qcow2_cache_touch(&qcow->blocks, slot, (size_t)(index << qcow->refcount_order >> 3), 1);
    if (count == 0) {
        qcow->free_hint = MIN(qcow->free_hint, cluster);
    }
    return 0;
}

int qcow2_count_add(struct block_image *image, uint64_t cluster, uint64_t clusters, int step)
{
    struct qcow2 *qcow = image->state;

    for (uint64_t i = 0; i < clusters; i++) {
        uint64_t count;
        int result = qcow2_count_get(image, cluster + i, &count);
        if (result == 0 && (step < 0 ? count == 0 : count >= qcow->refcount_max)) {
            result = -ERANGE;
        }
        if (result == 0) {
            result = qcow2_count_set(image, cluster + i, step < 0 ? count - 1 : count + 1);
        }
        if (result < 0) {
            while (i-- > 0) { /* undo */
                if (qcow2_count_get(image, cluster + i, &count) == 0) {
                    (void)qcow2_count_set(image, cluster + i, step < 0 ? count + 1 : count - 1);
                }
            }
            return result;
        }
    }
    return 0;
}

/* ---- taking clusters ---- */

bool qcow2_is_metadata(const struct qcow2 *qcow, uint64_t offset, uint64_t bytes)
{
    const struct {
        uint64_t offset, bytes;
    } ranges[] = {
        {0, qcow->cluster_bytes},
        {qcow->l1.offset, (uint64_t)qcow->l1.count * 8},
        {qcow->reftable.offset, (uint64_t)qcow->reftable.count * 8},
        {qcow->header.snapshot_offset, qcow->snapshot_table_bytes},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(ranges); i++) {
        if ((i == 0 || ranges[i].offset != 0) && ranges[i].bytes > 0 &&
            offset < ranges[i].offset + ranges[i].bytes && ranges[i].offset < offset + bytes) {
            return true;
        }
    }
    return false;
}

/* The first free cluster from `from` on, and how many (up to want) are free behind it. */
static int find_free(struct block_image *image, uint64_t from, uint64_t want, uint64_t *first,
                     uint64_t *found)
{
    const struct qcow2 *qcow = image->state;

    *first = from;
    *found = 0;
    for (uint64_t at = from; *found < want;) {
        struct qcow2_slot *slot;
        uint64_t end = (at | ((1ull << qcow->block_bits) - 1)) + 1;
        if (at >> (62 - qcow->cluster_bits) != 0) {
            return -EFBIG;
        }
        int result = get_block(image, at, &slot);
        if (result < 0) {
            return result;
        }
        if (slot == NULL) { /* all free */
            *found = MIN(want, *found + (end - at));
            at = end;
            continue;
        }
        for (; at < end && *found < want; at++) {
            if (qcow2_count_in(qcow, slot->bytes, index_in_block(qcow, at)) == 0) {
                ++*found;
            } else {
                *first = at + 1;
                *found = 0;
            }
        }
    }
    return 0;
}

/* Sets the counts of clusters whose blocks exist to 1. */
static int mark(struct block_image *image, uint64_t first, uint64_t clusters)
{
    struct qcow2 *qcow = image->state;

    if (clusters == 0) {
        return 0;
    }
    if (qcow2_is_metadata(qcow, first << qcow->cluster_bits, clusters << qcow->cluster_bits)) {
        return qcow2_corrupt(image, "metadata counted as free", first << qcow->cluster_bits);
    }
    for (uint64_t i = 0; i < clusters; i++) {
        int result = qcow2_count_set(image, first + i, 1);
        if (result < 0) {
            while (i-- > 0) {
                (void)qcow2_count_set(image, first + i, 0);
            }
            return result;
        }
    }
    return 0;
}

/* Length of the free run at `first`, up to want, as far as blocks exist. */
static int covered_run(struct block_image *image, uint64_t first, uint64_t want, uint64_t *run)
{
    const struct qcow2 *qcow = image->state;

    for (*run = 0; *run < want;) {
        struct qcow2_slot *slot;
        uint64_t at = first + *run;
        uint64_t end = (at | ((1ull << qcow->block_bits) - 1)) + 1;
        int result = get_block(image, at, &slot);
        if (result < 0 || slot == NULL) {
            return result;
        }
        for (; at < end && *run < want; at++) {
            if (qcow2_count_in(qcow, slot->bytes, index_in_block(qcow, at)) != 0) {
                return 0;
            }
            ++*run;
        }
    }
    return 0;
}

int qcow2_take(struct block_image *image, uint64_t *clusters, uint64_t *offset)
{
    struct qcow2 *qcow = image->state;

    for (;;) {
        uint64_t first, run;
        bool moved;
        int result = find_free(image, qcow->free_hint, 1, &first, &run);
        if (result == 0) {
            qcow->free_hint = first;
            result = ensure_table(image, first, &moved);
        }
        if (result < 0) {
            return result;
        }
        if (moved) {
            continue;
        }
        result = covered_run(image, first, *clusters, &run);
        if (result == 0 && run == 0) {
            result = make_block(image, first, first);
            if (result == 0) {
                continue;
            }
        }
        if (result == 0) {
            result = mark(image, first, run);
        }
        if (result < 0) {
            return result;
        }
        qcow->free_hint = first + run;
        *clusters = run;
        *offset = first << qcow->cluster_bits;
        return 0;
    }
}

/* Makes the missing blocks for a free region, at its start. *used: how many. */
static int cover_region(struct block_image *image, uint64_t first, uint64_t clusters,
                        uint64_t *used)
{
    struct qcow2 *qcow = image->state;
    uint64_t step = 1ull << qcow->block_bits;

    *used = 0;
    for (uint64_t at = first; at < first + clusters; at = (at | (step - 1)) + 1) {
        struct qcow2_slot *slot;
        int result = get_block(image, at, &slot);
        if (result == 0 && slot == NULL) {
            uint64_t place = (first + *used) << qcow->cluster_bits;
            if (qcow2_is_metadata(qcow, place, qcow->cluster_bytes)) {
                return qcow2_corrupt(image, "new refcount block on other metadata", place);
            }
            result = qcow2_cache_get(image, &qcow->blocks, place, true, &slot);
            if (result == 0) {
                qcow2_root_set(&qcow->reftable, (uint32_t)(at >> qcow->block_bits), place);
                ++*used;
            }
        }
        if (result < 0) {
            return result;
        }
    }
    return mark(image, first, *used);
}

int qcow2_take_exact(struct block_image *image, uint64_t bytes, uint64_t *offset)
{
    struct qcow2 *qcow = image->state;
    uint64_t clusters = qcow2_round_up(bytes, qcow->cluster_bytes) >> qcow->cluster_bits;
    uint64_t region = clusters + (clusters >> qcow->block_bits) + 3;

    if (clusters == 0) {
        *offset = 0;
        return 0;
    }
    for (;;) {
        uint64_t first, found, used;
        bool moved;
        int result = find_free(image, qcow->free_hint, region, &first, &found);
        if (result == 0) {
            result = ensure_table(image, first + region, &moved);
        }
        if (result == 0 && moved) {
            continue;
        }
        if (result == 0) {
            result = cover_region(image, first, region, &used);
        }
        if (result == 0) {
            result = mark(image, first + used, clusters);
        }
        *offset = result == 0 ? (first + used) << qcow->cluster_bits : 0;
        return result;
    }
}

/* ---- giving up clusters ---- */

void qcow2_give_back(struct block_image *image, uint64_t offset, uint64_t bytes)
{
    const struct qcow2 *qcow = image->state;
    uint64_t clusters = qcow2_round_up(bytes, qcow->cluster_bytes) >> qcow->cluster_bits;

    /* If it fails the clusters are lost, which a check will find. */
    for (uint64_t i = 0; i < clusters; i++) {
        (void)qcow2_count_add(image, (offset >> qcow->cluster_bits) + i, 1, -1);
    }
}

void qcow2_give_later(struct block_image *image, uint64_t offset, uint64_t bytes)
{
    struct qcow2 *qcow = image->state;
    uint64_t first = offset >> qcow->cluster_bits;
    uint64_t end = (offset + bytes + qcow->cluster_bytes - 1) >> qcow->cluster_bits;

    if (qcow->pending->len > 0) {
        struct qcow2_pending *last =
            &g_array_index(qcow->pending, struct qcow2_pending, qcow->pending->len - 1);
        if (last->cluster + last->count == first) {
            last->count += end - first;
            return;
        }
    }
    struct qcow2_pending pending = {.cluster = first, .count = end - first};
    g_array_append_val(qcow->pending, pending);
}

void qcow2_give_entry(struct block_image *image, uint64_t entry)
{
    struct qcow2 *qcow = image->state;

    if ((entry & QCOW2_PACKED) != 0) {
        qcow2_give_later(image, qcow2_packed_offset(qcow, entry), qcow2_packed_bytes(qcow, entry));
    } else if (qcow2_entry_placed(qcow, entry) && !qcow2_has_data_file(qcow)) {
        qcow2_give_later(image, entry & QCOW2_OFFSET_MASK, qcow->cluster_bytes);
    }
}

/* Lowers the counts of one entry and gives the room of free clusters back to the host. */
static int apply_one(struct block_image *image, const struct qcow2_pending *pending)
{
    struct qcow2 *qcow = image->state;
    uint64_t hole_start = 0, hole_end = 0; /* clusters */
    int outcome = 0;

    for (uint64_t i = 0; i < pending->count; i++) {
        uint64_t cluster = pending->cluster + i;
        uint64_t count;
        int result = qcow2_count_get(image, cluster, &count);
        if (result == 0 &&
            (count == 0 || qcow2_is_metadata(qcow, cluster << qcow->cluster_bits, 1))) {
            result = qcow2_corrupt(image, "cluster in use counted as free",
                                   cluster << qcow->cluster_bits);
        }
        if (result == 0) {
            result = qcow2_count_set(image, cluster, count - 1);
        }
        outcome = result < 0 ? result : outcome;
        if (result == 0 && count == 1) {
            qcow2_cache_forget(image, &qcow->l2, cluster << qcow->cluster_bits);
            if (cluster != hole_end && image->file->discard && hole_end > hole_start) {
                (void)block_file_zero(image->file, hole_start << qcow->cluster_bits,
                                      (hole_end - hole_start) << qcow->cluster_bits);
            }
            hole_start = cluster == hole_end ? hole_start : cluster;
            hole_end = cluster + 1;
        }
    }
    if (image->file->discard && hole_end > hole_start) {
        (void)block_file_zero(image->file, hole_start << qcow->cluster_bits,
                              (hole_end - hole_start) << qcow->cluster_bits);
    }
    return outcome;
}

int qcow2_apply_pending(struct block_image *image)
{
    struct qcow2 *qcow = image->state;
    int outcome = 0;

    if (qcow->pending->len == 0) {
        return 0;
    }
    qcow->unpacked_entry = 0; /* its room may get another use */
    qcow->packed_end = 0;
    for (guint i = 0; i < qcow->pending->len; i++) {
        int result = apply_one(image, &g_array_index(qcow->pending, struct qcow2_pending, i));
        outcome = result < 0 ? result : outcome;
    }
    g_array_set_size(qcow->pending, 0);
    return outcome;
}

/* ---- the table ---- */

int qcow2_reftable_move(struct block_image *image, uint64_t count)
{
    struct qcow2 *qcow = image->state;
    struct qcow2_root *table = &qcow->reftable;
    uint64_t entries = qcow2_round_up((count + count / 2 + 1) * 8, qcow->cluster_bytes) / 8;
    uint64_t old_offset = table->offset, old_bytes = (uint64_t)table->count * 8;
    uint64_t units = qcow2_round_up(entries * 8, QCOW2_UNIT_BYTES) / QCOW2_UNIT_BYTES;
    uint64_t offset;

    if (entries * 8 > QCOW2_REFTABLE_MAX_BYTES) {
        entries = QCOW2_REFTABLE_MAX_BYTES / 8;
        units = QCOW2_REFTABLE_MAX_BYTES / QCOW2_UNIT_BYTES;
    }
    if (entries < count) {
        return -EFBIG;
    }
    table->entries = g_renew(uint64_t, table->entries, entries);
    memset(table->entries + table->count, 0, (entries - table->count) * 8);
    table->dirty = g_realloc(table->dirty, units);
    memset(table->dirty, 1, units);
    table->dirty_units = (unsigned)units;
    table->count = (uint32_t)entries;
    qcow->growing = true;
    table->offset = 0; /* it has no place now */
    int result = qcow2_take_exact(image, entries * 8, &offset);
    qcow->growing = false;
    if (result < 0) {
        /* The old, shorter table is still the valid one. */
        table->offset = old_offset;
        for (uint64_t i = old_bytes / 8; i < entries; i++) {
            table->entries[i] = 0;
        }
        table->count = (uint32_t)(old_bytes / 8);
        table->dirty_units = (unsigned)(old_bytes / QCOW2_UNIT_BYTES);
        qcow2_cache_forget_all(&qcow->blocks);
        return result;
    }
    table->offset = offset;
    if (old_offset != qcow->header.reftable_offset) { /* it has never been on disk */
        qcow2_give_back(image, old_offset, old_bytes);
    }
    return 0;
}

int qcow2_reftable_write(struct block_image *image)
{
    struct qcow2 *qcow = image->state;
    struct qcow2_header *header = &qcow->header;
    uint64_t old_offset = header->reftable_offset;
    uint64_t old_bytes = (uint64_t)header->reftable_clusters << qcow->cluster_bits;
    int result = 0;

    if (qcow->reftable.dirty_units > 0) {
        result = qcow2_root_write(image, &qcow->reftable);
        result = result == 0 ? qcow2_sync(image) : result;
    }
    if (result < 0 || old_offset == qcow->reftable.offset) {
        return result;
    }
    header->reftable_offset = qcow->reftable.offset;
    header->reftable_clusters =
        (uint32_t)((uint64_t)qcow->reftable.count * 8 >> qcow->cluster_bits);
    result = qcow2_write_header(image);
    result = result == 0 ? qcow2_sync(image) : result;
    if (result < 0) {
        header->reftable_offset = old_offset;
        header->reftable_clusters = (uint32_t)(old_bytes >> qcow->cluster_bits);
        return result;
    }
    if (old_offset != 0) {
        qcow2_give_back(image, old_offset, old_bytes);
    }
    return 0;
}
