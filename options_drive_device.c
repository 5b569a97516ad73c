/*
 * -device of a drive: ide-hd, ide-cd, floppy. What it says is put into the struct option_drive with if=none that it
 * names once all options are known; a CD or floppy drive without drive= is an empty one. See options_drive.h.
 */
#include "options_drive.h"

#include <string.h>

#define FAIL(error, ...) (g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, __VA_ARGS__), false)

static const char *const drive_devices[] = { "ide-hd", "ide-cd", "ide-drive", "floppy", NULL };

void option_drive_device_free(gpointer data)
{
    struct option_drive_device *d = data;
    g_free(d->driver);
    g_free(d->drive);
    g_free(d->about.id);
    g_free(d->about.serial);
    g_free(d->about.model);
    g_free(d->about.version);
    g_free(d->about.translation);
    g_free(d->about.werror);
    g_free(d->about.rerror);
    g_free(d);
}

bool option_is_drive_device(const char *driver)
{
    return g_strv_contains(drive_devices, driver);
}

/* A text of the drive's IDENTIFY data: printable, at most so long. */
static bool device_text(const struct option_list *list, const char *name, size_t most, char **member, GError **error)
{
    const char *text = option_list_get(list, name);
    if (text == NULL) {
        return true;
    }
    for (const char *c = text; *c != '\0'; c++) {
        if (!g_ascii_isprint(*c)) {
            return FAIL(error, "%s=: must be printable characters", name);
        }
    }
    if (strlen(text) > most) {
        return FAIL(error, "%s=%s: at most %zu characters", name, text, most);
    }
    g_free(*member);
    *member = g_strdup(text);
    return true;
}

static bool device_wwn(const struct option_list *list, uint64_t *wwn, GError **error)
{
    const char *text = option_list_get(list, "wwn");
    char *end = NULL;
    if (text == NULL) {
        return true;
    }
    *wwn = g_ascii_strtoull(text, &end, 0);
    return (end != text && *end == '\0') || FAIL(error, "wwn=%s: must be a number of 64 bits", text);
}

/* Sector sizes: the guest addresses 512 bytes; it may be told that the medium has larger ones. */
static bool device_sectors(const struct option_list *list, uint32_t *physical, GError **error)
{
    static const char *const logical[] = { "512", NULL };
    const char *text = option_list_get(list, "physical_block_size");
    g_autofree char *ignored = NULL;
    uint64_t bytes = 0;
    if (!option_drive_choice(list, "logical_block_size", logical, &ignored, error) ||
        (text != NULL && !option_parse_size(text, 1, &bytes, error))) {
        return false;
    }
    if (text != NULL && (bytes < 512 || bytes > 2 << 20 || (bytes & (bytes - 1)) != 0)) {
        return FAIL(error, "physical_block_size=%s: must be a power of two from 512 to 2M", text);
    }
    *physical = (uint32_t)bytes;
    return true;
}

static bool device_geometry(const struct option_list *list, struct option_drive *d, GError **error)
{
    static const char *const translations[] = { "auto", "none", "lba", "large", "rechs", NULL };
    if (!option_drive_number(list, "cyls", 65535, &d->cylinders, error) ||
        !option_drive_number(list, "heads", 16, &d->heads, error) ||
        !option_drive_number(list, "secs", 255, &d->sectors, error) ||
        !option_drive_choice(list, "bios-chs-trans", translations, &d->translation, error)) {
        return false;
    }
    bool all = d->cylinders > 0 && d->heads > 0 && d->sectors > 0;
    bool none = d->cylinders == 0 && d->heads == 0 && d->sectors == 0;
    return all || none || FAIL(error, "cyls=, heads= and secs= go together, each at least 1");
}

static bool device_floppy_type(const struct option_list *list, int *type, GError **error)
{
    static const char *const names[] = { "auto", "360", "120", "720", "144", "288", NULL };
    g_autofree char *name = NULL;
    if (!option_drive_choice(list, "drive-type", names, &name, error)) {
        return false;
    }
    for (int i = 0; name != NULL && names[i] != NULL; i++) {
        *type = strcmp(name, names[i]) == 0 ? i : *type; /* in the order of enum floppy_type */
    }
    return true;
}

static bool device_bus(const struct option_list *list, struct option_drive_device *d, bool floppy, GError **error)
{
    static const char *const ide[] = { "ide.0", "ide.1", NULL }, *const floppies[] = { "floppy-bus.0", NULL };
    g_autofree char *bus = NULL;
    d->bus = d->unit = -1;
    if (!option_drive_choice(list, "bus", floppy ? floppies : ide, &bus, error) ||
        !option_drive_number(list, "unit", 1, &d->unit, error)) {
        return false;
    }
    if (bus != NULL && !floppy) {
        d->bus = bus[4] - '0';
    }
    return true;
}

static bool device_fill(struct option_drive_device *d, const struct option_list *list, GError **error)
{
    struct option_drive *about = &d->about;
    bool floppy = strcmp(d->driver, "floppy") == 0, cdrom = strcmp(d->driver, "ide-cd") == 0;
    bool write_cache = true;
    int index = -1;
    const char *id = option_list_get(list, "id");
    if (!option_drive_check_id(id, error) || !option_drive_errors(about, list, error) ||
        !device_text(list, "serial", 20, &about->serial, error) ||
        !device_text(list, "model", 40, &about->model, error) ||
        !device_text(list, "ver", 8, &about->version, error) || !device_wwn(list, &about->wwn, error) ||
        !device_sectors(list, &about->physical_bytes, error) || !device_geometry(list, about, error) ||
        !device_floppy_type(list, &about->floppy_type, error) || !device_bus(list, d, floppy, error) ||
        !option_drive_number(list, "bootindex", 1000, &index, error) ||
        !option_drive_flag(list, "write-cache", &write_cache, error)) {
        return false;
    }
    about->boot_rank = index + 1;
    about->write_cache_off = !write_cache;
    about->id = g_strdup(id);
    if (d->drive == NULL && !floppy && !cdrom) {
        return FAIL(error, "%s: drive= is missing; it names the id= of a -drive with if=none", d->driver);
    }
    return true;
}

bool option_drive_device(struct options *o, const char *arg, GError **error)
{
    static const char *const disk[] = { "driver", "drive", "bus", "unit", "id", "serial", "model", "ver", "wwn",
                                        "bootindex", "logical_block_size", "physical_block_size", "cyls", "heads",
                                        "secs", "bios-chs-trans", "werror", "rerror", "write-cache", NULL };
    static const char *const cd[] = { "driver", "drive", "bus", "unit", "id", "serial", "model", "ver", "wwn",
                                      "bootindex", "werror", "rerror", NULL };
    static const char *const floppy[] = { "driver", "drive", "bus", "unit", "id", "bootindex", "drive-type", "werror",
                                          "rerror", NULL };
    struct option_list list;
    const char *const *known = g_str_has_prefix(arg, "floppy") ? floppy : g_str_has_prefix(arg, "ide-cd") ? cd : disk;
    if (!option_list_parse(&list, arg, "driver", known, error)) {
        return false;
    }
    struct option_drive_device *d = g_new0(struct option_drive_device, 1);
    g_ptr_array_add(o->drive_devices, d);
    d->driver = g_strdup(option_list_get(&list, "driver"));
    d->drive = g_strdup(option_list_get(&list, "drive"));
    bool ok = device_fill(d, &list, error);
    option_list_finish(&list);
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

static void take(char **member, char **from)
{
    if (*from != NULL) {
        g_free(*member);
        *member = g_steal_pointer(from);
    }
}

/* The drive is what its device says of it. */
static void merge(struct option_drive *d, struct option_drive_device *device)
{
    struct option_drive *about = &device->about;
    take(&d->serial, &about->serial);
    take(&d->model, &about->model);
    take(&d->version, &about->version);
    take(&d->translation, &about->translation);
    take(&d->werror, &about->werror);
    take(&d->rerror, &about->rerror);
    if (d->id == NULL) {
        take(&d->id, &about->id);
    }
    d->wwn = about->wwn;
    d->physical_bytes = about->physical_bytes;
    d->cylinders = about->cylinders;
    d->heads = about->heads;
    d->sectors = about->sectors;
    d->floppy_type = about->floppy_type;
    d->boot_rank = about->boot_rank;
    d->write_cache_off = about->write_cache_off;
}

static bool check_ids(const struct options *o, GError **error)
{
    for (guint i = 0; i < o->drives->len; i++) {
        const struct option_drive *a = g_ptr_array_index(o->drives, i);
        for (guint k = 0; k < i && a->id != NULL; k++) {
            const struct option_drive *b = g_ptr_array_index(o->drives, k);
            if (g_strcmp0(a->id, b->id) == 0) {
                return FAIL(error, "two drives with id=%s: each needs its own", a->id);
            }
        }
    }
    return true;
}

bool option_drives_finish(struct options *o, GError **error)
{
    for (guint i = 0; i < o->drives->len; i++) {
        struct option_drive *d = g_ptr_array_index(o->drives, i);
        d->allow_backing |= o->allow_backing;
    }
    if (!check_ids(o, error)) {
        return false;
    }
    for (guint i = 0; i < o->drive_devices->len; i++) {
        struct option_drive_device *device = g_ptr_array_index(o->drive_devices, i);
        struct option_drive *d =
            device->drive != NULL ? find_free_drive(o, device->drive) : option_drive_new(o);
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
        merge(d, device);
    }
    return true;
}
