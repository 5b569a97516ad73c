/*
 * The QCOW2 driver: opening, closing, flushing in the right order, and what an image is. The layout
 * and the order are described in qcow2_impl.h.
 */
#include "block/qcow2_impl.h"

#include <errno.h>
#include <stdio.h>

/* ---- tables that are in memory as a whole ---- */

int qcow2_root_read(struct block_image *image, struct qcow2_root *root, uint64_t offset,
                    uint32_t count)
{
    size_t units = (size_t)qcow2_round_up((uint64_t)count * 8, QCOW2_UNIT_BYTES) / QCOW2_UNIT_BYTES;
    size_t bytes = units * QCOW2_UNIT_BYTES;

    *root = (struct qcow2_root){.count = count, .offset = offset};
    root->entries = g_try_malloc0(MAX(bytes, 8));
    root->dirty = g_malloc0(MAX(units, 1));
    if (root->entries == NULL) {
        return -ENOMEM;
    }
    int result = block_file_read(image->file, offset, root->entries, (size_t)count * 8);
    for (uint32_t i = 0; i < count; i++) {
        root->entries[i] = be64toh(root->entries[i]);
    }
    return result;
}

void qcow2_root_finish(struct qcow2_root *root)
{
    g_free(root->entries);
    g_free(root->dirty);
    root->entries = NULL;
    root->dirty = NULL;
}

void qcow2_root_set(struct qcow2_root *root, uint32_t index, uint64_t value)
{
    uint8_t *dirty = &root->dirty[index / (QCOW2_UNIT_BYTES / 8)];

    root->entries[index] = value;
    root->dirty_units += !*dirty;
    *dirty = 1;
}

int qcow2_root_write(struct block_image *image, struct qcow2_root *root)
{
    enum { PER_UNIT = QCOW2_UNIT_BYTES / 8 };

    for (uint32_t unit = 0; root->dirty_units > 0 && unit * PER_UNIT < root->count; unit++) {
        uint64_t raw[PER_UNIT] = {0};
        if (!root->dirty[unit]) {
            continue;
        }
        for (uint32_t i = 0; i < PER_UNIT && unit * PER_UNIT + i < root->count; i++) {
            raw[i] = htobe64(root->entries[unit * PER_UNIT + i]);
        }
        int result =
            block_file_write(image->file, root->offset + unit * QCOW2_UNIT_BYTES, raw, sizeof(raw));
        if (result < 0) {
            return result;
        }
        root->dirty[unit] = 0;
        root->dirty_units--;
    }
    return 0;
}

/* ---- flushing ---- */

int qcow2_sync(struct block_image *image)
{
    struct qcow2 *qcow = image->state;
    int result = 0;

    if (qcow->data_file != NULL && qcow->data_file != image->file) {
        result = block_file_sync(qcow->data_file);
    }
    return result == 0 ? block_file_sync(image->file) : result;
}

/* Steps 1 and 2 of qcow2_impl.h, with the sync between data and tables. */
int qcow2_write_counts(struct block_image *image)
{
    struct qcow2 *qcow = image->state;
    int result = qcow2_cache_write(image, &qcow->blocks);

    if (result == 0) {
        result = qcow2_sync(image);
    }
    if (result == 0 &&
        (qcow->reftable.dirty_units > 0 || qcow->reftable.offset != qcow->header.reftable_offset)) {
        result = qcow2_reftable_write(image);
    }
    return result;
}

/* With lazy refcounts, instead of those: tell that the counts are not right. */
static int admit_dirty(struct block_image *image)
{
    struct qcow2 *qcow = image->state;
    int result = qcow2_sync(image);

    if (result == 0 && (qcow->header.incompatible & QCOW2_INCOMPAT_DIRTY) == 0) {
        result = qcow2_set_incompatible(image, QCOW2_INCOMPAT_DIRTY, 0);
    }
    return result;
}

int qcow2_flush(struct block_image *image)
{
    struct qcow2 *qcow = image->state;
    bool tables = qcow->l2.dirty > 0 || qcow->l1.dirty_units > 0;
    int result = 0;

    if (tables || (!qcow->lazy && qcow->blocks.dirty > 0)) {
        result = qcow->lazy ? admit_dirty(image) : qcow2_write_counts(image);
    }
    if (result == 0 && qcow->l2.dirty > 0) {
        result = qcow2_cache_write(image, &qcow->l2);
        if (result == 0 && qcow->l1.dirty_units > 0) {
            result = qcow2_sync(image);
        }
    }
    if (result == 0) {
        result = qcow2_root_write(image, &qcow->l1);
    }
    if (result == 0) {
        result = qcow2_sync(image);
    }
    return result == 0 ? qcow2_apply_pending(image) : result;
}

int qcow2_write_out(struct block_image *image)
{
    struct qcow2 *qcow = image->state;
    int result = qcow2_flush(image);

    while (result == 0 && (qcow->blocks.dirty > 0 || qcow->reftable.dirty_units > 0 ||
                           qcow->reftable.offset != qcow->header.reftable_offset)) {
        result = qcow2_write_counts(image);
    }
    if (result == 0) {
        result = qcow2_sync(image);
    }
    if (result == 0 && (qcow->header.incompatible & QCOW2_INCOMPAT_DIRTY) != 0) {
        result = qcow2_set_incompatible(image, 0, QCOW2_INCOMPAT_DIRTY);
    }
    return result;
}

static bool is_dirty(struct block_image *image)
{
    const struct qcow2 *qcow = image->state;

    return qcow->l2.dirty > 0 || qcow->l1.dirty_units > 0 || qcow->pending->len > 0 ||
           (!qcow->lazy && qcow->blocks.dirty > 0);
}

/* ---- opening and closing ---- */

static void free_extension(void *extension)
{
    g_free(((struct qcow2_extension *)extension)->data);
}

static void free_state(struct block_image *image)
{
    struct qcow2 *qcow = image->state;

    if (qcow->data_file != image->file) {
        block_file_close(qcow->data_file);
    }
    qcow2_cache_finish(&qcow->l2);
    qcow2_cache_finish(&qcow->blocks);
    qcow2_root_finish(&qcow->l1);
    qcow2_root_finish(&qcow->reftable);
    g_array_free(qcow->pending, TRUE);
    g_array_free(qcow->extensions, TRUE);
    g_ptr_array_free(qcow->snapshots, TRUE);
    g_free(qcow->backing_name);
    g_free(qcow->backing_path);
    g_free(qcow->backing_format);
    g_free(qcow->data_name);
    g_free(qcow->cow);
    g_free(qcow->packed);
    g_free(qcow->unpacked);
    g_free(qcow);
    image->state = NULL;
}

void qcow2_close(struct block_image *image)
{
    struct qcow2 *qcow = image->state;

    if (!image->read_only) {
        int result = qcow2_write_out(image);
        if (result == 0 && qcow->packed_end != 0) {
            /* The last compressed cluster counts in sectors. */
            uint64_t end = qcow2_round_up(image->file->bytes, QCOW2_UNIT_BYTES);
            result = end > image->file->bytes ? block_file_truncate(image->file, end) : 0;
        }
        if (result < 0) {
            g_printerr("vmm: warning: could not write the last changes of '%s': %s\n", image->path,
                       g_strerror(-result));
        }
    }
    free_state(image);
}

static void prepare(struct qcow2 *qcow)
{
    const struct qcow2_header *header = &qcow->header;

    qcow->extended = (header->incompatible & QCOW2_INCOMPAT_EXTENDED_L2) != 0;
    qcow->lazy = (header->compatible & QCOW2_COMPAT_LAZY) != 0;
    qcow->cluster_bits = header->cluster_bits;
    qcow->cluster_bytes = (size_t)1 << header->cluster_bits;
    qcow->entry_bytes = qcow->extended ? 16 : 8;
    qcow->l2_bits = header->cluster_bits - (qcow->extended ? 4 : 3);
    qcow->sub_bits = header->cluster_bits - (qcow->extended ? 5 : 0);
    qcow->refcount_order = header->refcount_order;
    qcow->block_bits = header->cluster_bits + 3 - header->refcount_order;
    qcow->refcount_max =
        header->refcount_order == 6 ? UINT64_MAX : (1ull << (1 << header->refcount_order)) - 1;
    qcow2_cache_init(&qcow->l2, qcow->cluster_bytes, true);
    qcow2_cache_init(&qcow->blocks, qcow->cluster_bytes, false);
    qcow->cow = g_malloc(qcow->cluster_bytes);
}

static bool read_tables(struct block_image *image, GError **error)
{
    struct qcow2 *qcow = image->state;
    const struct qcow2_header *header = &qcow->header;
    uint32_t entries = (uint32_t)(((uint64_t)header->reftable_clusters << qcow->cluster_bits) / 8);
    int result = qcow2_root_read(image, &qcow->l1, header->l1_offset, header->l1_entries);

    if (result == 0) {
        result = qcow2_root_read(image, &qcow->reftable, header->reftable_offset, entries);
    }
    if (result < 0) {
        g_set_error(error, BLOCK_ERROR, -result, "Could not read '%s': qcow2: tables: %s",
                    image->path, g_strerror(-result));
        return false;
    }
    return true;
}

static bool open_data_file(struct block_image *image, const struct block_options *options,
                           GError **error)
{
    struct qcow2 *qcow = image->state;

    qcow->data_file = image->file;
    if (!qcow2_has_data_file(qcow)) {
        return true;
    }
    qcow->data_file = NULL;
    if (options->no_backing && image->read_only) {
        return true;
    }
    if (qcow->data_name == NULL) {
        g_set_error(error, BLOCK_ERROR, EINVAL,
                    "Could not open '%s': qcow2: it does not name its data file", image->path);
        return false;
    }
    g_autofree char *path = block_backing_path(image->path, qcow->data_name);
    struct block_options below = *options;
    below.format = NULL;
    below.read_only = image->read_only;
    if (!block_image_may_name(image, "data file", path, options, error)) {
        return false;
    }
    qcow->data_file = block_file_open(path, &below, false, error);
    return qcow->data_file != NULL;
}

static bool open_backing(struct block_image *image, const struct block_options *options,
                         GError **error)
{
    struct qcow2 *qcow = image->state;

    if (qcow->backing_name == NULL) {
        return true;
    }
    qcow->backing_path = block_backing_path(image->path, qcow->backing_name);
    if (options->no_backing) {
        return true;
    }
    return block_image_open_backing(image, qcow->backing_name, qcow->backing_format, options,
                                    error);
}

/* What has to be done before an image may be changed. */
static bool prepare_writing(struct block_image *image, GError **error)
{
    struct qcow2 *qcow = image->state;
    int result = 0;

    if ((qcow->header.incompatible & QCOW2_INCOMPAT_CORRUPT) != 0) {
        g_set_error(error, BLOCK_ERROR, EACCES,
                    "qcow2: Image is corrupt; cannot be opened read/write: '%s' (repair it with "
                    "vmm-img check -r all, or open it read-only)",
                    image->path);
        return false;
    }
    if ((qcow->header.incompatible & QCOW2_INCOMPAT_DIRTY) != 0) {
        result = qcow2_rebuild(image);
    }
    if (result == 0 && (qcow->header.autoclear & ~QCOW2_AUTOCLEAR_DATA_RAW) != 0) {
        qcow->header.autoclear &= QCOW2_AUTOCLEAR_DATA_RAW;
        result = qcow2_set_incompatible(image, 0, 0);
    }
    if (result < 0) {
        g_set_error(error, BLOCK_ERROR, -result, "Could not open '%s' for writing: %s", image->path,
                    g_strerror(-result));
    }
    return result == 0;
}

bool qcow2_open(struct block_image *image, const struct block_options *options, GError **error)
{
    struct qcow2_header header;

    if (!qcow2_read_header(image->file, &header, error)) {
        return false;
    }
    struct qcow2 *qcow = g_new0(struct qcow2, 1);
    image->state = qcow;
    qcow->header = header;
    qcow->repairing = options->repair;
    qcow->pending = g_array_new(FALSE, FALSE, sizeof(struct qcow2_pending));
    qcow->extensions = g_array_new(FALSE, FALSE, sizeof(struct qcow2_extension));
    g_array_set_clear_func(qcow->extensions, free_extension);
    qcow->snapshots = g_ptr_array_new_with_free_func(qcow2_snapshot_free);
    image->bytes = header.bytes / BLOCK_SECTOR_BYTES * BLOCK_SECTOR_BYTES;
    if (!qcow2_read_extensions(image, error)) {
        free_state(image);
        return false;
    }
    prepare(qcow);
    if (!read_tables(image, error) || !qcow2_snapshots_read(image, error) ||
        !open_data_file(image, options, error) ||
        (!image->read_only && !options->repair && !prepare_writing(image, error)) ||
        !open_backing(image, options, error)) {
        free_state(image);
        return false;
    }
    return true;
}

static bool qcow2_probe(const uint8_t *head, size_t bytes)
{
    return bytes >= 8 && qcow2_get32(head) == QCOW2_MAGIC &&
           (qcow2_get32(head + 4) == 2 || qcow2_get32(head + 4) == 3);
}

/* ---- what it is ---- */

static void qcow2_info(struct block_image *image, struct block_info *info)
{
    struct qcow2 *qcow = image->state;
    const struct qcow2_header *header = &qcow->header;

    qcow->details = (struct block_details){
        .compat = header->version < 3 ? "0.10" : "1.1",
        .compression = header->compression == QCOW2_ZSTD ? "zstd" : "zlib",
        .data_file = qcow2_has_data_file(qcow) ? qcow->data_name : NULL,
        .refcount_bits = 1u << header->refcount_order,
        .version_3 = header->version >= 3,
        .lazy_refcounts = qcow->lazy,
        .data_file_raw = (header->autoclear & QCOW2_AUTOCLEAR_DATA_RAW) != 0,
        .extended_l2 = qcow->extended,
        .corrupt = (header->incompatible & QCOW2_INCOMPAT_CORRUPT) != 0,
    };
    info->cluster_bytes = (uint32_t)qcow->cluster_bytes;
    info->backing_name = qcow->backing_name;
    info->backing_path = qcow->backing_path;
    info->backing_format = qcow->backing_format;
    info->dirty = (header->incompatible & QCOW2_INCOMPAT_DIRTY) != 0;
    info->details = &qcow->details;
}

static struct block_snapshot *qcow2_snapshot_list(struct block_image *image, unsigned *count)
{
    const struct qcow2 *qcow = image->state;
    struct block_snapshot *list = g_new0(struct block_snapshot, qcow->snapshots->len + 1);

    for (guint i = 0; i < qcow->snapshots->len; i++) {
        const struct qcow2_snapshot *snapshot = g_ptr_array_index(qcow->snapshots, i);
        list[i] = (struct block_snapshot){
            .id = snapshot->id,
            .name = snapshot->name,
            .state_bytes = snapshot->state_bytes,
            .date_seconds = snapshot->date_seconds,
            .date_ns = snapshot->date_ns,
            .clock_ns = snapshot->clock_ns,
            .icount = snapshot->icount,
        };
    }
    *count = qcow->snapshots->len;
    return list;
}

static bool qcow2_set_backing(struct block_image *image, const char *name, const char *format,
                              GError **error)
{
    struct qcow2 *qcow = image->state;

    if (name != NULL && strlen(name) > QCOW2_NAME_MAX) {
        g_set_error(error, BLOCK_ERROR, ENAMETOOLONG, "%s: Backing file name is too long",
                    image->path);
        return false;
    }
    char *old_name = qcow->backing_name, *old_format = qcow->backing_format;
    qcow->backing_name = g_strdup(name);
    qcow->backing_format = name != NULL ? g_strdup(format) : NULL;
    int result = qcow2_flush(image);
    if (result == 0) {
        result = qcow2_rewrite_header(image);
    }
    if (result == 0) {
        result = block_file_sync(image->file);
    }
    if (result < 0) {
        g_set_error(error, BLOCK_ERROR, -result, "Could not change the backing file of '%s': %s",
                    image->path, g_strerror(-result));
        g_free(qcow->backing_name);
        g_free(qcow->backing_format);
        qcow->backing_name = old_name;
        qcow->backing_format = old_format;
        return false;
    }
    g_free(old_name);
    g_free(old_format);
    g_free(qcow->backing_path);
    qcow->backing_path = name != NULL ? block_backing_path(image->path, name) : NULL;
    return true;
}

static int qcow2_make_empty(struct block_image *image)
{
    int result = qcow2_unmap(image, 0, image->bytes);

    return result == 0 ? qcow2_flush(image) : result;
}

const struct block_driver block_qcow2_driver = {
    .name = "qcow2",
    .probe = qcow2_probe,
    .open = qcow2_open,
    .create = qcow2_create,
    .close = qcow2_close,
    .read = qcow2_read,
    .write = qcow2_write,
    .write_zeroes = qcow2_write_zeroes,
    .discard = qcow2_discard,
    .flush = qcow2_flush,
    .truncate = qcow2_truncate,
    .status = qcow2_status,
    .map = qcow2_map,
    .info = qcow2_info,
    .check = qcow2_check,
    .pack = qcow2_pack,
    .write_packed = qcow2_write_packed,
    .snapshot_create = qcow2_snapshot_create,
    .snapshot_apply = qcow2_snapshot_apply,
    .snapshot_view = qcow2_snapshot_view,
    .snapshot_delete = qcow2_snapshot_delete,
    .snapshot_list = qcow2_snapshot_list,
    .state_write = qcow2_state_write,
    .state_read = qcow2_state_read,
    .set_backing = qcow2_set_backing,
    .make_empty = qcow2_make_empty,
    .preallocate = qcow2_preallocate,
    .locate = qcow2_locate,
    .dirty = is_dirty,
};
