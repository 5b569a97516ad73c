/* See the header. */
#include "tests/support/image_maker.h"

#include <string.h>
#include <zlib.h>

#include "block/driver_impl.h"
#include "tests/support/block_test.h"
#include "tests/support/test.h"

enum { UNIT = 4096, UNITS = IMAGE_DISK_BYTES / UNIT };

/* Every third unit is stored. */
static bool is_stored(unsigned unit)
{
    return unit % 3 == 0;
}

uint8_t image_maker_byte(const char *format, uint64_t offset)
{
    return is_stored((unsigned)(offset / UNIT)) ? (uint8_t)(offset / UNIT * 5 + offset % 251) : 0;
}

static void fill(uint8_t *data, unsigned unit)
{
    for (unsigned i = 0; i < UNIT; i++) {
        data[i] = image_maker_byte("", (uint64_t)unit * UNIT + i);
    }
}

static void put_le32(uint8_t *at, uint32_t value)
{
    value = GUINT32_TO_LE(value);
    memcpy(at, &value, 4);
}

static void put_le64(uint8_t *at, uint64_t value)
{
    value = GUINT64_TO_LE(value);
    memcpy(at, &value, 8);
}

static void put_be32(uint8_t *at, uint32_t value)
{
    put_le32(at, GUINT32_SWAP_LE_BE(value));
}

static void put_be64(uint8_t *at, uint64_t value)
{
    put_le64(at, GUINT64_SWAP_LE_BE(value));
}

/* ---- qcow, qcow2 ---- */

/* An image with data, zeroes, compressed clusters and snapshots, as far as the format has them. */
static void make_written(const char *path, const struct block_create_options *options)
{
    struct block_create_options create = *options;
    uint32_t cluster = create.cluster_bytes != 0 ? create.cluster_bytes : 4096;
    g_autofree uint8_t *data = g_malloc(cluster);
    g_autofree uint8_t *packed = g_malloc(cluster);

    create.bytes = IMAGE_DISK_BYTES;
    create.have_bytes = true;
    block_test_put("base.raw", "the backing file", 16);
    g_assert_true(block_create(path, &create, NULL, NULL));
    struct block *block = block_test_open(path, &(struct block_options){.format = create.format});
    struct block_image *image = block_get_image(block);
    memset(data, 7, cluster);
    g_assert_cmpint(block_write(block, 5000, "something", 9), ==, 0);
    g_assert_cmpint(block_write_zeroes(block, 65536, 65536), ==, 0);
    if (image->driver->write_packed != NULL && create.data_file == NULL) {
        size_t size = image->driver->pack(image, data, packed);
        g_assert_cmpint(image->driver->write_packed(image, 131072, packed, size), ==, 0);
        g_assert_cmpint(image->driver->write_packed(image, 196608, packed, size), ==, 0);
        (void)block_snapshot_create(block, "one", NULL, NULL);
    }
    g_assert_cmpint(block_write(block, 0, "else", 4), ==, 0);
    if (image->driver->snapshot_create != NULL) {
        (void)block_snapshot_create(block, "two", NULL, NULL);
    }
    g_assert_cmpint(block_write(block, 8192, data, cluster / 2), ==, 0);
    block_close(block);
}

static void make_qcow(const char *path)
{
    make_written(path, &(struct block_create_options){.format = "qcow"});
}

static void make_qcow_backed(const char *path)
{
    make_written(path, &(struct block_create_options){
                           .format = "qcow", .backing_name = "base.raw", .backing_format = "raw"});
}

static void make_qcow2(const char *path)
{
    make_written(path, &(struct block_create_options){.format = "qcow2", .cluster_bytes = 512});
}

static void make_qcow2_old(const char *path)
{
    make_written(path, &(struct block_create_options){.format = "qcow2",
                                                      .cluster_bytes = 4096,
                                                      .version = 2,
                                                      .backing_name = "base.raw",
                                                      .backing_format = "raw"});
}

static void make_qcow2_lazy(const char *path)
{
    make_written(path, &(struct block_create_options){.format = "qcow2",
                                                      .cluster_bytes = 4096,
                                                      .lazy_refcounts = true,
                                                      .refcount_bits = 1});
}

static void make_qcow2_extended(const char *path)
{
    make_written(path, &(struct block_create_options){.format = "qcow2",
                                                      .cluster_bytes = 16384,
                                                      .extended_l2 = true,
                                                      .compression = "zstd"});
}

static void make_qcow2_data_file(const char *path)
{
    make_written(path, &(struct block_create_options){
                           .format = "qcow2", .cluster_bytes = 4096, .data_file = "data.raw"});
}

/* ---- vdi ---- */

static void make_vdi(const char *path)
{
    const uint32_t map = 512, data = 1024;
    g_autofree uint8_t *image = g_malloc0(data + UNITS * UNIT);
    uint32_t next = 0;

    strcpy((char *)image, "a disk\n");
    put_le32(image + 0x40, 0xbeda107f);
    put_le32(image + 0x44, 0x00010001);
    put_le32(image + 0x48, 400);
    put_le32(image + 0x4c, 1);
    put_le32(image + 0x154, map);
    put_le32(image + 0x158, data);
    put_le32(image + 0x168, 512);
    put_le64(image + 0x170, IMAGE_DISK_BYTES);
    put_le32(image + 0x178, UNIT);
    put_le32(image + 0x180, UNITS);
    for (unsigned i = 0; i < UNITS; i++) {
        put_le32(image + map + 4 * i, is_stored(i) ? next : 0xffffffffu);
        if (is_stored(i)) {
            fill(image + data + next++ * UNIT, i);
        }
    }
    put_le32(image + 0x184, next);
    block_test_put(path, image, data + next * UNIT);
}

/* ---- vpc ---- */

static void checksum(uint8_t *data, unsigned bytes, unsigned at)
{
    uint32_t sum = 0;

    put_be32(data + at, 0);
    for (unsigned i = 0; i < bytes; i++) {
        sum += data[i];
    }
    put_be32(data + at, ~sum);
}

static void vhd_footer(uint8_t *footer, uint32_t type, uint64_t header)
{
    memcpy(footer, "conectix", 8);
    put_be32(footer + 8, 2);
    put_be32(footer + 12, 0x10000);
    put_be64(footer + 16, header);
    memcpy(footer + 28, "win ", 4);
    put_be64(footer + 40, IMAGE_DISK_BYTES);
    put_be64(footer + 48, IMAGE_DISK_BYTES);
    put_be32(footer + 60, type);
    checksum(footer, 512, 64);
}

static void make_vpc(const char *path)
{
    const uint32_t table = 1536, first = 2048, stride = 512 + UNIT;
    g_autofree uint8_t *image = g_malloc0(first + UNITS * stride + 512);
    uint32_t next = first;

    vhd_footer(image, 3, 512);
    memcpy(image + 512, "cxsparse", 8);
    put_be64(image + 512 + 8, UINT64_MAX);
    put_be64(image + 512 + 16, table);
    put_be32(image + 512 + 24, 0x10000);
    put_be32(image + 512 + 28, UNITS);
    put_be32(image + 512 + 32, UNIT);
    checksum(image + 512, 1024, 36);
    for (unsigned i = 0; i < UNITS; i++) {
        put_be32(image + table + 4 * i, is_stored(i) ? next / 512 : 0xffffffffu);
        if (is_stored(i)) {
            image[next] = 0xff;
            fill(image + next + 512, i);
            next += stride;
        }
    }
    memcpy(image + next, image, 512);
    block_test_put(path, image, next + 512);
}

static void make_vpc_fixed(const char *path)
{
    g_autofree uint8_t *image = g_malloc0(IMAGE_DISK_BYTES + 512);

    for (unsigned i = 0; i < UNITS; i++) {
        fill(image + i * UNIT, i);
    }
    vhd_footer(image + IMAGE_DISK_BYTES, 2, UINT64_MAX);
    block_test_put(path, image, IMAGE_DISK_BYTES + 512);
}

/* ---- vmdk ---- */

static void vmdk_header(uint8_t *header, uint32_t flags, uint64_t directory)
{
    memcpy(header, "KDMV", 4);
    put_le32(header + 4, flags >> 16 != 0 ? 3 : 1);
    put_le32(header + 8, flags);
    put_le64(header + 12, IMAGE_DISK_BYTES / 512);
    put_le64(header + 20, UNIT / 512);
    put_le64(header + 28, 1);
    put_le64(header + 36, 1);
    put_le32(header + 44, 512);
    put_le64(header + 56, directory);
    memcpy(header + 73, "\n \r\n", 4);
    header[77] = flags >> 16 != 0;
}

/* Header, descriptor, directory, table and grains, as they are or packed. Returns the size. */
static uint32_t vmdk_sparse(uint8_t *image, bool packed)
{
    uint32_t next = 4096;

    vmdk_header(image, packed ? 0x30005 : 0x5, packed ? UINT64_MAX : 2);
    strcpy((char *)image + 512, "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n"
                                "createType=\"monolithicSparse\"\n\nRW 512 SPARSE \"bad.img\"\n");
    put_le32(image + 1024, 3); /* sector of the table */
    for (unsigned i = 0; i < UNITS; i++) {
        uint8_t *grain = image + next;
        if (!is_stored(i)) {
            put_le32(image + 1536 + 4 * i, i % 3 == 1); /* nothing, or zeroes */
            continue;
        }
        put_le32(image + 1536 + 4 * i, next / 512);
        if (packed) {
            uint8_t plain[UNIT];
            uLongf size = 2 * UNIT;
            fill(plain, i);
            g_assert_cmpint(compress(grain + 12, &size, plain, UNIT), ==, Z_OK);
            put_le64(grain, i * (UNIT / 512));
            put_le32(grain + 8, (uint32_t)size);
            next += (12 + (uint32_t)size + 511) / 512 * 512;
        } else {
            fill(grain, i);
            next += UNIT;
        }
    }
    if (packed) { /* a copy of the header that knows the directory, and the end of the stream */
        next += 512;
        vmdk_header(image + next, 0x30005, 2);
        next += 1024;
    }
    return next;
}

static void make_vmdk(const char *path)
{
    g_autofree uint8_t *image = g_malloc0(4096 + UNITS * (UNIT + 1024));

    block_test_put(path, image, vmdk_sparse(image, false));
}

static void make_vmdk_packed(const char *path)
{
    g_autofree uint8_t *image = g_malloc0(4096 + UNITS * (UNIT + 1024));

    block_test_put(path, image, vmdk_sparse(image, true));
}

/* A descriptor with an extent of each kind. */
static void make_vmdk_split(const char *path)
{
    static const char text[] = "# Disk DescriptorFile\n"
                               "version=1\n"
                               "CID=fffffffe\n"
                               "parentCID=ffffffff\n"
                               "createType=\"twoGbMaxExtentFlat\"\n"
                               "\n"
                               "# Extent description\n"
                               "RW 256 FLAT \"flat.img\" 0\n"
                               "RW 128 ZERO\n"
                               "RW 128 SPARSE \"sparse.img\"\n"
                               "\n"
                               "ddb.adapterType = \"ide\"\n";
    g_autofree uint8_t *image = g_malloc0(4096 + UNITS * (UNIT + 1024));

    for (unsigned i = 0; i < UNITS / 2; i++) {
        fill(image + i * UNIT, i);
    }
    block_test_put("flat.img", image, IMAGE_DISK_BYTES / 2);
    memset(image, 0, 4096 + UNITS * UNIT);
    uint32_t size = vmdk_sparse(image, false);
    block_test_put("sparse.img", image, size);
    block_test_put(path, text, sizeof(text) - 1);
}

const struct image_maker image_makers[] = {
    {"qcow", "qcow", make_qcow},
    {"qcow with a backing file", "qcow", make_qcow_backed},
    {"qcow2", "qcow2", make_qcow2},
    {"qcow2 version 2 with a backing file", "qcow2", make_qcow2_old},
    {"qcow2 with lazy counts of one bit", "qcow2", make_qcow2_lazy},
    {"qcow2 with extended L2", "qcow2", make_qcow2_extended},
    {"qcow2 with a data file", "qcow2", make_qcow2_data_file},
    {"vmdk, sparse", "vmdk", make_vmdk},
    {"vmdk, compressed", "vmdk", make_vmdk_packed},
    {"vmdk of several files", "vmdk", make_vmdk_split},
    {"vdi", "vdi", make_vdi},
    {"vpc, dynamic", "vpc", make_vpc},
    {"vpc, fixed", "vpc", make_vpc_fixed},
    {NULL},
};
