/*
 * vmm-img info: what an image is.
 */
#include "block/img.h"
#include "block/size.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

void img_print_snapshots(const struct block_snapshot *list, unsigned count)
{
    g_autoptr(GString) out = g_string_new("Snapshot list:\n");

    block_snapshot_heading(out);
    for (unsigned i = 0; i < count; i++) {
        block_snapshot_row(&list[i], out);
    }
    fputs(out->str, stdout);
}

static void print_details(const struct block_details *details)
{
    static const char *const words[] = {"false", "true"};

    printf("Format specific information:\n    compat: %s\n    compression type: %s\n",
           details->compat, details->compression);
    if (details->version_3) {
        printf("    lazy refcounts: %s\n", words[details->lazy_refcounts]);
    }
    printf("    refcount bits: %u\n", details->refcount_bits);
    if (details->data_file != NULL) {
        printf("    data file: %s\n    data file raw: %s\n", details->data_file,
               words[details->data_file_raw]);
    }
    if (details->version_3) {
        printf("    corrupt: %s\n    extended l2: %s\n", words[details->corrupt],
               words[details->extended_l2]);
    }
}

static void print_text(struct block *block, const struct block_info *info)
{
    unsigned count;
    const struct block_snapshot *list = block_snapshots(block, &count);
    g_autofree char *virtual_size = block_size_text(info->virtual_bytes);
    g_autofree char *disk_size = block_size_text(info->actual_bytes);

    printf("image: %s\nfile format: %s\n", info->file_name, info->format);
    printf("virtual size: %s (%" G_GUINT64_FORMAT " bytes)\n", virtual_size, info->virtual_bytes);
    printf("disk size: %s\n", disk_size);
    if (info->dirty) {
        printf("cleanly shut down: no\n");
    }
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
    if (count > 0) {
        img_print_snapshots(list, count);
    }
    if (info->details != NULL) {
        print_details(info->details);
    }
}

/* ---- JSON ---- */

static void print_json_text(const char *name, const char *value)
{
    printf("    \"%s\": ", name);
    img_print_json_string(value);
    printf(",\n");
}

static const char *on_off(bool value)
{
    return value ? "true" : "false";
}

static void print_json_details(const struct block_details *details, const char *format)
{
    printf("    \"format-specific\": {\n        \"type\": \"%s\",\n        \"data\": {\n", format);
    printf("            \"compat\": \"%s\",\n            \"compression-type\": \"%s\",\n",
           details->compat, details->compression);
    if (details->version_3) {
        printf("            \"lazy-refcounts\": %s,\n", on_off(details->lazy_refcounts));
    }
    printf("            \"refcount-bits\": %u", details->refcount_bits);
    if (details->data_file != NULL) {
        printf(",\n            \"data-file\": ");
        img_print_json_string(details->data_file);
        printf(",\n            \"data-file-raw\": %s", on_off(details->data_file_raw));
    }
    if (details->version_3) {
        printf(",\n            \"corrupt\": %s,\n            \"extended-l2\": %s",
               on_off(details->corrupt), on_off(details->extended_l2));
    }
    printf("\n        }\n    },\n");
}

static void print_json_snapshots(const struct block_snapshot *list, unsigned count)
{
    printf("    \"snapshots\": [\n");
    for (unsigned i = 0; i < count; i++) {
        const struct block_snapshot *snapshot = &list[i];
        printf("        {\n");
        if (snapshot->icount != UINT64_MAX) {
            printf("            \"icount\": %" G_GUINT64_FORMAT ",\n", snapshot->icount);
        }
        printf("            \"vm-clock-nsec\": %u,\n            \"name\": ",
               (unsigned)(snapshot->clock_ns % 1000000000));
        img_print_json_string(snapshot->name);
        printf(",\n            \"date-sec\": %" G_GINT64_FORMAT
               ",\n            \"date-nsec\": %u,\n            \"vm-clock-sec\": %" G_GUINT64_FORMAT
               ",\n            \"id\": ",
               snapshot->date_seconds, snapshot->date_ns, snapshot->clock_ns / 1000000000);
        img_print_json_string(snapshot->id);
        printf(",\n            \"vm-state-size\": %" G_GUINT64_FORMAT "\n        }%s\n",
               snapshot->state_bytes, i + 1 < count ? "," : "");
    }
    printf("    ],\n");
}

static void print_json(struct block *block, const struct block_info *info)
{
    unsigned count;
    const struct block_snapshot *list = block_snapshots(block, &count);

    printf("{\n");
    if (count > 0) {
        print_json_snapshots(list, count);
    }
    if (info->backing_format != NULL) {
        print_json_text("backing-filename-format", info->backing_format);
    }
    printf("    \"virtual-size\": %" G_GUINT64_FORMAT ",\n", info->virtual_bytes);
    print_json_text("filename", info->file_name);
    if (info->cluster_bytes != 0) {
        printf("    \"cluster-size\": %u,\n", info->cluster_bytes);
    }
    print_json_text("format", info->format);
    printf("    \"actual-size\": %" G_GUINT64_FORMAT ",\n", info->actual_bytes);
    if (info->details != NULL) {
        print_json_details(info->details, info->format);
    }
    if (info->backing_name != NULL) {
        print_json_text("full-backing-filename", info->backing_path);
        print_json_text("backing-filename", info->backing_name);
    }
    printf("    \"dirty-flag\": %s\n}\n", on_off(info->dirty));
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
        print_json(block, &info);
    } else {
        print_text(block, &info);
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
