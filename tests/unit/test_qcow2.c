/*
 * QCOW2: random operations against a model over the options of the format, with snapshots, changes
 * of size, discards and reopening; what is refused. VMM_BLOCK_OPS sets the number of operations for
 * each set of options.
 */
#include "block/driver_impl.h"
#include "tests/support/block_test.h"
#include "tests/support/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DISK_MAX = 6 << 20, DISK_BYTES = 3 << 20, SNAPSHOTS = 3 };

static const struct block_create_options variants[] = {
    {.cluster_bytes = 65536},
    {.cluster_bytes = 512},
    {.cluster_bytes = 512, .refcount_bits = 64},
    {.cluster_bytes = 4096, .version = 2},
    {.cluster_bytes = 4096, .refcount_bits = 1},
    {.cluster_bytes = 1024, .refcount_bits = 2},
    {.cluster_bytes = 8192, .refcount_bits = 4},
    {.cluster_bytes = 2048, .refcount_bits = 8},
    {.cluster_bytes = 2 << 20, .refcount_bits = 32},
    {.cluster_bytes = 16384, .extended_l2 = true},
    {.cluster_bytes = 65536, .extended_l2 = true, .refcount_bits = 8},
    {.cluster_bytes = 4096, .lazy_refcounts = true},
    {.cluster_bytes = 4096, .data_file = "a.data"},
    {.cluster_bytes = 16384, .data_file = "a.data", .extended_l2 = true},
    {.cluster_bytes = 4096, .preallocation = BLOCK_PREALLOCATE_METADATA},
    {.cluster_bytes = 4096, .backing_name = "base.raw", .backing_format = "raw"},
    {.cluster_bytes = 4096, .backing_name = "base.raw", .backing_format = "raw", .version = 2},
    {.cluster_bytes = 16384,
     .backing_name = "base.raw",
     .backing_format = "raw",
     .extended_l2 = true},
    {.cluster_bytes = 4096, .compression = "zstd"},
};

struct model {
    struct block *block;
    const struct block_create_options *create;
    GRand *random;
    uint8_t *disk;
    uint64_t bytes;
    struct {
        uint8_t *disk;
        uint64_t bytes;
        char name[8];
    } snapshots[SNAPSHOTS];
    uint8_t *buffer;
    unsigned serial;
};

static void open_model(struct model *model)
{
    struct block_options options = {.discard = true, .cache = BLOCK_CACHE_UNSAFE};

    model->block = block_test_open("a.qcow2", &options);
    g_assert_cmpstr(block_format(model->block), ==, "qcow2");
    g_assert_cmpuint(block_size(model->block), ==, model->bytes);
}

static void assert_clean(struct block *block)
{
    struct block_image *image = block_get_image(block);
    struct block_check check = {0};

    g_assert_cmpint(block_flush(block), ==, 0);
    g_assert_cmpint(block_flush(block), ==, 0); /* counts that fell after the first one */
    g_assert_cmpint(image->driver->check(image, &check), ==, 0);
    g_assert_cmpuint(check.errors, ==, 0);
    g_assert_cmpuint(check.leaks, ==, 0);
}

static void pick(struct model *model, uint64_t *offset, uint64_t *bytes)
{
    uint64_t most = g_rand_int_range(model->random, 0, 12) == 0 ? 1 << 20 : 20000;

    *offset = (uint64_t)(g_rand_double(model->random) * (double)model->bytes);
    *bytes = 1 + (uint64_t)(g_rand_double(model->random) * (double)most);
    if (g_rand_int_range(model->random, 0, 3) != 0) {
        *offset -= *offset % 512;
        *bytes = (*bytes + 511) / 512 * 512;
    }
    *bytes = MIN(*bytes, model->bytes - *offset);
}

/* Each byte is as it was, or zero. */
static void discard(struct model *model, uint64_t offset, uint64_t bytes)
{
    g_assert_cmpint(block_discard(model->block, offset, bytes), ==, 0);
    g_assert_cmpint(block_read(model->block, offset, model->buffer, bytes), ==, 0);
    for (uint64_t i = 0; i < bytes; i++) {
        if (model->buffer[i] != 0) {
            g_assert_cmpint(model->buffer[i], ==, model->disk[offset + i]);
        }
    }
    memcpy(model->disk + offset, model->buffer, bytes);
}

static void pack(struct model *model)
{
    struct block_image *image = block_get_image(model->block);
    uint64_t cluster = model->create->cluster_bytes;
    uint64_t offset =
        (uint64_t)(g_rand_double(model->random) * (double)model->bytes) / cluster * cluster;
    g_autofree uint8_t *packed = g_malloc(cluster);

    if (model->create->data_file != NULL || offset + cluster > model->bytes) {
        return;
    }
    block_test_fill(model->random, model->disk + offset, cluster);
    size_t length = image->driver->pack(image, model->disk + offset, packed);
    if (length > 0) {
        g_assert_cmpint(image->driver->write_packed(image, offset, packed, length), ==, 0);
    } else {
        g_assert_cmpint(block_write(model->block, offset, model->disk + offset, cluster), ==, 0);
    }
}

static void resize(struct model *model)
{
    uint64_t bytes = (uint64_t)g_rand_int_range(model->random, 1, DISK_MAX / 512) * 512;
    bool used = false;

    for (unsigned i = 0; i < SNAPSHOTS; i++) {
        used |= model->snapshots[i].disk != NULL;
    }
    if (used && model->create->version == 2) {
        g_assert_cmpint(block_truncate(model->block, bytes), ==, -ENOTSUP);
        return;
    }
    g_assert_cmpint(block_truncate(model->block, bytes), ==, 0);
    if (bytes > model->bytes) {
        memset(model->disk + model->bytes, 0, bytes - model->bytes);
    }
    model->bytes = bytes;
}

static void snapshot(struct model *model)
{
    int i = g_rand_int_range(model->random, 0, SNAPSHOTS);
    GError *error = NULL;

    if (model->create->data_file != NULL || model->create->refcount_bits == 1) {
        g_assert_false(block_snapshot_create(model->block, "no", &error));
        g_clear_error(&error);
        return;
    }
    if (model->snapshots[i].disk == NULL) {
        g_snprintf(model->snapshots[i].name, 8, "s%u", model->serial++);
        if (!block_snapshot_create(model->block, model->snapshots[i].name, &error)) {
            /* Narrow counts run out; all else must be as it was. */
            g_assert_cmpuint(model->create->refcount_bits, ==, 2);
            g_clear_error(&error);
            return;
        }
        model->snapshots[i].disk = g_memdup2(model->disk, DISK_MAX);
        model->snapshots[i].bytes = model->bytes;
    } else if (g_rand_boolean(model->random)) {
        if (!block_snapshot_apply(model->block, model->snapshots[i].name, &error)) {
            g_assert_cmpuint(model->create->refcount_bits, ==, 2);
            g_clear_error(&error);
            return;
        }
        memcpy(model->disk, model->snapshots[i].disk, DISK_MAX);
        model->bytes = model->snapshots[i].bytes;
        g_assert_cmpuint(block_size(model->block), ==, model->bytes);
    } else {
        g_assert_true(block_snapshot_delete(model->block, model->snapshots[i].name, &error));
        g_clear_pointer(&model->snapshots[i].disk, g_free);
    }
}

static void operate(struct model *model)
{
    int what = g_rand_int_range(model->random, 0, 1000);
    uint64_t offset, bytes;

    pick(model, &offset, &bytes);
    if (what < 350) {
        g_assert_cmpint(block_read(model->block, offset, model->buffer, bytes), ==, 0);
        g_assert_cmpmem(model->buffer, bytes, model->disk + offset, bytes);
    } else if (what < 700) {
        block_test_fill(model->random, model->disk + offset, bytes);
        g_assert_cmpint(block_write(model->block, offset, model->disk + offset, bytes), ==, 0);
    } else if (what < 790) {
        memset(model->disk + offset, 0, bytes);
        g_assert_cmpint(block_write_zeroes(model->block, offset, bytes), ==, 0);
    } else if (what < 870) {
        discard(model, offset, bytes);
    } else if (what < 900) {
        pack(model);
    } else if (what < 960) {
        g_assert_cmpint(block_flush(model->block), ==, 0);
    } else if (what < 975) {
        snapshot(model);
    } else if (what < 985) {
        resize(model);
    } else if (what < 995) {
        block_close(model->block);
        open_model(model);
    } else {
        assert_clean(model->block);
    }
}

static void test_model(gconstpointer data)
{
    const char *wish = g_getenv("VMM_BLOCK_OPS");
    unsigned count = wish != NULL ? (unsigned)atoi(wish) : 400;
    struct model model = {.create = data, .bytes = DISK_BYTES};
    struct block_create_options create = *model.create;
    GError *error = NULL;

    block_test_begin();
    model.random = g_rand_new_with_seed(17);
    model.disk = g_malloc0(DISK_MAX);
    model.buffer = g_malloc(DISK_MAX);
    if (create.backing_name != NULL) {
        block_test_fill(model.random, model.disk, DISK_BYTES - 1000 * 512);
        block_test_put("base.raw", model.disk, DISK_BYTES - 1000 * 512);
    }
    create.format = "qcow2";
    create.bytes = DISK_BYTES;
    create.have_bytes = true;
    if (!block_create("a.qcow2", &create, NULL, &error)) {
        g_error("%s", error->message);
    }
    open_model(&model);
    for (unsigned i = 0; i < count; i++) {
        operate(&model);
    }
    block_test_same(model.block, model.disk, model.bytes);
    assert_clean(model.block);
    block_close(model.block);
    open_model(&model);
    block_test_same(model.block, model.disk, model.bytes);
    assert_clean(model.block);
    block_close(model.block);
    for (unsigned i = 0; i < SNAPSHOTS; i++) {
        g_free(model.snapshots[i].disk);
    }
    g_free(model.disk);
    g_free(model.buffer);
    g_rand_free(model.random);
    block_test_end();
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
    for (unsigned i = 0; i < G_N_ELEMENTS(variants); i++) {
        g_autofree char *name = g_strdup_printf("/qcow2/model/%u", i);
        g_test_add_data_func(name, &variants[i], test_model);
    }
    g_test_add_func("/qcow2/features", test_features);
    g_test_add_func("/qcow2/repair", test_repair);
    g_test_add_func("/qcow2/names", test_names);
    return g_test_run();
}
