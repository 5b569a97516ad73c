/*
 * Where traces are kept.
 *
 * Traces are allocated one after the other in a pool, which is emptied whole when it is full. They are found in
 * a hash table by host address and mode; a found trace moves to the front of its bucket, and jumps look at the
 * front only before they call trace_find(). For each page with traces there is a list of them and a bitmap of
 * the 64-byte lines they cover, so that a store beside code is told from one into it by a single test.
 *
 * Code that is changed again and again keeps its place: a trace that is decoded anew takes the memory of the dropped
 * one with the same key and mode, so that neither the pool fills nor the links to it are lost. A page whose last
 * trace was dropped stays flagged for some stores, since most probably it is about to be run again.
 */
#include <string.h>
#include <sys/mman.h>

#include "accel/interp/decode.h"
#include "accel/interp/fpu.h"
#include "accel/interp/tlb.h"
#include "accel/interp/trace_impl.h"
#include "core/ram.h"

#define POOL_BYTES (32u << 20)
#define DEAD_MAX 32    /* dropped traces kept for a page */
#define IDLE_STORES 32 /* to a page without traces, before it is taken for a data page */

/* ---- pool and hash table ---- */

/* Room for the records and, behind them, the bytes of a crossing instruction. */
static size_t trace_size(unsigned count)
{
    return sizeof(struct trace) + (count + 1) * sizeof(struct insn) + 16;
}

/* So placed that the records begin on a cache line. */
static size_t place(size_t used)
{
    size_t header = offsetof(struct trace, insn);
    return ((used + header + 63) & ~(size_t)63) - header;
}

static void empty_pool(struct trace_cache *cache)
{
    cache->used = trace_size(0);
    for (unsigned i = 0; i < TRACE_BUCKETS; i++) {
        cache->bucket[i] = cache->none;
    }
}

struct trace_cache *trace_cache_create(void)
{
    struct trace_cache *cache = g_new0(struct trace_cache, 1);
    cache->pool = mmap(NULL, POOL_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (cache->pool == MAP_FAILED) {
        g_error("trace cache: no address space for %u bytes", POOL_BYTES);
    }
    cache->none = (struct trace *)cache->pool;
    cache->index = op_index_create();
    cache->pages = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    empty_pool(cache);
    return cache;
}

void trace_cache_destroy(struct trace_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    trace_cache_flush(cache);
    g_hash_table_destroy(cache->pages);
    g_free(cache->index);
    munmap(cache->pool, POOL_BYTES);
    g_free(cache);
}

/* Makes a trace end where it is, if it runs. */
static void trace_kill(struct trace_cache *cache, struct trace *trace)
{
    trace->key = 0;
    for (unsigned i = 0; i <= trace->count; i++) {
        trace->insn[i].fn = op_stale;
    }
    cache->drops++;
}

static void page_unflag(const struct code_page *page)
{
    __atomic_fetch_and(&page->ram->flags[page->ram_offset >> RAM_PAGE_BITS], (uint8_t)~RAM_CODE,
                       __ATOMIC_RELAXED);
}

void trace_cache_flush(struct trace_cache *cache)
{
    GHashTableIter iter;
    void *value;
    size_t at = place(trace_size(0));
    while (at < cache->used) {
        struct trace *trace = (struct trace *)(cache->pool + at);
        trace_kill(cache, trace);
        at = place(at + trace_size(trace->room));
    }
    g_hash_table_iter_init(&iter, cache->pages);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        page_unflag(value);
    }
    g_hash_table_remove_all(cache->pages);
    memset(cache->near, 0, sizeof(cache->near));
    empty_pool(cache);
    cache->drops++;
}

struct trace *trace_lookup(struct trace_cache *cache, uintptr_t key, uint32_t mode)
{
    struct trace **front = &cache->bucket[trace_bucket(key)];
    for (struct trace **at = front; *at != cache->none; at = &(*at)->hash_next) {
        struct trace *trace = *at;
        if (trace->key == key && trace->mode == mode) {
            *at = trace->hash_next;
            trace->hash_next = *front;
            *front = trace;
            return trace;
        }
    }
    return NULL;
}

static void hash_add(struct trace_cache *cache, struct trace *trace)
{
    struct trace **front = &cache->bucket[trace_bucket(trace->key)];
    trace->hash_next = *front;
    *front = trace;
}

static void hash_remove(struct trace_cache *cache, struct trace *trace)
{
    struct trace **at = &cache->bucket[trace_bucket(trace->key)];
    while (*at != trace) {
        at = &(*at)->hash_next;
    }
    *at = trace->hash_next;
}

void trace_drop(struct trace_cache *cache, struct trace *trace)
{
    hash_remove(cache, trace);
    trace_kill(cache, trace);
}

struct trace *trace_alloc(struct trace_cache *cache)
{
    size_t at = place(cache->used);
    if (at + trace_size(TRACE_MAX + 1) > POOL_BYTES) {
        trace_cache_flush(cache);
        at = place(cache->used);
    }
    cache->used = at; /* trace_commit() adds the size */
    return (struct trace *)(cache->pool + at);
}

/* ---- pages ---- */

/* The page at a host address, or NULL. */
static struct code_page *page_find(struct trace_cache *cache, const uint8_t *host)
{
    struct code_page **slot = &cache->near[(uintptr_t)host / RAM_PAGE_SIZE % TRACE_NEAR_PAGES];
    if (*slot == NULL || (*slot)->host != host) {
        struct code_page *page = g_hash_table_lookup(cache->pages, host);
        if (page == NULL) {
            return NULL;
        }
        *slot = page;
    }
    return *slot;
}

struct code_page *trace_page(struct cpu *cpu, struct ram *ram, uint64_t ram_offset)
{
    struct trace_cache *cache = cpu->traces;
    uint8_t *host = ram->host + ram_offset;
    struct code_page *page = page_find(cache, host);
    if (page == NULL) {
        page = g_new0(struct code_page, 1);
        page->host = host;
        page->ram = ram;
        page->ram_offset = ram_offset;
        uint32_t fp_flags = fpu_flags_save();
        g_hash_table_insert(cache->pages, host, page);
        fpu_flags_restore(fp_flags);
        __atomic_fetch_or(&ram->flags[ram_offset >> RAM_PAGE_BITS], RAM_CODE, __ATOMIC_SEQ_CST);
        tlb_protect_code(cpu, ram, ram_offset);
    }
    return page;
}

static void page_remove(struct trace_cache *cache, struct code_page *page)
{
    struct code_page **slot = &cache->near[(uintptr_t)page->host / RAM_PAGE_SIZE % TRACE_NEAR_PAGES];
    if (*slot == page) {
        *slot = NULL;
    }
    page_unflag(page);
    uint32_t fp_flags = fpu_flags_save();
    g_hash_table_remove(cache->pages, page->host);
    fpu_flags_restore(fp_flags);
}

/* Lines touched by bytes [first, last] of a page. */
static uint64_t line_bits(unsigned first, unsigned last)
{
    unsigned from = first >> 6, to = last >> 6;
    return (~0ull << from) & (~0ull >> (63 - to));
}

static uint64_t trace_lines(const struct trace *trace)
{
    unsigned first = trace->key & PAGE_MASK;
    return line_bits(first, first + trace->bytes - 1);
}

/* A dropped trace whose place the new one may take. */
static struct trace *page_revive(struct code_page *page, const struct trace *trace)
{
    for (struct trace **at = &page->dead; *at != NULL; at = &(*at)->page_next) {
        struct trace *dead = *at;
        if (dead->dead_key == trace->key && dead->mode == trace->mode && dead->room >= trace->count) {
            *at = dead->page_next;
            page->dead_count--;
            return dead;
        }
    }
    return NULL;
}

struct trace *trace_commit(struct trace_cache *cache, struct trace *trace, struct code_page *page)
{
    struct trace *old = page != NULL ? page_revive(page, trace) : NULL;
    trace->room = trace->count;
    if (old != NULL) {
        uint8_t room = old->room;
        memcpy(old, trace, sizeof(*trace) + (trace->count + 1u) * sizeof(struct insn));
        old->room = room;
        trace = old;
    } else {
        cache->used += trace_size(trace->count);
    }
    trace->next = trace->page_next = NULL;
    hash_add(cache, trace);
    if (page != NULL) {
        trace->page_next = page->first;
        page->first = trace;
        page->lines |= trace_lines(trace);
        page->idle = 0;
    }
    return trace;
}

static void page_bury(struct code_page *page, struct trace *trace, uintptr_t key)
{
    if (page->dead_count == DEAD_MAX) {
        page->dead = NULL;
        page->dead_count = 0;
    }
    trace->dead_key = key;
    trace->page_next = page->dead;
    page->dead = trace;
    page->dead_count++;
}

/* Drops the traces of a page that overlap bytes [first, last]. */
static void page_invalidate(struct trace_cache *cache, struct code_page *page, unsigned first, unsigned last)
{
    struct trace **at = &page->first;
    if ((page->lines & line_bits(first, last)) == 0) {
        return;
    }
    page->lines = 0;
    while (*at != NULL) {
        struct trace *trace = *at;
        uintptr_t key = trace->key;
        unsigned begin = key & PAGE_MASK;
        if (begin <= last && begin + trace->bytes > first) {
            *at = trace->page_next;
            trace_drop(cache, trace);
            page_bury(page, trace, key);
        } else {
            page->lines |= trace_lines(trace);
            at = &trace->page_next;
        }
    }
}

void trace_invalidate(struct trace_cache *cache, struct ram *ram, uint64_t offset, uint64_t size)
{
    uint64_t end = offset + size;
    while (offset < end) {
        uint64_t page_end = MIN((offset | PAGE_MASK) + 1, end);
        struct code_page *page = page_find(cache, ram->host + (offset & ~PAGE_MASK));
        if (page != NULL) {
            page_invalidate(cache, page, offset & PAGE_MASK, (page_end - 1) & PAGE_MASK);
            if (page->first == NULL && (page->idle++ == IDLE_STORES || page_end - offset == RAM_PAGE_SIZE)) {
                page_remove(cache, page);
            }
        }
        offset = page_end;
    }
}

bool trace_spares(struct trace_cache *cache, const void *host, unsigned size)
{
    unsigned first = (uintptr_t)host & PAGE_MASK;
    const struct code_page *page = page_find(cache, (const uint8_t *)host - first);
    if (page == NULL || page->first == NULL || (page->lines & line_bits(first, first + size - 1)) != 0) {
        return false;
    }
    return !page->ram->log_dirty ||
           (__atomic_load_n(&page->ram->flags[page->ram_offset >> RAM_PAGE_BITS], __ATOMIC_RELAXED) & RAM_DIRTY) != 0;
}
