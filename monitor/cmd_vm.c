/* Commands that steer the machine as a whole and the monitor itself. */
#include <errno.h>
#include <string.h>

#include "accel/accel.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/machine.h"
#include "core/option.h"
#include "hw/pc/pc_machine.h"
#include "monitor/cmd.h"

void cmd_quit(struct command_call *call)
{
    call->settings->quit = true;
    if (call->env->quit != NULL) {
        call->env->quit(call->env->arg);
    }
}

void cmd_stop(struct command_call *call)
{
    if (call->env->machine->run_state == RUN_STATE_RUNNING) {
        machine_pause(call->env->machine, RUN_STATE_PAUSED);
    }
}

void cmd_cont(struct command_call *call)
{
    struct machine *machine = call->env->machine;
    if (machine->run_state == RUN_STATE_SHUTDOWN ||
        machine->run_state == RUN_STATE_INTERNAL_ERROR) {
        command_print(call, "Error: Resetting the Virtual Machine is required\n");
        return;
    }
    machine_resume(machine);
}

void cmd_system_reset(struct command_call *call)
{
    machine_host_reset(call->env->machine);
}

void cmd_system_powerdown(struct command_call *call)
{
    struct machine *machine = call->env->machine;
    lock_acquire(&machine->lock);
    bool pressed = call->env->pc != NULL && pc_press_power_button(call->env->pc);
    lock_release(&machine->lock);
    if (!pressed) {
        command_print(call, "Error: the machine has no power button (it runs without ACPI)\n");
    }
}

void cmd_nmi(struct command_call *call)
{
    struct machine *machine = call->env->machine;
    if (machine->cpus.nmi == NULL) {
        command_print(call, "Error: the machine has no CPU\n");
        return;
    }
    lock_acquire(&machine->lock);
    machine->cpus.nmi(machine->cpus.arg, 0);
    lock_release(&machine->lock);
}

void cmd_boot_set(struct command_call *call)
{
    const char *order = call->args[0].text;
    if (call->env->pc == NULL || !pc_set_boot_order(call->env->pc, order)) {
        command_print(call, "Error: Invalid boot device '%s': letters of a, c, d, n\n", order);
        return;
    }
    command_print(call, "boot device list now set to %s\n", order);
}

static void list_log_items(struct command_call *call)
{
    const char *help, *name;
    command_print(call, "Log items (comma separated):\n%-15s %s\n", "none", "remove all logs");
    for (unsigned i = 0; (name = log_item_name(i, &help)) != NULL; i++) {
        command_print(call, "%-15s %s\n", name, help);
    }
}

void cmd_log(struct command_call *call)
{
    uint32_t items;
    char *bad = NULL;
    if (call->env->log == NULL) {
        command_print(call, "Error: there is no log\n");
    } else if (strcmp(call->args[0].text, "help") == 0 || strcmp(call->args[0].text, "?") == 0) {
        list_log_items(call);
    } else if (!log_parse_items(call->args[0].text, &items, &bad)) {
        command_print(call, "Error: unknown log item '%s'\n", bad);
        g_free(bad);
        list_log_items(call);
    } else {
        log_set_items(call->env->log, items);
        log_set_traces(call->env->log, call->args[0].text);
    }
}

/* Turns an item on or off and leaves the others as they are. */
static void toggle(struct command_call *call, enum log_item item, bool on)
{
    if (call->env->log == NULL) {
        command_print(call, "Error: there is no log\n");
        return;
    }
    uint32_t items = log_items(call->env->log);
    log_set_items(call->env->log, on ? items | item : items & ~(uint32_t)item);
}

void cmd_trace(struct command_call *call)
{
    const char *word = call->args[0].text;
    if (strcmp(word, "on") != 0 && strcmp(word, "off") != 0) {
        command_print(call, "Error: trace on, or trace off\n");
        return;
    }
    toggle(call, LOG_EXEC, strcmp(word, "on") == 0);
}

void cmd_show(struct command_call *call)
{
    const char *word = call->args[0].text;
    if (strcmp(word, "int") != 0 && strcmp(word, "off") != 0) {
        command_print(call, "Error: show int, or show off; modebp stops at changes of the mode\n");
        return;
    }
    toggle(call, LOG_INT, strcmp(word, "int") == 0);
}

void cmd_ptime(struct command_call *call)
{
    command_print(call, "ptime: %" G_GUINT64_FORMAT " ns of the guest's time\n", clock_now(call->env->machine->guest_clock));
}

void cmd_logfile(struct command_call *call)
{
    if (call->env->log == NULL) {
        command_print(call, "Error: there is no log\n");
    } else if (!log_set_file(call->env->log, call->args[0].text)) {
        command_print(call, "Error: Could not open '%s': %s\n", call->args[0].text,
                      g_strerror(errno));
    }
}

/* `set asm att|intel`, or `set $NAME = VALUE`. */
void cmd_set(struct command_call *call)
{
    if (!call->args[0].given) {
        command_print(call, "asm %s\n", call->settings->intel ? "intel" : "att");
        return;
    }
    const char *text = call->args[0].text;
    if (text[0] == '$' || text[0] == '%') {
        cmd_set_register(call, text + 1);
        return;
    }
    g_auto(GStrv) words = g_strsplit_set(text, " \t", 2);
    const char *value = words[1] != NULL ? g_strstrip(words[1]) : "";
    bool intel = strcmp(value, "intel") == 0;
    if (strcmp(words[0], "asm") != 0) {
        command_print(call, "Error: there is no setting '%s': asm; registers are written $NAME\n", words[0]);
    } else if (!intel && strcmp(value, "att") != 0) {
        command_print(call, "Error: asm must be att or intel\n");
    } else {
        call->settings->intel = intel;
    }
}

void cmd_cpu(struct command_call *call)
{
    uint64_t cpu = call->args[0].value;
    if (call->env->accel == NULL || cpu >= accel_cpu_count(call->env->accel)) {
        command_print(call, "Error: invalid CPU index\n");
        return;
    }
    call->settings->cpu = (unsigned)cpu;
}
