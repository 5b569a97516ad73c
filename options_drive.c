/* See the header. */
#include "options_drive.h"

#include <string.h>

#define FAIL(error, ...) (g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, __VA_ARGS__), false)

void option_drive_free(gpointer data)
{
    struct option_drive *d = data;
    g_free(d->file);
    g_free(d->interface);
    g_free(d->format);
    g_free(d->cache);
    g_free(d->aio);
    g_free(d->detect_zeroes);
    g_free(d->werror);
    g_free(d->rerror);
    g_free(d->id);
    g_free(d->serial);
    g_free(d->model);
    g_free(d->version);
    g_free(d->translation);
    g_free(d);
}

struct option_drive *option_drive_new(struct options *o)
{
    struct option_drive *d = g_new0(struct option_drive, 1);
    d->interface = g_strdup("ide");
    d->index = -1;
    g_ptr_array_add(o->drives, d);
    return d;
}

/* -hda .. -hdd: the last letter is the index. */
bool option_set_hd(void *target, const struct option *option, const char *arg, GError **error)
{
    struct option_drive *d = option_drive_new(target);
    d->file = g_strdup(arg);
    d->index = option->name[2] - 'a';
    return true;
}

/* -fda, -fdb; an empty name is a drive without a disk. Never probed. */
bool option_set_fd(void *target, const struct option *option, const char *arg, GError **error)
{
    struct option_drive *d = option_drive_new(target);
    g_free(d->interface);
    d->interface = g_strdup("floppy");
    d->file = arg[0] != '\0' ? g_strdup(arg) : NULL;
    d->index = option->name[2] - 'a';
    return true;
}

bool option_set_cdrom(void *target, const struct option *option, const char *arg, GError **error)
{
    struct option_drive *d = option_drive_new(target);
    d->file = arg[0] != '\0' ? g_strdup(arg) : NULL;
    d->index = 2;
    d->cdrom = true;
    d->readonly = true;
    return true;
}

bool option_bare_drive(void *target, const char *word, GError **error)
{
    struct option_drive *d = option_drive_new(target);
    d->file = g_strdup(word);
    d->index = 0;
    return true;
}

bool option_drive_number(const struct option_list *list, const char *name, int max, int *value, GError **error)
{
    const char *text = option_list_get(list, name);
    char *end;
    if (text == NULL) {
        return true;
    }
    uint64_t n = g_ascii_strtoull(text, &end, 10);
    if (end == text || *end != '\0' || n > (uint64_t)max) {
        return FAIL(error, "%s=%s: must be a number from 0 to %d", name, text, max);
    }
    *value = (int)n;
    return true;
}

bool option_drive_choice(const struct option_list *list, const char *name, const char *const *choices, char **member,
                         GError **error)
{
    const char *text = option_list_get(list, name);
    if (text == NULL) {
        return true;
    }
    if (!g_strv_contains(choices, text)) {
        g_autofree char *all = g_strjoinv(", ", (char **)choices);
        return FAIL(error, "%s=%s: must be one of %s", name, text, all);
    }
    g_free(*member);
    *member = g_strdup(text);
    return true;
}

/* discard=unmap|on|ignore|off */
static bool drive_discard(const struct option_list *list, bool *discard, GError **error)
{
    static const char *const choices[] = { "ignore", "off", "unmap", "on", NULL };
    g_autofree char *text = NULL;
    if (!option_drive_choice(list, "discard", choices, &text, error)) {
        return false;
    }
    *discard = text != NULL && (strcmp(text, "unmap") == 0 || strcmp(text, "on") == 0);
    return true;
}

bool option_drive_flag(const struct option_list *list, const char *name, bool *flag, GError **error)
{
    const char *text = option_list_get(list, name);
    return text == NULL || option_parse_bool(text, flag, error);
}

bool option_drive_errors(struct option_drive *d, const struct option_list *list, GError **error)
{
    static const char *const werrors[] = { "report", "stop", "enospc", "ignore", NULL };
    static const char *const rerrors[] = { "report", "stop", "ignore", NULL };
    return option_drive_choice(list, "werror", werrors, &d->werror, error) &&
           option_drive_choice(list, "rerror", rerrors, &d->rerror, error);
}

bool option_drive_check_id(const char *id, GError **error)
{
    if (id == NULL || (g_ascii_isalpha(id[0]) &&
                       strspn(id, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "-._") == strlen(id))) {
        return true;
    }
    return FAIL(error, "id=%s: must be letters, digits, '-', '.' and '_', a letter first", id);
}

/* Settings of QEMU's that would change what the guest sees, if they were taken and ignored. */
static bool refuse_throttling(const struct option_list *list, GError **error)
{
    for (guint i = 0; i < list->names->len; i++) {
        const char *name = g_ptr_array_index(list->names, i);
        if (g_str_has_prefix(name, "bps") || g_str_has_prefix(name, "iops") || g_str_has_prefix(name, "throttling.")) {
            return FAIL(error, "%s: drives are not throttled here; leave it out, or limit vmm with a cgroup (io.max)",
                        name);
        }
    }
    bool copy = false;
    if (!option_drive_flag(list, "copy-on-read", &copy, error)) {
        return false;
    }
    return !copy || FAIL(error, "copy-on-read=on: not supported; vmm-img rebase copies a backing file's data");
}

/* cache.direct=, cache.no-flush=, cache.writeback=: cache= in pieces. */
static bool cache_pieces(const struct option_list *list, char **cache, GError **error)
{
    bool direct = false, no_flush = false, writeback = true;
    if (option_list_get(list, "cache.direct") == NULL && option_list_get(list, "cache.no-flush") == NULL &&
        option_list_get(list, "cache.writeback") == NULL) {
        return true;
    }
    if (!option_drive_flag(list, "cache.direct", &direct, error) ||
        !option_drive_flag(list, "cache.no-flush", &no_flush, error) ||
        !option_drive_flag(list, "cache.writeback", &writeback, error)) {
        return false;
    }
    if (*cache != NULL) {
        return FAIL(error, "cache=%s says already what cache.direct=, cache.no-flush= and cache.writeback= do", *cache);
    }
    if (no_flush && direct) {
        return FAIL(error, "cache.no-flush=on does not go together with cache.direct=on here");
    }
    *cache = g_strdup(no_flush ? "unsafe" : direct ? (writeback ? "none" : "directsync")
                                                   : (writeback ? "writeback" : "writethrough"));
    return true;
}

static bool drive_fill(struct option_drive *d, const struct option_list *list, GError **error)
{
    static const char *const formats[] = { "raw", "qcow", "qcow2", "vmdk", "vdi", "vpc", NULL };
    static const char *const caches[] = { "writeback", "writethrough", "none", "directsync", "unsafe", NULL };
    static const char *const aios[] = { "threads", "native", NULL };
    static const char *const detections[] = { "off", "on", "unmap", NULL };
    static const char *const interfaces[] = { "ide", "floppy", "pflash", "none", NULL };
    static const char *const media[] = { "disk", "cdrom", NULL };
    g_autofree char *medium = NULL;
    int bus = -1, unit = 0;
    bool automatic;
    if (!refuse_throttling(list, error) || !option_drive_choice(list, "if", interfaces, &d->interface, error) ||
        !option_drive_choice(list, "driver", formats, &d->format, error) ||
        !option_drive_choice(list, "format", formats, &d->format, error) ||
        !option_drive_choice(list, "cache", caches, &d->cache, error) ||
        !option_drive_choice(list, "aio", aios, &d->aio, error) || !drive_discard(list, &d->discard, error) ||
        !option_drive_choice(list, "detect-zeroes", detections, &d->detect_zeroes, error) ||
        !option_drive_flag(list, "allow-backing", &d->allow_backing, error) ||
        !option_drive_errors(d, list, error) ||
        !option_drive_choice(list, "media", media, &medium, error) || !option_drive_number(list, "index", 3, &d->index, error) ||
        !option_drive_number(list, "bus", 1, &bus, error) || !option_drive_number(list, "unit", 1, &unit, error) ||
        !option_drive_flag(list, "snapshot", &d->snapshot, error) || !option_drive_flag(list, "readonly", &d->readonly, error) ||
        !option_drive_flag(list, "read-only", &d->readonly, error) ||
        !option_drive_flag(list, "auto-read-only", &automatic, error) ||
        !cache_pieces(list, &d->cache, error) || !option_drive_check_id(option_list_get(list, "id"), error)) {
        return false;
    }
    bool floppy = strcmp(d->interface, "floppy") == 0, none = strcmp(d->interface, "none") == 0;
    bool flash = strcmp(d->interface, "pflash") == 0;
    d->cdrom = medium != NULL && strcmp(medium, "cdrom") == 0;
    d->readonly |= d->cdrom;
    const char *file = option_list_get(list, "file");
    d->file = g_strdup(file != NULL ? file : option_list_get(list, "file.filename"));
    d->id = g_strdup(option_list_get(list, "id"));
    if (d->file != NULL && d->file[0] == '\0') {
        g_clear_pointer(&d->file, g_free);
    }
    if (bus >= 0) {
        d->index = floppy ? unit : bus * 2 + unit;
    } else if (option_list_get(list, "unit") != NULL) {
        d->index = unit;
    }
    if (floppy && (d->index > 1 || d->cdrom)) {
        return FAIL(error, "%s", d->cdrom ? "media=cdrom: a floppy drive takes disks"
                                          : "index: floppy drives are 0 and 1");
    }
    if (flash && (d->index > 1 || d->cdrom)) {
        return FAIL(error, "%s", d->cdrom ? "media=cdrom: a flash chip takes images of firmware"
                                          : "index: flash chips are 0 (firmware) and 1 (its variables)");
    }
    if (none && d->index >= 0) {
        return FAIL(error, "index: a drive with if=none has its place from -device");
    }
    if (d->file == NULL && !d->cdrom && !floppy && !none) {
        return FAIL(error, "file= is missing");
    }
    return true;
}

bool option_set_drive(void *target, const struct option *option, const char *arg, GError **error)
{
    static const char *const known[] = { "file", "if", "index", "bus", "unit", "media", "format", "cache", "snapshot",
                                         "readonly", "read-only", "id", "werror", "rerror", "aio", "discard",
                                         "detect-zeroes", "allow-backing", "driver", "file.filename", "cache.direct",
                                         "cache.no-flush", "cache.writeback", "auto-read-only", "copy-on-read", "bps",
                                         "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr", "bps_max", "bps_rd_max",
                                         "bps_wr_max", "iops_max", "iops_rd_max", "iops_wr_max", "iops_size", NULL };
    struct option_list list;
    /* There are two dozen of these; all get the same answer. */
    bool throttles = strstr(arg, "throttling.") != NULL;
    if (!option_list_parse(&list, arg, NULL, throttles ? NULL : known, error)) {
        return false;
    }
    bool ok = drive_fill(option_drive_new(target), &list, error);
    option_list_finish(&list);
    return ok;
}
