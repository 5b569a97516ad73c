/*
 * -accel check: the interpreter runs the machine, and KVM runs the same instructions beside it from the same state.
 * At the first difference the machine stops, and both states are shown. Theory in check.c.
 */
#ifndef ACCEL_KVM_CHECK_H
#define ACCEL_KVM_CHECK_H

#include <glib.h>

#include "accel/accel.h"

extern const struct accel_ops accel_check_ops;

/* How much was compared, and what was not and why; the difference, if one was found. Any thread. */
void check_report(void *engine, GString *out);
/* True if one was found. */
bool check_found(void *engine);
/* One step of vcpu_run(). */
enum vcpu_exit check_single_step(void *engine, unsigned cpu);

#endif
