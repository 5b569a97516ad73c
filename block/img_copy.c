/*
 * vmm-img convert without -c: reads ahead (img_pipe.h), finds the zeroes, and writes the rest.
 */
#include "block/img_copy.h"
#include "block/driver_impl.h"
#include "block/img.h"

#include <stdio.h>
#include <string.h>

/* ---- the disk made of the sources ---- */

/* The source that has a byte, and where; the last one if none has. */
static struct block *find_source(const struct img_copy *copy, unsigned thread, uint64_t *at)
{
    unsigned i = 0;

    while (i + 1 < copy->count && *at >= block_size(copy->sources[thread][i])) {
        *at -= block_size(copy->sources[thread][i++]);
    }
    return copy->sources[thread][i];
}

int img_copy_status(const struct img_copy *copy, unsigned thread, uint64_t at, bool *data,
                    uint64_t *run)
{
    struct block *source = find_source(copy, thread, &at);

    return block_status(source, at, block_size(source) - at, data, run);
}

/* Sector by sector what cannot be read at once, zeroes for what cannot at all. */
static void salvage(struct block *source, uint64_t offset, uint8_t *buffer, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += BLOCK_SECTOR_BYTES) {
        size_t piece = MIN((size_t)BLOCK_SECTOR_BYTES, bytes - at);
        int result = block_read(source, offset + at, buffer + at, piece);
        if (result < 0) {
            fprintf(stderr, "warning: error while reading offset %" G_GUINT64_FORMAT ": %s\n",
                    offset + at, g_strerror(-result));
            memset(buffer + at, 0, piece);
        }
    }
}

int img_copy_read(const struct img_copy *copy, unsigned thread, uint64_t at, uint8_t *buffer,
                  size_t bytes)
{
    while (bytes > 0) {
        uint64_t offset = at;
        struct block *source = find_source(copy, thread, &offset);
        size_t piece = (size_t)MIN(bytes, block_size(source) - offset);
        int result = block_read(source, offset, buffer, piece);
        if (result < 0 && !copy->salvage) {
            return result;
        }
        if (result < 0) {
            salvage(source, offset, buffer, piece);
        }
        at += piece;
        buffer += piece;
        bytes -= piece;
    }
    return 0;
}

void img_copy_advance(const struct img_copy *copy, uint64_t done)
{
    if (copy->rate > 0) {
        double due = (double)done / (double)copy->rate * 1e6;
        double gone = (double)(g_get_monotonic_time() - copy->started_us);
        if (due > gone) {
            g_usleep((gulong)(due - gone));
        }
    }
    if (done < copy->total) {
        img_progress(copy->progress, done, copy->total);
    }
}

int img_copy_end(const struct img_copy *copy)
{
    int result = block_flush(copy->target);

    if (result < 0) {
        return img_fail("error while writing the end: %s", g_strerror(-result));
    }
    img_progress(copy->progress, 1, 1);
    return 0;
}

/* ---- the pieces ---- */

static bool next_piece(void *arg, unsigned thread, struct img_piece *piece)
{
    struct img_copy *copy = arg;
    uint64_t run = 0;

    if (copy->at >= copy->total) {
        return false;
    }
    piece->at = copy->at;
    piece->data = true;
    piece->result = img_copy_status(copy, thread, piece->at, &piece->data, &run);
    if (piece->result < 0) {
        run = MIN(copy->total - copy->at, IMG_COPY_BYTES);
        piece->data = true;
        piece->result = copy->salvage ? 0 : piece->result;
    }
    piece->data = piece->data || copy->grain == 0;
    piece->bytes = piece->data ? MIN(run, IMG_COPY_BYTES) : run;
    copy->at += piece->bytes;
    return true;
}

static bool leaves_out(const struct img_copy *copy)
{
    return copy->grain > 0 && copy->image_zero;
}

/* Reads; extra gets a byte for each grain: is there anything in it? */
static void read_piece(void *arg, unsigned thread, struct img_piece *piece)
{
    const struct img_copy *copy = arg;

    if (!piece->data || piece->result < 0) {
        return;
    }
    piece->result = img_copy_read(copy, thread, piece->at, piece->buffer, piece->bytes);
    for (size_t at = 0; leaves_out(copy) && at < piece->bytes; at += copy->grain) {
        piece->extra[at / copy->grain] =
            !block_is_zero(piece->buffer + at, MIN(copy->grain, piece->bytes - at));
    }
}

/* Writes the grains that are not zero. */
static int write_sparse(const struct img_copy *copy, const struct img_piece *piece)
{
    size_t count = (piece->bytes + copy->grain - 1) / copy->grain;
    int result = 0;

    for (size_t first = 0, end; first < count && result == 0; first = end + 1) {
        end = first;
        while (end < count && piece->extra[end]) {
            end++;
        }
        if (end > first) {
            uint64_t from = first * copy->grain;
            result = block_write(copy->target, piece->at + from, piece->buffer + from,
                                 MIN(end * copy->grain, piece->bytes) - from);
        }
    }
    return result;
}

static int write_piece(void *arg, struct img_piece *piece)
{
    const struct img_copy *copy = arg;
    int result = 0;

    if (piece->result < 0) {
        return img_fail("error while reading at byte %" G_GUINT64_FORMAT ": %s", piece->at,
                        g_strerror(-piece->result));
    }
    if (piece->data && leaves_out(copy)) {
        result = write_sparse(copy, piece);
    } else if (piece->data) {
        result = block_write(copy->target, piece->at, piece->buffer, piece->bytes);
    } else if (!copy->image_zero) {
        result = block_write_zeroes(copy->target, piece->at, piece->bytes);
    }
    if (result < 0) {
        return img_fail("error while writing at byte %" G_GUINT64_FORMAT ": %s", piece->at,
                        g_strerror(-result));
    }
    img_copy_advance(copy, piece->at + piece->bytes);
    return 0;
}

int img_copy_plain(struct img_copy *copy)
{
    struct img_pipe pipe = {.threads = copy->threads,
                            .buffer_bytes = IMG_COPY_BYTES,
                            .extra_bytes = IMG_COPY_BYTES / BLOCK_SECTOR_BYTES,
                            .arg = copy,
                            .next = next_piece,
                            .work = read_piece,
                            .take = write_piece};

    img_progress(copy->progress, 0, MAX(copy->total, 1));
    int status = img_pipe_run(&pipe);
    return status != 0 ? status : img_copy_end(copy);
}
