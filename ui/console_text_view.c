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
    return console->scrolled == 0 && !console->cursor_hidden && row == console->row &&
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
    screen->cursor_visible = console->scrolled == 0 && !console->cursor_hidden;
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

void console_send(struct console_text *console, const char *bytes)
{
    console->scrolled = 0;
    if (console->input_fn != NULL) {
        console->input_fn(console->input_arg, bytes, strlen(bytes));
    }
}

/* True if the key was one of those that scroll. */
static bool scroll(struct console_text *console, enum key_code key, bool ctrl)
{
    int page = (int)MAX(console->rows / 2, 1), lines;

    switch (key) {
    case KEY_UP:
        lines = ctrl ? 1 : 0;
        break;
    case KEY_DOWN:
        lines = ctrl ? -1 : 0;
        break;
    case KEY_PGUP:
        lines = page;
        break;
    case KEY_PGDN:
        lines = -page;
        break;
    case KEY_HOME:
        lines = CONSOLE_LINES;
        break;
    case KEY_END:
        lines = -CONSOLE_LINES;
        break;
    default:
        return false;
    }
    if (lines != 0) {
        console_text_scroll(console, lines);
    }
    return lines != 0;
}

/* What a terminal sends for keys that are no characters. */
static const struct {
    uint8_t key; /* enum key_code */
    const char *bytes;
} KEYS[] = {
    {KEY_RET, "\r"},          {KEY_KP_ENTER, "\r"},     {KEY_BACKSPACE, "\x7f"},
    {KEY_TAB, "\t"},          {KEY_ESC, "\x1b"},        {KEY_UP, "\x1b[A"},
    {KEY_DOWN, "\x1b[B"},     {KEY_RIGHT, "\x1b[C"},    {KEY_LEFT, "\x1b[D"},
    {KEY_HOME, "\x1b[1~"},    {KEY_INSERT, "\x1b[2~"},  {KEY_DELETE, "\x1b[3~"},
    {KEY_END, "\x1b[4~"},     {KEY_PGUP, "\x1b[5~"},    {KEY_PGDN, "\x1b[6~"},
    {KEY_F1, "\x1bOP"},       {KEY_F2, "\x1bOQ"},       {KEY_F3, "\x1bOR"},
    {KEY_F4, "\x1bOS"},       {KEY_F5, "\x1b[15~"},     {KEY_F6, "\x1b[17~"},
    {KEY_F7, "\x1b[18~"},     {KEY_F8, "\x1b[19~"},     {KEY_F9, "\x1b[20~"},
    {KEY_F10, "\x1b[21~"},    {KEY_F11, "\x1b[23~"},    {KEY_F12, "\x1b[24~"},
};

static void send_control(struct console_text *console, enum key_code key)
{
    const char *name = key_code_name(key);
    char control[2] = {0};

    if (name != NULL && g_ascii_isalpha(name[0]) && name[1] == '\0') {
        control[0] = (char)(name[0] & 0x1f);
    } else if (key == KEY_BRACKET_LEFT) {
        control[0] = 0x1b;
    } else if (key == KEY_BACKSLASH) {
        control[0] = 0x1c;
    } else if (key == KEY_BRACKET_RIGHT) {
        control[0] = 0x1d;
    }
    if (control[0] != 0) {
        console_send(console, control);
    }
}

static void send_key(struct console_text *console, const char *bytes)
{
    char application[4] = "\x1bO";

    if (console->application_keys && bytes[0] == 0x1b && bytes[1] == '[' && g_ascii_isupper(bytes[2])) {
        application[2] = bytes[2];
        bytes = application;
    }
    console_send(console, bytes);
}

void console_text_key(void *arg, enum key_code key, unsigned modifiers)
{
    struct console_text *console = arg;

    if ((modifiers & 3) != 0 && scroll(console, key, (modifiers & 2) != 0)) {
        return;
    }
    if ((modifiers & 2) != 0) {
        send_control(console, key);
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(KEYS); i++) {
        if (KEYS[i].key == key) {
            send_key(console, KEYS[i].bytes);
        }
    }
}

void console_text_typed(void *arg, const char *typed)
{
    console_send(arg, typed);
}
