/*
 * vmm-img dd: copies a part of a disk into a new image, in the words of dd(1).
 */
#include "block/driver_impl.h"
#include "block/img.h"
#include "block/size.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

struct dd {
    const char *source, *target;
    const char *target_format;
    uint64_t block_bytes, count, skip;
    bool have_count;
    struct block_options options;
};

/* One word such as "bs=1M". 0 or an exit status. */
static int take_word(struct dd *args, char *word)
{
    char *value = strchr(word, '=');
    uint64_t number = 0;

    if (value == NULL) {
        return img_fail("unrecognized operand %s", word);
    }
    *value++ = '\0';
    if (strcmp(word, "if") == 0) {
        args->source = value;
    } else if (strcmp(word, "of") == 0) {
        args->target = value;
    } else if (!block_size_parse(value, &number)) {
        return img_bad_size(word);
    } else if (strcmp(word, "bs") == 0 && number > 0 && number <= INT32_MAX) {
        args->block_bytes = number;
    } else if (strcmp(word, "count") == 0) {
        args->count = number;
        args->have_count = true;
    } else if (strcmp(word, "skip") == 0) {
        args->skip = number;
    } else {
        return img_fail("unrecognized operand %s", word);
    }
    return 0;
}

static int copy(struct block *source, struct block *target, uint64_t start, uint64_t bytes)
{
    enum { COPY_BYTES = 256 << 10 };
    g_autofree uint8_t *buffer = block_memory(COPY_BYTES);
    int result = 0;

    for (uint64_t at = 0; at < bytes && result == 0; at += COPY_BYTES) {
        size_t piece = (size_t)MIN(COPY_BYTES, bytes - at);
        result = block_read(source, start + at, buffer, piece);
        if (result == 0 && !block_is_zero(buffer, piece)) {
            result = block_write(target, at, buffer, piece);
        }
    }
    return result == 0 ? block_flush(target) : result;
}

static int dd(const struct dd *args)
{
    struct block_create_options create = {.format = args->target_format, .have_bytes = true};
    struct block_options target_options = {.format = args->target_format};
    GError *error = NULL;
    struct block *source = img_open(args->source, &args->options, NULL, &error);

    if (source == NULL) {
        return img_fail_error(&error);
    }
    uint64_t size = block_size(source), start = size;
    if (args->skip <= size / args->block_bytes) {
        start = args->skip * args->block_bytes;
    } else {
        img_fail("%s: cannot skip to specified offset", args->source);
    }
    uint64_t bytes = size - start;
    if (args->have_count && args->count <= bytes / args->block_bytes) {
        bytes = args->count * args->block_bytes;
    }
    create.bytes = bytes;
    struct block *target = NULL;
    if (block_create(args->target, &create, NULL, &error)) {
        target = img_open(args->target, &target_options, NULL, &error);
    }
    int status = 0;
    if (target == NULL) {
        status = img_fail_error(&error);
    } else {
        int result = copy(source, target, start, bytes);
        status = result < 0 ? img_fail("error while copying: %s", g_strerror(-result)) : 0;
    }
    block_close(target);
    block_close(source);
    return status;
}

static int run_dd(int argc, char **argv)
{
    enum { OPT_ALLOW_BACKING = 256 };
    static const struct option longs[] = {{"help", no_argument, NULL, 'h'},
                                          {"force-share", no_argument, NULL, 'U'},
                                          {"allow-backing", no_argument, NULL, OPT_ALLOW_BACKING},
                                          {0}};
    struct dd args = {
        .target_format = "raw", .block_bytes = BLOCK_SECTOR_BYTES, .options.read_only = true};

    for (int c; (c = getopt_long(argc, argv, ":hf:O:U", longs, NULL)) != -1;) {
        switch (c) {
        case 'h':
            return img_help(&img_dd_command);
        case 'f':
            args.options.format = optarg;
            break;
        case 'O':
            args.target_format = optarg;
            break;
        case 'U':
            args.options.no_lock = true;
            break;
        case OPT_ALLOW_BACKING:
            args.options.allow_backing = true;
            break;
        default:
            return img_bad_option(&img_dd_command, c, argv);
        }
    }
    for (int i = optind; i < argc; i++) {
        int status = take_word(&args, argv[i]);
        if (status != 0) {
            return status;
        }
    }
    if (args.source == NULL || args.target == NULL) {
        return img_fail("Must specify both input and output files");
    }
    return dd(&args);
}

const struct img_command img_dd_command = {
    .name = "dd",
    .run = run_dd,
    .usage = "[-f FORMAT] [-O FORMAT] [-U] [--allow-backing] [bs=BYTES] [count=BLOCKS] "
             "[skip=BLOCKS] if=FILE of=FILE",
};
