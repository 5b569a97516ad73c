/* The VNC server: who is connected, and its password. */
#include "monitor/cmd.h"
#include "ui/vnc.h"

#include <string.h>

static void set_password(struct command_call *call, const char *password)
{
    if (call->env->vnc == NULL) {
        command_print(call, "Error: there is no VNC server; start vmm with -vnc :0,password=on\n");
    } else if (strlen(password) == 0) {
        command_print(call, "Error: the password is empty\n");
    } else if (!vnc_set_password(call->env->vnc, password)) {
        command_print(call, "Error: the VNC server asks for no password; start vmm with -vnc :0,password=on\n");
    }
}

void cmd_info_vnc(struct command_call *call)
{
    g_autoptr(GString) out = g_string_new("None\n");
    if (call->env->vnc != NULL) {
        g_string_truncate(out, 0);
        vnc_info(call->env->vnc, out);
    }
    command_print(call, "%s", out->str);
}

void cmd_change_vnc(struct command_call *call)
{
    const struct command_arg *args = call->args;
    if (strcmp(args[1].text, "password") != 0 || !args[2].given) {
        command_print(call, "Error: what can be changed is the password: change vnc password SECRET\n");
        return;
    }
    set_password(call, args[2].text);
}

void cmd_set_password(struct command_call *call)
{
    const struct command_arg *args = call->args;
    if (strcmp(args[0].text, "vnc") != 0) {
        command_print(call, "Error: '%s': there is vnc\n", args[0].text);
    } else if (args[2].given && strcmp(args[2].text, "keep") != 0) {
        command_print(call, "Error: '%s': those who are connected stay (keep)\n", args[2].text);
    } else {
        set_password(call, args[1].text);
    }
}
