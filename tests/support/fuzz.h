/*
 * Fuzzing by seed. A session makes one machine and runs a number of cases on it; all that is random comes from
 * the session's seed, so that `FUZZ_SEED=n FUZZ_SEEDS=1` repeats it. Each case has two seconds of CPU time; a
 * crash, a failed assertion or a hang names the session and the case before the program dies.
 */
#ifndef TESTS_SUPPORT_FUZZ_H
#define TESTS_SUPPORT_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/test.h"

struct fuzz {
    struct test_random random;
    uint64_t cases, instructions; /* done so far, for the report */
};

typedef void fuzz_session_fn(struct fuzz *fuzz);

/* Runs sessions with seeds FUZZ_SEED (1) and on, FUZZ_SEEDS of them (`seeds` if not set), and reports figures as
 * TAP comments. For use in a test function. */
void fuzz_sessions(const char *name, fuzz_session_fn *session, unsigned seeds);
/* Begins a case: counts it and winds up the watchdog. */
void fuzz_case(struct fuzz *fuzz);

/* Any 64 bits. */
uint64_t fuzz_any(struct fuzz *fuzz);
/* 0 .. n - 1; n not 0. */
uint64_t fuzz_below(struct fuzz *fuzz, uint64_t n);
/* True once in n times. */
bool fuzz_once_in(struct fuzz *fuzz, unsigned n);
void fuzz_bytes(struct fuzz *fuzz, void *data, size_t size);
/* A number that programs like: small, all ones, a power of two, near one of those, or anything. */
uint64_t fuzz_number(struct fuzz *fuzz);

#endif
