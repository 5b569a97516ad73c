/* What a block is, its names for settings, snapshots inside its image, and commit. */
#include "block/block_impl.h"

#include <errno.h>
#include <string.h>

static const char *const cache_names[] = {
    [BLOCK_CACHE_WRITEBACK] = "writeback", [BLOCK_CACHE_WRITETHROUGH] = "writethrough",
    [BLOCK_CACHE_NONE] = "none",           [BLOCK_CACHE_DIRECTSYNC] = "directsync",
    [BLOCK_CACHE_UNSAFE] = "unsafe",
};

bool block_cache_parse(const char *name, enum block_cache *cache)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(cache_names); i++) {
        if (strcmp(name, cache_names[i]) == 0) {
            *cache = (enum block_cache)i;
            return true;
        }
    }
    return false;
}

const char *block_cache_name(enum block_cache cache)
{
    return cache_names[cache];
}

static const char *const preallocation_names[] = {
    [BLOCK_PREALLOCATE_OFF] = "off",
    [BLOCK_PREALLOCATE_METADATA] = "metadata",
    [BLOCK_PREALLOCATE_FALLOC] = "falloc",
    [BLOCK_PREALLOCATE_FULL] = "full",
};

bool block_preallocation_parse(const char *name, enum block_preallocation *mode)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(preallocation_names); i++) {
        if (strcmp(name, preallocation_names[i]) == 0) {
            *mode = (enum block_preallocation)i;
            return true;
        }
    }
    return false;
}

const char *block_preallocation_name(enum block_preallocation mode)
{
    return preallocation_names[mode];
}

/* ---- what it is ---- */

/* The image below a temporary layer, or the image itself. */
static struct block_image *named_image(const struct block *block)
{
    return block->options.snapshot ? block_overlay_base(block->image) : block->image;
}

uint64_t block_size(const struct block *block)
{
    return block->bytes;
}

bool block_read_only(const struct block *block)
{
    return block->options.read_only;
}

const char *block_format(const struct block *block)
{
    return named_image(block)->driver->name;
}

const char *block_file_name(const struct block *block)
{
    return named_image(block)->path;
}

enum block_cache block_cache_mode(const struct block *block)
{
    return block->options.cache;
}

void block_get_stats(struct block *block, struct block_stats *stats)
{
    pthread_mutex_lock(&block->mutex);
    *stats = block->stats;
    pthread_mutex_unlock(&block->mutex);
}

void block_get_info(struct block *block, struct block_info *info)
{
    struct block_image *image = named_image(block);

    *info = (struct block_info){
        .file_name = image->path,
        .format = image->driver->name,
        .virtual_bytes = block->bytes,
        .actual_bytes = block_file_allocated(image->file),
        .read_only = block->options.read_only,
        .snapshot = block->options.snapshot,
        .probed = image->probed,
        .cache = block->options.cache,
        .detect_zeroes = block->options.detect_zeroes,
    };
    if (image->driver->info != NULL) {
        image->driver->info(image, info);
    }
}

/* ---- snapshots inside the image ---- */

const struct block_snapshot *block_snapshots(struct block *block, unsigned *count)
{
    struct block_image *image = named_image(block);

    g_clear_pointer(&block->snapshots, g_free);
    *count = 0;
    if (image->driver->snapshot_list != NULL) {
        block->snapshots = image->driver->snapshot_list(image, count);
    }
    return *count > 0 ? block->snapshots : NULL;
}

static bool run_snapshot(struct block *block, const char *name,
                         bool (*run)(struct block_image *, const char *, GError **), GError **error)
{
    g_assert(block_in_flight(block) == 0);
    if (run == NULL || block->options.snapshot || block->options.read_only) {
        g_set_error(error, BLOCK_ERROR, ENOTSUP, "'%s' %s", block_file_name(block),
                    run == NULL ? "is in a format that has no snapshots inside; remedy: qcow2"
                                : "is not open for writing");
        return false;
    }
    pthread_mutex_lock(&block->image_mutex);
    bool ok = run(block->image, name, error);
    block->bytes = block->image->bytes;
    pthread_mutex_unlock(&block->image_mutex);
    return ok;
}

bool block_snapshot_create(struct block *block, const char *name, GError **error)
{
    return run_snapshot(block, name, block->image->driver->snapshot_create, error);
}

bool block_snapshot_apply(struct block *block, const char *name, GError **error)
{
    return run_snapshot(block, name, block->image->driver->snapshot_apply, error);
}

bool block_snapshot_delete(struct block *block, const char *name, GError **error)
{
    return run_snapshot(block, name, block->image->driver->snapshot_delete, error);
}

bool block_snapshot_view(struct block *block, const char *name, GError **error)
{
    struct block_image *image = block->image;

    g_assert(block_in_flight(block) == 0 && block->options.read_only);
    if (image->driver->snapshot_view == NULL) {
        g_set_error(error, BLOCK_ERROR, ENOTSUP,
                    "'%s' is in a format that has no snapshots inside; remedy: qcow2", image->path);
        return false;
    }
    pthread_mutex_lock(&block->image_mutex);
    bool ok = image->driver->snapshot_view(image, name, error);
    block->bytes = image->bytes;
    pthread_mutex_unlock(&block->image_mutex);
    return ok;
}

struct block_image *block_get_image(struct block *block)
{
    return block->image;
}

bool block_commit(struct block *block, GError **error)
{
    struct block_image *base = named_image(block);

    g_assert(block_in_flight(block) == 0);
    if (!block->options.snapshot) {
        g_set_error(error, BLOCK_ERROR, EINVAL,
                    "'%s' was not opened with -snapshot: nothing to commit", base->path);
        return false;
    }
    pthread_mutex_lock(&block->image_mutex);
    bool ok = block_overlay_commit(block->image, &block->options, error);
    pthread_mutex_unlock(&block->image_mutex);
    return ok;
}
