/* See the header. */
#include "monitor/screen_text.h"

#include <glib.h>

#include "core/machine.h"
#include "ui/display.h"
#include "ui/glyphs.h"

#define VGA_ROM_BASE 0xc0000u
#define VGA_ROM_SIZE 0x10000u

/* The font is looked up each time: the ROM's shadow belongs to the guest. */
static bool read_picture(const struct monitor_env *env, struct text_screen *screen)
{
    g_autofree uint8_t *rom = g_malloc(VGA_ROM_SIZE);
    lock_acquire(&env->machine->lock);
    bus_read_bytes(env->machine->memory, VGA_ROM_BASE, rom, VGA_ROM_SIZE, false);
    if (display_update(env->display)) {
        display_wake(env->display);
    }
    lock_release(&env->machine->lock);
    struct glyphs *glyphs = glyphs_create(rom, VGA_ROM_SIZE);
    bool found = glyphs != NULL && glyphs_read(glyphs, display_surface(env->display), screen);
    glyphs_destroy(glyphs);
    return found;
}

bool screen_text_read(const struct monitor_env *env, struct text_screen *screen)
{
    *screen = (struct text_screen){0};
    if (env->display == NULL) {
        return false;
    }
    lock_acquire(&env->machine->lock);
    bool text = display_text(env->display, screen);
    lock_release(&env->machine->lock);
    return text || read_picture(env, screen);
}

char *screen_text_lines(const struct text_screen *screen)
{
    GString *lines = g_string_new(NULL);
    gsize end = 0; /* behind the last line that is not blank */
    for (unsigned row = 0; row < screen->rows; row++) {
        g_autofree char *line = text_screen_line(screen, row);
        g_string_append_printf(lines, "%s\n", line);
        end = line[0] != '\0' ? lines->len : end;
    }
    g_string_truncate(lines, end);
    return g_string_free(lines, FALSE);
}
