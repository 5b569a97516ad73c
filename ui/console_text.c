/*
 * The text console: its lines, scroll-back and size. See console_text.h.
 */
#include "ui/console_text.h"

#include <string.h>

#include "ui/console_text_impl.h"

#define COLUMNS_MAX 500
#define ROWS_MAX 200

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

/* New memory for the present size, all blank. */
static void make_cells(struct console_text *console)
{
    console->cells = g_new(struct text_cell, (size_t)CONSOLE_LINES * console->columns);
    for (size_t i = 0; i < (size_t)CONSOLE_LINES * console->columns; i++) {
        console->cells[i] = (struct text_cell){' ', CONSOLE_ATTRIBUTE};
    }
    console->drawn = g_new(uint32_t, (size_t)console->columns * console->rows);
    console->margin_top = 0;
    console->margin_bottom = console->rows - 1;
}

/* The lines keep their numbers. The cursor's line stays on the screen; a screen that grows shows lines of the
 * history again. */
void console_text_resize(struct console_text *console, unsigned columns, unsigned rows)
{
    struct console_text before = *console;
    uint64_t first = console->top - console_history(console), end = console->top + console->rows;

    columns = CLAMP(columns, 1, COLUMNS_MAX);
    rows = CLAMP(rows, 1, ROWS_MAX);
    if (columns == console->columns && rows == console->rows) {
        return;
    }
    if (rows <= console->row) {
        console->top += console->row + 1 - rows;
        console->row = rows - 1;
    } else if (rows > console->rows) {
        unsigned again = (unsigned)MIN(rows - console->rows, console->top - first);

        console->top -= again;
        console->row += again;
    }
    console->columns = columns;
    console->rows = rows;
    console->column = MIN(console->column, columns);
    console->scrolled = 0;
    make_cells(console);
    end = MIN(end, console->top + rows);
    first = MAX(first, console->top - console_history(console));
    for (uint64_t line = first; line < end; line++) {
        memcpy(line_number(console, line), line_number(&before, line),
               MIN(columns, before.columns) * sizeof(struct text_cell));
    }
    g_free(before.cells);
    g_free(before.drawn);
    display_invalidate(console->display);
}

bool console_text_scroll(struct console_text *console, int lines)
{
    unsigned before = console->scrolled;

    console->scrolled = (unsigned)CLAMP((int64_t)console->scrolled + lines, 0,
                                        (int64_t)console_history(console));
    return console->scrolled != before;
}

struct console_text *console_text_create(const uint8_t font[CONSOLE_FONT_SIZE], unsigned columns,
                                         unsigned rows)
{
    struct console_text *console = g_new0(struct console_text, 1);

    memcpy(console->font, font, CONSOLE_FONT_SIZE);
    console->attribute = CONSOLE_ATTRIBUTE;
    console->columns = CLAMP(columns, 1, COLUMNS_MAX);
    console->rows = CLAMP(rows, 1, ROWS_MAX);
    make_cells(console);
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
    g_free(console->behind);
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
