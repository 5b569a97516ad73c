/*
 * Creating and destroying devices, and their properties.
 */
#include "core/device.h"

#include "core/bus.h"
#include "core/machine.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define DEVICE_ERROR g_quark_from_static_string("vmm-device")

static bool parse_bool(const char *text, bool *value)
{
    static const char *const yes[] = { "on", "true", "yes", "1" };
    static const char *const no[] = { "off", "false", "no", "0" };

    for (unsigned i = 0; i < G_N_ELEMENTS(yes); i++) {
        if (g_ascii_strcasecmp(text, yes[i]) == 0 || g_ascii_strcasecmp(text, no[i]) == 0) {
            *value = g_ascii_strcasecmp(text, yes[i]) == 0;
            return true;
        }
    }
    return false;
}

/* A decimal, octal (0..) or hexadecimal (0x..) number, perhaps followed by k, M, G or T. */
static bool parse_u64(const char *text, uint64_t *value)
{
    static const char suffixes[] = "kmgt";
    char *end;

    if (!g_ascii_isdigit(text[0])) {
        return false;
    }
    errno = 0;
    uint64_t number = g_ascii_strtoull(text, &end, 0);
    if (errno != 0) {
        return false;
    }
    if (*end != '\0') {
        const char *suffix = strchr(suffixes, g_ascii_tolower(*end));
        unsigned shift;

        if (suffix == NULL || end[1] != '\0') {
            return false;
        }
        shift = 10 * (unsigned)(suffix - suffixes + 1);
        if (number > UINT64_MAX >> shift) {
            return false;
        }
        number <<= shift;
    }
    *value = number;
    return true;
}

static bool property_set(struct device *dev, const struct property *property, const char *text,
                         GError **error)
{
    void *member = (char *)dev + property->offset;
    const char *wanted = NULL;

    switch (property->type) {
    case PROPERTY_BOOL:
        if (!parse_bool(text, member)) {
            wanted = "on or off";
        }
        break;
    case PROPERTY_U64:
        if (!parse_u64(text, member)) {
            wanted = "a number such as 64, 0x40 or 64k";
        }
        break;
    case PROPERTY_STRING:
        g_free(*(char **)member);
        *(char **)member = g_strdup(text);
        break;
    }
    if (wanted) {
        g_set_error(error, DEVICE_ERROR, 0, "property '%s' of device '%s' must be %s, not '%s'",
                    property->name, dev->class->name, wanted, text);
    }
    return wanted == NULL;
}

static const struct property *property_find(const struct device_class *class, const char *name)
{
    for (const struct property *p = class->properties; p && p->name; p++) {
        if (strcmp(p->name, name) == 0) {
            return p;
        }
    }
    return NULL;
}

static void property_unknown(const struct device_class *class, const char *name, GError **error)
{
    GString *known = g_string_new(NULL);

    for (const struct property *p = class->properties; p && p->name; p++) {
        g_string_append_printf(known, "%s%s", known->len ? ", " : "", p->name);
    }
    g_set_error(error, DEVICE_ERROR, 0, "property '%s' of device '%s' does not exist; known: %s", name,
                class->name, known->len ? known->str : "none");
    g_string_free(known, TRUE);
}

static bool properties_apply(struct device *dev, const char *const *properties, GError **error)
{
    for (const struct property *p = dev->class->properties; p && p->name; p++) {
        if (p->default_value && !property_set(dev, p, p->default_value, error)) {
            return false;
        }
    }
    for (; properties && properties[0]; properties += 2) {
        const struct property *p = property_find(dev->class, properties[0]);

        if (p == NULL) {
            property_unknown(dev->class, properties[0], error);
            return false;
        }
        if (!property_set(dev, p, properties[1] ? properties[1] : "", error)) {
            return false;
        }
        if (properties[1] == NULL) {
            break;
        }
    }
    return true;
}

static void device_free(struct device *dev)
{
    for (const struct property *p = dev->class->properties; p && p->name; p++) {
        if (p->type == PROPERTY_STRING) {
            g_free(*(char **)((char *)dev + p->offset));
        }
    }
    g_free(dev->id);
    g_free(dev);
}

struct device *device_create(struct machine *machine, const struct device_class *class, const char *id,
                             const char *const *properties, GError **error)
{
    assert(class->state_size >= sizeof(struct device));
    if (machine_find_device(machine, id)) {
        g_set_error(error, DEVICE_ERROR, 0,
                    "there is a device with id '%s' already; remedy: choose another id", id);
        return NULL;
    }

    struct device *dev = g_malloc0(class->state_size);
    dev->class = class;
    dev->id = g_strdup(id);
    dev->machine = machine;
    if (!properties_apply(dev, properties, error)) {
        device_free(dev);
        return NULL;
    }
    if (class->create && !class->create(dev, error)) {
        if (class->destroy) {
            class->destroy(dev);
        }
        device_free(dev);
        return NULL;
    }
    g_ptr_array_add(machine->devices, dev);
    return dev;
}

void device_destroy(struct device *dev)
{
    if (dev == NULL) {
        return;
    }
    g_ptr_array_remove(dev->machine->devices, dev);
    if (dev->class->destroy) {
        dev->class->destroy(dev);
    }
    device_free(dev);
}

void device_add_region(struct device *dev, struct region *region)
{
    assert(dev->region_count < DEVICE_MAX_REGIONS);
    dev->regions[dev->region_count++] = region;
}

void device_drive(struct device *dev)
{
    if (dev->class->drive) {
        dev->class->drive(dev);
    }
}

void device_reset(struct device *dev)
{
    if (dev->class->reset) {
        dev->class->reset(dev);
    }
    device_drive(dev);
}
