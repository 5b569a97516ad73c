/* The file formats behind symbols.h. */
#ifndef MONITOR_SYMBOLS_READ_H
#define MONITOR_SYMBOLS_READ_H

#include <glib.h>

#include "monitor/symbols.h"

/* Appends a file's symbols (struct symbol, names owned by the array's user) as they stand in it, unsorted. data ends
 * with a 0 byte that size does not count. False and error if the file is damaged or is none of the formats. */
bool symbols_read(const char *data, size_t size, GArray *out, GError **error);

#endif
