/*
 * The terminal display. See curses.h; the terminal itself is in curses_screen.c.
 */
#include "ui/curses.h"

#include <errno.h>
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/lock.h"
#include "ui/curses_screen.h"
#include "ui/input_impl.h"

#define INTERVAL_MS 40
#define GRAPHICS_US G_USEC_PER_SEC
#define MESSAGE_US (6 * G_USEC_PER_SEC)
#define MESSAGES_MAX 65536
#define KEYS_MAX 200 /* handled at a time */
#define HOLD_MS 10
#define ATTRIBUTE_NORMAL 0x07
#define ATTRIBUTE_MESSAGE 0x70

struct curses {
    struct curses_options options;
    struct display *display;
    struct input *input;
    struct machine_lock *lock;
    struct curses_screen *screen;
    struct ui_console console; /* display NULL: the guest is shown */
    struct text_screen shown;  /* what was drawn last */
    bool redraw;
    gint64 graphics_time; /* of the last look at a graphics mode; 0: text is shown */
    guint timer, watch, error_watch;
    GString *messages;    /* all, for the end */
    char *message;        /* on the last line; NULL: none */
    gint64 message_until;
    int saved_stderr;     /* -1: standard error was left alone */
    int error_pipe;
};

static struct display *shown_display(const struct curses *curses)
{
    return curses->console.display != NULL ? curses->console.display : curses->display;
}

void curses_message(struct curses *curses, const char *text)
{
    if (curses->messages->len < MESSAGES_MAX) {
        g_string_append(curses->messages, text);
        g_string_append_c(curses->messages, '\n');
    }
    g_free(curses->message);
    curses->message = g_strdup(text);
    curses->message_until = g_get_monotonic_time() + MESSAGE_US;
    curses->redraw = true;
}

/* ---- picture ---- */

static void put_line(struct curses *curses, unsigned row, unsigned column, const char *text, uint8_t attribute)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    for (const char *p = valid; *p != '\0'; p = g_utf8_next_char(p)) {
        uint32_t character = g_utf8_get_char(p);

        curses_screen_put(curses->screen, row, column++, character < ' ' ? ' ' : character, attribute);
    }
}

static void put_message(struct curses *curses)
{
    unsigned columns, rows;

    if (curses->message == NULL) {
        return;
    }
    curses_screen_size(curses->screen, &columns, &rows);
    for (unsigned column = 0; column < columns; column++) {
        curses_screen_put(curses->screen, rows - 1, column, ' ', ATTRIBUTE_MESSAGE);
    }
    put_line(curses, rows - 1, 0, curses->message, ATTRIBUTE_MESSAGE);
}

/* A screen that is higher than the terminal is shown from where the cursor can be seen. */
static void draw_text(struct curses *curses, const struct text_screen *screen)
{
    unsigned columns, rows, first = 0, cursor_row = UINT32_MAX;

    curses_screen_size(curses->screen, &columns, &rows);
    if (screen->cursor_visible && screen->cursor_row >= rows) {
        first = screen->cursor_row - rows + 1;
    }
    curses_screen_erase(curses->screen);
    for (unsigned row = first; row < screen->rows && row - first < rows; row++) {
        const struct text_cell *cells = screen->cells + (size_t)row * screen->columns;

        for (unsigned column = 0; column < screen->columns; column++) {
            curses_screen_put(curses->screen, row - first, column, text_cell_unicode(cells[column].character),
                              cells[column].attribute);
        }
    }
    put_message(curses);
    if (screen->cursor_visible) {
        cursor_row = screen->cursor_row - first;
    }
    curses_screen_show(curses->screen, cursor_row, screen->cursor_column);
}

static void draw_graphics(struct curses *curses, gint64 now)
{
    const struct surface *surface;
    unsigned columns, rows;
    char size[64];

    lock_acquire(curses->lock);
    display_update(curses->display);
    lock_release(curses->lock);
    surface = display_surface(curses->display);
    g_snprintf(size, sizeof(size), "The screen is in a graphics mode, %u x %u.", surface->width, surface->height);
    curses_screen_size(curses->screen, &columns, &rows);
    curses_screen_erase(curses->screen);
    put_line(curses, rows / 2 - 1, 2, size, ATTRIBUTE_NORMAL);
    put_line(curses, rows / 2, 2, "To see it: 'screendump FILE.png' in the monitor (Alt-2).", ATTRIBUTE_NORMAL);
    put_message(curses);
    curses_screen_show(curses->screen, UINT32_MAX, 0);
    curses->graphics_time = now;
}

static bool is_same(const struct text_screen *a, const struct text_screen *b)
{
    return a->columns == b->columns && a->rows == b->rows && a->cursor_visible == b->cursor_visible &&
           a->cursor_row == b->cursor_row && a->cursor_column == b->cursor_column &&
           memcmp(a->cells, b->cells, (size_t)a->columns * a->rows * sizeof(*a->cells)) == 0;
}

static void draw(struct curses *curses)
{
    gint64 now = g_get_monotonic_time();
    struct text_screen screen;
    bool text;

    if (curses->message != NULL && now >= curses->message_until) {
        g_clear_pointer(&curses->message, g_free);
        curses->redraw = true;
    }
    lock_acquire(curses->lock);
    text = display_text(shown_display(curses), &screen);
    lock_release(curses->lock);
    if (text && !curses->redraw && curses->graphics_time == 0 && is_same(&screen, &curses->shown)) {
        text_screen_clear(&screen);
        return;
    }
    if (text) {
        draw_text(curses, &screen);
        text_screen_clear(&curses->shown);
        curses->shown = screen;
        curses->graphics_time = 0;
    } else if (curses->redraw || now - curses->graphics_time >= GRAPHICS_US) {
        draw_graphics(curses, now);
    }
    curses->redraw = false;
}

/* ---- keys ---- */

static void show_console(struct curses *curses, unsigned n)
{
    struct ui_console console = {0};
    unsigned columns, rows;

    if (n != 1 && (curses->options.console == NULL || !curses->options.console(curses->options.arg, n, &console))) {
        return;
    }
    curses->console = console;
    if (console.resize != NULL) {
        curses_screen_size(curses->screen, &columns, &rows);
        console.resize(console.arg, columns * 8, rows * 16);
    }
    curses->redraw = true;
}

/* The key of a control character, "" if it is none; all others come with Ctrl. */
static const char *control_name(uint32_t character)
{
    switch (character) {
    case 0x08:
    case 0x7f:
        return "backspace";
    case 0x09:
        return "tab";
    case 0x0a:
    case 0x0d:
        return "ret";
    case 0x1b:
        return "esc";
    default:
        return "";
    }
}

/* Adds the key of a character to a sendkey sequence. False if the guest's layout has none. */
static bool add_character(const struct input *input, GString *keys, uint32_t character)
{
    static const char *const CONTROLS[] = {"backslash", "bracket_right", "shift-6", "shift-minus"};
    struct key_stroke stroke;

    if (control_name(character)[0] != '\0') {
        g_string_append(keys, control_name(character));
    } else if (character == 0) {
        g_string_append(keys, "ctrl-spc");
    } else if (character < 0x1b) {
        g_string_append_printf(keys, "ctrl-%c", (char)(character + 'a' - 1));
    } else if (character < 0x20) {
        g_string_append_printf(keys, "ctrl-%s", CONTROLS[character - 0x1c]);
    } else {
        if (!key_of_character(g_atomic_int_get(&input->layout), character, &stroke)) {
            return false;
        }
        g_string_append_printf(keys, "%s%s%s", stroke.shift ? "shift-" : "", stroke.alt_gr ? "alt_r-" : "",
                               key_code_name(stroke.key));
    }
    return true;
}

static void guest_key(struct curses *curses, const struct curses_key *key)
{
    g_autoptr(GString) keys = g_string_new(NULL);

    g_string_append(keys, key->alt ? "alt-" : "");
    g_string_append(keys, key->ctrl ? "ctrl-" : "");
    g_string_append(keys, key->shift ? "shift-" : "");
    if (key->name[0] != '\0') {
        g_string_append(keys, key->name);
    } else if (!add_character(curses->input, keys, key->character)) {
        return;
    }
    /* A full queue drops what is typed, as a keyboard does. */
    input_send_keys(curses->input, keys->str, HOLD_MS, NULL);
}

static void console_key(struct curses *curses, const struct curses_key *key)
{
    const struct ui_console *console = &curses->console;
    const char *name = key->name[0] != '\0' ? key->name : control_name(key->character);
    unsigned modifiers = (key->shift ? UI_MODIFIER_SHIFT : 0) | (key->ctrl ? UI_MODIFIER_CTRL : 0) |
                         (key->alt ? UI_MODIFIER_ALT : 0);
    char text[8] = {0};

    if (name[0] != '\0' && console->key != NULL) {
        console->key(console->arg, key_code_parse(name, strlen(name)), modifiers);
    } else if (name[0] == '\0' && console->text != NULL) {
        g_unichar_to_utf8(key->character, text);
        console->text(console->arg, text);
    }
}

static void take_key(struct curses *curses, const struct curses_key *key)
{
    if (key->alt && key->name[0] == '\0' && key->character >= '1' && key->character <= '9') {
        show_console(curses, key->character - '0');
    } else if (curses->console.display != NULL) {
        console_key(curses, key);
    } else {
        guest_key(curses, key);
    }
}

static void take_events(struct curses *curses)
{
    struct curses_key key;
    enum curses_event event;

    for (unsigned i = 0; i < KEYS_MAX && (event = curses_screen_event(curses->screen, &key)) != CURSES_NOTHING; i++) {
        if (event == CURSES_KEY) {
            take_key(curses, &key);
        } else {
            unsigned columns, rows;

            curses_screen_size(curses->screen, &columns, &rows);
            if (curses->console.resize != NULL) {
                curses->console.resize(curses->console.arg, columns * 8, rows * 16);
            }
            curses_screen_repair(curses->screen);
            curses->redraw = true;
        }
    }
}

void curses_refresh(struct curses *curses)
{
    take_events(curses);
    draw(curses);
}

/* ---- standard error ---- */

static gboolean on_error_text(gint fd, GIOCondition condition, gpointer data)
{
    struct curses *curses = data;
    char text[1024];
    ssize_t n = read(fd, text, sizeof(text) - 1);

    if (n < 0 && errno == EAGAIN) {
        return G_SOURCE_CONTINUE;
    }
    if (n <= 0) {
        curses->error_watch = 0;
        return G_SOURCE_REMOVE;
    }
    text[n] = '\0';
    g_auto(GStrv) lines = g_strsplit_set(text, "\r\n", -1);
    for (unsigned i = 0; lines[i] != NULL; i++) {
        if (lines[i][0] != '\0') {
            curses_message(curses, lines[i]);
        }
    }
    return G_SOURCE_CONTINUE;
}

static void catch_errors(struct curses *curses)
{
    int ends[2];

    curses->saved_stderr = -1;
    if (!isatty(STDERR_FILENO) || !g_unix_open_pipe(ends, FD_CLOEXEC, NULL)) {
        return;
    }
    g_unix_set_fd_nonblocking(ends[0], TRUE, NULL);
    /* Nobody who writes a message is to wait for this thread. */
    g_unix_set_fd_nonblocking(ends[1], TRUE, NULL);
    curses->saved_stderr = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    curses->error_pipe = ends[0];
    curses->error_watch = g_unix_fd_add(ends[0], G_IO_IN, on_error_text, curses);
}

static void release_errors(struct curses *curses)
{
    if (curses->saved_stderr < 0) {
        return;
    }
    on_error_text(curses->error_pipe, G_IO_IN, curses);
    dup2(curses->saved_stderr, STDERR_FILENO);
    close(curses->saved_stderr);
    if (curses->error_watch != 0) {
        g_source_remove(curses->error_watch);
    }
    close(curses->error_pipe);
}

/* ---- life ---- */

static gboolean on_tick(gpointer data)
{
    curses_refresh(data);
    return G_SOURCE_CONTINUE;
}

static gboolean on_input(gint fd, GIOCondition condition, gpointer data)
{
    take_events(data);
    if ((condition & (G_IO_HUP | G_IO_ERR)) != 0) {
        ((struct curses *)data)->watch = 0;
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

struct curses *curses_create(const struct curses_options *options, struct display *display, struct input *input,
                             struct machine_lock *lock, int in, int out, GError **error)
{
    struct curses_screen *screen = curses_screen_create(in, out, error);
    struct curses *curses;

    if (screen == NULL) {
        return NULL;
    }
    curses = g_new0(struct curses, 1);
    curses->options = *options;
    curses->display = display;
    curses->input = input;
    curses->lock = lock;
    curses->screen = screen;
    curses->redraw = true;
    curses->messages = g_string_new(NULL);
    catch_errors(curses);
    curses->timer = g_timeout_add(INTERVAL_MS, on_tick, curses);
    curses->watch = g_unix_fd_add(in, G_IO_IN | G_IO_HUP, on_input, curses);
    return curses;
}

void curses_destroy(struct curses *curses)
{
    if (curses == NULL) {
        return;
    }
    g_source_remove(curses->timer);
    if (curses->watch != 0) {
        g_source_remove(curses->watch);
    }
    curses_screen_destroy(curses->screen);
    release_errors(curses);
    fputs(curses->messages->str, stderr);
    text_screen_clear(&curses->shown);
    g_string_free(curses->messages, TRUE);
    g_free(curses->message);
    g_free(curses);
}
