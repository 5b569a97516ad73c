/*
 * CPUID on KVM: KVM API 4.46 (KVM_GET_SUPPORTED_CPUID), 4.20 (KVM_SET_CPUID2). The table that the VCPU gets is the one
 * that the interpreter answers from (x86_cpuid.h), leaf by leaf, so that a guest sees no change when engines change.
 *
 * What KVM lists is the upper bound, but for what our own chips do (x2APIC, TSC deadline) and what KVM leaves to us
 * to claim. A KVM that emulates promises too much; what it is known to get wrong is hidden.
 */
#include <string.h>

#include "accel/kvm/kvm_impl.h"

#define ENTRIES 256

/* The kernel's header with room behind it. */
union cpuid_table {
    struct kvm_cpuid2 head;
    uint8_t room[sizeof(struct kvm_cpuid2) + ENTRIES * sizeof(struct kvm_cpuid_entry2)];
};

static const struct {
    enum x86_feature feature;
    uint32_t leaf, subleaf;
    uint8_t reg, bit;
} features[] = {
#define FEATURE(id, name, leaf, subleaf, reg, bit) { X86_##id, leaf, subleaf, reg, bit },
#include "accel/x86_features.def"
#undef FEATURE
};

/* Ours, whatever KVM says: chips of the board, and bits that mean nothing to KVM. */
static bool is_ours(enum x86_feature feature)
{
    return feature == X86_APIC || feature == X86_X2APIC || feature == X86_TSC_DEADLINE || feature == X86_HYPERVISOR ||
           feature == X86_HT;
}

static bool is_broken(const struct kvm_limits *limits, enum x86_feature feature)
{
    return limits->emulated && (feature == X86_CX16 || feature == X86_XSAVE || feature == X86_RDTSCP ||
                                feature == X86_VME || feature == X86_TSC_DEADLINE || feature == X86_X2APIC);
}

static bool is_listed(const union cpuid_table *table, unsigned i)
{
    for (uint32_t k = 0; k < table->head.nent; k++) {
        const struct kvm_cpuid_entry2 *e = &table->head.entries[k];
        if (e->function == features[i].leaf && e->index == features[i].subleaf) {
            const uint32_t words[4] = { e->eax, e->ebx, e->ecx, e->edx };
            return words[features[i].reg] >> features[i].bit & 1;
        }
    }
    return false;
}

bool kvm_cpuid_mask(struct kvm_engine *e, struct x86_cpuid *cpuid)
{
    g_autofree union cpuid_table *table = g_new0(union cpuid_table, 1);
    table->head.nent = ENTRIES;
    if (kvm_sys_ioctl_ptr(&e->sys, e->device, KVM_GET_SUPPORTED_CPUID, table) < 0) {
        return false;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(features); i++) {
        enum x86_feature f = features[i].feature;
        if (is_broken(&e->limits, f) || (!is_ours(f) && !is_listed(table, i))) {
            cpuid->features[f / 64] &= ~(1ull << f % 64);
        }
    }
    x86_cpuid_settle(cpuid);
    return true;
}

static void add(union cpuid_table *table, const struct kvm_cpu *c, uint32_t leaf, uint32_t subleaf, bool indexed)
{
    struct x86_cpuid_result r = x86_cpuid_query(c->engine->cpuid, c->index, leaf, subleaf, 0, 1, 0x800);
    struct kvm_cpuid_entry2 entry = {
        .function = leaf, .index = subleaf, .flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
        .eax = r.eax, .ebx = r.ebx, .ecx = r.ecx, .edx = r.edx,
    };
    if (table->head.nent < ENTRIES) {
        table->head.entries[table->head.nent++] = entry;
    }
}

static void add_leaf(union cpuid_table *table, const struct kvm_cpu *c, uint32_t leaf)
{
    enum { LEAF_CACHE = 4, LEAF_FEATURES = 7, LEAF_TOPOLOGY = 0xb, LEAF_XSAVE = 0xd };
    const uint32_t subleaves = leaf == LEAF_TOPOLOGY || leaf == LEAF_XSAVE ? 3 : 1;
    bool indexed = leaf == LEAF_CACHE || leaf == LEAF_FEATURES || leaf == LEAF_TOPOLOGY || leaf == LEAF_XSAVE;
    for (uint32_t i = 0; i < subleaves; i++) {
        add(table, c, leaf, i, indexed);
    }
}

int kvm_cpuid_set(struct kvm_cpu *c)
{
    enum { LEAVES_LEAST = 0x1f };
    static const uint32_t ranges[] = { 0, 0x40000000, 0x80000000 };
    g_autofree union cpuid_table *table = g_new0(union cpuid_table, 1);
    for (unsigned i = 0; i < G_N_ELEMENTS(ranges); i++) {
        uint32_t last = x86_cpuid_query(c->engine->cpuid, c->index, ranges[i], 0, 0, 1, 0x800).eax;
        /* Beyond the last leaf too: for what is not in the table some KVMs answer with the host's values. */
        for (uint32_t leaf = ranges[i]; leaf <= MAX(last, ranges[i] + LEAVES_LEAST); leaf++) {
            add_leaf(table, c, leaf);
        }
    }
    return kvm_cpu_ioctl(c, KVM_SET_CPUID2, table);
}
