/*
 * QCOW2 images that are refused or repaired: features, damaged counts, names of other files. Reading and
 * writing is in test_block_model.c.
 */
#include "block/driver_impl.h"
#include "tests/support/block_test.h"
#include "tests/support/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DISK_BYTES = 3 << 20 };

static void assert_clean(struct block *block)
{
    struct block_image *image = block_get_image(block);
    struct block_check check = {0};

    g_assert_cmpint(block_flush(block), ==, 0);
    g_assert_cmpint(image->driver->check(image, &check), ==, 0);
    g_assert_cmpuint(check.errors, ==, 0);
    g_assert_cmpuint(check.leaks, ==, 0);
}

/* ---- what is refused ---- */

static void patch(const char *path, uint64_t offset, const void *bytes, size_t count)
{
    struct block_options options = {.format = "raw"};
    struct block *block = block_test_open(path, &options);

    g_assert_cmpint(block_write(block, offset, bytes, count), ==, 0);
    block_close(block);
}

static void expect_refused(bool read_only, const char *words)
{
    struct block_options options = {.read_only = read_only};
    GError *error = NULL;

    g_assert_null(block_open("a.qcow2", &options, NULL, &error));
    if (strstr(error->message, words) == NULL) {
        g_error("'%s' does not say '%s'", error->message, words);
    }
    g_clear_error(&error);
}

static void test_features(void)
{
    block_test_begin();
    block_test_create("a.qcow2", "qcow2", DISK_BYTES, NULL);
    patch("a.qcow2", 72 + 6, "\x02", 1); /* incompatible bit 9 */
    expect_refused(true, "Unsupported qcow2 feature(s): unknown incompatible feature 0x200");
    patch("a.qcow2", 72 + 6, "\x00\x02", 2); /* corrupt */
    expect_refused(false, "Image is corrupt; cannot be opened read/write");
    struct block_options options = {.read_only = true};
    block_close(block_test_open("a.qcow2", &options));
    g_assert_cmpint(block_test_vmm_img(NULL, "check", "-q", "-r", "all", "a.qcow2", NULL), ==, 0);
    block_close(block_test_open("a.qcow2", NULL));
    patch("a.qcow2", 88, "\x80", 1); /* unknown autoclear bit */
    block_close(block_test_open("a.qcow2", NULL));
    uint8_t bit = 1;
    options.format = "raw";
    struct block *block = block_test_open("a.qcow2", &options);
    g_assert_cmpint(block_read(block, 88, &bit, 1), ==, 0);
    g_assert_cmpint(bit, ==, 0);
    block_close(block);
    patch("a.qcow2", 35, "\x01", 1); /* encrypted */
    expect_refused(true, "encrypted");
    block_test_end();
}

/* An image whose counts are lost is put right when it says so itself, and by a repair. */
static void test_repair(void)
{
    g_autofree uint8_t *model = g_malloc0(DISK_BYTES);
    g_autoptr(GRand) random = g_rand_new_with_seed(3);
    static const uint8_t zeroes[65536];

    block_test_begin();
    for (unsigned round = 0; round < 3; round++) {
        block_test_create("a.qcow2", "qcow2", DISK_BYTES, NULL);
        struct block *block = block_test_open("a.qcow2", NULL);
        block_test_fill(random, model, DISK_BYTES);
        g_assert_cmpint(block_write(block, 0, model, DISK_BYTES), ==, 0);
        block_close(block);
        if (round < 2) {
            patch("a.qcow2", 131072, zeroes, 65536); /* the refcount block */
        } else {
            patch("a.qcow2", 65536, "\x00\x00\x00\x00\x00\x07\x77\x77", 8); /* the table */
        }
        g_assert_cmpint(block_test_vmm_img(NULL, "check", "-q", "a.qcow2", NULL), ==, 2);
        if (round == 0) {
            patch("a.qcow2", 79, "\x01", 1); /* dirty: opening repairs */
        } else {
            g_assert_cmpint(block_test_vmm_img(NULL, "check", "-q", "-r", "all", "a.qcow2", NULL),
                            ==, 0);
        }
        block = block_test_open("a.qcow2", NULL);
        block_test_same(block, model, DISK_BYTES);
        assert_clean(block);
        block_close(block);
    }
    block_test_end();
}

/* A data file, or a backing file, that lies elsewhere is not opened. */
static void test_names(void)
{
    struct block_create_options create = {
        .format = "qcow2", .bytes = DISK_BYTES, .have_bytes = true, .data_file = "/tmp/vmm-x.data"};
    GError *error = NULL;

    block_test_begin();
    g_assert_true(block_create("a.qcow2", &create, NULL, &error));
    expect_refused(true, "wants the data file '/tmp/vmm-x.data', which is outside");
    remove("/tmp/vmm-x.data");
    create.data_file = NULL;
    create.backing_name = "/etc/passwd";
    create.backing_format = "raw";
    g_assert_true(block_create("a.qcow2", &create, NULL, &error));
    expect_refused(true, "wants the backing file '/etc/passwd', which is outside");
    block_test_end();
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/qcow2/features", test_features);
    g_test_add_func("/qcow2/repair", test_repair);
    g_test_add_func("/qcow2/names", test_names);
    return g_test_run();
}
