/* Standard input and output as a connection: pipes, files, a terminal. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "chardev/backends.h"
#include "chardev/backends_impl.h"
#include "chardev/terminal.h"
#include "tests/support/chardev_front.h"
#include "tests/support/test.h"

static struct chardev *create(int in, int out)
{
    GError *error = NULL;
    struct chardev *chr = chardev_stdio_create(in, out, &error);
    g_assert_no_error(error);
    return chr;
}

static void test_pipes(void)
{
    int in[2], out[2];
    struct test_front front;
    g_assert_cmpint(pipe(in), ==, 0);
    g_assert_cmpint(pipe(out), ==, 0);
    test_front_init(&front, create(in[0], out[1]));
    g_assert_cmpstr(chardev_label(front.chr), ==, "stdio");
    g_assert_false(chardev_wants_echo(front.chr));
    g_assert_true(chardev_is_script(front.chr));
    g_assert_cmpuint(front.opened, ==, 1);
    g_assert_cmpint(write(in[1], "hello", 5), ==, 5);
    test_front_expect(&front, "hello");
    g_assert_cmpuint(chardev_write(front.chr, "there", 5), ==, 5);
    g_autofree char *text = test_read(out[0], 5);
    g_assert_cmpstr(text, ==, "there");
    /* The flags of the descriptors we were given are untouched: others use them, too. */
    g_assert_false(fcntl(in[0], F_GETFL) & O_NONBLOCK);
    g_assert_false(fcntl(out[1], F_GETFL) & O_NONBLOCK);
    /* After the end of the input the output still works. */
    g_assert_cmpint(write(in[1], "last", 4), ==, 4);
    close(in[1]);
    test_front_expect(&front, "last");
    for (unsigned i = 0; i < 100; i++) {
        g_main_context_iteration(NULL, FALSE);
    }
    g_assert_cmpuint(front.closed, ==, 0);
    g_assert_cmpuint(chardev_write(front.chr, "more", 4), ==, 4);
    g_autofree char *more = test_read(out[0], 4);
    g_assert_cmpstr(more, ==, "more");
    test_front_finish(&front);
    close(in[0]);
    close(out[0]);
    close(out[1]);
}

static void test_back_pressure(void)
{
    int in[2], out[2];
    struct test_front front;
    size_t sent = 0, total = 1u << 20;
    g_assert_cmpint(pipe(in), ==, 0);
    g_assert_cmpint(pipe(out), ==, 0);
    test_front_init(&front, create(in[0], out[1]));
    g_autofree char *data = g_malloc(total);
    g_autoptr(GString) got = g_string_new(NULL);
    for (size_t i = 0; i < total; i++) {
        data[i] = (char)('a' + i % 26);
    }
    while (got->len < total) {
        size_t taken = chardev_write(front.chr, data + sent, total - sent);
        sent += taken;
        unsigned told = front.writable;
        bool refused = sent < total;
        g_autofree char *part = test_read(out[0], MIN(sent - got->len, 30000));
        g_string_append(got, part);
        while (refused && front.writable == told && got->len < sent) {
            g_autofree char *rest = test_read(out[0], MIN(sent - got->len, 30000));
            g_string_append(got, rest);
            g_main_context_iteration(NULL, FALSE);
        }
    }
    g_assert_cmpmem(got->str, got->len, data, total);
    g_assert_cmpuint(front.writable, >, 0);
    /* The other way: a front without room stops the reading, bytes wait in the pipe. */
    front.room = 10;
    fcntl(in[1], F_SETFL, O_NONBLOCK);
    size_t written = 0;
    for (unsigned i = 0; i < 1000; i++) {
        ssize_t n = write(in[1], data + written, 1000);
        written += n > 0 ? (size_t)n : 0;
        g_main_context_iteration(NULL, FALSE);
    }
    g_assert_cmpuint(front.got->len, ==, 10);
    g_assert_cmpuint(written, <, total);
    front.room = SIZE_MAX;
    chardev_accept(front.chr);
    TEST_WAIT(front.got->len == written);
    g_assert_cmpmem(front.got->str, front.got->len, data, written);
    test_front_finish(&front);
    for (unsigned i = 0; i < 2; i++) {
        close(in[i]);
        close(out[i]);
    }
}

static void test_dev_null(void)
{
    struct test_front front;
    int null = open("/dev/null", O_RDWR);
    test_front_init(&front, create(null, null));
    for (unsigned i = 0; i < 10; i++) {
        g_main_context_iteration(NULL, FALSE);
    }
    g_assert_cmpuint(front.got->len, ==, 0);
    g_assert_cmpuint(chardev_write(front.chr, "x", 1), ==, 1);
    test_front_finish(&front);
    close(null);
}

/* Redirected to a file: what is there stays, and so does the position. */
static void test_file(void)
{
    GError *error = NULL;
    char *name;
    struct test_front front;
    int fd = g_file_open_tmp("vmm-stdio-XXXXXX", &name, &error);
    int null = open("/dev/null", O_RDONLY);
    g_assert_cmpint(write(fd, "head ", 5), ==, 5);
    test_front_init(&front, create(null, fd));
    g_assert_cmpuint(chardev_write(front.chr, "body", 4), ==, 4);
    test_front_finish(&front);
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(name, &text, NULL, &error));
    g_assert_cmpstr(text, ==, "head body");
    g_remove(name);
    g_free(name);
    close(fd);
    close(null);
}

static void test_sockets(void)
{
    int pair[2];
    struct test_front front;
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    test_front_init(&front, create(pair[0], pair[0]));
    g_assert_cmpint(write(pair[1], "in", 2), ==, 2);
    test_front_expect(&front, "in");
    g_assert_cmpuint(chardev_write(front.chr, "out", 3), ==, 3);
    g_autofree char *text = test_read(pair[1], 3);
    g_assert_cmpstr(text, ==, "out");
    test_front_finish(&front);
    g_assert_false(fcntl(pair[0], F_GETFL) &
                   O_NONBLOCK); /* could not be opened anew: put back at the end */
    close(pair[0]);
    close(pair[1]);
}

static void test_closed(void)
{
    GError *error = NULL;
    g_assert_null(chardev_stdio_create(-1, -1, &error));
    g_assert_nonnull(error);
    g_clear_error(&error);
    /* Only one at a time. */
    int null = open("/dev/null", O_RDWR);
    struct chardev *first = create(null, null);
    g_assert_null(chardev_stdio_create(null, null, &error));
    g_assert_nonnull(strstr(error->message, "in use already; mon:stdio shares it"));
    g_clear_error(&error);
    chardev_destroy(first);
    close(null);
    /* Only the input is closed. */
    int out[2];
    g_assert_cmpint(pipe(out), ==, 0);
    struct chardev *chr = create(-1, out[1]);
    g_assert_cmpuint(chardev_write(chr, "x", 1), ==, 1);
    close(out[0]);
    chardev_write(chr, "y", 1); /* nobody reads: lost */
    for (unsigned i = 0; i < 10; i++) {
        g_main_context_iteration(NULL, FALSE);
    }
    g_assert_cmpuint(chardev_write(chr, "y", 1), ==, 1);
    chardev_destroy(chr);
    close(out[1]);
}

/* A pty; the slave becomes the controlling terminal of a new session in a child, where the test
 * runs. */
static void in_terminal(int (*body)(int master, int slave), int expected_signal)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    int status;
    g_assert_cmpint(master, >=, 0);
    grantpt(master);
    unlockpt(master);
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    g_assert_cmpint(slave, >=, 0);
    struct termios before, after;
    tcgetattr(slave, &before);
    pid_t child = fork();
    if (child == 0) {
        setsid();
        close(slave);
        _exit(body(master, open(ptsname(master), O_RDWR)));
    }
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    if (expected_signal != 0) {
        g_assert_true(WIFSIGNALED(status));
        g_assert_cmpint(WTERMSIG(status), ==, expected_signal);
    } else {
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 0);
    }
    tcgetattr(slave, &after);
    g_assert_cmphex(before.c_lflag, ==, after.c_lflag);
    g_assert_cmphex(before.c_iflag, ==, after.c_iflag);
    g_assert_cmphex(before.c_oflag, ==, after.c_oflag);
    close(slave);
    close(master);
}

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            return __LINE__ % 250 + 1;                                                             \
        }                                                                                          \
    } while (0)

static int raw_mode(int master, int slave)
{
    struct termios mode;
    struct test_front front;
    test_front_init(&front, create(slave, slave));
    CHECK(chardev_wants_echo(front.chr) && !chardev_is_script(front.chr));
    tcgetattr(slave, &mode);
    CHECK(!(mode.c_lflag & (ICANON | ECHO)) && mode.c_lflag & ISIG && mode.c_oflag & OPOST);
    chardev_set_signals(front.chr, false);
    tcgetattr(slave, &mode);
    CHECK(!(mode.c_lflag & ISIG));
    CHECK(write(master, "a\003\032", 3) == 3);
    TEST_WAIT(front.got->len == 3);
    CHECK(memcmp(front.got->str, "a\003\032", 3) == 0);
    chardev_set_signals(front.chr, true);
    tcgetattr(slave, &mode);
    CHECK(mode.c_lflag & ISIG);
    /* Only one at a time may have the terminal. */
    CHECK(terminal_enter(slave) == NULL);
    test_front_finish(&front);
    return 0;
}

static int continued(int master, int slave)
{
    struct termios cooked, mode;
    tcgetattr(slave, &cooked);
    struct chardev *chr = create(slave, slave);
    tcsetattr(slave, TCSANOW, &cooked); /* as a shell does while we are stopped */
    kill(getpid(), SIGCONT);
    TEST_WAIT(tcgetattr(slave, &mode) == 0 && !(mode.c_lflag & ICANON));
    chardev_destroy(chr);
    return 0;
}

/* In a background job keys wait and output goes on; both come with the foreground. */
static int in_background(int master, int slave)
{
    struct termios mode;
    struct test_front front;
    pid_t other = fork();
    if (other == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pause();
        _exit(0);
    }
    setpgid(other, other);
    CHECK(tcsetpgrp(slave, other) == 0);
    test_front_init(&front, create(slave, slave));
    tcgetattr(slave, &mode);
    CHECK(mode.c_lflag & ICANON);
    CHECK(write(master, "key\n", 4) == 4);
    for (unsigned i = 0; i < 60; i++) {
        g_usleep(10000);
        g_main_context_iteration(NULL, FALSE);
    }
    CHECK(front.got->len == 0 && front.closed == 0);
    CHECK(chardev_write(front.chr, "out", 3) == 3);
    g_autofree char *text = test_read(master, 8);
    CHECK(strcmp(text, "key\r\nout") == 0); /* behind the terminal's echo */
    /* What a shell does in fg: it takes the terminal as a member of the background, too. */
    signal(SIGTTOU, SIG_IGN);
    CHECK(tcsetpgrp(slave, getpgrp()) == 0);
    TEST_WAIT(front.got->len == 4);
    CHECK(memcmp(front.got->str, "key\n", 4) == 0);
    tcgetattr(slave, &mode);
    CHECK(!(mode.c_lflag & (ICANON | ECHO)));
    test_front_finish(&front);
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
    return 0;
}

static int crash(int master, int slave)
{
    signal(SIGBUS, SIG_DFL); /* a sanitizer may have been there before us */
    create(slave, slave);
    raise(SIGBUS);
    return 1;
}

static void test_raw_mode(void)
{
    in_terminal(raw_mode, 0);
}

static void test_continued(void)
{
    in_terminal(continued, 0);
}

static void test_in_background(void)
{
    in_terminal(in_background, 0);
}

static void test_crash(void)
{
    in_terminal(crash, SIGBUS);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    test_main_init(&argc, &argv);
    g_test_add_func("/stdio/pipes", test_pipes);
    g_test_add_func("/stdio/back-pressure", test_back_pressure);
    g_test_add_func("/stdio/dev-null", test_dev_null);
    g_test_add_func("/stdio/file", test_file);
    g_test_add_func("/stdio/sockets", test_sockets);
    g_test_add_func("/stdio/closed", test_closed);
    g_test_add_func("/stdio/raw-mode", test_raw_mode);
    g_test_add_func("/stdio/continued", test_continued);
    g_test_add_func("/stdio/in-background", test_in_background);
    g_test_add_func("/stdio/crash", test_crash);
    return g_test_run();
}
