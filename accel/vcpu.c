/*
 * The threads that run guest code.
 *
 * Thread 0 is the machine thread: it runs timers and events. With an engine without threads of its own (the
 * interpreter) it also runs the CPUs in turn, timers and events between stretches of guest code, and wakes from a
 * halt when the next timer is due. With an engine that has them (KVM) each CPU has one more thread, which runs
 * the CPU, sleeps while it is halted, and is woken by its pins; the machine thread then only sleeps until the next
 * deadline. All of them park when the main thread wants to look at or change the machine.
 *
 * No wake-up is lost: a thread clears `kicked` before it looks for work and sleeps only while it is clear, and
 * engines keep a kick until the CPU's next look (see vcpu_kick in accel.h).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "accel/accel_impl.h"

#define MACHINE_THREAD 0

static void thread_kick(struct vcpu_thread *t)
{
    pthread_mutex_lock(&t->accel->mutex);
    bool first = !t->kicked;
    t->kicked = true;
    pthread_mutex_unlock(&t->accel->mutex);
    /* Not under the mutex, which the woken thread needs at once. */
    if (first) {
        pthread_cond_broadcast(&t->accel->cond);
    }
}

static struct vcpu_thread *cpu_thread(struct accel *accel, unsigned cpu)
{
    return &accel->threads[accel_now(accel)->ops->threads ? 1 + cpu : MACHINE_THREAD];
}

void vcpu_wake(struct accel *accel, unsigned cpu)
{
    thread_kick(cpu_thread(accel, cpu));
}

static void engine_kick_all(struct accel *accel)
{
    struct accel_engine *now = accel_now(accel);
    for (unsigned i = 0; i < accel->cpus; i++) {
        now->ops->vcpu_kick(now->engine, i);
    }
}

void vcpu_kick_all(struct accel *accel)
{
    engine_kick_all(accel);
    pthread_mutex_lock(&accel->mutex);
    for (unsigned i = 0; i <= accel->cpus; i++) {
        accel->threads[i].kicked = true;
    }
    pthread_cond_broadcast(&accel->cond);
    pthread_mutex_unlock(&accel->mutex);
}

void vcpu_kick_machine(struct accel *accel)
{
    if (!accel_now(accel)->ops->threads) {
        engine_kick_all(accel);
    }
    thread_kick(&accel->threads[MACHINE_THREAD]);
}

static bool all_parked(const struct accel *accel)
{
    for (unsigned i = 0; i <= accel->cpus; i++) {
        if (accel->threads[i].started && !accel->threads[i].parked) {
            return false;
        }
    }
    return true;
}

void vcpu_park(struct accel *accel)
{
    pthread_mutex_lock(&accel->mutex);
    accel->want_parked = true;
    pthread_mutex_unlock(&accel->mutex);
    vcpu_kick_all(accel);
    pthread_mutex_lock(&accel->mutex);
    while (!all_parked(accel)) {
        pthread_cond_wait(&accel->cond, &accel->mutex);
    }
    pthread_mutex_unlock(&accel->mutex);
    if (accel->now->ops->parked != NULL) {
        accel->now->ops->parked(accel->now->engine);
    }
}

void vcpu_resume(struct accel *accel)
{
    pthread_mutex_lock(&accel->mutex);
    accel->want_parked = false;
    /* Not if somebody only had a look before the request was served. */
    if (__atomic_load_n(&accel->machine->request, __ATOMIC_ACQUIRE) == REQUEST_NONE) {
        accel->held = false;
    }
    pthread_cond_broadcast(&accel->cond);
    pthread_mutex_unlock(&accel->mutex);
}

/* Waits while parking is wanted or the main thread has to be waited for. False if the thread shall end. */
static bool wait_unparked(struct vcpu_thread *t)
{
    struct accel *accel = t->accel;
    pthread_mutex_lock(&accel->mutex);
    while ((accel->want_parked || accel->held) && !accel->quit) {
        t->parked = true;
        pthread_cond_broadcast(&accel->cond);
        pthread_cond_wait(&accel->cond, &accel->mutex);
    }
    t->parked = false;
    t->kicked = false;
    bool quit = accel->quit;
    pthread_mutex_unlock(&accel->mutex);
    return !quit;
}

/* Host time of the earliest timer of any clock. */
static uint64_t next_deadline(struct machine *machine)
{
    struct clock *clocks[] = { machine->guest_clock, machine->host_clock, machine->rtc_clock };
    uint64_t wait = CLOCK_NEVER;
    for (unsigned i = 0; i < G_N_ELEMENTS(clocks); i++) {
        uint64_t deadline = clock_deadline(clocks[i]);
        if (deadline == CLOCK_NEVER || !clock_running(clocks[i])) {
            continue;
        }
        uint64_t now = clock_now(clocks[i]);
        wait = MIN(wait, deadline > now ? deadline - now : 0);
    }
    return wait;
}

/* Sleeps until kicked, at most `wait` ns. */
static void thread_sleep(struct vcpu_thread *t, uint64_t wait)
{
    struct accel *accel = t->accel;
    struct timespec until;
    if (wait != CLOCK_NEVER) {
        clock_gettime(CLOCK_MONOTONIC, &until);
        wait = MIN(wait, 3600 * NS_PER_SECOND);
        uint64_t ns = (uint64_t)until.tv_nsec + wait;
        until.tv_sec += (time_t)(ns / NS_PER_SECOND);
        until.tv_nsec = (long)(ns % NS_PER_SECOND);
    }
    pthread_mutex_lock(&accel->mutex);
    while (!t->kicked && !accel->want_parked && !accel->quit) {
        int r = wait == CLOCK_NEVER ? pthread_cond_wait(&accel->cond, &accel->mutex)
                                    : pthread_cond_timedwait(&accel->cond, &accel->mutex, &until);
        if (r == ETIMEDOUT) {
            break;
        }
    }
    pthread_mutex_unlock(&accel->mutex);
}

/* After a triple fault or a breakpoint the CPU stands still until the main thread has been here. */
static void thread_hold(struct vcpu_thread *t)
{
    struct accel *accel = t->accel;
    pthread_mutex_lock(&accel->mutex);
    accel->held = true;
    pthread_mutex_unlock(&accel->mutex);
}

static void thread_debug(struct vcpu_thread *t)
{
    t->accel->machine->pause_why = RUN_STATE_DEBUG;
    machine_request(t->accel->machine, REQUEST_PAUSE);
    thread_hold(t);
}

/* Runs a CPU once. True if it left for the main thread to do something. */
static bool run_cpu(struct vcpu_thread *t, unsigned cpu, bool *halted)
{
    struct accel *accel = t->accel;
    struct accel_engine *now = accel->now;
    *halted = (accel->frozen >> cpu & 1) != 0;
    if (*halted) {
        return false;
    }
    switch (now->ops->vcpu_run(now->engine, cpu)) {
    case VCPU_HALTED:
        machine_note_halted(accel->machine);
        *halted = true;
        return false;
    case VCPU_KICKED:
        return false;
    case VCPU_SHUTDOWN:
        if (debug_accept(accel, cpu)) {
            thread_debug(t);
            return true;
        }
        log_print(accel->machine->log, LOG_CPU_RESET, "CPU#%u: triple fault\n", cpu);
        if (!incident_triple_fault(accel, cpu)) {
            machine_request(accel->machine, REQUEST_RESET);
        }
        break;
    case VCPU_ERROR:
        accel->machine->pause_why = RUN_STATE_INTERNAL_ERROR;
        machine_request(accel->machine, REQUEST_PAUSE);
        break;
    case VCPU_DEBUG:
        if (debug_accept(accel, cpu)) {
            thread_debug(t);
            return true;
        }
        return false;
    }
    thread_hold(t);
    return true;
}

/* Runs each CPU once. True if all are halted. */
static bool run_round(struct vcpu_thread *t)
{
    bool all_halted = true, halted;
    for (unsigned i = 0; i < t->accel->cpus; i++) {
        if (run_cpu(t, i, &halted)) {
            return false;
        }
        all_halted = all_halted && halted;
    }
    return all_halted;
}

static void *machine_main(void *arg)
{
    struct vcpu_thread *t = arg;
    struct accel *accel = t->accel;
    __atomic_store_n(&t->host_id, gettid(), __ATOMIC_RELAXED);
    while (wait_unparked(t)) {
        struct accel_engine *now = accel->now;
        if (now->ops->threads) {
            uint64_t again = now->ops->poll(now->engine);
            uint64_t deadline = next_deadline(accel->machine);
            thread_sleep(t, MIN(again, deadline));
        } else {
            machine_poll(accel->machine);
            if (run_round(t) && !incident_halted(accel)) {
                thread_sleep(t, next_deadline(accel->machine));
            }
        }
    }
    return NULL;
}

static void *cpu_main(void *arg)
{
    struct vcpu_thread *t = arg;
    __atomic_store_n(&t->host_id, gettid(), __ATOMIC_RELAXED);
    while (wait_unparked(t)) {
        bool halted = true;
        if (t->accel->now->ops->threads) {
            run_cpu(t, t->number - 1, &halted);
        }
        if (halted) {
            thread_sleep(t, CLOCK_NEVER);
        }
    }
    return NULL;
}

static bool thread_start(struct accel *accel, unsigned number, GError **error)
{
    struct vcpu_thread *t = &accel->threads[number];
    char name[16] = "machine";
    if (t->started) {
        return true;
    }
    t->accel = accel;
    t->number = number;
    int r = pthread_create(&t->thread, NULL, number == MACHINE_THREAD ? machine_main : cpu_main, t);
    if (r != 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "cannot start a VCPU thread: %s", strerror(r));
        return false;
    }
    t->started = true;
    pthread_mutex_lock(&accel->mutex);
    while (!t->parked) { /* as all are that are started: so its number is known */
        pthread_cond_wait(&accel->cond, &accel->mutex);
    }
    pthread_mutex_unlock(&accel->mutex);
    if (number != MACHINE_THREAD) {
        snprintf(name, sizeof(name), "vcpu%u", number - 1);
    }
    pthread_setname_np(t->thread, name);
    return true;
}

bool vcpu_threads_start(struct accel *accel, GError **error)
{
    if (!accel->threads_made) {
        pthread_condattr_t attr;
        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(&accel->cond, &attr);
        pthread_condattr_destroy(&attr);
        pthread_mutex_init(&accel->mutex, NULL);
        accel->threads = g_new0(struct vcpu_thread, 1 + accel->cpus);
        for (unsigned i = 0; i <= accel->cpus; i++) {
            accel->threads[i].accel = accel;
        }
        accel->want_parked = true;
        accel->threads_made = true;
    }
    unsigned count = accel->now->ops->threads ? 1 + accel->cpus : 1;
    for (unsigned i = 0; i < count; i++) {
        if (!thread_start(accel, i, error)) {
            return false;
        }
    }
    return true;
}

void vcpu_threads_stop(struct accel *accel)
{
    if (!accel->threads_made) {
        return;
    }
    vcpu_park(accel); /* so that nobody kicks a thread that has ended */
    pthread_mutex_lock(&accel->mutex);
    accel->quit = true;
    pthread_cond_broadcast(&accel->cond);
    pthread_mutex_unlock(&accel->mutex);
    for (unsigned i = 0; i <= accel->cpus; i++) {
        if (accel->threads[i].started) {
            pthread_join(accel->threads[i].thread, NULL);
        }
    }
    g_free(accel->threads);
    pthread_cond_destroy(&accel->cond);
    pthread_mutex_destroy(&accel->mutex);
    accel->threads_made = false;
}

int accel_thread_id(const struct accel *accel, unsigned cpu)
{
    unsigned number = accel_now(accel)->ops->threads ? 1 + cpu : MACHINE_THREAD;
    return __atomic_load_n(&accel->threads[number].host_id, __ATOMIC_RELAXED);
}
