/* See the header. Terminal codes: ECMA-48 (CUB, CUF, EL, ED, CUP), keys as xterm and the Linux
 * console send. */
#include "monitor/readline.h"

#include <string.h>

#define KEY_CTRL(c) ((c)&0x1f)

enum escape_state { ESCAPE_NONE, ESCAPE_ESC, ESCAPE_CSI, ESCAPE_SS3 };

struct readline {
    char *prompt; /* owned, may be NULL */
    bool echo;
    readline_complete_fn *complete;
    void *arg;
    char line[READLINE_MAX + 1];
    size_t length, cursor; /* bytes */
    char finished[READLINE_MAX + 1];
    bool after_cr; /* a line feed now belongs to the CR before it */
    enum escape_state escape;
    unsigned parameter; /* of an escape sequence */
    GQueue history;     /* char *, owned; newest first */
    int history_at;     /* -1 = the line being typed */
    char *typed;        /* that line while the history is shown; owned */
};

struct readline *readline_create(const char *prompt, bool echo, readline_complete_fn *complete,
                                 void *arg)
{
    struct readline *self = g_new0(struct readline, 1);
    self->prompt = g_strdup(prompt);
    self->echo = echo;
    self->complete = complete;
    self->arg = arg;
    self->history_at = -1;
    g_queue_init(&self->history);
    return self;
}

void readline_destroy(struct readline *self)
{
    if (self != NULL) {
        g_queue_clear_full(&self->history, g_free);
        g_free(self->typed);
        g_free(self->prompt);
        g_free(self);
    }
}

static bool continues(char c)
{
    return ((uint8_t)c & 0xc0) == 0x80;
}

static size_t columns(const char *text, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        n += !continues(text[i]);
    }
    return n;
}

static void move_left(size_t n, GString *out)
{
    if (n > 0) {
        g_string_append_printf(out, "\033[%zuD", n);
    }
}

static void move_right(size_t n, GString *out)
{
    if (n > 0) {
        g_string_append_printf(out, "\033[%zuC", n);
    }
}

/* Shows the line from the cursor on, the screen's cursor being there. */
static void show_tail(struct readline *self, GString *out)
{
    size_t tail = self->length - self->cursor;
    g_string_append_len(out, self->line + self->cursor, (gssize)tail);
    g_string_append(out, "\033[K");
    move_left(columns(self->line + self->cursor, tail), out);
}

void readline_show(struct readline *self, GString *out)
{
    if (self->prompt != NULL) {
        g_string_append(out, self->prompt);
    }
    if (self->echo && self->length > 0) {
        g_string_append_len(out, self->line, (gssize)self->length);
        move_left(columns(self->line + self->cursor, self->length - self->cursor), out);
    }
}

static void move_to(struct readline *self, size_t cursor, GString *out)
{
    if (cursor < self->cursor) {
        move_left(columns(self->line + cursor, self->cursor - cursor), out);
    } else {
        move_right(columns(self->line + self->cursor, cursor - self->cursor), out);
    }
    self->cursor = cursor;
}

static size_t left_of(const struct readline *self, size_t cursor)
{
    while (cursor > 0 && continues(self->line[--cursor])) {
    }
    return cursor;
}

static size_t right_of(const struct readline *self, size_t cursor)
{
    if (cursor < self->length) {
        cursor++;
    }
    while (cursor < self->length && continues(self->line[cursor])) {
        cursor++;
    }
    return cursor;
}

/* Deletes bytes [from, to) of the line; the cursor goes to `from`. */
static void delete_range(struct readline *self, size_t from, size_t to, GString *out)
{
    if (from < to) {
        move_to(self, from, out);
        memmove(self->line + from, self->line + to, self->length - to);
        self->length -= to - from;
        show_tail(self, out);
    }
}

static void insert(struct readline *self, const char *text, size_t size, GString *out)
{
    if (size > READLINE_MAX - self->length) {
        g_string_append_c(out, '\a');
        return;
    }
    memmove(self->line + self->cursor + size, self->line + self->cursor,
            self->length - self->cursor);
    memcpy(self->line + self->cursor, text, size);
    self->length += size;
    g_string_append_len(out, text, (gssize)size);
    self->cursor += size;
    if (self->cursor < self->length) {
        show_tail(self, out);
    }
}

static void replace_line(struct readline *self, const char *text, GString *out)
{
    move_to(self, 0, out);
    self->length = 0;
    g_string_append(out, "\033[K");
    insert(self, text, strlen(text), out);
}

static size_t word_start(const struct readline *self)
{
    size_t i = self->cursor;
    while (i > 0 && self->line[i - 1] == ' ') {
        i--;
    }
    while (i > 0 && self->line[i - 1] != ' ') {
        i--;
    }
    return i;
}

/* step +1: older. */
static void browse(struct readline *self, int step, GString *out)
{
    int at = self->history_at + step;
    if (at < -1 || at >= (int)self->history.length) {
        return;
    }
    if (self->history_at < 0) {
        g_free(self->typed);
        self->typed = g_strndup(self->line, self->length);
    }
    self->history_at = at;
    replace_line(self, at < 0 ? self->typed : g_queue_peek_nth(&self->history, (guint)at), out);
}

static void remember(struct readline *self, const char *line)
{
    const char *newest = g_queue_peek_head(&self->history);
    self->history_at = -1;
    if (line[0] == '\0' || (newest != NULL && strcmp(newest, line) == 0)) {
        return;
    }
    g_queue_push_head(&self->history, g_strdup(line));
    if (self->history.length > READLINE_HISTORY) {
        g_free(g_queue_pop_tail(&self->history));
    }
}

static void list_candidates(struct readline *self, const GPtrArray *candidates, GString *out)
{
    size_t width = 0, column = 0;
    for (guint i = 0; i < candidates->len; i++) {
        width = MAX(width, strlen(g_ptr_array_index(candidates, i)) + 2);
    }
    g_string_append(out, "\n");
    for (guint i = 0; i < candidates->len; i++) {
        if (column > 0 && column + width > 79) {
            g_string_append_c(out, '\n');
            column = 0;
        }
        g_string_append_printf(out, "%-*s", (int)width,
                               (const char *)g_ptr_array_index(candidates, i));
        column += width;
    }
    g_string_append(out, "\n");
    readline_show(self, out);
}

static void complete(struct readline *self, GString *out)
{
    if (self->complete == NULL) {
        return;
    }
    self->line[self->length] = '\0';
    g_autoptr(GPtrArray) candidates = g_ptr_array_new_with_free_func(g_free);
    size_t start = self->complete(self->arg, self->line, self->cursor, candidates);
    if (candidates->len == 0 || start > self->cursor) {
        return;
    }
    const char *first = g_ptr_array_index(candidates, 0);
    size_t common = strlen(first);
    for (guint i = 1; i < candidates->len; i++) {
        const char *other = g_ptr_array_index(candidates, i);
        size_t n = 0;
        while (n < common && other[n] == first[n]) {
            n++;
        }
        common = n;
    }
    size_t have = self->cursor - start;
    if (common > have) {
        insert(self, first + have, common - have, out);
    } else if (candidates->len > 1) {
        list_candidates(self, candidates, out);
    }
    if (candidates->len == 1 && !g_str_has_suffix(first, "/")) {
        insert(self, " ", 1, out);
    }
}

static const char *finish(struct readline *self, GString *out)
{
    memcpy(self->finished, self->line, self->length);
    self->finished[self->length] = '\0';
    self->length = self->cursor = 0;
    if (self->echo) {
        g_string_append_c(out, '\n');
        remember(self, self->finished);
    }
    return self->finished;
}

/* The last byte of an escape sequence that names a key. */
static void escape_key(struct readline *self, uint8_t byte, GString *out)
{
    if (byte == '~') {
        static const char keys[] =
            "?H?3F??HF"; /* by parameter: 1 Home, 3 Delete, 4 End, 7 Home, 8 End */
        byte = self->parameter < sizeof(keys) - 1 ? (uint8_t)keys[self->parameter] : '?';
    }
    switch (byte) {
    case 'A':
        browse(self, 1, out);
        break;
    case 'B':
        browse(self, -1, out);
        break;
    case 'C':
        move_to(self, right_of(self, self->cursor), out);
        break;
    case 'D':
        move_to(self, left_of(self, self->cursor), out);
        break;
    case 'H':
        move_to(self, 0, out);
        break;
    case 'F':
        move_to(self, self->length, out);
        break;
    case '3':
        delete_range(self, self->cursor, right_of(self, self->cursor), out);
        break;
    default:
        break;
    }
}

/* A byte within an escape sequence. */
static void escape_byte(struct readline *self, uint8_t byte, GString *out)
{
    if (self->escape == ESCAPE_ESC) {
        self->escape = byte == '[' ? ESCAPE_CSI : byte == 'O' ? ESCAPE_SS3 : ESCAPE_NONE;
        self->parameter = 0;
        return;
    }
    if (byte >= '0' && byte <= '9') {
        self->parameter = MIN(self->parameter * 10 + (byte - '0'), 1000u);
        return;
    }
    if (byte == ';') {
        self->parameter = 0; /* modifiers: what counts is the key */
        return;
    }
    self->escape = ESCAPE_NONE;
    escape_key(self, byte, out);
}

/* A control character other than those that end the line. */
static void control(struct readline *self, uint8_t byte, GString *out)
{
    switch (byte) {
    case KEY_CTRL('A'):
        move_to(self, 0, out);
        break;
    case KEY_CTRL('B'):
        move_to(self, left_of(self, self->cursor), out);
        break;
    case KEY_CTRL('D'):
        delete_range(self, self->cursor, right_of(self, self->cursor), out);
        break;
    case KEY_CTRL('E'):
        move_to(self, self->length, out);
        break;
    case KEY_CTRL('F'):
        move_to(self, right_of(self, self->cursor), out);
        break;
    case KEY_CTRL('H'):
    case 127:
        delete_range(self, left_of(self, self->cursor), self->cursor, out);
        break;
    case '\t':
        complete(self, out);
        break;
    case KEY_CTRL('K'):
        delete_range(self, self->cursor, self->length, out);
        break;
    case KEY_CTRL('L'):
        g_string_append(out, "\033[H\033[2J");
        readline_show(self, out);
        break;
    case KEY_CTRL('N'):
        browse(self, -1, out);
        break;
    case KEY_CTRL('P'):
        browse(self, 1, out);
        break;
    case KEY_CTRL('U'):
        delete_range(self, 0, self->cursor, out);
        break;
    case KEY_CTRL('W'):
        delete_range(self, word_start(self), self->cursor, out);
        break;
    case 27:
        self->escape = ESCAPE_ESC;
        break;
    default:
        break;
    }
}

/* Ctrl-C: a new line instead of this one. */
static void drop_line(struct readline *self, GString *out)
{
    self->length = self->cursor = 0;
    self->escape = ESCAPE_NONE;
    self->history_at = -1;
    if (self->echo) {
        g_string_append(out, "^C\n");
        readline_show(self, out);
    }
}

/* Without echo nothing is edited but the last character. */
static void plain_byte(struct readline *self, uint8_t byte)
{
    if (byte == KEY_CTRL('H') || byte == 127) {
        self->length = self->cursor = left_of(self, self->cursor);
    } else if (byte >= ' ' || byte == '\t') {
        if (self->length < READLINE_MAX) {
            self->line[self->length++] = byte == '\t' ? ' ' : (char)byte;
            self->cursor = self->length;
        }
    }
}

const char *readline_feed(struct readline *self, uint8_t byte, GString *out)
{
    bool continued = self->after_cr && byte == '\n';
    self->after_cr = byte == '\r';
    if (continued) {
        return NULL;
    }
    if (byte == '\r' || byte == '\n') {
        self->escape = ESCAPE_NONE;
        return finish(self, out);
    }
    if (byte == KEY_CTRL('C')) {
        drop_line(self, out);
    } else if (!self->echo) {
        plain_byte(self, byte);
    } else if (self->escape != ESCAPE_NONE) {
        escape_byte(self, byte, out);
    } else if (byte < ' ' || byte == 127) {
        control(self, byte, out);
    } else {
        char c = (char)byte;
        insert(self, &c, 1, out);
    }
    return NULL;
}
