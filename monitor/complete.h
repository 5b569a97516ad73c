/* Completion of monitor lines: commands, info topics, and what a shape says that an argument names.
 */
#ifndef MONITOR_COMPLETE_H
#define MONITOR_COMPLETE_H

#include <glib.h>
#include <stddef.h>

/* A readline_complete_fn; arg is a const struct monitor_env *. */
size_t complete_line(void *arg, const char *line, size_t cursor, GPtrArray *candidates);

#endif
