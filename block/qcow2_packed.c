/*
 * Compressed clusters of QCOW2 images. They lie at any byte of the file, several to a cluster, and
 * each counts as a reference to every cluster that it touches; the entry gives the length in
 * sectors. zlib: a raw deflate stream with a window of 4 KiB; zstd: a frame.
 */
#include "block/inflate.h"
#include "block/qcow2_impl.h"

#include <errno.h>
#include <zstd.h>

static unsigned length_shift(const struct qcow2 *qcow)
{
    return 62 - (qcow->cluster_bits - 8);
}

uint64_t qcow2_packed_offset(const struct qcow2 *qcow, uint64_t entry)
{
    return entry & ((1ull << length_shift(qcow)) - 1);
}

uint64_t qcow2_packed_bytes(const struct qcow2 *qcow, uint64_t entry)
{
    uint64_t sectors = (entry & (QCOW2_PACKED - 1)) >> length_shift(qcow);

    return (sectors + 1) * BLOCK_SECTOR_BYTES -
           qcow2_packed_offset(qcow, entry) % BLOCK_SECTOR_BYTES;
}

static int unzstd_cluster(struct qcow2 *qcow, size_t bytes)
{
    ZSTD_DCtx *context = ZSTD_createDCtx();
    ZSTD_inBuffer in = {qcow->packed, bytes, 0};
    ZSTD_outBuffer out = {qcow->unpacked, qcow->cluster_bytes, 0};
    int result = context == NULL ? -ENOMEM : 0;

    while (result == 0 && out.pos < out.size) {
        size_t in_before = in.pos, out_before = out.pos;
        size_t left = ZSTD_decompressStream(context, &out, &in);
        if (ZSTD_isError(left) || (in.pos == in_before && out.pos == out_before)) {
            result = -EIO;
        }
    }
    ZSTD_freeDCtx(context);
    return result;
}

int qcow2_unpack(struct block_image *image, uint64_t entry)
{
    struct qcow2 *qcow = image->state;
    uint64_t offset = qcow2_packed_offset(qcow, entry);
    uint64_t bytes = qcow2_packed_bytes(qcow, entry);

    if (qcow->unpacked_entry == entry) {
        return 0;
    }
    qcow->unpacked_entry = 0;
    if (offset >= image->file->bytes) {
        return -EIO;
    }
    if (qcow->packed == NULL) {
        qcow->packed = g_malloc(2 * qcow->cluster_bytes + BLOCK_SECTOR_BYTES);
        qcow->unpacked = g_malloc(qcow->cluster_bytes);
    }
    int result = block_file_read(image->file, offset, qcow->packed, bytes);
    if (result == 0) {
        result = qcow->header.compression == QCOW2_ZSTD ? unzstd_cluster(qcow, bytes)
                                                        : block_inflate(qcow->packed, bytes, qcow->unpacked,
                                                                        qcow->cluster_bytes);
    }
    if (result == 0) {
        qcow->unpacked_entry = entry;
    }
    return result;
}

size_t qcow2_pack(const struct block_image *image, const void *cluster, void *packed)
{
    const struct qcow2 *qcow = image->state;

    if (qcow->header.compression == QCOW2_ZSTD) {
        size_t length = ZSTD_compress(packed, qcow->cluster_bytes - 1, cluster, qcow->cluster_bytes,
                                      ZSTD_CLEVEL_DEFAULT);
        return ZSTD_isError(length) ? 0 : length;
    }
    return block_deflate(cluster, qcow->cluster_bytes, packed);
}

/* Finds a place for so many bytes: behind the last compressed cluster if there is room. */
static int take_packed(struct block_image *image, size_t bytes, uint64_t *offset)
{
    struct qcow2 *qcow = image->state;
    uint64_t in_cluster = qcow->packed_end & (qcow->cluster_bytes - 1);
    uint64_t clusters = 1, fresh;

    if (in_cluster != 0 && bytes <= qcow->cluster_bytes - in_cluster) {
        int result = qcow2_count_add(image, qcow->packed_end >> qcow->cluster_bits, 1, 1);
        if (result == 0) {
            *offset = qcow->packed_end;
            qcow->packed_end += bytes;
            return 0;
        }
        if (result != -ERANGE) {
            return result;
        }
        in_cluster = 0; /* the count is at its limit */
    }
    int result = qcow2_take(image, &clusters, &fresh);
    if (result < 0) {
        return result;
    }
    uint64_t tail = qcow->packed_end >> qcow->cluster_bits;
    if (in_cluster != 0 && fresh >> qcow->cluster_bits == tail + 1 &&
        qcow2_count_add(image, tail, 1, 1) == 0) {
        *offset = qcow->packed_end; /* across the border */
    } else {
        *offset = fresh;
    }
    qcow->packed_end = *offset + bytes;
    return 0;
}

int qcow2_write_packed(struct block_image *image, uint64_t offset, const void *packed, size_t bytes)
{
    struct qcow2 *qcow = image->state;
    struct qcow2_slot *slot;
    uint64_t place = 0;

    if (qcow2_has_data_file(qcow) || offset % qcow->cluster_bytes != 0) {
        return -EINVAL;
    }
    int result = qcow2_l2_get(image, offset, true, &slot);
    if (result == 0) {
        result = take_packed(image, bytes, &place);
    }
    if (result == 0) {
        result = block_file_write(image->file, place, packed, bytes);
        if (result < 0) {
            qcow->packed_end = 0;
            qcow2_give_later(image, place, bytes);
        }
    }
    if (result < 0) {
        return result;
    }
    uint32_t index = qcow2_l2_index(qcow, offset);
    uint64_t sectors = (place + bytes - 1) / BLOCK_SECTOR_BYTES - place / BLOCK_SECTOR_BYTES;
    qcow2_give_entry(image, qcow2_l2_entry(qcow, slot, index));
    qcow2_l2_set(qcow, slot, index, QCOW2_PACKED | sectors << length_shift(qcow) | place, 0);
    return 0;
}
