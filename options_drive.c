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
    g_free(d);
}

void option_drive_device_free(gpointer data)
{
    struct option_drive_device *d = data;
    g_free(d->driver);
    g_free(d->drive);
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

/* -fda, -fdb; an empty name is a drive without a disk. Never probed. */
bool option_set_fd(void *target, const struct option *option, const char *arg, GError **error)
{
    struct option_drive *d = drive_new(target);
    g_free(d->interface);
    d->interface = g_strdup("floppy");
    d->file = arg[0] != '\0' ? g_strdup(arg) : NULL;
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

/* discard=unmap|on|ignore|off */
static bool drive_discard(const struct option_list *list, bool *discard, GError **error)
{
    static const char *const choices[] = { "ignore", "off", "unmap", "on", NULL };
    g_autofree char *text = NULL;
    if (!drive_choice(list, "discard", choices, &text, error)) {
        return false;
    }
    *discard = text != NULL && (strcmp(text, "unmap") == 0 || strcmp(text, "on") == 0);
    return true;
}

static bool drive_flag(const struct option_list *list, const char *name, bool *flag, GError **error)
{
    const char *text = option_list_get(list, name);
    return text == NULL || option_parse_bool(text, flag, error);
}

static bool drive_fill(struct option_drive *d, const struct option_list *list, GError **error)
{
    static const char *const formats[] = { "raw", "qcow", "qcow2", "vmdk", "vdi", "vpc", NULL };
    static const char *const caches[] = { "writeback", "writethrough", "none", "directsync", "unsafe", NULL };
    static const char *const aios[] = { "threads", "native", NULL };
    static const char *const detections[] = { "off", "on", "unmap", NULL };
    static const char *const interfaces[] = { "ide", "floppy", "pflash", "none", NULL };
    static const char *const werrors[] = { "report", "stop", "enospc", "ignore", NULL };
    static const char *const rerrors[] = { "report", "stop", "ignore", NULL };
    static const char *const media[] = { "disk", "cdrom", NULL };
    g_autofree char *medium = NULL;
    int bus = -1, unit = 0;
    if (!drive_choice(list, "if", interfaces, &d->interface, error) ||
        !drive_choice(list, "format", formats, &d->format, error) ||
        !drive_choice(list, "cache", caches, &d->cache, error) ||
        !drive_choice(list, "aio", aios, &d->aio, error) || !drive_discard(list, &d->discard, error) ||
        !drive_choice(list, "detect-zeroes", detections, &d->detect_zeroes, error) ||
        !drive_flag(list, "allow-backing", &d->allow_backing, error) ||
        !drive_choice(list, "werror", werrors, &d->werror, error) ||
        !drive_choice(list, "rerror", rerrors, &d->rerror, error) ||
        !drive_choice(list, "media", media, &medium, error) || !drive_number(list, "index", 3, &d->index, error) ||
        !drive_number(list, "bus", 1, &bus, error) || !drive_number(list, "unit", 1, &unit, error) ||
        !drive_flag(list, "snapshot", &d->snapshot, error) || !drive_flag(list, "readonly", &d->readonly, error) ||
        !drive_flag(list, "read-only", &d->readonly, error)) {
        return false;
    }
    bool floppy = strcmp(d->interface, "floppy") == 0, none = strcmp(d->interface, "none") == 0;
    bool flash = strcmp(d->interface, "pflash") == 0;
    d->cdrom = medium != NULL && strcmp(medium, "cdrom") == 0;
    d->readonly |= d->cdrom;
    d->file = g_strdup(option_list_get(list, "file"));
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
                                         "detect-zeroes", "allow-backing", NULL };
    struct option_list list;
    if (!option_list_parse(&list, arg, NULL, known, error)) {
        return false;
    }
    bool ok = drive_fill(drive_new(target), &list, error);
    option_list_finish(&list);
    return ok;
}

static const char *const drive_devices[] = { "ide-hd", "ide-cd", "ide-drive", "floppy", NULL };

bool option_is_drive_device(const char *driver)
{
    return g_strv_contains(drive_devices, driver);
}

bool option_drive_device(struct options *o, const char *arg, GError **error)
{
    static const char *const known[] = { "driver", "drive", "bus", "unit", "id", NULL };
    static const char *const buses[] = { "ide.0", "ide.1", "floppy-bus.0", NULL };
    struct option_list list;
    if (!option_list_parse(&list, arg, "driver", known, error)) {
        return false;
    }
    struct option_drive_device *d = g_new0(struct option_drive_device, 1);
    g_autofree char *bus = NULL;
    g_ptr_array_add(o->drive_devices, d);
    d->driver = g_strdup(option_list_get(&list, "driver"));
    d->drive = g_strdup(option_list_get(&list, "drive"));
    d->bus = d->unit = -1;
    bool ok = drive_choice(&list, "bus", buses, &bus, error) && drive_number(&list, "unit", 1, &d->unit, error);
    option_list_finish(&list);
    if (ok && d->drive == NULL) {
        return FAIL(error, "%s: drive= is missing; it names the id= of a -drive with if=none", d->driver);
    }
    if (ok && bus != NULL && g_str_has_prefix(bus, "ide.")) {
        d->bus = bus[4] - '0';
    }
    return ok;
}

static struct option_drive *find_free_drive(const struct options *o, const char *id)
{
    for (guint i = 0; i < o->drives->len; i++) {
        struct option_drive *d = g_ptr_array_index(o->drives, i);
        if (g_strcmp0(d->id, id) == 0 && strcmp(d->interface, "none") == 0) {
            return d;
        }
    }
    return NULL;
}

bool option_drives_finish(struct options *o, GError **error)
{
    for (guint i = 0; i < o->drives->len; i++) {
        struct option_drive *d = g_ptr_array_index(o->drives, i);
        d->allow_backing |= o->allow_backing;
    }
    for (guint i = 0; i < o->drive_devices->len; i++) {
        const struct option_drive_device *device = g_ptr_array_index(o->drive_devices, i);
        struct option_drive *d = find_free_drive(o, device->drive);
        if (d == NULL) {
            return FAIL(error, "-device %s: there is no free -drive if=none,id=%s", device->driver, device->drive);
        }
        bool floppy = strcmp(device->driver, "floppy") == 0;
        g_free(d->interface);
        d->interface = g_strdup(floppy ? "floppy" : "ide");
        d->cdrom |= strcmp(device->driver, "ide-cd") == 0;
        d->readonly |= d->cdrom;
        if (d->file == NULL && !floppy && !d->cdrom) {
            return FAIL(error, "-device %s: drive '%s' has no file=", device->driver, device->drive);
        }
        if (floppy) {
            d->index = device->unit;
        } else if (device->bus >= 0) {
            d->index = device->bus * 2 + MAX(device->unit, 0);
        }
    }
    return true;
}
