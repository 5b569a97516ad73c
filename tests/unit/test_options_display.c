/* Tests of options_display.c. */
#include <string.h>

#include "options.h"
#include "tests/support/test.h"

static char *parse(struct options *o, const char *line)
{
    g_auto(GStrv) argv = g_strsplit(line, " ", -1);
    g_autoptr(GError) error = NULL;
    options_init(o);
    bool ok = options_parse(o, (int)g_strv_length(argv), argv, NULL, &error);
    g_assert_true(ok == (error == NULL));
    return error != NULL ? g_strdup(error->message) : NULL;
}

static void test_window(void)
{
    struct options o;
    g_assert_null(parse(&o, "vmm -display sdl,grab-mod=rctrl,window-close=off,zoom=150,scaling=integer,gl=off"));
    g_assert_cmpstr(o.display.kind, ==, "sdl");
    g_assert_cmpint(o.display.grab_modifier, ==, SDL_GRAB_RCTRL);
    g_assert_cmpint(o.display.scaling, ==, SDL_SCALING_INTEGER);
    g_assert_cmpuint(o.display.zoom, ==, 150);
    g_assert_true(o.display.no_quit);
    options_finish(&o);
    g_assert_null(parse(&o, "vmm -sdl -full-screen -no-quit -alt-grab"));
    g_assert_true(o.display.full_screen);
    g_assert_true(o.display.no_quit);
    g_assert_cmpint(o.display.grab_modifier, ==, SDL_GRAB_CTRL_ALT_SHIFT);
    options_finish(&o);
    g_assert_null(parse(&o, "vmm -display sdl,alt_grab=on -ctrl-grab"));
    g_assert_cmpint(o.display.grab_modifier, ==, SDL_GRAB_RCTRL);
    options_finish(&o);
}

static void test_others(void)
{
    struct options o;
    g_assert_null(parse(&o, "vmm -curses -parallel file:x -parallel none"));
    g_assert_cmpstr(o.display.kind, ==, "curses");
    g_assert_cmpstr(o.parallel[0], ==, "file:x");
    g_assert_cmpstr(o.parallel[1], ==, "none");
    options_finish(&o);
}

static void test_refused(void)
{
    static const char *const rows[][2] = {
        { "vmm -display gtk", "'gtk' is not supported; there is sdl, curses, vnc=:N and none" },
        { "vmm -display none,zoom=100", "-display none has no settings" },
        { "vmm -display sdl,zoom=5", "zoom=5: must be a percentage from 25 to 400" },
        { "vmm -display sdl,grab-mod=x", "grab-mod=x: there is lctrl-lalt, lshift-lctrl-lalt and rctrl" },
        { "vmm -display sdl,scaling=x", "scaling=x: there is smooth and integer" },
        { "vmm -display sdl,window-close=maybe", "window-close" },
        { "vmm -display sdl,gl=on", "gl=on is not supported" },
        { "vmm -parallel a -parallel b -parallel c -parallel d", "there are only 3 parallel ports" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct options o;
        g_autofree char *message = parse(&o, rows[i][0]);
        g_assert_nonnull(message);
        g_assert_nonnull(strstr(message, rows[i][1]));
        options_finish(&o);
    }
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/options-display/window", test_window);
    g_test_add_func("/options-display/others", test_others);
    g_test_add_func("/options-display/refused", test_refused);
    return g_test_run();
}
