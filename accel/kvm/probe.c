/*
 * The decision: is there a device, may we open it, does it speak version 12 of the interface, has it what the
 * engine needs, has the CPU VT or SVM, and does code run as on a CPU (probe_guest.c). Interface: the kernel's
 * Documentation/virt/kvm/api.rst.
 *
 * Not looked at: names of modules, the DMI tables or the hypervisor's CPUID leaves. What counts is what runs.
 */
#include "accel/kvm/probe.h"

#include <errno.h>
#include <glib.h>
#include <grp.h>
#include <linux/kvm.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "accel/kvm/probe_impl.h"

#define API_VERSION 12
#define CPUINFO_PATH "/proc/cpuinfo"
#define CPUINFO_SIZE 16384 /* more than the first CPU's paragraph */

/* What the engine cannot do without. */
static const struct {
    int number;
    const char *name;
} capabilities[] = {
    { KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY" },
    { KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID" },
    { KVM_CAP_SET_TSS_ADDR, "KVM_CAP_SET_TSS_ADDR" },
    { KVM_CAP_SYNC_MMU, "KVM_CAP_SYNC_MMU" },
    { KVM_CAP_MP_STATE, "KVM_CAP_MP_STATE" },
    { KVM_CAP_VCPU_EVENTS, "KVM_CAP_VCPU_EVENTS" },
    { KVM_CAP_DEBUGREGS, "KVM_CAP_DEBUGREGS" },
    { KVM_CAP_XSAVE, "KVM_CAP_XSAVE" },
    { KVM_CAP_READONLY_MEM, "KVM_CAP_READONLY_MEM" },
    { KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT" },
    { KVM_CAP_SYNC_REGS, "KVM_CAP_SYNC_REGS" },
};

static void conclude(struct kvm_probe *probe, enum kvm_class class, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void conclude(struct kvm_probe *probe, enum kvm_class class, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_vsnprintf(probe->reason, sizeof(probe->reason), format, args);
    va_end(args);
    probe->class = class;
}

static void remedy(struct kvm_probe *probe, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void remedy(struct kvm_probe *probe, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_vsnprintf(probe->remedy, sizeof(probe->remedy), format, args);
    va_end(args);
}

/* Looks for a word in the first line of flags. */
static bool has_flag(const char *cpuinfo, const char *word)
{
    const char *flags = strstr(cpuinfo, "\nflags");
    if (flags == NULL) {
        return false;
    }
    g_autofree char *line = g_strndup(flags + 1, strcspn(flags + 1, "\n"));
    g_auto(GStrv) words = g_strsplit_set(line, " \t", 0);
    return g_strv_contains((const char *const *)words, word);
}

static void look_at_cpu(struct kvm_probe *probe, const struct kvm_sys *sys)
{
    g_autofree char *text = g_malloc0(CPUINFO_SIZE);
    if (sys->ops->read_text(sys->arg, CPUINFO_PATH, text, CPUINFO_SIZE) >= 0) {
        probe->cpu_feature = has_flag(text, "vmx") ? "vmx" : has_flag(text, "svm") ? "svm" : NULL;
    }
}

static void no_device(struct kvm_probe *probe, int error)
{
    if (probe->device) {
        conclude(probe, KVM_CLASS_NONE, KVM_DEVICE_PATH " does not answer (%s)", g_strerror(error));
    } else {
        conclude(probe, KVM_CLASS_NONE, "there is no " KVM_DEVICE_PATH);
    }
    if (probe->cpu_feature != NULL) {
        remedy(probe, "sudo modprobe %s", strcmp(probe->cpu_feature, "vmx") == 0 ? "kvm_intel" : "kvm_amd");
    } else {
        remedy(probe, "switch on virtualization (VT-x or AMD-V) in the setup of this computer's firmware, if it "
                      "has it");
    }
}

/* The device belongs to a group that lets its members in, by the distribution's rules: joining it is the remedy
 * that lasts. A device of root's group must not be opened up by joining that. */
void kvm_probe_no_permission(struct kvm_probe *probe, const char *user)
{
    const struct kvm_sys_owner *owner = &probe->owner;
    if (user == NULL) {
        conclude(probe, KVM_CLASS_NO_PERMISSION, KVM_DEVICE_PATH " may not be opened, even by root");
        remedy(probe, "start the container with --device " KVM_DEVICE_PATH);
        return;
    }
    struct group *group = getgrgid(owner->gid);
    g_autofree char *name = group != NULL ? g_strdup(group->gr_name) : g_strdup_printf("%u", (unsigned)owner->gid);
    conclude(probe, KVM_CLASS_NO_PERMISSION, KVM_DEVICE_PATH " may not be opened; it belongs to group %s", name);
    if (owner->gid == 0 || (owner->mode & (S_IRGRP | S_IWGRP)) != (S_IRGRP | S_IWGRP)) {
        remedy(probe, "sudo setfacl -m u:%s:rw " KVM_DEVICE_PATH, user);
    } else if (group != NULL && g_strv_contains((const char *const *)group->gr_mem, user)) {
        remedy(probe, "log in again: you are in group %s, but this session began before", name);
    } else {
        remedy(probe, "sudo usermod -aG %s %s, then log in again", name, user);
    }
}

static void not_opened(struct kvm_probe *probe, int error)
{
    if (error != EACCES && error != EPERM) {
        no_device(probe, error);
        return;
    }
    struct passwd *user = getpwuid(geteuid());
    kvm_probe_no_permission(probe, geteuid() == 0 ? NULL : user != NULL ? user->pw_name : "$USER");
}

/* True if the interface has what the engine needs. */
static bool look_at_interface(struct kvm_probe *probe, const struct kvm_sys *sys, int device)
{
    probe->api_version = kvm_sys_ioctl(sys, device, KVM_GET_API_VERSION, 0);
    if (probe->api_version != API_VERSION) {
        conclude(probe, KVM_CLASS_OLD_API, "KVM here has API version %d, not %d", probe->api_version, API_VERSION);
        remedy(probe, "install a current kernel");
        return false;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(capabilities); i++) {
        if (kvm_sys_ioctl(sys, device, KVM_CHECK_EXTENSION, (uintptr_t)capabilities[i].number) <= 0) {
            conclude(probe, KVM_CLASS_LACKING, "KVM here lacks %s", capabilities[i].name);
            remedy(probe, "install a current kernel");
            return false;
        }
    }
    return true;
}

static void classify(struct kvm_probe *probe)
{
    const struct kvm_limits *limits = &probe->limits;
    bool limited = limits->no_paging32 || limits->emulated || limits->no_x87;
    if (probe->cpu_feature == NULL && limited) {
        conclude(probe, KVM_CLASS_LIMITED, "KVM here is PVM");
    } else if (limits->no_paging32) {
        conclude(probe, KVM_CLASS_LIMITED, "KVM here has no 32-bit paging");
    } else if (limits->emulated) {
        conclude(probe, KVM_CLASS_LIMITED, "KVM here emulates instructions one by one");
    } else if (limits->no_x87) {
        conclude(probe, KVM_CLASS_LIMITED, "KVM here stops at x87 instructions");
    } else if (!probe->loop_done || !probe->x87_done) {
        conclude(probe, KVM_CLASS_LIMITED, "KVM here did not run the probe's code");
    } else if (probe->cpu_feature == NULL) {
        conclude(probe, KVM_CLASS_LIMITED, "KVM here has neither vmx nor svm behind it");
    } else {
        conclude(probe, KVM_CLASS_FULL, "KVM here runs on %s",
                 strcmp(probe->cpu_feature, "vmx") == 0 ? "VT-x" : "AMD-V");
    }
}

static void look_at_device(struct kvm_probe *probe, const struct kvm_sys *sys, int device, uint64_t deadline)
{
    const char *what = "";
    int error = 0;
    if (!look_at_interface(probe, sys, device)) {
        return;
    }
    if (kvm_probe_guest(probe, sys, device, deadline, &what, &error)) {
        classify(probe);
        if (!probe->loop_done) {
            /* Not known: the worst is assumed, should KVM be forced. */
            probe->limits = (struct kvm_limits){ true, true, true };
        }
        return;
    }
    conclude(probe, KVM_CLASS_LACKING, "KVM here cannot make a VM (%s: %s)", what, g_strerror(-error));
    if (error == -EBUSY) {
        remedy(probe, "end the other virtual machine program that holds the CPU's virtualization");
    } else if (error == -ENOMEM) {
        remedy(probe, "free some memory");
    }
}

void kvm_probe(struct kvm_probe *probe, const struct kvm_sys *sys)
{
    uint64_t start = sys->ops->now(sys->arg);
    memset(probe, 0, sizeof(*probe));
    look_at_cpu(probe, sys);
    probe->device = sys->ops->owner(sys->arg, KVM_DEVICE_PATH, &probe->owner) >= 0;
    int device = kvm_sys_open(sys, KVM_DEVICE_PATH);
    if (device < 0) {
        not_opened(probe, -device);
    } else {
        /* A quarter is kept for taking the VM down. */
        look_at_device(probe, sys, device, start + KVM_PROBE_BUDGET_NS * 3 / 4);
        kvm_sys_close(sys, device);
    }
    probe->elapsed_ns = sys->ops->now(sys->arg) - start;
}

bool kvm_probe_usable(const struct kvm_probe *probe)
{
    return probe->class >= KVM_CLASS_LIMITED;
}

const char *kvm_class_name(enum kvm_class class)
{
    static const char *const names[] = {
        [KVM_CLASS_NONE] = "none",          [KVM_CLASS_NO_PERMISSION] = "no permission",
        [KVM_CLASS_OLD_API] = "old API",    [KVM_CLASS_LACKING] = "lacking a capability",
        [KVM_CLASS_LIMITED] = "limited",    [KVM_CLASS_FULL] = "full",
    };
    return names[class];
}
