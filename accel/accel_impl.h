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

struct accel_engine {
    const struct accel_ops *ops;
    void *engine; /* owned, made by ops->open; NULL while not opened */
};

/* One host thread. Thread 0 is the machine thread: with an engine without threads it runs all CPUs in turn
 * as well. Thread 1 + n runs CPU n of an engine with threads and sleeps under another. */
struct vcpu_thread {
    struct accel *accel;
    unsigned number;
    pthread_t thread;
    int host_id; /* the kernel's number of the thread; atomic, 0 before it runs */
    bool started;
    bool parked; /* these two guarded by accel->mutex */
    bool kicked; /* something happened since the thread last looked */
};

struct accel {
    struct machine *machine;
    struct accel_engine interp; /* always there */
    struct accel_engine kvm;    /* opened when first wanted */
    struct accel_engine check;  /* the same; the CPUs' state is in interp */
    struct accel_engine *now;   /* the one that runs the CPUs; changed while parked, read with atomics */
    struct x86_cpuid cpuid;
    unsigned cpus;
    struct accel_choice choice;
    struct breakpoints *breakpoints; /* owned */
    uint64_t frozen; /* bit n: CPU n does not run; changed while parked */
    struct accel_actions actions;
    struct incident incident;
    enum accel_irqchip irqchip;
    char *policy; /* -accel-policy, or NULL; owned */

    struct vcpu_thread *threads; /* 1 + cpus; owned */
    bool threads_made;
    pthread_mutex_t mutex; /* guards what follows; innermost lock */
    pthread_cond_t cond;   /* CLOCK_MONOTONIC; signalled on every change below */
    bool want_parked, quit;
    bool held; /* a CPU asked for the main thread (triple fault, breakpoint): wait until parked */
};

static inline struct accel_engine *accel_now(const struct accel *accel)
{
    return __atomic_load_n(&accel->now, __ATOMIC_ACQUIRE);
}

/* Opens the engine unless it is open. */
bool accel_engine_open(struct accel *accel, struct accel_engine *engine, const struct accel_ops *ops,
                       bool may_mask, GError **error);

/* accel_switch.c */
/* Opens KVM unless it is open, with the policy that was asked for. */
bool accel_kvm_open(struct accel *accel, bool may_mask, GError **error);
bool accel_policy_check(const char *text, GError **error);

/* vcpu.c */
/* Starts the threads that accel->now needs and that do not run yet; parked. */
bool vcpu_threads_start(struct accel *accel, GError **error);
void vcpu_threads_stop(struct accel *accel);
/* All CPUs leave guest code soon. */
void vcpu_kick_all(struct accel *accel);
/* A timer or an event wants the machine thread. */
void vcpu_kick_machine(struct accel *accel);
/* Ends a CPU's sleep: it may have something to do now. */
void vcpu_wake(struct accel *accel, unsigned cpu);
void vcpu_park(struct accel *accel);
void vcpu_resume(struct accel *accel);

/* incident.c */
/* VCPU thread: a CPU has shut down. True if the machine is to stop rather than to reset: the request has been made. */
bool incident_triple_fault(struct accel *accel, unsigned cpu);
/* Machine thread, all CPUs are halted. True if the machine is to stop: likewise. */
bool incident_halted(struct accel *accel);
/* A device of the guest asks for a reset. True if it is not to happen: likewise. Machine lock held. */
bool incident_reset(void *arg);

/* debug.c */
void debug_start(struct accel *accel);
void debug_stop(struct accel *accel);
/* VCPU thread: a CPU left guest code with VCPU_DEBUG or shut down. True if the machine shall stop for it. */
bool debug_accept(struct accel *accel, unsigned cpu);

#endif
