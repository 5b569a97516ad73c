/*
 * The machine: buses, clocks, devices, the machine lock, and run control.
 *
 * The machine knows no chip. A board (hw/pc) fills it. The accelerator attaches itself through struct
 * machine_cpus, so that reset, pause and kick need not know which engine runs.
 *
 * Threads: the main thread owns run control (machine_run/pause/reset/quit requests from elsewhere are handed
 * to it). "The machine thread" is the one thread that runs timers and events under the machine lock: the
 * interpreter's VCPU thread, or a thread of its own under KVM. While the machine is paused and parked, the
 * pausing thread holds the lock and may do it.
 */
#ifndef CORE_MACHINE_H
#define CORE_MACHINE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/bus.h"
#include "core/clock.h"
#include "core/device.h"
#include "core/event.h"
#include "core/irq.h"
#include "core/irqchip.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/trail.h"

enum run_state {
    RUN_STATE_PRELAUNCH, /* created, not started yet (-S): `paused (prelaunch)` */
    RUN_STATE_RUNNING,
    RUN_STATE_PAUSED,
    RUN_STATE_GUEST_PANICKED, /* -action: a triple fault, or halted for good */
    RUN_STATE_INTERNAL_ERROR, /* the engine gave up */
    RUN_STATE_IO_ERROR,       /* werror=stop or a full host disk */
    RUN_STATE_SHUTDOWN,       /* the guest asked for power off with -no-shutdown */
    RUN_STATE_DEBUG,          /* a breakpoint or a step: accel/debug.h says which */
};

enum machine_request {
    REQUEST_NONE = 0,
    REQUEST_RESET,     /* by the guest or system_reset */
    REQUEST_POWEROFF,  /* by the guest, or `quit`, or the window */
    REQUEST_EXIT_CODE, /* isa-debug-exit: leave with machine->exit_code */
    REQUEST_PAUSE,     /* stop from a VCPU's own thread: breakpoint, io error */
};

/* What the machine needs of its CPUs; filled by accel/. Any function may be NULL (a machine without CPUs). */
struct machine_cpus {
    void *arg;
    /* Ask all VCPUs to leave guest code soon and look at machine->attention. Any thread, never blocks. */
    void (*kick)(void *arg);
    /* Let VCPUs run / wait until all are parked. Main thread, machine lock not held. */
    void (*resume)(void *arg);
    void (*park)(void *arg);
    void (*reset)(void *arg); /* while parked, machine lock held */
    /* Pins and messages of one CPU, set by the board: level of INTR, an NMI edge, INIT, start-up at
     * vector * 4096 (ignored unless the CPU waits for it after INIT). Machine lock held. */
    void (*set_intr)(void *arg, unsigned cpu, bool level);
    void (*nmi)(void *arg, unsigned cpu);
    void (*init)(void *arg, unsigned cpu);
    void (*sipi)(void *arg, unsigned cpu, uint8_t vector);
    void (*set_a20)(void *arg, bool enabled); /* of all */
    /* The guest asks for a reset. True: it is not to happen, something else was requested instead. */
    bool (*reset_wanted)(void *arg);
    /* The IGNNE# pin: go on in spite of a pending x87 exception. Machine lock held. */
    void (*set_ignne)(void *arg, bool level);
};

/* What the CPUs need of their local APICs; filled by the board. All NULL: the CPUs have none. Called with the
 * machine lock held. */
struct machine_apics {
    void *arg;
    /* INTA cycle: the vector, or -1 if the request has gone. */
    int (*acknowledge)(void *arg, unsigned cpu);
    /* The page of registers, by offset; the CPU knows where it lies and whether it is there. */
    uint64_t (*read)(void *arg, unsigned cpu, uint32_t offset, unsigned size);
    void (*write)(void *arg, unsigned cpu, uint32_t offset, uint64_t value, unsigned size);
    /* MSRs 800h-8FFh in x2APIC mode. False: #GP. */
    bool (*msr_read)(void *arg, unsigned cpu, uint32_t msr, uint64_t *value);
    bool (*msr_write)(void *arg, unsigned cpu, uint32_t msr, uint64_t value);
    /* IA32_APIC_BASE was written or the CPU reset: the enable and x2APIC bits count. */
    void (*set_base)(void *arg, unsigned cpu, uint64_t base);
    uint8_t (*tpr)(void *arg, unsigned cpu);
    void (*set_tpr)(void *arg, unsigned cpu, uint8_t tpr);
    /* IA32_TSC_DEADLINE; guest_ns is the same moment on the guest clock. Reads as 0 when it has passed. */
    uint64_t (*deadline)(void *arg, unsigned cpu);
    void (*set_deadline)(void *arg, unsigned cpu, uint64_t tsc, uint64_t guest_ns);
};

/* Low halves of the general registers of a CPU, for the few ports that talk by registers (VMware's backdoor). */
struct port_registers {
    uint32_t eax, ebx, ecx, edx, esi, edi;
};

struct machine {
    struct machine_lock lock;
    struct bus *memory; /* 52-bit */
    struct bus *io;     /* ports */
    struct clock *guest_clock, *host_clock, *rtc_clock;
    struct event_queue *events;
    struct trail trail; /* of both buses */
    struct log *log; /* not owned; may be NULL */
    GPtrArray *devices; /* struct device *, in order of creation; owned */
    struct machine_cpus cpus;
    struct machine_apics apics;
    struct machine_irqchip irqchip;
    /* INTA cycle of CPUs without APIC: returns the vector of the interrupt controller; set by the board.
     * Machine lock held. */
    int (*interrupt_acknowledge)(void *arg);
    void *interrupt_arg;
    /* A CPU asserts FERR# (x87 exception with CR0.NE = 0); set by the board, which raises IRQ 13. Called with
     * the machine lock held. */
    void (*ferr)(void *arg);
    void *ferr_arg;
    /* While an IN or OUT (no string instruction) is at a device: reads the CPU's registers, or writes all but EAX, which
     * the IN itself sets. Set and cleared by the engine around the access, machine lock held; NULL: there are none to
     * be had. */
    void (*port_registers)(void *arg, struct port_registers *registers, bool write);
    void *port_registers_arg;
    /* A device's message-signalled interrupt: a write of data to address FEExxxxxh. Set by the board; NULL: none
     * can be delivered. Machine lock held. */
    void (*msi)(void *arg, uint64_t address, uint32_t data);
    void *msi_arg;
    char *name;                 /* -name; owned, may be NULL */
    char *uuid;                 /* -uuid, as text; likewise */
    enum run_state run_state;   /* changed by the main thread only */
    enum machine_request request; /* pending; set by machine_request() */
    int exit_code;              /* for REQUEST_EXIT_CODE */
    enum run_state pause_why;   /* for REQUEST_PAUSE, to be set before it; RUN_STATE_PAUSED unless set */
    bool no_reboot;             /* -no-reboot: a reset request becomes a power-off */
    bool leave_when_halted;     /* -flat: nothing can wake a halted CPU; exit code 0 */
    bool no_shutdown;           /* -no-shutdown: a power-off request becomes a pause */
    bool host_reset;            /* the reset that is requested is the user's, not the guest's */
    bool resetting;             /* run_state changes are part of a reset: no stop and start that anybody asked for */
    GPtrArray *request_listeners; /* struct request_listener * */
    /* Called in the main thread after run_state changed. */
    GPtrArray *state_listeners; /* struct state_listener * */
    /* Called (any thread) when a request was made, so that the main loop looks. */
    void (*wake_main)(void *arg);
    void *wake_main_arg;
};

typedef void run_state_fn(void *arg, struct machine *machine, enum run_state state);

/* Empty machine: buses, clocks (guest clock stopped), no devices. log is not owned and may be NULL. */
struct machine *machine_create(struct log *log);
/* Destroys devices in reverse order of creation, then the rest. VCPUs must have been destroyed. */
void machine_destroy(struct machine *machine);

struct device *machine_find_device(struct machine *machine, const char *id);

/* Two phases: all reset, then all drive, then the CPUs. Parked or not started; takes the lock itself. */
void machine_reset(struct machine *machine);

/* Main thread: start or go on; pause = kick all, wait until parked, stop the guest clock. */
void machine_resume(struct machine *machine);
void machine_pause(struct machine *machine, enum run_state why);
const char *run_state_text(enum run_state state); /* "running", "paused", "paused (prelaunch)" ... */

void machine_on_state(struct machine *machine, run_state_fn *fn, void *arg);
/* Takes away the listener that was added with these two; not from within a listener. */
void machine_off_state(struct machine *machine, run_state_fn *fn, void *arg);
/* Called in the main thread when a reset has been done, and when a power-off is carried out (REQUEST_POWEROFF). */
typedef void request_fn(void *arg, struct machine *machine, enum machine_request request, bool by_guest);
void machine_on_request(struct machine *machine, request_fn *fn, void *arg);
void machine_off_request(struct machine *machine, request_fn *fn, void *arg);

/* Main thread, CPUs standing: another reason why they do, for the listeners to be told (also if it is the same). */
void machine_set_stopped(struct machine *machine, enum run_state why);

/* A device has been told to reset the machine: REQUEST_RESET, unless -action says otherwise. Machine lock held. */
void machine_guest_reset(struct machine *machine);

/* The user resets the machine. */
void machine_host_reset(struct machine *machine);

/* Any thread, also with the machine lock held: note the request, kick the VCPUs, wake the main loop. The
 * main loop serves it with machine_serve_request(). */
void machine_request(struct machine *machine, enum machine_request request);
/* VCPU thread: its CPU is halted. */
void machine_note_halted(struct machine *machine);
/* Main thread: carries out what was requested. Returns false if the process should end now. */
bool machine_serve_request(struct machine *machine);

/* Machine thread: events, then due timers of all clocks (of the guest clock only while it runs), under the
 * lock (taken here). */
void machine_poll(struct machine *machine);

#endif
