/*
 * The table of internal snapshots in a QCOW2 image: reading and writing it. Entries have varying
 * length: a fixed part, extra data (of which we know the first 24 bytes), id, name.
 */
#include "block/qcow2_impl.h"

#include <errno.h>

enum {
    AT_L1_OFFSET = 0,
    AT_L1_ENTRIES = 8,
    AT_ID_LENGTH = 12,
    AT_NAME_LENGTH = 14,
    AT_DATE_SECONDS = 16,
    AT_DATE_NS = 20,
    AT_CLOCK = 24,
    AT_STATE_BYTES = 32,
    AT_EXTRA_LENGTH = 36,
    FIXED_BYTES = 40,
    EXTRA_STATE_BYTES = 0,
    EXTRA_DISK_BYTES = 8,
    EXTRA_ICOUNT = 16,
    EXTRA_KNOWN = 24,
};

void qcow2_snapshot_free(void *arg)
{
    struct qcow2_snapshot *snapshot = arg;

    if (snapshot != NULL) {
        g_free(snapshot->id);
        g_free(snapshot->name);
        g_free(snapshot->extra);
        g_free(snapshot);
    }
}

static char *take_text(const uint8_t *bytes, size_t length)
{
    g_autofree char *text = g_strndup((const char *)bytes, length);

    return g_utf8_validate(text, -1, NULL) ? g_steal_pointer(&text) : g_utf8_make_valid(text, -1);
}

/* One entry at `at` of the file; its length is added to *at. False: damaged. */
static bool read_entry(struct block_image *image, uint64_t *at)
{
    struct qcow2 *qcow = image->state;
    uint8_t fixed[FIXED_BYTES];
    uint8_t known[EXTRA_KNOWN] = {0};

    if (*at + FIXED_BYTES > image->file->bytes ||
        block_file_read(image->file, *at, fixed, sizeof(fixed)) < 0) {
        return false;
    }
    uint32_t id_length = qcow2_get16(fixed + AT_ID_LENGTH);
    uint32_t name_length = qcow2_get16(fixed + AT_NAME_LENGTH);
    uint32_t extra = qcow2_get32(fixed + AT_EXTRA_LENGTH);
    if (extra > QCOW2_SNAPSHOT_EXTRA_MAX) {
        return false;
    }
    size_t rest = extra + id_length + name_length;
    g_autofree uint8_t *buffer = g_malloc0(rest + 1);
    if (*at + FIXED_BYTES + rest > image->file->bytes + 8 ||
        block_file_read(image->file, *at + FIXED_BYTES, buffer, rest) < 0) {
        return false;
    }
    memcpy(known, buffer, MIN(extra, EXTRA_KNOWN));
    struct qcow2_snapshot *snapshot = g_new0(struct qcow2_snapshot, 1);
    snapshot->l1_offset = qcow2_get64(fixed + AT_L1_OFFSET);
    snapshot->l1_entries = qcow2_get32(fixed + AT_L1_ENTRIES);
    snapshot->date_seconds = qcow2_get32(fixed + AT_DATE_SECONDS);
    snapshot->date_ns = qcow2_get32(fixed + AT_DATE_NS);
    snapshot->clock_ns = qcow2_get64(fixed + AT_CLOCK);
    snapshot->state_bytes =
        extra >= 8 ? qcow2_get64(known + EXTRA_STATE_BYTES) : qcow2_get32(fixed + AT_STATE_BYTES);
    snapshot->disk_bytes = extra >= 16 ? qcow2_get64(known + EXTRA_DISK_BYTES) : image->bytes;
    snapshot->icount = extra >= EXTRA_KNOWN ? qcow2_get64(known + EXTRA_ICOUNT) : UINT64_MAX;
    snapshot->stored_extra = extra;
    if (extra > EXTRA_KNOWN) {
        snapshot->extra_bytes = extra - EXTRA_KNOWN;
        snapshot->extra = g_memdup2(buffer + EXTRA_KNOWN, snapshot->extra_bytes);
    }
    snapshot->id = take_text(buffer + extra, id_length);
    snapshot->name = take_text(buffer + extra + id_length, name_length);
    g_ptr_array_add(qcow->snapshots, snapshot);
    *at = qcow2_round_up(*at + FIXED_BYTES + rest, 8);
    return true;
}

bool qcow2_snapshots_read(struct block_image *image, GError **error)
{
    struct qcow2 *qcow = image->state;
    uint64_t start = qcow->header.snapshot_offset, at = start;

    for (uint32_t i = 0; i < qcow->header.snapshot_count; i++) {
        if (!read_entry(image, &at) || at - start > QCOW2_SNAPSHOT_TABLE_MAX_BYTES) {
            g_set_error(error, BLOCK_ERROR, EINVAL,
                        "Could not open '%s': qcow2: the snapshot table is damaged", image->path);
            return false;
        }
    }
    qcow->snapshot_table_bytes = at - start;
    return true;
}

/* ---- writing ---- */

static void put_entry(GByteArray *table, const struct qcow2_snapshot *snapshot)
{
    static const uint8_t padding[8];
    uint8_t fixed[FIXED_BYTES + EXTRA_KNOWN] = {0};
    uint8_t *extra = fixed + FIXED_BYTES;
    size_t id_length = strlen(snapshot->id), name_length = strlen(snapshot->name);

    qcow2_put64(fixed + AT_L1_OFFSET, snapshot->l1_offset);
    qcow2_put32(fixed + AT_L1_ENTRIES, snapshot->l1_entries);
    qcow2_put16(fixed + AT_ID_LENGTH, (uint16_t)id_length);
    qcow2_put16(fixed + AT_NAME_LENGTH, (uint16_t)name_length);
    qcow2_put32(fixed + AT_DATE_SECONDS, snapshot->date_seconds);
    qcow2_put32(fixed + AT_DATE_NS, snapshot->date_ns);
    qcow2_put64(fixed + AT_CLOCK, snapshot->clock_ns);
    qcow2_put32(fixed + AT_STATE_BYTES,
                snapshot->state_bytes <= UINT32_MAX ? (uint32_t)snapshot->state_bytes : 0);
    qcow2_put32(fixed + AT_EXTRA_LENGTH, EXTRA_KNOWN + snapshot->extra_bytes);
    qcow2_put64(extra + EXTRA_STATE_BYTES, snapshot->state_bytes);
    qcow2_put64(extra + EXTRA_DISK_BYTES, snapshot->disk_bytes);
    qcow2_put64(extra + EXTRA_ICOUNT, snapshot->icount);
    g_byte_array_append(table, fixed, sizeof(fixed));
    if (snapshot->extra_bytes > 0) {
        g_byte_array_append(table, snapshot->extra, snapshot->extra_bytes);
    }
    g_byte_array_append(table, (const uint8_t *)snapshot->id, (guint)id_length);
    g_byte_array_append(table, (const uint8_t *)snapshot->name, (guint)name_length);
    g_byte_array_append(table, padding, (8 - table->len % 8) % 8);
}

int qcow2_snapshots_write(struct block_image *image)
{
    struct qcow2 *qcow = image->state;
    struct qcow2_header before = qcow->header;
    g_autoptr(GByteArray) table = g_byte_array_new();
    uint64_t offset = 0;

    for (guint i = 0; i < qcow->snapshots->len; i++) {
        put_entry(table, g_ptr_array_index(qcow->snapshots, i));
    }
    if (table->len > QCOW2_SNAPSHOT_TABLE_MAX_BYTES) {
        return -EFBIG;
    }
    int result = qcow2_take_exact(image, table->len, &offset);
    if (result < 0) {
        return result;
    }
    result = qcow2_write_counts(image);
    if (result == 0 && table->len > 0) {
        result = block_file_write(image->file, offset, table->data, table->len);
    }
    if (result == 0) {
        result = qcow2_sync(image);
    }
    if (result == 0) {
        qcow->header.snapshot_offset = offset;
        qcow->header.snapshot_count = qcow->snapshots->len;
        result = qcow2_write_header(image);
        result = result == 0 ? qcow2_sync(image) : result;
    }
    if (result < 0) {
        qcow->header = before;
        qcow2_give_back(image, offset, table->len);
        return result;
    }
    uint64_t old_bytes = qcow->snapshot_table_bytes;
    qcow->snapshot_table_bytes = table->len;
    qcow2_give_back(image, before.snapshot_offset, old_bytes);
    return 0;
}
