/*
 * The text console's terminal: what the bytes of the output do to the lines. The sequences are those of ECMA-48
 * and of the DEC VT102 (User Guide, chapter 5) as far as Linux's "linux" and "vt102" terminal descriptions use
 * them.
 */
#include <string.h>

#include "ui/console_text_impl.h"

#define MODE_CURSOR_KEYS 1
#define MODE_WRAP 7
#define MODE_CURSOR_VISIBLE 25
#define MODE_ALTERNATE_OLD 47
#define MODE_ALTERNATE 1049

static void scroll_up(struct console_text *console, unsigned first, unsigned count)
{
    unsigned last = console->margin_bottom;

    count = MIN(count, last - first + 1);
    if (first == 0 && last == console->rows - 1 && !console->alternate) {
        /* Only this way lines get into the history. */
        for (unsigned i = 0; i < count; i++) {
            console->top++;
            console_fill(console, console_line(console, last), console->columns);
        }
        return;
    }
    for (unsigned row = first; row <= last; row++) {
        if (row + count <= last) {
            memcpy(console_line(console, row), console_line(console, row + count),
                   console->columns * sizeof(struct text_cell));
        } else {
            console_fill(console, console_line(console, row), console->columns);
        }
    }
}

static void scroll_down(struct console_text *console, unsigned first, unsigned count)
{
    for (unsigned row = console->margin_bottom + 1; row-- > first;) {
        if (row >= first + count) {
            memcpy(console_line(console, row), console_line(console, row - count),
                   console->columns * sizeof(struct text_cell));
        } else {
            console_fill(console, console_line(console, row), console->columns);
        }
    }
}

static void new_line(struct console_text *console)
{
    if (console->row == console->margin_bottom) {
        scroll_up(console, console->margin_top, 1);
    } else if (console->row + 1 < console->rows) {
        console->row++;
    }
}

static void reverse_line(struct console_text *console)
{
    if (console->row == console->margin_top) {
        scroll_down(console, console->margin_top, 1);
    } else if (console->row > 0) {
        console->row--;
    }
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

/* The DEC line drawing set, codes 60h to 7Eh, in code page 437. */
static uint8_t line_drawing(uint32_t unicode)
{
    static const uint8_t CODES[] = {
        0x04, 0xb1, '?',  '?',  '?',  '?',  0xf8, 0xf1, '?',  '?',  0xd9, 0xbf, 0xda, 0xc0, 0xc5, 0xc4,
        0xc4, 0xc4, 0xc4, 0xc4, 0xc3, 0xb4, 0xc1, 0xc2, 0xb3, 0xf3, 0xf2, 0xe3, '?',  0x9c, 0xfa,
    };

    return unicode >= 0x60 && unicode <= 0x7e ? CODES[unicode - 0x60] : code_of(unicode);
}

static void put_character(struct console_text *console, uint32_t unicode)
{
    if (console->column >= console->columns) {
        if (console->no_wrap) {
            console->column = console->columns - 1;
        } else {
            console->column = 0;
            new_line(console);
        }
    }
    console_line(console, console->row)[console->column] = (struct text_cell){
        console->line_drawing ? line_drawing(unicode) : code_of(unicode), console->attribute};
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
            *attribute = CONSOLE_ATTRIBUTE;
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
        } else if (value >= 90 && value <= 97) {
            *attribute = (uint8_t)((*attribute & 0xf0) | COLOURS[value - 90] | 0x08);
        }
    }
}

static void save_cursor(struct console_text *console)
{
    console->saved_row = console->row;
    console->saved_column = console->column;
    console->saved_attribute = console->attribute;
}

static void restore_cursor(struct console_text *console)
{
    move_to(console, console->saved_row, console->saved_column);
    console->attribute = console->saved_attribute;
}

/* Full-screen programs get a screen of their own; what was there before comes back. */
static void set_alternate(struct console_text *console, bool on)
{
    size_t line = console->columns * sizeof(struct text_cell);

    if (console->alternate == on) {
        return;
    }
    console->alternate = on;
    if (on) {
        save_cursor(console);
        console->behind = g_malloc(console->rows * line);
        console->behind_columns = console->columns;
        console->behind_rows = console->rows;
    }
    for (unsigned row = 0; row < console->rows; row++) {
        if (on) {
            memcpy(console->behind + row * console->columns, console_line(console, row), line);
        } else if (row < console->behind_rows) {
            memcpy(console_line(console, row), console->behind + row * console->behind_columns,
                   MIN(console->columns, console->behind_columns) * sizeof(struct text_cell));
        }
    }
    if (on) {
        erase_screen(console, 2);
    } else {
        g_clear_pointer(&console->behind, g_free);
        restore_cursor(console);
    }
}

static void set_modes(struct console_text *console, bool on)
{
    for (unsigned i = 0; i < console->parameter_count; i++) {
        switch (console->parameters[i]) {
        case MODE_CURSOR_KEYS:
            console->application_keys = on;
            break;
        case MODE_WRAP:
            console->no_wrap = !on;
            break;
        case MODE_CURSOR_VISIBLE:
            console->cursor_hidden = !on;
            break;
        case MODE_ALTERNATE_OLD:
        case MODE_ALTERNATE:
            set_alternate(console, on);
            break;
        default:
            break;
        }
    }
}

static void report(struct console_text *console, unsigned what)
{
    char answer[32];

    if (what == 5) {
        console_send(console, "\x1b[0n");
    } else if (what == 6) {
        g_snprintf(answer, sizeof(answer), "\x1b[%u;%uR", console->row + 1,
                   MIN(console->column, console->columns - 1) + 1);
        console_send(console, answer);
    }
}

static void set_margins(struct console_text *console)
{
    unsigned top = parameter(console, 0, 1), bottom = parameter(console, 1, console->rows);

    bottom = MIN(bottom, console->rows);
    if (top < bottom) {
        console->margin_top = top - 1;
        console->margin_bottom = bottom - 1;
        move_to(console, 0, 0);
    }
}

/* The sequences that move the cursor. False if it is none. */
static bool run_motion(struct console_text *console, char final)
{
    int64_t row = console->row, column = MIN(console->column, console->columns - 1);
    int64_t count = parameter(console, 0, 1);

    switch (final) {
    case 'A':
        move_to(console, row - count, column);
        break;
    case 'B':
    case 'e':
        move_to(console, row + count, column);
        break;
    case 'C':
    case 'a':
        move_to(console, row, column + count);
        break;
    case 'D':
        move_to(console, row, column - count);
        break;
    case 'E':
        move_to(console, row + count, 0);
        break;
    case 'F':
        move_to(console, row - count, 0);
        break;
    case 'G':
    case '`':
        move_to(console, row, count - 1);
        break;
    case 'd':
        move_to(console, count - 1, column);
        break;
    case 'H':
    case 'f':
        move_to(console, count - 1, (int64_t)parameter(console, 1, 1) - 1);
        break;
    case 's':
        save_cursor(console);
        break;
    case 'u':
        restore_cursor(console);
        break;
    default:
        return false;
    }
    return true;
}

static void run_sequence(struct console_text *console, char final)
{
    unsigned count = parameter(console, 0, 1);
    bool inside = console->row >= console->margin_top && console->row <= console->margin_bottom;

    if (console->private_sequence) {
        if (final == 'h' || final == 'l') {
            set_modes(console, final == 'h');
        }
        return;
    }
    if (run_motion(console, final)) {
        return;
    }
    switch (final) {
    case 'J':
        erase_screen(console, parameter(console, 0, 0));
        break;
    case 'K':
        erase_line(console, parameter(console, 0, 0));
        break;
    case '@':
        shift_line(console, count, true);
        break;
    case 'P':
        shift_line(console, count, false);
        break;
    case 'X':
        console_fill(console,
                     console_line(console, console->row) + MIN(console->column, console->columns - 1),
                     MIN(count, console->columns - MIN(console->column, console->columns - 1)));
        break;
    case 'L':
        if (inside) {
            scroll_down(console, console->row, count);
        }
        break;
    case 'M':
        if (inside) {
            scroll_up(console, console->row, count);
        }
        break;
    case 'S':
        scroll_up(console, console->margin_top, count);
        break;
    case 'T':
        scroll_down(console, console->margin_top, count);
        break;
    case 'm':
        set_rendition(console);
        break;
    case 'n':
        report(console, parameter(console, 0, 0));
        break;
    case 'r':
        set_margins(console);
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

static void full_reset(struct console_text *console)
{
    set_alternate(console, false);
    console->attribute = CONSOLE_ATTRIBUTE;
    console->margin_top = 0;
    console->margin_bottom = console->rows - 1;
    console->cursor_hidden = console->no_wrap = console->application_keys = false;
    console->line_drawing = false;
    erase_screen(console, 2);
    move_to(console, 0, 0);
}

/* The byte after ESC. */
static void take_escape(struct console_text *console, uint8_t byte)
{
    console->state = CONSOLE_PLAIN;
    switch (byte) {
    case '[':
        console->state = CONSOLE_SEQUENCE;
        console->private_sequence = false;
        console->parameter_count = 0;
        memset(console->parameters, 0, sizeof(console->parameters));
        break;
    case ']':
        console->state = CONSOLE_STRING;
        break;
    case '(':
        console->state = CONSOLE_CHARACTER_SET;
        break;
    case ')':
    case '*':
    case '+':
    case '#':
    case '%':
        console->state = CONSOLE_IGNORE_ONE;
        break;
    case '7':
        save_cursor(console);
        break;
    case '8':
        restore_cursor(console);
        break;
    case 'D':
        new_line(console);
        break;
    case 'E':
        console->column = 0;
        new_line(console);
        break;
    case 'M':
        reverse_line(console);
        break;
    case 'c':
        full_reset(console);
        break;
    default:
        break;
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
    case '\v':
    case '\f':
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
        switch (console->state) {
        case CONSOLE_PLAIN:
            take_plain(console, bytes[i]);
            break;
        case CONSOLE_ESCAPE:
            take_escape(console, bytes[i]);
            break;
        case CONSOLE_SEQUENCE:
            take_sequence(console, bytes[i]);
            break;
        case CONSOLE_STRING:
            /* A title: up to BEL, or to the ESC of ESC \. */
            if (bytes[i] == 0x07 || bytes[i] == 0x1b) {
                console->state = bytes[i] == 0x1b ? CONSOLE_IGNORE_ONE : CONSOLE_PLAIN;
            }
            break;
        case CONSOLE_CHARACTER_SET:
            console->line_drawing = bytes[i] == '0';
            console->state = CONSOLE_PLAIN;
            break;
        case CONSOLE_IGNORE_ONE:
            console->state = CONSOLE_PLAIN;
            break;
        }
    }
    /* New output brings the view back. */
    console->scrolled = 0;
}
