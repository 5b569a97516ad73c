/*
 * The terminal through ncursesw: colours, line drawing, keys. See curses_screen.h.
 *
 * A VGA attribute has 16 foreground and 8 background colours. Terminals with 16 colours show them as they are, those
 * with 8 show bright ones bold. In locales without UTF-8 lines and blocks are drawn with the terminal's own
 * character set.
 */
#include "ui/curses_screen.h"

#include <errno.h>
#include <locale.h>
#include <ncursesw/curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ESCAPE 0x1b
#define ESCAPE_DELAY_MS 25
#define ATTRIBUTE_COUNT 128 /* foreground and background */

struct curses_screen {
    SCREEN *screen;
    FILE *in, *out; /* owned; of duplicated descriptors */
    bool colours, sixteen, utf8;
};

/* VGA numbers its colours blue, green, red; terminals red, green, blue. */
static short terminal_colour(unsigned colour)
{
    static const short COLOURS[8] = {COLOR_BLACK, COLOR_BLUE, COLOR_GREEN, COLOR_CYAN,
                                     COLOR_RED, COLOR_MAGENTA, COLOR_YELLOW, COLOR_WHITE};

    return (short)(COLOURS[colour & 7] + (colour & 8));
}

static void init_colours(struct curses_screen *screen)
{
    screen->colours = has_colors() && start_color() == OK && COLOR_PAIRS >= 64;
    screen->sixteen = screen->colours && COLORS >= 16 && COLOR_PAIRS > ATTRIBUTE_COUNT;
    for (unsigned attribute = 0; screen->colours && attribute < ATTRIBUTE_COUNT; attribute++) {
        if (screen->sixteen) {
            init_pair((short)(attribute + 1), terminal_colour(attribute & 15), terminal_colour(attribute >> 4));
        } else if ((attribute & 8) == 0) {
            short pair = (short)((attribute >> 4) * 8 + (attribute & 7));

            /* Pair 0 cannot be set: white on black takes it, and black on black its place. */
            init_pair(pair == 0 ? 7 : pair == 7 ? 0 : pair, terminal_colour(attribute & 7),
                      terminal_colour(attribute >> 4));
        }
    }
}

struct curses_screen *curses_screen_create(int in, int out, GError **error)
{
    struct curses_screen *screen = g_new0(struct curses_screen, 1);
    const char *type = g_getenv("TERM");

    if (!isatty(in) || !isatty(out)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                    "standard input and output are not a terminal; start vmm in one or use -nographic");
        g_free(screen);
        return NULL;
    }
    setlocale(LC_CTYPE, "");
    set_escdelay(ESCAPE_DELAY_MS);
    screen->in = fdopen(dup(in), "r");
    screen->out = fdopen(dup(out), "w");
    screen->utf8 = MB_CUR_MAX > 1;
    if (screen->in != NULL && screen->out != NULL) {
        screen->screen = newterm(NULL, screen->out, screen->in);
    }
    if (screen->screen == NULL) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                    "the terminal type '%s' is not known; set TERM (e.g. TERM=vt100) or use -nographic",
                    type != NULL ? type : "");
        curses_screen_destroy(screen);
        return NULL;
    }
    raw();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    init_colours(screen);
    return screen;
}

void curses_screen_destroy(struct curses_screen *screen)
{
    if (screen->screen != NULL) {
        endwin();
        delscreen(screen->screen);
    }
    if (screen->in != NULL) {
        fclose(screen->in);
    }
    if (screen->out != NULL) {
        fclose(screen->out);
    }
    g_free(screen);
}

void curses_screen_size(struct curses_screen *screen, unsigned *columns, unsigned *rows)
{
    *columns = (unsigned)MAX(COLS, 1);
    *rows = (unsigned)MAX(LINES, 1);
}

void curses_screen_erase(struct curses_screen *screen)
{
    bkgdset(' ');
    erase();
}

static void set_attribute(struct curses_screen *screen, uint8_t attribute)
{
    unsigned colours = attribute & 0x7f;
    attr_t look = (attribute & 0x80) != 0 ? A_BLINK : A_NORMAL;
    short pair = 0;

    if (screen->sixteen) {
        pair = (short)(colours + 1);
    } else if (screen->colours) {
        pair = (short)((colours >> 4) * 8 + (colours & 7));
        pair = pair == 0 ? 7 : pair == 7 ? 0 : pair;
    } else if (colours >> 4 != 0) {
        look |= A_REVERSE;
    }
    if (!screen->sixteen && (colours & 8) != 0) {
        look |= A_BOLD;
    }
    attr_set(look, pair, NULL);
}

/* For terminals without Unicode: the nearest of the alternate character set, or 0. Double lines are single there. */
static chtype alternate_character(uint32_t unicode)
{
    static const uint16_t LINES_FROM[] = {
        0x2502, 0x2551, 0x2500, 0x2550, 0x250c, 0x2554, 0x2510, 0x2557, 0x2514, 0x255a, 0x2518, 0x255d, 0x251c,
        0x2560, 0x2524, 0x2563, 0x252c, 0x2566, 0x2534, 0x2569, 0x253c, 0x256c,
    };
    static const char LINES_TO[] = "xxqqllkkmmjjttuuwwvvnn";

    for (unsigned i = 0; i < G_N_ELEMENTS(LINES_FROM); i++) {
        if (unicode == LINES_FROM[i]) {
            return NCURSES_ACS(LINES_TO[i]);
        }
    }
    if (unicode >= 0x2591 && unicode <= 0x2593) {
        return NCURSES_ACS('a');
    }
    return unicode == 0x2588 || (unicode >= 0x2580 && unicode <= 0x2590) ? ' ' | A_REVERSE : 0;
}

void curses_screen_put(struct curses_screen *screen, unsigned row, unsigned column, uint32_t unicode,
                       uint8_t attribute)
{
    wchar_t text[2] = {(wchar_t)unicode, 0};

    if ((int)row >= LINES || (int)column >= COLS) {
        return;
    }
    set_attribute(screen, attribute);
    if (unicode == 0xa0) {
        text[0] = ' ';
    }
    if (unicode < 0x7f || screen->utf8) {
        mvaddnwstr((int)row, (int)column, text, 1);
    } else {
        chtype character = alternate_character(unicode);

        mvaddch((int)row, (int)column, character != 0 ? character : '?');
    }
    attr_set(A_NORMAL, 0, NULL);
}

void curses_screen_show(struct curses_screen *screen, unsigned cursor_row, unsigned cursor_column)
{
    bool visible = (int)cursor_row < LINES && (int)cursor_column < COLS;

    curs_set(visible ? 1 : 0);
    if (visible) {
        move((int)cursor_row, (int)cursor_column);
    }
    refresh();
}

void curses_screen_repair(struct curses_screen *screen)
{
    clearok(curscr, TRUE);
}

/* Names of keys that every terminal description has. */
static const struct {
    int code;
    const char *name;
    bool shift;
} KEYS[] = {
    {KEY_UP, "up", false},          {KEY_DOWN, "down", false},     {KEY_LEFT, "left", false},
    {KEY_RIGHT, "right", false},    {KEY_HOME, "home", false},     {KEY_END, "end", false},
    {KEY_PPAGE, "pgup", false},     {KEY_NPAGE, "pgdn", false},    {KEY_IC, "insert", false},
    {KEY_DC, "delete", false},      {KEY_BACKSPACE, "backspace", false}, {KEY_ENTER, "kp_enter", false},
    {KEY_A1, "kp_7", false},        {KEY_A3, "kp_9", false},       {KEY_B2, "kp_5", false},
    {KEY_C1, "kp_1", false},        {KEY_C3, "kp_3", false},       {KEY_BTAB, "tab", true},
    {KEY_SR, "up", true},           {KEY_SF, "down", true},        {KEY_SLEFT, "left", true},
    {KEY_SRIGHT, "right", true},    {KEY_SHOME, "home", true},     {KEY_SEND, "end", true},
    {KEY_SPREVIOUS, "pgup", true},  {KEY_SNEXT, "pgdn", true},     {KEY_SIC, "insert", true},
    {KEY_SDC, "delete", true},      {KEY_PRINT, "print", false},   {KEY_SUSPEND, "pause", false},
};

/* xterm's keys with modifiers: ncurses calls them kUP5 and the like, the digit being 1 plus the modifiers
 * (1 shift, 2 alt, 4 ctrl). */
static bool extended_key(int code, struct curses_key *key)
{
    static const struct {
        const char *prefix, *name;
    } NAMES[] = {
        {"kUP", "up"},      {"kDN", "down"},     {"kLFT", "left"},   {"kRIT", "right"},
        {"kHOM", "home"},   {"kEND", "end"},     {"kPRV", "pgup"},   {"kNXT", "pgdn"},
        {"kIC", "insert"},  {"kDC", "delete"},
    };
    const char *text = keyname(code);

    for (unsigned i = 0; text != NULL && i < G_N_ELEMENTS(NAMES); i++) {
        size_t n = strlen(NAMES[i].prefix);

        if (strncmp(text, NAMES[i].prefix, n) == 0 && g_ascii_isdigit(text[n])) {
            unsigned modifiers = (unsigned)(text[n] - '1');

            g_strlcpy(key->name, NAMES[i].name, sizeof(key->name));
            key->shift = (modifiers & 1) != 0;
            key->alt |= (modifiers & 2) != 0;
            key->ctrl = (modifiers & 4) != 0;
            return true;
        }
    }
    return false;
}

/* Above F12 terminals count on: Shift-F1 is F13, Ctrl-F1 is F25, Ctrl-Shift-F1 is F37, Alt-F1 is F49. */
static bool function_key(int code, struct curses_key *key)
{
    unsigned n = (unsigned)(code - KEY_F(1)), group = n / 12;

    if (code < KEY_F(1) || code > KEY_F(60)) {
        return false;
    }
    g_snprintf(key->name, sizeof(key->name), "f%u", n % 12 + 1);
    key->shift = group == 1 || group == 3;
    key->ctrl = group == 2 || group == 3;
    key->alt |= group == 4;
    return true;
}

static bool named_key(int code, struct curses_key *key)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(KEYS); i++) {
        if (KEYS[i].code == code) {
            g_strlcpy(key->name, KEYS[i].name, sizeof(key->name));
            key->shift = KEYS[i].shift;
            return true;
        }
    }
    return function_key(code, key) || extended_key(code, key);
}

enum curses_event curses_screen_event(struct curses_screen *screen, struct curses_key *key)
{
    wint_t code = 0;
    int what = get_wch(&code);

    memset(key, 0, sizeof(*key));
    if (what == OK && code == ESCAPE) {
        /* Alt sends ESC before the key; a lone ESC is followed by nothing. */
        what = get_wch(&code);
        if (what == ERR) {
            key->character = ESCAPE;
            return CURSES_KEY;
        }
        key->alt = true;
    }
    if (what == KEY_CODE_YES && code == KEY_RESIZE) {
        return CURSES_RESIZED;
    }
    if (what == KEY_CODE_YES) {
        return named_key((int)code, key) ? CURSES_KEY : CURSES_NOTHING;
    }
    key->character = code;
    return what == OK ? CURSES_KEY : CURSES_NOTHING;
}
