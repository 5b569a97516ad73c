/* Sockets: servers and clients, unix and TCP, peers that come, go and read slowly; the telnet
 * filter. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "chardev/backends.h"
#include "chardev/telnet.h"
#include "tests/support/chardev_front.h"
#include "tests/support/test.h"

static int connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    return fd;
}

static int connect_tcp(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    return fd;
}

static struct chardev *must_open(const char *spec)
{
    GError *error = NULL;
    struct chardev *chr = chardev_open(spec, &error);
    g_assert_no_error(error);
    return chr;
}

/* Port in a label tcp:127.0.0.1:PORT,server. */
static unsigned label_port(struct chardev *chr)
{
    return (unsigned)atoi(strrchr(chardev_label(chr), ':') + 1);
}

static void test_unix_server(void)
{
    GError *error = NULL;
    struct test_front front;
    g_autofree char *folder = g_dir_make_tmp("vmm-socket-XXXXXX", &error);
    g_autofree char *path = g_strdup_printf("%s/s", folder);
    g_autofree char *spec = g_strdup_printf("unix:%s,server,nowait", path);
    test_front_init(&front, must_open(spec));
    front.greeting = "hello";
    g_assert_false(chardev_is_open(front.chr));
    g_assert_false(chardev_wants_echo(front.chr));
    g_assert_cmpuint(chardev_write(front.chr, "lost", 4), ==, 4);
    for (unsigned round = 0; round < 2; round++) {
        int fd = connect_unix(path);
        g_autofree char *greeting = test_read(fd, 5);
        g_assert_cmpstr(greeting, ==, "hello");
        g_assert_cmpuint(front.opened, ==, 1);
        g_assert_cmpint(write(fd, "in", 2), ==, 2);
        test_front_expect(&front, "in");
        g_assert_cmpuint(chardev_write(front.chr, "out", 3), ==, 3);
        g_autofree char *text = test_read(fd, 3);
        g_assert_cmpstr(text, ==, "out");
        /* A second peer has to wait until the first one has gone. */
        int second = connect_unix(path);
        g_assert_cmpint(write(second, "x", 1), ==, 1);
        for (unsigned i = 0; i < 20; i++) {
            g_main_context_iteration(NULL, FALSE);
        }
        g_assert_cmpuint(front.got->len, ==, 0);
        close(second);
        close(fd);
        /* The one that waited comes and goes. */
        TEST_WAIT(front.opened == 2 && front.closed == 2);
        test_front_expect(&front, "x");
        front.opened = front.closed = 0;
    }
    front.greeting = NULL;
    /* The path is in use: a second server is refused; a client of ours may come. */
    g_autofree char *client = g_strdup_printf("unix:%s", path);
    struct chardev *other = chardev_open(spec, &error);
    g_assert_null(other);
    g_clear_error(&error);
    struct test_front peer;
    for (unsigned i = 0; i < 20; i++) {
        g_main_context_iteration(NULL, FALSE);
    }
    test_front_init(&peer, must_open(client));
    g_assert_cmpuint(peer.opened, ==, 1);
    g_assert_cmpuint(chardev_write(peer.chr, "hi", 2), ==, 2);
    test_front_expect(&front, "hi");
    g_assert_cmpuint(chardev_write(front.chr, "ho", 2), ==, 2);
    test_front_expect(&peer, "ho");
    test_front_finish(&front);
    TEST_WAIT(peer.closed == 1);
    g_assert_cmpuint(chardev_write(peer.chr, "lost", 4), ==, 4);
    test_front_finish(&peer);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    g_rmdir(folder);
}

/* What a server that crashed left behind is taken over; other files are not. */
static void test_stale(void)
{
    GError *error = NULL;
    g_autofree char *folder = g_dir_make_tmp("vmm-socket-XXXXXX", &error);
    g_autofree char *path = g_strdup_printf("%s/s", folder);
    g_autofree char *spec = g_strdup_printf("unix:%s,server=on,wait=off", path);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    close(fd);
    chardev_destroy(must_open(spec));
    g_assert_true(g_file_set_contents(path, "data", 4, &error));
    g_assert_null(chardev_open(spec, &error));
    g_clear_error(&error);
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    g_remove(path);
    g_rmdir(folder);
}

static void test_tcp(void)
{
    struct test_front front;
    test_front_init(&front, must_open("tcp::0,server,nowait"));
    g_assert_true(g_str_has_prefix(chardev_label(front.chr), "tcp:127.0.0.1:"));
    g_autofree char *client = g_strdup_printf("tcp:127.0.0.1:%u", label_port(front.chr));
    struct test_front peer;
    test_front_init(&peer, must_open(client));
    TEST_WAIT(front.opened == 1);
    g_assert_cmpuint(chardev_write(peer.chr, "hi\xff", 3), ==, 3);
    test_front_expect(&front, "hi\xff");
    test_front_finish(&peer);
    TEST_WAIT(front.closed == 1);
    test_front_finish(&front);
}

/* A peer that does not read: bytes are refused, and none are lost. */
static void test_slow_peer(void)
{
    struct test_front front;
    test_front_init(&front, must_open("tcp::0,server,nowait"));
    int fd = connect_tcp(label_port(front.chr));
    TEST_WAIT(front.opened == 1);
    char data[4096];
    size_t sent = 0;
    for (size_t taken = sizeof(data); taken == sizeof(data); sent += taken) {
        for (size_t i = 0; i < sizeof(data); i++) {
            data[i] = (char)('a' + (sent + i) % 26);
        }
        taken = chardev_write(front.chr, data, sizeof(data));
        g_assert_cmpuint(sent, <, 64u << 20);
    }
    g_assert_cmpuint(front.writable, ==, 0);
    g_autofree char *got = test_read(fd, sent);
    for (size_t i = 0; i < sent; i++) {
        g_assert_cmpint(got[i], ==, 'a' + (int)(i % 26));
    }
    TEST_WAIT(front.writable == 1);
    /* It goes away while it owes us reading. */
    while (chardev_write(front.chr, data, sizeof(data)) == sizeof(data)) {
    }
    close(fd);
    TEST_WAIT(front.closed == 1 && front.writable == 2);
    test_front_finish(&front);
}

static void test_telnet(void)
{
    struct test_front front;
    test_front_init(&front, must_open("telnet::0,server,nowait"));
    g_assert_true(chardev_wants_echo(front.chr));
    int fd = connect_tcp(label_port(front.chr));
    TEST_WAIT(front.opened == 1);
    g_autofree char *hello = test_read(fd, telnet_hello_size);
    g_assert_cmpmem(hello, telnet_hello_size, telnet_hello, telnet_hello_size);
    static const char sent[] = "\xff\xfd\x03"
                               "a\r\n"
                               "b\r\0"
                               "\xff\xff"
                               "\xff\xf3"
                               "\xff\xfa\x18\xff\xff\x01\xff\xf0"
                               "c\r"
                               "d";
    g_assert_cmpint(write(fd, sent, sizeof(sent) - 1), ==, sizeof(sent) - 1);
    test_front_expect(&front, "a\rb\r\xff"
                              "c\rd");
    g_assert_cmpuint(front.breaks, ==, 1);
    g_assert_cmpuint(chardev_write(front.chr, "x\xff\xffy\xff", 5), ==, 5);
    g_autofree char *text = test_read(fd, 8);
    g_assert_cmpmem(text, 8, "x\xff\xff\xff\xffy\xff\xff", 8);
    close(fd);
    TEST_WAIT(front.closed == 1);
    test_front_finish(&front);
}

/* Cut anywhere, the filter's output is the same. */
static void test_telnet_pieces(void)
{
    struct test_random random = {.state = 1};
    for (unsigned round = 0; round < 2000; round++) {
        uint8_t data[64], whole[64], pieces[64];
        unsigned breaks = 0, piece_breaks = 0;
        for (unsigned i = 0; i < sizeof(data); i++) {
            uint64_t r = test_random_next(&random);
            data[i] = r & 0x300 ? (uint8_t)(240 + r % 16) : (uint8_t)(r % 16);
        }
        struct telnet telnet = {0};
        memcpy(whole, data, sizeof(data));
        size_t n = telnet_decode(&telnet, whole, sizeof(whole), &breaks);
        telnet = (struct telnet){0};
        size_t m = 0;
        for (size_t i = 0; i < sizeof(data);) {
            size_t size = 1 + test_random_next(&random) % 5;
            size = MIN(size, sizeof(data) - i);
            memmove(pieces + m, data + i, size);
            m += telnet_decode(&telnet, pieces + m, size, &piece_breaks);
            i += size;
        }
        g_assert_cmpmem(whole, n, pieces, m);
        g_assert_cmpuint(breaks, ==, piece_breaks);
    }
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    test_main_init(&argc, &argv);
    g_test_add_func("/socket/unix-server", test_unix_server);
    g_test_add_func("/socket/stale", test_stale);
    g_test_add_func("/socket/tcp", test_tcp);
    g_test_add_func("/socket/slow-peer", test_slow_peer);
    g_test_add_func("/socket/telnet", test_telnet);
    g_test_add_func("/socket/telnet-pieces", test_telnet_pieces);
    return g_test_run();
}
