/* VMDK: opening, and which extent an offset lies in. See vmdk_impl.h. */
#include "block/vmdk_impl.h"

#include <errno.h>
#include <string.h>

static bool is_sparse(const uint8_t *head, size_t bytes)
{
    return bytes >= 4 && memcmp(head, VMDK_SPARSE_MAGIC, 4) == 0;
}

static bool is_text(const uint8_t *head, size_t bytes)
{
    const size_t length = sizeof(VMDK_TEXT_MAGIC) - 1;

    return bytes >= length && memcmp(head, VMDK_TEXT_MAGIC, length) == 0;
}

static bool vmdk_probe(const uint8_t *head, size_t bytes)
{
    return is_sparse(head, bytes) || is_text(head, bytes);
}

static int vmdk_lookup(struct block_image *image, uint64_t offset, struct block_place *place)
{
    struct vmdk *vmdk = image->state;
    unsigned first = 0, last = vmdk->count - 1;

    while (first < last) {
        unsigned middle = (first + last + 1) / 2;
        if (vmdk->extents[middle].start <= offset) {
            first = middle;
        } else {
            last = middle - 1;
        }
    }
    struct vmdk_extent *extent = &vmdk->extents[first];
    uint64_t skip = offset - extent->start;
    place->bytes = extent->bytes - skip;
    switch (extent->kind) {
    case VMDK_ZERO:
        place->kind = BLOCK_PLACE_ZERO;
        return 0;
    case VMDK_FLAT:
        place->kind = BLOCK_PLACE_DATA;
        place->file = extent->file;
        place->offset = extent->offset + skip;
        return 0;
    case VMDK_SPARSE:
        break;
    }
    uint64_t left = place->bytes;
    int result = vmdk_sparse_lookup(image, extent, skip, place);
    place->bytes = MIN(place->bytes, left);
    return result;
}

static void free_state(struct vmdk *vmdk)
{
    for (unsigned i = 0; i < vmdk->count; i++) {
        struct vmdk_extent *extent = &vmdk->extents[i];
        if (extent->file != NULL && !extent->borrowed) {
            block_file_close(extent->file);
        }
        g_free(extent->directory);
        g_free(extent->cache);
        g_free(extent->cached);
    }
    g_free(vmdk->extents);
    g_free(vmdk->parent);
    g_free(vmdk->type);
    g_free(vmdk->packed);
    g_free(vmdk->unpacked);
    g_free(vmdk);
}

/* The file is the disk's one extent, with the descriptor inside. */
static bool open_sparse(struct block_image *image, struct vmdk *vmdk,
                        const struct block_options *options, GError **error)
{
    struct vmdk_extent *extent = vmdk_add_extent(vmdk);
    g_autofree char *text = NULL;

    extent->file = image->file;
    extent->borrowed = true;
    return vmdk_sparse_open(image, extent, &text, error) &&
           (text == NULL || vmdk_parse(image, vmdk, text, options, true, error));
}

static bool open_text(struct block_image *image, struct vmdk *vmdk,
                      const struct block_options *options, GError **error)
{
    uint64_t bytes = image->file->bytes;
    g_autofree char *table = block_reader_table(image, image->file, "the descriptor", 0, bytes,
                                                VMDK_TEXT_MAX, error);

    if (table == NULL) {
        return false;
    }
    g_autofree char *text = g_strndup(table, bytes);
    return vmdk_parse(image, vmdk, text, options, false, error);
}

static bool vmdk_open(struct block_image *image, const struct block_options *options,
                      GError **error)
{
    uint8_t head[sizeof(VMDK_TEXT_MAGIC)];
    int result = block_file_read(image->file, 0, head, sizeof(head));
    struct vmdk *vmdk = g_new0(struct vmdk, 1);
    bool ok = false;

    vmdk->reader.lookup = vmdk_lookup;
    vmdk->reader.unpack = vmdk_sparse_unpack;
    image->state = vmdk;
    if (result < 0) {
        g_set_error(error, BLOCK_ERROR, -result, "Could not read '%s': %s", image->path,
                    g_strerror(-result));
    } else if (is_sparse(head, sizeof(head))) {
        ok = open_sparse(image, vmdk, options, error);
    } else if (is_text(head, sizeof(head))) {
        ok = open_text(image, vmdk, options, error);
    } else {
        block_reader_bad(image, error, "it does not begin like one");
    }
    if (ok && vmdk->count == 0) {
        ok = block_reader_bad(image, error, "its descriptor names no extents");
    }
    if (ok) {
        const struct vmdk_extent *last = &vmdk->extents[vmdk->count - 1];
        image->bytes = last->start + last->bytes;
        ok = vmdk->parent == NULL || options->no_backing ||
             block_image_open_backing(image, vmdk->parent, "vmdk", options, error);
    }
    if (!ok) {
        free_state(vmdk);
        image->state = NULL;
    }
    return ok;
}

static void vmdk_close(struct block_image *image)
{
    free_state(image->state);
}

static void vmdk_info(struct block_image *image, struct block_info *info)
{
    const struct vmdk *vmdk = image->state;

    for (unsigned i = 0; i < vmdk->count; i++) {
        const struct vmdk_extent *extent = &vmdk->extents[i];
        if (extent->kind == VMDK_SPARSE) {
            info->cluster_bytes = extent->grain_bytes;
        }
        if (extent->file != NULL && !extent->borrowed) {
            info->actual_bytes += block_file_allocated(extent->file);
        }
    }
    info->backing_name = vmdk->parent;
    info->backing_format = vmdk->parent != NULL ? "vmdk" : NULL;
}

const struct block_driver block_vmdk_driver = {
    .name = "vmdk",
    .probe = vmdk_probe,
    .open = vmdk_open,
    .close = vmdk_close,
    .read = block_reader_read,
    .status = block_reader_status,
    .map = block_reader_map,
    .check = block_reader_check,
    .info = vmdk_info,
};
