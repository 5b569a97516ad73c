/* `help` and the list behind a bare `info`. */
#include <string.h>

#include "core/device.h"
#include "core/machine.h"
#include "core/state.h"
#include "monitor/cmd.h"
#include "monitor/cpu_view.h"

static void list(const struct command *table, const char *prefix, GString *out)
{
    for (const struct command *row = table; row->name != NULL; row++) {
        command_usage(row, prefix, out);
    }
}

static void show(const struct command *row, const char *prefix, GString *out)
{
    command_usage(row, prefix, out);
    /* What needs no argument is its own example. */
    g_string_append_printf(out, "example: %s%s%s\n", row->example == NULL && prefix != NULL ? prefix : "",
                           row->example == NULL && prefix != NULL ? " " : "", row->example != NULL ? row->example : row->name);
    if (row->sub != NULL) {
        list(row->sub, row->name, out);
    }
}

void cmd_help(struct command_call *call)
{
    const struct command_arg *args = call->args;
    if (!args[0].given) {
        list(command_table, NULL, call->out);
        return;
    }
    const struct command *row = command_find(command_table, args[0].text, strlen(args[0].text));
    if (row == NULL) {
        command_print(call, "unknown command: '%s'\n", args[0].text);
        return;
    }
    if (!args[1].given) {
        show(row, NULL, call->out);
        return;
    }
    const struct command *sub =
        row->sub != NULL ? command_find(row->sub, args[1].text, strlen(args[1].text)) : NULL;
    if (sub == NULL) {
        command_print(call, "unknown command: '%s %s'\n", row->name, args[1].text);
        return;
    }
    show(sub, row->name, call->out);
}

void cmd_info(struct command_call *call)
{
    list(call->command->sub, "info", call->out);
    command_print(call, "info DEVICE  -- the state of a device, field by field:");
    for (guint i = 0; i < call->env->machine->devices->len; i++) {
        const struct device *dev = g_ptr_array_index(call->env->machine->devices, i);
        command_print(call, " %s", dev->id);
    }
    command_print(call, "\n");
}

void cmd_list_sub(struct command_call *call)
{
    list(call->command->sub, call->command->name, call->out);
}

bool info_device(const struct monitor_env *env, const char *id, GString *out)
{
    struct device *dev = machine_find_device(env->machine, id);
    if (dev == NULL) {
        return false;
    }
    cpu_view_park(env); /* the engine may have an interrupt controller's registers */
    lock_acquire(&env->machine->lock);
    g_string_append_printf(out, "%s: %s\n", dev->id, dev->class->description);
    if (dev->class->fields != NULL) {
        state_print(dev->class->fields, dev, out);
    }
    lock_release(&env->machine->lock);
    cpu_view_unpark(env);
    return true;
}
