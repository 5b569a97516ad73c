/*
 * Delivery of exceptions, interrupts and software interrupts, and what happens between instructions.
 */
#ifndef ACCEL_INTERP_INTERRUPT_H
#define ACCEL_INTERP_INTERRUPT_H

#include "accel/interp/cpu.h"

enum event_kind {
    EVENT_EXTERNAL,   /* INTR, NMI */
    EVENT_EXCEPTION,  /* fault, trap or abort raised by the CPU */
    EVENT_INT_N,      /* INT n: gate DPL is checked; VME redirection and IOPL in V86 mode */
    EVENT_INT3_INTO,  /* INT3, INTO: gate DPL is checked */
    EVENT_INT1,       /* INT1: no check of the gate's DPL */
};

struct cpu_event {
    enum event_kind kind;
    uint8_t vector;
    bool has_error;
    uint32_t error;
    uint64_t rip; /* to return to; faults during the delivery are at cpu->rip */
    bool set_rf;  /* in the image pushed */
};

/* Goes through the IVT or IDT and leaves the CPU at the handler's first instruction (cpu->rip). A fault on the
 * way changes nothing and leaves by cpu_fault. */
void cpu_event_deliver(struct cpu *cpu, const struct cpu_event *event);

/* To be called by the run loop between instructions (cpu->rip valid, fault_exit set) when attention is not 0 or
 * MODE_SINGLE is set: delivers what is due, in the order of SDM volume 3 table 6-2. Returns true if the CPU should
 * execute. False if the run loop should return: kicked (CPU_ATTENTION_KICK is left set for the run loop), halted,
 * waiting or shut down (s.activity). May leave by cpu_fault. */
bool cpu_handle_attention(struct cpu *cpu);

/* Parked: brings what other CPUs sent (INIT, start-up, NMI) into the CPU's state. */
void cpu_settle(struct cpu *cpu);

/* The INTR pin; any thread. */
void cpu_set_intr(struct cpu *cpu, bool level);
/* An NMI edge; any thread. */
void cpu_raise_nmi(struct cpu *cpu);

/* After anything that may have set EFLAGS.IF: takes notice of a waiting interrupt. */
static inline void cpu_check_intr(struct cpu *cpu)
{
    if ((cpu->eflags & FLAG_IF) != 0 && __atomic_load_n(&cpu->s.intr, __ATOMIC_RELAXED)) {
        __atomic_fetch_or(&cpu->attention, CPU_ATTENTION_INTR, __ATOMIC_SEQ_CST);
    }
}
/* STI and MOV SS: events are held until the instruction after `insn` is done. */
void cpu_begin_shadow(struct cpu *cpu, uint64_t next_rip, bool mov_ss);

/* ---- V86 mode extensions (v86.c; SDM volume 3, chapter 20) ---- */

/* INT n in V86 mode with CR4.VME: true if the TSS's redirection bitmap sends it to the 8086 program. */
bool v86_redirected(struct cpu *cpu, uint8_t vector);
/* Delivers an interrupt to the 8086 program's own handler, without leaving V86 mode. */
void v86_deliver(struct cpu *cpu, const struct cpu_event *event);

#endif
