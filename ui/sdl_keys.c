/*
 * The keys that control the window itself, pressed with the grab modifier.
 */
#include "ui/sdl_impl.h"

#define ZOOM_STEP 25
#define ZOOM_MIN 25
#define ZOOM_MAX 400
#define MESSAGE_SECONDS 3

static void set_zoom(struct sdl_window *window, int change)
{
    int zoom = (int)window->zoom + change;

    window->zoom = change == 0 ? 100 : (unsigned)CLAMP(zoom, ZOOM_MIN, ZOOM_MAX);
    if (!sdl_is_guest_shown(window)) {
        sdl_size_console(window);
        sdl_place_picture(window);
        return;
    }
    window->resized = false;
    sdl_fit_window(window);
}

void sdl_paste(struct sdl_window *window, char *text)
{
    g_autoptr(GError) error = NULL;

    if (text == NULL || text[0] == '\0') {
        sdl_panel_show(window, "The clipboard has no text", MESSAGE_SECONDS);
    } else if (sdl_is_guest_shown(window)) {
        if (!input_type_text(window->input, text, &error)) {
            g_autofree char *message = g_strdup_printf("Clipboard: %s", error->message);

            sdl_panel_show(window, message, MESSAGE_SECONDS);
            g_printerr("vmm: clipboard: %s\n", error->message);
        }
    } else if (window->console.text != NULL) {
        window->console.text(window->console.arg, g_strdelimit(text, "\n", '\r'));
    }
    SDL_free(text);
}

static void run_command(struct sdl_window *window, enum sdl_command command)
{
    const char *message = window->options.command != NULL ? window->options.command(window->options.arg, command) : NULL;

    if (message != NULL) {
        sdl_panel_show(window, message, MESSAGE_SECONDS);
    }
    window->last_title = 0;
}

static void toggle_scaling(struct sdl_window *window)
{
    bool smooth = window->scaling == SDL_SCALING_SMOOTH;

    window->scaling = smooth ? SDL_SCALING_INTEGER : SDL_SCALING_SMOOTH;
    sdl_panel_show(window, smooth ? "Scaling by whole numbers" : "Smooth scaling", MESSAGE_SECONDS);
    sdl_place_picture(window);
}

bool sdl_handle_hot_key(struct sdl_window *window, enum key_code key)
{
    switch (key) {
    case KEY_G:
        sdl_grab(window, !window->grabbed);
        return true;
    case KEY_F:
        sdl_set_full_screen(window, !window->full_screen);
        return true;
    case KEY_U:
        set_zoom(window, 0);
        return true;
    case KEY_EQUAL:
    case KEY_KP_ADD:
        set_zoom(window, ZOOM_STEP);
        return true;
    case KEY_MINUS:
    case KEY_KP_SUBTRACT:
        set_zoom(window, -ZOOM_STEP);
        return true;
    case KEY_S:
        toggle_scaling(window);
        return true;
    case KEY_V:
        sdl_paste(window, SDL_GetClipboardText());
        return true;
    case KEY_D:
        input_send_keys(window->input, "ctrl-alt-delete", 0, NULL);
        return true;
    case KEY_P:
        run_command(window, SDL_COMMAND_PAUSE);
        return true;
    case KEY_R:
        run_command(window, SDL_COMMAND_REWIND);
        return true;
    default:
        if (key >= KEY_1 && key <= KEY_9) {
            sdl_window_show_console(window, key - KEY_1 + 1);
            return true;
        }
        return false;
    }
}
