/*
 * Sizes as people write and read them.
 */
#ifndef BLOCK_SIZE_H
#define BLOCK_SIZE_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

/* "512", "64k", "1.5G": units b k M G T P E of either case, powers of 1024; no unit: bytes. At most
 * INT64_MAX. False if it is not a size. */
bool block_size_parse(const char *text, uint64_t *bytes);
/* "4 GiB", "1.5 MiB", "196 KiB": three digits. Newly allocated. */
char *block_size_text(uint64_t bytes);

#endif
