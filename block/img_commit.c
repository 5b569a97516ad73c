/*
 * vmm-img commit: writes what an image has changed into its backing file, and empties the image.
 */
#include "block/driver_impl.h"
#include "block/img.h"
#include "block/size.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum { COPY_BYTES = 2 << 20 };

struct commit {
    const char *base; /* -b; NULL: the image's own backing file */
    uint64_t rate;    /* -r, bytes a second; 0: no limit */
    bool keep; /* do not empty the image */
    bool quiet, progress;
    bool allow_backing;
};

static void keep_rate(uint64_t rate, int64_t started_us, uint64_t done)
{
    if (rate > 0) {
        double due = (double)done / (double)rate * 1e6;
        double gone = (double)(g_get_monotonic_time() - started_us);
        if (due > gone) {
            g_usleep((gulong)(due - gone));
        }
    }
}

/* Copies what the image holds, and those below it down to `depth` images. */
static int copy(struct block_image *image, struct block *target, unsigned depth,
                const struct commit *args)
{
    g_autofree uint8_t *buffer = block_memory(COPY_BYTES);
    int64_t started_us = g_get_monotonic_time();
    bool progress = args->progress;
    uint64_t written = 0;

    img_progress(progress, 0, MAX(image->bytes, 1));
    for (uint64_t at = 0; at < image->bytes;) {
        struct block_extent extent;
        int result = block_image_map(image, at, image->bytes - at, &extent);
        /* An image in between may be too short to show what the base has: zeroes as well. */
        bool hidden = !extent.present && extent.zero && depth > 1;
        if (result == 0 && (hidden || (extent.present && extent.depth < depth))) {
            if (extent.zero) {
                result = block_write_zeroes(target, at, extent.bytes);
            } else {
                extent.bytes = MIN(extent.bytes, COPY_BYTES);
                written += extent.bytes;
                result = image->driver->read(image, at, buffer, extent.bytes);
                if (result == 0) {
                    result = block_write(target, at, buffer, extent.bytes);
                }
            }
        }
        if (result < 0) {
            return result;
        }
        at += extent.bytes;
        keep_rate(args->rate, started_us, written);
        if (at < image->bytes) {
            img_progress(progress, at, image->bytes);
        }
    }
    img_progress(progress, 1, 1);
    return block_flush(target);
}

/* The image of the chain below that `name` stands for; NULL name: the first one. *depth: how many are above it. */
static struct block_image *find_base(struct block_image *image, const char *name, unsigned *depth)
{
    *depth = 1;
    for (struct block_image *above = image; above->backing != NULL; above = above->backing) {
        g_autofree char *path =
            name != NULL ? block_backing_path(image->path, name) : g_strdup(above->backing->path);
        if (name == NULL || strcmp(name, above->backing->path) == 0 ||
            strcmp(path, above->backing->path) == 0) {
            return above->backing;
        }
        (*depth)++;
    }
    return NULL;
}

static int commit(struct block *block, const struct commit *args)
{
    struct block_image *image = block_get_image(block);
    GError *error = NULL;
    struct block_info info;

    block_get_info(block, &info);
    if (info.backing_path == NULL || image->backing == NULL) {
        return img_fail("Image does not have a backing file");
    }
    unsigned depth;
    struct block_image *base = find_base(image, args->base, &depth);
    if (base == NULL) {
        return img_fail("Did not find '%s' in the backing chain of '%s'", args->base, image->path);
    }
    g_autofree char *path = g_strdup(base->path);
    g_autofree char *format = g_strdup(base->driver->name);
    struct block_options options = {.format = format, .allow_backing = args->allow_backing};
    /* Our own lock as a reader of the backing file would keep the writer out. */
    block_unlock_file(base->file->fd);
    struct block *target = img_open(path, &options, NULL, &error);
    if (target == NULL) {
        return img_fail_error(&error);
    }
    int result = 0;
    if (block_size(target) < image->bytes) {
        result = block_truncate(target, image->bytes);
    }
    if (result == 0) {
        result = copy(image, target, depth, args);
    }
    block_close(target);
    if (result == 0 && !args->keep && args->base == NULL) {
        result = image->driver->make_empty != NULL ? image->driver->make_empty(image) : 0;
    }
    if (result < 0) {
        return img_fail("Could not commit to '%s': %s", path, g_strerror(-result));
    }
    if (!args->quiet) {
        printf("Image committed.\n");
    }
    return 0;
}

static int run_commit(int argc, char **argv)
{
    enum { OPT_ALLOW_BACKING = 256 };
    static const struct option longs[] = {{"help", no_argument, NULL, 'h'},
                                          {"allow-backing", no_argument, NULL, OPT_ALLOW_BACKING},
                                          {0}};
    struct commit args = {0};
    struct block_options options = {0};
    GError *error = NULL;

    for (int c; (c = getopt_long(argc, argv, ":hf:t:b:r:dqp", longs, NULL)) != -1;) {
        switch (c) {
        case 'h':
            return img_help(&img_commit_command);
        case 'f':
            options.format = optarg;
            break;
        case 't':
            if (!block_cache_parse(optarg, &options.cache)) {
                return img_fail("Invalid cache option: %s", optarg);
            }
            break;
        case 'b':
            args.base = optarg;
            break;
        case 'r':
            if (!block_size_parse(optarg, &args.rate) || args.rate == 0) {
                return img_fail("Invalid rate '%s'", optarg);
            }
            break;
        case 'd':
            args.keep = true;
            break;
        case 'q':
            args.quiet = true;
            break;
        case 'p':
            args.progress = true;
            break;
        case OPT_ALLOW_BACKING:
            options.allow_backing = true;
            break;
        default:
            return img_bad_option(&img_commit_command, c, argv);
        }
    }
    if (argc - optind != 1) {
        return img_fail_usage(&img_commit_command, "Expecting one image file name");
    }
    args.allow_backing = options.allow_backing;
    struct block *block = img_open(argv[optind], &options, NULL, &error);
    if (block == NULL) {
        return img_fail_error(&error);
    }
    int status = commit(block, &args);
    block_close(block);
    return status;
}

const struct img_command img_commit_command = {
    .name = "commit",
    .run = run_commit,
    .usage = "[-f FORMAT] [-t CACHE] [-b BASE] [-r RATE] [-d] [-p] [-q] [--allow-backing] FILE",
};
