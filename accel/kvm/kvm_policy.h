/*
 * Which modes of the CPU run on KVM, which on the interpreter.
 *
 * On VT and SVM everything runs on KVM unless the user says otherwise. On a KVM that emulates (PVM): 32-bit paging and
 * V86 mode do not exist there, and 64-bit user code is wrong in ways that we cannot see, so these are interpreted.
 * So are A20 off, a moved APIC, armed debug registers and XSAVE's extended state.
 *
 * What such a KVM can run at all it runs *guarded*, in protected and long mode: with an IDT limit of 0 in place of the
 * guest's, so that every exception, right or wrong, is a KVM_EXIT_SHUTDOWN with RIP at the instruction; the
 * interpreter then executes it and finds the truth. And LSTAR holds an address where nothing is mapped, so that
 * SYSCALL, which stays at CPL 3 there, is recognised.
 */
#ifndef ACCEL_KVM_KVM_POLICY_H
#define ACCEL_KVM_KVM_POLICY_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "accel/x86_state.h"

struct cpu;
struct kvm_limits;

/* Canonical, as WRMSR wants it, and where kernels have nothing (Linux: its guard hole). */
#define KVM_LSTAR_POISON 0xffff80005a5ff000ull

enum kvm_mode { KVM_MODE_FIRMWARE, KVM_MODE_REAL, KVM_MODE_PROT, KVM_MODE_PAGED, KVM_MODE_V86, KVM_MODE_LONG,
                KVM_MODE_USER64, KVM_MODE_COUNT };

struct kvm_policy {
    bool interp[KVM_MODE_COUNT]; /* this mode is interpreted */
    bool guard;
    bool debugging; /* there are breakpoints */
    bool user_seen; /* guarded: 64-bit user code has run since the reset: long mode is interpreted; atomic */
};

void kvm_policy_init(struct kvm_policy *policy, const struct kvm_limits *limits);
/* "firmware=interp,real=kvm": on top of what is. */
bool kvm_policy_parse(struct kvm_policy *policy, const char *text, GError **error);
/* Must the CPU be interpreted in its present state? In *why, a short word. */
bool kvm_policy_interpret(struct kvm_policy *policy, const struct cpu *cpu, const char **why);
/* The mode of a state, firmware not told apart. */
enum kvm_mode kvm_mode_of(uint64_t cr0, uint64_t rflags, uint64_t efer, uint32_t cs_attr, unsigned cpl);
/* With a guard: is the CPU in protected mode with the real-mode table still, or again? Firmware and boot loaders save that
 * one by SIDT in such moments, or leave for real mode with it, so the guard must not get in between: to be interpreted. */
bool kvm_policy_between(const struct kvm_policy *policy, uint64_t cr0, const struct x86_table *idtr);
/* Shall KVM run this state guarded? */
bool kvm_policy_guard(const struct kvm_policy *policy, const struct x86_state *state);

#endif
