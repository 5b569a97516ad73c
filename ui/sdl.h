/*
 * The window, by SDL 2. It runs in the main thread inside the default GLib main context: the display tells when its
 * picture may have changed, and the window then looks, at most 80 times a second, and seldom while nobody can see
 * it. A display that cannot tell is looked at 60 times a second.
 *
 * Keys (with the grab modifier, by default Ctrl-Alt): G grab or release the mouse, F full screen, U natural
 * size, + and - larger and smaller, S smooth or integer scaling, 1-9 consoles, D sends Ctrl-Alt-Delete, V types
 * the clipboard; P and R are handed to main (pause, rewind). All other keys go to the guest, by position on the
 * keyboard. In text modes and consoles the mouse selects text, which goes to the clipboard.
 *
 * Nothing of SDL shows in this header; without a call to sdl_window_create() SDL is not initialised.
 */
#ifndef UI_SDL_H
#define UI_SDL_H

#include <glib.h>
#include <stdbool.h>

#include "ui/display.h"
#include "ui/input.h"
#include "ui/ui_console.h"

struct machine_lock;
struct sdl_window;

enum sdl_grab_modifier {
    SDL_GRAB_CTRL_ALT,       /* left Ctrl and left Alt */
    SDL_GRAB_CTRL_ALT_SHIFT, /* -display sdl,grab-mod=lshift-lctrl-lalt, -alt-grab */
    SDL_GRAB_RCTRL,          /* -display sdl,grab-mod=rctrl, -ctrl-grab */
};

enum sdl_scaling {
    SDL_SCALING_SMOOTH,  /* fills the window, keeping the picture's shape */
    SDL_SCALING_INTEGER, /* the largest whole multiple that fits; smooth if not even the picture itself does */
};

enum sdl_command { SDL_COMMAND_PAUSE, SDL_COMMAND_REWIND };

/* Any of the functions may be NULL. They are called in the main thread without the machine lock. */
struct sdl_options {
    const char *name; /* of the guest, for the title; copied; NULL: none */
    const uint8_t *font; /* for messages in the window, as in ui/console_text.h; borrowed; NULL: no messages */
    bool full_screen;
    enum sdl_grab_modifier grab_modifier;
    enum sdl_scaling scaling;
    unsigned zoom;         /* per cent; 0: as the last time, or by the host's pixel density */
    bool ignore_close;     /* the window's close button does nothing */
    bool show_cursor;      /* the host's pointer even where the guest draws its own */
    const char *size_file; /* remembers the window's size by name; copied; NULL: not remembered */
    void *arg;             /* of the functions */
    /* "running", "paused": shown in the title. */
    const char *(*state)(void *arg);
    /* Speed and the like for the title; newly allocated, or NULL. */
    char *(*speed)(void *arg);
    /* What is busy ("disk net"); newly allocated, or NULL. Called every half second. */
    char *(*activity)(void *arg);
    /* Whether closing would lose something: then the user is asked. */
    bool (*running)(void *arg);
    /* The user closes the window. The window stays until it is destroyed. */
    void (*close)(void *arg);
    /* A message to show, static, or NULL. */
    const char *(*command)(void *arg, enum sdl_command command);
    /* Console number n (2..9; 1 is the guest). False if there is none. */
    ui_console_fn *console;
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

/* Shows console n, as Ctrl-Alt-n does; 1 is the guest. */
void sdl_window_show_console(struct sdl_window *window, unsigned n);

/* Modifier by the names of -display sdl,grab-mod=: "lctrl-lalt", "lshift-lctrl-lalt", "rctrl". */
bool sdl_parse_grab_modifier(const char *name, enum sdl_grab_modifier *modifier);

#endif
