/*
 * Model-specific registers of the canonical state that KVM may hold.
 */
#ifndef ACCEL_KVM_KVM_MSR_H
#define ACCEL_KVM_KVM_MSR_H

#include <stdbool.h>
#include <stdint.h>

#include "accel/x86_state.h"

struct kvm_cpu;

#define KVM_MSR_MAX 48

/* Those of our list that this KVM can be read and written. */
struct kvm_msr_set {
    unsigned count;
    uint32_t index[KVM_MSR_MAX];
    uint16_t offset[KVM_MSR_MAX]; /* of the value in struct x86_state */
};

/* Tries each on a new VCPU. */
void kvm_msr_list_init(struct kvm_msr_set *list, struct kvm_cpu *c);
/* One by one, since KVM_SET_MSRS stops at the first that it refuses; only those that changed. 0 or negative errno:
 * a value was refused. */
int kvm_msr_put(struct kvm_cpu *c, const struct x86_state *state);
int kvm_msr_get(struct kvm_cpu *c, struct x86_state *state);

/* The TSC: see docs/kvm.md. */
uint64_t kvm_tsc_get(struct kvm_cpu *c);
int kvm_tsc_put(struct kvm_cpu *c, uint64_t tsc);

/* One MSR of the VCPU. 0, or a negative errno (-ENOENT, -EINVAL: KVM does not have it, or not this value). */
int kvm_msr_read(struct kvm_cpu *c, uint32_t index, uint64_t *value);
int kvm_msr_write(struct kvm_cpu *c, uint32_t index, uint64_t value);

#endif
