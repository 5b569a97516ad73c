/*
 * The header of QCOW2 images: reading it without trusting it, and writing it.
 *
 * The fields that change in use (L1, refcount table, snapshots, size, feature bits) all lie in the
 * first unit of the file, so that one write switches from one state to the next.
 */
#include "block/qcow2_impl.h"

#include <errno.h>

enum {
    AT_MAGIC = 0,
    AT_VERSION = 4,
    AT_BACKING_OFFSET = 8,
    AT_BACKING_LENGTH = 16,
    AT_CLUSTER_BITS = 20,
    AT_BYTES = 24,
    AT_CRYPT_METHOD = 32,
    AT_L1_ENTRIES = 36,
    AT_L1_OFFSET = 40,
    AT_REFTABLE_OFFSET = 48,
    AT_REFTABLE_CLUSTERS = 56,
    AT_SNAPSHOT_COUNT = 60,
    AT_SNAPSHOT_OFFSET = 64,
    AT_INCOMPATIBLE = 72,
    AT_COMPATIBLE = 80,
    AT_AUTOCLEAR = 88,
    AT_REFCOUNT_ORDER = 96,
    AT_LENGTH = 100,
    AT_COMPRESSION = 104,

    EXTENSION_MAX_BYTES = 65536,
    EXTENSIONS_MAX = 64,
    FEATURE_NAME_BYTES = 48,
};

static const struct {
    uint8_t kind; /* 0: incompatible, 1: compatible, 2: autoclear */
    uint8_t bit;
    const char *name;
} feature_names[] = {
    {0, 0, "dirty bit"},        {0, 1, "corrupt bit"},         {0, 2, "external data file"},
    {0, 3, "compression type"}, {0, 4, "extended L2 entries"}, {1, 0, "lazy refcounts"},
    {2, 0, "bitmaps"},          {2, 1, "raw external data"},
};

static bool fail(GError **error, const struct block_file *file, const char *what)
{
    g_set_error(error, BLOCK_ERROR, EINVAL, "Could not open '%s': qcow2: %s", file->path, what);
    return false;
}

/* ---- reading ---- */

static bool check_table(const struct qcow2_header *header, uint64_t offset, uint64_t bytes)
{
    return offset % (1ull << header->cluster_bits) == 0 && offset <= INT64_MAX - bytes;
}

static bool check_header(const struct block_file *file, const struct qcow2_header *header,
                         GError **error)
{
    if (header->version < 2 || header->version > 3) {
        return fail(error, file, "unknown version");
    }
    if (header->cluster_bits < 9 || header->cluster_bits > 21) {
        return fail(error, file, "cluster size is not between 512 bytes and 2 MiB");
    }
    if (header->version == 3 &&
        (header->length < QCOW2_HEADER_V3_BYTES || header->length > 1u << header->cluster_bits)) {
        return fail(error, file, "header length is out of range");
    }
    if (header->crypt_method != 0) {
        return fail(error, file,
                    "encrypted images are not supported; remedy: decrypt it with qemu-img convert");
    }
    if (header->refcount_order > 6) {
        return fail(error, file, "reference counts are wider than 64 bits");
    }
    if (header->l1_entries > QCOW2_L1_MAX_BYTES / 8 ||
        !check_table(header, header->l1_offset, QCOW2_L1_MAX_BYTES)) {
        return fail(error, file, "L1 table is too large or out of line");
    }
    uint64_t span_bits =
        header->cluster_bits * 2 - 3 - ((header->incompatible & QCOW2_INCOMPAT_EXTENDED_L2) != 0);
    if (header->bytes > INT64_MAX ||
        (header->bytes >> span_bits) + ((header->bytes & ((1ull << span_bits) - 1)) != 0) >
            header->l1_entries) {
        return fail(error, file, "L1 table is too small for the disk");
    }
    if (header->reftable_clusters == 0 ||
        (uint64_t)header->reftable_clusters << header->cluster_bits > QCOW2_REFTABLE_MAX_BYTES ||
        !check_table(header, header->reftable_offset, QCOW2_REFTABLE_MAX_BYTES)) {
        return fail(error, file, "refcount table is missing, too large or out of line");
    }
    if (header->snapshot_count > QCOW2_SNAPSHOTS_MAX ||
        !check_table(header, header->snapshot_offset, QCOW2_SNAPSHOT_TABLE_MAX_BYTES)) {
        return fail(error, file, "snapshot table is too large or out of line");
    }
    bool extended = (header->incompatible & QCOW2_INCOMPAT_EXTENDED_L2) != 0;
    if (extended && header->cluster_bits < 14) {
        return fail(error, file, "extended L2 entries need clusters of at least 16 KiB");
    }
    bool typed = (header->incompatible & QCOW2_INCOMPAT_COMPRESSION) != 0;
    if (header->compression > QCOW2_ZSTD || typed != (header->compression != QCOW2_ZLIB)) {
        return fail(error, file, "unknown compression type");
    }
    return true;
}

bool qcow2_read_header(struct block_file *file, struct qcow2_header *header, GError **error)
{
    uint8_t raw[QCOW2_HEADER_BYTES];
    int result =
        file->bytes < QCOW2_HEADER_V2_BYTES ? -EINVAL : block_file_read(file, 0, raw, sizeof(raw));

    if (result == 0 && qcow2_get32(raw + AT_MAGIC) != QCOW2_MAGIC) {
        return fail(error, file, "not in qcow2 format");
    }
    if (result < 0) {
        return fail(error, file, result == -EINVAL ? "too short" : g_strerror(-result));
    }
    *header = (struct qcow2_header){
        .version = qcow2_get32(raw + AT_VERSION),
        .backing_offset = qcow2_get64(raw + AT_BACKING_OFFSET),
        .backing_length = qcow2_get32(raw + AT_BACKING_LENGTH),
        .cluster_bits = qcow2_get32(raw + AT_CLUSTER_BITS),
        .bytes = qcow2_get64(raw + AT_BYTES),
        .crypt_method = qcow2_get32(raw + AT_CRYPT_METHOD),
        .l1_entries = qcow2_get32(raw + AT_L1_ENTRIES),
        .l1_offset = qcow2_get64(raw + AT_L1_OFFSET),
        .reftable_offset = qcow2_get64(raw + AT_REFTABLE_OFFSET),
        .reftable_clusters = qcow2_get32(raw + AT_REFTABLE_CLUSTERS),
        .snapshot_count = qcow2_get32(raw + AT_SNAPSHOT_COUNT),
        .snapshot_offset = qcow2_get64(raw + AT_SNAPSHOT_OFFSET),
        .refcount_order = 4,
        .length = QCOW2_HEADER_V2_BYTES,
    };
    if (header->version >= 3) {
        header->incompatible = qcow2_get64(raw + AT_INCOMPATIBLE);
        header->compatible = qcow2_get64(raw + AT_COMPATIBLE);
        header->autoclear = qcow2_get64(raw + AT_AUTOCLEAR);
        header->refcount_order = qcow2_get32(raw + AT_REFCOUNT_ORDER);
        header->length = qcow2_get32(raw + AT_LENGTH);
        header->compression = header->length > AT_COMPRESSION ? raw[AT_COMPRESSION] : 0;
    }
    /* Unknown features come first, since they may change what all else means. */
    return (header->incompatible & ~QCOW2_INCOMPAT_KNOWN) != 0 || check_header(file, header, error);
}

/* "feature name, bit 9": what the image uses and we do not know. */
static bool refuse_features(const struct block_image *image, const uint8_t *names, size_t bytes,
                            GError **error)
{
    const struct qcow2 *qcow = image->state;
    uint64_t unknown = qcow->header.incompatible & ~QCOW2_INCOMPAT_KNOWN;
    g_autoptr(GString) text = g_string_new(NULL);

    for (unsigned bit = 0; bit < 64; bit++) {
        g_autofree char *name = NULL;
        if ((unknown >> bit & 1) == 0) {
            continue;
        }
        for (size_t i = 0; name == NULL && i + FEATURE_NAME_BYTES <= bytes;
             i += FEATURE_NAME_BYTES) {
            if (names[i] == 0 && names[i + 1] == bit) {
                name = g_strndup((const char *)names + i + 2, FEATURE_NAME_BYTES - 2);
            }
        }
        g_autofree char *shown =
            name != NULL ? g_utf8_make_valid(name, -1)
                         : g_strdup_printf("unknown incompatible feature %#llx", 1ull << bit);
        g_string_append_printf(text, "%s%s", text->len > 0 ? ", " : "", shown);
    }
    g_set_error(error, BLOCK_ERROR, ENOTSUP,
                "Could not open '%s': Unsupported qcow2 feature(s): %s", image->path, text->str);
    return false;
}

static bool read_text(struct block_image *image, uint64_t offset, uint32_t length, char **text,
                      const char *what, GError **error)
{
    *text = g_malloc0((size_t)length + 1);
    int result = block_file_read(image->file, offset, *text, length);

    if (result < 0 || strlen(*text) != length || !g_utf8_validate(*text, -1, NULL)) {
        g_set_error(error, BLOCK_ERROR, EINVAL, "Could not open '%s': qcow2: %s is not a text",
                    image->path, what);
        return false;
    }
    return true;
}

static bool take_extension(struct block_image *image, uint32_t type, uint64_t offset,
                           uint32_t bytes, GError **error)
{
    struct qcow2 *qcow = image->state;

    if (type == (uint32_t)QCOW2_EXT_BACKING_FORMAT && qcow->backing_format == NULL && bytes > 0) {
        return read_text(image, offset, MIN(bytes, QCOW2_NAME_MAX), &qcow->backing_format,
                         "the backing file's format", error);
    }
    if (type == QCOW2_EXT_DATA_FILE && qcow->data_name == NULL && bytes > 0) {
        return read_text(image, offset, MIN(bytes, QCOW2_NAME_MAX), &qcow->data_name,
                         "the data file's name", error);
    }
    struct qcow2_extension extension = {type, bytes, g_malloc(bytes)};
    g_array_append_val(qcow->extensions, extension);
    int result = block_file_read(image->file, offset, extension.data, bytes);
    if (result < 0) {
        return fail(error, image->file, g_strerror(-result));
    }
    if (type == QCOW2_EXT_FEATURE_NAMES &&
        (qcow->header.incompatible & ~QCOW2_INCOMPAT_KNOWN) != 0) {
        return refuse_features(image, extension.data, bytes, error);
    }
    return true;
}

bool qcow2_read_extensions(struct block_image *image, GError **error)
{
    struct qcow2 *qcow = image->state;
    const struct qcow2_header *header = &qcow->header;
    bool unknown = (header->incompatible & ~QCOW2_INCOMPAT_KNOWN) != 0;
    uint64_t end = MIN(image->file->bytes, 1ull << CLAMP(header->cluster_bits, 9, 21));
    unsigned count = 0;

    if (header->backing_offset != 0) {
        if (header->backing_length > QCOW2_NAME_MAX || header->backing_offset > end ||
            header->backing_length > end - header->backing_offset) {
            return fail(error, image->file, "the backing file's name lies outside the header");
        }
        end = header->backing_offset;
    }
    for (uint64_t at = header->length; at + 8 <= end && count < EXTENSIONS_MAX; count++) {
        uint8_t head[8];
        int result = block_file_read(image->file, at, head, sizeof(head));
        if (result < 0) {
            return fail(error, image->file, g_strerror(-result));
        }
        uint32_t type = qcow2_get32(head), bytes = qcow2_get32(head + 4);
        if (type == QCOW2_EXT_END) {
            break;
        }
        at += sizeof(head);
        if (bytes > EXTENSION_MAX_BYTES || bytes > end - at) {
            return fail(error, image->file, "a header extension is too large");
        }
        if (!take_extension(image, type, at, bytes, error)) {
            return false;
        }
        at = qcow2_round_up(at + bytes, 8);
    }
    if (unknown) {
        return refuse_features(image, NULL, 0, error);
    }
    return header->backing_offset == 0 || header->backing_length == 0 ||
           read_text(image, header->backing_offset, header->backing_length, &qcow->backing_name,
                     "the backing file's name", error);
}

/* ---- writing ---- */

static size_t build_fixed(const struct qcow2_header *header, uint8_t *raw)
{
    qcow2_put32(raw + AT_MAGIC, QCOW2_MAGIC);
    qcow2_put32(raw + AT_VERSION, header->version);
    qcow2_put64(raw + AT_BACKING_OFFSET, header->backing_offset);
    qcow2_put32(raw + AT_BACKING_LENGTH, header->backing_length);
    qcow2_put32(raw + AT_CLUSTER_BITS, header->cluster_bits);
    qcow2_put64(raw + AT_BYTES, header->bytes);
    qcow2_put32(raw + AT_CRYPT_METHOD, header->crypt_method);
    qcow2_put32(raw + AT_L1_ENTRIES, header->l1_entries);
    qcow2_put64(raw + AT_L1_OFFSET, header->l1_offset);
    qcow2_put64(raw + AT_REFTABLE_OFFSET, header->reftable_offset);
    qcow2_put32(raw + AT_REFTABLE_CLUSTERS, header->reftable_clusters);
    qcow2_put32(raw + AT_SNAPSHOT_COUNT, header->snapshot_count);
    qcow2_put64(raw + AT_SNAPSHOT_OFFSET, header->snapshot_offset);
    if (header->version < 3) {
        return QCOW2_HEADER_V2_BYTES;
    }
    qcow2_put64(raw + AT_INCOMPATIBLE, header->incompatible);
    qcow2_put64(raw + AT_COMPATIBLE, header->compatible);
    qcow2_put64(raw + AT_AUTOCLEAR, header->autoclear);
    qcow2_put32(raw + AT_REFCOUNT_ORDER, header->refcount_order);
    qcow2_put32(raw + AT_LENGTH, header->length);
    if (header->length > AT_COMPRESSION) {
        raw[AT_COMPRESSION] = header->compression;
    }
    return header->length;
}

int qcow2_write_header(struct block_image *image)
{
    const struct qcow2 *qcow = image->state;
    uint8_t raw[QCOW2_UNIT_BYTES];
    int result = block_file_read(image->file, 0, raw, sizeof(raw));

    if (result < 0) {
        return result;
    }
    build_fixed(&qcow->header, raw);
    return block_file_write(image->file, 0, raw, sizeof(raw));
}

static bool put_extension(uint8_t *raw, size_t room, size_t *at, uint32_t type, const void *data,
                          size_t bytes)
{
    size_t end = *at + 8 + qcow2_round_up(bytes, 8);

    if (end > room) {
        return false;
    }
    qcow2_put32(raw + *at, type);
    qcow2_put32(raw + *at + 4, (uint32_t)bytes);
    if (bytes > 0) {
        memcpy(raw + *at + 8, data, bytes);
    }
    *at = end;
    return true;
}

static bool put_extensions(const struct qcow2 *qcow, uint8_t *raw, size_t *at)
{
    size_t room = qcow->cluster_bytes;
    bool ok = true;

    if (qcow->backing_format != NULL) {
        ok = put_extension(raw, room, at, (uint32_t)QCOW2_EXT_BACKING_FORMAT, qcow->backing_format,
                           strlen(qcow->backing_format));
    }
    if (ok && qcow2_has_data_file(qcow) && qcow->data_name != NULL) {
        ok = put_extension(raw, room, at, QCOW2_EXT_DATA_FILE, qcow->data_name,
                           strlen(qcow->data_name));
    }
    for (guint i = 0; ok && i < qcow->extensions->len; i++) {
        const struct qcow2_extension *e =
            &g_array_index(qcow->extensions, struct qcow2_extension, i);
        ok = put_extension(raw, room, at, e->type, e->data, e->bytes);
    }
    return ok && (qcow->header.version < 3 || put_extension(raw, room, at, QCOW2_EXT_END, NULL, 0));
}

int qcow2_store_header(struct block_file *file, struct qcow2 *qcow)
{
    g_autofree uint8_t *raw = g_malloc0(qcow->cluster_bytes);
    struct qcow2_header *header = &qcow->header;
    size_t length = qcow->backing_name != NULL ? strlen(qcow->backing_name) : 0;
    size_t at = header->length;

    if (!put_extensions(qcow, raw, &at) || at + length > qcow->cluster_bytes) {
        return -EFBIG;
    }
    header->backing_offset = length > 0 ? at : 0;
    header->backing_length = (uint32_t)length;
    if (length > 0) {
        memcpy(raw + at, qcow->backing_name, length);
    }
    build_fixed(header, raw);
    return block_file_write(file, 0, raw, qcow->cluster_bytes);
}

int qcow2_rewrite_header(struct block_image *image)
{
    return qcow2_store_header(image->file, image->state);
}

int qcow2_set_incompatible(struct block_image *image, uint64_t set, uint64_t clear)
{
    struct qcow2 *qcow = image->state;
    uint64_t before = qcow->header.incompatible;

    qcow->header.incompatible = (before & ~clear) | set;
    int result = qcow2_write_header(image);
    if (result == 0) {
        result = block_file_sync(image->file);
    }
    if (result < 0) {
        qcow->header.incompatible = before;
    }
    return result;
}

int qcow2_corrupt(struct block_image *image, const char *what, uint64_t offset)
{
    struct qcow2 *qcow = image->state;
    bool marked = (qcow->header.incompatible & QCOW2_INCOMPAT_CORRUPT) != 0;

    if (!marked && !image->read_only && !qcow->repairing) {
        g_printerr("vmm: '%s' is damaged: %s at %#" G_GINT64_MODIFIER
                   "x; writing to it is over (vmm-img check -r all)\n",
                   image->path, what, offset);
        image->read_only = true;
        image->failed = true;
        if (qcow->header.version >= 3) {
            (void)qcow2_set_incompatible(image, QCOW2_INCOMPAT_CORRUPT, 0);
        }
    }
    return -EIO;
}

/* ---- feature names of a new image ---- */

void qcow2_add_feature_names(struct qcow2 *qcow)
{
    uint32_t bytes = G_N_ELEMENTS(feature_names) * FEATURE_NAME_BYTES;
    struct qcow2_extension extension = {QCOW2_EXT_FEATURE_NAMES, bytes, g_malloc0(bytes)};

    for (unsigned i = 0; i < G_N_ELEMENTS(feature_names); i++) {
        uint8_t *at = extension.data + i * FEATURE_NAME_BYTES;
        at[0] = feature_names[i].kind;
        at[1] = feature_names[i].bit;
        memcpy(at + 2, feature_names[i].name, strlen(feature_names[i].name));
    }
    g_array_append_val(qcow->extensions, extension);
}
