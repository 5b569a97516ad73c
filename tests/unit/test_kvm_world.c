/*
 * Who may run at the same time: sharers with each other, the one who takes the world with nobody; and nobody starves.
 */
#include "accel/kvm/kvm_world.h"
#include "tests/support/test.h"

enum { SHARERS = 3, TAKERS = 2, ROUNDS = 200 };

struct rig {
    struct kvm_world world;
    int sharing, taken; /* holders just now; atomic */
    int kicks;
    unsigned done[SHARERS + TAKERS];
    bool stop;
};

struct worker {
    struct rig *rig;
    unsigned number;
    GThread *thread;
};

static void on_kick(void *arg)
{
    struct rig *r = arg;
    __atomic_fetch_add(&r->kicks, 1, __ATOMIC_SEQ_CST);
}

/* A CPU on KVM: leaves when it is wanted. */
static void *sharer(void *arg)
{
    struct worker *w = arg;
    struct rig *r = w->rig;
    while (!__atomic_load_n(&r->stop, __ATOMIC_SEQ_CST)) {
        world_share(&r->world, true);
        __atomic_fetch_add(&r->sharing, 1, __ATOMIC_SEQ_CST);
        g_assert_cmpint(__atomic_load_n(&r->taken, __ATOMIC_SEQ_CST), ==, 0);
        while (!world_wanted(&r->world) && !__atomic_load_n(&r->stop, __ATOMIC_SEQ_CST)) {
            g_thread_yield();
        }
        __atomic_fetch_sub(&r->sharing, 1, __ATOMIC_SEQ_CST);
        world_unshare(&r->world, true);
        __atomic_fetch_add(&r->done[w->number], 1, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

static void *taker(void *arg)
{
    struct worker *w = arg;
    struct rig *r = w->rig;
    for (unsigned i = 0; i < ROUNDS; i++) {
        world_take(&r->world, on_kick, r);
        g_assert_cmpint(__atomic_fetch_add(&r->taken, 1, __ATOMIC_SEQ_CST), ==, 0);
        g_assert_cmpint(__atomic_load_n(&r->sharing, __ATOMIC_SEQ_CST), ==, 0);
        __atomic_fetch_sub(&r->taken, 1, __ATOMIC_SEQ_CST);
        world_release(&r->world);
        __atomic_fetch_add(&r->done[w->number], 1, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

static void test_exclusion(void)
{
    struct rig r = { .kicks = 0 };
    struct worker workers[SHARERS + TAKERS];
    world_init(&r.world);
    for (unsigned i = 0; i < SHARERS + TAKERS; i++) {
        workers[i] = (struct worker){ &r, i, NULL };
        workers[i].thread = g_thread_new("worker", i < SHARERS ? sharer : taker, &workers[i]);
    }
    for (unsigned i = SHARERS; i < SHARERS + TAKERS; i++) {
        g_thread_join(workers[i].thread);
    }
    __atomic_store_n(&r.stop, true, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < SHARERS; i++) {
        g_thread_join(workers[i].thread);
        g_assert_cmpuint(r.done[i], >, 1); /* came in again and again */
    }
    g_assert_cmpint(r.kicks, >, 0);
    g_assert_false(world_wanted(&r.world));
    world_finish(&r.world);
}

/* Alone there is nothing to wait for, and nobody to kick. */
static void test_alone(void)
{
    struct rig r = { .kicks = 0 };
    world_init(&r.world);
    world_take(&r.world, on_kick, &r);
    world_release(&r.world);
    world_share(&r.world, false); /* the machine thread is not kicked, only waited for */
    world_unshare(&r.world, false);
    world_take(&r.world, on_kick, &r);
    world_release(&r.world);
    g_assert_cmpint(r.kicks, ==, 0);
    world_finish(&r.world);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/kvm/world/exclusion", test_exclusion);
    g_test_add_func("/kvm/world/alone", test_alone);
    return g_test_run();
}
