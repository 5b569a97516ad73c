/*
 * Clocks and timers.
 *
 * There are three clocks, all in nanoseconds: GUEST_CLOCK stands still while the machine is paused and can
 * be driven by the instruction count; HOST_CLOCK is the host's monotonic clock; RTC_CLOCK is wall-clock time
 * since 1970 with the -rtc offset applied. Device models read GUEST_CLOCK and nothing else (the RTC chip
 * reads RTC_CLOCK once at reset); host time in hw/ fails the build.
 *
 * A timer fires once at its deadline, in the machine thread under the machine lock. Its deadline is state:
 * drive() sets it again after a load. timer_at() is idempotent.
 */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define NS_PER_SECOND 1000000000ull
#define CLOCK_NEVER UINT64_MAX

enum clock_kind { GUEST_CLOCK, HOST_CLOCK, RTC_CLOCK };

struct clock;

/* Where a clock gets its time from: the host's monotonic clock in ns, the instruction count, or a test. */
typedef uint64_t clock_source_fn(void *arg);

/* A stopped clock that shows 0. */
struct clock *clock_create(clock_source_fn *source, void *arg);
void clock_destroy(struct clock *clock);

/* The host's monotonic clock in ns; the usual source. arg is not used. */
uint64_t clock_host_monotonic(void *arg);
/* Wall-clock time in ns since 1970. arg is not used. */
uint64_t clock_host_realtime(void *arg);

uint64_t clock_now(const struct clock *clock);
bool clock_running(const struct clock *clock);
void clock_start(struct clock *clock);
void clock_stop(struct clock *clock);
/* Sets the time shown, running or not; timers whose deadline has passed fire at the next clock_run(). */
void clock_set(struct clock *clock, uint64_t now);
void clock_set_source(struct clock *clock, clock_source_fn *source, void *arg);

/* The earliest deadline of any timer, CLOCK_NEVER if none. May be called without the machine lock. */
uint64_t clock_deadline(const struct clock *clock);
/* Fires, in order of deadline, every timer due at the time of the call. Returns how many. A timer that is
 * set again by its own handler to a time already due fires in the same call, at most 1000 times in all. */
unsigned clock_run(struct clock *clock);
/* Called (from timer_at) whenever the earliest deadline moved to an earlier time, to wake a sleeper. Not
 * called from inside clock_run(): its caller looks at clock_deadline() anyway. */
void clock_on_earlier(struct clock *clock, void (*fn)(void *arg), void *arg);

typedef void timer_fn(void *arg);

struct timer {
    struct clock *clock;
    timer_fn *fn;
    void *arg;
    uint64_t deadline; /* ns on the clock; CLOCK_NEVER = not armed */
    uint64_t sequence; /* ties fire in the order in which they were armed */
    struct timer *next; /* in the clock's list, sorted */
};

/* Initialises a timer, not armed, in the caller's memory. */
void timer_init(struct timer *timer, struct clock *clock, timer_fn *fn, void *arg);
/* Arms the timer for an absolute time, or disarms it with CLOCK_NEVER. */
void timer_at(struct timer *timer, uint64_t deadline);
void timer_cancel(struct timer *timer);
/* Cancels; the memory may be freed afterwards. */
void timer_finish(struct timer *timer);

/* a * b / c without overflow of the product; c != 0. For converting ns to ticks and back. */
static inline uint64_t muldiv64(uint64_t a, uint64_t b, uint64_t c)
{
    return (uint64_t)((unsigned __int128)a * b / c);
}

#endif
