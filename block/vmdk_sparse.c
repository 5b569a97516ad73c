/*
 * VMDK extents with grains: a header, a directory of grain tables, tables of 512 entries, and grains.
 * In stream-optimized extents the grains are compressed, each behind a marker with its length, and the
 * directory may come last; then a copy of the header near the end of the file says where.
 *
 * Grain tables are read when they are needed, and 64 of an extent kept.
 */
#include "block/vmdk_impl.h"

#include <errno.h>
#include <string.h>

#include "block/inflate.h"

/* Places of the header's fields; all little-endian, sizes and places in sectors. */
enum {
    AT_VERSION = 4,
    AT_FLAGS = 8,
    AT_CAPACITY = 12,
    AT_GRAIN = 20,
    AT_TEXT = 28,
    AT_TEXT_SIZE = 36,
    AT_TABLE_ENTRIES = 44,
    AT_DIRECTORY_2 = 48,
    AT_DIRECTORY = 56,
    AT_LINE_ENDS = 73,
    AT_COMPRESSION = 77,
    HEADER_BYTES = 512,
    MARKER_BYTES = 12,        /* before a compressed grain: its address, and its length */
    FOOTER_FROM_END = 2 * 512 /* then comes the end-of-stream marker */
};

#define FLAG_LINE_ENDS    0x00000001u
#define FLAG_DIRECTORY_2  0x00000002u /* the redundant tables are the right ones */
#define FLAG_ZERO_GRAINS  0x00000004u
#define FLAG_COMPRESSED   0x00010000u
#define COMPRESSION_ZLIB  1u
#define DIRECTORY_AT_END  UINT64_MAX
#define GRAIN_ZERO        1u

static bool check_header(const struct block_image *image, const uint8_t *header, GError **error)
{
    static const uint8_t line_ends[] = "\n \r\n";
    uint32_t version = block_le32(header + AT_VERSION), flags = block_le32(header + AT_FLAGS);
    uint64_t grain = block_le64(header + AT_GRAIN);

    if (memcmp(header, VMDK_SPARSE_MAGIC, 4) != 0) {
        return block_reader_bad(image, error, "a sparse extent does not begin like one");
    }
    if (version < 1 || version > 3) {
        return block_reader_bad(image, error, "version %u is unknown", version);
    }
    if ((flags & FLAG_LINE_ENDS) && memcmp(header + AT_LINE_ENDS, line_ends, 4) != 0) {
        return block_reader_bad(image, error, "it was damaged by a transfer as text");
    }
    if ((flags & FLAG_COMPRESSED) && (header[AT_COMPRESSION] != COMPRESSION_ZLIB ||
                                      header[AT_COMPRESSION + 1] != 0)) {
        return block_reader_bad(image, error, "its compression is unknown");
    }
    if (block_le32(header + AT_TABLE_ENTRIES) != VMDK_TABLE_ENTRIES) {
        return block_reader_bad(image, error, "grain tables do not have 512 entries");
    }
    if (grain < 1 || grain > VMDK_GRAIN_MAX / BLOCK_SECTOR_BYTES || (grain & (grain - 1)) != 0) {
        return block_reader_bad(image, error, "its grain size is impossible");
    }
    if (block_le64(header + AT_CAPACITY) > INT64_MAX / BLOCK_SECTOR_BYTES) {
        return block_reader_bad(image, error, "its size is impossible");
    }
    return true;
}

/* The header that counts: near the end if the first says so. Newly allocated. */
static uint8_t *read_header(struct block_image *image, struct block_file *file, GError **error)
{
    uint8_t *header =
        block_reader_table(image, file, "the header", 0, HEADER_BYTES, HEADER_BYTES, error);

    if (header == NULL || block_le64(header + AT_DIRECTORY) != DIRECTORY_AT_END) {
        return header;
    }
    g_free(header);
    if (file->bytes < FOOTER_FROM_END) {
        block_reader_bad(image, error, "it ends before its footer");
        return NULL;
    }
    uint64_t end = file->bytes / BLOCK_SECTOR_BYTES * BLOCK_SECTOR_BYTES;
    return block_reader_table(image, file, "the footer", end - FOOTER_FROM_END, HEADER_BYTES,
                              HEADER_BYTES, error);
}

static bool read_text(struct block_image *image, struct block_file *file, const uint8_t *header,
                      char **text, GError **error)
{
    uint64_t place = block_le64(header + AT_TEXT), size = block_le64(header + AT_TEXT_SIZE);

    *text = NULL;
    if (place == 0) {
        return true;
    }
    if (place > INT64_MAX / BLOCK_SECTOR_BYTES || size > VMDK_TEXT_MAX / BLOCK_SECTOR_BYTES) {
        return block_reader_bad(image, error, "its descriptor is too large");
    }
    size *= BLOCK_SECTOR_BYTES;
    g_autofree char *bytes = block_reader_table(image, file, "the descriptor",
                                                place * BLOCK_SECTOR_BYTES, size, VMDK_TEXT_MAX,
                                                error);
    if (bytes == NULL) {
        return false;
    }
    *text = g_strndup(bytes, size);
    return true;
}

bool vmdk_sparse_open(struct block_image *image, struct vmdk_extent *extent, char **text,
                      GError **error)
{
    g_autofree uint8_t *header = read_header(image, extent->file, error);

    if (header == NULL || !check_header(image, header, error) ||
        (text != NULL && !read_text(image, extent->file, header, text, error))) {
        return false;
    }
    uint32_t flags = block_le32(header + AT_FLAGS);
    uint64_t capacity = block_le64(header + AT_CAPACITY) * BLOCK_SECTOR_BYTES;
    uint64_t place = block_le64(header + (flags & FLAG_DIRECTORY_2 ? AT_DIRECTORY_2 : AT_DIRECTORY));
    extent->kind = VMDK_SPARSE;
    extent->packed = flags & FLAG_COMPRESSED;
    extent->zero_grains = flags & FLAG_ZERO_GRAINS;
    extent->grain_bytes = (uint32_t)(block_le64(header + AT_GRAIN) * BLOCK_SECTOR_BYTES);
    if (extent->bytes == 0) {
        extent->bytes = capacity;
    } else if (capacity < extent->bytes) {
        return block_reader_bad(image, error, "'%s' is smaller than the descriptor says",
                                extent->file->path);
    }
    uint64_t table = (uint64_t)extent->grain_bytes * VMDK_TABLE_ENTRIES;
    uint64_t tables = (extent->bytes + table - 1) / table;
    if (place > INT64_MAX / BLOCK_SECTOR_BYTES) {
        return block_reader_bad(image, error, "the grain directory is not all in the file");
    }
    extent->directory =
        block_reader_table(image, extent->file, "the grain directory", place * BLOCK_SECTOR_BYTES,
                           tables * 4, VMDK_DIRECTORY_MAX, error);
    extent->tables = (uint32_t)tables;
    return extent->directory != NULL;
}

/* The grain table with a number. 0 or -errno. */
static int find_table(struct vmdk_extent *extent, uint32_t number, const uint8_t **table)
{
    uint64_t place = (uint64_t)block_le32(extent->directory + number * 4ull) * BLOCK_SECTOR_BYTES;
    unsigned slot = number % VMDK_CACHE_TABLES;

    *table = NULL;
    if (place == 0) {
        return 0;
    }
    if (extent->cache == NULL) {
        extent->cache = g_malloc(VMDK_CACHE_TABLES * VMDK_TABLE_BYTES);
        extent->cached = g_new0(uint32_t, VMDK_CACHE_TABLES);
    }
    uint8_t *bytes = extent->cache + slot * VMDK_TABLE_BYTES;
    if (extent->cached[slot] != number + 1) {
        extent->cached[slot] = 0;
        if (place > extent->file->bytes || VMDK_TABLE_BYTES > extent->file->bytes - place) {
            return -EIO;
        }
        int result = block_file_read(extent->file, place, bytes, VMDK_TABLE_BYTES);
        if (result < 0) {
            return result;
        }
        extent->cached[slot] = number + 1;
    }
    *table = bytes;
    return 0;
}

int vmdk_sparse_lookup(struct block_image *image, struct vmdk_extent *extent, uint64_t offset,
                       struct block_place *place)
{
    uint64_t table_bytes = (uint64_t)extent->grain_bytes * VMDK_TABLE_ENTRIES;
    const uint8_t *table;
    int result = find_table(extent, (uint32_t)(offset / table_bytes), &table);

    if (result < 0) {
        return result;
    }
    if (table == NULL) {
        place->kind = BLOCK_PLACE_ABSENT;
        place->bytes = table_bytes - offset % table_bytes;
        return 0;
    }
    uint32_t grain = block_le32(table + offset % table_bytes / extent->grain_bytes * 4);
    place->skip = offset % extent->grain_bytes;
    place->bytes = extent->grain_bytes - place->skip;
    place->file = extent->file;
    place->offset = (uint64_t)grain * BLOCK_SECTOR_BYTES;
    if (grain == 0) {
        place->kind = BLOCK_PLACE_ABSENT;
    } else if (grain == GRAIN_ZERO && extent->zero_grains) {
        place->kind = BLOCK_PLACE_ZERO;
    } else if (extent->packed) {
        place->kind = BLOCK_PLACE_PACKED;
        place->unit = (uint64_t)(extent - ((struct vmdk *)image->state)->extents);
    } else {
        place->kind = BLOCK_PLACE_DATA;
        place->offset += place->skip;
    }
    return 0;
}

static void *grow(uint8_t **buffer, size_t *size, size_t wanted)
{
    if (*size < wanted) {
        g_free(*buffer);
        *buffer = g_malloc(wanted);
        *size = wanted;
    }
    return *buffer;
}

int vmdk_sparse_unpack(struct block_image *image, const struct block_place *place,
                       const uint8_t **unit)
{
    struct vmdk *vmdk = image->state;
    const struct vmdk_extent *extent = &vmdk->extents[place->unit];
    uint8_t marker[MARKER_BYTES];

    *unit = vmdk->unpacked;
    if (vmdk->unpacked_of == extent && vmdk->unpacked_at == place->offset) {
        return 0;
    }
    vmdk->unpacked_of = NULL;
    uint64_t end = extent->file->bytes;
    if (place->offset > end || end - place->offset < MARKER_BYTES) {
        return -EIO;
    }
    int result = block_file_read(extent->file, place->offset, marker, sizeof(marker));
    uint32_t bytes = block_le32(marker + 8);
    if (result < 0) {
        return result;
    }
    if (bytes == 0 || bytes > 2 * extent->grain_bytes || bytes > end - place->offset - MARKER_BYTES) {
        return -EIO;
    }
    void *packed = grow(&vmdk->packed, &vmdk->packed_size, bytes);
    void *unpacked = grow(&vmdk->unpacked, &vmdk->unpacked_size, extent->grain_bytes);
    result = block_file_read(extent->file, place->offset + MARKER_BYTES, packed, bytes);
    result = result == 0 ? block_inflate_zlib(packed, bytes, unpacked, extent->grain_bytes) : result;
    if (result == 0) {
        vmdk->unpacked_of = extent;
        vmdk->unpacked_at = place->offset;
        *unit = vmdk->unpacked;
    }
    return result;
}
