/*
 * The interpreter's own copy of the memory map, and the hooks by which RAM blocks tell the engine of changes.
 * See memory.h.
 *
 * Not modelled: memory types (MTRR, PAT): everything behaves as if it were strongly ordered.
 */
#include "accel/interp/memory.h"

#include <assert.h>
#include <glib.h>
#include <string.h>

#include "accel/interp/tlb.h"
#include "accel/interp/trace.h"
#include "core/machine.h"
#include "core/ram.h"

#define MEMORY_MAX_CPUS 64

struct memory_range {
    uint64_t base, last; /* whole pages */
    struct memory_page page; /* of base */
};

struct interp_memory {
    struct machine *machine;
    struct trace_cache *traces; /* not owned */
    struct memory_range *ranges; /* RAM and ROM only; ascending */
    unsigned range_count;
    unsigned last; /* range found last; VCPU thread */
    GPtrArray *blocks; /* struct ram * whose hooks are ours */
    struct ram *blank;
    struct cpu *cpus[MEMORY_MAX_CPUS];
    unsigned cpu_count;
};

static void code_changed(void *arg, struct ram *ram, uint64_t offset, uint64_t size)
{
    struct interp_memory *memory = arg;
    trace_invalidate(memory->traces, ram, offset, size);
}

/* Any thread: the CPUs drop their "no need to log" answers at the next look at attention. */
static void dirty_changed(void *arg, struct ram *ram)
{
    struct interp_memory *memory = arg;
    for (unsigned i = 0; i < memory->cpu_count; i++) {
        __atomic_fetch_or(&memory->cpus[i]->attention, CPU_ATTENTION_TLB, __ATOMIC_SEQ_CST);
    }
}

static void block_adopt(struct interp_memory *memory, struct ram *ram)
{
    ram->code_hook = code_changed;
    ram->dirty_hook = dirty_changed;
    ram->hook_arg = memory;
    if (!g_ptr_array_find(memory->blocks, ram, NULL)) {
        g_ptr_array_add(memory->blocks, ram);
    }
}

/* Takes over the whole pages of the RAM and ROM ranges of the view. */
static void view_copy(struct interp_memory *memory, const struct flat_view *view)
{
    struct memory_range *ranges = g_new0(struct memory_range, view->count + 1);
    unsigned n = 0;

    for (unsigned i = 0; i < view->count; i++) {
        const struct flat_range *f = &view->ranges[i];
        if (f->region->kind == REGION_IO || f->region->ram == NULL) {
            continue;
        }
        block_adopt(memory, f->region->ram);
        uint64_t base = (f->base + RAM_PAGE_SIZE - 1) & ~(uint64_t)(RAM_PAGE_SIZE - 1);
        uint64_t end = (f->last + 1) & ~(uint64_t)(RAM_PAGE_SIZE - 1);
        uint64_t offset = f->region->ram_offset + f->region_offset + (base - f->base);
        if (base >= end || (offset & (RAM_PAGE_SIZE - 1)) != 0) {
            continue;
        }
        ranges[n].base = base;
        ranges[n].last = end - 1;
        ranges[n].page.kind = f->region->kind == REGION_RAM ? MEMORY_RAM : MEMORY_ROM;
        ranges[n].page.ram = f->region->ram;
        ranges[n].page.ram_offset = offset;
        ranges[n].page.host = f->region->ram->host + offset;
        n++;
    }
    g_free(memory->ranges);
    memory->ranges = ranges;
    ranges[n] = (struct memory_range){ .base = UINT64_MAX };
    memory->range_count = n;
    memory->last = n;
}

static void view_changed(void *arg, struct bus *bus, const struct flat_view *before,
                         const struct flat_view *after)
{
    struct interp_memory *memory = arg;
    view_copy(memory, after);
    for (unsigned i = 0; i < memory->cpu_count; i++) {
        tlb_flush(memory->cpus[i], true);
        __atomic_fetch_or(&memory->cpus[i]->attention, CPU_ATTENTION_TLB, __ATOMIC_SEQ_CST);
    }
}

struct interp_memory *interp_memory_create(struct machine *machine, struct trace_cache *traces)
{
    struct interp_memory *memory = g_new0(struct interp_memory, 1);
    memory->machine = machine;
    memory->traces = traces;
    memory->blocks = g_ptr_array_new();
    memory->blank = ram_create("void", RAM_PAGE_SIZE, NULL);
    g_assert(memory->blank != NULL);
    memset(memory->blank->host, 0xff, RAM_PAGE_SIZE);
    view_copy(memory, bus_view(machine->memory));
    bus_listen(machine->memory, view_changed, memory);
    return memory;
}

void interp_memory_destroy(struct interp_memory *memory)
{
    if (memory == NULL) {
        return;
    }
    bus_unlisten(memory->machine->memory, view_changed, memory);
    trace_cache_flush(memory->traces); /* while all blocks with decoded code are still there */
    for (unsigned i = 0; i < memory->blocks->len; i++) {
        struct ram *ram = g_ptr_array_index(memory->blocks, i);
        ram->code_hook = NULL;
        ram->dirty_hook = NULL;
        ram->hook_arg = NULL;
    }
    g_ptr_array_free(memory->blocks, TRUE);
    g_free(memory->ranges);
    ram_destroy(memory->blank);
    g_free(memory);
}

void interp_memory_attach(struct interp_memory *memory, struct cpu *cpu)
{
    assert(memory->cpu_count < MEMORY_MAX_CPUS);
    memory->cpus[memory->cpu_count++] = cpu;
    cpu->memory = memory;
    tlb_init(cpu);
}

void interp_memory_detach(struct interp_memory *memory, struct cpu *cpu)
{
    for (unsigned i = 0; i < memory->cpu_count; i++) {
        if (memory->cpus[i] == cpu) {
            memory->cpus[i] = memory->cpus[--memory->cpu_count];
            break;
        }
    }
    cpu->memory = NULL;
}

static unsigned range_search(const struct interp_memory *memory, uint64_t phys)
{
    unsigned low = 0, high = memory->range_count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (phys > memory->ranges[middle].last) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct memory_page memory_find(struct interp_memory *memory, uint64_t phys)
{
    /* view_copy() leaves an empty range behind the last. */
    const struct memory_range *r = &memory->ranges[memory->last];
    if (phys < r->base || phys > r->last) {
        unsigned found = range_search(memory, phys);
        r = &memory->ranges[found];
        if (found == memory->range_count || phys < r->base) {
            return (struct memory_page){ .kind = MEMORY_DEVICE };
        }
        memory->last = found;
    }
    uint64_t distance = (phys - r->base) & ~(uint64_t)(RAM_PAGE_SIZE - 1);
    struct memory_page page = r->page;
    page.ram_offset += distance;
    page.host += distance;
    return page;
}

bool memory_mark_dirty(const struct memory_page *page)
{
    uint64_t number = page->ram_offset >> RAM_PAGE_BITS;
    uint8_t f = __atomic_load_n(&page->ram->flags[number], __ATOMIC_RELAXED);
    if (page->ram->log_dirty && (f & RAM_DIRTY) == 0) {
        ram_mark_dirty(page->ram, number);
    }
    return (f & RAM_CODE) == 0;
}

void memory_stored(const struct interp_memory *memory, const struct memory_page *page, unsigned offset,
                   unsigned size)
{
    if (!memory_mark_dirty(page)) {
        trace_invalidate(memory->traces, page->ram, page->ram_offset + offset, size);
    }
}

struct ram *memory_void(const struct interp_memory *memory)
{
    return memory->blank;
}

unsigned memory_cpu_count(const struct interp_memory *memory)
{
    return memory->cpu_count;
}

struct cpu *memory_cpu(const struct interp_memory *memory, unsigned i)
{
    return memory->cpus[i];
}
