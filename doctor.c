/*
 * The report of vmm -doctor: KVM and the engine here, the rest of the host in doctor_host.c.
 */
#include "doctor_report.h"

#include <grp.h>
#include <string.h>

#include "accel/choose.h"

void doctor_say(struct doctor *doctor, enum finding finding, const char *subject, const char *format, ...)
{
    static const char *const marks[] = { "[ok]", "[note]", "[FAIL]" };
    va_list args;
    va_start(args, format);
    g_string_append_printf(doctor->out, "%-7s%-12s", marks[finding], subject);
    g_string_append_vprintf(doctor->out, format, args);
    g_string_append_c(doctor->out, '\n');
    va_end(args);
    doctor->failed |= finding == FINDING_FAIL;
}

void doctor_remedy(struct doctor *doctor, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_string_append_printf(doctor->out, "%-19sremedy: ", "");
    g_string_append_vprintf(doctor->out, format, args);
    g_string_append_c(doctor->out, '\n');
    va_end(args);
}

/* The remedy belongs to the first of the steps that fails; the others say nothing. */
static void say_remedy(struct doctor *doctor, const struct kvm_probe *probe)
{
    if (probe->remedy[0] != '\0') {
        doctor_remedy(doctor, "%s", probe->remedy);
    } else {
        doctor_remedy(doctor, "none on this host, and none needed: the interpreter runs everything");
    }
}

static void examine_device(struct doctor *doctor, const struct kvm_probe *probe)
{
    const struct kvm_sys_owner *owner = &probe->owner;
    if (probe->class == KVM_CLASS_NONE) {
        doctor_say(doctor, FINDING_NOTE, "device", "%s", probe->reason);
        say_remedy(doctor, probe);
        return;
    }
    struct group *group = getgrgid(owner->gid);
    g_autofree char *name = group != NULL ? g_strdup(group->gr_name) : g_strdup_printf("%u", (unsigned)owner->gid);
    doctor_say(doctor, FINDING_OK, "device", KVM_DEVICE_PATH ", of group %s, mode %04o", name,
               (unsigned)owner->mode & 07777);
    if (probe->class == KVM_CLASS_NO_PERMISSION) {
        doctor_say(doctor, FINDING_NOTE, "permission", "%s", probe->reason);
        say_remedy(doctor, probe);
        return;
    }
    doctor_say(doctor, FINDING_OK, "permission", "it may be opened");
    bool full = probe->class == KVM_CLASS_FULL;
    doctor_say(doctor, full ? FINDING_OK : FINDING_NOTE, "kvm", "%s", probe->reason);
    if (!full) {
        say_remedy(doctor, probe);
    }
}

static void examine_kvm(struct doctor *doctor)
{
    struct accel_choice measured, choice;
    g_autoptr(GError) error = NULL;
    /* Always measured, also where the options ask for the interpreter. */
    accel_choose(&measured, "auto", doctor->sys, NULL);
    const char *feature = measured.probe.cpu_feature;
    doctor_say(doctor, feature != NULL ? FINDING_OK : FINDING_NOTE, "cpu", "%s",
               feature != NULL ? feature : "/proc/cpuinfo shows neither vmx nor svm");
    if (feature == NULL) {
        doctor_remedy(doctor, "switch on VT-x or AMD-V in the setup of the host's firmware; in a virtual machine, nested "
                              "virtualization in its settings");
    }
    examine_device(doctor, &measured.probe);
    accel_choice_describe(&measured, doctor->out);
    if (accel_choose(&choice, doctor->options->accel, doctor->sys, &error)) {
        doctor_say(doctor, FINDING_OK, "engine", "%s", choice.reason);
    } else {
        doctor_say(doctor, FINDING_FAIL, "engine", "%s", error->message);
    }
    accel_choice_finish(&choice);
    accel_choice_finish(&measured);
}

bool doctor_examine(const struct options *options, const struct kvm_sys *sys, GString *out)
{
    struct doctor doctor = { .options = options, .sys = sys, .out = out };
    examine_kvm(&doctor);
    doctor_display(&doctor);
    doctor_firmware(&doctor);
    doctor_sound(&doctor);
    doctor_network(&doctor);
    doctor_limits(&doctor);
    g_string_append_printf(out, "\n%s\n", doctor.failed ? "vmm cannot run so: see [FAIL] above." : "vmm can run here.");
    return !doctor.failed;
}
