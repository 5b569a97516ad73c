/*
 * The inside of a bus, for core/bus.c (mappings and the flat view), core/bus_access.c (accesses) and
 * core/dma.c only.
 */
#ifndef CORE_BUS_IMPL_H
#define CORE_BUS_IMPL_H

#include "core/bus.h"

#define BUS_PORTS 0x10000u

struct mapping {
    struct bus *bus;
    struct region *region;
    uint64_t offset; /* of the window in the region */
    uint64_t size;   /* of the window, bytes, not 0 */
    uint64_t base;
    uint64_t sequence; /* order of bus_map(), breaks ties of priority */
    int priority;
    bool enabled;
};

struct bus_listener {
    bus_listener_fn *fn;
    void *arg;
};

struct bus {
    char *name;
    uint64_t last_address;
    GPtrArray *mappings; /* struct mapping *, owned, in order of creation */
    GArray *listeners;   /* struct bus_listener */
    struct flat_view view;
    uint16_t *port_index; /* 16-bit bus: number of the port's range + 1, 0 = none; else NULL */
    uint64_t next_sequence;
    unsigned depth; /* of bus_begin() */
    bool changed;   /* a mapping changed since the last commit */
    bool notifying;
    struct log *log;
    struct bus_stats stats;
    struct trail *trail; /* not owned; NULL: none */
    GHashTable *logged; /* unassigned addresses that were logged, bounded */
};

/* bus_find(), that also says how far the answer reaches: to the last address of the range, or of the gap. */
const struct flat_range *bus_find_extent(const struct bus *bus, uint64_t address, uint64_t *last);

/* Where byte `address` of a RAM or ROM range lies in range->region->ram. */
static inline uint64_t range_ram_offset(const struct flat_range *range, uint64_t address)
{
    return range->region->ram_offset + range->region_offset + (address - range->base);
}

#endif
