/* See the header. */
#include "accel/debug.h"

#include "accel/accel_impl.h"

const struct breakpoints *accel_breakpoints(const struct accel *accel)
{
    return accel->breakpoints;
}

/* Tells the engine of changes that it does not know yet: before the CPUs run, or a single step. Parked. */
static void plant(struct accel *accel, bool runs)
{
    struct breakpoints *set = accel->breakpoints;
    if (set->changed || (runs && !set->runs)) {
        breakpoints_update(set);
        set->runs = runs;
        if (accel->now->ops->breakpoints_changed != NULL) {
            accel->now->ops->breakpoints_changed(accel->now->engine, accel->breakpoints);
        }
    }
}

struct breakpoints *accel_breakpoints_edit(struct accel *accel)
{
    if (accel->machine->run_state == RUN_STATE_RUNNING) {
        vcpu_park(accel);
    }
    return accel->breakpoints;
}

void accel_breakpoints_done(struct accel *accel)
{
    /* While the machine is paused, changes are kept until it goes on: debuggers take all points away at each stop. */
    if (accel->machine->run_state == RUN_STATE_RUNNING) {
        plant(accel, true);
        vcpu_resume(accel);
    }
}

const struct break_stop *accel_debug_stop(const struct accel *accel)
{
    return &accel->breakpoints->stop;
}

bool debug_accept(struct accel *accel, unsigned cpu)
{
    struct x86_state state;
    if (!accel->breakpoints->has_pending[cpu]) {
        return false;
    }
    lock_acquire(&accel->machine->lock); /* pins may change */
    accel->now->ops->state_get(accel->now->engine, cpu, &state);
    lock_release(&accel->machine->lock);
    return breakpoints_accept(accel->breakpoints, cpu, &state);
}

static enum vcpu_exit step(struct accel *accel, unsigned cpu, unsigned flags)
{
    const struct accel_ops *ops = accel->now->ops;
    struct machine *machine = accel->machine;
    bool hold = (flags & STEP_NO_IRQ) != 0 && ops->hold_interrupts != NULL;
    if ((flags & STEP_NO_TIMER) == 0) {
        clock_start(machine->guest_clock);
    }
    machine_poll(machine);
    if (hold) {
        ops->hold_interrupts(accel->now->engine, cpu, true);
    }
    enum vcpu_exit why = ops->halted(accel->now->engine, cpu) && hold ? VCPU_HALTED : ops->vcpu_step(accel->now->engine, cpu);
    if (hold) {
        ops->hold_interrupts(accel->now->engine, cpu, false);
    }
    if ((flags & STEP_NO_TIMER) == 0) {
        clock_stop(machine->guest_clock);
    }
    return why;
}

enum vcpu_exit accel_debug_step(struct accel *accel, unsigned cpu, unsigned flags)
{
    struct break_stop *stop = &accel->breakpoints->stop;
    plant(accel, false);
    enum vcpu_exit why = step(accel, cpu, flags);
    if (!debug_accept(accel, cpu)) {
        *stop = (struct break_stop){ .why = BREAK_STOP_STEP, .cpu = cpu };
    }
    if (accel->now->ops->breakpoints_pass != NULL) {
        accel->now->ops->breakpoints_pass(accel->now->engine);
    }
    return why;
}

void accel_freeze(struct accel *accel, uint64_t cpus)
{
    accel->frozen = cpus;
}

/* The first of the listeners: the others find everything settled. */
static void on_state(void *arg, struct machine *machine, enum run_state state)
{
    struct accel *accel = arg;
    if (state == RUN_STATE_RUNNING) {
        accel->breakpoints->stop.why = BREAK_STOP_NONE;
        plant(accel, true);
        return;
    }
    struct break_stop *stop = &accel->breakpoints->stop;
    bool returns = stop->why == BREAK_STOP_POINT && stop->kind == BREAK_RETURN && stop->hidden;
    accel->frozen = 0;
    /* Whatever stopped the machine, commands that let it run are over. */
    breakpoints_purge(accel->breakpoints);
    breakpoints_remove_all(accel->breakpoints, BREAK_OWNER_MONITOR, true);
    if (accel->now->ops->breakpoints_pass != NULL) {
        accel->now->ops->breakpoints_pass(accel->now->engine);
    }
    if (returns) {
        accel_debug_step(accel, stop->cpu, STEP_NO_IRQ | STEP_NO_TIMER);
    }
}

void debug_start(struct accel *accel)
{
    accel->breakpoints = breakpoints_create(accel->cpus);
    machine_on_state(accel->machine, on_state, accel);
}

void debug_stop(struct accel *accel)
{
    machine_off_state(accel->machine, on_state, accel);
}
