/* A machine with a monitor for tests: RAM, optionally the interpreter's CPU, and a log of what was
 * asked for. */
#ifndef TESTS_SUPPORT_MONITOR_TEST_H
#define TESTS_SUPPORT_MONITOR_TEST_H

#include "accel/accel.h"
#include "core/ram.h"
#include "monitor/command.h"
#include "monitor/monitor.h"

#define MONITOR_TEST_RAM (2u << 20)

struct monitor_test {
    struct machine *machine; /* lock not held */
    struct ram *ram;         /* at 0 */
    struct monitor_env env;
    struct monitor_settings settings;
    unsigned quits;
};

/* cpu: with the interpreter, parked, in its reset state. */
void monitor_test_init(struct monitor_test *test, bool cpu);
void monitor_test_finish(struct monitor_test *test);

/* The answer to a line; valid until the next call with the same test's machine is over: free with
 * g_free(). */
char *monitor_test_run(struct monitor_test *test, const char *line);
/* Fails unless the answer is exactly this. */
void monitor_test_expect(struct monitor_test *test, const char *line, const char *answer);
/* Fails unless the answer has this in it. */
void monitor_test_contains(struct monitor_test *test, const char *line, const char *part);

#endif
