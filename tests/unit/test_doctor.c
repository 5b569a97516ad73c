/*
 * The report on the host: KVM on fake kernels; of the rest what does not depend on the host.
 */
#include "doctor.h"

#include <errno.h>
#include <string.h>

#include "tests/support/fake_kvm.h"
#include "tests/support/test.h"

static char *examine(struct fake_kvm *fake, const char *command_line, bool *good)
{
    struct options options;
    GError *error = NULL;
    GString *out = g_string_new(NULL);
    g_auto(GStrv) argv = g_strsplit(command_line, " ", -1);
    options_init(&options);
    g_assert_true(options_parse(&options, (int)g_strv_length(argv), argv, NULL, &error));
    g_assert_no_error(error);
    g_ptr_array_add(options.firmware_dirs, NULL);
    *good = doctor_examine(&options, &fake->sys, out);
    g_assert_true(g_str_has_suffix(out->str, *good ? "\nvmm can run here.\n" : "\nvmm cannot run so: see [FAIL] above.\n"));
    g_assert_cmpint(strstr(out->str, "[FAIL]") == strstr(out->str, "[FAIL] above"), ==, *good);
    fake_kvm_assert_clean(fake);
    options_finish(&options);
    return g_string_free(out, FALSE);
}

/* Every note and failure is followed by its one remedy. */
static void assert_remedies(const char *report)
{
    g_auto(GStrv) lines = g_strsplit(report, "\n", -1);
    for (unsigned i = 0; lines[i] != NULL && lines[i + 1] != NULL; i++) {
        bool obstacle = g_str_has_prefix(lines[i], "[note]") || g_str_has_prefix(lines[i], "[FAIL]");
        bool named = strstr(lines[i], "; remedy: ") != NULL;
        g_assert_cmpint(obstacle && !named, ==, strstr(lines[i + 1], "   remedy: ") != NULL);
    }
}

static void expect(struct fake_kvm *fake, const char *command_line, bool good, const char *const *texts)
{
    bool is_good;
    g_autofree char *report = examine(fake, command_line, &is_good);
    for (unsigned i = 0; texts[i] != NULL; i++) {
        if (strstr(report, texts[i]) == NULL) {
            g_error("'%s' is not in the report:\n%s", texts[i], report);
        }
    }
    g_assert_cmpint(is_good, ==, good);
    assert_remedies(report);
}

static bool host_has_firmware(void)
{
    return g_file_test(VMM_FIRMWARE_DIR "/bios-256k.bin", G_FILE_TEST_EXISTS);
}

static void test_kvm(void)
{
    struct fake_kvm fake;
    bool good = host_has_firmware();
    fake_kvm_vt(&fake);
    expect(&fake, "vmm -doctor", good,
           (const char *[]){ "[ok]   cpu         vmx\n", "[ok]   device      /dev/kvm, of group root, mode 0660\n",
                             "[ok]   permission  it may be opened\n", "[ok]   kvm         KVM here runs on VT-x\n",
                             "  KVM class: full (", "[ok]   engine      KVM here runs on VT-x: KVM chosen\n", NULL });
    fake_kvm_pvm(&fake);
    expect(&fake, "vmm -doctor", good,
           (const char *[]){ "[note] cpu         ", "[note] kvm         KVM here is PVM\n", "  x87 instructions: no\n",
                             "[ok]   engine      KVM here is PVM: interpreter chosen\n", NULL });
    fake_kvm_vt(&fake);
    fake.device = false;
    expect(&fake, "vmm -doctor", good,
           (const char *[]){ "[note] device      there is no /dev/kvm\n", "remedy: sudo modprobe kvm_intel\n",
                             "[ok]   engine      there is no /dev/kvm: interpreter chosen\n", NULL });
    fake_kvm_vt(&fake);
    fake.open_error = EACCES;
    expect(&fake, "vmm -doctor", good,
           (const char *[]){ "[ok]   device      /dev/kvm, of group root", "[note] permission  /dev/kvm may not", NULL });
    fake_kvm_vt(&fake);
    fake.api_version = 10;
    expect(&fake, "vmm -doctor", good,
           (const char *[]){ "[note] kvm         KVM here has API version 10", "remedy: install a current kernel\n", NULL });
}

/* What was asked for beside -doctor counts. */
static void test_options(void)
{
    struct fake_kvm fake;
    fake_kvm_vt(&fake);
    fake.device = false;
    expect(&fake, "vmm -doctor -accel kvm", false,
           (const char *[]){ "[FAIL] engine      -accel kvm: there is no /dev/kvm; remedy: ", NULL });
    expect(&fake, "vmm -doctor -accel kvm:interp", host_has_firmware(),
           (const char *[]){ "[ok]   engine      could not use KVM (there is no /dev/kvm): back to the interpreter\n", NULL });
    expect(&fake, "vmm -doctor -accel interp", host_has_firmware(),
           (const char *[]){ "[note] device", "[ok]   engine      interpreter, as asked for\n", NULL });
    expect(&fake, "vmm -doctor -bios nosuch.bin", false,
           (const char *[]){ "[FAIL] firmware    nosuch.bin (BIOS) is not there\n", NULL });
    expect(&fake, "vmm -doctor -m 500G", host_has_firmware(), (const char *[]){ " 512064 are needed", NULL });
}

static void test_host(void)
{
    struct fake_kvm fake;
    fake_kvm_pvm(&fake);
    expect(&fake, "vmm -doctor", host_has_firmware(),
           (const char *[]){ " display     ", " firmware    ", "bios-256k.bin (BIOS)", "vgabios-stdvga.bin", " sound       ",
                             " network     user networking is built in", " memory      ", " disk        ", " limits      ",
                             NULL });
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/doctor/kvm", test_kvm);
    g_test_add_func("/doctor/options", test_options);
    g_test_add_func("/doctor/host", test_host);
    return g_test_run();
}
