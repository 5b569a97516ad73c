/*
 * The QCOW version 1 format ("The QCOW image format", M. McLoughlin, version 1 layout): opening,
 * creating, header. See qcow_impl.h for the layout and for the order of writes.
 *
 * Not modelled: encryption (refused), and the backing file's time stamp in the header.
 */
#include "block/qcow_impl.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define QCOW_MAGIC 0x514649fbu /* "QFI\xfb" */

enum {
    TABLE_CACHE_BYTES = 1 << 20,
    TABLE_CACHE_MIN = 8,
    TABLE_CACHE_MAX = 256,
};

/* Offsets of the fields of the header. */
enum {
    AT_MAGIC = 0,
    AT_VERSION = 4,
    AT_BACKING_OFFSET = 8,
    AT_BACKING_LENGTH = 16,
    AT_MTIME = 20,
    AT_BYTES = 24,
    AT_CLUSTER_BITS = 32,
    AT_L2_BITS = 33,
    AT_CRYPT_METHOD = 36,
    AT_L1_OFFSET = 40,
};

static uint32_t get32(const uint8_t *bytes)
{
    uint32_t value;

    memcpy(&value, bytes, sizeof(value));
    return be32toh(value);
}

static uint64_t get64(const uint8_t *bytes)
{
    uint64_t value;

    memcpy(&value, bytes, sizeof(value));
    return be64toh(value);
}

static void put32(uint8_t *bytes, uint32_t value)
{
    value = htobe32(value);
    memcpy(bytes, &value, sizeof(value));
}

static void put64(uint8_t *bytes, uint64_t value)
{
    value = htobe64(value);
    memcpy(bytes, &value, sizeof(value));
}

static bool qcow_probe(const uint8_t *head, size_t bytes)
{
    return bytes >= 8 && get32(head) == QCOW_MAGIC && get32(head + AT_VERSION) == 1;
}

/* ---- header ---- */

static bool fail(GError **error, const struct block_file *file, const char *what)
{
    g_set_error(error, BLOCK_ERROR, EINVAL, "Could not open '%s': qcow: %s", file->path, what);
    return false;
}

static uint64_t l1_entries_for(uint64_t bytes, unsigned shift)
{
    return (bytes >> shift) + ((bytes & ((1ull << shift) - 1)) != 0);
}

static bool check_header(const struct block_file *file, const struct qcow_header *header,
                         GError **error)
{
    if (header->magic != QCOW_MAGIC || header->version != 1) {
        return fail(error, file, "the file is not a QCOW version 1 image");
    }
    if (header->bytes < BLOCK_SECTOR_BYTES || header->bytes > INT64_MAX) {
        return fail(error, file, "the disk's size in the header is out of range");
    }
    if (header->cluster_bits < QCOW_CLUSTER_BITS_MIN ||
        header->cluster_bits > QCOW_CLUSTER_BITS_MAX) {
        return fail(error, file, "the cluster size is not between 512 bytes and 64 KiB");
    }
    if (header->l2_bits < QCOW_L2_BITS_MIN || header->l2_bits > QCOW_L2_BITS_MAX) {
        return fail(error, file, "the L2 table size is not between 512 bytes and 64 KiB");
    }
    if (header->crypt_method != 0) {
        return fail(
            error, file,
            "the image is encrypted, which is not supported (decrypt it with qemu-img convert)");
    }
    uint64_t entries = l1_entries_for(header->bytes, header->cluster_bits + header->l2_bits);
    if (entries > QCOW_L1_MAX_BYTES / 8) {
        return fail(error, file,
                    "the L1 table is too large: the disk's size in the header is not credible");
    }
    if (header->l1_offset < QCOW_HEADER_BYTES || header->l1_offset > file->bytes ||
        entries * 8 > file->bytes - header->l1_offset) {
        return fail(error, file,
                    "the L1 table lies outside the file: the file is damaged or cut short");
    }
    return true;
}

bool qcow_read_header(struct block_file *file, struct qcow_header *header, GError **error)
{
    uint8_t raw[QCOW_HEADER_BYTES];
    int result = block_file_read(file, 0, raw, sizeof(raw));

    if (result < 0) {
        g_set_error(error, BLOCK_ERROR, -result, "Could not read '%s': %s", file->path,
                    g_strerror(-result));
        return false;
    }
    if (file->bytes < QCOW_HEADER_BYTES) {
        return fail(error, file, "the file is shorter than the header");
    }
    *header = (struct qcow_header){
        .magic = get32(raw + AT_MAGIC),
        .version = get32(raw + AT_VERSION),
        .backing_offset = get64(raw + AT_BACKING_OFFSET),
        .backing_length = get32(raw + AT_BACKING_LENGTH),
        .mtime = get32(raw + AT_MTIME),
        .bytes = get64(raw + AT_BYTES),
        .cluster_bits = raw[AT_CLUSTER_BITS],
        .l2_bits = raw[AT_L2_BITS],
        .crypt_method = get32(raw + AT_CRYPT_METHOD),
        .l1_offset = get64(raw + AT_L1_OFFSET),
    };
    return check_header(file, header, error);
}

/* ---- opening ---- */

static bool read_l1(struct block_image *image, GError **error)
{
    struct qcow *qcow = image->state;
    size_t bytes = (size_t)qcow->l1_entries * 8;
    uint64_t end = image->file->bytes;

    qcow->l1 = g_try_malloc(bytes);
    int result =
        qcow->l1 == NULL ? -ENOMEM : block_file_read(image->file, qcow->l1_offset, qcow->l1, bytes);
    if (result < 0) {
        g_set_error(error, BLOCK_ERROR, -result, "Could not read '%s': qcow: L1 table: %s",
                    image->path, g_strerror(-result));
        return false;
    }
    for (uint32_t i = 0; i < qcow->l1_entries; i++) {
        qcow->l1[i] = be64toh(qcow->l1[i]);
        /* A table beyond the end means damage; still, nothing new may come to lie there. */
        if (qcow->l1[i] <= INT64_MAX / 2) {
            end = MAX(end, qcow->l1[i] == 0 ? 0 : qcow->l1[i] + qcow->table_bytes);
        }
    }
    qcow->next_free = (end + qcow->cluster_bytes - 1) & ~(uint64_t)(qcow->cluster_bytes - 1);
    return true;
}

static bool read_backing(struct block_image *image, const struct qcow_header *header,
                         const struct block_options *options, GError **error)
{
    struct qcow *qcow = image->state;
    uint64_t file_bytes = image->file->bytes;

    if (header->backing_offset == 0 || header->backing_length == 0) {
        return true;
    }
    if (header->backing_length > QCOW_NAME_MAX) {
        return fail(error, image->file, "the backing file's name is too long");
    }
    if (header->backing_offset < QCOW_HEADER_BYTES || header->backing_offset > file_bytes ||
        header->backing_length > file_bytes - header->backing_offset) {
        return fail(error, image->file, "the backing file's name lies outside the file");
    }
    qcow->backing_name = g_malloc0(header->backing_length + 1);
    int result = block_file_read(image->file, header->backing_offset, qcow->backing_name,
                                 header->backing_length);
    if (result < 0) {
        g_set_error(error, BLOCK_ERROR, -result, "Could not read '%s': %s", image->path,
                    g_strerror(-result));
        return false;
    }
    if (strlen(qcow->backing_name) != header->backing_length ||
        !g_utf8_validate(qcow->backing_name, -1, NULL)) {
        return fail(error, image->file, "the backing file's name is not a text");
    }
    qcow->backing_path = block_backing_path(image->path, qcow->backing_name);
    if (options->no_backing) {
        /* What is written would be merged with zeroes instead of the backing file's data. */
        return image->read_only ||
               fail(error, image->file, "without its backing file the image can only be read");
    }
    return block_image_open_backing(image, qcow->backing_name, NULL, options, error);
}

static void prepare_cache(struct qcow *qcow)
{
    size_t count = TABLE_CACHE_BYTES / qcow->table_bytes;

    qcow->table_count = (unsigned)CLAMP(count, TABLE_CACHE_MIN, TABLE_CACHE_MAX);
    qcow->tables = g_new0(struct qcow_table, qcow->table_count);
    qcow->slot_of = g_new0(uint16_t, qcow->l1_entries);
    qcow->l1_dirty = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    qcow->cluster = g_malloc(qcow->cluster_bytes);
    qcow->packed = g_malloc(qcow->cluster_bytes);
    qcow->unpacked = g_malloc(qcow->cluster_bytes);
}

static void qcow_close(struct block_image *image)
{
    struct qcow *qcow = image->state;

    qcow_free_tables(qcow);
    if (qcow->l1_dirty != NULL) {
        g_array_free(qcow->l1_dirty, TRUE);
    }
    g_free(qcow->slot_of);
    g_free(qcow->l1);
    g_free(qcow->backing_name);
    g_free(qcow->backing_path);
    g_free(qcow->cluster);
    g_free(qcow->packed);
    g_free(qcow->unpacked);
    g_free(qcow);
    image->state = NULL;
}

static bool qcow_open(struct block_image *image, const struct block_options *options,
                      GError **error)
{
    struct qcow_header header;

    if (!qcow_read_header(image->file, &header, error)) {
        return false;
    }
    struct qcow *qcow = g_new0(struct qcow, 1);
    image->state = qcow;
    image->bytes = header.bytes / BLOCK_SECTOR_BYTES * BLOCK_SECTOR_BYTES;
    qcow->cluster_bits = header.cluster_bits;
    qcow->l2_bits = header.l2_bits;
    qcow->cluster_bytes = (size_t)1 << header.cluster_bits;
    qcow->table_bytes = (size_t)8 << header.l2_bits;
    qcow->l1_offset = header.l1_offset;
    qcow->l1_entries = (uint32_t)l1_entries_for(header.bytes, header.cluster_bits + header.l2_bits);
    if (!read_l1(image, error) || !read_backing(image, &header, options, error)) {
        qcow_close(image);
        return false;
    }
    prepare_cache(qcow);
    return true;
}

/* ---- creating ---- */

static size_t build_header(uint8_t *raw, const struct block_create_options *options, uint64_t bytes,
                           unsigned cluster_bits, unsigned l2_bits)
{
    size_t length = options->backing_name != NULL ? strlen(options->backing_name) : 0;
    size_t l1_offset = (QCOW_HEADER_BYTES + length + 7) & ~(size_t)7;

    put32(raw + AT_MAGIC, QCOW_MAGIC);
    put32(raw + AT_VERSION, 1);
    put64(raw + AT_BACKING_OFFSET, length > 0 ? QCOW_HEADER_BYTES : 0);
    put32(raw + AT_BACKING_LENGTH, (uint32_t)length);
    put64(raw + AT_BYTES, bytes);
    raw[AT_CLUSTER_BITS] = (uint8_t)cluster_bits;
    raw[AT_L2_BITS] = (uint8_t)l2_bits;
    put64(raw + AT_L1_OFFSET, l1_offset);
    if (length > 0) {
        memcpy(raw + QCOW_HEADER_BYTES, options->backing_name, length);
    }
    return l1_offset;
}

/* The table first, the header last: a half-created file is not taken for an image. */
static int write_new_image(struct block_file *file, const uint8_t *raw, size_t header_bytes,
                           uint64_t l1_bytes)
{
    static const uint8_t zeroes[65536];
    int result = 0;

    for (uint64_t at = 0; at < l1_bytes && result == 0; at += sizeof(zeroes)) {
        result = block_file_write(file, header_bytes + at, zeroes,
                                  (size_t)MIN(sizeof(zeroes), l1_bytes - at));
    }
    return result == 0 ? block_file_write(file, 0, raw, header_bytes) : result;
}

static bool qcow_create(struct block_file *file, const struct block_create_options *options,
                        uint64_t bytes, GError **error)
{
    /* With a backing file, small clusters: less to copy when a part of one is written. */
    unsigned cluster_bits = options->backing_name != NULL ? 9 : 12;
    unsigned l2_bits = options->backing_name != NULL ? 12 : 9;
    uint64_t l1_bytes = l1_entries_for(bytes, cluster_bits + l2_bits) * 8;
    uint8_t raw[QCOW_HEADER_BYTES + QCOW_NAME_MAX + 8] = {0};

    if (bytes == 0) {
        g_set_error(error, BLOCK_ERROR, EINVAL, "%s: Image size is too small", file->path);
        return false;
    }
    if (l1_bytes > QCOW_L1_MAX_BYTES) {
        g_set_error(error, BLOCK_ERROR, EFBIG,
                    "%s: Image size is too large for qcow (at most %d TiB)", file->path,
                    (int)((uint64_t)QCOW_L1_MAX_BYTES / 8 >> (40 - cluster_bits - l2_bits)));
        return false;
    }
    if (options->backing_name != NULL && strlen(options->backing_name) > QCOW_NAME_MAX) {
        g_set_error(error, BLOCK_ERROR, ENAMETOOLONG, "%s: Backing file name is too long",
                    file->path);
        return false;
    }
    /* Whole sectors, as qemu-img does it: some tools do not read a part of one. */
    l1_bytes = (l1_bytes + BLOCK_SECTOR_BYTES - 1) / BLOCK_SECTOR_BYTES * BLOCK_SECTOR_BYTES;
    size_t header_bytes = build_header(raw, options, bytes, cluster_bits, l2_bits);
    int result = write_new_image(file, raw, header_bytes, l1_bytes);
    if (result < 0) {
        g_set_error(error, BLOCK_ERROR, -result, "%s: Could not write the image: %s", file->path,
                    g_strerror(-result));
        return false;
    }
    return true;
}

static void qcow_info(struct block_image *image, struct block_info *info)
{
    const struct qcow *qcow = image->state;

    info->cluster_bytes = (uint32_t)qcow->cluster_bytes;
    info->backing_name = qcow->backing_name;
    info->backing_path = qcow->backing_path;
}

static bool qcow_dirty(struct block_image *image)
{
    const struct qcow *qcow = image->state;

    return qcow->dirty_tables > 0 || qcow->l1_dirty->len > 0;
}

const struct block_driver block_qcow_driver = {
    .name = "qcow",
    .probe = qcow_probe,
    .open = qcow_open,
    .create = qcow_create,
    .close = qcow_close,
    .read = qcow_read,
    .write = qcow_write,
    .write_zeroes = qcow_write_zeroes,
    .discard = qcow_discard,
    .flush = qcow_flush,
    .status = qcow_status,
    .info = qcow_info,
    .check = qcow_check,
    .pack = qcow_pack,
    .write_packed = qcow_write_packed,
    .locate = qcow_locate,
    .dirty = qcow_dirty,
};
