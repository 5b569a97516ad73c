/*
 * vmm-img convert -c: reads a batch of clusters, has them compressed by several threads, and writes
 * them in order.
 */
#include "block/driver_impl.h"
#include "block/img.h"

#include <string.h>

enum { BATCH_BYTES = 16 << 20, THREADS_MAX = 16 };

struct job {
    uint8_t *plain, *packed;
    size_t length; /* packed; 0: does not get smaller */
    bool zero;
};

struct batch {
    struct block *source, *target;
    struct block_image *image; /* the target's */
    uint64_t cluster;
    struct job *jobs;
    unsigned count;

    GMutex mutex;
    GCond done;
    unsigned waiting; /* jobs not packed yet */
};

static void pack(gpointer data, gpointer arg)
{
    struct batch *batch = arg;
    struct job *job = data;

    job->zero = block_is_zero(job->plain, batch->cluster);
    job->length = job->zero ? 0 : batch->image->driver->pack(batch->image, job->plain, job->packed);
    g_mutex_lock(&batch->mutex);
    if (--batch->waiting == 0) {
        g_cond_signal(&batch->done);
    }
    g_mutex_unlock(&batch->mutex);
}

/* Reads and packs clusters from `at` on; *bytes is how much of the disk that was. */
static int fill(struct batch *batch, GThreadPool *pool, uint64_t at, uint64_t bytes)
{
    uint64_t clusters = (bytes + batch->cluster - 1) / batch->cluster;

    batch->waiting = (unsigned)clusters;
    for (unsigned i = 0; i < clusters; i++) {
        uint64_t offset = (uint64_t)i * batch->cluster;
        size_t have = (size_t)MIN(batch->cluster, bytes - offset);
        memset(batch->jobs[i].plain + have, 0, batch->cluster - have);
        int result = block_read(batch->source, at + offset, batch->jobs[i].plain, have);
        if (result < 0) {
            g_mutex_lock(&batch->mutex);
            batch->waiting -= (unsigned)clusters - i;
            while (batch->waiting > 0) {
                g_cond_wait(&batch->done, &batch->mutex);
            }
            g_mutex_unlock(&batch->mutex);
            return result;
        }
        g_thread_pool_push(pool, &batch->jobs[i], NULL);
    }
    g_mutex_lock(&batch->mutex);
    while (batch->waiting > 0) {
        g_cond_wait(&batch->done, &batch->mutex);
    }
    g_mutex_unlock(&batch->mutex);
    return 0;
}

static int store(struct batch *batch, uint64_t at, uint64_t bytes)
{
    int result = 0;

    for (uint64_t offset = 0; offset < bytes && result == 0; offset += batch->cluster) {
        const struct job *job = &batch->jobs[offset / batch->cluster];
        if (job->zero) {
            continue;
        }
        result = job->length > 0 ? batch->image->driver->write_packed(batch->image, at + offset,
                                                                      job->packed, job->length)
                                 : block_write(batch->target, at + offset, job->plain,
                                               (size_t)MIN(batch->cluster, bytes - offset));
    }
    return result;
}

static int copy(struct batch *batch, GThreadPool *pool, bool progress)
{
    uint64_t total = block_size(batch->source);
    uint64_t most = batch->cluster * batch->count;

    img_progress(progress, 0, MAX(total, 1));
    for (uint64_t at = 0; at < total;) {
        uint64_t run = 0;
        bool data = true;
        int result = block_status(batch->source, at, total - at, &data, &run);
        uint64_t whole = run & ~(batch->cluster - 1);
        uint64_t bytes = MIN(total - at, !data && whole > 0 ? whole : most);
        if (result == 0 && (data || whole == 0)) {
            result = fill(batch, pool, at, bytes);
            if (result == 0) {
                result = store(batch, at, bytes);
            }
        }
        if (result < 0) {
            return img_fail("error while copying at byte %" G_GUINT64_FORMAT ": %s", at,
                            g_strerror(-result));
        }
        at += bytes;
        if (at < total) {
            img_progress(progress, at, total);
        }
    }
    int result = block_flush(batch->target);
    if (result < 0) {
        return img_fail("error while writing the end: %s", g_strerror(-result));
    }
    img_progress(progress, 1, 1);
    return 0;
}

int img_convert_packed(struct block *source, struct block *target, unsigned threads, bool progress)
{
    struct batch batch = {.source = source, .target = target, .image = block_get_image(target)};
    struct block_info info;

    block_get_info(target, &info);
    if (batch.image->driver->write_packed == NULL || info.cluster_bytes == 0 ||
        (info.details != NULL && info.details->data_file != NULL)) {
        return img_fail("Compression not supported for this file format");
    }
    batch.cluster = info.cluster_bytes;
    batch.count = (unsigned)MAX(BATCH_BYTES / batch.cluster, 2);
    batch.jobs = g_new0(struct job, batch.count);
    for (unsigned i = 0; i < batch.count; i++) {
        batch.jobs[i].plain = g_malloc(batch.cluster);
        batch.jobs[i].packed = g_malloc(batch.cluster);
    }
    g_mutex_init(&batch.mutex);
    g_cond_init(&batch.done);
    threads = threads != 0 ? threads : MIN(g_get_num_processors(), THREADS_MAX);
    GThreadPool *pool = g_thread_pool_new(pack, &batch, (gint)threads, TRUE, NULL);
    int status = copy(&batch, pool, progress);
    g_thread_pool_free(pool, FALSE, TRUE);
    for (unsigned i = 0; i < batch.count; i++) {
        g_free(batch.jobs[i].plain);
        g_free(batch.jobs[i].packed);
    }
    g_free(batch.jobs);
    g_mutex_clear(&batch.mutex);
    g_cond_clear(&batch.done);
    return status;
}
