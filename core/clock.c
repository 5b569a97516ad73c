/*
 * Clocks and their timers. A running clock shows its source plus an offset, a stopped one the frozen time.
 * Timers are few, so the list is a sorted singly linked one. The fields that are read without the machine
 * lock (the time and the earliest deadline) are accessed atomically.
 */
#include "core/clock.h"

#include <assert.h>
#include <glib.h>
#include <time.h>

enum { CLOCK_RUN_LIMIT = 1000 }; /* timers fired in one clock_run() */

struct clock {
    clock_source_fn *source;
    void *source_arg;
    bool running;
    uint64_t offset;   /* while running: time shown - source */
    uint64_t frozen;   /* while stopped: time shown */
    uint64_t deadline; /* of the first timer */
    struct timer *first;
    uint64_t next_sequence;
    bool in_run;
    void (*earlier)(void *arg);
    void *earlier_arg;
};

struct clock *clock_create(clock_source_fn *source, void *arg)
{
    struct clock *clock = g_new0(struct clock, 1);

    clock->source = source;
    clock->source_arg = arg;
    clock->deadline = CLOCK_NEVER;
    return clock;
}

void clock_destroy(struct clock *clock)
{
    g_free(clock);
}

static uint64_t host_time(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * NS_PER_SECOND + (uint64_t)t.tv_nsec;
}

uint64_t clock_host_monotonic(void *arg)
{
    return host_time(CLOCK_MONOTONIC);
}

uint64_t clock_host_realtime(void *arg)
{
    return host_time(CLOCK_REALTIME);
}

bool clock_running(const struct clock *clock)
{
    return __atomic_load_n(&clock->running, __ATOMIC_ACQUIRE);
}

uint64_t clock_now(const struct clock *clock)
{
    if (clock_running(clock)) {
        return clock->source(clock->source_arg) + __atomic_load_n(&clock->offset, __ATOMIC_RELAXED);
    }
    return __atomic_load_n(&clock->frozen, __ATOMIC_RELAXED);
}

void clock_set(struct clock *clock, uint64_t now)
{
    if (clock_running(clock)) {
        __atomic_store_n(&clock->offset, now - clock->source(clock->source_arg), __ATOMIC_RELAXED);
    } else {
        __atomic_store_n(&clock->frozen, now, __ATOMIC_RELAXED);
    }
}

void clock_start(struct clock *clock)
{
    if (!clock_running(clock)) {
        __atomic_store_n(&clock->offset, clock->frozen - clock->source(clock->source_arg), __ATOMIC_RELAXED);
        __atomic_store_n(&clock->running, true, __ATOMIC_RELEASE);
    }
}

void clock_stop(struct clock *clock)
{
    if (clock_running(clock)) {
        __atomic_store_n(&clock->frozen, clock_now(clock), __ATOMIC_RELAXED);
        __atomic_store_n(&clock->running, false, __ATOMIC_RELEASE);
    }
}

void clock_set_source(struct clock *clock, clock_source_fn *source, void *arg)
{
    uint64_t now = clock_now(clock);

    clock->source = source;
    clock->source_arg = arg;
    clock_set(clock, now);
}

uint64_t clock_deadline(const struct clock *clock)
{
    return __atomic_load_n(&clock->deadline, __ATOMIC_ACQUIRE);
}

/* Publishes the deadline of the list's head. */
static void deadline_update(struct clock *clock)
{
    uint64_t before = clock->deadline;
    uint64_t now = clock->first ? clock->first->deadline : CLOCK_NEVER;

    __atomic_store_n(&clock->deadline, now, __ATOMIC_RELEASE);
    if (now < before && !clock->in_run && clock->earlier) {
        clock->earlier(clock->earlier_arg);
    }
}

unsigned clock_run(struct clock *clock)
{
    unsigned fired = 0;
    bool outer = clock->in_run;

    if (clock->first == NULL) {
        return 0;
    }
    uint64_t now = clock_now(clock);
    clock->in_run = true;
    while (clock->first && clock->first->deadline <= now && fired < CLOCK_RUN_LIMIT) {
        struct timer *timer = clock->first;

        clock->first = timer->next;
        timer->next = NULL;
        timer->deadline = CLOCK_NEVER;
        deadline_update(clock);
        fired++;
        timer->fn(timer->arg);
    }
    clock->in_run = outer;
    return fired;
}

void clock_on_earlier(struct clock *clock, void (*fn)(void *arg), void *arg)
{
    clock->earlier = fn;
    clock->earlier_arg = arg;
}

void timer_init(struct timer *timer, struct clock *clock, timer_fn *fn, void *arg)
{
    timer->clock = clock;
    timer->fn = fn;
    timer->arg = arg;
    timer->deadline = CLOCK_NEVER;
    timer->sequence = 0;
    timer->next = NULL;
}

static void list_remove(struct timer *timer)
{
    struct timer **link = &timer->clock->first;

    while (*link != timer) {
        assert(*link != NULL);
        link = &(*link)->next;
    }
    *link = timer->next;
    timer->next = NULL;
}

static void list_insert(struct timer *timer)
{
    struct timer **link = &timer->clock->first;

    timer->sequence = timer->clock->next_sequence++;
    while (*link && (*link)->deadline <= timer->deadline) {
        link = &(*link)->next;
    }
    timer->next = *link;
    *link = timer;
}

void timer_at(struct timer *timer, uint64_t deadline)
{
    if (timer->deadline == deadline) {
        return;
    }
    if (timer->deadline != CLOCK_NEVER) {
        list_remove(timer);
    }
    timer->deadline = deadline;
    if (deadline != CLOCK_NEVER) {
        list_insert(timer);
    }
    deadline_update(timer->clock);
}

void timer_cancel(struct timer *timer)
{
    timer_at(timer, CLOCK_NEVER);
}

void timer_finish(struct timer *timer)
{
    if (timer->clock != NULL) {
        timer_cancel(timer);
    }
}
