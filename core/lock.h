/*
 * The machine lock: one mutex that guards all device state. Device code runs with it held. Builds with
 * VMM_DEBUG assert the owner at every use. Not recursive. Never hold it across blocking host I/O or drawing.
 */
#ifndef CORE_LOCK_H
#define CORE_LOCK_H

#include <pthread.h>
#include <stdbool.h>

struct machine_lock {
    pthread_mutex_t mutex;
    pthread_t owner; /* valid while held; for the assertions */
    bool held;
};

void lock_init(struct machine_lock *lock);
void lock_finish(struct machine_lock *lock);
void lock_acquire(struct machine_lock *lock);
void lock_release(struct machine_lock *lock);
/* True if the calling thread holds it. For assertions. */
bool lock_held(const struct machine_lock *lock);

#endif
