/* The line editor, by a small model of a terminal line: what is shown must be prompt and line. */
#include "monitor/readline.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

/* A terminal that understands what the editor uses; keeps the present line only. */
struct screen {
    char line[READLINE_MAX + 64];
    size_t length, cursor;
};

static void screen_feed(struct screen *s, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == '\033') {
            g_assert_true(text[i + 1] == '[');
            char *end;
            unsigned long n = strtoul(text + i + 2, &end, 10);
            i = (size_t)(end - text);
            switch (*end) {
            case 'D':
                g_assert_cmpuint(n, <=, s->cursor);
                s->cursor -= n;
                break;
            case 'C':
                s->cursor += n;
                g_assert_cmpuint(s->cursor, <=, s->length);
                break;
            case 'K':
                s->length = s->cursor;
                break;
            case 'H':
                break;
            case 'J':
                s->length = s->cursor = 0;
                break;
            default:
                g_assert_not_reached();
            }
        } else if (c == '\n') {
            s->length = s->cursor = 0;
        } else if (c != '\a') {
            g_assert_cmpuint(s->cursor, <, sizeof(s->line));
            s->line[s->cursor++] = c;
            s->length = MAX(s->length, s->cursor);
        }
    }
}

struct editor {
    struct readline *readline;
    struct screen screen;
    GString *out;
    char *last; /* finished line, owned */
};

static size_t complete(void *arg, const char *line, size_t cursor, GPtrArray *candidates)
{
    static const char *const words[] = {"info", "inform", "quit", "dir/"};
    size_t start = cursor;
    while (start > 0 && line[start - 1] != ' ') {
        start--;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strncmp(words[i], line + start, cursor - start) == 0) {
            g_ptr_array_add(candidates, g_strdup(words[i]));
        }
    }
    return start;
}

static void editor_init(struct editor *e, bool echo)
{
    *e = (struct editor){.readline = readline_create(echo ? "> " : NULL, echo, complete, NULL)};
    e->out = g_string_new(NULL);
    readline_show(e->readline, e->out);
    screen_feed(&e->screen, e->out->str, e->out->len);
}

static void editor_finish(struct editor *e)
{
    readline_destroy(e->readline);
    g_string_free(e->out, TRUE);
    g_free(e->last);
}

static void type_bytes(struct editor *e, const char *keys, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        g_string_truncate(e->out, 0);
        const char *line = readline_feed(e->readline, (uint8_t)keys[i], e->out);
        if (line != NULL) {
            g_free(e->last);
            e->last = g_strdup(line);
            readline_show(e->readline, e->out);
        }
        screen_feed(&e->screen, e->out->str, e->out->len);
    }
}

static void type(struct editor *e, const char *keys)
{
    type_bytes(e, keys, strlen(keys));
}

static void expect(struct editor *e, const char *shown, size_t cursor)
{
    g_autofree char *line = g_strndup(e->screen.line, e->screen.length);
    g_assert_cmpstr(line, ==, shown);
    g_assert_cmpuint(e->screen.cursor, ==, cursor);
}

#define LEFT  "\033[D"
#define RIGHT "\033[C"
#define UP    "\033[A"
#define DOWN  "\033[B"

static void test_edit(void)
{
    struct editor e;
    editor_init(&e, true);
    type(&e, "helo");
    expect(&e, "> helo", 6);
    type(&e, LEFT "l");
    expect(&e, "> hello", 6);
    type(&e, "\001X");
    expect(&e, "> Xhello", 3);
    type(&e, "\010");
    expect(&e, "> hello", 2);
    type(&e, "\004");
    expect(&e, "> ello", 2);
    type(&e, "\033[3~");
    expect(&e, "> llo", 2);
    type(&e, RIGHT "\005!");
    expect(&e, "> llo!", 6);
    type(&e, "\033[H\033[Fa b  \027");
    expect(&e, "> llo!a ", 8);
    type(&e, "\001" RIGHT RIGHT "\013");
    expect(&e, "> ll", 4);
    type(&e, LEFT "\025");
    expect(&e, "> l", 2);
    type(&e, "\014");
    expect(&e, "> l", 2);
    type(&e, "\r");
    g_assert_cmpstr(e.last, ==, "l");
    expect(&e, "> ", 2);
    editor_finish(&e);
}

static void test_line_ends(void)
{
    struct editor e;
    editor_init(&e, true);
    type(&e, "a\r\n");
    g_assert_cmpstr(e.last, ==, "a");
    type(&e, "b\n");
    g_assert_cmpstr(e.last, ==, "b");
    type(&e, "c\r");
    g_assert_cmpstr(e.last, ==, "c");
    type(&e, "\r");
    g_assert_cmpstr(e.last, ==, "");
    editor_finish(&e);
}

static void test_interrupt(void)
{
    struct editor e;
    editor_init(&e, true);
    type(&e, "foo" LEFT "\003");
    expect(&e, "> ", 2);
    type(&e, "bar\r");
    g_assert_cmpstr(e.last, ==, "bar");
    type(&e, "x\033[\003y\r"); /* in the middle of an escape sequence */
    editor_finish(&e);
}

static void test_history(void)
{
    struct editor e;
    editor_init(&e, true);
    type(&e, "one\rtwo\rtwo\rthree\rcurrent");
    type(&e, UP);
    expect(&e, "> three", 7);
    type(&e, UP);
    expect(&e, "> two", 5);
    type(&e, "\020\020\020"); /* beyond the oldest */
    expect(&e, "> one", 5);
    type(&e, DOWN DOWN "\016");
    expect(&e, "> current", 9);
    type(&e, UP UP "2\r");
    g_assert_cmpstr(e.last, ==, "two2");
    type(&e, "\033OA");
    expect(&e, "> two2", 6);
    for (unsigned i = 0; i < READLINE_HISTORY * 2; i++) {
        char line[16];
        g_snprintf(line, sizeof(line), "\025line %u\r", i);
        type(&e, line);
    }
    for (unsigned i = 0; i < READLINE_HISTORY * 2; i++) {
        type(&e, UP);
    }
    expect(&e, "> line 64", 9);
    editor_finish(&e);
}

static void test_complete(void)
{
    struct editor e;
    editor_init(&e, true);
    type(&e, "q\t");
    expect(&e, "> quit ", 7);
    type(&e, "i\t");
    expect(&e, "> quit info", 11);
    type(&e, "\t"); /* two candidates: listed, and the line is shown again */
    expect(&e, "> quit info", 11);
    type(&e, "r\t");
    expect(&e, "> quit inform ", 14);
    type(&e, "zz\t");
    expect(&e, "> quit inform zz", 16);
    type(&e, "\025d\t");
    expect(&e, "> dir/", 6);
    type(&e, "\001zz\t");
    expect(&e, "> zzdir/", 4);
    editor_finish(&e);
}

static void test_utf8(void)
{
    struct editor e;
    editor_init(&e, true);
    type(&e, "a\303\244\342\202\254b\r");
    g_assert_cmpstr(e.last, ==, "a\303\244\342\202\254b");
    type(&e, "\303\244\010x\r");
    g_assert_cmpstr(e.last, ==, "x");
    editor_finish(&e);
}

static void test_too_long(void)
{
    struct editor e;
    editor_init(&e, true);
    for (unsigned i = 0; i < READLINE_MAX + 100; i++) {
        type(&e, "x");
    }
    type(&e, "\r");
    g_assert_cmpuint(strlen(e.last), ==, READLINE_MAX);
    editor_finish(&e);
    editor_init(&e, false);
    for (unsigned i = 0; i < READLINE_MAX + 100; i++) {
        type(&e, "x");
    }
    type(&e, "\n");
    g_assert_cmpuint(strlen(e.last), ==, READLINE_MAX);
    editor_finish(&e);
}

static void test_plain(void)
{
    struct readline *readline = readline_create(NULL, false, complete, NULL);
    GString *out = g_string_new(NULL);
    const char *text = "in\tfo\033[A sta\010atus\n";
    const char *line = NULL;
    for (size_t i = 0; i < strlen(text); i++) {
        line = readline_feed(readline, (uint8_t)text[i], out);
    }
    g_assert_cmpstr(line, ==, "in fo[A status");
    g_assert_cmpuint(out->len, ==, 0);
    g_string_free(out, TRUE);
    readline_destroy(readline);
}

static void test_fuzz(void)
{
    struct test_random random = {.state = 3};
    for (unsigned echo = 0; echo < 2; echo++) {
        struct readline *readline = readline_create("> ", echo, complete, NULL);
        GString *out = g_string_new(NULL);
        for (unsigned i = 0; i < 200000; i++) {
            uint64_t r = test_random_next(&random);
            uint8_t byte = r & 0x300 ? (uint8_t)r % 32 : (uint8_t)r;
            readline_feed(readline, byte, out);
            g_string_truncate(out, 0);
        }
        g_string_free(out, TRUE);
        readline_destroy(readline);
    }
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/readline/edit", test_edit);
    g_test_add_func("/readline/line-ends", test_line_ends);
    g_test_add_func("/readline/interrupt", test_interrupt);
    g_test_add_func("/readline/history", test_history);
    g_test_add_func("/readline/complete", test_complete);
    g_test_add_func("/readline/utf8", test_utf8);
    g_test_add_func("/readline/too-long", test_too_long);
    g_test_add_func("/readline/plain", test_plain);
    g_test_add_func("/readline/fuzz", test_fuzz);
    return g_test_run();
}
