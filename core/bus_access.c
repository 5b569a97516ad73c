/*
 * Accesses: the fast way for one access inside one range, the split way for the rest, and bulk copies.
 *
 * A register access may change mappings (PAM, BARs), so no pointer into the flat view is used after a call
 * of a region's operations; the split way looks every piece up anew.
 */
#include "core/bus.h"

#include "core/bus_impl.h"
#include "core/log.h"
#include "core/ram.h"
#include "core/trail.h"

#include <inttypes.h>
#include <string.h>

enum { LOGGED_LIMIT = 4096 }; /* unassigned addresses remembered */

static uint64_t size_mask(unsigned size)
{
    return size >= 8 ? UINT64_MAX : (1ull << (8 * size)) - 1;
}

static unsigned floor_power2(uint64_t n)
{
    return n >= 8 ? 8 : n >= 4 ? 4 : n >= 2 ? 2 : 1;
}

static bool is_memory(const struct region *region)
{
    return region->kind != REGION_IO;
}

/* ---- unassigned ---- */

static void log_unassigned(struct bus *bus, const char *what, uint64_t address, unsigned size)
{
    if (!log_wants(bus->log, LOG_UNIMP) || g_hash_table_size(bus->logged) >= LOGGED_LIMIT) {
        return;
    }
    if (g_hash_table_add(bus->logged, GSIZE_TO_POINTER(address))) {
        log_print(bus->log, LOG_UNIMP, "%s: unassigned %s of %u bytes at 0x%" PRIx64 "\n", bus->name,
                  what, size, address);
    }
}

static uint64_t unassigned_read(struct bus *bus, uint64_t address, unsigned size)
{
    bus->stats.unassigned_reads++;
    log_unassigned(bus, "read", address, size);
    return size_mask(size);
}

static void unassigned_write(struct bus *bus, uint64_t address, unsigned size)
{
    bus->stats.unassigned_writes++;
    log_unassigned(bus, "write", address, size);
}

/* ---- memory ---- */

/* The sizes are spelled out so that an aligned access is a single load or store, which other VCPUs see
 * whole. */
static uint64_t load(const uint8_t *host, unsigned size)
{
    uint64_t v64;
    uint32_t v32;
    uint16_t v16;

    switch (size) {
    case 1:
        return *host;
    case 2:
        memcpy(&v16, host, 2);
        return v16;
    case 4:
        memcpy(&v32, host, 4);
        return v32;
    case 8:
        memcpy(&v64, host, 8);
        return v64;
    default:
        v64 = 0;
        memcpy(&v64, host, size);
        return v64;
    }
}

static void store(uint8_t *host, uint64_t value, unsigned size)
{
    uint32_t v32 = (uint32_t)value;
    uint16_t v16 = (uint16_t)value;

    switch (size) {
    case 1:
        *host = (uint8_t)value;
        break;
    case 2:
        memcpy(host, &v16, 2);
        break;
    case 4:
        memcpy(host, &v32, 4);
        break;
    case 8:
        memcpy(host, &value, 8);
        break;
    default:
        memcpy(host, &value, size);
        break;
    }
}

/* ---- registers ---- */

static unsigned ops_min(const struct region_ops *ops)
{
    return ops->min_size ? ops->min_size : 1;
}

static unsigned ops_max(const struct region_ops *ops)
{
    return ops->max_size ? ops->max_size : 4;
}

/* One piece of an access that the operations can take as it is. */
struct piece {
    uint64_t offset; /* given to the operations */
    unsigned size;   /* given to the operations */
    unsigned skip;   /* bytes of it that lie before the access */
    unsigned take;   /* bytes of it that belong to the access */
};

/* The next piece of the `left` bytes from offset on. */
static struct piece next_piece(const struct region_ops *ops, uint64_t offset, unsigned left)
{
    unsigned min = ops_min(ops), max = ops_max(ops);
    unsigned skip = (unsigned)(offset & (min - 1));

    if (skip == 0 && left >= min) {
        unsigned size = MIN(max, floor_power2(left));

        return (struct piece){ offset, size, 0, size };
    }
    return (struct piece){ offset - skip, min, skip, MIN(min - skip, left) };
}

/* False: no place for it. */
static bool count_at(struct trail *trail, const char *bus, uint64_t address, uint64_t rip, bool write)
{
    for (unsigned probe = 0; probe < TRAIL_PROBES; probe++) {
        struct trail_count *c = &trail->counts[(address + (address >> 12) * 61 + rip * 13 + probe) % TRAIL_COUNTS];
        if (c->bus == NULL) {
            c->bus = bus;
            c->address = address;
            c->rip = rip;
        }
        if (c->rip == rip && c->address == address && c->bus == bus) {
            *(write ? &c->writes : &c->reads) += 1;
            return true;
        }
    }
    return false;
}

/* Counts an access by its address and place. */
static void count_register(struct trail *trail, const char *bus, uint64_t address, bool write)
{
    if (!count_at(trail, bus, address, trail->rip, write)) {
        (void)count_at(trail, bus, address, TRAIL_RIP_OTHER, write);
    }
}

/* Counts, remembers and if wanted logs one access to a register. */
static void note(struct bus *bus, struct region *region, uint64_t address, uint64_t offset, uint64_t value,
                 unsigned size, bool write)
{
    struct trail *trail = bus->trail;
    *(write ? &region->writes : &region->reads) += 1;
    if (BLACKBOX_KEPT && trail != NULL) {
        trail->entries[trail->count++ % TRAIL_SIZE] =
            (struct trail_entry){ bus->name, address, value, (uint8_t)size, write };
        count_register(trail, bus->name, address, write);
    }
    if (!TRACES_KEPT) {
        return;
    }
    if (region->trace_epoch != log_trace_epoch(bus->log)) {
        region->trace_epoch = log_trace_epoch(bus->log);
        region->traced = log_traces(bus->log, region->name);
    }
    if (region->traced || log_wants(bus->log, LOG_IO)) {
        log_write(bus->log, "%s %s %s+0x%" PRIx64 " (0x%" PRIx64 ") %s 0x%0*" PRIx64 "\n", bus->name,
                  write ? "write" : "read ", region->name, offset, address, write ? "<-" : "->", (int)size * 2, value);
    }
}

static uint64_t io_read(const struct region *region, uint64_t offset, unsigned size)
{
    const struct region_ops *ops = region->ops;
    void *owner = region->owner;
    uint64_t value = 0;

    for (unsigned done = 0; done < size;) {
        struct piece piece = next_piece(ops, offset + done, size - done);
        uint64_t part = ops->read(owner, piece.offset, piece.size) & size_mask(piece.size);

        value |= ((part >> (8 * piece.skip)) & size_mask(piece.take)) << (8 * done);
        done += piece.take;
    }
    return value;
}

static void io_write(const struct region *region, uint64_t offset, uint64_t value, unsigned size)
{
    const struct region_ops *ops = region->ops;
    void *owner = region->owner;

    for (unsigned done = 0; done < size;) {
        struct piece piece = next_piece(ops, offset + done, size - done);
        uint64_t part = (value >> (8 * done)) & size_mask(piece.take);

        ops->write(owner, piece.offset, part << (8 * piece.skip), piece.size);
        done += piece.take;
    }
}

static bool direct(const struct region_ops *ops, uint64_t offset, unsigned size)
{
    unsigned min = ops_min(ops);

    return size >= min && size <= ops_max(ops) && (offset & (min - 1)) == 0 &&
           (size & (size - 1)) == 0;
}

/* ---- one access within one range ---- */

static uint64_t range_read(struct bus *bus, const struct flat_range *range, uint64_t address,
                           unsigned size)
{
    struct region *region = range->region;
    uint64_t offset = range->region_offset + (address - range->base), value;

    if (is_memory(region)) {
        return load(region->ram->host + region->ram_offset + offset, size);
    }
    if (region->ops->read == NULL) {
        return unassigned_read(bus, address, size);
    }
    if (direct(region->ops, offset, size)) {
        value = region->ops->read(region->owner, offset, size) & size_mask(size);
    } else {
        value = io_read(region, offset, size);
    }
    note(bus, region, address, offset, value, size, false);
    return value;
}

static void range_write(struct bus *bus, const struct flat_range *range, uint64_t address,
                        uint64_t value, unsigned size)
{
    struct region *region = range->region;
    uint64_t offset = range->region_offset + (address - range->base);

    if (region->kind == REGION_RAM) {
        store(region->ram->host + region->ram_offset + offset, value, size);
        ram_touched(region->ram, region->ram_offset + offset, size);
    } else if (region->ops == NULL || region->ops->write == NULL) {
        if (region->kind == REGION_IO) {
            unassigned_write(bus, address, size);
        }
    } else {
        note(bus, region, address, offset, value & size_mask(size), size, true);
        if (direct(region->ops, offset, size)) {
            region->ops->write(region->owner, offset, value & size_mask(size), size);
        } else {
            io_write(region, offset, value, size);
        }
    }
}

/* ---- the split way ---- */

/* Finds the range of `address`; *size is cut to how far it (or the gap) reaches. */
static const struct flat_range *find_cut(const struct bus *bus, uint64_t address, unsigned *size)
{
    uint64_t last;
    const struct flat_range *range = bus_find_extent(bus, address, &last);

    if (last - address < *size - 1) {
        *size = (unsigned)(last - address) + 1;
    }
    return range;
}

static uint64_t split_read(struct bus *bus, uint64_t address, unsigned size)
{
    uint64_t value = 0;

    for (unsigned done = 0; done < size;) {
        unsigned piece = size - done;
        const struct flat_range *range = find_cut(bus, address + done, &piece);
        uint64_t part = range ? range_read(bus, range, address + done, piece)
                              : unassigned_read(bus, address + done, piece);

        value |= part << (8 * done);
        done += piece;
    }
    return value;
}

static void split_write(struct bus *bus, uint64_t address, uint64_t value, unsigned size)
{
    for (unsigned done = 0; done < size;) {
        unsigned piece = size - done;
        const struct flat_range *range = find_cut(bus, address + done, &piece);

        if (range) {
            range_write(bus, range, address + done, value >> (8 * done), piece);
        } else {
            unassigned_write(bus, address + done, piece);
        }
        done += piece;
    }
}

uint64_t bus_read(struct bus *bus, uint64_t address, unsigned size)
{
    const struct flat_range *range = bus_find(bus, address);

    if (range && size - 1 <= range->last - address) {
        return range_read(bus, range, address, size);
    }
    return split_read(bus, address, size);
}

void bus_write(struct bus *bus, uint64_t address, uint64_t value, unsigned size)
{
    const struct flat_range *range = bus_find(bus, address);

    if (range && size - 1 <= range->last - address) {
        range_write(bus, range, address, value, size);
        return;
    }
    split_write(bus, address, value, size);
}

/* ---- bulk ---- */

/* The largest naturally aligned access that starts at address and has at most `left` bytes. */
static unsigned aligned_piece(uint64_t address, uint64_t left)
{
    unsigned size = floor_power2(left);

    while (address & (size - 1)) {
        size /= 2;
    }
    return MIN(size, 4);
}

uint64_t bus_read_bytes(struct bus *bus, uint64_t address, void *data, uint64_t size, bool io)
{
    uint8_t *out = data;
    uint64_t hit = 0;

    while (size > 0) {
        uint64_t last;
        const struct flat_range *range = bus_find_extent(bus, address, &last);
        uint64_t piece = last - address < size - 1 ? last - address + 1 : size;

        if (range && is_memory(range->region)) {
            memcpy(out, range->region->ram->host + range_ram_offset(range, address), piece);
            hit += piece;
        } else if (range && io) {
            piece = aligned_piece(address, piece);
            store(out, bus_read(bus, address, (unsigned)piece), (unsigned)piece);
        } else {
            memset(out, 0xff, piece);
        }
        out += piece;
        address += piece;
        size -= piece;
    }
    return hit;
}

uint64_t bus_write_bytes(struct bus *bus, uint64_t address, const void *data, uint64_t size, bool io)
{
    const uint8_t *in = data;
    uint64_t hit = 0;

    while (size > 0) {
        uint64_t last;
        const struct flat_range *range = bus_find_extent(bus, address, &last);
        uint64_t piece = last - address < size - 1 ? last - address + 1 : size;

        if (range && is_memory(range->region)) {
            struct ram *ram = range->region->ram;
            uint64_t offset = range_ram_offset(range, address);

            memcpy(ram->host + offset, in, piece);
            ram_touched(ram, offset, piece);
            hit += piece;
        } else if (range && io) {
            piece = aligned_piece(address, piece);
            bus_write(bus, address, load(in, (unsigned)piece), (unsigned)piece);
        }
        in += piece;
        address += piece;
        size -= piece;
    }
    return hit;
}
