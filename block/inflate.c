/* See the header. */
#include "block/inflate.h"

#include <errno.h>
#include <stdbool.h>
#include <zlib.h>

#define QCOW_WINDOW_BITS (-12) /* negative: no header */
#define ZLIB_WINDOW_BITS 15

static int unpack(const void *packed, size_t packed_bytes, void *out, size_t bytes, int window)
{
    z_stream stream = {
        .next_in = (Bytef *)packed,
        .avail_in = (uInt)packed_bytes,
        .next_out = out,
        .avail_out = (uInt)bytes,
    };

    if (inflateInit2(&stream, window) != Z_OK) {
        return -ENOMEM;
    }
    int outcome = inflate(&stream, Z_FINISH);
    bool whole = stream.avail_out == 0 && (outcome == Z_STREAM_END || outcome == Z_BUF_ERROR);
    inflateEnd(&stream);
    return whole ? 0 : -EIO;
}

int block_inflate(const void *packed, size_t packed_bytes, void *out, size_t bytes)
{
    return unpack(packed, packed_bytes, out, bytes, QCOW_WINDOW_BITS);
}

int block_inflate_zlib(const void *packed, size_t packed_bytes, void *out, size_t bytes)
{
    return unpack(packed, packed_bytes, out, bytes, ZLIB_WINDOW_BITS);
}

size_t block_deflate(const void *data, size_t bytes, void *packed)
{
    enum { MEMORY_LEVEL = 9 };
    z_stream stream = {
        .next_in = (Bytef *)data,
        .avail_in = (uInt)bytes,
        .next_out = packed,
        .avail_out = (uInt)bytes - 1,
    };

    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, QCOW_WINDOW_BITS, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        return 0;
    }
    int outcome = deflate(&stream, Z_FINISH);
    size_t length = bytes - 1 - stream.avail_out;
    deflateEnd(&stream);
    return outcome == Z_STREAM_END ? length : 0;
}
