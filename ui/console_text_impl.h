/*
 * Between the files of the text console.
 */
#ifndef UI_CONSOLE_TEXT_IMPL_H
#define UI_CONSOLE_TEXT_IMPL_H

#include <glib.h>

#include "ui/console_text.h"

#define CONSOLE_LINES 1000 /* kept, those on the screen included */
#define CONSOLE_PARAMETERS 8

enum console_state { CONSOLE_PLAIN, CONSOLE_ESCAPE, CONSOLE_SEQUENCE };

struct console_text {
    uint8_t font[CONSOLE_FONT_SIZE];
    unsigned columns, rows;
    struct text_cell *cells; /* CONSOLE_LINES lines, line n at n % CONSOLE_LINES */
    uint64_t top;            /* number of the line at the top of the screen */
    unsigned scrolled;       /* lines by which the view is behind */
    unsigned row, column;    /* cursor; column == columns: wraps before the next character */
    uint8_t attribute;
    enum console_state state;
    unsigned parameters[CONSOLE_PARAMETERS], parameter_count;
    bool private_sequence;   /* ESC [ ? */
    uint32_t unicode;        /* UTF-8 in progress */
    unsigned unicode_left;   /* bytes still to come */
    console_text_input_fn *input_fn;
    void *input_arg;
    struct display *display;
    uint32_t *drawn; /* what was drawn in each cell */
};

/* First cell of a line on the screen. */
struct text_cell *console_line(struct console_text *console, unsigned row);
/* First cell of a line of the view, which may be scrolled back. */
struct text_cell *console_view_line(struct console_text *console, unsigned row);
void console_fill(struct console_text *console, struct text_cell *cells, unsigned count);
/* How far one can scroll back. */
unsigned console_history(const struct console_text *console);

extern const struct display_source console_source;

#endif
