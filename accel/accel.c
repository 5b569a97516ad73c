/*
 * Attaching the chosen engine (choose.c) to the machine. So far there is one, the interpreter.
 */
#include "accel/accel.h"

#include <string.h>

#include "accel/accel_impl.h"

/* The guest's time stamp counter counts at 1 GHz on every host, so that a guest's calibration, and a state
 * saved on one host and loaded on another, agree. */
#define TSC_KHZ 1000000

static void cpus_kick(void *arg)
{
    vcpu_kick_all(arg);
}

static void cpus_resume(void *arg)
{
    vcpu_resume(arg);
}

static void cpus_park(void *arg)
{
    vcpu_park(arg);
}

static void cpus_reset(void *arg)
{
    struct accel *accel = arg;
    for (unsigned i = 0; i < accel->cpus; i++) {
        accel->ops->vcpu_reset(accel->engine, i);
    }
}

/* The CPU looks at its attention word at the end of every trace: no need to stop it. */
static void cpus_set_intr(void *arg, unsigned cpu, bool level)
{
    struct accel *accel = arg;
    accel->ops->set_intr(accel->engine, cpu, level);
    if (level) {
        vcpu_wake(accel);
    }
}

static void cpus_nmi(void *arg, unsigned cpu)
{
    struct accel *accel = arg;
    accel->ops->nmi(accel->engine, cpu);
    vcpu_wake(accel);
}

static void cpus_init(void *arg, unsigned cpu)
{
    struct accel *accel = arg;
    accel->ops->vcpu_init(accel->engine, cpu);
    vcpu_wake(accel);
}

static void cpus_sipi(void *arg, unsigned cpu, uint8_t vector)
{
    struct accel *accel = arg;
    accel->ops->vcpu_sipi(accel->engine, cpu, vector);
    vcpu_wake(accel);
}

static void cpus_set_a20(void *arg, bool enabled)
{
    struct accel *accel = arg;
    accel->ops->set_a20(accel->engine, enabled);
}

static void cpus_set_ignne(void *arg, bool level)
{
    struct accel *accel = arg;
    accel->ops->set_ignne(accel->engine, 0, level);
}

static void on_work(void *arg)
{
    vcpu_kick_all(arg);
}

static bool engine_exists(const struct accel_choice *choice, GError **error)
{
    if (choice->kind == ACCEL_KVM) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                    "-accel kvm: this version has no KVM engine; leave the option out or use -accel interp");
        return false;
    }
    return true;
}

struct accel *accel_create(struct machine *machine, const struct accel_options *options, GError **error)
{
    struct accel *accel = g_new0(struct accel, 1);
    accel->machine = machine;
    accel->cpus = MAX(options->cpus, 1);
    if (!accel_choose(&accel->choice, options->engine, &kvm_sys_host, error) ||
        !engine_exists(&accel->choice, error) || !x86_cpuid_parse(&accel->cpuid, options->cpu, error)) {
        accel_destroy(accel);
        return NULL;
    }
    if (accel->cpus > 1 && !x86_has(&accel->cpuid, X86_APIC)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "-smp: a CPU without APIC works alone; choose another -cpu, or leave -smp out");
        accel_destroy(accel);
        return NULL;
    }
    accel->ops = &accel_interp_ops;
    accel->cpuid.cpu_count = accel->cpus;
    accel->cpuid.tsc_khz = TSC_KHZ;
    x86_cpuid_mask(&accel->cpuid, accel->ops->supports);
    accel->engine = accel->ops->open(machine, &accel->cpuid, accel->cpus, error);
    if (accel->engine == NULL || !vcpu_thread_start(accel, error)) {
        accel_destroy(accel);
        return NULL;
    }
    machine->cpus = (struct machine_cpus){
        .arg = accel,
        .kick = cpus_kick,
        .resume = cpus_resume,
        .park = cpus_park,
        .reset = cpus_reset,
        .set_intr = cpus_set_intr,
        .nmi = cpus_nmi,
        .set_a20 = cpus_set_a20,
        .init = cpus_init,
        .sipi = cpus_sipi,
        .set_ignne = cpus_set_ignne,
    };
    debug_start(accel);
    event_on_post(machine->events, on_work, accel);
    clock_on_earlier(machine->guest_clock, on_work, accel);
    clock_on_earlier(machine->host_clock, on_work, accel);
    clock_on_earlier(machine->rtc_clock, on_work, accel);
    return accel;
}

void accel_destroy(struct accel *accel)
{
    if (accel == NULL) {
        return;
    }
    vcpu_thread_stop(accel);
    struct machine *machine = accel->machine;
    debug_stop(accel);
    if (machine->cpus.arg == accel) {
        event_on_post(machine->events, NULL, NULL);
        clock_on_earlier(machine->guest_clock, NULL, NULL);
        clock_on_earlier(machine->host_clock, NULL, NULL);
        clock_on_earlier(machine->rtc_clock, NULL, NULL);
        memset(&machine->cpus, 0, sizeof(machine->cpus));
    }
    if (accel->engine != NULL) {
        accel->ops->close(accel->engine);
    }
    accel_choice_finish(&accel->choice);
    breakpoints_destroy(accel->breakpoints);
    g_free(accel);
}

const char *accel_name(const struct accel *accel)
{
    return accel->ops->name;
}

const char *accel_reason(const struct accel *accel)
{
    return accel->choice.reason;
}

const struct accel_choice *accel_choice(const struct accel *accel)
{
    return &accel->choice;
}

unsigned accel_cpu_count(const struct accel *accel)
{
    return accel->cpus;
}

const struct x86_cpuid *accel_cpuid(const struct accel *accel)
{
    return &accel->cpuid;
}

uint64_t accel_instructions(const struct accel *accel)
{
    return accel->ops->instructions(accel->engine);
}

void accel_state_get(struct accel *accel, unsigned cpu, struct x86_state *state)
{
    accel->ops->state_get(accel->engine, cpu, state);
}

void accel_state_put(struct accel *accel, unsigned cpu, const struct x86_state *state)
{
    accel->ops->state_put(accel->engine, cpu, state);
}

bool accel_translate(struct accel *accel, unsigned cpu, uint64_t linear, uint64_t *physical)
{
    return accel->ops->translate(accel->engine, cpu, linear, physical);
}
