/*
 * The debugger's breakpoints and watchpoints in the interpreter (accel/breakpoint.h). While nothing is set,
 * cpu->breaks is NULL; it is looked at where traces are built and on slow paths only, so that nothing costs
 * anything then.
 *
 * Code: an instruction at an offset in its page at which a breakpoint may lie begins a trace of its own, with a
 * record before it that compares the addresses. Data: watched pages have TLB_SLOW in their tags. What must stop
 * right behind an instruction does so because traces then are one instruction long.
 */
#ifndef ACCEL_INTERP_BREAKS_H
#define ACCEL_INTERP_BREAKS_H

#include "accel/breakpoint.h"
#include "accel/interp/cpu.h"

/* The set has changed, or is there for the first time. planted: what traces check from now on, at least what is set;
 * it stays where it is. Parked; the caller drops all translations, and the traces that check less. */
void breaks_set(struct cpu *cpu, struct breakpoints *set, const struct break_index *planted);
/* The instruction at which the CPU stands may run without meeting the breakpoints on it. Parked. */
void breaks_pass(struct cpu *cpu);

/* Records of the longest trace that may be built. */
static inline unsigned breaks_trace_max(const struct cpu *cpu)
{
    return unlikely(cpu->planted != NULL) && cpu->planted->precise ? 1 : TRACE_MAX;
}
unsigned breaks_wanted(struct cpu *cpu, struct insn *insn, uint64_t linear, uint64_t rip, const uint8_t *code);
/* Decoding: what has to be checked before this instruction, 0 = nothing; else breaks_insert() is wanted. May change
 * the handler. linear, rip: the addresses; code: the bytes. */
static inline unsigned breaks_decoded(struct cpu *cpu, struct insn *insn, uint64_t linear, uint64_t rip,
                                      const uint8_t *code)
{
    return unlikely(cpu->planted != NULL) ? breaks_wanted(cpu, insn, linear, rip, code) : 0;
}
/* Moves the first record of a trace to the second and puts a check into its place. */
void breaks_insert(struct insn *insn, unsigned what);

/* All of the following only if cpu->breaks is not NULL. */

/* Is a byte of the page watched? */
bool breaks_watched(const struct cpu *cpu, uint64_t linear, uint64_t phys);
/* An access within a page was made: data is what was read or written, before (of a write) what was there. */
void breaks_access(struct cpu *cpu, uint64_t linear, uint64_t phys, const void *data, const void *before,
                   unsigned size, bool write);
void breaks_port(struct cpu *cpu, uint16_t port, uint32_t value, unsigned size, bool write);
/* An exception is about to be delivered. True if the caller shall give it up and go to the run loop: the instruction
 * runs anew when the machine goes on. can_retry: giving up loses nothing. */
bool breaks_exception(struct cpu *cpu, unsigned vector, uint32_t error, bool can_retry);
/* The CPU stands at the handler of an interrupt. */
void breaks_interrupt(struct cpu *cpu, unsigned vector);
/* The mode word changes. */
void breaks_mode(struct cpu *cpu, uint32_t before, uint32_t after);
void breaks_cr3(struct cpu *cpu, uint64_t cr3);
void breaks_triple(struct cpu *cpu);

#endif
