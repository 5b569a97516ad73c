/*
 * vmm-img resize: makes a disk longer or, if asked twice, shorter.
 */
#include "block/driver_impl.h"
#include "block/img.h"
#include "block/size.h"

#include <errno.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

/* The size that "[+|-]SIZE" means. False: it makes no sense. */
static bool find_size(const char *text, uint64_t now, uint64_t *bytes)
{
    bool relative = text[0] == '+' || text[0] == '-';

    if (!block_size_parse(text + relative, bytes)) {
        return false;
    }
    if (text[0] == '+') {
        *bytes = *bytes > INT64_MAX - now ? INT64_MAX : now + *bytes;
    } else if (text[0] == '-') {
        *bytes = *bytes > now ? 0 : now - *bytes;
    }
    *bytes = (*bytes + BLOCK_SECTOR_BYTES - 1) / BLOCK_SECTOR_BYTES * BLOCK_SECTOR_BYTES;
    return *bytes > 0;
}

/* Gives what was added its places. */
static int preallocate(struct block *block, uint64_t from, enum block_preallocation mode)
{
    struct block_image *image = block_get_image(block);

    return image->driver->preallocate != NULL
               ? image->driver->preallocate(image, from, block_size(block), mode)
               : -ENOTSUP;
}

static int resize_block(struct block *block, const char *text, enum block_preallocation mode,
                        bool shrink, bool quiet)
{
    uint64_t now = block_size(block);
    uint64_t bytes;

    if (!find_size(text, now, &bytes)) {
        return img_fail(
            "Invalid parameter '%s': new image size must be positive, with one of the units k M G "
            "T P E or in bytes",
            text);
    }
    if (bytes < now && !shrink) {
        img_fail("Use the --shrink option to perform a shrink operation.");
        return img_fail("warning: all data beyond the new end of the image would be deleted");
    }
    if (bytes < now && mode != BLOCK_PREALLOCATE_OFF) {
        return img_fail("Preallocation can only be used for growing images");
    }
    int result = block_truncate(block, bytes);
    if (result == -ENOTSUP) {
        return img_fail("Image format driver does not support resize");
    }
    if (result == 0 && bytes > now && mode != BLOCK_PREALLOCATE_OFF) {
        result = preallocate(block, now, mode);
    }
    if (result == 0) {
        result = block_flush(block);
    }
    if (result < 0) {
        return img_fail("Could not resize '%s': %s", block_file_name(block), g_strerror(-result));
    }
    if (!quiet) {
        printf("Image resized.\n");
    }
    return 0;
}

static int run_resize(int argc, char **argv)
{
    static const struct option longs[] = {
        {"help", no_argument, NULL, 'h'},
        {"shrink", no_argument, NULL, 's'},
        {"preallocation", required_argument, NULL, 'P'},
        {0}};
    struct block_options options = {0};
    GError *error = NULL;
    bool shrink = false, quiet = false;
    enum block_preallocation mode = BLOCK_PREALLOCATE_OFF;
    /* The size comes last and may begin with a minus: keep it out of getopt's sight. */
    const char *size = argc > 2 ? argv[argc - 1] : NULL;
    int count = argc > 2 ? argc - 1 : argc;

    if (argc < 3 && !(argc == 2 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0))) {
        return img_fail_usage(&img_resize_command, "Not enough arguments");
    }
    for (int c; (c = getopt_long(count, argv, ":hf:q", longs, NULL)) != -1;) {
        switch (c) {
        case 'h':
            return img_help(&img_resize_command);
        case 'f':
            options.format = optarg;
            break;
        case 'q':
            quiet = true;
            break;
        case 's':
            shrink = true;
            break;
        case 'P':
            if (!block_preallocation_parse(optarg, &mode)) {
                return img_fail("Invalid preallocation mode '%s'", optarg);
            }
            break;
        default:
            return img_bad_option(&img_resize_command, c, argv);
        }
    }
    if (size == NULL || count - optind != 1) {
        return img_fail_usage(&img_resize_command, "Not enough arguments");
    }
    struct block *block = img_open(argv[optind], &options, NULL, &error);
    if (block == NULL) {
        return img_fail_error(&error);
    }
    int status = resize_block(block, size, mode, shrink, quiet);
    block_close(block);
    return status;
}

const struct img_command img_resize_command = {
    .name = "resize",
    .run = run_resize,
    .usage = "[-f FORMAT] [-q] [--preallocation=MODE] [--shrink] FILE [+|-]SIZE",
};
