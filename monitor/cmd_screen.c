/* The guest's screen: as a picture file, and as text. */
#include <string.h>

#include "core/machine.h"
#include "monitor/cmd.h"
#include "monitor/screen_text.h"
#include "ui/display.h"
#include "ui/screendump.h"

static bool have_display(struct command_call *call)
{
    if (call->env->display == NULL) {
        command_print(call, "Error: the machine has no display\n");
    }
    return call->env->display != NULL;
}

/* FILE, FILE -f FORMAT or -f FORMAT FILE. */
void cmd_screendump(struct command_call *call)
{
    const struct command_arg *args = call->args;
    const char *path = args[0].text, *format = NULL;
    GError *error = NULL;
    if (args[2].given && strcmp(args[0].text, "-f") == 0) {
        format = args[1].text;
        path = args[2].text;
    } else if (args[2].given && strcmp(args[1].text, "-f") == 0) {
        format = args[2].text;
    } else if (args[1].given) {
        command_print(call, "Error: screendump FILE [-f ppm|png]\n");
        return;
    }
    if (have_display(call) &&
        !screendump_display(call->env->display, &call->env->machine->lock, path, format, &error)) {
        command_error(call, error);
    }
}

void cmd_screentext(struct command_call *call)
{
    struct text_screen screen;
    if (!have_display(call)) {
        return;
    }
    if (!screen_text_read(call->env, &screen)) {
        command_print(call, "Error: there are no letters in this picture; screendump saves it\n");
        return;
    }
    g_autofree char *lines = screen_text_lines(&screen);
    command_print(call, "%s", lines);
    text_screen_clear(&screen);
}
