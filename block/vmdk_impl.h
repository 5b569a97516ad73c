/*
 * VMware disk images (VMDK), read only. After: VMware, Virtual Disk Format 5.0.
 *
 *   vmdk.c             opening: a descriptor in a file of its own, or inside the one extent
 *   vmdk_descriptor.c  the text that says of which extents a disk is made
 *   vmdk_sparse.c      extents with grains, grain tables and a grain directory
 *
 * Known: monolithicSparse, monolithicFlat, twoGbMaxExtentSparse, twoGbMaxExtentFlat, streamOptimized,
 * vmfs, and parent images. Not supported: the older COWD extents of ESX, and devices.
 */
#ifndef BLOCK_VMDK_IMPL_H
#define BLOCK_VMDK_IMPL_H

#include "block/reader.h"

#define VMDK_SPARSE_MAGIC "KDMV"
#define VMDK_TEXT_MAGIC   "# Disk DescriptorFile"

enum {
    VMDK_TEXT_MAX = 1 << 20,
    VMDK_EXTENTS_MAX = 1024,
    VMDK_TABLE_ENTRIES = 512, /* of a grain table; there are no others */
    VMDK_TABLE_BYTES = VMDK_TABLE_ENTRIES * 4,
    VMDK_CACHE_TABLES = 64, /* of an extent */
    VMDK_GRAIN_MAX = 4 << 20,
    VMDK_DIRECTORY_MAX = 32 << 20,
};

enum vmdk_kind { VMDK_FLAT, VMDK_ZERO, VMDK_SPARSE };

struct vmdk_extent {
    enum vmdk_kind kind;
    uint64_t start, bytes;   /* in the disk */
    struct block_file *file; /* NULL: zeroes */
    bool borrowed;           /* the image's own file */
    uint64_t offset;         /* FLAT: in the file */
    /* SPARSE */
    bool packed, zero_grains;
    uint32_t grain_bytes, tables;
    uint8_t *directory; /* 32 bits a table: sector of it */
    uint8_t *cache;     /* VMDK_CACHE_TABLES grain tables, NULL until used */
    uint32_t *cached;   /* which table each is, plus one */
};

struct vmdk {
    struct block_reader reader;
    struct vmdk_extent *extents; /* in order, without gaps */
    unsigned count;
    char *parent; /* name of the parent image, or NULL */
    char *type;   /* createType */
    /* The grain unpacked last. */
    const struct vmdk_extent *unpacked_of;
    uint64_t unpacked_at;
    uint8_t *unpacked, *packed;
    size_t unpacked_size, packed_size;
};

/* vmdk_descriptor.c: takes parent and type from the text, which it changes, and, unless the text is
 * embedded in the one extent, adds and opens the extents. */
bool vmdk_parse(struct block_image *image, struct vmdk *vmdk, char *text,
                const struct block_options *options, bool embedded, GError **error);
/* Adds an extent at the end. */
struct vmdk_extent *vmdk_add_extent(struct vmdk *vmdk);

/* vmdk_sparse.c: reads the header and the directory of extent->file. *text (may be NULL): the
 * descriptor inside it, or NULL; newly allocated. extent->bytes is 0 or what a descriptor says. */
bool vmdk_sparse_open(struct block_image *image, struct vmdk_extent *extent, char **text,
                      GError **error);
int vmdk_sparse_lookup(struct block_image *image, struct vmdk_extent *extent, uint64_t offset,
                       struct block_place *place);
int vmdk_sparse_unpack(struct block_image *image, const struct block_place *place,
                       const uint8_t **unit);

#endif
