/* ui/console_text*.c */
#include "tests/support/test.h"

#include <string.h>

#include "ui/console_text.h"

struct bench {
    struct console_text *console;
    GString *typed;
};

static void see_input(void *arg, const void *data, size_t size)
{
    g_string_append_len(((struct bench *)arg)->typed, data, (gssize)size);
}

static struct bench bench_create(unsigned columns, unsigned rows)
{
    uint8_t font[CONSOLE_FONT_SIZE];
    struct bench bench = {.typed = g_string_new(NULL)};

    for (unsigned i = 0; i < sizeof(font); i++) {
        font[i] = (uint8_t)(i * 7 + i / 16);
    }
    bench.console = console_text_create(font, columns, rows);
    return bench;
}

static void bench_destroy(struct bench *bench)
{
    console_text_destroy(bench->console);
    g_string_free(bench->typed, TRUE);
}

static void expect_line(struct bench *bench, unsigned row, const char *text)
{
    struct text_screen screen;
    char *line;

    g_assert_true(display_text(console_text_display(bench->console), &screen));
    line = text_screen_line(&screen, row);
    g_assert_cmpstr(line, ==, text);
    g_free(line);
    text_screen_clear(&screen);
}

static void put(struct bench *bench, const char *text)
{
    console_text_write(bench->console, text, strlen(text));
}

static void test_output(void)
{
    struct bench bench = bench_create(10, 3);

    put(&bench, "ab\tc\r\n\xc3\xa4\xe2\x96\x88\xe4\xb8\x80!\b\b?");
    expect_line(&bench, 0, "ab      c");
    expect_line(&bench, 1, "\xc3\xa4\xe2\x96\x88?!");
    put(&bench, "\r\n0123456789X\r\nY");
    expect_line(&bench, 0, "0123456789");
    expect_line(&bench, 1, "X");
    expect_line(&bench, 2, "Y");
    bench_destroy(&bench);
}

static void test_sequences(void)
{
    struct bench bench = bench_create(10, 4);

    put(&bench, "0123456789\x1b[4G\x1b[K");
    expect_line(&bench, 0, "012");
    put(&bench, "\x1b[2;3Habcdef\x1b[3D\x1b[P\x1b[2@");
    expect_line(&bench, 1, "  abc  ef");
    put(&bench, "\x1b[A\x1b[1Jx\x1b[99;99Hz\x1b[?25l\x1b[H\x1b[1;2;3;4;5;6;7;8;9;10mq");
    expect_line(&bench, 3, "         z");
    put(&bench, "\x1b[2J\x1b[Hend\x1b");
    put(&bench, "[1Dn");
    expect_line(&bench, 0, "enn");
    expect_line(&bench, 3, "");
    bench_destroy(&bench);
}

static void test_colours(void)
{
    struct bench bench = bench_create(10, 2);
    struct text_screen screen;

    put(&bench, "\x1b[31ma\x1b[1;44mb\x1b[7mc\x1b[0md");
    g_assert_true(display_text(console_text_display(bench.console), &screen));
    g_assert_cmphex(screen.cells[0].attribute, ==, 0x04);
    g_assert_cmphex(screen.cells[1].attribute, ==, 0x1c);
    g_assert_cmphex(screen.cells[2].attribute, ==, 0x49);
    g_assert_cmphex(screen.cells[3].attribute, ==, 0x07);
    text_screen_clear(&screen);
    bench_destroy(&bench);
}

static void test_scroll_back(void)
{
    struct bench bench = bench_create(10, 4);

    for (unsigned i = 0; i < 2000; i++) {
        char line[16];

        g_snprintf(line, sizeof(line), "%u\r\n", i);
        put(&bench, line);
    }
    expect_line(&bench, 0, "1997");
    console_text_key(bench.console, KEY_UP, 2);
    expect_line(&bench, 0, "1996");
    console_text_key(bench.console, KEY_PGUP, 2);
    expect_line(&bench, 0, "1994");
    console_text_key(bench.console, KEY_DOWN, 2);
    expect_line(&bench, 0, "1995");
    for (unsigned i = 0; i < 2000; i++) {
        console_text_key(bench.console, KEY_UP, 2);
    }
    expect_line(&bench, 0, "1001");
    put(&bench, "x");
    expect_line(&bench, 0, "1997");
    bench_destroy(&bench);
}

static void test_keys(void)
{
    struct bench bench = bench_create(10, 4);

    console_text_key(bench.console, KEY_A, 0);
    console_text_on_input(bench.console, see_input, &bench);
    console_text_key(bench.console, KEY_A, 0);
    console_text_typed(bench.console, "a\xc3\xa4");
    console_text_key(bench.console, KEY_RET, 0);
    console_text_key(bench.console, KEY_C, 2);
    console_text_key(bench.console, KEY_UP, 0);
    g_assert_cmpstr(bench.typed->str, ==, "a\xc3\xa4\r\x03\x1b[A");
    bench_destroy(&bench);
}

static void test_picture(void)
{
    struct bench bench = bench_create(10, 2);
    struct display *display = console_text_display(bench.console);
    struct surface *surface;

    put(&bench, "A");
    g_assert_true(display_update(display));
    g_assert_false(display_update(display));
    surface = display_surface(display);
    g_assert_cmpuint(surface->width, ==, 80);
    g_assert_cmpuint(surface->height, ==, 32);
    for (unsigned y = 0; y < 16; y++) {
        for (unsigned x = 0; x < 8; x++) {
            unsigned at = 'A' * 16 + y;
            bool ink = ((at * 7 + at / 16) >> (7 - x) & 1) != 0;

            g_assert_cmphex(surface_line(surface, y)[x], ==, ink ? 0xaaaaaa : 0);
        }
    }
    bench_destroy(&bench);
}

static void test_font(void)
{
    uint8_t image[6000] = {0}, font[CONSOLE_FONT_SIZE];
    const uint8_t letter[] = {0x10, 0x38, 0x6c, 0xc6, 0xc6, 0xfe, 0xc6, 0xc6, 0xc6, 0xc6};

    g_assert_false(console_text_find_font(image, sizeof(image), font));
    memcpy(image + 777 + 'A' * 16 + 2, letter, sizeof(letter));
    g_assert_false(console_text_find_font(image, sizeof(image), font));
    memset(image + 777 + 0xdb * 16, 0xff, 16);
    g_assert_true(console_text_find_font(image, sizeof(image), font));
    g_assert_cmphex(font['A' * 16 + 2], ==, 0x10);
    g_assert_false(console_text_find_font(image, 4000, font));
}

static void test_regions(void)
{
    struct bench bench = bench_create(10, 5);

    put(&bench, "a\r\nb\r\nc\r\nd\r\ne\x1b[2;4r\x1b[4;1H\nx");
    expect_line(&bench, 0, "a");
    expect_line(&bench, 1, "c");
    expect_line(&bench, 3, "x");
    expect_line(&bench, 4, "e");
    put(&bench, "\x1b[2;1H\x1bMy\x1b[3;1H\x1b[L");
    expect_line(&bench, 1, "y");
    expect_line(&bench, 2, "");
    expect_line(&bench, 3, "c");
    put(&bench, "\x1b[2;1H\x1b[2M");
    expect_line(&bench, 1, "c");
    expect_line(&bench, 4, "e");
    put(&bench, "\x1b(0lqk\x1b(B\x1b[2;1H\x1b[1X");
    expect_line(&bench, 1, " \xe2\x94\x80\xe2\x94\x90");
    bench_destroy(&bench);
}

static void test_alternate(void)
{
    struct bench bench = bench_create(10, 3);

    put(&bench, "one\r\ntwo\x1b[?1049h\x1b[Hfull\x1b[?25l");
    expect_line(&bench, 0, "full");
    expect_line(&bench, 1, "");
    put(&bench, "\x1b[?25h\x1b[?1049l!\x1b]0;title\x07?");
    expect_line(&bench, 0, "one");
    expect_line(&bench, 1, "two!?");
    bench_destroy(&bench);
}

static void test_reports(void)
{
    struct bench bench = bench_create(10, 3);

    console_text_on_input(bench.console, see_input, &bench);
    put(&bench, "\x1b[2;4H\x1b[6n\x1b[5n\x1b[?1h");
    console_text_key(bench.console, KEY_UP, 0);
    console_text_key(bench.console, KEY_F5, 0);
    console_text_key(bench.console, KEY_BRACKET_RIGHT, 2);
    g_assert_cmpstr(bench.typed->str, ==, "\x1b[2;4R\x1b[0n\x1bOA\x1b[15~\x1d");
    bench_destroy(&bench);
}

static void test_resize(void)
{
    struct bench bench = bench_create(10, 4);

    put(&bench, "1\r\n2\r\n3\r\n4\r\n5\r\n0123456789");
    console_text_resize(bench.console, 5, 2);
    expect_line(&bench, 0, "5");
    expect_line(&bench, 1, "01234");
    put(&bench, "!");
    console_text_resize(bench.console, 12, 6);
    expect_line(&bench, 0, "2");
    expect_line(&bench, 3, "5");
    expect_line(&bench, 5, "!");
    g_assert_true(display_update(console_text_display(bench.console)));
    g_assert_cmpuint(display_surface(console_text_display(bench.console))->width, ==, 96);
    g_assert_true(console_text_scroll(bench.console, 5));
    expect_line(&bench, 0, "1");
    console_text_key(bench.console, KEY_END, 1);
    expect_line(&bench, 0, "2");
    bench_destroy(&bench);
}

static void test_garbage(void)
{
    struct bench bench = bench_create(7, 3);
    struct test_random random = {3};

    for (unsigned i = 0; i < 200000; i++) {
        uint64_t dice = test_random_next(&random);
        const char *special = "\x1b[;?0123456789ABCDEFGHJKLMPSTXcfhlmnrsu@()]\r\n\b\t\xff\xe2\x96\x88";
        char byte = (dice & 1) != 0 ? special[(dice >> 8) % strlen(special)] : (char)(dice >> 16);

        console_text_write(bench.console, &byte, 1);
        if (i % 1000 == 0) {
            console_text_resize(bench.console, 1 + dice % 20, 1 + (dice >> 32) % 12);
            display_update(console_text_display(bench.console));
        }
    }
    display_update(console_text_display(bench.console));
    bench_destroy(&bench);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/console-text/output", test_output);
    g_test_add_func("/console-text/sequences", test_sequences);
    g_test_add_func("/console-text/colours", test_colours);
    g_test_add_func("/console-text/scroll-back", test_scroll_back);
    g_test_add_func("/console-text/keys", test_keys);
    g_test_add_func("/console-text/picture", test_picture);
    g_test_add_func("/console-text/font", test_font);
    g_test_add_func("/console-text/regions", test_regions);
    g_test_add_func("/console-text/alternate", test_alternate);
    g_test_add_func("/console-text/reports", test_reports);
    g_test_add_func("/console-text/resize", test_resize);
    g_test_add_func("/console-text/garbage", test_garbage);
    return g_test_run();
}
