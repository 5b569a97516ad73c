/* See the header. */
#include "accel/interp/breaks.h"

#include <string.h>

#include "accel/interp/interp.h"
#include "accel/interp/system.h"
#include "accel/interp/tlb.h"
#include "accel/interp/trace.h"

void breaks_set(struct cpu *cpu, struct breakpoints *set, const struct break_index *planted)
{
    cpu->breaks = breakpoints_armed(set) ? set : NULL;
    cpu->planted = planted->events != 0 ? planted : NULL;
}

void breaks_pass(struct cpu *cpu)
{
    cpu->passed_count = interp_instructions(cpu, NULL) + 1;
    cpu->passed_rip = cpu->rip;
}

/* Has the debugger seen this very execution of the instruction? A repeated string instruction that was interrupted,
 * and a fault that was given up, come by again without an instruction in between. */
static bool is_passed(const struct cpu *cpu, uint64_t rip, const struct insn *insn)
{
    return cpu->passed_rip == rip && cpu->passed_count == interp_instructions(cpu, insn) + 1;
}

/* The event's place, and on to the set; true if the CPU has to leave guest code. */
static bool report(struct cpu *cpu, struct break_event *event, uint64_t rip)
{
    event->cpu = cpu->index;
    event->selector = cpu->s.seg[CS].selector;
    event->rip = rip;
    if (!breakpoints_event(cpu->breaks, event)) {
        return false;
    }
    __atomic_fetch_or(&cpu->attention, CPU_ATTENTION_STOP, __ATOMIC_SEQ_CST);
    return true;
}

/* ---- code ---- */

static uint64_t linear_of(const struct cpu *cpu, uint64_t rip)
{
    return (cpu->mode & MODE_CODE64) != 0 ? rip : (uint32_t)(cpu->s.seg[CS].base + rip);
}

enum { CHECK_ADDRESS = 1, CHECK_RETURN = 2 };

/* The record before an instruction; reg says what to check. */
static void op_break_check(struct cpu *cpu, const struct insn *insn)
{
    uint64_t rip = insn_rip(cpu, insn);
    bool stop = false;
    if (cpu->breaks != NULL && !is_passed(cpu, rip, insn)) {
        struct break_event event = { .kind = BREAK_LINEAR, .linear = linear_of(cpu, rip), .physical = UINT64_MAX };
        if (breakpoints_wants(cpu->breaks, BREAK_PHYSICAL)) {
            pagewalk_probe(cpu, event.linear, &event.physical);
        }
        stop = report(cpu, &event, rip);
        if (!stop && (insn->reg & CHECK_RETURN) != 0) {
            event = (struct break_event){ .kind = BREAK_RETURN, .linear = cpu->gpr[RSP] };
            stop = report(cpu, &event, rip);
        }
    }
    if (stop) {
        cpu->rip = rip;
        breaks_pass(cpu);
        return;
    }
    NEXT(cpu, insn);
}

/* XCHG BX,BX: exchanges nothing. */
static void op_magic(struct cpu *cpu, const struct insn *insn)
{
    if (cpu->breaks != NULL) {
        struct break_event event = { .kind = BREAK_MAGIC };
        report(cpu, &event, insn_rip(cpu, insn));
    }
    return trace_leave(cpu, insn, system_next(cpu, insn));
}

static bool is_prefix(uint8_t byte, bool code64)
{
    return byte == 0x66 || byte == 0x67 || byte == 0xf2 || byte == 0xf3 || byte == 0x2e || byte == 0x36 ||
           byte == 0x3e || byte == 0x26 || byte == 0x64 || byte == 0x65 || (code64 && (byte & 0xf0) == 0x40);
}

static bool is_return(const struct insn *insn, const uint8_t *code, bool code64)
{
    unsigned at = 0;
    while (at < insn->len && is_prefix(code[at], code64)) {
        at++;
    }
    return at < insn->len && (code[at] == 0xc2 || code[at] == 0xc3 || code[at] == 0xca || code[at] == 0xcb ||
                              code[at] == 0xcf);
}

unsigned breaks_wanted(struct cpu *cpu, struct insn *insn, uint64_t linear, uint64_t rip, const uint8_t *code)
{
    const struct break_index *planted = cpu->planted;
    bool code64 = (cpu->mode & MODE_CODE64) != 0, wide = (cpu->mode & (MODE_CODE32 | MODE_CODE64)) != 0;
    if (break_index_wants(planted, BREAK_MAGIC) && insn->len == (wide ? 3 : 2) &&
        memcmp(code, wide ? "\x66\x87\xdb" : "\x87\xdb", insn->len) == 0) {
        insn->fn = op_magic;
    }
    bool address = break_index_code(planted, linear) ||
                   (break_index_wants(planted, BREAK_SEGMENT) && break_index_code(planted, rip));
    return (address ? CHECK_ADDRESS : 0) |
           (break_index_wants(planted, BREAK_RETURN) && is_return(insn, code, code64) ? CHECK_RETURN : 0);
}

void breaks_insert(struct insn *insn, unsigned what)
{
    insn[1] = insn[0];
    insn[0] = (struct insn){ .fn = op_break_check, .reg = (uint8_t)what, .off = insn[1].off, .n = insn[1].n };
}

/* ---- data ---- */

bool breaks_watched(const struct cpu *cpu, uint64_t linear, uint64_t phys)
{
    return breakpoints_watched(cpu->breaks, linear, phys);
}

static uint64_t value_of(const void *data, unsigned size)
{
    uint64_t value = 0;
    memcpy(&value, data, size < sizeof(value) ? size : sizeof(value));
    return value;
}

/* Traces are one instruction long while this can happen, so REG_RIP0 is the RIP of the one that runs. */
void breaks_access(struct cpu *cpu, uint64_t linear, uint64_t phys, const void *data, const void *before,
                   unsigned size, bool write)
{
    struct break_event event = { .kind = WATCH_LINEAR,
                                 .linear = linear,
                                 .physical = phys,
                                 .size = size,
                                 .write = write,
                                 .value = value_of(data, size),
                                 .old_value = value_of(before, size) };
    report(cpu, &event, cpu->gpr[REG_RIP0]);
}

void breaks_port(struct cpu *cpu, uint16_t port, uint32_t value, unsigned size, bool write)
{
    struct break_event event = { .kind = WATCH_PORT, .linear = port, .size = size, .write = write, .value = value };
    report(cpu, &event, cpu->rip);
}

/* ---- what happens to the CPU ---- */

bool breaks_exception(struct cpu *cpu, unsigned vector, uint32_t error, bool can_retry)
{
    struct break_event event = { .kind = BREAK_EXCEPTION, .linear = vector, .value = error };
    uint64_t now = interp_instructions(cpu, NULL) + 1;
    if (cpu->raised_count != now || cpu->raised_rip != cpu->rip) {
        cpu->raised = 0;
        cpu->raised_count = now;
        cpu->raised_rip = cpu->rip;
    }
    uint32_t bit = 1u << (vector & 31);
    if ((cpu->raised & bit) != 0) {
        return false;
    }
    cpu->raised |= bit;
    return report(cpu, &event, cpu->rip) && can_retry;
}

void breaks_interrupt(struct cpu *cpu, unsigned vector)
{
    struct break_event event = { .kind = BREAK_INTERRUPT, .linear = vector };
    report(cpu, &event, cpu->rip);
}

static enum break_mode mode_of(uint32_t mode)
{
    return (mode & MODE_CODE64) != 0 ? BREAK_MODE_LONG
           : (mode & MODE_V86) != 0  ? BREAK_MODE_V86
           : (mode & MODE_LMA) != 0  ? BREAK_MODE_COMPATIBILITY
           : (mode & MODE_PE) != 0   ? BREAK_MODE_PROTECTED
                                     : BREAK_MODE_REAL;
}

void breaks_mode(struct cpu *cpu, uint32_t before, uint32_t after)
{
    struct break_event event = { .kind = BREAK_MODE, .old_value = mode_of(before), .value = mode_of(after) };
    if (event.old_value != event.value) {
        report(cpu, &event, cpu->rip);
    }
}

void breaks_cr3(struct cpu *cpu, uint64_t cr3)
{
    struct break_event event = { .kind = BREAK_CR3, .linear = cr3, .value = cr3, .old_value = cpu->s.cr3 };
    report(cpu, &event, cpu->rip);
}

void breaks_triple(struct cpu *cpu)
{
    struct break_event event = { .kind = BREAK_TRIPLE };
    report(cpu, &event, cpu->rip);
}
