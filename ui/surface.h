/*
 * A surface: the picture of a screen as a pixman image of format x8r8g8b8, with a sequence number that tells
 * one surface from its successor, so that a viewer notices a mode switch by comparing two integers.
 *
 * The owner is whoever holds a reference; the display keeps the current one.
 */
#ifndef UI_SURFACE_H
#define UI_SURFACE_H

#include <pixman.h>
#include <stddef.h>
#include <stdint.h>

/* Larger pictures are never made: the guest chooses the size. */
#define SURFACE_MAX_WIDTH 8192
#define SURFACE_MAX_HEIGHT 8192

struct surface {
    pixman_image_t *image; /* PIXMAN_x8r8g8b8; owned */
    uint32_t *pixels;      /* first pixel of the first line: 0x00rrggbb; owned by image */
    unsigned width;        /* pixels, at least 1 */
    unsigned height;       /* lines, at least 1 */
    unsigned stride;       /* from one line to the next, in pixels */
    uint32_t sequence;     /* unique in its display; 0 for a surface outside any display */
    unsigned references;   /* main thread only */
};

/* A black surface with one reference. Sizes are clamped to 1..SURFACE_MAX_*. Never NULL (aborts when the
 * host is out of memory, as glib does). */
struct surface *surface_create(unsigned width, unsigned height);
struct surface *surface_ref(struct surface *surface);
/* Frees at the last reference; NULL is fine. */
void surface_unref(struct surface *surface);

/* First pixel of line y, y < height. */
static inline uint32_t *surface_line(const struct surface *surface, unsigned y)
{
    return surface->pixels + (size_t)y * surface->stride;
}

/* Fills a rectangle, clipped to the surface. */
void surface_fill(struct surface *surface, int x, int y, int width, int height, uint32_t colour);

#endif
