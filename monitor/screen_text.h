/* The guest's screen as text: of the text modes' memory, or read off the picture by the shapes of the VGA BIOS's
 * letters (ui/glyphs.h). */
#ifndef MONITOR_SCREEN_TEXT_H
#define MONITOR_SCREEN_TEXT_H

#include <stdbool.h>

#include "monitor/monitor.h"

struct text_screen;

/* False, and nothing to clear, if the machine has no display or shows no known character. Main thread, machine
 * lock not held. */
bool screen_text_read(const struct monitor_env *env, struct text_screen *screen);
/* The lines of a screen, joined by newlines, blank ones at the end left out; newly allocated. */
char *screen_text_lines(const struct text_screen *screen);

#endif
