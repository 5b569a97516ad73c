/*
 * Opening and creating images: file, lock, format, backing file.
 *
 * A backing file is named by the image, and images come from strangers. So it must lie in the
 * image's own folder (or below). Where the image does not say its format, that is guessed, and since
 * the guess may have been the wish of a guest that wrote a raw disk, such a file may not name any
 * other: at worst it then shows its own contents in another order. An image that wants more is opened
 * with allow_backing.
 */
#include "block/driver_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BACKING_DEPTH_MAX = 200 };

GQuark block_error_quark(void)
{
    return g_quark_from_static_string("vmm-block-error");
}

/* Reads the first bytes and decides. */
static const struct block_driver *probe_file(struct block_file *file, GError **error)
{
    uint8_t head[BLOCK_PROBE_BYTES];
    int result = block_file_read(file, 0, head, sizeof(head));

    if (result < 0) {
        g_set_error(error, BLOCK_ERROR, -result, "Could not read '%s': %s", file->path,
                    g_strerror(-result));
        return NULL;
    }
    return block_probe(head, MIN(sizeof(head), file->bytes), file->path, error);
}

/* Formats that are only read. */
static bool may_write(const struct block_image *image, GError **error)
{
    if (image->driver->write != NULL || image->read_only) {
        return true;
    }
    g_set_error(error, BLOCK_ERROR, EROFS,
                "Could not open '%s': images in the format %s can only be read: use readonly=on, "
                "snapshot=on, or convert it",
                image->path, image->driver->name);
    return false;
}

struct block_image *block_image_open(const char *path, const struct block_options *options,
                                     GError **error)
{
    const struct block_driver *driver = NULL;

    if (options->format != NULL) {
        driver = block_driver_find(options->format, error);
        if (driver == NULL) {
            g_prefix_error(error, "Could not open '%s': ", path);
            return NULL;
        }
    }
    struct block_file *file = block_file_open(path, options, false, error);
    if (file == NULL) {
        return NULL;
    }
    struct block_image *image = g_new0(struct block_image, 1);
    image->file = file;
    image->path = g_strdup(path);
    image->read_only = options->read_only;
    if (driver == NULL) {
        driver = probe_file(file, error);
        image->probed = true;
    }
    image->driver = driver;
    if (driver == NULL || !may_write(image, error) || !driver->open(image, options, error)) {
        image->driver = NULL;
        block_image_close(image);
        return NULL;
    }
    return image;
}

void block_image_close(struct block_image *image)
{
    if (image == NULL) {
        return;
    }
    if (image->driver != NULL) {
        image->driver->close(image);
    }
    block_image_close(image->backing);
    block_file_close(image->file);
    g_free(image->path);
    g_free(image);
}

/* ---- backing files ---- */

char *block_backing_path(const char *path, const char *name)
{
    if (g_path_is_absolute(name)) {
        return g_strdup(name);
    }
    g_autofree char *folder = g_path_get_dirname(path);
    return strcmp(folder, ".") == 0 && strchr(path, '/') == NULL
               ? g_strdup(name)
               : g_build_filename(folder, name, NULL);
}

/* True if target lies in the folder of path or below, symbolic links followed on both sides. */
static bool is_beside(const char *path, const char *target)
{
    char *real_path = realpath(path, NULL);
    char *real_target = realpath(target, NULL);
    bool beside = false;

    if (real_path != NULL && real_target != NULL) {
        g_autofree char *folder = g_path_get_dirname(real_path);
        size_t length = strlen(folder);
        beside = strcmp(folder, "/") == 0 ||
                 (strncmp(real_target, folder, length) == 0 && real_target[length] == '/');
    }
    free(real_path);
    free(real_target);
    return beside;
}

bool block_image_may_name(const struct block_image *image, const char *what, const char *path,
                          const struct block_options *options, GError **error)
{
    if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_set_error(error, BLOCK_ERROR, ENOENT, "Could not open %s '%s' of '%s': %s", what, path,
                    image->path, g_strerror(ENOENT));
        return false;
    }
    if (options->alone) {
        g_set_error(error, BLOCK_ERROR, EPERM,
                    "'%s', a backing file without a format, has a %s '%s' of its own; if you trust "
                    "the image, allow it with allow-backing=on",
                    image->path, what, path);
        return false;
    }
    if (!options->allow_backing && !is_beside(image->path, path)) {
        g_set_error(
            error, BLOCK_ERROR, EPERM,
            "'%s' wants the %s '%s', which is outside the image's folder; if you trust "
            "the image, allow it with allow-backing=on",
            image->path, what, path);
        return false;
    }
    return true;
}

bool block_image_open_backing(struct block_image *image, const char *name, const char *format,
                              const struct block_options *options, GError **error)
{
    g_autofree char *path = block_backing_path(image->path, name);
    struct block_options below = {
        .format = format,
        .cache = options->cache,
        .read_only = true,
        .allow_backing = options->allow_backing,
        .alone = format == NULL && !options->allow_backing,
        .no_lock = options->no_lock,
        .depth = options->depth + 1,
    };

    if (below.depth > BACKING_DEPTH_MAX) {
        g_set_error(error, BLOCK_ERROR, ELOOP,
                    "'%s' is part of a chain of more than %d backing files, or of a circle",
                    image->path, BACKING_DEPTH_MAX);
        return false;
    }
    if (!block_image_may_name(image, "backing file", path, options, error)) {
        return false;
    }
    image->backing = block_image_open(path, &below, error);
    if (image->backing == NULL) {
        g_prefix_error(error, "Backing file of '%s': ", image->path);
        return false;
    }
    return true;
}

int block_image_read_backing(struct block_image *image, uint64_t offset, void *buffer, size_t bytes)
{
    struct block_image *backing = image->backing;
    size_t have = 0;

    if (backing != NULL && offset < backing->bytes) {
        have = (size_t)MIN(bytes, backing->bytes - offset);
        int result = backing->driver->read(backing, offset, buffer, have);
        if (result < 0) {
            return result;
        }
    }
    memset((uint8_t *)buffer + have, 0, bytes - have);
    return 0;
}

int block_image_map(struct block_image *image, uint64_t offset, uint64_t bytes,
                    struct block_extent *extent)
{
    unsigned depth = 0;

    for (;; depth++) {
        *extent = (struct block_extent){.bytes = bytes};
        if (image->driver->map != NULL) {
            int result = image->driver->map(image, offset, bytes, extent);
            if (result < 0) {
                return result;
            }
        } else {
            int result =
                image->driver->status(image, offset, bytes, &extent->data, &extent->bytes);
            if (result < 0) {
                return result;
            }
            extent->present = extent->data;
            extent->zero = !extent->data;
        }
        extent->depth = depth;
        if (extent->present || image->backing == NULL) {
            return 0;
        }
        bytes = extent->bytes;
        if (offset >= image->backing->bytes) {
            extent->zero = true;
            return 0;
        }
        bytes = MIN(bytes, image->backing->bytes - offset);
        image = image->backing;
    }
}

int block_image_write(struct block_image *image, uint64_t offset, const void *buffer, size_t bytes)
{
    return image->read_only ? -EROFS : image->driver->write(image, offset, buffer, bytes);
}

int block_image_flush(struct block_image *image)
{
    if (image->failed) {
        return -EIO;
    }
    return image->read_only ? 0 : image->driver->flush(image);
}

bool block_image_dirty(struct block_image *image)
{
    return image->driver->dirty != NULL && image->driver->dirty(image);
}

/* ---- creating ---- */

/* Size of the disk in the backing file. */
static bool find_backing_size(const char *path, const struct block_create_options *options,
                              uint64_t *bytes, GError **error)
{
    g_autofree char *backing_path = block_backing_path(path, options->backing_name);
    struct block_options below = {
        .format = options->backing_format,
        .read_only = true,
        .no_backing = true,
        .no_lock = true,
    };
    struct block_image *backing = block_image_open(backing_path, &below, error);

    if (backing == NULL) {
        g_prefix_error(error, "%s: Backing file: ", path);
        return false;
    }
    *bytes = backing->bytes;
    block_image_close(backing);
    return true;
}

bool block_create_size(const char *path, const struct block_create_options *options,
                       uint64_t *bytes, GError **error)
{
    const struct block_driver *driver =
        block_driver_find(options->format != NULL ? options->format : "raw", error);
    uint64_t backing_size = 0;

    if (driver == NULL) {
        g_prefix_error(error, "%s: ", path);
        return false;
    }
    if (driver->create == NULL) {
        g_set_error(error, BLOCK_ERROR, ENOTSUP, "Format driver '%s' does not support image creation",
                    driver->name);
        return false;
    }
    if (options->backing_name != NULL &&
        !(options->no_backing_check && options->have_bytes) &&
        !find_backing_size(path, options, &backing_size, error)) {
        return false;
    }
    if (!options->have_bytes && options->backing_name == NULL) {
        g_set_error(error, BLOCK_ERROR, EINVAL, "%s: Image creation needs a size parameter", path);
        return false;
    }
    *bytes = options->have_bytes ? options->bytes : backing_size;
    if (*bytes > INT64_MAX - BLOCK_SECTOR_BYTES) {
        g_set_error(error, BLOCK_ERROR, EFBIG, "%s: Image size must be less than 8 EiB", path);
        return false;
    }
    return true;
}

/* Until it is whole a new image is nothing, so the order of its writes does not matter: one sync, at the end. */
static bool sync_new(struct block_file *file, const struct block_driver *driver, GError **error)
{
    file->cache = BLOCK_CACHE_WRITEBACK;
    int result = driver == &block_raw_driver ? 0 : block_file_sync(file);

    if (result < 0) {
        g_set_error(error, BLOCK_ERROR, -result, "%s: Could not write the new image: %s", file->path,
                    g_strerror(-result));
    }
    return result == 0;
}

bool block_create(const char *path, const struct block_create_options *options, uint64_t *bytes,
                  GError **error)
{
    struct block_options open_options = {.cache = BLOCK_CACHE_UNSAFE};
    uint64_t size;

    if (!block_create_size(path, options, &size, error)) {
        return false;
    }
    const struct block_driver *driver =
        block_driver_find(options->format != NULL ? options->format : "raw", NULL);
    size = (size + BLOCK_SECTOR_BYTES - 1) / BLOCK_SECTOR_BYTES * BLOCK_SECTOR_BYTES;
    struct block_file *file = block_file_open(path, &open_options, true, error);
    if (file == NULL) {
        return false;
    }
    bool ok = driver->create(file, options, size, error) && sync_new(file, driver, error);
    block_file_close(file);
    if (ok && bytes != NULL) {
        *bytes = size;
    }
    return ok;
}
