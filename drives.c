/* See the header. */
#include "drives.h"

#include <stdio.h>
#include <string.h>

#include "block/block.h"

#define FAIL(error, ...) (g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, __VA_ARGS__), false)

static bool is_on(const struct option_drive *d, const char *interface)
{
    return strcmp(d->interface, interface) == 0;
}

static const struct option_drive *find_index(const struct options *o, const char *interface, int index)
{
    for (guint i = 0; i < o->drives->len; i++) {
        const struct option_drive *d = g_ptr_array_index(o->drives, i);
        if (d->index == index && is_on(d, interface)) {
            return d;
        }
    }
    return NULL;
}

/* Gives the drives of an interface that have no index= the next free place; two at one place are an error.
 * names: of the places. */
static bool drives_place(const struct options *o, const char *interface, const char *const *names, int places,
                         GError **error)
{
    unsigned taken = 0;
    for (guint i = 0; i < o->drives->len; i++) {
        const struct option_drive *d = g_ptr_array_index(o->drives, i);
        if (d->index < 0 || !is_on(d, interface)) {
            continue;
        }
        if (taken & 1u << d->index) {
            return FAIL(error, "two drives for %s: move '%s' elsewhere", names[d->index],
                        d->file != NULL ? d->file : "the empty drive");
        }
        taken |= 1u << d->index;
    }
    for (guint i = 0; i < o->drives->len; i++) {
        struct option_drive *d = g_ptr_array_index(o->drives, i);
        for (int k = 0; k < places && d->index < 0 && is_on(d, interface); k++) {
            if ((taken & 1u << k) == 0) {
                taken |= 1u << k;
                d->index = k;
            }
        }
        if (d->index < 0 && is_on(d, interface)) {
            return FAIL(error, "more than %d %s drives: no place for '%s'", places,
                        strcmp(interface, "ide") == 0 ? "IDE" : interface, d->file != NULL ? d->file : "");
        }
    }
    return true;
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
    /* Media that go from hand to hand are what they are: their format is not guessed. */
    bool removable = d->cdrom || is_on(d, "floppy");
    struct block_options options = {
        .format = removable && d->format == NULL ? "raw" : d->format,
        .read_only = d->readonly,
        .snapshot = (d->snapshot || o->snapshot) && !d->cdrom,
        .discard = d->discard,
        .allow_backing = d->allow_backing,
    };
    *block = NULL;
    if (d->file == NULL) {
        return true;
    }
    if (d->cache != NULL) {
        block_cache_parse(d->cache, &options.cache);
    }
    if (d->aio != NULL) {
        options.aio = strcmp(d->aio, "native") == 0 ? BLOCK_AIO_NATIVE : BLOCK_AIO_THREADS;
    }
    if (d->detect_zeroes != NULL && strcmp(d->detect_zeroes, "off") != 0) {
        options.detect_zeroes =
            strcmp(d->detect_zeroes, "on") == 0 ? BLOCK_DETECT_ZEROES_ON : BLOCK_DETECT_ZEROES_UNMAP;
    }
    *block = block_open(d->file, &options, events, error);
    if (*block != NULL && !removable) {
        note_probed(*block, d->file);
    }
    return *block != NULL;
}

static void list_drive(struct drives *drives, const struct option_drive *d, enum monitor_drive_kind kind,
                       char *name, struct block *block)
{
    drives->names[drives->count] = name;
    drives->list[drives->count++] = (struct monitor_drive){
        .name = name,
        .removable = d->cdrom || kind == MONITOR_DRIVE_FLOPPY,
        .block = block,
        .kind = kind,
        .index = (unsigned)MAX(d->index, 0),
        .read_only = d->readonly,
        .allow_backing = d->allow_backing,
    };
}

/* What -device says of an IDE drive. */
static void set_ide_options(struct pc_drive_config *c, const struct option_drive *d)
{
    c->options.serial = d->serial;
    c->options.model = d->model;
    c->options.firmware = d->version;
    c->options.wwn = d->wwn;
    c->options.physical_bytes = d->physical_bytes;
    c->options.write_cache_off = d->write_cache_off;
    c->options.geometry = (struct ide_geometry){
        .cylinders = (uint16_t)d->cylinders, .heads = (uint16_t)d->heads, .sectors = (uint16_t)d->sectors};
    c->translation = d->translation;
    c->boot_rank = (unsigned)d->boot_rank;
}

static bool open_ide(struct drives *drives, const struct options *o, struct event_queue *events,
                     struct pc_config *config, GError **error)
{
    static const char *const names[PC_IDE_DRIVES] = { "-hda (index 0)", "-hdb (index 1)",
                                                      "-hdc or -cdrom (index 2)", "-hdd (index 3)" };
    if (!drives_place(o, "ide", names, PC_IDE_DRIVES, error)) {
        return false;
    }
    for (int i = 0; i < PC_IDE_DRIVES; i++) {
        const struct option_drive *d = find_index(o, "ide", i);
        if (d == NULL) {
            if (i != 2) {
                continue;
            }
            /* As on every PC of the time there is an empty CD drive unless its place is taken. */
            static const struct option_drive empty = { .index = 2, .cdrom = true, .readonly = true };
            d = &empty;
        }
        struct pc_drive_config *c = &config->drives[i];
        if (d->file != NULL && !drive_open(d, o, events, &c->block, error)) {
            return false;
        }
        c->present = true;
        c->kind = d->cdrom ? IDE_CDROM : IDE_DISK;
        set_ide_options(c, d);
        block_error_policy_parse(d->werror, &c->options.write_error);
        block_error_policy_parse(d->rerror, &c->options.read_error);
        char *name = d->id != NULL ? g_strdup(d->id)
                                   : g_strdup_printf("ide%d-%s%d", i / 2, d->cdrom ? "cd" : "hd", i % 2);
        list_drive(drives, d, MONITOR_DRIVE_IDE, name, c->block);
    }
    return true;
}

static bool open_floppies(struct drives *drives, const struct options *o, struct event_queue *events,
                          struct pc_config *config, GError **error)
{
    static const char *const names[I82078_DRIVES] = { "-fda (index 0)", "-fdb (index 1)" };
    if (!drives_place(o, "floppy", names, I82078_DRIVES, error)) {
        return false;
    }
    for (int i = 0; i < I82078_DRIVES; i++) {
        const struct option_drive *d = find_index(o, "floppy", i);
        struct pc_floppy_config *c = &config->floppies[i];
        if (d == NULL) {
            continue;
        }
        if (!drive_open(d, o, events, &c->block, error)) {
            return false;
        }
        c->present = true;
        block_error_policy_parse(d->werror, &c->options.write_error);
        block_error_policy_parse(d->rerror, &c->options.read_error);
        c->options.type = (enum floppy_type)d->floppy_type;
        c->boot_rank = (unsigned)d->boot_rank;
        list_drive(drives, d, MONITOR_DRIVE_FLOPPY,
                   d->id != NULL ? g_strdup(d->id) : g_strdup_printf("floppy%d", i), c->block);
    }
    return true;
}

/* Chip 1 without chip 0 would be variables without a firmware that knows them. */
static bool open_flashes(struct drives *drives, const struct options *o, struct event_queue *events,
                         struct pc_config *config, GError **error)
{
    static const char *const names[PC_FLASHES] = { "flash chip 0", "flash chip 1" };
    if (!drives_place(o, "pflash", names, PC_FLASHES, error)) {
        return false;
    }
    for (int i = 0; i < PC_FLASHES; i++) {
        const struct option_drive *d = find_index(o, "pflash", i);
        if (d == NULL) {
            continue;
        }
        if (i > 0 && config->flash[0] == NULL) {
            return FAIL(error, "-drive if=pflash,unit=1: there is no unit=0, which holds the firmware");
        }
        if (!drive_open(d, o, events, &config->flash[i], error)) {
            return false;
        }
        list_drive(drives, d, MONITOR_DRIVE_FLASH, d->id != NULL ? g_strdup(d->id) : g_strdup_printf("pflash%d", i),
                   config->flash[i]);
    }
    return true;
}

/* Drives that no device uses are opened all the same: mistakes in them should show. */
static bool open_unused(struct drives *drives, const struct options *o, struct event_queue *events, GError **error)
{
    unsigned count = 0;
    for (guint i = 0; i < o->drives->len; i++) {
        const struct option_drive *d = g_ptr_array_index(o->drives, i);
        struct block *block;
        if (!is_on(d, "none")) {
            continue;
        }
        if (count >= DRIVES_UNUSED) {
            return FAIL(error, "more than %d drives with if=none that no -device uses", DRIVES_UNUSED);
        }
        if (!drive_open(d, o, events, &block, error)) {
            return false;
        }
        list_drive(drives, d, MONITOR_DRIVE_NONE,
                   d->id != NULL ? g_strdup(d->id) : g_strdup_printf("none%u", count), block);
        count++;
    }
    return true;
}

bool drives_open(struct drives *drives, const struct options *o, struct event_queue *events, struct pc_config *config,
                 GError **error)
{
    return open_ide(drives, o, events, config, error) && open_floppies(drives, o, events, config, error) &&
           open_flashes(drives, o, events, config, error) &&
           open_unused(drives, o, events, error);
}

void drives_close(struct drives *drives)
{
    for (unsigned i = 0; i < drives->count; i++) {
        block_close(drives->list[i].block);
        g_free(drives->names[i]);
    }
    drives->count = 0;
}
