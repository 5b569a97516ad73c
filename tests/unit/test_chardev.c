/*
 * Character connections: hand-over through the event queue, bounded queue and resume, short writes,
 * breaks in their place, open and close; the file and null backends.
 */
#include "tests/support/test.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chardev/chardev.h"
#include "chardev/chardev_impl.h"
#include "core/event.h"

struct front_state {
    GString *text; /* bytes, and events as <break> <open> <close> <lines> */
    size_t room;
    unsigned writable;
};

static size_t front_room(void *arg)
{
    return ((struct front_state *)arg)->room;
}

static void front_receive(void *arg, const uint8_t *data, size_t size)
{
    struct front_state *front = arg;
    g_assert_cmpuint(size, <=, front->room);
    front->room -= size;
    g_string_append_len(front->text, (const char *)data, (gssize)size);
}

static void front_writable(void *arg)
{
    ((struct front_state *)arg)->writable++;
}

static void front_event(void *arg, enum chardev_event event)
{
    static const char *const names[] = {"<open>", "<close>", "<break>", "<lines>"};
    g_string_append(((struct front_state *)arg)->text, names[event]);
}

static const struct chardev_front front_ops = {
    .room = front_room,
    .receive = front_receive,
    .writable = front_writable,
    .event = front_event,
};

static void assert_text(struct front_state *front, const char *expected)
{
    g_assert_cmpstr(front->text->str, ==, expected);
    g_string_truncate(front->text, 0);
}

static void test_deliver(void)
{
    struct front_state front = {.text = g_string_new(NULL), .room = 3};
    struct event_queue *events = event_queue_create();
    struct chardev *chr = chardev_memory_create(100);
    /* Sent before anyone listens: kept. */
    g_assert_cmpuint(chardev_memory_send(chr, "ab", 2), ==, 2);
    chardev_attach(chr, events, &front_ops, &front);
    assert_text(&front, ""); /* not in this thread */
    event_run(events);
    assert_text(&front, "<open>ab");
    chardev_memory_send(chr, "cdef", 4);
    chardev_memory_event(chr, CHARDEV_BREAK);
    chardev_memory_send(chr, "g", 1);
    event_run(events);
    assert_text(&front, "c");
    front.room = 10;
    chardev_accept(chr);
    assert_text(&front, "def<break>g");
    chardev_memory_event(chr, CHARDEV_CLOSED);
    event_run(events);
    assert_text(&front, "<close>");
    g_assert_false(chardev_is_open(chr));
    chardev_detach(chr);
    chardev_memory_send(chr, "x", 1);
    event_run(events);
    assert_text(&front, "");
    chardev_destroy(chr);
    event_queue_destroy(events);
    g_string_free(front.text, TRUE);
}

static void test_direct(void)
{
    struct front_state front = {.text = g_string_new(NULL), .room = 100};
    struct chardev *chr = chardev_memory_create(100);
    chardev_attach(chr, NULL, &front_ops, &front);
    chardev_memory_send(chr, "now", 3);
    assert_text(&front, "<open>now");
    chardev_memory_set_in_lines(chr, CHARDEV_LINE_RI);
    assert_text(&front, "<lines>");
    g_assert_cmpuint(chardev_lines(chr), ==, CHARDEV_LINE_RI);
    chardev_destroy(chr);
    g_string_free(front.text, TRUE);
}

static void test_bounded(void)
{
    struct front_state front = {.text = g_string_new(NULL), .room = 0};
    struct chardev *chr = chardev_memory_create(0);
    char block[1000];
    size_t sent = 0, n;
    memset(block, 'x', sizeof(block));
    while ((n = chardev_memory_send(chr, block, sizeof(block))) > 0) {
        sent += n;
        g_assert_cmpuint(sent, <=, CHARDEV_QUEUE_SIZE);
    }
    g_assert_cmpuint(chardev_room(chr), ==, 0);
    /* A flood of breaks does no harm either. */
    for (unsigned i = 0; i < 100; i++) {
        chardev_memory_event(chr, CHARDEV_BREAK);
    }
    chardev_attach(chr, NULL, &front_ops, &front);
    front.room = 5000;
    chardev_accept(chr);
    g_assert_cmpuint(chardev_room(chr), >=, sent);
    chardev_destroy(chr);
    g_string_free(front.text, TRUE);
}

static void test_short_write(void)
{
    struct front_state front = {.text = g_string_new(NULL)};
    struct event_queue *events = event_queue_create();
    struct chardev *chr = chardev_memory_create(4);
    size_t size;
    chardev_attach(chr, events, &front_ops, &front);
    g_assert_cmpuint(chardev_write(chr, "abcdef", 6), ==, 4);
    g_assert_cmpuint(chardev_write(chr, "ef", 2), ==, 0);
    chardev_memory_data(chr, &size);
    g_assert_cmpuint(size, ==, 4);
    chardev_memory_clear(chr);
    event_run(events);
    g_assert_cmpuint(front.writable, ==, 1);
    g_assert_cmpuint(chardev_write(chr, "ef", 2), ==, 2);
    chardev_memory_clear(chr);
    event_run(events);
    g_assert_cmpuint(front.writable, ==, 1); /* nothing was refused */
    chardev_destroy(chr);
    event_queue_destroy(events);
    g_string_free(front.text, TRUE);
}

static void test_null(void)
{
    struct chardev *chr = chardev_null_create();
    g_assert_cmpuint(chardev_write(chr, "abc", 3), ==, 3);
    g_assert_cmpuint(chardev_write(NULL, "abc", 3), ==, 3);
    g_assert_cmpstr(chardev_label(chr), ==, "null");
    g_assert_true(chardev_is_open(chr));
    g_assert_cmpuint(chardev_lines(NULL), ==,
                     CHARDEV_LINE_CTS | CHARDEV_LINE_DSR | CHARDEV_LINE_DCD);
    chardev_destroy(chr);
    chardev_destroy(NULL);
}

static void test_file(void)
{
    GError *error = NULL;
    char *dir = g_dir_make_tmp("vmm-chardev-XXXXXX", &error);
    g_assert_no_error(error);
    char *path = g_build_filename(dir, "out", NULL);
    char *text;
    struct chardev *chr = chardev_file_create(path, false, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(chardev_write(chr, "hello\n", 6), ==, 6);
    chardev_destroy(chr);
    chr = chardev_file_create(path, true, &error);
    chardev_write(chr, "again\n", 6);
    chardev_destroy(chr);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "hello\nagain\n");
    g_free(text);
    g_unlink(path);
    g_rmdir(dir);
    g_assert_null(chardev_file_create(path, false, &error));
    g_assert_nonnull(strstr(error->message, path));
    g_error_free(error);
    g_free(path);
    g_free(dir);
}

/* A pipe whose reader is slow: bytes are kept back until the main loop sees room, and none is lost. */
static void test_pipe(void)
{
    struct front_state front = {.text = g_string_new(NULL)};
    GError *error = NULL;
    char *dir = g_dir_make_tmp("vmm-chardev-XXXXXX", &error);
    char *path = g_build_filename(dir, "pipe", NULL);
    uint8_t block[4096];
    size_t sent = 0, received = 0, n;
    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    g_assert_null(chardev_file_create(path, false, &error));
    g_clear_error(&error);
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    struct chardev *chr = chardev_file_create(path, false, &error);
    g_assert_no_error(error);
    chardev_attach(chr, NULL, &front_ops, &front);
    memset(block, 'p', sizeof(block));
    do {
        n = chardev_write(chr, block, sizeof(block));
        sent += n;
    } while (n == sizeof(block));
    while (received < sent) {
        ssize_t got = read(fd, block, sizeof(block));
        g_assert_cmpint(got, >, 0);
        received += (size_t)got;
    }
    g_assert_cmpuint(received, ==, sent);
    g_assert_cmpuint(front.writable, ==, 0);
    g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(front.writable, ==, 1);
    g_assert_cmpuint(chardev_write(chr, "more", 4), ==, 4);
    chardev_destroy(chr);
    close(fd);
    g_unlink(path);
    g_rmdir(dir);
    g_free(path);
    g_free(dir);
    g_string_free(front.text, TRUE);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/chardev/deliver", test_deliver);
    g_test_add_func("/chardev/direct", test_direct);
    g_test_add_func("/chardev/bounded", test_bounded);
    g_test_add_func("/chardev/short-write", test_short_write);
    g_test_add_func("/chardev/null", test_null);
    g_test_add_func("/chardev/file", test_file);
    g_test_add_func("/chardev/pipe", test_pipe);
    return g_test_run();
}
