/*
 * Input: keys and pointer motion on their way from windows and the monitor to keyboard and mouse devices.
 *
 * Any thread may press a key or move the pointer; what it does is put in a bounded queue, and a
 * core/event.h event hands the queue to the machine thread, which calls the sinks that devices registered,
 * under the machine lock. So input reaches the guest at a definite point of guest time.
 *
 * A key is reported down once and up once: repeats from the host are dropped here, since typematic repeat is
 * a duty of the keyboard (rate and delay are the guest's to choose). When the queue is full further presses
 * are dropped and releases still pass, so that no key sticks.
 */
#ifndef UI_INPUT_H
#define UI_INPUT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct input;
struct machine;

/*
 * Physical keys. The value is the key's make code of scan code set 1, plus 0x80 for keys whose code has the
 * prefix E0 (IBM PS/2 Technical Reference, keyboard section; for multimedia and F13-F24 the USB HID to PS/2
 * translation table). Two keys have no such code: Pause (E1 1D 45, or E0 46 with Ctrl) is given the value of
 * its E0 46, and Print Screen is E0 37 (54 with Alt: KEY_SYSRQ).
 */
enum key_code {
    KEY_NONE = 0x00,
    KEY_ESC = 0x01,
    KEY_1 = 0x02, KEY_2, KEY_3, KEY_4, KEY_5, KEY_6, KEY_7, KEY_8, KEY_9, KEY_0,
    KEY_MINUS = 0x0c, KEY_EQUAL, KEY_BACKSPACE, KEY_TAB,
    KEY_Q = 0x10, KEY_W, KEY_E, KEY_R, KEY_T, KEY_Y, KEY_U, KEY_I, KEY_O, KEY_P,
    KEY_BRACKET_LEFT = 0x1a, KEY_BRACKET_RIGHT, KEY_RET, KEY_CTRL,
    KEY_A = 0x1e, KEY_S, KEY_D, KEY_F, KEY_G, KEY_H, KEY_J, KEY_K, KEY_L,
    KEY_SEMICOLON = 0x27, KEY_APOSTROPHE, KEY_GRAVE_ACCENT, KEY_SHIFT, KEY_BACKSLASH,
    KEY_Z = 0x2c, KEY_X, KEY_C, KEY_V, KEY_B, KEY_N, KEY_M,
    KEY_COMMA = 0x33, KEY_DOT, KEY_SLASH, KEY_SHIFT_R, KEY_KP_MULTIPLY, KEY_ALT, KEY_SPC, KEY_CAPS_LOCK,
    KEY_F1 = 0x3b, KEY_F2, KEY_F3, KEY_F4, KEY_F5, KEY_F6, KEY_F7, KEY_F8, KEY_F9, KEY_F10,
    KEY_NUM_LOCK = 0x45, KEY_SCROLL_LOCK,
    KEY_KP_7 = 0x47, KEY_KP_8, KEY_KP_9, KEY_KP_SUBTRACT, KEY_KP_4, KEY_KP_5, KEY_KP_6, KEY_KP_ADD,
    KEY_KP_1, KEY_KP_2, KEY_KP_3, KEY_KP_0, KEY_KP_DECIMAL, KEY_SYSRQ,
    KEY_LESS = 0x56, KEY_F11, KEY_F12, KEY_KP_EQUALS,
    KEY_F13 = 0x64, KEY_F14, KEY_F15, KEY_F16, KEY_F17, KEY_F18, KEY_F19, KEY_F20, KEY_F21, KEY_F22,
    KEY_F23 = 0x6e,
    KEY_LF = 0x5b,
    KEY_KATAKANAHIRAGANA = 0x70, KEY_LANG2, KEY_LANG1, KEY_RO,
    KEY_F24 = 0x76, KEY_HIRAGANA, KEY_KATAKANA,
    KEY_HENKAN = 0x79,
    KEY_MUHENKAN = 0x7b,
    KEY_YEN = 0x7d, KEY_KP_COMMA,
    /* prefix E0 */
    KEY_AGAIN = 0x85, KEY_PROPS, KEY_UNDO,
    KEY_FRONT = 0x8c,
    KEY_AUDIO_PREV = 0x90,
    KEY_AUDIO_NEXT = 0x99,
    KEY_KP_ENTER = 0x9c, KEY_CTRL_R,
    KEY_AUDIO_MUTE = 0xa0, KEY_CALCULATOR, KEY_AUDIO_PLAY,
    KEY_AUDIO_STOP = 0xa4,
    KEY_VOLUME_DOWN = 0xae,
    KEY_VOLUME_UP = 0xb0,
    KEY_AC_HOME = 0xb2,
    KEY_KP_DIVIDE = 0xb5,
    KEY_CUT = 0xbc,
    KEY_PRINT = 0xb7, KEY_ALT_R,
    KEY_FIND = 0xc1,
    KEY_PAUSE = 0xc6,
    KEY_HOME = 0xc7, KEY_UP, KEY_PGUP,
    KEY_LEFT = 0xcb,
    KEY_RIGHT = 0xcd,
    KEY_END = 0xcf, KEY_DOWN, KEY_PGDN, KEY_INSERT, KEY_DELETE,
    KEY_META_L = 0xdb, KEY_META_R, KEY_MENU, KEY_POWER, KEY_SLEEP,
    KEY_WAKE = 0xe3,
    KEY_AC_SEARCH = 0xe5, KEY_AC_BOOKMARKS, KEY_AC_REFRESH, KEY_AC_STOP, KEY_AC_FORWARD, KEY_AC_BACK,
    KEY_COMPUTER = 0xeb, KEY_MAIL, KEY_MEDIA_SELECT,
    KEY_HELP = 0xf5,
    KEY_COPY = 0xf8,
    KEY_OPEN = 0xfb, KEY_PASTE, KEY_STOP, KEY_COMPOSE,
    KEY_COUNT = 0x100,
};

/* The key of a sendkey name ("ctrl", "kp_7") or a raw code "0xNN" as in enum key_code; KEY_NONE if there is
 * no such key. length bytes of name are looked at. */
enum key_code key_code_parse(const char *name, size_t length);
/* The sendkey name, NULL if the key has none. */
const char *key_code_name(enum key_code key);
/* Calls fn for each name, in alphabetical order, aliases included: for completion. */
void key_code_foreach_name(void (*fn)(void *arg, const char *name), void *arg);

enum input_button {
    INPUT_BUTTON_LEFT = 1 << 0,
    INPUT_BUTTON_RIGHT = 1 << 1,
    INPUT_BUTTON_MIDDLE = 1 << 2,
    INPUT_BUTTON_SIDE = 1 << 3,
    INPUT_BUTTON_EXTRA = 1 << 4,
};

/* Absolute positions run from 0 (left, top) to this (right, bottom). */
#define INPUT_ABSOLUTE_MAX 32767

/* One pointer report. Relative sinks look at dx and dy, absolute sinks at x and y. */
struct input_pointer {
    int dx, dy;       /* motion since the last report: right and down are positive */
    uint16_t x, y;    /* 0..INPUT_ABSOLUTE_MAX */
    int wheel;        /* notches since the last report: towards the user (scroll down) is positive */
    int wheel_h;      /* notches to the right */
    unsigned buttons; /* enum input_button, those held now */
};

enum input_led {
    INPUT_LED_SCROLL = 1 << 0, /* bit order of the keyboard command ED */
    INPUT_LED_NUM = 1 << 1,
    INPUT_LED_CAPS = 1 << 2,
};

/* Whether the keyboard can take another key now. */
typedef bool input_room_fn(void *arg);

/* Sinks, called in the machine thread under the machine lock. */
typedef void input_key_fn(void *arg, enum key_code key, bool down);
typedef void input_pointer_fn(void *arg, const struct input_pointer *report);
typedef void input_led_fn(void *arg, unsigned leds);

/* Uses the machine's event queue, guest clock and lock; destroy before the machine, machine parked. */
struct input *input_create(struct machine *machine);
void input_destroy(struct input *input);

/* Device side, under the machine lock. NULL takes a sink out again. Without a sink events are dropped. */
void input_set_keyboard(struct input *input, input_key_fn *fn, void *arg);
/* Keys wait in the queue while the keyboard has no room, so that none is lost when the host delivers them in a
 * burst, but not for ever: a guest that does not listen loses them. NULL: there always is. */
void input_set_keyboard_room(struct input *input, input_room_fn *fn);
/* The relative pointer (PS/2 mouse). */
void input_set_mouse(struct input *input, input_pointer_fn *fn, void *arg);
/* The absolute pointer (tablet, vmmouse), to be set while the guest's driver has it enabled: as long as it
 * is set it gets all reports and the relative pointer gets none. */
void input_set_tablet(struct input *input, input_pointer_fn *fn, void *arg);
/* The guest switched keyboard lights (enum input_led). */
void input_set_leds(struct input *input, unsigned leds);

/* Front side, any thread. */
void input_key(struct input *input, enum key_code key, bool down);
void input_motion(struct input *input, int dx, int dy);
/* x and y are clamped to 0..INPUT_ABSOLUTE_MAX. */
void input_position(struct input *input, int x, int y);
void input_button(struct input *input, enum input_button button, bool down);
void input_wheel(struct input *input, int wheel, int wheel_h);
/* Lifts every key and button that is down: focus lost, window closed. */
void input_release_all(struct input *input);
/* Pointers as `info mice` numbers them: 2 is the mouse, 3 the tablet. True if the guest has that one. */
#define INPUT_MOUSE 2
#define INPUT_TABLET 3
bool input_has_pointer(struct input *input, unsigned n);
/* The one that gets the reports: at first the tablet, where there is one. False if there is no such pointer. */
bool input_choose_pointer(struct input *input, unsigned n);
/* True while a tablet is enabled and chosen: the window then need not grab the pointer. */
bool input_absolute(struct input *input);
unsigned input_leds(struct input *input);
/* fn is called (machine thread, lock held) when the lights changed; one listener. */
void input_on_leds(struct input *input, input_led_fn *fn, void *arg);

#define INPUT_DEFAULT_HOLD_MS 100

/* Presses the keys of "ctrl-alt-delete" in order, holds them for hold_ms of guest time (0 means
 * INPUT_DEFAULT_HOLD_MS) and lets go in reverse order. Sequences queue up behind one another. False and error
 * "invalid parameter: foo" for an unknown key, or if the queue is full. Any thread. */
bool input_send_keys(struct input *input, const char *keys, unsigned hold_ms, GError **error);

/* The layout that the guest's keyboard is set to, for typed text: "us" at first, "de", "fr" ... False and error if there
 * is none of that name. */
bool input_set_layout(struct input *input, const char *name, GError **error);
/* Types UTF-8 text, one key after another. False and error if it has a character that the layout cannot produce
 * (nothing is typed then) or is too long (INPUT_TEXT_MAX bytes). Any thread. */
#define INPUT_TEXT_MAX 65536
bool input_type_text(struct input *input, const char *text, GError **error);
/* True while sequences or text are still being played. */
bool input_sending(struct input *input);

#endif
