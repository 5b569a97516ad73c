/*
 * A machine for tests: no CPUs, guest time moved by hand, scratch RAM.
 */
#include "tests/support/test.h"

#include "core/event.h"
#include "core/state.h"

/* The guest clock's source stands still; test_advance() steps the clock itself. */
static uint64_t no_time(void *arg)
{
    return 0;
}

struct machine *test_machine_create(void)
{
    struct machine *machine = machine_create(NULL);

    clock_set_source(machine->guest_clock, no_time, NULL);
    clock_start(machine->guest_clock);
    clock_stop(machine->rtc_clock);
    clock_set(machine->rtc_clock, TEST_RTC_SECONDS * NS_PER_SECOND);
    lock_acquire(&machine->lock);
    return machine;
}

void test_machine_destroy(struct machine *machine)
{
    if (lock_held(&machine->lock)) {
        lock_release(&machine->lock);
    }
    machine_destroy(machine);
}

void test_machine_reset(struct machine *machine)
{
    lock_release(&machine->lock);
    machine_reset(machine);
    lock_acquire(&machine->lock);
}

void test_advance(struct machine *machine, uint64_t ns)
{
    struct clock *clock = machine->guest_clock;
    uint64_t target = clock_now(clock) + ns;

    while (clock_deadline(clock) <= target) {
        if (clock_deadline(clock) > clock_now(clock)) {
            clock_set(clock, clock_deadline(clock));
        }
        /* More at one moment than clock_run() fires in a call is a device that never lets time go on. */
        g_assert_cmpuint(clock_run(clock), <, 1000);
    }
    clock_set(clock, target);
}

unsigned test_run_events(struct machine *machine)
{
    unsigned count = 0;

    while (event_pending(machine->events)) {
        count += event_run(machine->events);
        g_assert_cmpuint(count, <, 1000000);
    }
    return count;
}

struct test_ram {
    struct device dev;
    uint64_t size;
    struct ram *ram;
    struct region region;
    struct mapping *mapping;
};

static bool test_ram_create(struct device *dev, GError **error)
{
    struct test_ram *self = (struct test_ram *)dev;

    self->ram = ram_create("scratch", self->size, error);
    if (self->ram == NULL) {
        return false;
    }
    region_init_ram(&self->region, "scratch", self->ram, 0, self->ram->size);
    self->mapping = bus_map(dev->machine->memory, &self->region, 0, 0);
    return true;
}

static void test_ram_destroy(struct device *dev)
{
    struct test_ram *self = (struct test_ram *)dev;

    bus_unmap(dev->machine->memory, self->mapping);
    ram_destroy(self->ram);
}

static const struct property test_ram_properties[] = {
    { "size", PROPERTY_U64, offsetof(struct test_ram, size), "1M", "bytes" },
    { NULL },
};

static const struct device_class test_ram_class = {
    .name = "test-ram",
    .description = "scratch RAM of tests",
    .state_size = sizeof(struct test_ram),
    .properties = test_ram_properties,
    .create = test_ram_create,
    .destroy = test_ram_destroy,
};

struct ram *test_machine_add_ram(struct machine *machine, uint64_t size)
{
    char *text = g_strdup_printf("%" G_GUINT64_FORMAT, size);
    const char *properties[] = { "size", text, NULL };
    struct device *dev = test_device_create(machine, &test_ram_class, "test-ram", properties);

    g_free(text);
    return ((struct test_ram *)dev)->ram;
}

struct device *test_device_create(struct machine *machine, const struct device_class *class,
                                  const char *id, const char *const *properties)
{
    GError *error = NULL;
    struct device *dev = device_create(machine, class, id, properties, &error);

    g_assert_no_error(error);
    g_assert_nonnull(dev);
    device_reset(dev);
    return dev;
}

void test_assert_same_state(const struct device *a, const struct device *b)
{
    char *path = state_compare(a->class->fields, a, b);

    if (path) {
        GString *left = g_string_new(NULL), *right = g_string_new(NULL);

        state_print(a->class->fields, a, left);
        state_print(b->class->fields, b, right);
        g_error("states of '%s' differ in %s:\n%s---\n%s", a->class->name, path, left->str, right->str);
    }
}
