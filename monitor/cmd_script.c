/*
 * Commands for driving a guest from a script: waiting for text on the screen or the serial port, for a stop, for time to
 * pass, and saying how the run is to end.
 */
#include <string.h>

#include "chardev/record.h"
#include "core/machine.h"
#include "monitor/cmd.h"
#include "monitor/screen_text.h"
#include "monitor/wait.h"
#include "ui/display.h"

/* The seconds of an optional argument; false and an error line if it is out of bounds. */
static bool parse_seconds(struct command_call *call, unsigned n, unsigned *seconds)
{
    uint64_t value = call->args[n].given ? call->args[n].value : WAIT_SECONDS_DEFAULT;
    if (value > WAIT_SECONDS_MAX) {
        command_print(call, "Error: %s: at most %d seconds can be waited\n", call->command->name,
                      WAIT_SECONDS_MAX);
        return false;
    }
    *seconds = (unsigned)value;
    return true;
}

static void wait_for(struct command_call *call, const char *text, unsigned seconds,
                     bool (*condition)(struct command_wait *wait, GString *out))
{
    g_autofree char *what = text != NULL ? g_strdup_printf("%s \"%s\"", call->command->name, text)
                                         : g_strdup(call->command->name);
    call->settings->wait = command_wait_create(call->env, text, what, seconds, condition);
}

static bool have_text(struct command_call *call)
{
    if (call->args[0].text[0] == '\0') {
        command_print(call, "Error: %s: the text is empty\n", call->command->name);
    }
    return call->args[0].text[0] != '\0';
}

static bool text_on_screen(struct command_wait *wait, GString *out)
{
    struct text_screen screen;
    if (!screen_text_read(wait->env, &screen)) {
        return false;
    }
    g_autofree char *lines = screen_text_lines(&screen);
    text_screen_clear(&screen);
    return strstr(lines, wait->text) != NULL;
}

void cmd_waittext(struct command_call *call)
{
    unsigned seconds;
    if (call->env->display == NULL) {
        command_print(call, "Error: the machine has no display\n");
    } else if (have_text(call) && parse_seconds(call, 1, &seconds)) {
        wait_for(call, call->args[0].text, seconds, text_on_screen);
    }
}

static bool text_on_serial(struct command_wait *wait, GString *out)
{
    return chardev_record_find(wait->env->serial[wait->port].record,
                               &wait->env->serial[wait->port].place, wait->text);
}

/* What has been matched is not matched again: each wait looks behind the last one's text. */
void cmd_waitserial(struct command_call *call)
{
    unsigned seconds;
    uint64_t port = call->args[2].given ? call->args[2].value : 0;
    if (port >= MONITOR_SERIAL_MAX || call->env->serial == NULL || call->env->serial[port].record == NULL) {
        command_print(call, "Error: the machine has no serial port %u\n", (unsigned)port);
    } else if (have_text(call) && parse_seconds(call, 1, &seconds)) {
        wait_for(call, call->args[0].text, seconds, text_on_serial);
        call->settings->wait->port = (unsigned)port;
    }
}

static bool is_stopped(struct command_wait *wait, GString *out)
{
    return wait->env->machine->run_state != RUN_STATE_RUNNING;
}

void cmd_waitstop(struct command_call *call)
{
    unsigned seconds;
    if (parse_seconds(call, 0, &seconds)) {
        wait_for(call, NULL, seconds, is_stopped);
    }
}

static bool time_is_over(struct command_wait *wait, GString *out)
{
    return g_get_monotonic_time() >= wait->deadline;
}

void cmd_sleep(struct command_call *call)
{
    unsigned seconds;
    if (parse_seconds(call, 0, &seconds)) {
        wait_for(call, NULL, seconds, time_is_over);
    }
}

static bool has_ended(struct command_wait *wait, GString *out)
{
    return false; /* the end of vmm ends the wait */
}

void cmd_echo(struct command_call *call)
{
    command_print(call, "%s\n", call->args[0].given ? call->args[0].text : "");
}

void cmd_expectexit(struct command_call *call)
{
    unsigned seconds;
    struct monitor_outcome *outcome = call->env->outcome;
    if (outcome == NULL) {
        command_print(call, "Error: expectexit cannot be used here\n");
    } else if (parse_seconds(call, 1, &seconds)) {
        outcome->expects_exit = true;
        outcome->expected_code = call->args[0].given ? (int)call->args[0].value : 0;
        wait_for(call, NULL, seconds, has_ended);
    }
}
