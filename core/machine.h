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
#include "core/lock.h"
#include "core/log.h"

enum run_state {
    RUN_STATE_PRELAUNCH, /* created, not started yet (-S): `paused (prelaunch)` */
    RUN_STATE_RUNNING,
    RUN_STATE_PAUSED,
    RUN_STATE_INTERNAL_ERROR, /* the engine gave up */
    RUN_STATE_IO_ERROR,       /* werror=stop or a full host disk */
    RUN_STATE_SHUTDOWN,       /* the guest asked for power off with -no-shutdown */
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
    /* The level of the 8259's INTR line to the boot CPU, NMI edge, A20 and INIT: set by the board's lines. */
    void (*set_intr)(void *arg, bool level);
    void (*nmi)(void *arg);
    void (*set_a20)(void *arg, bool enabled);
    /* port 92h/keyboard controller CPU reset (not a machine reset) */
    void (*cpu_reset)(void *arg);
    /* The IGNNE# pin: go on in spite of a pending x87 exception. Machine lock held. */
    void (*set_ignne)(void *arg, bool level);
};

struct machine {
    struct machine_lock lock;
    struct bus *memory; /* 52-bit */
    struct bus *io;     /* ports */
    struct clock *guest_clock, *host_clock, *rtc_clock;
    struct event_queue *events;
    struct log *log; /* not owned; may be NULL */
    GPtrArray *devices; /* struct device *, in order of creation; owned */
    struct machine_cpus cpus;
    /* INTA cycle: returns the vector of the interrupt controller; set by the board. Machine lock held. */
    int (*interrupt_acknowledge)(void *arg);
    void *interrupt_arg;
    /* A CPU asserts FERR# (x87 exception with CR0.NE = 0); set by the board, which raises IRQ 13. Called with
     * the machine lock held. */
    void (*ferr)(void *arg);
    void *ferr_arg;
    char *name;                 /* -name; owned, may be NULL */
    enum run_state run_state;   /* changed by the main thread only */
    enum machine_request request; /* pending; set by machine_request() */
    int exit_code;              /* for REQUEST_EXIT_CODE */
    enum run_state pause_why;   /* for REQUEST_PAUSE, to be set before it; RUN_STATE_PAUSED unless set */
    bool no_reboot;             /* -no-reboot: a reset request becomes a power-off */
    bool no_shutdown;           /* -no-shutdown: a power-off request becomes a pause */
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

/* Any thread, also with the machine lock held: note the request, kick the VCPUs, wake the main loop. The
 * main loop serves it with machine_serve_request(). */
void machine_request(struct machine *machine, enum machine_request request);
/* Main thread: carries out what was requested. Returns false if the process should end now. */
bool machine_serve_request(struct machine *machine);

/* Machine thread: events, then due timers of all clocks (of the guest clock only while it runs), under the
 * lock (taken here). */
void machine_poll(struct machine *machine);

#endif
