/*
 * Clocks stop, start and step; timers fire once, in order.
 */
#include "tests/support/test.h"

static void test_time(void)
{
    struct test_time time = { 1000 };
    struct clock *clock = clock_create(test_time_source, &time);

    g_assert_false(clock_running(clock));
    g_assert_cmpuint(clock_now(clock), ==, 0);
    time.now = 1500;
    g_assert_cmpuint(clock_now(clock), ==, 0);
    clock_start(clock);
    clock_start(clock);
    time.now = 1600;
    g_assert_cmpuint(clock_now(clock), ==, 100);
    clock_stop(clock);
    time.now = 9999;
    clock_stop(clock);
    g_assert_cmpuint(clock_now(clock), ==, 100);
    clock_start(clock);
    g_assert_cmpuint(clock_now(clock), ==, 100);
    clock_set(clock, 5000);
    time.now += 5;
    g_assert_cmpuint(clock_now(clock), ==, 5005);

    struct test_time other = { 7 };
    clock_set_source(clock, test_time_source, &other);
    g_assert_cmpuint(clock_now(clock), ==, 5005);
    other.now = 8;
    g_assert_cmpuint(clock_now(clock), ==, 5006);
    clock_stop(clock);
    clock_set(clock, 1);
    g_assert_cmpuint(clock_now(clock), ==, 1);
    clock_destroy(clock);
    g_assert_cmpuint(clock_host_monotonic(NULL), <=, clock_host_monotonic(NULL));
    g_assert_cmpuint(clock_host_realtime(NULL), >, TEST_RTC_SECONDS * NS_PER_SECOND);
    g_assert_cmpuint(muldiv64(UINT64_MAX, 1193182, NS_PER_SECOND), ==, 22010322987356910ull);
}

struct fired {
    char order[32];
    unsigned count;
};
struct named {
    struct timer timer;
    struct fired *fired;
    char name;
    uint64_t again; /* deadline to set from inside, 0 = none */
};

static void on_timer(void *arg)
{
    struct named *t = arg;

    g_assert_cmpuint(t->timer.deadline, ==, CLOCK_NEVER);
    t->fired->order[t->fired->count++ % 31] = t->name;
    if (t->again) {
        timer_at(&t->timer, t->again);
    }
}

static void count_earlier(void *arg)
{
    ++*(unsigned *)arg;
}

static void test_timers(void)
{
    struct test_time time = { 0 };
    struct clock *clock = clock_create(test_time_source, &time);
    struct fired fired = { 0 };
    struct named t[4];
    unsigned earlier = 0;

    clock_start(clock);
    clock_on_earlier(clock, count_earlier, &earlier);
    for (unsigned i = 0; i < 4; i++) {
        t[i] = (struct named){ .fired = &fired, .name = (char)('a' + i) };
        timer_init(&t[i].timer, clock, on_timer, &t[i]);
    }
    g_assert_cmpuint(clock_deadline(clock), ==, CLOCK_NEVER);
    timer_at(&t[0].timer, 300);
    timer_at(&t[1].timer, 100);
    timer_at(&t[2].timer, 300);
    timer_at(&t[3].timer, 200);
    g_assert_cmpuint(earlier, ==, 2);
    g_assert_cmpuint(clock_deadline(clock), ==, 100);
    timer_at(&t[1].timer, 100);
    g_assert_cmpuint(earlier, ==, 2);
    timer_at(&t[0].timer, 300); /* idempotent: does not lose its place before c */
    time.now = 99;
    g_assert_cmpuint(clock_run(clock), ==, 0);
    time.now = 250;
    g_assert_cmpuint(clock_run(clock), ==, 2);
    g_assert_cmpuint(clock_deadline(clock), ==, 300);
    time.now = 1000;
    g_assert_cmpuint(clock_run(clock), ==, 2);
    g_assert_cmpstr(fired.order, ==, "bdac");
    g_assert_cmpuint(clock_deadline(clock), ==, CLOCK_NEVER);

    timer_at(&t[0].timer, 2000);
    timer_at(&t[1].timer, 2000);
    timer_cancel(&t[0].timer);
    timer_cancel(&t[0].timer);
    timer_at(&t[1].timer, 3000);
    g_assert_cmpuint(clock_deadline(clock), ==, 3000);
    timer_finish(&t[1].timer);
    g_assert_cmpuint(clock_deadline(clock), ==, CLOCK_NEVER);
    struct timer never_made = { 0 };
    timer_finish(&never_made);
    clock_destroy(clock);
}

static void test_rearm(void)
{
    struct test_time time = { 50 };
    struct clock *clock = clock_create(test_time_source, &time);
    struct fired fired = { 0 };
    struct named a = { .fired = &fired, .name = 'a', .again = 10 }, b = { .fired = &fired, .name = 'b' };

    clock_set(clock, 50);
    clock_start(clock);
    timer_init(&a.timer, clock, on_timer, &a);
    timer_init(&b.timer, clock, on_timer, &b);
    timer_at(&a.timer, 10);
    g_assert_cmpuint(clock_run(clock), ==, 1000);
    a.again = 60;
    g_assert_cmpuint(clock_run(clock), ==, 1);
    g_assert_cmpuint(clock_deadline(clock), ==, 60);

    /* Time that jumps back only delays, time that jumps ahead fires. */
    clock_set(clock, 5);
    g_assert_cmpuint(clock_run(clock), ==, 0);
    a.again = 0;
    timer_at(&b.timer, 6);
    clock_set(clock, 100);
    g_assert_cmpuint(clock_run(clock), ==, 2);
    clock_destroy(clock);
}

static void test_random_order(void)
{
    struct test_time time = { 0 };
    struct clock *clock = clock_create(test_time_source, &time);
    struct test_random random = { 3 };
    struct fired fired = { 0 };
    struct named t[20];

    clock_start(clock);
    for (unsigned i = 0; i < G_N_ELEMENTS(t); i++) {
        t[i] = (struct named){ .fired = &fired, .name = 'x' };
        timer_init(&t[i].timer, clock, on_timer, &t[i]);
    }
    for (unsigned round = 0; round < 5000; round++) {
        uint64_t dice = test_random_next(&random);
        uint64_t earliest = CLOCK_NEVER;

        timer_at(&t[dice % 20].timer, (dice >> 8) % 5 == 0 ? CLOCK_NEVER : time.now + (dice >> 16) % 50);
        for (unsigned i = 0; i < G_N_ELEMENTS(t); i++) {
            earliest = MIN(earliest, t[i].timer.deadline);
        }
        g_assert_cmpuint(clock_deadline(clock), ==, earliest);
        time.now += (dice >> 32) % 3;
        clock_run(clock);
        for (unsigned i = 0; i < G_N_ELEMENTS(t); i++) {
            g_assert_cmpuint(t[i].timer.deadline, >, time.now);
        }
    }
    clock_destroy(clock);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/clock/time", test_time);
    g_test_add_func("/clock/timers", test_timers);
    g_test_add_func("/clock/rearm", test_rearm);
    g_test_add_func("/clock/random", test_random_order);
    return g_test_run();
}
