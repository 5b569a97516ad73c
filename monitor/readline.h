/*
 * The line editor: bytes from a terminal in, bytes for the terminal and finished lines out. It does
 * no input or output of its own and looks at nothing but the bytes.
 *
 *   Left Right Ctrl-B Ctrl-F   move            Backspace Delete Ctrl-D   delete a character
 *   Home End Ctrl-A Ctrl-E     to the ends     Ctrl-W Ctrl-U Ctrl-K      delete word, to the start,
 * to the end Up Down Ctrl-P Ctrl-N      history         Tab                       complete Ctrl-C
 * drop the line   Ctrl-L                    clear the screen
 *
 * UTF-8 is taken as it comes; a character counts as one column.
 */
#ifndef MONITOR_READLINE_H
#define MONITOR_READLINE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define READLINE_MAX     4095 /* bytes of a line; more are refused with a bell */
#define READLINE_HISTORY 64   /* lines */

struct readline;

/* Appends to candidates (char *, owned by it) the words that may stand where the first `cursor`
 * bytes of line end, and returns the offset at which that word starts. */
typedef size_t readline_complete_fn(void *arg, const char *line, size_t cursor,
                                    GPtrArray *candidates);

/* prompt: NULL = none. echo: show what is typed and edit it; without, only line ends and backspace
 * mean anything. complete may be NULL. */
struct readline *readline_create(const char *prompt, bool echo, readline_complete_fn *complete,
                                 void *arg);
void readline_destroy(struct readline *readline);

/* Appends the prompt and what is typed so far: at the start, and after something else was written.
 */
void readline_show(struct readline *readline, GString *out);

/* Takes one byte; appends what the terminal is to show. Returns the line when it is finished, valid
 * until the next call, else NULL. The prompt is not shown again by itself. */
const char *readline_feed(struct readline *readline, uint8_t byte, GString *out);

#endif
