/*
 * Symbols: sym load, sym list, sym clear. For a Linux kernel the offset that KASLR chose is found from the CPU: the
 * entry points of SYSCALL and of exceptions are known by name in the kernel's symbols and by address in LSTAR and
 * the IDT.
 */
#include <inttypes.h>
#include <string.h>

#include "monitor/cmd.h"
#include "monitor/cpu_view.h"
#include "monitor/symbols.h"

#define LIST_MAX 4096u

void cmd_print_symbol(struct command_call *call, uint64_t address)
{
    g_autofree char *name = symbols_text(call->env->symbols, address);
    if (name != NULL) {
        command_print(call, " <%s>", name);
    }
}

static bool have_symbols(struct command_call *call)
{
    if (call->env->symbols == NULL) {
        command_print(call, "Error: symbols cannot be used here\n");
    }
    return call->env->symbols != NULL;
}

/* The address that gate `vector` of the IDT leads to; false if it cannot be read. */
static bool gate_target(struct command_call *call, const struct x86_state *state, unsigned vector, uint64_t *target)
{
    uint8_t gate[16];
    bool wide = (state->msr.efer & EFER_LMA) != 0;
    size_t size = wide ? 16 : 8;
    uint64_t at = state->idtr.base + vector * size;
    if (vector * size + size - 1 > state->idtr.limit ||
        cpu_view_read(call, at, gate, size, false) != size) {
        return false;
    }
    *target = gate[0] | gate[1] << 8 | (uint64_t)gate[6] << 16 | (uint64_t)gate[7] << 24;
    for (unsigned i = 0; wide && i < 4; i++) {
        *target |= (uint64_t)gate[8 + i] << (32 + 8 * i);
    }
    return true;
}

#define KASLR_ALIGN 0x200000u /* a kernel is moved by a multiple of this (CONFIG_PHYSICAL_ALIGN) */

/* How far the kernel lies from where it was linked, by the symbols as loaded with offset 0; false if it is not one or has
 * not set up its entry points yet. */
static bool kaslr_offset(struct command_call *call, const struct x86_state *state, uint64_t *offset)
{
    static const struct {
        const char *name;
        unsigned vector;
    } entries[] = { { "asm_exc_page_fault", 14 }, { "page_fault", 14 }, { "asm_exc_divide_error", 0 } };
    uint64_t linked, now;
    if (symbols_find(call->env->symbols, "entry_SYSCALL_64", &linked) && state->msr.lstar != 0) {
        *offset = state->msr.lstar - linked;
        return true;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(entries); i++) {
        if (symbols_find(call->env->symbols, entries[i].name, &linked) &&
            gate_target(call, state, entries[i].vector, &now) && (now - linked) % KASLR_ALIGN == 0) {
            *offset = now - linked; /* else the handler is one that serves until the kernel's own are there */
            return true;
        }
    }
    return false;
}

static bool find_kaslr(struct command_call *call, uint64_t *offset)
{
    struct x86_state state;
    if (!cpu_view_state(call, &state, NULL)) {
        return false;
    }
    cpu_view_park(call->env);
    bool found = kaslr_offset(call, &state, offset);
    cpu_view_unpark(call->env);
    return found;
}

/* Conditions of breakpoints look at the symbols from the CPUs' threads: these stand meanwhile. */
static int load(struct command_call *call, const char *path, uint64_t offset, GError **error)
{
    cpu_view_park(call->env);
    int count = symbols_load(call->env->symbols, path, offset, error);
    cpu_view_unpark(call->env);
    return count;
}

void cmd_sym_load(struct command_call *call)
{
    const char *path = call->args[0].text;
    uint64_t offset = call->args[1].value;
    GError *error = NULL;
    if (!have_symbols(call)) {
        return;
    }
    int count = load(call, path, offset, &error);
    if (count >= 0 && !call->args[1].given && find_kaslr(call, &offset) && offset != 0) {
        count = load(call, path, offset, &error);
        if (count >= 0) {
            command_print(call, "The kernel lies at an offset of 0x%" PRIx64 " (KASLR)\n", offset);
        }
    }
    if (count < 0) {
        command_error(call, error);
    } else {
        command_print(call, "%d symbols\n", count);
    }
}

void cmd_sym_clear(struct command_call *call)
{
    if (have_symbols(call)) {
        cpu_view_park(call->env);
        symbols_clear(call->env->symbols);
        cpu_view_unpark(call->env);
    }
}

struct list {
    struct command_call *call;
    GPatternSpec *pattern; /* NULL: all */
    unsigned count;
};

static bool list_one(void *arg, const struct symbol *symbol)
{
    struct list *list = arg;
    if (list->pattern != NULL && !g_pattern_spec_match_string(list->pattern, symbol->name)) {
        return true;
    }
    if (list->count++ == LIST_MAX) {
        command_print(list->call, "... more than %u; give a pattern such as 'sym list do_*'\n", LIST_MAX);
        return false;
    }
    command_print(list->call, "%016" PRIx64 " %s\n", symbol->address, symbol->name);
    return true;
}

void cmd_sym_list(struct command_call *call)
{
    struct list list = { .call = call };
    if (!have_symbols(call)) {
        return;
    }
    if (call->args[0].given) {
        list.pattern = g_pattern_spec_new(call->args[0].text);
    }
    symbols_each(call->env->symbols, list_one, &list);
    if (list.pattern != NULL) {
        g_pattern_spec_free(list.pattern);
    }
}

void cmd_sym_at(struct command_call *call)
{
    g_autofree char *text = symbols_text(call->env->symbols, call->args[0].value);
    if (text == NULL) {
        command_print(call, "Error: no symbol is near 0x%" PRIx64 "\n", call->args[0].value);
    } else {
        command_print(call, "%s\n", text);
    }
}

static void print_file(void *arg, const char *path, uint64_t offset, unsigned count)
{
    command_print(arg, "%s: %u symbols, offset 0x%" PRIx64 "\n", path, count, offset);
}

void cmd_info_symbols(struct command_call *call)
{
    if (have_symbols(call)) {
        symbols_files(call->env->symbols, print_file, call);
    }
}
