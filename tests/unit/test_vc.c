/* chardev/vc.c: output before and after a screen is there, typing beyond the queue, sizes. */
#include "tests/support/test.h"

#include <string.h>

#include "chardev/backends.h"
#include "chardev/vc.h"
#include "tests/support/chardev_front.h"

static struct chardev *open_vc(const char *spec)
{
    GError *error = NULL;
    struct chardev *chr = chardev_open(spec, &error);
    g_assert_no_error(error);
    g_assert_true(chardev_is_vc(chr));
    return chr;
}

static void see_output(void *arg, const void *data, size_t size)
{
    g_string_append_len(arg, data, (gssize)size);
}

static void test_output(void)
{
    struct chardev *chr = open_vc("vc");
    g_autoptr(GString) seen = g_string_new(NULL);
    g_autofree char *much = g_strnfill(200000, 'x');
    g_assert_true(chardev_wants_echo(chr));
    g_assert_cmpuint(chardev_write(chr, much, 50000), ==, 50000);
    g_assert_cmpuint(chardev_write(chr, much, 50000), ==, 50000);
    g_assert_cmpuint(chardev_write(chr, "end", 3), ==, 3);
    chardev_vc_connect(chr, see_output, seen);
    g_assert_cmpuint(seen->len, <=, 65536);
    g_assert_true(g_str_has_suffix(seen->str, "xend"));
    g_string_truncate(seen, 0);
    chardev_write(chr, "later", 5);
    TEST_WAIT(seen->len > 0);
    g_assert_cmpstr(seen->str, ==, "later");
    chardev_destroy(chr);
}

/* With a screen nothing is lost: the front hears when it can go on. */
static void test_backpressure(void)
{
    struct test_front front;
    struct chardev *chr = open_vc("vc");
    g_autoptr(GString) seen = g_string_new(NULL);
    g_autofree char *much = g_strnfill(100000, 'y');
    test_front_init(&front, chr);
    chardev_vc_connect(chr, see_output, seen);
    size_t taken = chardev_write(chr, much, 100000);
    g_assert_cmpuint(taken, ==, 65536);
    TEST_WAIT(front.writable > 0);
    g_assert_cmpuint(seen->len, ==, 65536);
    test_front_finish(&front);
}

static void test_typing(void)
{
    struct test_front front;
    struct chardev *chr = open_vc("vc");
    g_autofree char *much = g_strnfill(60000, 'z');
    test_front_init(&front, chr);
    front.room = 10;
    chardev_vc_type(chr, much, 60000);
    g_assert_cmpuint(front.got->len, ==, 10);
    front.room = 100000;
    chardev_accept(chr);
    TEST_WAIT(front.got->len == 60000);
    test_front_finish(&front);
}

static void test_sizes(void)
{
    static const char *const bad[] = {"vc:80", "vc:80Cx", "vc:x24C", "vc:0Cx0C", "vc:9999Cx24C", "vc:80Cx24Cx"};
    unsigned columns = 1, rows = 1;
    struct chardev *chr = open_vc("vc");
    chardev_vc_size(chr, &columns, &rows);
    g_assert_cmpuint(columns + rows, ==, 0);
    chardev_destroy(chr);
    chr = open_vc("vc:100Cx30C");
    chardev_vc_size(chr, &columns, &rows);
    g_assert_cmpuint(columns, ==, 100);
    g_assert_cmpuint(rows, ==, 30);
    chardev_destroy(chr);
    chr = open_vc("vc:640x400");
    chardev_vc_size(chr, &columns, &rows);
    g_assert_cmpuint(columns, ==, 80);
    g_assert_cmpuint(rows, ==, 25);
    chardev_destroy(chr);
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        GError *error = NULL;
        g_assert_null(chardev_open(bad[i], &error));
        g_assert_nonnull(strstr(error->message, "80Cx24C"));
        g_error_free(error);
    }
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/vc/output", test_output);
    g_test_add_func("/vc/backpressure", test_backpressure);
    g_test_add_func("/vc/typing", test_typing);
    g_test_add_func("/vc/sizes", test_sizes);
    return g_test_run();
}
