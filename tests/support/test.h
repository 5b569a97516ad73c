/*
 * Helpers for all unit tests: a machine without CPUs whose guest time the test moves by hand, scratch RAM, a
 * probe for lines, a clock source with settable time, and pseudo-random numbers.
 *
 * A test program is
 *
 *     int main(int argc, char **argv)
 *     {
 *         test_main_init(&argc, &argv);
 *         g_test_add_func("/i8254/mode0", test_mode0);
 *         return g_test_run();
 *     }
 */
#ifndef TESTS_SUPPORT_TEST_H
#define TESTS_SUPPORT_TEST_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/bus.h"
#include "core/clock.h"
#include "core/device.h"
#include "core/irq.h"
#include "core/machine.h"
#include "core/ram.h"

/* g_test_init(), with TAP output unless the command line has options of its own. */
void test_main_init(int *argc, char ***argv);

/* A clock source: pass test_time_source and a struct test_time to clock_create(). */
struct test_time {
    uint64_t now; /* ns; set by the test */
};
uint64_t test_time_source(void *time);

/* Where the RTC clock of a test machine stands: 2007-01-01 00:00:00 UTC. */
#define TEST_RTC_SECONDS 1167609600ull

/* A machine without CPUs and log. The guest clock runs but stands at 0 until test_advance() moves it; the
 * RTC clock is stopped at TEST_RTC_SECONDS. The machine lock is held, so that devices may be called at once. */
struct machine *test_machine_create(void);
/* Destroys it with all devices; the lock may be held or not. */
void test_machine_destroy(struct machine *machine);
/* machine_reset() (two phases, all devices) for a machine whose lock is held. */
void test_machine_reset(struct machine *machine);

/* Moves guest time on by ns, firing every timer at its deadline (with the clock standing at exactly it). */
void test_advance(struct machine *machine, uint64_t ns);
/* Runs events posted so far and those that they post, until none is left. Returns how many. */
unsigned test_run_events(struct machine *machine);

/* Gives the machine `size` bytes of RAM at address 0, owned by it. Priority 0. */
struct ram *test_machine_add_ram(struct machine *machine, uint64_t size);

/* device_create() that must succeed, and a device_reset(). properties as there. */
struct device *test_device_create(struct machine *machine, const struct device_class *class,
                                  const char *id, const char *const *properties);

/* Connects an output: probe.line is the wire to give to the device. */
struct test_probe {
    struct irq line;
    bool level;
    unsigned rises, falls;
};
void test_probe_init(struct test_probe *probe, const char *name);
/* Sets the counts to 0; the level stays. */
void test_probe_clear(struct test_probe *probe);

/* Register access to a region without a bus mapping: by offset, through ops, as the bus would do it. */
uint64_t test_region_read(struct region *region, uint64_t offset, unsigned size);
void test_region_write(struct region *region, uint64_t offset, uint64_t value, unsigned size);

/* splitmix64: the same numbers on every host. */
struct test_random {
    uint64_t state;
};
uint64_t test_random_next(struct test_random *random);
/* The same in the form that state_randomize() wants; arg is a struct test_random. */
uint64_t test_random_fn(void *arg);

/* Fails with both texts if the two saved states of the device differ. Saves with state_save(). */
void test_assert_same_state(const struct device *a, const struct device *b);

#endif
