/*
 * Address spaces: memory (64-bit) and ports (16-bit) are both a `struct bus`.
 *
 * A region is something that can be mapped: RAM, ROM or a set of registers with read and write operations.
 * A mapping puts a window of a region at a base address with a priority and an enabled bit. Changes are
 * batched between bus_begin() and bus_commit(); a commit computes the flat view (sorted, non-overlapping
 * ranges; where mappings overlap the highest priority wins, among equals the one mapped last) and tells
 * listeners. PAM, SMRAM, the VGA window and moving BARs are thereby data: mappings that are switched on,
 * off, moved and re-prioritised.
 *
 * Unassigned reads give all ones and unassigned writes vanish; both are counted and logged once an address.
 * The flat view may be read only under the machine lock or while the machine is not running, except by the
 * engines, which keep their own copies made in the listener.
 */
#ifndef CORE_BUS_H
#define CORE_BUS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct log;
struct ram;

/* Register access by offset from the start of the region. size is 1, 2, 4 or 8 and lies within
 * [min_size, max_size]: the bus splits wider accesses (little-endian, ascending) and widens narrower reads
 * never: a narrower access than min_size is passed as min_size at the aligned offset, shifted. So with a
 * min_size above 1 every offset is a multiple of it (and the region's size must be one too); with a min_size
 * of 1 an access may be unaligned. Values are zero-extended; the bus masks what read returns. A NULL read or
 * write counts as unassigned. Called under the machine lock. */
struct region_ops {
    uint64_t (*read)(void *owner, uint64_t offset, unsigned size);
    void (*write)(void *owner, uint64_t offset, uint64_t value, unsigned size);
    uint8_t min_size; /* 0 means 1 */
    uint8_t max_size; /* 0 means 4 */
};

enum region_kind {
    REGION_IO,  /* ops */
    REGION_RAM, /* reads, writes and execution go to ram->host + ram_offset */
    REGION_ROM, /* as RAM, but writes go to ops->write if there are ops, else vanish */
};

struct region {
    const char *name; /* static or owned by the region's owner */
    enum region_kind kind;
    uint64_t size; /* bytes */
    void *owner;   /* first argument of ops */
    const struct region_ops *ops;
    struct ram *ram;     /* for RAM and ROM; not owned */
    uint64_t ram_offset; /* page-aligned */
    /* Of registers; machine lock held. */
    uint64_t reads, writes; /* accesses so far */
    uint32_t trace_epoch;   /* the choice of traced regions that `traced` follows (core/log.h) */
    bool traced;            /* accesses are logged */
};

/* Initialise a region in the caller's memory. */
void region_init_io(struct region *region, const char *name, uint64_t size,
                    const struct region_ops *ops, void *owner);
void region_init_ram(struct region *region, const char *name, struct ram *ram, uint64_t offset,
                     uint64_t size);
void region_init_rom(struct region *region, const char *name, struct ram *ram, uint64_t offset,
                     uint64_t size);

struct bus;
struct trail;
struct mapping; /* opaque; owned by the bus */

/* One piece of the flat view. */
struct flat_range {
    uint64_t base;          /* first address */
    uint64_t last;          /* last address, inclusive */
    struct region *region;  /* not owned */
    uint64_t region_offset; /* offset in region of `base` */
};

struct flat_view {
    unsigned count;
    struct flat_range *ranges; /* ascending, non-overlapping */
};

/* Told after each commit that changed something, under the machine lock; both views are valid only during
 * the call, and the listener must not change mappings. */
typedef void bus_listener_fn(void *arg, struct bus *bus, const struct flat_view *before,
                             const struct flat_view *after);

/* address_bits: 16 for ports, up to 52 for memory. `name` is "memory" or "io". */
struct bus *bus_create(const char *name, unsigned address_bits);
void bus_destroy(struct bus *bus);
/* Where unassigned accesses are logged (LOG_UNIMP). Not owned; NULL, as at first, logs nothing. */
void bus_set_log(struct bus *bus, struct log *log);
/* Where register accesses are noted, or NULL; not owned. */
void bus_set_trail(struct bus *bus, struct trail *trail);

/* Maps the whole region at base with priority (higher wins), enabled. The mapping lives until bus_unmap()
 * or bus_destroy(). Outside begin/commit this commits by itself. */
struct mapping *bus_map(struct bus *bus, struct region *region, uint64_t base, int priority);
/* As bus_map(), for a window of the region: bytes [offset, offset + size). */
struct mapping *bus_map_window(struct bus *bus, struct region *region, uint64_t offset, uint64_t size,
                               uint64_t base, int priority);
void bus_unmap(struct bus *bus, struct mapping *mapping);
void mapping_enable(struct mapping *mapping, bool enabled);
void mapping_move(struct mapping *mapping, uint64_t base);
/* Puts another region (of at least the window's end in size) behind a mapping: PAM switches so. */
void mapping_retarget(struct mapping *mapping, struct region *region);

/* Nested pairs are allowed; the outermost commit does the work. */
void bus_begin(struct bus *bus);
void bus_commit(struct bus *bus);

/* Adds a listener. It is not called for the view as it is: look at bus_view() for that. */
void bus_listen(struct bus *bus, bus_listener_fn *fn, void *arg);
/* Takes away the listener that was added with these two; not from within a listener. */
void bus_unlisten(struct bus *bus, bus_listener_fn *fn, void *arg);
const struct flat_view *bus_view(const struct bus *bus);
/* The range that contains address, or NULL. O(log n), O(1) for ports. */
const struct flat_range *bus_find(const struct bus *bus, uint64_t address);

/* One access of 1, 2, 4 or 8 bytes, under the machine lock. It may cross ranges; each piece goes its way.
 * What lies above the last address of the bus is unassigned. */
uint64_t bus_read(struct bus *bus, uint64_t address, unsigned size);
void bus_write(struct bus *bus, uint64_t address, uint64_t value, unsigned size);

/* Bulk access for firmware loaders, the monitor and gdb: any length, through registers too if io is true;
 * otherwise addresses without RAM or ROM read as 0xff and swallow writes. Writes reach ROM as well (the
 * debugger's view). Returns the number of bytes that hit memory. Under the machine lock. */
uint64_t bus_read_bytes(struct bus *bus, uint64_t address, void *data, uint64_t size, bool io);
uint64_t bus_write_bytes(struct bus *bus, uint64_t address, const void *data, uint64_t size, bool io);

struct bus_stats {
    uint64_t unassigned_reads, unassigned_writes;
};
struct bus_stats bus_stats(const struct bus *bus);

/* Calls fn for every mapping, highest priority first, for `info mtree`. */
void bus_foreach_mapping(struct bus *bus,
                         void (*fn)(void *arg, const struct region *region, uint64_t base,
                                    uint64_t size, int priority, bool enabled),
                         void *arg);

#endif
