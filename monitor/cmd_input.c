/* Keyboard and mouse from the monitor. */
#include "monitor/cmd.h"
#include "ui/input.h"

#define HOLD_MAX_MS 60000
#define MOTION_MAX  10000

static bool have_input(struct command_call *call)
{
    if (call->env->input == NULL) {
        command_print(call, "Error: the machine has no keyboard and no mouse\n");
    }
    return call->env->input != NULL;
}

void cmd_sendkey(struct command_call *call)
{
    uint64_t hold = call->args[1].given ? call->args[1].value : 0;
    GError *error = NULL;
    if (!have_input(call)) {
        return;
    }
    if (hold > HOLD_MAX_MS) {
        command_print(call, "Error: the hold time is at most %d ms\n", HOLD_MAX_MS);
        return;
    }
    if (!input_send_keys(call->env->input, call->args[0].text, (unsigned)hold, &error)) {
        command_print(call, "%s\n", error->message); /* without "Error:", as scripts know it */
        g_error_free(error);
    }
}

void cmd_type(struct command_call *call)
{
    GError *error = NULL;
    if (have_input(call) && !input_type_text(call->env->input, call->args[0].text, &error)) {
        command_error(call, error);
    }
}

/* Numbers are words here, since `10 -5` would be one expression. */
static bool parse_motion(struct command_call *call, unsigned n, int *value)
{
    GError *error = NULL;
    gint64 number = 0;
    if (call->args[n].given && !g_ascii_string_to_signed(call->args[n].text, 10, -MOTION_MAX,
                                                         MOTION_MAX, &number, &error)) {
        command_error(call, error);
        return false;
    }
    *value = (int)number;
    return true;
}

void cmd_mouse_move(struct command_call *call)
{
    int dx, dy, dz;
    if (!have_input(call) || !parse_motion(call, 0, &dx) || !parse_motion(call, 1, &dy) ||
        !parse_motion(call, 2, &dz)) {
        return;
    }
    input_motion(call->env->input, dx, dy);
    if (dz != 0) {
        input_wheel(call->env->input, dz, 0);
    }
}

void cmd_mouse_set(struct command_call *call)
{
    uint64_t n = call->args[0].value;
    if (have_input(call) && !input_choose_pointer(call->env->input, (unsigned)MIN(n, UINT32_MAX))) {
        command_print(call, "Error: there is no mouse #%" G_GUINT64_FORMAT "; info mice lists them\n", n);
    }
}

void cmd_mouse_button(struct command_call *call)
{
    static const enum input_button buttons[] = {INPUT_BUTTON_LEFT, INPUT_BUTTON_MIDDLE,
                                                INPUT_BUTTON_RIGHT};
    if (!have_input(call)) {
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(buttons); i++) {
        input_button(call->env->input, buttons[i], call->args[0].value >> i & 1);
    }
}
