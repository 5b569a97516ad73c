/*
 * Waiting: a command such as waittext is not done when its function returns. It leaves a struct command_wait in
 * the monitor's settings; the session (monitor.c) or script (script.c) then takes no further line until the wait
 * is over, while the main loop goes on. Conditions are looked at WAIT_POLL_MS apart, in the main thread.
 */
#ifndef MONITOR_WAIT_H
#define MONITOR_WAIT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "monitor/monitor.h"

#define WAIT_POLL_MS 50
#define WAIT_SECONDS_DEFAULT 60
#define WAIT_SECONDS_MAX 86400

struct command_wait {
    const struct monitor_env *env;
    char *text;            /* what is waited for; owned; may be NULL */
    char *what;            /* for the message "...: not seen within 60 s"; owned */
    gint64 deadline;       /* g_get_monotonic_time() */
    unsigned seconds;      /* the time given, for the message */
    unsigned port;         /* of waitserial */
    void *arg;             /* likewise */
    bool tells_stop;       /* says itself why the machine stopped */
    /* True when it has come; a line about it may be appended to out. */
    bool (*condition)(struct command_wait *wait, GString *out);
};

enum wait_result { WAIT_PENDING, WAIT_DONE, WAIT_FAILED /* out has got an "Error: ..." line */ };

/* A wait of up to `seconds` seconds. text and what are copied. */
struct command_wait *command_wait_create(const struct monitor_env *env, const char *text, const char *what,
                                         unsigned seconds,
                                         bool (*condition)(struct command_wait *wait, GString *out));
enum wait_result command_wait_poll(struct command_wait *wait, GString *out);
void command_wait_destroy(struct command_wait *wait); /* NULL is fine */

#endif
