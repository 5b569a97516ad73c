/* `info` about the machine's run state and its CPUs. */
#include <inttypes.h>
#include <string.h>

#include "accel/accel.h"
#include "accel/choose.h"
#include "core/machine.h"
#include "monitor/cmd.h"
#include "monitor/cpu_view.h"

void cmd_info_status(struct command_call *call)
{
    command_print(call, "VM status: %s\n", run_state_text(call->env->machine->run_state));
}

void cmd_info_version(struct command_call *call)
{
    command_print(call, "%s\n", VMM_VERSION);
}

void cmd_info_name(struct command_call *call)
{
    if (call->env->machine->name != NULL) {
        command_print(call, "%s\n", call->env->machine->name);
    }
}

void cmd_info_uuid(struct command_call *call)
{
    const char *uuid = call->env->machine->uuid;
    command_print(call, "%s\n", uuid != NULL ? uuid : "00000000-0000-0000-0000-000000000000");
}

void cmd_info_kvm(struct command_call *call)
{
    bool kvm = call->env->accel != NULL && strcmp(accel_name(call->env->accel), "kvm") == 0;
    command_print(call, "kvm support: %s\n", kvm ? "enabled" : "disabled");
}

void cmd_info_accel(struct command_call *call)
{
    if (call->env->accel == NULL) {
        command_print(call, "Error: the machine has no CPU\n");
        return;
    }
    command_print(call, "%s: %s\n", accel_name(call->env->accel), accel_reason(call->env->accel));
    accel_choice_describe(accel_choice(call->env->accel), call->out);
    accel_irqchip_describe(call->env->accel, call->out);
    accel_check_report(call->env->accel, call->out);
    uint64_t instructions = accel_instructions(call->env->accel);
    if (instructions > 0) {
        command_print(call, "instructions: %" PRIu64 "\n", instructions);
    }
}

void cmd_info_cpus(struct command_call *call)
{
    unsigned count = call->env->accel != NULL ? accel_cpu_count(call->env->accel) : 0;
    for (unsigned i = 0; i < count; i++) {
        struct x86_state state;
        cpu_view_park(call->env);
        accel_state_get(call->env->accel, i, &state);
        cpu_view_unpark(call->env);
        command_print(call, "%c CPU #%u: thread_id=%d pc=0x%016" PRIx64 "%s\n",
                      i == call->settings->cpu ? '*' : ' ', i, accel_thread_id(call->env->accel, i),
                      state.seg[CS].base + state.rip,
                      state.activity == X86_HALTED ? " (halted)" : "");
    }
}

void cmd_info_registers(struct command_call *call)
{
    GError *error = NULL;
    struct x86_state state;
    unsigned first = call->settings->cpu, last = first;
    if (call->env->accel != NULL && call->flags & COMMAND_FLAG('a')) {
        first = 0;
        last = accel_cpu_count(call->env->accel) - 1;
    }
    struct monitor_settings saved = *call->settings;
    for (unsigned i = first; i <= last && error == NULL; i++) {
        call->settings->cpu = i;
        if (cpu_view_state(call, &state, &error)) {
            x86_state_dump(&state, i, call->out);
        }
    }
    *call->settings = saved;
    if (error != NULL) {
        command_error(call, error);
    }
}
