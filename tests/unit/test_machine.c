/*
 * Run control with recorded CPUs: resume, pause, reset, requests, poll; and the machine lock.
 */
#include "tests/support/test.h"

#include <string.h>

struct fixture {
    struct machine *machine;
    GString *trace;
    unsigned woken;
};

static void cpus_kick(void *arg)
{
    g_string_append(((struct fixture *)arg)->trace, "kick ");
}

static void cpus_resume(void *arg)
{
    struct fixture *f = arg;

    g_assert_false(lock_held(&f->machine->lock));
    g_assert_true(clock_running(f->machine->guest_clock));
    g_string_append(f->trace, "resume ");
}

static void cpus_park(void *arg)
{
    struct fixture *f = arg;

    g_assert_false(lock_held(&f->machine->lock));
    g_assert_true(clock_running(f->machine->guest_clock));
    g_string_append(f->trace, "park ");
}

static void cpus_reset(void *arg)
{
    struct fixture *f = arg;

    g_assert_true(lock_held(&f->machine->lock));
    g_string_append(f->trace, "reset ");
}

static void on_state(void *arg, struct machine *machine, enum run_state state)
{
    g_string_append_printf(((struct fixture *)arg)->trace, "[%s] ", run_state_text(state));
}

static void on_wake(void *arg)
{
    ((struct fixture *)arg)->woken++;
}

static void setup(struct fixture *f, gconstpointer data)
{
    f->machine = machine_create(NULL);
    f->trace = g_string_new(NULL);
    f->woken = 0;
    f->machine->cpus = (struct machine_cpus){
        .arg = f, .kick = cpus_kick, .resume = cpus_resume, .park = cpus_park, .reset = cpus_reset
    };
    f->machine->wake_main = on_wake;
    f->machine->wake_main_arg = f;
    machine_on_state(f->machine, on_state, f);
}

static void teardown(struct fixture *f, gconstpointer data)
{
    machine_destroy(f->machine);
    g_string_free(f->trace, TRUE);
}

static void expect(struct fixture *f, const char *trace)
{
    g_assert_cmpstr(f->trace->str, ==, trace);
    g_string_truncate(f->trace, 0);
}

static void test_run_control(struct fixture *f, gconstpointer data)
{
    struct machine *m = f->machine;

    g_assert_cmpstr(run_state_text(m->run_state), ==, "paused (prelaunch)");
    g_assert_false(clock_running(m->guest_clock));
    g_assert_true(clock_running(m->host_clock));
    g_assert_true(clock_running(m->rtc_clock));
    machine_reset(m);
    expect(f, "reset ");
    machine_resume(m);
    machine_resume(m);
    expect(f, "[running] resume ");
    machine_pause(m, RUN_STATE_PAUSED);
    g_assert_false(clock_running(m->guest_clock));
    machine_pause(m, RUN_STATE_PAUSED);
    expect(f, "kick park [paused] ");
    machine_pause(m, RUN_STATE_INTERNAL_ERROR);
    expect(f, "[paused (internal-error)] ");
    machine_set_stopped(m, RUN_STATE_DEBUG);
    machine_set_stopped(m, RUN_STATE_DEBUG); /* told again: another stop */
    expect(f, "[paused (debug)] [paused (debug)] ");
    machine_off_state(m, on_state, f);
    machine_resume(m);
    expect(f, "resume ");
}

static void test_requests(struct fixture *f, gconstpointer data)
{
    struct machine *m = f->machine;

    machine_resume(m);
    expect(f, "[running] resume ");
    g_assert_true(machine_serve_request(m));
    expect(f, "");
    machine_request(m, REQUEST_RESET);
    g_assert_cmpuint(f->woken, ==, 1);
    g_assert_true(machine_serve_request(m));
    expect(f, "kick kick park [paused] reset [running] resume ");

    m->pause_why = RUN_STATE_IO_ERROR;
    machine_request(m, REQUEST_PAUSE);
    g_assert_true(machine_serve_request(m));
    expect(f, "kick kick park [paused (io-error)] ");
    g_assert_cmpint(m->pause_why, ==, RUN_STATE_PAUSED);
    machine_request(m, REQUEST_RESET);
    g_assert_true(machine_serve_request(m));
    expect(f, "kick reset [paused (prelaunch)] ");

    m->no_shutdown = true;
    machine_resume(m);
    machine_request(m, REQUEST_POWEROFF);
    g_assert_true(machine_serve_request(m));
    expect(f, "[running] resume kick kick park [paused (shutdown)] ");
    m->no_shutdown = false;
    machine_request(m, REQUEST_POWEROFF);
    g_assert_false(machine_serve_request(m));
    m->no_reboot = true;
    machine_request(m, REQUEST_RESET);
    g_assert_false(machine_serve_request(m));
    machine_request(m, REQUEST_EXIT_CODE);
    g_assert_false(machine_serve_request(m));
    g_assert_true(machine_serve_request(m));
}

static void test_request_rank(struct fixture *f, gconstpointer data)
{
    static const enum machine_request ascending[] = { REQUEST_PAUSE, REQUEST_RESET, REQUEST_POWEROFF,
                                                      REQUEST_EXIT_CODE };
    struct machine *m = f->machine;

    for (unsigned i = 0; i < G_N_ELEMENTS(ascending); i++) {
        for (unsigned j = 0; j < G_N_ELEMENTS(ascending); j++) {
            m->request = REQUEST_NONE;
            machine_request(m, ascending[i]);
            machine_request(m, ascending[j]);
            g_assert_cmpint(m->request, ==, ascending[MAX(i, j)]);
        }
    }
}

struct polled {
    struct event event;
    struct machine *machine;
    GString *trace;
    struct timer guest, host, rtc;
};

static void on_event(struct event *event)
{
    struct polled *p = (struct polled *)event;

    g_assert_true(lock_held(&p->machine->lock));
    g_string_append(p->trace, "event ");
}

static void on_guest(void *arg)
{
    struct polled *p = arg;

    g_assert_true(lock_held(&p->machine->lock));
    g_string_append(p->trace, "guest ");
}

static void on_host(void *arg)
{
    g_string_append(((struct polled *)arg)->trace, "host ");
}

static void on_rtc(void *arg)
{
    g_string_append(((struct polled *)arg)->trace, "rtc ");
}

static void test_poll(struct fixture *f, gconstpointer data)
{
    struct machine *m = f->machine;
    struct polled p = { { on_event }, m, f->trace };

    timer_init(&p.guest, m->guest_clock, on_guest, &p);
    timer_init(&p.host, m->host_clock, on_host, &p);
    timer_init(&p.rtc, m->rtc_clock, on_rtc, &p);
    timer_at(&p.guest, 0);
    timer_at(&p.host, 1);
    timer_at(&p.rtc, 1);
    event_post(m->events, &p.event);
    machine_poll(m);
    expect(f, "event host rtc ");
    machine_resume(m);
    expect(f, "[running] resume ");
    machine_poll(m);
    expect(f, "guest ");
    machine_poll(m);
    expect(f, "");
}

/* ---- two-phase reset ---- */

struct toy {
    struct device dev;
};

static struct fixture *fixture_of(struct device *dev)
{
    return dev->machine->cpus.arg;
}

static void toy_reset(struct device *dev)
{
    g_assert_true(lock_held(&dev->machine->lock));
    g_string_append_printf(fixture_of(dev)->trace, "r%s ", dev->id);
}

static void toy_drive(struct device *dev)
{
    g_string_append_printf(fixture_of(dev)->trace, "d%s ", dev->id);
}

static void toy_destroy(struct device *dev)
{
    g_string_append_printf(fixture_of(dev)->trace, "x%s ", dev->id);
}

static const struct device_class toy_class = {
    .name = "toy",
    .state_size = sizeof(struct toy),
    .reset = toy_reset,
    .drive = toy_drive,
    .destroy = toy_destroy,
};

static void test_two_phases(struct fixture *f, gconstpointer data)
{
    g_assert_nonnull(device_create(f->machine, &toy_class, "1", NULL, NULL));
    g_assert_nonnull(device_create(f->machine, &toy_class, "2", NULL, NULL));
    machine_reset(f->machine);
    expect(f, "r1 r2 d1 d2 reset ");
    device_destroy(machine_find_device(f->machine, "1"));
    g_assert_nonnull(device_create(f->machine, &toy_class, "3", NULL, NULL));
    expect(f, "x1 ");
    while (f->machine->devices->len > 0) {
        device_destroy(g_ptr_array_index(f->machine->devices, f->machine->devices->len - 1));
    }
    expect(f, "x3 x2 ");
}

/* A machine without CPUs can be run, too. */
static void test_no_cpus(void)
{
    struct machine *machine = machine_create(NULL);

    machine_reset(machine);
    machine_resume(machine);
    machine_request(machine, REQUEST_RESET);
    g_assert_true(machine_serve_request(machine));
    g_assert_cmpint(machine->run_state, ==, RUN_STATE_RUNNING);
    machine_pause(machine, RUN_STATE_PAUSED);
    machine_destroy(machine);
    machine_destroy(NULL);
}

static gpointer asks_lock(gpointer arg)
{
    return GINT_TO_POINTER(lock_held(arg));
}

static gpointer takes_lock(gpointer arg)
{
    struct fixture *f = arg;

    lock_acquire(&f->machine->lock);
    f->woken++;
    lock_release(&f->machine->lock);
    return NULL;
}

static void test_lock(struct fixture *f, gconstpointer data)
{
    struct machine_lock *lock = &f->machine->lock;

    g_assert_false(lock_held(lock));
    lock_acquire(lock);
    g_assert_true(lock_held(lock));
    g_assert_null(g_thread_join(g_thread_new("asks", asks_lock, lock)));
    GThread *thread = g_thread_new("takes", takes_lock, f);
    g_usleep(1000);
    g_assert_cmpuint(f->woken, ==, 0);
    lock_release(lock);
    g_thread_join(thread);
    g_assert_cmpuint(f->woken, ==, 1);
    g_assert_false(lock_held(lock));
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
#define ADD(path, fn) g_test_add(path, struct fixture, NULL, setup, fn, teardown)
    ADD("/machine/run-control", test_run_control);
    ADD("/machine/requests", test_requests);
    ADD("/machine/request-rank", test_request_rank);
    ADD("/machine/poll", test_poll);
    ADD("/machine/two-phases", test_two_phases);
    ADD("/machine/lock", test_lock);
    g_test_add_func("/machine/no-cpus", test_no_cpus);
    return g_test_run();
}
