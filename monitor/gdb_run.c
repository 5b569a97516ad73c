/* Packets that let the guest run (c s C S vCont D), and those that set breakpoints (Z z). */
#include <inttypes.h>
#include <string.h>

#include "core/machine.h"
#include "monitor/gdb_impl.h"

#define CPUS_MAX 64

bool gdb_parse_thread(const struct gdb_stub *stub, const char **text, unsigned *cpu)
{
    uint64_t thread;
    if (g_str_has_prefix(*text, "-1")) {
        *text += 2;
        *cpu = GDB_CPU_ANY;
        return true;
    }
    if (!gdb_hex_number(text, &thread) || thread > accel_cpu_count(stub->env->accel)) {
        return false;
    }
    *cpu = thread == 0 ? GDB_CPU_ANY : (unsigned)thread - 1;
    return true;
}

/* ---- why it stopped ---- */

static unsigned signal_of(enum run_state state)
{
    switch (state) {
    case RUN_STATE_PAUSED:
        return 2; /* SIGINT */
    case RUN_STATE_SHUTDOWN:
        return 3; /* SIGQUIT */
    case RUN_STATE_INTERNAL_ERROR:
        return 6; /* SIGABRT */
    default:
        return 5; /* SIGTRAP */
    }
}

static void append_reason(const struct gdb_stub *stub, const struct break_stop *stop, GString *reply)
{
    static const char *const watch[] = { "", "rwatch", "watch", "awatch" };
    if (stop->why != BREAK_STOP_POINT || stop->owner != BREAK_OWNER_GDB) {
        return;
    }
    if (stop->kind == WATCH_LINEAR || stop->kind == WATCH_PHYSICAL) {
        g_string_append_printf(reply, "%s:%" PRIx64 ";", watch[stop->access & 3],
                               stop->kind == WATCH_LINEAR ? stop->event.linear : stop->event.physical);
    } else if (stop->event.linear != stop->event.rip) {
        /* The base of CS is not 0, and gdb does not find the breakpoint at $pc. Were it told that there is one, it would
         * take it for one removed meanwhile and go on. */
        return;
    } else if (stop->access != 0 && stub->wants_hwbreak) {
        g_string_append(reply, "hwbreak:;");
    } else if (stop->access == 0 && stub->wants_swbreak) {
        g_string_append(reply, "swbreak:;");
    }
}

void gdb_stop_reply(struct gdb_stub *stub, GString *reply)
{
    enum run_state state = stub->env->machine->run_state;
    const struct break_stop *stop = accel_debug_stop(stub->env->accel);
    if (state == RUN_STATE_DEBUG && stop->why != BREAK_STOP_NONE) {
        stub->settings.cpu = stub->run_cpu = stop->cpu;
    }
    g_string_append_printf(reply, "T%02xthread:%02x;", signal_of(state), stub->settings.cpu + 1);
    if (state == RUN_STATE_DEBUG) {
        append_reason(stub, stop, reply);
    }
}

/* ---- running ---- */

static bool can_run(const struct gdb_stub *stub)
{
    enum run_state state = stub->env->machine->run_state;
    return state != RUN_STATE_SHUTDOWN && state != RUN_STATE_INTERNAL_ERROR;
}

/* Lets the CPUs of the mask run; the stop reply comes when they have stopped. */
static void go_on(struct gdb_stub *stub, uint64_t cpus)
{
    stub->awaits_stop = true;
    accel_freeze(stub->env->accel, ~cpus);
    machine_resume(stub->env->machine);
}

/* A halted CPU cannot be stepped: it runs until an interrupt has brought it to a handler. */
static void step_from_halt(struct gdb_stub *stub, unsigned cpu)
{
    struct breakpoint point = { .kind = BREAK_INTERRUPT,
                                .owner = BREAK_OWNER_MONITOR,
                                .address = BREAK_ANY,
                                .cpu = (int)cpu,
                                .hidden = true,
                                .temporary = true };
    breakpoints_add(accel_breakpoints_edit(stub->env->accel), &point);
    accel_breakpoints_done(stub->env->accel);
    go_on(stub, UINT64_MAX);
}

/* True if the stop reply can be given at once. */
static bool step(struct gdb_stub *stub, unsigned cpu)
{
    struct machine *machine = stub->env->machine;
    machine_pause(machine, RUN_STATE_DEBUG);
    if (accel_debug_step(stub->env->accel, cpu, stub->step_flags) == VCPU_HALTED) {
        step_from_halt(stub, cpu);
        return false;
    }
    return true;
}

/* One letter of vCont for a set of CPUs. */
struct plan {
    uint64_t steps, runs, decided;
};

static bool plan_action(struct gdb_stub *stub, const char **text, struct plan *plan)
{
    uint64_t signal, cpus = UINT64_MAX;
    unsigned cpu = GDB_CPU_ANY;
    char action = *(*text)++;
    if (action == 'C' || action == 'S') {
        if (!gdb_hex_number(text, &signal)) {
            return false;
        }
        action = action == 'C' ? 'c' : 's';
    }
    if (action != 'c' && action != 's') {
        return false;
    }
    if (**text == ':') {
        (*text)++;
        if (!gdb_parse_thread(stub, text, &cpu)) {
            return false;
        }
    }
    if (cpu != GDB_CPU_ANY) {
        cpus = 1ull << (cpu % CPUS_MAX);
    }
    cpus &= ~plan->decided; /* the leftmost action counts */
    plan->decided |= cpus;
    *(action == 's' ? &plan->steps : &plan->runs) |= cpus;
    return **text == '\0' || **text == ';';
}

/* The CPU to step: the one gdb looks at, if it is among them. */
static unsigned step_cpu(const struct gdb_stub *stub, uint64_t cpus)
{
    return (cpus >> (stub->run_cpu % CPUS_MAX) & 1) != 0 ? stub->run_cpu : (unsigned)__builtin_ctzll(cpus);
}

static void v_cont(struct gdb_stub *stub, const char *text, GString *reply, bool *replies)
{
    struct plan plan = { 0 };
    while (*text == ';') {
        text++;
        if (!plan_action(stub, &text, &plan)) {
            g_string_append(reply, "E22");
            return;
        }
    }
    if (*text != '\0' || (plan.steps | plan.runs) == 0) {
        g_string_append(reply, "E22");
    } else if (!can_run(stub)) {
        gdb_stop_reply(stub, reply);
    } else if (plan.steps != 0) {
        *replies = step(stub, step_cpu(stub, plan.steps));
        if (*replies) {
            gdb_stop_reply(stub, reply);
        }
    } else {
        *replies = false;
        go_on(stub, plan.runs);
    }
}

/* "c[ADDRESS]" "s[ADDRESS]" "C SIGNAL[;ADDRESS]" "S SIGNAL[;ADDRESS]" */
static void old_run(struct gdb_stub *stub, const char *packet, GString *reply, bool *replies)
{
    const char *text = packet + 1;
    uint64_t signal, address;
    if (g_ascii_isupper(packet[0])) {
        if (!gdb_hex_number(&text, &signal)) {
            g_string_append(reply, "E22");
            return;
        }
        text += *text == ';';
    }
    if (*text != '\0') {
        if (!gdb_hex_number(&text, &address) || *text != '\0') {
            g_string_append(reply, "E22");
            return;
        }
        struct x86_state state;
        accel_state_get(stub->env->accel, stub->run_cpu, &state);
        state.rip = address;
        accel_state_put(stub->env->accel, stub->run_cpu, &state);
    }
    bool steps = g_ascii_tolower(packet[0]) == 's';
    g_autofree char *as_v_cont = steps ? g_strdup_printf(";s:%x", stub->run_cpu + 1) : g_strdup(";c");
    v_cont(stub, as_v_cont, reply, replies);
}

static void detach(struct gdb_stub *stub, GString *reply)
{
    breakpoints_remove_all(accel_breakpoints_edit(stub->env->accel), BREAK_OWNER_GDB, false);
    accel_breakpoints_done(stub->env->accel);
    g_string_append(reply, "OK");
    stub->awaits_stop = false;
    if (can_run(stub)) {
        machine_resume(stub->env->machine);
    }
}

bool gdb_run_packet(struct gdb_stub *stub, const char *packet, GString *reply, bool *replies)
{
    *replies = true;
    if (strcmp(packet, "vCont?") == 0) {
        g_string_append(reply, "vCont;c;C;s;S");
        return true;
    }
    if (g_str_has_prefix(packet, "vCont")) {
        v_cont(stub, packet + 5, reply, replies);
        return true;
    }
    switch (packet[0]) {
    case 'c':
    case 's':
    case 'C':
    case 'S':
        old_run(stub, packet, reply, replies);
        return true;
    case 'D':
        detach(stub, reply);
        return true;
    case '?':
        gdb_stop_reply(stub, reply);
        return true;
    default:
        return false;
    }
}

/* ---- breakpoints ---- */

/* "TYPE,ADDRESS,KIND" */
static bool parse_point(const struct gdb_stub *stub, const char *text, struct breakpoint *point)
{
    uint64_t type, size;
    *point = (struct breakpoint){ .owner = BREAK_OWNER_GDB, .cpu = -1, .size = 1 };
    if (!gdb_hex_number(&text, &type) || type > 4 || *text++ != ',' || !gdb_hex_number(&text, &point->address) ||
        *text++ != ',' || !gdb_hex_number(&text, &size) || *text != '\0') {
        return false;
    }
    if (type < 2) {
        point->kind = stub->physical ? BREAK_PHYSICAL : BREAK_LINEAR;
        point->access = (uint8_t)type; /* tells software from hardware breakpoints */
    } else {
        point->kind = stub->physical ? WATCH_PHYSICAL : WATCH_LINEAR;
        point->access = type == 2 ? BREAK_WRITE : type == 3 ? BREAK_READ : BREAK_READ | BREAK_WRITE;
        point->size = size;
    }
    return size > 0 || type < 2;
}

bool gdb_break_packet(struct gdb_stub *stub, const char *packet, GString *reply)
{
    struct breakpoint point;
    if (packet[0] != 'Z' && packet[0] != 'z') {
        return false;
    }
    if (g_ascii_isdigit(packet[1]) && packet[1] > '4') {
        return true; /* unknown: the empty reply */
    }
    if (!parse_point(stub, packet + 1, &point)) {
        g_string_append(reply, "E22");
        return true;
    }
    struct breakpoints *set = accel_breakpoints_edit(stub->env->accel);
    struct breakpoint *there = breakpoints_match(set, BREAK_OWNER_GDB, &point);
    bool good = true;
    if (packet[0] == 'Z') {
        good = there != NULL || breakpoints_add(set, &point) != NULL;
    } else if (there != NULL) {
        breakpoints_remove(set, there);
    }
    accel_breakpoints_done(stub->env->accel);
    g_string_append(reply, good ? "OK" : "E22");
    return true;
}
