/*
 * The page walk: Intel SDM volume 3, chapter 4. No paging, 32-bit paging with PSE and PSE-36, PAE paging with
 * the PDPTEs in registers, 4-level paging with 2 MiB and 1 GiB pages.
 *
 * A and D bits are set only when the whole translation succeeds; the manual allows A bits of upper levels to be
 * set earlier. Not modelled: protection keys, 5-level paging, memory types.
 */
#include "accel/interp/tlb.h"
#include "core/ram.h"

#define LEVELS 4
#define PHYS_FIELD 0x000ffffffffff000ull

struct walk_step {
    uint64_t address; /* of the entry */
    uint64_t entry;
};

struct walk_state {
    struct walk_step step[LEVELS];
    unsigned steps;
    unsigned entry_size; /* 4 or 8 bytes */
    uint64_t reserved;   /* of every entry */
    bool rw, us, nx;     /* combined rights so far */
    uint64_t page_mask;  /* offset bits of the page found */
    uint64_t page_base;
};

static uint64_t entry_read(struct cpu *cpu, uint64_t address, unsigned size, bool probe, bool *ok)
{
    struct memory_page page = memory_find(cpu->memory, address);
    *ok = true;
    if (page.host != NULL) {
        const uint8_t *p = page.host + (address & 0xfff);
        return size == 8 ? __atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED)
                         : __atomic_load_n((const uint32_t *)p, __ATOMIC_RELAXED);
    }
    if (probe) { /* the debugger must not touch devices */
        *ok = false;
        return 0;
    }
    return phys_read(cpu, address, size);
}

static void entry_set_bits(struct cpu *cpu, const struct walk_step *step, unsigned size, uint32_t bits)
{
    if ((step->entry & bits) == bits) {
        return;
    }
    struct memory_page page = memory_find(cpu->memory, step->address);
    if (page.kind == MEMORY_RAM) {
        /* The bits are in the low doubleword of both formats. */
        uint32_t *p = (uint32_t *)(page.host + (step->address & 0xfff));
        __atomic_fetch_or(p, bits, __ATOMIC_SEQ_CST);
        memory_stored(cpu->memory, &page, step->address & 0xfff, size);
    } else {
        phys_write(cpu, step->address, step->entry | bits, size);
    }
}

/* Takes one more entry: reads it, checks present and reserved bits, combines rights. */
static bool walk_entry(struct cpu *cpu, struct walk_state *w, uint64_t address, uint64_t reserved, bool probe,
                       uint32_t *error)
{
    bool ok;
    struct walk_step *step = &w->step[w->steps++];
    step->address = address & cpu->a20_mask;
    step->entry = entry_read(cpu, step->address, w->entry_size, probe, &ok);
    if (!ok || (step->entry & PTE_P) == 0) {
        *error = 0;
        return false;
    }
    if ((step->entry & (w->reserved | reserved)) != 0) {
        *error = PF_P | PF_RSVD;
        return false;
    }
    w->rw = w->rw && (step->entry & PTE_RW) != 0;
    w->us = w->us && (step->entry & PTE_US) != 0;
    w->nx = w->nx || (w->entry_size == 8 && (step->entry & PTE_NX) != 0);
    return true;
}

/* The entry just taken ends the walk. */
static bool walk_leaf(struct walk_state *w, uint64_t page_base, unsigned page_bits)
{
    w->page_mask = (1ull << page_bits) - 1;
    w->page_base = page_base & ~w->page_mask;
    return true;
}

static bool walk_32(struct cpu *cpu, uint64_t linear, struct walk_state *w, bool probe, uint32_t *error)
{
    w->entry_size = 4;
    w->reserved = 0;
    if (!walk_entry(cpu, w, (cpu->s.cr3 & 0xfffff000u) + (linear >> 22 & 0x3ff) * 4, 0, probe, error)) {
        return false;
    }
    uint64_t pde = w->step[0].entry;
    if ((pde & PTE_PS) != 0 && (cpu->s.cr4 & CR4_PSE) != 0) {
        uint64_t high = (pde >> 13 & 0xff) << 32; /* PSE-36: address bits 32-39 */
        bool pse36 = x86_has(cpu->cpuid, X86_PSE36);
        if ((pde & (1u << 21)) != 0 || (high & ~cpu->phys_mask) != 0 || (high != 0 && !pse36)) {
            *error = PF_P | PF_RSVD;
            return false;
        }
        return walk_leaf(w, (pde & 0xffc00000u) | high, 22);
    }
    return walk_entry(cpu, w, (pde & 0xfffff000u) + (linear >> 12 & 0x3ff) * 4, 0, probe, error) &&
           walk_leaf(w, w->step[1].entry & 0xfffff000u, 12);
}

/* Page directory and page table of the 8-byte formats. */
static bool walk_lower(struct cpu *cpu, uint64_t linear, struct walk_state *w, uint64_t directory, bool probe,
                       uint32_t *error)
{
    directory &= PHYS_FIELD;
    if (!walk_entry(cpu, w, directory + (linear >> 21 & 0x1ff) * 8, 0, probe, error)) {
        return false;
    }
    uint64_t pde = w->step[w->steps - 1].entry;
    if ((pde & PTE_PS) != 0) {
        if ((pde & 0x1fe000) != 0) {
            *error = PF_P | PF_RSVD;
            return false;
        }
        return walk_leaf(w, pde & PHYS_FIELD, 21);
    }
    return walk_entry(cpu, w, (pde & PHYS_FIELD) + (linear >> 12 & 0x1ff) * 8, 0, probe, error) &&
           walk_leaf(w, w->step[w->steps - 1].entry & PHYS_FIELD, 12);
}

static bool walk_pae(struct cpu *cpu, uint64_t linear, struct walk_state *w, bool probe, uint32_t *error)
{
    uint64_t pdpte = cpu->s.pdpte[linear >> 30 & 3];
    if ((pdpte & PTE_P) == 0) {
        *error = 0;
        return false;
    }
    w->reserved |= 0x7ff0000000000000ull;
    return walk_lower(cpu, linear, w, pdpte, probe, error);
}

static bool walk_long(struct cpu *cpu, uint64_t linear, struct walk_state *w, bool probe, uint32_t *error)
{
    uint64_t pml4 = cpu->s.cr3 & PHYS_FIELD;
    if (!walk_entry(cpu, w, pml4 + (linear >> 39 & 0x1ff) * 8, PTE_PS, probe, error)) {
        return false;
    }
    bool has_1g = x86_has(cpu->cpuid, X86_PDPE1GB);
    uint64_t pdpt = w->step[0].entry & PHYS_FIELD;
    if (!walk_entry(cpu, w, pdpt + (linear >> 30 & 0x1ff) * 8, has_1g ? 0 : PTE_PS, probe, error)) {
        return false;
    }
    uint64_t pdpte = w->step[1].entry;
    if ((pdpte & PTE_PS) != 0) {
        if ((pdpte & 0x3fffe000) != 0) {
            *error = PF_P | PF_RSVD;
            return false;
        }
        return walk_leaf(w, pdpte & PHYS_FIELD, 30);
    }
    return walk_lower(cpu, linear, w, pdpte, probe, error);
}

static bool walk(struct cpu *cpu, uint64_t linear, struct walk_state *w, bool probe, uint32_t *error)
{
    w->steps = 0;
    w->rw = w->us = true;
    w->nx = false;
    if ((cpu->s.cr4 & CR4_PAE) == 0) {
        return walk_32(cpu, linear, w, probe, error);
    }
    w->entry_size = 8;
    w->reserved = PHYS_FIELD & ~cpu->phys_mask;
    if ((cpu->s.msr.efer & EFER_NXE) == 0) {
        w->reserved |= PTE_NX;
    }
    return (cpu->s.msr.efer & EFER_LMA) != 0 ? walk_long(cpu, linear, w, probe, error)
                                             : walk_pae(cpu, linear, w, probe, error);
}

static void walk_rights(const struct cpu *cpu, const struct walk_state *w, enum tlb_bank bank,
                        struct page_walk *out)
{
    bool user = bank == TLB_USER;
    bool smap = !user && w->us && (cpu->s.cr4 & CR4_SMAP) != 0 && bank != TLB_SUPERVISOR_NO_SMAP;
    bool smep = !user && w->us && (cpu->s.cr4 & CR4_SMEP) != 0;
    bool reachable = w->us || !user;
    out->readable = reachable && !smap;
    out->writable = out->readable && (w->rw || (!user && (cpu->s.cr0 & CR0_WP) == 0));
    out->executable = reachable && !smep && !w->nx;
}

bool pagewalk(struct cpu *cpu, uint64_t linear, enum access_kind kind, enum tlb_bank bank,
              struct page_walk *out, uint32_t *error)
{
    if ((cpu->s.cr0 & CR0_PG) == 0) {
        *out = (struct page_walk){ .phys = linear & cpu->a20_mask, .readable = true, .writable = true,
                                   .dirty = true, .executable = true };
        return true;
    }
    struct walk_state w;
    bool ok = walk(cpu, linear, &w, false, error);
    if (ok) {
        walk_rights(cpu, &w, bank, out);
        ok = kind == ACCESS_READ ? out->readable : kind == ACCESS_WRITE ? out->writable : out->executable;
        *error = PF_P;
    }
    if (!ok) {
        bool nx_or_smep = ((cpu->s.msr.efer & EFER_NXE) != 0 && (cpu->s.cr4 & CR4_PAE) != 0) ||
                          (cpu->s.cr4 & CR4_SMEP) != 0;
        *error |= (kind == ACCESS_WRITE ? PF_W : 0) | (bank == TLB_USER ? PF_U : 0) |
                  (kind == ACCESS_EXEC && nx_or_smep ? PF_I : 0);
        return false;
    }
    const struct walk_step *leaf = &w.step[w.steps - 1];
    for (unsigned i = 0; i + 1 < w.steps; i++) {
        entry_set_bits(cpu, &w.step[i], w.entry_size, PTE_A);
    }
    entry_set_bits(cpu, leaf, w.entry_size, kind == ACCESS_WRITE ? PTE_A | PTE_D : PTE_A);
    out->dirty = kind == ACCESS_WRITE || (leaf->entry & PTE_D) != 0;
    out->global = (leaf->entry & PTE_G) != 0 && (cpu->s.cr4 & CR4_PGE) != 0;
    out->large = w.page_mask > 0xfff;
    out->phys = (w.page_base | (linear & w.page_mask)) & cpu->a20_mask;
    return true;
}

bool pagewalk_probe(struct cpu *cpu, uint64_t linear, uint64_t *phys)
{
    struct walk_state w;
    uint32_t error;
    if ((cpu->s.cr0 & CR0_PG) == 0) {
        *phys = (uint32_t)linear & cpu->a20_mask;
        return true;
    }
    if ((cpu->s.msr.efer & EFER_LMA) == 0) {
        linear = (uint32_t)linear;
    } else if ((uint64_t)((int64_t)(linear << 16) >> 16) != linear) {
        return false;
    }
    if (!walk(cpu, linear, &w, true, &error)) {
        return false;
    }
    *phys = (w.page_base | (linear & w.page_mask)) & cpu->a20_mask;
    return true;
}

bool pagewalk_load_pdptes(struct cpu *cpu, uint64_t cr3, uint64_t pdpte[4])
{
    uint64_t reserved = ~cpu->phys_mask | 0x1e6; /* SDM table 4-8: bits 1-2, 5-8 */
    for (unsigned i = 0; i < 4; i++) {
        bool ok;
        pdpte[i] = entry_read(cpu, ((cr3 & 0xffffffe0u) + i * 8) & cpu->a20_mask, 8, false, &ok);
        if ((pdpte[i] & PTE_P) != 0 && (pdpte[i] & reserved) != 0) {
            return false;
        }
    }
    return true;
}
