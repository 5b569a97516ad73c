/*
 * A kernel for tests of what looks at KVM: a table for accel/kvm/kvm_sys.h with a device whose answers and speed
 * the test sets. It runs no code; it knows the probe's two pieces of code by their first bytes, and its clock
 * moves by what they would cost.
 */
#ifndef TESTS_SUPPORT_FAKE_KVM_H
#define TESTS_SUPPORT_FAKE_KVM_H

#include <glib.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#include "accel/kvm/kvm_sys.h"

struct fake_kvm {
    struct kvm_sys sys; /* what the code under test gets */

    /* The host; set by the test after fake_kvm_vt() or fake_kvm_pvm(). */
    const char *cpuinfo;        /* NULL: cannot be read */
    bool device;                /* the device file is there */
    struct kvm_sys_owner owner; /* ... and belongs to these */
    int open_error;             /* 0, or the errno of opening it */
    int api_version;
    int lacking;                /* a capability that is not there, -1 = none */
    int vm_error, cpu_error;    /* 0, or the errno of making a VM, a VCPU */
    bool no_map, no_memory;     /* mmap fails */
    bool paging32;              /* CR0.PG without EFER.LME sticks */
    bool x87;                   /* FLD1 runs; else an internal error */
    bool stats;                 /* there is a statistics descriptor */
    bool hang;                  /* KVM_RUN never gets anywhere, until the host's immediate_exit */
    bool wild;                  /* KVM_RUN ends in a triple fault at once */
    uint64_t round_ns;          /* one DEC, JNZ */
    unsigned slow_pieces;       /* the host was busy with others during so many pieces of the loop */

    /* What happened. */
    uint64_t now;
    unsigned open_files, maps; /* 0 again in the end: nothing leaked */
    unsigned vms, runs;
    uint64_t emulated;
    bool emulates; /* round_ns stands for a kernel that emulates, and counts it */

    struct kvm_regs regs;
    struct kvm_sregs sregs;
    struct kvm_userspace_memory_region slot;
    struct kvm_run *run;

    /* Memory slots by number, size 0 = none; the test says what is dirty: bitmaps by slot (NULL: clean), cleared when
     * they were fetched. */
#define FAKE_SLOTS 32
    struct kvm_userspace_memory_region slots[FAKE_SLOTS];
    uint64_t *dirty[FAKE_SLOTS];
    unsigned slot_changes, log_fetches;
    int log_error; /* 0, or the errno of fetching a log */
    const struct kvm_cpuid_entry2 *supported; /* KVM_GET_SUPPORTED_CPUID; NULL: fails */
    unsigned supported_count;
};

/* A host with VT-x, and one with PVM as docs/kvm.md describes it. */
void fake_kvm_vt(struct fake_kvm *fake);
void fake_kvm_pvm(struct fake_kvm *fake);
/* Nothing is open or mapped any more. */
void fake_kvm_assert_clean(const struct fake_kvm *fake);

#endif
