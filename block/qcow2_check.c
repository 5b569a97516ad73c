/*
 * Check and repair of QCOW2 images: what refers to a cluster against its count, and COPIED flags
 * against counts. Where the refcount structures themselves are damaged they are built anew.
 */
#include "block/qcow2_impl.h"

#include <errno.h>
#include <stdarg.h>

static void say(struct block_check *check, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void say(struct block_check *check, const char *format, ...)
{
    va_list args;

    if (check->report != NULL) {
        va_start(args, format);
        g_autofree char *text = g_strdup_vprintf(format, args);
        va_end(args);
        check->report(check->arg, text);
    }
}

/* ---- building anew ---- */

/* All clusters in use, each with the right count, in new blocks behind the end of the file. */
static int fill_counts(struct block_image *image, const struct qcow2_counts *counts, uint64_t end)
{
    for (uint64_t cluster = 0; cluster < end; cluster++) {
        uint32_t count = qcow2_counts_get(counts, cluster);
        int result = count > 0 ? qcow2_count_set(image, cluster, count) : 0;
        if (result < 0) {
            return result;
        }
    }
    return 0;
}

int qcow2_rebuild(struct block_image *image)
{
    struct qcow2 *qcow = image->state;
    struct block_check ignored = {0};
    struct qcow2_counts *counts;
    int result = qcow2_count_all(image, &ignored, false, &counts);

    if (result < 0) {
        return result;
    }
    uint64_t end = (image->file->bytes + qcow->cluster_bytes - 1) >> qcow->cluster_bits;
    uint64_t used = qcow2_counts_end(counts);
    qcow2_cache_forget_all(&qcow->blocks);
    memset(qcow->reftable.entries, 0, (size_t)qcow->reftable.count * 8);
    /* The old table stays valid until the header names the new one; so it must not be reused. */
    qcow->reftable.count = 0;
    qcow->reftable.offset = 0;
    qcow->reftable.dirty_units = 0;
    qcow->free_hint = end;
    uint64_t old_offset = qcow->header.reftable_offset;
    uint32_t old_clusters = qcow->header.reftable_clusters;
    result = qcow2_reftable_move(image, (end >> qcow->block_bits) + 1);
    qcow->header.reftable_offset = 0; /* nothing to give back */
    qcow->header.reftable_clusters = 0;
    if (result == 0) {
        result = fill_counts(image, counts, used);
    }
    if (result == 0) {
        result = qcow2_write_counts(image);
    }
    if (result < 0) {
        qcow->header.reftable_offset = old_offset;
        qcow->header.reftable_clusters = old_clusters;
        image->read_only = true; /* what is in memory is not what the file says */
        image->failed = true;
    }
    qcow2_counts_free(counts);
    if (result == 0) {
        qcow->free_hint = 0;
        result = qcow2_update_copied(image, false);
    }
    if (result == 0) {
        result = qcow2_write_counts(image);
    }
    if (result == 0) {
        result = qcow2_set_incompatible(image, 0, QCOW2_INCOMPAT_DIRTY | QCOW2_INCOMPAT_CORRUPT);
    }
    return result;
}

/* ---- comparing ---- */

static bool repairs(const struct block_check *check, bool leak)
{
    return check->repair == BLOCK_REPAIR_ALL || (leak && check->repair == BLOCK_REPAIR_LEAKS);
}

static int compare_one(struct block_image *image, struct block_check *check, uint64_t cluster,
                       uint64_t stored, uint64_t found)
{
    bool leak = stored > found;

    if (repairs(check, leak)) {
        say(check,
            "Repairing cluster %" G_GUINT64_FORMAT " refcount=%" G_GUINT64_FORMAT
            " reference=%" G_GUINT64_FORMAT,
            cluster, stored, found);
        int result = qcow2_count_set(image, cluster, found);
        if (result == 0) {
            check->fixed_leaks += leak;
            check->fixed_errors += !leak;
            return 0;
        }
        if (result != -ERANGE) {
            return result;
        }
    }
    say(check,
        "%s cluster %" G_GUINT64_FORMAT " refcount=%" G_GUINT64_FORMAT
        " reference=%" G_GUINT64_FORMAT,
        leak ? "Leaked" : "ERROR", cluster, stored, found);
    check->leaks += leak;
    check->errors += !leak;
    return 0;
}

static int compare_counts(struct block_image *image, struct block_check *check,
                          const struct qcow2_counts *counts)
{
    struct qcow2 *qcow = image->state;
    uint64_t per_block = 1ull << qcow->block_bits;
    uint64_t end = MAX(qcow2_counts_end(counts),
                       (image->file->bytes + qcow->cluster_bytes - 1) >> qcow->cluster_bits);
    uint64_t last = 0;

    /* Counts beyond the end of the file waste nothing. */
    for (uint64_t first = 0; first < end; first += per_block) {
        uint64_t index = first >> qcow->block_bits;
        uint64_t place = index < qcow->reftable.count ? qcow->reftable.entries[index] : 0;
        bool exists = place != 0 && place % qcow->cluster_bytes == 0 &&
                      place < image->file->bytes; /* else the error is counted already */
        if (!exists && first >= qcow2_counts_end(counts)) {
            continue;
        }
        for (uint64_t cluster = first; cluster < MIN(first + per_block, end); cluster++) {
            uint64_t found = qcow2_counts_get(counts, cluster), stored = 0;
            int result = exists || place == 0 ? qcow2_count_get(image, cluster, &stored) : 0;
            if (result == 0 && stored != found) {
                result = compare_one(image, check, cluster, stored, found);
            }
            if (result < 0) {
                return result;
            }
            last = stored > 0 || found > 0 ? cluster + 1 : last;
        }
    }
    check->end_offset = last << qcow->cluster_bits;
    return 0;
}

/* ---- flags ---- */

/* Returns true if the flag is to be changed. */
static bool flag_is_wrong(struct block_image *image, struct block_check *check, const char *what,
                          uint64_t entry)
{
    const struct qcow2 *qcow = image->state;
    uint64_t count = 0, place = entry & QCOW2_OFFSET_MASK;
    bool flag = (entry & QCOW2_COPIED) != 0;

    if (place % qcow->cluster_bytes != 0 ||
        qcow2_count_get(image, place >> qcow->cluster_bits, &count) < 0 || flag == (count == 1)) {
        return false;
    }
    if (repairs(check, !flag)) {
        say(check,
            "Repairing OFLAG_COPIED %s: entry=%" G_GINT64_MODIFIER "x refcount=%" G_GUINT64_FORMAT,
            what, entry, count);
        check->fixed_errors += flag;
        check->fixed_leaks += !flag;
        return true;
    }
    /* Without the flag a write copies, and that is all. */
    say(check, "%s OFLAG_COPIED %s: entry=%" G_GINT64_MODIFIER "x refcount=%" G_GUINT64_FORMAT,
        flag ? "ERROR" : "Missing", what, entry, count);
    check->errors += flag;
    check->leaks += !flag;
    return false;
}

static int check_flags(struct block_image *image, struct block_check *check)
{
    struct qcow2 *qcow = image->state;

    for (uint32_t i = 0; i < qcow->l1.count; i++) {
        uint64_t entry = qcow->l1.entries[i], offset = entry & QCOW2_OFFSET_MASK;
        struct qcow2_slot *slot;
        if (offset == 0 || offset % qcow->cluster_bytes != 0 || offset >= image->file->bytes) {
            continue;
        }
        if (flag_is_wrong(image, check, "L2 cluster", entry)) {
            qcow2_root_set(&qcow->l1, i, entry ^ QCOW2_COPIED);
        }
        int result = qcow2_cache_get(image, &qcow->l2, offset, false, &slot);
        if (result < 0) {
            return result;
        }
        for (uint32_t j = 0; j < 1u << qcow->l2_bits; j++) {
            uint64_t data = qcow2_l2_entry(qcow, slot, j);
            if (qcow2_entry_placed(qcow, data) && !qcow2_has_data_file(qcow) &&
                flag_is_wrong(image, check, "data cluster", data)) {
                qcow2_l2_set(qcow, slot, j, data ^ QCOW2_COPIED, qcow2_l2_bitmap(qcow, slot, j));
            }
        }
    }
    return 0;
}

/* ---- all of it ---- */

/* After a repair: write it; an image in order is not marked as damaged any more. */
static int finish_repair(struct block_image *image, const struct block_check *check)
{
    struct qcow2 *qcow = image->state;
    uint64_t bits = QCOW2_INCOMPAT_CORRUPT | QCOW2_INCOMPAT_DIRTY;
    int result = qcow2_write_out(image);

    if (result == 0 && check->errors == 0 && check->repair == BLOCK_REPAIR_ALL &&
        (qcow->header.incompatible & bits) != 0) {
        result = qcow2_set_incompatible(image, 0, bits);
    }
    return result;
}

static bool structures_are_sound(struct block_image *image)
{
    struct block_check before = {0}, after = {0};
    struct qcow2_counts *counts;

    /* Do the refcount structures add errors to those of the rest? */
    if (qcow2_count_all(image, &before, false, &counts) < 0) {
        return true;
    }
    qcow2_counts_free(counts);
    if (qcow2_count_all(image, &after, true, &counts) < 0) {
        return true;
    }
    qcow2_counts_free(counts);
    return after.errors == before.errors;
}

int qcow2_check(struct block_image *image, struct block_check *check)
{
    struct qcow2 *qcow = image->state;
    struct qcow2_counts *counts;
    int result = image->read_only || qcow->repairing ? 0 : qcow2_write_out(image);

    if (result < 0) {
        return result;
    }
    check->has_fragmented = true;
    check->clusters = (image->bytes + qcow->cluster_bytes - 1) >> qcow->cluster_bits;
    if (check->repair == BLOCK_REPAIR_ALL && !structures_are_sound(image)) {
        say(check, "Rebuilding refcount structure");
        result = qcow2_rebuild(image);
        check->fixed_errors++;
    }
    if (result == 0) {
        result = qcow2_count_all(image, check, true, &counts);
    }
    if (result < 0) {
        return result;
    }
    result = compare_counts(image, check, counts);
    qcow2_counts_free(counts);
    if (result == 0) {
        result = check_flags(image, check);
    }
    if (result == 0 && check->repair != BLOCK_REPAIR_NOTHING) {
        result = finish_repair(image, check);
    }
    return result;
}
