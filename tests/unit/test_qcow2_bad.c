/*
 * Damaged and malicious QCOW2 images: each gives one clear error, or works as far as it goes; none
 * may crash, hang or eat memory. The random part is meant for the sanitizer build;
 * VMM_BLOCK_FUZZ sets the number of images.
 */
#include "block/driver_impl.h"
#include "tests/support/block_test.h"
#include "tests/support/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <signal.h>

enum { DISK_BYTES = 1024 * 1024, SECONDS_MAX = 2 };

static const struct block_create_options variants[] = {
    {.cluster_bytes = 512},
    {.cluster_bytes = 4096, .version = 2},
    {.cluster_bytes = 4096, .lazy_refcounts = true, .refcount_bits = 1},
    {.cluster_bytes = 16384, .extended_l2 = true, .compression = "zstd"},
    {.cluster_bytes = 1024, .backing_name = "base.raw", .backing_format = "raw"},
};

/* A good image with data, compressed clusters and snapshots in it, as bytes. */
static uint8_t *make_image(const struct block_create_options *variant, gsize *length)
{
    g_autofree uint8_t *model = g_malloc0(DISK_BYTES);
    g_autofree uint8_t *packed = g_malloc(variant->cluster_bytes);
    struct block_create_options create = *variant;
    char *bytes;

    create.format = "qcow2";
    create.bytes = DISK_BYTES;
    create.have_bytes = true;
    block_test_put("base.raw", "base", 4);
    g_assert_true(block_create("good.qcow2", &create, NULL, NULL));
    struct block *block = block_test_open("good.qcow2", NULL);
    struct block_image *image = block_get_image(block);
    g_assert_cmpint(block_write(block, 4096, model, 300), ==, 0);
    (void)block_snapshot_create(block, "one", NULL, NULL);
    g_assert_cmpint(block_write(block, 0, "something", 9), ==, 0);
    g_assert_cmpint(block_write_zeroes(block, 65536, 65536), ==, 0);
    memset(model, 7, variant->cluster_bytes);
    size_t size = image->driver->pack(image, model, packed);
    g_assert_cmpint(image->driver->write_packed(image, 524288, packed, size), ==, 0);
    g_assert_cmpint(image->driver->write_packed(image, 655360, packed, size), ==, 0);
    (void)block_snapshot_create(block, "two", NULL, NULL);
    g_assert_cmpint(block_write(block, 700000, "else", 4), ==, 0);
    block_close(block);
    g_assert_true(g_file_get_contents("good.qcow2", &bytes, length, NULL));
    return (uint8_t *)bytes;
}

/* Somewhere that means something: mostly the header, or a 64-bit entry that is in use. */
static void damage(uint8_t *bytes, gsize length, GRand *random)
{
    static const uint64_t values[] = {
        0, 1, 511, 512, 4096, ~0ull, 1ull << 63, 1ull << 62, INT64_MAX, 3ull << 62, 1ull << 40};
    gsize at = (gsize)g_rand_int_range(random, 0, 112);

    if (g_rand_int_range(random, 0, 3) > 0) {
        unsigned tries = 0;
        do {
            at = (gsize)g_rand_int_range(random, 0, (gint32)(length / 8)) * 8;
        } while (memcmp(bytes + at, "\0\0\0\0\0\0\0", 8) == 0 && ++tries < 200);
    }
    switch (g_rand_int_range(random, 0, 4)) {
    case 0:
        bytes[at + (gsize)g_rand_int_range(random, 0, 8)] ^=
            (uint8_t)(1 << g_rand_int_range(random, 0, 8));
        break;
    case 1: {
        uint64_t value = values[g_rand_int_range(random, 0, G_N_ELEMENTS(values))];
        value = GUINT64_TO_BE(value);
        memcpy(bytes + at / 4 * 4, &value, 8);
        break;
    }
    case 2:
        bytes[at] = (uint8_t)g_rand_int(random);
        break;
    default: /* another entry's value */
        memmove(bytes + at / 8 * 8,
                bytes + (gsize)g_rand_int_range(random, 0, (gint32)(length / 8)) * 8, 8);
    }
}

static void use(const char *path, bool read_only, bool repair)
{
    struct block_options options = {.format = "qcow2",
                                    .read_only = read_only,
                                    .repair = repair,
                                    .no_backing = repair,
                                    .cache = BLOCK_CACHE_UNSAFE,
                                    .discard = true};
    g_autofree uint8_t *buffer = g_malloc(DISK_BYTES);
    GError *error = NULL;
    struct block *block = block_open(path, &options, NULL, &error);

    if (block == NULL) {
        g_assert_null(strchr(error->message, '\n'));
        g_clear_error(&error);
        return;
    }
    struct block_image *image = block_get_image(block);
    struct block_check check = {.repair = repair ? BLOCK_REPAIR_ALL : BLOCK_REPAIR_NOTHING};
    uint64_t bytes = MIN(block_size(block), DISK_BYTES);
    (void)block_read(block, 0, buffer, bytes);
    (void)image->driver->check(image, &check);
    if (!read_only && !repair && bytes >= 8192) {
        (void)block_write(block, bytes / 2, buffer, 5000 % (bytes / 2));
        (void)block_write(block, 0, buffer, 512);
        (void)block_discard(block, 0, bytes / 2);
        (void)block_snapshot_delete(block, "one", NULL);
        (void)block_snapshot_apply(block, "two", NULL);
        (void)block_snapshot_create(block, "three", NULL, NULL);
        bytes = MIN(block_size(block), DISK_BYTES);
        (void)block_write_zeroes(block, 0, bytes);
        (void)block_flush(block);
    }
    image->failed = false; /* no complaints at the end */
    image->read_only = true;

    block_close(block);
}

static void test_random(gconstpointer data)
{
    const char *wish = g_getenv("VMM_BLOCK_FUZZ");
    unsigned count = wish != NULL ? (unsigned)atoi(wish) : 1000;
    struct rlimit limit = {256 << 20, 256 << 20};
    g_autoptr(GRand) random = g_rand_new_with_seed(5);
    gsize length;

    block_test_begin();
    g_autofree uint8_t *good = make_image(data, &length);
    setrlimit(RLIMIT_FSIZE, &limit); /* no image may fill the host's disk */
    for (unsigned i = 0; i < count; i++) {
        g_autofree uint8_t *bad = g_memdup2(good, length);
        unsigned hits = (unsigned)g_rand_int_range(random, 1, 6);
        gint64 before = g_get_monotonic_time();
        while (hits-- > 0) {
            damage(bad, length, random);
        }
        block_test_put("bad.qcow2", bad, length);
        use("bad.qcow2", true, false);
        use("bad.qcow2", false, i % 4 == 0);
        gint64 taken = g_get_monotonic_time() - before;
        if (taken > SECONDS_MAX * G_USEC_PER_SEC) {
            g_error("image %u took %u ms", i, (unsigned)(taken / 1000));
        }
    }
    block_test_end();
}

/* That images are damaged is no news here. */
static void ignore_message(const char *text)
{
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    signal(SIGXFSZ, SIG_IGN);
    g_set_printerr_handler(ignore_message);
    for (unsigned i = 0; i < G_N_ELEMENTS(variants); i++) {
        g_autofree char *name = g_strdup_printf("/qcow2-bad/random/%u", i);
        g_test_add_data_func(name, &variants[i], test_random);
    }
    return g_test_run();
}
