/*
 * Debugging whatever engine runs: the machine's breakpoints, single steps, and why it stopped.
 *
 * A stop ends in run state RUN_STATE_DEBUG ("paused (debug)"); listeners (machine_on_state) then ask
 * accel_debug_stop(). All of this is for the main thread.
 */
#ifndef ACCEL_DEBUG_H
#define ACCEL_DEBUG_H

#include "accel/accel.h"
#include "accel/breakpoint.h"

/* To read the set; the CPUs parked or the machine paused. */
const struct breakpoints *accel_breakpoints(const struct accel *accel);
/* Parks the CPUs, if they run, for a change of the set; done: lets them go on. */
struct breakpoints *accel_breakpoints_edit(struct accel *accel);
void accel_breakpoints_done(struct accel *accel);

/* Why the machine came to stand last; valid in RUN_STATE_DEBUG. */
const struct break_stop *accel_debug_stop(const struct accel *accel);

#define STEP_NO_IRQ 2u   /* no interrupt comes in */
#define STEP_NO_TIMER 4u /* the guest's clock stands */
/* Machine paused: executes one instruction of a CPU, or one iteration of a repeated string instruction; the others
 * stand still. VCPU_DEBUG: done, and accel_debug_stop() says whether more than the step happened; VCPU_HALTED: the
 * CPU waits for an interrupt and did nothing; VCPU_SHUTDOWN: triple fault. The run state is left as it is. */
enum vcpu_exit accel_debug_step(struct accel *accel, unsigned cpu, unsigned flags);

/* Which CPUs stand still when the machine runs: bit n for CPU n. Machine paused; forgotten at the next stop. */
void accel_freeze(struct accel *accel, uint64_t cpus);

#endif
