/* What an exception most often comes from, in words, by the instruction and the registers: a part of `why`. */
#ifndef MONITOR_WHY_HINT_H
#define MONITOR_WHY_HINT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct blackbox_fault;
struct x86_state;

#define WHY_STACK_WORDS 5u

struct why_hint {
    const struct blackbox_fault *fault;
    const struct x86_state *state; /* at that time */
    bool long_mode;
    const uint8_t *code; /* of the instruction */
    unsigned code_size;
    uint64_t stack[WHY_STACK_WORDS]; /* words on the stack, of 8 bytes in long mode, else of 4 */
    unsigned stack_words;            /* how many could be read */
    uint64_t unassigned;             /* reads where there is neither memory nor a device */
};

/* Appends lines that begin with five blanks, or nothing. */
void why_hint(const struct why_hint *hint, GString *out);
/* Likewise, of a stack switch that the delivery of an event needs. */
void why_hint_stack(const struct why_hint *hint, GString *out);

#endif
