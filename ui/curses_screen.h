/*
 * What ui/curses.c needs of ncurses, whose macros (KEY_UP and the like) do not get along with ui/input.h.
 */
#ifndef UI_CURSES_SCREEN_H
#define UI_CURSES_SCREEN_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct curses_screen;

/* A key as the terminal reports it. */
struct curses_key {
    char name[16];      /* sendkey name of a key that is no character; "" for a character */
    uint32_t character; /* Unicode; control characters as such */
    bool shift, ctrl, alt; /* as far as the terminal tells; shift and ctrl only with a name */
};

enum curses_event { CURSES_NOTHING, CURSES_KEY, CURSES_RESIZED };

struct curses_screen *curses_screen_create(int in, int out, GError **error);
void curses_screen_destroy(struct curses_screen *screen);
void curses_screen_size(struct curses_screen *screen, unsigned *columns, unsigned *rows);
void curses_screen_erase(struct curses_screen *screen);
/* attribute as in struct text_cell. Outside the screen nothing happens. */
void curses_screen_put(struct curses_screen *screen, unsigned row, unsigned column, uint32_t unicode,
                       uint8_t attribute);
/* Makes it visible; the cursor is hidden if row or column lie outside. */
void curses_screen_show(struct curses_screen *screen, unsigned cursor_row, unsigned cursor_column);
/* Draws everything anew: something else wrote on the terminal. */
void curses_screen_repair(struct curses_screen *screen);
/* Does not wait. */
enum curses_event curses_screen_event(struct curses_screen *screen, struct curses_key *key);

#endif
