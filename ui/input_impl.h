/*
 * Between the files that implement ui/input.h.
 */
#ifndef UI_INPUT_IMPL_H
#define UI_INPUT_IMPL_H

#include "core/machine.h"
#include "ui/input.h"

#define INPUT_QUEUE_SIZE 4096 /* 1500 keys and their releases, for text that is pasted at a slow guest */

enum input_item_kind { INPUT_ITEM_KEY, INPUT_ITEM_POINTER };

/* An entry of the queue from the front side to the machine thread. */
struct input_item {
    enum input_item_kind kind;
    enum key_code key;
    bool down;
    struct input_pointer pointer;
};

/* One step of keys sent by name: do this, then wait. */
struct input_step {
    enum key_code key;
    bool down;
    uint32_t delay_ms; /* guest time until the next step */
};

struct input {
    struct machine *machine;
    struct event event;  /* carries the queue to the machine thread */
    GMutex mutex;        /* guards what follows up to the sinks; a leaf lock */
    struct input_item queue[INPUT_QUEUE_SIZE]; /* ring */
    unsigned head, count;
    bool keys_down[KEY_COUNT]; /* as queued */
    unsigned buttons;          /* as queued */
    uint16_t x, y;             /* last absolute position */
    GArray *steps;             /* struct input_step, not yet played */
    unsigned next_step;        /* index into steps */
    /* under the machine lock */
    struct timer step_timer;
    struct timer retry_timer; /* looks again whether the keyboard has room */
    unsigned retries;         /* since a key was last delivered */
    uint64_t tokens, token_time; /* keys that may be delivered now; when the last token came, ns of guest time */
    input_room_fn *room_fn;
    input_key_fn *key_fn;
    void *key_arg;
    input_pointer_fn *mouse_fn;
    void *mouse_arg;
    input_pointer_fn *tablet_fn;
    void *tablet_arg;
    input_led_fn *led_fn;
    void *led_arg;
    int leds;   /* atomic */
    int layout; /* of typed text; atomic */
    int tablet; /* atomic copy of tablet_fn != NULL */
    int prefer_mouse; /* atomic: the mouse gets the reports even so */
};

/* How a character is typed. */
struct key_stroke {
    enum key_code key;
    bool shift, alt_gr;
    bool dead;   /* a space comes after it */
    bool letter; /* Caps Lock turns its case */
};

/* ui/input_layout.c. The number of a layout by its name ("us", "de"); -1 if there is none. */
int key_layout_find(const char *name);
/* The names, separated by blanks; newly allocated. */
char *key_layout_names(void);
/* False if the layout has no such character. */
bool key_of_character(int layout, gunichar character, struct key_stroke *stroke);
/* What may be typed instead of a character that keyboards do not have, perhaps nothing; NULL if it is none of these. */
const char *key_substitute(gunichar character);

/* Machine thread: starts playing steps that wait, if none is being played. */
void input_steps_start(struct input *input);
void input_steps_init(struct input *input);
void input_steps_finish(struct input *input);

#endif
