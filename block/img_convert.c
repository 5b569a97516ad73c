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
    GRAIN_BYTES = 4096, /* zeroes shorter than this are not worth a hole, unless -S says so */
    SOURCES_MAX = 64,
    OPT_ALLOW_BACKING = 256,
};

struct convert {
    const char *source_format;
    struct block_create_options create; /* of the target */
    struct block_options target;
    char **words;     /* of -o; create points into them */
    bool have_target; /* -n: the target is there already */
    bool compress;
    bool target_is_zero; /* with -n: nothing is in it */
    bool salvage;        /* what cannot be read is zero */
    bool image_zero;     /* what is left out reads as zero; known when the target is open */
    uint64_t grain;      /* -S; 0: leave nothing out */
    uint64_t rate;       /* -r, bytes a second; 0: no limit */
    int64_t started_ns;
    const char *snapshot; /* -l */
    unsigned threads;     /* -m */
    bool progress;
    bool allow_backing;
    bool no_lock;
    enum block_cache source_cache;
};

/* Writes the parts of a buffer that are not zero. */
static int write_sparse(struct block *target, uint64_t offset, const uint8_t *buffer, size_t bytes,
                        size_t grain)
{
    size_t start = 0;

    while (start < bytes) {
        size_t end = start;
        while (end < bytes && !block_is_zero(buffer + end, MIN(grain, bytes - end))) {
            end += MIN(grain, bytes - end);
        }
        if (end > start) {
            int result = block_write(target, offset + start, buffer + start, end - start);
            if (result < 0) {
                return result;
            }
        }
        start = end + MIN(grain, bytes - end);
    }
    return 0;
}

/* Reads; with --salvage sector by sector what cannot be read at once, zeroes for what cannot at all. */
static int read_source(const struct convert *args, struct block *source, uint64_t offset,
                       uint8_t *buffer, size_t bytes)
{
    int result = block_read(source, offset, buffer, bytes);

    if (result == 0 || !args->salvage) {
        return result;
    }
    for (size_t at = 0; at < bytes; at += BLOCK_SECTOR_BYTES) {
        size_t piece = MIN((size_t)BLOCK_SECTOR_BYTES, bytes - at);
        result = block_read(source, offset + at, buffer + at, piece);
        if (result < 0) {
            fprintf(stderr, "warning: error while reading offset %" G_GUINT64_FORMAT ": %s\n",
                    offset + at, g_strerror(-result));
            memset(buffer + at, 0, piece);
        }
    }
    return 0;
}

/* Waits as long as -r asks for after `done` bytes. */
static void keep_rate(const struct convert *args, uint64_t done)
{
    if (args->rate > 0) {
        double due = (double)done / (double)args->rate * 1e6;
        double gone = (double)(g_get_monotonic_time() - args->started_ns / 1000);
        if (due > gone) {
            g_usleep((gulong)(due - gone));
        }
    }
}

/* A source, to `base` of the target. total: of all sources, for the progress. */
static int copy(const struct convert *args, struct block *source, struct block *target,
                uint64_t base, uint64_t total)
{
    g_autofree uint8_t *buffer = g_malloc(COPY_BYTES);
    uint64_t end = block_size(source);

    for (uint64_t at = 0; at < end;) {
        uint64_t run = MIN(end - at, COPY_BYTES);
        bool data = true;
        int result = block_status(source, at, end - at, &data, &run);
        if (result < 0 && args->salvage) {
            run = MIN(end - at, COPY_BYTES);
            result = 0;
        }
        run = data || args->grain == 0 ? MIN(run, COPY_BYTES) : run;
        if (result == 0 && (data || args->grain == 0)) {
            result = read_source(args, source, at, buffer, run);
        }
        if (result < 0) {
            return img_fail("error while reading at byte %" G_GUINT64_FORMAT ": %s", at,
                            g_strerror(-result));
        }
        if (args->grain == 0 || (data && !args->image_zero)) {
            result = block_write(target, base + at, buffer, run);
        } else if (data) {
            result = write_sparse(target, base + at, buffer, run, args->grain);
        } else if (!args->image_zero) {
            result = block_write_zeroes(target, base + at, run);
        }
        if (result < 0) {
            return img_fail("error while writing at byte %" G_GUINT64_FORMAT ": %s", base + at,
                            g_strerror(-result));
        }
        at += run;
        keep_rate(args, base + at);
        if (base + at < total) {
            img_progress(args->progress, base + at, total);
        }
    }
    return 0;
}

static int copy_all(const struct convert *args, struct block *const *sources, unsigned count,
                    struct block *target, uint64_t total)
{
    uint64_t base = 0;
    int status = 0;

    img_progress(args->progress, 0, MAX(total, 1));
    for (unsigned i = 0; i < count && status == 0; i++) {
        status = copy(args, sources[i], target, base, total);
        base += block_size(sources[i]);
    }
    if (status != 0) {
        return status;
    }
    int result = block_flush(target);
    if (result < 0) {
        return img_fail("error while writing the end: %s", g_strerror(-result));
    }
    img_progress(args->progress, 1, 1);
    return 0;
}

static int copy_data(struct convert *args, struct block *const *sources, unsigned count,
                     struct block *target, const char *target_path, uint64_t total)
{
    struct stat st;
    bool device = stat(target_path, &st) == 0 && S_ISBLK(st.st_mode);
    /* What the target holds already, or its backing file shows, has to be overwritten. */
    bool full = (args->have_target && !args->target_is_zero) || args->create.backing_name != NULL ||
                (device && strcmp(args->create.format, "raw") == 0);

    args->image_zero = !full;
    args->started_ns = g_get_monotonic_time() * 1000;
    if (args->compress) {
        return img_convert_packed(sources[0], target, args->threads, args->progress);
    }
    return copy_all(args, sources, count, target, total);
}

static struct block *open_source(const struct convert *args, const char *path, GError **error)
{
    struct block_options options = {.format = args->source_format,
                                    .cache = args->source_cache,
                                    .read_only = true,
                                    .allow_backing = args->allow_backing,
                                    .no_lock = args->no_lock};
    struct block *source = block_open(path, &options, NULL, error);

    if (source != NULL && args->snapshot != NULL &&
        !block_snapshot_view(source, args->snapshot, error)) {
        g_clear_pointer(&source, block_close);
    }
    return source;
}

static int convert_to(struct convert *args, struct block *const *sources, unsigned count,
                      const char *target_path)
{
    struct block *target = NULL;
    GError *error = NULL;
    uint64_t total = 0;
    int status;

    for (unsigned i = 0; i < count; i++) {
        total += block_size(sources[i]);
    }
    if (!args->create.have_bytes) {
        args->create.bytes = total;
        args->create.have_bytes = true;
    }
    args->target.format = args->create.format;
    args->target.allow_backing = args->allow_backing;
    if (args->have_target || block_create(target_path, &args->create, NULL, &error)) {
        target = block_open(target_path, &args->target, NULL, &error);
    }
    if (target == NULL) {
        return img_fail_error(&error);
    }
    if (block_size(target) < total) {
        status = img_fail("output file is smaller than input file");
    } else {
        status = copy_data(args, sources, count, target, target_path, total);
    }
    block_close(target);
    return status;
}

static int convert(struct convert *args, char **paths, unsigned count, const char *target_path)
{
    struct block *sources[SOURCES_MAX];
    unsigned opened = 0;
    int status = 0;

    while (opened < count && status == 0) {
        GError *error = NULL;
        sources[opened] = open_source(args, paths[opened], &error);
        if (sources[opened] == NULL) {
            status = img_fail_error(&error);
        } else {
            opened++;
        }
    }
    if (status == 0) {
        status = convert_to(args, sources, count, target_path);
    }
    while (opened > 0) {
        block_close(sources[--opened]);
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
    if (argc < 2 || argc - 1 > SOURCES_MAX) {
        return img_fail_usage(&img_convert_command, argc < 2 ? "Must specify image file name"
                                                             : "Too many sources");
    }
    if (argc > 2 && (args->compress || args->snapshot != NULL || args->create.backing_name != NULL)) {
        return img_fail("Several sources do not go together with -c, -l and -B");
    }
    if (args->target_is_zero && !args->have_target) {
        return img_fail("--target-is-zero requires use of -n flag");
    }
    if (args->compress && strcmp(args->create.format, "qcow2") != 0) {
        return img_fail("Compression not supported for file format '%s' (use -O qcow2)",
                        args->create.format);
    }
    int status = take_words(args);
    return status != 0 ? status : convert(args, argv, (unsigned)argc - 1, argv[argc - 1]);
}

/* -l NAME, snapshot.id=ID or snapshot.name=NAME. */
static int take_snapshot(struct convert *args, const char *text)
{
    static const char *const keys[] = {"snapshot.id=", "snapshot.name="};

    args->snapshot = text;
    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (g_str_has_prefix(text, keys[i])) {
            args->snapshot = text + strlen(keys[i]);
        }
    }
    return -1;
}

enum { OPT_TARGET_IS_ZERO = 0x200, OPT_SALVAGE };

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
        if (number % BLOCK_SECTOR_BYTES != 0 || number > COPY_BYTES) {
            return img_fail("Invalid buffer size for sparse output specified. Valid sizes are "
                            "multiples of %u up to %u. Select 0 to disable sparse detection (fully "
                            "allocates output).",
                            BLOCK_SECTOR_BYTES, COPY_BYTES);
        }
        args->grain = number;
        break;
    case 'C': /* offloading: nothing is won by it here */
        break;
    case 'r':
        if (!block_size_parse(optarg, &args->rate) || args->rate == 0) {
            return img_fail("Invalid rate '%s'", optarg);
        }
        break;
    case 'l':
        return take_snapshot(args, optarg);
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
