/*
 * `why`: from the black box to words. A triple fault is told as the chain of exceptions that led to it, each with what the
 * CPU found in its tables: the IDT entry, the descriptor, the page table walk (Intel SDM volume 3, 6.13 "Error code",
 * 6.15 "Exception and interrupt reference").
 */
#include "monitor/why.h"

#include <inttypes.h>
#include <string.h>

#include "accel/accel.h"
#include "core/machine.h"
#include "monitor/cpu_view.h"
#include "monitor/debug_view.h"
#include "monitor/descriptor_view.h"
#include "accel/disasm.h"
#include "monitor/page_view.h"
#include "monitor/symbols.h"
#include "monitor/why_hint.h"

#define ERROR_EXT 1u
#define ERROR_IDT 2u
#define ERROR_TI 4u
#define PATH_SHOWN 16u
#define TRAIL_SHOWN 8u
#define FAULTS_SHOWN 4u

enum { DF = 8, TS = 10, NP = 11, SS_FAULT = 12, GP = 13, PF = 14 };

/* What an explanation is about; memory is looked at as it is now. */
struct why {
    const struct monitor_env *env;
    const struct x86_state *state;
    const struct blackbox *box;
    GString *out;
    bool long_mode;
};

static const char *vector_name(unsigned vector)
{
    static const char *const names[] = {
        "#DE divide error", "#DB debug", "NMI", "#BP breakpoint", "#OF overflow", "#BR bound range exceeded",
        "#UD invalid opcode", "#NM no FPU", "#DF double fault", "coprocessor overrun", "#TS invalid TSS",
        "#NP segment not present", "#SS stack fault", "#GP general protection", "#PF page fault", "15",
        "#MF x87 error", "#AC alignment check", "#MC machine check", "#XM SIMD error",
    };
    return vector < G_N_ELEMENTS(names) ? names[vector] : "exception";
}

/* Reads memory as the CPU of the incident saw it, by its page tables as they are now. */
static size_t read_linear(struct why *why, uint64_t linear, uint8_t *data, size_t size)
{
    size_t done = 0;
    for (; done < size; done++) {
        struct page_view view;
        page_view_walk(why->env->machine, why->state, linear + done, &view);
        if (!view.mapped) {
            break;
        }
        lock_acquire(&why->env->machine->lock);
        bool hit = bus_read_bytes(why->env->machine->memory, view.physical, data + done, 1, false) == 1;
        lock_release(&why->env->machine->lock);
        if (!hit) {
            break;
        }
    }
    return done;
}

static void put_address(struct why *why, uint64_t address)
{
    g_autofree char *name = symbols_text(why->env->symbols, address);
    g_string_append_printf(why->out, "0x%0*" PRIx64 "%s%s%s", why->long_mode ? 16 : 8, address, name != NULL ? " <" : "",
                           name != NULL ? name : "", name != NULL ? ">" : "");
}

static void put_walk(struct why *why, uint64_t linear)
{
    struct page_view view;
    g_autoptr(GString) text = g_string_new(NULL);
    page_view_walk(why->env->machine, why->state, linear, &view);
    page_view_describe(&view, text);
    g_auto(GStrv) lines = g_strsplit(g_strchomp(text->str), "\n", -1);
    for (unsigned i = 0; lines[i] != NULL; i++) {
        g_string_append_printf(why->out, "       %s\n", lines[i]);
    }
}

static bool canonical(uint64_t linear)
{
    return (uint64_t)((int64_t)(linear << 16) >> 16) == linear;
}

/* ---- tables ---- */

static void explain_idt_entry(struct why *why, unsigned vector)
{
    const struct x86_table *idtr = &why->state->idtr;
    unsigned size = !(why->state->cr0 & CR0_PE) ? 4 : why->long_mode ? 16 : 8;
    uint64_t at = idtr->base + vector * size;
    uint8_t bytes[16] = { 0 };
    if (vector * size + size - 1 > idtr->limit) {
        g_string_append_printf(why->out, "     IDT entry %u lies beyond the IDT's limit: base 0x%" PRIx64
                               ", limit 0x%x, room for %u entries\n", vector, idtr->base, idtr->limit,
                               (idtr->limit + 1) / size);
        return;
    }
    if (read_linear(why, at, bytes, size) != size) {
        g_string_append_printf(why->out, "     IDT entry %u at 0x%" PRIx64 " cannot be read: not mapped\n", vector, at);
        return;
    }
    if (size == 4) {
        return;
    }
    struct descriptor d = descriptor_parse(bytes, why->long_mode);
    g_string_append_printf(why->out, "     IDT entry %u is ", vector);
    descriptor_describe(&d, why->long_mode, why->out);
    g_string_append(why->out, d.low == 0 && d.high == 0 ? ": no handler was installed\n"
                              : !d.gate                 ? ": no gate\n"
                                                        : "\n");
}

/* target: the selector stands in a gate. */
static void explain_selector(struct why *why, uint16_t selector, bool target)
{
    bool local = selector & ERROR_TI;
    uint64_t base = local ? why->state->ldtr.base : why->state->gdtr.base;
    uint32_t limit = local ? why->state->ldtr.limit : why->state->gdtr.limit;
    uint8_t bytes[16] = { 0 };
    const char *name = local ? "LDT" : "GDT";
    if ((selector & ~3) == 0) {
        g_string_append(why->out, "     the selector is null\n");
    } else if ((selector & ~7u) + 7 > limit) {
        g_string_append_printf(why->out, "     selector %04x lies beyond the %s's limit: base 0x%" PRIx64 ", limit 0x%x\n",
                               selector, name, base, limit);
    } else if (read_linear(why, base + (selector & ~7u), bytes, 16) < 8) {
        g_string_append_printf(why->out, "     selector %04x: the %s at 0x%" PRIx64 " cannot be read: not mapped\n", selector,
                               name, base);
    } else {
        struct descriptor d = descriptor_parse(bytes, why->long_mode);
        g_string_append_printf(why->out, "     selector %04x in the %s is ", selector, name);
        descriptor_describe(&d, why->long_mode, why->out);
        bool code = !d.system && d.high & SEG_CODE;
        g_string_append(why->out, !target || d.system                               ? "\n"
                                  : !code                                           ? ": a gate must lead to code\n"
                                  : why->long_mode && (d.high & (SEG_L | SEG_DB)) != SEG_L
                                      ? ": in long mode a gate must lead to 64-bit code\n"
                                      : "\n");
    }
}

/* The gate of the event that was being delivered, its code segment and its stack. */
static void explain_delivery(struct why *why, unsigned vector)
{
    unsigned size = why->long_mode ? 16 : 8;
    uint8_t bytes[16] = { 0 };
    explain_idt_entry(why, vector);
    if (!(why->state->cr0 & CR0_PE) || vector * size + size - 1 > why->state->idtr.limit ||
        read_linear(why, why->state->idtr.base + vector * size, bytes, size) != size) {
        return;
    }
    struct descriptor gate = descriptor_parse(bytes, why->long_mode);
    if (!gate.gate || !gate.present) {
        return;
    }
    explain_selector(why, gate.selector, true);
    if (why->long_mode && !canonical(gate.offset)) {
        g_string_append(why->out, "     the handler's address is not canonical\n");
    }
    if (why->long_mode && gate.high & 7) {
        uint8_t stack[8] = { 0 };
        unsigned ist = gate.high & 7;
        uint64_t at = why->state->tr.base + 28 + 8 * ist, value = 0;
        if (read_linear(why, at, stack, 8) == 8) {
            memcpy(&value, stack, 8);
            g_string_append_printf(why->out, "     its stack is IST%u of the TSS: 0x%016" PRIx64 "%s\n", ist, value,
                                   !canonical(value) ? ", not canonical" : value == 0 ? ": not set" : "");
        } else {
            g_string_append_printf(why->out, "     its stack is IST%u of the TSS at 0x%" PRIx64 ", which is not mapped\n",
                                   ist, why->state->tr.base);
        }
    }
}

static bool within(uint64_t address, uint64_t base, uint64_t limit)
{
    return address >= base && address - base <= limit;
}

/* What a page fault during delivery was about. */
static void explain_fault_place(struct why *why, const struct blackbox_fault *fault)
{
    const struct x86_state *s = why->state;
    const char *what = within(fault->cr2, s->idtr.base, s->idtr.limit)   ? "the IDT"
                       : within(fault->cr2, s->gdtr.base, s->gdtr.limit) ? "the GDT"
                       : within(fault->cr2, s->tr.base, s->tr.limit)     ? "the TSS"
                                                                         : NULL;
    if (what != NULL) {
        g_string_append_printf(why->out, "     the address is in %s: it must be mapped while exceptions can happen\n", what);
    } else if (fault->rsp - fault->cr2 <= 4096) {
        g_string_append_printf(why->out, "     the stack (RSP 0x%" PRIx64 ") has no room for the frame: "
                               "stack overflow, or RSP is wrong\n", fault->rsp);
    } else {
        g_string_append(why->out, "     the handler's stack is not mapped\n");
        explain_delivery(why, fault->first);
    }
}

/* What a plain instruction's fault may come from, where the error code does not say. */
static void explain_plain(struct why *why, const struct blackbox_fault *fault)
{
    static const char *const names[16] = { "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
                                           "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15" };
    if (fault->vector == PF && fault->rsp - fault->cr2 - 1 < 4096) {
        g_string_append_printf(why->out, "     the address is just below RSP (0x%" PRIx64 "): a stack overflow?\n",
                               fault->rsp);
    }
    for (unsigned i = 0; (fault->vector == GP || fault->vector == SS_FAULT) && why->long_mode && i < 16; i++) {
        if (!canonical(why->state->gpr[i])) {
            g_string_append_printf(why->out, "     %s = 0x%016" PRIx64 " is not a canonical address\n", names[i],
                                   why->state->gpr[i]);
        }
    }
}

/* ---- one exception ---- */

static void put_page_error(struct why *why, uint32_t error)
{
    g_string_append_printf(why->out, " (%s; %s, %s%s)", error & 1 ? "not allowed" : "page not present",
                           error & 16 ? "instruction fetch" : error & 2 ? "write" : "read", error & 4 ? "user" : "supervisor",
                           error & 8 ? "; reserved bit in a table" : "");
}

static void explain_error(struct why *why, const struct blackbox_fault *fault)
{
    bool has_selector = fault->vector >= TS && fault->vector <= GP && (fault->error & ~ERROR_EXT) != 0;
    if (fault->vector == PF) {
        if (fault->delivering) {
            explain_fault_place(why, fault);
        }
        put_walk(why, fault->cr2);
    } else if (has_selector && fault->error & ERROR_IDT) {
        explain_idt_entry(why, fault->error >> 3);
    } else if (has_selector) {
        explain_selector(why, (uint16_t)(fault->error & ~3u), fault->delivering);
    } else if (fault->delivering) {
        explain_delivery(why, fault->first);
    }
}

/* The words of the stack at an address. */
static void read_stack(struct why *why, uint64_t at, struct why_hint *hint)
{
    unsigned size = why->long_mode ? 8 : 4;
    for (hint->stack_words = 0; hint->stack_words < WHY_STACK_WORDS; hint->stack_words++) {
        uint8_t word[8] = { 0 };
        if (read_linear(why, at + hint->stack_words * size, word, size) != size) {
            break;
        }
        memcpy(&hint->stack[hint->stack_words], word, sizeof(word));
    }
}

static struct why_hint hint_about(struct why *why, const struct blackbox_fault *fault)
{
    return (struct why_hint){ .fault = fault, .state = why->state, .long_mode = why->long_mode,
                              .unassigned = bus_stats(why->env->machine->memory).unassigned_reads };
}

/* Where the delivery of an event finds its stack, if that has failed. */
static void put_stack_hint(struct why *why, const struct blackbox_fault *fault)
{
    struct why_hint hint = hint_about(why, fault);
    read_stack(why, why->state->tr.base + 4, &hint); /* RSP0, ESP0 */
    why_hint_stack(&hint, why->out);
}

static void put_hint(struct why *why, const struct blackbox_fault *fault)
{
    uint8_t code[DISASM_INSTRUCTION_MAX];
    struct why_hint hint = hint_about(why, fault);
    hint.code = code;
    hint.code_size = (unsigned)read_linear(why, fault->linear, code, sizeof(code));
    read_stack(why, (why->long_mode ? 0 : why->state->seg[SS].base) + fault->rsp, &hint);
    why_hint(&hint, why->out);
    bool software = hint.code_size > 0 && (code[0] == 0xcc || code[0] == 0xcd); /* INT3, INT n */
    if (software && fault->cpl > 0 && fault->vector >= TS && fault->vector != GP) {
        put_stack_hint(why, fault);
    }
}

static void put_instruction(struct why *why, uint64_t linear)
{
    uint8_t code[DISASM_INSTRUCTION_MAX];
    size_t got = read_linear(why, linear, code, sizeof(code));
    if (got == 0) {
        g_string_append(why->out, "     there is no code: the address is not mapped\n");
        return;
    }
    struct disasm *disasm = disasm_create(debug_view_code_bits(why->state), false);
    g_string_append(why->out, "     ");
    disasm_one(disasm, linear, code, got, why->out);
    disasm_destroy(disasm);
}

static void explain_fault(struct why *why, unsigned number, const struct blackbox_fault *fault)
{
    g_string_append_printf(why->out, "  %u. ", number);
    if (fault->delivering) {
        g_string_append_printf(why->out, "delivering %s raised ", vector_name(fault->first));
    }
    g_string_append_printf(why->out, "%s, error code 0x%x", vector_name(fault->vector), fault->error);
    if (fault->vector == PF) {
        put_page_error(why, fault->error);
        g_string_append(why->out, ", address ");
        put_address(why, fault->cr2);
    }
    g_string_append_printf(why->out, "\n     at %04x:", fault->cs);
    put_address(why, fault->linear);
    g_string_append_printf(why->out, ", CPL %u, RSP 0x%" PRIx64 "\n", fault->cpl, fault->rsp);
    if (!fault->delivering) {
        if (fault->vector != PF || !(fault->error & 16)) {
            put_instruction(why, fault->linear);
        }
        explain_plain(why, fault);
        put_hint(why, fault);
    } else if ((fault->cpl > 0 && fault->vector != GP) || fault->vector == TS) {
        put_stack_hint(why, fault);
    }
    explain_error(why, fault);
}

/* ---- the whole story ---- */

static const struct blackbox_fault *fault_at(const struct why *why, uint64_t n)
{
    return &why->box->faults[n % BLACKBOX_FAULTS];
}

/* The last fault and those whose delivery it was part of. */
static void put_chain(struct why *why)
{
    uint64_t end = why->box->fault_count, first = end;
    while (first > 0 && end - first < BLACKBOX_FAULTS) {
        first--;
        if (!fault_at(why, first)->delivering) {
            break;
        }
    }
    for (uint64_t n = first; n < end; n++) {
        explain_fault(why, (unsigned)(n - first + 1), fault_at(why, n));
        if (n + 1 < end && fault_at(why, n + 1)->first == DF && fault_at(why, n)->vector != DF) {
            g_string_append(why->out, "     two in a row: #DF double fault\n");
        }
    }
}

static void put_path(struct why *why)
{
    uint64_t branches[PATH_SHOWN];
    unsigned count = blackbox_branches(why->box, branches, PATH_SHOWN);
    if (count > 0) {
        g_string_append(why->out, "The way there (where branches, interrupts and exceptions led; newest last; `info branches` shows more):\n");
    }
    while (count-- > 0) {
        g_string_append(why->out, "  ");
        put_address(why, branches[count]);
        g_string_append_c(why->out, '\n');
    }
}

static void put_trail(struct why *why)
{
    const struct trail *trail = &why->env->machine->trail;
    uint64_t count = MIN(trail->count, TRAIL_SHOWN);
    if (count > 0) {
        g_string_append(why->out, "Last device accesses (`info trail` shows more):\n");
    }
    for (uint64_t n = trail->count - count; n < trail->count; n++) {
        const struct trail_entry *e = &trail->entries[n % TRAIL_SIZE];
        g_string_append_printf(why->out, "  %-6s %s 0x%" PRIx64 " %s 0x%0*" PRIx64 "\n", e->bus, e->write ? "write" : "read ",
                               e->address, e->write ? "<-" : "->", e->size * 2, e->value);
    }
}

static void tell_triple_fault(struct why *why, unsigned cpu)
{
    g_string_append_printf(why->out, "CPU#%u: triple fault\n", cpu);
    put_chain(why);
    g_string_append(why->out, "  The CPU cannot even begin a double fault's handler: it shuts down.\n");
}

static void tell_state(struct why *why, unsigned cpu)
{
    const struct x86_state *s = why->state;
    g_string_append_printf(why->out, "CPU#%u is %s at ", cpu,
                           s->activity == X86_HALTED      ? "halted"
                           : s->activity == X86_WAIT_SIPI ? "waiting for a start-up message"
                           : s->activity == X86_SHUTDOWN  ? "shut down"
                                                          : "active");
    put_address(why, (why->long_mode && s->seg[CS].attr & SEG_L ? 0 : s->seg[CS].base) + s->rip);
    g_string_append_printf(why->out, "; the machine is %s\n", run_state_text(why->env->machine->run_state));
    if (s->activity == X86_HALTED && !(s->rflags & FLAG_IF)) {
        g_string_append(why->out, "It has executed HLT with IF = 0: no interrupt can wake it, only an NMI or a reset.\n");
    } else if (s->activity == X86_HALTED) {
        g_string_append(why->out, "It waits for an interrupt; `info pic` and `info apic0` say what is masked.\n");
    }
    uint64_t count = MIN(why->box->fault_count, FAULTS_SHOWN);
    if (count > 0) {
        g_string_append(why->out, "The last exceptions (newest last):\n");
    }
    for (uint64_t n = why->box->fault_count - count; n < why->box->fault_count; n++) {
        explain_fault(why, (unsigned)(n + 1), fault_at(why, n));
    }
}

void why_explain(const struct monitor_env *env, unsigned cpu, GString *out)
{
    const struct incident *incident = accel_incident(env->accel);
    struct x86_state now;
    cpu_view_park(env);
    accel_state_get(env->accel, cpu, &now);
    bool past = incident->kind == INCIDENT_TRIPLE_FAULT || incident->kind == INCIDENT_HALT;
    struct why why = { .env = env, .out = out,
                       .state = past ? &incident->state : &now,
                       .box = past ? &incident->box : accel_blackbox(env->accel, cpu) };
    why.long_mode = (why.state->msr.efer & EFER_LMA) != 0;
    if (incident->kind == INCIDENT_TRIPLE_FAULT) {
        tell_triple_fault(&why, incident->cpu);
    } else if (incident->kind == INCIDENT_RESET) {
        g_string_append(out, "The guest has asked for a reset (-action reboot=pause holds it back).\n");
        tell_state(&why, cpu);
    } else {
        tell_state(&why, past ? incident->cpu : cpu);
    }
    if (past && env->machine->run_state == RUN_STATE_RUNNING) {
        g_string_append(out, "The machine has been reset since then: memory is shown as it is now. "
                             "-action triple-fault=pause stops in time.\n");
    }
    put_path(&why);
    put_trail(&why);
    cpu_view_unpark(env);
}
