/*
 * Fault injection for tests: makes the operations on host files below an image fail, come out
 * short, or take long. A fault object is given to block_open() in the options and belongs to the
 * test. Thread-safe.
 */
#ifndef BLOCK_FAULT_H
#define BLOCK_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>

enum block_fault_op {
    BLOCK_FAULT_READ = 1 << 0,
    BLOCK_FAULT_WRITE = 1 << 1, /* also zeroing */
    BLOCK_FAULT_SYNC = 1 << 2,
    BLOCK_FAULT_TRUNCATE = 1 << 3,
};

struct block_fault_rule {
    unsigned ops;   /* set of enum block_fault_op */
    uint64_t first; /* only operations that touch the file range first..last; 0 and 0: all */
    uint64_t last;
    unsigned skip;  /* let this many through first */
    unsigned count; /* then hit this many; 0: all */
    int error;      /* positive errno; 0: only the delay */
    bool partial;   /* a write stores its first part (half of it) before it fails */
    bool cut;       /* power cut: from the first hit on, nothing reaches the file any more */
    unsigned delay_ms;
};

struct block_fault;

struct block_fault *block_fault_create(void);
void block_fault_destroy(struct block_fault *fault);
/* Adds a rule (copied). Rules are tried in order; the first that hits decides. */
void block_fault_add(struct block_fault *fault, const struct block_fault_rule *rule);
/* Forgets all rules and ends a power cut. */
void block_fault_clear(struct block_fault *fault);
/* How often a rule has hit. */
uint64_t block_fault_hits(struct block_fault *fault);
/* Operations seen, of the kinds in ops. */
uint64_t block_fault_seen(struct block_fault *fault, unsigned ops);

/*
 * Lost caches. While recording, the fault object keeps what each write since the last sync has
 * overwritten. block_fault_lose() then plays a power failure: of the writes that were not synced,
 * sector by sector, `percent` are undone, so that they look dropped or reordered. One file only.
 */
void block_fault_record(struct block_fault *fault, bool on);
void block_fault_lose(struct block_fault *fault, const char *path, GRand *random, int percent);
/* Called by block/file.c: before a write, and after a sync that went well. NULL is fine. */
void block_fault_save(struct block_fault *fault, int fd, uint64_t offset, uint64_t bytes);
void block_fault_synced(struct block_fault *fault);

/* Called by block/file.c before an operation. Returns 0 or -errno; in that case the first *take
 * bytes of a write are to be written all the same. NULL is fine: never a fault. */
int block_fault_check(struct block_fault *fault, enum block_fault_op op, uint64_t offset,
                      uint64_t bytes, uint64_t *take);

#endif
