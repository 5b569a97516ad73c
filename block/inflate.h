/*
 * Compressed clusters of qcow and qcow2: raw deflate streams (RFC 1951) with a window of 4 KiB.
 */
#ifndef BLOCK_INFLATE_H
#define BLOCK_INFLATE_H

#include <stddef.h>

/* Unpacks a stream of at most packed_bytes that must fill `out` wholly; bytes behind the stream are ignored.
 * 0, -EIO if it is damaged or too short, or -ENOMEM. */
int block_inflate(const void *packed, size_t packed_bytes, void *out, size_t bytes);

/* The same for a stream with zlib's header and checksum, of any window. */
int block_inflate_zlib(const void *packed, size_t packed_bytes, void *out, size_t bytes);

/* Compresses for the qcow formats; packed has room for `bytes`. The length, or 0: does not get smaller. */
size_t block_deflate(const void *data, size_t bytes, void *packed);

#endif
