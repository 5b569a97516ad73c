/*
 * Crash consistency of QCOW images: a run of writes and flushes is cut off after the n-th operation
 * on the host file, for many n, with the last write whole, missing or torn. Whatever n is, the
 * image must open and be without errors, and everything that was flushed must be there.
 *
 * A cut keeps what was written before it, as a killed process does. Lost caches are in test_block_crash.c.
 */
#include "block/driver_impl.h"
#include "block/fault.h"
#include "tests/support/block_test.h"
#include "tests/support/test.h"

#include <errno.h>
#include <string.h>

enum { DISK_BYTES = 4 * 1024 * 1024 };

struct history {
    uint8_t *now;     /* what the disk should hold */
    uint8_t *flushed; /* what it held at the last flush that went well */
    uint8_t *touched; /* a byte each sector: written since then */
};

/* Writes until something fails. True if nothing did. */
static bool run_guest(struct block *block, struct history *history, GRand *random)
{
    for (unsigned i = 0; i < 60; i++) {
        uint64_t offset = (uint64_t)g_rand_int_range(random, 0, DISK_BYTES / 512 - 40) * 512;
        uint64_t bytes = (uint64_t)g_rand_int_range(random, 1, 40) * 512;
        block_test_fill(random, history->now + offset, bytes);
        memset(history->touched + offset / 512, 1, bytes / 512);
        if (block_write(block, offset, history->now + offset, bytes) < 0) {
            return false;
        }
        if (g_rand_int_range(random, 0, 8) == 0) {
            if (block_flush(block) < 0) {
                return false;
            }
            memcpy(history->flushed, history->now, DISK_BYTES);
            memset(history->touched, 0, DISK_BYTES / 512);
        }
    }
    return true;
}

static void assert_survived(const char *path, const struct history *history)
{
    g_autofree uint8_t *found = g_malloc(DISK_BYTES);
    struct block *block = block_test_open(path, NULL);
    struct block_check check = {0};

    g_assert_cmpint(block_read(block, 0, found, DISK_BYTES), ==, 0);
    for (unsigned sector = 0; sector < DISK_BYTES / 512; sector++) {
        if (!history->touched[sector]) {
            g_assert_cmpmem(found + sector * 512, 512, history->flushed + sector * 512, 512);
        }
    }
    struct block_image *image = block_get_image(block);
    g_assert_cmpint(image->driver->check(image, &check), ==, 0);
    g_assert_cmpuint(check.errors, ==, 0);
    block_close(block);
}

/* True if the guest came to its end before the cut. */
static bool crash_after(unsigned operations, bool torn, bool backing, uint32_t seed)
{
    g_autofree uint8_t *memory = g_malloc0(2 * DISK_BYTES + DISK_BYTES / 512);
    struct history history = {memory, memory + DISK_BYTES, memory + 2 * DISK_BYTES};
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    struct block_fault *fault = block_fault_create();
    struct block_fault_rule rule = {.ops = BLOCK_FAULT_WRITE | BLOCK_FAULT_SYNC,
                                    .skip = operations,
                                    .error = EIO,
                                    .cut = true,
                                    .partial = torn};
    struct block_options options = {.fault = fault};

    if (backing) {
        block_test_fill(random, history.now, DISK_BYTES);
        memcpy(history.flushed, history.now, DISK_BYTES);
        block_test_put("base.raw", history.now, DISK_BYTES);
    }
    block_test_create("a.qcow", "qcow", DISK_BYTES, backing ? "base.raw" : NULL);
    struct block *block = block_test_open("a.qcow", &options);
    block_fault_add(fault, &rule);
    bool finished = run_guest(block, &history, random);
    struct block_image *image = block_get_image(block);
    image->read_only = true; /* the process is dead: closing must not write any more */
    block_close(block);
    block_fault_destroy(fault);
    assert_survived("a.qcow", &history);
    return finished;
}

static void crash_everywhere(bool backing)
{
    block_test_begin();
    for (unsigned torn = 0; torn < 2; torn++) {
        for (unsigned n = 0; !crash_after(n, torn, backing, 77); n += backing ? 3 : 1) {
            g_assert_cmpuint(n, <, 10000);
        }
    }
    block_test_end();
}

static void test_crash(void)
{
    crash_everywhere(false);
}

static void test_crash_backing(void)
{
    crash_everywhere(true);
}

/* A failed sync stops a flush before the tables are written; the next flush does it all. */
static void test_order(void)
{
    struct block_fault *fault = block_fault_create();
    struct block_fault_rule rule = {.ops = BLOCK_FAULT_SYNC, .count = 1, .error = EIO};
    struct block_options options = {.fault = fault};
    uint8_t sector[512];

    block_test_begin();
    memset(sector, 0x5a, sizeof(sector));
    block_test_create("a.qcow", "qcow", DISK_BYTES, NULL);
    struct block *block = block_test_open("a.qcow", &options);
    g_assert_cmpint(block_write(block, 512, sector, 512), ==, 0);
    uint64_t writes = block_fault_seen(fault, BLOCK_FAULT_WRITE);
    g_assert_cmpuint(writes, ==, 2); /* an empty table, the cluster */
    block_fault_add(fault, &rule);
    g_assert_cmpint(block_flush(block), ==, -EIO);
    g_assert_cmpuint(block_fault_seen(fault, BLOCK_FAULT_WRITE), ==, writes);
    g_assert_cmpint(block_flush(block), ==, 0);
    g_assert_cmpuint(block_fault_seen(fault, BLOCK_FAULT_WRITE), ==, writes + 2); /* L2, L1 */
    g_assert_cmpuint(block_fault_seen(fault, BLOCK_FAULT_SYNC), ==, 1 + 3);
    block_close(block);
    block_fault_destroy(fault);
    block_test_end();
}

/* A full disk: the write says so, and the image stays good. */
static void test_no_space(void)
{
    struct block_fault *fault = block_fault_create();
    struct block_fault_rule rule = {
        .ops = BLOCK_FAULT_WRITE, .skip = 1, .count = 3, .error = ENOSPC, .partial = true};
    struct block_options options = {.fault = fault};
    g_autofree uint8_t *data = g_malloc0(65536);
    g_autofree uint8_t *model = g_malloc0(DISK_BYTES);

    block_test_begin();
    memset(data, 3, 65536);
    block_test_create("a.qcow", "qcow", DISK_BYTES, NULL);
    struct block *block = block_test_open("a.qcow", &options);
    block_fault_add(fault, &rule);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpint(block_write(block, 4096, data, 65536), ==, -ENOSPC);
    }
    block_test_same(block, model, DISK_BYTES);
    g_assert_cmpint(block_write(block, 4096, data, 65536), ==, 0);
    memcpy(model + 4096, data, 65536);
    block_test_same(block, model, DISK_BYTES);
    block_close(block);
    block_fault_destroy(fault);
    block = block_test_open("a.qcow", NULL);
    block_test_same(block, model, DISK_BYTES);
    block_close(block);
    block_test_end();
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/qcow-crash/plain", test_crash);
    g_test_add_func("/qcow-crash/backing", test_crash_backing);
    g_test_add_func("/qcow-crash/order", test_order);
    g_test_add_func("/qcow-crash/no-space", test_no_space);
    return g_test_run();
}
