/*
 * Engines. An engine runs VCPUs; I/O is not a return reason: it calls the bus. accel_create() chooses one,
 * explains the choice, creates the VCPUs and attaches them to the machine (machine->cpus).
 */
#ifndef ACCEL_ACCEL_H
#define ACCEL_ACCEL_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "accel/x86_cpuid.h"
#include "accel/blackbox.h"
#include "accel/x86_state.h"

struct machine;
struct accel;
struct kvm_limits;
struct accel_choice;
struct breakpoints;

/* Why vcpu_run came back. */
enum vcpu_exit { VCPU_KICKED, VCPU_HALTED, VCPU_SHUTDOWN /* triple fault */, VCPU_DEBUG, VCPU_ERROR };

/* Where the interrupt chips are while KVM runs the CPUs: -machine kernel_irqchip. */
enum accel_irqchip { ACCEL_IRQCHIP_OFF, ACCEL_IRQCHIP_SPLIT /* local APICs in the kernel */, ACCEL_IRQCHIP_ON };

/* What an engine is opened with. All of it outlives the engine. */
struct accel_open {
    struct machine *machine;
    struct x86_cpuid *cpuid;
    unsigned cpus;
    void *interp;  /* the interpreter's engine, which KVM falls back on; NULL when it is opened itself */
    const struct kvm_limits *limits; /* what the probe found */
    bool shadow; /* KVM is not to store to memory: a store comes out as if it were ROM */
    bool limited;  /* ... and it is of KVM_CLASS_LIMITED */
    enum accel_irqchip irqchip; /* of KVM */
    /* Ends the sleep of a CPU's thread; NULL: no threads (tests). */
    void (*wake)(void *arg, unsigned cpu);
    void *wake_arg;
    bool may_mask; /* the guest has not run yet: an engine may take features out of cpuid and set tsc_khz */
};

/* What an engine implements (accel_impl users: accel/interp/engine.c, accel/kvm/kvm.c). */
struct accel_ops {
    const char *name; /* "interp", "kvm" */
    /* Each VCPU wants a thread of its own, and timers and events theirs (docs/threads.md). */
    bool threads;
    void *(*open)(const struct accel_open *open, GError **error);
    void (*close)(void *engine);
    /* With threads: runs due timers and events (machine_poll) when the engine can bear it. Returns after how many
     * ns at the latest it wants to be called again, CLOCK_NEVER if it does not mind. Machine thread. */
    uint64_t (*poll)(void *engine);
    /* Can the engine execute the instructions of this feature on this host? */
    bool (*supports)(enum x86_feature feature);
    /* Runs CPU `cpu` until something is to be done; machine lock not held. */
    enum vcpu_exit (*vcpu_run)(void *engine, unsigned cpu);
    /* Makes vcpu_run return soon; any thread. */
    void (*vcpu_kick)(void *engine, unsigned cpu);
    void (*vcpu_reset)(void *engine, unsigned cpu); /* power-on reset; parked */
    void (*vcpu_init)(void *engine, unsigned cpu); /* INIT, from any thread while running */
    void (*vcpu_sipi)(void *engine, unsigned cpu, uint8_t vector); /* start-up message; any thread */
    void (*state_get)(void *engine, unsigned cpu, struct x86_state *state); /* parked */
    void (*state_put)(void *engine, unsigned cpu, const struct x86_state *state);
    void (*set_intr)(void *engine, unsigned cpu, bool level); /* machine lock held */
    void (*nmi)(void *engine, unsigned cpu);
    void (*set_a20)(void *engine, bool enabled);
    void (*set_ignne)(void *engine, unsigned cpu, bool level);
    /* True if the CPU has nothing to do until an interrupt. */
    bool (*halted)(void *engine, unsigned cpu);
    /* Debugger's translation of a linear address; false if not mapped. Parked. */
    bool (*translate)(void *engine, unsigned cpu, uint64_t linear, uint64_t *physical);
    /* Instructions retired so far by all CPUs, 0 if unknown. Any thread. */
    uint64_t (*instructions)(void *engine);
    /* Executes exactly one instruction. Parked. */
    enum vcpu_exit (*vcpu_step)(void *engine, unsigned cpu);
    /* The set of breakpoints has changed; it stays where it is and outlives the engine. Parked. NULL: the engine
     * has no breakpoints. See accel/breakpoint.h for what it has to do. */
    void (*breakpoints_changed)(void *engine, struct breakpoints *set);
    /* The CPUs have come to a stop that somebody sees: the instruction at which each stands may run next without
     * meeting the breakpoints on it (again). Parked. */
    void (*breakpoints_pass)(void *engine);
    /* The black box of a CPU, or NULL. Parked, or the CPU's own thread. */
    const struct blackbox *(*blackbox)(void *engine, unsigned cpu);
    /* All CPUs have just been parked: brings what the engine keeps of the board's devices back to them. NULL: nothing. */
    void (*parked)(void *engine);
    /* Holds interrupts and NMIs back during vcpu_step, or no more. Parked. */
    void (*hold_interrupts)(void *engine, unsigned cpu, bool hold);
};
extern const struct accel_ops accel_interp_ops, accel_kvm_ops;

struct accel_options {
    const char *engine; /* "auto", "interp", "tcg" (= interp), "kvm", or a list kvm:tcg */
    const char *cpu;    /* -cpu text, NULL = default model */
    unsigned cpus;
    const char *policy; /* -accel-policy text, or NULL */
    enum accel_irqchip irqchip;
};

/* NULL and error if an explicit request cannot be met. */
struct accel *accel_create(struct machine *machine, const struct accel_options *options, GError **error);
/* Stops and joins the VCPU threads. */
void accel_destroy(struct accel *accel);

const char *accel_name(const struct accel *accel);
const char *accel_reason(const struct accel *accel); /* one sentence, for the start line and `info accel` */
/* How it was chosen, and what was measured for it (choose.h). */
const struct accel_choice *accel_choice(const struct accel *accel);
/* What -accel check has compared, and the difference if it has found one. False: it does not run. Any time. */
bool accel_check_report(const struct accel *accel, GString *out);
unsigned accel_cpu_count(const struct accel *accel);
const struct x86_cpuid *accel_cpuid(const struct accel *accel);
uint64_t accel_instructions(const struct accel *accel);
/* The kernel's number of the host thread that runs a CPU; 0 if it has not begun yet. */
int accel_thread_id(const struct accel *accel, unsigned cpu);

/* The machine must be parked. */
void accel_state_get(struct accel *accel, unsigned cpu, struct x86_state *state);
void accel_state_put(struct accel *accel, unsigned cpu, const struct x86_state *state);
bool accel_translate(struct accel *accel, unsigned cpu, uint64_t linear, uint64_t *physical);
/* The black box of a CPU; the CPUs parked. */
const struct blackbox *accel_blackbox(struct accel *accel, unsigned cpu);
/* What stopped or reset the machine last; kind INCIDENT_NONE: nothing has. Main thread. */
const struct incident *accel_incident(const struct accel *accel);

/* What is to be done when a CPU shuts down (triple fault), when the guest asks for a reset, and when all CPUs
 * are halted with interrupts disabled. */
enum accel_action { ACTION_GO_ON /* reset after a triple fault; stay halted */, ACTION_PAUSE, ACTION_POWER_OFF };
struct accel_actions {
    enum accel_action triple_fault, reboot, halt;
};
void accel_set_actions(struct accel *accel, const struct accel_actions *actions);

/* Another engine: "interp", "kvm", "auto". False and error: the old one stays. */
bool accel_switch(struct accel *accel, const char *name, GError **error);

/* Appends a line for `info accel` about interrupt chips in the kernel, if there are any. Any time. */
void accel_irqchip_describe(const struct accel *accel, GString *out);

/* `info rescue`: what KVM left to the interpreter. Any time. */
void accel_rescues(const struct accel *accel, GString *out);

#endif
