/*
 * Keys sent by name: `sendkey` and typed text. Both are lists of steps (a key goes down or up, then some guest
 * time passes), played one after the other by a timer on the guest clock. They go through the same queue as
 * the keys of a window.
 */
#include <string.h>

#include "ui/input.h"
#include "ui/input_impl.h"

#define INPUT_STEPS_MAX (8 * INPUT_TEXT_MAX)
#define INPUT_CHORD_MAX 16

/* Typing: a key is held and the next one follows after these times; slow enough for a BIOS that polls. */
#define TYPE_HOLD_MS 20
#define TYPE_GAP_MS 20
/* Between two sendkey sequences. */
#define CHORD_GAP_MS 20

static bool steps_empty(const struct input *input)
{
    return input->next_step >= input->steps->len;
}

/* Plays steps up to one that has to wait. Machine lock held. */
static void steps_play(void *arg)
{
    struct input *input = arg;

    for (;;) {
        struct input_step step;

        g_mutex_lock(&input->mutex);
        if (steps_empty(input)) {
            g_array_set_size(input->steps, 0);
            input->next_step = 0;
            g_mutex_unlock(&input->mutex);
            return;
        }
        step = g_array_index(input->steps, struct input_step, input->next_step++);
        g_mutex_unlock(&input->mutex);
        if (step.key != KEY_NONE) {
            input_key(input, step.key, step.down);
        }
        if (step.delay_ms != 0) {
            timer_at(&input->step_timer,
                     clock_now(input->machine->guest_clock) + step.delay_ms * 1000000ull);
            return;
        }
    }
}

void input_steps_init(struct input *input)
{
    input->steps = g_array_new(FALSE, FALSE, sizeof(struct input_step));
    timer_init(&input->step_timer, input->machine->guest_clock, steps_play, input);
}

void input_steps_finish(struct input *input)
{
    timer_finish(&input->step_timer);
    g_array_unref(input->steps);
}

void input_steps_start(struct input *input)
{
    if (input->step_timer.deadline == CLOCK_NEVER) {
        steps_play(input);
    }
}

/* Appends steps as a whole or not at all. */
static bool steps_append(struct input *input, const struct input_step *steps, unsigned count,
                         GError **error)
{
    bool fits;

    g_mutex_lock(&input->mutex);
    fits = input->steps->len - input->next_step + count <= INPUT_STEPS_MAX;
    if (fits) {
        g_array_remove_range(input->steps, 0, input->next_step);
        input->next_step = 0;
        g_array_append_vals(input->steps, steps, count);
    }
    g_mutex_unlock(&input->mutex);
    if (!fits) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_AGAIN,
                    "too many keys are still waiting to be sent; try again later");
        return false;
    }
    event_post(input->machine->events, &input->event);
    return true;
}

bool input_send_keys(struct input *input, const char *keys, unsigned hold_ms, GError **error)
{
    struct input_step steps[2 * INPUT_CHORD_MAX];
    enum key_code chord[INPUT_CHORD_MAX];
    unsigned count = 0;
    const char *word = keys;

    for (;;) {
        size_t length = strcspn(word, "-");
        enum key_code key = key_code_parse(word, length);

        if (key == KEY_NONE || count == INPUT_CHORD_MAX) {
            g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "invalid parameter: %.*s",
                        (int)MIN(length, 64), word);
            return false;
        }
        chord[count++] = key;
        if (word[length] == '\0') {
            break;
        }
        word += length + 1;
    }
    for (unsigned i = 0; i < count; i++) {
        steps[i] = (struct input_step){.key = chord[i], .down = true};
        steps[2 * count - 1 - i] = (struct input_step){.key = chord[i], .down = false};
    }
    steps[count - 1].delay_ms = hold_ms != 0 ? hold_ms : INPUT_DEFAULT_HOLD_MS;
    steps[2 * count - 1].delay_ms = CHORD_GAP_MS;
    return steps_append(input, steps, 2 * count, error);
}

static void add_stroke(GArray *steps, const struct key_stroke *stroke, bool caps)
{
    bool shift = stroke->shift != (caps && stroke->letter);
    enum key_code modifier = stroke->alt_gr ? KEY_ALT_R : shift ? KEY_SHIFT : KEY_NONE;
    struct input_step step[6] = {
        {.key = modifier, .down = true},
        {.key = stroke->key, .down = true, .delay_ms = TYPE_HOLD_MS},
        {.key = stroke->key, .down = false},
        {.key = modifier, .down = false, .delay_ms = TYPE_GAP_MS},
        {.key = KEY_SPC, .down = true, .delay_ms = TYPE_HOLD_MS},
        {.key = KEY_SPC, .down = false, .delay_ms = TYPE_GAP_MS},
    };

    g_array_append_vals(steps, step, stroke->dead ? 6 : 4);
}

/* Adds how a character is typed, or what stands for it; false if there is nothing. */
static bool add_character(struct input *input, GArray *steps, gunichar character, bool caps)
{
    int layout = g_atomic_int_get(&input->layout);
    const char *substitute;
    struct key_stroke stroke;

    if (key_of_character(layout, character, &stroke)) {
        add_stroke(steps, &stroke, caps);
        return true;
    }
    substitute = key_substitute(character);
    for (const char *c = substitute; c != NULL && *c != '\0'; c++) {
        if (key_of_character(layout, (guchar)*c, &stroke)) {
            add_stroke(steps, &stroke, caps);
        }
    }
    return substitute != NULL;
}

static bool check_text(const char *text, size_t length, GError **error)
{
    const char *end;

    if (length > INPUT_TEXT_MAX) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "text of %zu bytes is too long to be typed; at most %d", length, INPUT_TEXT_MAX);
        return false;
    }
    if (!g_utf8_validate(text, (gssize)length, &end)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "byte %zu of the text (0x%02x) is not UTF-8",
                    (size_t)(end - text) + 1, (guchar)*end);
        return false;
    }
    return true;
}

bool input_type_text(struct input *input, const char *text, GError **error)
{
    g_autoptr(GArray) steps = g_array_new(FALSE, FALSE, sizeof(struct input_step));
    bool caps = (input_leds(input) & INPUT_LED_CAPS) != 0;
    size_t length = strlen(text);

    if (!check_text(text, length, error)) {
        return false;
    }
    for (const char *c = text; *c != '\0'; c = g_utf8_next_char(c)) {
        gunichar character = g_utf8_get_char(c);

        /* Of a line end in two characters the second is enough. */
        if (character == '\r' && c[1] == '\n') {
            continue;
        }
        if (!add_character(input, steps, character, caps)) {
            g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                        "byte %td of the text (U+%04X) is not on the keyboard; -k names the guest's layout, sendkey "
                        "sends any key",
                        c - text + 1, character);
            return false;
        }
    }
    return steps->len == 0 ||
           steps_append(input, (const struct input_step *)(void *)steps->data, steps->len, error);
}

bool input_set_layout(struct input *input, const char *name, GError **error)
{
    int layout = key_layout_find(name);

    if (layout < 0) {
        g_autofree char *names = key_layout_names();

        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "unknown keyboard layout '%s'; known are: %s", name,
                    names);
        return false;
    }
    g_atomic_int_set(&input->layout, layout);
    return true;
}

bool input_sending(struct input *input)
{
    bool sending;

    g_mutex_lock(&input->mutex);
    sending = input->steps->len != 0;
    g_mutex_unlock(&input->mutex);
    return sending;
}
