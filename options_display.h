/*
 * The options of what a person sees: -display, -full-screen, -alt-grab and their kin.
 */
#ifndef OPTIONS_DISPLAY_H
#define OPTIONS_DISPLAY_H

#include "core/option.h"
#include "ui/sdl.h"
#include "ui/vnc.h"

struct option_display {
    char *kind; /* sdl, curses, vnc, none; NULL: choose. Owned */
    bool full_screen;
    enum sdl_grab_modifier grab_modifier;
    enum sdl_scaling scaling;
    unsigned zoom; /* per cent; 0: as the last time */
    bool no_quit;
    bool show_cursor;
};

/* -vnc and -display vnc= */
struct option_vnc {
    char *address; /* as vnc_options; NULL: no server. Owned */
    unsigned to;
    bool password;
    enum vnc_share share;
};

/* Set functions for rows of the option table; target is a struct options. */
bool option_set_display(void *target, const struct option *option, const char *arg, GError **error);
bool option_set_vnc(void *target, const struct option *option, const char *arg, GError **error);
bool option_set_grab(void *target, const struct option *option, const char *arg, GError **error);

#endif
