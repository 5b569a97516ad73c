/* What a block is, its names for settings, snapshots inside its image, and commit. */
#include "block/block_impl.h"
#include "block/size.h"

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
    for (const struct block_image *below = image->backing; below != NULL; below = below->backing) {
        info->backing_depth++;
    }
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

bool block_has_snapshots(struct block *block)
{
    return block->image->driver->snapshot_create != NULL && !block->options.snapshot &&
           !block->options.read_only;
}

/* Sets the error if it has none. */
static bool need_snapshots(struct block *block, GError **error)
{
    g_assert(block_in_flight(block) == 0);
    if (!block_has_snapshots(block)) {
        g_set_error(error, BLOCK_ERROR, ENOTSUP, "'%s' %s", block_file_name(block),
                    block->image->driver->snapshot_create == NULL
                        ? "is in a format that has no snapshots inside; remedy: qcow2"
                        : "is not open for writing");
        return false;
    }
    return true;
}

static bool run_snapshot(struct block *block, const char *name,
                         bool (*run)(struct block_image *, const char *, GError **), GError **error)
{
    if (!need_snapshots(block, error)) {
        return false;
    }
    pthread_mutex_lock(&block->image_mutex);
    bool ok = run(block->image, name, error);
    block->bytes = block->image->bytes;
    pthread_mutex_unlock(&block->image_mutex);
    return ok;
}

bool block_snapshot_create(struct block *block, const char *name, const struct block_state *state,
                           GError **error)
{
    if (!need_snapshots(block, error)) {
        return false;
    }
    pthread_mutex_lock(&block->image_mutex);
    bool ok = block->image->driver->snapshot_create(block->image, name, state, error);
    pthread_mutex_unlock(&block->image_mutex);
    return ok;
}

int block_state_write(struct block *block, uint64_t offset, const void *data, size_t bytes)
{
    const struct block_driver *driver = block->image->driver;

    g_assert(block_in_flight(block) == 0);
    g_assert(offset % BLOCK_STATE_UNIT == 0 && bytes % BLOCK_STATE_UNIT == 0);
    if (!block_has_snapshots(block) || driver->state_write == NULL) {
        return -ENOTSUP;
    }
    pthread_mutex_lock(&block->image_mutex);
    int result = driver->state_write(block->image, offset, data, bytes);
    pthread_mutex_unlock(&block->image_mutex);
    return result;
}

int block_state_read(struct block *block, const char *snapshot, uint64_t offset, void *data,
                     size_t bytes)
{
    const struct block_driver *driver = block->image->driver;

    g_assert(block_in_flight(block) == 0);
    if (block->options.snapshot || driver->state_read == NULL) {
        return -ENOTSUP;
    }
    pthread_mutex_lock(&block->image_mutex);
    int result = driver->state_read(block->image, snapshot, offset, data, bytes);
    pthread_mutex_unlock(&block->image_mutex);
    return result;
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

/* Time since the start of the guest, as 00:00:01.990. */
static void append_clock(GString *out, uint64_t ns)
{
    uint64_t seconds = ns / 1000000000;

    g_string_append_printf(out, "%02u:%02u:%02u.%03u", (unsigned)(seconds / 3600), (unsigned)(seconds / 60 % 60),
                           (unsigned)(seconds % 60), (unsigned)(ns % 1000000000 / 1000000));
}

void block_snapshot_heading(GString *out)
{
    g_string_append_printf(out, "%-10s%-17s%8s%20s%13s%11s\n", "ID", "TAG", "VM SIZE", "DATE", "VM CLOCK", "ICOUNT");
}

void block_snapshot_row(const struct block_snapshot *snapshot, GString *out)
{
    g_autoptr(GDateTime) date = g_date_time_new_from_unix_local(snapshot->date_seconds);
    g_autofree char *text = date != NULL ? g_date_time_format(date, "%Y-%m-%d %H:%M:%S") : g_strdup("-");
    g_autofree char *size = block_size_text(snapshot->state_bytes);

    g_string_append_printf(out, "%-9s %-16s %8s%20s ", snapshot->id, snapshot->name, size, text);
    append_clock(out, snapshot->clock_ns);
    if (snapshot->icount != UINT64_MAX) {
        g_string_append_printf(out, "%11" G_GUINT64_FORMAT, snapshot->icount);
    }
    g_string_append_c(out, '\n');
}

struct block_image *block_get_image(struct block *block)
{
    return block->image;
}

bool block_commit(struct block *block, GError **error)
{
    g_assert(block_in_flight(block) == 0);
    pthread_mutex_lock(&block->image_mutex);
    bool ok = block->options.snapshot
                  ? block_overlay_commit(block->image, &block->options, error)
                  : block_image_commit(block->image, &block->options, error);
    pthread_mutex_unlock(&block->image_mutex);
    return ok;
}
