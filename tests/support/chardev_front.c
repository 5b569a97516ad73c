/* See the header. */
#include "tests/support/chardev_front.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

static size_t room(void *arg)
{
    return ((struct test_front *)arg)->room;
}

static void receive(void *arg, const uint8_t *data, size_t size)
{
    struct test_front *front = arg;
    front->room -= size;
    g_string_append_len(front->got, (const char *)data, (gssize)size);
}

static void writable(void *arg)
{
    ((struct test_front *)arg)->writable++;
}

static void event(void *arg, enum chardev_event what)
{
    struct test_front *front = arg;
    if (what == CHARDEV_OPENED && front->greeting != NULL) {
        chardev_write(front->chr, front->greeting, strlen(front->greeting));
    }
    front->opened += what == CHARDEV_OPENED;
    front->closed += what == CHARDEV_CLOSED;
    front->breaks += what == CHARDEV_BREAK;
}

static const struct chardev_front functions = {
    .room = room, .receive = receive, .writable = writable, .event = event};

void test_front_init(struct test_front *front, struct chardev *chr)
{
    *front = (struct test_front){.chr = chr, .got = g_string_new(NULL), .room = SIZE_MAX};
    chardev_attach(chr, NULL, &functions, front);
}

void test_front_finish(struct test_front *front)
{
    chardev_destroy(front->chr);
    g_string_free(front->got, TRUE);
}

void test_front_expect(struct test_front *front, const char *text)
{
    TEST_WAIT(front->got->len >= strlen(text));
    g_assert_cmpstr(front->got->str, ==, text);
    g_string_truncate(front->got, 0);
}

char *test_read(int fd, size_t size)
{
    GString *text = g_string_new(NULL);
    while (text->len < size) {
        char data[4096];
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        TEST_WAIT(poll(&poll_fd, 1, 0) > 0);
        ssize_t n = read(fd, data, MIN(sizeof(data), size - text->len));
        g_assert_cmpint(n, >, 0);
        g_string_append_len(text, data, n);
    }
    return g_string_free(text, FALSE);
}
