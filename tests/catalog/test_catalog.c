/*
 * Every device class, alone in a machine, with default properties and unconnected pins:
 *
 *   - reset gives what a fresh device has;
 *   - any content of the fields survives save and load;
 *   - a second drive() changes nothing: neither fields, nor lines, nor timers, nor mappings;
 *   - thousands of random accesses to every region, with random input lines and time passing, do no harm,
 *     and the state that results survives save and load and is gone after a reset;
 *   - now and then a copy is made by save and load, gets its input lines driven again, and must then answer
 *     every access just as the original does: state that is missing from the field table shows here.
 */
#include "tests/support/test.h"

#include "core/event.h"
#include "core/state.h"
#include "hw/catalog.h"

#include <string.h>

enum { ACCESSES = 20000, CHECK_EVERY = 1000, LOCKSTEP = 300, RAM_SIZE = 1 << 20 };

/* A machine with one device of the class. */
struct bench {
    struct machine *machine;
    struct ram *ram;
    struct device *dev;
    /* Each region also on a bus of its own, so that no mapping of the device hides it. */
    struct bus *buses[DEVICE_MAX_REGIONS];
};

static struct bench bench_create(const struct device_class *class)
{
    struct bench bench = { .machine = test_machine_create() };

    bench.ram = test_machine_add_ram(bench.machine, RAM_SIZE);
    bench.dev = test_device_create(bench.machine, class, "dut", NULL);
    for (unsigned i = 0; i < bench.dev->region_count; i++) {
        bench.buses[i] = bus_create("region", 52);
        bus_map(bench.buses[i], bench.dev->regions[i], 0, 0);
    }
    return bench;
}

static void bench_destroy(struct bench *bench)
{
    for (unsigned i = 0; i < bench->dev->region_count; i++) {
        bus_destroy(bench->buses[i]);
    }
    test_machine_destroy(bench->machine);
}

/* What is to be seen from outside: saved state, lines, deadlines, mappings. */
static GByteArray *outside(const struct bench *bench)
{
    GByteArray *out = g_byte_array_new();
    const struct device *dev = bench->dev;

    state_save(dev->class->fields, dev, out);
    for (unsigned i = 0; i < dev->input_count; i++) {
        g_byte_array_append(out, (const guint8 *)&dev->inputs[i].level, 1);
        g_byte_array_append(out, (const guint8 *)&dev->inputs[i].rises, sizeof(uint64_t));
    }
    uint64_t deadline = clock_deadline(bench->machine->guest_clock);
    g_byte_array_append(out, (const guint8 *)&deadline, sizeof(deadline));
    const struct bus *buses[] = { bench->machine->memory, bench->machine->io };
    for (unsigned i = 0; i < G_N_ELEMENTS(buses); i++) {
        const struct flat_view *view = bus_view(buses[i]);

        for (unsigned j = 0; j < view->count; j++) {
            const struct flat_range *r = &view->ranges[j];
            uint64_t row[] = { r->base, r->last, r->region_offset, r->region->kind };

            g_byte_array_append(out, (const guint8 *)row, sizeof(row));
        }
    }
    return out;
}

static void assert_same_outside(const struct bench *bench, GByteArray *before, const char *what)
{
    GByteArray *after = outside(bench);

    if (before->len != after->len || memcmp(before->data, after->data, before->len) != 0) {
        g_error("%s: %s changed something", bench->dev->class->name, what);
    }
    g_byte_array_free(after, TRUE);
    g_byte_array_free(before, TRUE);
}

static void assert_drive_idempotent(const struct bench *bench)
{
    GByteArray *before;

    device_drive(bench->dev);
    before = outside(bench);
    device_drive(bench->dev);
    assert_same_outside(bench, before, "a second drive");
}

/* A reset line does not clear memory chips, so their contents are no part of "as fresh". */
static void clear_memory(struct device *dev)
{
    for (const struct field *f = dev->class->fields; f && f->name; f++) {
        if (f->type == FIELD_TYPE_RAM) {
            struct ram *ram = *(struct ram **)((char *)dev + f->offset);

            memset(ram->host, 0, ram->size);
            ram_touched(ram, 0, ram->size);
        }
    }
}

/* Nor does it change these: fields whose contents survive a reset. */
static const struct {
    const char *device, *field;
} nonvolatile[] = {
    { "e1000", "eeprom" },
};

static void copy_nonvolatile(struct device *to, const struct device *from)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(nonvolatile); i++) {
        for (const struct field *f = to->class->fields; f && f->name; f++) {
            if (strcmp(to->class->name, nonvolatile[i].device) == 0 && strcmp(f->name, nonvolatile[i].field) == 0) {
                memcpy((char *)to + f->offset, (const char *)from + f->offset, f->size * f->count);
            }
        }
    }
}

/* Fresh devices are reset by bench_create(); another reset must be no different. */
static void assert_reset_is_fresh(const struct bench *bench)
{
    struct bench fresh = bench_create(bench->dev->class);

    clock_set(fresh.machine->guest_clock, clock_now(bench->machine->guest_clock));
    copy_nonvolatile(fresh.dev, bench->dev);
    device_reset(fresh.dev);
    device_reset(bench->dev);
    clear_memory(fresh.dev);
    clear_memory(bench->dev);
    test_assert_same_state(bench->dev, fresh.dev);
    assert_drive_idempotent(bench);
    bench_destroy(&fresh);
}

/* As a snapshot is loaded: at the same guest time, into a device that was just reset. */
static struct bench copy_by_save_and_load(const struct bench *bench)
{
    struct bench copy = bench_create(bench->dev->class);
    const struct field *fields = bench->dev->class->fields;
    GByteArray *saved = g_byte_array_new();
    GError *error = NULL;

    state_save(fields, bench->dev, saved);
    clock_set(copy.machine->guest_clock, clock_now(bench->machine->guest_clock));
    g_assert_true(state_load(fields, copy.dev, saved->data, saved->len, &error));
    g_assert_no_error(error);
    g_byte_array_free(saved, TRUE);
    return copy;
}

static void assert_survives_load(const struct bench *bench)
{
    struct bench copy = copy_by_save_and_load(bench);

    test_assert_same_state(bench->dev, copy.dev);
    if (copy.dev->class->loaded) {
        copy.dev->class->loaded(copy.dev);
    }
    device_drive(copy.dev);
    test_assert_same_state(bench->dev, copy.dev);
    bench_destroy(&copy);
}

static void test_fresh(gconstpointer data)
{
    struct bench bench = bench_create(data);

    assert_reset_is_fresh(&bench);
    assert_survives_load(&bench);
    test_machine_reset(bench.machine);
    assert_reset_is_fresh(&bench);
    bench_destroy(&bench);
}

/* Fields with any content at all, as a hostile snapshot may have it: they load as they are, and after that
 * the device may clamp them, but must live with them. */
static void test_random_fields(gconstpointer data)
{
    const struct device_class *class = data;
    struct test_random random = { 1 };

    for (unsigned round = 0; round < 20; round++) {
        struct bench bench = bench_create(class);

        state_randomize(class->fields, bench.dev, test_random_fn, &random);
        struct bench copy = copy_by_save_and_load(&bench);
        test_assert_same_state(bench.dev, copy.dev);
        if (class->loaded) {
            class->loaded(copy.dev);
        }
        device_drive(copy.dev);
        assert_drive_idempotent(&copy);
        assert_reset_is_fresh(&copy);
        bench_destroy(&copy);
        /* The first one was never told of its new fields: drive it into a sane state before it goes. */
        device_reset(bench.dev);
        bench_destroy(&bench);
    }
}

/* Time passes; a device that never lets time go on is stopped by the helper, one that fires all the time
 * (a timer of some ns) is given a bounded number of turns. */
static void pass_time(struct machine *machine, uint64_t ns)
{
    uint64_t target = clock_now(machine->guest_clock) + ns;

    for (unsigned turn = 0; turn < 1000; turn++) {
        uint64_t deadline = clock_deadline(machine->guest_clock);

        if (deadline > target) {
            break;
        }
        clock_set(machine->guest_clock, MAX(deadline, clock_now(machine->guest_clock)));
        clock_run(machine->guest_clock);
    }
    clock_set(machine->guest_clock, target);
    event_run(machine->events);
}

/* One random thing; returns what the device answered, if it was a read. */
static uint64_t random_access(struct bench *bench, struct test_random *random)
{
    struct device *dev = bench->dev;
    uint64_t dice = test_random_next(random);
    unsigned what = dice & 15;

    if (what == 0 && dev->input_count > 0) {
        irq_set(&dev->inputs[(dice >> 8) % dev->input_count], (dice >> 4) & 1);
    } else if (what == 1) {
        pass_time(bench->machine, (dice >> 8) % 2000000);
    } else if (dev->region_count > 0) {
        unsigned n = (unsigned)((dice >> 8) % dev->region_count);
        unsigned size = 1u << ((dice >> 4) & 3) % 3;
        uint64_t reach = dev->regions[n]->size - MIN(size, dev->regions[n]->size) + 1;
        uint64_t offset = (dice >> 16) % reach;

        /* Small values are what registers know. */
        uint64_t value = test_random_next(random) >> ((dice >> 6 & 3) * 16);
        if (what & 1) {
            bus_write(bench->buses[n], offset, value, size);
        } else {
            return bus_read(bench->buses[n], offset, size);
        }
    }
    return 0;
}

/* A copy, as a snapshot loaded into another machine: its memory is the same, and the drivers of its input
 * lines (which start low) drive them to the levels they had, which must not be taken for new edges. */
static struct bench full_copy(const struct bench *bench)
{
    struct bench copy = copy_by_save_and_load(bench);

    memcpy(copy.ram->host, bench->ram->host, RAM_SIZE);
    if (copy.dev->class->loaded) {
        copy.dev->class->loaded(copy.dev);
    }
    device_drive(copy.dev);
    for (unsigned i = 0; i < copy.dev->input_count; i++) {
        irq_set(&copy.dev->inputs[i], bench->dev->inputs[i].level);
    }
    test_assert_same_state(bench->dev, copy.dev);
    return copy;
}

static void assert_copy_behaves_the_same(struct bench *bench, uint64_t seed)
{
    struct bench copy = full_copy(bench);
    struct test_random random = { seed }, same = { seed };

    for (unsigned i = 0; i < LOCKSTEP; i++) {
        uint64_t answer = random_access(bench, &random);

        g_assert_cmphex(random_access(&copy, &same), ==, answer);
    }
    test_assert_same_state(bench->dev, copy.dev);
    g_assert_cmpint(memcmp(bench->ram->host, copy.ram->host, RAM_SIZE), ==, 0);
    bench_destroy(&copy);
}

static void test_random_accesses(gconstpointer data)
{
    struct bench bench = bench_create(data);
    struct test_random random = { 2 };

    for (unsigned i = 0; i < ACCESSES; i++) {
        random_access(&bench, &random);
        if (i % CHECK_EVERY == 0) {
            assert_drive_idempotent(&bench);
            assert_survives_load(&bench);
            test_run_events(bench.machine);
            assert_copy_behaves_the_same(&bench, i);
        }
    }
    test_run_events(bench.machine);
    assert_drive_idempotent(&bench);
    assert_survives_load(&bench);

    for (unsigned i = 0; i < bench.dev->input_count; i++) {
        irq_set(&bench.dev->inputs[i], false);
    }
    assert_reset_is_fresh(&bench);
    bench_destroy(&bench);
}

static void test_names(void)
{
    const struct device_class *const *classes = catalog_classes();

    for (unsigned i = 0; classes[i]; i++) {
        g_assert_nonnull(classes[i]->name);
        g_assert_nonnull(classes[i]->description);
        g_assert_true(catalog_find(classes[i]->name) == classes[i]);
    }
    g_assert_null(catalog_find("no such device"));
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*fn)(gconstpointer data);
    } tests[] = {
        { "fresh", test_fresh },
        { "random-fields", test_random_fields },
        { "random-accesses", test_random_accesses },
    };
    const struct device_class *const *classes = catalog_classes();

    test_main_init(&argc, &argv);
    g_test_add_func("/catalog/names", test_names);
    for (unsigned i = 0; classes[i]; i++) {
        for (unsigned j = 0; j < G_N_ELEMENTS(tests); j++) {
            char *path = g_strdup_printf("/catalog/%s/%s", classes[i]->name, tests[j].name);

            g_test_add_data_func(path, classes[i], tests[j].fn);
            g_free(path);
        }
    }
    return g_test_run();
}
