/*
 * Runs driven by a script: -mon-script, -e and -timeout, and what they make of vmm's exit code:
 *
 *   as the guest ends it    without scripts, or if they have all run
 *   0                       the guest has ended vmm with the code that expectexit named
 *   1                       a line failed, or the guest ended vmm before expectexit or with another code
 *   124                     -timeout
 */
#ifndef SCRIPTED_H
#define SCRIPTED_H

#include <glib.h>
#include <stdbool.h>

#include "monitor/monitor.h"
#include "options.h"

struct monitor_script;

struct scripted {
    struct monitor_env *env;
    struct monitor_serial serial[MONITOR_SERIAL_MAX];
    struct monitor_outcome outcome;
    struct monitor_script *script; /* NULL: no script */
    guint timer;                   /* GLib source of -timeout, 0 = none */
    bool timed_out;
};

/* Fills env->serial and env->outcome, reads the scripts and winds up the timer. serial: the ports' connections, which
 * may be NULL. env must live until scripted_finish(). False and error if a file cannot be read. */
bool scripted_init(struct scripted *scripted, struct monitor_env *env, const struct options *options,
                   struct chardev *const *serial, GError **error);
/* The machine runs: the scripts may begin. */
void scripted_start(struct scripted *scripted);
/* Frees everything, and returns vmm's exit code; ended: the guest has ended vmm with `code`, no one else. After the
 * connections are gone. */
int scripted_finish(struct scripted *scripted, bool ended, int code);

#endif
