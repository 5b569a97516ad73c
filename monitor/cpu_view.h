/*
 * What commands see of the CPUs: registers by name, memory through a CPU's page tables. The VCPUs
 * are parked meanwhile. Without an accelerator (tests) there are no CPUs, and all of this says so
 * by an error.
 */
#ifndef MONITOR_CPU_VIEW_H
#define MONITOR_CPU_VIEW_H

#include "accel/x86_state.h"
#include "monitor/command.h"

/* Parks the VCPUs if they run, and lets them go on. Not nested. Main thread, machine lock not held.
 */
void cpu_view_park(const struct monitor_env *env);
void cpu_view_unpark(const struct monitor_env *env);

/* The state of the monitor's CPU (call->settings->cpu). False and error if there is no CPU. */
bool cpu_view_state(struct command_call *call, struct x86_state *state, GError **error);

/* A register by its name in lower case, without '$'; false if there is none. */
bool cpu_view_register(const struct x86_state *state, const char *name, uint64_t *value);
/* Calls fn for each name that cpu_view_register() knows. */
void cpu_view_each_register(void (*fn)(void *arg, const char *name), void *arg);

/* Sets a register; of a segment in real and virtual-8086 mode the base follows the selector. False if there is none of
 * this name. */
bool cpu_view_set_register(struct x86_state *state, const char *name, uint64_t value);

/* expr_parse() with the registers of the monitor's CPU. */
bool cpu_view_expression(struct command_call *call, const char **text, uint64_t *value,
                         GError **error);

/* Reads memory at a linear address, through device registers too if io. Returns how many bytes were
 * read before the first page that is not mapped. VCPUs parked. */
size_t cpu_view_read(struct command_call *call, uint64_t linear, void *data, size_t size, bool io);

#endif
