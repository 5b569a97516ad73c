/*
 * vmm-img measure: how large the file of a new image would get.
 */
#include "block/driver_impl.h"
#include "block/img.h"
#include "block/size.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct measure {
    const char *snapshot; /* -l */
    struct block_create_options create;
    struct block_options source;
    char **words;
    bool json;
};

static uint64_t divide_up(uint64_t value, uint64_t unit)
{
    return value / unit + (value % unit != 0);
}

/* Bytes of a QCOW2 file whose disk has so many bytes, data_bytes of them stored (whole clusters).
 */
static uint64_t qcow2_file_bytes(const struct block_create_options *options, uint64_t bytes,
                                 uint64_t data_bytes)
{
    uint64_t cluster = options->cluster_bytes != 0 ? options->cluster_bytes : 65536;
    uint64_t per_block = cluster * 8 / (options->refcount_bits != 0 ? options->refcount_bits : 16);
    uint64_t l2_tables =
        divide_up(divide_up(bytes, cluster), cluster / (options->extended_l2 ? 16 : 8));
    uint64_t fixed = 1 + l2_tables + divide_up(l2_tables * 8, cluster);
    uint64_t stored = options->data_file != NULL ? 0 : data_bytes / cluster;
    uint64_t blocks = 0, table = 0;

    /* Blocks and their table count themselves too: grow them until they do. */
    for (uint64_t before = UINT64_MAX; before != blocks + table;) {
        before = blocks + table;
        blocks = divide_up(
            divide_up(bytes, cluster) * (options->data_file == NULL) + fixed + before, per_block);
        table = divide_up(blocks * 8, cluster);
    }
    return (fixed + stored + blocks + table) * cluster;
}

/* Clusters of this size that hold data, in bytes. */
static int count_data(struct block *block, uint64_t cluster, uint64_t *data_bytes)
{
    uint64_t last = UINT64_MAX;

    *data_bytes = 0;
    for (uint64_t at = 0; at < block_size(block);) {
        uint64_t run;
        bool data;
        int result = block_status(block, at, block_size(block) - at, &data, &run);
        if (result < 0) {
            return result;
        }
        if (data) {
            uint64_t first = at / cluster, end = divide_up(at + run, cluster);
            first += first == last; /* counted with the run before */
            *data_bytes += end > first ? (end - first) * cluster : 0;
            last = end - 1;
        }
        at += run;
    }
    return 0;
}

/* Could the image have bitmaps that a copy might want to take along? */
static bool has_bitmaps(struct block *block)
{
    struct block_info info;

    block_get_info(block, &info);
    return info.details != NULL && info.details->version_3;
}

static int measure(const struct measure *args, const char *path)
{
    const struct block_create_options *create = &args->create;
    uint64_t cluster = create->cluster_bytes != 0 ? create->cluster_bytes : 65536;
    bool qcow2 = strcmp(create->format, "qcow2") == 0;
    uint64_t bytes = create->bytes, data = 0;
    bool bitmaps = false;
    GError *error = NULL;

    if (block_driver_find(create->format, NULL) == NULL) {
        return img_fail("Unknown file format '%s'", create->format);
    }
    if (!qcow2 && strcmp(create->format, "raw") != 0) {
        return img_fail("Block driver '%s' does not support size measurement", create->format);
    }
    if (path != NULL) {
        struct block *block = img_open(path, &args->source, NULL, &error);
        if (block == NULL) {
            return img_fail_error(&error);
        }
        if (args->snapshot != NULL && !block_snapshot_view(block, args->snapshot, &error)) {
            block_close(block);
            return img_fail_error(&error);
        }
        bytes = block_size(block);
        bitmaps = qcow2 && has_bitmaps(block);
        int result = count_data(block, cluster, &data);
        block_close(block);
        if (result < 0) {
            return img_fail("Could not read '%s': %s", path, g_strerror(-result));
        }
    }
    bytes = divide_up(bytes, BLOCK_SECTOR_BYTES) * BLOCK_SECTOR_BYTES;
    uint64_t all = divide_up(bytes, cluster) * cluster;
    if (create->preallocation >= BLOCK_PREALLOCATE_FALLOC) {
        data = all;
    }
    uint64_t required = qcow2 ? qcow2_file_bytes(create, bytes, data) : bytes;
    struct block_create_options whole = *create;
    whole.data_file = NULL; /* of both files together */
    uint64_t full = qcow2 ? qcow2_file_bytes(&whole, bytes, all) : bytes;
    if (args->json) {
        printf("{\n%s    \"required\": %" PRIu64 ",\n    \"fully-allocated\": %" PRIu64 "\n}\n",
               bitmaps ? "    \"bitmaps\": 0,\n" : "", required, full);
    } else {
        printf("required size: %" PRIu64 "\nfully allocated size: %" PRIu64 "\n", required, full);
        if (bitmaps) {
            printf("bitmaps size: 0\n");
        }
    }
    return 0;
}

static int run_args(struct measure *args, int argc, char **argv)
{
    for (unsigned i = 0; args->words != NULL && args->words[i] != NULL; i++) {
        int status = img_create_option(&args->create, args->words[i]);
        if (status != 0) {
            return status;
        }
    }
    if (argc > 0 && args->create.have_bytes) {
        return img_fail("--size N cannot be used together with a filename.");
    }
    if (argc > 1 || (argc == 0 && !args->create.have_bytes)) {
        return img_fail("Either --size N or one filename must be specified.");
    }
    return measure(args, argc == 1 ? argv[0] : NULL);
}

static int run_measure(int argc, char **argv)
{
    enum { OPT_ALLOW_BACKING = 256, OPT_OUTPUT, OPT_SIZE };
    static const struct option longs[] = {{"help", no_argument, NULL, 'h'},
                                          {"output", required_argument, NULL, OPT_OUTPUT},
                                          {"size", required_argument, NULL, OPT_SIZE},
                                          {"force-share", no_argument, NULL, 'U'},
                                          {"allow-backing", no_argument, NULL, OPT_ALLOW_BACKING},
                                          {0}};
    struct measure args = {.create.format = "raw", .source.read_only = true};
    int status = -1;

    for (int c; status < 0 && (c = getopt_long(argc, argv, ":hf:O:o:l:U", longs, NULL)) != -1;) {
        switch (c) {
        case 'h':
            status = img_help(&img_measure_command);
            break;
        case 'f':
            args.source.format = optarg;
            break;
        case 'O':
            args.create.format = optarg;
            break;
        case 'o':
            g_strfreev(args.words);
            args.words = g_strsplit(optarg, ",", -1);
            break;
        case 'l':
            args.snapshot = img_snapshot_name(optarg);
            break;
        case 'U':
            args.source.no_lock = true;
            break;
        case OPT_OUTPUT:
            status = img_output_option(optarg, &args.json) != 0 ? 1 : -1;
            break;
        case OPT_SIZE:
            args.create.have_bytes = true;
            if (!block_size_parse(optarg, &args.create.bytes)) {
                status = img_bad_size("image size");
            }
            break;
        case OPT_ALLOW_BACKING:
            args.source.allow_backing = true;
            break;
        default:
            status = img_bad_option(&img_measure_command, c, argv);
        }
    }
    if (status < 0) {
        status = run_args(&args, argc - optind, argv + optind);
    }
    g_strfreev(args.words);
    return status;
}

const struct img_command img_measure_command = {
    .name = "measure",
    .run = run_measure,
    .usage = "[-f FORMAT] [-O FORMAT] [-o OPTIONS] [--output=human|json] [-U] [--allow-backing] "
             "[--size N | [-l SNAPSHOT] FILE]",
};
