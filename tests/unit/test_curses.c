/* ui/curses*.c on a pseudo-terminal: what is drawn, which keys arrive, consoles, graphics modes. */
#include "tests/support/test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "ui/console_text.h"
#include "ui/curses.h"

struct bench {
    struct machine *machine;
    struct display *display;
    struct input *input;
    struct curses *curses;
    struct console_text *console; /* number 2 */
    int master, slave;
    GString *keys;
    bool graphics;
    const char *text; /* of the guest's first line */
    uint8_t attribute;
};

static void see_key(void *arg, enum key_code key, bool down)
{
    g_string_append_printf(((struct bench *)arg)->keys, "%c%s ", down ? '+' : '-', key_code_name(key));
}

static void see_typed(void *arg, const void *data, size_t size)
{
    g_string_append_len(((struct bench *)arg)->keys, data, (gssize)size);
}

static bool text(void *arg, struct text_screen *screen)
{
    struct bench *bench = arg;

    if (bench->graphics) {
        return false;
    }
    screen->columns = 20;
    screen->rows = 30;
    screen->cells = g_new0(struct text_cell, 600);
    for (unsigned i = 0; bench->text[i] != '\0'; i++) {
        screen->cells[i] = (struct text_cell){(uint8_t)bench->text[i], bench->attribute};
    }
    return true;
}

static void update(void *arg)
{
    if (((struct bench *)arg)->graphics) {
        display_set_size(((struct bench *)arg)->display, 800, 600);
    }
}

static const struct display_source source = {update, text, NULL};

static bool get_console(void *arg, unsigned n, struct ui_console *console)
{
    struct bench *bench = arg;

    *console = (struct ui_console){"monitor", console_text_display(bench->console), console_text_key,
                                   console_text_typed, NULL, NULL, bench->console};
    return n == 2;
}

static struct bench *bench_create(void)
{
    static const uint8_t font[CONSOLE_FONT_SIZE];
    struct bench *bench = g_new0(struct bench, 1);
    struct curses_options options = {bench, get_console};
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    GError *error = NULL;

    bench->machine = test_machine_create();
    bench->display = display_create();
    bench->input = input_create(bench->machine);
    bench->keys = g_string_new(NULL);
    bench->console = console_text_create(font, 80, 24);
    console_text_on_input(bench->console, see_typed, bench);
    bench->text = "guest";
    bench->attribute = 0x1e;
    input_set_keyboard(bench->input, see_key, bench);
    display_set_source(bench->display, &source, bench);
    lock_release(&bench->machine->lock);
    bench->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    g_assert_cmpint(grantpt(bench->master), ==, 0);
    g_assert_cmpint(unlockpt(bench->master), ==, 0);
    bench->slave = open(ptsname(bench->master), O_RDWR | O_NOCTTY);
    ioctl(bench->slave, TIOCSWINSZ, &size);
    bench->curses = curses_create(&options, bench->display, bench->input, &bench->machine->lock, bench->slave,
                                  bench->slave, &error);
    g_assert_no_error(error);
    return bench;
}

static void bench_destroy(struct bench *bench)
{
    curses_destroy(bench->curses);
    lock_acquire(&bench->machine->lock);
    input_destroy(bench->input);
    console_text_destroy(bench->console);
    display_destroy(bench->display);
    test_machine_destroy(bench->machine);
    g_string_free(bench->keys, TRUE);
    close(bench->master);
    close(bench->slave);
    g_free(bench);
}

/* Draws and gives what was sent to the terminal. */
static char *output(struct bench *bench)
{
    GString *seen = g_string_new(NULL);
    char buffer[4096];
    ssize_t n;

    curses_refresh(bench->curses);
    while ((n = read(bench->master, buffer, sizeof(buffer))) > 0) {
        g_string_append_len(seen, buffer, n);
    }
    return g_string_free(seen, FALSE);
}

static void expect_output(struct bench *bench, const char *wanted)
{
    g_autofree char *seen = output(bench);

    g_test_message("%s", seen);
    g_assert_nonnull(strstr(seen, wanted));
}

static void type(struct bench *bench, const char *bytes)
{
    g_assert_cmpint(write(bench->master, bytes, strlen(bytes)), ==, (ssize_t)strlen(bytes));
    g_usleep(2000);
    curses_refresh(bench->curses);
}

static void expect_keys(struct bench *bench, const char *keys)
{
    lock_acquire(&bench->machine->lock);
    for (unsigned i = 0; i < 1000 && (i < 10 || input_sending(bench->input)); i++) {
        test_run_events(bench->machine);
        test_advance(bench->machine, 10000000);
    }
    lock_release(&bench->machine->lock);
    g_assert_cmpstr(bench->keys->str, ==, keys);
    g_string_truncate(bench->keys, 0);
}

static void test_text(void)
{
    struct bench *bench = bench_create();

    expect_output(bench, "guest");
    g_autofree char *again = output(bench);
    g_assert_cmpstr(again, ==, "");
    bench->text = "\xc4\xc5\xdb!";
    expect_output(bench, "\xe2\x94\x80\xe2\x94\xbc\xe2\x96\x88!");
    bench->attribute = 0x4f; /* bright white on red */
    g_autofree char *coloured = output(bench);
    g_assert_true(strstr(coloured, "41m") != NULL || strstr(coloured, "48;5;1m") != NULL);
    bench_destroy(bench);
}

static void test_keys(void)
{
    struct bench *bench = bench_create();

    curses_refresh(bench->curses);
    type(bench, "aB\r");
    expect_keys(bench, "+a -a +shift +b -b -shift +ret -ret ");
    type(bench, "\x03\x7f\t");
    expect_keys(bench, "+ctrl +c -c -ctrl +backspace -backspace +tab -tab ");
    type(bench, "\x1b[15~\x1bOP\x1b[24~");
    expect_keys(bench, "+f5 -f5 +f1 -f1 +f12 -f12 ");
    type(bench, "\x1bx");
    expect_keys(bench, "+alt +x -x -alt ");
    type(bench, "\x1bOA\x1b[3~\x1b[1;5C");
    expect_keys(bench, "+up -up +delete -delete +ctrl +right -right -ctrl ");
    type(bench, "\x1b");
    g_usleep(50000);
    curses_refresh(bench->curses);
    expect_keys(bench, "+esc -esc ");
    bench_destroy(bench);
}

static void test_console(void)
{
    struct bench *bench = bench_create();

    console_text_write(bench->console, "prompt>", 7);
    curses_refresh(bench->curses);
    type(bench, "\x1b" "2");
    expect_output(bench, "prompt>");
    type(bench, "ls\r\x03");
    expect_keys(bench, "ls\r\x03");
    type(bench, "\x1b" "9");
    type(bench, "\x1b" "1");
    expect_output(bench, "guest");
    type(bench, "z");
    expect_keys(bench, "+z -z ");
    bench_destroy(bench);
}

static void test_graphics(void)
{
    struct bench *bench = bench_create();

    curses_refresh(bench->curses);
    bench->graphics = true;
    g_autofree char *seen = output(bench);
    g_assert_nonnull(strstr(seen, "800 x 600"));
    g_assert_nonnull(strstr(seen, "screendump"));
    bench->graphics = false;
    expect_output(bench, "guest");
    bench_destroy(bench);
}

static void test_no_terminal(void)
{
    struct curses_options options = {0};
    GError *error = NULL;
    int null = open("/dev/null", O_RDWR);

    g_assert_null(curses_create(&options, NULL, NULL, NULL, null, null, &error));
    g_assert_nonnull(strstr(error->message, "-nographic"));
    g_clear_error(&error);
    close(null);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_setenv("TERM", "xterm-256color", TRUE);
    g_setenv("LC_ALL", "C.UTF-8", TRUE);
    g_test_add_func("/curses/text", test_text);
    g_test_add_func("/curses/keys", test_keys);
    g_test_add_func("/curses/console", test_console);
    g_test_add_func("/curses/graphics", test_graphics);
    g_test_add_func("/curses/no-terminal", test_no_terminal);
    return g_test_run();
}
