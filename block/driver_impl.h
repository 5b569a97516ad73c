/*
 * What a format driver is made of, and what it stands on.
 *
 *   struct block         requests, statistics, thread                (block.c, worker.c, aio.c)
 *   struct block_image   an opened image in some format              (image.c; raw_sync.c, qcow.c,
 * overlay.c) struct block_file    the bytes of a host file, cache mode, locks (file.c, fault.c)
 *
 * A driver is straight-line code that may block. Of one image, at most one call runs at a time: on
 * the worker thread of its block, or on the caller's thread if the block has none. Offsets and
 * lengths are in bytes, of any alignment, and already checked to lie inside the image.
 */
#ifndef BLOCK_DRIVER_IMPL_H
#define BLOCK_DRIVER_IMPL_H

#include "block/block.h"

/* ---- host files (file.c) ---- */

struct block_file {
    int fd;
    char *path;
    uint64_t bytes; /* end of file as far as we know; a block device's size */
    enum block_cache cache;
    bool read_only;
    bool discard;              /* the option discard=unmap */
    bool device;               /* a block device: its size cannot change */
    size_t align;              /* of offset, length and memory; 1 without O_DIRECT */
    uint8_t *bounce;           /* aligned; NULL while align is 1 */
    struct block_fault *fault; /* not owned, NULL normally */
};

/* Opens and locks. With create, the file is made if need be and emptied once locked. */
struct block_file *block_file_open(const char *path, const struct block_options *options,
                                   bool create, GError **error);
/* A temporary file that has no name any more; writable, never synced. */
struct block_file *block_file_temporary(GError **error);
void block_file_close(struct block_file *file);
/* All or nothing: 0 or -errno. Reads past the end of the file give zeroes. */
int block_file_read(struct block_file *file, uint64_t offset, void *buffer, size_t bytes);
int block_file_write(struct block_file *file, uint64_t offset, const void *buffer, size_t bytes);
/* The range reads as zeroes afterwards; space is given back where the host can. Never grows the
 * file. */
int block_file_zero(struct block_file *file, uint64_t offset, uint64_t bytes);
/* The same, but space is given back only if the option discard=unmap says so. */
int block_file_zero_in_place(struct block_file *file, uint64_t offset, uint64_t bytes);
int block_file_sync(struct block_file *file);
int block_file_truncate(struct block_file *file, uint64_t bytes);
/* As block_status(): holes of a sparse file. */
int block_file_status(struct block_file *file, uint64_t offset, uint64_t bytes, bool *data,
                      uint64_t *run);
/* Bytes the host has allocated. */
uint64_t block_file_allocated(const struct block_file *file);

/* For data on its way between files: in whole pages, because the host's kernel copies much faster to aligned memory on
 * some CPUs. To be freed with g_free(); 0 bytes: NULL. */
void *block_memory(size_t bytes);
/* Nothing but zeroes? (worker.c) */
bool block_is_zero(const void *data, size_t bytes);

/* ---- locks (lock.c) ---- */

/* Locks an open file for as long as fd lives: shared for readers, exclusive for a writer. False if
 * another process (or another open of ours) has it in a way that does not go together. */
bool block_lock_file(int fd, const char *path, bool exclusive, GError **error);
void block_unlock_file(int fd);

/* ---- images (image.c) ---- */

struct block_image {
    const struct block_driver *driver;
    struct block_file *file; /* NULL for an overlay */
    char *path;
    uint64_t bytes; /* virtual size */
    bool read_only;
    bool probed;
    bool failed; /* found damaged while it was written: read_only is set too, a flush fails */
    void *state; /* the driver's own */
    struct block_image *backing; /* owned, read-only; NULL: none or not opened */
};

enum block_repair { BLOCK_REPAIR_NOTHING, BLOCK_REPAIR_LEAKS, BLOCK_REPAIR_ALL };

/* What a check has found. */
struct block_check {
    enum block_repair repair; /* what to do about it; the image is writable then */
    uint64_t fixed_errors;    /* of `errors`: those that are repaired are not counted there */
    uint64_t fixed_leaks;
    uint64_t fragmented; /* clusters that are not behind their predecessor */
    bool has_fragmented; /* the format counts these */
    uint64_t errors;     /* entries that would read or write wrong data */
    uint64_t leaks;      /* bytes of the file that nothing refers to, in clusters */
    uint64_t clusters;   /* clusters of the guest's disk */
    uint64_t allocated;  /* of these, stored in this file */
    uint64_t compressed; /* of these, compressed */
    uint64_t end_offset; /* of the last thing in the file */
    void (*report)(void *arg, const char *text); /* one line for each finding; may be NULL */
    void *arg;
};

/* How a range of the disk is stored. */
struct block_extent {
    uint64_t bytes;   /* it goes on like that; at least 1 */
    bool present;     /* in this image, not in a backing file */
    bool zero;        /* reads as zeroes */
    bool data;        /* takes room on the host */
    bool packed;      /* compressed */
    bool has_offset;  /* the next two are valid */
    uint64_t offset;  /* in that file */
    const char *file; /* belongs to the image */
    unsigned depth;   /* backing files gone down (block_image_map) */
};

struct block_driver {
    const char *name;
    /* True if the first bytes of a file look like this format. NULL: never probed. */
    bool (*probe)(const uint8_t *head, size_t bytes);
    /* image->file is open; sets bytes and state. On failure leaves nothing of its own behind. */
    bool (*open)(struct block_image *image, const struct block_options *options, GError **error);
    /* Writes an empty image into an empty file. bytes: whole sectors. NULL: only read. */
    bool (*create)(struct block_file *file, const struct block_create_options *options,
                   uint64_t bytes, GError **error);
    /* Frees state. The image was flushed before. */
    void (*close)(struct block_image *image);
    /* All of these: 0 or -errno. */
    int (*read)(struct block_image *image, uint64_t offset, void *buffer, size_t bytes);
    int (*write)(struct block_image *image, uint64_t offset, const void *buffer, size_t bytes);
    int (*write_zeroes)(struct block_image *image, uint64_t offset, uint64_t bytes);
    int (*discard)(struct block_image *image, uint64_t offset, uint64_t bytes);
    int (*flush)(struct block_image *image);
    int (*truncate)(struct block_image *image, uint64_t bytes);
    int (*status)(struct block_image *image, uint64_t offset, uint64_t bytes, bool *data,
                  uint64_t *run);
    /* Fills in what the driver knows beyond size and name. May be NULL. */
    void (*info)(struct block_image *image, struct block_info *info);
    /* May be NULL: not supported. */
    int (*check)(struct block_image *image, struct block_check *check);
    /* All below may be NULL: not supported. How the range is stored in this image (depth 0). */
    int (*map)(struct block_image *image, uint64_t offset, uint64_t bytes,
               struct block_extent *extent);
    /* Compresses a cluster into a buffer of the same size; returns the length, 0: does not get
     * smaller. Touches nothing else, so several threads may. */
    size_t (*pack)(const struct block_image *image, const void *cluster, void *packed);
    /* Stores what pack has made, for a cluster that is not there yet. */
    int (*write_packed)(struct block_image *image, uint64_t offset, const void *packed,
                        size_t bytes);
    bool (*snapshot_create)(struct block_image *image, const char *name,
                            const struct block_state *state, GError **error);
    bool (*snapshot_apply)(struct block_image *image, const char *name, GError **error);
    /* Read-only images: shows the snapshot instead of the disk. */
    bool (*snapshot_view)(struct block_image *image, const char *name, GError **error);
    bool (*snapshot_delete)(struct block_image *image, const char *name, GError **error);
    /* As block_state_write() and block_state_read(). */
    int (*state_write)(struct block_image *image, uint64_t offset, const void *buffer,
                       size_t bytes);
    int (*state_read)(struct block_image *image, const char *name, uint64_t offset, void *buffer,
                      size_t bytes);
    /* Newly allocated array; the strings are the image's. */
    struct block_snapshot *(*snapshot_list)(struct block_image *image, unsigned *count);
    /* Changes the names in the header; NULL: no backing file. */
    bool (*set_backing)(struct block_image *image, const char *name, const char *format,
                        GError **error);
    /* Drops all data of this image, so that it reads as its backing file. */
    int (*make_empty)(struct block_image *image);
    /* Gives the range its places. */
    int (*preallocate)(struct block_image *image, uint64_t offset, uint64_t end,
                       enum block_preallocation mode);
    /* Metadata is waiting to be written: called when nothing has happened for a second. May be
     * NULL. */
    bool (*dirty)(struct block_image *image);
    /* True if reading or writing the range is nothing but a transfer of as many bytes at *place of
     * *file. Changes nothing. May be NULL: one request at a time. */
    bool (*locate)(struct block_image *image, bool write, uint64_t offset, uint64_t bytes,
                   struct block_file **file, uint64_t *place);
};

extern const struct block_driver block_raw_driver;
extern const struct block_driver block_qcow_driver;
extern const struct block_driver block_qcow2_driver;
/* Read only: write and what follows from it are NULL. */
extern const struct block_driver block_vmdk_driver;
extern const struct block_driver block_vdi_driver;
extern const struct block_driver block_vpc_driver;

struct block_image *block_image_open(const char *path, const struct block_options *options,
                                     GError **error);
void block_image_close(struct block_image *image);
/* Opens the file that `name`, as stored in image, stands for. format: what the image says about it,
 * or NULL. */
bool block_image_open_backing(struct block_image *image, const char *name, const char *format,
                              const struct block_options *options, GError **error);
/* False, with a message: the image may not name this file (`what`: "backing file"). */
bool block_image_may_name(const struct block_image *image, const char *what, const char *path,
                          const struct block_options *options, GError **error);
/* How the range is stored, down the chain of backing files. 0 or -errno. */
int block_image_map(struct block_image *image, uint64_t offset, uint64_t bytes,
                    struct block_extent *extent);
/* Where the backing file called `name` of the image at `path` is. Newly allocated. */
char *block_backing_path(const char *path, const char *name);
/* Reads the backing image; past its end, or without one, zeroes. */
int block_image_read_backing(struct block_image *image, uint64_t offset, void *buffer,
                             size_t bytes);
/* Driver calls with the read-only and cache=writethrough rules applied. */
int block_image_write(struct block_image *image, uint64_t offset, const void *buffer, size_t bytes);
int block_image_flush(struct block_image *image);
/* Metadata is waiting to be written. */
bool block_image_dirty(struct block_image *image);

/* ---- committing (commit.c) ---- */

/* Writes what the image holds to its backing file, and empties it. options: those of its block. */
bool block_image_commit(struct block_image *image, const struct block_options *options,
                        GError **error);

/* ---- probing (probe.c) ---- */

enum { BLOCK_PROBE_BYTES = 512 };
/* The driver for a file that begins like this. NULL with *error set: a format we know but cannot
 * open. */
const struct block_driver *block_probe(const uint8_t *head, size_t bytes, const char *path,
                                       GError **error);
/* True if a later probe of a file beginning like this would not say raw. */
bool block_probe_is_foreign(const uint8_t *head, size_t bytes);
const struct block_driver *block_driver_find(const char *name, GError **error);

/* ---- overlay (overlay.c) ---- */

/* Puts a temporary copy-on-write layer above base, which it then owns. NULL: base is still the
 * caller's. */
struct block_image *block_overlay_create(struct block_image *base, GError **error);
struct block_image *block_overlay_base(struct block_image *overlay);
/* Opens the base for writing (nobody else may have it open), writes all changes to it, flushes, and
 * goes on with an empty layer. options: those of the block. On failure the changes are still there.
 */
bool block_overlay_commit(struct block_image *overlay, const struct block_options *options,
                          GError **error);
extern const struct block_driver block_overlay_driver;

/* The image of a block, for tools (check). Not while requests are in flight. */
struct block_image *block_get_image(struct block *block);

#endif
