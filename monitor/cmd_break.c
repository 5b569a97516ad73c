/*
 * Breakpoints and watchpoints: break, tbreak, watch, rwatch, awatch, delete, enable, disable, condition, ignore, info
 * breakpoints, and Bochs's words for them.
 */
#include <inttypes.h>
#include <string.h>

#include "accel/debug.h"
#include "core/machine.h"
#include "monitor/cmd.h"
#include "monitor/cpu_view.h"
#include "monitor/debug_view.h"

static bool have_cpu(struct command_call *call)
{
    if (call->env->accel == NULL) {
        command_print(call, "Error: the machine has no CPU\n");
        return false;
    }
    return true;
}

static const char *skip_blanks(const char *p)
{
    return p + strspn(p, " \t");
}

/* Takes a word off the front of the text if it stands there. */
static bool take_word(const char **text, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(*text, word, n) != 0 || ((*text)[n] != '\0' && (*text)[n] != ' ' && (*text)[n] != '\t')) {
        return false;
    }
    *text = skip_blanks(*text + n);
    return true;
}

static bool expression(struct command_call *call, const char **text, uint64_t *value)
{
    GError *error = NULL;
    if (cpu_view_expression(call, text, value, &error)) {
        *text = skip_blanks(*text);
        return true;
    }
    command_error(call, error);
    return false;
}

/* "if EXPRESSION" or nothing. False after an error. */
static bool parse_condition(struct command_call *call, const char *text, struct breakpoint *point)
{
    if (*text == '\0') {
        return true;
    }
    if (!take_word(&text, "if") || *text == '\0') {
        command_print(call, "Error: 'if EXPRESSION' or the end of the line expected at '%s'\n", text);
        return false;
    }
    const char *end = text;
    uint64_t value;
    if (!expression(call, &end, &value)) {
        return false;
    }
    if (*end != '\0') {
        command_print(call, "Error: the condition ends before '%s'\n", end);
        return false;
    }
    point->condition = debug_condition_holds;
    point->condition_arg = debug_condition_create(call->env, text);
    point->condition_free = debug_condition_free;
    return true;
}

/* Adds the point; false with the reason said. */
static bool add_point(struct command_call *call, struct breakpoint *point)
{
    struct breakpoints *set = accel_breakpoints_edit(call->env->accel);
    point->owner = BREAK_OWNER_MONITOR;
    struct breakpoint *added = breakpoints_add(set, point);
    if (added != NULL) {
        bool watch = point->kind == WATCH_LINEAR || point->kind == WATCH_PHYSICAL || point->kind == WATCH_PORT;
        command_print(call, "%s %u: ", watch ? "Watchpoint" : "Breakpoint", added->number);
        debug_view_point(added, call->out);
        command_print(call, "\n");
    }
    accel_breakpoints_done(call->env->accel);
    if (added == NULL) {
        debug_condition_free(point->condition_arg);
        command_print(call, "Error: out of range: vectors go to 255, ports to 0xffff, a watchpoint to %u MiB\n",
                      BREAK_SIZE_MAX >> 20);
    }
    return added != NULL;
}

/* ---- break ---- */

static const struct {
    const char *word;
    enum breakpoint_kind kind;
} event_words[] = {
    {"mode", BREAK_MODE},   {"cr3", BREAK_CR3},
    {"magic", BREAK_MAGIC}, {"triple", BREAK_TRIPLE},
    {"exception", BREAK_EXCEPTION}, {"interrupt", BREAK_INTERRUPT},
};

/* A number, or #PF and the like. */
static bool parse_vector(struct command_call *call, const char **text, struct breakpoint *point)
{
    if (**text != '#') {
        return expression(call, text, &point->address);
    }
    size_t n = strcspn(*text, " \t");
    g_autofree char *name = g_strndup(*text, n);
    int vector = debug_view_vector(name);
    if (vector < 0) {
        command_print(call, "Error: there is no exception '%s'\n", name);
        return false;
    }
    point->address = (uint64_t)vector;
    *text = skip_blanks(*text + n);
    return true;
}

/* The part behind "break": true if it begins with the name of an event; *good says whether the rest was too. */
static bool parse_event(struct command_call *call, const char **text, struct breakpoint *point, bool *good)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(event_words); i++) {
        if (take_word(text, event_words[i].word)) {
            point->kind = event_words[i].kind;
            point->address = BREAK_ANY;
            bool vector = point->kind == BREAK_EXCEPTION || point->kind == BREAK_INTERRUPT;
            *good = !vector || **text == '\0' || g_str_has_prefix(*text, "if ") || parse_vector(call, text, point);
            return true;
        }
    }
    return false;
}

static bool parse_place(struct command_call *call, const char **text, struct breakpoint *point)
{
    struct x86_state state;
    bool physical = take_word(text, "-p") || point->kind == BREAK_PHYSICAL;
    point->kind = physical ? BREAK_PHYSICAL : BREAK_LINEAR;
    *text += **text == '*';
    if (**text == '\0' || g_str_has_prefix(*text, "if ")) {
        if (!cpu_view_state(call, &state, NULL)) {
            return false;
        }
        point->address = state.seg[CS].base + state.rip;
        return true;
    }
    if (!expression(call, text, &point->address)) {
        return false;
    }
    if (**text == ':') {
        (*text)++;
        if (point->address > 0xffff) {
            command_print(call, "Error: 0x%" PRIx64 " is no selector\n", point->address);
            return false;
        }
        point->kind = BREAK_SEGMENT;
        point->selector = (uint16_t)point->address;
        return expression(call, text, &point->address);
    }
    return true;
}

static void set_breakpoint(struct command_call *call, struct breakpoint point)
{
    const char *text = call->args[0].given ? call->args[0].text : "";
    bool good = true;
    point.cpu = -1;
    if (!have_cpu(call)) {
        return;
    }
    if (!parse_event(call, &text, &point, &good)) {
        good = parse_place(call, &text, &point);
    }
    if (good && parse_condition(call, text, &point)) {
        add_point(call, &point);
    }
}

void cmd_break(struct command_call *call)
{
    set_breakpoint(call, (struct breakpoint){.kind = BREAK_LINEAR});
}

void cmd_tbreak(struct command_call *call)
{
    set_breakpoint(call, (struct breakpoint){.kind = BREAK_LINEAR, .temporary = true});
}

void cmd_pbreak(struct command_call *call)
{
    set_breakpoint(call, (struct breakpoint){.kind = BREAK_PHYSICAL});
}

/* Bochs's modebp: on and off. */
void cmd_modebp(struct command_call *call)
{
    if (!have_cpu(call)) {
        return;
    }
    struct breakpoint like = {.kind = BREAK_MODE, .address = BREAK_ANY, .cpu = -1};
    struct breakpoints *set = accel_breakpoints_edit(call->env->accel);
    struct breakpoint *point = breakpoints_match(set, BREAK_OWNER_MONITOR, &like);
    if (point != NULL) {
        command_print(call, "Breakpoint %u deleted\n", point->number);
        breakpoints_remove(set, point);
    }
    accel_breakpoints_done(call->env->accel);
    if (point == NULL) {
        add_point(call, &like);
    }
}

/* ---- watch ---- */

static void set_watchpoint(struct command_call *call, unsigned access)
{
    struct breakpoint point = {.kind = WATCH_LINEAR, .size = 0, .access = (uint8_t)access, .cpu = -1};
    const char *text = call->args[0].given ? call->args[0].text : "";
    if (!have_cpu(call)) {
        return;
    }
    if (*text == '\0') {
        cmd_info_breakpoints(call);
        return;
    }
    if (take_word(&text, "r")) { /* as Bochs has it */
        point.access = BREAK_READ;
    } else if (take_word(&text, "w")) {
        point.access = BREAK_WRITE;
    }
    if (take_word(&text, "-p")) {
        point.kind = WATCH_PHYSICAL;
    } else if (take_word(&text, "port") || take_word(&text, "io")) {
        point.kind = WATCH_PORT;
    }
    if (!expression(call, &text, &point.address) ||
        (*text != '\0' && !g_str_has_prefix(text, "if ") && !expression(call, &text, &point.size))) {
        return;
    }
    if (point.size == 0) {
        point.size = point.kind == WATCH_PORT ? 1 : 4;
    }
    if (parse_condition(call, text, &point)) {
        add_point(call, &point);
    }
}

void cmd_watch(struct command_call *call)
{
    set_watchpoint(call, BREAK_WRITE);
}

void cmd_rwatch(struct command_call *call)
{
    set_watchpoint(call, BREAK_READ);
}

void cmd_awatch(struct command_call *call)
{
    set_watchpoint(call, BREAK_READ | BREAK_WRITE);
}

/* ---- by number ---- */

typedef void point_fn(struct breakpoints *set, struct breakpoint *point, uint64_t value);

static struct breakpoint *find_point(struct command_call *call, uint64_t number)
{
    const struct breakpoints *set = accel_breakpoints(call->env->accel);
    struct breakpoint *point = number <= UINT32_MAX ? breakpoints_find(set, (unsigned)number) : NULL;
    if (point == NULL || point->owner != BREAK_OWNER_MONITOR) {
        command_print(call, "Error: no breakpoint %" PRIu64 "\n", number);
        return NULL;
    }
    return point;
}

/* For each number of the argument; without one, for all of the monitor's. */
static void for_points(struct command_call *call, point_fn *fn)
{
    if (!have_cpu(call)) {
        return;
    }
    const char *text = call->args[0].given ? call->args[0].text : "";
    struct breakpoints *set = accel_breakpoints_edit(call->env->accel);
    if (*text == '\0') {
        for (guint i = set->points->len; i-- > 0;) {
            struct breakpoint *point = g_ptr_array_index(set->points, i);
            if (point->owner == BREAK_OWNER_MONITOR && !point->hidden) {
                fn(set, point, 0);
            }
        }
    }
    while (*text != '\0') {
        char *end;
        uint64_t number = g_ascii_strtoull(text, &end, 10);
        if (end == text || (*end != '\0' && *end != ' ' && *end != '\t')) {
            command_print(call, "Error: '%s' is no breakpoint's number\n", text);
            break;
        }
        struct breakpoint *point = find_point(call, number);
        if (point != NULL) {
            fn(set, point, 0);
        }
        text = skip_blanks(end);
    }
    accel_breakpoints_done(call->env->accel);
}

static void delete_point(struct breakpoints *set, struct breakpoint *point, uint64_t value)
{
    breakpoints_remove(set, point);
}

static void enable_point(struct breakpoints *set, struct breakpoint *point, uint64_t value)
{
    point->disabled = false;
    breakpoints_touch(set);
}

static void disable_point(struct breakpoints *set, struct breakpoint *point, uint64_t value)
{
    point->disabled = true;
    breakpoints_touch(set);
}

void cmd_delete(struct command_call *call)
{
    for_points(call, delete_point);
}

void cmd_enable(struct command_call *call)
{
    for_points(call, enable_point);
}

void cmd_disable(struct command_call *call)
{
    for_points(call, disable_point);
}

void cmd_condition(struct command_call *call)
{
    if (!have_cpu(call)) {
        return;
    }
    struct breakpoint values = {0};
    g_autofree char *text = g_strconcat("if ", call->args[1].given ? call->args[1].text : "", NULL);
    if (call->args[1].given && !parse_condition(call, text, &values)) {
        return;
    }
    accel_breakpoints_edit(call->env->accel);
    struct breakpoint *point = find_point(call, call->args[0].value);
    if (point != NULL) {
        debug_condition_free(point->condition_arg);
        point->condition = values.condition;
        point->condition_arg = values.condition_arg;
        point->condition_free = values.condition_free;
    } else {
        debug_condition_free(values.condition_arg);
    }
    accel_breakpoints_done(call->env->accel);
}

void cmd_ignore(struct command_call *call)
{
    if (!have_cpu(call)) {
        return;
    }
    accel_breakpoints_edit(call->env->accel);
    struct breakpoint *point = find_point(call, call->args[0].value);
    if (point != NULL) {
        point->ignore = call->args[1].value;
        command_print(call, "Will ignore next %" PRIu64 " crossings of breakpoint %u.\n", point->ignore,
                      point->number);
    }
    accel_breakpoints_done(call->env->accel);
}

/* ---- the list ---- */

static void list_point(struct command_call *call, const struct breakpoint *point)
{
    command_print(call, "%-7u %-4s %-3s ", point->number, point->temporary ? "del" : "keep",
                  point->disabled ? "n" : "y");
    debug_view_point(point, call->out);
    if (point->owner == BREAK_OWNER_GDB) {
        command_print(call, " (gdb)");
    }
    command_print(call, "\n");
    if (point->condition == debug_condition_holds) {
        command_print(call, "        stop only if %s\n", debug_condition_text(point->condition_arg));
    }
    if (point->hits > 0) {
        command_print(call, "        already hit %" PRIu64 " time%s\n", point->hits,
                      point->hits == 1 ? "" : "s");
    }
    if (point->ignore > 0) {
        command_print(call, "        ignore next %" PRIu64 " hits\n", point->ignore);
    }
}

void cmd_info_breakpoints(struct command_call *call)
{
    if (!have_cpu(call)) {
        return;
    }
    const struct breakpoints *set = accel_breakpoints_edit(call->env->accel);
    unsigned count = 0;
    for (guint i = 0; i < set->points->len; i++) {
        const struct breakpoint *point = g_ptr_array_index(set->points, i);
        if (!point->hidden && !point->gone) {
            if (count++ == 0) {
                command_print(call, "Num     Disp Enb What\n");
            }
            list_point(call, point);
        }
    }
    if (count == 0) {
        command_print(call, "No breakpoints or watchpoints.\n");
    }
    accel_breakpoints_done(call->env->accel);
}
