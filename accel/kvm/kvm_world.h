/*
 * Who may run at the same time. CPUs that run on KVM, and the machine thread while it runs timers and events,
 * share the world; a CPU that is interpreted has it for itself, since the interpreter's read-modify-writes are
 * atomic against nothing but itself, and its decoded code and translations are guarded by nothing. Who asks first
 * is served first, so that nobody starves.
 */
#ifndef ACCEL_KVM_KVM_WORLD_H
#define ACCEL_KVM_KVM_WORLD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct kvm_world {
    pthread_mutex_t mutex; /* guards what follows but `wanted`; a leaf lock */
    pthread_cond_t cond;   /* CLOCK_MONOTONIC */
    uint64_t next, serving; /* tickets */
    unsigned sharing;       /* CPUs on KVM and the machine thread */
    unsigned cpus_sharing;  /* of these, CPUs */
    bool exclusive;
    uint64_t since;  /* CLOCK_MONOTONIC ns when cpus_sharing became 1 */
    unsigned wanted; /* somebody waits for the world and has kicked: CPUs must leave; atomic */
};

void world_init(struct kvm_world *world);
void world_finish(struct kvm_world *world);

/* A share, until world_unshare(). cpu: of a CPU, not of the machine thread. */
void world_share(struct kvm_world *world, bool cpu);
void world_unshare(struct kvm_world *world, bool cpu);

/* The whole world, until world_release(). kick(arg) makes all CPUs leave KVM soon; it is called after the CPUs that
 * share the world have had it for a while. Neither lock nor share is held. */
void world_take(struct kvm_world *world, void (*kick)(void *arg), void *arg);
void world_release(struct kvm_world *world);

/* To be looked at by CPUs between two runs on KVM. Any thread. */
static inline bool world_wanted(const struct kvm_world *world)
{
    return __atomic_load_n(&world->wanted, __ATOMIC_SEQ_CST) != 0;
}

#endif
