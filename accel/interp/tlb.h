/*
 * The software TLB: filling, flushing, look-up for code, and the page walk behind it.
 *
 * There are three banks of translations, by the rights with which they were made: supervisor, user, and
 * supervisor while EFLAGS.AC lifts SMAP. A tag that is a bare page address lets the inline path of access.h
 * through; with TLB_SLOW added the page is translated but every access has to pass the slow path: devices; for
 * writes also ROM, pages with decoded code, and pages whose dirty state is logged and clean.
 */
#ifndef ACCEL_INTERP_TLB_H
#define ACCEL_INTERP_TLB_H

#include "accel/interp/access.h"
#include "accel/interp/cpu.h"
#include "accel/interp/memory.h"

/* Makes every entry invalid, whatever the memory held: once for a new CPU. */
void tlb_init(struct cpu *cpu);
/* Drops every translation; global ones too if global. */
void tlb_flush(struct cpu *cpu, bool global);
/* INVLPG: drops the page, and if it may lie in a large page all of that. */
void tlb_flush_page(struct cpu *cpu, uint64_t linear);
/* Serves CPU_ATTENTION_TLB: flushes, and marks logged pages dirty that could have been stored to unseen. */
void tlb_flush_dirty(struct cpu *cpu);

/* Translates for an access with the rights of a bank; raises #PF. Returns the entry, whose tag for `kind` then is
 * the page address, with or without TLB_SLOW; the physical address is in *phys (of the byte). */
struct tlb_entry *tlb_translate(struct cpu *cpu, const struct insn *insn, uint64_t linear,
                                enum access_kind kind, enum tlb_bank bank, uint64_t *phys);
/* After a slow write: if nothing stands against it any more, lets writes to this page be fast. */
void tlb_relax(struct tlb_entry *entry, uint64_t linear, const struct memory_page *page);

/* Host address of the start of the code page that contains linear, with the block and offset behind it, for
 * fetching at the present CPL. writable: it is RAM, so stores may change it. Raises #PF with the fetch bit.
 * Where there is no memory, a page of ones. */
const uint8_t *tlb_exec_page(struct cpu *cpu, uint64_t linear, struct ram **ram, uint64_t *ram_offset,
                             bool *writable_ram);

/* Called when the page at offset of ram has just been flagged RAM_CODE: from now on stores to it take the slow
 * path on every CPU. */
void tlb_protect_code(struct cpu *cpu, struct ram *ram, uint64_t ram_offset);

/* Bank of data accesses at privilege level cpl. */
static inline enum tlb_bank tlb_bank_of(const struct cpu *cpu, unsigned cpl)
{
    return cpl == 3                                                          ? TLB_USER
           : (cpu->eflags & FLAG_AC) != 0 && (cpu->s.cr4 & CR4_SMAP) != 0 ? TLB_SUPERVISOR_NO_SMAP
                                                                              : TLB_SUPERVISOR;
}

/* ---- the page walk (pagewalk.c; SDM volume 3 chapter 4) ---- */

#define PTE_P (1u << 0)
#define PTE_RW (1u << 1)
#define PTE_US (1u << 2)
#define PTE_A (1u << 5)
#define PTE_D (1u << 6)
#define PTE_PS (1u << 7)
#define PTE_G (1u << 8)
#define PTE_NX (1ull << 63)

/* Page fault error code */
#define PF_P (1u << 0)
#define PF_W (1u << 1)
#define PF_U (1u << 2)
#define PF_RSVD (1u << 3)
#define PF_I (1u << 4)

struct page_walk {
    uint64_t phys;  /* of the byte, A20 applied */
    bool readable;
    bool writable;  /* a write with the same rights is allowed */
    bool dirty;     /* and the D bit is already set (or there is no paging) */
    bool executable;
    bool global, large;
};

/* Walks for an access with a bank's rights, sets A and D bits. False if it faults, with the error code. */
bool pagewalk(struct cpu *cpu, uint64_t linear, enum access_kind kind, enum tlb_bank bank,
              struct page_walk *walk, uint32_t *error);
/* For the debugger: no checks of rights, no side effects. False if not mapped. Parked or VCPU thread. */
bool pagewalk_probe(struct cpu *cpu, uint64_t linear, uint64_t *phys);
/* PAE: reads the four PDPTEs at cr3 into pdpte. False if a present one has reserved bits set. */
bool pagewalk_load_pdptes(struct cpu *cpu, uint64_t cr3, uint64_t pdpte[4]);

#endif
