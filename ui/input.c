/*
 * The input queue. See input.h.
 *
 * Motion is merged with the entry before it as long as nothing else lies between, so that a fast mouse needs
 * one entry. Of a full queue releases may use the last quarter: there can never be more releases to come than
 * keys that are down, and presses are refused before.
 */
#include "ui/input.h"

#include <stddef.h>

#include "ui/input_impl.h"

/* Presses and motion are refused when fewer entries than this are free. */
#define INPUT_QUEUE_RESERVE (INPUT_QUEUE_SIZE / 4)

/* While the keyboard is full: how often to look, in guest time, and how often at most. */
#define RETRY_NS 2000000
#define RETRIES_MAX 1000

/* No keyboard sends faster than this in the long run, and guests count on it (Linux's event devices have room for some
 * twenty keys), but chords come at once: a token for a key, a new one after so much guest time, at most so many. */
#define TOKEN_NS 3000000
#define TOKENS_MAX 8

static bool queue_put(struct input *input, const struct input_item *item, bool release)
{
    unsigned limit = release ? INPUT_QUEUE_SIZE : INPUT_QUEUE_SIZE - INPUT_QUEUE_RESERVE;

    if (input->count >= limit) {
        return false;
    }
    input->queue[(input->head + input->count) % INPUT_QUEUE_SIZE] = *item;
    input->count++;
    return true;
}

static struct input_item *queue_last(struct input *input)
{
    if (input->count == 0) {
        return NULL;
    }
    return &input->queue[(input->head + input->count - 1) % INPUT_QUEUE_SIZE];
}

static bool queue_take(struct input *input, struct input_item *item)
{
    bool taken = false;

    g_mutex_lock(&input->mutex);
    if (input->count > 0) {
        *item = input->queue[input->head];
        input->head = (input->head + 1) % INPUT_QUEUE_SIZE;
        input->count--;
        taken = true;
    }
    g_mutex_unlock(&input->mutex);
    return taken;
}

static void deliver(struct input *input, const struct input_item *item)
{
    if (item->kind == INPUT_ITEM_KEY) {
        if (input->key_fn != NULL) {
            input->key_fn(input->key_arg, item->key, item->down);
        }
    } else if (input->tablet_fn != NULL && g_atomic_int_get(&input->prefer_mouse) == 0) {
        input->tablet_fn(input->tablet_arg, &item->pointer);
    } else if (input->mouse_fn != NULL) {
        input->mouse_fn(input->mouse_arg, &item->pointer);
    }
}

static bool has_token(struct input *input)
{
    uint64_t now = clock_now(input->machine->guest_clock);

    if (now < input->token_time || now - input->token_time >= TOKENS_MAX * TOKEN_NS) {
        input->tokens = TOKENS_MAX;
        input->token_time = now;
    }
    while (now - input->token_time >= TOKEN_NS) {
        input->tokens = MIN(input->tokens + 1, TOKENS_MAX);
        input->token_time += TOKEN_NS;
    }
    return input->tokens > 0;
}

/* Whether the keyboard would lose a key; after a while that is accepted. */
static bool is_full(struct input *input)
{
    return input->retries < RETRIES_MAX && !input->room_fn(input->key_arg);
}

/* The next item is a key that has to wait. */
static bool is_blocked(struct input *input)
{
    bool key;

    if (input->room_fn == NULL || input->key_fn == NULL) {
        return false;
    }
    g_mutex_lock(&input->mutex);
    key = input->count > 0 && input->queue[input->head].kind == INPUT_ITEM_KEY;
    g_mutex_unlock(&input->mutex);
    return key && (!has_token(input) || is_full(input));
}

static void deliver_queue(struct input *input)
{
    struct input_item item;

    /* Bounded: what is queued meanwhile comes with the next event. */
    for (unsigned i = 0; i < INPUT_QUEUE_SIZE; i++) {
        if (is_blocked(input)) {
            if (input->retry_timer.deadline == CLOCK_NEVER) {
                timer_at(&input->retry_timer, clock_now(input->machine->guest_clock) + RETRY_NS);
            }
            return;
        }
        if (!queue_take(input, &item)) {
            return;
        }
        deliver(input, &item);
        if (item.kind == INPUT_ITEM_KEY) {
            input->tokens -= MIN(input->tokens, 1);
        }
        if (item.kind == INPUT_ITEM_KEY && input->room_fn != NULL && input->room_fn(input->key_arg)) {
            input->retries = 0;
        }
    }
}

static void retry(void *arg)
{
    struct input *input = arg;

    if (input->room_fn != NULL && !input->room_fn(input->key_arg)) {
        input->retries++;
    }
    deliver_queue(input);
}

static void run_queue(struct event *event)
{
    struct input *input = (struct input *)((char *)event - offsetof(struct input, event));

    deliver_queue(input);
    input_steps_start(input);
}

struct input *input_create(struct machine *machine)
{
    struct input *input = g_new0(struct input, 1);

    input->machine = machine;
    input->event.fn = run_queue;
    g_mutex_init(&input->mutex);
    input_steps_init(input);
    timer_init(&input->retry_timer, machine->guest_clock, retry, input);
    return input;
}

void input_destroy(struct input *input)
{
    if (input == NULL) {
        return;
    }
    event_cancel(input->machine->events, &input->event);
    input_steps_finish(input);
    timer_finish(&input->retry_timer);
    g_mutex_clear(&input->mutex);
    g_free(input);
}

void input_set_keyboard(struct input *input, input_key_fn *fn, void *arg)
{
    input->key_fn = fn;
    input->key_arg = arg;
}

void input_set_keyboard_room(struct input *input, input_room_fn *fn)
{
    input->room_fn = fn;
}

void input_set_mouse(struct input *input, input_pointer_fn *fn, void *arg)
{
    input->mouse_fn = fn;
    input->mouse_arg = arg;
}

void input_set_tablet(struct input *input, input_pointer_fn *fn, void *arg)
{
    input->tablet_fn = fn;
    input->tablet_arg = arg;
    g_atomic_int_set(&input->tablet, fn != NULL);
}

void input_set_leds(struct input *input, unsigned leds)
{
    if (g_atomic_int_get(&input->leds) == (int)leds) {
        return;
    }
    g_atomic_int_set(&input->leds, (int)leds);
    if (input->led_fn != NULL) {
        input->led_fn(input->led_arg, leds);
    }
}

void input_on_leds(struct input *input, input_led_fn *fn, void *arg)
{
    input->led_fn = fn;
    input->led_arg = arg;
}

unsigned input_leds(struct input *input)
{
    return (unsigned)g_atomic_int_get(&input->leds);
}

bool input_absolute(struct input *input)
{
    return g_atomic_int_get(&input->tablet) != 0 && g_atomic_int_get(&input->prefer_mouse) == 0;
}

bool input_has_pointer(struct input *input, unsigned n)
{
    return n == INPUT_MOUSE || (n == INPUT_TABLET && g_atomic_int_get(&input->tablet) != 0);
}

bool input_choose_pointer(struct input *input, unsigned n)
{
    if (!input_has_pointer(input, n)) {
        return false;
    }
    g_atomic_int_set(&input->prefer_mouse, n == INPUT_MOUSE);
    return true;
}

/* Mutex held. */
static void queue_key(struct input *input, enum key_code key, bool down)
{
    struct input_item item = {.kind = INPUT_ITEM_KEY, .key = key, .down = down};

    if (input->keys_down[key] != down && queue_put(input, &item, !down)) {
        input->keys_down[key] = down;
    }
}

/* Mutex held. buttons are the new ones. */
static void queue_pointer(struct input *input, struct input_pointer report)
{
    struct input_item item = {.kind = INPUT_ITEM_POINTER, .pointer = report};
    struct input_item *last = queue_last(input);
    bool release = (input->buttons & ~report.buttons) != 0;

    item.pointer.x = input->x;
    item.pointer.y = input->y;
    if (last != NULL && last->kind == INPUT_ITEM_POINTER &&
        last->pointer.buttons == report.buttons) {
        last->pointer.dx += report.dx;
        last->pointer.dy += report.dy;
        last->pointer.wheel += report.wheel;
        last->pointer.wheel_h += report.wheel_h;
        last->pointer.x = input->x;
        last->pointer.y = input->y;
        return;
    }
    if (queue_put(input, &item, release)) {
        input->buttons = report.buttons;
    }
}

void input_key(struct input *input, enum key_code key, bool down)
{
    if (key == KEY_NONE || key >= KEY_COUNT) {
        return;
    }
    g_mutex_lock(&input->mutex);
    queue_key(input, key, down);
    g_mutex_unlock(&input->mutex);
    event_post(input->machine->events, &input->event);
}

void input_motion(struct input *input, int dx, int dy)
{
    /* Merged motion stays far from the ends of int. */
    struct input_pointer report = {.dx = CLAMP(dx, -32768, 32767), .dy = CLAMP(dy, -32768, 32767)};

    g_mutex_lock(&input->mutex);
    report.buttons = input->buttons;
    struct input_item *last = queue_last(input);
    if (last == NULL || last->kind != INPUT_ITEM_POINTER ||
        (ABS(last->pointer.dx) < (1 << 24) && ABS(last->pointer.dy) < (1 << 24))) {
        queue_pointer(input, report);
    }
    g_mutex_unlock(&input->mutex);
    event_post(input->machine->events, &input->event);
}

void input_position(struct input *input, int x, int y)
{
    g_mutex_lock(&input->mutex);
    input->x = (uint16_t)CLAMP(x, 0, INPUT_ABSOLUTE_MAX);
    input->y = (uint16_t)CLAMP(y, 0, INPUT_ABSOLUTE_MAX);
    queue_pointer(input, (struct input_pointer){.buttons = input->buttons});
    g_mutex_unlock(&input->mutex);
    event_post(input->machine->events, &input->event);
}

void input_button(struct input *input, enum input_button button, bool down)
{
    struct input_pointer report = {0};

    g_mutex_lock(&input->mutex);
    report.buttons = down ? input->buttons | button : input->buttons & ~(unsigned)button;
    if (report.buttons != input->buttons) {
        queue_pointer(input, report);
    }
    g_mutex_unlock(&input->mutex);
    event_post(input->machine->events, &input->event);
}

void input_wheel(struct input *input, int wheel, int wheel_h)
{
    struct input_pointer report = {.wheel = CLAMP(wheel, -128, 127),
                                   .wheel_h = CLAMP(wheel_h, -128, 127)};

    g_mutex_lock(&input->mutex);
    report.buttons = input->buttons;
    queue_pointer(input, report);
    g_mutex_unlock(&input->mutex);
    event_post(input->machine->events, &input->event);
}

void input_release_all(struct input *input)
{
    g_mutex_lock(&input->mutex);
    for (unsigned key = 0; key < KEY_COUNT; key++) {
        queue_key(input, (enum key_code)key, false);
    }
    if (input->buttons != 0) {
        queue_pointer(input, (struct input_pointer){0});
    }
    g_mutex_unlock(&input->mutex);
    event_post(input->machine->events, &input->event);
}
