/*
 * Inside the KVM engine. One struct kvm_cpu stands beside each of the interpreter's CPUs; at any moment one of the two
 * holds the CPU's registers (`native`). Pins and messages always arrive at the interpreter's CPU, whose attention word
 * both look at.
 *
 * kvm.c         the engine's table of functions
 * kvm_open.c    opening and closing: device, VM, VCPUs, capabilities
 * kvm_cpuid.c   what the guest's CPUID says on KVM
 * kvm_memory.c  slots from the bus's flat view, dirty log
 * kvm_regs.c    registers from and to the canonical state; kvm_fpu.c, kvm_msr.c the same for their part
 * kvm_run.c     running on KVM: kicks, interrupts, the loop; kvm_exit.c ports, memory, MSRs
 * kvm_rescue.c  running on the interpreter: when, for how long, and the list for `info rescue`
 * kvm_policy.c  which modes run where
 * kvm_world.c   who may run at the same time
 * kvm_irqchip.c interrupt chips in the kernel, kvm_irqchip_regs.c their registers
 */
#ifndef ACCEL_KVM_KVM_IMPL_H
#define ACCEL_KVM_KVM_IMPL_H

#include <glib.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "accel/accel.h"
#include "accel/interp/interp.h"
#include "accel/interp/interrupt.h"
#include "accel/kvm/kvm_engine.h"
#include "accel/kvm/kvm_irqchip.h"
#include "accel/kvm/kvm_memory.h"
#include "accel/kvm/kvm_msr.h"
#include "accel/kvm/kvm_policy.h"
#include "accel/kvm/kvm_rescue.h"
#include "accel/kvm/kvm_sys.h"
#include "accel/kvm/kvm_world.h"
#include "core/machine.h"

/* What this KVM offers (KVM_CHECK_EXTENSION). */
struct kvm_caps {
    bool sync_regs;   /* registers, system registers and events in the run area */
    bool xsave, xcrs, debugregs;
    bool msr_exits;   /* MSR accesses can be sent to us */
    bool readonly_mem;
    int coalesced;    /* page of the ring of coalesced MMIO, 0 = none */
};

struct kvm_cpu {
    struct kvm_engine *engine;
    struct cpu *cpu; /* the interpreter's; not owned */
    unsigned index;
    int fd;
    struct kvm_run *run; /* mapped; also written by kickers (immediate_exit, atomic) */

    bool native;     /* KVM holds the registers */
    bool ran;        /* ... and has run since they were put there */
    bool io_pending; /* the last exit's access must be completed by KVM_RUN before registers are right */
    bool irq_ready;  /* an interrupt can be injected */
    bool guarded;    /* KVM's IDT limit is 0, and LSTAR is poison: every event comes out as a shutdown (policy.h) */
    bool died;       /* the last exit was KVM_EXIT_SHUTDOWN */
    bool idle;       /* chips in the kernel: it waited there when the watchdog looked last; atomic */
    bool alarmed;    /* chips in the kernel: the CPU's first instruction comes out as KVM_EXIT_DEBUG */
    uint32_t initial_count; /* of the local APIC's timer that had come to its end when KVM got it */
    struct x86_state base; /* what was put last: fields that KVM does not hold stay as they are here */
    uint64_t msr_known[KVM_MSR_MAX]; /* values that KVM holds, by the engine's list */
    bool msr_fresh;  /* msr_known is what KVM holds as far as we know */

    bool in_run;       /* atomic: in, or about to enter, KVM_RUN; a kicker must send the signal */
    pthread_t thread;  /* valid while in_run */
    bool probe;        /* atomic: the watchdog wants to know where the CPU is */
    uint64_t watched;  /* when it asked last, ns; machine thread */

    struct kvm_turn turn; /* kvm_rescue.c */
};

struct kvm_engine {
    struct machine *machine;
    struct x86_cpuid *cpuid;
    void *interp; /* the interpreter's engine */
    unsigned count;
    struct kvm_sys sys;
    struct kvm_limits limits;
    bool shadow; /* for the cross-check (check.c): KVM must not store to memory */
    struct kvm_caps caps;
    int device, vm; /* file descriptors, -1 = not open */
    size_t run_size;
    struct kvm_cpu *cpus; /* owned */
    struct kvm_memory *memory;
    struct kvm_world world;
    struct kvm_msr_set msrs;
    struct kvm_policy policy;
    struct kvm_rescues *rescues;
    struct kvm_chips irqchip;
    void (*wake)(void *arg, unsigned cpu); /* as accel_open's */
    void *wake_arg;
    bool ran; /* a CPU has run on KVM since decoded code was dropped; atomic */
};

/* The interrupt chips are the kernel's when CPUs run on KVM (kvm_irqchip.h). */
static inline bool kvm_has_chips(const struct kvm_engine *e)
{
    return e->irqchip.kind != ACCEL_IRQCHIP_OFF;
}

/* ---- kvm.c ---- */

/* Before the interpreter runs: decoded code that KVM has changed goes. The world is ours, or all CPUs are parked. */
void kvm_code_settle(struct kvm_engine *e);

/* ---- kvm_open.c ---- */

void kvm_engine_close(void *engine);

static inline int kvm_cpu_ioctl(struct kvm_cpu *c, unsigned long request, void *data)
{
    return kvm_sys_ioctl_ptr(&c->engine->sys, c->fd, request, data);
}

/* ---- kvm_cpuid.c ---- */

/* Takes out of cpuid what this KVM cannot do. False if it does not say what it can. */
bool kvm_cpuid_mask(struct kvm_engine *e, struct x86_cpuid *cpuid);
/* Gives the VCPU its table. 0 or negative errno. */
int kvm_cpuid_set(struct kvm_cpu *c);

/* ---- kvm_regs.c ---- */

/* Brings the state from the interpreter's CPU into KVM. 0, or a negative errno if KVM does not take it (the
 * interpreter's CPU keeps it). The world is shared or ours. */
int kvm_give(struct kvm_cpu *c);
/* Brings the state from KVM into the interpreter's CPU, if KVM has it: completes a pending access, and delivers an
 * event that KVM had taken but not delivered. shutdown: KVM stopped with KVM_EXIT_SHUTDOWN, and the event is what it
 * died of, so the instruction is to be executed again. The world is ours. */
void kvm_take(struct kvm_cpu *c, bool shutdown);

/* A guarded CPU has acknowledged an interrupt of the kernel's chips and could not take it. */
bool kvm_interrupt_lost(const struct kvm_cpu *c);

/* Completes a pending access by entering KVM, if there is one. The CPU is not in KVM, the machine lock not held. */
void kvm_io_complete(struct kvm_cpu *c);

/* The two halves, for tests. *event.kind is meaningful if *has_event. */
int kvm_state_put(struct kvm_cpu *c, const struct x86_state *state);
int kvm_state_get(struct kvm_cpu *c, struct x86_state *state, struct cpu_event *event, bool *has_event);
/* What is in run->s.regs, after kvm_regs_sync(). */
void kvm_registers_get(const struct kvm_cpu *c, struct x86_state *state);
/* Fetches run->s.regs.{regs,sregs,events} if the last KVM_RUN did not. */
int kvm_regs_sync(struct kvm_cpu *c);
/* Puts back run->s.regs.sregs. */
int kvm_sregs_put(struct kvm_cpu *c);

/* Puts back run->s.regs.events, but not an NMI that may have come meanwhile. */
int kvm_events_put(struct kvm_cpu *c);

/* ---- kvm_fpu.c ---- */

int kvm_fpu_put(struct kvm_cpu *c, const struct x86_state *state);
int kvm_fpu_get(struct kvm_cpu *c, struct x86_state *state);
int kvm_debug_put(struct kvm_cpu *c, const struct x86_state *state);
int kvm_debug_get(struct kvm_cpu *c, struct x86_state *state);

/* ---- kvm_run.c ---- */

/* Runs on KVM until there is something else to do; why is in *why if it is for the caller, else go on (true). The
 * world is shared. */
enum native_exit { NATIVE_LEAVE /* look at attention */, NATIVE_HALTED, NATIVE_RESCUE /* turn.reason says why */ };
enum native_exit kvm_native_run(struct kvm_cpu *c);
/* Lets KVM do what it does at each entry, without running the guest. The CPU is not in KVM. */
void kvm_enter_and_leave(struct kvm_cpu *c);
/* Makes a CPU leave KVM soon. Any thread. */
void kvm_cpu_kick(struct kvm_cpu *c);
void kvm_kick_all(void *engine);
/* Once for the process: the signal that interrupts KVM_RUN. */
void kvm_signal_init(void);

/* ---- kvm_exit.c ---- */

/* Carry out what the exit asks for. Machine lock not held. */
void kvm_exit_io(struct kvm_cpu *c);
void kvm_exit_mmio(struct kvm_cpu *c);
void kvm_exit_msr(struct kvm_cpu *c, bool write);
/* What other exits have collected (coalesced MMIO). */
void kvm_coalesced_flush(struct kvm_engine *e);
/* TPR and APIC base as the guest may have changed them. */
void kvm_exit_apic(struct kvm_cpu *c);

#endif
