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
    g_free(d->werror);
    g_free(d->rerror);
    g_free(d->id);
    g_free(d);
}

static struct option_drive *drive_new(struct options *o)
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
    struct option_drive *d = drive_new(target);
    d->file = g_strdup(arg);
    d->index = option->name[2] - 'a';
    return true;
}

bool option_set_cdrom(void *target, const struct option *option, const char *arg, GError **error)
{
    struct option_drive *d = drive_new(target);
    d->file = arg[0] != '\0' ? g_strdup(arg) : NULL;
    d->index = 2;
    d->cdrom = true;
    d->readonly = true;
    return true;
}

bool option_bare_drive(void *target, const char *word, GError **error)
{
    struct option_drive *d = drive_new(target);
    d->file = g_strdup(word);
    d->index = 0;
    return true;
}

static bool drive_number(const struct option_list *list, const char *name, int max, int *value, GError **error)
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

static bool drive_choice(const struct option_list *list, const char *name, const char *const *choices, char **member,
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

static bool drive_flag(const struct option_list *list, const char *name, bool *flag, GError **error)
{
    const char *text = option_list_get(list, name);
    return text == NULL || option_parse_bool(text, flag, error);
}

static bool drive_fill(struct option_drive *d, const struct option_list *list, GError **error)
{
    static const char *const formats[] = { "raw", "qcow", "qcow2", NULL };
    static const char *const caches[] = { "writeback", "writethrough", "none", "directsync", "unsafe", NULL };
    static const char *const interfaces[] = { "ide", NULL };
    static const char *const werrors[] = { "report", "stop", "enospc", "ignore", NULL };
    static const char *const rerrors[] = { "report", "stop", "ignore", NULL };
    static const char *const media[] = { "disk", "cdrom", NULL };
    g_autofree char *medium = NULL;
    int bus = -1, unit = 0;
    if (!drive_choice(list, "if", interfaces, &d->interface, error) ||
        !drive_choice(list, "format", formats, &d->format, error) ||
        !drive_choice(list, "cache", caches, &d->cache, error) ||
        !drive_choice(list, "werror", werrors, &d->werror, error) ||
        !drive_choice(list, "rerror", rerrors, &d->rerror, error) ||
        !drive_choice(list, "media", media, &medium, error) || !drive_number(list, "index", 3, &d->index, error) ||
        !drive_number(list, "bus", 1, &bus, error) || !drive_number(list, "unit", 1, &unit, error) ||
        !drive_flag(list, "snapshot", &d->snapshot, error) || !drive_flag(list, "readonly", &d->readonly, error) ||
        !drive_flag(list, "read-only", &d->readonly, error)) {
        return false;
    }
    if (bus >= 0) {
        d->index = bus * 2 + unit;
    }
    d->cdrom = medium != NULL && strcmp(medium, "cdrom") == 0;
    d->readonly |= d->cdrom;
    d->file = g_strdup(option_list_get(list, "file"));
    d->id = g_strdup(option_list_get(list, "id"));
    if (d->file == NULL && !d->cdrom) {
        return FAIL(error, "file= is missing");
    }
    return true;
}

bool option_set_drive(void *target, const struct option *option, const char *arg, GError **error)
{
    static const char *const known[] = { "file", "if", "index", "bus", "unit", "media", "format", "cache", "snapshot",
                                         "readonly", "read-only", "id", "werror", "rerror", NULL };
    struct option_list list;
    if (!option_list_parse(&list, arg, NULL, known, error)) {
        return false;
    }
    bool ok = drive_fill(drive_new(target), &list, error);
    option_list_finish(&list);
    return ok;
}
