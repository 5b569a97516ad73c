/* A front for tests of backends: collects what arrives, and runs the main loop until something has.
 */
#ifndef TESTS_SUPPORT_CHARDEV_FRONT_H
#define TESTS_SUPPORT_CHARDEV_FRONT_H

#include "chardev/chardev.h"

struct test_front {
    struct chardev *chr;
    GString *got;
    size_t room; /* bytes it takes in all; counts down */
    const char *greeting; /* sent when a peer comes; NULL = none */
    unsigned opened, closed, breaks, writable;
};

/* Attaches to a connection. */
void test_front_init(struct test_front *front, struct chardev *chr);
/* Destroys the connection, too. */
void test_front_finish(struct test_front *front);

/* Runs the main loop until the condition holds; fails after ten seconds. */
#define TEST_WAIT(condition)                                                                       \
    do {                                                                                           \
        gint64 until_ = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;                              \
        while (!(condition)) {                                                                     \
            g_assert_cmpint(g_get_monotonic_time(), <, until_);                                    \
            if (!g_main_context_iteration(NULL, FALSE)) {                                          \
                g_usleep(500);                                                                     \
            }                                                                                      \
        }                                                                                          \
    } while (0)

/* Waits for exactly this text and forgets it. */
void test_front_expect(struct test_front *front, const char *text);
/* Reads from a descriptor, running the main loop, until `size` bytes are there. Newly allocated. */
char *test_read(int fd, size_t size);

#endif
