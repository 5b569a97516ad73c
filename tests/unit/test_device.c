/*
 * Creating devices, properties and their error messages, failure and destruction.
 */
#include "tests/support/test.h"

#include <string.h>

struct toy {
    struct device dev;
    bool flag;
    uint64_t number;
    char *text;
    bool broken;
    unsigned resets, drives;
    unsigned *destroyed; /* counts; set by tests */
    struct region regions[2];
};

static unsigned *destroy_counter(struct device *dev)
{
    return ((struct toy *)dev)->destroyed;
}

static bool toy_create(struct device *dev, GError **error)
{
    struct toy *toy = (struct toy *)dev;

    g_assert_nonnull(dev->machine);
    device_add_region(dev, &toy->regions[0]);
    device_add_region(dev, &toy->regions[1]);
    if (toy->broken) {
        g_set_error(error, g_quark_from_static_string("toy"), 1, "broken as told");
        return false;
    }
    return true;
}

static void toy_reset(struct device *dev)
{
    ((struct toy *)dev)->resets++;
}

static void toy_drive(struct device *dev)
{
    struct toy *toy = (struct toy *)dev;

    g_assert_cmpuint(toy->resets, >, toy->drives);
    toy->drives++;
}

static void toy_destroy(struct device *dev)
{
    if (destroy_counter(dev)) {
        ++*destroy_counter(dev);
    }
}

static const struct property toy_properties[] = {
    { "flag", PROPERTY_BOOL, offsetof(struct toy, flag), "on", "a flag" },
    { "number", PROPERTY_U64, offsetof(struct toy, number), "0x60", "a number" },
    { "text", PROPERTY_STRING, offsetof(struct toy, text), "hello", "a text" },
    { "broken", PROPERTY_BOOL, offsetof(struct toy, broken), NULL, "whether create fails" },
    { NULL },
};

static const struct device_class toy_class = {
    .name = "toy",
    .description = "for this test",
    .state_size = sizeof(struct toy),
    .properties = toy_properties,
    .create = toy_create,
    .reset = toy_reset,
    .drive = toy_drive,
    .destroy = toy_destroy,
};

static const struct device_class bare_class = {
    .name = "bare",
    .description = "nothing at all",
    .state_size = sizeof(struct device),
};

static void test_defaults(void)
{
    struct machine *machine = test_machine_create();
    struct toy *toy = (struct toy *)test_device_create(machine, &toy_class, "toy0", NULL);

    g_assert_true(toy->flag);
    g_assert_cmphex(toy->number, ==, 0x60);
    g_assert_cmpstr(toy->text, ==, "hello");
    g_assert_false(toy->broken);
    g_assert_cmpuint(toy->resets, ==, 1);
    g_assert_cmpuint(toy->drives, ==, 1);
    g_assert_cmpuint(toy->dev.region_count, ==, 2);
    g_assert_true(toy->dev.regions[1] == &toy->regions[1]);
    g_assert_true(machine_find_device(machine, "toy0") == &toy->dev);
    g_assert_null(machine_find_device(machine, "toy1"));

    /* A class without anything. */
    struct device *bare = test_device_create(machine, &bare_class, "bare0", NULL);
    device_destroy(bare);
    g_assert_null(machine_find_device(machine, "bare0"));
    device_destroy(NULL);
    test_machine_destroy(machine);
}

static void test_given(void)
{
    static const struct {
        const char *text;
        uint64_t value;
    } numbers[] = {
        { "0", 0 },           { "010", 8 },        { "0xf4", 0xf4 }, { "64k", 65536 }, { "2M", 2 << 20 },
        { "1G", 1ull << 30 }, { "3t", 3ull << 40 }, { "18446744073709551615", UINT64_MAX },
    };
    struct machine *machine = test_machine_create();

    for (unsigned i = 0; i < G_N_ELEMENTS(numbers); i++) {
        const char *given[] = { "number", numbers[i].text, "flag", i % 2 ? "off" : "TRUE", "text", "x", NULL };
        struct toy *toy = (struct toy *)test_device_create(machine, &toy_class, "toy", given);

        g_assert_cmphex(toy->number, ==, numbers[i].value);
        g_assert_true(toy->flag == (i % 2 == 0));
        g_assert_cmpstr(toy->text, ==, "x");
        device_destroy(&toy->dev);
    }
    test_machine_destroy(machine);
}

static void test_errors(void)
{
    static const struct {
        const char *name, *value, *message;
    } bad[] = {
        { "iobase", "1",
          "property 'iobase' of device 'toy' does not exist; known: flag, number, text, broken" },
        { "flag", "maybe", "property 'flag' of device 'toy' must be on or off, not 'maybe'" },
        { "number", "", "property 'number' of device 'toy' must be a number such as 64, 0x40 or 64k, not ''" },
        { "number", "-1", "property 'number' of device 'toy' must be a number such as 64, 0x40 or 64k, not '-1'" },
        { "number", "1kb", NULL },
        { "number", "1x", NULL },
        { "number", "18446744073709551616", NULL },
        { "number", "16777216T", NULL },
        { "number", "0x", NULL },
        { "broken", "yes", "broken as told" },
    };
    struct machine *machine = test_machine_create();

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        const char *given[] = { bad[i].name, bad[i].value, NULL };
        GError *error = NULL;

        g_assert_null(device_create(machine, &toy_class, "toy", given, &error));
        g_assert_nonnull(error);
        if (bad[i].message) {
            g_assert_cmpstr(error->message, ==, bad[i].message);
        }
        g_clear_error(&error);
        g_assert_cmpuint(machine->devices->len, ==, 0);
    }

    const char *any[] = { "x", "y", NULL };
    GError *error = NULL;
    g_assert_null(device_create(machine, &bare_class, "b", any, &error));
    g_assert_cmpstr(error->message, ==, "property 'x' of device 'bare' does not exist; known: none");
    g_clear_error(&error);

    test_device_create(machine, &bare_class, "twin", NULL);
    g_assert_null(device_create(machine, &bare_class, "twin", NULL, &error));
    g_assert_nonnull(strstr(error->message, "'twin' already"));
    g_clear_error(&error);
    test_machine_destroy(machine);
}

static void test_destroyed_by_machine(void)
{
    struct machine *machine = test_machine_create();
    unsigned destroyed = 0;

    for (unsigned i = 0; i < 3; i++) {
        char id[] = { (char)('a' + i), '\0' };
        struct toy *toy = (struct toy *)test_device_create(machine, &toy_class, id, NULL);

        toy->destroyed = &destroyed;
    }
    test_machine_destroy(machine);
    g_assert_cmpuint(destroyed, ==, 3);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/device/defaults", test_defaults);
    g_test_add_func("/device/given", test_given);
    g_test_add_func("/device/errors", test_errors);
    g_test_add_func("/device/destroyed-by-machine", test_destroyed_by_machine);
    return g_test_run();
}
