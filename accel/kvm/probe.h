/*
 * What KVM is worth on this host. A capability bit says what the kernel's interface has, not what runs, so the
 * probe measures: it makes a VM of one CPU and three pages, and throws it away. It takes at most 20 ms.
 *
 * The class decides for `-accel auto`: only KVM_CLASS_FULL is better than the interpreter. A forced KVM works in
 * KVM_CLASS_LIMITED too, with the interpreter taking over what it cannot run. The others cannot be used at all.
 */
#ifndef ACCEL_KVM_PROBE_H
#define ACCEL_KVM_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "accel/kvm/kvm_sys.h"

#define KVM_PROBE_BUDGET_NS 20000000ull

enum kvm_class {
    KVM_CLASS_NONE,          /* no device, or nothing behind it */
    KVM_CLASS_NO_PERMISSION, /* we may not open it */
    KVM_CLASS_OLD_API,       /* not version 12 */
    KVM_CLASS_LACKING,       /* a capability that the engine needs is absent, or no VM can be made */
    KVM_CLASS_LIMITED,       /* runs, but slowly and with holes (PVM) */
    KVM_CLASS_FULL,          /* VT or SVM as it should be */
};

struct kvm_probe {
    enum kvm_class class;
    char reason[120];        /* a clause: "KVM here is PVM" */
    char remedy[240];        /* what a person could do about it; empty if nothing */
    struct kvm_limits limits;
    int api_version;         /* 0: not asked */
    const char *cpu_feature; /* "vmx", "svm", or NULL: /proc/cpuinfo has neither */
    struct kvm_sys_owner owner; /* of the device, if it is there */
    bool device;             /* it is there */
    /* Measured, from KVM_CLASS_LIMITED up. */
    bool loop_done, x87_done, stats_done;
    uint64_t loop_ns;        /* 20,000 rounds of DEC, JNZ in protected mode */
    uint64_t emulated;       /* instructions that the kernel says it emulated meanwhile */
    uint64_t elapsed_ns;     /* of the whole probe */
};

/* Fills `probe`; never fails. Main thread: a signal ends a KVM_RUN that takes too long. */
void kvm_probe(struct kvm_probe *probe, const struct kvm_sys *sys);

/* True if a VM can be run at all: LIMITED or FULL. */
bool kvm_probe_usable(const struct kvm_probe *probe);
/* "none", "no permission" ... */
const char *kvm_class_name(enum kvm_class class);

#endif
