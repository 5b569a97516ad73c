/*
 * vmm-img compare: do two images hold the same disk? Exit status 0: yes, 1: no, 2: could not be
 * told.
 */
#include "block/driver_impl.h"
#include "block/img.h"
#include "block/img_pipe.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_SAME = 0, EXIT_DIFFERENT = 1, EXIT_TROUBLE = 2, COMPARE_BYTES = 2 << 20 };

/* Read at once: of both images what the CPU's cache holds. */
enum { CHUNK_BYTES = 256 << 10 };

struct compare {
    const char *formats[2];
    bool strict;
    bool quiet;
    bool progress;
    bool allow_backing;
    bool no_lock;
    enum block_cache cache;

    struct block *blocks[IMG_PIPE_THREADS_MAX][2]; /* each thread has its own */
    uint8_t *buffers[IMG_PIPE_THREADS_MAX];        /* of two chunks */
    uint64_t data_end[IMG_PIPE_THREADS_MAX][2];    /* up to here there may be something */
    unsigned threads;
    uint64_t at, end; /* the range that is compared: where the next piece begins */
};

/* Reads a chunk of one of the images; beyond the end of the disk are zeroes. *zero: known to be zero without
 * reading; *bytes is then cut to what is known. */
static int read_chunk(struct compare *args, unsigned thread, unsigned which, uint64_t offset,
                      uint64_t *bytes, bool *zero)
{
    struct block *block = args->blocks[thread][which];
    uint8_t *buffer = args->buffers[thread] + which * CHUNK_BYTES;
    uint64_t have = offset < block_size(block) ? MIN(*bytes, block_size(block) - offset) : 0;
    uint64_t *data_end = &args->data_end[thread][which];

    *zero = have == 0;
    if (have > 0 && offset >= *data_end) {
        uint64_t run = 0;
        bool data = true;
        int result = block_status(block, offset, have, &data, &run);
        if (result < 0) {
            return result;
        }
        *zero = !data;
        *data_end = data ? offset + run : 0;
        *bytes = *zero && run < have ? run : *bytes;
    }
    if (*zero) {
        return 0;
    }
    *bytes = MIN(*bytes, CHUNK_BYTES);
    have = MIN(have, *bytes);
    memset(buffer + have, 0, *bytes - have);
    return block_read(block, offset, buffer, have);
}

static uint64_t first_difference(const uint8_t *a, const uint8_t *b, uint64_t bytes)
{
    enum { STRIDE = 4096 };
    uint64_t at = 0;

    while (at < bytes && memcmp(a + at, b + at, MIN(STRIDE, bytes - at)) == 0) {
        at += MIN(STRIDE, bytes - at);
    }
    while (at < bytes && a[at] == b[at]) {
        at++;
    }
    return at;
}

/* What a piece's extra holds. */
struct verdict {
    bool different;
    uint64_t at; /* where, in whole sectors; or where it cannot be read */
};

/* For -s: cuts the piece to what is stored in one way in both images. False: not in the same way. */
static bool is_stored_alike(const struct compare *args, unsigned thread, struct img_piece *piece)
{
    struct block_extent extents[2] = {{0}};

    for (unsigned i = 0; i < 2; i++) {
        struct block_image *image = block_get_image(args->blocks[thread][i]);
        if (block_image_map(image, piece->at, piece->bytes, &extents[i]) < 0) {
            return true; /* reading will tell */
        }
        piece->bytes = MIN(piece->bytes, extents[i].bytes);
    }
    return extents[0].present == extents[1].present && extents[0].zero == extents[1].zero &&
           extents[0].data == extents[1].data && extents[0].has_offset == extents[1].has_offset;
}

static bool next_piece(void *arg, unsigned thread, struct img_piece *piece)
{
    struct compare *args = arg;

    piece->at = args->at;
    piece->bytes = MIN(COMPARE_BYTES, args->end - args->at);
    piece->data = piece->bytes > 0 && args->strict && !is_stored_alike(args, thread, piece);
    args->at += piece->bytes;
    return piece->bytes > 0;
}

/* Compares a chunk of at most `bytes` at verdict->at, and moves that on. */
static int compare_chunk(struct compare *args, unsigned thread, struct verdict *verdict,
                         uint64_t bytes)
{
    uint8_t *buffers[2] = {args->buffers[thread], args->buffers[thread] + CHUNK_BYTES};
    uint64_t same;
    bool zero[2] = {false, false};

    for (unsigned i = 0; i < 2; i++) {
        int result = read_chunk(args, thread, i, verdict->at, &bytes, &zero[i]);
        if (result < 0) {
            return result;
        }
    }
    if (zero[0] && zero[1]) {
        same = bytes;
    } else {
        if (zero[0] || zero[1]) {
            bytes = MIN(bytes, CHUNK_BYTES);
            memset(buffers[zero[0] ? 0 : 1], 0, bytes);
        }
        same = first_difference(buffers[0], buffers[1], bytes);
    }
    verdict->different = same < bytes;
    verdict->at += verdict->different ? same / BLOCK_SECTOR_BYTES * BLOCK_SECTOR_BYTES : bytes;
    return 0;
}

static void compare_piece(void *arg, unsigned thread, struct img_piece *piece)
{
    struct compare *args = arg;
    struct verdict *verdict = (struct verdict *)piece->extra;
    uint64_t end = piece->at + piece->bytes;

    *verdict = (struct verdict){.at = piece->at};
    memset(args->data_end[thread], 0, sizeof(args->data_end[thread]));
    piece->result = 0;
    while (verdict->at < end && !verdict->different && piece->result == 0) {
        piece->result = compare_chunk(args, thread, verdict, end - verdict->at);
    }
}

static uint64_t larger_size(const struct compare *args)
{
    return MAX(block_size(args->blocks[0][0]), block_size(args->blocks[0][1]));
}

static int take_piece(void *arg, struct img_piece *piece)
{
    const struct compare *args = arg;
    const struct verdict *verdict = (const struct verdict *)piece->extra;

    if (piece->data) { /* not stored alike */
        if (!args->quiet) {
            printf("Strict mode: Offset %" G_GUINT64_FORMAT " block status mismatch!\n", piece->at);
        }
        return EXIT_DIFFERENT;
    }
    if (piece->result < 0) {
        img_fail("Error while reading offset %" G_GUINT64_FORMAT ": %s", verdict->at,
                 g_strerror(-piece->result));
        return EXIT_TROUBLE;
    }
    if (verdict->different) {
        if (!args->quiet) {
            printf("Content mismatch at offset %" G_GUINT64_FORMAT "!\n", verdict->at);
        }
        return EXIT_DIFFERENT;
    }
    img_progress(args->progress, piece->at + piece->bytes, larger_size(args));
    return EXIT_SAME;
}

/* Compares start..end; one of the exit statuses. */
static int compare_range(struct compare *args, uint64_t start, uint64_t end)
{
    struct img_pipe pipe = {.threads = args->threads,
                            .extra_bytes = sizeof(struct verdict),
                            .arg = args,
                            .next = next_piece,
                            .work = compare_piece,
                            .take = take_piece};

    args->at = start;
    args->end = end;
    img_progress(args->progress, start, MAX(larger_size(args), 1));
    return img_pipe_run(&pipe);
}

static int compare(struct compare *args)
{
    uint64_t total = larger_size(args);
    uint64_t common = MIN(block_size(args->blocks[0][0]), block_size(args->blocks[0][1]));

    if (common < total && args->strict) {
        if (!args->quiet) {
            printf("Strict mode: Image size mismatch!\n");
        }
        return EXIT_DIFFERENT;
    }
    int status = compare_range(args, 0, common);
    if (status == EXIT_SAME && common < total) {
        if (!args->quiet) {
            printf("Warning: Image size mismatch!\n");
        }
        status = compare_range(args, common, total);
    }
    if (status == EXIT_SAME && !args->quiet) {
        printf("Images are identical.\n");
    }
    return status;
}

static bool open_pair(struct compare *args, char **paths, unsigned thread, GError **error)
{
    for (unsigned i = 0; i < 2; i++) {
        struct block_options options = {.format = args->formats[i],
                                        .read_only = true,
                                        .allow_backing = args->allow_backing,
                                        .cache = args->cache,
                                        .no_lock = args->no_lock};
        args->blocks[thread][i] = img_open(paths[i], &options, NULL, error);
        if (args->blocks[thread][i] == NULL) {
            return false;
        }
    }
    return true;
}

static int open_and_compare(struct compare *args, char **paths)
{
    GError *error = NULL;
    int status = EXIT_TROUBLE;

    if (!open_pair(args, paths, 0, &error)) {
        img_fail_error(&error);
    } else {
        args->threads = 1;
        while (args->threads < img_pipe_threads() &&
               open_pair(args, paths, args->threads, NULL)) {
            args->threads++;
        }
        for (unsigned i = 0; i < args->threads; i++) {
            args->buffers[i] = block_memory(2 * CHUNK_BYTES);
        }
        status = compare(args);
    }
    for (unsigned i = 0; i < IMG_PIPE_THREADS_MAX; i++) {
        g_free(args->buffers[i]);
        block_close(args->blocks[i][0]);
        block_close(args->blocks[i][1]);
    }
    return status;
}

static int run_compare(int argc, char **argv)
{
    enum { OPT_ALLOW_BACKING = 256 };
    static const struct option longs[] = {{"help", no_argument, NULL, 'h'},
                                          {"force-share", no_argument, NULL, 'U'},
                                          {"allow-backing", no_argument, NULL, OPT_ALLOW_BACKING},
                                          {0}};
    struct compare args = {0};

    for (int c; (c = getopt_long(argc, argv, ":hf:F:pqsT:U", longs, NULL)) != -1;) {
        switch (c) {
        case 'h':
            return img_help(&img_compare_command);
        case 'f':
            args.formats[0] = optarg;
            break;
        case 'F':
            args.formats[1] = optarg;
            break;
        case 'p':
            args.progress = true;
            break;
        case 'q':
            args.quiet = true;
            break;
        case 's':
            args.strict = true;
            break;
        case 'T':
            if (img_cache_option(optarg, &args.cache) != 0) {
                return EXIT_TROUBLE;
            }
            break;
        case 'U':
            args.no_lock = true;
            break;
        case OPT_ALLOW_BACKING:
            args.allow_backing = true;
            break;
        default:
            return img_bad_option(&img_compare_command, c, argv);
        }
    }
    if (argc - optind != 2) {
        return img_fail_usage(&img_compare_command, "Expecting two image file names");
    }
    return open_and_compare(&args, argv + optind);
}

const struct img_command img_compare_command = {
    .name = "compare",
    .run = run_compare,
    .usage = "[-f FORMAT] [-F FORMAT] [-p] [-q] [-s] [-T CACHE] [-U] [--allow-backing] FILE1 FILE2",
};
