/*
 * Host files: all cache modes against a model, with operations of any alignment; holes; faults.
 */
#include "block/driver_impl.h"
#include "block/fault.h"
#include "tests/support/block_test.h"
#include "tests/support/test.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

enum { FILE_BYTES = 1024 * 1024, ROUNDS = 3000 };

static void test_modes(void)
{
    block_test_begin();
    for (unsigned mode = BLOCK_CACHE_WRITEBACK; mode <= BLOCK_CACHE_UNSAFE; mode++) {
        struct block_options options = {.cache = (enum block_cache)mode};
        g_autofree uint8_t *model = g_malloc0(FILE_BYTES);
        g_autofree uint8_t *buffer = g_malloc(FILE_BYTES);
        g_autoptr(GRand) random = g_rand_new_with_seed(50 + mode);
        GError *error = NULL;
        bool slow = mode == BLOCK_CACHE_WRITETHROUGH || mode == BLOCK_CACHE_DIRECTSYNC;
        struct block_file *file = block_file_open("file", &options, true, &error);
        if (file == NULL) {
            g_assert_error(error, BLOCK_ERROR, EINVAL);
            g_clear_error(&error);
            continue;
        }
        uint64_t end = 0;
        for (unsigned i = 0; i < (slow ? 60 : ROUNDS); i++) {
            uint64_t offset = (uint64_t)g_rand_int_range(random, 0, FILE_BYTES - 9000);
            size_t bytes = (size_t)g_rand_int_range(random, 1, 9000);
            g_assert_cmpint(block_file_read(file, offset, buffer, bytes), ==, 0);
            g_assert_cmpmem(buffer, bytes, model + offset, bytes);
            if (i % 8 == 7) {
                memset(model + offset, 0, bytes);
                g_assert_cmpint(block_file_zero(file, offset, bytes), ==, 0);
            } else {
                block_test_fill(random, model + offset, bytes);
                g_assert_cmpint(block_file_write(file, offset, model + offset, bytes), ==, 0);
                end = MAX(end, offset + bytes);
            }
        }
        g_assert_cmpuint(file->bytes, ==, end);
        block_file_close(file);
        GStatBuf st;
        g_assert_cmpint(g_stat("file", &st), ==, 0);
        g_assert_cmpuint((uint64_t)st.st_size, ==, end);
    }
    block_test_end();
}

static void test_holes(void)
{
    struct block_options options = {0};
    uint8_t byte = 1;
    bool data;
    uint64_t run;

    block_test_begin();
    struct block_file *file = block_file_open("file", &options, true, NULL);
    g_assert_cmpint(block_file_truncate(file, 1 << 20), ==, 0);
    g_assert_cmpint(block_file_write(file, 100000, &byte, 1), ==, 0);
    g_assert_cmpint(block_file_status(file, 0, 1 << 20, &data, &run), ==, 0);
    if (!data) { /* the file system knows holes */
        g_assert_cmpuint(run, <=, 100000);
        g_assert_cmpint(block_file_status(file, 100000, 1 << 20, &data, &run), ==, 0);
        g_assert_true(data);
        g_assert_cmpint(block_file_status(file, 200000, 1 << 20, &data, &run), ==, 0);
        g_assert_false(data);
    }
    g_assert_cmpint(block_file_status(file, 2 << 20, 512, &data, &run), ==, 0);
    g_assert_false(data);
    g_assert_cmpuint(run, ==, 512);
    g_assert_cmpint(block_file_write(file, UINT64_MAX - 5, &byte, 1), ==, -EFBIG);
    g_assert_cmpint(block_file_read(file, UINT64_MAX - 5, &byte, 1), ==, -EIO);
    block_file_close(file);
    block_test_end();
}

static void test_faults(void)
{
    struct block_fault *fault = block_fault_create();
    struct block_options options = {.fault = fault};
    struct block_fault_rule place = {
        .ops = BLOCK_FAULT_READ, .first = 1000, .last = 1999, .error = EIO};
    struct block_fault_rule torn = {
        .ops = BLOCK_FAULT_WRITE, .count = 1, .error = EIO, .partial = true};
    struct block_fault_rule cut = {.ops = BLOCK_FAULT_SYNC, .skip = 1, .error = EIO, .cut = true};
    uint8_t buffer[100];

    block_test_begin();
    struct block_file *file = block_file_open("file", &options, true, NULL);
    g_assert_cmpint(block_file_truncate(file, 4096), ==, 0);
    block_fault_add(fault, &place);
    g_assert_cmpint(block_file_read(file, 900, buffer, 100), ==, 0);
    g_assert_cmpint(block_file_read(file, 901, buffer, 100), ==, -EIO);
    g_assert_cmpint(block_file_read(file, 1999, buffer, 1), ==, -EIO);
    g_assert_cmpint(block_file_read(file, 2000, buffer, 100), ==, 0);
    block_fault_add(fault, &torn);
    memset(buffer, 7, 100);
    g_assert_cmpint(block_file_write(file, 0, buffer, 100), ==, -EIO);
    g_assert_cmpint(block_file_read(file, 0, buffer, 100), ==, 0);
    g_assert_cmpuint(buffer[49], ==, 7);
    g_assert_cmpuint(buffer[50], ==, 0);
    block_fault_add(fault, &cut);
    g_assert_cmpint(block_file_sync(file), ==, 0);
    g_assert_cmpint(block_file_sync(file), ==, -EIO);
    g_assert_cmpint(block_file_write(file, 0, buffer, 100), ==, -EIO);
    g_assert_cmpint(block_file_truncate(file, 0), ==, -EIO);
    block_fault_clear(fault);
    g_assert_cmpint(block_file_write(file, 0, buffer, 100), ==, 0);
    g_assert_cmpuint(block_fault_hits(fault), ==, 6);
    block_file_close(file);
    block_fault_destroy(fault);
    block_test_end();
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/block-file/modes", test_modes);
    g_test_add_func("/block-file/holes", test_holes);
    g_test_add_func("/block-file/faults", test_faults);
    return g_test_run();
}
