/*
 * VirtualBox disk images (VDI 1.1), read only: dynamic and fixed ones without parent.
 *
 * A header, a map with the number of each block's place in the data area, and the data area. The
 * layout is that of Oracle's published header definitions (VDICore.h).
 */
#include "block/reader.h"

#include <errno.h>
#include <string.h>

#define VDI_SIGNATURE 0xbeda107fu
#define VDI_VERSION   0x00010001u
#define VDI_DYNAMIC   1u
#define VDI_FIXED     2u

/* Places of the header's fields. */
enum {
    VDI_AT_SIGNATURE = 0x40,
    VDI_AT_VERSION = 0x44,
    VDI_AT_TYPE = 0x4c,
    VDI_AT_MAP = 0x154,
    VDI_AT_DATA = 0x158,
    VDI_AT_SECTOR_BYTES = 0x168,
    VDI_AT_DISK_BYTES = 0x170,
    VDI_AT_BLOCK_BYTES = 0x178,
    VDI_AT_BLOCK_EXTRA = 0x17c,
    VDI_AT_BLOCKS = 0x180,
    VDI_AT_ALLOCATED = 0x184,
    VDI_AT_PARENT = 0x1a8, /* two identifiers of 16 bytes */
    VDI_HEADER_BYTES = 0x1c8,
};

#define VDI_NO_BLOCK    0xfffffffeu /* this and the next: nothing is stored */
#define VDI_MAP_MAX     (64u << 20)
#define VDI_BLOCK_MAX   (64u << 20)

struct vdi {
    struct block_reader reader;
    uint8_t *map; /* 32 bits a block */
    uint32_t block_bytes;
    uint64_t data;
    uint32_t allocated; /* blocks in the file, as the header has it */
};

static bool vdi_probe(const uint8_t *head, size_t bytes)
{
    return bytes >= VDI_AT_SIGNATURE + 4 && block_le32(head + VDI_AT_SIGNATURE) == VDI_SIGNATURE;
}

static int vdi_lookup(struct block_image *image, uint64_t offset, struct block_place *place)
{
    const struct vdi *vdi = image->state;
    uint64_t skip = offset % vdi->block_bytes;
    uint32_t entry = block_le32(vdi->map + offset / vdi->block_bytes * 4);

    place->bytes = vdi->block_bytes - skip;
    if (entry >= VDI_NO_BLOCK) {
        place->kind = BLOCK_PLACE_ZERO;
        return 0;
    }
    place->kind = BLOCK_PLACE_DATA;
    place->file = image->file;
    place->offset = vdi->data + (uint64_t)entry * vdi->block_bytes + skip;
    return 0;
}

static bool check_header(const struct block_image *image, const uint8_t *header, GError **error)
{
    static const uint8_t no_parent[32];
    uint32_t type = block_le32(header + VDI_AT_TYPE);
    uint32_t block = block_le32(header + VDI_AT_BLOCK_BYTES);
    uint64_t blocks = block_le32(header + VDI_AT_BLOCKS);
    uint64_t disk = block_le64(header + VDI_AT_DISK_BYTES);

    if (!vdi_probe(header, VDI_HEADER_BYTES)) {
        return block_reader_bad(image, error, "it does not begin like one");
    }
    if (block_le32(header + VDI_AT_VERSION) != VDI_VERSION) {
        return block_reader_bad(image, error, "only version 1.1 is known");
    }
    if ((type != VDI_DYNAMIC && type != VDI_FIXED) ||
        memcmp(header + VDI_AT_PARENT, no_parent, sizeof(no_parent)) != 0) {
        return block_reader_bad(image, error, "it depends on a parent image, which is not supported");
    }
    if (block_le32(header + VDI_AT_SECTOR_BYTES) != BLOCK_SECTOR_BYTES || block < 4096 ||
        block > VDI_BLOCK_MAX || (block & (block - 1)) != 0 ||
        block_le32(header + VDI_AT_BLOCK_EXTRA) != 0) {
        return block_reader_bad(image, error, "its sector or block size is impossible");
    }
    if (disk > blocks * block) {
        return block_reader_bad(image, error, "its map is too short for the disk");
    }
    return true;
}

static bool vdi_open(struct block_image *image, const struct block_options *options, GError **error)
{
    g_autofree uint8_t *header = block_reader_table(image, image->file, "the header", 0,
                                                    VDI_HEADER_BYTES, VDI_HEADER_BYTES, error);

    if (header == NULL || !check_header(image, header, error)) {
        return false;
    }
    uint8_t *map =
        block_reader_table(image, image->file, "the block map", block_le32(header + VDI_AT_MAP),
                           (uint64_t)block_le32(header + VDI_AT_BLOCKS) * 4, VDI_MAP_MAX, error);
    if (map == NULL) {
        return false;
    }
    struct vdi *vdi = g_new0(struct vdi, 1);
    vdi->reader.lookup = vdi_lookup;
    vdi->map = map;
    vdi->block_bytes = block_le32(header + VDI_AT_BLOCK_BYTES);
    vdi->data = block_le32(header + VDI_AT_DATA);
    vdi->allocated = block_le32(header + VDI_AT_ALLOCATED);
    image->state = vdi;
    image->bytes = block_le64(header + VDI_AT_DISK_BYTES) / BLOCK_SECTOR_BYTES * BLOCK_SECTOR_BYTES;
    return true;
}

static void vdi_close(struct block_image *image)
{
    struct vdi *vdi = image->state;

    g_free(vdi->map);
    g_free(vdi);
}

G_GNUC_PRINTF(2, 3) static void report(struct block_check *check, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    check->errors++;
    if (check->report != NULL) {
        check->report(check->arg, text);
    }
}

/* Besides: no block of the file belongs to two of the disk, and the header's number of blocks is right. */
static int vdi_check(struct block_image *image, struct block_check *check)
{
    const struct vdi *vdi = image->state;
    uint64_t blocks = (image->bytes + vdi->block_bytes - 1) / vdi->block_bytes;
    g_autoptr(GHashTable) taken = g_hash_table_new(NULL, NULL);
    uint32_t used = 0;

    for (uint64_t i = 0; i < blocks; i++) {
        uint32_t entry = block_le32(vdi->map + i * 4);
        if (entry >= VDI_NO_BLOCK) {
            continue;
        }
        used++;
        if (!g_hash_table_add(taken, GUINT_TO_POINTER(entry))) {
            report(check, "ERROR: block index %" G_GUINT64_FORMAT ": block %" G_GUINT32_FORMAT
                          " of the file is used more than once", i, entry);
        }
    }
    if (used != vdi->allocated) {
        report(check, "ERROR: allocated blocks mismatch, is %" G_GUINT32_FORMAT ", should be %"
                      G_GUINT32_FORMAT, used, vdi->allocated);
    }
    return block_reader_check(image, check);
}

static void vdi_info(struct block_image *image, struct block_info *info)
{
    info->cluster_bytes = ((struct vdi *)image->state)->block_bytes;
}

const struct block_driver block_vdi_driver = {
    .name = "vdi",
    .probe = vdi_probe,
    .open = vdi_open,
    .close = vdi_close,
    .read = block_reader_read,
    .status = block_reader_status,
    .map = block_reader_map,
    .check = vdi_check,
    .info = vdi_info,
};
