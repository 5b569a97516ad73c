/*
 * The KVM engine as the rest of accel/ and the monitor see it, beside its accel_ops.
 */
#ifndef ACCEL_KVM_KVM_ENGINE_H
#define ACCEL_KVM_KVM_ENGINE_H

#include <glib.h>
#include <stdbool.h>

#include "accel/accel.h"
#include "accel/kvm/kvm_sys.h"

/* As accel_ops.open, on another kernel than the host's (tests). */
void *kvm_engine_open(const struct accel_open *open, const struct kvm_sys *sys, GError **error);
/* Hands all CPUs to the interpreter's engine, which then may run them by itself. Parked. */
void kvm_engine_leave(void *engine);
/* `info rescue`. Any thread. */
void kvm_engine_rescues(void *engine, GString *out);
/* `-accel-policy firmware=interp,real=interp`. Parked. */
bool kvm_engine_policy(void *engine, const char *text, GError **error);

#endif
