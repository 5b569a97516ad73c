/*
 * Which of SDL's video drivers works here; see the header.
 */
#include "ui/sdl_driver.h"

#include <SDL.h>

bool sdl_driver_invisible(const char *driver)
{
    return g_getenv("SDL_VIDEODRIVER") == NULL &&
           (g_strcmp0(driver, "offscreen") == 0 || g_strcmp0(driver, "dummy") == 0 ||
            g_strcmp0(driver, "evdev") == 0);
}

char *sdl_driver_try(GError **error)
{
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
    if (SDL_InitSubSystem(SDL_INIT_VIDEO) != 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "no window can be opened: %s", SDL_GetError());
        return NULL;
    }
    char *driver = g_strdup(SDL_GetCurrentVideoDriver());
    SDL_QuitSubSystem(SDL_INIT_VIDEO);
    if (sdl_driver_invisible(driver)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "no window can be opened: there is no display");
        g_clear_pointer(&driver, g_free);
    }
    return driver;
}
