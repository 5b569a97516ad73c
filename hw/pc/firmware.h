/*
 * Finding and loading firmware images: SeaBIOS and its VGA BIOS come from the installed package, -bios names
 * another image and -L a folder that is searched first.
 */
#ifndef HW_PC_FIRMWARE_H
#define HW_PC_FIRMWARE_H

#include <glib.h>
#include <stdint.h>

/* Where the image `name` is found, as firmware_load() looks for it: a path to be freed, or NULL. */
char *firmware_find(const char *name, const char *const *search);

/* Reads the image `name` (a path, or a file in one of the folders of the NULL-terminated list `search`, then
 * in the built-in ones) of at most max_size bytes. NULL and an error that names the places looked at and the
 * Debian package. The caller frees the bytes. */
GBytes *firmware_load(const char *name, const char *const *search, uint64_t max_size, GError **error);

#endif
