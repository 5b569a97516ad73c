/*
 * vmm-img check: is an image consistent? Exit status 0: yes, 1: could not be told, 2: damaged, 3:
 * only space is lost, 63: the format has nothing to check.
 */
#include "block/driver_impl.h"
#include "block/img.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_CLEAN = 0, EXIT_TROUBLE = 1, EXIT_CORRUPT = 2, EXIT_LEAKS = 3, EXIT_UNSUPPORTED = 63 };

static void print_finding(void *arg, const char *text)
{
    printf("%s\n", text);
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part * 100 / (double)whole : 0;
}

static void print_summary(const struct block_check *check)
{
    if (check->errors > 0) {
        printf("\n%" PRIu64 " errors were found on the image.\n"
               "Data may be corrupted, or further writes to the image may corrupt it.\n",
               check->errors);
    }
    if (check->leaks > 0) {
        printf("\n%" PRIu64 " leaked clusters were found on the image.\n"
               "This means waste of disk space, but no harm to data.\n",
               check->leaks);
    }
    if (check->errors == 0 && check->leaks == 0) {
        printf("No errors were found on the image.\n");
    }
    if (check->end_offset == 0) {
        return; /* a format that is only read: not counted */
    }
    if (check->allocated > 0 && check->has_fragmented) {
        printf("%" PRIu64 "/%" PRIu64
               " = %.2f%% allocated, %.2f%% fragmented, %.2f%% compressed clusters\n",
               check->allocated, check->clusters, percent(check->allocated, check->clusters),
               percent(check->fragmented, check->allocated),
               percent(check->compressed, check->allocated));
    } else if (!check->has_fragmented) {
        printf("%" PRIu64 "/%" PRIu64 " = %.2f%% allocated, %.2f%% compressed clusters\n",
               check->allocated, check->clusters, percent(check->allocated, check->clusters),
               percent(check->compressed, check->allocated));
    }
    printf("Image end offset: %" PRIu64 "\n", check->end_offset);
}

/* In the order that qemu-img has. */
static void print_json(const struct block_check *check, const char *path, const char *format)
{
    const struct {
        const char *name;
        uint64_t value;
        bool always;
    } fields[] = {
        {"image-end-offset", check->end_offset, check->end_offset > 0},
        {"compressed-clusters", check->compressed, false},
        {"total-clusters", check->clusters, check->end_offset > 0},
        {"check-errors", 0, true},
        {"allocated-clusters", check->allocated, false},
        {"corruptions", check->errors, false},
        {"corruptions-fixed", check->fixed_errors, false},
        {"leaks", check->leaks, false},
        {"leaks-fixed", check->fixed_leaks, false},
    };

    printf("{\n");
    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (fields[i].always || fields[i].value != 0) {
            printf("    \"%s\": %" PRIu64 ",\n", fields[i].name, fields[i].value);
        }
    }
    printf("    \"filename\": ");
    img_print_json_string(path);
    printf(",\n    \"format\": \"%s\"", format);
    if (check->fragmented > 0) {
        printf(",\n    \"fragmented-clusters\": %" PRIu64, check->fragmented);
    }
    printf("\n}\n");
}

/* After a repair that did something: checks again, and says what was done. */
static int check_twice(struct block_image *image, struct block_check *check, bool quiet)
{
    struct block_check first;
    int result = image->driver->check(image, check);

    if (result < 0 || check->fixed_errors + check->fixed_leaks == 0) {
        return result;
    }
    first = *check;
    if (!quiet) {
        printf("The following inconsistencies were found and repaired:\n\n"
               "    %" PRIu64 " leaked clusters\n    %" PRIu64 " corruptions\n\n"
               "Double checking the fixed image now...\n",
               first.fixed_leaks, first.fixed_errors);
    }
    *check = (struct block_check){.report = first.report};
    result = image->driver->check(image, check);
    check->fixed_errors = first.fixed_errors;
    check->fixed_leaks = first.fixed_leaks;
    return result;
}

static int check_block(struct block *block, enum block_repair repair, bool quiet, bool json)
{
    struct block_image *image = block_get_image(block);
    struct block_check check = {.report = quiet || json ? NULL : print_finding, .repair = repair};

    if (image->driver->check == NULL) {
        img_fail("This image format does not support checks");
        return EXIT_UNSUPPORTED;
    }
    int result = check_twice(image, &check, quiet || json);
    if (result < 0) {
        img_fail("Check failed: %s",
                 result == -EFBIG ? "the file is too large" : g_strerror(-result));
        return EXIT_TROUBLE;
    }
    if (json) {
        print_json(&check, image->path, image->driver->name);
    } else if (!quiet) {
        print_summary(&check);
    }
    if (check.errors > 0) {
        return EXIT_CORRUPT;
    }
    return check.leaks > 0 ? EXIT_LEAKS : EXIT_CLEAN;
}

static int run_check(int argc, char **argv)
{
    static const struct option longs[] = {{"help", no_argument, NULL, 'h'},
                                          {"force-share", no_argument, NULL, 'U'},
                                          {"output", required_argument, NULL, 'O'},
                                          {"repair", required_argument, NULL, 'r'},
                                          {0}};
    enum block_repair repair = BLOCK_REPAIR_NOTHING;
    bool repairable = true;
    bool json = false;
    struct block_options options = {.read_only = true, .no_backing = true};
    GError *error = NULL;
    bool quiet = false;

    for (int c; (c = getopt_long(argc, argv, ":hf:qr:T:U", longs, NULL)) != -1;) {
        switch (c) {
        case 'h':
            return img_help(&img_check_command);
        case 'f':
            options.format = optarg;
            break;
        case 'q':
            quiet = true;
            break;
        case 'r':
            repair = strcmp(optarg, "all") == 0 ? BLOCK_REPAIR_ALL : BLOCK_REPAIR_LEAKS;
            if (repair == BLOCK_REPAIR_LEAKS && strcmp(optarg, "leaks") != 0) {
                return img_fail_usage(&img_check_command,
                                      "Unknown option value for -r (expecting 'leaks' or 'all'): %s",
                                      optarg);
            }
            options.read_only = false;
            options.repair = true;
            break;
        case 'O':
            if (img_output_option(optarg, &json) != 0) {
                return 1;
            }
            break;
        case 'T':
            if (img_cache_option(optarg, &options.cache) != 0) {
                return 1;
            }
            break;
        case 'U':
            options.no_lock = true;
            break;
        default:
            return img_bad_option(&img_check_command, c, argv);
        }
    }
    if (argc - optind != 1) {
        return img_fail_usage(&img_check_command, "Expecting one image file name");
    }
    struct block *block = img_open(argv[optind], &options, NULL, &error);
    if (block == NULL && repair != BLOCK_REPAIR_NOTHING && error->code == EROFS) {
        /* Perhaps a format that is only read: then that is what has to be said. */
        options.read_only = true;
        block = img_open(argv[optind], &options, NULL, NULL);
        repairable = block == NULL;
    }
    if (block == NULL || (!repairable && strcmp(block_format(block), "qcow2") == 0)) {
        block_close(block);
        return img_fail_error(&error);
    }
    g_clear_error(&error);
    if (repair != BLOCK_REPAIR_NOTHING && strcmp(block_format(block), "qcow2") != 0) {
        block_close(block);
        img_fail("This image format does not support %s", repairable ? "repairs" : "checks");
        return EXIT_UNSUPPORTED;
    }
    int status = check_block(block, repair, quiet, json);
    block_close(block);
    return status;
}

const struct img_command img_check_command = {
    .name = "check",
    .run = run_check,
    .usage = "[-f FORMAT] [-q] [-r leaks|all] [--output=human|json] [-T CACHE] [-U] FILE",
};
