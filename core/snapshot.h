/*
 * The state of a whole machine as a stream of bytes, which is written or read once from its beginning to its end:
 *
 *   "vmm state 1\n"
 *   blocks: u32 type, u8 + name, u64 bytes, contents       numbers are little-endian, as all of it
 *     BLOB  a record of state.h: the devices ("machine"), a CPU ("cpu 0", ..), a description ("config")
 *     RAM   a block of memory: runs of u64 first page, u64 pages, the pages; a run of 0 pages ends it. Pages that are
 *           not there are zero. `bytes` is the size of the memory
 *     END
 *
 * Who writes the bytes, and who reads them, is another's business (struct snapshot_stream). Nothing here knows engines
 * or disks.
 */
#ifndef CORE_SNAPSHOT_H
#define CORE_SNAPSHOT_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/ram.h"

struct snapshot_stream {
    /* Moves exactly so many bytes; 0 or -errno. The one that is not needed may be NULL. */
    int (*write)(void *arg, const void *data, size_t bytes);
    int (*read)(void *arg, void *data, size_t bytes);
    void *arg;
};

enum snapshot_block { SNAPSHOT_END = 0, SNAPSHOT_BLOB = 1, SNAPSHOT_RAM = 2 };

struct snapshot_header {
    enum snapshot_block type;
    char name[256];
    uint64_t bytes;
};

/* All of these: 0 or -errno; -EPROTO: the bytes are not such a stream. */
int snapshot_write_start(const struct snapshot_stream *stream);
int snapshot_write_blob(const struct snapshot_stream *stream, const char *name, const void *data, size_t bytes);
int snapshot_write_ram(const struct snapshot_stream *stream, const struct ram *ram);
int snapshot_write_end(const struct snapshot_stream *stream);

int snapshot_read_start(const struct snapshot_stream *stream);
int snapshot_read_header(const struct snapshot_stream *stream, struct snapshot_header *header);
/* The contents of a BLOB, newly allocated; -EFBIG: more than `most` bytes. */
int snapshot_read_blob(const struct snapshot_stream *stream, const struct snapshot_header *header, size_t most,
                       GBytes **blob);
/* The contents of a RAM block, which has the size of `ram`, into it; tells the engines. */
int snapshot_read_ram(const struct snapshot_stream *stream, struct ram *ram);

#endif
