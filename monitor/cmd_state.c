/* savevm, loadvm, delvm, info snapshots. */
#include "core/machine.h"
#include "monitor/cmd.h"
#include "monitor/vm_state.h"

/* The name for a state that was not given one: vm-20261123065551. */
static char *default_name(void)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_local();

    return g_date_time_format(now, "vm-%Y%m%d%H%M%S");
}

void cmd_savevm(struct command_call *call)
{
    g_autofree char *name = call->args[0].given ? g_strdup(call->args[0].text) : default_name();
    GError *error = NULL;

    if (!vm_state_save(call->env, name, &error)) {
        command_error(call, error);
    }
}

void cmd_loadvm(struct command_call *call)
{
    GError *error = NULL;

    if (!vm_state_load(call->env, call->args[0].text, &error)) {
        command_error(call, error);
    }
}

void cmd_delvm(struct command_call *call)
{
    GError *error = NULL;

    if (!vm_state_delete(call->env, call->args[0].text, &error)) {
        command_error(call, error);
    }
}

void cmd_info_snapshots(struct command_call *call)
{
    vm_state_list(call->env, call->out);
}
