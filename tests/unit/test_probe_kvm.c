/*
 * Every branch of the decision what KVM is worth, on a fake kernel; and on the host's own, a hundred times.
 */
#include "accel/kvm/probe.h"

#include <errno.h>
#include <grp.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "accel/kvm/probe_impl.h"
#include "tests/support/fake_kvm.h"
#include "tests/support/test.h"

static struct kvm_probe probe_fake(struct fake_kvm *fake)
{
    struct kvm_probe probe;
    kvm_probe(&probe, &fake->sys);
    fake_kvm_assert_clean(fake);
    return probe;
}

static void assert_reason(const struct kvm_probe *probe, enum kvm_class class, const char *reason)
{
    g_assert_cmpstr(kvm_class_name(probe->class), ==, kvm_class_name(class));
    g_assert_cmpstr(probe->reason, ==, reason);
}

static void test_vt(void)
{
    struct fake_kvm fake;
    fake_kvm_vt(&fake);
    struct kvm_probe probe = probe_fake(&fake);
    assert_reason(&probe, KVM_CLASS_FULL, "KVM here runs on VT-x");
    g_assert_true(kvm_probe_usable(&probe));
    g_assert_cmpstr(probe.remedy, ==, "");
    g_assert_cmpuint(probe.loop_ns, >=, 20000);
    g_assert_cmpuint(probe.loop_ns, <, 1000000);
    g_assert_true(probe.stats_done && probe.x87_done && probe.loop_done);
    g_assert_cmpuint(probe.emulated, ==, 0);
    g_assert_cmpint(probe.api_version, ==, 12);
    g_assert_cmpstr(probe.cpu_feature, ==, "vmx");
    g_assert_cmpuint(probe.elapsed_ns, <, KVM_PROBE_BUDGET_NS);
}

static void test_svm(void)
{
    struct fake_kvm fake;
    fake_kvm_vt(&fake);
    fake.cpuinfo = "processor\t: 0\nflags\t\t: svm fpu\n";
    struct kvm_probe probe = probe_fake(&fake);
    assert_reason(&probe, KVM_CLASS_FULL, "KVM here runs on AMD-V");
    /* Part of a longer word, or in another line, it is not the flag. */
    fake_kvm_vt(&fake);
    fake.cpuinfo = "model name\t: vmx\nflags\t\t: fpu svm_lock novmx\nother\t\t: svm\n";
    probe = probe_fake(&fake);
    g_assert_null(probe.cpu_feature);
}

static void test_pvm(void)
{
    struct fake_kvm fake;
    fake_kvm_pvm(&fake);
    struct kvm_probe probe = probe_fake(&fake);
    assert_reason(&probe, KVM_CLASS_LIMITED, "KVM here is PVM");
    g_assert_true(kvm_probe_usable(&probe));
    g_assert_true(probe.limits.no_paging32 && probe.limits.emulated && probe.limits.no_x87);
    g_assert_cmpuint(probe.loop_ns, >=, 10000000);
    g_assert_cmpuint(probe.emulated, >, 500);
    /* The slow loop is not run to its end: that would be ten milliseconds. */
    g_assert_cmpuint(probe.elapsed_ns, <, 5000000);
}

/* One of its traits at a time, on a CPU that has VT; and all well without. */
static void test_limited(void)
{
    struct fake_kvm fake;
    fake_kvm_vt(&fake);
    fake.paging32 = false;
    struct kvm_probe probe = probe_fake(&fake);
    assert_reason(&probe, KVM_CLASS_LIMITED, "KVM here has no 32-bit paging");
    fake_kvm_vt(&fake);
    fake.round_ns = 500;
    probe = probe_fake(&fake);
    assert_reason(&probe, KVM_CLASS_LIMITED, "KVM here emulates instructions one by one");
    fake_kvm_vt(&fake);
    fake.emulates = true;
    probe = probe_fake(&fake);
    assert_reason(&probe, KVM_CLASS_LIMITED, "KVM here emulates instructions one by one");
    g_assert_cmpuint(probe.emulated, ==, 40000);
    fake_kvm_vt(&fake);
    fake.x87 = false;
    probe = probe_fake(&fake);
    assert_reason(&probe, KVM_CLASS_LIMITED, "KVM here stops at x87 instructions");
    fake_kvm_vt(&fake);
    fake.cpuinfo = "flags\t\t: fpu\n";
    probe = probe_fake(&fake);
    assert_reason(&probe, KVM_CLASS_LIMITED, "KVM here has neither vmx nor svm behind it");
    fake_kvm_vt(&fake);
    fake.cpuinfo = NULL;
    probe = probe_fake(&fake);
    assert_reason(&probe, KVM_CLASS_LIMITED, "KVM here has neither vmx nor svm behind it");
}

/* A busy host is not taken for an emulated one, and old kernels without statistics are fine. */
static void test_busy(void)
{
    struct fake_kvm fake;
    fake_kvm_vt(&fake);
    fake.slow_pieces = 2;
    struct kvm_probe probe = probe_fake(&fake);
    g_assert_cmpint(probe.class, ==, KVM_CLASS_FULL);
    g_assert_cmpuint(probe.loop_ns, <, 1000000);
    fake_kvm_vt(&fake);
    fake.stats = false;
    probe = probe_fake(&fake);
    g_assert_cmpint(probe.class, ==, KVM_CLASS_FULL);
    g_assert_false(probe.stats_done);
}

static void test_no_answer(void)
{
    struct fake_kvm fake;
    fake_kvm_vt(&fake);
    fake.hang = true;
    struct kvm_probe probe = probe_fake(&fake);
    assert_reason(&probe, KVM_CLASS_LIMITED, "KVM here did not run the probe's code");
    g_assert_false(probe.loop_done || probe.x87_done);
    g_assert_cmpuint(fake.runs, <=, 6);
    g_assert_true(probe.limits.no_paging32 && probe.limits.emulated && probe.limits.no_x87);
    fake_kvm_vt(&fake);
    fake.wild = true;
    probe = probe_fake(&fake);
    g_assert_cmpint(probe.class, ==, KVM_CLASS_LIMITED);
    g_assert_false(probe.loop_done);
}

static void test_no_device(void)
{
    struct fake_kvm fake;
    fake_kvm_vt(&fake);
    fake.device = false;
    struct kvm_probe probe = probe_fake(&fake);
    assert_reason(&probe, KVM_CLASS_NONE, "there is no /dev/kvm");
    g_assert_cmpstr(probe.remedy, ==, "sudo modprobe kvm_intel");
    g_assert_false(kvm_probe_usable(&probe));
    g_assert_cmpuint(fake.vms, ==, 0);
    fake.cpuinfo = "x\nflags : svm\n";
    probe = probe_fake(&fake);
    g_assert_cmpstr(probe.remedy, ==, "sudo modprobe kvm_amd");
    fake.cpuinfo = "x\nflags : fpu\n";
    probe = probe_fake(&fake);
    g_assert_nonnull(strstr(probe.remedy, "firmware"));
    /* A device file without a driver behind it. */
    fake.device = true;
    fake.open_error = ENXIO;
    probe = probe_fake(&fake);
    g_assert_cmpint(probe.class, ==, KVM_CLASS_NONE);
    g_assert_true(g_str_has_prefix(probe.reason, "/dev/kvm does not answer"));
}

static void test_no_permission(void)
{
    struct fake_kvm fake;
    fake_kvm_vt(&fake);
    fake.open_error = EACCES;
    struct kvm_probe probe = probe_fake(&fake);
    g_assert_cmpint(probe.class, ==, KVM_CLASS_NO_PERMISSION);
    g_assert_true(g_str_has_prefix(probe.reason, "/dev/kvm may not be opened"));
    g_assert_cmpstr(probe.remedy, !=, "");
    g_assert_false(kvm_probe_usable(&probe));
    g_assert_cmpuint(fake.vms, ==, 0);
}

/* The remedy names the group that owns the device; what it is depends on who asks. */
static void test_permission_remedy(void)
{
    struct group *group = getgrnam("daemon");
    g_autofree char *name = group != NULL ? g_strdup("daemon") : g_strdup("54321");
    gid_t gid = group != NULL ? group->gr_gid : 54321;
    struct kvm_probe probe = { .device = true, .owner = { .gid = gid, .mode = 0660 } };
    kvm_probe_no_permission(&probe, "alice");
    g_autofree char *reason = g_strdup_printf("/dev/kvm may not be opened; it belongs to group %s", name);
    g_autofree char *remedy = g_strdup_printf("sudo usermod -aG %s alice, then log in again", name);
    assert_reason(&probe, KVM_CLASS_NO_PERMISSION, reason);
    g_assert_cmpstr(probe.remedy, ==, remedy);
    /* Joining root's group, or one that may not write, would be wrong. */
    probe.owner.gid = 0;
    kvm_probe_no_permission(&probe, "alice");
    g_assert_cmpstr(probe.remedy, ==, "sudo setfacl -m u:alice:rw /dev/kvm");
    probe.owner = (struct kvm_sys_owner){ .gid = gid, .mode = 0640 };
    kvm_probe_no_permission(&probe, "alice");
    g_assert_cmpstr(probe.remedy, ==, "sudo setfacl -m u:alice:rw /dev/kvm");
    kvm_probe_no_permission(&probe, NULL);
    g_assert_cmpstr(probe.remedy, ==, "start the container with --device /dev/kvm");
}

static void test_old_api(void)
{
    struct fake_kvm fake;
    fake_kvm_vt(&fake);
    fake.api_version = 10;
    struct kvm_probe probe = probe_fake(&fake);
    assert_reason(&probe, KVM_CLASS_OLD_API, "KVM here has API version 10, not 12");
    g_assert_false(kvm_probe_usable(&probe));
    g_assert_cmpuint(fake.vms, ==, 0);
}

static void test_lacking(void)
{
    static const int needed[] = {
        KVM_CAP_USER_MEMORY, KVM_CAP_READONLY_MEM, KVM_CAP_IMMEDIATE_EXIT, KVM_CAP_VCPU_EVENTS, KVM_CAP_SYNC_REGS,
    };
    struct fake_kvm fake;
    for (unsigned i = 0; i < G_N_ELEMENTS(needed); i++) {
        fake_kvm_vt(&fake);
        fake.lacking = needed[i];
        struct kvm_probe probe = probe_fake(&fake);
        g_assert_cmpint(probe.class, ==, KVM_CLASS_LACKING);
        g_assert_true(g_str_has_prefix(probe.reason, "KVM here lacks KVM_CAP_"));
        g_assert_cmpuint(fake.vms, ==, 0);
        g_assert_false(kvm_probe_usable(&probe));
    }
}

static void test_no_vm(void)
{
    struct fake_kvm fake;
    fake_kvm_vt(&fake);
    fake.vm_error = EBUSY;
    struct kvm_probe probe = probe_fake(&fake);
    g_assert_cmpint(probe.class, ==, KVM_CLASS_LACKING);
    g_assert_true(g_str_has_prefix(probe.reason, "KVM here cannot make a VM (KVM_CREATE_VM: "));
    g_assert_nonnull(strstr(probe.remedy, "other virtual machine"));
    fake_kvm_vt(&fake);
    fake.cpu_error = ENOMEM;
    probe = probe_fake(&fake);
    g_assert_nonnull(strstr(probe.reason, "KVM_CREATE_VCPU"));
    fake_kvm_vt(&fake);
    fake.no_map = true;
    probe = probe_fake(&fake);
    g_assert_nonnull(strstr(probe.reason, "mmap"));
    fake_kvm_vt(&fake);
    fake.no_memory = true;
    probe = probe_fake(&fake);
    g_assert_nonnull(strstr(probe.reason, "memory"));
    g_assert_cmpint(probe.class, ==, KVM_CLASS_LACKING);
}

static uint64_t cpu_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* More wants to run than there are CPUs: what passes on the wall clock says nothing about us. */
static bool host_is_busy(void)
{
    double load;
    return getloadavg(&load, 1) == 1 && load > (double)g_get_num_processors();
}

/* In time, unless the host gave its CPUs to others: then once more. */
static uint64_t probe_in_time(struct kvm_probe *probe)
{
    for (unsigned i = 0; i < 4; i++) {
        uint64_t before = cpu_time();
        kvm_probe(probe, &kvm_sys_host);
        g_assert_cmpuint(cpu_time() - before, <=, KVM_PROBE_BUDGET_NS);
        if (probe->elapsed_ns <= KVM_PROBE_BUDGET_NS) {
            break;
        }
    }
    return probe->elapsed_ns;
}

/* The same answer each time, and in time; without VT or SVM it is never "full". */
static void test_host(void)
{
    struct kvm_probe first, probe;
    uint64_t worst = 0;
    kvm_probe(&first, &kvm_sys_host);
    if (!kvm_probe_usable(&first)) {
        g_autofree char *why = g_strdup_printf("no usable KVM here: %s", first.reason);
        g_test_skip(why);
        return;
    }
    g_assert_true(first.cpu_feature != NULL || first.class == KVM_CLASS_LIMITED);
    for (unsigned i = 0; i < 100; i++) {
        uint64_t elapsed = probe_in_time(&probe);
        g_assert_cmpstr(probe.reason, ==, first.reason);
        g_assert_cmpint(probe.class, ==, first.class);
        g_assert_true(elapsed <= KVM_PROBE_BUDGET_NS || host_is_busy());
        worst = MAX(worst, elapsed);
    }
    g_test_message("%s; slowest probe %.1f ms", first.reason, (double)worst / 1e6);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/probe-kvm/vt", test_vt);
    g_test_add_func("/probe-kvm/svm", test_svm);
    g_test_add_func("/probe-kvm/pvm", test_pvm);
    g_test_add_func("/probe-kvm/limited", test_limited);
    g_test_add_func("/probe-kvm/busy-host", test_busy);
    g_test_add_func("/probe-kvm/no-answer", test_no_answer);
    g_test_add_func("/probe-kvm/no-device", test_no_device);
    g_test_add_func("/probe-kvm/no-permission", test_no_permission);
    g_test_add_func("/probe-kvm/permission-remedy", test_permission_remedy);
    g_test_add_func("/probe-kvm/old-api", test_old_api);
    g_test_add_func("/probe-kvm/lacking", test_lacking);
    g_test_add_func("/probe-kvm/no-vm", test_no_vm);
    g_test_add_func("/probe-kvm/host", test_host);
    return g_test_run();
}
