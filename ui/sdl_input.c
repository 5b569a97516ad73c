/*
 * What the user does in the window: keys, mouse, grab, and the keys that control the window itself.
 */
#include "ui/sdl_impl.h"

#define ZOOM_STEP 25
#define ZOOM_MIN 25
#define ZOOM_MAX 400

struct grab_style {
    const char *name; /* in -display sdl,grab-mod= */
    SDL_Keymod keys;  /* all of these */
    const char *hint;
};

static const struct grab_style GRAB_STYLES[] = {
    [SDL_GRAB_CTRL_ALT] = {"lctrl-lalt", KMOD_LCTRL | KMOD_LALT, "press Ctrl-Alt-G to release the mouse"},
    [SDL_GRAB_CTRL_ALT_SHIFT] = {"lshift-lctrl-lalt", KMOD_LSHIFT | KMOD_LCTRL | KMOD_LALT,
                                 "press Ctrl-Alt-Shift-G to release the mouse"},
    [SDL_GRAB_RCTRL] = {"rctrl", KMOD_RCTRL, "press Right Ctrl-G to release the mouse"},
};

bool sdl_parse_grab_modifier(const char *name, enum sdl_grab_modifier *modifier)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(GRAB_STYLES); i++) {
        if (g_str_equal(name, GRAB_STYLES[i].name)) {
            *modifier = (enum sdl_grab_modifier)i;
            return true;
        }
    }
    return false;
}

const char *sdl_grab_hint(const struct sdl_window *window)
{
    return window->grabbed ? GRAB_STYLES[window->options.grab_modifier].hint : "";
}

static bool is_guest_shown(const struct sdl_window *window)
{
    return window->console.display == NULL;
}

void sdl_grab(struct sdl_window *window, bool on)
{
    if (window->grabbed == on) {
        return;
    }
    window->grabbed = on;
    /* A tablet needs no relative motion; the keyboard is grabbed all the same. */
    SDL_SetRelativeMouseMode(on && !input_absolute(window->input) ? SDL_TRUE : SDL_FALSE);
    SDL_SetWindowKeyboardGrab(window->window, on ? SDL_TRUE : SDL_FALSE);
    window->last_title = 0;
}

static void set_zoom(struct sdl_window *window, int change)
{
    int zoom = (int)window->zoom + change;

    window->zoom = change == 0 ? 100 : (unsigned)CLAMP(zoom, ZOOM_MIN, ZOOM_MAX);
    window->resized = false;
    sdl_fit_window(window);
}

static void type_clipboard(struct sdl_window *window)
{
    char *text = SDL_GetClipboardText();
    GError *error = NULL;

    if (text != NULL && !input_type_text(window->input, text, &error)) {
        g_printerr("vmm: clipboard: %s\n", error->message);
        g_clear_error(&error);
    }
    SDL_free(text);
}

static void run_command(struct sdl_window *window, enum sdl_command command)
{
    if (window->options.command != NULL) {
        window->options.command(window->options.arg, command);
    }
}

/* A key pressed with the grab modifier. False if it is none of ours. */
static bool handle_hot_key(struct sdl_window *window, enum key_code key)
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
    case KEY_V:
        type_clipboard(window);
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
            sdl_show_console(window, key - KEY_1 + 1);
            return true;
        }
        return false;
    }
}

static void console_key(struct sdl_window *window, enum key_code key, SDL_Keymod held)
{
    unsigned modifiers = ((held & KMOD_SHIFT) != 0 ? SDL_MODIFIER_SHIFT : 0) |
                         ((held & KMOD_CTRL) != 0 ? SDL_MODIFIER_CTRL : 0) |
                         ((held & KMOD_ALT) != 0 ? SDL_MODIFIER_ALT : 0);

    if (window->console.key != NULL) {
        window->console.key(window->console.arg, key, modifiers);
    }
}

static void handle_key(struct sdl_window *window, const SDL_KeyboardEvent *event)
{
    enum key_code key = sdl_keymap(event->keysym.scancode);
    SDL_Keymod wanted = GRAB_STYLES[window->options.grab_modifier].keys;
    SDL_Keymod held = (SDL_Keymod)event->keysym.mod;
    bool down = event->type == SDL_KEYDOWN;

    if (key == KEY_NONE) {
        return;
    }
    if (down && (held & wanted) == wanted && event->repeat == 0) {
        /* The guest has seen the modifiers go down; they are not to stick while the window acts. */
        input_release_all(window->input);
        if (handle_hot_key(window, key)) {
            return;
        }
        /* Not ours after all: what is held goes down again. */
        for (unsigned i = 0; i < SDL_NUM_SCANCODES; i++) {
            if (SDL_GetKeyboardState(NULL)[i] != 0) {
                input_key(window->input, sdl_keymap((SDL_Scancode)i), true);
            }
        }
    }
    if (!is_guest_shown(window)) {
        if (down) {
            console_key(window, key, held);
        }
        return;
    }
    if (event->repeat == 0) {
        input_key(window->input, key, down);
    }
}

static unsigned button_of(Uint8 button)
{
    switch (button) {
    case SDL_BUTTON_LEFT:
        return INPUT_BUTTON_LEFT;
    case SDL_BUTTON_MIDDLE:
        return INPUT_BUTTON_MIDDLE;
    case SDL_BUTTON_RIGHT:
        return INPUT_BUTTON_RIGHT;
    case SDL_BUTTON_X1:
        return INPUT_BUTTON_SIDE;
    case SDL_BUTTON_X2:
        return INPUT_BUTTON_EXTRA;
    default:
        return 0;
    }
}

static void handle_button(struct sdl_window *window, const SDL_MouseButtonEvent *event)
{
    unsigned button = button_of(event->button);
    bool down = event->type == SDL_MOUSEBUTTONDOWN;

    if (button == 0 || !is_guest_shown(window)) {
        return;
    }
    if (down && !window->grabbed && !input_absolute(window->input)) {
        /* The click that takes the mouse is not for the guest. */
        sdl_grab(window, true);
        return;
    }
    if (down) {
        window->buttons_seen |= button;
    } else if ((window->buttons_seen & button) == 0) {
        return;
    } else {
        window->buttons_seen &= ~button;
    }
    input_button(window->input, (enum input_button)button, down);
}

/* From window coordinates to 0..INPUT_ABSOLUTE_MAX of the picture. */
static int to_absolute(int position, int window_size, int output_size, int start, int size)
{
    int pixel = window_size > 0 ? (int)((int64_t)position * output_size / window_size) - start : 0;

    return size > 1 ? (int)((int64_t)pixel * INPUT_ABSOLUTE_MAX / (size - 1)) : 0;
}

static void handle_motion(struct sdl_window *window, const SDL_MouseMotionEvent *event)
{
    if (!is_guest_shown(window)) {
        return;
    }
    if (input_absolute(window->input)) {
        int width, height, output_width, output_height;

        if (SDL_GetRelativeMouseMode() == SDL_TRUE) {
            SDL_SetRelativeMouseMode(SDL_FALSE);
        }
        SDL_GetWindowSize(window->window, &width, &height);
        SDL_GetRendererOutputSize(window->renderer, &output_width, &output_height);
        input_position(window->input,
                       to_absolute(event->x, width, output_width, window->picture.x,
                                   window->picture.w),
                       to_absolute(event->y, height, output_height, window->picture.y,
                                   window->picture.h));
    } else if (window->grabbed) {
        input_motion(window->input, event->xrel, event->yrel);
    }
}

static void handle_wheel(struct sdl_window *window, const SDL_MouseWheelEvent *event)
{
    int sign = event->direction == SDL_MOUSEWHEEL_FLIPPED ? -1 : 1;

    if (is_guest_shown(window) && (window->grabbed || input_absolute(window->input))) {
        input_wheel(window->input, -sign * event->y, sign * event->x);
    }
}

static void handle_window(struct sdl_window *window, const SDL_WindowEvent *event)
{
    switch (event->event) {
    case SDL_WINDOWEVENT_FOCUS_LOST:
        sdl_grab(window, false);
        input_release_all(window->input);
        window->buttons_seen = 0;
        break;
    case SDL_WINDOWEVENT_RESIZED:
        /* Sent for sizes that the user chose, or the window manager. */
        window->resized = true;
        window->repaint = true;
        break;
    case SDL_WINDOWEVENT_EXPOSED:
    case SDL_WINDOWEVENT_SIZE_CHANGED:
    case SDL_WINDOWEVENT_RESTORED:
    case SDL_WINDOWEVENT_SHOWN:
        window->repaint = true;
        break;
    case SDL_WINDOWEVENT_CLOSE:
        if (window->options.close != NULL) {
            window->options.close(window->options.arg);
        }
        break;
    default:
        break;
    }
}

void sdl_handle_event(struct sdl_window *window, const SDL_Event *event)
{
    switch (event->type) {
    case SDL_KEYDOWN:
    case SDL_KEYUP:
        handle_key(window, &event->key);
        break;
    case SDL_TEXTINPUT:
        if (!is_guest_shown(window) && window->console.text != NULL) {
            window->console.text(window->console.arg, event->text.text);
        }
        break;
    case SDL_MOUSEBUTTONDOWN:
    case SDL_MOUSEBUTTONUP:
        handle_button(window, &event->button);
        break;
    case SDL_MOUSEMOTION:
        handle_motion(window, &event->motion);
        break;
    case SDL_MOUSEWHEEL:
        handle_wheel(window, &event->wheel);
        break;
    case SDL_WINDOWEVENT:
        handle_window(window, &event->window);
        break;
    case SDL_RENDER_TARGETS_RESET:
    case SDL_RENDER_DEVICE_RESET:
        window->repaint = true;
        break;
    default:
        break;
    }
}
