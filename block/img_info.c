/*
 * vmm-img info: what an image is.
 */
#include "block/img.h"
#include "block/size.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static void print_text(const struct block_info *info)
{
    g_autofree char *virtual_size = block_size_text(info->virtual_bytes);
    g_autofree char *disk_size = block_size_text(info->actual_bytes);

    printf("image: %s\nfile format: %s\n", info->file_name, info->format);
    printf("virtual size: %s (%" G_GUINT64_FORMAT " bytes)\n", virtual_size, info->virtual_bytes);
    printf("disk size: %s\n", disk_size);
    if (info->cluster_bytes != 0) {
        printf("cluster_size: %u\n", info->cluster_bytes);
    }
    if (info->backing_name != NULL) {
        printf("backing file: %s", info->backing_name);
        if (strcmp(info->backing_name, info->backing_path) != 0) {
            printf(" (actual path: %s)", info->backing_path);
        }
        printf("\n");
    }
    if (info->backing_format != NULL) {
        printf("backing file format: %s\n", info->backing_format);
    }
}

static void print_json_string(const char *name, const char *value)
{
    printf("    \"%s\": \"", name);
    for (const char *c = value; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            printf("\\%c", *c);
        } else if ((unsigned char)*c < 0x20) {
            printf("\\u%04x", (unsigned char)*c);
        } else {
            putchar(*c);
        }
    }
    printf("\",\n");
}

static void print_json(const struct block_info *info)
{
    printf("{\n    \"virtual-size\": %" G_GUINT64_FORMAT ",\n", info->virtual_bytes);
    print_json_string("filename", info->file_name);
    if (info->cluster_bytes != 0) {
        printf("    \"cluster-size\": %u,\n", info->cluster_bytes);
    }
    print_json_string("format", info->format);
    printf("    \"actual-size\": %" G_GUINT64_FORMAT ",\n", info->actual_bytes);
    if (info->backing_name != NULL) {
        print_json_string("full-backing-filename", info->backing_path);
        print_json_string("backing-filename", info->backing_name);
    }
    if (info->backing_format != NULL) {
        print_json_string("backing-filename-format", info->backing_format);
    }
    printf("    \"dirty-flag\": false\n}\n");
}

static int show(const char *path, const struct block_options *options, bool json)
{
    GError *error = NULL;
    struct block_info info;
    struct block *block = block_open(path, options, NULL, &error);

    if (block == NULL) {
        return img_fail_error(&error);
    }
    block_get_info(block, &info);
    if (json) {
        print_json(&info);
    } else {
        print_text(&info);
    }
    block_close(block);
    return 0;
}

static int run_info(int argc, char **argv)
{
    static const struct option longs[] = {{"help", no_argument, NULL, 'h'},
                                          {"force-share", no_argument, NULL, 'U'},
                                          {"output", required_argument, NULL, 'O'},
                                          {0}};
    struct block_options options = {.read_only = true, .no_backing = true};
    bool json = false;

    for (int c; (c = getopt_long(argc, argv, ":hf:U", longs, NULL)) != -1;) {
        switch (c) {
        case 'h':
            return img_help(&img_info_command);
        case 'f':
            options.format = optarg;
            break;
        case 'U':
            options.no_lock = true;
            break;
        case 'O':
            json = strcmp(optarg, "json") == 0;
            if (!json && strcmp(optarg, "human") != 0) {
                return img_fail("--output must be used with human or json as argument.");
            }
            break;
        default:
            return img_bad_option(&img_info_command, c, argv);
        }
    }
    if (argc - optind != 1) {
        return img_fail_usage(&img_info_command, "Expecting one image file name");
    }
    return show(argv[optind], &options, json);
}

const struct img_command img_info_command = {
    .name = "info",
    .run = run_info,
    .usage = "[-f FORMAT] [--output=human|json] [-U] FILE",
};
