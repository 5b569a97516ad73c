/*
 * A text terminal as a display: the monitor, serial and parallel ports inside the window (Ctrl-Alt-2 ..). It
 * understands what Linux programs send to a VT102 (cursor movement, erasing, inserting, scrolling regions,
 * colours, line drawing, the alternate screen), keeps lines that scrolled off, and turns keys into the bytes a
 * terminal sends.
 *
 * Not modelled: tab stops other than every eighth column, double-size lines, 256 colours, characters that are
 * not in code page 437. All functions are for the main thread.
 */
#ifndef UI_CONSOLE_TEXT_H
#define UI_CONSOLE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ui/display.h"
#include "ui/input.h"

#define CONSOLE_FONT_SIZE 4096 /* 256 characters, 16 lines of 8 dots each, code page 437 */

struct console_text;

/* Finds such a font in an image that has one, as a VGA BIOS does; it is recognised by its letters. False if
 * there is none. */
bool console_text_find_font(const uint8_t *image, size_t size, uint8_t font[CONSOLE_FONT_SIZE]);

/* font is copied. */
struct console_text *console_text_create(const uint8_t font[CONSOLE_FONT_SIZE], unsigned columns,
                                         unsigned rows);
void console_text_destroy(struct console_text *console);

/* Another size, in characters. What is on the screen and in the history stays, cut off on the right where it is
 * too long. */
void console_text_resize(struct console_text *console, unsigned columns, unsigned rows);

/* Scrolls back (lines > 0) or forth. False if there is no further. */
bool console_text_scroll(struct console_text *console, int lines);

/* Where it is shown; owned by the console. */
struct display *console_text_display(struct console_text *console);

/* Output to the screen. UTF-8; any bytes are harmless. */
void console_text_write(struct console_text *console, const void *data, size_t size);

/* What is typed goes to fn. */
typedef void console_text_input_fn(void *arg, const void *data, size_t size);
void console_text_on_input(struct console_text *console, console_text_input_fn *fn, void *arg);

/* From the window, in the form of struct ui_console; modifiers are of enum ui_modifier. Ctrl or Shift
 * with PgUp and PgDn, and Ctrl with Up and Down, scroll back; arg is the console. */
void console_text_key(void *arg, enum key_code key, unsigned modifiers);
void console_text_typed(void *arg, const char *text);

#endif
