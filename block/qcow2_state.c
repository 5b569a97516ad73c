/*
 * The state of a machine beside the disk of a QCOW2 image: it lies behind the disk's end, from the first L1 entry on
 * that no byte of the disk needs, and belongs to the snapshot that is made while it is there. The active tables lose it
 * again after that.
 */
#include "block/qcow2_impl.h"

#include <errno.h>

static uint64_t state_base(const struct qcow2 *qcow, uint64_t disk_bytes)
{
    return qcow2_l1_entries_for(qcow, disk_bytes) * qcow2_l2_span(qcow);
}

/* Makes the active L1 table long enough for bytes behind the disk's end. */
static int make_room(struct block_image *image, uint64_t end)
{
    struct qcow2 *qcow = image->state;
    uint64_t needed = qcow2_l1_entries_for(qcow, end);

    if (needed <= qcow->l1.count) {
        return 0;
    }
    if (needed > QCOW2_L1_MAX_BYTES / 8) {
        return -EFBIG;
    }
    g_autofree uint64_t *entries = g_new0(uint64_t, needed);
    memcpy(entries, qcow->l1.entries, (size_t)qcow->l1.count * 8);
    return qcow2_l1_move(image, entries, (uint32_t)needed, qcow->header.bytes);
}

int qcow2_state_write(struct block_image *image, uint64_t offset, const void *buffer, size_t bytes)
{
    struct qcow2 *qcow = image->state;
    uint64_t at = state_base(qcow, qcow->header.bytes) + offset;

    g_assert(offset % qcow->cluster_bytes == 0 && bytes % qcow->cluster_bytes == 0);
    if (qcow2_has_data_file(qcow)) {
        return -ENOTSUP;
    }
    int result = make_room(image, at + bytes);
    return result == 0 ? qcow2_write(image, at, buffer, bytes) : result;
}

int qcow2_state_drop(struct block_image *image)
{
    struct qcow2 *qcow = image->state;
    uint64_t from = state_base(qcow, qcow->header.bytes);
    uint64_t end = qcow->l1.count * qcow2_l2_span(qcow);

    return end > from ? qcow2_unmap(image, from, end - from) : 0;
}

int qcow2_state_read(struct block_image *image, const char *name, uint64_t offset, void *buffer, size_t bytes)
{
    struct qcow2 *qcow = image->state;
    const struct qcow2_snapshot *snapshot = qcow2_snapshot_find(qcow, name);
    struct qcow2_root wanted = {0}, active = qcow->l1;

    if (snapshot == NULL) {
        return -ENOENT;
    }
    if (offset > snapshot->state_bytes || bytes > snapshot->state_bytes - offset) {
        return -EIO;
    }
    int result = qcow2_snapshot_read_l1(image, snapshot, &wanted);
    if (result == 0) {
        uint64_t at = state_base(qcow, snapshot->disk_bytes) + offset;
        uint64_t end = wanted.count * qcow2_l2_span(qcow);

        if (at > end || bytes > end - at) {
            result = -EIO;
        } else {
            qcow->l1 = wanted;
            result = qcow2_read(image, at, buffer, bytes);
            qcow->l1 = active;
        }
    }
    qcow2_root_finish(&wanted);
    return result;
}
