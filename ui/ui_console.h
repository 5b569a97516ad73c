/*
 * What a window or a terminal can show besides the guest's screen: the monitor, a serial line. The consoles are
 * numbered from 2; 1 is the guest.
 */
#ifndef UI_UI_CONSOLE_H
#define UI_UI_CONSOLE_H

#include "ui/display.h"
#include "ui/input.h"

enum ui_modifier {
    UI_MODIFIER_SHIFT = 1 << 0,
    UI_MODIFIER_CTRL = 1 << 1,
    UI_MODIFIER_ALT = 1 << 2,
};

/* Any of the functions may be NULL; they are called in the main thread. */
struct ui_console {
    const char *title;
    struct display *display;
    /* A key without a character, or with Ctrl or Alt. modifiers is a set of enum ui_modifier. */
    void (*key)(void *arg, enum key_code key, unsigned modifiers);
    /* Typed text in UTF-8. */
    void (*text)(void *arg, const char *text);
    /* There is room for a picture of this many pixels; NULL: the picture has a fixed size. */
    void (*resize)(void *arg, unsigned width, unsigned height);
    /* Scrolls back by lines (forth if negative). */
    void (*scroll)(void *arg, int lines);
    void *arg;
};

/* Describes console n. False if there is none. */
typedef bool ui_console_fn(void *arg, unsigned n, struct ui_console *console);

#endif
