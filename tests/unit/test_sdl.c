/* ui/sdl*.c with SDL's dummy video driver: no window appears, everything else is real. */
#include "tests/support/test.h"

#include <SDL.h>
#include <string.h>

#include "ui/sdl.h"
#include "ui/sdl_impl.h"

struct bench {
    struct machine *machine;
    struct display *display;
    struct input *input;
    struct sdl_window *window;
    GString *keys;
    struct input_pointer pointer;
    unsigned closed, commands;
};

static void see_key(void *arg, enum key_code key, bool down)
{
    g_string_append_printf(((struct bench *)arg)->keys, "%c%s ", down ? '+' : '-',
                           key_code_name(key));
}

static void see_pointer(void *arg, const struct input_pointer *report)
{
    ((struct bench *)arg)->pointer = *report;
}

static const char *state(void *arg)
{
    return "running";
}

static char *speed(void *arg)
{
    return g_strdup("42 MIPS");
}

static void closed(void *arg)
{
    ((struct bench *)arg)->closed++;
}

static void command(void *arg, enum sdl_command what)
{
    ((struct bench *)arg)->commands++;
}

static struct bench *bench_create(void)
{
    struct bench *bench = g_new0(struct bench, 1);
    struct sdl_options options = {
        .name = "guest", .arg = bench, .state = state, .speed = speed, .close = closed,
        .command = command,
    };
    GError *error = NULL;

    bench->machine = test_machine_create();
    bench->display = display_create();
    bench->input = input_create(bench->machine);
    bench->keys = g_string_new(NULL);
    input_set_keyboard(bench->input, see_key, bench);
    input_set_mouse(bench->input, see_pointer, bench);
    lock_release(&bench->machine->lock);
    bench->window = sdl_window_create(&options, bench->display, bench->input, &bench->machine->lock,
                                      &error);
    g_assert_no_error(error);
    g_assert_nonnull(bench->window);
    SDL_FlushEvents(SDL_FIRSTEVENT, SDL_LASTEVENT);
    return bench;
}

static void bench_destroy(struct bench *bench)
{
    sdl_window_destroy(bench->window);
    lock_acquire(&bench->machine->lock);
    input_destroy(bench->input);
    display_destroy(bench->display);
    test_machine_destroy(bench->machine);
    g_string_free(bench->keys, TRUE);
    g_free(bench);
}

static void run(struct bench *bench)
{
    sdl_window_refresh(bench->window);
    lock_acquire(&bench->machine->lock);
    test_run_events(bench->machine);
    lock_release(&bench->machine->lock);
}

static void push_key(SDL_Scancode scancode, unsigned mod, bool down)
{
    SDL_Event event = {.key = {.type = down ? SDL_KEYDOWN : SDL_KEYUP}};

    event.key.keysym.scancode = scancode;
    event.key.keysym.mod = (Uint16)mod;
    SDL_PushEvent(&event);
}

static void push_window(unsigned what)
{
    SDL_Event event = {.window = {.type = SDL_WINDOWEVENT, .event = (Uint8)what}};

    SDL_PushEvent(&event);
}

static void expect_keys(struct bench *bench, const char *keys)
{
    run(bench);
    g_assert_cmpstr(bench->keys->str, ==, keys);
    g_string_truncate(bench->keys, 0);
}

static void test_keys(void)
{
    struct bench *bench = bench_create();

    push_key(SDL_SCANCODE_A, 0, true);
    push_key(SDL_SCANCODE_A, 0, false);
    push_key(SDL_SCANCODE_RCTRL, 0, true);
    push_key(SDL_SCANCODE_KP_ENTER, KMOD_RCTRL, true);
    expect_keys(bench, "+a -a +ctrl_r +kp_enter ");
    push_window(SDL_WINDOWEVENT_FOCUS_LOST);
    expect_keys(bench, "-kp_enter -ctrl_r ");
    push_key(SDL_SCANCODE_UNKNOWN, 0, true);
    expect_keys(bench, "");
    bench_destroy(bench);
}

static void test_hot_keys(void)
{
    struct bench *bench = bench_create();
    unsigned mod = KMOD_LCTRL | KMOD_LALT;

    push_key(SDL_SCANCODE_LCTRL, 0, true);
    push_key(SDL_SCANCODE_LALT, KMOD_LCTRL, true);
    push_key(SDL_SCANCODE_G, mod, true);
    push_key(SDL_SCANCODE_G, mod, false);
    expect_keys(bench, "+ctrl +alt -ctrl -alt ");
    g_assert_true(bench->window->grabbed);
    run(bench);
    g_assert_nonnull(strstr(SDL_GetWindowTitle(bench->window->window), "Ctrl-Alt-G"));
    push_key(SDL_SCANCODE_G, mod, true);
    run(bench);
    g_assert_false(bench->window->grabbed);
    push_key(SDL_SCANCODE_P, mod, true);
    push_key(SDL_SCANCODE_R, mod, true);
    run(bench);
    g_assert_cmpuint(bench->commands, ==, 2);
    push_key(SDL_SCANCODE_EQUALS, mod, true);
    run(bench);
    g_assert_cmpuint(bench->window->zoom, ==, 125);
    push_key(SDL_SCANCODE_MINUS, mod, true);
    push_key(SDL_SCANCODE_MINUS, mod, true);
    run(bench);
    g_assert_cmpuint(bench->window->zoom, ==, 75);
    push_key(SDL_SCANCODE_U, mod, true);
    run(bench);
    g_assert_cmpuint(bench->window->zoom, ==, 100);
    push_key(SDL_SCANCODE_D, mod, true);
    expect_keys(bench, "+ctrl +alt +delete ");
    bench_destroy(bench);
}

static void push_button(bool down)
{
    SDL_Event event = {.button = {.type = down ? SDL_MOUSEBUTTONDOWN : SDL_MOUSEBUTTONUP}};

    event.button.button = SDL_BUTTON_LEFT;
    SDL_PushEvent(&event);
}

static void push_motion(int x, int y)
{
    SDL_Event event = {.motion = {.type = SDL_MOUSEMOTION}};

    event.motion.x = x;
    event.motion.y = y;
    event.motion.xrel = x;
    event.motion.yrel = y;
    SDL_PushEvent(&event);
}

static void test_mouse(void)
{
    struct bench *bench = bench_create();

    push_motion(5, 6);
    run(bench);
    g_assert_cmpint(bench->pointer.dx, ==, 0);
    push_button(true);
    push_button(false);
    run(bench);
    g_assert_true(bench->window->grabbed);
    g_assert_cmpuint(bench->pointer.buttons, ==, 0);
    SDL_FlushEvents(SDL_FIRSTEVENT, SDL_LASTEVENT);
    push_motion(5, 6);
    push_button(true);
    run(bench);
    g_assert_cmpuint(bench->pointer.buttons, ==, INPUT_BUTTON_LEFT);
    push_window(SDL_WINDOWEVENT_FOCUS_LOST);
    run(bench);
    g_assert_false(bench->window->grabbed);
    g_assert_cmpuint(bench->pointer.buttons, ==, 0);
    input_set_tablet(bench->input, see_pointer, bench);
    run(bench);
    SDL_FlushEvents(SDL_FIRSTEVENT, SDL_LASTEVENT);
    push_motion(320, 479);
    run(bench);
    g_assert_cmpuint(bench->pointer.x, ==, 320 * 32767 / 639);
    g_assert_cmpuint(bench->pointer.y, ==, 32767);
    bench_destroy(bench);
}

static void draw(void *arg)
{
    struct bench *bench = arg;
    struct surface *surface = display_set_size(bench->display, 320, 200);

    surface_fill(surface, 10, 10, 5, 5, 0xff0000);
    display_damage(bench->display, 10, 10, 5, 5);
}

static const struct display_source source = {.update = draw};

static void test_picture_and_title(void)
{
    struct bench *bench = bench_create();
    int width, height;

    g_assert_cmpstr(SDL_GetWindowTitle(bench->window->window), ==, "vmm");
    display_set_source(bench->display, &source, bench);
    run(bench);
    SDL_GetWindowSize(bench->window->window, &width, &height);
    g_assert_cmpint(width, ==, 320);
    g_assert_cmpint(height, ==, 200);
    g_assert_cmpint(bench->window->picture.w, ==, 320);
    g_assert_false(pixman_region32_not_empty(&bench->window->viewer.damage));
    g_assert_cmpstr(SDL_GetWindowTitle(bench->window->window), ==,
                    "guest - vmm [running] 42 MIPS");
    push_window(SDL_WINDOWEVENT_CLOSE);
    run(bench);
    g_assert_cmpuint(bench->closed, ==, 1);
    bench_destroy(bench);
}

static void test_idle(void)
{
    struct bench *bench = bench_create();

    run(bench);
    g_assert_cmpuint(sdl_window_interval(bench->window), ==, 16);
    bench->window->last_change -= 5000000;
    SDL_FlushEvents(SDL_FIRSTEVENT, SDL_LASTEVENT);
    run(bench);
    g_assert_cmpuint(sdl_window_interval(bench->window), >, 16);
    bench_destroy(bench);
}

static void test_no_display(void)
{
    struct machine *machine = test_machine_create();
    struct display *display = display_create();
    struct input *input = input_create(machine);
    struct sdl_options options = {0};
    GError *error = NULL;

    lock_release(&machine->lock);
    g_setenv("SDL_VIDEODRIVER", "no-such-driver", TRUE);
    g_assert_null(sdl_window_create(&options, display, input, &machine->lock, &error));
    g_assert_nonnull(strstr(error->message, "-nographic"));
    g_clear_error(&error);
    g_setenv("SDL_VIDEODRIVER", "dummy", TRUE);
    lock_acquire(&machine->lock);
    input_destroy(input);
    display_destroy(display);
    test_machine_destroy(machine);
}

static void test_grab_names(void)
{
    enum sdl_grab_modifier modifier;

    g_assert_true(sdl_parse_grab_modifier("rctrl", &modifier));
    g_assert_cmpint(modifier, ==, SDL_GRAB_RCTRL);
    g_assert_true(sdl_parse_grab_modifier("lshift-lctrl-lalt", &modifier));
    g_assert_cmpint(modifier, ==, SDL_GRAB_CTRL_ALT_SHIFT);
    g_assert_false(sdl_parse_grab_modifier("foo", &modifier));
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_setenv("SDL_VIDEODRIVER", "dummy", TRUE);
    g_setenv("SDL_RENDER_DRIVER", "software", TRUE);
    g_test_add_func("/sdl/keys", test_keys);
    g_test_add_func("/sdl/hot-keys", test_hot_keys);
    g_test_add_func("/sdl/mouse", test_mouse);
    g_test_add_func("/sdl/picture", test_picture_and_title);
    g_test_add_func("/sdl/idle", test_idle);
    g_test_add_func("/sdl/no-display", test_no_display);
    g_test_add_func("/sdl/grab-names", test_grab_names);
    return g_test_run();
}
