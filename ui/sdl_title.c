/*
 * The window's title: name, console, state, speed, what is busy, and how to get the mouse back.
 */
#include "ui/sdl_impl.h"

void sdl_update_title(struct sdl_window *window, gint64 now)
{
    const struct sdl_options *options = &window->options;
    const char *state = options->state != NULL ? options->state(options->arg) : NULL;
    const char *hint = sdl_grab_hint(window);
    g_autofree char *speed = options->speed != NULL ? options->speed(options->arg) : NULL;
    g_autofree char *activity = options->activity != NULL ? options->activity(options->arg) : NULL;
    g_autoptr(GString) title = g_string_new(NULL);

    window->last_title = now;
    if (options->name != NULL) {
        g_string_append_printf(title, "%s - ", options->name);
    }
    g_string_append(title, "vmm");
    if (window->console.title != NULL) {
        g_string_append_printf(title, " - %s", window->console.title);
    }
    if (state != NULL) {
        g_string_append_printf(title, " [%s]", state);
    }
    if (speed != NULL) {
        g_string_append_printf(title, " %s", speed);
    }
    if (activity != NULL) {
        g_string_append_printf(title, " (%s)", activity);
    }
    if (hint[0] != '\0') {
        g_string_append_printf(title, " - %s", hint);
    }
    if (window->title == NULL || !g_str_equal(title->str, window->title)) {
        SDL_SetWindowTitle(window->window, title->str);
        g_free(window->title);
        window->title = g_strdup(title->str);
    }
}
