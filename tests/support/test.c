/*
 * Start of a test program, time and random numbers.
 */
#include "tests/support/test.h"

void test_main_init(int *argc, char ***argv)
{
    /* Both outlive the call: g_test_init() takes the word out of argv but keeps pointers into it. */
    static char tap[] = "--tap";
    static char *with_tap[3];

    if (*argc == 1) {
        /* prove runs the program without arguments and expects TAP. */
        with_tap[0] = (*argv)[0];
        with_tap[1] = tap;
        *argv = with_tap;
        *argc = 2;
    }
    g_test_init(argc, argv, NULL);
}

uint64_t test_time_source(void *time)
{
    return ((struct test_time *)time)->now;
}

uint64_t test_random_next(struct test_random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15ull;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

uint64_t test_random_fn(void *arg)
{
    return test_random_next(arg);
}
