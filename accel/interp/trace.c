/*
 * The trace cache.
 *
 * Traces are allocated one after the other in a pool, which is emptied whole when it is full. They are found in
 * a hash table by host address and mode; a found trace moves to the front of its bucket, and jumps look at the
 * front only before they call trace_find(). For each page with traces there is a list of them and a bitmap of
 * the 64-byte lines they cover, so that a store beside code is told from one into it by a single test.
 *
 * An instruction that crosses a page is a trace of its own (MODE_CROSS): its second half may change its
 * translation at any time, so its bytes are fetched and compared at each use, and it is never linked. A page
 * that ends beyond the limit of CS (MODE_CUT) also has traces apart, which are checked at each use.
 */
#include "accel/interp/trace.h"

#include <glib.h>
#include <string.h>
#include <sys/mman.h>

#include "accel/interp/breaks.h"
#include "accel/interp/decode.h"
#include "accel/interp/fpu.h"
#include "accel/interp/fused.h"
#include "accel/interp/tlb.h"
#include "core/ram.h"

#define POOL_BYTES (32u << 20)
#define BUCKET_BITS 15
#define BUCKETS (1u << BUCKET_BITS)
#define INSN_BYTES 15
#define PAGE_MASK 0xfffull

/* Handlers chain by tail calls only where the compiler makes them; else each trace returns to the run loop. */
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define TRACE_CHAIN 1
#else
#define TRACE_CHAIN 0
#endif

struct trace_cache {
    struct trace *bucket[BUCKETS]; /* never NULL at the front: `none` ends each chain */
    uint8_t *pool;
    struct trace *none;            /* at the start of the pool; its key is 0 */
    size_t used;
    uint64_t generation; /* number of flushes */
    struct op_index *index;
    GHashTable *pages;   /* host address of page -> struct code_page */
};

struct code_page {
    struct ram *ram;
    uint64_t ram_offset;
    uint64_t lines; /* bit i: bytes 64 i to 64 i + 63 belong to a trace */
    struct trace *first;
};

static insn_fn op_trace_end, op_stale;

/* ---- pool and hash table ---- */

static unsigned bucket_of(uintptr_t key)
{
    return (key ^ key >> BUCKET_BITS) & (BUCKETS - 1);
}

/* Room for the records and, behind them, the bytes of a crossing instruction. */
static size_t trace_size(unsigned count)
{
    return sizeof(struct trace) + (count + 1) * sizeof(struct insn) + 16;
}

static uint8_t *cross_bytes(struct trace *trace)
{
    return (uint8_t *)&trace->insn[trace->count + 1];
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
    for (unsigned i = 0; i < BUCKETS; i++) {
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
static void trace_kill(struct trace *trace)
{
    trace->key = 0;
    for (unsigned i = 0; i <= trace->count; i++) {
        trace->insn[i].fn = op_stale;
    }
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
        trace_kill(trace);
        at = place(at + trace_size(trace->count));
    }
    g_hash_table_iter_init(&iter, cache->pages);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        page_unflag(value);
    }
    g_hash_table_remove_all(cache->pages);
    empty_pool(cache);
    cache->generation++;
}

static struct trace *hash_find(struct trace_cache *cache, uintptr_t key, uint32_t mode)
{
    struct trace **front = &cache->bucket[bucket_of(key)];
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
    struct trace **front = &cache->bucket[bucket_of(trace->key)];
    trace->hash_next = *front;
    *front = trace;
}

static void hash_remove(struct trace_cache *cache, struct trace *trace)
{
    struct trace **at = &cache->bucket[bucket_of(trace->key)];
    while (*at != trace) {
        at = &(*at)->hash_next;
    }
    *at = trace->hash_next;
}

/* ---- invalidation ---- */

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

/* Drops the traces of a page that overlap bytes [first, last]. True if none is left. */
static bool page_invalidate(struct trace_cache *cache, struct code_page *page, unsigned first, unsigned last)
{
    struct trace **at = &page->first;
    if ((page->lines & line_bits(first, last)) == 0) {
        return page->first == NULL;
    }
    page->lines = 0;
    while (*at != NULL) {
        struct trace *trace = *at;
        unsigned begin = trace->key & PAGE_MASK;
        if (begin <= last && begin + trace->bytes > first) {
            *at = trace->page_next;
            hash_remove(cache, trace);
            trace_kill(trace);
        } else {
            page->lines |= trace_lines(trace);
            at = &trace->page_next;
        }
    }
    return page->first == NULL;
}

void trace_invalidate(struct trace_cache *cache, struct ram *ram, uint64_t offset, uint64_t size)
{
    uint64_t end = offset + size;
    while (offset < end) {
        uint64_t page_end = MIN((offset | PAGE_MASK) + 1, end);
        uint8_t *host = ram->host + (offset & ~PAGE_MASK);
        struct code_page *page = g_hash_table_lookup(cache->pages, host);
        if (page != NULL &&
            page_invalidate(cache, page, offset & PAGE_MASK, (page_end - 1) & PAGE_MASK)) {
            page_unflag(page);
            uint32_t fp_flags = fpu_flags_save();
            g_hash_table_remove(cache->pages, host);
            fpu_flags_restore(fp_flags);
        }
        offset = page_end;
    }
}

/* Notes that a page has the trace; stores to it then come to trace_invalidate(). */
static void page_add(struct trace_cache *cache, struct trace *trace)
{
    struct code_page *page = g_hash_table_lookup(cache->pages, (void *)(trace->key & ~PAGE_MASK));
    trace->page_next = page->first;
    page->first = trace;
    page->lines |= trace_lines(trace);
}

/* Must come before the bytes are read, so that no store to them is missed. */
static void page_protect(struct cpu *cpu, struct ram *ram, uint64_t ram_offset)
{
    struct trace_cache *cache = cpu->traces;
    uint8_t *host = ram->host + ram_offset;
    if (g_hash_table_contains(cache->pages, host)) {
        return;
    }
    struct code_page *page = g_new0(struct code_page, 1);
    page->ram = ram;
    page->ram_offset = ram_offset;
    uint32_t fp_flags = fpu_flags_save();
    g_hash_table_insert(cache->pages, host, page);
    fpu_flags_restore(fp_flags);
    __atomic_fetch_or(&ram->flags[ram_offset >> RAM_PAGE_BITS], RAM_CODE, __ATOMIC_SEQ_CST);
    tlb_protect_code(cpu, ram, ram_offset);
}

/* ---- building ---- */

/* Where the code is and how much of it may be fetched. */
struct fetch {
    uint64_t linear;
    const uint8_t *host;  /* of the first byte */
    unsigned page_left;   /* bytes to the end of the page, at least 1 */
    uint64_t limit_left;  /* bytes to the end of the segment, at least 1 */
    uint32_t mode;        /* with MODE_CUT */
    struct ram *ram;      /* and where the page is in it */
    uint64_t ram_offset;
};

static struct trace *trace_alloc(struct trace_cache *cache)
{
    size_t at = place(cache->used);
    if (at + trace_size(TRACE_MAX + 1) > POOL_BYTES) {
        trace_cache_flush(cache);
        at = place(cache->used);
    }
    cache->used = at; /* trace_commit() adds the size */
    return (struct trace *)(cache->pool + at);
}

static void trace_commit(struct trace_cache *cache, struct trace *trace, const struct fetch *f, uint32_t mode,
                         unsigned count, unsigned n, unsigned bytes)
{
    trace->key = (uintptr_t)f->host;
    trace->mode = mode;
    trace->bytes = bytes;
    trace->count = count;
    trace->next = NULL;
    trace->page_next = NULL;
    trace->insn[count] = (struct insn){ .fn = op_trace_end, .off = bytes, .n = n };
    cache->used += trace_size(count);
    hash_add(cache, trace);
}

static bool ends_trace(const struct insn *insn, const struct op_row *row, uint32_t mode)
{
    return row == NULL || row->attr & AT_END || insn->fn == op_ud || insn->fn == op_gp0 ||
           insn->fn == op_nm || mode & MODE_SINGLE;
}

/* Decodes the trace at f; NULL if its first instruction does not end before the page or the segment does. */
static struct trace *trace_build(struct cpu *cpu, const struct fetch *f)
{
    struct trace_cache *cache = cpu->traces;
    unsigned avail = MIN(f->page_left, f->limit_left);
    unsigned pos = 0, count = 0, n = 0, max = breaks_trace_max(cpu);
    bool end = false;
    struct trace *trace = trace_alloc(cache);
    page_protect(cpu, f->ram, f->ram_offset);
    while (!end && n < max && pos < avail) {
        struct insn *insn = &trace->insn[count];
        bool more;
        insn->off = pos;
        insn->n = n;
        const struct op_row *row = decode_insn_indexed(cache->index, insn, f->host + pos,
                                                       MIN(avail - pos, INSN_BYTES), cpu->mode,
                                                       cpu->cpuid, &more);
        if (more) {
            break;
        }
        unsigned check = breaks_decoded(cpu, insn, f->linear + pos, cpu->rip + pos, f->host + pos);
        if (unlikely(check != 0)) {
            if (n > 0) {
                break;
            }
            breaks_insert(insn++, check);
            count++;
        }
        pos += insn->len;
        count++;
        n++;
        end = ends_trace(insn, row, cpu->mode);
    }
    if (n == 0) {
        return NULL;
    }
    op_fuse(trace->insn, count);
    trace_commit(cache, trace, f, f->mode, count, n, pos);
    page_add(cache, trace);
    return trace;
}

/* The bytes from f on, of this page and the next: as many as there may be in an instruction. */
static unsigned fetch_across(struct cpu *cpu, const struct fetch *f, uint8_t bytes[INSN_BYTES])
{
    struct ram *ram;
    uint64_t ram_offset, next = f->linear + f->page_left;
    bool writable;
    unsigned here = MIN(f->page_left, MIN(f->limit_left, INSN_BYTES));
    unsigned there = MIN(f->limit_left - here, INSN_BYTES - here);
    memcpy(bytes, f->host, here);
    if (there != 0) {
        if (!(cpu->mode & MODE_CODE64)) {
            next = (uint32_t)next;
        }
        memcpy(bytes + here, tlb_exec_page(cpu, next, &ram, &ram_offset, &writable), there);
    }
    return here + there;
}

/* Finds or makes the trace of an instruction that crosses the page or the limit. */
static struct trace *trace_cross(struct cpu *cpu, const struct fetch *f)
{
    struct trace_cache *cache = cpu->traces;
    uint32_t mode = f->mode | MODE_CROSS;
    uint8_t bytes[INSN_BYTES];
    bool more;
    unsigned avail = fetch_across(cpu, f, bytes);
    struct trace *trace = hash_find(cache, (uintptr_t)f->host, mode);
    if (trace != NULL) {
        if (trace->bytes <= avail && memcmp(cross_bytes(trace), bytes, trace->bytes) == 0) {
            return trace;
        }
        hash_remove(cache, trace);
        trace_kill(trace);
    }
    trace = trace_alloc(cache);
    trace->insn[0].off = trace->insn[0].n = 0;
    decode_insn_indexed(cache->index, &trace->insn[0], bytes, avail, cpu->mode, cpu->cpuid, &more);
    if (more) {
        cpu_fault(cpu, NULL, EXC_GP, 0);
    }
    unsigned length = trace->insn[0].len;
    unsigned check = breaks_decoded(cpu, &trace->insn[0], f->linear, cpu->rip, bytes);
    if (check != 0) {
        breaks_insert(&trace->insn[0], check);
    }
    trace_commit(cache, trace, f, mode, check != 0 ? 2 : 1, 1, length);
    memcpy(cross_bytes(trace), bytes, trace->bytes);
    return trace;
}

/* Translates cpu->rip, with the checks of CS. SDM volume 3, 5.3; RIP wraps at 32 bits outside 64-bit mode. */
static struct fetch fetch_begin(struct cpu *cpu)
{
    struct fetch f = { .mode = cpu->mode, .limit_left = UINT64_MAX };
    bool writable;
    if (cpu->mode & MODE_CODE64) {
        f.linear = cpu->rip;
        if ((uint64_t)((int64_t)(f.linear << 16) >> 16) != f.linear) {
            cpu_fault(cpu, NULL, EXC_GP, 0);
        }
    } else {
        cpu->rip = (uint32_t)cpu->rip;
        f.linear = (uint32_t)(cpu->s.seg[CS].base + cpu->rip);
        if (cpu->rip > cpu->s.seg[CS].limit) {
            cpu_fault(cpu, NULL, EXC_GP, 0);
        }
        if (cpu->s.seg[CS].limit != UINT32_MAX) {
            f.limit_left = cpu->s.seg[CS].limit - cpu->rip + 1;
        }
    }
    f.page_left = RAM_PAGE_SIZE - (f.linear & PAGE_MASK);
    if (f.limit_left < f.page_left) {
        f.mode |= MODE_CUT;
    }
    f.host = tlb_exec_page(cpu, f.linear, &f.ram, &f.ram_offset, &writable) + (f.linear & PAGE_MASK);
    return f;
}

struct trace *trace_find(struct cpu *cpu)
{
    struct fetch f = fetch_begin(cpu);
    struct trace *trace = hash_find(cpu->traces, (uintptr_t)f.host, f.mode);
    if (trace != NULL && trace->bytes <= f.limit_left) {
        return trace;
    }
    if (trace != NULL) {
        return trace_cross(cpu, &f);
    }
    if (f.page_left < INSN_BYTES || f.limit_left < INSN_BYTES) {
        trace = hash_find(cpu->traces, (uintptr_t)f.host, f.mode | MODE_CROSS);
        if (trace != NULL) {
            return trace_cross(cpu, &f);
        }
    }
    trace = trace_build(cpu, &f);
    return trace != NULL ? trace : trace_cross(cpu, &f);
}

/* ---- ways from trace to trace ---- */

static inline __attribute__((always_inline)) void trace_enter(struct cpu *cpu, struct trace *trace,
                                                              uint64_t rip)
{
    cpu->gpr[REG_RIP0] = rip;
    cpu->trace = trace;
    return trace->insn[0].fn(cpu, trace->insn);
}

static inline bool must_leave(const struct cpu *cpu)
{
    return cpu->budget < 0 || __atomic_load_n(&cpu->attention, __ATOMIC_RELAXED) != 0 || !TRACE_CHAIN;
}

static __attribute__((noinline)) void jump_slow(struct cpu *cpu, uint64_t rip)
{
    cpu->rip = rip;
    struct trace *trace = trace_find(cpu);
    return trace_enter(cpu, trace, cpu->rip);
}

/* Finds the trace at rip and tells whether it may be linked to the running one: both must always stand in the
 * same distance in the same page. */
static struct trace *find_next(struct cpu *cpu, uint64_t rip, bool *linkable)
{
    const struct trace *from = cpu->trace;
    uint64_t from_rip = cpu->gpr[REG_RIP0], generation = cpu->traces->generation;
    cpu->rip = rip;
    struct trace *trace = trace_find(cpu);
    *linkable = cpu->traces->generation == generation && trace->mode == from->mode &&
                !(trace->mode & (MODE_CUT | MODE_CROSS)) && ((trace->key ^ from->key) & ~PAGE_MASK) == 0 &&
                trace->key - from->key == cpu->rip - from_rip;
    return trace;
}

static __attribute__((noinline)) struct trace *find_branch(struct cpu *cpu, const struct insn *insn,
                                                           uint64_t rip)
{
    bool linkable;
    struct trace *trace = find_next(cpu, rip, &linkable);
    if (linkable) {
        ((struct insn *)insn)->disp = (uint8_t *)trace - cpu->traces->pool;
    }
    return trace;
}

static __attribute__((noinline)) struct trace *find_behind(struct cpu *cpu, uint64_t rip)
{
    bool linkable;
    struct trace *from = cpu->trace, *trace = find_next(cpu, rip, &linkable);
    if (linkable) {
        from->next = trace;
    }
    return trace;
}

/* The jump proper, after accounting. */
static inline __attribute__((always_inline)) void jump(struct cpu *cpu, uint64_t rip)
{
    uint64_t linear = cpu->exec_base + rip;
    const struct tlb_entry *entry = &cpu->tlb_exec[linear >> 12 & (TLB_SIZE - 1)];
    if (unlikely(entry->exec_tag != (linear & ~PAGE_MASK) || rip > cpu->exec_limit)) {
        return jump_slow(cpu, rip);
    }
    uintptr_t key = linear + entry->addend;
    struct trace *trace = cpu->traces->bucket[bucket_of(key)];
    if (unlikely(trace->key != key || trace->mode != cpu->mode)) {
        return jump_slow(cpu, rip);
    }
    return trace_enter(cpu, trace, rip);
}

/* Whether a link to rip cannot be: it is in another page than the running trace. */
static inline bool leaves_page(const struct cpu *cpu, uint64_t rip)
{
    return (((cpu->exec_base + rip) ^ (cpu->exec_base + cpu->gpr[REG_RIP0])) & ~PAGE_MASK) != 0;
}

static __attribute__((noinline)) void branch_slow(struct cpu *cpu, const struct insn *insn, uint64_t rip)
{
    if (leaves_page(cpu, rip)) {
        return jump(cpu, rip);
    }
    struct trace *trace = find_branch(cpu, insn, rip);
    return trace_enter(cpu, trace, cpu->rip);
}

static __attribute__((noinline)) void end_slow(struct cpu *cpu, uint64_t rip)
{
    if (leaves_page(cpu, rip)) {
        return jump(cpu, rip);
    }
    struct trace *trace = find_behind(cpu, rip);
    return trace_enter(cpu, trace, cpu->rip);
}

void trace_leave(struct cpu *cpu, const struct insn *insn, uint64_t rip)
{
    cpu->budget -= insn->n + 1;
    cpu->rip = rip;
}

void trace_jump(struct cpu *cpu, const struct insn *insn, uint64_t rip)
{
    cpu->budget -= insn->n + 1;
    if (unlikely(must_leave(cpu))) {
        cpu->rip = rip;
        return;
    }
    return jump(cpu, rip);
}

void trace_branch(struct cpu *cpu, const struct insn *insn, uint64_t rip)
{
    cpu->budget -= insn->n + 1;
    if (unlikely(must_leave(cpu))) {
        cpu->rip = rip;
        return;
    }
    /* Offset 0 is the trace `none`, whose key is 0. */
    struct trace *next = (struct trace *)(cpu->traces->pool + insn->disp);
    if (unlikely(next->key == 0)) {
        return branch_slow(cpu, insn, rip);
    }
    return trace_enter(cpu, next, rip);
}

/* The record after the last instruction. */
static void op_trace_end(struct cpu *cpu, const struct insn *insn)
{
    struct trace *next = cpu->trace->next;
    uint64_t rip = insn_rip(cpu, insn);
    cpu->budget -= insn->n;
    if (unlikely(must_leave(cpu))) {
        cpu->rip = rip;
        return;
    }
    if (unlikely(next == NULL || next->key == 0)) {
        return end_slow(cpu, rip);
    }
    return trace_enter(cpu, next, rip);
}

/* Where a record was whose trace was dropped. */
static void op_stale(struct cpu *cpu, const struct insn *insn)
{
    cpu->budget -= insn->n;
    cpu->rip = insn_rip(cpu, insn);
}
