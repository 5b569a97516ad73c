/*
 * Blocks of memory that a guest can execute from and DMA into: system RAM, ROM images, video memory.
 *
 * A block is one anonymous host mapping. Beside it stands one flag byte for each 4 KiB page, by which the
 * engines and the display learn of stores: RAM_CODE says that decoded code of the page exists (a store must
 * call the code hook), RAM_DIRTY that the page was stored to since the last ram_dirty_fetch() (only kept up
 * for blocks with dirty logging).
 */
#ifndef CORE_RAM_H
#define CORE_RAM_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAM_PAGE_BITS 12
#define RAM_PAGE_SIZE (1u << RAM_PAGE_BITS)

enum ram_page_flag {
    RAM_CODE = 1,  /* decoded code of this page exists */
    RAM_DIRTY = 2, /* stored to since the last fetch; meaningful if ram->log_dirty */
};

struct ram;

/* Called after bytes [offset, offset + size) of a page flagged RAM_CODE were changed by someone who is not
 * the CPU's own store path (DMA, a monitor poke, a load of state). */
typedef void ram_code_fn(void *arg, struct ram *ram, uint64_t offset, uint64_t size);
/* Called after dirty bits were cleared or logging was switched: cached "no need to log" answers are stale. */
typedef void ram_dirty_fn(void *arg, struct ram *ram);

struct ram {
    char *name;     /* owned */
    uint64_t size;  /* bytes, a multiple of the page size */
    uint8_t *host;  /* owned mapping, page-aligned */
    uint8_t *flags; /* owned, one byte a page (enum ram_page_flag), changed with atomics */
    bool log_dirty; /* set by ram_log_dirty() */
    ram_code_fn *code_hook;
    ram_dirty_fn *dirty_hook;
    /* NULL, or called at the start of each ram_dirty_fetch(): an engine whose own log of stores is elsewhere
     * (KVM's) sets RAM_DIRTY for what it holds and clears its log. */
    ram_dirty_fn *dirty_sync;
    void *dirty_sync_arg;
    void *hook_arg; /* of the others */
    /* NULL, or called, in the storing thread, when the first page since the last ram_dirty_fetch() becomes dirty. Not
     * to be relied on while dirty_sync is set: what the other log holds is seen at the next fetch only. */
    ram_dirty_fn *dirtied;
    void *dirtied_arg;
    int untold; /* no page was told of since the last fetch; atomic */
};

/* Maps `size` bytes (rounded up to pages) of zeroed memory. NULL and error if the host has not so much. */
struct ram *ram_create(const char *name, uint64_t size, GError **error);
void ram_destroy(struct ram *ram);

/* Is there nothing but zeroes in this page? */
bool ram_page_is_zero(const struct ram *ram, uint64_t page);

/* To be called after any store to the block that did not come from the CPU engine's own store path. Marks
 * pages dirty and calls the code hook where code was decoded. */
void ram_touched(struct ram *ram, uint64_t offset, uint64_t size);

/* Starts or stops keeping RAM_DIRTY up to date; starting marks every page dirty. */
void ram_log_dirty(struct ram *ram, bool on);

/* Flags a page of a block with dirty logging as stored to. Any thread. */
void ram_mark_dirty(struct ram *ram, uint64_t page);

/* Copies the dirty state of pages [first, first + count) into `bitmap` (bit i of word i/64 = page first + i)
 * and clears it. Returns true if any was dirty. */
bool ram_dirty_fetch(struct ram *ram, uint64_t first, uint64_t count, uint64_t *bitmap);

#endif
