/*
 * The display: where a graphics device shows its picture and from where windows, screen dumps and the
 * monitor take it.
 *
 * The picture is pulled. Whoever wants to see it calls display_update() at its own rate; the device then
 * converts what changed since the last time into the surface and reports it as damage. A mode switch is a
 * new surface. Damage is kept for each viewer separately, so that several can look at different rates.
 *
 * Threads and locks: display_update(), display_text() and everything the device calls run in the main thread
 * with the machine lock held. The surface changes only inside display_update(); therefore the main thread
 * may read its pixels after releasing the lock, for as long as it does not call display_update() again.
 */
#ifndef UI_DISPLAY_H
#define UI_DISPLAY_H

#include <pixman.h>
#include <stdbool.h>
#include <stdint.h>

#include "ui/surface.h"

struct display;

/* One character of a text screen. */
struct text_cell {
    uint8_t character; /* code in the guest's font, normally code page 437 */
    uint8_t attribute; /* bits 0-3 foreground, 4-6 background, 7 blink or bright background */
};

/* A copy of a text screen. cells is owned: free with text_screen_clear(). */
struct text_screen {
    unsigned columns, rows;
    struct text_cell *cells; /* rows x columns, line by line */
    bool cursor_visible;
    unsigned cursor_column, cursor_row; /* valid if cursor_visible */
};

void text_screen_clear(struct text_screen *screen);
/* The Unicode character of a code in code page 437. */
uint32_t text_cell_unicode(uint8_t character);

/* What a graphics device offers; any member may be NULL. Called with the machine lock held. */
struct display_source {
    /* Converts what changed; calls display_set_size(), display_damage(). */
    void (*update)(void *arg);
    /* Fills the (zeroed) screen if a text mode is on, with cells from g_malloc; false if not. */
    bool (*text)(void *arg, struct text_screen *screen);
    /* The whole picture has to be converted at the next update. */
    void (*invalidate)(void *arg);
    /* Microseconds for which nobody need look unless display_wake() is called; 0: look all the time, since changes are
     * not told. Called after an update. */
    uint64_t (*rest)(void *arg);
};

#define DISPLAY_REST_LONG UINT64_MAX

/* A display without a source shows a black surface of 640 x 480. */
struct display *display_create(void);
void display_destroy(struct display *display);

/* Device side: attach (source is static or lives as long as the device) or detach with NULL, NULL. */
void display_set_source(struct display *display, const struct display_source *source, void *arg);

/* Device side: the surface to draw on. If the size differs from the present one a new black surface takes
 * its place, wholly damaged. Sizes are clamped as in surface_create(). Owned by the display. */
struct surface *display_set_size(struct display *display, unsigned width, unsigned height);

/* Device side: these pixels were drawn. Clipped to the surface. */
void display_damage(struct display *display, int x, int y, int width, int height);

/* Device side, any thread: the picture may have changed. Cheap; only the first call after an update does anything. */
void display_wake(struct display *display);

/* Viewer side: fn is called from display_wake(), in any thread, with any locks held; NULL: no more, and
 * no call is under way any longer. One listener. */
void display_on_wake(struct display *display, void (*fn)(void *arg), void *arg);
/* Viewer side: how long it need not look, as display_source.rest. With the machine lock. */
uint64_t display_rest(struct display *display);

/* Viewer side: brings the surface up to date. Returns true if anything changed, a mode switch included; who is not the
 * listener then calls display_wake(), so that the listener shows it, too. */
bool display_update(struct display *display);

/* The present surface; borrowed: surface_ref() to keep it beyond the next update. */
struct surface *display_surface(const struct display *display);

/* Copies the text screen; false (and nothing to clear) if the device is not in a text mode. */
bool display_text(struct display *display, struct text_screen *screen);

/* Text of one screen line in UTF-8 (code page 437), trailing blanks removed; newly allocated. */
char *text_screen_line(const struct text_screen *screen, unsigned row);

/* Makes the device convert everything at the next update. */
void display_invalidate(struct display *display);

/* A viewer's account of what changed since it last looked. In the viewer's memory. */
struct display_viewer {
    struct display *display;
    pixman_region32_t damage; /* accumulated; cleared by the viewer with display_viewer_taken() */
    uint32_t sequence;        /* of the surface the damage is about; the viewer compares */
    struct display_viewer *next;
};

/* Registers a viewer; the whole surface counts as damaged. */
void display_viewer_init(struct display_viewer *viewer, struct display *display);
void display_viewer_finish(struct display_viewer *viewer);
/* The viewer has shown everything: empties the damage. */
void display_viewer_taken(struct display_viewer *viewer);

#endif
