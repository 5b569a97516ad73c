/*
 * Surfaces: reference-counted pixman images in host memory. See surface.h.
 */
#include "ui/surface.h"

#include <assert.h>
#include <glib.h>

struct surface *surface_create(unsigned width, unsigned height)
{
    struct surface *surface = g_new0(struct surface, 1);

    surface->width = CLAMP(width, 1, SURFACE_MAX_WIDTH);
    surface->height = CLAMP(height, 1, SURFACE_MAX_HEIGHT);
    /* pixman clears the pixels that it allocates itself. */
    surface->image = pixman_image_create_bits(PIXMAN_x8r8g8b8, (int)surface->width,
                                              (int)surface->height, NULL, 0);
    if (surface->image == NULL) {
        g_error("out of memory for a picture of %u x %u", surface->width, surface->height);
    }
    surface->pixels = pixman_image_get_data(surface->image);
    surface->stride = (unsigned)pixman_image_get_stride(surface->image) / sizeof(uint32_t);
    surface->references = 1;
    return surface;
}

struct surface *surface_ref(struct surface *surface)
{
    surface->references++;
    return surface;
}

void surface_unref(struct surface *surface)
{
    if (surface == NULL) {
        return;
    }
    assert(surface->references > 0);
    if (--surface->references == 0) {
        pixman_image_unref(surface->image);
        g_free(surface);
    }
}

void surface_fill(struct surface *surface, int x, int y, int width, int height, uint32_t colour)
{
    int right = MIN((int64_t)x + width, (int64_t)surface->width);
    int bottom = MIN((int64_t)y + height, (int64_t)surface->height);

    for (int line = MAX(y, 0); line < bottom; line++) {
        uint32_t *pixels = surface_line(surface, (unsigned)line);

        for (int column = MAX(x, 0); column < right; column++) {
            pixels[column] = colour;
        }
    }
}
