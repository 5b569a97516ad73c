/*
 * Inside accel/: the engine chooser's object and its VCPU thread.
 */
#ifndef ACCEL_ACCEL_IMPL_H
#define ACCEL_ACCEL_IMPL_H

#include <pthread.h>

#include "accel/accel.h"
#include "accel/choose.h"
#include "accel/breakpoint.h"
#include "core/machine.h"

struct accel {
    struct machine *machine;
    const struct accel_ops *ops;
    void *engine; /* owned, made by ops->open */
    struct x86_cpuid cpuid;
    unsigned cpus;
    struct accel_choice choice;
    struct breakpoints *breakpoints; /* owned */
    uint64_t frozen; /* bit n: CPU n does not run; changed while parked */

    /* The VCPU thread; one for all CPUs in turn. */
    pthread_t thread;
    bool thread_started;
    pthread_mutex_t mutex; /* guards what follows; innermost lock */
    pthread_cond_t cond;   /* CLOCK_MONOTONIC; signalled on every change below */
    bool want_parked, parked, quit;
    bool kicked; /* something happened since the thread last looked */
    bool held;   /* a CPU asked for the main thread (triple fault, breakpoint): wait until parked */
};

/* vcpu.c */
bool vcpu_thread_start(struct accel *accel, GError **error);
void vcpu_thread_stop(struct accel *accel);
/* All CPUs leave guest code soon. */
void vcpu_kick_all(struct accel *accel);
/* Ends a sleep: a CPU may have something to do now. */
void vcpu_wake(struct accel *accel);
void vcpu_park(struct accel *accel);
void vcpu_resume(struct accel *accel);

/* debug.c */
void debug_start(struct accel *accel);
void debug_stop(struct accel *accel);
/* VCPU thread: a CPU left guest code with VCPU_DEBUG or shut down. True if the machine shall stop for it. */
bool debug_accept(struct accel *accel, unsigned cpu);

#endif
