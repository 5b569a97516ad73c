/*
 * When a CPU of the KVM engine is interpreted: because KVM gave up or went astray (a rescue), because its mode is not
 * KVM's, or because KVM is so slow here that it gets only a share of the time.
 *
 * A turn of the interpreter is long, since handing the state over costs as much as thousands of instructions. After a
 * rescue it begins with KVM_STRETCH instructions; rescues that come again and again from the same page double that.
 * On a KVM that emulates (limits.emulated) a turn also lasts a multiple of the time that KVM had before.
 */
#ifndef ACCEL_KVM_KVM_RESCUE_H
#define ACCEL_KVM_KVM_RESCUE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "accel/accel.h"

struct kvm_cpu;
struct kvm_engine;
struct kvm_rescues;

enum kvm_reason {
    KVM_REASON_EMULATION, /* KVM_EXIT_INTERNAL_ERROR */
    KVM_REASON_SHUTDOWN,  /* a triple fault, or an event of a guarded CPU */
    KVM_REASON_ENTRY,     /* failed entry, KVM_RUN failed, state refused */
    KVM_REASON_UNKNOWN,   /* an exit that should not be */
    KVM_REASON_SPIN,      /* on one RIP without an exit */
    KVM_REASON_LATE,      /* an interrupt waits for a window that KVM may not see */
    KVM_REASON_RESCUES,   /* how many of the above; the others are policy */
    KVM_REASON_INTERRUPT = KVM_REASON_RESCUES, /* a guarded CPU takes its interrupts here */
    KVM_REASON_MODE,
    KVM_REASON_SHARE,
    KVM_REASON_COUNT
};

#define KVM_SHARE_NS 5000000u  /* time on a KVM that emulates before the interpreter has its share */
#define KVM_SHARE_FIRST_NS 100000000u /* ... until the first rescue since the reset: it may be better than thought */
#define KVM_WATCH_NS 5000000u  /* the watchdog's interval */

struct kvm_turn {
    enum kvm_reason reason;
    uint64_t left;         /* instructions that the present turn shall last at least */
    uint64_t until;        /* host time in ns likewise */
    uint64_t share;        /* ns on KVM before the interpreter has its share, if limits.emulated */
    uint64_t native_since; /* when KVM got the CPU, ns */
    bool patient; /* an interrupt waits, and a whole turn of the interpreter found no window for it */
    uint64_t exits, probe_exits, probe_rip; /* for the watchdog */
    struct kvm_rescue *rescue; /* that the present turn serves; NULL: policy */
};

struct kvm_rescues *kvm_rescues_create(void);
void kvm_rescues_destroy(struct kvm_rescues *rescues);
void kvm_rescues_print(struct kvm_rescues *rescues, GString *out);

/* KVM stopped for turn.reason: takes the state and sets how long the turn shall be. No share held. */
void kvm_turn_begin(struct kvm_cpu *c);
/* After a reset: what sets up tables and changes modes is better done by the interpreter. */
void kvm_turn_reset(struct kvm_cpu *c);
/* INIT or a start-up message: the same. */
void kvm_turn_start_up(struct kvm_cpu *c);
/* Shall the CPU, whose state the interpreter has, stay there? */
bool kvm_turn_lasts(struct kvm_cpu *c);
/* May a CPU that waits (halted, or for a start-up message) go to KVM with the others of its gang? */
bool kvm_turn_idle(struct kvm_cpu *c);
/* Runs a slice of a turn. */
enum vcpu_exit kvm_turn_run(struct kvm_cpu *c);

uint64_t kvm_now(struct kvm_engine *e); /* host time, ns */

#endif
