/*
 * Inside of the QCOW version 1 driver.
 *
 * The file: a header (all numbers big-endian), the name of the backing file, the L1 table; then L2
 * tables and clusters in the order in which they came to be. An address on the disk is split, from
 * the top, into an L1 index, an L2 index (l2_bits) and an offset in the cluster (cluster_bits). A
 * zero entry means "not here": the backing file has it, or it is zero. An L2 entry with the highest
 * bit set is a compressed cluster: below it cluster_bits bits of length, then the offset in the
 * file; the data is a raw deflate stream with a window of 4 KiB.
 *
 * What is where in time: data goes to the file at once; new and changed L2 tables stay in memory
 * until a flush, and then follow the data, and the L1 entries follow the L2 tables, each behind a
 * sync of the host file. So whatever instant a crash or a power cut picks, an entry in the file
 * never refers to something that is not there. Clusters are only taken at the end of the file and
 * never given back.
 */
#ifndef BLOCK_QCOW_IMPL_H
#define BLOCK_QCOW_IMPL_H

#include "block/driver_impl.h"

enum {
    QCOW_HEADER_BYTES = 48,
    QCOW_CLUSTER_BITS_MIN = 9,
    QCOW_CLUSTER_BITS_MAX = 16,
    QCOW_L2_BITS_MIN = 6,
    QCOW_L2_BITS_MAX = 13,
    QCOW_NAME_MAX = 1023,
    QCOW_L1_MAX_BYTES = 32 << 20,
};
#define QCOW_COMPRESSED (1ull << 63)

/* The header with its numbers in host order. */
struct qcow_header {
    uint32_t magic;
    uint32_t version;
    uint64_t backing_offset;
    uint32_t backing_length;
    uint32_t mtime;
    uint64_t bytes;
    uint8_t cluster_bits;
    uint8_t l2_bits;
    uint32_t crypt_method;
    uint64_t l1_offset;
};

/* An L2 table in memory. */
struct qcow_table {
    uint64_t *entries; /* host order */
    uint32_t l1_index; /* whose it is; valid if in_use */
    bool in_use;
    bool dirty;   /* differs from the file */
    bool touched; /* used since the clock hand passed */
};

struct qcow {
    unsigned cluster_bits;
    unsigned l2_bits;
    size_t cluster_bytes;
    size_t table_bytes; /* of an L2 table */
    uint64_t l1_offset;
    uint32_t l1_entries;
    uint64_t *l1;      /* host order */
    GArray *l1_dirty;  /* uint32_t: indices of entries that differ from the file */
    uint16_t *slot_of; /* for each L1 entry: 1 + index in tables, 0: not in memory */
    struct qcow_table *tables;
    unsigned table_count;
    unsigned hand; /* of the clock that finds a table to throw out */
    unsigned dirty_tables;
    int late_error;          /* writing tables failed with nobody to tell: for the next flush */
    uint64_t next_free;      /* where the next cluster or table goes; a multiple of cluster_bytes */
    uint64_t packed_end;     /* compressed clusters go on here, up to packed_limit */
    uint64_t packed_limit;
    char *backing_name;      /* or NULL */
    char *backing_path;      /* or NULL */
    uint8_t *cluster;        /* scratch, one cluster: merging */
    uint8_t *packed;         /* scratch: compressed data */
    uint8_t *unpacked;       /* one cluster: the last one unpacked */
    uint64_t unpacked_entry; /* its L2 entry, 0: none */
};

enum qcow_kind { QCOW_NONE, QCOW_DATA, QCOW_PACKED };

/* A range of the disk that is stored in one way, contiguously. */
struct qcow_run {
    enum qcow_kind kind;
    uint64_t bytes;
    uint64_t entry; /* L2 entry of its first cluster */
};

/* ---- qcow.c ---- */
/* Reads and checks a header. The backing file's name is checked apart. */
bool qcow_read_header(struct block_file *file, struct qcow_header *header, GError **error);

/* ---- qcow_table.c ---- */
/* L2 table of an L1 entry; *table NULL: there is none, and `allocate` was false. 0 or -errno. */
int qcow_table_get(struct block_image *image, uint32_t l1_index, bool allocate,
                   struct qcow_table **table);
/* Changes entries first, first+1, .. to value, value + a cluster, .. */
void qcow_table_set(struct qcow *qcow, struct qcow_table *table, uint32_t first, uint32_t count,
                    uint64_t value);
/* Writes tables back in order and syncs. 0 or -errno; what could not be written stays dirty. */
int qcow_flush(struct block_image *image);
void qcow_free_tables(struct qcow *qcow);

/* ---- qcow_data.c ---- */
int qcow_read(struct block_image *image, uint64_t offset, void *buffer, size_t bytes);
int qcow_write(struct block_image *image, uint64_t offset, const void *buffer, size_t bytes);
int qcow_write_zeroes(struct block_image *image, uint64_t offset, uint64_t bytes);
int qcow_discard(struct block_image *image, uint64_t offset, uint64_t bytes);
size_t qcow_pack(const struct block_image *image, const void *cluster, void *packed);
int qcow_write_packed(struct block_image *image, uint64_t offset, const void *packed, size_t bytes);
bool qcow_locate(struct block_image *image, bool write, uint64_t offset, uint64_t bytes,
                 struct block_file **file, uint64_t *place);
int qcow_status(struct block_image *image, uint64_t offset, uint64_t bytes, bool *data,
                uint64_t *run);

/* ---- qcow_check.c ---- */
int qcow_check(struct block_image *image, struct block_check *check);

/* Offset and length in the file of a compressed cluster. */
static inline uint64_t qcow_packed_offset(const struct qcow *qcow, uint64_t entry)
{
    return entry & ((1ull << (63 - qcow->cluster_bits)) - 1);
}

static inline size_t qcow_packed_bytes(const struct qcow *qcow, uint64_t entry)
{
    return (size_t)(entry >> (63 - qcow->cluster_bits)) & (qcow->cluster_bytes - 1);
}

static inline uint64_t qcow_l1_end(const struct qcow *qcow)
{
    return qcow->l1_offset + (uint64_t)qcow->l1_entries * 8;
}

#endif
