/*
 * Between the files of the SDL window.
 */
#ifndef UI_SDL_IMPL_H
#define UI_SDL_IMPL_H

#include <SDL.h>

#include "ui/sdl.h"

struct sdl_window {
    struct sdl_options options; /* name is owned */
    struct display *guest;
    struct input *input;
    struct machine_lock *lock;
    SDL_Window *window;
    SDL_Renderer *renderer;
    SDL_Texture *texture;   /* of the surface with `sequence`; NULL at first */
    unsigned width, height; /* of the texture */
    struct display_viewer viewer;
    struct sdl_console console; /* display NULL: the guest is shown */
    bool viewing;               /* viewer is registered */
    guint timer;
    unsigned interval;    /* ms until the next look */
    gint64 last_change;   /* monotonic us: picture or input */
    gint64 last_title;
    char *title;          /* as shown */
    unsigned zoom;        /* per cent */
    bool resized;         /* by the user: keep the size in a mode switch */
    bool grabbed;
    bool full_screen;
    bool repaint;         /* the window lost its contents */
    SDL_Rect picture;     /* where the picture is, in pixels of the renderer */
    unsigned buttons_seen; /* buttons whose press went to the guest */
};

/* sdl_keymap.c: the key at a position of the keyboard; KEY_NONE if a PC has none there. */
enum key_code sdl_keymap(SDL_Scancode scancode);

/* sdl_input.c */
void sdl_handle_event(struct sdl_window *window, const SDL_Event *event);
void sdl_grab(struct sdl_window *window, bool on);
/* What the title says about the grab; static. */
const char *sdl_grab_hint(const struct sdl_window *window);

/* sdl.c */
void sdl_set_full_screen(struct sdl_window *window, bool on);
/* Sizes the window to the picture, zoomed. */
void sdl_fit_window(struct sdl_window *window);
/* Shows console n; 1 is the guest. */
void sdl_show_console(struct sdl_window *window, unsigned n);

#endif
