/*
 * QCOW version 2 and 3 images, after the layout published as docs/interop/qcow2.txt with QEMU 7.2.
 *
 * A header in the first cluster names an L1 table, which names L2 tables (one cluster each), which
 * name the data clusters. Every cluster of the file has a reference count: a refcount table names
 * refcount blocks of one cluster each. Internal snapshots are further L1 tables that share L2
 * tables and data; an entry with the COPIED flag is referred to once and may be changed in place.
 *
 * Order of writes. Guest data goes to the file at once. Tables stay in memory until a flush (or a
 * full cache), and then follow in this order, with a sync between the lines:
 *   1. refcount blocks (together with the data that was written before)
 *   2. refcount table entries that name new blocks
 *   3. L2 tables
 *   4. L1 entries
 *   5. nothing: but from here on clusters that were given up are free
 * Counts are raised when a cluster is taken and lowered only in step 5, so a count on disk is never
 * below the references on disk: an interrupted image has leaks at worst. Snapshots and tables that
 * move are written elsewhere first, and one write of the header switches over.
 *
 * With lazy refcounts steps 1 and 2 are left out until the image is closed; the dirty bit is set
 * meanwhile, and whoever opens an image with that bit for writing counts everything anew.
 *
 *   qcow2.c           the driver: open, close, flush, what it is
 *   qcow2_header.c    reading and writing the header
 *   qcow2_create.c    new images, preallocation
 *   qcow2_cache.c     L2 tables and refcount blocks in memory
 *   qcow2_refcount.c  counts, taking and giving up clusters
 *   qcow2_cluster.c   L1 and L2: from the disk's offset to the file's
 *   qcow2_read.c      reading, status
 *   qcow2_write.c     writing, copy-on-write
 *   qcow2_zero.c      zeroes, discard
 *   qcow2_packed.c    compressed clusters
 *   qcow2_snapshot.c  internal snapshots;  qcow2_snapshot_table.c  their table
 *   qcow2_resize.c    change of size
 *   qcow2_count.c     what refers to what;  qcow2_check.c  check and repair
 *
 * Not modelled: encryption (refused), persistent bitmaps (dropped by writing, as the format
 * provides for).
 */
#ifndef BLOCK_QCOW2_IMPL_H
#define BLOCK_QCOW2_IMPL_H

#include "block/driver_impl.h"

#include <endian.h>
#include <string.h>

#define QCOW2_COPIED        (1ull << 63)
#define QCOW2_PACKED        (1ull << 62)
#define QCOW2_ZERO          1ull
#define QCOW2_OFFSET_MASK   0x00fffffffffffe00ull
#define QCOW2_ALL_ALLOCATED 0x00000000ffffffffull /* bitmap of an extended entry */
#define QCOW2_ALL_ZERO      0xffffffff00000000ull

enum {
    QCOW2_MAGIC = 0x514649fb,
    QCOW2_HEADER_V2_BYTES = 72,
    QCOW2_HEADER_V3_BYTES = 104,
    QCOW2_HEADER_BYTES = 112, /* with the compression type */
    QCOW2_NAME_MAX = 1023,
    QCOW2_L1_MAX_BYTES = 32 << 20,
    QCOW2_REFTABLE_MAX_BYTES = 8 << 20,
    QCOW2_SNAPSHOTS_MAX = 65536,
    QCOW2_SNAPSHOT_TABLE_MAX_BYTES = 64 << 20,
    QCOW2_SNAPSHOT_EXTRA_MAX = 1024,
    QCOW2_SUBCLUSTERS = 32,
    QCOW2_UNIT_BYTES = 512, /* tables are written in these, which a disk writes whole */
};

/* Incompatible features. */
#define QCOW2_INCOMPAT_DIRTY       (1ull << 0)
#define QCOW2_INCOMPAT_CORRUPT     (1ull << 1)
#define QCOW2_INCOMPAT_DATA_FILE   (1ull << 2)
#define QCOW2_INCOMPAT_COMPRESSION (1ull << 3)
#define QCOW2_INCOMPAT_EXTENDED_L2 (1ull << 4)
#define QCOW2_INCOMPAT_KNOWN       0x1full
#define QCOW2_COMPAT_LAZY          (1ull << 0)
#define QCOW2_AUTOCLEAR_BITMAPS    (1ull << 0)
#define QCOW2_AUTOCLEAR_DATA_RAW   (1ull << 1)

enum qcow2_compression { QCOW2_ZLIB = 0, QCOW2_ZSTD = 1 };

/* Header extensions. */
enum {
    QCOW2_EXT_END = 0,
    QCOW2_EXT_BACKING_FORMAT = (int)0xe2792aca,
    QCOW2_EXT_FEATURE_NAMES = 0x6803f857,
    QCOW2_EXT_BITMAPS = 0x23852875,
    QCOW2_EXT_CRYPTO = 0x0537be77,
    QCOW2_EXT_DATA_FILE = 0x44415441,
};

/* The fixed part of the header, as stored but in our byte order. */
struct qcow2_header {
    uint32_t version;
    uint64_t backing_offset;
    uint32_t backing_length;
    uint32_t cluster_bits;
    uint64_t bytes;
    uint32_t crypt_method;
    uint32_t l1_entries;
    uint64_t l1_offset;
    uint64_t reftable_offset;
    uint32_t reftable_clusters;
    uint32_t snapshot_count;
    uint64_t snapshot_offset;
    uint64_t incompatible;
    uint64_t compatible;
    uint64_t autoclear;
    uint32_t refcount_order;
    uint32_t length;
    uint8_t compression;
};

/* An extension that is kept as it is. */
struct qcow2_extension {
    uint32_t type;
    uint32_t bytes;
    uint8_t *data;
};

/* A table of one cluster in memory, big-endian as in the file. */
struct qcow2_slot {
    uint64_t offset; /* in the file; 0: empty slot */
    uint8_t *bytes;
    uint32_t dirty_from, dirty_to; /* bytes to be written; equal: clean */
    uint64_t used;                 /* clock of the last use */
};

struct qcow2_cache {
    struct qcow2_slot *slots;
    unsigned sets;
    unsigned dirty; /* slots to be written */
    uint64_t clock;
    bool is_l2;
};

/* A table that is in memory as a whole (L1, refcount table), in our byte order. */
struct qcow2_root {
    uint64_t *entries;
    uint32_t count; /* entries in memory and in the file */
    uint64_t offset;
    uint8_t *dirty; /* for each unit of the file's table: to be written */
    unsigned dirty_units;
};

/* Clusters that lose a reference once the tables that name them are gone from disk. */
struct qcow2_pending {
    uint64_t cluster;
    uint64_t count;
};

struct qcow2_snapshot {
    uint64_t l1_offset;
    uint32_t l1_entries;
    char *id;
    char *name;
    uint32_t date_seconds, date_ns;
    uint64_t clock_ns;
    uint64_t state_bytes;
    uint64_t disk_bytes;
    uint64_t icount; /* UINT64_MAX: unknown */
    uint8_t *extra;  /* unknown extra data behind these */
    uint32_t extra_bytes;
    uint32_t stored_extra; /* bytes of extra data it had when read */
};

struct qcow2 {
    struct qcow2_header header; /* as on disk */
    unsigned cluster_bits;
    unsigned l2_bits;        /* entries of an L2 table */
    unsigned refcount_order; /* counts are 1 << order bits wide */
    unsigned block_bits;     /* counts in a refcount block */
    unsigned sub_bits;       /* bytes of a subcluster; cluster_bits if there are none */
    bool extended;           /* extended L2 entries, subclusters */
    bool lazy;
    size_t cluster_bytes;
    size_t entry_bytes; /* of L2: 8 or 16 */
    uint64_t refcount_max;

    struct qcow2_root l1;
    struct qcow2_root reftable;
    struct qcow2_cache l2;
    struct qcow2_cache blocks;
    GArray *pending;     /* struct qcow2_pending */
    uint64_t free_hint;  /* no free cluster below this one */
    uint64_t packed_end; /* where the next compressed cluster may go on; 0: at a new cluster */
    bool repairing;      /* opened for repair: damage is expected */
    bool growing;        /* the refcount table is being moved */

    GPtrArray *snapshots; /* struct qcow2_snapshot * */
    uint64_t snapshot_table_bytes;

    char *backing_name, *backing_path, *backing_format;
    char *data_name;
    struct block_file *data_file; /* where the data is: image->file or a file of its own */
    GArray *extensions;           /* struct qcow2_extension */

    struct block_details details; /* for block_get_info() */

    uint8_t *cow;      /* a cluster, for copy-on-write */
    uint8_t *packed;   /* a compressed cluster */
    uint8_t *unpacked; /* and what it holds */
    uint64_t unpacked_entry;
};

static inline bool qcow2_has_data_file(const struct qcow2 *qcow)
{
    return (qcow->header.incompatible & QCOW2_INCOMPAT_DATA_FILE) != 0;
}

static inline uint64_t qcow2_round_up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

static inline uint64_t qcow2_get64(const void *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return be64toh(value);
}

static inline uint32_t qcow2_get32(const void *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return be32toh(value);
}

static inline uint16_t qcow2_get16(const void *at)
{
    uint16_t value;

    memcpy(&value, at, sizeof(value));
    return be16toh(value);
}

static inline void qcow2_put64(void *at, uint64_t value)
{
    value = htobe64(value);
    memcpy(at, &value, sizeof(value));
}

static inline void qcow2_put32(void *at, uint32_t value)
{
    value = htobe32(value);
    memcpy(at, &value, sizeof(value));
}

static inline void qcow2_put16(void *at, uint16_t value)
{
    value = htobe16(value);
    memcpy(at, &value, sizeof(value));
}

/* ---- qcow2_header.c ---- */

bool qcow2_read_header(struct block_file *file, struct qcow2_header *header, GError **error);
/* Extensions, backing file's name: into the image's state, whose header is read already. */
bool qcow2_read_extensions(struct block_image *image, GError **error);
/* Writes the first unit of the file from qcow->header. 0 or -errno. */
int qcow2_write_header(struct block_image *image);
/* Writes the whole header cluster: header, extensions, backing file's name. -EFBIG: no room. */
int qcow2_rewrite_header(struct block_image *image);
/* Adds the table of feature names as an extension. */
void qcow2_add_feature_names(struct qcow2 *qcow);
/* The same for a file that is no image yet. */
int qcow2_store_header(struct block_file *file, struct qcow2 *qcow);
/* Sets incompatible bits and writes the header, with a sync after it. */
int qcow2_set_incompatible(struct block_image *image, uint64_t set, uint64_t clear);
/* Something in the image cannot be: marks it (once, version 3, writable). Returns -EIO. */
int qcow2_corrupt(struct block_image *image, const char *what, uint64_t offset);

/* ---- qcow2.c ---- */

/* Opens on a file that the image holds; without data_file and backing if they are not wanted. */
bool qcow2_open(struct block_image *image, const struct block_options *options, GError **error);
void qcow2_close(struct block_image *image);
int qcow2_flush(struct block_image *image);
/* Everything in memory goes to the file, also what lazy refcounts hold back. */
int qcow2_write_out(struct block_image *image);
/* Refcount blocks and table, also with lazy refcounts; ends with a sync. */
int qcow2_write_counts(struct block_image *image);
/* Syncs file and data file. */
int qcow2_sync(struct block_image *image);
/* Reads a root table of `count` entries at `offset`. 0 or -errno. */
int qcow2_root_read(struct block_image *image, struct qcow2_root *root, uint64_t offset,
                    uint32_t count);
void qcow2_root_finish(struct qcow2_root *root);
void qcow2_root_set(struct qcow2_root *root, uint32_t index, uint64_t value);
/* Writes the units that were changed. */
int qcow2_root_write(struct block_image *image, struct qcow2_root *root);

/* ---- qcow2_cache.c ---- */

void qcow2_cache_init(struct qcow2_cache *cache, size_t table_bytes, bool is_l2);
void qcow2_cache_finish(struct qcow2_cache *cache);
/* The table at `offset` of the file; fresh: a new one, all zeroes, to be written. The slot is good
 * until the next call. 0 or -errno. */
int qcow2_cache_get(struct block_image *image, struct qcow2_cache *cache, uint64_t offset,
                    bool fresh, struct qcow2_slot **slot);
void qcow2_cache_touch(struct qcow2_cache *cache, struct qcow2_slot *slot, size_t from,
                       size_t bytes);
/* Writes all changed tables. */
int qcow2_cache_write(struct block_image *image, struct qcow2_cache *cache);
/* The table there is none any more. */
void qcow2_cache_forget(struct block_image *image, struct qcow2_cache *cache, uint64_t offset);
void qcow2_cache_forget_all(struct qcow2_cache *cache);

/* ---- qcow2_refcount.c ---- */

uint64_t qcow2_count_in(const struct qcow2 *qcow, const uint8_t *block, uint64_t index);
/* The count of a cluster (by number). */
int qcow2_count_get(struct block_image *image, uint64_t cluster, uint64_t *count);
/* Sets it; a refcount block is made if there is none. */
int qcow2_count_set(struct block_image *image, uint64_t cluster, uint64_t count);
/* Adds +1 or -1 to the counts of a range. -ERANGE: does not fit, and nothing was changed. */
int qcow2_count_add(struct block_image *image, uint64_t cluster, uint64_t clusters, int step);
/* Takes up to *clusters clusters in one piece; *clusters is what it got, at least 1. */
int qcow2_take(struct block_image *image, uint64_t *clusters, uint64_t *offset);
/* Takes room for exactly so many bytes in one piece. */
int qcow2_take_exact(struct block_image *image, uint64_t bytes, uint64_t *offset);
/* Gives up clusters that nothing on disk refers to, at once. */
void qcow2_give_back(struct block_image *image, uint64_t offset, uint64_t bytes);
/* Gives up a reference after the next flush. */
void qcow2_give_later(struct block_image *image, uint64_t offset, uint64_t bytes);
/* The same for what an L2 entry refers to. */
void qcow2_give_entry(struct block_image *image, uint64_t entry);
/* After the tables are on disk. */
int qcow2_apply_pending(struct block_image *image);
/* Gives the refcount table a new place with room for at least `count` entries, in memory. */
int qcow2_reftable_move(struct block_image *image, uint64_t count);
/* Writes it, and where it is; the blocks are on disk. Ends with a sync if anything was written. */
int qcow2_reftable_write(struct block_image *image);
/* True if the range touches the header, L1, the refcount table or the snapshot table. */
bool qcow2_is_metadata(const struct qcow2 *qcow, uint64_t offset, uint64_t bytes);

/* ---- qcow2_cluster.c ---- */

enum qcow2_kind {
    QCOW2_RUN_NONE, /* the backing file's, or zeroes */
    QCOW2_RUN_ZERO,
    QCOW2_RUN_DATA,
    QCOW2_RUN_PACKED,
};

struct qcow2_run {
    enum qcow2_kind kind;
    bool placed;    /* there is room in the file: place is valid (also for NONE, ZERO) */
    uint64_t place; /* in the data file, of the first byte */
    uint64_t entry; /* PACKED: the L2 entry */
    uint64_t bytes;
};

/* What lies at offset, and for how many bytes (at most `bytes`) it goes on like that. */
int qcow2_find_run(struct block_image *image, uint64_t offset, uint64_t bytes,
                   struct qcow2_run *run);
/* True if it reads as zeroes without looking at data. */
bool qcow2_run_is_zero(const struct block_image *image, uint64_t offset,
                       const struct qcow2_run *run);
/* The L2 table that covers a disk offset. write: one that may be changed, made if need be; else
 * *slot is NULL if there is none. */
int qcow2_l2_get(struct block_image *image, uint64_t offset, bool write, struct qcow2_slot **slot);
uint32_t qcow2_l2_index(const struct qcow2 *qcow, uint64_t offset);
uint64_t qcow2_l2_entry(const struct qcow2 *qcow, const struct qcow2_slot *slot, uint32_t index);
uint64_t qcow2_l2_bitmap(const struct qcow2 *qcow, const struct qcow2_slot *slot, uint32_t index);
void qcow2_l2_set(struct qcow2 *qcow, struct qcow2_slot *slot, uint32_t index, uint64_t entry,
                  uint64_t bitmap);
/* Does the entry stand for a place in the file (uncompressed)? */
bool qcow2_entry_placed(const struct qcow2 *qcow, uint64_t entry);
/* Bytes of the disk below one L2 table. */
static inline uint64_t qcow2_l2_span(const struct qcow2 *qcow)
{
    return 1ull << (qcow->cluster_bits + qcow->l2_bits);
}
/* L1 entries for a disk of this size. */
uint64_t qcow2_l1_entries_for(const struct qcow2 *qcow, uint64_t bytes);

/* ---- the disk ---- */

int qcow2_read(struct block_image *image, uint64_t offset, void *buffer, size_t bytes);
int qcow2_status(struct block_image *image, uint64_t offset, uint64_t bytes, bool *data,
                 uint64_t *run);
int qcow2_map(struct block_image *image, uint64_t offset, uint64_t bytes,
              struct block_extent *extent);
bool qcow2_locate(struct block_image *image, bool write, uint64_t offset, uint64_t bytes,
                  struct block_file **file, uint64_t *place);
int qcow2_write(struct block_image *image, uint64_t offset, const void *buffer, size_t bytes);
int qcow2_write_zeroes(struct block_image *image, uint64_t offset, uint64_t bytes);
int qcow2_discard(struct block_image *image, uint64_t offset, uint64_t bytes);
/* Takes every cluster of a range out of the tables: it reads as the backing file. Whole clusters.
 */
int qcow2_unmap(struct block_image *image, uint64_t offset, uint64_t bytes);

/* ---- qcow2_packed.c ---- */

/* File offset and length of what a PACKED entry stands for. */
uint64_t qcow2_packed_offset(const struct qcow2 *qcow, uint64_t entry);
uint64_t qcow2_packed_bytes(const struct qcow2 *qcow, uint64_t entry);
/* Brings a compressed cluster into qcow->unpacked. */
int qcow2_unpack(struct block_image *image, uint64_t entry);
size_t qcow2_pack(const struct block_image *image, const void *cluster, void *packed);
int qcow2_write_packed(struct block_image *image, uint64_t offset, const void *packed,
                       size_t bytes);

/* ---- snapshots ---- */

bool qcow2_snapshots_read(struct block_image *image, GError **error);
void qcow2_snapshot_free(void *snapshot);
/* Writes the table anew and switches the header over; other header fields go with it. */
int qcow2_snapshots_write(struct block_image *image);
bool qcow2_snapshot_create(struct block_image *image, const char *name,
                           const struct block_state *state, GError **error);
bool qcow2_snapshot_apply(struct block_image *image, const char *name, GError **error);
bool qcow2_snapshot_view(struct block_image *image, const char *name, GError **error);
bool qcow2_snapshot_delete(struct block_image *image, const char *name, GError **error);
/* By id, else by name; NULL: none. */
const struct qcow2_snapshot *qcow2_snapshot_find(const struct qcow2 *qcow, const char *name);
/* Its L1 table, with room for nothing else; to be finished. */
int qcow2_snapshot_read_l1(struct block_image *image, const struct qcow2_snapshot *snapshot,
                           struct qcow2_root *root);
/* The state of a machine, as in struct block_driver; drop: the active tables lose it. */
int qcow2_state_write(struct block_image *image, uint64_t offset, const void *buffer, size_t bytes);
int qcow2_state_read(struct block_image *image, const char *name, uint64_t offset, void *buffer,
                     size_t bytes);
int qcow2_state_drop(struct block_image *image);
/* Makes the COPIED flags of the active tables agree with the counts; clear: no flags at all. */
int qcow2_update_copied(struct block_image *image, bool clear);

/* ---- resize, preallocation ---- */

int qcow2_truncate(struct block_image *image, uint64_t bytes);
/* Makes these entries (copied) the active L1 table, at a new place, and `bytes` the disk's size:
 * one write of the header. The old table's clusters are given back, not what it refers to. */
int qcow2_l1_move(struct block_image *image, const uint64_t *entries, uint32_t count,
                  uint64_t bytes);
int qcow2_preallocate(struct block_image *image, uint64_t offset, uint64_t end,
                      enum block_preallocation mode);
bool qcow2_create(struct block_file *file, const struct block_create_options *options,
                  uint64_t bytes, GError **error);

/* ---- check, repair ---- */

struct qcow2_counts; /* references found, by cluster */
/* Walks everything; errors go to check. 0 or -errno. *counts: free it. */
int qcow2_count_all(struct block_image *image, struct block_check *check, bool with_refcounts,
                    struct qcow2_counts **counts);
uint32_t qcow2_counts_get(const struct qcow2_counts *counts, uint64_t cluster);
uint64_t qcow2_counts_end(const struct qcow2_counts *counts);
void qcow2_counts_free(struct qcow2_counts *counts);
int qcow2_check(struct block_image *image, struct block_check *check);
/* Builds new refcount structures from what refers to what. */
int qcow2_rebuild(struct block_image *image);

#endif
