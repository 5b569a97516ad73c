/* accel/x86_cpuid.c: what -cpu says, and the hypervisor leaves. */
#include "accel/x86_cpuid.h"

#include <string.h>

#include "tests/support/test.h"

static void expect_hypervisor(const char *option, const char *signature)
{
    struct x86_cpuid cpuid;
    struct x86_cpuid_result r;
    char name[13] = "";

    g_assert_true(x86_cpuid_parse(&cpuid, option, NULL));
    r = x86_cpuid_query(&cpuid, 0, 0x40000000, 0, 0, 1, 0);
    memcpy(name, &r.ebx, 4);
    memcpy(name + 4, &r.ecx, 4);
    memcpy(name + 8, &r.edx, 4);
    g_assert_cmpstr(name, ==, signature);
    g_assert_cmphex(r.eax, ==, signature[0] != '\0' ? 0x40000000 : 0);
    /* No paravirtual feature is offered. */
    r = x86_cpuid_query(&cpuid, 0, 0x40000001, 0, 0, 1, 0);
    g_assert_cmphex(r.eax | r.ebx | r.ecx | r.edx, ==, 0);
}

static void test_hypervisor(void)
{
    expect_hypervisor(NULL, "vmmvmmvmmvmm");
    expect_hypervisor("max,hypervisor=kvm", "KVMKVMKVM");
    expect_hypervisor("pentium3,hypervisor=kvm", "KVMKVMKVM");
    expect_hypervisor("max,hypervisor=off", "");
}

static void expect_error(const char *option, const char *part)
{
    struct x86_cpuid cpuid;
    GError *error = NULL;

    g_assert_false(x86_cpuid_parse(&cpuid, option, &error));
    g_assert_nonnull(strstr(error->message, part));
    g_error_free(error);
}

static void test_errors(void)
{
    expect_error("i8086", "unknown model");
    expect_error("max,+warp", "unknown feature 'warp'");
    expect_error("max,hypervisor=xen", "is no feature setting");
}

static void test_difference(void)
{
    struct x86_cpuid one, other;
    g_autoptr(GString) none = g_string_new(""), text = g_string_new("");
    g_assert_true(x86_cpuid_parse(&one, "qemu64,-cx16,+rdrand", NULL));
    g_assert_true(x86_cpuid_parse(&other, "qemu64", NULL));
    x86_cpuid_difference(none, one.features, one.features);
    g_assert_cmpstr(none->str, ==, "");
    x86_cpuid_difference(text, one.features, other.features);
    g_assert_nonnull(strstr(text->str, ",+cx16"));
    g_assert_nonnull(strstr(text->str, ",-rdrand"));
    g_autofree char *full = g_strconcat("qemu64,-cx16,+rdrand", text->str, NULL);
    g_assert_true(x86_cpuid_parse(&one, full, NULL));
    g_assert_cmpmem(one.features, sizeof(one.features), other.features, sizeof(other.features));
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/x86-cpuid/hypervisor", test_hypervisor);
    g_test_add_func("/x86-cpuid/errors", test_errors);
    g_test_add_func("/x86-cpuid/difference", test_difference);
    return g_test_run();
}
