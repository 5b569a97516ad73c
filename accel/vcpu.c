/*
 * The VCPU thread: runs the CPUs in turn, sleeps while all are halted, parks when the main thread wants to
 * look at or change the machine. While the interpreter runs, this is the machine thread: it runs timers and
 * events between stretches of guest code, and wakes from a halt when the next timer is due.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "accel/accel_impl.h"

void vcpu_wake(struct accel *accel)
{
    pthread_mutex_lock(&accel->mutex);
    accel->kicked = true;
    pthread_cond_broadcast(&accel->cond);
    pthread_mutex_unlock(&accel->mutex);
}

void vcpu_kick_all(struct accel *accel)
{
    for (unsigned i = 0; i < accel->cpus; i++) {
        accel->ops->vcpu_kick(accel->engine, i);
    }
    vcpu_wake(accel);
}

void vcpu_park(struct accel *accel)
{
    pthread_mutex_lock(&accel->mutex);
    accel->want_parked = true;
    pthread_mutex_unlock(&accel->mutex);
    vcpu_kick_all(accel);
    pthread_mutex_lock(&accel->mutex);
    while (!accel->parked && accel->thread_started) {
        pthread_cond_wait(&accel->cond, &accel->mutex);
    }
    pthread_mutex_unlock(&accel->mutex);
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
static bool vcpu_wait_unparked(struct accel *accel)
{
    pthread_mutex_lock(&accel->mutex);
    while ((accel->want_parked || accel->held) && !accel->quit) {
        accel->parked = true;
        pthread_cond_broadcast(&accel->cond);
        pthread_cond_wait(&accel->cond, &accel->mutex);
    }
    accel->parked = false;
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

/* Sleeps until kicked or until a timer is due. */
static void vcpu_sleep(struct accel *accel)
{
    uint64_t wait = next_deadline(accel->machine);
    struct timespec until;
    if (wait != CLOCK_NEVER) {
        clock_gettime(CLOCK_MONOTONIC, &until);
        wait = MIN(wait, 3600 * NS_PER_SECOND);
        uint64_t ns = (uint64_t)until.tv_nsec + wait;
        until.tv_sec += (time_t)(ns / NS_PER_SECOND);
        until.tv_nsec = (long)(ns % NS_PER_SECOND);
    }
    pthread_mutex_lock(&accel->mutex);
    while (!accel->kicked && !accel->want_parked && !accel->quit) {
        int r = wait == CLOCK_NEVER ? pthread_cond_wait(&accel->cond, &accel->mutex)
                                    : pthread_cond_timedwait(&accel->cond, &accel->mutex, &until);
        if (r == ETIMEDOUT) {
            break;
        }
    }
    pthread_mutex_unlock(&accel->mutex);
}

/* After a triple fault or a breakpoint the CPUs stand still until the main thread has been here. */
static void vcpu_hold(struct accel *accel)
{
    pthread_mutex_lock(&accel->mutex);
    accel->held = true;
    pthread_mutex_unlock(&accel->mutex);
}

static void vcpu_debug(struct accel *accel)
{
    accel->machine->pause_why = RUN_STATE_DEBUG;
    machine_request(accel->machine, REQUEST_PAUSE);
    vcpu_hold(accel);
}

/* Runs each CPU once. True if all are halted. */
static bool vcpu_round(struct accel *accel)
{
    bool all_halted = true;
    for (unsigned i = 0; i < accel->cpus; i++) {
        if ((accel->frozen >> i & 1) != 0) {
            continue;
        }
        switch (accel->ops->vcpu_run(accel->engine, i)) {
        case VCPU_HALTED:
            machine_note_halted(accel->machine);
            break;
        case VCPU_KICKED:
            all_halted = false;
            break;
        case VCPU_SHUTDOWN:
            if (debug_accept(accel, i)) {
                vcpu_debug(accel);
                return false;
            }
            log_print(accel->machine->log, LOG_CPU_RESET, "CPU#%u: triple fault\n", i);
            machine_request(accel->machine, REQUEST_RESET);
            vcpu_hold(accel);
            return false;
        case VCPU_ERROR:
            accel->machine->pause_why = RUN_STATE_INTERNAL_ERROR;
            machine_request(accel->machine, REQUEST_PAUSE);
            vcpu_hold(accel);
            return false;
        case VCPU_DEBUG:
            if (debug_accept(accel, i)) {
                vcpu_debug(accel);
                return false;
            }
            all_halted = false;
            break;
        }
    }
    return all_halted;
}

static void *vcpu_main(void *arg)
{
    struct accel *accel = arg;
    while (vcpu_wait_unparked(accel)) {
        pthread_mutex_lock(&accel->mutex);
        accel->kicked = false;
        pthread_mutex_unlock(&accel->mutex);
        machine_poll(accel->machine);
        if (vcpu_round(accel)) {
            vcpu_sleep(accel);
        }
    }
    return NULL;
}

bool vcpu_thread_start(struct accel *accel, GError **error)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&accel->cond, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&accel->mutex, NULL);
    accel->want_parked = true;
    int r = pthread_create(&accel->thread, NULL, vcpu_main, accel);
    if (r != 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "cannot start the VCPU thread: %s", strerror(r));
        return false;
    }
    accel->thread_started = true;
    pthread_setname_np(accel->thread, "vcpu");
    return true;
}

void vcpu_thread_stop(struct accel *accel)
{
    if (!accel->thread_started) {
        return;
    }
    pthread_mutex_lock(&accel->mutex);
    accel->quit = true;
    pthread_mutex_unlock(&accel->mutex);
    vcpu_kick_all(accel);
    pthread_join(accel->thread, NULL);
    accel->thread_started = false;
    pthread_cond_destroy(&accel->cond);
    pthread_mutex_destroy(&accel->mutex);
}
