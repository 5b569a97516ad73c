/*
 * -snapshot: the image stays as it was, the changes are seen through the layer, commit writes them
 * back.
 */
#include "block/block.h"
#include "block/driver_impl.h"
#include "tests/support/block_test.h"
#include "tests/support/test.h"

#include <errno.h>
#include <string.h>

enum { DISK_BYTES = 3 * 1024 * 1024 + 1536 };

static void test_model(gconstpointer data)
{
    const char *format = data;
    struct block_options options = {.format = format, .snapshot = true};
    g_autofree uint8_t *base = g_malloc0(DISK_BYTES);
    g_autofree uint8_t *model = g_malloc0(DISK_BYTES);
    g_autoptr(GRand) random = g_rand_new_with_seed(31);
    GError *error = NULL;

    block_test_begin();
    block_test_create("disk", format, DISK_BYTES, NULL);
    struct block *block = block_test_open("disk", NULL);
    block_test_hammer(block, base, DISK_BYTES, random, 100);
    block_close(block);
    memcpy(model, base, DISK_BYTES);
    block = block_test_open("disk", &options);
    g_assert_cmpstr(block_format(block), ==, format);
    g_assert_cmpstr(block_file_name(block), ==, "disk");
    g_assert_false(block_read_only(block));
    block_test_hammer(block, model, DISK_BYTES, random, 2000);
    block_test_same(block, model, DISK_BYTES);
    /* Two with -snapshot go together. */
    struct block *other = block_test_open("disk", &options);
    block_test_same(other, base, DISK_BYTES);
    g_assert_false(block_commit(block, &error));
    g_assert_error(error, BLOCK_ERROR, EBUSY);
    g_clear_error(&error);
    block_test_same(block, model, DISK_BYTES);
    block_close(other);
    /* Alone, it may commit; then go on. */
    g_assert_true(block_commit(block, &error));
    g_assert_no_error(error);
    memcpy(base, model, DISK_BYTES);
    block_test_same(block, base, DISK_BYTES);
    block_test_hammer(block, model, DISK_BYTES, random, 300);
    block_close(block);
    block = block_test_open("disk", NULL);
    block_test_same(block, base, DISK_BYTES);
    block_close(block);
    block_test_end();
}

static void test_commit_without(void)
{
    GError *error = NULL;

    block_test_begin();
    block_test_create("disk", "raw", DISK_BYTES, NULL);
    struct block *block = block_test_open("disk", NULL);
    g_assert_false(block_commit(block, &error));
    g_assert_error(error, BLOCK_ERROR, EINVAL);
    g_clear_error(&error);
    block_close(block);
    block_test_end();
}

static void test_status(void)
{
    struct block_options options = {.format = "raw", .snapshot = true};
    uint8_t byte = 1;
    uint64_t run;
    bool data;

    block_test_begin();
    block_test_create("disk", "raw", DISK_BYTES, NULL);
    struct block *block = block_test_open("disk", &options);
    g_assert_cmpint(block_status(block, 0, DISK_BYTES, &data, &run), ==, 0);
    g_assert_false(data);
    g_assert_cmpint(block_write(block, 100000, &byte, 1), ==, 0);
    g_assert_cmpint(block_status(block, 0, DISK_BYTES, &data, &run), ==, 0);
    g_assert_false(data);
    g_assert_cmpuint(run, ==, 98304);
    g_assert_cmpint(block_status(block, 98304, DISK_BYTES, &data, &run), ==, 0);
    g_assert_true(data);
    g_assert_cmpint(block_truncate(block, 512), ==, -ENOTSUP);
    block_close(block);
    block_test_end();
}

/* A disk of 1 TiB costs nothing until it is written. */
static void test_large(void)
{
    struct block_options options = {.format = "qcow", .snapshot = true};
    uint64_t bytes = 1ull << 40;
    uint8_t byte = 7;

    block_test_begin();
    block_test_create("disk", "qcow", bytes, NULL);
    struct block *block = block_test_open("disk", &options);
    g_assert_cmpint(block_write(block, bytes - 1, &byte, 1), ==, 0);
    byte = 0;
    g_assert_cmpint(block_read(block, bytes - 1, &byte, 1), ==, 0);
    g_assert_cmpuint(byte, ==, 7);
    block_close(block);
    block_test_end();
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_data_func("/overlay/model-raw", "raw", test_model);
    g_test_add_data_func("/overlay/model-qcow", "qcow", test_model);
    g_test_add_func("/overlay/commit-without", test_commit_without);
    g_test_add_func("/overlay/status", test_status);
    g_test_add_func("/overlay/large", test_large);
    return g_test_run();
}
