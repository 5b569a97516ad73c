/* The trail of device accesses: what it remembers, and its counts by register and instruction. */
#include "core/trail.h"

#include <string.h>

#include "core/machine.h"
#include "tests/support/test.h"

static uint64_t one_read(void *arg, uint64_t offset, unsigned size)
{
    return 0x5a;
}

static void no_write(void *arg, uint64_t offset, uint64_t value, unsigned size)
{
}

static const struct region_ops ops = {.read = one_read, .write = no_write, .min_size = 1, .max_size = 4};

static const struct trail_count *find(const struct trail *trail, uint64_t address, uint64_t rip)
{
    for (unsigned i = 0; i < TRAIL_COUNTS; i++) {
        const struct trail_count *c = &trail->counts[i];
        if (c->bus != NULL && c->address == address && c->rip == rip) {
            return c;
        }
    }
    return NULL;
}

static void test_counts(void)
{
    struct machine *machine = machine_create(NULL);
    struct trail *trail = &machine->trail;
    struct region region;

    region_init_io(&region, "device", 0x1000, &ops, NULL);
    bus_map(machine->io, &region, 0x1000, 0);
    lock_acquire(&machine->lock);
    trail->rip = 0x7c00;
    g_assert_cmphex(bus_read(machine->io, 0x1004, 1), ==, 0x5a);
    bus_write(machine->io, 0x1004, 7, 2);
    trail->rip = 0x7c05;
    bus_write(machine->io, 0x1004, 8, 4);
    g_assert_cmpuint(trail->count, ==, 3);
    g_assert_cmphex(trail->entries[1].value, ==, 7);
    g_assert_cmpuint(find(trail, 0x1004, 0x7c00)->reads, ==, 1);
    g_assert_cmpuint(find(trail, 0x1004, 0x7c00)->writes, ==, 1);
    g_assert_cmpuint(find(trail, 0x1004, 0x7c05)->writes, ==, 1);
    g_assert_null(find(trail, 0x1005, 0x7c05));

    /* More places than there is room for: none is lost while its register has a row for the rest. */
    for (unsigned i = 0; i < 100000; i++) {
        trail->rip = 0x100000 + i;
        (void)bus_read(machine->io, 0x1008, 1);
    }
    uint64_t sum = 0;
    for (unsigned i = 0; i < TRAIL_COUNTS; i++) {
        sum += trail->counts[i].bus != NULL && trail->counts[i].address == 0x1008 ? trail->counts[i].reads : 0;
    }
    g_test_message("%u of 100000 counted", (unsigned)sum);
    g_assert_cmpuint(sum, >, 1000);
    lock_release(&machine->lock);
    machine_destroy(machine);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/trail/counts", test_counts);
    return g_test_run();
}
