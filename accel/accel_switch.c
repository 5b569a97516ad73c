/*
 * Changing the engine while the guest runs: the CPUs stand still, the old engine hands their canonical state to the
 * interpreter's CPUs, which are there with every engine, and the new one takes it from them.
 */
#include <string.h>

#include "accel/accel_impl.h"
#include "accel/kvm/kvm_engine.h"
#include "accel/kvm/kvm_policy.h"

static bool kvm_prepare(struct accel *accel, GError **error)
{
    struct accel_choice *choice = &accel->choice;
    if (!choice->probed) {
        kvm_probe(&choice->probe, &kvm_sys_host);
        choice->probed = true;
    }
    if (!kvm_probe_usable(&choice->probe)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "KVM cannot be used: %s", choice->probe.reason);
        return false;
    }
    /* Instructions that an emulating KVM executes as others, without an exit. */
    if (accel->kvm.engine == NULL && choice->probe.class == KVM_CLASS_LIMITED &&
        (x86_has(&accel->cpuid, X86_ABM) || x86_has(&accel->cpuid, X86_BMI1))) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                    "this KVM executes LZCNT and TZCNT wrongly, and the guest's CPU has them; start with -cpu without "
                    "abm and bmi1");
        return false;
    }
    return accel_kvm_open(accel, false, error);
}

bool accel_kvm_open(struct accel *accel, bool may_mask, GError **error)
{
    if (accel->kvm.engine != NULL) {
        return true;
    }
    return accel_engine_open(accel, &accel->kvm, &accel_kvm_ops, may_mask, error) &&
           (accel->policy == NULL || kvm_engine_policy(accel->kvm.engine, accel->policy, error));
}

bool accel_policy_check(const char *text, GError **error)
{
    struct kvm_policy policy = { 0 };
    return text == NULL || kvm_policy_parse(&policy, text, error);
}

/* Which engine `auto` means is known from the probe. */
static bool wants_kvm(struct accel *accel, const char *name)
{
    if (strcmp(name, "auto") != 0) {
        return strcmp(name, "kvm") == 0;
    }
    if (!accel->choice.probed) {
        kvm_probe(&accel->choice.probe, &kvm_sys_host);
        accel->choice.probed = true;
    }
    return accel->choice.probe.class == KVM_CLASS_FULL;
}

bool accel_switch(struct accel *accel, const char *name, GError **error)
{
    if (strcmp(name, "auto") != 0 && strcmp(name, "kvm") != 0 && strcmp(name, "interp") != 0 &&
        strcmp(name, "tcg") != 0) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "unknown engine '%s': auto, interp or kvm", name);
        return false;
    }
    bool kvm = wants_kvm(accel, name);
    if (kvm && !kvm_prepare(accel, error)) {
        return false;
    }
    struct accel_engine *next = kvm ? &accel->kvm : &accel->interp;
    if (next == accel->now) {
        return true;
    }
    if (accel->now == &accel->kvm) {
        kvm_engine_leave(accel->kvm.engine);
    }
    __atomic_store_n(&accel->now, next, __ATOMIC_RELEASE);
    accel->choice.kind = kvm ? ACCEL_KVM : ACCEL_INTERP;
    g_free(accel->choice.reason);
    accel->choice.reason = g_strdup_printf("%s, switched to in the monitor", kvm ? "KVM" : "interpreter");
    return vcpu_threads_start(accel, error);
}

void accel_irqchip_describe(const struct accel *accel, GString *out)
{
    static const char *const where[] = {
        [ACCEL_IRQCHIP_SPLIT] = "local APICs in the kernel while KVM runs (split)",
        [ACCEL_IRQCHIP_ON] = "in the kernel while KVM runs (on)",
    };
    if (accel->irqchip != ACCEL_IRQCHIP_OFF && accel->kvm.engine != NULL) {
        g_string_append_printf(out, "  interrupt chips: %s\n", where[accel->irqchip]);
    }
}

void accel_rescues(const struct accel *accel, GString *out)
{
    if (accel->kvm.engine == NULL) {
        g_string_append(out, "rescues: 0 (KVM has not been used)\n");
        return;
    }
    kvm_engine_rescues(accel->kvm.engine, out);
}
