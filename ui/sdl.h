/*
 * The window, by SDL 2. It runs in the main thread inside the default GLib main context: a timer looks at the
 * display 60 times a second while something moves and less often when nothing does.
 *
 * Keys (with the grab modifier, by default Ctrl-Alt): G grab or release the mouse, F full screen, U natural
 * size, + and - larger and smaller, 1-9 consoles, D sends Ctrl-Alt-Delete, V types the clipboard; P and R are
 * handed to main (pause, rewind). All other keys go to the guest, by position on the keyboard.
 *
 * Nothing of SDL shows in this header; without a call to sdl_window_create() SDL is not initialised.
 */
#ifndef UI_SDL_H
#define UI_SDL_H

#include <glib.h>
#include <stdbool.h>

#include "ui/display.h"
#include "ui/input.h"

struct machine_lock;
struct sdl_window;

enum sdl_grab_modifier {
    SDL_GRAB_CTRL_ALT,       /* left Ctrl and left Alt */
    SDL_GRAB_CTRL_ALT_SHIFT, /* -display sdl,grab-mod=lshift-lctrl-lalt, -alt-grab */
    SDL_GRAB_RCTRL,          /* -display sdl,grab-mod=rctrl, -ctrl-grab */
};

enum sdl_command { SDL_COMMAND_PAUSE, SDL_COMMAND_REWIND };

enum sdl_modifier {
    SDL_MODIFIER_SHIFT = 1 << 0,
    SDL_MODIFIER_CTRL = 1 << 1,
    SDL_MODIFIER_ALT = 1 << 2,
};

/* What the window can show besides the guest: the monitor, a serial line. */
struct sdl_console {
    const char *title;
    struct display *display;
    /* A key without a character, or with Ctrl or Alt. modifiers is a set of enum sdl_modifier. */
    void (*key)(void *arg, enum key_code key, unsigned modifiers);
    /* Typed text in UTF-8. */
    void (*text)(void *arg, const char *text);
    void *arg;
};

/* Any of the functions may be NULL. They are called in the main thread without the machine lock. */
struct sdl_options {
    const char *name; /* of the guest, for the title; copied; NULL: none */
    bool full_screen;
    enum sdl_grab_modifier grab_modifier;
    void *arg; /* of the functions */
    /* "running", "paused": shown in the title. */
    const char *(*state)(void *arg);
    /* Speed and the like for the title; newly allocated, or NULL. */
    char *(*speed)(void *arg);
    /* The user closes the window. The window stays until it is destroyed. */
    void (*close)(void *arg);
    void (*command)(void *arg, enum sdl_command command);
    /* Console number n (2..9; 1 is the guest). False if there is none. */
    bool (*console)(void *arg, unsigned n, struct sdl_console *console);
};

/* Opens the window. options is copied; display, input and lock are not owned and must outlive the window.
 * NULL and error, with a remedy, if no window can be opened; the caller may then use a terminal. */
struct sdl_window *sdl_window_create(const struct sdl_options *options, struct display *display,
                                     struct input *input, struct machine_lock *lock, GError **error);
/* Closes the window; NULL is fine. Not from inside one of the option functions. */
void sdl_window_destroy(struct sdl_window *window);

/* Looks at once for events and changes instead of at the next turn of the timer: for tests and after a
 * pause. */
void sdl_window_refresh(struct sdl_window *window);

/* Milliseconds until the next look: for tests. */
unsigned sdl_window_interval(const struct sdl_window *window);

/* Modifier by the names of -display sdl,grab-mod=: "lctrl-lalt", "lshift-lctrl-lalt", "rctrl". */
bool sdl_parse_grab_modifier(const char *name, enum sdl_grab_modifier *modifier);

#endif
