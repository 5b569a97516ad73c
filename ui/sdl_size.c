/*
 * The window's size from one run to the next, by the guest's name, in a file that holds a group "windows" of
 * lines NAME=WIDTHxHEIGHT.
 */
#include <stdio.h>

#include "ui/sdl_impl.h"

#define GROUP "windows"
#define SIZE_MIN 64
#define SIZE_MAX_SANE 16384

/* Key files do not allow all characters in keys. */
static char *key_of(const struct sdl_window *window)
{
    return g_uri_escape_string(window->options.name != NULL ? window->options.name : "vmm", NULL, FALSE);
}

bool sdl_size_load(struct sdl_window *window, int *width, int *height)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autofree char *key = key_of(window), *value = NULL;

    if (window->options.size_file == NULL ||
        !g_key_file_load_from_file(file, window->options.size_file, G_KEY_FILE_NONE, NULL)) {
        return false;
    }
    value = g_key_file_get_string(file, GROUP, key, NULL);
    return value != NULL && sscanf(value, "%dx%d", width, height) == 2 && *width >= SIZE_MIN &&
           *width <= SIZE_MAX_SANE && *height >= SIZE_MIN && *height <= SIZE_MAX_SANE;
}

void sdl_size_save(struct sdl_window *window)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autofree char *key = key_of(window), *folder = NULL, *value = NULL;
    int width, height;

    if (window->options.size_file == NULL || window->full_screen) {
        return;
    }
    g_key_file_load_from_file(file, window->options.size_file, G_KEY_FILE_KEEP_COMMENTS, NULL);
    if (window->resized) {
        SDL_GetWindowSize(window->window, &width, &height);
        value = g_strdup_printf("%dx%d", width, height);
        g_key_file_set_string(file, GROUP, key, value);
    } else if (!g_key_file_remove_key(file, GROUP, key, NULL)) {
        return;
    }
    folder = g_path_get_dirname(window->options.size_file);
    /* The size is a comfort: where it cannot be kept the window opens at its natural size. */
    if (g_mkdir_with_parents(folder, 0700) == 0) {
        g_key_file_save_to_file(file, window->options.size_file, NULL);
    }
}
