/*
 * Keyboard layouts: which keys produce a character in a guest that is set to a layout (-k). For typed text only; keys
 * that a person presses go to the guest by position.
 *
 * A layout is the US keyboard with other characters on some keys. Where a letter is alone on its key, the shifted one
 * is its capital. What no layout has, but US text means the same with, is typed so: typographic quotes, dashes, spaces.
 */
#include "ui/input_impl.h"

#include <string.h>

#define DEAD 0x80000000u /* a dead key: the character comes with a space after it */

struct layout_key {
    uint8_t key;
    gunichar plain, shifted, alt_gr; /* 0: nothing */
};

struct layout {
    const char *names; /* separated by blanks */
    const struct layout_key *keys;
};

/* clang-format off */
static const struct layout_key US[] = {
    {KEY_A, 'a'}, {KEY_B, 'b'}, {KEY_C, 'c'}, {KEY_D, 'd'}, {KEY_E, 'e'}, {KEY_F, 'f'}, {KEY_G, 'g'}, {KEY_H, 'h'},
    {KEY_I, 'i'}, {KEY_J, 'j'}, {KEY_K, 'k'}, {KEY_L, 'l'}, {KEY_M, 'm'}, {KEY_N, 'n'}, {KEY_O, 'o'}, {KEY_P, 'p'},
    {KEY_Q, 'q'}, {KEY_R, 'r'}, {KEY_S, 's'}, {KEY_T, 't'}, {KEY_U, 'u'}, {KEY_V, 'v'}, {KEY_W, 'w'}, {KEY_X, 'x'},
    {KEY_Y, 'y'}, {KEY_Z, 'z'},
    {KEY_1, '1', '!'}, {KEY_2, '2', '@'}, {KEY_3, '3', '#'}, {KEY_4, '4', '$'}, {KEY_5, '5', '%'},
    {KEY_6, '6', '^'}, {KEY_7, '7', '&'}, {KEY_8, '8', '*'}, {KEY_9, '9', '('}, {KEY_0, '0', ')'},
    {KEY_MINUS, '-', '_'}, {KEY_EQUAL, '=', '+'}, {KEY_BRACKET_LEFT, '[', '{'}, {KEY_BRACKET_RIGHT, ']', '}'},
    {KEY_SEMICOLON, ';', ':'}, {KEY_APOSTROPHE, '\'', '"'}, {KEY_GRAVE_ACCENT, '`', '~'},
    {KEY_BACKSLASH, '\\', '|'}, {KEY_COMMA, ',', '<'}, {KEY_DOT, '.', '>'}, {KEY_SLASH, '/', '?'},
    {KEY_SPC, ' '}, {KEY_RET, '\n'}, {KEY_TAB, '\t'}, {KEY_BACKSPACE, '\b'}, {KEY_ESC, 0x1b},
    {0},
};
static const struct layout_key GB[] = {
    {KEY_2, '2', '"'}, {KEY_3, '3', 0xa3}, {KEY_4, '4', '$', 0x20ac}, {KEY_APOSTROPHE, '\'', '@'},
    {KEY_BACKSLASH, '#', '~'}, {KEY_LESS, '\\', '|'}, {KEY_GRAVE_ACCENT, '`', 0xac, 0xa6},
    {0},
};
static const struct layout_key DE[] = {
    {KEY_Y, 'z'}, {KEY_Z, 'y'}, {KEY_Q, 'q', 0, '@'}, {KEY_E, 'e', 0, 0x20ac}, {KEY_M, 'm', 0, 0xb5},
    {KEY_2, '2', '"', 0xb2}, {KEY_3, '3', 0xa7, 0xb3}, {KEY_6, '6', '&'}, {KEY_7, '7', '/', '{'},
    {KEY_8, '8', '(', '['}, {KEY_9, '9', ')', ']'}, {KEY_0, '0', '=', '}'}, {KEY_MINUS, 0xdf, '?', '\\'},
    {KEY_EQUAL, 0xb4 | DEAD, '`' | DEAD}, {KEY_BRACKET_LEFT, 0xfc}, {KEY_BRACKET_RIGHT, '+', '*', '~'},
    {KEY_SEMICOLON, 0xf6}, {KEY_APOSTROPHE, 0xe4}, {KEY_GRAVE_ACCENT, '^' | DEAD, 0xb0}, {KEY_BACKSLASH, '#', '\''},
    {KEY_LESS, '<', '>', '|'}, {KEY_COMMA, ',', ';'}, {KEY_DOT, '.', ':'}, {KEY_SLASH, '-', '_'},
    {0},
};
static const struct layout_key FR[] = {
    {KEY_Q, 'a'}, {KEY_A, 'q'}, {KEY_W, 'z'}, {KEY_Z, 'w'}, {KEY_SEMICOLON, 'm'}, {KEY_M, ',', '?'},
    {KEY_E, 'e', 0, 0x20ac}, {KEY_1, '&', '1'}, {KEY_2, 0xe9, '2', '~'}, {KEY_3, '"', '3', '#'},
    {KEY_4, '\'', '4', '{'}, {KEY_5, '(', '5', '['}, {KEY_6, '-', '6', '|'}, {KEY_7, 0xe8, '7', '`'},
    {KEY_8, '_', '8', '\\'}, {KEY_9, 0xe7, '9', '^'}, {KEY_0, 0xe0, '0', '@'}, {KEY_MINUS, ')', 0xb0, ']'},
    {KEY_EQUAL, '=', '+', '}'}, {KEY_BRACKET_LEFT, 0, 0xa8 | DEAD}, {KEY_BRACKET_RIGHT, '$', 0xa3, 0xa4},
    {KEY_APOSTROPHE, 0xf9, '%'}, {KEY_BACKSLASH, '*', 0xb5}, {KEY_COMMA, ';', '.'}, {KEY_DOT, ':', '/'},
    {KEY_SLASH, '!', 0xa7}, {KEY_LESS, '<', '>'}, {KEY_GRAVE_ACCENT, 0xb2},
    {0},
};
static const struct layout_key ES[] = {
    {KEY_1, '1', '!', '|'}, {KEY_2, '2', '"', '@'}, {KEY_3, '3', 0xb7, '#'}, {KEY_4, '4', '$'}, {KEY_E, 'e', 0, 0x20ac},
    {KEY_6, '6', '&', 0xac}, {KEY_7, '7', '/'}, {KEY_8, '8', '('}, {KEY_9, '9', ')'}, {KEY_0, '0', '='},
    {KEY_MINUS, '\'', '?'}, {KEY_EQUAL, 0xa1, 0xbf}, {KEY_BRACKET_LEFT, '`' | DEAD, '^' | DEAD, '['},
    {KEY_BRACKET_RIGHT, '+', '*', ']'}, {KEY_SEMICOLON, 0xf1}, {KEY_APOSTROPHE, 0xb4 | DEAD, 0xa8 | DEAD, '{'},
    {KEY_BACKSLASH, 0xe7, 0, '}'}, {KEY_GRAVE_ACCENT, 0xba, 0xaa, '\\'}, {KEY_LESS, '<', '>'},
    {KEY_COMMA, ',', ';'}, {KEY_DOT, '.', ':'}, {KEY_SLASH, '-', '_'},
    {0},
};
static const struct layout LAYOUTS[] = {
    {"us en-us en", NULL}, {"gb en-gb", GB}, {"de", DE}, {"fr", FR}, {"es", ES},
};
/* clang-format on */

/* What stands for characters that keyboards do not have; NULL-ended. */
static const struct {
    gunichar character;
    const char *text;
} SUBSTITUTES[] = {
    {0xa0, " "},    {0xad, ""},     {0x2009, " "},   {0x202f, " "},  {0x2010, "-"},  {0x2011, "-"},
    {0x2012, "-"},  {0x2013, "-"},  {0x2014, "--"},  {0x2018, "'"},  {0x2019, "'"},  {0x201a, "'"},
    {0x201c, "\""}, {0x201d, "\""}, {0x201e, "\""},  {0x2022, "*"},  {0x2026, "..."}, {0x2212, "-"},
    {0x200b, ""},   {0xfeff, ""},   {'\r', "\n"},
};

int key_layout_find(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(LAYOUTS); i++) {
        g_auto(GStrv) names = g_strsplit(LAYOUTS[i].names, " ", -1);

        if (g_strv_contains((const char *const *)names, name)) {
            return (int)i;
        }
    }
    return -1;
}

char *key_layout_names(void)
{
    GString *names = g_string_new(NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(LAYOUTS); i++) {
        g_string_append_printf(names, "%s%s", i == 0 ? "" : " ", LAYOUTS[i].names);
    }
    return g_string_free(names, FALSE);
}

static bool on_key(const struct layout_key *entry, gunichar character, struct key_stroke *stroke)
{
    gunichar shifted = entry->shifted != 0 ? entry->shifted : g_unichar_toupper(entry->plain & ~DEAD);
    gunichar found = 0;

    *stroke = (struct key_stroke){.key = (enum key_code)entry->key,
                                  .letter = g_unichar_toupper(character) != g_unichar_tolower(character)};
    if ((entry->plain & ~DEAD) == character) {
        found = entry->plain;
    } else if ((shifted & ~DEAD) == character) {
        found = shifted;
        stroke->shift = true;
    } else if ((entry->alt_gr & ~DEAD) == character) {
        found = entry->alt_gr;
        stroke->alt_gr = true;
    }
    stroke->dead = (found & DEAD) != 0;
    return found != 0;
}

static bool has_key(const struct layout_key *keys, uint8_t key)
{
    for (; keys != NULL && keys->key != 0; keys++) {
        if (keys->key == key) {
            return true;
        }
    }
    return false;
}

bool key_of_character(int layout, gunichar character, struct key_stroke *stroke)
{
    const struct layout_key *own = LAYOUTS[layout].keys;

    for (const struct layout_key *entry = own; entry != NULL && entry->key != 0; entry++) {
        if (character != 0 && on_key(entry, character, stroke)) {
            return true;
        }
    }
    for (const struct layout_key *entry = US; entry->key != 0; entry++) {
        if (character != 0 && !has_key(own, entry->key) && on_key(entry, character, stroke)) {
            return true;
        }
    }
    return false;
}

const char *key_substitute(gunichar character)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(SUBSTITUTES); i++) {
        if (SUBSTITUTES[i].character == character) {
            return SUBSTITUTES[i].text;
        }
    }
    return NULL;
}
