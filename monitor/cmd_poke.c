/*
 * Changing and following what a program holds: poke, find, page, print-stack, bt, and registers by `set $NAME = VALUE`.
 */
#include <inttypes.h>
#include <string.h>

#include "accel/accel.h"
#include "core/machine.h"
#include "monitor/cmd.h"
#include "monitor/cpu_view.h"
#include "monitor/page_view.h"

#define STACK_WORDS_DEFAULT 16u
#define STACK_WORDS_MAX 1024u
#define BACKTRACE_MAX 64u
#define FIND_RESULTS_MAX 256u
#define FIND_CHUNK 4096u
#define PATTERN_MAX 64u

static bool have_state(struct command_call *call, struct x86_state *state)
{
    GError *error = NULL;
    if (!cpu_view_state(call, state, &error)) {
        command_error(call, error);
        return false;
    }
    return true;
}

/* Bytes of a word of the stack. */
static unsigned stack_width(const struct x86_state *state)
{
    bool wide = state->msr.efer & EFER_LMA && state->seg[CS].attr & SEG_L;
    return wide ? 8 : state->seg[SS].attr & SEG_DB ? 4 : 2;
}

static bool read_word(struct command_call *call, uint64_t address, unsigned size, uint64_t *value)
{
    *value = 0;
    return cpu_view_read(call, address, value, size, false) == size;
}

/* ---- memory ---- */

/* Writes go to RAM and ROM, page by page; the CPU's decoded code is dropped by ram_touched(). */
static bool write_linear(struct command_call *call, uint64_t linear, const uint8_t *data, size_t size)
{
    struct machine *machine = call->env->machine;
    for (size_t done = 0; done < size; done++) {
        uint64_t physical;
        if (!accel_translate(call->env->accel, call->settings->cpu, linear + done, &physical)) {
            return false;
        }
        lock_acquire(&machine->lock);
        bool hit = bus_write_bytes(machine->memory, physical, data + done, 1, false) == 1;
        lock_release(&machine->lock);
        if (!hit) {
            return false;
        }
    }
    return true;
}

void cmd_poke(struct command_call *call)
{
    struct x86_state state;
    unsigned size = call->format.size != 0 ? call->format.size : 1;
    uint64_t value = call->args[1].value;
    if (!have_state(call, &state)) {
        return;
    }
    if (size < 8 && value >> (8 * size) != 0 && ~value >> (8 * size - 1) != 0) {
        command_print(call, "Error: 0x%" PRIx64 " does not fit into %u bytes; poke /w or /g writes more\n", value, size);
        return;
    }
    cpu_view_park(call->env);
    if (!write_linear(call, call->args[0].value, (const uint8_t *)&value, size)) {
        command_print(call, "Error: no memory at 0x%" PRIx64 "\n", call->args[0].value);
    }
    cpu_view_unpark(call->env);
}

/* Text, or with `hex` hexadecimal bytes such as 55aa. Returns the length, 0 if it is neither. */
static size_t parse_pattern(const char *text, bool hex, uint8_t pattern[PATTERN_MAX])
{
    size_t n = strlen(text);
    if (!hex) {
        memcpy(pattern, text, MIN(n, PATTERN_MAX));
        return n <= PATTERN_MAX ? n : 0;
    }
    if (n % 2 != 0 || n / 2 > PATTERN_MAX) {
        return 0;
    }
    for (size_t i = 0; i < n / 2; i++) {
        int high = g_ascii_xdigit_value(text[2 * i]), low = g_ascii_xdigit_value(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return 0;
        }
        pattern[i] = (uint8_t)(high << 4 | low);
    }
    return n / 2;
}

/* In physical memory. */
void cmd_find(struct command_call *call)
{
    uint64_t address = call->args[0].value, size = call->args[1].value;
    struct machine *machine = call->env->machine;
    uint8_t pattern[PATTERN_MAX], data[FIND_CHUNK + PATTERN_MAX];
    size_t n = parse_pattern(call->args[2].text, call->flags & COMMAND_FLAG('x'), pattern);
    unsigned found = 0;
    if (n == 0) {
        command_print(call, "Error: find: give text, or with -x hexadecimal bytes such as 55aa; at most %u bytes\n",
                      PATTERN_MAX);
        return;
    }
    for (uint64_t done = 0; done + n <= size && found < FIND_RESULTS_MAX; done += FIND_CHUNK) {
        size_t piece = MIN(size - done, FIND_CHUNK + n - 1);
        lock_acquire(&machine->lock);
        uint64_t hit = bus_read_bytes(machine->memory, address + done, data, piece, false);
        lock_release(&machine->lock);
        for (size_t i = 0; hit != 0 && i + n <= piece && i < FIND_CHUNK && found < FIND_RESULTS_MAX; i++) {
            if (memcmp(data + i, pattern, n) == 0) {
                command_print(call, "0x%016" PRIx64 "\n", address + done + i);
                found++;
            }
        }
    }
    if (found == FIND_RESULTS_MAX) {
        command_print(call, "... more than %u\n", FIND_RESULTS_MAX);
    } else if (found == 0) {
        command_print(call, "not found\n");
    }
}

/* ---- the page tables ---- */

void cmd_page(struct command_call *call)
{
    struct x86_state state;
    struct page_view view;
    if (!have_state(call, &state)) {
        return;
    }
    cpu_view_park(call->env);
    page_view_walk(call->env->machine, &state, call->args[0].value, &view);
    cpu_view_unpark(call->env);
    page_view_describe(&view, call->out);
}

/* ---- the stack ---- */

void cmd_print_stack(struct command_call *call)
{
    struct x86_state state;
    uint64_t count = call->args[0].given ? call->args[0].value : STACK_WORDS_DEFAULT;
    if (!have_state(call, &state)) {
        return;
    }
    unsigned width = stack_width(&state);
    uint64_t mask = width == 8 ? UINT64_MAX : width == 4 ? UINT32_MAX : UINT16_MAX;
    uint64_t base = width == 8 ? 0 : state.seg[SS].base;
    cpu_view_park(call->env);
    for (uint64_t i = 0; i < MIN(count, STACK_WORDS_MAX); i++) {
        uint64_t value, at = base + ((state.gpr[RSP] + i * width) & mask);
        if (!read_word(call, at, width, &value)) {
            command_print(call, "0x%016" PRIx64 ": no memory\n", at);
            break;
        }
        command_print(call, "0x%016" PRIx64 ": 0x%0*" PRIx64, at, (int)width * 2, value);
        cmd_print_symbol(call, value);
        command_print(call, "\n");
    }
    cpu_view_unpark(call->env);
}

/* By frame pointers: [rBP] is the caller's rBP, the word above it the return address. */
void cmd_bt(struct command_call *call)
{
    struct x86_state state;
    if (!have_state(call, &state)) {
        return;
    }
    unsigned width = stack_width(&state);
    uint64_t mask = width == 8 ? UINT64_MAX : width == 4 ? UINT32_MAX : UINT16_MAX;
    uint64_t base = width == 8 ? 0 : state.seg[SS].base, code = width == 8 ? 0 : state.seg[CS].base;
    uint64_t frame = state.gpr[RBP] & mask, pc = state.rip;
    cpu_view_park(call->env);
    for (unsigned level = 0; level < BACKTRACE_MAX; level++) {
        uint64_t caller, back;
        command_print(call, "#%-2u 0x%016" PRIx64, level, code + pc);
        cmd_print_symbol(call, code + pc);
        command_print(call, "\n");
        if (frame == 0 || !read_word(call, base + frame, width, &caller) || !read_word(call, base + ((frame + width) & mask), width, &back) ||
            back == 0 || caller <= frame) {
            break;
        }
        pc = back;
        frame = caller;
    }
    cpu_view_unpark(call->env);
}

/* ---- registers ---- */

void cmd_set_register(struct command_call *call, const char *text)
{
    struct x86_state state;
    g_autofree char *name = NULL;
    uint64_t value;
    GError *error = NULL;
    size_t n = 0;
    while (g_ascii_isalnum(text[n]) || text[n] == '_' || text[n] == '.') {
        n++;
    }
    name = g_ascii_strdown(text, (gssize)n);
    text += n;
    text += strspn(text, " \t");
    if (*text == '=') {
        text++;
    }
    text += strspn(text, " \t");
    if (!cpu_view_expression(call, &text, &value, &error)) {
        command_error(call, error);
        return;
    }
    if (*text != '\0') {
        command_print(call, "Error: set: '%s' is left over behind the value\n", text);
        return;
    }
    if (!have_state(call, &state)) {
        return;
    }
    if (!cpu_view_set_register(&state, name, value)) {
        command_print(call, "Error: there is no register '$%s' that can be set\n", name);
        return;
    }
    cpu_view_park(call->env);
    accel_state_put(call->env->accel, call->settings->cpu, &state);
    cpu_view_unpark(call->env);
}
