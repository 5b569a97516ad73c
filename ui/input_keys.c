/*
 * Names of keys: the spellings that `sendkey` knows.
 */
#include "ui/input.h"
#include "ui/input_impl.h"

#include <string.h>

struct key_name {
    const char *name;
    uint8_t key; /* enum key_code */
};

/* Sorted by name; where a key has two names the first one is what key_code_name() gives. */
static const struct key_name KEY_NAMES[] = {
    {"0", KEY_0},
    {"1", KEY_1},
    {"2", KEY_2},
    {"3", KEY_3},
    {"4", KEY_4},
    {"5", KEY_5},
    {"6", KEY_6},
    {"7", KEY_7},
    {"8", KEY_8},
    {"9", KEY_9},
    {"a", KEY_A},
    {"ac_back", KEY_AC_BACK},
    {"ac_bookmarks", KEY_AC_BOOKMARKS},
    {"ac_forward", KEY_AC_FORWARD},
    {"ac_home", KEY_AC_HOME},
    {"ac_refresh", KEY_AC_REFRESH},
    {"ac_search", KEY_AC_SEARCH},
    {"ac_stop", KEY_AC_STOP},
    {"again", KEY_AGAIN},
    {"alt", KEY_ALT},
    {"alt_r", KEY_ALT_R},
    {"apostrophe", KEY_APOSTROPHE},
    {"asterisk", KEY_KP_MULTIPLY},
    {"audiomute", KEY_AUDIO_MUTE},
    {"audionext", KEY_AUDIO_NEXT},
    {"audioplay", KEY_AUDIO_PLAY},
    {"audioprev", KEY_AUDIO_PREV},
    {"audiostop", KEY_AUDIO_STOP},
    {"b", KEY_B},
    {"backslash", KEY_BACKSLASH},
    {"backspace", KEY_BACKSPACE},
    {"bracket_left", KEY_BRACKET_LEFT},
    {"bracket_right", KEY_BRACKET_RIGHT},
    {"c", KEY_C},
    {"calculator", KEY_CALCULATOR},
    {"caps_lock", KEY_CAPS_LOCK},
    {"comma", KEY_COMMA},
    {"compose", KEY_COMPOSE},
    {"computer", KEY_COMPUTER},
    {"copy", KEY_COPY},
    {"ctrl", KEY_CTRL},
    {"ctrl_r", KEY_CTRL_R},
    {"cut", KEY_CUT},
    {"d", KEY_D},
    {"delete", KEY_DELETE},
    {"dot", KEY_DOT},
    {"down", KEY_DOWN},
    {"e", KEY_E},
    {"end", KEY_END},
    {"equal", KEY_EQUAL},
    {"esc", KEY_ESC},
    {"f", KEY_F},
    {"f1", KEY_F1},
    {"f10", KEY_F10},
    {"f11", KEY_F11},
    {"f12", KEY_F12},
    {"f13", KEY_F13},
    {"f14", KEY_F14},
    {"f15", KEY_F15},
    {"f16", KEY_F16},
    {"f17", KEY_F17},
    {"f18", KEY_F18},
    {"f19", KEY_F19},
    {"f2", KEY_F2},
    {"f20", KEY_F20},
    {"f21", KEY_F21},
    {"f22", KEY_F22},
    {"f23", KEY_F23},
    {"f24", KEY_F24},
    {"f3", KEY_F3},
    {"f4", KEY_F4},
    {"f5", KEY_F5},
    {"f6", KEY_F6},
    {"f7", KEY_F7},
    {"f8", KEY_F8},
    {"f9", KEY_F9},
    {"find", KEY_FIND},
    {"front", KEY_FRONT},
    {"g", KEY_G},
    {"grave_accent", KEY_GRAVE_ACCENT},
    {"h", KEY_H},
    {"help", KEY_HELP},
    {"henkan", KEY_HENKAN},
    {"hiragana", KEY_HIRAGANA},
    {"home", KEY_HOME},
    {"i", KEY_I},
    {"insert", KEY_INSERT},
    {"j", KEY_J},
    {"k", KEY_K},
    {"katakana", KEY_KATAKANA},
    {"katakanahiragana", KEY_KATAKANAHIRAGANA},
    {"kp_0", KEY_KP_0},
    {"kp_1", KEY_KP_1},
    {"kp_2", KEY_KP_2},
    {"kp_3", KEY_KP_3},
    {"kp_4", KEY_KP_4},
    {"kp_5", KEY_KP_5},
    {"kp_6", KEY_KP_6},
    {"kp_7", KEY_KP_7},
    {"kp_8", KEY_KP_8},
    {"kp_9", KEY_KP_9},
    {"kp_add", KEY_KP_ADD},
    {"kp_comma", KEY_KP_COMMA},
    {"kp_decimal", KEY_KP_DECIMAL},
    {"kp_divide", KEY_KP_DIVIDE},
    {"kp_enter", KEY_KP_ENTER},
    {"kp_equals", KEY_KP_EQUALS},
    {"kp_multiply", KEY_KP_MULTIPLY},
    {"kp_subtract", KEY_KP_SUBTRACT},
    {"l", KEY_L},
    {"lang1", KEY_LANG1},
    {"lang2", KEY_LANG2},
    {"left", KEY_LEFT},
    {"less", KEY_LESS},
    {"lf", KEY_LF},
    {"m", KEY_M},
    {"mail", KEY_MAIL},
    {"mediaselect", KEY_MEDIA_SELECT},
    {"menu", KEY_MENU},
    {"meta_l", KEY_META_L},
    {"meta_r", KEY_META_R},
    {"minus", KEY_MINUS},
    {"muhenkan", KEY_MUHENKAN},
    {"n", KEY_N},
    {"num_lock", KEY_NUM_LOCK},
    {"o", KEY_O},
    {"open", KEY_OPEN},
    {"p", KEY_P},
    {"paste", KEY_PASTE},
    {"pause", KEY_PAUSE},
    {"pgdn", KEY_PGDN},
    {"pgup", KEY_PGUP},
    {"power", KEY_POWER},
    {"print", KEY_PRINT},
    {"props", KEY_PROPS},
    {"q", KEY_Q},
    {"r", KEY_R},
    {"ret", KEY_RET},
    {"right", KEY_RIGHT},
    {"ro", KEY_RO},
    {"s", KEY_S},
    {"scroll_lock", KEY_SCROLL_LOCK},
    {"semicolon", KEY_SEMICOLON},
    {"shift", KEY_SHIFT},
    {"shift_r", KEY_SHIFT_R},
    {"slash", KEY_SLASH},
    {"sleep", KEY_SLEEP},
    {"spc", KEY_SPC},
    {"stop", KEY_STOP},
    {"sysrq", KEY_SYSRQ},
    {"t", KEY_T},
    {"tab", KEY_TAB},
    {"u", KEY_U},
    {"undo", KEY_UNDO},
    {"up", KEY_UP},
    {"v", KEY_V},
    {"volumedown", KEY_VOLUME_DOWN},
    {"volumeup", KEY_VOLUME_UP},
    {"w", KEY_W},
    {"wake", KEY_WAKE},
    {"x", KEY_X},
    {"y", KEY_Y},
    {"yen", KEY_YEN},
    {"z", KEY_Z},
};

enum key_code key_code_parse(const char *name, size_t length)
{
    if (length > 2 && name[0] == '0' && (name[1] == 'x' || name[1] == 'X')) {
        unsigned code = 0;

        for (size_t i = 2; i < length; i++) {
            if (!g_ascii_isxdigit(name[i]) || code > 0xf) {
                return KEY_NONE;
            }
            code = code * 16 + (unsigned)g_ascii_xdigit_value(name[i]);
        }
        return (enum key_code)code;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(KEY_NAMES); i++) {
        if (strlen(KEY_NAMES[i].name) == length && memcmp(KEY_NAMES[i].name, name, length) == 0) {
            return (enum key_code)KEY_NAMES[i].key;
        }
    }
    return KEY_NONE;
}

const char *key_code_name(enum key_code key)
{
    for (size_t i = 0; i < G_N_ELEMENTS(KEY_NAMES); i++) {
        if (KEY_NAMES[i].key == key) {
            return KEY_NAMES[i].name;
        }
    }
    return NULL;
}

void key_code_foreach_name(void (*fn)(void *arg, const char *name), void *arg)
{
    for (size_t i = 0; i < G_N_ELEMENTS(KEY_NAMES); i++) {
        fn(arg, KEY_NAMES[i].name);
    }
}
