/* See the header. */
#include "scripted.h"

#include <stdio.h>

#include "chardev/record.h"
#include "monitor/script.h"

#define EXIT_TIMEOUT 124 /* as timeout(1) has it */

static gboolean on_timeout(gpointer arg)
{
    struct scripted *scripted = arg;
    scripted->timer = 0;
    scripted->timed_out = true;
    fprintf(stderr, "vmm: -timeout: the time is over\r\n");
    scripted->env->quit(scripted->env->arg);
    return G_SOURCE_REMOVE;
}

static bool add_scripts(struct scripted *scripted, const struct options *options, GError **error)
{
    scripted->script = monitor_script_create(scripted->env);
    for (guint i = 0; i < options->scripts->len; i++) {
        const struct option_script *script = g_ptr_array_index(options->scripts, i);
        if (!script->file) {
            monitor_script_add_commands(scripted->script, script->text);
        } else if (!monitor_script_add_file(scripted->script, script->text, error)) {
            g_prefix_error(error, "-mon-script: ");
            return false;
        }
    }
    return true;
}

bool scripted_init(struct scripted *scripted, struct monitor_env *env, const struct options *options,
                   struct chardev *const *serial, GError **error)
{
    scripted->env = env;
    for (unsigned i = 0; i < MONITOR_SERIAL_MAX; i++) {
        if (serial[i] != NULL) {
            scripted->serial[i].record = chardev_record_create(serial[i]);
        }
    }
    env->serial = scripted->serial;
    env->outcome = &scripted->outcome;
    if (options->timeout != 0) {
        scripted->timer = g_timeout_add_seconds((guint)options->timeout, on_timeout, scripted);
    }
    return options->scripts->len == 0 || add_scripts(scripted, options, error);
}

void scripted_start(struct scripted *scripted)
{
    if (scripted->script != NULL) {
        monitor_script_start(scripted->script);
    }
}

int scripted_finish(struct scripted *scripted, bool ended, int code)
{
    const struct monitor_outcome *outcome = &scripted->outcome;
    bool cut_short = ended && scripted->script != NULL && !monitor_script_done(scripted->script);
    monitor_script_destroy(scripted->script);
    if (scripted->timer != 0) {
        g_source_remove(scripted->timer);
    }
    for (unsigned i = 0; i < MONITOR_SERIAL_MAX; i++) {
        chardev_record_destroy(scripted->serial[i].record);
    }
    if (scripted->timed_out) {
        return EXIT_TIMEOUT;
    }
    if (outcome->failed) {
        return 1;
    }
    if (!outcome->expects_exit && !cut_short) {
        return code;
    }
    if (outcome->expects_exit && ended && code == outcome->expected_code) {
        return 0;
    }
    if (!outcome->expects_exit) {
        fprintf(stderr, "vmm: the guest has ended the run (exit code %d) before the script's end\n", code);
    } else if (!ended) {
        fprintf(stderr, "vmm: expectexit: the run has been ended from outside\n");
    } else {
        fprintf(stderr, "vmm: expectexit: the exit code is %d, not %d\n", code, outcome->expected_code);
    }
    return 1;
}
