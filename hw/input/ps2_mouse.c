/*
 * A PS/2 mouse (IBM PS/2 Technical Reference, "Mouse"; Microsoft, "IntelliMouse" and "IntelliMouse
 * Explorer" PS/2 protocols): stream, remote and wrap mode.
 *
 * Motion gathers in the counters; a report is made when the last one has left, the sample time has
 * passed and something is new. What does not fit into the nine bits of a report stays for the next
 * one.
 *
 * Not modelled: the effect of the resolution (a count is a pixel of the host whatever the guest
 * asks for; the value is kept and read back), and the 500 ms of the self-test.
 */
#include "hw/input/ps2_mouse.h"

#include <string.h>

#include "core/clock.h"
#include "core/machine.h"

#define CMD_SCALING_1  0xe6
#define CMD_SCALING_2  0xe7
#define CMD_RESOLUTION 0xe8
#define CMD_STATUS     0xe9
#define CMD_STREAM     0xea
#define CMD_READ_DATA  0xeb
#define CMD_UNWRAP     0xec
#define CMD_WRAP       0xee
#define CMD_REMOTE     0xf0
#define CMD_READ_ID    0xf2
#define CMD_RATE       0xf3
#define CMD_ENABLE     0xf4
#define CMD_DISABLE    0xf5
#define CMD_DEFAULTS   0xf6
#define CMD_RESEND     0xfe
#define CMD_RESET      0xff

#define REPLY_ACK    0xfa
#define REPLY_RESEND 0xfe
#define REPLY_ERROR  0xfc
#define REPLY_BAT_OK 0xaa

#define ID_STANDARD 0
#define ID_WHEEL    3
#define ID_EXPLORER 4

#define STATUS_REMOTE  0x40
#define STATUS_ENABLED 0x20
#define STATUS_SCALING 0x10

#define REPORT_ALWAYS_1 0x08
#define REPORT_X_SIGN   0x10
#define REPORT_Y_SIGN   0x20

#define RATE_DEFAULT       100
#define RESOLUTION_DEFAULT 2
#define QUEUE_SIZE         8
#define MOTION_LIMIT       2048 /* counts kept for a guest that does not fetch them */
#define WHEEL_LIMIT        64
#define BUTTONS_ALL        0x1f

struct ps2_mouse {
    struct device dev;
    /* Saved. */
    bool enabled;
    bool remote;
    bool wrap;
    bool scaling;       /* 2:1 */
    uint8_t resolution; /* 0..3: 1, 2, 4, 8 counts a millimetre */
    uint8_t rate;       /* reports a second */
    uint8_t id;
    uint8_t rates[2];          /* the last two rates before `rate`, for the knock */
    uint8_t command;           /* waits for its option byte; 0 none */
    bool refused;              /* the last byte was answered with FE */
    uint8_t queue[QUEUE_SIZE]; /* answer or report on its way */
    uint8_t queue_count;
    uint8_t last_sent;
    int32_t dx, dy, dz; /* up and towards the user positive */
    uint8_t buttons;
    uint8_t buttons_sent;
    bool poked;           /* a report is wanted in any case */
    uint64_t next_report; /* guest ns: none before */
    /* Wiring. */
    struct ps2_port port;
    struct input *input;
    struct timer timer;
};

static uint64_t now_ns(const struct ps2_mouse *mouse)
{
    return clock_now(mouse->dev.machine->guest_clock);
}

/* Stream mode has something to tell. */
static bool report_wanted(const struct ps2_mouse *mouse)
{
    return mouse->enabled && !mouse->remote && !mouse->wrap && mouse->command == 0 &&
           (mouse->dx != 0 || mouse->dy != 0 || mouse->dz != 0 ||
            mouse->buttons != mouse->buttons_sent || mouse->poked);
}

static void ps2_mouse_drive(struct device *dev)
{
    struct ps2_mouse *mouse = (struct ps2_mouse *)dev;
    bool waiting = report_wanted(mouse) && mouse->queue_count == 0;
    timer_at(&mouse->timer, waiting ? mouse->next_report : CLOCK_NEVER);
}

static void queue_byte(struct ps2_mouse *mouse, uint8_t byte)
{
    if (mouse->queue_count < QUEUE_SIZE) {
        mouse->queue[mouse->queue_count++] = byte;
    }
}

/* 2:1 scaling: small motions are tamed, others doubled (Mouse, "Set scaling 2:1"). */
static int scale(int v)
{
    static const int table[] = {0, 1, 1, 3, 6, 9};
    int size = v < 0 ? -v : v;
    int scaled = size < (int)G_N_ELEMENTS(table) ? table[size] : 2 * size;
    return v < 0 ? -scaled : scaled;
}

/* Takes what one report can hold out of a motion counter. */
static int take_motion(int32_t *counter, bool scaling)
{
    int limit = scaling ? 127 : 255;
    int v = CLAMP(*counter, -limit, limit);
    *counter -= v;
    return scaling ? scale(v) : v;
}

static uint8_t take_wheel(struct ps2_mouse *mouse)
{
    if (mouse->id == ID_STANDARD) {
        mouse->dz = 0;
        return 0;
    }
    int limit = mouse->id == ID_EXPLORER ? 7 : 127;
    int v = CLAMP(mouse->dz, -limit, limit);
    mouse->dz -= v;
    return (uint8_t)v;
}

static void queue_report(struct ps2_mouse *mouse, bool scaling)
{
    int dx = take_motion(&mouse->dx, scaling);
    int dy = take_motion(&mouse->dy, scaling);
    uint8_t dz = take_wheel(mouse);
    queue_byte(mouse, REPORT_ALWAYS_1 | (mouse->buttons & 7) | (dx < 0 ? REPORT_X_SIGN : 0) |
                          (dy < 0 ? REPORT_Y_SIGN : 0));
    queue_byte(mouse, (uint8_t)dx);
    queue_byte(mouse, (uint8_t)dy);
    if (mouse->id == ID_WHEEL) {
        queue_byte(mouse, dz);
    } else if (mouse->id == ID_EXPLORER) {
        queue_byte(mouse, (dz & 15) | (mouse->buttons & (INPUT_BUTTON_SIDE | INPUT_BUTTON_EXTRA))
                                          << 1);
    }
    mouse->buttons_sent = mouse->buttons;
    mouse->poked = false;
}

/* Makes a report if it is time for one. */
static void sample(struct ps2_mouse *mouse)
{
    uint64_t now = now_ns(mouse);
    /* A click must not get lost between two samples when the host delivers in bursts. */
    bool due = now >= mouse->next_report || mouse->buttons != mouse->buttons_sent;
    if (report_wanted(mouse) && mouse->queue_count == 0 && due) {
        queue_report(mouse, mouse->scaling);
        mouse->next_report = now + NS_PER_SECOND / mouse->rate;
    }
    ps2_mouse_drive(&mouse->dev);
}

static void sample_expired(void *arg)
{
    struct ps2_mouse *mouse = arg;
    sample(mouse);
    ps2_port_notify(&mouse->port);
}

void ps2_mouse_event(struct device *dev, int dx, int dy, int dz, unsigned buttons)
{
    struct ps2_mouse *mouse = (struct ps2_mouse *)dev;
    dx = CLAMP(dx, -MOTION_LIMIT, MOTION_LIMIT);
    dy = CLAMP(dy, -MOTION_LIMIT, MOTION_LIMIT);
    dz = CLAMP(dz, -WHEEL_LIMIT, WHEEL_LIMIT);
    mouse->buttons = buttons & BUTTONS_ALL;
    if (!mouse->enabled && !mouse->remote) {
        return;
    }
    mouse->dx = CLAMP(mouse->dx + dx, -MOTION_LIMIT, MOTION_LIMIT);
    mouse->dy = CLAMP(mouse->dy - dy, -MOTION_LIMIT, MOTION_LIMIT);
    if (mouse->id != ID_STANDARD) {
        mouse->dz = CLAMP(mouse->dz + dz, -WHEEL_LIMIT, WHEEL_LIMIT);
    }
    sample(mouse);
    ps2_port_notify(&mouse->port);
}

void ps2_mouse_poke(struct device *dev)
{
    struct ps2_mouse *mouse = (struct ps2_mouse *)dev;
    if (mouse->enabled) {
        mouse->poked = true;
        sample(mouse);
        ps2_port_notify(&mouse->port);
    }
}

static void input_report(void *arg, const struct input_pointer *report)
{
    ps2_mouse_event(arg, report->dx, report->dy, report->wheel, report->buttons);
}

static void forget_motion(struct ps2_mouse *mouse)
{
    mouse->dx = 0;
    mouse->dy = 0;
    mouse->dz = 0;
    mouse->poked = false;
    mouse->buttons_sent = mouse->buttons;
}

static void set_defaults(struct ps2_mouse *mouse)
{
    mouse->enabled = false;
    mouse->remote = false;
    mouse->wrap = false;
    mouse->scaling = false;
    mouse->resolution = RESOLUTION_DEFAULT;
    mouse->rate = RATE_DEFAULT;
    forget_motion(mouse);
}

/* The sequences of sample rates by which a driver asks for the better protocols. */
static void set_rate(struct ps2_mouse *mouse, uint8_t rate)
{
    if (rate == 80 && mouse->rates[0] == 200 && mouse->rates[1] == 100) {
        mouse->id = ID_WHEEL;
    } else if (rate == 80 && mouse->rates[0] == 200 && mouse->rates[1] == 200) {
        mouse->id = ID_EXPLORER;
    }
    mouse->rates[0] = mouse->rates[1];
    mouse->rates[1] = rate;
    mouse->rate = rate;
}

/* The option byte of E8 or F3. False if it is not valid. */
static bool take_option(struct ps2_mouse *mouse, uint8_t command, uint8_t byte)
{
    static const uint8_t rates[] = {10, 20, 40, 60, 80, 100, 200};
    if (command == CMD_RESOLUTION) {
        if (byte > 3) {
            return false;
        }
        mouse->resolution = byte;
    } else {
        if (memchr(rates, byte, sizeof(rates)) == NULL) {
            return false;
        }
        set_rate(mouse, byte);
    }
    queue_byte(mouse, REPLY_ACK);
    return true;
}

static void queue_status(struct ps2_mouse *mouse)
{
    unsigned b = mouse->buttons;
    queue_byte(mouse, (mouse->remote ? STATUS_REMOTE : 0) | (mouse->enabled ? STATUS_ENABLED : 0) |
                          (mouse->scaling ? STATUS_SCALING : 0) | (b & INPUT_BUTTON_LEFT ? 4 : 0) |
                          (b & INPUT_BUTTON_MIDDLE ? 2 : 0) | (b & INPUT_BUTTON_RIGHT ? 1 : 0));
    queue_byte(mouse, mouse->resolution);
    queue_byte(mouse, mouse->rate);
}

/* After the acknowledgement. False if the command is unknown. */
static bool run_command(struct ps2_mouse *mouse, uint8_t command)
{
    switch (command) {
    case CMD_SCALING_1:
    case CMD_SCALING_2:
        mouse->scaling = command == CMD_SCALING_2;
        break;
    case CMD_RESOLUTION:
    case CMD_RATE:
        mouse->command = command;
        break;
    case CMD_STATUS:
        queue_status(mouse);
        break;
    case CMD_STREAM:
        mouse->remote = false;
        forget_motion(mouse);
        break;
    case CMD_REMOTE:
        mouse->remote = true;
        forget_motion(mouse);
        break;
    case CMD_READ_DATA:
        queue_report(mouse, false);
        break;
    case CMD_UNWRAP:
        break;
    case CMD_WRAP:
        mouse->wrap = true;
        break;
    case CMD_READ_ID:
        queue_byte(mouse, mouse->id);
        break;
    case CMD_ENABLE:
    case CMD_DISABLE:
        mouse->enabled = command == CMD_ENABLE;
        forget_motion(mouse);
        break;
    case CMD_DEFAULTS:
        set_defaults(mouse);
        break;
    case CMD_RESET:
        set_defaults(mouse);
        mouse->id = ID_STANDARD;
        mouse->rates[0] = 0;
        mouse->rates[1] = 0;
        queue_byte(mouse, REPLY_BAT_OK);
        queue_byte(mouse, mouse->id);
        break;
    default:
        return false;
    }
    return true;
}

/* FE asks for the byte again; a second bad byte is an error. */
static void refuse(struct ps2_mouse *mouse)
{
    mouse->queue_count = 0;
    queue_byte(mouse, mouse->refused ? REPLY_ERROR : REPLY_RESEND);
    mouse->refused = !mouse->refused;
}

static void ps2_mouse_send(void *owner, uint8_t byte)
{
    struct ps2_mouse *mouse = owner;
    uint8_t command = mouse->command;
    mouse->command = 0;
    /* Whatever was on its way is given up. */
    mouse->queue_count = 0;
    if (mouse->wrap && byte != CMD_RESET && byte != CMD_UNWRAP) {
        queue_byte(mouse, byte);
    } else if (byte == CMD_RESEND && command == 0) {
        queue_byte(mouse, mouse->last_sent);
    } else if (command != 0 && byte < CMD_SCALING_1) {
        if (take_option(mouse, command, byte)) {
            mouse->refused = false;
        } else {
            mouse->command = mouse->refused ? 0 : command;
            refuse(mouse);
        }
    } else {
        mouse->wrap = false;
        queue_byte(mouse, REPLY_ACK);
        if (run_command(mouse, byte)) {
            mouse->refused = false;
        } else {
            refuse(mouse);
        }
    }
    ps2_mouse_drive(&mouse->dev);
    ps2_port_notify(&mouse->port);
}

static bool ps2_mouse_pending(void *owner)
{
    return ((struct ps2_mouse *)owner)->queue_count > 0;
}

static uint8_t ps2_mouse_take(void *owner)
{
    struct ps2_mouse *mouse = owner;
    if (mouse->queue_count == 0) {
        return 0;
    }
    uint8_t byte = mouse->queue[0];
    memmove(mouse->queue, mouse->queue + 1, --mouse->queue_count);
    mouse->last_sent = byte;
    sample(mouse);
    return byte;
}

static const struct ps2_port_ops port_ops = {
    .pending = ps2_mouse_pending,
    .take = ps2_mouse_take,
    .send = ps2_mouse_send,
};

struct ps2_port *ps2_mouse_port(struct device *dev)
{
    return &((struct ps2_mouse *)dev)->port;
}

void ps2_mouse_connect_input(struct device *dev, struct input *input)
{
    struct ps2_mouse *mouse = (struct ps2_mouse *)dev;
    if (mouse->input != NULL) {
        input_set_mouse(mouse->input, NULL, NULL);
    }
    mouse->input = input;
    if (input != NULL) {
        input_set_mouse(input, input_report, mouse);
    }
}

static void ps2_mouse_reset(struct device *dev)
{
    struct ps2_mouse *mouse = (struct ps2_mouse *)dev;
    mouse->buttons = 0;
    set_defaults(mouse);
    mouse->id = ID_STANDARD;
    memset(mouse->rates, 0, sizeof(mouse->rates));
    mouse->command = 0;
    mouse->refused = false;
    memset(mouse->queue, 0, sizeof(mouse->queue));
    mouse->queue_count = 0;
    mouse->last_sent = 0;
    mouse->next_report = 0;
}

static bool ps2_mouse_create(struct device *dev, GError **error)
{
    struct ps2_mouse *mouse = (struct ps2_mouse *)dev;
    timer_init(&mouse->timer, dev->machine->guest_clock, sample_expired, mouse);
    mouse->port.ops = &port_ops;
    mouse->port.owner = mouse;
    ps2_mouse_reset(dev);
    return true;
}

static void ps2_mouse_destroy(struct device *dev)
{
    timer_finish(&((struct ps2_mouse *)dev)->timer);
}

static void ps2_mouse_loaded(struct device *dev)
{
    struct ps2_mouse *mouse = (struct ps2_mouse *)dev;
    mouse->resolution &= 3;
    mouse->rate = mouse->rate >= 10 && mouse->rate <= 200 ? mouse->rate : RATE_DEFAULT;
    mouse->id = mouse->id == ID_WHEEL || mouse->id == ID_EXPLORER ? mouse->id : ID_STANDARD;
    bool takes_option = mouse->command == CMD_RESOLUTION || mouse->command == CMD_RATE;
    mouse->command = takes_option ? mouse->command : 0;
    mouse->queue_count = MIN(mouse->queue_count, QUEUE_SIZE);
    mouse->dx = CLAMP(mouse->dx, -MOTION_LIMIT, MOTION_LIMIT);
    mouse->dy = CLAMP(mouse->dy, -MOTION_LIMIT, MOTION_LIMIT);
    mouse->dz = CLAMP(mouse->dz, -WHEEL_LIMIT, WHEEL_LIMIT);
    mouse->buttons &= BUTTONS_ALL;
    mouse->buttons_sent &= BUTTONS_ALL;
}

#define M struct ps2_mouse
static const struct field ps2_mouse_fields[] = {
    FIELD_BOOL(M, enabled),    FIELD_BOOL(M, remote),
    FIELD_BOOL(M, wrap),       FIELD_BOOL(M, scaling),
    FIELD_U8(M, resolution),   FIELD_U8(M, rate),
    FIELD_U8(M, id),           FIELD_BYTES(M, rates),
    FIELD_U8(M, command),      FIELD_BOOL(M, refused),
    FIELD_BYTES(M, queue),     FIELD_U8(M, queue_count),
    FIELD_U8(M, last_sent),    FIELD_I32(M, dx),
    FIELD_I32(M, dy),          FIELD_I32(M, dz),
    FIELD_U8(M, buttons),      FIELD_U8(M, buttons_sent),
    FIELD_BOOL(M, poked),      FIELD_U64(M, next_report),
    FIELD_END,
};
#undef M

const struct device_class ps2_mouse_class = {
    .name = "ps2-mouse",
    .description = "PS/2 mouse with wheel and five buttons",
    .state_size = sizeof(struct ps2_mouse),
    .fields = ps2_mouse_fields,
    .create = ps2_mouse_create,
    .reset = ps2_mouse_reset,
    .drive = ps2_mouse_drive,
    .loaded = ps2_mouse_loaded,
    .destroy = ps2_mouse_destroy,
};
