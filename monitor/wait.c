/* See the header. */
#include "monitor/wait.h"

struct command_wait *command_wait_create(const struct monitor_env *env, const char *text, const char *what,
                                         unsigned seconds,
                                         bool (*condition)(struct command_wait *wait, GString *out))
{
    struct command_wait *wait = g_new0(struct command_wait, 1);
    wait->env = env;
    wait->text = g_strdup(text);
    wait->what = g_strdup(what);
    wait->seconds = seconds;
    wait->deadline = g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC;
    wait->condition = condition;
    return wait;
}

enum wait_result command_wait_poll(struct command_wait *wait, GString *out)
{
    if (wait->condition(wait, out)) {
        return WAIT_DONE;
    }
    if (g_get_monotonic_time() < wait->deadline) {
        return WAIT_PENDING;
    }
    g_string_append_printf(out, "Error: %s: not within %u s\n", wait->what, wait->seconds);
    return WAIT_FAILED;
}

void command_wait_destroy(struct command_wait *wait)
{
    if (wait != NULL) {
        g_free(wait->text);
        g_free(wait->what);
        g_free(wait);
    }
}
