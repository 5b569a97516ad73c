/*
 * Virtual PC and Hyper-V disk images (VHD, qemu's name vpc), read only: fixed and dynamic ones.
 *
 * After: Microsoft, Virtual Hard Disk Image Format Specification 1.0. A footer of 512 bytes ends the
 * file; a dynamic image has a copy of it at its beginning, and a table with the place of each block,
 * which is a bitmap of sectors and then the data. The bitmaps are not looked at: sectors that were
 * never written hold zeroes. Not supported: differencing disks.
 */
#include "block/reader.h"

#include <errno.h>
#include <string.h>

enum {
    VHD_FOOTER_BYTES = 512,
    VHD_AT_DATA = 16,
    VHD_AT_CREATOR = 28,
    VHD_AT_BYTES = 48,
    VHD_AT_CYLINDERS = 56,
    VHD_AT_HEADS = 58,
    VHD_AT_SECTORS = 59,
    VHD_AT_TYPE = 60,
    VHD_AT_CHECKSUM = 64,
    VHD_HEADER_BYTES = 1024, /* of a dynamic image */
    VHD_AT_TABLE = 16,
    VHD_AT_BLOCKS = 28,
    VHD_AT_BLOCK_BYTES = 32,
    VHD_AT_HEADER_CHECKSUM = 36,
};

#define VHD_COOKIE        "conectix"
#define VHD_HEADER_COOKIE "cxsparse"
#define VHD_FIXED         2u
#define VHD_DYNAMIC       3u
#define VHD_NO_BLOCK      0xffffffffu
#define VHD_TABLE_MAX     (64u << 20)
#define VHD_BLOCK_MAX     (64u << 20)
#define VHD_CHS_MAX       (65535ull * 16 * 255)

struct vpc {
    struct block_reader reader;
    uint8_t *table; /* 32 bits a block; NULL: fixed */
    uint32_t block_bytes, bitmap_bytes;
};

static bool vpc_probe(const uint8_t *head, size_t bytes)
{
    return bytes >= VHD_FOOTER_BYTES && memcmp(head, VHD_COOKIE, 8) == 0;
}

static bool checksum_is_right(const uint8_t *data, unsigned bytes, unsigned at)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < bytes; i++) {
        sum += i >= at && i < at + 4 ? 0 : data[i];
    }
    return ~sum == block_be32(data + at);
}

static int vpc_lookup(struct block_image *image, uint64_t offset, struct block_place *place)
{
    const struct vpc *vpc = image->state;

    place->kind = BLOCK_PLACE_DATA;
    place->file = image->file;
    if (vpc->table == NULL) {
        place->offset = offset;
        place->bytes = image->bytes - offset;
        return 0;
    }
    uint64_t skip = offset % vpc->block_bytes;
    uint32_t entry = block_be32(vpc->table + offset / vpc->block_bytes * 4);
    place->bytes = vpc->block_bytes - skip;
    if (entry == VHD_NO_BLOCK) {
        place->kind = BLOCK_PLACE_ZERO;
        return 0;
    }
    place->offset = (uint64_t)entry * BLOCK_SECTOR_BYTES + vpc->bitmap_bytes + skip;
    return 0;
}

/* Some programs mean the size, others the product of the geometry, which is all that the disks of
 * the time could use. */
static uint64_t disk_bytes(const uint8_t *footer)
{
    static const char by_size[][5] = {"win ", "qem2", "d2v ", "tap\0", "\0\0\0\0", "wa\0\0"};
    uint64_t cylinders = (uint64_t)footer[VHD_AT_CYLINDERS] << 8 | footer[VHD_AT_CYLINDERS + 1];
    uint64_t sectors = cylinders * footer[VHD_AT_HEADS] * footer[VHD_AT_SECTORS];
    bool sized = sectors == VHD_CHS_MAX;

    for (unsigned i = 0; i < G_N_ELEMENTS(by_size); i++) {
        sized |= memcmp(footer + VHD_AT_CREATOR, by_size[i], 4) == 0;
    }
    return sized ? block_be64(footer + VHD_AT_BYTES) / BLOCK_SECTOR_BYTES * BLOCK_SECTOR_BYTES
                 : sectors * BLOCK_SECTOR_BYTES;
}

/* The footer, or its copy at the beginning. Newly allocated. */
static uint8_t *read_footer(struct block_image *image, GError **error)
{
    uint64_t end = image->file->bytes;
    /* The copy is the second choice: in a fixed image the guest writes there. */
    const uint64_t places[] = {end - VHD_FOOTER_BYTES, 0};

    if (end < VHD_FOOTER_BYTES) {
        block_reader_bad(image, error, "it is too short");
        return NULL;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(places); i++) {
        uint8_t *footer = block_reader_table(image, image->file, "the footer", places[i],
                                             VHD_FOOTER_BYTES, VHD_FOOTER_BYTES, error);
        if (footer == NULL) {
            return NULL;
        }
        if (vpc_probe(footer, VHD_FOOTER_BYTES) &&
            checksum_is_right(footer, VHD_FOOTER_BYTES, VHD_AT_CHECKSUM)) {
            return footer;
        }
        g_free(footer);
    }
    block_reader_bad(image, error, "it has no footer, or one that is damaged");
    return NULL;
}

static bool read_blocks(struct block_image *image, const uint8_t *footer, struct vpc *vpc,
                        GError **error)
{
    g_autofree uint8_t *header =
        block_reader_table(image, image->file, "the header", block_be64(footer + VHD_AT_DATA),
                           VHD_HEADER_BYTES, VHD_HEADER_BYTES, error);

    if (header == NULL) {
        return false;
    }
    if (memcmp(header, VHD_HEADER_COOKIE, 8) != 0 ||
        !checksum_is_right(header, VHD_HEADER_BYTES, VHD_AT_HEADER_CHECKSUM)) {
        return block_reader_bad(image, error, "its header is damaged");
    }
    uint32_t block = block_be32(header + VHD_AT_BLOCK_BYTES);
    uint64_t blocks = block_be32(header + VHD_AT_BLOCKS);
    if (block < BLOCK_SECTOR_BYTES || block > VHD_BLOCK_MAX || (block & (block - 1)) != 0) {
        return block_reader_bad(image, error, "a block size of %u is impossible", block);
    }
    if (image->bytes > blocks * block) {
        return block_reader_bad(image, error, "its table is too short for the disk");
    }
    vpc->block_bytes = block;
    vpc->bitmap_bytes = (block / BLOCK_SECTOR_BYTES / 8 + 511) / 512 * 512;
    vpc->table = block_reader_table(image, image->file, "the block table",
                                    block_be64(header + VHD_AT_TABLE), blocks * 4, VHD_TABLE_MAX,
                                    error);
    return vpc->table != NULL;
}

static bool vpc_open(struct block_image *image, const struct block_options *options, GError **error)
{
    g_autofree uint8_t *footer = read_footer(image, error);

    if (footer == NULL) {
        return false;
    }
    uint32_t type = block_be32(footer + VHD_AT_TYPE);
    if (type != VHD_FIXED && type != VHD_DYNAMIC) {
        return block_reader_bad(image, error, "%s",
                                type == 4 ? "differencing disks are not supported"
                                          : "its type is unknown");
    }
    image->bytes = disk_bytes(footer);
    if (image->bytes > INT64_MAX) {
        return block_reader_bad(image, error, "its size is impossible");
    }
    if (type == VHD_FIXED && image->bytes > image->file->bytes - VHD_FOOTER_BYTES) {
        return block_reader_bad(image, error, "the file is shorter than the disk");
    }
    struct vpc *vpc = g_new0(struct vpc, 1);
    vpc->reader.lookup = vpc_lookup;
    if (type == VHD_DYNAMIC && !read_blocks(image, footer, vpc, error)) {
        g_free(vpc);
        return false;
    }
    image->state = vpc;
    return true;
}

static void vpc_close(struct block_image *image)
{
    struct vpc *vpc = image->state;

    g_free(vpc->table);
    g_free(vpc);
}

static void vpc_info(struct block_image *image, struct block_info *info)
{
    info->cluster_bytes = ((struct vpc *)image->state)->block_bytes;
}

const struct block_driver block_vpc_driver = {
    .name = "vpc",
    .probe = vpc_probe,
    .open = vpc_open,
    .close = vpc_close,
    .read = block_reader_read,
    .status = block_reader_status,
    .map = block_reader_map,
    .info = vpc_info,
};
