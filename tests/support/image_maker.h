/*
 * Small good images of every format, for tests that damage them. Those of formats that vmm only reads are put
 * together here byte by byte.
 */
#ifndef TESTS_SUPPORT_IMAGE_MAKER_H
#define TESTS_SUPPORT_IMAGE_MAKER_H

#include <stddef.h>
#include <stdint.h>

enum { IMAGE_DISK_BYTES = 256 * 1024 };

struct image_maker {
    const char *name;   /* of the variant, for messages */
    const char *format; /* as block_options.format */
    /* Writes the image, and files beside it that it needs, into the current folder. */
    void (*make)(const char *path);
};

/* Ended by a row without name. */
extern const struct image_maker image_makers[];

/* What the disk of the byte-by-byte images holds at an offset: 0 in the unallocated parts. */
uint8_t image_maker_byte(const char *format, uint64_t offset);

#endif
