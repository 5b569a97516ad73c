/*
 * The software TLB; see tlb.h. PCIDs are not used as tags: every change of CR3 flushes, which the manual allows
 * (SDM volume 3, 4.10.4).
 */
#include "accel/interp/tlb.h"

#include "accel/interp/apic.h"
#include "accel/interp/breaks.h"
#include "core/ram.h"

#define LARGEST_PAGE_BITS 30

static void entry_drop(struct tlb_entry *entry)
{
    entry->read_tag = entry->write_tag = entry->exec_tag = TLB_INVALID;
}

void tlb_flush(struct cpu *cpu, bool global)
{
    for (unsigned bank = 0; bank < TLB_BANKS; bank++) {
        for (unsigned word = 0; word < TLB_SIZE / 64; word++) {
            uint64_t gone = cpu->tlb_used[bank][word];
            if (!global) {
                gone &= ~cpu->tlb_global[bank][word];
            }
            cpu->tlb_used[bank][word] &= ~gone;
            while (gone != 0) {
                entry_drop(&cpu->tlb_bank[bank][word * 64 + (unsigned)__builtin_ctzll(gone)]);
                gone &= gone - 1;
            }
        }
    }
}

void tlb_init(struct cpu *cpu)
{
    for (unsigned bank = 0; bank < TLB_BANKS; bank++) {
        for (unsigned i = 0; i < TLB_SIZE; i++) {
            entry_drop(&cpu->tlb_bank[bank][i]);
        }
        for (unsigned word = 0; word < TLB_SIZE / 64; word++) {
            cpu->tlb_used[bank][word] = 0;
        }
    }
}

/* The linear page an entry in use stands for. */
static uint64_t entry_page(const struct tlb_entry *entry)
{
    uint64_t tag = entry->read_tag != TLB_INVALID    ? entry->read_tag
                   : entry->write_tag != TLB_INVALID ? entry->write_tag
                                                     : entry->exec_tag;
    return tag & ~0xfffull;
}

void tlb_flush_page(struct cpu *cpu, uint64_t linear)
{
    unsigned index = linear >> 12 & (TLB_SIZE - 1);
    for (unsigned bank = 0; bank < TLB_BANKS; bank++) {
        struct tlb_entry *entry = &cpu->tlb_bank[bank][index];
        if (entry_page(entry) == (linear & ~0xfffull)) {
            entry_drop(entry);
        }
        for (unsigned word = 0; word < TLB_SIZE / 64; word++) {
            uint64_t large = cpu->tlb_large[bank][word] & cpu->tlb_used[bank][word];
            for (; large != 0; large &= large - 1) {
                entry = &cpu->tlb_bank[bank][word * 64 + (unsigned)__builtin_ctzll(large)];
                if ((entry_page(entry) ^ linear) >> LARGEST_PAGE_BITS == 0) {
                    entry_drop(entry);
                }
            }
        }
    }
}

void tlb_flush_dirty(struct cpu *cpu)
{
    for (unsigned bank = 0; bank < TLB_BANKS; bank++) {
        for (unsigned i = 0; i < TLB_SIZE; i++) {
            const struct tlb_entry *entry = &cpu->tlb_bank[bank][i];
            if ((entry->write_tag & (TLB_SLOW | TLB_INVALID)) != 0) {
                continue;
            }
            struct memory_page page = memory_find(cpu->memory, cpu->tlb_phys[bank][i]);
            if (page.kind == MEMORY_RAM && page.ram->log_dirty) {
                ram_mark_dirty(page.ram, page.ram_offset >> RAM_PAGE_BITS);
            }
        }
    }
    tlb_flush(cpu, true);
}

/* Whether a store to the page has to be seen by somebody. */
static bool write_is_slow(const struct memory_page *page)
{
    if (page->kind != MEMORY_RAM) {
        return true;
    }
    uint8_t flags = __atomic_load_n(&page->ram->flags[page->ram_offset >> RAM_PAGE_BITS], __ATOMIC_RELAXED);
    return (flags & RAM_CODE) != 0 || (page->ram->log_dirty && (flags & RAM_DIRTY) == 0);
}

static void set_bit(uint64_t *bitmap, unsigned i, bool on)
{
    uint64_t bit = 1ull << (i % 64);
    bitmap[i / 64] = on ? bitmap[i / 64] | bit : bitmap[i / 64] & ~bit;
}

static void entry_fill(struct cpu *cpu, struct tlb_entry *entry, enum tlb_bank bank, uint64_t linear,
                       const struct page_walk *walk)
{
    unsigned index = (unsigned)(entry - cpu->tlb_bank[bank]);
    uint64_t tag = linear & ~0xfffull;
    uint64_t phys = walk->phys & ~0xfffull;
    struct memory_page page = apic_memory_find(cpu, phys);

    entry->addend = (uintptr_t)page.host - (uintptr_t)tag;
    entry->read_tag = !walk->readable ? TLB_INVALID : page.host != NULL ? tag : tag | TLB_SLOW;
    entry->write_tag = !walk->writable || !walk->dirty ? TLB_INVALID
                       : write_is_slow(&page)
                           ? tag | TLB_SLOW | (page.kind == MEMORY_RAM ? TLB_BESIDE : 0)
                           : tag;
    entry->exec_tag = !walk->executable ? TLB_INVALID : page.host != NULL ? tag : tag | TLB_SLOW;
    if (unlikely(cpu->breaks != NULL) && breaks_watched(cpu, linear, phys)) {
        entry->read_tag |= entry->read_tag != TLB_INVALID ? TLB_SLOW : 0;
        entry->write_tag |= entry->write_tag != TLB_INVALID ? TLB_SLOW : 0;
        entry->write_tag &= ~(uint64_t)TLB_BESIDE;
    }
    cpu->tlb_phys[bank][index] = phys;
    set_bit(cpu->tlb_used[bank], index, true);
    set_bit(cpu->tlb_global[bank], index, walk->global);
    set_bit(cpu->tlb_large[bank], index, walk->large);
}

struct tlb_entry *tlb_translate(struct cpu *cpu, const struct insn *insn, uint64_t linear,
                                enum access_kind kind, enum tlb_bank bank, uint64_t *phys)
{
    unsigned index = linear >> 12 & (TLB_SIZE - 1);
    struct tlb_entry *entry = &cpu->tlb_bank[bank][index];
    uint64_t tag = kind == ACCESS_READ    ? entry->read_tag
                   : kind == ACCESS_WRITE ? entry->write_tag
                                          : entry->exec_tag;
    if ((tag & ~(uint64_t)(TLB_SLOW | TLB_BESIDE)) != (linear & ~0xfffull)) {
        struct page_walk walk;
        uint32_t error;
        if (!pagewalk(cpu, linear, kind, bank, &walk, &error)) {
            cpu_page_fault(cpu, insn, linear, error);
        }
        entry_fill(cpu, entry, bank, linear, &walk);
    }
    *phys = cpu->tlb_phys[bank][index] | (linear & 0xfff);
    return entry;
}

void tlb_relax(struct tlb_entry *entry, uint64_t linear, const struct memory_page *page)
{
    if (!write_is_slow(page)) {
        entry->write_tag = linear & ~0xfffull;
    }
}

const uint8_t *tlb_exec_page(struct cpu *cpu, uint64_t linear, struct ram **ram, uint64_t *ram_offset,
                             bool *writable_ram)
{
    uint64_t phys;
    enum tlb_bank bank = cpu->cpl == 3 ? TLB_USER : TLB_SUPERVISOR;
    if ((uint64_t)((int64_t)(linear << 16) >> 16) != linear) {
        cpu_fault(cpu, NULL, EXC_GP, 0);
    }
    tlb_translate(cpu, NULL, linear, ACCESS_EXEC, bank, &phys);
    struct memory_page page = memory_find(cpu->memory, phys);
    if (page.host == NULL) {
        page.ram = memory_void(cpu->memory);
        page.ram_offset = 0;
        page.host = page.ram->host;
    }
    *ram = page.ram;
    *ram_offset = page.ram_offset;
    *writable_ram = page.kind == MEMORY_RAM;
    return page.host;
}

void tlb_protect_code(struct cpu *cpu, struct ram *ram, uint64_t ram_offset)
{
    uintptr_t host = (uintptr_t)ram->host + (ram_offset & ~0xfffull);
    for (unsigned n = 0; n < memory_cpu_count(cpu->memory); n++) {
        struct cpu *other = memory_cpu(cpu->memory, n);
        for (unsigned bank = 0; bank < TLB_BANKS; bank++) {
            for (unsigned word = 0; word < TLB_SIZE / 64; word++) {
                uint64_t used = other->tlb_used[bank][word];
                for (; used != 0; used &= used - 1) {
                    struct tlb_entry *e =
                        &other->tlb_bank[bank][word * 64 + (unsigned)__builtin_ctzll(used)];
                    if ((e->write_tag & (TLB_SLOW | TLB_INVALID)) == 0 && e->write_tag + e->addend == host) {
                        e->write_tag |= TLB_SLOW | TLB_BESIDE;
                    }
                }
            }
        }
    }
}
