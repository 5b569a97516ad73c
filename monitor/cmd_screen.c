/* The guest's screen: as a picture file, and as text. */
#include <string.h>

#include "core/machine.h"
#include "monitor/cmd.h"
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
    struct text_screen screen = {0};
    if (!have_display(call)) {
        return;
    }
    lock_acquire(&call->env->machine->lock);
    bool text = display_text(call->env->display, &screen);
    lock_release(&call->env->machine->lock);
    if (!text) {
        command_print(call, "Error: the screen shows graphics; screendump makes a picture of it\n");
        return;
    }
    unsigned rows = screen.rows;
    for (bool blank = true; rows > 0 && blank; rows -= blank) {
        g_autofree char *line = text_screen_line(&screen, rows - 1);
        blank = line[0] == '\0';
    }
    for (unsigned row = 0; row < rows; row++) {
        g_autofree char *line = text_screen_line(&screen, row);
        command_print(call, "%s\n", line);
    }
    text_screen_clear(&screen);
}
