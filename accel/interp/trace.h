/*
 * The trace cache: finding, building, linking and invalidating traces, and the ways a handler leaves one.
 */
#ifndef ACCEL_INTERP_TRACE_H
#define ACCEL_INTERP_TRACE_H

#include "accel/interp/cpu.h"

struct trace_cache *trace_cache_create(void);
void trace_cache_destroy(struct trace_cache *cache);
/* Drops everything. */
void trace_cache_flush(struct trace_cache *cache);

/* Finds or decodes the trace at cpu->rip in cpu->mode. Fetch faults are raised from here (longjmp). */
struct trace *trace_find(struct cpu *cpu);

/* Bytes [offset, offset + size) of a block, in a page flagged RAM_CODE were or will be changed: drops traces whose code
 * overlaps (found by 64-byte line, so that data beside code costs little). The handlers of a dropped trace
 * are replaced by one that leaves the trace, so a running trace ends after the present instruction. */
void trace_invalidate(struct trace_cache *cache, struct ram *ram, uint64_t offset, uint64_t size);

/* True if a store to these bytes of RAM, which lie in one page, needs nothing but the store: there is code in the page,
 * but not in these lines, and the page is not to be logged dirty. */
bool trace_spares(struct trace_cache *cache, const void *host, unsigned size);

/* ---- ways out of a trace, each the last statement of a handler: `return trace_...(...)` ---- */

/* Leaves for the run loop, which looks at attention, clocks and mode: after anything that changed mode or may
 * have made an event due. rip = where to go on. The instruction counts as retired. */
void trace_leave(struct cpu *cpu, const struct insn *insn, uint64_t rip);
/* Jumps to rip in the same mode: inline look-up, stays inside if nothing wants attention. */
void trace_jump(struct cpu *cpu, const struct insn *insn, uint64_t rip);
/* As trace_jump for a direct branch to rip, which lies at insn->imm from the trace's start (no wrap-around):
 * keeps the target's trace in the record if it lies in the same page. */
void trace_branch(struct cpu *cpu, const struct insn *insn, uint64_t rip);

#endif
