/*
 * Checks a QCOW image: walks the L1 table and all L2 tables, and marks in a map of the file what
 * each cluster of it is used for. Whatever is used twice, lies outside the file, or does not begin
 * where a cluster begins is an error; what nothing uses is a leak. Compressed clusters are packed
 * back to back, so several may share a cluster of the file among themselves, but not with anything
 * else.
 */
#include "block/qcow_impl.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>

enum {
    MAP_MAX_BYTES = 128 << 20, /* of each of the two maps */
    REPORT_MAX = 100,          /* lines; after that only counting goes on */
};

struct walk {
    struct block_image *image;
    struct qcow *qcow;
    struct block_check *check;
    uint64_t units;  /* clusters in the file, the last one maybe in part */
    uint8_t *whole;  /* a bit each: used by a table or a cluster */
    uint8_t *packed; /* a bit each: used by compressed clusters */
    uint64_t reported;
};

static void report(struct walk *walk, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void report(struct walk *walk, const char *format, ...)
{
    va_list args;

    walk->check->errors++;
    if (walk->check->report == NULL || walk->reported++ >= REPORT_MAX) {
        return;
    }
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    walk->check->report(walk->check->arg, text);
}

static bool bit_get(const uint8_t *map, uint64_t bit)
{
    return (map[bit / 8] >> (bit % 8) & 1) != 0;
}

static void bit_set(uint8_t *map, uint64_t bit)
{
    map[bit / 8] |= (uint8_t)(1u << (bit % 8));
}

/* Marks a range of the file as used; false (and an error reported) if it cannot be. */
static bool mark(struct walk *walk, uint64_t offset, uint64_t bytes, bool packed, const char *what,
                 uint64_t number)
{
    const struct block_file *file = walk->image->file;
    unsigned bits = walk->qcow->cluster_bits;

    if (offset >= file->bytes || (packed && bytes > file->bytes - offset)) {
        report(walk, "ERROR %s %" PRIu64 ": offset 0x%" PRIx64 " is outside the file", what, number,
               offset);
        return false;
    }
    uint64_t last = MIN((offset + MAX(bytes, 1) - 1) >> bits, walk->units - 1);
    for (uint64_t unit = offset >> bits; unit <= last; unit++) {
        if (bit_get(walk->whole, unit) || (!packed && bit_get(walk->packed, unit))) {
            report(walk, "ERROR %s %" PRIu64 ": offset 0x%" PRIx64 " overlaps something else", what,
                   number, offset);
            return false;
        }
    }
    for (uint64_t unit = offset >> bits; unit <= last; unit++) {
        bit_set(packed ? walk->packed : walk->whole, unit);
    }
    walk->check->end_offset = MAX(walk->check->end_offset, MIN(offset + bytes, file->bytes));
    return true;
}

static void check_entry(struct walk *walk, uint64_t entry, uint64_t number)
{
    struct qcow *qcow = walk->qcow;

    if (entry == 0) {
        return;
    }
    walk->check->allocated++;
    if ((entry & QCOW_COMPRESSED) != 0) {
        walk->check->compressed++;
        (void)mark(walk, qcow_packed_offset(qcow, entry), qcow_packed_bytes(qcow, entry), true,
                   "compressed cluster", number);
    } else if ((entry & (qcow->cluster_bytes - 1)) != 0) {
        report(walk,
               "ERROR cluster %" PRIu64 ": offset 0x%" PRIx64
               " is not a multiple of the cluster size",
               number, entry);
    } else {
        (void)mark(walk, entry, qcow->cluster_bytes, false, "cluster", number);
    }
}

static int check_table(struct walk *walk, uint32_t l1_index, uint64_t *entries)
{
    struct qcow *qcow = walk->qcow;
    uint64_t first = (uint64_t)l1_index << qcow->l2_bits;
    uint64_t offset = qcow->l1[l1_index];

    if (offset > walk->image->file->bytes ||
        qcow->table_bytes > walk->image->file->bytes - offset) {
        report(walk, "ERROR L2 table %" PRIu32 ": offset 0x%" PRIx64 " is outside the file",
               l1_index, offset);
        return 0;
    }
    if (!mark(walk, offset, qcow->table_bytes, false, "L2 table", l1_index)) {
        return 0;
    }
    int result = block_file_read(walk->image->file, offset, entries, qcow->table_bytes);
    for (uint64_t i = 0; result == 0 && i < qcow->table_bytes / 8; i++) {
        if (first + i < walk->check->clusters) {
            check_entry(walk, be64toh(entries[i]), first + i);
        }
    }
    return result;
}

static void count_leaks(struct walk *walk)
{
    for (uint64_t unit = 0; unit < walk->units; unit++) {
        walk->check->leaks += !bit_get(walk->whole, unit) && !bit_get(walk->packed, unit);
    }
}

int qcow_check(struct block_image *image, struct block_check *check)
{
    struct qcow *qcow = image->state;
    struct walk walk = {.image = image, .qcow = qcow, .check = check};
    int result = qcow_flush(image);

    walk.units = (image->file->bytes + qcow->cluster_bytes - 1) >> qcow->cluster_bits;
    if (result < 0 || walk.units / 8 >= MAP_MAX_BYTES) {
        return result < 0 ? result : -EFBIG;
    }
    check->clusters = (image->bytes + qcow->cluster_bytes - 1) >> qcow->cluster_bits;
    walk.whole = g_malloc0(walk.units / 8 + 1);
    walk.packed = g_malloc0(walk.units / 8 + 1);
    g_autofree uint64_t *entries = g_malloc(qcow->table_bytes);
    (void)mark(&walk, 0, qcow_l1_end(qcow), false, "header", 0);
    for (uint32_t i = 0; i < qcow->l1_entries && result == 0; i++) {
        result = qcow->l1[i] != 0 ? check_table(&walk, i, entries) : 0;
    }
    count_leaks(&walk);
    g_free(walk.whole);
    g_free(walk.packed);
    return result;
}
