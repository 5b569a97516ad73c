/*
 * vmm-img create: makes an empty image.
 */
#include "block/img.h"
#include "block/size.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

struct create_args {
    struct block_create_options options;
    bool quiet;
    char **words; /* of -o; owned, the options point into them */
};

static int bad_size(void)
{
    return img_fail(
        "Invalid image size specified. You may use k, M, G, T, P or E suffixes for kilobytes, "
        "megabytes, gigabytes, terabytes, petabytes and exabytes.");
}

static int print_options(const char *format)
{
    printf("Supported %s options:\n", format);
    if (strcmp(format, "raw") != 0) {
        printf("  backing_file=<str>     - File name of a base image\n"
               "  backing_fmt=<str>      - Format of the backing image\n");
    }
    printf("  size=<size>            - Virtual disk size\n");
    return 0;
}

/* One "name=value" of -o. 0 or an exit status. */
static int take_option(struct create_args *args, char *word)
{
    char *value = strchr(word, '=');

    if (value != NULL) {
        *value++ = '\0';
    }
    if (value != NULL && strcmp(word, "backing_file") == 0) {
        args->options.backing_name = value;
    } else if (value != NULL && strcmp(word, "backing_fmt") == 0) {
        args->options.backing_format = value;
    } else if (value != NULL && strcmp(word, "size") == 0) {
        args->options.have_bytes = true;
        return block_size_parse(value, &args->options.bytes) ? 0 : bad_size();
    } else {
        return img_fail("Invalid parameter '%s' for format '%s'; see -o help", word,
                        args->options.format);
    }
    return 0;
}

static int take_words(struct create_args *args)
{
    for (unsigned i = 0; args->words != NULL && args->words[i] != NULL; i++) {
        int status = take_option(args, args->words[i]);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

static int create(const struct create_args *args, const char *path)
{
    const struct block_create_options *options = &args->options;
    GError *error = NULL;
    uint64_t bytes;

    if (!block_create(path, options, &bytes, &error)) {
        return img_fail_error(&error);
    }
    if (args->quiet) {
        return 0;
    }
    printf("Formatting '%s', fmt=%s size=%" G_GUINT64_FORMAT, path, options->format, bytes);
    if (options->backing_name != NULL) {
        printf(" backing_file=%s", options->backing_name);
    }
    if (options->backing_format != NULL) {
        printf(" backing_fmt=%s", options->backing_format);
    }
    printf("\n");
    return 0;
}

static int run_args(struct create_args *args, int argc, char **argv)
{
    bool help = args->words != NULL && (g_strv_contains((const char *const *)args->words, "help") ||
                                        g_strv_contains((const char *const *)args->words, "?"));

    if (help) {
        return print_options(args->options.format);
    }
    if (argc < 1) {
        return img_fail_usage(&img_create_command, "Expecting image file name");
    }
    if (argc > 2) {
        return img_fail_usage(&img_create_command, "Unexpected argument: %s", argv[2]);
    }
    int status = take_words(args);
    if (status != 0) {
        return status;
    }
    if (argc == 2) {
        args->options.have_bytes = true;
        if (!block_size_parse(argv[1], &args->options.bytes)) {
            return bad_size();
        }
    }
    return create(args, argv[0]);
}

static int run_create(int argc, char **argv)
{
    static const struct option longs[] = {{"help", no_argument, NULL, 'h'}, {0}};
    struct create_args args = {.options.format = "raw"};
    int status = 0, c;

    while (status == 0 && (c = getopt_long(argc, argv, ":hf:b:F:o:q", longs, NULL)) != -1) {
        switch (c) {
        case 'h':
            g_strfreev(args.words);
            return img_help(&img_create_command);
        case 'f':
            args.options.format = optarg;
            break;
        case 'b':
            args.options.backing_name = optarg;
            break;
        case 'F':
            args.options.backing_format = optarg;
            break;
        case 'o':
            g_strfreev(args.words);
            args.words = g_strsplit(optarg, ",", -1);
            break;
        case 'q':
            args.quiet = true;
            break;
        default:
            status = img_bad_option(&img_create_command, c, argv);
        }
    }
    if (status == 0) {
        status = run_args(&args, argc - optind, argv + optind);
    }
    g_strfreev(args.words);
    return status;
}

const struct img_command img_create_command = {
    .name = "create",
    .run = run_create,
    .usage = "[-q] [-f FORMAT] [-b BASE [-F FORMAT]] [-o OPTIONS] FILE [SIZE]",
};
