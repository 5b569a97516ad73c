/*
 * L2 tables and refcount blocks in memory, with write-back. Tables are found by their place in the
 * file: the place selects a set of a few slots, of which the least recently used one makes room.
 *
 * A changed refcount block may go to the file at any time, since counts that are too high do no
 * harm and lower ones come only after a flush (qcow2_impl.h). A changed L2 table has to wait for
 * its turn, so it makes room by a flush.
 */
#include "block/qcow2_impl.h"

#include <errno.h>

enum {
    WAYS = 8,
    L2_CACHE_BYTES = 16 << 20,
    BLOCK_CACHE_BYTES = 4 << 20,
    SETS_MIN = 2,
    SETS_MAX = 512,
};

void qcow2_cache_init(struct qcow2_cache *cache, size_t table_bytes, bool is_l2)
{
    size_t sets = (is_l2 ? L2_CACHE_BYTES : BLOCK_CACHE_BYTES) / table_bytes / WAYS;

    cache->sets = (unsigned)CLAMP(sets, SETS_MIN, SETS_MAX);
    cache->slots = g_new0(struct qcow2_slot, cache->sets * WAYS);
    cache->is_l2 = is_l2;
}

void qcow2_cache_finish(struct qcow2_cache *cache)
{
    for (unsigned i = 0; cache->slots != NULL && i < cache->sets * WAYS; i++) {
        g_free(cache->slots[i].bytes);
    }
    g_free(cache->slots);
    cache->slots = NULL;
}

static bool is_dirty(const struct qcow2_slot *slot)
{
    return slot->dirty_to > slot->dirty_from;
}

static void set_clean(struct qcow2_cache *cache, struct qcow2_slot *slot)
{
    cache->dirty -= is_dirty(slot);
    slot->dirty_from = slot->dirty_to = 0;
}

void qcow2_cache_touch(struct qcow2_cache *cache, struct qcow2_slot *slot, size_t from,
                       size_t bytes)
{
    uint32_t first = (uint32_t)(from / QCOW2_UNIT_BYTES * QCOW2_UNIT_BYTES);
    uint32_t end = (uint32_t)qcow2_round_up(from + bytes, QCOW2_UNIT_BYTES);

    if (!is_dirty(slot)) {
        cache->dirty++;
        slot->dirty_from = first;
        slot->dirty_to = end;
        return;
    }
    slot->dirty_from = MIN(slot->dirty_from, first);
    slot->dirty_to = MAX(slot->dirty_to, end);
}

static int write_slot(struct block_image *image, struct qcow2_cache *cache, struct qcow2_slot *slot)
{
    int result =
        block_file_write(image->file, slot->offset + slot->dirty_from,
                         slot->bytes + slot->dirty_from, slot->dirty_to - slot->dirty_from);

    if (result == 0) {
        set_clean(cache, slot);
    }
    return result;
}

int qcow2_cache_write(struct block_image *image, struct qcow2_cache *cache)
{
    for (unsigned i = 0; cache->dirty > 0 && i < cache->sets * WAYS; i++) {
        if (is_dirty(&cache->slots[i])) {
            int result = write_slot(image, cache, &cache->slots[i]);
            if (result < 0) {
                return result;
            }
        }
    }
    return 0;
}

static struct qcow2_slot *set_of(struct block_image *image, struct qcow2_cache *cache,
                                 uint64_t offset)
{
    const struct qcow2 *qcow = image->state;
    uint64_t number = offset >> qcow->cluster_bits;

    /* Tables often come at even distances: mix the upper bits in. */
    return &cache->slots[(number ^ (number >> 9) ^ (number >> 18)) % cache->sets * WAYS];
}

static struct qcow2_slot *find(struct block_image *image, struct qcow2_cache *cache,
                               uint64_t offset)
{
    struct qcow2_slot *set = set_of(image, cache, offset);

    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].offset == offset) {
            return &set[i];
        }
    }
    return NULL;
}

/* An empty slot for the table at offset. */
static int make_room(struct block_image *image, struct qcow2_cache *cache, uint64_t offset,
                     struct qcow2_slot **slot)
{
    const struct qcow2 *qcow = image->state;
    struct qcow2_slot *set = set_of(image, cache, offset);
    struct qcow2_slot *oldest = set;

    for (unsigned i = 1; i < WAYS && oldest->offset != 0; i++) {
        if (set[i].offset == 0 || set[i].used < oldest->used) {
            oldest = &set[i];
        }
    }
    if (is_dirty(oldest)) {
        int result = cache->is_l2 ? qcow2_flush(image) : write_slot(image, cache, oldest);
        if (result < 0) {
            return result;
        }
    }
    oldest->offset = 0;
    if (oldest->bytes == NULL) {
        oldest->bytes = g_try_malloc(qcow->cluster_bytes);
        if (oldest->bytes == NULL) {
            return -ENOMEM;
        }
    }
    *slot = oldest;
    return 0;
}

int qcow2_cache_get(struct block_image *image, struct qcow2_cache *cache, uint64_t offset,
                    bool fresh, struct qcow2_slot **slot)
{
    const struct qcow2 *qcow = image->state;
    int result = 0;

    *slot = find(image, cache, offset);
    if (*slot == NULL) {
        struct qcow2_slot *room = NULL;
        result = make_room(image, cache, offset, &room);
        if (result == 0 && !fresh) {
            result = block_file_read(image->file, offset, room->bytes, qcow->cluster_bytes);
        }
        if (result < 0) {
            return result;
        }
        room->offset = offset;
        *slot = room;
    }
    if (fresh) {
        memset((*slot)->bytes, 0, qcow->cluster_bytes);
        qcow2_cache_touch(cache, *slot, 0, qcow->cluster_bytes);
    }
    (*slot)->used = ++cache->clock;
    return 0;
}

void qcow2_cache_forget(struct block_image *image, struct qcow2_cache *cache, uint64_t offset)
{
    struct qcow2_slot *slot = find(image, cache, offset);

    if (slot != NULL) {
        set_clean(cache, slot);
        slot->offset = 0;
    }
}

void qcow2_cache_forget_all(struct qcow2_cache *cache)
{
    for (unsigned i = 0; i < cache->sets * WAYS; i++) {
        set_clean(cache, &cache->slots[i]);
        cache->slots[i].offset = 0;
    }
}
