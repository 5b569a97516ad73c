/*
 * The event queue: order, posting twice, cancelling, posting from handlers and from other threads.
 */
#include "tests/support/test.h"

#include "core/event.h"

#include <string.h>

struct named {
    struct event event;
    struct event_queue *queue;
    GString *order;
    char name;
    struct named *cancels, *posts;
};

static void on_event(struct event *event)
{
    struct named *e = (struct named *)event;

    g_assert_false(event->queued);
    g_string_append_c(e->order, e->name);
    if (e->cancels) {
        g_assert_true(event_cancel(e->queue, &e->cancels->event));
    }
    if (e->posts) {
        event_post(e->queue, &e->posts->event);
    }
}

static void count_post(void *arg)
{
    g_atomic_int_inc((gint *)arg);
}

static void test_order(void)
{
    struct event_queue *queue = event_queue_create();
    GString *order = g_string_new(NULL);
    struct named e[4];
    gint posts = 0;

    for (unsigned i = 0; i < 4; i++) {
        e[i] = (struct named){ { on_event }, queue, order, (char)('a' + i) };
    }
    event_on_post(queue, count_post, &posts);
    g_assert_false(event_pending(queue));
    g_assert_true(event_post(queue, &e[0].event));
    g_assert_true(event_post(queue, &e[1].event));
    g_assert_false(event_post(queue, &e[0].event));
    g_assert_cmpint(posts, ==, 2);
    g_assert_true(event_pending(queue));
    g_assert_cmpuint(event_run(queue), ==, 2);
    g_assert_cmpstr(order->str, ==, "ab");
    g_assert_false(event_pending(queue));

    /* a posts itself and d, and cancels the last of the batch. */
    g_string_truncate(order, 0);
    e[0].posts = &e[0];
    e[0].cancels = &e[2];
    e[1].posts = &e[3];
    for (unsigned i = 0; i < 3; i++) {
        event_post(queue, &e[i].event);
    }
    g_assert_cmpuint(event_run(queue), ==, 2);
    g_assert_cmpstr(order->str, ==, "ab");
    e[0].posts = e[0].cancels = NULL;
    g_assert_cmpuint(event_run(queue), ==, 2);
    g_assert_cmpstr(order->str, ==, "abad");

    /* Cancelling the only one, the last one, and one that is not queued. */
    event_post(queue, &e[0].event);
    g_assert_true(event_cancel(queue, &e[0].event));
    g_assert_false(event_cancel(queue, &e[0].event));
    event_post(queue, &e[0].event);
    event_post(queue, &e[2].event);
    g_assert_true(event_cancel(queue, &e[2].event));
    event_post(queue, &e[2].event);
    g_assert_cmpuint(event_run(queue), ==, 2);
    g_assert_cmpstr(order->str, ==, "abadac");
    event_post(queue, &e[0].event);
    event_queue_destroy(queue);
    event_queue_destroy(NULL);
    g_string_free(order, TRUE);
}

enum { THREADS = 3, POSTS = 20000 };

struct poster {
    struct event event;
    struct event_queue *queue;
    gint posted;
    unsigned run;
};

static void count_run(struct event *event)
{
    ((struct poster *)event)->run++;
}

static gpointer post_many(gpointer arg)
{
    struct poster *poster = arg;

    for (unsigned i = 0; i < POSTS; i++) {
        if (event_post(poster->queue, &poster->event)) {
            poster->posted++;
        }
    }
    return NULL;
}

static void test_threads(void)
{
    struct event_queue *queue = event_queue_create();
    struct poster posters[THREADS];
    GThread *threads[THREADS];

    for (unsigned i = 0; i < THREADS; i++) {
        posters[i] = (struct poster){ { count_run }, queue };
        threads[i] = g_thread_new("poster", post_many, &posters[i]);
    }
    for (unsigned i = 0; i < 1000; i++) {
        event_run(queue);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        g_thread_join(threads[i]);
    }
    event_run(queue);
    for (unsigned i = 0; i < THREADS; i++) {
        g_assert_cmpuint(posters[i].run, ==, (unsigned)posters[i].posted);
        g_assert_cmpuint(posters[i].run, >, 0);
    }
    event_queue_destroy(queue);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/event/order", test_order);
    g_test_add_func("/event/threads", test_threads);
    return g_test_run();
}
