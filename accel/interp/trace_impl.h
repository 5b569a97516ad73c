/*
 * What trace.c (building and running traces) needs of trace_cache.c (keeping and dropping them).
 */
#ifndef ACCEL_INTERP_TRACE_IMPL_H
#define ACCEL_INTERP_TRACE_IMPL_H

#include <glib.h>

#include "accel/interp/trace.h"

#define TRACE_BUCKET_BITS 15
#define TRACE_BUCKETS (1u << TRACE_BUCKET_BITS)
#define TRACE_NEAR_PAGES 64
#define PAGE_MASK 0xfffull

struct op_index;

struct trace_cache {
    struct trace *bucket[TRACE_BUCKETS]; /* never NULL at the front: `none` ends each chain */
    uint8_t *pool;
    struct trace *none;  /* at the start of the pool; its key is 0 */
    size_t used;
    uint64_t drops;      /* number of traces dropped; tells whether a pointer to one still means what it did */
    struct op_index *index;
    GHashTable *pages;   /* host address of page -> struct code_page */
    struct code_page *near[TRACE_NEAR_PAGES]; /* some of them, by their address */
};

/* A page with the flag RAM_CODE. */
struct code_page {
    const uint8_t *host;
    struct ram *ram;
    uint64_t ram_offset;
    uint64_t lines;      /* bit i: bytes 64 i to 64 i + 63 belong to a trace */
    struct trace *first;
    struct trace *dead;  /* dropped ones, whose memory only a trace of the same key and mode may take: links
                          * to them are still about */
    unsigned dead_count;
    unsigned idle;       /* stores since the page has no trace */
};

static inline unsigned trace_bucket(uintptr_t key)
{
    return (key ^ key >> TRACE_BUCKET_BITS) & (TRACE_BUCKETS - 1);
}

/* Makes sure that stores to a page come to trace_invalidate(). Must come before the bytes are read, so that no store
 * to them is missed. */
struct code_page *trace_page(struct cpu *cpu, struct ram *ram, uint64_t ram_offset);

/* Room for a trace of the greatest length, to be filled and then given to trace_commit(), or forgotten. May drop
 * all traces and pages. */
struct trace *trace_alloc(struct trace_cache *cache);
/* Makes the trace findable; key, mode, bytes, count and the records are set. page may be NULL: then it is not
 * dropped by stores. Returns the trace, which may have moved. */
struct trace *trace_commit(struct trace_cache *cache, struct trace *trace, struct code_page *page);

/* NULL if there is none. The one found moves to the front of its bucket. */
struct trace *trace_lookup(struct trace_cache *cache, uintptr_t key, uint32_t mode);
/* Drops a trace without page. */
void trace_drop(struct trace_cache *cache, struct trace *trace);

/* Behind the records of a MODE_CROSS trace: the bytes it was made of. */
static inline uint8_t *trace_cross_bytes(struct trace *trace)
{
    return (uint8_t *)&trace->insn[trace->count + 1];
}

/* Handlers: of the record behind the last instruction, and of all records of dropped traces. */
insn_fn op_trace_end, op_stale;

#endif
