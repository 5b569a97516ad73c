/*
 * Settings of an image: detect-zeroes, discard, aio; on the worker and on libaio.
 */
#include "tests/support/test.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "core/event.h"
#include "block/error_policy.h"
#include "tests/support/block_test.h"

enum { DISK_BYTES = 4 << 20, PIECE = 1 << 20 };

static uint64_t allocated(const char *path)
{
    struct stat st;

    g_assert_cmpint(stat(path, &st), ==, 0);
    return (uint64_t)st.st_blocks * 512;
}

/* A disk full of data; then zeroes are written over a quarter of it. Returns what is allocated then. */
static uint64_t write_zeroes(const struct block_options *options, struct event_queue *queue)
{
    g_autofree uint8_t *data = g_malloc(DISK_BYTES);
    GError *error = NULL;

    block_test_create("disk", options->format, DISK_BYTES, NULL);
    memset(data, 0x55, DISK_BYTES);
    struct block *block = block_open("disk", options, queue, &error);
    g_assert_no_error(error);
    g_assert_cmpint(block_write(block, 0, data, DISK_BYTES), ==, 0);
    g_assert_cmpint(block_flush(block), ==, 0);
    memset(data + PIECE, 0, PIECE);
    g_assert_cmpint(block_write(block, PIECE, data + PIECE, PIECE), ==, 0);
    /* Almost zeroes are data. */
    memset(data, 0, PIECE);
    data[PIECE - 1] = 1;
    g_assert_cmpint(block_write(block, 0, data, PIECE), ==, 0);
    g_assert_cmpint(block_flush(block), ==, 0);
    block_test_same(block, data, DISK_BYTES);
    block_close(block);
    return allocated("disk");
}

static void test_detect_zeroes(gconstpointer direct)
{
    struct block_options options = {.format = "raw",
                                    .cache = direct != NULL ? BLOCK_CACHE_NONE : BLOCK_CACHE_WRITEBACK};
    struct event_queue *queue = event_queue_create();

    block_test_begin();
    uint64_t off = write_zeroes(&options, queue);
    options.detect_zeroes = BLOCK_DETECT_ZEROES_ON;
    uint64_t on = write_zeroes(&options, queue);
    options.discard = true;
    options.detect_zeroes = BLOCK_DETECT_ZEROES_UNMAP;
    uint64_t unmap = write_zeroes(&options, queue);
    g_assert_cmpuint(on, ==, off); /* the space stays */
    g_assert_cmpuint(unmap, <=, off - PIECE);
    block_test_end();
    event_queue_destroy(queue);
}

static void test_detect_zeroes_qcow2(void)
{
    struct block_options options = {.format = "qcow2", .detect_zeroes = BLOCK_DETECT_ZEROES_ON};
    struct block_options again = {.format = "qcow2", .read_only = true};
    uint64_t run;
    bool data;

    block_test_begin();
    write_zeroes(&options, NULL);
    struct block *block = block_test_open("disk", &again);
    g_assert_cmpint(block_status(block, PIECE, DISK_BYTES - PIECE, &data, &run), ==, 0);
    g_assert_false(data);
    g_assert_cmpuint(run, ==, PIECE);
    block_close(block);
    block_test_end();
}

static void test_discard(void)
{
    struct block_options options = {.format = "raw"};
    g_autofree uint8_t *data = g_malloc(DISK_BYTES);

    block_test_begin();
    memset(data, 7, DISK_BYTES);
    block_test_put("disk", data, DISK_BYTES);
    struct block *block = block_test_open("disk", &options);
    g_assert_cmpint(block_discard(block, 0, PIECE), ==, 0);
    block_test_same(block, data, DISK_BYTES);
    block_close(block);
    options.discard = true;
    block = block_test_open("disk", &options);
    g_assert_cmpint(block_discard(block, 0, PIECE), ==, 0);
    memset(data, 0, PIECE);
    block_test_same(block, data, DISK_BYTES);
    block_close(block);
    g_assert_cmpuint(allocated("disk"), <=, DISK_BYTES - PIECE);
    block_test_end();
}

static void test_contradictions(void)
{
    static const struct {
        struct block_options options;
        const char *words;
    } rows[] = {
        {{.aio = BLOCK_AIO_NATIVE}, "cache=none"},
        {{.aio = BLOCK_AIO_NATIVE, .cache = BLOCK_CACHE_WRITETHROUGH}, "cache=none"},
        {{.detect_zeroes = BLOCK_DETECT_ZEROES_UNMAP}, "discard=unmap"},
    };

    block_test_begin();
    block_test_create("disk", "raw", DISK_BYTES, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        GError *error = NULL;
        g_assert_null(block_open("disk", &rows[i].options, NULL, &error));
        g_assert_nonnull(strstr(error->message, rows[i].words));
        g_clear_error(&error);
    }
    block_test_end();
}

static void test_error_policy(void)
{
    enum block_error_policy p;

    g_assert_true(block_error_policy_parse("enospc", &p));
    g_assert_cmpint(block_error_action(p, true, -ENOSPC), ==, BLOCK_ON_ERROR_STOP);
    g_assert_cmpint(block_error_action(p, true, -EIO), ==, BLOCK_ON_ERROR_REPORT);
    g_assert_true(block_error_policy_parse(NULL, &p));
    g_assert_cmpint(block_error_action(p, false, -ENOSPC), ==, BLOCK_ON_ERROR_REPORT);
    g_assert_cmpint(block_error_action(p, true, -ENOSPC), ==, BLOCK_ON_ERROR_STOP);
    g_assert_true(block_error_policy_parse("ignore", &p));
    g_assert_cmpint(block_error_action(p, false, -EIO), ==, BLOCK_ON_ERROR_IGNORE);
    g_assert_false(block_error_policy_parse("panic", &p));
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_data_func("/block-options/detect-zeroes/worker", NULL, test_detect_zeroes);
    g_test_add_data_func("/block-options/detect-zeroes/libaio", "direct", test_detect_zeroes);
    g_test_add_func("/block-options/detect-zeroes/qcow2", test_detect_zeroes_qcow2);
    g_test_add_func("/block-options/discard", test_discard);
    g_test_add_func("/block-options/contradictions", test_contradictions);
    g_test_add_func("/block-options/error-policy", test_error_policy);
    return g_test_run();
}
