/*
 * vmm-img convert: copies a disk into a new image, leaving out what is zero.
 */
#include "block/img.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    COPY_BYTES = 2 << 20,
    GRAIN_BYTES = 4096, /* zeroes shorter than this are not worth a hole */
};

struct convert {
    const char *source_format;
    const char *target_format;
    bool progress;
    bool allow_backing;
    bool no_lock;
};

/* Writes the parts of a buffer that are not zero. */
static int write_sparse(struct block *target, uint64_t offset, const uint8_t *buffer, size_t bytes)
{
    size_t start = 0;

    while (start < bytes) {
        size_t end = start;
        while (end < bytes && !img_is_zero(buffer + end, MIN(GRAIN_BYTES, bytes - end))) {
            end += MIN(GRAIN_BYTES, bytes - end);
        }
        if (end > start) {
            int result = block_write(target, offset + start, buffer + start, end - start);
            if (result < 0) {
                return result;
            }
        }
        start = end + MIN(GRAIN_BYTES, bytes - end);
    }
    return 0;
}

/* full: the target may hold old data (a device), so zeroes have to be written too. */
static int copy(struct block *source, struct block *target, bool full, bool progress)
{
    g_autofree uint8_t *buffer = g_malloc(COPY_BYTES);
    uint64_t total = block_size(source);

    img_progress(progress, 0, MAX(total, 1));
    for (uint64_t at = 0; at < total;) {
        uint64_t run = MIN(total - at, COPY_BYTES);
        bool data = true;
        int result = block_status(source, at, total - at, &data, &run);
        if (result < 0) {
            return img_fail("error while reading at byte %" G_GUINT64_FORMAT ": %s", at,
                            g_strerror(-result));
        }
        if (data) {
            run = MIN(run, COPY_BYTES);
            result = block_read(source, at, buffer, run);
            if (result < 0) {
                return img_fail("error while reading at byte %" G_GUINT64_FORMAT ": %s", at,
                                g_strerror(-result));
            }
            result =
                full ? block_write(target, at, buffer, run) : write_sparse(target, at, buffer, run);
        } else if (full) {
            result = block_write_zeroes(target, at, run);
        }
        if (result < 0) {
            return img_fail("error while writing at byte %" G_GUINT64_FORMAT ": %s", at,
                            g_strerror(-result));
        }
        at += run;
        if (at < total) {
            img_progress(progress, at, total);
        }
    }
    int result = block_flush(target);
    if (result < 0) {
        return img_fail("error while writing the end: %s", g_strerror(-result));
    }
    img_progress(progress, 1, 1);
    return 0;
}

static int convert(const struct convert *args, const char *source_path, const char *target_path)
{
    struct block_options options = {.format = args->source_format,
                                    .read_only = true,
                                    .allow_backing = args->allow_backing,
                                    .no_lock = args->no_lock};
    GError *error = NULL;
    struct stat st;
    struct block *source = block_open(source_path, &options, NULL, &error);

    if (source == NULL) {
        return img_fail_error(&error);
    }
    struct block_create_options create = {
        .format = args->target_format, .bytes = block_size(source), .have_bytes = true};
    struct block_options target_options = {.format = args->target_format};
    struct block *target = NULL;
    if (block_create(target_path, &create, NULL, &error)) {
        target = block_open(target_path, &target_options, NULL, &error);
    }
    int status;
    if (target == NULL) {
        status = img_fail_error(&error);
    } else {
        bool device = stat(target_path, &st) == 0 && S_ISBLK(st.st_mode);
        status =
            copy(source, target, device && strcmp(args->target_format, "raw") == 0, args->progress);
    }
    block_close(target);
    block_close(source);
    return status;
}

static int run_convert(int argc, char **argv)
{
    enum { OPT_ALLOW_BACKING = 256 };
    static const struct option longs[] = {{"help", no_argument, NULL, 'h'},
                                          {"force-share", no_argument, NULL, 'U'},
                                          {"allow-backing", no_argument, NULL, OPT_ALLOW_BACKING},
                                          {0}};
    struct convert args = {.target_format = "raw"};

    for (int c; (c = getopt_long(argc, argv, ":hpqcf:O:U", longs, NULL)) != -1;) {
        switch (c) {
        case 'h':
            return img_help(&img_convert_command);
        case 'p':
            args.progress = true;
            break;
        case 'q':
            args.progress = false;
            break;
        case 'c':
            return img_fail("writing compressed images (-c) is not supported yet; leave out -c");
        case 'f':
            args.source_format = optarg;
            break;
        case 'O':
            args.target_format = optarg;
            break;
        case 'U':
            args.no_lock = true;
            break;
        case OPT_ALLOW_BACKING:
            args.allow_backing = true;
            break;
        default:
            return img_bad_option(&img_convert_command, c, argv);
        }
    }
    if (argc - optind != 2) {
        return img_fail_usage(&img_convert_command, argc - optind < 2
                                                        ? "Must specify image file name"
                                                        : "Only one source is supported");
    }
    return convert(&args, argv[optind], argv[optind + 1]);
}

const struct img_command img_convert_command = {
    .name = "convert",
    .run = run_convert,
    .usage = "[-p] [-q] [-f FORMAT] [-O FORMAT] [-U] [--allow-backing] SOURCE TARGET",
};
