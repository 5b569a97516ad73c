/*
 * Building traces, and running them one after the other. Where they are kept: trace_cache.c.
 *
 * An instruction that crosses a page is a trace of its own (MODE_CROSS): its second half may change its
 * translation at any time, so its bytes are fetched and compared at each use, and it is never linked. A page
 * that ends beyond the limit of CS (MODE_CUT) also has traces apart, which are checked at each use.
 */
#include <string.h>

#include "accel/interp/logging.h"
#include "accel/interp/breaks.h"
#include "accel/interp/decode.h"
#include "accel/interp/fused.h"
#include "accel/interp/tlb.h"
#include "accel/interp/trace_impl.h"
#include "core/ram.h"

#define INSN_BYTES 15

/* Handlers chain by tail calls only where the compiler makes them; else each trace returns to the run loop. */
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define TRACE_CHAIN 1
#else
#define TRACE_CHAIN 0
#endif

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

/* Sets what describes a trace of `count` records and `n` instructions, and its last record. */
static void trace_describe(struct trace *trace, const struct fetch *f, uint32_t mode, unsigned count, unsigned n,
                           unsigned bytes)
{
    trace->key = (uintptr_t)f->host;
    trace->mode = mode;
    trace->bytes = bytes;
    trace->count = count;
    trace->insn[count] = (struct insn){ .fn = op_trace_end, .off = bytes, .n = n };
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
    struct code_page *page = trace_page(cpu, f->ram, f->ram_offset);
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
    if (unlikely(logging(cpu, LOG_IN_ASM))) {
        logging_decoded(cpu, f->linear, f->host, pos);
    }
    op_fuse(trace->insn, count);
    trace_describe(trace, f, f->mode, count, n, pos);
    return trace_commit(cache, trace, page);
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
    struct trace *trace = trace_lookup(cache, (uintptr_t)f->host, mode);
    if (trace != NULL) {
        if (trace->bytes <= avail && memcmp(trace_cross_bytes(trace), bytes, trace->bytes) == 0) {
            return trace;
        }
        trace_drop(cache, trace);
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
    trace_describe(trace, f, mode, check != 0 ? 2 : 1, 1, length);
    memcpy(trace_cross_bytes(trace), bytes, trace->bytes);
    return trace_commit(cache, trace, NULL);
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

/* The trace at rip, if its translation is at hand and it is the first of its bucket. Such a trace needs no check. */
static inline __attribute__((always_inline)) struct trace *probe(struct cpu *cpu, uint64_t rip)
{
    uint64_t linear = cpu->exec_base + rip;
    const struct tlb_entry *entry = &cpu->tlb_exec[linear >> 12 & (TLB_SIZE - 1)];
    if (unlikely(entry->exec_tag != (linear & ~PAGE_MASK) || rip > cpu->exec_limit)) {
        return NULL;
    }
    uintptr_t key = linear + entry->addend;
    struct trace *trace = cpu->traces->bucket[trace_bucket(key)];
    return likely(trace->key == key && trace->mode == cpu->mode) ? trace : NULL;
}

struct trace *trace_find(struct cpu *cpu)
{
    struct trace *at_hand = probe(cpu, cpu->rip);
    if (likely(at_hand != NULL)) {
        return at_hand;
    }
    struct fetch f = fetch_begin(cpu);
    struct trace *trace = trace_lookup(cpu->traces, (uintptr_t)f.host, f.mode);
    if (trace != NULL && trace->bytes <= f.limit_left) {
        return trace;
    }
    if (trace != NULL) {
        return trace_cross(cpu, &f);
    }
    if (f.page_left < INSN_BYTES || f.limit_left < INSN_BYTES) {
        trace = trace_lookup(cpu->traces, (uintptr_t)f.host, f.mode | MODE_CROSS);
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
    uint64_t from_rip = cpu->gpr[REG_RIP0], drops = cpu->traces->drops;
    bool from_lives = from->key != 0;
    cpu->rip = rip;
    struct trace *trace = trace_find(cpu);
    *linkable = from_lives && cpu->traces->drops == drops && trace->mode == from->mode &&
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
    struct trace *trace = probe(cpu, rip);
    if (unlikely(trace == NULL)) {
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
    blackbox_branch(&cpu->box, rip);
    return jump(cpu, rip);
}

void trace_branch(struct cpu *cpu, const struct insn *insn, uint64_t rip)
{
    cpu->budget -= insn->n + 1;
    if (unlikely(must_leave(cpu))) {
        cpu->rip = rip;
        return;
    }
    blackbox_branch(&cpu->box, rip);
    /* Offset 0 is the trace `none`, whose key is 0. */
    struct trace *next = (struct trace *)(cpu->traces->pool + insn->disp);
    if (unlikely(next->key == 0)) {
        return branch_slow(cpu, insn, rip);
    }
    return trace_enter(cpu, next, rip);
}

/* The record after the last instruction. */
void op_trace_end(struct cpu *cpu, const struct insn *insn)
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
void op_stale(struct cpu *cpu, const struct insn *insn)
{
    cpu->budget -= insn->n;
    cpu->rip = insn_rip(cpu, insn);
}
