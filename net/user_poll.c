/* Watched descriptors. See user_poll.h. */
#include "net/user_poll.h"

#include <glib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define FETCH_MAX 256 /* the rest comes next time */

struct watch {
    uint32_t events; /* registered; 0 = not registered */
    uint32_t ready;
    uint32_t round; /* of the last collection that named it */
};

struct user_poll {
    int epoll;
    uint32_t round;
    GArray *entries; /* int, descriptors of the last collection */
    GArray *before;  /* of the one before */
    GArray *watches; /* struct watch, by descriptor */
    GArray *ready;   /* int, descriptors whose ready is not 0 */
};

struct user_poll *user_poll_create(void)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) {
        return NULL;
    }
    struct user_poll *poll = g_new0(struct user_poll, 1);
    poll->epoll = epoll;
    poll->entries = g_array_new(FALSE, TRUE, sizeof(int));
    poll->before = g_array_new(FALSE, TRUE, sizeof(int));
    poll->watches = g_array_new(FALSE, TRUE, sizeof(struct watch));
    poll->ready = g_array_new(FALSE, TRUE, sizeof(int));
    return poll;
}

void user_poll_destroy(struct user_poll *poll)
{
    if (poll != NULL) {
        close(poll->epoll);
        g_array_unref(poll->entries);
        g_array_unref(poll->before);
        g_array_unref(poll->watches);
        g_array_unref(poll->ready);
        g_free(poll);
    }
}

int user_poll_fd(const struct user_poll *poll)
{
    return poll->epoll;
}

static struct watch *watch_of(struct user_poll *poll, int fd)
{
    if ((guint)fd >= poll->watches->len) {
        g_array_set_size(poll->watches, (guint)fd + 1);
    }
    return &g_array_index(poll->watches, struct watch, fd);
}

/* Without any event a hung-up socket would still wake the loop, again and again: such are taken
 * out. */
static void change(struct user_poll *poll, int fd, struct watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    int op = events == 0 ? EPOLL_CTL_DEL : watch->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (watch->events != events) {
        /* Fails for what was closed meanwhile, which is out already. */
        int r = epoll_ctl(poll->epoll, op, fd, &event);
        watch->events = r == 0 ? events : 0;
    }
}

void user_poll_begin(struct user_poll *poll)
{
    GArray *swap = poll->before;
    poll->before = poll->entries;
    poll->entries = swap;
    g_array_set_size(poll->entries, 0);
    poll->round++;
}

int user_poll_add(struct user_poll *poll, int fd, uint32_t events)
{
    struct watch *watch = watch_of(poll, fd);
    watch->round = poll->round;
    change(poll, fd, watch, events);
    g_array_append_val(poll->entries, fd);
    return (int)poll->entries->len - 1;
}

void user_poll_end(struct user_poll *poll)
{
    for (guint i = 0; i < poll->before->len; i++) {
        int fd = g_array_index(poll->before, int, i);
        struct watch *watch = watch_of(poll, fd);
        if (watch->round != poll->round) {
            change(poll, fd, watch, 0);
        }
    }
}

void user_poll_forget(struct user_poll *poll, int fd)
{
    struct watch *watch = watch_of(poll, fd);
    change(poll, fd, watch, 0);
    watch->ready = 0;
}

void user_poll_fetch(struct user_poll *poll)
{
    struct epoll_event events[FETCH_MAX];
    for (guint i = 0; i < poll->ready->len; i++) {
        watch_of(poll, g_array_index(poll->ready, int, i))->ready = 0;
    }
    g_array_set_size(poll->ready, 0);
    int n = poll->entries->len > 0 ? epoll_wait(poll->epoll, events, FETCH_MAX, 0) : 0;
    for (int i = 0; i < n; i++) {
        int fd = events[i].data.fd;
        watch_of(poll, fd)->ready = events[i].events;
        g_array_append_val(poll->ready, fd);
    }
}

uint32_t user_poll_ready(const struct user_poll *poll, int entry)
{
    if (entry < 0 || (guint)entry >= poll->entries->len) {
        return 0;
    }
    int fd = g_array_index(poll->entries, int, entry);
    return g_array_index(poll->watches, struct watch, fd).ready;
}
