/* chardev_open(): which spec opens what, what is refused and with which words; ptys and host
 * devices. */
#include "chardev/backends.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "chardev/backends_impl.h"
#include "tests/support/chardev_front.h"
#include "tests/support/test.h"

static void expect_error(const char *spec, const char *part)
{
    GError *error = NULL;
    g_test_message("%s", spec);
    g_assert_null(chardev_open(spec, &error));
    g_assert_nonnull(error);
    g_assert_nonnull(strstr(error->message, spec));
    g_assert_nonnull(strstr(error->message, part));
    g_error_free(error);
}

static void test_errors(void)
{
    expect_error("", "is no connection; there are stdio, vc, pty");
    expect_error("foo", "is no connection");
    expect_error("stdio:", "is no connection");
    expect_error("file:", "a path is missing");
    expect_error("file:/nonexistent/x", "No such file");
    expect_error("unix:", "an address is missing");
    expect_error("unix:/tmp/x,foo", "'foo' is none of server, nowait");
    expect_error("unix:/nonexistent/x", "cannot connect: No such file");
    expect_error("unix:/nonexistent/x,server,nowait", "cannot listen there");
    expect_error("unix:/tmp/x,nowait", "nowait is for servers");
    expect_error("tcp:foo", "HOST:PORT");
    expect_error("tcp:127.0.0.1:", "HOST:PORT");
    expect_error("tcp:127.0.0.1:1", "cannot connect");
    expect_error("/dev/nonexistent", "No such file");
    expect_error("/etc/passwd", "not a character device; use file:PATH");
    g_autofree char *name = g_strnfill(200, 'x');
    g_autofree char *spec = g_strdup_printf("unix:/tmp/%s,server,nowait", name);
    expect_error(spec, "File name too long");
}

static void test_simple(void)
{
    GError *error = NULL;
    struct chardev *chr = chardev_open("null", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(chardev_write(chr, "abc", 3), ==, 3);
    g_assert_false(chardev_wants_echo(chr));
    chardev_set_signals(chr, false);
    chardev_destroy(chr);
    chr = chardev_open("none", &error);
    g_assert_no_error(error);
    chardev_destroy(chr);
    g_autofree char *folder = g_dir_make_tmp("vmm-chardev-XXXXXX", &error);
    g_autofree char *path = g_strdup_printf("%s/out", folder);
    g_autofree char *spec = g_strdup_printf("file:%s", path);
    chr = chardev_open(spec, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(chardev_write(chr, "abc", 3), ==, 3);
    g_assert_cmpstr(chardev_label(chr), ==, spec);
    chardev_destroy(chr);
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, &error));
    g_assert_cmpstr(text, ==, "abc");
    g_remove(path);
    g_rmdir(folder);
    g_assert_false(chardev_wants_echo(NULL));
    g_assert_false(chardev_is_script(NULL));
    chardev_set_signals(NULL, true);
}

static void test_pty(void)
{
    GError *error = NULL;
    struct test_front front;
    test_front_init(&front, chardev_open("pty", &error));
    g_assert_no_error(error);
    g_assert_true(chardev_wants_echo(front.chr));
    const char *path = strchr(chardev_label(front.chr), ':') + 1;
    /* Nobody is there: written bytes are lost, not kept. */
    g_assert_false(chardev_is_open(front.chr));
    g_assert_cmpuint(chardev_write(front.chr, "lost", 4), ==, 4);
    front.greeting = "hello";
    for (unsigned round = 1; round <= 2; round++) {
        int slave = open(path, O_RDWR | O_NOCTTY);
        g_assert_cmpint(slave, >=, 0);
        g_autofree char *greeting = test_read(slave, 5);
        g_assert_cmpstr(greeting, ==, "hello");
        g_assert_cmpuint(front.opened, ==, round);
        g_assert_cmpint(write(slave, "in\r\003", 4), ==, 4);
        test_front_expect(&front, "in\r\003");
        g_assert_cmpuint(chardev_write(front.chr, "out\n", 4), ==, 4);
        g_autofree char *text = test_read(slave, 4);
        g_assert_cmpstr(text, ==, "out\n");
        close(slave);
        TEST_WAIT(front.closed == round);
    }
    test_front_finish(&front);
}

/* A pty's slave stands for a serial port. */
static void test_host_device(void)
{
    GError *error = NULL;
    struct test_front front;
    struct chardev_params params = {.speed = 9600, .data_bits = 7, .stop_bits = 2, .parity = 'E'};
    struct termios mode;
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    grantpt(master);
    unlockpt(master);
    g_autofree char *path = g_strdup(ptsname(master));
    test_front_init(&front, chardev_open(path, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(front.opened, ==, 1);
    g_assert_cmpint(write(master, "in\r", 3), ==, 3);
    test_front_expect(&front, "in\r");
    g_assert_cmpuint(chardev_write(front.chr, "out\n", 4), ==, 4);
    g_autofree char *text = test_read(master, 4);
    g_assert_cmpstr(text, ==, "out\n");
    chardev_set_params(front.chr, &params);
    tcgetattr(master, &mode);
    g_assert_cmpuint(cfgetospeed(&mode), ==, B9600);
    g_assert_true(mode.c_cflag & CSTOPB);
    chardev_set_lines(front.chr, CHARDEV_LINE_DTR); /* a pty has none: no harm */
    g_assert_cmphex(chardev_lines(front.chr), ==,
                    CHARDEV_LINE_CTS | CHARDEV_LINE_DSR | CHARDEV_LINE_DCD);
    chardev_send_event(front.chr, CHARDEV_BREAK);
    for (unsigned i = 0; i < 10; i++) {
        g_main_context_iteration(NULL, FALSE);
    }
    close(master);
    TEST_WAIT(front.closed == 1);
    g_assert_cmpuint(chardev_write(front.chr, "lost", 4), ==, 4);
    chardev_set_params(front.chr, &params);
    test_front_finish(&front);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    test_main_init(&argc, &argv);
    g_test_add_func("/backends/errors", test_errors);
    g_test_add_func("/backends/simple", test_simple);
    g_test_add_func("/backends/pty", test_pty);
    g_test_add_func("/backends/host-device", test_host_device);
    return g_test_run();
}
