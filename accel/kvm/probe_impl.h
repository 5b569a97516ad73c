/*
 * Between the decision (probe.c) and the throw-away VM (probe_guest.c).
 */
#ifndef ACCEL_KVM_PROBE_IMPL_H
#define ACCEL_KVM_PROBE_IMPL_H

#include "accel/kvm/probe.h"

#define PROBE_ROUNDS 20000u /* what loop_ns is the time for */

/* Makes a VM through the opened device and measures. `deadline`: when it has to be over, by the table's clock.
 * False if no VM could be made: *what is the step that failed and the result its negative errno. */
bool kvm_probe_guest(struct kvm_probe *probe, const struct kvm_sys *sys, int device, uint64_t deadline,
                     const char **what, int *error);

/* The device may not be opened by `user` (NULL: root): fills class, reason and remedy from probe->owner. */
void kvm_probe_no_permission(struct kvm_probe *probe, const char *user);

#endif
