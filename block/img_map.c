/*
 * vmm-img map: where the data of a disk lies, down the chain of backing files.
 */
#include "block/driver_impl.h"
#include "block/img.h"
#include "block/size.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool same(const struct block_extent *a, const struct block_extent *b)
{
    return a->present == b->present && a->zero == b->zero && a->data == b->data &&
           a->packed == b->packed && a->depth == b->depth && a->has_offset == b->has_offset &&
           (!a->has_offset || (a->offset + a->bytes == b->offset && a->file == b->file));
}

static int print_extent(const struct block_extent *extent, uint64_t start, bool json, bool first)
{
    if (json) {
        printf("%s{ \"start\": %" PRIu64 ", \"length\": %" PRIu64
               ", \"depth\": %u, \"present\": %s, \"zero\": %s, \"data\": %s",
               first ? "[" : ",\n", start, extent->bytes, extent->depth,
               extent->present ? "true" : "false", extent->zero ? "true" : "false",
               extent->data ? "true" : "false");
        if (extent->has_offset) {
            printf(", \"offset\": %" PRIu64, extent->offset);
        }
        printf("}");
        return 0;
    }
    if (extent->data && !extent->has_offset) {
        return img_fail("File contains external, encrypted or compressed clusters.");
    }
    if (extent->data && !extent->zero) {
        printf("%#-16" PRIx64 "%#-16" PRIx64 "%#-16" PRIx64 "%s\n", start, extent->bytes,
               extent->offset, extent->file);
    }
    return 0;
}

static int map(struct block *block, uint64_t start, uint64_t end, bool json)
{
    struct block_image *image = block_get_image(block);
    struct block_extent current = {0};
    bool first = true;
    int status = 0;

    if (!json) {
        printf("%-16s%-16s%-16s%s\n", "Offset", "Length", "Mapped to", "File");
    }
    for (uint64_t at = start; status == 0 && at < end;) {
        struct block_extent extent;
        int result = block_image_map(image, at, end - at, &extent);
        if (result < 0) {
            return img_fail("Failed to read image metadata: %s", g_strerror(-result));
        }
        at += extent.bytes;
        if (current.bytes > 0 && same(&current, &extent)) {
            current.bytes += extent.bytes;
            continue;
        }
        if (current.bytes > 0) {
            status = print_extent(&current, start, json, first);
            first = false;
        }
        start = at - extent.bytes;
        current = extent;
    }
    if (status == 0 && current.bytes > 0) {
        status = print_extent(&current, start, json, first);
    }
    if (json) {
        printf("%s]\n", current.bytes > 0 ? "" : "[");
    }
    return status;
}

static int run_map(int argc, char **argv)
{
    enum { OPT_ALLOW_BACKING = 256 };
    static const struct option longs[] = {{"help", no_argument, NULL, 'h'},
                                          {"force-share", no_argument, NULL, 'U'},
                                          {"output", required_argument, NULL, 'O'},
                                          {"start-offset", required_argument, NULL, 's'},
                                          {"max-length", required_argument, NULL, 'l'},
                                          {"allow-backing", no_argument, NULL, OPT_ALLOW_BACKING},
                                          {0}};
    struct block_options options = {.read_only = true};
    uint64_t start = 0, length = INT64_MAX;
    GError *error = NULL;
    bool json = false;

    for (int c; (c = getopt_long(argc, argv, ":hf:s:l:U", longs, NULL)) != -1;) {
        switch (c) {
        case 'h':
            return img_help(&img_map_command);
        case 'f':
            options.format = optarg;
            break;
        case 's':
            if (!block_size_parse(optarg, &start)) {
                return img_fail("Invalid start offset specified");
            }
            break;
        case 'l':
            if (!block_size_parse(optarg, &length)) {
                return img_fail("Invalid max length specified");
            }
            break;
        case 'U':
            options.no_lock = true;
            break;
        case 'O':
            if (img_output_option(optarg, &json) != 0) {
                return 1;
            }
            break;
        case OPT_ALLOW_BACKING:
            options.allow_backing = true;
            break;
        default:
            return img_bad_option(&img_map_command, c, argv);
        }
    }
    if (argc - optind != 1) {
        return img_fail_usage(&img_map_command, "Expecting one image file name");
    }
    struct block *block = img_open(argv[optind], &options, NULL, &error);
    if (block == NULL) {
        return img_fail_error(&error);
    }
    start = MIN(start, block_size(block));
    int status = map(block, start, start + MIN(length, block_size(block) - start), json);
    block_close(block);
    return status;
}

const struct img_command img_map_command = {
    .name = "map",
    .run = run_map,
    .usage =
        "[-f FORMAT] [-s OFFSET] [-l LENGTH] [--output=human|json] [-U] [--allow-backing] FILE",
};
