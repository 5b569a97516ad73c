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
    printf("%" PRIu64 "/%" PRIu64 " = %.2f%% allocated, %.2f%% compressed clusters\n",
           check->allocated, check->clusters, percent(check->allocated, check->clusters),
           percent(check->compressed, check->allocated));
    printf("Image end offset: %" PRIu64 "\n", check->end_offset);
}

static int check_block(struct block *block, bool quiet)
{
    struct block_image *image = block_get_image(block);
    struct block_check check = {.report = quiet ? NULL : print_finding};

    if (image->driver->check == NULL) {
        img_fail("This image format does not support checks");
        return EXIT_UNSUPPORTED;
    }
    int result = image->driver->check(image, &check);
    if (result < 0) {
        img_fail("Check failed: %s",
                 result == -EFBIG ? "the file is too large" : g_strerror(-result));
        return EXIT_TROUBLE;
    }
    if (!quiet) {
        print_summary(&check);
    }
    if (check.errors > 0) {
        return EXIT_CORRUPT;
    }
    return check.leaks > 0 ? EXIT_LEAKS : EXIT_CLEAN;
}

static int run_check(int argc, char **argv)
{
    static const struct option longs[] = {
        {"help", no_argument, NULL, 'h'}, {"force-share", no_argument, NULL, 'U'}, {0}};
    struct block_options options = {.read_only = true, .no_backing = true};
    GError *error = NULL;
    bool quiet = false;

    for (int c; (c = getopt_long(argc, argv, ":hf:qr:U", longs, NULL)) != -1;) {
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
            return img_fail("repairing (-r %s) is not supported yet; leave out -r", optarg);
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
    struct block *block = block_open(argv[optind], &options, NULL, &error);
    if (block == NULL) {
        return img_fail_error(&error);
    }
    int status = check_block(block, quiet);
    block_close(block);
    return status;
}

const struct img_command img_check_command = {
    .name = "check",
    .run = run_check,
    .usage = "[-f FORMAT] [-q] [-U] FILE",
};
