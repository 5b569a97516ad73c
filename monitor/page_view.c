/* See the header. */
#include "monitor/page_view.h"

#include <inttypes.h>
#include <string.h>

#include "accel/x86_state.h"
#include "core/machine.h"

#define PTE_P       (1ull << 0)
#define PTE_W       (1ull << 1)
#define PTE_U       (1ull << 2)
#define PTE_PS      (1ull << 7)
#define PTE_NX      (1ull << 63)
#define PTE_ADDRESS 0x000ffffffffff000ull
#define PTE_BEYOND  0x000fff0000000000ull /* no CPU here has more than 40 physical address bits */

struct walk {
    struct machine *machine;
    const struct x86_state *state;
    struct page_view *view;
};

/* Reads the next entry; false if the walk ends here. */
static bool next(struct walk *walk, const char *name, uint64_t table, unsigned index, unsigned size, bool may_be_large)
{
    struct page_view *view = walk->view;
    struct page_entry *entry = &view->entries[view->count++];
    *entry = (struct page_entry){ .name = name, .address = table + (uint64_t)index * size, .size = size };
    lock_acquire(&walk->machine->lock);
    entry->memory = bus_read_bytes(walk->machine->memory, entry->address, &entry->value, size, false) == size;
    lock_release(&walk->machine->lock);
    if (!entry->memory || !(entry->value & PTE_P)) {
        return false;
    }
    entry->large = may_be_large && entry->value & PTE_PS;
    view->user &= (entry->value & PTE_U) != 0;
    view->write &= (entry->value & PTE_W) != 0;
    if (size == 8) {
        bool nxe = walk->state->msr.efer & EFER_NXE;
        view->execute &= !nxe || !(entry->value & PTE_NX);
        entry->reserved = entry->value & (nxe ? PTE_BEYOND : PTE_BEYOND | PTE_NX);
        if (entry->large) {
            entry->reserved |= entry->value & (name[1] == 'D' && name[2] == 'P' ? 0x3fffe000 : 0x1fe000);
        }
    }
    return entry->reserved == 0;
}

static void map(struct page_view *view, uint64_t base, uint64_t size)
{
    view->mapped = true;
    view->page_size = size;
    view->physical = (base & ~(size - 1)) | (view->linear & (size - 1));
}

static void walk_32(struct walk *walk)
{
    uint32_t linear = (uint32_t)walk->view->linear;
    const struct page_entry *entry = walk->view->entries;
    if (!next(walk, "PDE", walk->state->cr3 & 0xfffff000, linear >> 22, 4, walk->state->cr4 & CR4_PSE)) {
        return;
    }
    if (entry->large) {
        map(walk->view, (entry->value & 0xffc00000) | (entry->value >> 13 & 0xff) << 32, 4 << 20);
    } else if (next(walk, "PTE", entry->value & 0xfffff000, linear >> 12 & 1023, 4, false)) {
        map(walk->view, entry[1].value & 0xfffff000, 4096);
    }
}

/* From the page directory on, which PAE and 4-level paging have in common. */
static void walk_directory(struct walk *walk, uint64_t table)
{
    uint64_t linear = walk->view->linear;
    const struct page_entry *entry = &walk->view->entries[walk->view->count];
    if (!next(walk, "PDE", table, linear >> 21 & 511, 8, true)) {
        return;
    }
    if (entry->large) {
        map(walk->view, entry->value & PTE_ADDRESS, 2 << 20);
    } else if (next(walk, "PTE", entry->value & PTE_ADDRESS, linear >> 12 & 511, 8, false)) {
        map(walk->view, entry[1].value & PTE_ADDRESS, 4096);
    }
}

/* The four PDPTEs are registers: the walk begins with what was loaded, whatever memory holds now. */
static void walk_pae(struct walk *walk)
{
    unsigned index = walk->view->linear >> 30 & 3;
    struct page_entry *entry = &walk->view->entries[walk->view->count++];
    *entry = (struct page_entry){ .name = "PDPTE", .address = (walk->state->cr3 & 0xffffffe0) + 8 * index, .size = 8,
                                  .memory = true, .value = walk->state->pdpte[index] };
    if (entry->value & PTE_P) {
        walk_directory(walk, entry->value & PTE_ADDRESS);
    }
}

static void walk_long(struct walk *walk)
{
    uint64_t linear = walk->view->linear;
    const struct page_entry *entry = walk->view->entries;
    walk->view->canonical = (uint64_t)((int64_t)(linear << 16) >> 16) == linear;
    if (!walk->view->canonical ||
        !next(walk, "PML4E", walk->state->cr3 & PTE_ADDRESS, linear >> 39 & 511, 8, false) ||
        !next(walk, "PDPTE", entry[0].value & PTE_ADDRESS, linear >> 30 & 511, 8, true)) {
        return;
    }
    if (entry[1].large) {
        map(walk->view, entry[1].value & PTE_ADDRESS, 1 << 30);
    } else {
        walk_directory(walk, entry[1].value & PTE_ADDRESS);
    }
}

void page_view_walk(struct machine *machine, const struct x86_state *state, uint64_t linear, struct page_view *view)
{
    struct walk walk = { machine, state, view };
    *view = (struct page_view){ .linear = linear, .paging = state->cr0 & CR0_PG, .canonical = true, .user = true,
                                .write = true, .execute = true };
    if (!view->paging) {
        view->linear = (uint32_t)linear;
        map(view, (uint32_t)linear, 4096);
    } else if (state->msr.efer & EFER_LMA) {
        walk_long(&walk);
    } else if (state->cr4 & CR4_PAE) {
        view->linear = (uint32_t)linear;
        walk_pae(&walk);
    } else {
        view->linear = (uint32_t)linear;
        walk_32(&walk);
    }
}

/* Letters of the bits that are set. */
static void put_flags(const struct page_entry *entry, GString *out)
{
    static const char letters[] = "PWUTCADSG"; /* bits 0 to 8 */
    for (int bit = 8; bit >= 0; bit--) {
        g_string_append_c(out, entry->value >> bit & 1 ? letters[bit] : '-');
    }
    if (entry->size == 8) {
        g_string_append_c(out, entry->value & PTE_NX ? 'X' : '-');
    }
}

void page_view_describe(const struct page_view *view, GString *out)
{
    if (!view->paging) {
        g_string_append_printf(out, "paging is off: linear 0x%" PRIx64 " is physical\n", view->linear);
        return;
    }
    if (!view->canonical) {
        g_string_append_printf(out, "0x%016" PRIx64 " is not canonical: #GP, before any table is looked at\n", view->linear);
        return;
    }
    for (unsigned i = 0; i < view->count; i++) {
        const struct page_entry *entry = &view->entries[i];
        g_string_append_printf(out, "%-5s at 0x%09" PRIx64 ": ", entry->name, entry->address);
        if (!entry->memory) {
            g_string_append(out, "no memory there\n");
            continue;
        }
        g_string_append_printf(out, "0x%0*" PRIx64 " ", (int)entry->size * 2, entry->value);
        put_flags(entry, out);
        if (entry->reserved & PTE_NX) {
            g_string_append(out, "  reserved bit 63 is set: EFER.NXE is 0\n");
            continue;
        }
        if (entry->reserved != 0) {
            g_string_append_printf(out, "  reserved bits are set: 0x%" PRIx64 "\n", entry->reserved);
            continue;
        }
        g_string_append(out, !(entry->value & PTE_P) ? "  not present\n"
                             : entry->large            ? "  maps a large page\n"
                                                       : "\n");
    }
    if (view->mapped) {
        g_string_append_printf(out, "linear 0x%" PRIx64 " is physical 0x%" PRIx64 " (%" PRIu64 " KiB page: %s, %s, %s)\n",
                               view->linear, view->physical, view->page_size >> 10,
                               view->user ? "user" : "supervisor", view->write ? "writable" : "read-only",
                               view->execute ? "executable" : "not executable");
    } else {
        g_string_append_printf(out, "linear 0x%" PRIx64 " is not mapped\n", view->linear);
    }
}
