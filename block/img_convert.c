/*
 * vmm-img convert: copies a disk into a new image, leaving out what is zero (img_copy.c).
 */
#include "block/driver_impl.h"
#include "block/img.h"
#include "block/img_copy.h"
#include "block/size.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    SPARSE_MAX = 16 << 20,
    GRAIN_BYTES = 4096, /* zeroes shorter than this are not worth a hole, unless -S says so */
    OPT_ALLOW_BACKING = 256,
};

struct convert {
    const char *source_format;
    struct block_create_options create; /* of the target */
    struct block_options target;
    char **words;     /* of -o; create points into them */
    bool have_target; /* -n: the target is there already */
    bool compress;
    bool offload; /* -C */
    bool target_is_zero; /* with -n: nothing is in it */
    bool salvage;        /* what cannot be read is zero */
    uint64_t grain;      /* -S; 0: leave nothing out */
    uint64_t rate;       /* -r, bytes a second; 0: no limit */
    const char *snapshot; /* -l */
    unsigned threads;     /* -m */
    bool progress;
    bool allow_backing;
    bool no_lock;
    enum block_cache source_cache;
};

/* True if what is not written reads as zeroes: not what the target holds already, or its backing
 * file shows. */
static bool reads_zero(const struct convert *args, const char *target_path)
{
    struct stat st;
    bool device = stat(target_path, &st) == 0 && S_ISBLK(st.st_mode);

    return !(args->have_target && !args->target_is_zero) && args->create.backing_name == NULL &&
           !(device && strcmp(args->create.format, "raw") == 0);
}

static struct block *open_source(const struct convert *args, const char *path, GError **error)
{
    struct block_options options = {.format = args->source_format,
                                    .cache = args->source_cache,
                                    .read_only = true,
                                    .allow_backing = args->allow_backing,
                                    .no_lock = args->no_lock};
    struct block *source = img_open(path, &options, NULL, error);

    if (source != NULL && args->snapshot != NULL &&
        !block_snapshot_view(source, args->snapshot, error)) {
        g_prefix_error(error, "Failed to load snapshot: ");
        g_clear_pointer(&source, block_close);
    }
    return source;
}

/* Sources for the threads beyond the first; if one cannot be opened once more there are fewer. */
static void open_more(const struct convert *args, char **paths, struct img_copy *copy)
{
    unsigned wanted = args->threads != 0 ? args->threads : img_pipe_threads();

    for (copy->threads = 1; copy->threads < wanted; copy->threads++) {
        for (unsigned i = 0; i < copy->count; i++) {
            GError *error = NULL;
            copy->sources[copy->threads][i] = open_source(args, paths[i], &error);
            if (error != NULL) {
                g_error_free(error);
                return;
            }
        }
    }
}

static int convert_to(struct convert *args, char **paths, struct img_copy *copy,
                      const char *target_path)
{
    GError *error = NULL;
    int status;

    if (!args->create.have_bytes) {
        args->create.bytes = copy->total;
        args->create.have_bytes = true;
    }
    args->target.format = args->create.format;
    args->target.allow_backing = args->allow_backing;
    if (args->have_target || block_create(target_path, &args->create, NULL, &error)) {
        copy->target = img_open(target_path, &args->target, NULL, &error);
    }
    if (copy->target == NULL) {
        return img_fail_error(&error);
    }
    if (block_size(copy->target) < copy->total) {
        status = img_fail("output file is smaller than input file");
    } else {
        open_more(args, paths, copy); /* last, since it may use up the file descriptors */
        copy->image_zero = reads_zero(args, target_path);
        copy->started_us = g_get_monotonic_time();
        status = args->compress ? img_copy_packed(copy) : img_copy_plain(copy);
    }
    block_close(copy->target);
    return status;
}

static int convert(struct convert *args, char **paths, unsigned count, const char *target_path)
{
    g_autofree struct img_copy *copy = g_new0(struct img_copy, 1);
    int status = 0;

    copy->salvage = args->salvage;
    copy->progress = args->progress;
    copy->grain = args->grain;
    copy->rate = args->rate;
    while (copy->count < count && status == 0) {
        GError *error = NULL;
        struct block *source = open_source(args, paths[copy->count], &error);
        if (source == NULL) {
            status = img_fail_error(&error);
        } else {
            copy->sources[0][copy->count++] = source;
            copy->total += block_size(source);
        }
    }
    if (status == 0) {
        status = convert_to(args, paths, copy, target_path);
    }
    for (unsigned thread = 0; thread < IMG_PIPE_THREADS_MAX; thread++) {
        for (unsigned i = 0; i < count; i++) {
            block_close(copy->sources[thread][i]);
        }
    }
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
    if (img_wants_option_help(args->words)) {
        return img_print_options(args->create.format, true);
    }
    if (args->offload && args->compress) {
        return img_fail("Cannot enable copy offloading when -c is used");
    }
    if (argc < 2 || argc - 1 > IMG_SOURCES_MAX) {
        return img_fail("%s", argc < 2 ? "Must specify image file name" : "Too many sources");
    }
    if (argc > 2 && args->create.backing_name != NULL) {
        return img_fail("Having a backing file for the target makes no sense when concatenating "
                        "multiple input images");
    }
    if (argc > 2 && args->snapshot != NULL) {
        return img_fail("No support for concatenating multiple snapshot");
    }
    if (args->target_is_zero && !args->have_target) {
        return img_fail("--target-is-zero requires use of -n flag");
    }
    int status = take_words(args);
    return status != 0 ? status : convert(args, argv, (unsigned)argc - 1, argv[argc - 1]);
}

enum { OPT_TARGET_IS_ZERO = 0x200, OPT_SALVAGE, OPT_BITMAPS };

/* One option. -1: go on; else an exit status. */
static int take_option(struct convert *args, int c, int argc, char **argv)
{
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
        if (number < 1 || number > IMG_PIPE_THREADS_MAX) {
            return img_fail("Invalid number of coroutines. Allowed number of coroutines is between "
                            "1 and %d",
                            IMG_PIPE_THREADS_MAX);
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
        if (number % BLOCK_SECTOR_BYTES != 0 || number > SPARSE_MAX) {
            return img_fail("Invalid buffer size for sparse output specified. Valid sizes are "
                            "multiples of %u up to %u. Select 0 to disable sparse detection (fully "
                            "allocates output).",
                            BLOCK_SECTOR_BYTES, SPARSE_MAX);
        }
        args->grain = MIN(number, IMG_COPY_BYTES);
        break;
    case 'C': /* offloading: nothing is won by it here */
        args->offload = true;
        break;
    case OPT_BITMAPS: /* block/ drops them, see docs/block.md */
        return img_fail("Bitmaps are not supported");
    case 'r':
        if (!block_size_parse(optarg, &args->rate) || args->rate == 0) {
            return img_fail("Invalid rate '%s'", optarg);
        }
        break;
    case 'l':
        args->snapshot = img_snapshot_name(optarg);
        break;
    case OPT_TARGET_IS_ZERO:
        args->target_is_zero = true;
        break;
    case OPT_SALVAGE:
        args->salvage = true;
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
                                          {"target-is-zero", no_argument, NULL, OPT_TARGET_IS_ZERO},
                                          {"salvage", no_argument, NULL, OPT_SALVAGE},
                                          {"bitmaps", no_argument, NULL, OPT_BITMAPS},
                                          {0}};
    struct convert args = {
        .create.format = "raw", .target.cache = BLOCK_CACHE_UNSAFE, .grain = GRAIN_BYTES};
    int status = -1;

    for (int c; status < 0 &&
                (c = getopt_long(argc, argv, ":hpqcCWm:nS:f:O:B:b:F:o:t:T:Ul:r:", longs, NULL)) != -1;) {
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
    .usage = "[-c] [-p] [-q] [-n [--target-is-zero]] [--salvage] [-l SNAPSHOT] [-S SIZE] [-r RATE] "
             "[-C] [-W] [-m THREADS] [-f FORMAT] [-t CACHE] [-T CACHE] [-O FORMAT] "
             "[-B BASE [-F FORMAT]] [-o OPTIONS] [-U] [--allow-backing] SOURCE.. TARGET",
};
