/*
 * Opening and closing: the device, what it can do, the VM, its VCPUs. KVM API 4.1 to 4.7, 4.98 and 4.97 (MSR exits
 * and filter).
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "accel/kvm/kvm_impl.h"

#define TSS_ADDRESS 0xfffbd000u /* three pages that VT needs for real mode, where nothing else is */
#define IDENTITY_MAP_ADDRESS 0xfffbc000ull

static bool fail(GError **error, const char *what, int r)
{
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                "-accel kvm: %s: %s; leave the option out or use -accel interp", what, g_strerror(-r));
    return false;
}

static int extension(struct kvm_engine *e, int number)
{
    int r = kvm_sys_ioctl(&e->sys, e->device, KVM_CHECK_EXTENSION, (uintptr_t)number);
    return r > 0 ? r : 0;
}

static void caps_read(struct kvm_engine *e)
{
    const int all = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS;
    e->caps = (struct kvm_caps){
        .sync_regs = (extension(e, KVM_CAP_SYNC_REGS) & all) == all,
        .xsave = extension(e, KVM_CAP_XSAVE) != 0,
        .xcrs = extension(e, KVM_CAP_XCRS) != 0,
        .debugregs = extension(e, KVM_CAP_DEBUGREGS) != 0,
        .readonly_mem = extension(e, KVM_CAP_READONLY_MEM) != 0,
        .msr_exits = extension(e, KVM_CAP_X86_USER_SPACE_MSR) != 0 && extension(e, KVM_CAP_X86_MSR_FILTER) != 0,
        .coalesced = e->shadow ? 0 : extension(e, KVM_CAP_COALESCED_MMIO),
    };
}

/* Accesses to what belongs to our APIC chips come out, unless the kernel has its own; so do unknown ones, which the
 * interpreter's table answers. */
static void msr_exits_init(struct kvm_engine *e)
{
    enum { X2APIC_FIRST = 0x800, X2APIC_COUNT = 0x100, TSC_DEADLINE = 0x6e0 };
    uint8_t none[X2APIC_COUNT / 8] = { 0 };
    struct kvm_enable_cap cap = {
        .cap = KVM_CAP_X86_USER_SPACE_MSR,
        .args[0] = KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_FILTER,
    };
    struct kvm_msr_filter filter = {
        .flags = KVM_MSR_FILTER_DEFAULT_ALLOW,
        .ranges[0] = { .flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE, .base = X2APIC_FIRST,
                       .nmsrs = X2APIC_COUNT, .bitmap = none },
        .ranges[1] = { .flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE, .base = TSC_DEADLINE, .nmsrs = 1,
                       .bitmap = none },
    };
    if (kvm_has_chips(e)) {
        filter.ranges[0] = filter.ranges[1] = (struct kvm_msr_filter_range){ 0 };
    }
    if (e->caps.msr_exits) {
        e->caps.msr_exits = kvm_sys_ioctl_ptr(&e->sys, e->vm, KVM_ENABLE_CAP, &cap) >= 0 &&
                            kvm_sys_ioctl_ptr(&e->sys, e->vm, KVM_X86_SET_MSR_FILTER, &filter) >= 0;
    }
}

static bool device_open(struct kvm_engine *e, GError **error)
{
    e->device = kvm_sys_open(&e->sys, KVM_DEVICE_PATH);
    if (e->device < 0) {
        return fail(error, "cannot open " KVM_DEVICE_PATH, e->device);
    }
    if (kvm_sys_ioctl(&e->sys, e->device, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
        return fail(error, "the API version is not 12", -ENOTSUP);
    }
    int size = kvm_sys_ioctl(&e->sys, e->device, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (size < (int)sizeof(struct kvm_run)) {
        return fail(error, "KVM_GET_VCPU_MMAP_SIZE", size < 0 ? size : -EINVAL);
    }
    e->run_size = (size_t)size;
    caps_read(e);
    return true;
}

static bool vm_open(struct kvm_engine *e, GError **error)
{
    uint64_t identity = IDENTITY_MAP_ADDRESS;
    e->vm = kvm_sys_ioctl(&e->sys, e->device, KVM_CREATE_VM, 0);
    if (e->vm < 0) {
        return fail(error, "cannot create a VM", e->vm);
    }
    kvm_sys_ioctl_ptr(&e->sys, e->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity);
    kvm_sys_ioctl(&e->sys, e->vm, KVM_SET_TSS_ADDR, TSS_ADDRESS);
    msr_exits_init(e);
    return true;
}

static bool cpu_open(struct kvm_cpu *c, GError **error)
{
    struct kvm_engine *e = c->engine;
    c->fd = kvm_sys_ioctl(&e->sys, e->vm, KVM_CREATE_VCPU, c->index);
    if (c->fd < 0) {
        return fail(error, "cannot create a VCPU", c->fd);
    }
    c->run = e->sys.ops->map(e->sys.arg, c->fd, e->run_size, 0);
    if (c->run == NULL) {
        return fail(error, "cannot map a VCPU", -ENOMEM);
    }
    if (e->caps.sync_regs) {
        c->run->kvm_valid_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS;
    }
    int r = kvm_cpuid_set(c);
    return r >= 0 || fail(error, "KVM_SET_CPUID2", r);
}

static bool cpus_open(struct kvm_engine *e, GError **error)
{
    for (unsigned i = 0; i < e->count; i++) {
        struct kvm_cpu *c = &e->cpus[i];
        c->cpu = interp_engine_cpu(e->interp, i);
        c->index = i;
        if (!cpu_open(c, error)) {
            return false;
        }
        c->cpu->tsc_host = e->limits.emulated;
    }
    kvm_msr_list_init(&e->msrs, &e->cpus[0]);
    return true;
}

static void tsc_init(struct kvm_engine *e, struct x86_cpuid *cpuid)
{
    struct kvm_cpu *c = &e->cpus[0];
    int khz = kvm_cpu_ioctl(c, KVM_GET_TSC_KHZ, NULL);
    if (khz > 0) {
        cpuid->tsc_khz = (uint32_t)khz;
    }
}

void kvm_engine_close(void *arg)
{
    struct kvm_engine *e = arg;
    kvm_memory_destroy(e->memory);
    for (unsigned i = 0; i < e->count; i++) {
        if (e->cpus[i].run != NULL) {
            e->sys.ops->unmap(e->sys.arg, e->cpus[i].run, e->run_size);
        }
        if (e->cpus[i].fd >= 0) {
            kvm_sys_close(&e->sys, e->cpus[i].fd);
        }
    }
    if (e->vm >= 0) {
        kvm_sys_close(&e->sys, e->vm);
    }
    if (e->device >= 0) {
        kvm_sys_close(&e->sys, e->device);
    }
    kvm_rescues_destroy(e->rescues);
    world_finish(&e->world);
    g_free(e->cpus);
    g_free(e);
}

void *kvm_engine_open(const struct accel_open *open, const struct kvm_sys *sys, GError **error)
{
    struct kvm_engine *e = g_new0(struct kvm_engine, 1);
    *e = (struct kvm_engine){
        .machine = open->machine, .cpuid = open->cpuid, .interp = open->interp, .count = open->cpus, .sys = *sys,
        .device = -1, .vm = -1, .limits = *open->limits, .cpus = g_new0(struct kvm_cpu, open->cpus),
        .rescues = kvm_rescues_create(), .shadow = open->shadow, .irqchip = { .kind = open->irqchip },
        .wake = open->wake, .wake_arg = open->wake_arg,
    };
    if (open->limited) {
        /* The probe may have had no time to find all of them; better too careful than wrong. */
        e->limits = (struct kvm_limits){ .no_paging32 = true, .emulated = true, .no_x87 = true };
    }
    for (unsigned i = 0; i < e->count; i++) {
        e->cpus[i].engine = e;
        e->cpus[i].fd = -1;
        kvm_turn_reset(&e->cpus[i]);
    }
    world_init(&e->world);
    kvm_policy_init(&e->policy, &e->limits);
    kvm_signal_init();
    bool ok = device_open(e, error);
    if (ok && open->may_mask && !kvm_cpuid_mask(e, open->cpuid)) {
        ok = fail(error, "KVM_GET_SUPPORTED_CPUID", -ENOTSUP);
    }
    ok = ok && vm_open(e, error) && kvm_irqchip_create(e, error) && cpus_open(e, error);
    if (ok && open->may_mask) {
        tsc_init(e, open->cpuid);
    }
    e->memory = ok ? kvm_memory_create(e, error) : NULL;
    if (e->memory == NULL) {
        kvm_engine_close(e);
        return NULL;
    }
    return e;
}
