/* See the header. */
#include "monitor/cpu_view.h"

#include <string.h>

#include "accel/accel.h"
#include "core/machine.h"
#include "monitor/expr.h"
#include "monitor/symbols.h"

#define PAGE 4096u

void cpu_view_park(const struct monitor_env *env)
{
    struct machine *machine = env->machine;
    if (machine->run_state == RUN_STATE_RUNNING && machine->cpus.park != NULL) {
        machine->cpus.park(machine->cpus.arg);
    }
}

void cpu_view_unpark(const struct monitor_env *env)
{
    struct machine *machine = env->machine;
    if (machine->run_state == RUN_STATE_RUNNING && machine->cpus.resume != NULL) {
        machine->cpus.resume(machine->cpus.arg);
    }
}

static bool have_cpu(struct command_call *call, GError **error)
{
    if (call->env->accel == NULL) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "the machine has no CPU");
        return false;
    }
    return true;
}

bool cpu_view_state(struct command_call *call, struct x86_state *state, GError **error)
{
    if (!have_cpu(call, error)) {
        return false;
    }
    cpu_view_park(call->env);
    accel_state_get(call->env->accel, call->settings->cpu, state);
    cpu_view_unpark(call->env);
    return true;
}

/* ---- registers ---- */

enum { WIDTH_64, WIDTH_32, WIDTH_16, WIDTH_LOW, WIDTH_HIGH };

static const struct {
    const char *name;
    uint8_t number, width;
} gprs[] = {
    {"rax", RAX, WIDTH_64},  {"rcx", RCX, WIDTH_64},  {"rdx", RDX, WIDTH_64},
    {"rbx", RBX, WIDTH_64},  {"rsp", RSP, WIDTH_64},  {"rbp", RBP, WIDTH_64},
    {"rsi", RSI, WIDTH_64},  {"rdi", RDI, WIDTH_64},  {"r8", R8, WIDTH_64},
    {"r9", R9, WIDTH_64},    {"r10", R10, WIDTH_64},  {"r11", R11, WIDTH_64},
    {"r12", R12, WIDTH_64},  {"r13", R13, WIDTH_64},  {"r14", R14, WIDTH_64},
    {"r15", R15, WIDTH_64},  {"eax", RAX, WIDTH_32},  {"ecx", RCX, WIDTH_32},
    {"edx", RDX, WIDTH_32},  {"ebx", RBX, WIDTH_32},  {"esp", RSP, WIDTH_32},
    {"ebp", RBP, WIDTH_32},  {"esi", RSI, WIDTH_32},  {"edi", RDI, WIDTH_32},
    {"ax", RAX, WIDTH_16},   {"cx", RCX, WIDTH_16},   {"dx", RDX, WIDTH_16},
    {"bx", RBX, WIDTH_16},   {"bp", RBP, WIDTH_16},   {"si", RSI, WIDTH_16},
    {"di", RDI, WIDTH_16},   {"al", RAX, WIDTH_LOW},  {"cl", RCX, WIDTH_LOW},
    {"dl", RDX, WIDTH_LOW},  {"bl", RBX, WIDTH_LOW},  {"ah", RAX, WIDTH_HIGH},
    {"ch", RCX, WIDTH_HIGH}, {"dh", RDX, WIDTH_HIGH}, {"bh", RBX, WIDTH_HIGH},
    {"sp", RSP, WIDTH_64},   {"fp", RBP, WIDTH_64},
};

static uint64_t narrow(uint64_t value, unsigned width)
{
    switch (width) {
    case WIDTH_32:
        return (uint32_t)value;
    case WIDTH_16:
        return (uint16_t)value;
    case WIDTH_LOW:
        return (uint8_t)value;
    case WIDTH_HIGH:
        return (uint8_t)(value >> 8);
    default:
        return value;
    }
}

static const struct {
    const char *name;
    size_t offset;
} wide_registers[] = {
    {"rip", offsetof(struct x86_state, rip)},
    {"eip", offsetof(struct x86_state, rip)},
    {"eflags", offsetof(struct x86_state, rflags)},
    {"rflags", offsetof(struct x86_state, rflags)},
    {"cr0", offsetof(struct x86_state, cr0)},
    {"cr2", offsetof(struct x86_state, cr2)},
    {"cr3", offsetof(struct x86_state, cr3)},
    {"cr4", offsetof(struct x86_state, cr4)},
    {"cr8", offsetof(struct x86_state, cr8)},
    {"dr0", offsetof(struct x86_state, dr[0])},
    {"dr1", offsetof(struct x86_state, dr[1])},
    {"dr2", offsetof(struct x86_state, dr[2])},
    {"dr3", offsetof(struct x86_state, dr[3])},
    {"dr6", offsetof(struct x86_state, dr[6])},
    {"dr7", offsetof(struct x86_state, dr[7])},
    {"efer", offsetof(struct x86_state, msr.efer)},
    {"tsc", offsetof(struct x86_state, tsc)},
    {"gdtr", offsetof(struct x86_state, gdtr.base)},
    {"idtr", offsetof(struct x86_state, idtr.base)},
};

static const struct {
    const char *name;
    size_t offset;
} segments[] = {
    {"es", offsetof(struct x86_state, seg[ES])}, {"cs", offsetof(struct x86_state, seg[CS])},
    {"ss", offsetof(struct x86_state, seg[SS])}, {"ds", offsetof(struct x86_state, seg[DS])},
    {"fs", offsetof(struct x86_state, seg[FS])}, {"gs", offsetof(struct x86_state, seg[GS])},
    {"tr", offsetof(struct x86_state, tr)},      {"ldtr", offsetof(struct x86_state, ldtr)},
};

/* "cs" is the selector; "cs.base", "cs.limit" and "cs.attr" are the rest. */
static bool segment_register(const struct x86_state *state, const char *name, uint64_t *value)
{
    size_t n = strcspn(name, ".");
    for (unsigned i = 0; i < G_N_ELEMENTS(segments); i++) {
        if (strlen(segments[i].name) != n || memcmp(segments[i].name, name, n) != 0) {
            continue;
        }
        const struct x86_segment *segment =
            (const struct x86_segment *)((const char *)state + segments[i].offset);
        const char *part = name + n;
        if (part[0] == '\0') {
            *value = segment->selector;
        } else if (strcmp(part, ".base") == 0) {
            *value = segment->base;
        } else if (strcmp(part, ".limit") == 0) {
            *value = segment->limit;
        } else if (strcmp(part, ".attr") == 0) {
            *value = segment->attr;
        } else {
            return false;
        }
        return true;
    }
    return false;
}

void cpu_view_each_register(void (*fn)(void *arg, const char *name), void *arg)
{
    static const char *const parts[] = {"", ".base", ".limit", ".attr"};
    fn(arg, "pc");
    for (unsigned i = 0; i < G_N_ELEMENTS(gprs); i++) {
        fn(arg, gprs[i].name);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(wide_registers); i++) {
        fn(arg, wide_registers[i].name);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(segments) * G_N_ELEMENTS(parts); i++) {
        g_autofree char *name = g_strconcat(segments[i / G_N_ELEMENTS(parts)].name, parts[i % G_N_ELEMENTS(parts)], NULL);
        fn(arg, name);
    }
}

bool cpu_view_register(const struct x86_state *state, const char *name, uint64_t *value)
{
    if (strcmp(name, "pc") == 0) {
        *value = state->seg[CS].base + state->rip;
        return true;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(gprs); i++) {
        if (strcmp(gprs[i].name, name) == 0) {
            *value = narrow(state->gpr[gprs[i].number], gprs[i].width);
            return true;
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(wide_registers); i++) {
        if (strcmp(wide_registers[i].name, name) == 0) {
            memcpy(value, (const char *)state + wide_registers[i].offset, sizeof(*value));
            return true;
        }
    }
    return segment_register(state, name, value);
}

static uint64_t widen(uint64_t old, uint64_t value, unsigned width)
{
    switch (width) {
    case WIDTH_32:
        return (uint32_t)value;
    case WIDTH_16:
        return (old & ~0xffffull) | (uint16_t)value;
    case WIDTH_LOW:
        return (old & ~0xffull) | (uint8_t)value;
    case WIDTH_HIGH:
        return (old & ~0xff00ull) | (value & 0xff) << 8;
    default:
        return value;
    }
}

static bool set_segment(struct x86_state *state, const char *name, uint64_t value)
{
    bool real = !(state->cr0 & CR0_PE) || state->rflags & FLAG_VM;
    size_t n = strcspn(name, ".");
    for (unsigned i = 0; i < G_N_ELEMENTS(segments); i++) {
        struct x86_segment *segment = (struct x86_segment *)((char *)state + segments[i].offset);
        if (strlen(segments[i].name) != n || memcmp(segments[i].name, name, n) != 0) {
            continue;
        }
        if (name[n] == '\0') {
            segment->selector = (uint16_t)value;
            segment->base = real ? (value & 0xffff) << 4 : segment->base;
        } else if (strcmp(name + n, ".base") == 0) {
            segment->base = value;
        } else if (strcmp(name + n, ".limit") == 0) {
            segment->limit = (uint32_t)value;
        } else if (strcmp(name + n, ".attr") == 0) {
            segment->attr = (uint32_t)value;
        } else {
            return false;
        }
        return true;
    }
    return false;
}

bool cpu_view_set_register(struct x86_state *state, const char *name, uint64_t value)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(gprs); i++) {
        if (strcmp(gprs[i].name, name) == 0) {
            uint64_t *gpr = &state->gpr[gprs[i].number];
            *gpr = widen(*gpr, value, gprs[i].width);
            return true;
        }
    }
    if (strcmp(name, "pc") == 0) {
        state->rip = value - state->seg[CS].base;
        return true;
    }
    if (strcmp(name, "eflags") == 0 || strcmp(name, "rflags") == 0) {
        value |= FLAG_1;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(wide_registers); i++) {
        if (strcmp(wide_registers[i].name, name) == 0) {
            memcpy((char *)state + wide_registers[i].offset, &value, sizeof(value));
            return true;
        }
    }
    return set_segment(state, name, value);
}

static bool look_up(void *arg, const char *name, uint64_t *value)
{
    struct x86_state state;
    return cpu_view_state(arg, &state, NULL) && cpu_view_register(&state, name, value);
}

static bool look_up_symbol(void *arg, const char *name, uint64_t *value)
{
    return symbols_find(((struct command_call *)arg)->env->symbols, name, value);
}

static bool look_up_memory(void *arg, uint64_t address, unsigned size, uint64_t *value)
{
    struct command_call *call = arg;
    struct x86_state state;
    if (!cpu_view_state(call, &state, NULL)) {
        return false;
    }
    if (size == 0) {
        size = state.msr.efer & EFER_LMA && state.seg[CS].attr & SEG_L ? 8 : 4;
    }
    *value = 0;
    cpu_view_park(call->env);
    bool read = cpu_view_read(call, address, value, size, false) == size;
    cpu_view_unpark(call->env);
    return read;
}

bool cpu_view_expression(struct command_call *call, const char **text, uint64_t *value,
                         GError **error)
{
    struct expr_env env = {
        .reg = look_up, .symbol = look_up_symbol, .memory = look_up_memory, .arg = call};
    return expr_parse(&env, text, value, error);
}

size_t cpu_view_read(struct command_call *call, uint64_t linear, void *data, size_t size, bool io)
{
    size_t done = 0;
    while (done < size) {
        size_t piece = MIN(size - done, PAGE - (linear + done) % PAGE);
        uint64_t physical;
        if (!accel_translate(call->env->accel, call->settings->cpu, linear + done, &physical)) {
            break;
        }
        lock_acquire(&call->env->machine->lock);
        bus_read_bytes(call->env->machine->memory, physical, (uint8_t *)data + done, piece, io);
        lock_release(&call->env->machine->lock);
        done += piece;
    }
    return done;
}
