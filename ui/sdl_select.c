/*
 * Selecting text with the mouse: in consoles, and in the guest's text modes while the guest does not have the
 * mouse. What is selected goes to the clipboard and to the primary selection when the button is released. A
 * double click takes a word, a triple click a line.
 */
#include <string.h>

#include "core/lock.h"
#include "ui/sdl_impl.h"

#define DOUBLE_CLICK_US 400000

static bool get_text(struct sdl_window *window, struct text_screen *screen)
{
    bool text;

    lock_acquire(window->lock);
    text = display_text(sdl_shown_display(window), screen);
    lock_release(window->lock);
    return text && screen->columns > 0 && screen->rows > 0;
}

static uint64_t position(const struct sdl_selection *selection, unsigned row, unsigned column)
{
    return (uint64_t)row * selection->columns + column;
}

/* First and last selected cell, in reading order. */
static void selected(const struct sdl_selection *selection, uint64_t *first, uint64_t *last)
{
    uint64_t a = position(selection, selection->anchor_row, selection->anchor_column);
    uint64_t b = position(selection, selection->row, selection->column);

    *first = MIN(a, b);
    *last = MAX(a, b);
}

static void cell_at(const struct sdl_window *window, int x, int y, unsigned *column, unsigned *row)
{
    const struct sdl_selection *selection = &window->selection;
    int picture_x, picture_y;

    sdl_picture_position(window, x, y, &picture_x, &picture_y);
    *column = (unsigned)CLAMP((int64_t)picture_x * selection->columns / MAX(window->width, 1), 0,
                              (int64_t)selection->columns - 1);
    *row = (unsigned)CLAMP((int64_t)picture_y * selection->rows / MAX(window->height, 1), 0,
                           (int64_t)selection->rows - 1);
}

void sdl_select_clear(struct sdl_window *window)
{
    window->repaint |= window->selection.on;
    memset(&window->selection, 0, sizeof(window->selection));
}

static bool is_blank(const struct text_cell *cell)
{
    return cell->character == ' ' || cell->character == 0 || cell->character == 0xff;
}

/* Trailing blanks of lines are left out. */
static char *selected_text(const struct sdl_selection *selection, const struct text_screen *screen)
{
    GString *text = g_string_new(NULL);
    uint64_t first, last;

    selected(selection, &first, &last);
    for (unsigned row = (unsigned)(first / screen->columns); row <= last / screen->columns; row++) {
        const struct text_cell *cells = screen->cells + (size_t)row * screen->columns;
        unsigned from = row == first / screen->columns ? (unsigned)(first % screen->columns) : 0;
        unsigned to = row == last / screen->columns ? (unsigned)(last % screen->columns) + 1 : screen->columns;

        while (to > from && is_blank(&cells[to - 1])) {
            to--;
        }
        for (unsigned column = from; column < to; column++) {
            g_string_append_unichar(text, text_cell_unicode(cells[column].character));
        }
        if (row < last / screen->columns) {
            g_string_append_c(text, '\n');
        }
    }
    return g_string_free(text, FALSE);
}

static void copy(struct sdl_window *window)
{
    struct text_screen screen;
    const struct sdl_selection *selection = &window->selection;

    if (!get_text(window, &screen)) {
        return;
    }
    if (screen.columns == selection->columns && screen.rows == selection->rows) {
        g_autofree char *text = selected_text(selection, &screen);

        if (text[0] != '\0') {
            SDL_SetClipboardText(text);
            SDL_SetPrimarySelectionText(text);
        }
    }
    text_screen_clear(&screen);
}

/* Widens an empty selection to the word or the line around it. */
static void select_around(struct sdl_window *window, const struct text_screen *screen, bool line)
{
    struct sdl_selection *selection = &window->selection;
    const struct text_cell *cells = screen->cells + (size_t)selection->row * screen->columns;
    unsigned from = selection->column, to = selection->column;

    if (line) {
        from = 0;
        to = screen->columns - 1;
    } else {
        while (from > 0 && !is_blank(&cells[from - 1])) {
            from--;
        }
        while (to + 1 < screen->columns && !is_blank(&cells[to + 1])) {
            to++;
        }
    }
    selection->anchor_column = from;
    selection->column = to;
    selection->on = true;
    selection->dragging = false;
    window->repaint = true;
}

static bool begin(struct sdl_window *window, const SDL_MouseButtonEvent *event)
{
    struct sdl_selection *selection = &window->selection;
    struct text_screen screen;

    sdl_select_clear(window);
    window->grab_at = 0;
    if (!get_text(window, &screen)) {
        return false;
    }
    selection->columns = screen.columns;
    selection->rows = screen.rows;
    cell_at(window, event->x, event->y, &selection->column, &selection->row);
    selection->anchor_column = selection->column;
    selection->anchor_row = selection->row;
    selection->dragging = true;
    if (event->clicks >= 2) {
        select_around(window, &screen, event->clicks >= 3);
        copy(window);
    }
    text_screen_clear(&screen);
    return true;
}

/* The guest gets the mouse while it has it; the grab modifier gives it back for a moment. */
static bool may_select(const struct sdl_window *window)
{
    SDL_Keymod held = SDL_GetModState();

    return sdl_is_guest_shown(window)
               ? !window->grabbed && (!input_absolute(window->input) ||
                                      ((held & KMOD_CTRL) != 0 && (held & KMOD_ALT) != 0))
               : true;
}

bool sdl_select_button(struct sdl_window *window, const SDL_MouseButtonEvent *event)
{
    struct sdl_selection *selection = &window->selection;
    bool used;

    if (event->button != SDL_BUTTON_LEFT) {
        return false;
    }
    if (event->type == SDL_MOUSEBUTTONDOWN) {
        return may_select(window) && begin(window, event);
    }
    used = selection->dragging || selection->on;
    if (selection->dragging && selection->on) {
        copy(window);
    } else if (selection->dragging && sdl_is_guest_shown(window) && !input_absolute(window->input)) {
        /* A click without a selection takes the mouse, unless another follows and makes it a double click. */
        window->grab_at = g_get_monotonic_time() + DOUBLE_CLICK_US;
        sdl_look_soon(window);
    }
    selection->dragging = false;
    return used;
}

bool sdl_select_motion(struct sdl_window *window, const SDL_MouseMotionEvent *event)
{
    struct sdl_selection *selection = &window->selection;
    unsigned column, row;

    if (!selection->dragging) {
        return false;
    }
    cell_at(window, event->x, event->y, &column, &row);
    if (column != selection->column || row != selection->row) {
        selection->column = column;
        selection->row = row;
        selection->on = true;
        window->repaint = true;
    }
    return true;
}

/* Inverts the cells of one row from column `from` up to `to`. */
static void invert(const struct sdl_window *window, pixman_image_t *target, unsigned row, unsigned from,
                   unsigned to)
{
    const struct sdl_selection *selection = &window->selection;
    const SDL_Rect *picture = &window->picture;
    static const pixman_color_t white = {0xffff, 0xffff, 0xffff, 0xffff};
    pixman_image_t *source = pixman_image_create_solid_fill(&white);
    int x1 = (int)((int64_t)from * picture->w / selection->columns);
    int x2 = (int)((int64_t)to * picture->w / selection->columns);
    int y1 = (int)((int64_t)row * picture->h / selection->rows);
    int y2 = (int)((int64_t)(row + 1) * picture->h / selection->rows);

    pixman_image_composite32(PIXMAN_OP_DIFFERENCE, source, NULL, target, 0, 0, 0, 0, picture->x + x1,
                             picture->y + y1, x2 - x1, y2 - y1);
    pixman_image_unref(source);
}

void sdl_select_paint(struct sdl_window *window, pixman_image_t *target)
{
    const struct sdl_selection *selection = &window->selection;
    uint64_t first, last;

    if (!selection->on) {
        return;
    }
    selected(selection, &first, &last);
    for (uint64_t row = first / selection->columns; row <= last / selection->columns; row++) {
        unsigned from = row == first / selection->columns ? (unsigned)(first % selection->columns) : 0;
        unsigned to =
            row == last / selection->columns ? (unsigned)(last % selection->columns) + 1 : selection->columns;

        invert(window, target, (unsigned)row, from, to);
    }
}
