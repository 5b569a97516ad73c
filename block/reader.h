/*
 * What formats that are only read have in common: a disk is a sequence of ranges, each of which lies
 * somewhere in a file, is packed there, is zero, or is left to the backing file. A driver says which
 * (lookup); reading, status and map follow from that.
 */
#ifndef BLOCK_READER_H
#define BLOCK_READER_H

#include "block/driver_impl.h"

enum block_place_kind {
    BLOCK_PLACE_ABSENT, /* the backing file's, or zero */
    BLOCK_PLACE_ZERO,
    BLOCK_PLACE_DATA,   /* at offset of file */
    BLOCK_PLACE_PACKED, /* to be had from unpack */
};

struct block_place {
    enum block_place_kind kind;
    uint64_t bytes; /* from the offset that was asked for; at least 1 */
    struct block_file *file;
    uint64_t offset;
    uint64_t unit; /* PACKED: which unit, counted by the driver, and where in it */
    size_t skip;
};

/* The driver's state starts with one. */
struct block_reader {
    /* bytes > 0 and inside the disk. 0 or -errno. place->bytes may be longer than asked. */
    int (*lookup)(struct block_image *image, uint64_t offset, struct block_place *place);
    /* A whole packed unit; belongs to the driver until the next call. NULL if there is none. */
    int (*unpack)(struct block_image *image, const struct block_place *place,
                  const uint8_t **unit);
};

int block_reader_read(struct block_image *image, uint64_t offset, void *buffer, size_t bytes);
int block_reader_status(struct block_image *image, uint64_t offset, uint64_t bytes, bool *data,
                        uint64_t *run);
int block_reader_map(struct block_image *image, uint64_t offset, uint64_t bytes,
                     struct block_extent *extent);

/* For the driver's check(): does everything that the tables name lie in the file? */
int block_reader_check(struct block_image *image, struct block_check *check);

/* Reads `bytes` of a file into newly allocated memory. NULL, with a message that names the image and
 * `what`, if they are not all there or are more than `most`. */
void *block_reader_table(struct block_image *image, struct block_file *file, const char *what,
                         uint64_t offset, uint64_t bytes, uint64_t most, GError **error);

/* Sets a message "'path' is damaged, or no XX image: ..." and returns false. */
bool block_reader_bad(const struct block_image *image, GError **error, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* Fields of headers, by the bytes' order in the file. */
static inline uint32_t block_le32(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static inline uint64_t block_le64(const uint8_t *bytes)
{
    return block_le32(bytes) | (uint64_t)block_le32(bytes + 4) << 32;
}

static inline uint32_t block_be32(const uint8_t *bytes)
{
    return bytes[3] | (uint32_t)bytes[2] << 8 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[0] << 24;
}

static inline uint64_t block_be64(const uint8_t *bytes)
{
    return block_be32(bytes + 4) | (uint64_t)block_be32(bytes) << 32;
}

#endif
