/* See the header. */
#include "block/inflate.h"

#include <errno.h>
#include <stdbool.h>
#include <zlib.h>

#define WINDOW_BITS 12

int block_inflate(const void *packed, size_t packed_bytes, void *out, size_t bytes)
{
    z_stream stream = {
        .next_in = (Bytef *)packed,
        .avail_in = (uInt)packed_bytes,
        .next_out = out,
        .avail_out = (uInt)bytes,
    };

    if (inflateInit2(&stream, -WINDOW_BITS) != Z_OK) {
        return -ENOMEM;
    }
    int outcome = inflate(&stream, Z_FINISH);
    bool whole = stream.avail_out == 0 && (outcome == Z_STREAM_END || outcome == Z_BUF_ERROR);
    inflateEnd(&stream);
    return whole ? 0 : -EIO;
}
