/*
 * `info mem` and `info tlb`: what the page tables of the monitor's CPU map (Intel SDM volume 3,
 * chapter 4: 32-bit, PAE and 4-level paging). mem shows ranges with the rights that all levels
 * together give; tlb shows each page with the flags of its last entry. The guest makes the tables,
 * so the walk and the answer are bounded.
 */
#include <inttypes.h>
#include <string.h>

#include "core/machine.h"
#include "monitor/cmd.h"
#include "monitor/cpu_view.h"

#define WALK_TABLES_MAX 65536u /* tables looked at */
#define WALK_LINES_MAX  65536u

#define PTE_P       (1ull << 0)
#define PTE_W       (1ull << 1)
#define PTE_U       (1ull << 2)
#define PTE_PWT     (1ull << 3)
#define PTE_PCD     (1ull << 4)
#define PTE_A       (1ull << 5)
#define PTE_D       (1ull << 6)
#define PTE_PS      (1ull << 7)
#define PTE_G       (1ull << 8)
#define PTE_NX      (1ull << 63)
#define PTE_ADDRESS 0x000ffffffffff000ull

struct walk {
    struct command_call *call;
    bool wide; /* 8-byte entries */
    bool pse;  /* 4 MiB pages are on (32-bit paging) */
    unsigned levels;
    unsigned tables, lines;
    bool cut; /* a bound was reached */
    void (*page)(struct walk *walk, uint64_t linear, uint64_t size, uint64_t entry,
                 uint64_t rights);
    /* The range being joined, for mem; not made canonical yet. */
    uint64_t start, end, rights;
    bool open;
};

static unsigned index_bits(const struct walk *walk)
{
    return walk->wide ? 9 : 10;
}

static uint64_t canonical(const struct walk *walk, uint64_t linear)
{
    return walk->levels == 4 && linear >> 47 & 1 ? linear | ~0ull << 48 : linear;
}

/* A table of the given level (1 = page table); its entries cover `linear` on. rights: U and W so
 * far. */
static void walk_table(struct walk *walk, unsigned level, uint64_t table, uint64_t linear,
                       uint64_t rights)
{
    struct machine *machine = walk->call->env->machine;
    unsigned count = 1u << index_bits(walk), bytes = walk->wide ? 8 : 4;
    uint64_t covers = 4096ull << (index_bits(walk) * (level - 1));
    uint8_t data[4096];
    if (++walk->tables > WALK_TABLES_MAX) {
        walk->cut = true;
        return;
    }
    lock_acquire(&machine->lock);
    bus_read_bytes(machine->memory, table, data, sizeof(data), false);
    lock_release(&machine->lock);
    for (unsigned i = 0; i < count && !walk->cut; i++) {
        uint64_t entry = 0;
        memcpy(&entry, data + i * bytes, bytes);
        if (!(entry & PTE_P)) {
            continue;
        }
        bool large =
            entry & PTE_PS && (walk->wide ? level == 2 || level == 3 : level == 2 && walk->pse);
        uint64_t here = linear + i * covers;
        if (level == 1 || large) {
            walk->page(walk, here, covers, entry, rights & entry);
        } else {
            walk_table(walk, level - 1, entry & PTE_ADDRESS, here, rights & entry);
        }
    }
}

static void line_made(struct walk *walk)
{
    walk->cut |= ++walk->lines >= WALK_LINES_MAX;
}

static uint64_t page_address(const struct walk *walk, uint64_t size, uint64_t entry)
{
    if (!walk->wide && size > 4096) {
        return (entry & 0xffc00000) | (entry & 0x1fe000) << 19; /* PSE-36 */
    }
    /* With PAE, QEMU leaves the NX bit in the address, and who compares expects it there. */
    uint64_t mask = walk->levels == 3 ? PTE_ADDRESS | PTE_NX : PTE_ADDRESS;
    return entry & mask & ~(size - 1);
}

static void tlb_page(struct walk *walk, uint64_t linear, uint64_t size, uint64_t entry,
                     uint64_t rights)
{
    command_print(walk->call, "%016" PRIx64 ": %016" PRIx64 " %c%c%c%c%c%c%c%c%c\n", canonical(walk, linear),
                  page_address(walk, size, entry), entry & PTE_NX ? 'X' : '-',
                  entry & PTE_G ? 'G' : '-', size > 4096 ? 'P' : '-', entry & PTE_D ? 'D' : '-',
                  entry & PTE_A ? 'A' : '-', entry & PTE_PCD ? 'C' : '-',
                  entry & PTE_PWT ? 'T' : '-', entry & PTE_U ? 'U' : '-',
                  entry & PTE_W ? 'W' : '-');
    line_made(walk);
}

static void mem_close(struct walk *walk)
{
    if (walk->open) {
        command_print(walk->call, "%016" PRIx64 "-%016" PRIx64 " %016" PRIx64 " %cr%c\n",
                      canonical(walk, walk->start), canonical(walk, walk->end), walk->end - walk->start,
                      walk->rights & PTE_U ? 'u' : '-', walk->rights & PTE_W ? 'w' : '-');
        walk->open = false;
        line_made(walk);
    }
}

static void mem_page(struct walk *walk, uint64_t linear, uint64_t size, uint64_t entry,
                     uint64_t rights)
{
    rights &= PTE_U | PTE_W;
    if (walk->open && (walk->end != linear || walk->rights != rights)) {
        mem_close(walk);
    }
    if (!walk->open) {
        walk->start = linear;
        walk->rights = rights;
        walk->open = true;
    }
    walk->end = linear + size;
}

/* VCPUs parked. */
static void walk_all(struct walk *walk, const struct x86_state *state)
{
    uint64_t rights = PTE_U | PTE_W;
    walk->wide = state->cr4 & CR4_PAE;
    walk->pse = state->cr4 & CR4_PSE;
    walk->levels = state->msr.efer & EFER_LMA ? 4 : walk->wide ? 3 : 2;
    if (walk->levels != 3) {
        uint64_t mask = walk->levels == 4 ? PTE_ADDRESS : 0xfffff000;
        walk_table(walk, walk->levels, state->cr3 & mask, 0, rights);
        return;
    }
    for (unsigned i = 0; i < 4 && !walk->cut; i++) {
        if (state->pdpte[i] & PTE_P) {
            walk_table(walk, 2, state->pdpte[i] & PTE_ADDRESS, (uint64_t)i << 30, rights);
        }
    }
}

static void show(struct command_call *call, struct walk *walk)
{
    struct x86_state state;
    GError *error = NULL;
    walk->call = call;
    if (!cpu_view_state(call, &state, &error)) {
        command_error(call, error);
        return;
    }
    if (!(state.cr0 & CR0_PG)) {
        command_print(call, "PG disabled\n");
        return;
    }
    cpu_view_park(call->env);
    walk_all(walk, &state);
    cpu_view_unpark(call->env);
    mem_close(walk);
    if (walk->cut) {
        command_print(call, "... and more; the list ends here\n");
    }
}

void cmd_info_mem(struct command_call *call)
{
    struct walk walk = {.page = mem_page};
    show(call, &walk);
}

void cmd_info_tlb(struct command_call *call)
{
    struct walk walk = {.page = tlb_page};
    show(call, &walk);
}
