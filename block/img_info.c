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

static void print_json_text(GString *out, const char *name, const char *value)
{
    g_string_append_printf(out, "    \"%s\": ", name);
    img_json_string(out, value);
    g_string_append_printf(out, ",\n");
}

static const char *on_off(bool value)
{
    return value ? "true" : "false";
}

static void print_json_details(GString *out, const struct block_details *details, const char *format)
{
    g_string_append_printf(out, "    \"format-specific\": {\n        \"type\": \"%s\",\n        \"data\": {\n", format);
    g_string_append_printf(out, "            \"compat\": \"%s\",\n            \"compression-type\": \"%s\",\n",
           details->compat, details->compression);
    if (details->version_3) {
        g_string_append_printf(out, "            \"lazy-refcounts\": %s,\n", on_off(details->lazy_refcounts));
    }
    g_string_append_printf(out, "            \"refcount-bits\": %u", details->refcount_bits);
    if (details->data_file != NULL) {
        g_string_append_printf(out, ",\n            \"data-file\": ");
        img_json_string(out, details->data_file);
        g_string_append_printf(out, ",\n            \"data-file-raw\": %s", on_off(details->data_file_raw));
    }
    if (details->version_3) {
        g_string_append_printf(out, ",\n            \"corrupt\": %s,\n            \"extended-l2\": %s",
               on_off(details->corrupt), on_off(details->extended_l2));
    }
    g_string_append_printf(out, "\n        }\n    },\n");
}

static void print_json_snapshots(GString *out, const struct block_snapshot *list, unsigned count)
{
    g_string_append_printf(out, "    \"snapshots\": [\n");
    for (unsigned i = 0; i < count; i++) {
        const struct block_snapshot *snapshot = &list[i];
        g_string_append_printf(out, "        {\n");
        if (snapshot->icount != UINT64_MAX) {
            g_string_append_printf(out, "            \"icount\": %" G_GUINT64_FORMAT ",\n", snapshot->icount);
        }
        g_string_append_printf(out, "            \"vm-clock-nsec\": %u,\n            \"name\": ",
               (unsigned)(snapshot->clock_ns % 1000000000));
        img_json_string(out, snapshot->name);
        g_string_append_printf(out, ",\n            \"date-sec\": %" G_GINT64_FORMAT
               ",\n            \"date-nsec\": %u,\n            \"vm-clock-sec\": %" G_GUINT64_FORMAT
               ",\n            \"id\": ",
               snapshot->date_seconds, snapshot->date_ns, snapshot->clock_ns / 1000000000);
        img_json_string(out, snapshot->id);
        g_string_append_printf(out, ",\n            \"vm-state-size\": %" G_GUINT64_FORMAT "\n        }%s\n",
               snapshot->state_bytes, i + 1 < count ? "," : "");
    }
    g_string_append_printf(out, "    ],\n");
}

static void print_json(GString *out, struct block *block, const struct block_info *info)
{
    unsigned count;
    const struct block_snapshot *list = block_snapshots(block, &count);

    g_string_append_printf(out, "{\n");
    if (count > 0) {
        print_json_snapshots(out, list, count);
    }
    if (info->backing_format != NULL) {
        print_json_text(out, "backing-filename-format", info->backing_format);
    }
    g_string_append_printf(out, "    \"virtual-size\": %" G_GUINT64_FORMAT ",\n", info->virtual_bytes);
    print_json_text(out, "filename", info->file_name);
    if (info->cluster_bytes != 0) {
        g_string_append_printf(out, "    \"cluster-size\": %u,\n", info->cluster_bytes);
    }
    print_json_text(out, "format", info->format);
    g_string_append_printf(out, "    \"actual-size\": %" G_GUINT64_FORMAT ",\n", info->actual_bytes);
    if (info->details != NULL) {
        print_json_details(out, info->details, info->format);
    }
    if (info->backing_name != NULL) {
        print_json_text(out, "full-backing-filename", info->backing_path);
        print_json_text(out, "backing-filename", info->backing_name);
    }
    g_string_append_printf(out, "    \"dirty-flag\": %s\n}", on_off(info->dirty));
}

/* With so many blanks before each line; no new line at the end. */
static void put_indented(const char *text, int indent)
{
    for (const char *end; text != NULL; text = end != NULL ? end + 1 : NULL) {
        end = strchr(text, '\n');
        printf("%*s%.*s%s", indent, "", end != NULL ? (int)(end - text) : (int)strlen(text), text,
               end != NULL ? "\n" : "");
    }
}

/* *next gets the backing file's path (newly allocated), NULL at the end, and *format its format. */
static int show(const char *path, const struct block_options *options, bool json, int indent,
                char **next, char **format)
{
    GError *error = NULL;
    struct block_info info;
    struct block *block = img_open(path, options, NULL, &error);

    *next = *format = NULL;
    if (block == NULL) {
        return img_fail_error(&error);
    }
    block_get_info(block, &info);
    if (json) {
        g_autoptr(GString) out = g_string_new(NULL);
        print_json(out, block, &info);
        put_indented(out->str, indent);
    } else {
        print_text(block, &info);
    }
    *next = g_strdup(info.backing_path);
    *format = g_strdup(info.backing_format);
    block_close(block);
    return 0;
}

/* Is it this file, that was shown before? */
static bool is_shown(GPtrArray *shown, const char *path)
{
    for (unsigned i = 0; i < shown->len; i++) {
        if (strcmp(g_ptr_array_index(shown, i), path) == 0) {
            return true;
        }
    }
    return false;
}

/* The image and what lies below it. Nothing but headers is read, so any file may be named. */
static int show_chain(const char *path, struct block_options options, bool json)
{
    g_autoptr(GPtrArray) shown = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *format = g_strdup(options.format);
    char *next = g_strdup(path);
    int status = 0;

    printf("%s", json ? "[\n" : "");
    while (next != NULL && status == 0) {
        if (is_shown(shown, next)) {
            status = img_fail("Backing file '%s' creates an infinite loop.", next);
            g_free(next);
            break;
        }
        g_ptr_array_add(shown, next);
        char *below = NULL, *below_format = NULL;
        if (shown->len > 1) {
            printf("%s\n", json ? "," : "");
        }
        options.format = format;
        status = show(next, &options, json, 4, &below, &below_format);
        next = below;
        g_free(format);
        format = below_format;
    }
    printf("%s", json ? "\n]\n" : "");
    return status;
}

static int run_info(int argc, char **argv)
{
    static const struct option longs[] = {{"help", no_argument, NULL, 'h'},
                                          {"force-share", no_argument, NULL, 'U'},
                                          {"output", required_argument, NULL, 'O'},
                                          {"backing-chain", no_argument, NULL, 'B'},
                                          {0}};
    struct block_options options = {.read_only = true, .no_backing = true};
    bool json = false, chain = false;

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
        case 'B':
            chain = true;
            break;
        case 'O':
            if (img_output_option(optarg, &json) != 0) {
                return 1;
            }
            break;
        default:
            return img_bad_option(&img_info_command, c, argv);
        }
    }
    if (argc - optind != 1) {
        return img_fail_usage(&img_info_command, "Expecting one image file name");
    }
    if (chain) {
        return show_chain(argv[optind], options, json);
    }
    g_autofree char *next = NULL, *format = NULL;
    int status = show(argv[optind], &options, json, 0, &next, &format);
    if (status == 0 && json) {
        printf("\n");
    }
    return status;
}

const struct img_command img_info_command = {
    .name = "info",
    .run = run_info,
    .usage = "[-f FORMAT] [--output=human|json] [--backing-chain] [-U] FILE",
};
