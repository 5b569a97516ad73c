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

bool img_wants_option_help(char **words)
{
    const char *const *list = (const char *const *)words;

    return words != NULL && (g_strv_contains(list, "help") || g_strv_contains(list, "?"));
}

int img_print_options(const char *format, bool named)
{
    printf("Supported %s%soptions:\n", named ? "" : format, named ? "" : " ");
    if (strcmp(format, "raw") != 0) {
        printf("  backing_file=<str>     - File name of a base image\n"
               "  backing_fmt=<str>      - Format of the backing image\n");
    }
    if (strcmp(format, "qcow2") == 0) {
        printf("  cluster_size=<size>    - qcow2 cluster size\n"
               "  compat=<str>           - Compatibility level (v2 [0.10] or v3 [1.1])\n"
               "  compression_type=<str> - Compression method used for image cluster compression\n"
               "  data_file=<str>        - File name of an external data file\n"
               "  data_file_raw=<bool>   - The external data file must stay valid as a raw image\n"
               "  extended_l2=<bool>     - Extended L2 tables\n"
               "  lazy_refcounts=<bool>  - Postpone refcount updates\n"
               "  refcount_bits=<num>    - Width of a reference count entry in bits\n");
    }
    if (strcmp(format, "qcow") != 0) {
        printf("  preallocation=<str>    - Preallocation mode (off, %sfalloc, full)\n",
               strcmp(format, "raw") == 0 ? "" : "metadata, ");
    }
    printf("  size=<size>            - Virtual disk size\n");
    return 0;
}

static int take_bool(const char *name, const char *value, bool *flag)
{
    *flag = strcmp(value, "on") == 0;
    return *flag || strcmp(value, "off") == 0
               ? 0
               : img_fail("Parameter '%s' expects 'on' or 'off'", name);
}

/* Options that only qcow2 has. -1: this is none of them. */
static int take_qcow2_option(struct block_create_options *options, const char *word, char *value)
{
    uint64_t size;

    if (strcmp(word, "cluster_size") == 0) {
        if (!block_size_parse(value, &size) || size > 1u << 30) {
            return img_fail("Parameter 'cluster_size' expects a size");
        }
        options->cluster_bytes = (uint32_t)size;
        return size == 0 ? img_fail("Cluster size must be a power of two between 512 and 2048k")
                         : 0;
    }
    if (strcmp(word, "compat") == 0) {
        bool old = strcmp(value, "0.10") == 0 || strcmp(value, "v2") == 0;
        options->version = old ? 2 : 3;
        return old || strcmp(value, "1.1") == 0 || strcmp(value, "v3") == 0
                   ? 0
                   : img_fail("Invalid parameter '%s' for compat: 0.10 or 1.1", value);
    }
    if (strcmp(word, "compression_type") == 0) {
        options->compression = value;
        return 0;
    }
    if (strcmp(word, "data_file") == 0) {
        options->data_file = value;
        return 0;
    }
    if (strcmp(word, "data_file_raw") == 0) {
        return take_bool(word, value, &options->data_file_raw);
    }
    if (strcmp(word, "extended_l2") == 0) {
        return take_bool(word, value, &options->extended_l2);
    }
    if (strcmp(word, "lazy_refcounts") == 0) {
        return take_bool(word, value, &options->lazy_refcounts);
    }
    if (strcmp(word, "refcount_bits") == 0) {
        options->refcount_bits = (unsigned)g_ascii_strtoull(value, NULL, 10);
        return options->refcount_bits != 0
                   ? 0
                   : img_fail("Refcount width must be a power of two and may not exceed 64 bits");
    }
    return -1;
}

int img_create_option(struct block_create_options *options, char *word)
{
    char *value = strchr(word, '=');

    if (value != NULL) {
        *value++ = '\0';
    }
    if (value != NULL && strcmp(word, "backing_file") == 0) {
        options->backing_name = value;
    } else if (value != NULL && strcmp(word, "backing_fmt") == 0) {
        options->backing_format = value;
    } else if (value != NULL && strcmp(word, "size") == 0) {
        options->have_bytes = true;
        return block_size_parse(value, &options->bytes) ? 0 : img_bad_size("image size");
    } else if (value != NULL && strcmp(word, "preallocation") == 0 &&
               strcmp(options->format, "qcow") != 0) {
        return block_preallocation_parse(value, &options->preallocation)
                   ? 0
                   : img_fail("Invalid parameter '%s' for preallocation", value);
    } else {
        int status = value != NULL && strcmp(options->format, "qcow2") == 0
                         ? take_qcow2_option(options, word, value)
                         : -1;
        return status >= 0 ? status
                           : img_fail("Invalid parameter '%s' for format '%s'; see -o help", word,
                                      options->format);
    }
    return 0;
}

static int take_words(struct create_args *args)
{
    for (unsigned i = 0; args->words != NULL && args->words[i] != NULL; i++) {
        int status = img_create_option(&args->options, args->words[i]);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

static void print_qcow2_options(const struct block_create_options *options)
{
    if (strcmp(options->format, "qcow2") != 0) {
        return;
    }
    printf(" cluster_size=%u extended_l2=%s",
           options->cluster_bytes != 0 ? options->cluster_bytes : 65536,
           options->extended_l2 ? "on" : "off");
    if (options->preallocation != BLOCK_PREALLOCATE_OFF) {
        printf(" preallocation=%s", block_preallocation_name(options->preallocation));
    }
    printf(" compression_type=%s", options->compression != NULL ? options->compression : "zlib");
}

static void print_formatting(const struct block_create_options *options, const char *path,
                             uint64_t bytes)
{
    printf("Formatting '%s', fmt=%s", path, options->format);
    print_qcow2_options(options);
    if (options->preallocation != BLOCK_PREALLOCATE_OFF && strcmp(options->format, "raw") == 0) {
        printf(" size=%" G_GUINT64_FORMAT " preallocation=%s", bytes,
               block_preallocation_name(options->preallocation));
    } else {
        printf(" size=%" G_GUINT64_FORMAT, bytes);
    }
    if (options->version != 0) {
        printf(" compat=%s", options->version == 2 ? "0.10" : "1.1");
    }
    if (options->data_file != NULL) {
        printf(" data_file=%s", options->data_file);
    }
    if (options->data_file_raw) {
        printf(" data_file_raw=on");
    }
    if (options->backing_name != NULL) {
        printf(" backing_file=%s", options->backing_name);
    }
    if (options->backing_format != NULL) {
        printf(" backing_fmt=%s", options->backing_format);
    }
    if (strcmp(options->format, "qcow2") == 0) {
        printf(" lazy_refcounts=%s refcount_bits=%u", options->lazy_refcounts ? "on" : "off",
               options->refcount_bits != 0 ? options->refcount_bits : 16);
    }
    printf("\n");
}

static int create(const struct create_args *args, const char *path)
{
    const struct block_create_options *options = &args->options;
    GError *error = NULL;
    uint64_t bytes;

    if (!block_create_size(path, options, &bytes, &error)) {
        return img_fail_error(&error);
    }
    if (!args->quiet) {
        print_formatting(options, path, bytes);
    }
    if (options->backing_format != NULL && options->backing_name == NULL) {
        return img_fail("%s: Backing format cannot be used without backing file", path);
    }
    return block_create(path, options, NULL, &error) ? 0 : img_fail_error(&error);
}

static int run_args(struct create_args *args, int argc, char **argv)
{
    if (img_wants_option_help(args->words)) {
        return img_print_options(args->options.format, argc > 0);
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
            return img_bad_size("image size");
        }
    }
    return create(args, argv[0]);
}

static int run_create(int argc, char **argv)
{
    static const struct option longs[] = {{"help", no_argument, NULL, 'h'}, {0}};
    struct create_args args = {.options.format = "raw"};
    int status = 0, c;

    while (status == 0 && (c = getopt_long(argc, argv, ":hf:b:F:o:qu", longs, NULL)) != -1) {
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
        case 'u':
            args.options.no_backing_check = true;
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
    .usage = "[-q] [-u] [-f FORMAT] [-b BASE [-F FORMAT]] [-o OPTIONS] FILE [SIZE]",
};
