/*
 * Save, load, compare, print; readers of other versions; damaged and hostile data.
 */
#include "tests/support/test.h"

#include "core/state.h"

#include <string.h>

struct inner {
    uint8_t mode;
    int64_t since;
};

struct sample {
    struct device dev;
    bool flag;
    bool flags[3];
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    int32_t i32;
    uint16_t words[5];
    uint8_t bytes[100];
    struct inner one;
    struct inner many[3];
    struct ram *ram;
    uint32_t derived; /* not saved */
    unsigned resets, loads, drives;
};

static const struct field inner_fields[] = {
    FIELD_U8(struct inner, mode),
    FIELD_I64(struct inner, since),
    FIELD_END,
};

static const struct field fields[] = {
    FIELD_BOOL(struct sample, flag),
    FIELD_BOOL_ARRAY(struct sample, flags),
    FIELD_U8(struct sample, u8),
    FIELD_U16(struct sample, u16),
    FIELD_U32(struct sample, u32),
    FIELD_U64(struct sample, u64),
    FIELD_I32(struct sample, i32),
    FIELD_U16_ARRAY(struct sample, words),
    FIELD_BYTES(struct sample, bytes),
    FIELD_STRUCT(struct sample, one, inner_fields),
    FIELD_STRUCT_ARRAY(struct sample, many, inner_fields),
    FIELD_RAM(struct sample, ram),
    FIELD_END,
};

static void sample_init(struct sample *s)
{
    memset(s, 0, sizeof(*s));
    s->ram = ram_create("sample", 4 * RAM_PAGE_SIZE, NULL);
    g_assert_nonnull(s->ram);
}

static void sample_finish(struct sample *s)
{
    ram_destroy(s->ram);
}

static GByteArray *save(const struct field *table, const void *object)
{
    GByteArray *out = g_byte_array_new();

    state_save(table, object, out);
    return out;
}

static void assert_equal(const struct field *table, const void *a, const void *b)
{
    char *path = state_compare(table, a, b);

    g_assert_cmpstr(path, ==, NULL);
}

static void test_round_trip(void)
{
    struct test_random random = { 1 };
    struct sample a, b;

    sample_init(&a);
    sample_init(&b);
    for (unsigned i = 0; i < 50; i++) {
        state_randomize(fields, &a, test_random_fn, &random);
        a.ram->host[test_random_next(&random) % a.ram->size] = (uint8_t)i;
        b.ram->host[test_random_next(&random) % b.ram->size] = 0xee;
        GByteArray *saved = save(fields, &a);
        GError *error = NULL;

        g_assert_true(state_load(fields, &b, saved->data, saved->len, &error));
        g_assert_no_error(error);
        assert_equal(fields, &a, &b);
        g_byte_array_free(saved, TRUE);
    }
    g_assert_cmpuint(b.derived, ==, 0);
    sample_finish(&a);
    sample_finish(&b);
}

static void expect_difference(struct sample *a, struct sample *b, void *member, const char *path)
{
    ++*(uint8_t *)member;
    char *found = state_compare(fields, a, b);

    g_assert_cmpstr(found, ==, path);
    g_free(found);
    --*(uint8_t *)member;
}

static void test_compare(void)
{
    struct sample a, b;

    sample_init(&a);
    sample_init(&b);
    assert_equal(fields, &a, &b);
    expect_difference(&a, &b, &a.flag, "flag");
    expect_difference(&a, &b, &b.flags[2], "flags[2]");
    expect_difference(&a, &b, &b.u64, "u64");
    expect_difference(&a, &b, &a.words[4], "words[4]");
    expect_difference(&a, &b, &a.bytes[99], "bytes[99]");
    expect_difference(&a, &b, &a.one.since, "one.since");
    expect_difference(&a, &b, &a.many[1].mode, "many[1].mode");
    expect_difference(&a, &b, &a.ram->host[5000], "ram");
    a.derived++;
    assert_equal(fields, &a, &b);
    g_assert_null(state_compare(NULL, &a, &b));
    sample_finish(&a);
    sample_finish(&b);
}

static void test_print(void)
{
    struct sample a;
    GString *out = g_string_new(NULL);

    sample_init(&a);
    a.flag = true;
    a.u8 = 0xab;
    a.u64 = 0x123;
    a.i32 = -5;
    a.words[1] = 0xbeef;
    a.many[2].since = -1;
    a.bytes[0] = 0x0f;
    state_print(fields, &a, out);
    g_assert_true(g_str_has_prefix(out->str, "flag = 1\nflags = 0 0 0\nu8 = 0xab\nu16 = 0x0000\n"));
    g_assert_nonnull(strstr(out->str, "\nu64 = 0x0000000000000123\ni32 = -5\n"));
    g_assert_nonnull(strstr(out->str, "\nwords = 0x0000 0xbeef 0x0000 0x0000 0x0000\nbytes = 0f00"));
    g_assert_nonnull(strstr(out->str, "... (100)\none.mode = 0x00\n"));
    g_assert_nonnull(strstr(out->str, "\nmany[2].since = -1\n"));
    g_assert_true(g_str_has_suffix(out->str, "ram = 16384 bytes of memory\n"));
    g_string_free(out, TRUE);
    sample_finish(&a);
}

/* ---- other versions ---- */

struct old {
    uint8_t gone;
    uint32_t kept;
    uint16_t longer[4];
    uint16_t shorter[2];
};
struct new {
    uint32_t kept;
    uint16_t longer[2];
    uint16_t shorter[4];
    uint8_t added;
};
static const struct field old_fields[] = {
    FIELD_U8(struct old, gone),
    FIELD_U32(struct old, kept),
    FIELD_U16_ARRAY(struct old, longer),
    FIELD_U16_ARRAY(struct old, shorter),
    FIELD_END,
};
static const struct field new_fields[] = {
    FIELD_U8(struct new, added),
    FIELD_U16_ARRAY(struct new, shorter),
    FIELD_U16_ARRAY(struct new, longer),
    FIELD_U32(struct new, kept),
    FIELD_END,
};

static void test_versions(void)
{
    struct old old = { 1, 2, { 3, 4, 5, 6 }, { 7, 8 } };
    struct new new = { .added = 9, .shorter = { 10, 11, 12, 13 } };
    GByteArray *saved = save(old_fields, &old);
    GError *error = NULL;

    g_assert_true(state_load(new_fields, &new, saved->data, saved->len, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(new.kept, ==, 2);
    g_assert_cmpuint(new.longer[1], ==, 4);
    g_assert_cmpuint(new.shorter[1], ==, 8);
    g_assert_cmpuint(new.shorter[2], ==, 12);
    g_assert_cmpuint(new.added, ==, 9);
    g_byte_array_free(saved, TRUE);

    /* A field that changed its type is refused. */
    static const struct field clash[] = { { "kept", FIELD_TYPE_U64, 0, 8, 1, NULL }, FIELD_END };
    uint64_t kept = 0;
    saved = save(old_fields, &old);
    g_assert_false(state_load(clash, &kept, saved->data, saved->len, &error));
    g_assert_cmpstr(error->message, ==, "saved state is damaged: wrong type of field 'kept'");
    g_clear_error(&error);
    g_byte_array_free(saved, TRUE);
}

/* ---- damage ---- */

static void test_truncated(void)
{
    struct test_random random = { 5 };
    struct sample a, b;

    sample_init(&a);
    sample_init(&b);
    state_randomize(fields, &a, test_random_fn, &random);
    memset(a.ram->host + 100, 1, 10);
    GByteArray *saved = save(fields, &a);

    unsigned whole = 0;
    for (guint size = 0; size < saved->len; size++) {
        /* An exact copy, so that a read beyond it is seen by AddressSanitizer. */
        guint8 *copy = g_memdup2(saved->data, size);
        GError *error = NULL;

        if (state_load(fields, &b, copy, size, &error)) {
            whole++;
        } else {
            g_assert_nonnull(error);
            g_clear_error(&error);
        }
        g_free(copy);
    }
    /* Only cuts between records are fine: one before each of the 12. */
    g_assert_cmpuint(whole, ==, 12);
    g_byte_array_free(saved, TRUE);
    sample_finish(&a);
    sample_finish(&b);
}

static void assert_bools_valid(const struct sample *s)
{
    g_assert_cmpuint(*(const uint8_t *)&s->flag, <=, 1);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpuint(*(const uint8_t *)&s->flags[i], <=, 1);
    }
}

static void test_fuzz(void)
{
    struct test_random random = { 6 };
    struct sample a, b;

    sample_init(&a);
    sample_init(&b);
    a.ram->host[0] = 1;
    GByteArray *saved = save(fields, &a);
    for (unsigned round = 0; round < 20000; round++) {
        guint8 *copy = g_memdup2(saved->data, saved->len);
        /* Mostly in the small records, not in the page of memory. */
        guint reach = round % 4 ? MIN(saved->len, 700) : saved->len;
        unsigned hits = 1 + test_random_next(&random) % 4;

        for (unsigned i = 0; i < hits; i++) {
            uint64_t dice = test_random_next(&random);

            copy[(dice >> 8) % reach] = dice & 0x80 ? (uint8_t)(dice >> 56) : (uint8_t)(dice & 1) * 0xff;
        }
        state_load(fields, &b, copy, saved->len, NULL);
        assert_bools_valid(&b);
        g_free(copy);
    }
    for (unsigned round = 0; round < 20000; round++) {
        guint8 noise[64];

        for (unsigned i = 0; i < sizeof(noise); i++) {
            noise[i] = (uint8_t)(test_random_next(&random) % 8);
        }
        state_load(fields, &b, noise, test_random_next(&random) % sizeof(noise), NULL);
    }
    g_byte_array_free(saved, TRUE);
    sample_finish(&a);
    sample_finish(&b);
}

/* ---- the machine ---- */

static bool sample_create(struct device *dev, GError **error)
{
    ((struct sample *)dev)->ram = ram_create("sample", 4 * RAM_PAGE_SIZE, error);
    return ((struct sample *)dev)->ram != NULL;
}

static void sample_reset(struct device *dev)
{
    ((struct sample *)dev)->u32 = 0x1234;
    ((struct sample *)dev)->resets++;
}

static void sample_loaded(struct device *dev)
{
    struct sample *s = (struct sample *)dev;

    g_assert_cmpuint(s->drives, ==, 1);
    s->loads++;
}

static void sample_drive(struct device *dev)
{
    ((struct sample *)dev)->drives++;
}

static void sample_destroy(struct device *dev)
{
    sample_finish((struct sample *)dev);
}

static const struct device_class sample_class = {
    .name = "sample",
    .description = "for this test",
    .state_size = sizeof(struct sample),
    .fields = fields,
    .create = sample_create,
    .reset = sample_reset,
    .drive = sample_drive,
    .loaded = sample_loaded,
    .destroy = sample_destroy,
};

static struct machine *machine_with(const char *const *ids)
{
    struct machine *machine = test_machine_create();

    for (; *ids; ids++) {
        test_device_create(machine, &sample_class, *ids, NULL);
    }
    return machine;
}

static void test_machine_round_trip(void)
{
    static const char *const two[] = { "a", "b", NULL }, *const three[] = { "c", "b", "a", NULL };
    struct machine *m = machine_with(two), *n = machine_with(three);
    struct test_random random = { 9 };
    GByteArray *saved = g_byte_array_new();
    GError *error = NULL;

    test_advance(m, 12345);
    for (unsigned i = 0; i < 2; i++) {
        state_randomize(fields, g_ptr_array_index(m->devices, i), test_random_fn, &random);
    }
    state_save_machine(m, saved);
    ((struct sample *)machine_find_device(n, "c"))->u32 = 1;
    g_assert_true(state_load_machine(n, saved->data, saved->len, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(clock_now(n->guest_clock), ==, 12345);
    for (unsigned i = 0; i < 2; i++) {
        struct device *copy = machine_find_device(n, two[i]);

        test_assert_same_state(machine_find_device(m, two[i]), copy);
        g_assert_cmpuint(((struct sample *)copy)->loads, ==, 1);
        g_assert_cmpuint(((struct sample *)copy)->drives, ==, 2);
    }
    /* The device that was not saved is as after a reset. */
    g_assert_cmphex(((struct sample *)machine_find_device(n, "c"))->u32, ==, 0x1234);

    /* The other way round a device is missing. */
    g_byte_array_set_size(saved, 0);
    state_save_machine(n, saved);
    g_assert_false(state_load_machine(m, saved->data, saved->len, &error));
    g_assert_nonnull(strstr(error->message, "'c' (sample)"));
    g_clear_error(&error);
    g_byte_array_free(saved, TRUE);
    test_machine_destroy(m);
    test_machine_destroy(n);
}

static void test_machine_damage(void)
{
    static const char *const ids[] = { "a", NULL };
    struct machine *m = machine_with(ids);
    GByteArray *saved = g_byte_array_new();
    unsigned whole = 0;

    state_save_machine(m, saved);
    for (guint size = 0; size <= saved->len; size++) {
        guint8 *copy = g_memdup2(saved->data, size);
        GError *error = NULL;

        ((struct sample *)machine_find_device(m, "a"))->drives = 1;
        if (state_load_machine(m, copy, size, &error)) {
            whole++;
        } else {
            g_assert_nonnull(error);
            g_clear_error(&error);
        }
        g_free(copy);
    }
    /* Complete, or the header alone. */
    g_assert_cmpuint(whole, ==, 2);
    g_byte_array_free(saved, TRUE);
    test_machine_destroy(m);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/state/round-trip", test_round_trip);
    g_test_add_func("/state/compare", test_compare);
    g_test_add_func("/state/print", test_print);
    g_test_add_func("/state/versions", test_versions);
    g_test_add_func("/state/truncated", test_truncated);
    g_test_add_func("/state/fuzz", test_fuzz);
    g_test_add_func("/state/machine", test_machine_round_trip);
    g_test_add_func("/state/machine-damage", test_machine_damage);
    return g_test_run();
}
