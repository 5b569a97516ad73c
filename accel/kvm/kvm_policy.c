/*
 * See kvm_policy.h.
 */
#include "accel/kvm/kvm_policy.h"

#include <string.h>

#include "accel/interp/cpu.h"
#include "accel/kvm/kvm_sys.h"

#define APIC_DEFAULT 0xfee00000ull
#define APIC_BASE_ADDRESS 0xffffff000ull

static const char *const mode_names[KVM_MODE_COUNT] = {
    "firmware", "real", "protected", "paged", "v86", "long", "user64",
};

void kvm_policy_init(struct kvm_policy *policy, const struct kvm_limits *limits)
{
    *policy = (struct kvm_policy){ .guard = limits->emulated };
    policy->interp[KVM_MODE_PAGED] = policy->interp[KVM_MODE_V86] = limits->no_paging32;
    policy->interp[KVM_MODE_USER64] = limits->emulated;
}

static int mode_find(const char *name)
{
    for (unsigned i = 0; i < KVM_MODE_COUNT; i++) {
        if (strcmp(name, mode_names[i]) == 0) {
            return (int)i;
        }
    }
    return -1;
}

bool kvm_policy_parse(struct kvm_policy *policy, const char *text, GError **error)
{
    g_auto(GStrv) words = g_strsplit(text, ",", -1);
    for (char **word = words; *word != NULL; word++) {
        char *equals = strchr(*word, '=');
        int mode = -1;
        if (equals != NULL) {
            *equals = '\0';
            mode = mode_find(*word);
        }
        bool interp = equals != NULL && strcmp(equals + 1, "interp") == 0;
        if (mode < 0 || (!interp && strcmp(equals + 1, "kvm") != 0)) {
            g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                        "-accel-policy: '%s' is not MODE=interp or MODE=kvm with MODE one of firmware, real, "
                        "protected, paged, v86, long, user64", *word);
            return false;
        }
        policy->interp[mode] = interp;
    }
    return true;
}

enum kvm_mode kvm_mode_of(uint64_t cr0, uint64_t rflags, uint64_t efer, uint32_t cs_attr, unsigned cpl)
{
    if ((cr0 & CR0_PE) == 0) {
        return KVM_MODE_REAL;
    }
    if ((efer & EFER_LMA) != 0) {
        return cpl == 3 ? KVM_MODE_USER64 : KVM_MODE_LONG;
    }
    if ((rflags & FLAG_VM) != 0) {
        return KVM_MODE_V86;
    }
    return (cr0 & CR0_PG) != 0 ? KVM_MODE_PAGED : KVM_MODE_PROT;
}

/* The system BIOS and option ROMs below 1 MiB, and the BIOS below 4 GiB. */
static bool in_firmware(const struct cpu *cpu, enum kvm_mode mode)
{
    uint64_t linear = cpu->s.seg[CS].base + cpu->rip;
    return (mode == KVM_MODE_REAL || mode == KVM_MODE_PROT) &&
           ((linear >= 0xc0000 && linear <= 0xfffff) || (linear >= 0xfff00000 && linear <= 0xffffffff));
}

/* The first reason of those that do not depend on the mode. */
static const char *special_reason(const struct kvm_policy *policy, const struct cpu *cpu)
{
    if (policy->debugging) {
        return "debugging";
    }
    if (!cpu->s.a20) {
        return "A20 off";
    }
    if ((cpu->s.msr.apic_base & 0x800) != 0 && (cpu->s.msr.apic_base & APIC_BASE_ADDRESS) != APIC_DEFAULT) {
        return "APIC moved";
    }
    if (policy->guard && (cpu->s.dr[7] & 0xff) != 0) {
        return "breakpoints";
    }
    if (policy->guard && (cpu->s.cr4 & CR4_OSXSAVE) != 0) {
        return "XSAVE";
    }
    return cpu->stepping ? "stepping" : NULL;
}

bool kvm_policy_interpret(struct kvm_policy *policy, const struct cpu *cpu, const char **why)
{
    enum kvm_mode mode = kvm_mode_of(cpu->s.cr0, cpu->eflags, cpu->s.msr.efer, cpu->s.seg[CS].attr, cpu->cpl);
    *why = special_reason(policy, cpu);
    if (*why != NULL) {
        return true;
    }
    if (policy->guard && mode == KVM_MODE_USER64) {
        __atomic_store_n(&policy->user_seen, true, __ATOMIC_RELAXED);
    }
    *why = mode_names[mode];
    if (policy->interp[mode] || (policy->interp[KVM_MODE_FIRMWARE] && in_firmware(cpu, mode))) {
        return true;
    }
    if (!policy->guard) {
        return false;
    }
    return (mode == KVM_MODE_LONG && __atomic_load_n(&policy->user_seen, __ATOMIC_RELAXED)) ||
           (mode == KVM_MODE_PROT && cpu->cpl != 0);
}

bool kvm_policy_between(const struct kvm_policy *policy, uint64_t cr0, const struct x86_table *idtr)
{
    enum { IVT_LIMIT = 0x3ff };
    return policy->guard && (cr0 & CR0_PE) != 0 && idtr->base == 0 && idtr->limit >= IVT_LIMIT;
}

bool kvm_policy_guard(const struct kvm_policy *policy, const struct x86_state *state)
{
    return policy->guard && (state->cr0 & CR0_PE) != 0;
}
