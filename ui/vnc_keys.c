/*
 * Keys of VNC clients: X11's keysyms (X Window System Protocol, appendix A) and the consoles' hot keys.
 */
#include <string.h>

#include "ui/input_impl.h"
#include "ui/vnc_impl.h"

#define KEYSYM_UNICODE 0x01000000u

/* Runs of keysyms from `first` on; ends with an empty one. */
struct run {
    uint32_t first;
    const uint8_t *keys; /* enum key_code, KEY_NONE: nothing */
    unsigned count;
};

static const uint8_t CONTROL[] = { KEY_BACKSPACE, KEY_TAB, KEY_LF, KEY_NONE, KEY_NONE, KEY_RET };
static const uint8_t LOCKS[] = { KEY_PAUSE, KEY_SCROLL_LOCK, KEY_SYSRQ };
static const uint8_t MOVES[] = { KEY_HOME, KEY_LEFT, KEY_UP, KEY_RIGHT, KEY_DOWN, KEY_PGUP, KEY_PGDN, KEY_END };
static const uint8_t MISC[] = { KEY_NONE, KEY_PRINT, KEY_NONE, KEY_INSERT, KEY_NONE, KEY_UNDO, KEY_AGAIN, KEY_MENU,
                                KEY_FIND, KEY_STOP, KEY_HELP, KEY_PAUSE };
static const uint8_t PAD_MOVES[] = { KEY_KP_7, KEY_KP_4, KEY_KP_8, KEY_KP_6, KEY_KP_2, KEY_KP_9, KEY_KP_3, KEY_KP_1,
                                     KEY_KP_5, KEY_KP_0, KEY_KP_DECIMAL };
static const uint8_t PAD[] = { KEY_KP_MULTIPLY, KEY_KP_ADD, KEY_KP_COMMA, KEY_KP_SUBTRACT, KEY_KP_DECIMAL, KEY_KP_DIVIDE,
                               KEY_KP_0, KEY_KP_1, KEY_KP_2, KEY_KP_3, KEY_KP_4, KEY_KP_5, KEY_KP_6, KEY_KP_7, KEY_KP_8,
                               KEY_KP_9 };
static const uint8_t FUNCTIONS[] = { KEY_F1, KEY_F2, KEY_F3, KEY_F4, KEY_F5, KEY_F6, KEY_F7, KEY_F8, KEY_F9, KEY_F10,
                                     KEY_F11, KEY_F12, KEY_F13, KEY_F14, KEY_F15, KEY_F16, KEY_F17, KEY_F18, KEY_F19,
                                     KEY_F20, KEY_F21, KEY_F22, KEY_F23, KEY_F24 };
static const uint8_t MODIFIERS[] = { KEY_SHIFT, KEY_SHIFT_R, KEY_CTRL, KEY_CTRL_R, KEY_CAPS_LOCK, KEY_CAPS_LOCK,
                                     KEY_META_L, KEY_META_R, KEY_ALT, KEY_ALT_R, KEY_META_L, KEY_META_R };

static const struct run RUNS[] = {
    { 0xff08, CONTROL, G_N_ELEMENTS(CONTROL) },
    { 0xff13, LOCKS, G_N_ELEMENTS(LOCKS) },
    { 0xff1b, (const uint8_t[]){ KEY_ESC }, 1 },
    { 0xff50, MOVES, G_N_ELEMENTS(MOVES) },
    { 0xff60, MISC, G_N_ELEMENTS(MISC) },
    { 0xff7e, (const uint8_t[]){ KEY_ALT_R, KEY_NUM_LOCK }, 2 },
    { 0xff8d, (const uint8_t[]){ KEY_KP_ENTER }, 1 },
    { 0xff95, PAD_MOVES, G_N_ELEMENTS(PAD_MOVES) },
    { 0xffaa, PAD, G_N_ELEMENTS(PAD) },
    { 0xffbd, (const uint8_t[]){ KEY_KP_EQUALS }, 1 },
    { 0xffbe, FUNCTIONS, G_N_ELEMENTS(FUNCTIONS) },
    { 0xffe1, MODIFIERS, G_N_ELEMENTS(MODIFIERS) },
    { 0xffff, (const uint8_t[]){ KEY_DELETE }, 1 },
    { 0xfe03, (const uint8_t[]){ KEY_ALT_R }, 1 }, /* ISO Level3 Shift: AltGr */
    { 0xfe20, (const uint8_t[]){ KEY_TAB }, 1 },   /* Tab with Shift */
};

enum key_code vnc_key_of_keysym(uint32_t keysym)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(RUNS); i++) {
        if (keysym >= RUNS[i].first && keysym - RUNS[i].first < RUNS[i].count) {
            return (enum key_code)RUNS[i].keys[keysym - RUNS[i].first];
        }
    }
    return KEY_NONE;
}

uint32_t vnc_character_of_keysym(uint32_t keysym)
{
    if ((keysym >= 0x20 && keysym < 0x7f) || (keysym >= 0xa0 && keysym <= 0xff)) {
        return keysym; /* Latin-1 */
    }
    if (keysym == 0x20ac) {
        return keysym; /* the euro sign has its old number still */
    }
    return keysym >= KEYSYM_UNICODE + 0x100 && keysym <= KEYSYM_UNICODE + 0x10ffff ? keysym - KEYSYM_UNICODE : 0;
}

/* ---- to the guest ---- */

static bool is_held(const struct vnc *vnc, enum key_code left, enum key_code right)
{
    return vnc->held[left] || vnc->held[right];
}

static void tap(struct vnc *vnc, enum key_code key)
{
    input_key(vnc->input, key, true);
    input_key(vnc->input, key, false);
}

/* Shift as the guest is to see it for one key, and back. */
static void turn_shift(struct vnc *vnc, bool on)
{
    if (on) {
        input_key(vnc->input, KEY_SHIFT, true);
        return;
    }
    input_key(vnc->input, KEY_SHIFT, false);
    input_key(vnc->input, KEY_SHIFT_R, false);
}

static void restore_shift(struct vnc *vnc)
{
    input_key(vnc->input, KEY_SHIFT, vnc->held[KEY_SHIFT]);
    input_key(vnc->input, KEY_SHIFT_R, vnc->held[KEY_SHIFT_R]);
}

/* The client's layout need not be the guest's: the modifiers that the guest needs for the character count. */
static void press_character(struct vnc *vnc, const struct key_stroke *stroke)
{
    bool combination = is_held(vnc, KEY_CTRL, KEY_CTRL_R) || vnc->held[KEY_ALT];
    bool caps = stroke->letter && (input_leds(vnc->input) & INPUT_LED_CAPS) != 0;
    bool shift = stroke->shift != caps;
    bool turn = !combination && shift != is_held(vnc, KEY_SHIFT, KEY_SHIFT_R);
    bool alt_gr = stroke->alt_gr && !vnc->held[KEY_ALT_R];

    if (turn) {
        turn_shift(vnc, shift);
    }
    if (alt_gr) {
        input_key(vnc->input, KEY_ALT_R, true);
    }
    input_key(vnc->input, stroke->key, true);
    if (alt_gr) {
        input_key(vnc->input, KEY_ALT_R, false);
    }
    if (turn) {
        restore_shift(vnc);
    }
    if (stroke->dead) {
        input_key(vnc->input, stroke->key, false);
        tap(vnc, KEY_SPC);
    }
}

/* ---- to a console ---- */

static void console_key(struct vnc *vnc, enum key_code key, uint32_t character)
{
    const struct ui_console *console = &vnc->console;
    unsigned modifiers = (is_held(vnc, KEY_SHIFT, KEY_SHIFT_R) ? UI_MODIFIER_SHIFT : 0) |
                         (is_held(vnc, KEY_CTRL, KEY_CTRL_R) ? UI_MODIFIER_CTRL : 0) |
                         (vnc->held[KEY_ALT] ? UI_MODIFIER_ALT : 0);
    char text[8] = {0};

    if (character != 0 && (modifiers & (UI_MODIFIER_CTRL | UI_MODIFIER_ALT)) == 0) {
        if (console->text != NULL) {
            g_unichar_to_utf8(character, text);
            console->text(console->arg, text);
        }
    } else if (key != KEY_NONE && console->key != NULL) {
        console->key(console->arg, key, modifiers);
    }
}

static void paste(struct vnc *vnc)
{
    if (vnc->cut == NULL) {
        return;
    }
    if (vnc->console.display == NULL) {
        g_autoptr(GError) error = NULL;

        if (!input_type_text(vnc->input, vnc->cut, &error)) {
            g_printerr("vmm: clipboard: %s\n", error->message);
        }
    } else if (vnc->console.text != NULL) {
        g_autofree char *text = g_strdelimit(g_strdup(vnc->cut), "\n", '\r');

        vnc->console.text(vnc->console.arg, text);
    }
}

static bool take_hot_key(struct vnc *vnc, enum key_code key)
{
    if (!is_held(vnc, KEY_CTRL, KEY_CTRL_R) || !vnc->held[KEY_ALT]) {
        return false;
    }
    if (key >= KEY_1 && key <= KEY_9) {
        vnc_show_console(vnc, key - KEY_1 + 1);
    } else if (key == KEY_V) {
        input_release_all(vnc->input);
        paste(vnc);
    } else if (key == KEY_D) {
        input_release_all(vnc->input);
        input_send_keys(vnc->input, "ctrl-alt-delete", 0, NULL);
    } else {
        return false;
    }
    return true;
}

void vnc_take_key(struct vnc *vnc, const struct vnc_event *event)
{
    uint32_t character = vnc_character_of_keysym(event->keysym);
    enum key_code key = event->kind == VNC_EVENT_KEY ? event->key : vnc_key_of_keysym(event->keysym);
    struct key_stroke stroke = { .key = key };
    bool typed = key == KEY_NONE && character != 0 &&
                 key_of_character(g_atomic_int_get(&vnc->input->layout), character, &stroke);

    if (stroke.key == KEY_NONE && character == 0) {
        return;
    }
    vnc->held[stroke.key] = event->down && stroke.key != KEY_NONE;
    if (!event->down) {
        /* A key that was pressed for the guest is let go there, whatever is shown now. */
        if (!vnc->hidden[stroke.key]) {
            input_key(vnc->input, stroke.key, false);
        }
        vnc->hidden[stroke.key] = false;
    } else if (take_hot_key(vnc, stroke.key)) {
        vnc->hidden[stroke.key] = true;
    } else if (vnc->console.display != NULL) {
        vnc->hidden[stroke.key] = true;
        console_key(vnc, stroke.key, character);
    } else if (typed) {
        press_character(vnc, &stroke);
    } else if (stroke.key != KEY_NONE) {
        input_key(vnc->input, stroke.key, true);
    }
}
