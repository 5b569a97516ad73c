/*
 * Reading and writing the disk inside a QCOW image, run by run: a run is a range of clusters below
 * one L2 table that are stored in the same way and, if they are in the file, one behind the other.
 */
#include "block/inflate.h"
#include "block/qcow_impl.h"

#include <errno.h>
#include <string.h>

static enum qcow_kind kind_of(uint64_t entry)
{
    if (entry == 0) {
        return QCOW_NONE;
    }
    return (entry & QCOW_COMPRESSED) != 0 ? QCOW_PACKED : QCOW_DATA;
}

static uint32_t l1_index_of(const struct qcow *qcow, uint64_t offset)
{
    return (uint32_t)(offset >> (qcow->cluster_bits + qcow->l2_bits));
}

static uint32_t l2_index_of(const struct qcow *qcow, uint64_t offset)
{
    return (uint32_t)(offset >> qcow->cluster_bits) & ((1u << qcow->l2_bits) - 1);
}

/* What lies at offset, and for how many bytes (at most `bytes`) it goes on like that. */
static int find_run(struct block_image *image, uint64_t offset, uint64_t bytes,
                    struct qcow_run *run)
{
    struct qcow *qcow = image->state;
    uint64_t span = 1ull << (qcow->cluster_bits + qcow->l2_bits);
    uint64_t in_cluster = offset & (qcow->cluster_bytes - 1);
    struct qcow_table *table;
    int result = qcow_table_get(image, l1_index_of(qcow, offset), false, &table);

    if (result < 0) {
        return result;
    }
    bytes = MIN(bytes, span - (offset & (span - 1)));
    *run = (struct qcow_run){.kind = QCOW_NONE, .bytes = bytes};
    if (table == NULL) {
        return 0;
    }
    uint32_t index = l2_index_of(qcow, offset);
    uint64_t have = qcow->cluster_bytes - in_cluster;
    run->entry = table->entries[index];
    run->kind = kind_of(run->entry);
    for (uint64_t step = qcow->cluster_bytes; have < bytes && run->kind != QCOW_PACKED;
         step += qcow->cluster_bytes, have += qcow->cluster_bytes) {
        uint64_t expected = run->kind == QCOW_DATA ? run->entry + step : 0;
        /* A cluster beyond the end of the file is damage: leave it to a run of its own, to be
         * refused. */
        if (table->entries[++index] != expected || expected >= image->file->bytes) {
            break;
        }
    }
    run->bytes = MIN(bytes, have);
    return 0;
}

/* ---- reading ---- */

/* Brings a compressed cluster into qcow->unpacked. */
static int unpack(struct block_image *image, uint64_t entry)
{
    struct qcow *qcow = image->state;
    uint64_t offset = qcow_packed_offset(qcow, entry);
    size_t bytes = qcow_packed_bytes(qcow, entry);

    if (qcow->unpacked_entry == entry) {
        return 0;
    }
    qcow->unpacked_entry = 0;
    if (offset < qcow_l1_end(qcow) || offset >= image->file->bytes) {
        return -EIO;
    }
    int result = block_file_read(image->file, offset, qcow->packed, bytes);
    if (result == 0) {
        result = block_inflate(qcow->packed, bytes, qcow->unpacked, qcow->cluster_bytes);
    }
    if (result == 0) {
        qcow->unpacked_entry = entry;
    }
    return result;
}

/* The file's offset of what a run of kind QCOW_DATA holds at `offset`; -EIO if that cannot be. */
static int data_offset(struct block_image *image, uint64_t offset, const struct qcow_run *run,
                       uint64_t *place)
{
    struct qcow *qcow = image->state;

    if (run->entry < qcow_l1_end(qcow) || run->entry >= image->file->bytes) {
        return -EIO;
    }
    *place = run->entry + (offset & (qcow->cluster_bytes - 1));
    return 0;
}

static int read_run(struct block_image *image, uint64_t offset, uint8_t *buffer,
                    const struct qcow_run *run)
{
    struct qcow *qcow = image->state;
    uint64_t place;
    int result = 0;

    switch (run->kind) {
    case QCOW_NONE:
        return block_image_read_backing(image, offset, buffer, run->bytes);
    case QCOW_DATA:
        result = data_offset(image, offset, run, &place);
        return result < 0 ? result : block_file_read(image->file, place, buffer, run->bytes);
    case QCOW_PACKED:
        result = unpack(image, run->entry);
        if (result == 0) {
            memcpy(buffer, qcow->unpacked + (offset & (qcow->cluster_bytes - 1)), run->bytes);
        }
        return result;
    }
    return result;
}

int qcow_read(struct block_image *image, uint64_t offset, void *buffer, size_t bytes)
{
    uint8_t *out = buffer;

    while (bytes > 0) {
        struct qcow_run run;
        int result = find_run(image, offset, bytes, &run);
        if (result == 0) {
            result = read_run(image, offset, out, &run);
        }
        if (result < 0) {
            return result;
        }
        offset += run.bytes;
        out += run.bytes;
        bytes -= run.bytes;
    }
    return 0;
}

bool qcow_locate(struct block_image *image, bool write, uint64_t offset, uint64_t bytes,
                 struct block_file **file, uint64_t *place)
{
    struct qcow_run run;

    *file = image->file;
    return find_run(image, offset, bytes, &run) == 0 && run.kind == QCOW_DATA &&
           run.bytes >= bytes && data_offset(image, offset, &run, place) == 0;
}

/* ---- writing ---- */

/* Stores whole clusters in a new place and lets the table name it. */
static int write_new_clusters(struct block_image *image, uint64_t offset, const uint8_t *buffer,
                              size_t bytes)
{
    struct qcow *qcow = image->state;
    struct qcow_table *table;
    /* The table first: it may take the place at the end of the file itself. */
    int result = qcow_table_get(image, l1_index_of(qcow, offset), true, &table);

    if (result < 0) {
        return result;
    }
    if (qcow->next_free > (1ull << 62)) {
        return -EFBIG;
    }
    uint64_t place = qcow->next_free;
    result = block_file_write(image->file, place, buffer, bytes);
    if (result < 0) {
        return result;
    }
    qcow->next_free += bytes;
    qcow_table_set(qcow, table, l2_index_of(qcow, offset), (uint32_t)(bytes >> qcow->cluster_bits),
                   place);
    return 0;
}

/* Writes a part of a cluster that has no place of its own yet: copy-on-write. */
static int write_part(struct block_image *image, uint64_t offset, const uint8_t *buffer,
                      size_t bytes)
{
    struct qcow *qcow = image->state;
    uint64_t start = offset & ~(uint64_t)(qcow->cluster_bytes - 1);
    size_t length = (size_t)MIN(qcow->cluster_bytes, image->bytes - start);
    int result = qcow_read(image, start, qcow->cluster, length);

    if (result < 0) {
        return result;
    }
    memset(qcow->cluster + length, 0, qcow->cluster_bytes - length);
    memcpy(qcow->cluster + (offset - start), buffer, bytes);
    return write_new_clusters(image, start, qcow->cluster, qcow->cluster_bytes);
}

static int write_run(struct block_image *image, uint64_t offset, const uint8_t *buffer,
                     struct qcow_run *run)
{
    struct qcow *qcow = image->state;
    uint64_t in_cluster = offset & (qcow->cluster_bytes - 1);
    uint64_t place;

    if (run->kind == QCOW_DATA) {
        int result = data_offset(image, offset, run, &place);
        return result < 0 ? result : block_file_write(image->file, place, buffer, run->bytes);
    }
    if (in_cluster != 0 || run->bytes < qcow->cluster_bytes) {
        run->bytes = MIN(run->bytes, qcow->cluster_bytes - in_cluster);
        return write_part(image, offset, buffer, run->bytes);
    }
    run->bytes &= ~(uint64_t)(qcow->cluster_bytes - 1);
    return write_new_clusters(image, offset, buffer, run->bytes);
}

int qcow_write(struct block_image *image, uint64_t offset, const void *buffer, size_t bytes)
{
    const uint8_t *in = buffer;

    while (bytes > 0) {
        struct qcow_run run;
        int result = find_run(image, offset, bytes, &run);
        if (result == 0) {
            result = write_run(image, offset, in, &run);
        }
        if (result < 0) {
            return result;
        }
        offset += run.bytes;
        in += run.bytes;
        bytes -= run.bytes;
    }
    return 0;
}

/* ---- compressed clusters ---- */

size_t qcow_pack(const struct block_image *image, const void *cluster, void *packed)
{
    const struct qcow *qcow = image->state;

    return block_deflate(cluster, qcow->cluster_bytes, packed);
}

/* Room for so many bytes: behind the last compressed cluster if that has some left. */
static uint64_t place_packed(struct qcow *qcow, size_t bytes)
{
    bool last = qcow->packed_limit == qcow->next_free;

    if (qcow->packed_limit - qcow->packed_end < bytes && !last) {
        qcow->packed_end = qcow->packed_limit = qcow->next_free;
    }
    while (qcow->packed_limit - qcow->packed_end < bytes) {
        qcow->packed_limit += qcow->cluster_bytes;
        qcow->next_free = qcow->packed_limit;
    }
    uint64_t place = qcow->packed_end;
    qcow->packed_end += bytes;
    return place;
}

int qcow_write_packed(struct block_image *image, uint64_t offset, const void *packed, size_t bytes)
{
    struct qcow *qcow = image->state;
    struct qcow_table *table;
    int result = qcow_table_get(image, l1_index_of(qcow, offset), true, &table);

    if (result < 0) {
        return result;
    }
    if (qcow->next_free >= 1ull << (62 - qcow->cluster_bits)) {
        return -EFBIG;
    }
    uint64_t place = place_packed(qcow, bytes);
    result = block_file_write(image->file, place, packed, bytes);
    if (result < 0) {
        return result;
    }
    qcow_table_set(qcow, table, l2_index_of(qcow, offset), 1,
                   QCOW_COMPRESSED | (uint64_t)bytes << (63 - qcow->cluster_bits) | place);
    return 0;
}

/* ---- zeroes ---- */

static int zero_run(struct block_image *image, uint64_t offset, struct qcow_run *run)
{
    static const uint8_t zeroes[65536];
    uint64_t place;

    if (run->kind == QCOW_NONE && (image->backing == NULL || offset >= image->backing->bytes)) {
        return 0;
    }
    if (run->kind == QCOW_DATA) {
        int result = data_offset(image, offset, run, &place);
        return result < 0 ? result : block_file_zero(image->file, place, run->bytes);
    }
    run->bytes = MIN(run->bytes, sizeof(zeroes));
    return write_run(image, offset, zeroes, run);
}

int qcow_write_zeroes(struct block_image *image, uint64_t offset, uint64_t bytes)
{
    while (bytes > 0) {
        struct qcow_run run;
        int result = find_run(image, offset, bytes, &run);
        if (result == 0) {
            result = zero_run(image, offset, &run);
        }
        if (result < 0) {
            return result;
        }
        offset += run.bytes;
        bytes -= run.bytes;
    }
    return 0;
}

int qcow_discard(struct block_image *image, uint64_t offset, uint64_t bytes)
{
    while (bytes > 0) {
        struct qcow_run run;
        uint64_t place;
        int result = find_run(image, offset, bytes, &run);
        if (result == 0 && run.kind == QCOW_DATA) {
            result = data_offset(image, offset, &run, &place);
            result = result == 0 ? block_file_zero(image->file, place, run.bytes) : result;
        }
        if (result < 0) {
            return result;
        }
        offset += run.bytes;
        bytes -= run.bytes;
    }
    return 0;
}

int qcow_status(struct block_image *image, uint64_t offset, uint64_t bytes, bool *data,
                uint64_t *run_bytes)
{
    struct qcow_run run;
    int result = find_run(image, offset, bytes, &run);

    if (result < 0) {
        return result;
    }
    *data = run.kind != QCOW_NONE;
    *run_bytes = run.bytes;
    if (*data || image->backing == NULL || offset >= image->backing->bytes) {
        return 0;
    }
    uint64_t below = MIN(run.bytes, image->backing->bytes - offset);
    return image->backing->driver->status(image->backing, offset, below, data, run_bytes);
}
