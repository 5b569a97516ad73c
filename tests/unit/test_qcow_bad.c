/*
 * Damaged and malicious QCOW images: each gives one clear error, or works as far as it goes; none
 * may crash, hang or eat memory. The random part is meant for the sanitizer build.
 */
#include "block/driver_impl.h"
#include "tests/support/block_test.h"
#include "tests/support/test.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

enum { DISK_BYTES = 1024 * 1024, FUZZ_ROUNDS = 20000 };

/* A good image with data in it, as bytes. */
static uint8_t *make_image(gsize *length, const char *backing)
{
    g_autofree uint8_t *model = g_malloc0(DISK_BYTES);
    g_autoptr(GRand) random = g_rand_new_with_seed(9);
    char *bytes;

    block_test_put("base.raw", "base", 4);
    block_test_create("good.qcow", "qcow", DISK_BYTES, backing);
    struct block *block = block_test_open("good.qcow", NULL);
    block_test_hammer(block, model, DISK_BYTES, random, 10);
    block_close(block);
    g_assert_true(g_file_get_contents("good.qcow", &bytes, length, NULL));
    return (uint8_t *)bytes;
}

static void assert_refused(const uint8_t *image, gsize length, const char *words)
{
    struct block_options options = {.format = "qcow"};
    GError *error = NULL;

    block_test_put("bad.qcow", image, length);
    struct block *block = block_open("bad.qcow", &options, NULL, &error);
    g_assert_null(block);
    g_assert_nonnull(error);
    g_assert_nonnull(strstr(error->message, "bad.qcow"));
    if (strstr(error->message, words) == NULL) {
        g_error("'%s' does not say '%s'", error->message, words);
    }
    g_assert_null(strchr(error->message, '\n'));
    g_clear_error(&error);
}

struct patch {
    unsigned offset;
    unsigned count;
    const char *bytes;
    const char *words;
};

static void test_headers(void)
{
    static const struct patch patches[] = {
        {0, 4, "QFJ\xfb", "not a QCOW"},
        {4, 4, "\0\0\0\2", "not a QCOW"},
        {24, 8, "\0\0\0\0\0\0\0\0", "disk's size"},
        {24, 8, "\0\0\0\0\0\0\0\1", "disk's size"},
        {24, 8, "\xff\xff\xff\xff\xff\xff\xff\xff", "disk's size"},
        {24, 8, "\x7f\xff\xff\xff\xff\xff\xff\xff", "L1 table is too large"},
        {24, 8, "\0\0\0\x0f\0\0\0\0", "outside the file"},
        {32, 1, "\0", "cluster size"},
        {32, 1, "\x08", "cluster size"},
        {32, 1, "\x11", "cluster size"},
        {32, 1, "\xff", "cluster size"},
        {33, 1, "\x05", "L2 table size"},
        {33, 1, "\x0e", "L2 table size"},
        {33, 1, "\xff", "L2 table size"},
        {36, 4, "\0\0\0\1", "encrypted"},
        {40, 8, "\0\0\0\0\0\0\0\0", "outside the file"},
        {40, 8, "\xff\xff\xff\xff\xff\xff\xff\xff", "outside the file"},
        {40, 8, "\0\0\0\0\x7f\0\0\0", "outside the file"},
        {16, 4, "\xff\xff\xff\xff", "name is too long"},
        {16, 4, "\0\0\4\0", "name is too long"},
        {8, 8, "\xff\xff\xff\xff\xff\xff\xff\xff", "outside the file"},
        {8, 8, "\0\0\0\0\0\0\0\1", "outside the file"},
        {48, 1, "\0", "not a text"},
        {48, 1, "\xff", "not a text"},
        {48, 1, "/", "No such file"},
    };
    gsize length;

    block_test_begin();
    g_autofree uint8_t *good = make_image(&length, "base.raw");
    for (unsigned i = 0; i < G_N_ELEMENTS(patches); i++) {
        g_autofree uint8_t *bad = g_memdup2(good, length);
        memcpy(bad + patches[i].offset, patches[i].bytes, patches[i].count);
        assert_refused(bad, length, patches[i].words);
    }
    assert_refused(good, 0, "shorter");
    assert_refused(good, 20, "shorter");
    assert_refused(good, 47, "shorter");
    assert_refused(good, 60, "outside the file");
    block_test_end();
}

static void assert_backing_refused(const char *name, const char *words)
{
    struct block_create_options create = {
        .format = "qcow", .bytes = DISK_BYTES, .have_bytes = true, .backing_name = name};
    struct block_options trusting = {.allow_backing = true};
    GError *error = NULL;

    g_assert_true(block_create("a.qcow", &create, NULL, &error));
    g_assert_null(block_open("a.qcow", NULL, NULL, &error));
    g_assert_error(error, BLOCK_ERROR, EPERM);
    g_assert_nonnull(strstr(error->message, words));
    g_clear_error(&error);
    struct block *block = block_test_open("a.qcow", &trusting);
    block_close(block);
}

static void test_backing_rules(void)
{
    GError *error = NULL;

    block_test_begin();
    g_autofree char *folder = g_get_current_dir();
    g_autofree char *inside = g_build_filename(folder, "base.raw", NULL);
    assert_backing_refused("/proc/self/status", "outside the image's folder");
    block_test_put("base.raw", "base", 4);
    /* Without a format a backing file may be any that stands alone. */
    block_test_create("c.qcow", "qcow", DISK_BYTES, NULL);
    block_test_create("a.qcow", "qcow", DISK_BYTES, "c.qcow");
    block_close(block_test_open("a.qcow", NULL));
    block_test_create("c.qcow", "qcow", DISK_BYTES, "base.raw");
    assert_backing_refused("c.qcow", "a backing file without a format, has a backing file");
    block_test_create("a.qcow", "qcow", DISK_BYTES, inside);
    struct block *block = block_test_open("a.qcow", NULL);
    block_close(block);
    /* A circle, which only a trusting user can get into. */
    struct block_options trusting = {.allow_backing = true, .read_only = true};
    block_test_create("d.qcow", "qcow", DISK_BYTES, "a.qcow");
    block_test_create("a.qcow", "qcow", DISK_BYTES, "d.qcow");
    g_assert_null(block_open("a.qcow", &trusting, NULL, &error));
    g_assert_error(error, BLOCK_ERROR, ELOOP);
    g_clear_error(&error);
    block_test_end();
}

/* Entries that point at nothing, at the header, beyond everything: errors for that place only. */
static void test_entries(void)
{
    static const uint64_t values[] = {1,         48,         1ull << 40, 1ull << 62,
                                      INT64_MAX, 1ull << 63, UINT64_MAX, (1ull << 63) | 100};
    uint8_t buffer[1024] = {0};
    gsize length;

    block_test_begin();
    g_autofree uint8_t *good = make_image(&length, NULL);
    uint64_t l2_offset;
    memcpy(&l2_offset, good + 48, 8);
    l2_offset = GUINT64_FROM_BE(l2_offset);
    for (unsigned level = 0; level < 2; level++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(values); i++) {
            g_autofree uint8_t *bad = g_memdup2(good, length);
            uint64_t value = GUINT64_TO_BE(values[i]);
            memcpy(bad + (level == 0 ? 48 : l2_offset), &value, 8);
            block_test_put("bad.qcow", bad, length);
            struct block *block = block_test_open("bad.qcow", NULL);
            g_assert_cmpint(block_read(block, 100, buffer, 1000), ==, -EIO);
            g_assert_cmpint(block_write(block, 100, buffer, 1000), ==, -EIO);
            block_close(block);
        }
    }
    block_test_end();
}

/* ---- random damage ---- */

static void try_image(GRand *random)
{
    struct block_options options = {.format = "qcow", .no_lock = true, .cache = BLOCK_CACHE_UNSAFE};
    GError *error = NULL;
    struct block_check check = {0};
    static uint8_t buffer[20000];
    struct block *block = block_open("fuzz.qcow", &options, NULL, &error);

    if (block == NULL) {
        g_assert_nonnull(error);
        g_clear_error(&error);
        return;
    }
    uint64_t size = block_size(block);
    for (unsigned i = 0; i < 6; i++) {
        uint64_t offset = (uint64_t)(g_rand_double(random) * (double)MIN(size, DISK_BYTES));
        size_t bytes =
            (size_t)MIN(size - offset, (uint64_t)g_rand_int_range(random, 1, sizeof(buffer)));
        bool data;
        uint64_t run;
        (void)block_read(block, offset, buffer, bytes);
        (void)block_status(block, offset, size - offset, &data, &run);
        if (i % 2 == 1) {
            (void)block_write(block, offset, buffer, bytes);
        }
    }
    struct block_image *image = block_get_image(block);
    (void)image->driver->check(image, &check);
    image->read_only = true; /* what a flush of a broken image says is of no interest */
    block_close(block);
}

static void test_fuzz(void)
{
    static const uint8_t nasty[] = {0, 1, 0x7f, 0x80, 0xff, 9, 12, 16};
    g_autoptr(GRand) random = g_rand_new_with_seed(10);
    gsize length[2];

    block_test_begin();
    g_autofree uint8_t *plain = make_image(&length[0], NULL);
    g_autofree uint8_t *backed = make_image(&length[1], "base.raw");
    const uint8_t *good[2] = {plain, backed};
    for (unsigned i = 0; i < FUZZ_ROUNDS; i++) {
        unsigned which = i % 2;
        g_autofree uint8_t *bad = g_memdup2(good[which], length[which]);
        unsigned count = (unsigned)g_rand_int_range(random, 1, 6);
        for (unsigned k = 0; k < count; k++) {
            /* Mostly the header and the L1 table, else anywhere. */
            gint32 end =
                g_rand_int_range(random, 0, 3) != 0 ? 72 : (gint32)MIN(length[which], 16384);
            bad[g_rand_int_range(random, 0, end)] =
                g_rand_boolean(random) ? nasty[g_rand_int_range(random, 0, sizeof(nasty))]
                                       : (uint8_t)g_rand_int(random);
        }
        /* Short images keep this fast; a part of them is cut off as well. */
        gsize keep = MIN(length[which], 65536);
        block_test_put("fuzz.qcow", bad,
                       g_rand_int_range(random, 0, 20) == 0
                           ? (gsize)g_rand_int_range(random, 0, (gint32)keep)
                           : keep);
        try_image(random);
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    g_test_message("largest memory: %ld KiB", usage.ru_maxrss);
#ifndef VMM_SANITIZE
    g_assert_cmpint(usage.ru_maxrss, <, 256 * 1024);
#endif
    block_test_end();
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/qcow-bad/headers", test_headers);
    g_test_add_func("/qcow-bad/backing-rules", test_backing_rules);
    g_test_add_func("/qcow-bad/entries", test_entries);
    g_test_add_func("/qcow-bad/fuzz", test_fuzz);
    return g_test_run();
}
