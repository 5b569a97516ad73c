/*
 * Random operations on a disk against a model of it in memory: read, write, zeroes, discard, compressed
 * clusters, flush, snapshots, changes of size, commit, reopening, check; for every format and set of options that
 * can be written, and reads for the others. VMM_BLOCK_OPS sets the number of operations for each of the disks.
 */
#include "block/driver_impl.h"
#include "tests/support/block_test.h"
#include "tests/support/test.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DISK_MAX = 6 << 20, DISK_BYTES = 3 << 20, BASE_BYTES = DISK_BYTES - 1000 * 512, SNAPSHOTS = 3,
       STATE_BYTES = 2 * BLOCK_STATE_UNIT };

#define ON_RAW .backing_name = "base.raw", .backing_format = "raw"

/* A disk and how it is opened. */
struct subject {
    const char *name;
    struct block_create_options create;
    struct block_options open;
};

static const struct subject subjects[] = {
    {"raw", {.format = "raw"}, {.format = "raw"}},
    {"raw/detect-zeroes",
     {.format = "raw"},
     {.format = "raw", .detect_zeroes = BLOCK_DETECT_ZEROES_UNMAP}},
    {"raw/preallocated",
     {.format = "raw", .preallocation = BLOCK_PREALLOCATE_FALLOC},
     {.format = "raw"}},
    {"raw/snapshot", {.format = "raw"}, {.format = "raw", .snapshot = true}},
    {"qcow", {.format = "qcow"}},
    {"qcow/backing", {.format = "qcow", ON_RAW}, {.allow_backing = true}},
    {"qcow/snapshot", {.format = "qcow"}, {.snapshot = true}},
    {"qcow2/64k", {.cluster_bytes = 65536}},
    {"qcow2/512", {.cluster_bytes = 512}},
    {"qcow2/refcount-64", {.cluster_bytes = 512, .refcount_bits = 64}},
    {"qcow2/version-2", {.cluster_bytes = 4096, .version = 2}},
    {"qcow2/refcount-1", {.cluster_bytes = 4096, .refcount_bits = 1}},
    {"qcow2/refcount-2", {.cluster_bytes = 1024, .refcount_bits = 2}},
    {"qcow2/refcount-4", {.cluster_bytes = 8192, .refcount_bits = 4}},
    {"qcow2/refcount-8", {.cluster_bytes = 2048, .refcount_bits = 8}},
    {"qcow2/2M", {.cluster_bytes = 2 << 20, .refcount_bits = 32}},
    {"qcow2/extended-l2", {.cluster_bytes = 16384, .extended_l2 = true}},
    {"qcow2/extended-l2-64k", {.cluster_bytes = 65536, .extended_l2 = true, .refcount_bits = 8}},
    {"qcow2/lazy-refcounts", {.cluster_bytes = 4096, .lazy_refcounts = true}},
    {"qcow2/data-file", {.cluster_bytes = 4096, .data_file = "a.data"}},
    {"qcow2/data-file-extended", {.cluster_bytes = 16384, .data_file = "a.data", .extended_l2 = true}},
    {"qcow2/preallocated", {.cluster_bytes = 4096, .preallocation = BLOCK_PREALLOCATE_METADATA}},
    {"qcow2/backing", {.cluster_bytes = 4096, ON_RAW}},
    {"qcow2/backing-version-2", {.cluster_bytes = 4096, .version = 2, ON_RAW}},
    {"qcow2/backing-extended-l2", {.cluster_bytes = 16384, .extended_l2 = true, ON_RAW}},
    {"qcow2/zstd", {.cluster_bytes = 4096, .compression = "zstd"}},
    {"qcow2/snapshot", {.cluster_bytes = 4096}, {.snapshot = true}},
    {"qcow2/detect-zeroes", {.cluster_bytes = 4096}, {.detect_zeroes = BLOCK_DETECT_ZEROES_ON}},
};

struct model {
    struct block *block;
    const struct subject *subject;
    struct block_create_options create;
    struct block_options open;
    GRand *random;
    uint8_t *disk;
    uint64_t bytes;
    struct {
        uint8_t *disk;
        uint64_t bytes;
        char name[8];
        uint8_t *state; /* of a machine, STATE_BYTES; NULL: none */
    } snapshots[SNAPSHOTS];
    uint8_t *buffer;
    uint8_t *committed; /* what the file below the temporary layer holds */
    unsigned serial;
};

static unsigned operations(void)
{
    const char *wish = g_getenv("VMM_BLOCK_OPS");

    return wish != NULL ? (unsigned)atoi(wish) : 400;
}

static void open_model(struct model *model)
{
    model->block = block_test_open("a.img", &model->open);
    g_assert_cmpstr(block_format(model->block), ==, model->create.format);
    g_assert_cmpuint(block_size(model->block), ==, model->bytes);
}

static void assert_clean(struct model *model)
{
    struct block_image *image = block_get_image(model->block);
    struct block_check check = {0};

    g_assert_cmpint(block_flush(model->block), ==, 0);
    g_assert_cmpint(block_flush(model->block), ==, 0); /* counts that fell after the first one */
    if (image->driver->check != NULL) {
        g_assert_cmpint(image->driver->check(image, &check), ==, 0);
        g_assert_cmpuint(check.errors, ==, 0);
        /* QCOW 1 never gives a cluster back. */
        g_assert_true(check.leaks == 0 || strcmp(model->create.format, "qcow") == 0);
    }
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

static void read_back(struct model *model, uint64_t offset, uint64_t bytes)
{
    g_assert_cmpint(block_read(model->block, offset, model->buffer, bytes), ==, 0);
    if (memcmp(model->buffer, model->disk + offset, bytes) != 0) {
        g_error("%s: %" G_GUINT64_FORMAT " bytes at %" G_GUINT64_FORMAT " differ",
                model->subject->name, bytes, offset);
    }
}

/* What is said to be zero is. */
static void status(struct model *model, uint64_t offset, uint64_t bytes)
{
    bool data;
    uint64_t run;

    g_assert_cmpint(block_status(model->block, offset, bytes, &data, &run), ==, 0);
    g_assert_cmpuint(run, >, 0);
    g_assert_cmpuint(run, <=, bytes);
    g_assert_true(data || block_is_zero(model->disk + offset, run));
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
    struct block_info info;

    block_get_info(model->block, &info);
    uint64_t cluster = info.cluster_bytes;
    if (image->driver->pack == NULL || model->create.data_file != NULL || cluster == 0) {
        return;
    }
    uint64_t offset =
        (uint64_t)(g_rand_double(model->random) * (double)model->bytes) / cluster * cluster;
    if (offset + cluster > model->bytes) {
        return;
    }
    g_autofree uint8_t *packed = g_malloc(cluster);
    block_test_fill(model->random, model->disk + offset, cluster);
    size_t length = image->driver->pack(image, model->disk + offset, packed);
    if (length > 0) {
        g_assert_cmpint(image->driver->write_packed(image, offset, packed, length), ==, 0);
    } else {
        g_assert_cmpint(block_write(model->block, offset, model->disk + offset, cluster), ==, 0);
    }
}

static bool is_qcow2(const struct model *model)
{
    return strcmp(model->create.format, "qcow2") == 0;
}

static bool has_snapshots(const struct model *model)
{
    bool any = false;

    for (unsigned i = 0; i < SNAPSHOTS; i++) {
        any |= model->snapshots[i].disk != NULL;
    }
    return any;
}

static void resize(struct model *model)
{
    uint64_t bytes = (uint64_t)g_rand_int_range(model->random, 1, DISK_MAX / 512) * 512;

    if (model->open.snapshot || strcmp(model->create.format, "qcow") == 0 ||
        (has_snapshots(model) && model->create.version == 2)) {
        g_assert_cmpint(block_truncate(model->block, bytes), ==, -ENOTSUP);
        return;
    }
    g_assert_cmpint(block_truncate(model->block, bytes), ==, 0);
    if (bytes > model->bytes) {
        memset(model->disk + model->bytes, 0, bytes - model->bytes);
    }
    model->bytes = bytes;
}

static bool make_snapshot(struct model *model, unsigned i, GError **error)
{
    struct block_state state = {.bytes = STATE_BYTES - 12345, .clock_ns = 1000 + model->serial};
    g_autofree uint8_t *bytes = NULL;

    g_snprintf(model->snapshots[i].name, 8, "s%u", model->serial++ % 100000);
    if (g_rand_boolean(model->random)) {
        bytes = g_malloc(STATE_BYTES);
        block_test_fill(model->random, bytes, STATE_BYTES);
        g_assert_cmpint(block_state_write(model->block, 0, bytes, STATE_BYTES), ==, 0);
    }
    if (!block_snapshot_create(model->block, model->snapshots[i].name, bytes != NULL ? &state : NULL, error)) {
        return false;
    }
    model->snapshots[i].disk = g_memdup2(model->disk, DISK_MAX);
    model->snapshots[i].bytes = model->bytes;
    model->snapshots[i].state = g_steal_pointer(&bytes);
    return true;
}

/* What was put beside the disk is still there, whatever the disk has gone through. */
static void read_state(struct model *model, unsigned i)
{
    uint64_t bytes = STATE_BYTES - 12345, offset = (uint64_t)g_rand_int_range(model->random, 0, (int)bytes);
    g_autofree uint8_t *buffer = g_malloc(bytes - offset);

    if (model->snapshots[i].state == NULL) {
        g_assert_cmpint(block_state_read(model->block, model->snapshots[i].name, 0, buffer, 1), ==, -EIO);
        return;
    }
    g_assert_cmpint(block_state_read(model->block, model->snapshots[i].name, offset, buffer, bytes - offset), ==, 0);
    g_assert_cmpmem(buffer, bytes - offset, model->snapshots[i].state + offset, bytes - offset);
    g_assert_cmpint(block_state_read(model->block, model->snapshots[i].name, bytes, buffer, 1), ==, -EIO);
}

static void snapshot(struct model *model)
{
    unsigned i = (unsigned)g_rand_int_range(model->random, 0, SNAPSHOTS);
    GError *error = NULL;

    if (!is_qcow2(model) || model->open.snapshot || model->create.data_file != NULL ||
        model->create.refcount_bits == 1) {
        g_assert_false(block_snapshot_create(model->block, "no", NULL, &error));
        g_clear_error(&error);
        return;
    }
    if (model->snapshots[i].disk == NULL) {
        if (!make_snapshot(model, i, &error)) {
            /* Narrow counts run out, when many compressed clusters share one cluster of the file; all
             * else must be as it was. */
            g_assert_cmpuint(model->create.refcount_bits - 1, <, 8);
            g_clear_error(&error);
        }
        return;
    }
    read_state(model, i);
    if (g_rand_boolean(model->random)) {
        if (!block_snapshot_apply(model->block, model->snapshots[i].name, &error)) {
            g_assert_cmpuint(model->create.refcount_bits - 1, <, 8);
            g_clear_error(&error);
            return;
        }
        memcpy(model->disk, model->snapshots[i].disk, DISK_MAX);
        model->bytes = model->snapshots[i].bytes;
        g_assert_cmpuint(block_size(model->block), ==, model->bytes);
    } else {
        g_assert_true(block_snapshot_delete(model->block, model->snapshots[i].name, &error));
        g_clear_pointer(&model->snapshots[i].disk, g_free);
        g_clear_pointer(&model->snapshots[i].state, g_free);
    }
}

/* The changes go down; what is there reads as before. Snapshots would change with their backing file. */
static void commit(struct model *model)
{
    GError *error = NULL;

    if (has_snapshots(model)) {
        return;
    }
    if (model->open.snapshot) {
        if (!block_commit(model->block, &error)) {
            g_error("%s", error->message);
        }
        memcpy(model->committed, model->disk, model->bytes);
    } else if (model->create.backing_name != NULL) {
        /* By a machine's monitor, or by the tool. */
        bool here = g_rand_boolean(model->random);
        if (here && !block_commit(model->block, &error)) {
            g_error("%s", error->message);
        }
        read_back(model, 0, here ? model->bytes : 0);
        block_close(model->block);
        if (!here) {
            g_assert_cmpint(block_test_vmm_img(NULL, "commit", "-q", "a.img", NULL), ==, 0);
        }
        struct block_options raw = {.format = "raw", .read_only = true};
        struct block *base = block_test_open("base.raw", &raw);
        block_test_same(base, model->disk, MIN(model->bytes, block_size(base)));
        g_assert_cmpuint(block_size(base), >=, model->bytes);
        block_close(base);
        open_model(model);
    } else {
        g_assert_false(block_commit(model->block, &error));
        g_clear_error(&error);
    }
    read_back(model, 0, model->bytes);
}

static void reopen(struct model *model)
{
    block_close(model->block);
    if (model->open.snapshot) {
        memcpy(model->disk, model->committed, model->bytes);
    }
    open_model(model);
}

static void operate(struct model *model)
{
    static const struct {
        int below;
        void (*range)(struct model *model, uint64_t offset, uint64_t bytes);
        void (*plain)(struct model *model);
    } others[] = {
        {830, discard, NULL},  {870, status, NULL},    {900, NULL, pack},         {960, NULL, NULL},
        {975, NULL, snapshot}, {985, NULL, resize},    {993, NULL, reopen},       {995, NULL, commit},
        {1000, NULL, assert_clean},
    };
    int what = g_rand_int_range(model->random, 0, 1000);
    uint64_t offset, bytes;
    unsigned i = 0;

    pick(model, &offset, &bytes);
    if (what < 350) {
        read_back(model, offset, bytes);
    } else if (what < 700) {
        block_test_fill(model->random, model->disk + offset, bytes);
        if (what < 400) {
            memset(model->disk + offset, 0, bytes);
        }
        g_assert_cmpint(block_write(model->block, offset, model->disk + offset, bytes), ==, 0);
    } else if (what < 780) {
        memset(model->disk + offset, 0, bytes);
        g_assert_cmpint(block_write_zeroes(model->block, offset, bytes), ==, 0);
    } else {
        while (what >= others[i].below) {
            i++;
        }
        if (others[i].range != NULL) {
            others[i].range(model, offset, bytes);
        } else if (others[i].plain != NULL) {
            others[i].plain(model);
        } else {
            g_assert_cmpint(block_flush(model->block), ==, 0);
        }
    }
}

static void make_disk(struct model *model)
{
    GError *error = NULL;

    if (model->create.backing_name != NULL) {
        block_test_fill(model->random, model->disk, BASE_BYTES);
        block_test_put("base.raw", model->disk, BASE_BYTES);
    }
    model->create.format = model->create.format != NULL ? model->create.format : "qcow2";
    model->create.bytes = DISK_BYTES;
    model->create.have_bytes = true;
    if (!block_create("a.img", &model->create, NULL, &error)) {
        g_error("%s", error->message);
    }
}

static void test_model(gconstpointer data)
{
    struct model model = {.subject = data, .bytes = DISK_BYTES};

    block_test_begin();
    model.create = model.subject->create;
    model.open = model.subject->open;
    model.open.discard = true;
    model.open.cache = BLOCK_CACHE_UNSAFE;
    model.random = g_rand_new_with_seed(17);
    model.disk = g_malloc0(DISK_MAX);
    model.buffer = g_malloc(DISK_MAX);
    model.committed = g_malloc0(DISK_MAX);
    make_disk(&model);
    open_model(&model);
    for (unsigned i = operations(); i > 0; i--) {
        operate(&model);
    }
    block_test_same(model.block, model.disk, model.bytes);
    assert_clean(&model);
    reopen(&model);
    block_test_same(model.block, model.disk, model.bytes);
    assert_clean(&model);
    block_close(model.block);
    for (unsigned i = 0; i < SNAPSHOTS; i++) {
        g_free(model.snapshots[i].disk);
        g_free(model.snapshots[i].state);
    }
    g_free(model.disk);
    g_free(model.buffer);
    g_free(model.committed);
    g_rand_free(model.random);
    block_test_end();
}

/* ---- formats that are only read ---- */

struct reader {
    const char *name, *format, *option;
};

static const struct reader readers[] = {
    {"vmdk", "vmdk", "subformat=monolithicSparse"},
    {"vmdk/flat", "vmdk", "subformat=monolithicFlat"},
    {"vmdk/split", "vmdk", "subformat=twoGbMaxExtentSparse"},
    {"vmdk/split-flat", "vmdk", "subformat=twoGbMaxExtentFlat"},
    {"vmdk/stream", "vmdk", "subformat=streamOptimized"},
    {"vmdk/zeroed-grain", "vmdk", "zeroed_grain=on"},
    {"vdi", "vdi", "static=off"},
    {"vdi/static", "vdi", "static=on"},
    {"vpc", "vpc", "subformat=dynamic,force_size=on"},
    {"vpc/fixed", "vpc", "subformat=fixed,force_size=on"},
};

static void test_reader(gconstpointer data)
{
    static const struct subject subject = {.name = "reader"};
    const struct reader *reader = data;
    struct model model = {.subject = &subject, .bytes = DISK_BYTES};

    if (!block_test_need_qemu_img()) {
        return;
    }
    block_test_begin();
    model.open = (struct block_options){.format = reader->format, .read_only = true};
    model.create.format = reader->format;
    model.random = g_rand_new_with_seed(18);
    model.disk = g_malloc0(DISK_BYTES);
    model.buffer = g_malloc(DISK_BYTES);
    for (unsigned i = 0; i < 20; i++) {
        uint64_t offset, bytes;
        pick(&model, &offset, &bytes);
        block_test_fill(model.random, model.disk + offset, bytes);
    }
    block_test_put("model.raw", model.disk, DISK_BYTES);
    g_assert_cmpint(block_test_qemu_img(NULL, "convert", "-f", "raw", "-O", reader->format, "-o",
                                        reader->option, "model.raw", "a.img", NULL),
                    ==, 0);
    open_model(&model);
    for (unsigned i = operations(); i > 0; i--) {
        uint64_t offset, bytes;
        int what = g_rand_int_range(model.random, 0, 1000);
        pick(&model, &offset, &bytes);
        if (what < 800) {
            read_back(&model, offset, bytes);
        } else if (what < 995) {
            status(&model, offset, bytes);
        } else {
            reopen(&model);
        }
    }
    g_assert_cmpint(block_write(model.block, 0, model.disk, 512), ==, -EROFS);
    block_test_same(model.block, model.disk, model.bytes);
    block_close(model.block);
    g_free(model.disk);
    g_free(model.buffer);
    g_rand_free(model.random);
    block_test_end();
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    /* In memory if possible: the host's disk is the business of other tests. */
    if (access("/dev/shm", W_OK) == 0) {
        g_setenv("TMPDIR", "/dev/shm", TRUE);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(subjects); i++) {
        g_autofree char *name = g_strdup_printf("/block-model/%s", subjects[i].name);
        g_test_add_data_func(name, &subjects[i], test_model);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(readers); i++) {
        g_autofree char *name = g_strdup_printf("/block-model/%s", readers[i].name);
        g_test_add_data_func(name, &readers[i], test_reader);
    }
    return g_test_run();
}
