/*
 * The machine: what it is made of, and run control.
 */
#include "core/machine.h"

#include "core/bus.h"

#include <assert.h>
#include <string.h>

enum { MEMORY_ADDRESS_BITS = 52, PORT_ADDRESS_BITS = 16 };

struct state_listener {
    run_state_fn *fn;
    void *arg;
};

struct request_listener {
    request_fn *fn;
    void *arg;
};

struct machine *machine_create(struct log *log)
{
    struct machine *machine = g_new0(struct machine, 1);

    lock_init(&machine->lock);
    machine->log = log;
    machine->memory = bus_create("memory", MEMORY_ADDRESS_BITS);
    machine->io = bus_create("io", PORT_ADDRESS_BITS);
    bus_set_log(machine->memory, log);
    bus_set_log(machine->io, log);
    bus_set_trail(machine->memory, &machine->trail);
    bus_set_trail(machine->io, &machine->trail);

    machine->guest_clock = clock_create(clock_host_monotonic, NULL);
    machine->host_clock = clock_create(clock_host_monotonic, NULL);
    clock_set(machine->host_clock, clock_host_monotonic(NULL));
    clock_start(machine->host_clock);
    machine->rtc_clock = clock_create(clock_host_realtime, NULL);
    clock_set(machine->rtc_clock, clock_host_realtime(NULL));
    clock_start(machine->rtc_clock);

    machine->events = event_queue_create();
    machine->devices = g_ptr_array_new();
    machine->state_listeners = g_ptr_array_new_with_free_func(g_free);
    machine->request_listeners = g_ptr_array_new_with_free_func(g_free);
    machine->run_state = RUN_STATE_PRELAUNCH;
    machine->pause_why = RUN_STATE_PAUSED;
    return machine;
}

void machine_destroy(struct machine *machine)
{
    if (machine == NULL) {
        return;
    }
    while (machine->devices->len > 0) {
        device_destroy(g_ptr_array_index(machine->devices, machine->devices->len - 1));
    }
    g_ptr_array_free(machine->devices, TRUE);
    g_ptr_array_free(machine->state_listeners, TRUE);
    g_ptr_array_free(machine->request_listeners, TRUE);
    event_queue_destroy(machine->events);
    clock_destroy(machine->guest_clock);
    clock_destroy(machine->host_clock);
    clock_destroy(machine->rtc_clock);
    bus_destroy(machine->io);
    bus_destroy(machine->memory);
    g_free(machine->name);
    g_free(machine->uuid);
    lock_finish(&machine->lock);
    g_free(machine);
}

struct device *machine_find_device(struct machine *machine, const char *id)
{
    for (unsigned i = 0; i < machine->devices->len; i++) {
        struct device *dev = g_ptr_array_index(machine->devices, i);

        if (strcmp(dev->id, id) == 0) {
            return dev;
        }
    }
    return NULL;
}

void machine_reset(struct machine *machine)
{
    assert(machine->run_state != RUN_STATE_RUNNING);
    lock_acquire(&machine->lock);
    bus_begin(machine->memory);
    bus_begin(machine->io);
    for (unsigned i = 0; i < machine->devices->len; i++) {
        struct device *dev = g_ptr_array_index(machine->devices, i);

        if (dev->class->reset) {
            dev->class->reset(dev);
        }
    }
    for (unsigned i = 0; i < machine->devices->len; i++) {
        device_drive(g_ptr_array_index(machine->devices, i));
    }
    bus_commit(machine->io);
    bus_commit(machine->memory);
    if (machine->cpus.reset) {
        machine->cpus.reset(machine->cpus.arg);
    }
    lock_release(&machine->lock);
}

const char *run_state_text(enum run_state state)
{
    switch (state) {
    case RUN_STATE_PRELAUNCH:
        return "paused (prelaunch)";
    case RUN_STATE_RUNNING:
        return "running";
    case RUN_STATE_PAUSED:
        return "paused";
    case RUN_STATE_INTERNAL_ERROR:
        return "paused (internal-error)";
    case RUN_STATE_IO_ERROR:
        return "paused (io-error)";
    case RUN_STATE_SHUTDOWN:
        return "paused (shutdown)";
    case RUN_STATE_GUEST_PANICKED:
        return "paused (guest-panicked)";
    case RUN_STATE_DEBUG:
        return "paused (debug)";
    }
    return "unknown";
}

void machine_on_state(struct machine *machine, run_state_fn *fn, void *arg)
{
    struct state_listener *listener = g_new(struct state_listener, 1);

    listener->fn = fn;
    listener->arg = arg;
    g_ptr_array_add(machine->state_listeners, listener);
}

void machine_off_state(struct machine *machine, run_state_fn *fn, void *arg)
{
    for (unsigned i = 0; i < machine->state_listeners->len; i++) {
        const struct state_listener *listener = g_ptr_array_index(machine->state_listeners, i);

        if (listener->fn == fn && listener->arg == arg) {
            g_ptr_array_remove_index(machine->state_listeners, i);
            return;
        }
    }
}

void machine_on_request(struct machine *machine, request_fn *fn, void *arg)
{
    struct request_listener *listener = g_new(struct request_listener, 1);

    listener->fn = fn;
    listener->arg = arg;
    g_ptr_array_add(machine->request_listeners, listener);
}

void machine_off_request(struct machine *machine, request_fn *fn, void *arg)
{
    for (unsigned i = 0; i < machine->request_listeners->len; i++) {
        const struct request_listener *listener = g_ptr_array_index(machine->request_listeners, i);

        if (listener->fn == fn && listener->arg == arg) {
            g_ptr_array_remove_index(machine->request_listeners, i);
            return;
        }
    }
}

static void tell_request(struct machine *machine, enum machine_request request, bool by_guest)
{
    for (unsigned i = 0; i < machine->request_listeners->len; i++) {
        struct request_listener *listener = g_ptr_array_index(machine->request_listeners, i);

        listener->fn(listener->arg, machine, request, by_guest);
    }
}

static void tell_listeners(struct machine *machine, enum run_state state)
{
    for (unsigned i = 0; i < machine->state_listeners->len; i++) {
        struct state_listener *listener = g_ptr_array_index(machine->state_listeners, i);

        listener->fn(listener->arg, machine, state);
    }
}

static void set_run_state(struct machine *machine, enum run_state state)
{
    if (machine->run_state != state) {
        __atomic_store_n(&machine->run_state, state, __ATOMIC_RELEASE);
        tell_listeners(machine, state);
    }
}

void machine_set_stopped(struct machine *machine, enum run_state why)
{
    assert(machine->run_state != RUN_STATE_RUNNING && why != RUN_STATE_RUNNING);
    __atomic_store_n(&machine->run_state, why, __ATOMIC_RELEASE);
    tell_listeners(machine, why);
}

void machine_resume(struct machine *machine)
{
    if (machine->run_state == RUN_STATE_RUNNING) {
        return;
    }
    clock_start(machine->guest_clock);
    set_run_state(machine, RUN_STATE_RUNNING);
    if (machine->cpus.resume) {
        machine->cpus.resume(machine->cpus.arg);
    }
}

void machine_pause(struct machine *machine, enum run_state why)
{
    assert(why != RUN_STATE_RUNNING && !lock_held(&machine->lock));
    if (machine->run_state == RUN_STATE_RUNNING) {
        if (machine->cpus.kick) {
            machine->cpus.kick(machine->cpus.arg);
        }
        if (machine->cpus.park) {
            machine->cpus.park(machine->cpus.arg);
        }
        clock_stop(machine->guest_clock);
    }
    set_run_state(machine, why);
}

/* Which of two requests made before the main loop looked is served. */
static int request_rank(enum machine_request request)
{
    switch (request) {
    case REQUEST_NONE:
        return 0;
    case REQUEST_PAUSE:
        return 1;
    case REQUEST_RESET:
        return 2;
    case REQUEST_POWEROFF:
        return 3;
    case REQUEST_EXIT_CODE:
        return 4;
    }
    return 0;
}

void machine_request(struct machine *machine, enum machine_request request)
{
    enum machine_request pending = __atomic_load_n(&machine->request, __ATOMIC_ACQUIRE);

    while (request_rank(request) > request_rank(pending) &&
           !__atomic_compare_exchange_n(&machine->request, &pending, request, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE)) {
    }
    if (machine->cpus.kick) {
        machine->cpus.kick(machine->cpus.arg);
    }
    if (machine->wake_main) {
        machine->wake_main(machine->wake_main_arg);
    }
}

void machine_note_halted(struct machine *machine)
{
    if (machine->leave_when_halted) {
        machine_request(machine, REQUEST_EXIT_CODE);
    }
}

static void serve_reset(struct machine *machine)
{
    bool was_running = machine->run_state == RUN_STATE_RUNNING;
    bool by_guest = !__atomic_exchange_n(&machine->host_reset, false, __ATOMIC_ACQ_REL);

    machine->resetting = true;
    if (was_running) {
        machine_pause(machine, RUN_STATE_PAUSED);
    }
    machine_reset(machine);
    if (was_running) {
        machine_resume(machine);
    } else {
        set_run_state(machine, RUN_STATE_PRELAUNCH); /* whatever it stood for is over */
    }
    machine->resetting = false;
    tell_request(machine, REQUEST_RESET, by_guest);
}

void machine_host_reset(struct machine *machine)
{
    __atomic_store_n(&machine->host_reset, true, __ATOMIC_RELEASE);
    machine_request(machine, REQUEST_RESET);
}

void machine_guest_reset(struct machine *machine)
{
    if (machine->cpus.reset_wanted == NULL || !machine->cpus.reset_wanted(machine->cpus.arg)) {
        machine_request(machine, REQUEST_RESET);
    }
}

bool machine_serve_request(struct machine *machine)
{
    enum machine_request request =
        __atomic_exchange_n(&machine->request, REQUEST_NONE, __ATOMIC_ACQ_REL);

    if (request == REQUEST_RESET && machine->no_reboot) {
        request = REQUEST_POWEROFF;
    }
    switch (request) {
    case REQUEST_NONE:
        return true;
    case REQUEST_RESET:
        serve_reset(machine);
        return true;
    case REQUEST_POWEROFF:
        tell_request(machine, request, true);
        if (machine->no_shutdown) {
            machine_pause(machine, RUN_STATE_SHUTDOWN);
        }
        return machine->no_shutdown;
    case REQUEST_EXIT_CODE:
        return false;
    case REQUEST_PAUSE:
        machine_pause(machine, machine->pause_why);
        machine->pause_why = RUN_STATE_PAUSED;
        return true;
    }
    return true;
}

void machine_poll(struct machine *machine)
{
    lock_acquire(&machine->lock);
    event_run(machine->events);
    if (clock_running(machine->guest_clock)) {
        clock_run(machine->guest_clock);
    }
    clock_run(machine->host_clock);
    clock_run(machine->rtc_clock);
    lock_release(&machine->lock);
}
