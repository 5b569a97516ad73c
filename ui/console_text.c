/*
 * The text console: output, lines and scroll-back. See console_text.h; the sequences are those of ECMA-48.
 */
#include "ui/console_text.h"

#include <string.h>

#include "ui/console_text_impl.h"

#define ATTRIBUTE_DEFAULT 0x07

bool console_text_find_font(const uint8_t *image, size_t size, uint8_t font[CONSOLE_FONT_SIZE])
{
    /* A capital A and the full block: enough to tell a font from anything else. */
    static const uint8_t LETTER_A[16] = {0,    0,    0x10, 0x38, 0x6c, 0xc6, 0xc6, 0xfe,
                                         0xc6, 0xc6, 0xc6, 0xc6, 0,    0,    0,    0};

    for (size_t start = 0; start + CONSOLE_FONT_SIZE <= size; start++) {
        const uint8_t *candidate = image + start;
        bool block = true;

        if (memcmp(candidate + 'A' * 16, LETTER_A, 16) != 0) {
            continue;
        }
        for (unsigned i = 0; i < 16; i++) {
            block = block && candidate[0xdb * 16 + i] == 0xff && candidate[' ' * 16 + i] == 0;
        }
        if (block) {
            memcpy(font, candidate, CONSOLE_FONT_SIZE);
            return true;
        }
    }
    return false;
}

static struct text_cell *line_number(struct console_text *console, uint64_t line)
{
    return console->cells + line % CONSOLE_LINES * console->columns;
}

struct text_cell *console_line(struct console_text *console, unsigned row)
{
    return line_number(console, console->top + row);
}

struct text_cell *console_view_line(struct console_text *console, unsigned row)
{
    return line_number(console, console->top - console->scrolled + row);
}

unsigned console_history(const struct console_text *console)
{
    return (unsigned)MIN(console->top, CONSOLE_LINES - console->rows);
}

void console_fill(struct console_text *console, struct text_cell *cells, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        cells[i] = (struct text_cell){' ', console->attribute};
    }
}

static void new_line(struct console_text *console)
{
    if (console->row + 1 < console->rows) {
        console->row++;
        return;
    }
    console->top++;
    console_fill(console, console_line(console, console->rows - 1), console->columns);
}

static uint8_t code_of(uint32_t unicode)
{
    if (unicode >= 0x20 && unicode < 0x7f) {
        return (uint8_t)unicode;
    }
    for (unsigned code = 1; code < 256; code++) {
        if (text_cell_unicode((uint8_t)code) == unicode) {
            return (uint8_t)code;
        }
    }
    return '?';
}

static void put_character(struct console_text *console, uint32_t unicode)
{
    if (console->column >= console->columns) {
        console->column = 0;
        new_line(console);
    }
    console_line(console, console->row)[console->column] =
        (struct text_cell){code_of(unicode), console->attribute};
    console->column++;
}

/* The parameter, or `missing` where it is left out or 0. */
static unsigned parameter(const struct console_text *console, unsigned n, unsigned missing)
{
    unsigned value = n < console->parameter_count ? console->parameters[n] : 0;

    return value != 0 ? value : missing;
}

static void move_to(struct console_text *console, int64_t row, int64_t column)
{
    console->row = (unsigned)CLAMP(row, 0, (int64_t)console->rows - 1);
    console->column = (unsigned)CLAMP(column, 0, (int64_t)console->columns - 1);
}

static void erase_line(struct console_text *console, unsigned how)
{
    struct text_cell *line = console_line(console, console->row);
    unsigned column = MIN(console->column, console->columns - 1);

    if (how == 0) {
        console_fill(console, line + column, console->columns - column);
    } else {
        console_fill(console, line, how == 1 ? column + 1 : console->columns);
    }
}

static void erase_screen(struct console_text *console, unsigned how)
{
    unsigned first = how == 0 ? console->row + 1 : 0;
    unsigned end = how == 1 ? console->row : console->rows;

    for (unsigned row = first; row < end; row++) {
        console_fill(console, console_line(console, row), console->columns);
    }
    if (how < 2) {
        erase_line(console, how);
    }
}

/* Moves the rest of the line by `count` cells to the right, or to the left if it is to shrink. */
static void shift_line(struct console_text *console, unsigned count, bool insert)
{
    struct text_cell *line = console_line(console, console->row);
    unsigned column = MIN(console->column, console->columns - 1);
    unsigned rest = console->columns - column;

    count = MIN(count, rest);
    if (insert) {
        memmove(line + column + count, line + column, (rest - count) * sizeof(*line));
        console_fill(console, line + column, count);
    } else {
        memmove(line + column, line + column + count, (rest - count) * sizeof(*line));
        console_fill(console, line + console->columns - count, count);
    }
}

/* SGR: red and blue stand the other way round in a VGA attribute. */
static void set_rendition(struct console_text *console)
{
    static const uint8_t COLOURS[8] = {0, 4, 2, 6, 1, 5, 3, 7};

    for (unsigned i = 0; i < MAX(console->parameter_count, 1); i++) {
        unsigned value = parameter(console, i, 0);
        uint8_t *attribute = &console->attribute;

        if (value == 0) {
            *attribute = ATTRIBUTE_DEFAULT;
        } else if (value == 1) {
            *attribute |= 0x08;
        } else if (value == 22) {
            *attribute &= 0xf7;
        } else if (value == 7 || value == 27) {
            *attribute = (uint8_t)((*attribute & 0x88) | (*attribute & 7) << 4 | (*attribute >> 4 & 7));
        } else if (value >= 30 && value <= 37) {
            *attribute = (uint8_t)((*attribute & 0xf8) | COLOURS[value - 30]);
        } else if (value == 39) {
            *attribute = (*attribute & 0xf8) | 7;
        } else if (value >= 40 && value <= 47) {
            *attribute = (uint8_t)((*attribute & 0x8f) | COLOURS[value - 40] << 4);
        } else if (value == 49) {
            *attribute &= 0x8f;
        }
    }
}

static void run_sequence(struct console_text *console, char final)
{
    int64_t row = console->row, column = MIN(console->column, console->columns - 1);
    int64_t count = parameter(console, 0, 1);

    if (console->private_sequence) {
        return;
    }
    switch (final) {
    case 'A':
        move_to(console, row - count, column);
        break;
    case 'B':
        move_to(console, row + count, column);
        break;
    case 'C':
        move_to(console, row, column + count);
        break;
    case 'D':
        move_to(console, row, column - count);
        break;
    case 'G':
        move_to(console, row, count - 1);
        break;
    case 'd':
        move_to(console, count - 1, column);
        break;
    case 'H':
    case 'f':
        move_to(console, count - 1, (int64_t)parameter(console, 1, 1) - 1);
        break;
    case 'J':
        erase_screen(console, parameter(console, 0, 0));
        break;
    case 'K':
        erase_line(console, parameter(console, 0, 0));
        break;
    case '@':
        shift_line(console, (unsigned)count, true);
        break;
    case 'P':
        shift_line(console, (unsigned)count, false);
        break;
    case 'm':
        set_rendition(console);
        break;
    default:
        break;
    }
}

static void take_sequence(struct console_text *console, uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        unsigned *value;

        if (console->parameter_count == 0) {
            console->parameter_count = 1;
        }
        value = &console->parameters[console->parameter_count - 1];
        *value = MIN(*value * 10 + (byte - '0'), 9999);
    } else if (byte == ';') {
        /* Superfluous parameters fall into the last one. */
        console->parameter_count = MIN(MAX(console->parameter_count, 1) + 1, CONSOLE_PARAMETERS);
    } else if (byte == '?') {
        console->private_sequence = true;
    } else if (byte >= 0x40 && byte <= 0x7e) {
        console->state = CONSOLE_PLAIN;
        run_sequence(console, (char)byte);
    } else if (byte < 0x20) {
        console->state = CONSOLE_PLAIN;
    }
}

static void take_control(struct console_text *console, uint8_t byte)
{
    switch (byte) {
    case '\b':
        console->column = MIN(console->column, console->columns - 1);
        console->column -= console->column > 0;
        break;
    case '\t':
        console->column = MIN((console->column / 8 + 1) * 8, console->columns - 1);
        break;
    case '\n':
        new_line(console);
        break;
    case '\r':
        console->column = 0;
        break;
    case 0x1b:
        console->state = CONSOLE_ESCAPE;
        break;
    default:
        break;
    }
}

static void take_plain(struct console_text *console, uint8_t byte)
{
    if (console->unicode_left > 0 && (byte & 0xc0) == 0x80) {
        console->unicode = console->unicode << 6 | (byte & 0x3f);
        if (--console->unicode_left == 0) {
            put_character(console, console->unicode);
        }
        return;
    }
    console->unicode_left = 0;
    if (byte < 0x20) {
        take_control(console, byte);
    } else if (byte < 0x7f) {
        put_character(console, byte);
    } else if (byte >= 0xc0 && byte < 0xf8) {
        console->unicode_left = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
        console->unicode = byte & (0x3fu >> console->unicode_left);
    }
}

void console_text_write(struct console_text *console, const void *data, size_t size)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i < size; i++) {
        if (console->state == CONSOLE_PLAIN) {
            take_plain(console, bytes[i]);
        } else if (console->state == CONSOLE_SEQUENCE) {
            take_sequence(console, bytes[i]);
        } else if (bytes[i] == '[') {
            console->state = CONSOLE_SEQUENCE;
            console->private_sequence = false;
            console->parameter_count = 0;
            memset(console->parameters, 0, sizeof(console->parameters));
        } else {
            console->state = CONSOLE_PLAIN;
        }
    }
    /* New output brings the view back. */
    console->scrolled = 0;
}

struct console_text *console_text_create(const uint8_t font[CONSOLE_FONT_SIZE], unsigned columns,
                                         unsigned rows)
{
    struct console_text *console = g_new0(struct console_text, 1);

    memcpy(console->font, font, CONSOLE_FONT_SIZE);
    console->columns = CLAMP(columns, 1, 500);
    console->rows = CLAMP(rows, 1, 200);
    console->attribute = ATTRIBUTE_DEFAULT;
    console->cells = g_new0(struct text_cell, (size_t)CONSOLE_LINES * console->columns);
    console_fill(console, console->cells, CONSOLE_LINES * console->columns);
    console->drawn = g_new(uint32_t, (size_t)console->columns * console->rows);
    console->display = display_create();
    display_set_source(console->display, &console_source, console);
    return console;
}

void console_text_destroy(struct console_text *console)
{
    if (console == NULL) {
        return;
    }
    display_destroy(console->display);
    g_free(console->cells);
    g_free(console->drawn);
    g_free(console);
}

struct display *console_text_display(struct console_text *console)
{
    return console->display;
}

void console_text_on_input(struct console_text *console, console_text_input_fn *fn, void *arg)
{
    console->input_fn = fn;
    console->input_arg = arg;
}
