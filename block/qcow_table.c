/*
 * L1 and L2 tables of QCOW images: a cache of L2 tables with write-back, and the ordered flush
 * (qcow_impl.h).
 */
#include "block/qcow_impl.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

static void swap_entries(uint64_t *entries, size_t bytes)
{
    for (size_t i = 0; i < bytes / 8; i++) {
        entries[i] = htobe64(entries[i]); /* the same both ways */
    }
}

/* ---- flushing ---- */

static int write_tables(struct block_image *image)
{
    struct qcow *qcow = image->state;
    g_autofree uint64_t *copy = g_malloc(qcow->table_bytes);

    for (unsigned i = 0; i < qcow->table_count && qcow->dirty_tables > 0; i++) {
        struct qcow_table *table = &qcow->tables[i];
        if (!table->in_use || !table->dirty) {
            continue;
        }
        memcpy(copy, table->entries, qcow->table_bytes);
        swap_entries(copy, qcow->table_bytes);
        int result =
            block_file_write(image->file, qcow->l1[table->l1_index], copy, qcow->table_bytes);
        if (result < 0) {
            return result;
        }
        table->dirty = false;
        qcow->dirty_tables--;
    }
    return 0;
}

static int write_l1(struct block_image *image)
{
    struct qcow *qcow = image->state;

    for (guint i = 0; i < qcow->l1_dirty->len; i++) {
        uint32_t index = g_array_index(qcow->l1_dirty, uint32_t, i);
        uint64_t entry = htobe64(qcow->l1[index]);
        int result =
            block_file_write(image->file, qcow->l1_offset + (uint64_t)index * 8, &entry, 8);
        if (result < 0) {
            return result;
        }
    }
    g_array_set_size(qcow->l1_dirty, 0);
    return 0;
}

static int flush_tables(struct block_image *image)
{
    struct qcow *qcow = image->state;
    int result = block_file_sync(image->file); /* the data that the tables are about to name */

    if (result == 0 && qcow->dirty_tables > 0) {
        result = write_tables(image);
        result = result == 0 ? block_file_sync(image->file) : result;
    }
    if (result == 0 && qcow->l1_dirty->len > 0) {
        result = write_l1(image);
        result = result == 0 ? block_file_sync(image->file) : result;
    }
    return result;
}

int qcow_flush(struct block_image *image)
{
    struct qcow *qcow = image->state;
    int late = qcow->late_error;
    int result = flush_tables(image);

    qcow->late_error = 0;
    return result < 0 ? result : late;
}

/* ---- the cache ---- */

void qcow_free_tables(struct qcow *qcow)
{
    for (unsigned i = 0; i < qcow->table_count; i++) {
        g_free(qcow->tables[i].entries);
    }
    g_free(qcow->tables);
    qcow->tables = NULL;
    qcow->table_count = 0;
}

/* Finds a place for a table, throwing another one out if need be; written ones only. */
static int take_slot(struct block_image *image, unsigned *slot)
{
    struct qcow *qcow = image->state;

    while (qcow->tables[qcow->hand].in_use && qcow->tables[qcow->hand].touched) {
        qcow->tables[qcow->hand].touched = false;
        qcow->hand = (qcow->hand + 1) % qcow->table_count;
    }
    struct qcow_table *table = &qcow->tables[qcow->hand];
    if (table->in_use && table->dirty) {
        int result = flush_tables(image);
        if (result < 0) {
            /* The one whose request this is will hear of it, but it is not only theirs. */
            qcow->late_error = result;
            return result;
        }
    }
    if (table->in_use) {
        qcow->slot_of[table->l1_index] = 0;
        table->in_use = false;
    }
    if (table->entries == NULL) {
        table->entries = g_malloc(qcow->table_bytes);
    }
    *slot = qcow->hand;
    qcow->hand = (qcow->hand + 1) % qcow->table_count;
    return 0;
}

static int load_table(struct block_image *image, uint32_t l1_index, struct qcow_table *table)
{
    struct qcow *qcow = image->state;
    uint64_t offset = qcow->l1[l1_index];

    if (offset < qcow_l1_end(qcow) || offset > image->file->bytes ||
        qcow->table_bytes > image->file->bytes - offset) {
        return -EIO; /* damaged: `vmm-img check` tells where */
    }
    int result = block_file_read(image->file, offset, table->entries, qcow->table_bytes);
    swap_entries(table->entries, qcow->table_bytes);
    return result;
}

/* A new table of zeroes at the end of the file: its space is claimed now, so that a full host disk
 * shows here and not at a flush. */
static int new_table(struct block_image *image, uint32_t l1_index, struct qcow_table *table)
{
    struct qcow *qcow = image->state;

    memset(table->entries, 0, qcow->table_bytes);
    int result = block_file_write(image->file, qcow->next_free, table->entries, qcow->table_bytes);
    if (result < 0) {
        return result;
    }
    qcow->l1[l1_index] = qcow->next_free;
    g_array_append_val(qcow->l1_dirty, l1_index);
    size_t round = qcow->cluster_bytes - 1;
    qcow->next_free += (qcow->table_bytes + round) & ~round;
    return 0;
}

int qcow_table_get(struct block_image *image, uint32_t l1_index, bool allocate,
                   struct qcow_table **table)
{
    struct qcow *qcow = image->state;
    unsigned slot;

    *table = NULL;
    if (qcow->slot_of[l1_index] != 0) {
        *table = &qcow->tables[qcow->slot_of[l1_index] - 1];
        (*table)->touched = true;
        return 0;
    }
    if (qcow->l1[l1_index] == 0 && !allocate) {
        return 0;
    }
    int result = take_slot(image, &slot);
    if (result < 0) {
        return result;
    }
    struct qcow_table *fresh = &qcow->tables[slot];
    result = qcow->l1[l1_index] != 0 ? load_table(image, l1_index, fresh)
                                     : new_table(image, l1_index, fresh);
    if (result < 0) {
        return result;
    }
    fresh->l1_index = l1_index;
    fresh->in_use = true;
    fresh->dirty = false;
    fresh->touched = true;
    qcow->slot_of[l1_index] = (uint16_t)(slot + 1);
    *table = fresh;
    return 0;
}

void qcow_table_set(struct qcow *qcow, struct qcow_table *table, uint32_t first, uint32_t count,
                    uint64_t value)
{
    for (uint32_t i = 0; i < count; i++) {
        table->entries[first + i] = value + (uint64_t)i * qcow->cluster_bytes;
    }
    if (!table->dirty) {
        table->dirty = true;
        qcow->dirty_tables++;
    }
}
