/*
 * What engine a command line gets on which host, and what it is told.
 */
#include "accel/choose.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>

#include "tests/support/fake_kvm.h"
#include "tests/support/test.h"

static void expect(struct fake_kvm *fake, const char *list, enum accel_kind kind, bool announce, const char *reason)
{
    struct accel_choice choice;
    GError *error = NULL;
    g_assert_true(accel_choose(&choice, list, &fake->sys, &error));
    g_assert_no_error(error);
    g_assert_cmpint(choice.kind, ==, kind);
    g_assert_cmpint(choice.announce, ==, announce);
    g_assert_cmpstr(choice.reason, ==, reason);
    fake_kvm_assert_clean(fake);
    accel_choice_finish(&choice);
}

static void refuse(struct fake_kvm *fake, const char *list, const char *message)
{
    struct accel_choice choice;
    GError *error = NULL;
    g_assert_false(accel_choose(&choice, list, &fake->sys, &error));
    g_assert_nonnull(error);
    g_assert_cmpstr(error->message, ==, message);
    g_error_free(error);
    accel_choice_finish(&choice);
}

static void test_auto(void)
{
    struct fake_kvm fake;
    fake_kvm_vt(&fake);
    expect(&fake, NULL, ACCEL_KVM, true, "KVM here runs on VT-x: KVM chosen");
    expect(&fake, "auto", ACCEL_KVM, true, "KVM here runs on VT-x: KVM chosen");
    fake_kvm_pvm(&fake);
    expect(&fake, "auto", ACCEL_INTERP, true, "KVM here is PVM: interpreter chosen");
    fake_kvm_vt(&fake);
    fake.device = false;
    expect(&fake, "auto", ACCEL_INTERP, true, "there is no /dev/kvm: interpreter chosen");
    fake_kvm_vt(&fake);
    fake.api_version = 11;
    expect(&fake, "auto", ACCEL_INTERP, true, "KVM here has API version 11, not 12: interpreter chosen");
    fake_kvm_vt(&fake);
    fake.lacking = KVM_CAP_READONLY_MEM;
    expect(&fake, "auto", ACCEL_INTERP, true, "KVM here lacks KVM_CAP_READONLY_MEM: interpreter chosen");
}

static void test_interpreter(void)
{
    struct fake_kvm fake;
    fake_kvm_vt(&fake);
    expect(&fake, "interp", ACCEL_INTERP, false, "interpreter, as asked for");
    expect(&fake, "tcg", ACCEL_INTERP, false, "interpreter, as asked for");
    expect(&fake, "interp:kvm", ACCEL_INTERP, false, "interpreter, as asked for");
    /* Nobody asked what KVM is worth. */
    g_assert_cmpuint(fake.vms, ==, 0);
}

static void test_kvm(void)
{
    struct fake_kvm fake;
    fake_kvm_vt(&fake);
    expect(&fake, "kvm", ACCEL_KVM, false, "KVM, as asked for");
    expect(&fake, "kvm:interp", ACCEL_KVM, false, "KVM, as asked for");
    g_assert_cmpuint(fake.vms, ==, 2);
    fake_kvm_pvm(&fake);
    expect(&fake, "kvm", ACCEL_KVM, true, "KVM here is PVM: KVM as asked for, the interpreter runs what it cannot");
}

static void test_check(void)
{
    struct fake_kvm fake;
    fake_kvm_pvm(&fake);
    expect(&fake, "check", ACCEL_CHECK, false, "cross-check of both engines, as asked for");
    fake.device = false;
    refuse(&fake, "check", "-accel check: there is no /dev/kvm; remedy: switch on virtualization (VT-x or AMD-V) in the "
                           "setup of this computer's firmware, if it has it, or -accel interp");
}

static void test_list(void)
{
    struct fake_kvm fake;
    fake_kvm_vt(&fake);
    fake.device = false;
    expect(&fake, "kvm:interp", ACCEL_INTERP, true,
           "could not use KVM (there is no /dev/kvm): back to the interpreter");
    expect(&fake, "kvm:tcg", ACCEL_INTERP, true, "could not use KVM (there is no /dev/kvm): back to the interpreter");
    expect(&fake, "kvm:auto", ACCEL_INTERP, true, "there is no /dev/kvm: interpreter chosen");
}

static void test_refused(void)
{
    struct fake_kvm fake;
    fake_kvm_vt(&fake);
    fake.device = false;
    refuse(&fake, "kvm", "-accel kvm: there is no /dev/kvm; remedy: sudo modprobe kvm_intel, or -accel interp");
    refuse(&fake, "kvm:kvm", "-accel kvm: there is no /dev/kvm; remedy: sudo modprobe kvm_intel, or -accel interp");
    fake_kvm_vt(&fake);
    fake.api_version = 10;
    refuse(&fake, "kvm", "-accel kvm: KVM here has API version 10, not 12; remedy: install a current kernel, or "
                         "-accel interp");
    fake_kvm_vt(&fake);
    fake.vm_error = EINVAL;
    refuse(&fake, "kvm", "-accel kvm: KVM here cannot make a VM (KVM_CREATE_VM: Invalid argument); remedy: "
                         "-accel interp");
    /* A wrong word is wrong wherever it stands. */
    refuse(&fake, "interp:warp", "-accel: unknown engine 'warp'; known: auto, interp (or tcg), kvm, check");
    refuse(&fake, "", "-accel: no engine named; known: auto, interp (or tcg), kvm, check");
}

static void test_describe(void)
{
    g_autoptr(GString) out = g_string_new(NULL);
    struct accel_choice choice;
    struct fake_kvm fake;
    fake_kvm_pvm(&fake);
    g_assert_true(accel_choose(&choice, "interp", &fake.sys, NULL));
    accel_choice_describe(&choice, out);
    g_assert_cmpstr(out->str, ==, "");
    accel_choice_finish(&choice);
    g_assert_true(accel_choose(&choice, "auto", &fake.sys, NULL));
    accel_choice_describe(&choice, out);
    g_assert_nonnull(strstr(out->str, "  KVM class: limited (found in "));
    g_assert_nonnull(strstr(out->str, "  CPU virtualization: neither vmx nor svm\n"));
    g_assert_nonnull(strstr(out->str, "  32-bit paging: no\n"));
    g_assert_nonnull(strstr(out->str, "  x87 instructions: no\n"));
    g_assert_nonnull(strstr(out->str, " rounds: 10.1"));
    g_assert_nonnull(strstr(out->str, "emulated by the kernel meanwhile: 1200\n"));
    accel_choice_finish(&choice);
}

static void test_help(void)
{
    g_autoptr(GString) out = g_string_new(NULL);
    accel_help(out);
    g_assert_nonnull(strstr(out->str, "\nauto "));
    g_assert_nonnull(strstr(out->str, "\ninterp "));
    g_assert_nonnull(strstr(out->str, "\nkvm "));
    g_assert_true(g_str_has_suffix(out->str, "\n"));
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/choose/auto", test_auto);
    g_test_add_func("/choose/interpreter", test_interpreter);
    g_test_add_func("/choose/kvm", test_kvm);
    g_test_add_func("/choose/check", test_check);
    g_test_add_func("/choose/list", test_list);
    g_test_add_func("/choose/refused", test_refused);
    g_test_add_func("/choose/describe", test_describe);
    g_test_add_func("/choose/help", test_help);
    return g_test_run();
}
