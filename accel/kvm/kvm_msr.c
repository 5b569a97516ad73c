/*
 * MSRs: Linux Documentation/virt/kvm/api.rst, 4.18 (KVM_GET_MSRS) and 4.19 (KVM_SET_MSRS). EFER and the APIC base
 * travel with the system registers. What a KVM does not know stays where the last state put left it
 * (kvm_cpu.base).
 *
 * Not exchanged: performance counters, SMBASE, machine check banks.
 */
#include "accel/kvm/kvm_msr.h"

#include <errno.h>
#include <stddef.h>
#include <x86intrin.h>

#include "accel/kvm/kvm_impl.h"

#define MSR_TSC 0x10
#define MSR_LSTAR 0xc0000082

#define AT(field) offsetof(struct x86_state, msr.field)
static const struct {
    uint32_t first;
    uint16_t offset;
    uint8_t count, step; /* `step` apart in number */
} known[] = {
    { 0x174, AT(sysenter_cs), 1, 1 },
    { 0x175, AT(sysenter_esp), 1, 1 },
    { 0x176, AT(sysenter_eip), 1, 1 },
    { 0x1a0, AT(misc_enable), 1, 1 },
    { 0x277, AT(pat), 1, 1 },
    { 0x2ff, AT(mtrr_def_type), 1, 1 },
    { 0x250, AT(mtrr_fixed[0]), 1, 1 },
    { 0x258, AT(mtrr_fixed[1]), 2, 1 },
    { 0x268, AT(mtrr_fixed[3]), 8, 1 },
    { 0x200, AT(mtrr_base[0]), X86_MTRR_VARIABLE, 2 },
    { 0x201, AT(mtrr_mask[0]), X86_MTRR_VARIABLE, 2 },
    { 0x17a, AT(mcg_status), 1, 1 },
    { 0x17b, AT(mcg_ctl), 1, 1 },
    { 0xc0000081, AT(star), 1, 1 },
    { MSR_LSTAR, AT(lstar), 1, 1 },
    { 0xc0000083, AT(cstar), 1, 1 },
    { 0xc0000084, AT(fmask), 1, 1 },
    { 0xc0000102, AT(kernel_gs_base), 1, 1 },
    { 0xc0000103, AT(tsc_aux), 1, 1 },
};

/* The kernel's header with room behind it. */
union msrs {
    struct kvm_msrs head;
    uint8_t room[sizeof(struct kvm_msrs) + KVM_MSR_MAX * sizeof(struct kvm_msr_entry)];
};
union one_msr {
    struct kvm_msrs head;
    uint8_t room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
};

int kvm_msr_read(struct kvm_cpu *c, uint32_t index, uint64_t *value)
{
    union one_msr m = { .room = { 0 } };
    m.head.nmsrs = 1;
    m.head.entries[0].index = index;
    int r = kvm_cpu_ioctl(c, KVM_GET_MSRS, &m);
    *value = m.head.entries[0].data;
    return r < 0 ? r : r == 1 ? 0 : -ENOENT;
}

int kvm_msr_write(struct kvm_cpu *c, uint32_t index, uint64_t value)
{
    union one_msr m = { .room = { 0 } };
    m.head.nmsrs = 1;
    m.head.entries[0] = (struct kvm_msr_entry){ .index = index, .data = value };
    int r = kvm_cpu_ioctl(c, KVM_SET_MSRS, &m);
    return r < 0 ? r : r == 1 ? 0 : -EINVAL;
}

void kvm_msr_list_init(struct kvm_msr_set *list, struct kvm_cpu *c)
{
    list->count = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(known); i++) {
        for (unsigned k = 0; k < known[i].count; k++) {
            uint32_t index = known[i].first + k * known[i].step;
            uint64_t value;
            if (kvm_msr_read(c, index, &value) == 0 && kvm_msr_write(c, index, value) == 0) {
                g_assert(list->count < KVM_MSR_MAX);
                list->index[list->count] = index;
                list->offset[list->count++] = (uint16_t)(known[i].offset + k * sizeof(uint64_t));
            }
        }
    }
}

/* What KVM is to hold: the guest's value, or for LSTAR of a guarded CPU the poison. */
static uint64_t wanted_value(const struct kvm_cpu *c, const struct x86_state *state, unsigned i)
{
    const struct kvm_msr_set *list = &c->engine->msrs;
    if (c->guarded && list->index[i] == MSR_LSTAR) {
        return KVM_LSTAR_POISON;
    }
    return *(const uint64_t *)((const char *)state + list->offset[i]);
}

int kvm_msr_put(struct kvm_cpu *c, const struct x86_state *state)
{
    const struct kvm_msr_set *list = &c->engine->msrs;
    for (unsigned i = 0; i < list->count; i++) {
        uint64_t value = wanted_value(c, state, i);
        if (c->msr_fresh && c->msr_known[i] == value) {
            continue;
        }
        int r = kvm_msr_write(c, list->index[i], value);
        if (r < 0) {
            c->msr_fresh = false;
            return r;
        }
        c->msr_known[i] = value;
    }
    c->msr_fresh = true;
    return 0;
}

int kvm_msr_get(struct kvm_cpu *c, struct x86_state *state)
{
    const struct kvm_msr_set *list = &c->engine->msrs;
    union msrs m = { .room = { 0 } };
    m.head.nmsrs = list->count;
    for (unsigned i = 0; i < list->count; i++) {
        m.head.entries[i].index = list->index[i];
    }
    int r = kvm_cpu_ioctl(c, KVM_GET_MSRS, &m);
    if (r != (int)list->count) {
        return r < 0 ? r : -EIO;
    }
    for (unsigned i = 0; i < list->count; i++) {
        c->msr_known[i] = m.head.entries[i].data;
        if (!(c->guarded && m.head.entries[i].index == MSR_LSTAR && m.head.entries[i].data == KVM_LSTAR_POISON)) {
            *(uint64_t *)((char *)state + list->offset[i]) = m.head.entries[i].data;
        }
    }
    c->msr_fresh = true;
    return 0;
}

uint64_t kvm_tsc_get(struct kvm_cpu *c)
{
    uint64_t value;
    if (c->engine->limits.emulated || kvm_msr_read(c, MSR_TSC, &value) != 0) {
        return __rdtsc();
    }
    return value;
}

int kvm_tsc_put(struct kvm_cpu *c, uint64_t tsc)
{
    return c->engine->limits.emulated ? 0 : kvm_msr_write(c, MSR_TSC, tsc);
}
