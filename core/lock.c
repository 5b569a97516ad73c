/*
 * The machine lock. A plain mutex plus the owner, so that misuse shows at the place where it happens: taking
 * the lock twice and releasing it without holding it are our own bugs in every build.
 */
#include "core/lock.h"

#include <assert.h>

void lock_init(struct machine_lock *lock)
{
    pthread_mutex_init(&lock->mutex, NULL);
    lock->held = false;
}

void lock_finish(struct machine_lock *lock)
{
    assert(!__atomic_load_n(&lock->held, __ATOMIC_RELAXED));
    pthread_mutex_destroy(&lock->mutex);
}

/* Other threads may be changing owner and held at the same time. The answer is right all the same: only the
 * caller itself can make the pair say "held by the caller". */
bool lock_held(const struct machine_lock *lock)
{
    return __atomic_load_n(&lock->held, __ATOMIC_ACQUIRE) &&
           pthread_equal(__atomic_load_n(&lock->owner, __ATOMIC_RELAXED), pthread_self());
}

void lock_acquire(struct machine_lock *lock)
{
    assert(!lock_held(lock));
    pthread_mutex_lock(&lock->mutex);
    __atomic_store_n(&lock->owner, pthread_self(), __ATOMIC_RELAXED);
    __atomic_store_n(&lock->held, true, __ATOMIC_RELEASE);
}

void lock_release(struct machine_lock *lock)
{
    assert(lock_held(lock));
    __atomic_store_n(&lock->held, false, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&lock->mutex);
}
