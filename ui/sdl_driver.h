/*
 * Which of SDL's video drivers works here.
 */
#ifndef UI_SDL_DRIVER_H
#define UI_SDL_DRIVER_H

#include <glib.h>
#include <stdbool.h>

/* True if nobody could see what this driver shows. One that was asked for by name (SDL_VIDEODRIVER) is taken to be
 * wanted. */
bool sdl_driver_invisible(const char *driver);

/* Starts and stops SDL's video: the driver's name, to be freed; NULL and error if no window could be seen. */
char *sdl_driver_try(GError **error);

#endif
