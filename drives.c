/* See the header. */
#include "drives.h"

#include <stdio.h>
#include <string.h>

#include "block/block.h"

static const struct option_drive *find_index(const struct options *o, int index)
{
    for (guint i = 0; i < o->drives->len; i++) {
        const struct option_drive *d = g_ptr_array_index(o->drives, i);
        if (d->index == index) {
            return d;
        }
    }
    return NULL;
}

/* Gives -drive without index= the next free place; two drives at one place are an error. */
static bool drives_place(const struct options *o, GError **error)
{
    bool taken[PC_IDE_DRIVES] = { false };
    for (guint i = 0; i < o->drives->len; i++) {
        const struct option_drive *d = g_ptr_array_index(o->drives, i);
        if (d->index >= 0 && taken[d->index]) {
            static const char *const option[] = { "-hda (index 0)", "-hdb (index 1)", "-hdc or -cdrom (index 2)",
                                                  "-hdd (index 3)" };
            g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "two drives for %s: move '%s' elsewhere",
                        option[d->index], d->file != NULL ? d->file : "the empty CD drive");
            return false;
        }
        if (d->index >= 0) {
            taken[d->index] = true;
        }
    }
    for (guint i = 0; i < o->drives->len; i++) {
        struct option_drive *d = g_ptr_array_index(o->drives, i);
        for (int k = 0; k < PC_IDE_DRIVES && d->index < 0; k++) {
            if (!taken[k]) {
                taken[k] = true;
                d->index = k;
            }
        }
        if (d->index < 0) {
            g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                        "more than %d IDE drives: no place for '%s'", PC_IDE_DRIVES, d->file != NULL ? d->file : "");
            return false;
        }
    }
    return true;
}

static enum ide_error_policy policy(const char *name)
{
    static const struct {
        const char *name;
        enum ide_error_policy policy;
    } rows[] = { { "report", IDE_ERROR_REPORT }, { "ignore", IDE_ERROR_IGNORE }, { "stop", IDE_ERROR_STOP },
                 { "enospc", IDE_ERROR_ENOSPC } };
    for (unsigned i = 0; name != NULL && i < G_N_ELEMENTS(rows); i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return rows[i].policy;
        }
    }
    return IDE_ERROR_DEFAULT;
}

/* A disk whose format had to be guessed: say so once, since a guest can write another format's header into a
 * raw disk. */
static void note_probed(struct block *block, const char *file)
{
    struct block_info info;
    block_get_info(block, &info);
    if (info.probed && strcmp(info.format, "raw") == 0) {
        fprintf(stderr, "vmm: note: '%s' is taken as a raw disk; format=raw says so for good\n", file);
    }
}

static bool drive_open(const struct option_drive *d, const struct options *o, struct event_queue *events,
                       struct block **block, GError **error)
{
    struct block_options options = {
        .format = d->cdrom && d->format == NULL ? "raw" : d->format,
        .read_only = d->readonly,
        .snapshot = (d->snapshot || o->snapshot) && !d->cdrom,
    };
    *block = NULL;
    if (d->file == NULL) {
        return true;
    }
    if (d->cache != NULL) {
        block_cache_parse(d->cache, &options.cache);
    }
    *block = block_open(d->file, &options, events, error);
    if (*block == NULL) {
        return false;
    }
    if (!d->cdrom) {
        note_probed(*block, d->file);
    }
    return true;
}

bool drives_open(struct drives *drives, const struct options *o, struct event_queue *events, struct pc_config *config,
                 GError **error)
{
    if (!drives_place(o, error)) {
        return false;
    }
    for (int i = 0; i < PC_IDE_DRIVES; i++) {
        const struct option_drive *d = find_index(o, i);
        if (d == NULL) {
            if (i != 2) {
                continue;
            }
            /* As on every PC of the time there is an empty CD drive unless its place is taken. */
            static const struct option_drive empty = { .index = 2, .cdrom = true, .readonly = true };
            d = &empty;
        }
        struct block *block;
        if (!drive_open(d, o, events, &block, error)) {
            return false;
        }
        struct pc_drive_config *c = &config->drives[i];
        c->present = true;
        c->kind = d->cdrom ? IDE_CDROM : IDE_DISK;
        c->block = block;
        c->options.write_error = policy(d->werror);
        c->options.read_error = policy(d->rerror);
        char *name = d->id != NULL ? g_strdup(d->id)
                                   : g_strdup_printf("ide%d-%s%d", i / 2, d->cdrom ? "cd" : "hd", i % 2);
        drives->names[drives->count] = name;
        drives->list[drives->count++] =
            (struct monitor_drive){ .name = name, .removable = d->cdrom, .block = block, .index = (unsigned)i };
    }
    return true;
}

void drives_close(struct drives *drives)
{
    for (unsigned i = 0; i < drives->count; i++) {
        block_close(drives->list[i].block);
        g_free(drives->names[i]);
    }
    drives->count = 0;
}
