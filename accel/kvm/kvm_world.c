/*
 * The world's lock: a ticket lock of two kinds of holders. See kvm_world.h.
 *
 * A CPU that asks for the whole world again and again (it spins in a mode that is interpreted) would leave a CPU
 * on KVM no time between getting its share and being kicked out, so the kick waits until the sharers have had
 * SHARE_NS.
 */
#include "accel/kvm/kvm_world.h"

#include <errno.h>
#include <time.h>

#define SHARE_NS 500000u
#define NS 1000000000u

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS + (uint64_t)now.tv_nsec;
}

void world_init(struct kvm_world *world)
{
    pthread_condattr_t attr;
    *world = (struct kvm_world){ 0 };
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&world->cond, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&world->mutex, NULL);
}

void world_finish(struct kvm_world *world)
{
    pthread_cond_destroy(&world->cond);
    pthread_mutex_destroy(&world->mutex);
}

static void wait_turn(struct kvm_world *world)
{
    uint64_t ticket = world->next++;
    while (ticket != world->serving) {
        pthread_cond_wait(&world->cond, &world->mutex);
    }
}

static void end_turn(struct kvm_world *world)
{
    world->serving++;
    pthread_cond_broadcast(&world->cond);
}

void world_share(struct kvm_world *world, bool cpu)
{
    pthread_mutex_lock(&world->mutex);
    wait_turn(world);
    while (world->exclusive) {
        pthread_cond_wait(&world->cond, &world->mutex);
    }
    world->sharing++;
    if (cpu && world->cpus_sharing++ == 0) {
        world->since = now_ns();
    }
    end_turn(world);
    pthread_mutex_unlock(&world->mutex);
}

void world_unshare(struct kvm_world *world, bool cpu)
{
    pthread_mutex_lock(&world->mutex);
    world->sharing--;
    world->cpus_sharing -= cpu;
    pthread_cond_broadcast(&world->cond);
    pthread_mutex_unlock(&world->mutex);
}

/* Waits until nobody shares, or until the CPUs that do have had their time. */
static void wait_fair(struct kvm_world *world)
{
    while (world->sharing > 0 && world->cpus_sharing > 0) {
        uint64_t end = world->since + SHARE_NS;
        struct timespec until = { (time_t)(end / NS), (long)(end % NS) };
        if (now_ns() >= end || pthread_cond_timedwait(&world->cond, &world->mutex, &until) == ETIMEDOUT) {
            break;
        }
    }
}

void world_take(struct kvm_world *world, void (*kick)(void *arg), void *arg)
{
    pthread_mutex_lock(&world->mutex);
    wait_turn(world);
    while (world->exclusive) {
        pthread_cond_wait(&world->cond, &world->mutex);
    }
    wait_fair(world);
    if (world->cpus_sharing > 0) {
        __atomic_fetch_add(&world->wanted, 1, __ATOMIC_SEQ_CST);
        pthread_mutex_unlock(&world->mutex);
        kick(arg);
        pthread_mutex_lock(&world->mutex);
        while (world->cpus_sharing > 0) {
            pthread_cond_wait(&world->cond, &world->mutex);
        }
        __atomic_fetch_sub(&world->wanted, 1, __ATOMIC_SEQ_CST);
    }
    while (world->sharing > 0) {
        pthread_cond_wait(&world->cond, &world->mutex);
    }
    world->exclusive = true;
    end_turn(world);
    pthread_mutex_unlock(&world->mutex);
}

void world_release(struct kvm_world *world)
{
    pthread_mutex_lock(&world->mutex);
    world->exclusive = false;
    pthread_cond_broadcast(&world->cond);
    pthread_mutex_unlock(&world->mutex);
}
