/*
 * vmm-img rebase: gives an image another backing file. What differs between the old and the new one
 * is copied into the image first, unless -u says that they are the same.
 */
#include "block/driver_impl.h"
#include "block/img.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum { COPY_BYTES = 1 << 20, GRAIN_BYTES = 65536 };

struct rebase {
    const char *backing_name; /* NULL: none from now on */
    const char *backing_format;
    bool unsafe, quiet, progress;
    struct block_options options;
};

/* Reads from a block that may be shorter, or not there. */
static int read_padded(struct block *block, uint64_t offset, uint8_t *buffer, size_t bytes)
{
    uint64_t size = block != NULL ? block_size(block) : 0;
    size_t have = offset < size ? (size_t)MIN(bytes, size - offset) : 0;

    memset(buffer + have, 0, bytes - have);
    return have > 0 ? block_read(block, offset, buffer, have) : 0;
}

/* One range that the image takes from its backing file. */
static int copy_range(struct block *block, struct block *fresh, uint64_t offset, uint64_t bytes,
                      uint8_t *memory)
{
    uint8_t *now = memory, *then = memory + COPY_BYTES;
    int result = block_read(block, offset, now, bytes);

    if (result == 0) {
        result = read_padded(fresh, offset, then, bytes);
    }
    for (uint64_t at = 0; result == 0 && at < bytes; at += GRAIN_BYTES) {
        size_t piece = MIN(GRAIN_BYTES, bytes - at);
        if (memcmp(now + at, then + at, piece) != 0) {
            result = block_is_zero(now + at, piece)
                         ? block_write_zeroes(block, offset + at, piece)
                         : block_write(block, offset + at, now + at, piece);
        }
    }
    return result;
}

static int copy_differences(struct block *block, struct block *fresh, bool progress)
{
    struct block_image *image = block_get_image(block);
    g_autofree uint8_t *memory = block_memory(2 * COPY_BYTES);

    for (uint64_t at = 0; at < image->bytes;) {
        uint64_t bytes = MIN(image->bytes - at, COPY_BYTES - at % GRAIN_BYTES);
        struct block_extent extent;
        int result = block_image_map(image, at, bytes, &extent);
        if (result == 0 && (!extent.present || extent.depth > 0)) {
            result = copy_range(block, fresh, at, extent.bytes, memory);
        }
        if (result < 0) {
            return result;
        }
        at += extent.bytes;
        if (at < image->bytes) {
            img_progress(progress, at, image->bytes);
        }
    }
    img_progress(progress, 1, 1);
    return block_flush(block);
}

static int copy_safely(struct block *block, const struct rebase *args)
{
    struct block_options options = {.format = args->backing_format,
                                    .read_only = true,
                                    .allow_backing = args->options.allow_backing};
    GError *error = NULL;
    struct block *fresh = NULL;

    if (args->backing_name != NULL) {
        g_autofree char *path = block_backing_path(block_file_name(block), args->backing_name);
        fresh = img_open(path, &options, NULL, &error);
        if (fresh == NULL) {
            g_prefix_error(&error, "Could not open new backing file '%s': ", args->backing_name);
            return img_fail_error(&error);
        }
    }
    int result = copy_differences(block, fresh, args->progress);
    block_close(fresh);
    return result < 0 ? img_fail("error while copying: %s", g_strerror(-result)) : 0;
}

static int rebase(const struct rebase *args, const char *path)
{
    struct block_options options = args->options;
    GError *error = NULL;

    options.no_backing = args->unsafe;
    struct block *block = img_open(path, &options, NULL, &error);
    if (block == NULL) {
        return img_fail_error(&error);
    }
    struct block_image *image = block_get_image(block);
    int status = 0;
    if (image->driver->set_backing == NULL) {
        status = img_fail("The format '%s' of '%s' cannot change its backing file",
                          block_format(block), path);
    } else if (args->backing_name != NULL && args->backing_format == NULL && args->unsafe) {
        status = img_fail("Could not change the backing file to '%s': backing format must be "
                          "specified",
                          args->backing_name);
    }
    if (status == 0 && !args->unsafe) {
        status = copy_safely(block, args);
    }
    if (status == 0 &&
        !image->driver->set_backing(image, args->backing_name, args->backing_format, &error)) {
        status = img_fail_error(&error);
    }
    block_close(block);
    return status;
}

static int run_rebase(int argc, char **argv)
{
    enum { OPT_ALLOW_BACKING = 256 };
    static const struct option longs[] = {{"help", no_argument, NULL, 'h'},
                                          {"allow-backing", no_argument, NULL, OPT_ALLOW_BACKING},
                                          {"force-share", no_argument, NULL, 'U'},
                                          {0}};
    struct rebase args = {0};
    bool have_backing = false;

    for (int c; (c = getopt_long(argc, argv, ":hf:F:b:upqt:T:U", longs, NULL)) != -1;) {
        switch (c) {
        case 'h':
            return img_help(&img_rebase_command);
        case 'f':
            args.options.format = optarg;
            break;
        case 'F':
            args.backing_format = optarg;
            break;
        case 'b':
            args.backing_name = optarg[0] != '\0' ? optarg : NULL;
            have_backing = true;
            break;
        case 'u':
            args.unsafe = true;
            break;
        case 'p':
            args.progress = true;
            break;
        case 'q':
            args.quiet = true;
            break;
        case 't':
        case 'T':
            if (!block_cache_parse(optarg, &args.options.cache)) {
                return img_fail("Invalid cache option: %s", optarg);
            }
            break;
        case 'U':
            args.options.no_lock = true;
            break;
        case OPT_ALLOW_BACKING:
            args.options.allow_backing = true;
            break;
        default:
            return img_bad_option(&img_rebase_command, c, argv);
        }
    }
    if (argc - optind != 1) {
        return img_fail_usage(&img_rebase_command, "Expecting one image file name");
    }
    if (!have_backing && !args.unsafe) {
        return img_fail_usage(&img_rebase_command,
                              "Must specify backing file (-b) or use unsafe mode (-u)");
    }
    args.progress = args.progress && !args.quiet;
    return rebase(&args, argv[optind]);
}

const struct img_command img_rebase_command = {
    .name = "rebase",
    .run = run_rebase,
    .usage =
        "[-f FORMAT] [-t CACHE] [-u] [-p] [-q] [-U] [--allow-backing] -b BASE [-F FORMAT] FILE",
};
