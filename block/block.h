/*
 * Disk images as the front ends (IDE, floppy, CD) and the tools see them: a flat array of bytes
 * behind a file name, whatever the format.
 *
 * A front end owns its requests and submits them; each one is completed exactly once, always later
 * (never inside block_submit()), in the machine thread, by way of the event queue that was given to
 * block_open(). Requests that are in flight together have no order among themselves; a flush covers
 * the writes that were completed before it was submitted. block_submit() never waits for the host's
 * disk: files are read and written by a thread of the image's own.
 *
 * Tools and tests open an image without an event queue and use the synchronous functions, which
 * work on both kinds but may block and are not for device code.
 */
#ifndef BLOCK_BLOCK_H
#define BLOCK_BLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>
#include <glib.h>

struct block;
struct block_fault;
struct event_queue;

enum {
    BLOCK_SECTOR_BYTES = 512,           /* unit of offset and length of a request */
    BLOCK_REQUEST_MAX_BYTES = 64 << 20, /* longest READ or WRITE; the others have no such limit */
    BLOCK_REQUEST_MAX_IOV = 65536 + 1,  /* most elements of an iov */
};

enum block_op {
    BLOCK_READ,
    BLOCK_WRITE,
    BLOCK_FLUSH,   /* offset, bytes and iov are ignored */
    BLOCK_DISCARD, /* contents no longer needed; a hint, reads give old data or zeroes after it */
    BLOCK_WRITE_ZEROES,
};

struct block_request {
    enum block_op op;
    uint64_t offset;   /* in bytes, a multiple of 512 */
    uint64_t bytes;    /* a multiple of 512 */
    struct iovec *iov; /* READ, WRITE: in all exactly `bytes` long; not touched after done() */
    int iov_count;
    /* Machine thread. result: 0 or -errno. May submit, also this one; must not close the block. */
    void (*done)(struct block_request *request, int result);
    void *arg; /* the front end's own */

    /* Private to block/ between submit and done. */
    struct block_request *next;
    struct block *block;
    int64_t started_ns;
    int result;
    bool busy;
    bool waited_for; /* a synchronous caller waits for it: no event */
};

/* How the host's cache is used, as in the option cache=. */
enum block_cache {
    BLOCK_CACHE_WRITEBACK,    /* host cache, flush on the guest's request (default) */
    BLOCK_CACHE_WRITETHROUGH, /* host cache, every write is on disk before it completes */
    BLOCK_CACHE_NONE,         /* O_DIRECT, flush on request */
    BLOCK_CACHE_DIRECTSYNC,   /* O_DIRECT, every write is on disk before it completes */
    BLOCK_CACHE_UNSAFE,       /* host cache, flushes are ignored */
};

/* Who carries requests out, as in aio=. */
enum block_aio {
    BLOCK_AIO_AUTO,    /* libaio where it has an advantage (no host cache), else a thread */
    BLOCK_AIO_THREADS, /* a thread; without the host's cache several */
    BLOCK_AIO_NATIVE,  /* libaio; refused with the host's cache */
};

/* What becomes of written zeroes, as in detect-zeroes=. */
enum block_detect_zeroes {
    BLOCK_DETECT_ZEROES_OFF,
    BLOCK_DETECT_ZEROES_ON,    /* BLOCK_WRITE_ZEROES */
    BLOCK_DETECT_ZEROES_UNMAP, /* and the space is given back; needs discard */
};

struct block_options {
    const char *format; /* "raw", "qcow"; NULL: look at the contents */
    enum block_cache cache;
    bool read_only;
    bool snapshot; /* writes go to a temporary file; see block_commit() */
    bool discard;  /* pass BLOCK_DISCARD on to the file (discard=unmap); else it does nothing */
    enum block_aio aio;
    enum block_detect_zeroes detect_zeroes;
    bool allow_backing; /* accept a backing file outside the image's own folder */
    bool no_backing;    /* leave the backing file alone; its data reads as zeroes. Writable: tools
                           only,    which leave the data alone too (snapshots, repair) */
    bool repair;        /* tools: open it for repair, though it is damaged */
    bool no_lock;       /* do not lock the file (vmm-img -U) */
    struct block_fault *fault; /* tests: errors below the format (block/fault.h); not owned */
    bool alone;                /* block/'s own: the image may name no other file */
    unsigned depth;            /* block/'s own: number of images above this one; leave at 0 */
};

/* Counted since open. Times are sums over requests, from submit to completion on the host. */
struct block_stats {
    uint64_t reads, writes, flushes, discards;
    uint64_t bytes_read, bytes_written;
    uint64_t errors;
    int64_t read_ns, write_ns, flush_ns;
};

/* What `vmm-img info` and `info block` show. Strings belong to the block (until close). */
struct block_info {
    const char *file_name;
    const char *format;
    uint64_t virtual_bytes;
    uint64_t actual_bytes;      /* allocated by the host's file system */
    uint32_t cluster_bytes;     /* 0: the format has none */
    const char *backing_name;   /* as stored in the image, or NULL */
    const char *backing_path;   /* the same, resolved; or NULL */
    const char *backing_format; /* or NULL if the image does not say */
    unsigned backing_depth;     /* images below this one that are open */
    bool read_only;
    bool snapshot;
    bool probed; /* the format was guessed from the contents */
    enum block_cache cache;
    enum block_detect_zeroes detect_zeroes;
    bool dirty;                          /* was not closed: counts may be wrong */
    const struct block_details *details; /* what only this format has; or NULL */
};

/* What only QCOW2 images have. */
struct block_details {
    const char *compat;      /* "0.10" or "1.1" */
    const char *compression; /* "zlib" or "zstd" */
    const char *data_file;   /* or NULL */
    unsigned refcount_bits;
    bool version_3; /* what follows means something */
    bool lazy_refcounts;
    bool data_file_raw;
    bool extended_l2;
    bool corrupt;
};

/* A snapshot inside an image. */
struct block_snapshot {
    const char *id;
    const char *name;
    uint64_t state_bytes; /* of the machine's state; 0: disk only */
    int64_t date_seconds; /* since 1970 */
    uint32_t date_ns;
    uint64_t clock_ns; /* guest clock */
    uint64_t icount;   /* UINT64_MAX: unknown */
};

/* The state of a machine that goes with a snapshot. */
struct block_state {
    uint64_t bytes;    /* not 0 */
    uint64_t clock_ns; /* guest clock */
};

/*
 * Opens an image. options may be NULL (writable, writeback, format by contents). queue: where
 * completions are delivered, must outlive the block; NULL: only synchronous calls. Returns NULL and
 * sets *error.
 */
struct block *block_open(const char *path, const struct block_options *options,
                         struct event_queue *queue, GError **error);
/* Waits for what is in flight (as block_drain()), closes and frees. Errors at this point are
 * reported by a message on stderr, since nobody is left to tell. block_close(NULL) is fine. */
void block_close(struct block *block);

/* Starts a request. Never blocks on host I/O and never calls done(). Bad ranges and read-only media
 * are reported through done() too: -EIO out of range, -EINVAL misaligned or badly formed, -EROFS.
 */
void block_submit(struct block *block, struct block_request *request);
/* Waits until nothing is in flight; calls done() of this block's requests from inside, in the
 * caller's thread, which must be the machine thread or hold the machine lock with the machine
 * parked. */
void block_drain(struct block *block);
/* Requests submitted whose done() has not been called yet. */
unsigned block_in_flight(struct block *block);

/* Synchronous forms, any offset and length. 0 or -errno. They may block: not for device code. */
int block_read(struct block *block, uint64_t offset, void *buffer, size_t bytes);
int block_write(struct block *block, uint64_t offset, const void *buffer, size_t bytes);
int block_write_zeroes(struct block *block, uint64_t offset, uint64_t bytes);
int block_discard(struct block *block, uint64_t offset, uint64_t bytes);
int block_flush(struct block *block);
/* Changes the size in bytes. Drained, no requests in flight. -ENOTSUP: the format cannot. */
int block_truncate(struct block *block, uint64_t bytes);
/*
 * Tells how the range that starts at offset is stored: *data false: known to read as zeroes without
 * looking. *run: bytes from offset for which that holds (at least 1, at most `bytes`). 0 or -errno.
 */
int block_status(struct block *block, uint64_t offset, uint64_t bytes, bool *data, uint64_t *run);
/* Writes what a snapshot=on drive has changed back to its image and empties the temporary file; without that, what
 * an image holds to its backing file, and empties the image. Drained. */
bool block_commit(struct block *block, GError **error);

uint64_t block_size(const struct block *block);
bool block_read_only(const struct block *block);
const char *block_format(const struct block *block);
const char *block_file_name(const struct block *block);
enum block_cache block_cache_mode(const struct block *block);
void block_get_stats(struct block *block, struct block_stats *stats);
void block_get_info(struct block *block, struct block_info *info);

enum block_preallocation {
    BLOCK_PREALLOCATE_OFF,
    BLOCK_PREALLOCATE_METADATA, /* tables; the data has its places, but no room on the host */
    BLOCK_PREALLOCATE_FALLOC,   /* and room on the host */
    BLOCK_PREALLOCATE_FULL,     /* and zeroes written to it */
};

struct block_create_options {
    const char *format; /* NULL: raw */
    uint64_t bytes;     /* virtual size; 0 with a backing file: that file's size */
    bool have_bytes;
    const char *backing_name;               /* stored in the image as given */
    const char *backing_format;             /* NULL: by contents */
    bool allow_backing;                     /* as in struct block_options */
    bool no_backing_check;                  /* the backing file need not be there */
    enum block_preallocation preallocation; /* raw, qcow2 */
    /* qcow2: 0, NULL and false are the defaults. */
    uint32_t cluster_bytes; /* 64 KiB */
    unsigned version;       /* 3 */
    unsigned refcount_bits; /* 16 */
    bool lazy_refcounts;
    bool extended_l2;
    const char *compression; /* "zlib" */
    const char *data_file;   /* stored as given; made beside the image */
    bool data_file_raw;
};

/* Checks what can be checked before anything is written; *bytes: the size that was asked for, or that of the
 * backing file. */
bool block_create_size(const char *path, const struct block_create_options *options,
                       uint64_t *bytes, GError **error);
/* Creates an image, replacing what the file held (a locked one is left alone). On success *bytes
 * (may be NULL) is the virtual size, rounded up to whole sectors. */
bool block_create(const char *path, const struct block_create_options *options, uint64_t *bytes,
                  GError **error);

/* Snapshots inside the image, `count` of them; belongs to the block until the next call that
 * changes them. NULL: none. */
const struct block_snapshot *block_snapshots(struct block *block, unsigned *count);
/* Make one of the disk as it is (state: with the machine's state that was written before, or NULL), go back to one,
 * forget one. Names: its name or id. Drained. */
bool block_snapshot_create(struct block *block, const char *name, const struct block_state *state,
                           GError **error);
bool block_snapshot_apply(struct block *block, const char *name, GError **error);
/* A block that is open for reading shows the snapshot from now on, with its size. Drained. */
bool block_snapshot_view(struct block *block, const char *name, GError **error);
bool block_snapshot_delete(struct block *block, const char *name, GError **error);
/* The lines of a list of them, as qemu-img has them. */
void block_snapshot_heading(GString *out);
void block_snapshot_row(const struct block_snapshot *snapshot, GString *out);

enum { BLOCK_STATE_UNIT = 2 << 20 };
/* True if the image is open for writing and can have snapshots. */
bool block_has_snapshots(struct block *block);
/* Puts a machine's state beside the disk, for the snapshot that is made next; offset and bytes: multiples of
 * BLOCK_STATE_UNIT. 0 or -errno (-ENOTSUP: see block_has_snapshots()). Drained; may block. */
int block_state_write(struct block *block, uint64_t offset, const void *data, size_t bytes);
/* Reads the state of a snapshot, within its state_bytes. -ENOENT: there is no such snapshot. */
int block_state_read(struct block *block, const char *snapshot, uint64_t offset, void *data,
                     size_t bytes);

/* "off", "metadata", "falloc", "full". False: unknown name. */
bool block_preallocation_parse(const char *name, enum block_preallocation *mode);
const char *block_preallocation_name(enum block_preallocation mode);

/* "writeback", "writethrough", "none", "directsync", "unsafe". False: unknown name. */
bool block_cache_parse(const char *name, enum block_cache *cache);
const char *block_cache_name(enum block_cache cache);

/* Names of the formats that can be written, i = 0, 1, ..; NULL at the end. */
const char *block_format_name(unsigned i);

#define BLOCK_ERROR block_error_quark()
/* Domain of the errors set here; the code is an errno value. */
GQuark block_error_quark(void);

#endif
