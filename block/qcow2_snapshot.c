/*
 * Internal snapshots of QCOW2 images: a snapshot is an L1 table that is not written to any more.
 * What it shares with the active table has a count above 1 and no COPIED flag there.
 *
 * The order is such that an interruption leaves leaks, or entries without a COPIED flag that could
 * have one (harmless: the next write copies): flags go before counts rise, counts rise before
 * anything new refers, and fall after nothing does any more.
 */
#include "block/qcow2_impl.h"

#include <errno.h>
#include <stdio.h>
#include <sys/time.h>

static bool fail(GError **error, const struct block_image *image, const char *what, int result)
{
    g_set_error(error, BLOCK_ERROR, -result, "%s '%s': %s", what, image->path,
                result == -ERANGE ? "the reference counts are too narrow (refcount_bits)"
                                  : g_strerror(-result));
    return false;
}

/* ---- walking a tree ---- */

struct walk {
    int step;       /* +1 or -1 for each count */
    uint64_t done;  /* counts changed */
    uint64_t limit; /* stop after so many */
};

static int walk_entry(struct block_image *image, uint64_t entry, struct walk *walk)
{
    struct qcow2 *qcow = image->state;
    uint64_t first, end;

    if ((entry & QCOW2_PACKED) != 0) {
        first = qcow2_packed_offset(qcow, entry);
        end = first + qcow2_packed_bytes(qcow, entry);
    } else if (qcow2_entry_placed(qcow, entry)) {
        first = entry & QCOW2_OFFSET_MASK;
        end = first + 1;
    } else {
        return 0;
    }
    first >>= qcow->cluster_bits;
    end = (end + qcow->cluster_bytes - 1) >> qcow->cluster_bits;
    int result = qcow2_count_add(image, first, end - first, walk->step);
    walk->done += result == 0;
    return result;
}

static int walk_l2(struct block_image *image, uint64_t l1_entry, struct walk *walk)
{
    struct qcow2 *qcow = image->state;
    uint64_t offset = l1_entry & QCOW2_OFFSET_MASK;
    struct qcow2_slot *slot;

    if (offset == 0) {
        return 0;
    }
    if (offset % qcow->cluster_bytes != 0 || offset >= image->file->bytes) {
        return -EIO;
    }
    int result = qcow2_cache_get(image, &qcow->l2, offset, false, &slot);
    for (uint32_t i = 0; result == 0 && i < 1u << qcow->l2_bits; i++) {
        if (walk->done >= walk->limit) {
            return 0;
        }
        result = walk_entry(image, qcow2_l2_entry(qcow, slot, i), walk);
    }
    if (result == 0 && walk->done < walk->limit) {
        uint64_t count;
        result = qcow2_count_add(image, offset >> qcow->cluster_bits, 1, walk->step);
        walk->done += result == 0;
        if (result == 0 && walk->step < 0 &&
            qcow2_count_get(image, offset >> qcow->cluster_bits, &count) == 0 && count == 0) {
            qcow2_cache_forget(image, &qcow->l2, offset);
        }
    }
    return result;
}

static int walk_tree(struct block_image *image, const uint64_t *l1, uint32_t count,
                     struct walk *walk)
{
    int result = 0;

    for (uint32_t i = 0; result == 0 && i < count && walk->done < walk->limit; i++) {
        result = walk_l2(image, l1[i], walk);
    }
    return result;
}

/* Adds a reference to everything below an L1 table, or to nothing. */
static int add_references(struct block_image *image, const uint64_t *l1, uint32_t count)
{
    struct walk up = {.step = 1, .limit = UINT64_MAX};
    int result = walk_tree(image, l1, count, &up);

    if (result < 0) {
        struct walk down = {.step = -1, .limit = up.done};
        (void)walk_tree(image, l1, count, &down);
    }
    return result;
}

static int drop_references(struct block_image *image, const uint64_t *l1, uint32_t count)
{
    struct qcow2 *qcow = image->state;
    struct walk down = {.step = -1, .limit = UINT64_MAX};

    qcow->unpacked_entry = 0;
    qcow->packed_end = 0;
    return walk_tree(image, l1, count, &down);
}

/* ---- COPIED flags ---- */

static int wants_flag(struct block_image *image, uint64_t offset, bool clear, bool *wanted)
{
    const struct qcow2 *qcow = image->state;
    uint64_t count = 0;
    int result = clear ? 0 : qcow2_count_get(image, offset >> qcow->cluster_bits, &count);

    *wanted = !clear && count == 1;
    return result;
}

static int update_l2(struct block_image *image, uint64_t offset, bool clear)
{
    struct qcow2 *qcow = image->state;
    struct qcow2_slot *slot;
    int result = qcow2_cache_get(image, &qcow->l2, offset, false, &slot);

    for (uint32_t i = 0; result == 0 && i < 1u << qcow->l2_bits; i++) {
        uint64_t entry = qcow2_l2_entry(qcow, slot, i);
        bool wanted;
        if (!qcow2_entry_placed(qcow, entry) || qcow2_has_data_file(qcow)) {
            continue;
        }
        result = wants_flag(image, entry & QCOW2_OFFSET_MASK, clear, &wanted);
        if (result == 0 && wanted != ((entry & QCOW2_COPIED) != 0)) {
            qcow2_l2_set(qcow, slot, i, entry ^ QCOW2_COPIED, qcow2_l2_bitmap(qcow, slot, i));
        }
    }
    return result;
}

int qcow2_update_copied(struct block_image *image, bool clear)
{
    struct qcow2 *qcow = image->state;
    int result = 0;

    for (uint32_t i = 0; result == 0 && i < qcow->l1.count; i++) {
        uint64_t entry = qcow->l1.entries[i];
        uint64_t offset = entry & QCOW2_OFFSET_MASK;
        bool wanted;
        if (offset == 0 || offset % qcow->cluster_bytes != 0) {
            continue;
        }
        result = update_l2(image, offset, clear);
        if (result == 0) {
            result = wants_flag(image, offset, clear, &wanted);
        }
        if (result == 0 && wanted != ((entry & QCOW2_COPIED) != 0)) {
            qcow2_root_set(&qcow->l1, i, entry ^ QCOW2_COPIED);
        }
    }
    return result == 0 ? qcow2_flush(image) : result;
}

/* ---- finding ---- */

/* By name or by id, whichever comes first. -1: none. */
static int find_snapshot(const struct qcow2 *qcow, const char *name, bool id_first)
{
    for (unsigned round = 0; round < 2; round++) {
        bool by_id = (round == 0) == id_first;
        for (guint i = 0; i < qcow->snapshots->len; i++) {
            const struct qcow2_snapshot *snapshot = g_ptr_array_index(qcow->snapshots, i);
            if (strcmp(by_id ? snapshot->id : snapshot->name, name) == 0) {
                return (int)i;
            }
        }
    }
    return -1;
}

static char *next_id(const struct qcow2 *qcow)
{
    uint64_t highest = 0;

    for (guint i = 0; i < qcow->snapshots->len; i++) {
        const struct qcow2_snapshot *snapshot = g_ptr_array_index(qcow->snapshots, i);
        highest = MAX(highest, g_ascii_strtoull(snapshot->id, NULL, 10));
    }
    return g_strdup_printf("%" G_GUINT64_FORMAT, highest + 1);
}

const struct qcow2_snapshot *qcow2_snapshot_find(const struct qcow2 *qcow, const char *name)
{
    int index = find_snapshot(qcow, name, true);

    return index >= 0 ? g_ptr_array_index(qcow->snapshots, (guint)index) : NULL;
}

int qcow2_snapshot_read_l1(struct block_image *image, const struct qcow2_snapshot *snapshot,
                           struct qcow2_root *root)
{
    const struct qcow2 *qcow = image->state;

    if (snapshot->l1_entries > QCOW2_L1_MAX_BYTES / 8 ||
        snapshot->l1_offset % qcow->cluster_bytes != 0 ||
        snapshot->l1_offset > INT64_MAX - QCOW2_L1_MAX_BYTES) {
        return -EIO;
    }
    return qcow2_root_read(image, root, snapshot->l1_offset, snapshot->l1_entries);
}

/* ---- create ---- */

/* Puts a copy of the active L1 table into the file. */
static int store_l1(struct block_image *image, struct qcow2_snapshot *snapshot)
{
    struct qcow2 *qcow = image->state;
    uint32_t count = qcow->l1.count;
    size_t bytes = (size_t)count * 8;
    g_autofree uint64_t *raw = g_new(uint64_t, MAX(count, 1));
    int result = qcow2_take_exact(image, bytes, &snapshot->l1_offset);

    snapshot->l1_entries = count;
    for (uint32_t i = 0; i < count; i++) {
        raw[i] = htobe64(qcow->l1.entries[i]);
    }
    if (result == 0) {
        result = qcow2_write_counts(image);
    }
    if (result == 0) {
        result = block_file_write(image->file, snapshot->l1_offset, raw, bytes);
    }
    return result == 0 ? qcow2_sync(image) : result;
}

static int create_steps(struct block_image *image, struct qcow2_snapshot *snapshot)
{
    struct qcow2 *qcow = image->state;
    int result = qcow2_flush(image);

    if (result == 0) {
        result = qcow2_update_copied(image, true);
    }
    if (result == 0) {
        result = add_references(image, qcow->l1.entries, qcow->l1.count);
        if (result == 0) {
            result = store_l1(image, snapshot);
            if (result == 0) {
                g_ptr_array_add(qcow->snapshots, snapshot);
                result = qcow2_snapshots_write(image);
                if (result < 0) {
                    g_ptr_array_steal_index(qcow->snapshots, qcow->snapshots->len - 1);
                    qcow2_give_back(image, snapshot->l1_offset, (uint64_t)snapshot->l1_entries * 8);
                }
            }
            if (result < 0) {
                (void)drop_references(image, qcow->l1.entries, qcow->l1.count);
            }
        }
        if (result < 0) {
            (void)qcow2_update_copied(image, false);
        }
    }
    return result;
}

bool qcow2_snapshot_create(struct block_image *image, const char *name,
                           const struct block_state *state, GError **error)
{
    struct qcow2 *qcow = image->state;
    struct timeval now;

    if (qcow2_has_data_file(qcow)) {
        return fail(error, image, "Could not create snapshot in (it has an external data file)",
                    -ENOTSUP);
    }
    if (qcow->snapshots->len >= QCOW2_SNAPSHOTS_MAX || strlen(name) > UINT16_MAX) {
        return fail(error, image, "Could not create snapshot in", -EFBIG);
    }
    gettimeofday(&now, NULL);
    struct qcow2_snapshot *snapshot = g_new0(struct qcow2_snapshot, 1);
    snapshot->id = next_id(qcow);
    snapshot->name = g_strdup(name);
    snapshot->date_seconds = (uint32_t)now.tv_sec;
    snapshot->date_ns = (uint32_t)now.tv_usec * 1000;
    snapshot->disk_bytes = image->bytes;
    snapshot->icount = state != NULL ? UINT64_MAX : 0;
    snapshot->state_bytes = state != NULL ? state->bytes : 0;
    snapshot->clock_ns = state != NULL ? state->clock_ns : 0;
    int result = state == NULL ? qcow2_state_drop(image) : 0;
    if (result == 0) {
        result = create_steps(image, snapshot);
    }
    if (result < 0) {
        qcow2_snapshot_free(snapshot);
    } else if (state != NULL) {
        result = qcow2_state_drop(image);
        result = result == 0 ? qcow2_flush(image) : result;
    }
    if (result < 0) {
        return fail(error, image, "Could not create snapshot in", result);
    }
    return true;
}

/* ---- apply ---- */

static int apply_steps(struct block_image *image, const struct qcow2_snapshot *snapshot,
                       struct qcow2_root *wanted)
{
    struct qcow2 *qcow = image->state;
    uint64_t needed = MAX(qcow2_l1_entries_for(qcow, snapshot->disk_bytes), 1);
    uint32_t count = (uint32_t)needed; /* a machine's state behind the disk's end stays where it is */

    if (needed > QCOW2_L1_MAX_BYTES / 8 || snapshot->disk_bytes > INT64_MAX - BLOCK_SECTOR_BYTES) {
        return -EIO;
    }
    g_autofree uint64_t *entries = g_new0(uint64_t, count);
    for (uint32_t i = 0; i < MIN(wanted->count, count); i++) {
        entries[i] = wanted->entries[i] & ~QCOW2_COPIED;
    }
    uint32_t old_count = qcow->l1.count;
    int result = add_references(image, entries, count);
    if (result < 0) {
        return result;
    }
    g_autofree uint64_t *old = g_memdup2(qcow->l1.entries, MAX((size_t)old_count * 8, 8));
    result = qcow2_l1_move(image, entries, count, snapshot->disk_bytes);
    if (result < 0) {
        (void)drop_references(image, entries, count);
        return result;
    }
    result = drop_references(image, old, old_count);
    int flags = qcow2_update_copied(image, false);
    return result == 0 ? flags : result;
}

bool qcow2_snapshot_apply(struct block_image *image, const char *name, GError **error)
{
    struct qcow2 *qcow = image->state;
    struct qcow2_root wanted = {0};
    int index = find_snapshot(qcow, name, true);

    if (index < 0 || qcow2_has_data_file(qcow)) {
        return fail(error, image, "Could not apply snapshot in", index < 0 ? -ENOENT : -ENOTSUP);
    }
    const struct qcow2_snapshot *snapshot = g_ptr_array_index(qcow->snapshots, (guint)index);
    int result = qcow2_flush(image);
    if (result == 0) {
        result = qcow2_snapshot_read_l1(image, snapshot, &wanted);
    }
    if (result == 0) {
        result = apply_steps(image, snapshot, &wanted);
    }
    qcow2_root_finish(&wanted);
    return result == 0 || fail(error, image, "Could not apply snapshot in", result);
}

/* ---- delete ---- */

bool qcow2_snapshot_delete(struct block_image *image, const char *name, GError **error)
{
    struct qcow2 *qcow = image->state;
    struct qcow2_root root = {0};
    int index = find_snapshot(qcow, name, false);

    if (index < 0) {
        return fail(error, image, "Could not delete snapshot in", -ENOENT);
    }
    struct qcow2_snapshot *snapshot = g_ptr_array_index(qcow->snapshots, (guint)index);
    int result = qcow2_flush(image);
    if (result == 0) {
        result = qcow2_snapshot_read_l1(image, snapshot, &root);
    }
    if (result == 0) {
        g_ptr_array_steal_index(qcow->snapshots, (guint)index);
        result = qcow2_snapshots_write(image);
        if (result < 0) {
            g_ptr_array_insert(qcow->snapshots, index, snapshot);
        }
    }
    if (result < 0) {
        qcow2_root_finish(&root);
        return fail(error, image, "Could not delete snapshot in", result);
    }
    result = drop_references(image, root.entries, root.count);
    if (result == 0) {
        qcow2_give_back(image, snapshot->l1_offset, (uint64_t)snapshot->l1_entries * 8);
        result = qcow2_update_copied(image, false);
    }
    qcow2_root_finish(&root);
    qcow2_snapshot_free(snapshot);
    return result == 0 || fail(error, image, "Could not free all of a snapshot in", result);
}

/* ---- view ---- */

bool qcow2_snapshot_view(struct block_image *image, const char *name, GError **error)
{
    struct qcow2 *qcow = image->state;
    struct qcow2_root wanted = {0};
    int index = find_snapshot(qcow, name, true);

    g_assert(image->read_only);
    if (index < 0 || qcow2_has_data_file(qcow)) {
        return fail(error, image, "Could not load snapshot of", index < 0 ? -ENOENT : -ENOTSUP);
    }
    const struct qcow2_snapshot *snapshot = g_ptr_array_index(qcow->snapshots, (guint)index);
    uint64_t needed = qcow2_l1_entries_for(qcow, snapshot->disk_bytes);
    int result = qcow2_snapshot_read_l1(image, snapshot, &wanted);
    if (result == 0 && (needed > wanted.count || snapshot->disk_bytes > INT64_MAX)) {
        result = -EIO;
    }
    if (result < 0) {
        qcow2_root_finish(&wanted);
        return fail(error, image, "Could not load snapshot of", result);
    }
    qcow2_root_finish(&qcow->l1);
    qcow->l1 = wanted;
    image->bytes = snapshot->disk_bytes / BLOCK_SECTOR_BYTES * BLOCK_SECTOR_BYTES;
    return true;
}
