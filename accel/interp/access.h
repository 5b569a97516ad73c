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

/* Host pointer for [linear, linear + size) for reading or writing plain RAM without code; NULL if it must be done
 * piecewise (device, code page, dirty log, breakpoints, it leaves the page or the segment). For REP. Raises only
 * the page fault by which the first byte would fault. */
void *mem_page_pointer(struct cpu *cpu, const struct insn *insn, unsigned seg, uint64_t ea, uint64_t size,
                       enum access_kind kind);

/* Implicit supervisor accesses by linear address (descriptor tables, TSS, IDT): paging only, no segment. */
uint64_t lin_read_system(struct cpu *cpu, const struct insn *insn, uint64_t linear, unsigned size);
void lin_write_system(struct cpu *cpu, const struct insn *insn, uint64_t linear, uint64_t value,
                      unsigned size);

/* By linear address in a given bank, i.e. with the rights of a given privilege level: stacks of another level
 * than the present one. 1, 2, 4 or 8 bytes. lin_probe_write raises what a write would raise. */
uint64_t lin_read(struct cpu *cpu, const struct insn *insn, uint64_t linear, unsigned size, enum tlb_bank bank);
void lin_write(struct cpu *cpu, const struct insn *insn, uint64_t linear, uint64_t value, unsigned size,
               enum tlb_bank bank);
void lin_probe_write(struct cpu *cpu, const struct insn *insn, uint64_t linear, unsigned size,
                     enum tlb_bank bank);

/* As lin_write for up to 64 bytes: all or nothing. */
void lin_write_bytes(struct cpu *cpu, const struct insn *insn, uint64_t linear, const void *data, unsigned size,
                     enum tlb_bank bank);

/* Whether a segment (not one of 64-bit mode) lets through an access to [ea, ea + size). */
bool segment_covers(const struct cpu *cpu, const struct x86_segment *s, uint64_t ea, uint64_t size, bool write);

/* The linear address of an access after all segment checks (limit, rights, canonical form). */
uint64_t mem_linear(struct cpu *cpu, const struct insn *insn, unsigned seg, uint64_t ea, uint64_t size,
                    bool write);

/* Guest physical memory, through the bus (page tables, debugger); 1, 2, 4, 8 bytes. The address is taken as
 * it is (no A20). Takes the machine lock for devices unless the caller has it. */
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
    if (likely(ea + (size - 1) < (write ? f->write_end : f->read_end) &&
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
