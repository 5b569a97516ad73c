/*
 * Mappings and the flat view.
 *
 * A commit sweeps over the mappings by ascending base and keeps the set of those that cover the present
 * address, best one first; the best one owns the range up to where the set changes. Adjacent pieces of the
 * same region at consecutive offsets are joined again. There are a few hundred mappings at most and few of
 * them overlap, so a commit costs little more than the sort.
 */
#include "core/bus.h"

#include "core/bus_impl.h"
#include "core/ram.h"

#include <assert.h>
#include <string.h>

void region_init_io(struct region *region, const char *name, uint64_t size,
                    const struct region_ops *ops, void *owner)
{
    assert(ops->min_size <= 1 || size % ops->min_size == 0);
    *region = (struct region){
        .name = name, .kind = REGION_IO, .size = size, .owner = owner, .ops = ops
    };
}

static void init_memory(struct region *region, enum region_kind kind, const char *name,
                        struct ram *ram, uint64_t offset, uint64_t size)
{
    assert(offset % RAM_PAGE_SIZE == 0 && offset <= ram->size && size <= ram->size - offset);
    *region = (struct region){
        .name = name, .kind = kind, .size = size, .ram = ram, .ram_offset = offset
    };
}

void region_init_ram(struct region *region, const char *name, struct ram *ram, uint64_t offset,
                     uint64_t size)
{
    init_memory(region, REGION_RAM, name, ram, offset, size);
}

void region_init_rom(struct region *region, const char *name, struct ram *ram, uint64_t offset,
                     uint64_t size)
{
    init_memory(region, REGION_ROM, name, ram, offset, size);
}

struct bus *bus_create(const char *name, unsigned address_bits)
{
    struct bus *bus = g_new0(struct bus, 1);

    assert(address_bits > 0 && address_bits < 64);
    bus->name = g_strdup(name);
    bus->last_address = (1ull << address_bits) - 1;
    bus->mappings = g_ptr_array_new_with_free_func(g_free);
    bus->listeners = g_array_new(FALSE, FALSE, sizeof(struct bus_listener));
    bus->logged = g_hash_table_new(g_direct_hash, g_direct_equal);
    if (address_bits == 16) {
        bus->port_index = g_new0(uint16_t, BUS_PORTS);
    }
    return bus;
}

void bus_destroy(struct bus *bus)
{
    if (bus == NULL) {
        return;
    }
    g_ptr_array_free(bus->mappings, TRUE);
    g_array_free(bus->listeners, TRUE);
    g_hash_table_destroy(bus->logged);
    g_free(bus->view.ranges);
    g_free(bus->port_index);
    g_free(bus->name);
    g_free(bus);
}

void bus_set_trail(struct bus *bus, struct trail *trail)
{
    bus->trail = trail;
}

void bus_set_log(struct bus *bus, struct log *log)
{
    bus->log = log;
}

/* ---- the flat view ---- */

static bool mapping_visible(const struct mapping *mapping)
{
    return mapping->enabled && mapping->base <= mapping->bus->last_address;
}

static uint64_t mapping_last(const struct mapping *mapping)
{
    uint64_t room = mapping->bus->last_address - mapping->base;

    return mapping->base + MIN(mapping->size - 1, room);
}

static bool mapping_beats(const struct mapping *a, const struct mapping *b)
{
    return a->priority != b->priority ? a->priority > b->priority : a->sequence > b->sequence;
}

static int compare_base(const void *a, const void *b)
{
    const struct mapping *x = *(struct mapping *const *)a, *y = *(struct mapping *const *)b;

    return x->base < y->base ? -1 : x->base > y->base;
}

static int compare_rank(const void *a, const void *b)
{
    return mapping_beats(*(struct mapping *const *)a, *(struct mapping *const *)b) ? -1 : 1;
}

/* Inserts a mapping into the set of those that cover the present address, best one first. */
static void active_add(GPtrArray *active, struct mapping *mapping)
{
    unsigned i = 0;

    while (i < active->len && mapping_beats(active->pdata[i], mapping)) {
        i++;
    }
    g_ptr_array_insert(active, (int)i, mapping);
}

static void active_expire(GPtrArray *active, uint64_t address)
{
    for (unsigned i = active->len; i-- > 0;) {
        if (mapping_last(active->pdata[i]) < address) {
            g_ptr_array_remove_index(active, i);
        }
    }
}

static void emit(GArray *ranges, const struct mapping *mapping, uint64_t base, uint64_t last)
{
    struct flat_range range = { base, last, mapping->region,
                                mapping->offset + (base - mapping->base) };

    if (ranges->len > 0) {
        struct flat_range *prev = &g_array_index(ranges, struct flat_range, ranges->len - 1);

        if (prev->last + 1 == base && prev->region == range.region &&
            prev->region_offset + (base - prev->base) == range.region_offset) {
            prev->last = last;
            return;
        }
    }
    g_array_append_val(ranges, range);
}

static struct flat_view view_compute(const struct bus *bus)
{
    GPtrArray *sorted = g_ptr_array_new();
    GPtrArray *active = g_ptr_array_new();
    GArray *ranges = g_array_new(FALSE, FALSE, sizeof(struct flat_range));

    for (unsigned i = 0; i < bus->mappings->len; i++) {
        if (mapping_visible(bus->mappings->pdata[i])) {
            g_ptr_array_add(sorted, bus->mappings->pdata[i]);
        }
    }
    g_ptr_array_sort(sorted, compare_base);

    uint64_t address = 0;
    for (unsigned next = 0; next < sorted->len || active->len > 0;) {
        if (active->len == 0) {
            address = ((struct mapping *)sorted->pdata[next])->base;
        }
        while (next < sorted->len && ((struct mapping *)sorted->pdata[next])->base == address) {
            active_add(active, sorted->pdata[next++]);
        }
        uint64_t last = mapping_last(active->pdata[0]);
        if (next < sorted->len) {
            last = MIN(last, ((struct mapping *)sorted->pdata[next])->base - 1);
        }
        emit(ranges, active->pdata[0], address, last);
        address = last + 1;
        active_expire(active, address);
    }

    struct flat_view view = { .count = ranges->len };
    view.ranges = (struct flat_range *)g_array_free(ranges, FALSE);
    g_ptr_array_free(sorted, TRUE);
    g_ptr_array_free(active, TRUE);
    return view;
}

static bool view_equal(const struct flat_view *a, const struct flat_view *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (unsigned i = 0; i < a->count; i++) {
        const struct flat_range *x = &a->ranges[i], *y = &b->ranges[i];

        if (x->base != y->base || x->last != y->last || x->region != y->region ||
            x->region_offset != y->region_offset) {
            return false;
        }
    }
    return true;
}

static void port_index_build(struct bus *bus)
{
    memset(bus->port_index, 0, BUS_PORTS * sizeof(*bus->port_index));
    for (unsigned i = 0; i < bus->view.count; i++) {
        const struct flat_range *range = &bus->view.ranges[i];

        for (uint64_t port = range->base; port <= range->last; port++) {
            bus->port_index[port] = (uint16_t)(i + 1);
        }
    }
}

static void view_update(struct bus *bus)
{
    struct flat_view before = bus->view;
    struct flat_view after = view_compute(bus);

    bus->changed = false;
    if (view_equal(&before, &after)) {
        g_free(after.ranges);
        return;
    }
    bus->view = after;
    if (bus->port_index) {
        assert(after.count < BUS_PORTS);
        port_index_build(bus);
    }
    bus->notifying = true;
    for (unsigned i = 0; i < bus->listeners->len; i++) {
        struct bus_listener *listener = &g_array_index(bus->listeners, struct bus_listener, i);

        listener->fn(listener->arg, bus, &before, &after);
    }
    bus->notifying = false;
    g_free(before.ranges);
}

/* ---- changes ---- */

void bus_begin(struct bus *bus)
{
    bus->depth++;
}

void bus_commit(struct bus *bus)
{
    assert(bus->depth > 0);
    if (--bus->depth == 0 && bus->changed) {
        view_update(bus);
    }
}

static void mark_changed(struct bus *bus)
{
    assert(!bus->notifying);
    bus->changed = true;
    bus_begin(bus);
    bus_commit(bus);
}

struct mapping *bus_map_window(struct bus *bus, struct region *region, uint64_t offset, uint64_t size,
                               uint64_t base, int priority)
{
    struct mapping *mapping = g_new0(struct mapping, 1);

    assert(size > 0 && offset <= region->size && size <= region->size - offset);
    mapping->bus = bus;
    mapping->region = region;
    mapping->offset = offset;
    mapping->size = size;
    mapping->base = base;
    mapping->sequence = bus->next_sequence++;
    mapping->priority = priority;
    mapping->enabled = true;
    g_ptr_array_add(bus->mappings, mapping);
    mark_changed(bus);
    return mapping;
}

struct mapping *bus_map(struct bus *bus, struct region *region, uint64_t base, int priority)
{
    return bus_map_window(bus, region, 0, region->size, base, priority);
}

void bus_unmap(struct bus *bus, struct mapping *mapping)
{
    if (mapping == NULL) {
        return;
    }
    assert(mapping->bus == bus);
    g_ptr_array_remove(bus->mappings, mapping);
    mark_changed(bus);
}

void mapping_enable(struct mapping *mapping, bool enabled)
{
    if (mapping->enabled != enabled) {
        mapping->enabled = enabled;
        mark_changed(mapping->bus);
    }
}

void mapping_move(struct mapping *mapping, uint64_t base)
{
    if (mapping->base != base) {
        mapping->base = base;
        mark_changed(mapping->bus);
    }
}

void mapping_retarget(struct mapping *mapping, struct region *region)
{
    assert(mapping->offset + mapping->size <= region->size);
    if (mapping->region != region) {
        mapping->region = region;
        mark_changed(mapping->bus);
    }
}

/* ---- looking ---- */

void bus_listen(struct bus *bus, bus_listener_fn *fn, void *arg)
{
    struct bus_listener listener = { fn, arg };

    g_array_append_val(bus->listeners, listener);
}

void bus_unlisten(struct bus *bus, bus_listener_fn *fn, void *arg)
{
    for (unsigned i = 0; i < bus->listeners->len; i++) {
        struct bus_listener *listener = &g_array_index(bus->listeners, struct bus_listener, i);

        if (listener->fn == fn && listener->arg == arg) {
            g_array_remove_index(bus->listeners, i);
            return;
        }
    }
}

const struct flat_view *bus_view(const struct bus *bus)
{
    return &bus->view;
}

/* The number of the first range that ends at or after address; view.count if none. */
static unsigned lower_bound(const struct flat_view *view, uint64_t address)
{
    unsigned low = 0, high = view->count;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (view->ranges[middle].last < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct flat_range *bus_find(const struct bus *bus, uint64_t address)
{
    if (bus->port_index) {
        unsigned n = address < BUS_PORTS ? bus->port_index[address] : 0;

        return n ? &bus->view.ranges[n - 1] : NULL;
    }
    unsigned i = lower_bound(&bus->view, address);
    if (i < bus->view.count && bus->view.ranges[i].base <= address) {
        return &bus->view.ranges[i];
    }
    return NULL;
}

const struct flat_range *bus_find_extent(const struct bus *bus, uint64_t address, uint64_t *last)
{
    unsigned i = lower_bound(&bus->view, address);

    if (i == bus->view.count) {
        *last = UINT64_MAX;
        return NULL;
    }
    const struct flat_range *range = &bus->view.ranges[i];
    if (range->base > address) {
        *last = range->base - 1;
        return NULL;
    }
    *last = range->last;
    return range;
}

struct bus_stats bus_stats(const struct bus *bus)
{
    return bus->stats;
}

void bus_foreach_mapping(struct bus *bus,
                         void (*fn)(void *arg, const struct region *region, uint64_t base,
                                    uint64_t size, int priority, bool enabled),
                         void *arg)
{
    GPtrArray *sorted = g_ptr_array_new();

    for (unsigned i = 0; i < bus->mappings->len; i++) {
        g_ptr_array_add(sorted, bus->mappings->pdata[i]);
    }
    g_ptr_array_sort(sorted, compare_rank);
    for (unsigned i = 0; i < sorted->len; i++) {
        const struct mapping *mapping = sorted->pdata[i];

        fn(arg, mapping->region, mapping->base, mapping->size, mapping->priority, mapping->enabled);
    }
    g_ptr_array_free(sorted, TRUE);
}
