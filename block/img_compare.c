/*
 * vmm-img compare: do two images hold the same disk? Exit status 0: yes, 1: no, 2: could not be
 * told.
 */
#include "block/img.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_SAME = 0, EXIT_DIFFERENT = 1, EXIT_TROUBLE = 2, COMPARE_BYTES = 1 << 20 };

struct compare {
    const char *formats[2];
    bool strict;
    bool quiet;
    bool progress;
    bool allow_backing;
    bool no_lock;
};

/* Reads a piece; beyond the end of the disk are zeroes. *zero: known to be zero without reading. */
static int read_piece(struct block *block, uint64_t offset, uint8_t *buffer, uint64_t bytes,
                      bool *zero)
{
    uint64_t have = offset < block_size(block) ? MIN(bytes, block_size(block) - offset) : 0;
    uint64_t run = 0;
    bool data = false;
    int result = have > 0 ? block_status(block, offset, have, &data, &run) : 0;

    *zero = result == 0 && (have == 0 || (!data && run >= have));
    if (result < 0 || *zero) {
        return result;
    }
    memset(buffer + have, 0, bytes - have);
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

/* 0: same; 1: different, *at tells where (in whole sectors); -errno, *at tells where too. */
static int compare_piece(struct block *const *blocks, uint64_t offset, uint64_t bytes,
                         uint8_t *const *buffers, uint64_t *at)
{
    bool zero[2];

    *at = offset;
    for (unsigned i = 0; i < 2; i++) {
        int result = read_piece(blocks[i], offset, buffers[i], bytes, &zero[i]);
        if (result < 0) {
            return result;
        }
    }
    if (zero[0] && zero[1]) {
        return 0;
    }
    for (unsigned i = 0; i < 2; i++) {
        if (zero[i]) {
            memset(buffers[i], 0, bytes);
        }
    }
    uint64_t same = first_difference(buffers[0], buffers[1], bytes);
    *at = offset + same / BLOCK_SECTOR_BYTES * BLOCK_SECTOR_BYTES;
    return same < bytes;
}

/* Compares start..end; one of the exit statuses. */
static int compare_range(const struct compare *args, struct block *const *blocks, uint64_t start,
                         uint64_t end)
{
    g_autofree uint8_t *memory = g_malloc(2 * COMPARE_BYTES);
    uint8_t *const buffers[2] = {memory, memory + COMPARE_BYTES};
    uint64_t total = MAX(block_size(blocks[0]), block_size(blocks[1]));

    for (uint64_t offset = start; offset < end; offset += COMPARE_BYTES) {
        uint64_t bytes = MIN(COMPARE_BYTES, end - offset);
        uint64_t at;
        int result = compare_piece(blocks, offset, bytes, buffers, &at);
        if (result < 0) {
            img_fail("Error while reading offset %" G_GUINT64_FORMAT ": %s", at,
                     g_strerror(-result));
            return EXIT_TROUBLE;
        }
        if (result > 0) {
            if (!args->quiet) {
                printf("Content mismatch at offset %" G_GUINT64_FORMAT "!\n", at);
            }
            return EXIT_DIFFERENT;
        }
        img_progress(args->progress, offset + bytes, total);
    }
    return EXIT_SAME;
}

static int compare(const struct compare *args, struct block *const *blocks)
{
    uint64_t common = MIN(block_size(blocks[0]), block_size(blocks[1]));
    uint64_t total = MAX(block_size(blocks[0]), block_size(blocks[1]));

    if (common < total && args->strict) {
        if (!args->quiet) {
            printf("Strict mode: Image size mismatch!\n");
        }
        return EXIT_DIFFERENT;
    }
    int status = compare_range(args, blocks, 0, common);
    if (status == EXIT_SAME && common < total) {
        if (!args->quiet) {
            printf("Warning: Image size mismatch!\n");
        }
        status = compare_range(args, blocks, common, total);
    }
    if (status == EXIT_SAME && !args->quiet) {
        printf("Images are identical.\n");
    }
    return status;
}

static int open_and_compare(const struct compare *args, char **paths)
{
    struct block *blocks[2] = {NULL, NULL};
    GError *error = NULL;
    int status = EXIT_TROUBLE;

    for (unsigned i = 0; i < 2 && error == NULL; i++) {
        struct block_options options = {.format = args->formats[i],
                                        .read_only = true,
                                        .allow_backing = args->allow_backing,
                                        .no_lock = args->no_lock};
        blocks[i] = block_open(paths[i], &options, NULL, &error);
    }
    if (error != NULL) {
        img_fail_error(&error);
    } else {
        status = compare(args, blocks);
    }
    block_close(blocks[0]);
    block_close(blocks[1]);
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

    for (int c; (c = getopt_long(argc, argv, ":hf:F:pqsU", longs, NULL)) != -1;) {
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
        case 'U':
            args.no_lock = true;
            break;
        case OPT_ALLOW_BACKING:
            args.allow_backing = true;
            break;
        default:
            img_bad_option(&img_compare_command, c, argv);
            return EXIT_TROUBLE;
        }
    }
    if (argc - optind != 2) {
        img_fail_usage(&img_compare_command, "Expecting two image file names");
        return EXIT_TROUBLE;
    }
    return open_and_compare(&args, argv + optind);
}

const struct img_command img_compare_command = {
    .name = "compare",
    .run = run_compare,
    .usage = "[-f FORMAT] [-F FORMAT] [-p] [-q] [-s] [-U] [--allow-backing] FILE1 FILE2",
};
