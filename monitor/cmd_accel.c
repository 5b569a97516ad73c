/* Commands about the engine that runs the CPUs: changing it, and what KVM left to the interpreter. */
#include "accel/accel.h"
#include "monitor/cmd.h"
#include "monitor/cpu_view.h"

void cmd_accel(struct command_call *call)
{
    GError *error = NULL;
    if (call->env->accel == NULL) {
        command_print(call, "Error: the machine has no CPU\n");
        return;
    }
    if (!call->args[0].given) {
        command_print(call, "%s: %s\n", accel_name(call->env->accel), accel_reason(call->env->accel));
        return;
    }
    cpu_view_park(call->env);
    bool ok = accel_switch(call->env->accel, call->args[0].text, &error);
    cpu_view_unpark(call->env);
    if (!ok) {
        command_error(call, error);
    }
}

void cmd_info_rescue(struct command_call *call)
{
    if (call->env->accel == NULL) {
        command_print(call, "Error: the machine has no CPU\n");
        return;
    }
    accel_rescues(call->env->accel, call->out);
}
