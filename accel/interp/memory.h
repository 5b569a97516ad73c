/*
 * The machine's memory as the interpreter sees it: an own copy of the bus's flat view, read by the VCPU thread
 * without a lock, and the list of CPUs whose cached translations depend on it.
 *
 * The copy is made in a bus listener, that is under the machine lock, in the VCPU thread (a register write that
 * moves memory) or in another thread while the VCPUs are parked.
 */
#ifndef ACCEL_INTERP_MEMORY_H
#define ACCEL_INTERP_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

struct cpu;
struct machine;
struct ram;
struct trace_cache;
struct interp_memory;

/* What stands at a guest physical page. */
enum memory_kind { MEMORY_DEVICE, MEMORY_RAM, MEMORY_ROM };

struct memory_page {
    enum memory_kind kind;
    struct ram *ram;     /* RAM, ROM */
    uint64_t ram_offset; /* of the page's first byte */
    uint8_t *host;       /* of the page's first byte; NULL for a device */
};

/* Listens to machine->memory and takes over the hooks of every RAM block it meets. `traces` (not owned) is told
 * of changed code. Machine not running. */
struct interp_memory *interp_memory_create(struct machine *machine, struct trace_cache *traces);
/* Gives back the hooks and drops all decoded code. No CPU may use it any more; the trace cache must still
 * exist. */
void interp_memory_destroy(struct interp_memory *memory);
/* Sets cpu->memory and makes the CPU one of those whose TLB is flushed when memory changes (at most 64). */
void interp_memory_attach(struct interp_memory *memory, struct cpu *cpu);
void interp_memory_detach(struct interp_memory *memory, struct cpu *cpu);

/* What is at the page that contains physical address phys (A20 already applied). A page that is not wholly one
 * piece of RAM or ROM counts as a device: the bus sorts it out. VCPU thread, no lock. */
struct memory_page memory_find(struct interp_memory *memory, uint64_t phys);

/* To be called after the engine's own store to bytes [offset, offset + size) of a RAM page: dirty log, code. */
void memory_stored(const struct interp_memory *memory, const struct memory_page *page, unsigned offset,
                   unsigned size);

/* The dirty log alone, for a store that is about to be made; false if the page also has decoded code, so that
 * memory_stored() must be called after it. */
bool memory_mark_dirty(const struct memory_page *page);

/* A page of all ones, from which code is fetched where there is no memory. */
struct ram *memory_void(const struct interp_memory *memory);

unsigned memory_cpu_count(const struct interp_memory *memory);
struct cpu *memory_cpu(const struct interp_memory *memory, unsigned i);

#endif
