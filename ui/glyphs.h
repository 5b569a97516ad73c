/*
 * Reading text off a picture: a console in a graphics mode draws the VGA BIOS's 8x16 font (or, as Linux does, one
 * with the same shapes), so each character is found again by its bitmap. A cell counts if it has two colours and its
 * bitmap, in either polarity, is one of the font. Where the grid of cells begins is found by trying.
 */
#ifndef UI_GLYPHS_H
#define UI_GLYPHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct surface;
struct text_screen;
struct glyphs;

/* Takes the font out of a VGA BIOS image of `size` bytes: it is found by the shape of its letters. NULL if it is not
 * there. */
struct glyphs *glyphs_create(const uint8_t *rom, size_t size);
void glyphs_destroy(struct glyphs *glyphs); /* NULL is fine */

/* Reads the picture. Cells that show no known character become blanks. False, and nothing to clear, if there is
 * no character at all. screen->cells is owned by the caller: text_screen_clear(). */
bool glyphs_read(const struct glyphs *glyphs, const struct surface *surface, struct text_screen *screen);

#endif
