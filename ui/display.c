/*
 * The display between a graphics device and its viewers. See display.h.
 *
 * The viewers form a list; damage is added to each viewer's own region, and a new surface replaces every
 * viewer's region by the whole new picture.
 */
#include "ui/display.h"

#include <glib.h>
#include <string.h>

#define DEFAULT_WIDTH 640
#define DEFAULT_HEIGHT 480

struct display {
    const struct display_source *source; /* NULL without a device */
    void *source_arg;
    struct surface *surface; /* one reference */
    uint32_t next_sequence;
    struct display_viewer *viewers;
    bool changed; /* since the start of the running update */
    GMutex wake_mutex; /* for the next two, which any thread reads */
    void (*wake_fn)(void *arg);
    void *wake_arg;
    gint untold; /* nobody woke the listener since the last update */
};

static void install_surface(struct display *display, unsigned width, unsigned height)
{
    surface_unref(display->surface);
    display->surface = surface_create(width, height);
    display->surface->sequence = display->next_sequence++;
    display->changed = true;
    for (struct display_viewer *viewer = display->viewers; viewer != NULL; viewer = viewer->next) {
        pixman_region32_fini(&viewer->damage);
        pixman_region32_init_rect(&viewer->damage, 0, 0, display->surface->width,
                                  display->surface->height);
        viewer->sequence = display->surface->sequence;
    }
}

struct display *display_create(void)
{
    struct display *display = g_new0(struct display, 1);

    display->next_sequence = 1;
    g_mutex_init(&display->wake_mutex);
    install_surface(display, DEFAULT_WIDTH, DEFAULT_HEIGHT);
    return display;
}

void display_destroy(struct display *display)
{
    if (display == NULL) {
        return;
    }
    surface_unref(display->surface);
    g_mutex_clear(&display->wake_mutex);
    g_free(display);
}

void display_set_source(struct display *display, const struct display_source *source, void *arg)
{
    display->source = source;
    display->source_arg = arg;
    if (source == NULL) {
        install_surface(display, DEFAULT_WIDTH, DEFAULT_HEIGHT);
    } else {
        display_invalidate(display);
    }
    display_wake(display);
}

struct surface *display_set_size(struct display *display, unsigned width, unsigned height)
{
    width = CLAMP(width, 1, SURFACE_MAX_WIDTH);
    height = CLAMP(height, 1, SURFACE_MAX_HEIGHT);
    if (display->surface->width != width || display->surface->height != height) {
        install_surface(display, width, height);
    }
    return display->surface;
}

void display_damage(struct display *display, int x, int y, int width, int height)
{
    int right = MIN((int64_t)x + width, (int64_t)display->surface->width);
    int bottom = MIN((int64_t)y + height, (int64_t)display->surface->height);

    x = MAX(x, 0);
    y = MAX(y, 0);
    if (x >= right || y >= bottom) {
        return;
    }
    display->changed = true;
    for (struct display_viewer *viewer = display->viewers; viewer != NULL; viewer = viewer->next) {
        pixman_region32_union_rect(&viewer->damage, &viewer->damage, x, y, (unsigned)(right - x),
                                   (unsigned)(bottom - y));
    }
}

bool display_update(struct display *display)
{
    display->changed = false;
    /* Before anything is looked at, so that no change falls in between. */
    g_atomic_int_set(&display->untold, 1);
    if (display->source != NULL && display->source->update != NULL) {
        display->source->update(display->source_arg);
    }
    return display->changed;
}

void display_wake(struct display *display)
{
    if (display != NULL && g_atomic_int_get(&display->untold) != 0 &&
        g_atomic_int_compare_and_exchange(&display->untold, 1, 0)) {
        g_mutex_lock(&display->wake_mutex);
        if (display->wake_fn != NULL) {
            display->wake_fn(display->wake_arg);
        }
        g_mutex_unlock(&display->wake_mutex);
    }
}

void display_on_wake(struct display *display, void (*fn)(void *arg), void *arg)
{
    g_mutex_lock(&display->wake_mutex);
    display->wake_arg = arg;
    display->wake_fn = fn;
    g_mutex_unlock(&display->wake_mutex);
}

uint64_t display_rest(struct display *display)
{
    return display->source != NULL && display->source->rest != NULL ? display->source->rest(display->source_arg) : 0;
}

struct surface *display_surface(const struct display *display)
{
    return display->surface;
}

bool display_text(struct display *display, struct text_screen *screen)
{
    memset(screen, 0, sizeof(*screen));
    return display->source != NULL && display->source->text != NULL &&
           display->source->text(display->source_arg, screen);
}

void display_invalidate(struct display *display)
{
    if (display->source != NULL && display->source->invalidate != NULL) {
        display->source->invalidate(display->source_arg);
        display_wake(display);
    }
}

void display_viewer_init(struct display_viewer *viewer, struct display *display)
{
    viewer->display = display;
    viewer->sequence = display->surface->sequence;
    pixman_region32_init_rect(&viewer->damage, 0, 0, display->surface->width,
                              display->surface->height);
    viewer->next = display->viewers;
    display->viewers = viewer;
}

void display_viewer_finish(struct display_viewer *viewer)
{
    struct display_viewer **link = &viewer->display->viewers;

    while (*link != viewer) {
        link = &(*link)->next;
    }
    *link = viewer->next;
    pixman_region32_fini(&viewer->damage);
}

void display_viewer_taken(struct display_viewer *viewer)
{
    pixman_region32_fini(&viewer->damage);
    pixman_region32_init(&viewer->damage);
}
