/*
 * Which format a file is in. Known formats have a magic number in their first bytes; what has none
 * is raw.
 *
 * The guest decides what the first bytes of a raw disk are, so guessing is a trap: a guest could
 * write a header there whose backing file is a secret of the host. Hence an image that was guessed
 * to be raw is not allowed to start looking like anything else (raw_sync.c), CDs and floppies are
 * never probed by their front ends, and backing files only on request (image.c).
 */
#include "block/driver_impl.h"

#include <errno.h>
#include <string.h>

static const struct block_driver *const drivers[] = {
    &block_raw_driver,  &block_qcow_driver, &block_qcow2_driver,
    &block_vmdk_driver, &block_vdi_driver,  &block_vpc_driver,
};

/* Formats that are told apart from raw, but cannot be opened. */
static const struct {
    const char *name;
    unsigned offset;
    unsigned length;
    const char *magic;
} unsupported[] = {
    {"vmdk of ESX (COWD)", 0, 4, "COWD"},
    {"vhdx", 0, 8, "vhdxfile"},
    {"qed", 0, 4, "QED\0"},
    {"luks", 0, 6, "LUKS\xba\xbe"},
    {"parallels", 0, 16, "WithoutFreeSpace"},
    {"parallels", 0, 16, "WithouFreSpacExt"},
    {"qcow of an unknown version", 0, 4, "QFI\xfb"},
};

static const char *unsupported_name(const uint8_t *head, size_t bytes)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(unsupported); i++) {
        if (bytes >= unsupported[i].offset + unsupported[i].length &&
            memcmp(head + unsupported[i].offset, unsupported[i].magic, unsupported[i].length) ==
                0) {
            return unsupported[i].name;
        }
    }
    return NULL;
}

/* "raw qcow": for messages. Newly allocated. */
static char *supported_names(void)
{
    GString *names = g_string_new(NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(drivers); i++) {
        g_string_append_printf(names, "%s%s", i > 0 ? " " : "", drivers[i]->name);
    }
    return g_string_free(names, FALSE);
}

static const struct block_driver *driver_of_head(const uint8_t *head, size_t bytes)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(drivers); i++) {
        if (drivers[i]->probe != NULL && drivers[i]->probe(head, bytes)) {
            return drivers[i];
        }
    }
    return NULL;
}

const struct block_driver *block_probe(const uint8_t *head, size_t bytes, const char *path,
                                       GError **error)
{
    const struct block_driver *driver = driver_of_head(head, bytes);
    const char *name = unsupported_name(head, bytes);

    if (driver != NULL) {
        return driver;
    }
    if (name == NULL) {
        return &block_raw_driver;
    }
    g_autofree char *names = supported_names();
    g_set_error(
        error, BLOCK_ERROR, ENOTSUP,
        "Could not open '%s': format '%s' is not supported yet; supported: %s (convert it with "
        "qemu-img convert, or use format=raw if it is a plain disk)",
        path, name, names);
    return NULL;
}

bool block_probe_is_foreign(const uint8_t *head, size_t bytes)
{
    return driver_of_head(head, bytes) != NULL || unsupported_name(head, bytes) != NULL;
}

const struct block_driver *block_driver_find(const char *name, GError **error)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(drivers); i++) {
        if (strcmp(drivers[i]->name, name) == 0) {
            return drivers[i];
        }
    }
    g_autofree char *names = supported_names();
    for (unsigned i = 0; i < G_N_ELEMENTS(unsupported); i++) {
        if (strcmp(unsupported[i].name, name) == 0) {
            g_set_error(error, BLOCK_ERROR, ENOTSUP,
                        "format '%s' is not supported yet; supported: %s", name, names);
            return NULL;
        }
    }
    g_set_error(error, BLOCK_ERROR, EINVAL, "Unknown file format '%s'; supported: %s", name, names);
    return NULL;
}

const char *block_format_name(unsigned i)
{
    for (unsigned k = 0; k < G_N_ELEMENTS(drivers); k++) {
        if (drivers[k]->create != NULL && i-- == 0) {
            return drivers[k]->name;
        }
    }
    return NULL;
}
