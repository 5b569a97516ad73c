/*
 * The text console's picture and its keys.
 */
#include <string.h>

#include "ui/console_text_impl.h"

#define CELL_WIDTH 8
#define CELL_HEIGHT 16
#define LOOK_CURSOR 0x10000u
#define LOOK_NONE UINT32_MAX

/* The colours of a VGA's text modes as the BIOS sets them. */
static const uint32_t COLOURS[16] = {
    0x000000, 0x0000aa, 0x00aa00, 0x00aaaa, 0xaa0000, 0xaa00aa, 0xaa5500, 0xaaaaaa,
    0x555555, 0x5555ff, 0x55ff55, 0x55ffff, 0xff5555, 0xff55ff, 0xffff55, 0xffffff,
};

static bool has_cursor(const struct console_text *console, unsigned row, unsigned column)
{
    return console->scrolled == 0 && row == console->row &&
           column == MIN(console->column, console->columns - 1);
}

static void draw_cell(const struct console_text *console, struct surface *surface, unsigned row,
                      unsigned column, uint32_t look)
{
    uint32_t ink = COLOURS[look >> 8 & 15], paper = COLOURS[look >> 12 & 7];

    for (unsigned line = 0; line < CELL_HEIGHT; line++) {
        uint32_t *pixels = surface_line(surface, row * CELL_HEIGHT + line) + column * CELL_WIDTH;
        unsigned dots = console->font[(look & 0xff) * CELL_HEIGHT + line];

        if ((look & LOOK_CURSOR) != 0 && line >= CELL_HEIGHT - 3) {
            dots = 0xff;
        }
        for (unsigned i = 0; i < CELL_WIDTH; i++) {
            pixels[i] = (dots >> (7 - i) & 1) != 0 ? ink : paper;
        }
    }
}

static void update(void *arg)
{
    struct console_text *console = arg;
    struct surface *surface = display_set_size(console->display, console->columns * CELL_WIDTH,
                                               console->rows * CELL_HEIGHT);

    for (unsigned row = 0; row < console->rows; row++) {
        const struct text_cell *line = console_view_line(console, row);

        for (unsigned column = 0; column < console->columns; column++) {
            uint32_t *drawn = &console->drawn[row * console->columns + column];
            uint32_t look = line[column].character | (uint32_t)line[column].attribute << 8 |
                            (has_cursor(console, row, column) ? LOOK_CURSOR : 0);

            if (*drawn != look) {
                *drawn = look;
                draw_cell(console, surface, row, column, look);
                display_damage(console->display, (int)(column * CELL_WIDTH), (int)(row * CELL_HEIGHT),
                               CELL_WIDTH, CELL_HEIGHT);
            }
        }
    }
}

static bool text(void *arg, struct text_screen *screen)
{
    struct console_text *console = arg;

    screen->columns = console->columns;
    screen->rows = console->rows;
    screen->cells = g_new(struct text_cell, (size_t)console->columns * console->rows);
    for (unsigned row = 0; row < console->rows; row++) {
        memcpy(screen->cells + row * console->columns, console_view_line(console, row),
               console->columns * sizeof(struct text_cell));
    }
    screen->cursor_visible = console->scrolled == 0;
    screen->cursor_row = console->row;
    screen->cursor_column = MIN(console->column, console->columns - 1);
    return true;
}

static void invalidate(void *arg)
{
    struct console_text *console = arg;

    for (unsigned i = 0; i < console->columns * console->rows; i++) {
        console->drawn[i] = LOOK_NONE;
    }
}

const struct display_source console_source = {update, text, invalidate};

static void send(struct console_text *console, const char *bytes)
{
    console->scrolled = 0;
    if (console->input_fn != NULL) {
        console->input_fn(console->input_arg, bytes, strlen(bytes));
    }
}

/* True if the key was one of those that scroll. */
static bool scroll(struct console_text *console, enum key_code key)
{
    int64_t page = MAX(console->rows / 2, 1), by;

    switch (key) {
    case KEY_UP:
        by = 1;
        break;
    case KEY_DOWN:
        by = -1;
        break;
    case KEY_PGUP:
        by = page;
        break;
    case KEY_PGDN:
        by = -page;
        break;
    default:
        return false;
    }
    console->scrolled = (unsigned)CLAMP((int64_t)console->scrolled + by, 0,
                                        (int64_t)console_history(console));
    return true;
}

/* What a terminal sends for keys that are no characters. */
static const struct {
    uint8_t key; /* enum key_code */
    const char *bytes;
} KEYS[] = {
    {KEY_RET, "\r"},         {KEY_KP_ENTER, "\r"},    {KEY_BACKSPACE, "\x7f"}, {KEY_TAB, "\t"},
    {KEY_ESC, "\x1b"},       {KEY_UP, "\x1b[A"},      {KEY_DOWN, "\x1b[B"},    {KEY_RIGHT, "\x1b[C"},
    {KEY_LEFT, "\x1b[D"},    {KEY_HOME, "\x1b[1~"},   {KEY_INSERT, "\x1b[2~"}, {KEY_DELETE, "\x1b[3~"},
    {KEY_END, "\x1b[4~"},    {KEY_PGUP, "\x1b[5~"},   {KEY_PGDN, "\x1b[6~"},
};

void console_text_key(void *arg, enum key_code key, unsigned modifiers)
{
    struct console_text *console = arg;
    const char *name = key_code_name(key);

    if ((modifiers & 2) != 0) {
        if (!scroll(console, key) && name != NULL && g_ascii_isalpha(name[0]) && name[1] == '\0') {
            char control[2] = {(char)(name[0] & 0x1f), '\0'};

            send(console, control);
        }
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(KEYS); i++) {
        if (KEYS[i].key == key) {
            send(console, KEYS[i].bytes);
        }
    }
}

void console_text_typed(void *arg, const char *typed)
{
    send(arg, typed);
}
