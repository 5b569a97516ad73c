/*
 * The QCOW driver: against a model in memory, against qemu-img both ways, with and without backing
 * files.
 */
#include "block/driver_impl.h"
#include "tests/support/block_test.h"
#include "tests/support/test.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

enum { DISK_BYTES = 6 * 1024 * 1024 + 512 };

/* Checks that the image has no errors and no lost space. */
static void assert_clean(const char *path)
{
    struct block_options options = {.read_only = true, .no_backing = true};
    struct block *block = block_test_open(path, &options);
    struct block_image *image = block_get_image(block);
    struct block_check check = {0};

    g_assert_cmpint(image->driver->check(image, &check), ==, 0);
    g_assert_cmpuint(check.errors, ==, 0);
    block_close(block);
}

static void test_model(void)
{
    g_autofree uint8_t *model = g_malloc0(DISK_BYTES);
    g_autoptr(GRand) random = g_rand_new_with_seed(1);

    block_test_begin();
    block_test_create("a.qcow", "qcow", DISK_BYTES, NULL);
    for (unsigned round = 0; round < 4; round++) {
        struct block *block = block_test_open("a.qcow", NULL);
        g_assert_cmpstr(block_format(block), ==, "qcow");
        g_assert_cmpuint(block_size(block), ==, DISK_BYTES);
        block_test_same(block, model, DISK_BYTES);
        block_test_hammer(block, model, DISK_BYTES, random, 3000);
        block_close(block);
        assert_clean("a.qcow");
    }
    block_test_end();
}

/* The same with a backing file that is shorter than the disk. */
static void test_model_backing(void)
{
    g_autofree uint8_t *model = g_malloc0(DISK_BYTES);
    g_autoptr(GRand) random = g_rand_new_with_seed(2);
    size_t base_bytes = DISK_BYTES / 2 + 512;

    block_test_begin();
    block_test_fill(random, model, base_bytes);
    g_autofree uint8_t *base = g_memdup2(model, base_bytes);
    block_test_put("base.raw", base, base_bytes);
    block_test_create("a.qcow", "qcow", DISK_BYTES, "base.raw");
    for (unsigned round = 0; round < 3; round++) {
        struct block *block = block_test_open("a.qcow", NULL);
        block_test_same(block, model, DISK_BYTES);
        block_test_hammer(block, model, DISK_BYTES, random, 1500);
        block_close(block);
        assert_clean("a.qcow");
    }
    struct block *block = block_test_open("base.raw", NULL);
    block_test_same(block, base, base_bytes);
    block_close(block);
    block_test_end();
}

static void test_writethrough_and_direct(void)
{
    static const enum block_cache modes[] = {BLOCK_CACHE_WRITETHROUGH, BLOCK_CACHE_NONE,
                                             BLOCK_CACHE_DIRECTSYNC, BLOCK_CACHE_UNSAFE};
    g_autofree uint8_t *model = g_malloc0(DISK_BYTES);
    g_autoptr(GRand) random = g_rand_new_with_seed(3);

    block_test_begin();
    block_test_create("a.qcow", "qcow", DISK_BYTES, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(modes); i++) {
        struct block_options options = {.cache = modes[i]};
        GError *error = NULL;
        struct block *block = block_open("a.qcow", &options, NULL, &error);
        if (block == NULL) {
            g_assert_error(error, BLOCK_ERROR, EINVAL); /* a file system without O_DIRECT */
            g_clear_error(&error);
            continue;
        }
        block_test_hammer(block, model, DISK_BYTES, random, 150);
        block_close(block);
        assert_clean("a.qcow");
    }
    block_test_end();
}

/* More L2 tables than fit in the cache: 4 GiB of disk is 2048 of them. */
static void test_many_tables(void)
{
    uint64_t step = 2 * 1024 * 1024;
    uint8_t sector[512];

    block_test_begin();
    block_test_create("a.qcow", "qcow", 4ull << 30, NULL);
    struct block *block = block_test_open("a.qcow", NULL);
    for (uint64_t i = 0; i < 2048; i++) {
        memset(sector, (int)(i % 251) + 1, sizeof(sector));
        g_assert_cmpint(block_write(block, (i * 7 % 2048) * step + 512 * i, sector, 512), ==, 0);
    }
    for (uint64_t i = 0; i < 2048; i++) {
        g_assert_cmpint(block_read(block, (i * 7 % 2048) * step + 512 * i, sector, 512), ==, 0);
        g_assert_cmpuint(sector[100], ==, i % 251 + 1);
    }
    block_close(block);
    assert_clean("a.qcow");
    block_test_end();
}

static void test_holes(void)
{
    GStatBuf st;
    bool data;
    uint64_t run;
    uint8_t byte = 1;

    block_test_begin();
    block_test_create("a.qcow", "qcow", 4ull << 30, NULL);
    g_assert_cmpint(g_stat("a.qcow", &st), ==, 0);
    g_assert_cmpint(st.st_size, ==, 16432);
    struct block *block = block_test_open("a.qcow", NULL);
    g_assert_cmpint(block_write_zeroes(block, 0, 1ull << 30), ==, 0);
    g_assert_cmpint(block_write(block, 5000, &byte, 1), ==, 0);
    g_assert_cmpint(block_status(block, 0, 1 << 20, &data, &run), ==, 0);
    g_assert_false(data);
    g_assert_cmpuint(run, ==, 4096);
    g_assert_cmpint(block_status(block, 4096, 1 << 20, &data, &run), ==, 0);
    g_assert_true(data);
    g_assert_cmpuint(run, ==, 4096);
    block_close(block);
    g_assert_cmpint(g_stat("a.qcow", &st), ==, 0);
    g_assert_cmpint(st.st_size, ==, 20480 + 4096 + 4096); /* header, one table, one cluster */
    block_test_end();
}

static void test_info(void)
{
    struct block_options options = {.read_only = true, .no_backing = true};
    struct block_info info;

    block_test_begin();
    block_test_put("base.raw", "x", 1);
    block_test_create("a.qcow", "qcow", 1 << 20, "base.raw");
    struct block *block = block_test_open("./a.qcow", &options);
    block_get_info(block, &info);
    g_assert_cmpuint(info.cluster_bytes, ==, 512);
    g_assert_cmpstr(info.backing_name, ==, "base.raw");
    g_assert_cmpstr(info.backing_path, ==, "./base.raw");
    g_assert_cmpuint(info.virtual_bytes, ==, 1 << 20);
    g_assert_cmpint(block_truncate(block, 2 << 20), ==, -EROFS);
    block_close(block);
    options.read_only = false;
    GError *error = NULL;
    g_assert_null(block_open("a.qcow", &options, NULL, &error));
    g_assert_error(error, BLOCK_ERROR, EINVAL);
    g_clear_error(&error);
    block = block_test_open("a.qcow", NULL);
    g_assert_cmpint(block_truncate(block, 2 << 20), ==, -ENOTSUP);
    block_close(block);
    block_test_end();
}

/* ---- the other implementation ---- */

static void write_model(const char *path, uint8_t *model, GRand *random)
{
    struct block *block = block_test_open(path, NULL);

    block_test_hammer(block, model, DISK_BYTES, random, 300);
    block_close(block);
}

static void test_qemu_reads_ours(void)
{
    g_autofree uint8_t *model = g_malloc0(DISK_BYTES);
    g_autofree char *output = NULL;
    g_autoptr(GRand) random = g_rand_new_with_seed(4);

    if (!block_test_need_qemu_img()) {
        return;
    }
    block_test_begin();
    block_test_create("a.qcow", "qcow", DISK_BYTES, NULL);
    write_model("a.qcow", model, random);
    block_test_put("model.raw", model, DISK_BYTES);
    g_assert_cmpint(block_test_qemu_img(&output, "compare", "-f", "qcow", "-F", "raw", "a.qcow",
                                        "model.raw", NULL),
                    ==, 0);
    block_test_end();
}

static void test_qemu_reads_ours_backing(void)
{
    g_autofree uint8_t *model = g_malloc0(DISK_BYTES);
    g_autofree char *output = NULL;
    g_autoptr(GRand) random = g_rand_new_with_seed(5);

    if (!block_test_need_qemu_img()) {
        return;
    }
    block_test_begin();
    block_test_fill(random, model, DISK_BYTES);
    block_test_put("base.raw", model, DISK_BYTES);
    block_test_create("a.qcow", "qcow", DISK_BYTES, "base.raw");
    write_model("a.qcow", model, random);
    block_test_put("model.raw", model, DISK_BYTES);
    g_assert_cmpint(block_test_qemu_img(&output, "compare", "-f", "qcow", "-F", "raw", "a.qcow",
                                        "model.raw", NULL),
                    ==, 0);
    block_test_end();
}

/* Images that qemu-img made, plain and compressed; then written to by us; then read by it again. */
static void read_theirs(const char *compress, size_t bytes)
{
    g_autofree uint8_t *model = g_malloc0(bytes);
    g_autoptr(GRand) random = g_rand_new_with_seed(6);

    if (!block_test_need_qemu_img()) {
        return;
    }
    block_test_begin();
    for (unsigned i = 0; i < 40; i++) {
        block_test_fill(random, model + g_rand_int_range(random, 0, bytes / 512 - 100) * 512,
                        40000);
    }
    block_test_put("model.raw", model, bytes);
    /* With -c, qemu-img 7.2 writes a good image and still exits with 1. */
    g_assert_cmpint(block_test_qemu_img(NULL, "convert", compress != NULL ? compress : "-q", "-f",
                                        "raw", "-O", "qcow", "model.raw", "a.qcow", NULL),
                    <=, compress != NULL);
    assert_clean("a.qcow");
    struct block *block = block_test_open("a.qcow", NULL);
    block_test_same(block, model, bytes);
    block_test_hammer(block, model, bytes, random, 500);
    block_close(block);
    assert_clean("a.qcow");
    block_test_put("model.raw", model, bytes);
    g_assert_cmpint(block_test_qemu_img(NULL, "compare", "-f", "qcow", "-F", "raw", "a.qcow",
                                        "model.raw", NULL),
                    ==, 0);
    block_test_end();
}

static void test_reads_qemu(void)
{
    read_theirs(NULL, DISK_BYTES);
}

static void test_reads_qemu_compressed(void)
{
    /* Whole clusters: qemu-img does not compress a part of one. */
    read_theirs("-c", DISK_BYTES - 512);
}

static void test_same_as_qemu_when_created(void)
{
    static const char *const sizes[] = {"512", "1M", "100000", "4G", "1T"};

    if (!block_test_need_qemu_img()) {
        return;
    }
    block_test_begin();
    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autofree char *ours = NULL, *theirs = NULL;
        gsize our_length, their_length;
        g_assert_cmpint(block_test_vmm_img(NULL, "create", "-f", "qcow", "a.qcow", sizes[i], NULL),
                        ==, 0);
        g_assert_cmpint(block_test_qemu_img(NULL, "create", "-f", "qcow", "b.qcow", sizes[i], NULL),
                        ==, 0);
        g_assert_true(g_file_get_contents("a.qcow", &ours, &our_length, NULL));
        g_assert_true(g_file_get_contents("b.qcow", &theirs, &their_length, NULL));
        g_assert_cmpmem(ours, our_length, theirs, their_length);
    }
    block_test_end();
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/qcow/model", test_model);
    g_test_add_func("/qcow/model-backing", test_model_backing);
    g_test_add_func("/qcow/cache-modes", test_writethrough_and_direct);
    g_test_add_func("/qcow/many-tables", test_many_tables);
    g_test_add_func("/qcow/holes", test_holes);
    g_test_add_func("/qcow/info", test_info);
    g_test_add_func("/qcow/qemu-reads-ours", test_qemu_reads_ours);
    g_test_add_func("/qcow/qemu-reads-ours-backing", test_qemu_reads_ours_backing);
    g_test_add_func("/qcow/reads-qemu", test_reads_qemu);
    g_test_add_func("/qcow/reads-qemu-compressed", test_reads_qemu_compressed);
    g_test_add_func("/qcow/created-as-qemu", test_same_as_qemu_when_created);
    return g_test_run();
}
