/*
 * The terminal display, by ncursesw: the guest's text screen and the text consoles on the terminal that vmm was
 * started on. It runs in the main thread inside the default GLib main context.
 *
 * Alt-1 shows the guest's screen, Alt-2 .. the consoles. All other keys go to what is shown; a terminal reports
 * characters and not keys, so that a US keyboard is assumed in the guest. In graphics modes the size of the picture
 * is shown, and how to save it.
 */
#ifndef UI_CURSES_H
#define UI_CURSES_H

#include <glib.h>

#include "ui/display.h"
#include "ui/input.h"
#include "ui/ui_console.h"

struct curses;
struct machine_lock;

struct curses_options {
    void *arg;              /* of the function */
    ui_console_fn *console; /* may be NULL */
};

/* Takes the terminal on these descriptors (borrowed); what is written to standard error is kept back and shown
 * as messages if that is the terminal, too. display, input and lock must outlive it. NULL and error if the
 * terminal is none or its type is not known. */
struct curses *curses_create(const struct curses_options *options, struct display *display, struct input *input,
                             struct machine_lock *lock, int in, int out, GError **error);
/* Gives the terminal back and prints the messages kept. NULL is fine. */
void curses_destroy(struct curses *curses);

/* Shows a line for some seconds; it is printed again at the end. */
void curses_message(struct curses *curses, const char *text);

/* Looks for keys and changes at once: for tests. */
void curses_refresh(struct curses *curses);

#endif
