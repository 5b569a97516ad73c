/*
 * Guest memory as handlers see it: segment:offset, with limit checks, paging, devices and code pages behind an
 * inline fast path. Every function may leave by longjmp (fault), in which case nothing was changed.
 *
 * Names: mem_read32(cpu, insn, seg, ea); ea is the offset in the segment. Sizes 8, 16, 32, 64; larger ones by
 * mem_read_bytes (any size to 64, e.g. 10 for x87, 16/32 for SSE/AVX; alignment checks are the caller's).
 * Read-modify-write: v = mem_rmw_read32(..), then mem_rmw_write32(cpu, insn, v): the read half translates for
 * write first. cpu->rmw.host is the address for host atomics if not NULL.
 */
#ifndef ACCEL_INTERP_ACCESS_H
#define ACCEL_INTERP_ACCESS_H

#include <string.h>

#include "accel/interp/cpu.h"

enum access_kind { ACCESS_READ, ACCESS_WRITE, ACCESS_EXEC };

/* Slow paths (access.c): full checks, any alignment, devices. Value in the low bytes. */
uint64_t mem_read_slow(struct cpu *cpu, const struct insn *insn, unsigned seg, uint64_t ea, unsigned size)
    __attribute__((cold, noinline));
void mem_write_slow(struct cpu *cpu, const struct insn *insn, unsigned seg, uint64_t ea, uint64_t value,
                    unsigned size) __attribute__((cold, noinline));
uint64_t mem_rmw_slow(struct cpu *cpu, const struct insn *insn, unsigned seg, uint64_t ea, unsigned size)
    __attribute__((cold, noinline));
void mem_rmw_finish_slow(struct cpu *cpu, const struct insn *insn, uint64_t value)
    __attribute__((cold, noinline));

/* Any length up to 64 bytes; a write checks both pages before it stores the first byte. */
void mem_read_bytes(struct cpu *cpu, const struct insn *insn, unsigned seg, uint64_t ea, void *data,
                    unsigned size);
void mem_write_bytes(struct cpu *cpu, const struct insn *insn, unsigned seg, uint64_t ea, const void *data,
                     unsigned size);
/* Raises what a write of size bytes there would raise, without writing. */
void mem_probe_write(struct cpu *cpu, const struct insn *insn, unsigned seg, uint64_t ea, unsigned size);
void mem_probe_read(struct cpu *cpu, const struct insn *insn, unsigned seg, uint64_t ea, unsigned size);

/* Host pointer for [linear, end of page) for reading or writing plain RAM without code, or NULL if it must be
 * done piecewise (device, code page, dirty log). For REP. May fault. seg/ea are checked for `size` bytes. */
void *mem_page_pointer(struct cpu *cpu, const struct insn *insn, unsigned seg, uint64_t ea, uint64_t size,
                       enum access_kind kind);

/* Implicit supervisor accesses by linear address (descriptor tables, TSS, IDT): paging only, no segment. */
uint64_t lin_read_system(struct cpu *cpu, const struct insn *insn, uint64_t linear, unsigned size);
void lin_write_system(struct cpu *cpu, const struct insn *insn, uint64_t linear, uint64_t value,
                      unsigned size);

/* Guest physical memory, through the bus (page tables, debugger); 1, 2, 4, 8 bytes. */
uint64_t phys_read(struct cpu *cpu, uint64_t phys, unsigned size);
void phys_write(struct cpu *cpu, uint64_t phys, uint64_t value, unsigned size);

static inline struct tlb_entry *tlb_slot(struct cpu *cpu, uint64_t linear)
{
    return &cpu->tlb[linear >> 12 & (TLB_SIZE - 1)];
}

/* Host address if the access is inside the limit and hits the TLB without crossing the page, else NULL. The
 * tag of the page of the access's last byte is compared, so crossing the page misses. */
static inline void *mem_fast(struct cpu *cpu, unsigned seg, uint64_t ea, unsigned size, bool write)
{
    const struct seg_fast *f = &cpu->segf[seg];
    uint64_t linear = f->base + ea;
    const struct tlb_entry *e = tlb_slot(cpu, linear);
    uint64_t tag = write ? e->write_tag : e->read_tag;
    if (likely(ea + (size - 1) <= (write ? f->write_limit : f->read_limit) &&
               tag == ((linear + (size - 1)) & ~0xfffull))) {
        return (void *)(linear + e->addend);
    }
    return NULL;
}

#define MEM_ACCESSORS(bits, type)                                                                      \
    static inline type mem_read##bits(struct cpu *cpu, const struct insn *insn, unsigned seg,          \
                                      uint64_t ea)                                                     \
    {                                                                                                  \
        const void *p = mem_fast(cpu, seg, ea, sizeof(type), false);                                   \
        if (likely(p != NULL)) {                                                                       \
            type v;                                                                                    \
            memcpy(&v, p, sizeof(v));                                                                  \
            return v;                                                                                  \
        }                                                                                              \
        return (type)mem_read_slow(cpu, insn, seg, ea, sizeof(type));                                  \
    }                                                                                                  \
    static inline void mem_write##bits(struct cpu *cpu, const struct insn *insn, unsigned seg,         \
                                       uint64_t ea, type v)                                            \
    {                                                                                                  \
        void *p = mem_fast(cpu, seg, ea, sizeof(type), true);                                          \
        if (likely(p != NULL)) {                                                                       \
            memcpy(p, &v, sizeof(v));                                                                  \
        } else {                                                                                       \
            mem_write_slow(cpu, insn, seg, ea, v, sizeof(type));                                       \
        }                                                                                              \
    }                                                                                                  \
    static inline type mem_rmw_read##bits(struct cpu *cpu, const struct insn *insn, unsigned seg,      \
                                          uint64_t ea)                                                 \
    {                                                                                                  \
        void *p = mem_fast(cpu, seg, ea, sizeof(type), true);                                          \
        cpu->rmw.host = p;                                                                             \
        if (likely(p != NULL)) {                                                                       \
            type v;                                                                                    \
            memcpy(&v, p, sizeof(v));                                                                  \
            return v;                                                                                  \
        }                                                                                              \
        return (type)mem_rmw_slow(cpu, insn, seg, ea, sizeof(type));                                   \
    }                                                                                                  \
    static inline void mem_rmw_write##bits(struct cpu *cpu, const struct insn *insn, type v)           \
    {                                                                                                  \
        if (likely(cpu->rmw.host != NULL)) {                                                           \
            memcpy(cpu->rmw.host, &v, sizeof(v));                                                      \
        } else {                                                                                       \
            mem_rmw_finish_slow(cpu, insn, v);                                                         \
        }                                                                                              \
    }
MEM_ACCESSORS(8, uint8_t)
MEM_ACCESSORS(16, uint16_t)
MEM_ACCESSORS(32, uint32_t)
MEM_ACCESSORS(64, uint64_t)

#endif
