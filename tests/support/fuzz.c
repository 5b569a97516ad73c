/*
 * See fuzz.h. What the signal handlers have to say is prepared beforehand, in file-scope variables: a handler has
 * no argument.
 */
#include "tests/support/fuzz.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { CASE_SECONDS = 2 };

static char where[128];
static const char *session_name;
static uint64_t session_seed;

static void say(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0) {
        return;
    }
}

static void on_signal(int number)
{
    say(number == SIGPROF ? "\nhang in " : "\ndied in ");
    say(where);
    signal(SIGABRT, SIG_DFL);
    abort();
}

#if defined(__SANITIZE_ADDRESS__)
/* A finding ends in abort(), so that the case is named. Whoever asks for more than 256 MiB has trusted a number. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "abort_on_error=1:max_allocation_size_mb=256";
}
const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
    return "abort_on_error=1:print_stacktrace=1";
}
#endif

static void watchdog(unsigned seconds)
{
    struct itimerval timer = { .it_value = { .tv_sec = seconds } };
    setitimer(ITIMER_PROF, &timer, NULL);
}

static uint64_t setting(const char *variable, uint64_t otherwise)
{
    const char *text = g_getenv(variable);
    return text != NULL ? g_ascii_strtoull(text, NULL, 0) : otherwise;
}

void fuzz_sessions(const char *name, fuzz_session_fn *session, unsigned seeds)
{
    uint64_t first = setting("FUZZ_SEED", 1), count = setting("FUZZ_SEEDS", seeds);
    struct fuzz fuzz = { 0 };

    session_name = name;
    signal(SIGPROF, on_signal);
    signal(SIGABRT, on_signal);
    for (session_seed = first; session_seed < first + count; session_seed++) {
        fuzz.random.state = session_seed * 0x9e3779b97f4a7c15ull;
        session(&fuzz);
    }
    watchdog(0);
    g_test_message("%s: %" G_GUINT64_FORMAT " cases, %" G_GUINT64_FORMAT " instructions or accesses, no finding",
                   name, fuzz.cases, fuzz.instructions);
}

void fuzz_case(struct fuzz *fuzz)
{
    fuzz->cases++;
    snprintf(where, sizeof(where), "%s, FUZZ_SEED=%llu, case %llu of all\n", session_name,
             (unsigned long long)session_seed, (unsigned long long)fuzz->cases);
    watchdog(CASE_SECONDS);
}

uint64_t fuzz_any(struct fuzz *fuzz)
{
    return test_random_next(&fuzz->random);
}

uint64_t fuzz_below(struct fuzz *fuzz, uint64_t n)
{
    return fuzz_any(fuzz) % n;
}

bool fuzz_once_in(struct fuzz *fuzz, unsigned n)
{
    return fuzz_any(fuzz) % n == 0;
}

void fuzz_bytes(struct fuzz *fuzz, void *data, size_t size)
{
    uint8_t *at = data;
    while (size > 0) {
        uint64_t value = fuzz_any(fuzz);
        size_t piece = MIN(size, sizeof(value));
        memcpy(at, &value, piece);
        at += piece;
        size -= piece;
    }
}

uint64_t fuzz_number(struct fuzz *fuzz)
{
    uint64_t any = fuzz_any(fuzz), near = any % 5 - 2;
    switch (any >> 32 & 7) {
    case 0:
        return any >> 40 & 0xff;
    case 1:
        return ~0ull + near;
    case 2:
        return (1ull << (any >> 40 & 63)) + near;
    case 3:
        return (uint64_t)(int64_t)(int32_t)any;
    case 4:
        return (uint32_t)any;
    case 5:
        return any >> 48;
    default:
        return fuzz_any(fuzz);
    }
}
