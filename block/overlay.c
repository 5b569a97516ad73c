/*
 * -snapshot: a temporary copy-on-write layer above an image that is only read. What the guest
 * writes goes to a file without a name, at the same offsets as on the disk, so the file is as
 * sparse as the changes are; a map in memory, one bit a cluster, tells what is there. The kernel
 * deletes the file when it is closed.
 *
 * The map is made of small pages on demand, so a huge disk costs nothing until it is written.
 */
#include "block/driver_impl.h"

#include <errno.h>
#include <string.h>

enum {
    CLUSTER_BYTES = 16 * 1024,
    PAGE_BITS = 4096, /* clusters to a page of the map */
    WORD_BITS = 64,
};

struct map_page {
    uint64_t words[PAGE_BITS / WORD_BITS];
};

struct overlay {
    struct block_file *file;
    GHashTable *pages; /* page number -> struct map_page */
    uint8_t *cluster;  /* scratch */
};

/* ---- the map ---- */

static struct map_page *find_page(const struct overlay *overlay, uint64_t cluster)
{
    gint64 key = (gint64)(cluster / PAGE_BITS);

    return g_hash_table_lookup(overlay->pages, &key);
}

static bool map_test(const struct overlay *overlay, uint64_t cluster)
{
    const struct map_page *page = find_page(overlay, cluster);
    unsigned bit = (unsigned)(cluster % PAGE_BITS);

    return page != NULL && (page->words[bit / WORD_BITS] >> (bit % WORD_BITS) & 1) != 0;
}

static void map_set(struct overlay *overlay, uint64_t cluster)
{
    struct map_page *page = find_page(overlay, cluster);
    unsigned bit = (unsigned)(cluster % PAGE_BITS);

    if (page == NULL) {
        gint64 *key = g_new(gint64, 1);
        *key = (gint64)(cluster / PAGE_BITS);
        page = g_new0(struct map_page, 1);
        g_hash_table_insert(overlay->pages, key, page);
    }
    page->words[bit / WORD_BITS] |= (uint64_t)1 << (bit % WORD_BITS);
}

/* Length of the run from offset on, in bytes, that is all in the layer or all not. */
static uint64_t find_run(const struct overlay *overlay, uint64_t offset, uint64_t bytes, bool *ours)
{
    uint64_t end = offset + bytes;
    uint64_t at = (offset / CLUSTER_BYTES + 1) * CLUSTER_BYTES;

    *ours = map_test(overlay, offset / CLUSTER_BYTES);
    while (at < end && map_test(overlay, at / CLUSTER_BYTES) == *ours) {
        at += CLUSTER_BYTES;
    }
    return MIN(at, end) - offset;
}

/* ---- driver ---- */

static int overlay_read(struct block_image *image, uint64_t offset, void *buffer, size_t bytes)
{
    struct overlay *overlay = image->state;
    uint8_t *out = buffer;

    while (bytes > 0) {
        bool ours;
        size_t run = (size_t)find_run(overlay, offset, bytes, &ours);
        int result = ours ? block_file_read(overlay->file, offset, out, run)
                          : block_image_read_backing(image, offset, out, run);
        if (result < 0) {
            return result;
        }
        offset += run;
        out += run;
        bytes -= run;
    }
    return 0;
}

/* Writes a piece that lies in one cluster; buffer NULL: zeroes. */
static int write_piece(struct block_image *image, uint64_t offset, const uint8_t *buffer,
                       size_t bytes)
{
    struct overlay *overlay = image->state;
    uint64_t cluster = offset / CLUSTER_BYTES;
    uint64_t start = cluster * CLUSTER_BYTES;

    if (map_test(overlay, cluster) && buffer != NULL) {
        return block_file_write(overlay->file, offset, buffer, bytes);
    }
    size_t length = (size_t)MIN(CLUSTER_BYTES, image->bytes - start);
    if (bytes < length) {
        int result = overlay_read(image, start, overlay->cluster, length);
        if (result < 0) {
            return result;
        }
    }
    if (buffer != NULL) {
        memcpy(overlay->cluster + (offset - start), buffer, bytes);
    } else {
        memset(overlay->cluster + (offset - start), 0, bytes);
    }
    int result = block_file_write(overlay->file, start, overlay->cluster, length);
    if (result == 0) {
        map_set(overlay, cluster);
    }
    return result;
}

static int write_pieces(struct block_image *image, uint64_t offset, const uint8_t *buffer,
                        uint64_t bytes)
{
    while (bytes > 0) {
        size_t piece = (size_t)MIN(bytes, CLUSTER_BYTES - offset % CLUSTER_BYTES);
        int result = write_piece(image, offset, buffer, piece);
        if (result < 0) {
            return result;
        }
        offset += piece;
        buffer = buffer != NULL ? buffer + piece : NULL;
        bytes -= piece;
    }
    return 0;
}

static int overlay_write(struct block_image *image, uint64_t offset, const void *buffer,
                         size_t bytes)
{
    return write_pieces(image, offset, buffer, bytes);
}

static int overlay_write_zeroes(struct block_image *image, uint64_t offset, uint64_t bytes)
{
    return write_pieces(image, offset, NULL, bytes);
}

static int overlay_discard(struct block_image *image, uint64_t offset, uint64_t bytes)
{
    return 0;
}

static int overlay_flush(struct block_image *image)
{
    return 0; /* the file does not outlive the process: nothing to make durable */
}

static int overlay_status(struct block_image *image, uint64_t offset, uint64_t bytes, bool *data,
                          uint64_t *run)
{
    bool ours;

    *run = find_run(image->state, offset, bytes, &ours);
    if (ours) {
        *data = true;
        return 0;
    }
    return image->backing->driver->status(image->backing, offset, *run, data, run);
}

static void overlay_close(struct block_image *image)
{
    struct overlay *overlay = image->state;

    block_file_close(overlay->file);
    g_hash_table_destroy(overlay->pages);
    g_free(overlay->cluster);
    g_free(overlay);
}

const struct block_driver block_overlay_driver = {
    .name = "overlay",
    .close = overlay_close,
    .read = overlay_read,
    .write = overlay_write,
    .write_zeroes = overlay_write_zeroes,
    .discard = overlay_discard,
    .flush = overlay_flush,
    .status = overlay_status,
};

struct block_image *block_overlay_create(struct block_image *base, GError **error)
{
    struct block_file *file = block_file_temporary(error);

    if (file == NULL) {
        return NULL;
    }
    struct overlay *overlay = g_new0(struct overlay, 1);
    overlay->file = file;
    overlay->pages = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    overlay->cluster = g_malloc(CLUSTER_BYTES);
    struct block_image *image = g_new0(struct block_image, 1);
    image->driver = &block_overlay_driver;
    image->path = g_strdup(base->path);
    image->bytes = base->bytes;
    image->state = overlay;
    image->backing = base;
    return image;
}

struct block_image *block_overlay_base(struct block_image *overlay)
{
    return overlay->backing;
}

/* ---- commit ---- */

static int copy_changes(struct block_image *image, struct block_image *target)
{
    struct overlay *overlay = image->state;
    GHashTableIter iter;
    gpointer key, value;

    g_hash_table_iter_init(&iter, overlay->pages);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        uint64_t first = (uint64_t) * (gint64 *)key * PAGE_BITS;
        for (uint64_t cluster = first; cluster < first + PAGE_BITS; cluster++) {
            if (!map_test(overlay, cluster)) {
                continue;
            }
            uint64_t start = cluster * CLUSTER_BYTES;
            size_t length = (size_t)MIN(CLUSTER_BYTES, image->bytes - start);
            int result = block_file_read(overlay->file, start, overlay->cluster, length);
            if (result == 0) {
                result = block_image_write(target, start, overlay->cluster, length);
            }
            if (result < 0) {
                return result;
            }
        }
    }
    return block_image_flush(target);
}

/* Opens the base once more, for writing, and moves the lock over to it. */
static struct block_image *open_writer(struct block_image *reader,
                                       const struct block_options *options, GError **error)
{
    struct block_options below = *options;

    below.no_lock = true; /* our own lock as a reader is still there */
    struct block_image *writer = block_image_open(reader->path, &below, error);
    if (writer == NULL || options->no_lock) {
        return writer;
    }
    block_unlock_file(reader->file->fd);
    if (!block_lock_file(writer->file->fd, reader->path, true, error)) {
        (void)block_lock_file(reader->file->fd, reader->path, false, NULL);
        block_image_close(writer);
        return NULL;
    }
    return writer;
}

bool block_overlay_commit(struct block_image *image, const struct block_options *options,
                          GError **error)
{
    struct overlay *overlay = image->state;
    struct block_image *reader = image->backing;
    struct block_options below = *options;

    below.format = reader->probed ? NULL : reader->driver->name;
    below.read_only = false;
    struct block_image *writer = open_writer(reader, &below, error);
    if (writer == NULL) {
        return false;
    }
    int result = copy_changes(image, writer);
    block_image_close(writer);
    if (result < 0) {
        g_set_error(error, BLOCK_ERROR, -result, "Could not commit to '%s': %s", image->path,
                    g_strerror(-result));
    }
    /* The reader may have old tables in memory; until there is a new one the layer stays. */
    below.read_only = true;
    struct block_image *fresh = block_image_open(image->path, &below, result < 0 ? NULL : error);
    if (fresh == NULL) {
        return false;
    }
    image->backing = fresh;
    block_image_close(reader);
    if (result == 0) {
        g_hash_table_remove_all(overlay->pages);
        (void)block_file_truncate(overlay->file, 0);
    }
    return result == 0;
}
