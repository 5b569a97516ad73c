/*
 * vmm-img snapshot: lists, creates, applies and deletes snapshots inside an image.
 */
#include "block/img.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static int fail(int action, const char *name, GError **error)
{
    const char *verb = action == 'c' ? "create" : action == 'a' ? "apply" : "delete";
    bool missing = g_error_matches(*error, BLOCK_ERROR, ENOENT);

    if (missing && action == 'd') {
        img_fail("Could not delete snapshot '%s': snapshot not found", name);
    } else if (missing && action == 'a') {
        img_fail("Could not apply snapshot '%s': Failed to load snapshot: %s", name,
                 g_strerror(ENOENT));
    } else {
        img_fail("Could not %s snapshot '%s': %s", verb, name, (*error)->message);
    }
    g_clear_error(error);
    return 1;
}

const char *img_snapshot_name(const char *text)
{
    static const char *const keys[] = {"snapshot.id=", "snapshot.name="};

    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (g_str_has_prefix(text, keys[i])) {
            return text + strlen(keys[i]);
        }
    }
    return text;
}

static int run_action(struct block *block, int action, const char *name)
{
    const struct block_snapshot *list;
    GError *error = NULL;
    unsigned count;
    bool ok = true;

    switch (action) {
    case 'l':
        list = block_snapshots(block, &count);
        if (list != NULL) {
            img_print_snapshots(list, count);
        }
        break;
    case 'c':
        ok = block_snapshot_create(block, name, NULL, &error);
        break;
    case 'a':
        ok = block_snapshot_apply(block, name, &error);
        break;
    case 'd':
        ok = block_snapshot_delete(block, name, &error);
        break;
    }
    return ok ? 0 : fail(action, name, &error);
}

static int run_snapshot(int argc, char **argv)
{
    static const struct option longs[] = {
        {"help", no_argument, NULL, 'h'}, {"force-share", no_argument, NULL, 'U'}, {0}};
    struct block_options options = {.no_backing = true, .allow_backing = true};
    GError *error = NULL;
    const char *name = NULL;
    int action = 0;

    for (int c; (c = getopt_long(argc, argv, ":hla:c:d:f:qU", longs, NULL)) != -1;) {
        switch (c) {
        case 'h':
            return img_help(&img_snapshot_command);
        case 'l':
        case 'a':
        case 'c':
        case 'd':
            if (action != 0) {
                return img_fail_usage(&img_snapshot_command, "Cannot mix '-l', '-a', '-c', '-d'");
            }
            action = c;
            name = optarg;
            break;
        case 'f':
            options.format = optarg;
            break;
        case 'q':
            break;
        case 'U':
            options.no_lock = true;
            break;
        default:
            return img_bad_option(&img_snapshot_command, c, argv);
        }
    }
    if (argc - optind != 1) {
        return img_fail_usage(&img_snapshot_command, "Expecting one image file name");
    }
    options.read_only = action == 'l' || action == 0;
    /* Going back can make the disk longer, where the backing file must not shine through. */
    options.no_backing = action != 'a';
    struct block *block = img_open(argv[optind], &options, NULL, &error);
    if (block == NULL) {
        return img_fail_error(&error);
    }
    int status = run_action(block, action, name);
    block_close(block);
    return status;
}

const struct img_command img_snapshot_command = {
    .name = "snapshot",
    .run = run_snapshot,
    .usage = "[-f FORMAT] [-q] [-U] [-l | -a NAME | -c NAME | -d NAME] FILE",
};
