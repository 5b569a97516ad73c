/*
 * A PS/2 keyboard (IBM PS/2 Technical Reference, "Keyboards (101- and 102-key)").
 *
 * Answers to commands go before key codes. Key codes wait in a buffer of 16 bytes; a key whose code
 * does not fit leaves the overrun code behind, once. The controller takes the bytes (ps2_port.h).
 *
 * Not modelled: the shift codes that a real keyboard wraps around the grey keys when NumLock is on
 * or Shift is held (software ignores them), and the 500 ms of the basic assurance test, which is
 * passed at once.
 */
#include "hw/input/ps2_keyboard.h"

#include <string.h>

#include "core/clock.h"
#include "core/machine.h"
#include "hw/input/ps2_keyboard_impl.h"

#define CMD_SET_LEDS       0xed
#define CMD_ECHO           0xee
#define CMD_SCAN_SET       0xf0
#define CMD_READ_ID        0xf2
#define CMD_SET_RATE       0xf3
#define CMD_ENABLE         0xf4
#define CMD_DISABLE        0xf5
#define CMD_DEFAULTS       0xf6
#define CMD_ALL_TYPEMATIC  0xf7
#define CMD_ALL_MAKE_BREAK 0xf8
#define CMD_ALL_MAKE       0xf9
#define CMD_ALL_BOTH       0xfa
#define CMD_KEY_TYPEMATIC  0xfb
#define CMD_KEY_MAKE_BREAK 0xfc
#define CMD_KEY_MAKE       0xfd
#define CMD_RESEND         0xfe
#define CMD_RESET          0xff

#define REPLY_ACK    0xfa
#define REPLY_RESEND 0xfe
#define REPLY_BAT_OK 0xaa
#define ID_FIRST     0xab
#define ID_SECOND    0x83

#define BREAK_PREFIX    0xf0 /* sets 2 and 3 */
#define EXTENDED_PREFIX 0xe0
#define OVERRUN_SET1    0xff
#define OVERRUN         0x00

#define BUFFER_SIZE  16
#define CODE_MAX     8 /* bytes of the longest code, that of Pause */
#define REPLY_SIZE   8
#define RATE_DEFAULT 0x2b /* 10.9 characters a second after 500 ms */

enum { SHIFT_DOWN = 1, CTRL_DOWN = 2, ALT_DOWN = 4 };
/* How Print Screen was pressed, so that it is released alike. */
enum { PRINT_PLAIN, PRINT_BARE, PRINT_SYSRQ };

struct ps2_keyboard {
    struct device dev;
    /* Saved. */
    uint8_t scan_set; /* 1..3 */
    uint8_t leds;
    uint8_t rate;
    bool enabled;
    uint8_t command; /* waits for its option byte; 0 none */
    uint8_t last_sent;
    uint8_t buffer[BUFFER_SIZE];
    uint8_t buffer_count;
    bool overrun; /* the last byte of buffer says so */
    uint8_t replies[REPLY_SIZE];
    uint8_t reply_count;
    uint8_t modifiers; /* held: SHIFT_DOWN.. */
    uint8_t print_form;
    uint8_t repeat_key; /* enum key_code, KEY_NONE */
    uint64_t repeat_at; /* guest ns */
    uint8_t types[256]; /* set 3: KEY_REPEATS and KEY_BREAKS, by key */
    /* Wiring. */
    struct ps2_port port;
    struct input *input;
    unsigned leds_shown;
    struct timer timer;
};

/* A code being put together. */
struct sequence {
    uint8_t bytes[8];
    unsigned count;
};

static void seq_add(struct sequence *seq, uint8_t byte)
{
    g_assert(seq->count < sizeof(seq->bytes));
    seq->bytes[seq->count++] = byte;
}

static void ps2_keyboard_drive(struct device *dev)
{
    struct ps2_keyboard *kbd = (struct ps2_keyboard *)dev;
    timer_at(&kbd->timer, kbd->repeat_key != KEY_NONE ? kbd->repeat_at : CLOCK_NEVER);
    if (kbd->input != NULL && kbd->leds_shown != kbd->leds) {
        kbd->leds_shown = kbd->leds;
        input_set_leds(kbd->input, kbd->leds);
    }
}

static void clear_buffer(struct ps2_keyboard *kbd)
{
    kbd->buffer_count = 0;
    kbd->overrun = false;
    kbd->repeat_key = KEY_NONE;
}

static void reply(struct ps2_keyboard *kbd, uint8_t byte)
{
    if (kbd->reply_count < REPLY_SIZE) {
        kbd->replies[kbd->reply_count++] = byte;
    }
}

/* Stores a whole code or, if it does not fit, the sign that something was lost. */
static void store(struct ps2_keyboard *kbd, const struct sequence *seq)
{
    if (kbd->overrun) {
        return;
    }
    if (kbd->buffer_count + seq->count <= BUFFER_SIZE) {
        memcpy(kbd->buffer + kbd->buffer_count, seq->bytes, seq->count);
        kbd->buffer_count += seq->count;
    } else {
        unsigned last = MIN(kbd->buffer_count, BUFFER_SIZE - 1);
        kbd->buffer[last] = kbd->scan_set == 1 ? OVERRUN_SET1 : OVERRUN;
        kbd->buffer_count = last + 1;
        kbd->overrun = true;
    }
}

/* One make or break code of sets 1 and 2. `key` as in enum key_code. */
static void seq_key(const struct ps2_keyboard *kbd, struct sequence *seq, unsigned key, bool down)
{
    if (key & 0x80) {
        seq_add(seq, EXTENDED_PREFIX);
    }
    if (kbd->scan_set == 1) {
        seq_add(seq, (key & 0x7f) | (down ? 0 : 0x80));
        return;
    }
    if (!down) {
        seq_add(seq, BREAK_PREFIX);
    }
    seq_add(seq, ps2_keyboard_set2[key & 0x7f]);
}

static void seq_print(const struct ps2_keyboard *kbd, struct sequence *seq, bool down)
{
    const unsigned fake_shift = KEY_SHIFT | 0x80;
    if (kbd->print_form == PRINT_SYSRQ) {
        seq_key(kbd, seq, KEY_SYSRQ, down);
    } else if (kbd->print_form == PRINT_BARE) {
        seq_key(kbd, seq, KEY_PRINT, down);
    } else if (down) {
        seq_key(kbd, seq, fake_shift, true);
        seq_key(kbd, seq, KEY_PRINT, true);
    } else {
        seq_key(kbd, seq, KEY_PRINT, false);
        seq_key(kbd, seq, fake_shift, false);
    }
}

/* Pause has no break code: the make code holds both. */
static void seq_pause(const struct ps2_keyboard *kbd, struct sequence *seq)
{
    static const struct sequence set1 = {{0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5}, 6};
    static const struct sequence set2 = {{0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77}, 8};
    if (kbd->modifiers & CTRL_DOWN) {
        seq_key(kbd, seq, KEY_PAUSE, true);
        seq_key(kbd, seq, KEY_PAUSE, false);
    } else {
        *seq = kbd->scan_set == 1 ? set1 : set2;
    }
}

/* The code of sets 1 and 2; empty if the key has none. */
static void seq_normal(struct ps2_keyboard *kbd, struct sequence *seq, unsigned key, bool down,
                       bool repeat)
{
    if (key == KEY_PAUSE) {
        if (down) {
            seq_pause(kbd, seq);
        }
    } else if (key == KEY_PRINT) {
        if (down && !repeat) {
            kbd->print_form = kbd->modifiers & ALT_DOWN                   ? PRINT_SYSRQ
                              : kbd->modifiers & (SHIFT_DOWN | CTRL_DOWN) ? PRINT_BARE
                                                                          : PRINT_PLAIN;
        }
        if (repeat) {
            seq_key(kbd, seq, kbd->print_form == PRINT_SYSRQ ? KEY_SYSRQ : KEY_PRINT, true);
        } else {
            seq_print(kbd, seq, down);
        }
    } else if (kbd->scan_set == 1 || ps2_keyboard_set2[key & 0x7f] != 0) {
        seq_key(kbd, seq, key, down);
    }
}

static void seq_set3(const struct ps2_keyboard *kbd, struct sequence *seq, unsigned key, bool down)
{
    uint8_t code = ps2_keyboard_set3[key];
    if (code == 0) {
        return;
    }
    if (!down) {
        if (!(kbd->types[key] & KEY_BREAKS)) {
            return;
        }
        seq_add(seq, BREAK_PREFIX);
    }
    seq_add(seq, code);
}

static void send_key(struct ps2_keyboard *kbd, unsigned key, bool down, bool repeat)
{
    struct sequence seq = {.count = 0};
    if (kbd->scan_set == 3) {
        seq_set3(kbd, &seq, key, down);
    } else {
        seq_normal(kbd, &seq, key, down, repeat);
    }
    if (seq.count > 0) {
        store(kbd, &seq);
    }
}

static uint64_t repeat_delay_ns(const struct ps2_keyboard *kbd)
{
    return ((kbd->rate >> 5 & 3) + 1) * 250000000ull;
}

/* (8 + A) * 2^B * 4.17 ms, A bits 2-0 and B bits 4-3 of the rate byte. */
static uint64_t repeat_period_ns(const struct ps2_keyboard *kbd)
{
    return (8ull + (kbd->rate & 7)) * (1u << (kbd->rate >> 3 & 3)) * 4170000;
}

static void repeat_expired(void *arg)
{
    struct ps2_keyboard *kbd = arg;
    uint64_t now = clock_now(kbd->dev.machine->guest_clock);
    if (kbd->repeat_key == KEY_NONE || now < kbd->repeat_at) {
        ps2_keyboard_drive(&kbd->dev);
        return;
    }
    /* A repeat is worth nothing to a guest that does not keep up with the keys. */
    if (kbd->buffer_count == 0) {
        send_key(kbd, kbd->repeat_key, true, true);
    }
    kbd->repeat_at = now + repeat_period_ns(kbd);
    ps2_keyboard_drive(&kbd->dev);
    ps2_port_notify(&kbd->port);
}

static void track_modifiers(struct ps2_keyboard *kbd, unsigned key, bool down)
{
    uint8_t bit = key == KEY_SHIFT || key == KEY_SHIFT_R ? SHIFT_DOWN
                  : key == KEY_CTRL || key == KEY_CTRL_R ? CTRL_DOWN
                  : key == KEY_ALT || key == KEY_ALT_R   ? ALT_DOWN
                                                         : 0;
    kbd->modifiers = down ? kbd->modifiers | bit : kbd->modifiers & ~bit;
}

static bool key_repeats(const struct ps2_keyboard *kbd, unsigned key)
{
    if (kbd->scan_set == 3) {
        return kbd->types[key] & KEY_REPEATS;
    }
    return key != KEY_PAUSE;
}

void ps2_keyboard_key(void *keyboard, enum key_code key, bool down)
{
    struct ps2_keyboard *kbd = keyboard;
    if (key == KEY_NONE || key >= KEY_COUNT) {
        return;
    }
    track_modifiers(kbd, key, down);
    if (!kbd->enabled) {
        return;
    }
    send_key(kbd, key, down, false);
    if (down) {
        kbd->repeat_key = key_repeats(kbd, key) ? key : KEY_NONE;
        kbd->repeat_at = clock_now(kbd->dev.machine->guest_clock) + repeat_delay_ns(kbd);
    } else if (kbd->repeat_key == key) {
        kbd->repeat_key = KEY_NONE;
    }
    ps2_keyboard_drive(&kbd->dev);
    ps2_port_notify(&kbd->port);
}

/* Rate, key types: what F5, F6 and FF restore. Lights stay, as the manual says for F5 and F6. */
static void set_defaults(struct ps2_keyboard *kbd)
{
    kbd->rate = RATE_DEFAULT;
    memcpy(kbd->types, ps2_keyboard_set3_types, sizeof(kbd->types));
}

static void set_all_types(struct ps2_keyboard *kbd, uint8_t type)
{
    memset(kbd->types, type, sizeof(kbd->types));
    clear_buffer(kbd);
}

static void set_key_type(struct ps2_keyboard *kbd, uint8_t code, uint8_t type)
{
    for (unsigned key = 0; key < 256; key++) {
        if (ps2_keyboard_set3[key] == code && code != 0) {
            kbd->types[key] = type;
        }
    }
}

/* The option byte of a command. False if it is not valid. */
static bool take_option(struct ps2_keyboard *kbd, uint8_t command, uint8_t byte)
{
    switch (command) {
    case CMD_SET_LEDS:
        if (byte > 7) {
            return false;
        }
        kbd->leds = byte;
        break;
    case CMD_SCAN_SET:
        if (byte > 3) {
            return false;
        }
        reply(kbd, REPLY_ACK);
        if (byte == 0) {
            reply(kbd, kbd->scan_set);
        } else {
            kbd->scan_set = byte;
            clear_buffer(kbd);
        }
        return true;
    case CMD_SET_RATE:
        if (byte > 0x7f) {
            return false;
        }
        kbd->rate = byte;
        break;
    default: { /* CMD_KEY_..: codes follow until the next command */
        static const uint8_t types[] = {KEY_REPEATS, KEY_BREAKS, 0};
        set_key_type(kbd, byte, types[command - CMD_KEY_TYPEMATIC]);
        kbd->command = command;
        break;
    }
    }
    reply(kbd, REPLY_ACK);
    return true;
}

static void reset_keyboard(struct ps2_keyboard *kbd)
{
    clear_buffer(kbd);
    set_defaults(kbd);
    kbd->scan_set = 2;
    kbd->leds = 0;
    kbd->enabled = true;
    kbd->command = 0;
}

static void run_command(struct ps2_keyboard *kbd, uint8_t command)
{
    switch (command) {
    case CMD_ECHO:
        reply(kbd, CMD_ECHO);
        return;
    case CMD_RESEND:
        reply(kbd, kbd->last_sent);
        return;
    case CMD_RESET:
        reset_keyboard(kbd);
        reply(kbd, REPLY_ACK);
        reply(kbd, REPLY_BAT_OK);
        return;
    case CMD_READ_ID:
        reply(kbd, REPLY_ACK);
        reply(kbd, ID_FIRST);
        reply(kbd, ID_SECOND);
        return;
    case CMD_SET_LEDS:
    case CMD_SCAN_SET:
    case CMD_SET_RATE:
    case CMD_KEY_TYPEMATIC:
    case CMD_KEY_MAKE_BREAK:
    case CMD_KEY_MAKE:
        kbd->command = command;
        break;
    case CMD_ENABLE:
        clear_buffer(kbd);
        kbd->enabled = true;
        break;
    case CMD_DISABLE:
    case CMD_DEFAULTS:
        clear_buffer(kbd);
        set_defaults(kbd);
        kbd->enabled = command == CMD_DEFAULTS;
        break;
    case CMD_ALL_TYPEMATIC:
        set_all_types(kbd, KEY_REPEATS);
        break;
    case CMD_ALL_MAKE_BREAK:
        set_all_types(kbd, KEY_BREAKS);
        break;
    case CMD_ALL_MAKE:
        set_all_types(kbd, 0);
        break;
    case CMD_ALL_BOTH:
        set_all_types(kbd, KEY_REPEATS | KEY_BREAKS);
        break;
    default:
        reply(kbd, REPLY_RESEND);
        return;
    }
    reply(kbd, REPLY_ACK);
}

static void ps2_keyboard_send(void *owner, uint8_t byte)
{
    struct ps2_keyboard *kbd = owner;
    uint8_t command = kbd->command;
    kbd->command = 0;
    /* What was not fetched of an earlier answer is lost. */
    kbd->reply_count = 0;
    if (command == 0 || byte >= CMD_SET_LEDS) {
        run_command(kbd, byte);
    } else if (!take_option(kbd, command, byte)) {
        kbd->command = command;
        reply(kbd, REPLY_RESEND);
    }
    ps2_keyboard_drive(&kbd->dev);
    ps2_port_notify(&kbd->port);
}

static bool ps2_keyboard_pending(void *owner)
{
    struct ps2_keyboard *kbd = owner;
    return kbd->reply_count > 0 || (kbd->buffer_count > 0 && kbd->command == 0);
}

static uint8_t ps2_keyboard_take(void *owner)
{
    struct ps2_keyboard *kbd = owner;
    uint8_t *queue = kbd->reply_count > 0 ? kbd->replies : kbd->buffer;
    uint8_t *count = kbd->reply_count > 0 ? &kbd->reply_count : &kbd->buffer_count;
    if (*count == 0) {
        return 0;
    }
    uint8_t byte = queue[0];
    memmove(queue, queue + 1, --*count);
    if (count == &kbd->buffer_count && *count == 0) {
        kbd->overrun = false;
    }
    if (byte != REPLY_RESEND) {
        kbd->last_sent = byte;
    }
    return byte;
}

static const struct ps2_port_ops port_ops = {
    .pending = ps2_keyboard_pending,
    .take = ps2_keyboard_take,
    .send = ps2_keyboard_send,
};

struct ps2_port *ps2_keyboard_port(struct device *dev)
{
    return &((struct ps2_keyboard *)dev)->port;
}

static bool has_room(void *arg)
{
    return ((struct ps2_keyboard *)arg)->buffer_count + CODE_MAX <= BUFFER_SIZE;
}

void ps2_keyboard_connect_input(struct device *dev, struct input *input)
{
    struct ps2_keyboard *kbd = (struct ps2_keyboard *)dev;
    if (kbd->input != NULL) {
        input_set_keyboard(kbd->input, NULL, NULL);
        input_set_keyboard_room(kbd->input, NULL);
    }
    kbd->input = input;
    if (input != NULL) {
        input_set_keyboard(input, ps2_keyboard_key, kbd);
        input_set_keyboard_room(input, has_room);
        kbd->leds_shown = kbd->leds;
        input_set_leds(input, kbd->leds);
    }
}

unsigned ps2_keyboard_leds(struct device *dev)
{
    return ((struct ps2_keyboard *)dev)->leds;
}

static void ps2_keyboard_reset(struct device *dev)
{
    struct ps2_keyboard *kbd = (struct ps2_keyboard *)dev;
    reset_keyboard(kbd);
    memset(kbd->buffer, 0, sizeof(kbd->buffer));
    memset(kbd->replies, 0, sizeof(kbd->replies));
    kbd->reply_count = 0;
    kbd->last_sent = 0;
    kbd->modifiers = 0;
    kbd->print_form = PRINT_PLAIN;
    kbd->repeat_at = 0;
}

static bool ps2_keyboard_create(struct device *dev, GError **error)
{
    struct ps2_keyboard *kbd = (struct ps2_keyboard *)dev;
    timer_init(&kbd->timer, dev->machine->guest_clock, repeat_expired, kbd);
    kbd->port.ops = &port_ops;
    kbd->port.owner = kbd;
    ps2_keyboard_reset(dev);
    return true;
}

static void ps2_keyboard_destroy(struct device *dev)
{
    timer_finish(&((struct ps2_keyboard *)dev)->timer);
}

static void ps2_keyboard_loaded(struct device *dev)
{
    struct ps2_keyboard *kbd = (struct ps2_keyboard *)dev;
    kbd->scan_set = kbd->scan_set >= 1 && kbd->scan_set <= 3 ? kbd->scan_set : 2;
    kbd->leds &= 7;
    kbd->buffer_count = MIN(kbd->buffer_count, BUFFER_SIZE);
    kbd->reply_count = MIN(kbd->reply_count, REPLY_SIZE);
    bool takes_option = kbd->command == CMD_SET_LEDS || kbd->command == CMD_SCAN_SET ||
                        kbd->command == CMD_SET_RATE ||
                        (kbd->command >= CMD_KEY_TYPEMATIC && kbd->command <= CMD_KEY_MAKE);
    kbd->command = takes_option ? kbd->command : 0;
}

#define K struct ps2_keyboard
static const struct field ps2_keyboard_fields[] = {
    FIELD_U8(K, scan_set),
    FIELD_U8(K, leds),
    FIELD_U8(K, rate),
    FIELD_BOOL(K, enabled),
    FIELD_U8(K, command),
    FIELD_U8(K, last_sent),
    FIELD_BYTES(K, buffer),
    FIELD_U8(K, buffer_count),
    FIELD_BOOL(K, overrun),
    FIELD_BYTES(K, replies),
    FIELD_U8(K, reply_count),
    FIELD_U8(K, modifiers),
    FIELD_U8(K, print_form),
    FIELD_U8(K, repeat_key),
    FIELD_U64(K, repeat_at),
    FIELD_BYTES(K, types),
    FIELD_END,
};
#undef K

const struct device_class ps2_keyboard_class = {
    .name = "ps2-kbd",
    .description = "PS/2 keyboard",
    .state_size = sizeof(struct ps2_keyboard),
    .fields = ps2_keyboard_fields,
    .create = ps2_keyboard_create,
    .reset = ps2_keyboard_reset,
    .drive = ps2_keyboard_drive,
    .loaded = ps2_keyboard_loaded,
    .destroy = ps2_keyboard_destroy,
};
