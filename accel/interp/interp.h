/*
 * The interpreter as the engine sees it: CPUs that run instructions. accel/interp/engine.c makes the machine's
 * engine of it (threads, parking, lines).
 */
#ifndef ACCEL_INTERP_INTERP_H
#define ACCEL_INTERP_INTERP_H

#include "accel/accel.h"
#include "accel/interp/cpu.h"

/* A CPU in power-on state. machine may be NULL in tests: no clocks, no events then. cpuid and traces must
 * outlive it. */
struct cpu *interp_cpu_create(struct machine *machine, const struct x86_cpuid *cpuid,
                              struct trace_cache *traces, unsigned index);
void interp_cpu_destroy(struct cpu *cpu);

/* Power-on reset or INIT. Parked, or from the CPU's own thread outside traces. */
void interp_cpu_reset(struct cpu *cpu, bool init);

/* Runs at least one and about max_instructions instructions (0 = no limit), or until something is to be done:
 * VCPU_KICKED after CPU_ATTENTION_KICK or at the limit, VCPU_HALTED when there is nothing to do before an
 * interrupt, VCPU_SHUTDOWN after a triple fault. Runs due timers and posted events (machine_poll) on its way.
 * The machine lock is not held. */
enum vcpu_exit interp_run(struct cpu *cpu, uint64_t max_instructions);
/* Delivers an event that another engine had taken for the CPU; it may end in another one, or a shutdown. Outside
 * interp_run(). */
struct cpu_event;
void interp_deliver(struct cpu *cpu, const struct cpu_event *event);
/* Exactly one instruction (an iteration of a repeated string instruction counts as one), or the delivery of
 * one interrupt. */
enum vcpu_exit interp_step(struct cpu *cpu);

/* Instructions retired so far; insn = NULL outside traces. */
uint64_t interp_instructions(const struct cpu *cpu, const struct insn *insn);

/* A CPU of the interpreter's engine object, for an engine that falls back on it. */
struct cpu *interp_engine_cpu(void *engine, unsigned cpu);
/* Drops all decoded code: somebody stored to memory without telling. No CPU is running. */
void interp_engine_forget(void *engine);

/* Sets or clears attention bits; any thread. */
void cpu_attention_set(struct cpu *cpu, uint32_t bits);
void cpu_attention_clear(struct cpu *cpu, uint32_t bits);

/* Outside traces: delivers what is pending (interrupt.c). False if the run loop must be left. */
bool cpu_handle_attention(struct cpu *cpu);

#endif
