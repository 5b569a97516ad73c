/*
 * Line probes and register access by region.
 */
#include "tests/support/test.h"

#include <string.h>

static void probe_changed(void *sink, unsigned n, bool level)
{
    struct test_probe *probe = sink;

    probe->level = level;
    probe->rises += level;
    probe->falls += !level;
}

void test_probe_init(struct test_probe *probe, const char *name)
{
    memset(probe, 0, sizeof(*probe));
    irq_init(&probe->line, name, probe_changed, probe, 0);
}

void test_probe_clear(struct test_probe *probe)
{
    probe->rises = 0;
    probe->falls = 0;
}

/* A bus of its own for one access: slow, and exactly what the real one does. */
static struct bus *bus_of(struct region *region)
{
    struct bus *bus = bus_create("test", 52);

    bus_map(bus, region, 0, 0);
    return bus;
}

uint64_t test_region_read(struct region *region, uint64_t offset, unsigned size)
{
    struct bus *bus = bus_of(region);
    uint64_t value = bus_read(bus, offset, size);

    bus_destroy(bus);
    return value;
}

void test_region_write(struct region *region, uint64_t offset, uint64_t value, unsigned size)
{
    struct bus *bus = bus_of(region);

    bus_write(bus, offset, value, size);
    bus_destroy(bus);
}
