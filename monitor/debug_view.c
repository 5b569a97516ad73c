/* See the header. */
#include "monitor/debug_view.h"

#include <inttypes.h>
#include <string.h>

#include "core/machine.h"
#include "monitor/cpu_view.h"
#include "accel/disasm.h"
#include "monitor/expr.h"
#include "monitor/symbols.h"

struct debug_condition {
    const struct monitor_env *env;
    char *text; /* owned */
};

unsigned debug_view_code_bits(const struct x86_state *state)
{
    const struct x86_segment *cs = &state->seg[CS];
    return state->msr.efer & EFER_LMA && cs->attr & SEG_L ? 64 : cs->attr & SEG_DB ? 32 : 16;
}

void debug_view_where(const struct monitor_env *env, struct monitor_settings *settings, GString *out)
{
    struct command_call call = {.env = env, .settings = settings, .out = out};
    struct x86_state state;
    uint8_t code[DISASM_INSTRUCTION_MAX];
    accel_state_get(env->accel, settings->cpu, &state);
    unsigned bits = debug_view_code_bits(&state);
    uint64_t pc = bits == 64 ? state.rip : (uint32_t)(state.seg[CS].base + state.rip);
    size_t size = cpu_view_read(&call, pc, code, sizeof(code), false);
    if (size == 0) {
        g_string_append_printf(out, "0x%08" PRIx64 ": unable to read memory\n", pc);
        return;
    }
    g_autofree char *name = env->symbols != NULL ? symbols_text(env->symbols, pc) : NULL;
    if (name != NULL && strchr(name, '+') != NULL) { /* at 0 the disassembler says it */
        g_string_append_printf(out, "<%s>:\n", name);
    }
    struct disasm *disasm = disasm_create(bits, settings->intel);
    if (env->symbols != NULL) {
        disasm_set_names(disasm, symbols_name, env->symbols);
    }
    disasm_one(disasm, pc, code, size, out);
    disasm_destroy(disasm);
}

/* ---- stops ---- */

static const char *const exceptions[] = {"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD",
                                         "#NM", "#DF", "",    "#TS", "#NP", "#SS", "#GP",
                                         "#PF", "",    "#MF", "#AC", "#MC", "#XM"};

static const char *exception_name(uint64_t vector)
{
    return vector < G_N_ELEMENTS(exceptions) ? exceptions[vector] : "";
}

int debug_view_vector(const char *name)
{
    for (unsigned i = 0; name[0] != '\0' && i < G_N_ELEMENTS(exceptions); i++) {
        if (g_ascii_strcasecmp(exceptions[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static void access_text(const struct break_event *e, const char *what, GString *out)
{
    int digits = (int)MIN(e->size, 8) * 2;
    g_string_append_printf(out, "%s of %u byte%s at %s0x%" PRIx64 ": ", e->write ? "write" : "read",
                           e->size, e->size == 1 ? "" : "s", what, e->linear);
    if (e->write && e->kind == WATCH_LINEAR) {
        g_string_append_printf(out, "0x%0*" PRIx64 " -> ", digits, e->old_value);
    }
    g_string_append_printf(out, "0x%0*" PRIx64, digits, e->value);
}

static void event_text(const struct break_stop *stop, GString *out)
{
    const struct break_event *e = &stop->event;
    switch (stop->kind) {
    case WATCH_LINEAR:
    case WATCH_PHYSICAL:
        access_text(e, "", out);
        break;
    case WATCH_PORT:
        access_text(e, "port ", out);
        break;
    case BREAK_EXCEPTION:
        g_string_append_printf(out, "exception %" PRIu64 " %s, error code 0x%" PRIx64, e->linear,
                               exception_name(e->linear), e->value);
        break;
    case BREAK_INTERRUPT:
        g_string_append_printf(out, "interrupt 0x%02" PRIx64, e->linear);
        break;
    case BREAK_MODE:
        g_string_append_printf(out, "%s -> %s", break_mode_text((enum break_mode)e->old_value),
                               break_mode_text((enum break_mode)e->value));
        break;
    case BREAK_CR3:
        g_string_append_printf(out, "CR3 0x%" PRIx64 " -> 0x%" PRIx64, e->old_value, e->value);
        break;
    case BREAK_TRIPLE:
        g_string_append(out, "triple fault");
        break;
    case BREAK_MAGIC:
        g_string_append(out, "xchg bx,bx");
        break;
    default:
        g_string_append_printf(out, "%04x:%08" PRIx64, e->selector, e->rip);
        break;
    }
}

void debug_view_stop(const struct monitor_env *env, struct monitor_settings *settings, GString *out)
{
    const struct break_stop *stop = accel_debug_stop(env->accel);
    bool watch = stop->kind == WATCH_LINEAR || stop->kind == WATCH_PHYSICAL || stop->kind == WATCH_PORT;
    settings->cpu = stop->cpu;
    if (stop->why == BREAK_STOP_POINT && !stop->hidden) {
        g_string_append_printf(out, "%s %u, CPU#%u, ", watch ? "Watchpoint" : "Breakpoint", stop->number,
                               stop->cpu);
        event_text(stop, out);
        g_string_append_c(out, '\n');
    }
    debug_view_where(env, settings, out);
}

/* ---- points ---- */

static const struct {
    const char *name, *place; /* place: what stands before the address; NULL: there is none */
} kinds[] = {
    [BREAK_LINEAR] = {"break", ""},         [BREAK_PHYSICAL] = {"break", "phys "},
    [BREAK_SEGMENT] = {"break", ""},        [WATCH_LINEAR] = {"watch", ""},
    [WATCH_PHYSICAL] = {"watch", "phys "},  [WATCH_PORT] = {"watch", "port "},
    [BREAK_EXCEPTION] = {"exception", ""},  [BREAK_INTERRUPT] = {"interrupt", ""},
    [BREAK_MODE] = {"mode", NULL},          [BREAK_CR3] = {"cr3", NULL},
    [BREAK_TRIPLE] = {"triple", NULL},      [BREAK_MAGIC] = {"magic", NULL},
    [BREAK_RETURN] = {"return", NULL},
};

void debug_view_point(const struct breakpoint *point, GString *out)
{
    static const char *const accesses[] = {"", "read", "write", "read or write"};
    bool vector = point->kind == BREAK_EXCEPTION || point->kind == BREAK_INTERRUPT;
    bool watch = point->kind == WATCH_LINEAR || point->kind == WATCH_PHYSICAL || point->kind == WATCH_PORT;
    g_string_append_printf(out, "%-9s", kinds[point->kind].name);
    if (kinds[point->kind].place == NULL) {
        return;
    }
    g_string_append_printf(out, " %s", kinds[point->kind].place);
    if (vector && point->address == BREAK_ANY) {
        g_string_append(out, "any");
    } else if (vector) {
        g_string_append_printf(out, "%" PRIu64, point->address);
    } else if (point->kind == BREAK_SEGMENT) {
        g_string_append_printf(out, "%04x:%08" PRIx64, point->selector, point->address);
    } else {
        g_string_append_printf(out, "0x%0*" PRIx64, point->kind == WATCH_PORT ? 4 : 8, point->address);
    }
    if (watch) {
        g_string_append_printf(out, ", %" PRIu64 " %s%s, %s", point->size,
                               point->kind == WATCH_PORT ? "port" : "byte", point->size == 1 ? "" : "s",
                               accesses[point->access & 3]);
    }
}

/* ---- conditions ---- */

struct debug_condition *debug_condition_create(const struct monitor_env *env, const char *text)
{
    struct debug_condition *condition = g_new0(struct debug_condition, 1);
    condition->env = env;
    condition->text = g_strdup(text);
    return condition;
}

void debug_condition_free(void *arg)
{
    struct debug_condition *condition = arg;
    if (condition != NULL) {
        g_free(condition->text);
        g_free(condition);
    }
}

/* What an expression sees while the CPU is stopped for it, in the CPU's own thread: nothing may be parked. */
struct condition_view {
    const struct monitor_env *env;
    unsigned cpu;
    const struct x86_state *state;
};

static bool look_up(void *arg, const char *name, uint64_t *value)
{
    return cpu_view_register(((struct condition_view *)arg)->state, name, value);
}

static bool look_up_symbol(void *arg, const char *name, uint64_t *value)
{
    const struct condition_view *view = arg;
    return view->env->symbols != NULL && symbols_find(view->env->symbols, name, value);
}

static bool look_up_memory(void *arg, uint64_t address, unsigned size, uint64_t *value)
{
    const struct condition_view *view = arg;
    struct monitor_settings settings = {.cpu = view->cpu};
    struct command_call call = {.env = view->env, .settings = &settings};
    size = size != 0 ? size : debug_view_code_bits(view->state) == 64 ? 8 : 4;
    *value = 0;
    return cpu_view_read(&call, address, value, size, false) == size;
}

bool debug_condition_holds(void *arg, unsigned cpu, const struct x86_state *state)
{
    const struct debug_condition *condition = arg;
    struct condition_view view = {.env = condition->env, .cpu = cpu, .state = state};
    struct expr_env env = {
        .reg = look_up, .symbol = look_up_symbol, .memory = look_up_memory, .arg = &view};
    const char *text = condition->text;
    uint64_t value;
    return expr_parse(&env, &text, &value, NULL) && value != 0;
}

const char *debug_condition_text(const struct debug_condition *condition)
{
    return condition->text;
}
