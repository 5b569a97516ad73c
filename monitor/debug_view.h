/*
 * How the monitor speaks of stops and breakpoints: where a CPU stands, why the machine stopped, what a point is
 * about.
 */
#ifndef MONITOR_DEBUG_VIEW_H
#define MONITOR_DEBUG_VIEW_H

#include "accel/debug.h"
#include "monitor/command.h"

/* 16, 32 or 64: what CS makes of code. */
unsigned debug_view_code_bits(const struct x86_state *state);

/* Appends the instruction at which the monitor's CPU stands. VCPUs parked. */
void debug_view_where(const struct monitor_env *env, struct monitor_settings *settings, GString *out);

/* Appends why the machine stopped and where; the monitor's CPU becomes the one that stopped. Machine paused. */
void debug_view_stop(const struct monitor_env *env, struct monitor_settings *settings, GString *out);

/* The vector of an exception's name ("#PF"); -1 if it is none. */
int debug_view_vector(const char *name);

/* Appends a point's kind and place, as in the list of breakpoints: "watch   0x1000, 4 bytes, write". */
void debug_view_point(const struct breakpoint *point, GString *out);

/* A condition made of an expression: registers and memory of the CPU that met the point, symbols. The text is copied;
 * debug_condition_free() is the matching free function. */
struct debug_condition *debug_condition_create(const struct monitor_env *env, const char *text);
void debug_condition_free(void *condition);
bool debug_condition_holds(void *condition, unsigned cpu, const struct x86_state *state);
const char *debug_condition_text(const struct debug_condition *condition);

#endif
