/*
 * Attaching the chosen engine (choose.c) to the machine. So far there is one, the interpreter.
 */
#include "accel/accel.h"

#include <string.h>

#include "accel/accel_impl.h"
#include "accel/kvm/check.h"

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
        accel->now->ops->vcpu_reset(accel->now->engine, i);
    }
}

/* The CPU looks at its attention word at the end of every trace: no need to stop it. */
static void cpus_set_intr(void *arg, unsigned cpu, bool level)
{
    struct accel *accel = arg;
    accel->now->ops->set_intr(accel->now->engine, cpu, level);
    if (level) {
        vcpu_wake(accel, cpu);
    }
}

static void cpus_nmi(void *arg, unsigned cpu)
{
    struct accel *accel = arg;
    accel->now->ops->nmi(accel->now->engine, cpu);
    vcpu_wake(accel, cpu);
}

static void cpus_init(void *arg, unsigned cpu)
{
    struct accel *accel = arg;
    accel->now->ops->vcpu_init(accel->now->engine, cpu);
    vcpu_wake(accel, cpu);
}

static void cpus_sipi(void *arg, unsigned cpu, uint8_t vector)
{
    struct accel *accel = arg;
    accel->now->ops->vcpu_sipi(accel->now->engine, cpu, vector);
    vcpu_wake(accel, cpu);
}

static void cpus_set_a20(void *arg, bool enabled)
{
    struct accel *accel = arg;
    accel->now->ops->set_a20(accel->now->engine, enabled);
}

static void cpus_set_ignne(void *arg, bool level)
{
    struct accel *accel = arg;
    accel->now->ops->set_ignne(accel->now->engine, 0, level);
}

static void cpu_wake(void *arg, unsigned cpu)
{
    vcpu_wake(arg, cpu);
}

static void on_work(void *arg)
{
    vcpu_kick_machine(arg);
}

bool accel_engine_open(struct accel *accel, struct accel_engine *engine, const struct accel_ops *ops,
                       bool may_mask, GError **error)
{
    struct accel_open open = {
        .machine = accel->machine, .cpuid = &accel->cpuid, .cpus = accel->cpus, .interp = accel->interp.engine,
        .may_mask = may_mask, .limits = &accel->choice.probe.limits,
        .limited = accel->choice.probe.class == KVM_CLASS_LIMITED,
        .irqchip = accel->irqchip, .wake = cpu_wake, .wake_arg = accel,
    };
    if (engine->engine == NULL) {
        engine->ops = ops;
        engine->engine = ops->open(&open, error);
    }
    return engine->engine != NULL;
}

struct accel *accel_create(struct machine *machine, const struct accel_options *options, GError **error)
{
    struct accel *accel = g_new0(struct accel, 1);
    accel->machine = machine;
    accel->cpus = MAX(options->cpus, 1);
    accel->policy = g_strdup(options->policy);
    accel->irqchip = options->irqchip;
    if (!accel_policy_check(options->policy, error) ||
        !accel_choose(&accel->choice, options->engine, &kvm_sys_host, error) ||
        !x86_cpuid_parse(&accel->cpuid, options->cpu, error)) {
        accel_destroy(accel);
        return NULL;
    }
    if (accel->cpus > 1 && !x86_has(&accel->cpuid, X86_APIC)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "-smp: a CPU without APIC works alone; choose another -cpu, or leave -smp out");
        accel_destroy(accel);
        return NULL;
    }
    accel->cpuid.cpu_count = accel->cpus;
    accel->cpuid.tsc_khz = TSC_KHZ;
    x86_cpuid_mask(&accel->cpuid, accel_interp_ops.supports);
    bool kvm = accel->choice.kind == ACCEL_KVM, check = accel->choice.kind == ACCEL_CHECK;
    accel->now = kvm ? &accel->kvm : check ? &accel->check : &accel->interp;
    if (!accel_engine_open(accel, &accel->interp, &accel_interp_ops, true, error) ||
        (kvm && !accel_kvm_open(accel, true, error)) ||
        (check && !accel_engine_open(accel, &accel->check, &accel_check_ops, true, error)) ||
        !vcpu_threads_start(accel, error)) {
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
        .reset_wanted = incident_reset,
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
    vcpu_threads_stop(accel);
    struct machine *machine = accel->machine;
    debug_stop(accel);
    if (machine->cpus.arg == accel) {
        event_on_post(machine->events, NULL, NULL);
        clock_on_earlier(machine->guest_clock, NULL, NULL);
        clock_on_earlier(machine->host_clock, NULL, NULL);
        clock_on_earlier(machine->rtc_clock, NULL, NULL);
        memset(&machine->cpus, 0, sizeof(machine->cpus));
    }
    if (accel->kvm.engine != NULL) {
        accel->kvm.ops->close(accel->kvm.engine);
    }
    if (accel->check.engine != NULL) {
        accel->check.ops->close(accel->check.engine);
    }
    if (accel->interp.engine != NULL) {
        accel->interp.ops->close(accel->interp.engine);
    }
    accel_choice_finish(&accel->choice);
    breakpoints_destroy(accel->breakpoints);
    g_free(accel->policy);
    g_free(accel);
}

const char *accel_name(const struct accel *accel)
{
    return accel->now->ops->name;
}

const char *accel_reason(const struct accel *accel)
{
    return accel->choice.reason;
}

const struct accel_choice *accel_choice(const struct accel *accel)
{
    return &accel->choice;
}

bool accel_check_report(const struct accel *accel, GString *out)
{
    if (accel->check.engine == NULL) {
        return false;
    }
    check_report(accel->check.engine, out);
    return true;
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
    return accel->now->ops->instructions(accel->now->engine);
}

void accel_state_get(struct accel *accel, unsigned cpu, struct x86_state *state)
{
    accel->now->ops->state_get(accel->now->engine, cpu, state);
}

void accel_state_put(struct accel *accel, unsigned cpu, const struct x86_state *state)
{
    accel->now->ops->state_put(accel->now->engine, cpu, state);
}

bool accel_translate(struct accel *accel, unsigned cpu, uint64_t linear, uint64_t *physical)
{
    return accel->now->ops->translate(accel->now->engine, cpu, linear, physical);
}
