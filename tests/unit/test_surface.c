/* ui/surface.c and ui/display.c */
#include "tests/support/test.h"

#include <string.h>

#include "ui/display.h"

static void test_sizes(void)
{
    struct surface *surface = surface_create(0, 100000);

    g_assert_cmpuint(surface->width, ==, 1);
    g_assert_cmpuint(surface->height, ==, SURFACE_MAX_HEIGHT);
    g_assert_cmphex(surface->pixels[0], ==, 0);
    surface_unref(surface);
    surface_unref(NULL);
}

static void test_fill_is_clipped(void)
{
    struct surface *surface = surface_create(10, 10);
    unsigned count = 0;

    surface_fill(surface, -5, -5, 8, 8, 0xff);
    surface_fill(surface, 8, 8, INT32_MAX, INT32_MAX, 0xff00);
    for (unsigned i = 0; i < 100; i++) {
        count += surface_line(surface, i / 10)[i % 10] != 0;
    }
    g_assert_cmpuint(count, ==, 9 + 4);
    g_assert_cmphex(surface_line(surface, 2)[2], ==, 0xff);
    g_assert_cmphex(surface_line(surface, 9)[9], ==, 0xff00);
    surface_unref(surface);
}

static void test_references(void)
{
    struct surface *surface = surface_create(4, 4);

    g_assert_true(surface_ref(surface) == surface);
    surface_unref(surface);
    surface_fill(surface, 0, 0, 4, 4, 1);
    surface_unref(surface);
}

/* A device that draws one pixel a time. */
struct fake {
    struct display *display;
    unsigned width, height;
    int x;
    unsigned invalidated;
};

static void fake_update(void *arg)
{
    struct fake *fake = arg;
    struct surface *surface = display_set_size(fake->display, fake->width, fake->height);

    if (fake->x >= 0) {
        surface_line(surface, 1)[fake->x] = 0x123456;
        display_damage(fake->display, fake->x, 1, 1, 1);
        fake->x = -1;
    }
}

static bool fake_text(void *arg, struct text_screen *screen)
{
    screen->columns = 4;
    screen->rows = 2;
    screen->cells = g_new0(struct text_cell, 8);
    memcpy(screen->cells, "h\7i\7\xe4\7 \7", 8);
    return true;
}

static void fake_invalidate(void *arg)
{
    ((struct fake *)arg)->invalidated++;
}

static uint64_t fake_rest(void *arg)
{
    return 5;
}

static const struct display_source fake_source = {fake_update, fake_text, fake_invalidate, fake_rest};

static void test_damage_and_modes(void)
{
    struct display *display = display_create();
    struct fake fake = {display, 320, 200, -1, 0};
    struct display_viewer a, b;
    uint32_t sequence;

    display_viewer_init(&a, display);
    sequence = a.sequence;
    g_assert_false(display_update(display));
    display_set_source(display, &fake_source, &fake);
    g_assert_cmpuint(fake.invalidated, ==, 1);
    g_assert_true(display_update(display));
    g_assert_cmpuint(a.sequence, !=, sequence);
    g_assert_cmpint(pixman_region32_extents(&a.damage)->x2, ==, 320);
    display_viewer_taken(&a);
    g_assert_false(display_update(display));
    g_assert_false(pixman_region32_not_empty(&a.damage));
    display_viewer_init(&b, display);
    display_viewer_taken(&b);
    fake.x = 7;
    g_assert_true(display_update(display));
    g_assert_cmpint(pixman_region32_extents(&a.damage)->x1, ==, 7);
    g_assert_cmpint(pixman_region32_extents(&a.damage)->x2, ==, 8);
    g_assert_cmpint(pixman_region32_extents(&b.damage)->y2, ==, 2);
    display_viewer_finish(&a);
    display_damage(display, -5, -5, 5, 100);
    display_damage(display, 319, 199, INT32_MAX, INT32_MAX);
    g_assert_cmpint(pixman_region32_extents(&b.damage)->x2, ==, 320);
    g_assert_cmpint(pixman_region32_extents(&b.damage)->x1, ==, 7);
    display_set_source(display, NULL, NULL);
    g_assert_cmpuint(display_surface(display)->width, ==, 640);
    display_viewer_finish(&b);
    display_destroy(display);
}

static void test_text_screen(void)
{
    struct display *display = display_create();
    struct fake fake = {display, 320, 200, -1, 0};
    struct text_screen screen;
    char *line;

    g_assert_false(display_text(display, &screen));
    display_set_source(display, &fake_source, &fake);
    g_assert_true(display_text(display, &screen));
    line = text_screen_line(&screen, 0);
    g_assert_cmpstr(line, ==, "hi\xce\xa3");
    g_free(line);
    line = text_screen_line(&screen, 1);
    g_assert_cmpstr(line, ==, "");
    g_free(line);
    line = text_screen_line(&screen, 9);
    g_assert_cmpstr(line, ==, "");
    g_free(line);
    text_screen_clear(&screen);
    g_assert_null(screen.cells);
    g_assert_cmphex(text_cell_unicode(0xdb), ==, 0x2588);
    g_assert_cmphex(text_cell_unicode(0x7f), ==, 0x2302);
    display_destroy(display);
}

static void count_wake(void *arg)
{
    (*(unsigned *)arg)++;
}

static void test_wake(void)
{
    struct display *display = display_create();
    struct fake fake = {display, 320, 200, -1, 0};
    unsigned woken = 0;

    g_assert_cmpuint(display_rest(display), ==, 0);
    display_on_wake(display, count_wake, &woken);
    display_wake(display);
    g_assert_cmpuint(woken, ==, 0); /* nobody has looked yet */
    display_update(display);
    display_set_source(display, &fake_source, &fake);
    g_assert_cmpuint(woken, ==, 1);
    display_wake(display);
    g_assert_cmpuint(woken, ==, 1);
    g_assert_cmpuint(display_rest(display), ==, 5);
    display_update(display);
    display_wake(display);
    display_wake(NULL);
    g_assert_cmpuint(woken, ==, 2);
    display_update(display);
    display_on_wake(display, NULL, NULL);
    display_wake(display);
    g_assert_cmpuint(woken, ==, 2);
    display_destroy(display);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/surface/sizes", test_sizes);
    g_test_add_func("/surface/fill", test_fill_is_clipped);
    g_test_add_func("/surface/references", test_references);
    g_test_add_func("/display/damage", test_damage_and_modes);
    g_test_add_func("/display/wake", test_wake);
    g_test_add_func("/display/text", test_text_screen);
    return g_test_run();
}
