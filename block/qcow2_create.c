/*
 * New QCOW2 images. The file begins as the smallest there is: header, a refcount table, a refcount
 * block, and a disk without size. Then it is opened and grown like any other image.
 */
#include "block/qcow2_impl.h"

#include <errno.h>
#include <unistd.h>

static bool bad(GError **error, const struct block_file *file, const char *text)
{
    g_set_error(error, BLOCK_ERROR, EINVAL, "%s: %s", file->path, text);
    return false;
}

static bool is_power_of_two(uint64_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

static bool check_options(const struct block_file *file, const struct block_create_options *options,
                          GError **error)
{
    bool version_2 = options->version == 2;
    uint64_t cluster = options->cluster_bytes != 0 ? options->cluster_bytes : 65536;
    unsigned bits = options->refcount_bits != 0 ? options->refcount_bits : 16;

    if (!is_power_of_two(cluster) || cluster < 512 || cluster > 2 << 20) {
        return bad(error, file, "Cluster size must be a power of two between 512 and 2048k");
    }
    if (!is_power_of_two(bits) || bits > 64) {
        return bad(error, file, "Refcount width must be a power of two and may not exceed 64 bits");
    }
    if (version_2 && bits != 16) {
        return bad(error, file,
                   "Different refcount widths than 16 bits require compatibility level 1.1 or "
                   "above (use version=v3 or greater)");
    }
    if (version_2 && options->lazy_refcounts) {
        return bad(error, file,
                   "Lazy refcounts only supported with compatibility level 1.1 and above (use "
                   "version=v3 or greater)");
    }
    if (version_2 && (options->extended_l2 || options->data_file != NULL)) {
        return bad(error, file,
                   options->extended_l2
                       ? "Extended L2 entries are only supported with compatibility level 1.1 and "
                         "above (use version=v3 or greater)"
                       : "External data files are only supported with compatibility level 1.1 and "
                         "above (use version=v3 or greater)");
    }
    if (options->extended_l2 && cluster < 16384) {
        return bad(error, file,
                   "Extended L2 entries are only supported with cluster sizes of at least 16384 "
                   "bytes");
    }
    if (options->data_file_raw && (options->data_file == NULL || options->backing_name != NULL)) {
        return bad(error, file,
                   options->data_file == NULL
                       ? "data-file-raw requires data-file"
                       : "Backing file and data-file-raw cannot be used at the same time");
    }
    if (options->backing_name != NULL && options->preallocation != BLOCK_PREALLOCATE_OFF &&
        !options->extended_l2) {
        return bad(error, file,
                   "Backing file and preallocation can only be used at the same time if "
                   "extended_l2 is enabled");
    }
    if (options->compression != NULL && strcmp(options->compression, "zlib") != 0 &&
        strcmp(options->compression, "zstd") != 0) {
        return bad(error, file, "Invalid parameter for compression_type: zlib or zstd");
    }
    if (version_2 && options->compression != NULL && strcmp(options->compression, "zlib") != 0) {
        return bad(error, file,
                   "Non-zlib compression type is only supported with compatibility level 1.1 and "
                   "above (use version=v3 or greater)");
    }
    if (options->backing_name != NULL && strlen(options->backing_name) > QCOW2_NAME_MAX) {
        return bad(error, file, "Backing file name is too long");
    }
    return true;
}

static void fill_header(struct qcow2_header *header, const struct block_create_options *options)
{
    uint64_t cluster = options->cluster_bytes != 0 ? options->cluster_bytes : 65536;
    unsigned bits = options->refcount_bits != 0 ? options->refcount_bits : 16;

    *header = (struct qcow2_header){
        .version = options->version == 2 ? 2 : 3,
        .cluster_bits = (uint32_t)__builtin_ctzll(cluster),
        .reftable_offset = cluster,
        .reftable_clusters = 1,
        .refcount_order = (uint32_t)__builtin_ctz(bits),
        .length = options->version == 2 ? QCOW2_HEADER_V2_BYTES : QCOW2_HEADER_BYTES,
    };
    if (options->compression != NULL && strcmp(options->compression, "zstd") == 0) {
        header->compression = QCOW2_ZSTD;
        header->incompatible |= QCOW2_INCOMPAT_COMPRESSION;
    }
    header->incompatible |= options->data_file != NULL ? QCOW2_INCOMPAT_DATA_FILE : 0;
    header->incompatible |= options->extended_l2 ? QCOW2_INCOMPAT_EXTENDED_L2 : 0;
    header->compatible |= options->lazy_refcounts ? QCOW2_COMPAT_LAZY : 0;
    header->autoclear |= options->data_file_raw ? QCOW2_AUTOCLEAR_DATA_RAW : 0;
}

/* Counts of the first clusters: header, table, block. */
static int write_first_block(struct block_file *file, const struct qcow2_header *header)
{
    size_t cluster = (size_t)1 << header->cluster_bits;
    g_autofree uint8_t *raw = g_malloc0(cluster);
    unsigned bits = 1u << header->refcount_order;

    qcow2_put64(raw, 2 * cluster);
    int result = block_file_write(file, cluster, raw, cluster);
    memset(raw, 0, 8);
    for (unsigned i = 0; i < 3; i++) {
        if (bits < 8) {
            raw[i * bits / 8] |= (uint8_t)(1u << i * bits % 8);
        } else {
            raw[(i + 1) * bits / 8 - 1] = 1;
        }
    }
    return result == 0 ? block_file_write(file, 2 * cluster, raw, cluster) : result;
}

/* The smallest image with these options. */
static int write_seed(struct block_file *file, const struct block_create_options *options)
{
    struct qcow2 seed = {
        .backing_name = (char *)options->backing_name,
        .backing_format = options->backing_name != NULL ? (char *)options->backing_format : NULL,
        .data_name = (char *)options->data_file,
    };

    fill_header(&seed.header, options);
    seed.cluster_bytes = (size_t)1 << seed.header.cluster_bits;
    seed.extensions = g_array_new(FALSE, FALSE, sizeof(struct qcow2_extension));
    if (seed.header.version >= 3) {
        qcow2_add_feature_names(&seed);
    }
    int result = write_first_block(file, &seed.header);
    if (result == 0) {
        result = qcow2_store_header(file, &seed);
        if (result == -EFBIG && seed.header.version >= 3) {
            /* Small clusters: do without the names. */
            g_free(g_array_index(seed.extensions, struct qcow2_extension, 0).data);
            g_array_set_size(seed.extensions, 0);
            result = qcow2_store_header(file, &seed);
        }
    }
    for (guint i = 0; i < seed.extensions->len; i++) {
        g_free(g_array_index(seed.extensions, struct qcow2_extension, i).data);
    }
    g_array_free(seed.extensions, TRUE);
    return result;
}

static bool make_data_file(const struct block_file *file,
                           const struct block_create_options *options, GError **error)
{
    struct block_options open_options = {.cache = BLOCK_CACHE_WRITEBACK};

    if (options->data_file == NULL) {
        return true;
    }
    g_autofree char *path = block_backing_path(file->path, options->data_file);
    struct block_file *data = block_file_open(path, &open_options, true, error);
    block_file_close(data);
    return data != NULL;
}

bool qcow2_create(struct block_file *file, const struct block_create_options *options,
                  uint64_t bytes, GError **error)
{
    struct block_image image = {.driver = &block_qcow2_driver, .file = file, .path = file->path};
    struct block_options open_options = {.no_backing = true, .allow_backing = true};

    if (!check_options(file, options, error) || !make_data_file(file, options, error)) {
        return false;
    }
    int result = write_seed(file, options);
    if (result < 0) {
        g_set_error(error, BLOCK_ERROR, -result, "%s: Could not write the image: %s", file->path,
                    result == -EFBIG ? "the names do not fit into the header's cluster"
                                     : g_strerror(-result));
        return false;
    }
    if (!qcow2_open(&image, &open_options, error)) {
        return false;
    }
    uint64_t most = (QCOW2_L1_MAX_BYTES / 8) * qcow2_l2_span(image.state);
    result = qcow2_truncate(&image, bytes);
    if (result == 0) {
        result = qcow2_preallocate(&image, 0, bytes, options->preallocation);
    }
    qcow2_close(&image);
    if (result == -EFBIG && bytes > most) {
        g_set_error(error, BLOCK_ERROR, EFBIG,
                    "%s: Image size is too large for this cluster size (at most %llu TiB)",
                    file->path, (unsigned long long)(most >> 40));
    } else if (result < 0) {
        g_set_error(error, BLOCK_ERROR, -result, "%s: Could not write the image: %s", file->path,
                    g_strerror(-result));
    }
    return result == 0;
}
