/*
 * Counting what refers to each cluster of a QCOW2 image: the ground for check and repair. Counts
 * are kept in pages, so that memory is taken for what is in use and not for what a damaged offset
 * pretends.
 */
#include "block/qcow2_impl.h"

#include <errno.h>

enum { PAGE_BITS = 12, PAGES_MAX = 12 << 10 /* 48 Mi clusters, 192 MiB */ };

struct qcow2_counts {
    GHashTable *pages; /* cluster >> PAGE_BITS -> uint32_t[] */
    uint64_t end;      /* clusters in the file */
    uint64_t highest;  /* cluster behind the last one in use */
    bool full;         /* out of pages */
};

struct tally {
    struct block_image *image;
    struct qcow2_counts *counts;
    struct block_check *check;
    uint64_t next_place; /* for fragmentation */
    GHashTable *seen;    /* L2 tables of the tree that is walked */
};

uint32_t qcow2_counts_get(const struct qcow2_counts *counts, uint64_t cluster)
{
    const uint32_t *page =
        g_hash_table_lookup(counts->pages, GSIZE_TO_POINTER(cluster >> PAGE_BITS));

    return page != NULL ? page[cluster & ((1u << PAGE_BITS) - 1)] : 0;
}

uint64_t qcow2_counts_end(const struct qcow2_counts *counts)
{
    return counts->highest;
}

void qcow2_counts_free(struct qcow2_counts *counts)
{
    if (counts != NULL) {
        g_hash_table_destroy(counts->pages);
        g_free(counts);
    }
}

static void report(struct tally *tally, const char *what, uint64_t offset)
{
    struct block_check *check = tally->check;

    check->errors++;
    if (check->report != NULL) {
        g_autofree char *text =
            g_strdup_printf("ERROR %s: offset=%#" G_GINT64_MODIFIER "x", what, offset);
        check->report(check->arg, text);
    }
}

/* One more reference to what lies at offset. False: it is not inside the file. */
static bool add(struct tally *tally, uint64_t offset, uint64_t bytes, const char *what)
{
    const struct qcow2 *qcow = tally->image->state;
    struct qcow2_counts *counts = tally->counts;
    uint64_t first = offset >> qcow->cluster_bits;

    if (bytes == 0) {
        return true;
    }
    uint64_t last = (offset + bytes - 1) >> qcow->cluster_bits;
    if (last >= counts->end || last < first) {
        report(tally, what, offset);
        return false;
    }
    for (uint64_t cluster = first; cluster <= last; cluster++) {
        gpointer key = GSIZE_TO_POINTER(cluster >> PAGE_BITS);
        uint32_t *page = g_hash_table_lookup(counts->pages, key);
        if (page == NULL) {
            if (g_hash_table_size(counts->pages) >= PAGES_MAX) {
                counts->full = true;
                return false;
            }
            page = g_new0(uint32_t, 1u << PAGE_BITS);
            g_hash_table_insert(counts->pages, key, page);
        }
        page[cluster & ((1u << PAGE_BITS) - 1)]++;
    }
    counts->highest = MAX(counts->highest, last + 1);
    return true;
}

/* ---- trees ---- */

static void tally_entry(struct tally *tally, uint64_t entry, bool active)
{
    const struct qcow2 *qcow = tally->image->state;
    struct block_check *check = tally->check;
    uint64_t place = entry & QCOW2_OFFSET_MASK;

    if ((entry & QCOW2_PACKED) != 0) {
        uint64_t offset = qcow2_packed_offset(qcow, entry);
        uint64_t end = qcow2_round_up(tally->counts->end << qcow->cluster_bits, 1);
        uint64_t bytes = qcow2_packed_bytes(qcow, entry);
        if ((entry & QCOW2_COPIED) != 0) {
            report(tally, "compressed cluster with the copied flag", offset);
        }
        /* The length is in sectors; the file may end before the last one does. */
        bytes = offset < end ? MIN(bytes, end - offset) : bytes;
        add(tally, offset, bytes, "compressed cluster is outside the file");
        check->allocated += active;
        check->compressed += active;
        check->fragmented += active;
        return;
    }
    if (!qcow2_entry_placed(qcow, entry)) {
        return;
    }
    if (active) {
        check->allocated++;
        check->fragmented += tally->next_place != 0 && place != tally->next_place;
        tally->next_place = place + qcow->cluster_bytes;
    }
    if (place % qcow->cluster_bytes != 0) {
        report(tally, "data cluster is not properly aligned; L2 entry corrupted", place);
    } else if (!qcow2_has_data_file(qcow)) {
        add(tally, place, qcow->cluster_bytes, "data cluster is outside the file");
    }
}

static int tally_l2(struct tally *tally, uint64_t offset, bool active)
{
    struct qcow2 *qcow = tally->image->state;
    g_autofree uint8_t *raw = g_malloc(qcow->cluster_bytes);
    int result = block_file_read(tally->image->file, offset, raw, qcow->cluster_bytes);

    for (size_t at = 0; result == 0 && at < qcow->cluster_bytes; at += qcow->entry_bytes) {
        uint64_t entry = qcow2_get64(raw + at);
        if (entry != 0) {
            tally_entry(tally, entry, active);
        }
        if (tally->counts->full) {
            return -EFBIG;
        }
    }
    return result;
}

static int tally_tree(struct tally *tally, const uint64_t *l1, uint32_t count, bool active)
{
    const struct qcow2 *qcow = tally->image->state;
    int result = 0;

    g_hash_table_remove_all(tally->seen);
    for (uint32_t i = 0; result == 0 && i < count; i++) {
        uint64_t offset = l1[i] & QCOW2_OFFSET_MASK;
        if (offset == 0) {
            continue;
        }
        if (offset % qcow->cluster_bytes != 0) {
            report(tally, "L2 table is not cluster aligned; L1 entry corrupted", offset);
        } else if (add(tally, offset, qcow->cluster_bytes, "L2 table is outside the file")) {
            /* One that is there twice is an error by its count; walking it again would tell
             * nothing new and take forever in an image made for that. */
            if (g_hash_table_add(tally->seen, GSIZE_TO_POINTER(offset))) {
                result = tally_l2(tally, offset, active);
            }
        }
        result = tally->counts->full ? -EFBIG : result;
    }
    return result;
}

static int tally_snapshot(struct tally *tally, const struct qcow2_snapshot *snapshot)
{
    const struct qcow2 *qcow = tally->image->state;
    struct qcow2_root root = {0};
    uint64_t bytes = (uint64_t)snapshot->l1_entries * 8;

    if (snapshot->l1_offset % qcow->cluster_bytes != 0 || bytes > QCOW2_L1_MAX_BYTES) {
        report(tally, "snapshot's L1 table is out of line or too large", snapshot->l1_offset);
        return 0;
    }
    if (!add(tally, snapshot->l1_offset, bytes, "snapshot's L1 table is outside the file") ||
        bytes == 0) {
        return tally->counts->full ? -EFBIG : 0;
    }
    if (qcow2_counts_get(tally->counts, snapshot->l1_offset >> qcow->cluster_bits) > 1) {
        return 0; /* on something else: its count will tell */
    }
    int result = qcow2_root_read(tally->image, &root, snapshot->l1_offset, snapshot->l1_entries);
    if (result == 0) {
        result = tally_tree(tally, root.entries, root.count, false);
    }
    qcow2_root_finish(&root);
    return result;
}

/* ---- refcount structures, bitmaps ---- */

static void tally_refcounts(struct tally *tally)
{
    const struct qcow2 *qcow = tally->image->state;

    add(tally, qcow->header.reftable_offset,
        (uint64_t)qcow->header.reftable_clusters << qcow->cluster_bits,
        "refcount table is outside the file");
    for (uint32_t i = 0; i < qcow->reftable.count && !tally->counts->full; i++) {
        uint64_t offset = qcow->reftable.entries[i];
        if (offset == 0) {
            continue;
        }
        if (offset % qcow->cluster_bytes != 0) {
            report(tally, "refcount block is not cluster aligned; refcount table entry corrupted",
                   offset);
        } else if (add(tally, offset, qcow->cluster_bytes, "refcount block is outside the file") &&
                   qcow2_counts_get(tally->counts, offset >> qcow->cluster_bits) != 1) {
            report(tally, "refcount block is used for something else too", offset);
        }
    }
}

static void tally_bitmap(struct tally *tally, uint64_t table, uint32_t entries)
{
    const struct qcow2 *qcow = tally->image->state;

    if (table % qcow->cluster_bytes != 0 || entries > QCOW2_L1_MAX_BYTES / 8 ||
        !add(tally, table, (uint64_t)entries * 8, "bitmap table is outside the file")) {
        return;
    }
    for (uint32_t i = 0; i < entries && !tally->counts->full; i++) {
        uint8_t raw[8];
        if (block_file_read(tally->image->file, table + (uint64_t)i * 8, raw, 8) < 0) {
            return;
        }
        uint64_t offset = qcow2_get64(raw) & QCOW2_OFFSET_MASK;
        add(tally, offset, offset != 0 ? qcow->cluster_bytes : 0, "bitmap is outside the file");
    }
}

/* The directory of persistent bitmaps, which we do not use but must not call lost. */
static void tally_bitmaps(struct tally *tally)
{
    const struct qcow2 *qcow = tally->image->state;
    enum { EXTENSION_BYTES = 24, ENTRY_BYTES = 24, DIRECTORY_MAX = 64 << 20 };

    if ((qcow->header.autoclear & QCOW2_AUTOCLEAR_BITMAPS) == 0) {
        return;
    }
    for (guint i = 0; i < qcow->extensions->len; i++) {
        const struct qcow2_extension *e =
            &g_array_index(qcow->extensions, struct qcow2_extension, i);
        if (e->type != QCOW2_EXT_BITMAPS || e->bytes < EXTENSION_BYTES) {
            continue;
        }
        uint64_t bytes = qcow2_get64(e->data + 8), at = qcow2_get64(e->data + 16);
        uint64_t end = at + bytes;
        if (bytes > DIRECTORY_MAX ||
            !add(tally, at, bytes, "bitmap directory is outside the file")) {
            continue;
        }
        while (at + ENTRY_BYTES <= end && !tally->counts->full) {
            uint8_t raw[ENTRY_BYTES];
            if (block_file_read(tally->image->file, at, raw, sizeof(raw)) < 0) {
                return;
            }
            tally_bitmap(tally, qcow2_get64(raw), qcow2_get32(raw + 8));
            at =
                qcow2_round_up(at + ENTRY_BYTES + qcow2_get16(raw + 18) + qcow2_get32(raw + 20), 8);
        }
    }
}

int qcow2_count_all(struct block_image *image, struct block_check *check, bool with_refcounts,
                    struct qcow2_counts **result_counts)
{
    struct qcow2 *qcow = image->state;
    struct qcow2_counts *counts = g_new0(struct qcow2_counts, 1);
    struct tally tally = {.image = image, .counts = counts, .check = check};
    int result;

    counts->pages = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
    counts->end = (image->file->bytes + qcow->cluster_bytes - 1) >> qcow->cluster_bits;
    tally.seen = g_hash_table_new(g_direct_hash, g_direct_equal);
    add(&tally, 0, qcow->cluster_bytes, "no header");
    if (qcow->l1.offset != 0) {
        add(&tally, qcow->l1.offset, MAX((uint64_t)qcow->l1.count * 8, 1),
            "L1 table is outside the file");
    }
    add(&tally, qcow->header.snapshot_offset, qcow->snapshot_table_bytes,
        "snapshot table is outside the file");
    result = tally_tree(&tally, qcow->l1.entries, qcow->l1.count, true);
    for (guint i = 0; result == 0 && i < qcow->snapshots->len; i++) {
        result = tally_snapshot(&tally, g_ptr_array_index(qcow->snapshots, i));
    }
    if (result == 0) {
        tally_bitmaps(&tally);
        if (with_refcounts) {
            tally_refcounts(&tally);
        }
    }
    g_hash_table_destroy(tally.seen);
    result = counts->full ? -EFBIG : result;
    if (result < 0) {
        qcow2_counts_free(counts);
        counts = NULL;
    }
    *result_counts = counts;
    return result;
}
