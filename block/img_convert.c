/*
 * vmm-img convert: copies a disk into a new image, leaving out what is zero.
 */
#include "block/driver_impl.h"
#include "block/img.h"
#include "block/size.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    COPY_BYTES = 2 << 20,
    GRAIN_BYTES = 4096, /* zeroes shorter than this are not worth a hole */
    OPT_ALLOW_BACKING = 256,
};

struct convert {
    const char *source_format;
    struct block_create_options create; /* of the target */
    struct block_options target;
    char **words;     /* of -o; create points into them */
    bool have_target; /* -n: the target is there already */
    bool compress;
    unsigned threads; /* -m */
    bool progress;
    bool allow_backing;
    bool no_lock;
    enum block_cache source_cache;
};

/* Writes the parts of a buffer that are not zero. */
static int write_sparse(struct block *target, uint64_t offset, const uint8_t *buffer, size_t bytes)
{
    size_t start = 0;

    while (start < bytes) {
        size_t end = start;
        while (end < bytes && !block_is_zero(buffer + end, MIN(GRAIN_BYTES, bytes - end))) {
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

static int copy_data(const struct convert *args, struct block *source, struct block *target,
                     const char *target_path)
{
    struct stat st;
    bool device = stat(target_path, &st) == 0 && S_ISBLK(st.st_mode);
    /* What the target holds already, or its backing file shows, has to be overwritten. */
    bool full = args->have_target || args->create.backing_name != NULL ||
                (device && strcmp(args->create.format, "raw") == 0);

    if (args->compress) {
        return img_convert_packed(source, target, args->threads, args->progress);
    }
    return copy(source, target, full, args->progress);
}

static int convert(struct convert *args, const char *source_path, const char *target_path)
{
    struct block_options options = {.format = args->source_format,
                                    .cache = args->source_cache,
                                    .read_only = true,
                                    .allow_backing = args->allow_backing,
                                    .no_lock = args->no_lock};
    GError *error = NULL;
    struct block *source = block_open(source_path, &options, NULL, &error);
    struct block *target = NULL;
    int status;

    if (source == NULL) {
        return img_fail_error(&error);
    }
    if (!args->create.have_bytes) {
        args->create.bytes = block_size(source);
        args->create.have_bytes = true;
    }
    args->target.format = args->create.format;
    args->target.allow_backing = args->allow_backing;
    if (args->have_target || block_create(target_path, &args->create, NULL, &error)) {
        target = block_open(target_path, &args->target, NULL, &error);
    }
    if (target == NULL) {
        status = img_fail_error(&error);
    } else if (block_size(target) < block_size(source)) {
        status = img_fail("output file is smaller than input file");
    } else {
        status = copy_data(args, source, target, target_path);
    }
    block_close(target);
    block_close(source);
    return status;
}

static int take_words(struct convert *args)
{
    for (unsigned i = 0; args->words != NULL && args->words[i] != NULL; i++) {
        int status = img_create_option(&args->create, args->words[i]);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

static int run_args(struct convert *args, int argc, char **argv)
{
    if (argc != 2) {
        return img_fail_usage(&img_convert_command, argc < 2 ? "Must specify image file name"
                                                             : "Only one source is supported");
    }
    if (args->compress && strcmp(args->create.format, "qcow2") != 0) {
        return img_fail("Compression not supported for file format '%s' (use -O qcow2)",
                        args->create.format);
    }
    int status = take_words(args);
    return status != 0 ? status : convert(args, argv[0], argv[1]);
}

/* One option. -1: go on; else an exit status. */
static int take_option(struct convert *args, int c, int argc, char **argv)
{
    enum { THREADS_MAX = 16 };
    uint64_t number;

    switch (c) {
    case 'h':
        return img_help(&img_convert_command);
    case 'p':
        args->progress = true;
        break;
    case 'q':
        args->progress = false;
        break;
    case 'c':
        args->compress = true;
        break;
    case 'W': /* out of order: places are given in order anyway */
        break;
    case 'm':
        number = g_ascii_strtoull(optarg, NULL, 10);
        if (number < 1 || number > THREADS_MAX) {
            return img_fail("Invalid number of coroutines. Allowed number of coroutines is between "
                            "1 and %d",
                            THREADS_MAX);
        }
        args->threads = (unsigned)number;
        break;
    case 'n':
        args->have_target = true;
        break;
    case 'S':
        if (!block_size_parse(optarg, &number)) {
            return img_fail("Invalid sparse buffer size '%s'", optarg);
        }
        break;
    case 'f':
        args->source_format = optarg;
        break;
    case 'O':
        args->create.format = optarg;
        break;
    case 'B':
    case 'b':
        args->create.backing_name = optarg;
        break;
    case 'F':
        args->create.backing_format = optarg;
        break;
    case 'o':
        g_strfreev(args->words);
        args->words = g_strsplit(optarg, ",", -1);
        break;
    case 't':
        if (!block_cache_parse(optarg, &args->target.cache)) {
            return img_fail("Invalid cache option: %s", optarg);
        }
        break;
    case 'T':
        if (!block_cache_parse(optarg, &args->source_cache)) {
            return img_fail("Invalid source cache option: %s", optarg);
        }
        break;
    case 'U':
        args->no_lock = true;
        break;
    case OPT_ALLOW_BACKING:
        args->allow_backing = true;
        break;
    default:
        return img_bad_option(&img_convert_command, c, argv);
    }
    return -1;
}

static int run_convert(int argc, char **argv)
{
    static const struct option longs[] = {{"help", no_argument, NULL, 'h'},
                                          {"force-share", no_argument, NULL, 'U'},
                                          {"allow-backing", no_argument, NULL, OPT_ALLOW_BACKING},
                                          {0}};
    struct convert args = {.create.format = "raw", .target.cache = BLOCK_CACHE_UNSAFE};
    int status = -1;

    for (int c; status < 0 &&
                (c = getopt_long(argc, argv, ":hpqcWm:nS:f:O:B:b:F:o:t:T:U", longs, NULL)) != -1;) {
        status = take_option(&args, c, argc, argv);
    }
    if (status < 0) {
        status = run_args(&args, argc - optind, argv + optind);
    }
    g_strfreev(args.words);
    return status;
}

const struct img_command img_convert_command = {
    .name = "convert",
    .run = run_convert,
    .usage = "[-c] [-p] [-q] [-n] [-W] [-m THREADS] [-f FORMAT] [-t CACHE] [-T CACHE] [-O FORMAT] "
             "[-B BASE [-F FORMAT]] [-o OPTIONS] [-U] [--allow-backing] SOURCE TARGET",
};
