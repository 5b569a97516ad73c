/* See the header. */
#include "block/reader.h"

#include <errno.h>
#include <string.h>

static int look(struct block_image *image, uint64_t offset, uint64_t bytes,
                struct block_place *place)
{
    struct block_reader *reader = image->state;

    *place = (struct block_place){.bytes = 1};
    int result = reader->lookup(image, offset, place);
    place->bytes = MIN(place->bytes, bytes);
    return result;
}

static int read_place(struct block_image *image, uint64_t offset, const struct block_place *place,
                      uint8_t *buffer)
{
    struct block_reader *reader = image->state;
    const uint8_t *unit;
    size_t bytes = (size_t)place->bytes;
    int result = 0;

    switch (place->kind) {
    case BLOCK_PLACE_ABSENT:
        return block_image_read_backing(image, offset, buffer, bytes);
    case BLOCK_PLACE_ZERO:
        memset(buffer, 0, bytes);
        return 0;
    case BLOCK_PLACE_DATA:
        /* A place behind the end of the file is damage, not zeroes. */
        return place->offset < place->file->bytes
                   ? block_file_read(place->file, place->offset, buffer, bytes)
                   : -EIO;
    case BLOCK_PLACE_PACKED:
        result = reader->unpack(image, place, &unit);
        if (result == 0) {
            memcpy(buffer, unit + place->skip, bytes);
        }
        return result;
    }
    return -EIO;
}

int block_reader_read(struct block_image *image, uint64_t offset, void *buffer, size_t bytes)
{
    uint8_t *at = buffer;

    while (bytes > 0) {
        struct block_place place;
        int result = look(image, offset, bytes, &place);
        result = result == 0 ? read_place(image, offset, &place, at) : result;
        if (result < 0) {
            return result;
        }
        at += place.bytes;
        offset += place.bytes;
        bytes -= (size_t)place.bytes;
    }
    return 0;
}

/* Lets a run grow over neighbours that are of its kind and, if they have a place, next to it there. */
static int look_run(struct block_image *image, uint64_t offset, uint64_t bytes,
                    struct block_place *run)
{
    int result = look(image, offset, bytes, run);

    while (result == 0 && run->bytes < bytes) {
        struct block_place next;
        result = look(image, offset + run->bytes, bytes - run->bytes, &next);
        bool joins = next.kind == run->kind &&
                     (run->kind != BLOCK_PLACE_DATA ||
                      (next.file == run->file && next.offset == run->offset + run->bytes));
        if (result < 0 || !joins) {
            return 0; /* the next call meets the error */
        }
        run->bytes += next.bytes;
    }
    return result;
}

/* Is there anything behind the place, or a hole in the file? */
static int look_file(const struct block_place *place, bool *data, uint64_t *run)
{
    *run = place->bytes;
    *data = place->kind == BLOCK_PLACE_DATA || place->kind == BLOCK_PLACE_PACKED;
    return place->kind == BLOCK_PLACE_DATA && place->offset < place->file->bytes
               ? block_file_status(place->file, place->offset, place->bytes, data, run)
               : 0;
}

int block_reader_status(struct block_image *image, uint64_t offset, uint64_t bytes, bool *data,
                        uint64_t *run)
{
    struct block_place place;
    int result = look_run(image, offset, bytes, &place);

    if (result < 0) {
        return result;
    }
    if (place.kind == BLOCK_PLACE_ABSENT && image->backing != NULL &&
        offset < image->backing->bytes) {
        struct block_image *backing = image->backing;
        return backing->driver->status(backing, offset,
                                       MIN(place.bytes, backing->bytes - offset), data, run);
    }
    return look_file(&place, data, run);
}

int block_reader_map(struct block_image *image, uint64_t offset, uint64_t bytes,
                     struct block_extent *extent)
{
    struct block_place place;
    int result = look_run(image, offset, bytes, &place);

    if (result < 0) {
        return result;
    }
    bool data;
    result = look_file(&place, &data, &extent->bytes);
    if (result < 0) {
        return result;
    }
    extent->present = place.kind != BLOCK_PLACE_ABSENT;
    extent->packed = place.kind == BLOCK_PLACE_PACKED;
    extent->data = place.kind == BLOCK_PLACE_DATA || extent->packed;
    extent->zero = !data;
    if (place.kind == BLOCK_PLACE_DATA) {
        extent->has_offset = true;
        extent->offset = place.offset;
        extent->file = place.file->path;
    }
    return 0;
}

/* True if what the place names lies, at least in part, in its file. */
static bool is_in_file(const struct block_place *place)
{
    return (place->kind != BLOCK_PLACE_DATA && place->kind != BLOCK_PLACE_PACKED) ||
           place->offset < place->file->bytes;
}

int block_reader_check(struct block_image *image, struct block_check *check)
{
    const struct block_reader *reader = image->state;

    for (uint64_t at = 0; at < image->bytes;) {
        struct block_place place = {0};
        int result = reader->lookup(image, at, &place);
        if (result < 0 || !is_in_file(&place)) {
            g_autofree char *text = g_strdup_printf(
                "ERROR: what belongs to offset %" G_GUINT64_FORMAT " of the disk %s", at,
                result < 0 ? "cannot be found" : "lies behind the end of the file");
            check->errors++;
            if (check->report != NULL) {
                check->report(check->arg, text);
            }
        }
        if (result < 0) {
            return 0; /* how far the damage goes is not known */
        }
        at += place.bytes;
    }
    return 0;
}

bool block_reader_bad(const struct block_image *image, GError **error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *why = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(error, BLOCK_ERROR, EINVAL, "Could not open '%s' as %s: %s", image->path,
                image->driver->name, why);
    return false;
}

void *block_reader_table(struct block_image *image, struct block_file *file, const char *what,
                         uint64_t offset, uint64_t bytes, uint64_t most, GError **error)
{
    if (bytes > most) {
        block_reader_bad(image, error, "%s is too large (%" G_GUINT64_FORMAT " bytes)", what, bytes);
        return NULL;
    }
    if (offset > file->bytes || bytes > file->bytes - offset) {
        block_reader_bad(image, error, "%s is not all in the file", what);
        return NULL;
    }
    void *table = g_malloc(MAX(bytes, 1));
    int result = block_file_read(file, offset, table, (size_t)bytes);
    if (result < 0) {
        g_free(table);
        g_set_error(error, BLOCK_ERROR, -result, "Could not read '%s': %s", file->path,
                    g_strerror(-result));
        return NULL;
    }
    return table;
}
