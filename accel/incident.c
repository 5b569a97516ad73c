/*
 * What ends a guest's run against its will: a triple fault, a reset, a halt for good. The state of the CPU and its black box
 * are kept, and -action says whether the machine stops there so that they can be looked at.
 */
#include <string.h>

#include "accel/accel_impl.h"

const struct incident *accel_incident(const struct accel *accel)
{
    return &accel->incident;
}

void accel_set_actions(struct accel *accel, const struct accel_actions *actions)
{
    accel->actions = *actions;
}

const struct blackbox *accel_blackbox(struct accel *accel, unsigned cpu)
{
    const struct accel_engine *engine = accel_now(accel);
    const struct blackbox *box = engine->ops->blackbox != NULL ? engine->ops->blackbox(engine->engine, cpu) : NULL;
    return box != NULL ? box : accel->interp.ops->blackbox(accel->interp.engine, cpu);
}

static void keep(struct accel *accel, enum incident_kind kind, unsigned cpu)
{
    struct incident *incident = &accel->incident;
    incident->kind = kind;
    incident->cpu = cpu;
    accel->now->ops->state_get(accel->now->engine, cpu, &incident->state);
    incident->box = *accel_blackbox(accel, cpu);
}

/* True if the request was made. */
static bool act(struct accel *accel, enum accel_action action, enum run_state why)
{
    if (action == ACTION_PAUSE) {
        accel->machine->pause_why = why;
        machine_request(accel->machine, REQUEST_PAUSE);
    } else if (action == ACTION_POWER_OFF) {
        machine_request(accel->machine, REQUEST_POWEROFF);
    }
    return action != ACTION_GO_ON;
}

bool incident_triple_fault(struct accel *accel, unsigned cpu)
{
    keep(accel, INCIDENT_TRIPLE_FAULT, cpu);
    return act(accel, accel->actions.triple_fault, RUN_STATE_GUEST_PANICKED);
}

bool incident_halted(struct accel *accel)
{
    if (accel->actions.halt == ACTION_GO_ON) {
        return false;
    }
    struct x86_state state;
    for (unsigned i = 0; i < accel->cpus; i++) {
        accel->now->ops->state_get(accel->now->engine, i, &state);
        if (state.activity == X86_HALTED && state.rflags & FLAG_IF) {
            return false;
        }
    }
    keep(accel, INCIDENT_HALT, 0);
    return act(accel, accel->actions.halt, RUN_STATE_GUEST_PANICKED);
}

/* The CPU is in the middle of its instruction: its state is looked at when it has come to a stop. */
bool incident_reset(void *arg)
{
    struct accel *accel = arg;
    if (accel->actions.reboot != ACTION_PAUSE) {
        return act(accel, accel->actions.reboot, RUN_STATE_PAUSED);
    }
    accel->incident.kind = INCIDENT_RESET;
    return act(accel, ACTION_PAUSE, RUN_STATE_PAUSED);
}
