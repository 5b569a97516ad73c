/* The terminal multiplexer: keys behind the escape key, who gets what, back-pressure in both
 * directions. */
#include "chardev/mux.h"

#include <string.h>

#include "chardev/chardev_impl.h"
#include "core/event.h"
#include "tests/support/test.h"

struct front {
    struct chardev *chr;
    GString *got;
    unsigned opened, closed, breaks, focused, writable;
    bool full; /* takes no bytes */
};

static size_t front_room(void *arg)
{
    return ((struct front *)arg)->full ? 0 : 1000;
}

static void front_receive(void *arg, const uint8_t *data, size_t size)
{
    g_string_append_len(((struct front *)arg)->got, (const char *)data, (gssize)size);
}

static void front_event(void *arg, enum chardev_event event)
{
    struct front *front = arg;
    front->opened += event == CHARDEV_OPENED;
    front->closed += event == CHARDEV_CLOSED;
    front->breaks += event == CHARDEV_BREAK;
    front->focused += event == CHARDEV_FOCUSED;
}

static void front_writable(void *arg)
{
    ((struct front *)arg)->writable++;
}

static const struct chardev_front front_functions = {
    .room = front_room, .receive = front_receive, .writable = front_writable, .event = front_event};

struct fixture {
    struct chardev *terminal;
    struct mux *mux;
    struct front a, b;
    unsigned quits, commits;
};

static void on_quit(void *arg)
{
    ((struct fixture *)arg)->quits++;
}

static void on_commit(void *arg)
{
    ((struct fixture *)arg)->commits++;
}

static void settle(void)
{
    while (g_main_context_iteration(NULL, FALSE)) {
    }
}

static void attach(struct fixture *f, struct front *front, const char *label)
{
    front->chr = mux_connect(f->mux, label);
    front->got = g_string_new(NULL);
    chardev_attach(front->chr, NULL, &front_functions, front);
}

static void init(struct fixture *f, unsigned escape, size_t capacity)
{
    static const struct mux_ops ops = {.quit = on_quit, .commit = on_commit};
    *f = (struct fixture){0};
    f->terminal = chardev_memory_create(capacity);
    f->mux = mux_create(f->terminal, escape, &ops, f);
    attach(f, &f->a, "a");
    attach(f, &f->b, "b");
}

static void finish(struct fixture *f)
{
    chardev_destroy(f->a.chr);
    chardev_destroy(f->b.chr);
    mux_destroy(f->mux);
    g_string_free(f->a.got, TRUE);
    g_string_free(f->b.got, TRUE);
}

static void send(struct fixture *f, const char *text)
{
    chardev_memory_send(f->terminal, text, strlen(text));
}

static char *shown(struct fixture *f)
{
    settle();
    size_t size;
    const uint8_t *data = chardev_memory_data(f->terminal, &size);
    char *text = g_strndup((const char *)data, size);
    chardev_memory_clear(f->terminal);
    return text;
}

static void test_keys(void)
{
    struct fixture f;
    init(&f, 1, 65536);
    g_assert_cmpuint(f.a.opened, ==, 1);
    g_assert_cmpuint(f.b.opened, ==, 0);
    send(&f, "hello\001c");
    g_assert_cmpuint(f.b.opened, ==, 1);
    g_assert_cmpuint(f.b.focused, ==, 0);
    send(&f, "world\001cagain\001\001");
    g_assert_cmpuint(f.a.focused, ==, 1);
    g_assert_cmpstr(f.a.got->str, ==, "helloagain\001");
    g_assert_cmpstr(f.b.got->str, ==, "world");
    send(&f, "\001b");
    g_assert_cmpuint(f.a.breaks, ==, 1);
    g_assert_cmpuint(f.b.breaks, ==, 0);
    send(&f, "\001x\001s\001s");
    g_assert_cmpuint(f.quits, ==, 1);
    g_assert_cmpuint(f.commits, ==, 2);
    g_free(shown(&f));
    send(&f, "\001h");
    g_autofree char *help = shown(&f);
    g_assert_nonnull(strstr(help, "C-a x    exit vmm\r\n"));
    g_assert_nonnull(strstr(help, "C-a C-a  send C-a\r\n"));
    finish(&f);
}

static void test_other_escape(void)
{
    struct fixture f;
    init(&f, 20, 65536);
    send(&f, "\001c\024h\024\024");
    g_assert_cmpstr(f.a.got->str, ==, "\001c\024");
    g_autofree char *help = shown(&f);
    g_assert_nonnull(strstr(help, "C-t c    switch"));
    finish(&f);
    init(&f, 0, 65536);
    send(&f, "\001x");
    g_assert_cmpstr(f.a.got->str, ==, "\001x");
    g_assert_cmpuint(f.quits, ==, 0);
    finish(&f);
}

static void test_output(void)
{
    struct fixture f;
    init(&f, 1, 65536);
    chardev_write(f.a.chr, "one ", 4);
    chardev_write(f.b.chr, "two ", 4);
    chardev_write(f.a.chr, "three", 5);
    g_autofree char *text = shown(&f);
    g_assert_cmpstr(text, ==, "one two three");
    /* A change of focus begins a new line if the last one is not complete. */
    send(&f, "\001c");
    g_autofree char *line = shown(&f);
    g_assert_cmpstr(line, ==, "\r\n");
    send(&f, "\001c");
    g_autofree char *none = shown(&f);
    g_assert_cmpstr(none, ==, "");
    g_assert_cmphex(chardev_lines(f.b.chr), ==,
                    CHARDEV_LINE_CTS | CHARDEV_LINE_DSR | CHARDEV_LINE_DCD);
    finish(&f);
}

static void test_stamps(void)
{
    struct fixture f;
    init(&f, 1, 65536);
    send(&f, "\001t");
    chardev_write(f.a.chr, "one\ntwo\n", 8);
    chardev_write(f.a.chr, "three", 5);
    g_autofree char *text = shown(&f);
    g_assert_true(
        g_regex_match_simple("^\\[00:00:\\d\\d\\.\\d{3}\\] one\n\\[00:00:\\d\\d\\.\\d{3}\\] two\n"
                             "\\[00:00:\\d\\d\\.\\d{3}\\] three$",
                             text, 0, 0));
    send(&f, "\001t");
    chardev_write(f.a.chr, "\nfour", 5);
    g_autofree char *after = shown(&f);
    g_assert_cmpstr(after, ==, "\nfour");
    /* Switched on in the middle of a line: the next line is the first to be stamped. */
    send(&f, "\001t");
    chardev_write(f.a.chr, " five\n", 6);
    g_autofree char *middle = shown(&f);
    g_assert_cmpstr(middle, ==, " five\n");
    finish(&f);
}

/* A terminal that stands still: the front's bytes are refused, not lost, and it is told to go on.
 */
static void test_slow_terminal(void)
{
    struct fixture f;
    init(&f, 1, 100);
    g_autoptr(GString) sent = g_string_new(NULL);
    for (unsigned i = 0; i < 20000; i++) {
        g_string_append_printf(sent, "%u,", i);
    }
    g_autoptr(GString) got = g_string_new(NULL);
    size_t at = 0;
    unsigned refusals = 0;
    while (got->len < sent->len) {
        size_t taken = chardev_write(f.a.chr, sent->str + at, sent->len - at);
        at += taken;
        refusals += at < sent->len;
        g_autofree char *text = shown(&f);
        g_assert_cmpuint(strlen(text), <=, 100);
        g_string_append(got, text);
    }
    g_assert_cmpstr(got->str, ==, sent->str);
    g_assert_cmpuint(refusals, >, 0);
    g_assert_cmpuint(f.a.writable, >, 0);
    g_assert_cmpuint(f.b.writable, ==, 0);
    finish(&f);
}

/* A front that takes nothing: the terminal is not read, and nothing is lost when it takes again. */
static void test_slow_front(void)
{
    struct fixture f;
    init(&f, 1, 100);
    f.a.full = true;
    size_t total = 0;
    for (unsigned i = 0; i < 10; i++) {
        char data[1000];
        memset(data, 'a' + (int)i, sizeof(data));
        total += chardev_memory_send(f.terminal, data, sizeof(data));
    }
    g_assert_cmpuint(f.a.got->len, ==, 0);
    g_assert_cmpuint(total, <, 10000);
    f.a.full = false;
    chardev_accept(f.a.chr);
    settle();
    g_assert_cmpuint(f.a.got->len, ==, total);
    send(&f, "!");
    g_assert_cmpuint(f.a.got->str[total], ==, '!');
    finish(&f);
}

/* At a terminal the way out works even if the guest reads nothing any more. */
struct keyboard {
    struct chardev base;
    unsigned bells;
};

static size_t keyboard_write(struct chardev *chr, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        ((struct keyboard *)chr)->bells += data[i] == '\a';
    }
    return size;
}

static enum chardev_peer keyboard_peer(struct chardev *chr)
{
    return CHARDEV_PEER_TERMINAL;
}

static void test_hung_guest(void)
{
    static const struct chardev_ops keyboard_ops = {.write = keyboard_write, .peer = keyboard_peer};
    static const struct mux_ops ops = {.quit = on_quit};
    struct fixture f = {0};
    struct keyboard *keyboard = g_new0(struct keyboard, 1);
    chardev_init(&keyboard->base, &keyboard_ops, "keyboard", true);
    f.mux = mux_create(&keyboard->base, 1, &ops, &f);
    attach(&f, &f.a, "a");
    attach(&f, &f.b, "b");
    f.a.full = true;
    for (unsigned i = 0; i < 2 * CHARDEV_QUEUE_SIZE; i++) {
        chardev_deliver(&keyboard->base, "x", 1);
    }
    g_assert_cmpuint(chardev_room(&keyboard->base), ==, 0);
    gint64 until = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
    while (chardev_room(&keyboard->base) == 0) {
        g_assert_cmpint(g_get_monotonic_time(), <, until);
        g_main_context_iteration(NULL, TRUE);
    }
    chardev_deliver(&keyboard->base, "\001x", 2);
    g_assert_cmpuint(f.quits, ==, 1);
    settle();
    g_assert_cmpuint(keyboard->bells, >, 0);
    /* It reads again: nothing is dropped any more. */
    f.a.full = false;
    chardev_accept(f.a.chr);
    settle();
    g_string_truncate(f.a.got, 0);
    chardev_deliver(&keyboard->base, "yz", 2);
    g_assert_cmpstr(f.a.got->str, ==, "yz");
    finish(&f);
}

/* What is in the buffer at the end is still shown. */
static void test_last_words(void)
{
    struct fixture f;
    init(&f, 1, 65536);
    chardev_write(f.a.chr, "bye", 3);
    chardev_destroy(f.a.chr);
    chardev_destroy(f.b.chr);
    f.a.chr = f.b.chr = NULL;
    /* mux_destroy() also destroys the terminal, so this only shows that the flush does no harm. */
    finish(&f);
    mux_destroy(NULL);
}

/* As in the program: the front is called in another thread, which writes while the main loop
 * flushes. */
struct echo {
    struct chardev *chr;
    struct event_queue *events;
    GMutex lock; /* stands for the machine lock */
    uint8_t data[64];
    size_t size; /* to be sent back */
    gint stop;
};

static void echo_flush(struct echo *echo)
{
    size_t taken = chardev_write(echo->chr, echo->data, echo->size);
    memmove(echo->data, echo->data + taken, echo->size - taken);
    echo->size -= taken;
}

static size_t echo_room(void *arg)
{
    struct echo *echo = arg;
    return sizeof(echo->data) - echo->size;
}

static void echo_receive(void *arg, const uint8_t *data, size_t size)
{
    struct echo *echo = arg;
    memcpy(echo->data + echo->size, data, size);
    echo->size += size;
    echo_flush(echo);
}

static void echo_writable(void *arg)
{
    struct echo *echo = arg;
    echo_flush(echo);
    chardev_accept(echo->chr);
}

static gpointer echo_thread(gpointer arg)
{
    struct echo *echo = arg;
    while (!g_atomic_int_get(&echo->stop)) {
        g_mutex_lock(&echo->lock);
        event_run(echo->events);
        chardev_accept(echo->chr);
        g_mutex_unlock(&echo->lock);
        g_thread_yield();
    }
    return NULL;
}

static void test_threads(void)
{
    static const struct chardev_front functions = {
        .room = echo_room, .receive = echo_receive, .writable = echo_writable};
    struct echo echo = {.events = event_queue_create()};
    struct chardev *terminal = chardev_memory_create(300);
    struct mux *mux = mux_create(terminal, 1, NULL, NULL);
    g_autoptr(GString) sent = g_string_new(NULL), got = g_string_new(NULL);
    for (unsigned i = 0; sent->len < 100000; i++) {
        g_string_append_printf(sent, "%u,", i);
    }
    echo.chr = mux_connect(mux, "echo");
    g_mutex_init(&echo.lock);
    chardev_attach(echo.chr, echo.events, &functions, &echo);
    GThread *thread = g_thread_new("echo", echo_thread, &echo);
    for (size_t at = 0; got->len < sent->len;) {
        at += chardev_memory_send(terminal, sent->str + at, MIN(sent->len - at, 1000));
        g_main_context_iteration(NULL, FALSE);
        size_t size;
        const uint8_t *data = chardev_memory_data(terminal, &size);
        g_string_append_len(got, (const char *)data, (gssize)size);
        chardev_memory_clear(terminal);
    }
    g_assert_cmpstr(got->str, ==, sent->str);
    g_atomic_int_set(&echo.stop, 1);
    g_thread_join(thread);
    chardev_destroy(echo.chr);
    mux_destroy(mux);
    event_queue_destroy(echo.events);
    g_mutex_clear(&echo.lock);
}

static void test_fuzz(void)
{
    struct test_random random = {.state = 9};
    struct fixture f;
    init(&f, 1, 50);
    for (unsigned i = 0; i < 50000; i++) {
        uint64_t r = test_random_next(&random);
        uint8_t byte = r & 0x700 ? (uint8_t)r : 1;
        chardev_memory_send(f.terminal, &byte, 1);
        if ((r >> 32) % 8 == 0) {
            f.a.full = r >> 40 & 1;
            f.b.full = r >> 41 & 1;
            chardev_accept(f.a.chr);
            chardev_accept(f.b.chr);
            chardev_write(f.a.chr, &r, sizeof(r));
            g_free(shown(&f));
        }
    }
    finish(&f);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/mux/keys", test_keys);
    g_test_add_func("/mux/other-escape", test_other_escape);
    g_test_add_func("/mux/output", test_output);
    g_test_add_func("/mux/stamps", test_stamps);
    g_test_add_func("/mux/slow-terminal", test_slow_terminal);
    g_test_add_func("/mux/slow-front", test_slow_front);
    g_test_add_func("/mux/hung-guest", test_hung_guest);
    g_test_add_func("/mux/last-words", test_last_words);
    g_test_add_func("/mux/threads", test_threads);
    g_test_add_func("/mux/fuzz", test_fuzz);
    return g_test_run();
}
