/*
 * Pictures of a surface as files: PPM (binary, P6, 8 bits a colour) and PNG (RGB, 8 bits).
 */
#ifndef UI_SCREENDUMP_H
#define UI_SCREENDUMP_H

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

struct display;
struct machine_lock;
struct surface;

enum screendump_format { SCREENDUMP_PPM, SCREENDUMP_PNG };

/* "ppm" or "png"; false if it is neither. */
bool screendump_parse_format(const char *name, enum screendump_format *format);

/* Writes the picture to an open stream. False and error if a write fails. */
bool screendump_write(const struct surface *surface, enum screendump_format format, FILE *stream,
                      GError **error);

/* To a file made or overwritten. On failure a half-written file is removed. format_name NULL: PNG
 * if the path ends in ".png", else PPM. Main thread, machine lock not needed (see ui/display.h). */
bool screendump_save(const struct surface *surface, const char *path, const char *format_name,
                     GError **error);

/* Brings the display up to date (taking the lock for that), then as screendump_save(): works with every kind
 * of display, `-display none` included, where nothing is converted until somebody asks. Main thread, machine
 * lock not held. */
bool screendump_display(struct display *display, struct machine_lock *lock, const char *path,
                        const char *format_name, GError **error);

#endif
