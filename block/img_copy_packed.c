/*
 * vmm-img convert -c: the threads that read also compress, and the clusters are written in order.
 */
#include "block/driver_impl.h"
#include "block/img.h"
#include "block/img_copy.h"

#include <string.h>

enum { GROUP_BYTES = 512 << 10 }; /* clusters below this go through the pipe together */

struct packing {
    struct img_copy *copy;
    struct block_image *image; /* the target's */
    uint64_t cluster;
    uint64_t group; /* bytes of a piece, whole clusters */
};

/* What became of a cluster; an array of these, and the compressed clusters, are a piece's extra. */
struct cluster {
    size_t length; /* 0: does not get smaller */
    bool zero;
};

static struct cluster *clusters_of(const struct img_piece *piece)
{
    return (struct cluster *)piece->extra;
}

static uint8_t *packed_of(const struct packing *packing, const struct img_piece *piece)
{
    return piece->extra + packing->group / packing->cluster * sizeof(struct cluster);
}

static bool next_group(void *arg, unsigned thread, struct img_piece *piece)
{
    const struct packing *packing = arg;
    struct img_copy *copy = packing->copy;
    uint64_t run = 0;

    if (copy->at >= copy->total) {
        return false;
    }
    piece->at = copy->at;
    piece->data = true;
    piece->result = img_copy_status(copy, thread, piece->at, &piece->data, &run);
    uint64_t whole = run & ~(packing->cluster - 1);
    piece->data = piece->data || whole == 0;
    piece->bytes = MIN(copy->total - piece->at, piece->data ? packing->group : whole);
    copy->at += piece->bytes;
    return true;
}

static void pack_group(void *arg, unsigned thread, struct img_piece *piece)
{
    const struct packing *packing = arg;
    struct cluster *cluster = clusters_of(piece);
    uint8_t *packed = packed_of(packing, piece);

    if (!piece->data || piece->result < 0) {
        return;
    }
    piece->result = img_copy_read(packing->copy, thread, piece->at, piece->buffer, piece->bytes);
    for (uint64_t at = 0; at < piece->bytes && piece->result == 0; at += packing->cluster) {
        size_t have = (size_t)MIN(packing->cluster, piece->bytes - at);
        memset(piece->buffer + at + have, 0, packing->cluster - have);
        cluster->zero = block_is_zero(piece->buffer + at, have);
        cluster->length = cluster->zero ? 0
                                        : packing->image->driver->pack(
                                              packing->image, piece->buffer + at, packed + at);
        cluster++;
    }
}

static int write_cluster(const struct packing *packing, const struct img_piece *piece, uint64_t at)
{
    const struct cluster *cluster = &clusters_of(piece)[at / packing->cluster];
    size_t have = (size_t)MIN(packing->cluster, piece->bytes - at);

    if (cluster->zero) {
        return 0;
    }
    return cluster->length > 0
               ? packing->image->driver->write_packed(packing->image, piece->at + at,
                                                      packed_of(packing, piece) + at,
                                                      cluster->length)
               : block_write(packing->copy->target, piece->at + at, piece->buffer + at, have);
}

static int write_group(void *arg, struct img_piece *piece)
{
    const struct packing *packing = arg;
    int result = piece->result;

    for (uint64_t at = 0; piece->data && at < piece->bytes && result == 0; at += packing->cluster) {
        result = write_cluster(packing, piece, at);
    }
    if (result < 0) {
        return img_fail("error while copying at byte %" G_GUINT64_FORMAT ": %s", piece->at,
                        g_strerror(-result));
    }
    img_copy_advance(packing->copy, piece->at + piece->bytes);
    return 0;
}

int img_copy_packed(struct img_copy *copy)
{
    struct packing packing = {.copy = copy, .image = block_get_image(copy->target)};
    struct block_info info;

    block_get_info(copy->target, &info);
    if (packing.image->driver->write_packed == NULL || info.cluster_bytes == 0 ||
        (info.details != NULL && info.details->data_file != NULL)) {
        return img_fail("Compression not supported for this file format");
    }
    packing.cluster = info.cluster_bytes;
    packing.group = MAX(packing.cluster, GROUP_BYTES);
    struct img_pipe pipe = {.threads = copy->threads,
                            .buffer_bytes = packing.group,
                            .extra_bytes = packing.group + packing.group / packing.cluster *
                                                               sizeof(struct cluster),
                            .arg = &packing,
                            .next = next_group,
                            .work = pack_group,
                            .take = write_group};
    img_progress(copy->progress, 0, MAX(copy->total, 1));
    int status = img_pipe_run(&pipe);
    return status != 0 ? status : img_copy_end(copy);
}
