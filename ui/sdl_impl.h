/*
 * Between the files of the SDL window.
 */
#ifndef UI_SDL_IMPL_H
#define UI_SDL_IMPL_H

#include <SDL.h>

#include "ui/sdl.h"

/* A message in the window. */
struct sdl_panel {
    pixman_image_t *image; /* a8r8g8b8; NULL: none */
    int width, height;
    gint64 until;          /* monotonic us; 0: until taken away */
    bool question;         /* Yes in the left half, No in the right */
    SDL_Rect place;        /* in pixels of the window, as last painted */
};

/* Text selected with the mouse, by cells of the shown text screen. */
struct sdl_selection {
    bool on;       /* something is selected */
    bool dragging; /* the button is down */
    unsigned anchor_column, anchor_row, column, row;
    unsigned columns, rows; /* of the text screen */
};

/* What the window's pixels are made from; sdl_paint.c. */
struct sdl_painter {
    struct surface *surface;  /* the picture that `source` wraps; one reference */
    pixman_image_t *source;
    SDL_Surface *target;      /* the window's; SDL's, or `shadow` if that has another format */
    SDL_Surface *shadow;      /* owned; NULL if not needed */
    SDL_Surface *seen;        /* the window's surface that `image` belongs to; SDL's */
    pixman_image_t *image;    /* wraps target's pixels */
    int width, height;        /* of target */
};

struct sdl_window {
    struct sdl_options options; /* name, size_file are owned */
    struct display *guest;
    struct input *input;
    struct machine_lock *lock;
    SDL_Window *window;
    struct sdl_painter painter;
    unsigned width, height; /* of the shown picture */
    struct display_viewer viewer;
    struct ui_console console; /* display NULL: the guest is shown */
    unsigned console_number;    /* 1: the guest */
    bool viewing;               /* viewer is registered */
    GSourceFuncs clock_functions;
    GSource *clock;       /* ready when the window is to look; owned */
    gint woken;           /* the display called since the last look; atomic */
    gint64 earliest;      /* when to look again at the earliest, us; atomic */
    guint event_watch;    /* on the connection to the display server; 0: events are polled */
    gint64 last_events;   /* when they were */
    gint64 last_title;
    char *title;          /* as shown */
    unsigned zoom;        /* per cent */
    enum sdl_scaling scaling;
    bool resized;         /* by the user: keep the size in a mode switch */
    int asked_width, asked_height; /* size that we set last */
    bool grabbed;
    gint64 grab_at; /* when a click takes the mouse, monotonic us; 0: none waits */
    bool full_screen;
    bool repaint;         /* the window lost its contents */
    SDL_Rect picture;     /* where the picture is, in pixels of the window */
    unsigned buttons_seen; /* buttons whose press went to the guest */
    bool cursor_hidden;
    struct sdl_panel panel;
    struct sdl_selection selection;
};

/* sdl_keymap.c: the key at a position of the keyboard; KEY_NONE if a PC has none there. */
enum key_code sdl_keymap(SDL_Scancode scancode);

/* sdl_input.c */
void sdl_handle_event(struct sdl_window *window, const SDL_Event *event);
void sdl_grab(struct sdl_window *window, bool on);
/* What the title says about the grab; static. */
const char *sdl_grab_hint(const struct sdl_window *window);
/* Shows the host's pointer or hides it where the guest draws one. */
void sdl_update_cursor(struct sdl_window *window);

/* sdl_keys.c: with the grab modifier down. False if the key is none of ours. */
bool sdl_handle_hot_key(struct sdl_window *window, enum key_code key);
/* Types text into what is shown; frees it with SDL_free(). */
void sdl_paste(struct sdl_window *window, char *text);

/* sdl_paint.c */
/* Paints what changed: the viewer's damage, or everything if repaint is set. False if there was nothing. */
bool sdl_paint(struct sdl_window *window);
/* Puts the picture in its place: after a change of the size of the window or the picture. */
void sdl_place_picture(struct sdl_window *window);
void sdl_painter_finish(struct sdl_painter *painter);
/* From a position in window coordinates to pixels of the shown picture; may lie outside it. */
void sdl_picture_position(const struct sdl_window *window, int x, int y, int *column, int *row);
/* ... to pixels of the window. */
void sdl_pixel_position(const struct sdl_window *window, int x, int y, int *pixel_x, int *pixel_y);

/* sdl_panel.c */
/* Shows lines of text for some seconds; 0 = until taken away. */
void sdl_panel_show(struct sdl_window *window, const char *text, unsigned seconds);
/* Asks whether to close. */
void sdl_panel_ask(struct sdl_window *window);
void sdl_panel_hide(struct sdl_window *window);
/* Hides a panel whose time is over. */
void sdl_panel_tick(struct sdl_window *window, gint64 now);
void sdl_panel_paint(struct sdl_window *window, pixman_image_t *target);
/* Answers by key or mouse; true if the event was for the panel. */
bool sdl_panel_event(struct sdl_window *window, const SDL_Event *event);

/* sdl_select.c: mouse events over text; true if the event was used. */
bool sdl_select_button(struct sdl_window *window, const SDL_MouseButtonEvent *event);
bool sdl_select_motion(struct sdl_window *window, const SDL_MouseMotionEvent *event);
void sdl_select_clear(struct sdl_window *window);
void sdl_select_paint(struct sdl_window *window, pixman_image_t *target);

/* sdl_title.c */
void sdl_update_title(struct sdl_window *window, gint64 now);

/* sdl_size.c */
/* The size of the last time; false if none is known. */
bool sdl_size_load(struct sdl_window *window, int *width, int *height);
void sdl_size_save(struct sdl_window *window);

/* sdl.c */
/* Has the window look soon: something is to be painted. */
void sdl_look_soon(struct sdl_window *window);
void sdl_set_full_screen(struct sdl_window *window, bool on);
/* Sizes the window to the picture, zoomed. */
void sdl_fit_window(struct sdl_window *window);
/* The window has another size: the console follows. */
void sdl_size_console(struct sdl_window *window);
/* The user wants to close the window. */
void sdl_close(struct sdl_window *window);

static inline bool sdl_is_guest_shown(const struct sdl_window *window)
{
    return window->console.display == NULL;
}

static inline struct display *sdl_shown_display(const struct sdl_window *window)
{
    return window->console.display != NULL ? window->console.display : window->guest;
}

#endif
