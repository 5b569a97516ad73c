/* See the header. */
#include "hw/pc/firmware.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Places where distributions put the images. */
static const char *const built_in[] = {
    VMM_FIRMWARE_DIR, "/usr/share/seabios", "/usr/share/qemu", "/usr/share/vgabios", "/usr/lib/ipxe/qemu", NULL,
};

static GBytes *load_file(const char *path, uint64_t max_size, GError **error)
{
    struct stat st;
    char *data;
    gsize size;
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size > max_size) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "firmware '%s' has %lld bytes; at most %" G_GUINT64_FORMAT " fit", path, (long long)st.st_size,
                    max_size);
        return NULL;
    }
    if (!g_file_get_contents(path, &data, &size, error)) {
        return NULL;
    }
    if (size == 0) {
        g_free(data);
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "firmware '%s' is empty", path);
        return NULL;
    }
    return g_bytes_new_take(data, size);
}

static char *find_in(const char *const *folders, const char *name)
{
    for (unsigned i = 0; folders != NULL && folders[i] != NULL; i++) {
        g_autofree char *path = g_build_filename(folders[i], name, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_REGULAR)) {
            return g_steal_pointer(&path);
        }
    }
    return NULL;
}

char *firmware_find(const char *name, const char *const *search)
{
    if (strchr(name, '/') != NULL || g_file_test(name, G_FILE_TEST_IS_REGULAR)) {
        return g_file_test(name, G_FILE_TEST_EXISTS) ? g_strdup(name) : NULL;
    }
    char *path = find_in(search, name);
    return path != NULL ? path : find_in(built_in, name);
}

GBytes *firmware_load(const char *name, const char *const *search, uint64_t max_size, GError **error)
{
    if (strchr(name, '/') != NULL) {
        return load_file(name, max_size, error);
    }
    g_autofree char *path = firmware_find(name, search);
    if (path == NULL) {
        g_autofree char *places = g_strjoinv(", ", (char **)built_in);
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT,
                    "firmware image '%s' not found (looked in %s%s); remedy: apt-get install seabios, or name a folder "
                    "with -L",
                    name, search != NULL && search[0] != NULL ? "the -L folders, " : "", places);
        return NULL;
    }
    return load_file(path, max_size, error);
}
