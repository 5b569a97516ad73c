/*
 * What the user does in the window: keys, mouse, grab, and the keys that control the window itself.
 */
#include "ui/sdl_impl.h"

#define HINT_SECONDS 3
#define WHEEL_LINES 3

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

void sdl_update_cursor(struct sdl_window *window)
{
    /* In absolute mode the guest draws a pointer at the same place. */
    bool hide = sdl_is_guest_shown(window) && input_absolute(window->input) && !window->options.show_cursor;

    if (hide != window->cursor_hidden) {
        SDL_ShowCursor(hide ? SDL_DISABLE : SDL_ENABLE);
        window->cursor_hidden = hide;
    }
}

void sdl_grab(struct sdl_window *window, bool on)
{
    if (window->grabbed == on) {
        return;
    }
    window->grabbed = on;
    window->grab_at = 0;
    /* A tablet needs no relative motion; the keyboard is grabbed all the same. */
    SDL_SetRelativeMouseMode(on && !input_absolute(window->input) ? SDL_TRUE : SDL_FALSE);
    SDL_SetWindowKeyboardGrab(window->window, on ? SDL_TRUE : SDL_FALSE);
    window->last_title = 0;
    if (on) {
        sdl_panel_show(window, sdl_grab_hint(window), HINT_SECONDS);
    } else if (window->panel.until != 0) {
        sdl_panel_hide(window);
    }
}

static void console_key(struct sdl_window *window, enum key_code key, SDL_Keymod held)
{
    unsigned modifiers = ((held & KMOD_SHIFT) != 0 ? UI_MODIFIER_SHIFT : 0) |
                         ((held & KMOD_CTRL) != 0 ? UI_MODIFIER_CTRL : 0) |
                         ((held & KMOD_ALT) != 0 ? UI_MODIFIER_ALT : 0);

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
        if (sdl_handle_hot_key(window, key)) {
            return;
        }
        /* Not ours after all: what is held goes down again. */
        for (unsigned i = 0; i < SDL_NUM_SCANCODES; i++) {
            if (SDL_GetKeyboardState(NULL)[i] != 0) {
                input_key(window->input, sdl_keymap((SDL_Scancode)i), true);
            }
        }
    }
    if (down) {
        sdl_select_clear(window);
    }
    if (!sdl_is_guest_shown(window)) {
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

    if (sdl_select_button(window, event)) {
        return;
    }
    if (!sdl_is_guest_shown(window)) {
        if (down && event->button == SDL_BUTTON_MIDDLE) {
            sdl_paste(window, SDL_GetPrimarySelectionText());
        }
        return;
    }
    if (button == 0) {
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

/* The middle of a pixel, in 0..INPUT_ABSOLUTE_MAX: however the guest rounds, it finds that pixel. */
static int to_absolute(int pixel, unsigned size)
{
    int64_t inside = CLAMP(pixel, 0, (int64_t)size - 1);

    return (int)((2 * inside + 1) * (INPUT_ABSOLUTE_MAX + 1) / (2 * (int64_t)size));
}

static void handle_motion(struct sdl_window *window, const SDL_MouseMotionEvent *event)
{
    int column, row;

    if (!sdl_is_guest_shown(window) || window->width == 0) {
        return;
    }
    if (input_absolute(window->input)) {
        if (SDL_GetRelativeMouseMode() == SDL_TRUE) {
            SDL_SetRelativeMouseMode(SDL_FALSE);
        }
        sdl_picture_position(window, event->x, event->y, &column, &row);
        input_position(window->input, to_absolute(column, window->width), to_absolute(row, window->height));
    } else if (window->grabbed) {
        if (SDL_GetRelativeMouseMode() == SDL_FALSE) {
            /* The guest's tablet is gone: on with a mouse. */
            SDL_SetRelativeMouseMode(SDL_TRUE);
        }
        input_motion(window->input, event->xrel, event->yrel);
    }
}

static void handle_wheel(struct sdl_window *window, const SDL_MouseWheelEvent *event)
{
    int sign = event->direction == SDL_MOUSEWHEEL_FLIPPED ? -1 : 1;

    if (!sdl_is_guest_shown(window)) {
        if (window->console.scroll != NULL && event->y != 0) {
            sdl_select_clear(window);
            window->console.scroll(window->console.arg, sign * event->y * WHEEL_LINES);
        }
    } else if (window->grabbed || input_absolute(window->input)) {
        input_wheel(window->input, -sign * event->y, sign * event->x);
    }
}

static void handle_window(struct sdl_window *window, const SDL_WindowEvent *event)
{
    switch (event->event) {
    case SDL_WINDOWEVENT_FOCUS_LOST:
        window->grab_at = 0;
        sdl_grab(window, false);
        input_release_all(window->input);
        window->buttons_seen = 0;
        break;
    case SDL_WINDOWEVENT_RESIZED:
        /* Sent for sizes that the user chose, or the window manager. */
        window->resized |= !window->full_screen && (event->data1 != window->asked_width ||
                                                    event->data2 != window->asked_height);
        break;
    case SDL_WINDOWEVENT_SIZE_CHANGED:
        sdl_size_console(window);
        sdl_place_picture(window);
        break;
    case SDL_WINDOWEVENT_EXPOSED:
    case SDL_WINDOWEVENT_RESTORED:
    case SDL_WINDOWEVENT_SHOWN:
        window->repaint = true;
        break;
    case SDL_WINDOWEVENT_CLOSE:
        sdl_close(window);
        break;
    default:
        break;
    }
}

/* A character for a console. With Ctrl it is part of a chord that went another way; AltGr makes characters. */
static void handle_text(struct sdl_window *window, const char *text)
{
    SDL_Keymod held = SDL_GetModState();
    bool chord = (held & KMOD_CTRL) != 0 && (held & (KMOD_RALT | KMOD_MODE)) == 0;

    if (!sdl_is_guest_shown(window) && window->console.text != NULL && !chord) {
        window->console.text(window->console.arg, text);
    }
}

void sdl_handle_event(struct sdl_window *window, const SDL_Event *event)
{
    if (sdl_panel_event(window, event)) {
        return;
    }
    switch (event->type) {
    case SDL_KEYDOWN:
    case SDL_KEYUP:
        handle_key(window, &event->key);
        break;
    case SDL_TEXTINPUT:
        handle_text(window, event->text.text);
        break;
    case SDL_MOUSEBUTTONDOWN:
    case SDL_MOUSEBUTTONUP:
        handle_button(window, &event->button);
        break;
    case SDL_MOUSEMOTION:
        if (!sdl_select_motion(window, &event->motion)) {
            handle_motion(window, &event->motion);
        }
        break;
    case SDL_MOUSEWHEEL:
        handle_wheel(window, &event->wheel);
        break;
    case SDL_WINDOWEVENT:
        handle_window(window, &event->window);
        break;
    default:
        break;
    }
}
