/*
 * Crash consistency of QCOW2 images: writes, discards, snapshots and flushes are cut off after the
 * n-th operation on the host file, and what was not synced by then is lost, wholly, in part or not
 * at all, sector by sector. The image must then open, have no errors (leaks are fine), and hold
 * everything that was flushed. VMM_BLOCK_CRASHES sets the number of cuts for each set of options.
 */
#include "block/driver_impl.h"
#include "block/fault.h"
#include "tests/support/block_test.h"
#include "tests/support/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DISK_BYTES = 2 * 1024 * 1024, SECTORS = DISK_BYTES / 512 };

static const struct block_create_options variants[] = {
    {.cluster_bytes = 4096},
    {.cluster_bytes = 512},
    {.cluster_bytes = 65536},
    {.cluster_bytes = 4096, .version = 2},
    {.cluster_bytes = 512, .refcount_bits = 64},
    {.cluster_bytes = 4096, .lazy_refcounts = true},
    {.cluster_bytes = 16384, .extended_l2 = true},
    {.cluster_bytes = 4096, .backing_name = "base.raw", .backing_format = "raw"},
};

struct history {
    uint8_t *now;
    uint8_t *flushed;
    uint8_t *touched; /* a byte each sector: changed since the flush */
    bool snapshots;
};

static void settle(struct history *history)
{
    memcpy(history->flushed, history->now, DISK_BYTES);
    memset(history->touched, 0, SECTORS);
}

static int step(struct block *block, struct history *history, GRand *random)
{
    uint64_t offset = (uint64_t)g_rand_int_range(random, 0, SECTORS - 100) * 512;
    uint64_t bytes = (uint64_t)g_rand_int_range(random, 1, 100) * 512;
    int what = g_rand_int_range(random, 0, 100);
    int result;

    if (what < 60) {
        block_test_fill(random, history->now + offset, bytes);
        memset(history->touched + offset / 512, 1, bytes / 512);
        return block_write(block, offset, history->now + offset, bytes);
    }
    if (what < 75) {
        memset(history->now + offset, 0, bytes);
        memset(history->touched + offset / 512, 1, bytes / 512);
        return what < 68 ? block_write_zeroes(block, offset, bytes)
                         : block_discard(block, offset, bytes);
    }
    if (what < 92 || !history->snapshots) {
        result = block_flush(block);
        if (result == 0) {
            /* Discarded sectors may hold either. */
            result = block_read(block, 0, history->now, DISK_BYTES);
            settle(history);
        }
        return result;
    }
    unsigned count;
    const struct block_snapshot *list = block_snapshots(block, &count);
    if (count >= 2) {
        g_autofree char *name = g_strdup(list[0].name);
        return block_snapshot_delete(block, name, NULL) ? 0 : -EIO;
    }
    return block_snapshot_create(block, what < 96 ? "x" : "y", NULL) ? 0 : -EIO;
}

static void assert_survived(const struct history *history)
{
    g_autofree uint8_t *found = g_malloc(DISK_BYTES);
    struct block *block = block_test_open("a.qcow2", NULL);
    struct block_image *image = block_get_image(block);
    struct block_check check = {0};

    g_assert_cmpint(image->driver->check(image, &check), ==, 0);
    g_assert_cmpuint(check.errors, ==, 0);
    g_assert_cmpint(block_read(block, 0, found, DISK_BYTES), ==, 0);
    for (unsigned sector = 0; sector < SECTORS; sector++) {
        if (!history->touched[sector]) {
            g_assert_cmpmem(found + sector * 512, 512, history->flushed + sector * 512, 512);
        }
    }
    block_close(block);
}

/* True if the guest came to its end before the cut. */
static bool crash_after(const struct block_create_options *variant, unsigned operations,
                        uint32_t seed)
{
    g_autofree uint8_t *memory = g_malloc0(2 * DISK_BYTES + SECTORS);
    struct history history = {memory, memory + DISK_BYTES, memory + 2 * DISK_BYTES,
                              .snapshots = seed % 2 == 0};
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    struct block_fault *fault = block_fault_create();
    struct block_fault_rule rule = {.ops = BLOCK_FAULT_WRITE | BLOCK_FAULT_SYNC,
                                    .skip = operations,
                                    .error = EIO,
                                    .cut = true,
                                    .partial = seed % 3 == 0};
    struct block_options options = {.fault = fault, .discard = true};
    struct block_create_options create = *variant;
    GError *error = NULL;

    if (create.backing_name != NULL) {
        block_test_fill(random, history.now, DISK_BYTES);
        settle(&history);
        block_test_put("base.raw", history.now, DISK_BYTES);
    }
    create.format = "qcow2";
    create.bytes = DISK_BYTES;
    create.have_bytes = true;
    if (!block_create("a.qcow2", &create, NULL, &error)) {
        g_error("%s", error->message);
    }
    struct block *block = block_test_open("a.qcow2", &options);
    block_fault_record(fault, true);
    block_fault_add(fault, &rule);
    int result = 0;
    for (unsigned i = 0; i < 60 && result == 0; i++) {
        result = step(block, &history, random);
    }
    struct block_image *image = block_get_image(block);
    image->read_only = true; /* the process is dead: closing must not write any more */
    image->failed = false;
    block_close(block);
    block_fault_lose(fault, "a.qcow2", random, g_rand_int_range(random, 0, 3) * 50);
    block_fault_destroy(fault);
    assert_survived(&history);
    return result == 0;
}

static void test_crash(gconstpointer data)
{
    const char *wish = g_getenv("VMM_BLOCK_CRASHES");
    unsigned cuts = wish != NULL ? (unsigned)atoi(wish) : 40;
    unsigned last = 300;

    block_test_begin();
    for (unsigned i = 0; i < cuts; i++) {
        unsigned at = (i * 37) % last;
        if (crash_after(data, at, i)) {
            last = MAX(at, 20); /* runs end about here */
        }
    }
    block_test_end();
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    for (unsigned i = 0; i < G_N_ELEMENTS(variants); i++) {
        g_autofree char *name = g_strdup_printf("/qcow2-crash/%u", i);
        g_test_add_data_func(name, &variants[i], test_crash);
    }
    return g_test_run();
}
