/*
 * Between the files of the text console.
 */
#ifndef UI_CONSOLE_TEXT_IMPL_H
#define UI_CONSOLE_TEXT_IMPL_H

#include <glib.h>

#include "ui/console_text.h"

#define CONSOLE_LINES 1000 /* kept, those on the screen included */
#define CONSOLE_PARAMETERS 8
#define CONSOLE_ATTRIBUTE 0x07

enum console_state {
    CONSOLE_PLAIN,
    CONSOLE_ESCAPE,
    CONSOLE_SEQUENCE,
    CONSOLE_STRING,
    CONSOLE_CHARACTER_SET,
    CONSOLE_IGNORE_ONE,
};

struct console_text {
    uint8_t font[CONSOLE_FONT_SIZE];
    unsigned columns, rows;
    struct text_cell *cells; /* CONSOLE_LINES lines, line n at n % CONSOLE_LINES */
    uint64_t top;            /* number of the line at the top of the screen */
    unsigned scrolled;       /* lines by which the view is behind */
    unsigned row, column;    /* cursor; column == columns: wraps before the next character */
    uint8_t attribute;
    unsigned margin_top, margin_bottom; /* rows between which lines scroll */
    unsigned saved_row, saved_column;
    uint8_t saved_attribute;
    bool cursor_hidden, no_wrap, application_keys, line_drawing;
    bool alternate;           /* a full-screen program has the screen; .. */
    struct text_cell *behind; /* .. and this is what was there before; owned */
    unsigned behind_columns, behind_rows;
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
/* Bytes as if they had been typed. */
void console_send(struct console_text *console, const char *bytes);
/* How far one can scroll back. */
unsigned console_history(const struct console_text *console);

extern const struct display_source console_source;

#endif
