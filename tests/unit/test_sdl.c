/* ui/sdl*.c with SDL's dummy video driver: no window appears, everything else is real. */
#include "tests/support/test.h"

#include <SDL.h>
#include <glib/gstdio.h>
#include <string.h>

#include "ui/console_text.h"
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
    bool running;
    struct console_text *console; /* number 2 */
};

#if defined(__SANITIZE_ADDRESS__)
/* SDL 2.26 does not free the primary selection's text when it quits. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libSDL2-2.0";
}
#endif

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

static const char *command(void *arg, enum sdl_command what)
{
    ((struct bench *)arg)->commands++;
    return NULL;
}

static bool running(void *arg)
{
    return ((struct bench *)arg)->running;
}

static char *activity(void *arg)
{
    return ((struct bench *)arg)->running ? g_strdup("disk net") : NULL;
}

static void resize(void *arg, unsigned width, unsigned height)
{
    console_text_resize(arg, width / 8, height / 16);
}

static bool get_console(void *arg, unsigned n, struct ui_console *console)
{
    struct bench *bench = arg;

    *console = (struct ui_console){"monitor", console_text_display(bench->console), console_text_key,
                                   console_text_typed, resize, NULL, bench->console};
    return n == 2;
}

static struct bench *bench_create_with(struct sdl_options options)
{
    static uint8_t font[CONSOLE_FONT_SIZE];
    struct bench *bench = g_new0(struct bench, 1);

    options.name = "guest";
    options.font = font;
    options.arg = bench;
    options.state = state;
    options.speed = speed;
    options.activity = activity;
    options.running = running;
    options.close = closed;
    options.command = command;
    options.console = get_console;
    bench->console = console_text_create(font, 80, 25);
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

static struct bench *bench_create(void)
{
    return bench_create_with((struct sdl_options){0});
}

static void bench_destroy(struct bench *bench)
{
    sdl_window_destroy(bench->window);
    lock_acquire(&bench->machine->lock);
    input_destroy(bench->input);
    display_destroy(bench->display);
    test_machine_destroy(bench->machine);
    console_text_destroy(bench->console);
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
    g_assert_cmpuint(bench->pointer.x, ==, (2 * 320 + 1) * 32768 / (2 * 640));
    g_assert_cmpuint(bench->pointer.y, ==, (2 * 479 + 1) * 32768 / (2 * 480));
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

static void push_text(const char *text)
{
    SDL_Event event = {.text = {.type = SDL_TEXTINPUT}};

    g_strlcpy(event.text.text, text, sizeof(event.text.text));
    SDL_PushEvent(&event);
}

static void see_typed(void *arg, const void *data, size_t size)
{
    g_string_append_len(((struct bench *)arg)->keys, data, (gssize)size);
}

static void drag(int x1, int y1, int x2, int y2)
{
    SDL_Event down = {.button = {.type = SDL_MOUSEBUTTONDOWN}}, up = {.button = {.type = SDL_MOUSEBUTTONUP}};

    down.button.button = up.button.button = SDL_BUTTON_LEFT;
    down.button.clicks = 1;
    down.button.x = x1;
    down.button.y = y1;
    up.button.x = x2;
    up.button.y = y2;
    SDL_PushEvent(&down);
    push_motion(x2, y2);
    SDL_PushEvent(&up);
}

static void test_console(void)
{
    struct bench *bench = bench_create();
    unsigned mod = KMOD_LCTRL | KMOD_LALT;
    char *text;

    console_text_on_input(bench->console, see_typed, bench);
    push_key(SDL_SCANCODE_2, mod, true);
    run(bench);
    g_assert_cmpstr(SDL_GetWindowTitle(bench->window->window), ==, "guest - vmm - monitor [running] 42 MIPS");
    g_assert_cmpuint(display_surface(console_text_display(bench->console))->height, ==, 480);
    push_key(SDL_SCANCODE_A, 0, true);
    push_text("a");
    push_key(SDL_SCANCODE_RETURN, 0, true);
    expect_keys(bench, "a\r");
    console_text_write(bench->console, "hello world  \r\nsecond", 21);
    run(bench);
    SDL_FlushEvents(SDL_FIRSTEVENT, SDL_LASTEVENT);
    drag(6 * 8 + 1, 3, 2 * 8 + 5, 20);
    run(bench);
    text = SDL_GetClipboardText();
    g_assert_cmpstr(text, ==, "world\nsec");
    SDL_free(text);
    g_assert_true(bench->window->selection.on);
    push_key(SDL_SCANCODE_V, mod, true);
    expect_keys(bench, "world\rsec");
    push_key(SDL_SCANCODE_1, mod, true);
    run(bench);
    g_assert_false(bench->window->selection.on);
    push_key(SDL_SCANCODE_B, 0, true);
    expect_keys(bench, "+b ");
    bench_destroy(bench);
}

static void test_close(void)
{
    struct bench *bench = bench_create();

    bench->running = true;
    push_window(SDL_WINDOWEVENT_CLOSE);
    run(bench);
    g_assert_true(bench->window->panel.question);
    push_key(SDL_SCANCODE_A, 0, true);
    push_key(SDL_SCANCODE_ESCAPE, 0, true);
    expect_keys(bench, "");
    g_assert_false(bench->window->panel.question);
    g_assert_cmpuint(bench->closed, ==, 0);
    push_window(SDL_WINDOWEVENT_CLOSE);
    push_key(SDL_SCANCODE_RETURN, 0, true);
    run(bench);
    g_assert_cmpuint(bench->closed, ==, 1);
    push_window(SDL_WINDOWEVENT_CLOSE);
    push_window(SDL_WINDOWEVENT_CLOSE);
    run(bench);
    g_assert_cmpuint(bench->closed, ==, 2);
    bench_destroy(bench);
    bench = bench_create_with((struct sdl_options){.ignore_close = true});
    push_window(SDL_WINDOWEVENT_CLOSE);
    run(bench);
    g_assert_cmpuint(bench->closed, ==, 0);
    bench_destroy(bench);
}

static void test_hint(void)
{
    struct bench *bench = bench_create();

    sdl_grab(bench->window, true);
    g_assert_nonnull(bench->window->panel.image);
    sdl_panel_tick(bench->window, bench->window->panel.until - 1);
    g_assert_nonnull(bench->window->panel.image);
    g_assert_cmpint(bench->window->panel.until - g_get_monotonic_time(), <=, 3000000);
    sdl_panel_tick(bench->window, bench->window->panel.until);
    g_assert_null(bench->window->panel.image);
    bench_destroy(bench);
}

/* The pixels of the window against those of the picture, at natural size, doubled, and in parts. */
static void test_pixels(void)
{
    struct bench *bench = bench_create_with((struct sdl_options){.zoom = 200, .scaling = SDL_SCALING_INTEGER});
    SDL_Surface *pixels;

    display_set_source(bench->display, &source, bench);
    run(bench);
    pixels = SDL_GetWindowSurface(bench->window->window);
    g_assert_cmpint(pixels->w, ==, 640);
    for (int y = 0; y < 60; y++) {
        const uint32_t *line = (const uint32_t *)((const char *)pixels->pixels + y * pixels->pitch);

        for (int x = 0; x < 60; x++) {
            bool red = x >= 20 && x < 30 && y >= 20 && y < 30;

            g_assert_cmphex(line[x] & 0xffffff, ==, red ? 0xff0000 : 0);
        }
    }
    bench_destroy(bench);
}

static void test_size(void)
{
    g_autofree char *folder = g_dir_make_tmp("vmm-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "state", "windows", NULL);
    struct sdl_options options = {.size_file = path};
    struct bench *bench = bench_create_with(options);
    int width, height;

    SDL_SetWindowSize(bench->window->window, 700, 500);
    bench->window->resized = true;
    bench_destroy(bench);
    bench = bench_create_with(options);
    SDL_GetWindowSize(bench->window->window, &width, &height);
    g_assert_cmpint(width, ==, 700);
    g_assert_cmpint(height, ==, 500);
    push_key(SDL_SCANCODE_U, KMOD_LCTRL | KMOD_LALT, true);
    run(bench);
    bench_destroy(bench);
    bench = bench_create_with(options);
    SDL_GetWindowSize(bench->window->window, &width, &height);
    g_assert_cmpint(width, ==, 640);
    bench_destroy(bench);
    g_remove(path);
    *strrchr(path, '/') = 0;
    g_rmdir(path);
    g_rmdir(folder);
}

/* Focus comes and goes at random while chords are held: at the end nothing is down. */
static void test_stuck_keys(void)
{
    struct bench *bench = bench_create();
    struct test_random random = {7};
    static const SDL_Scancode keys[] = {SDL_SCANCODE_LCTRL, SDL_SCANCODE_LALT, SDL_SCANCODE_LSHIFT,
                                        SDL_SCANCODE_A, SDL_SCANCODE_TAB, SDL_SCANCODE_RCTRL,
                                        SDL_SCANCODE_PAUSE, SDL_SCANCODE_PRINTSCREEN, SDL_SCANCODE_F};
    unsigned mod = 0;

    for (unsigned i = 0; i < 10000; i++) {
        uint64_t dice = test_random_next(&random);
        SDL_Scancode key = keys[dice % G_N_ELEMENTS(keys)];
        bool down = (dice >> 8 & 1) != 0;
        unsigned bit = key == SDL_SCANCODE_LCTRL ? KMOD_LCTRL : key == SDL_SCANCODE_LALT ? KMOD_LALT : 0;

        mod = down ? mod | bit : mod & ~bit;
        push_key(key, mod, down);
        if ((dice >> 16) % 8 == 0) {
            push_window((dice >> 24 & 1) != 0 ? SDL_WINDOWEVENT_FOCUS_LOST : SDL_WINDOWEVENT_FOCUS_GAINED);
        }
        if ((dice >> 32) % 16 == 0) {
            run(bench);
        }
    }
    run(bench);
    push_window(SDL_WINDOWEVENT_FOCUS_LOST);
    run(bench);
    bool held[KEY_COUNT] = {false};
    g_auto(GStrv) words = g_strsplit(bench->keys->str, " ", -1);
    for (unsigned i = 0; words[i][0] != '\0'; i++) {
        enum key_code key = key_code_parse(words[i] + 1, strlen(words[i] + 1));

        g_assert_true(held[key] == (words[i][0] == '-'));
        held[key] = !held[key];
    }
    for (unsigned key = 0; key < KEY_COUNT; key++) {
        g_assert_false(held[key]);
    }
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
    g_test_add_func("/sdl/console", test_console);
    g_test_add_func("/sdl/close", test_close);
    g_test_add_func("/sdl/hint", test_hint);
    g_test_add_func("/sdl/pixels", test_pixels);
    g_test_add_func("/sdl/size", test_size);
    g_test_add_func("/sdl/stuck-keys", test_stuck_keys);
    g_test_add_func("/sdl/no-display", test_no_display);
    g_test_add_func("/sdl/grab-names", test_grab_names);
    return g_test_run();
}
