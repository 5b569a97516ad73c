/*
 * The choice of an engine; see choose.h.
 */
#include "accel/choose.h"

#include <string.h>

#include "core/option.h"

static const struct engine_name {
    const char *name;
    bool plain; /* works everywhere: the interpreter */
    const char *help;
} engines[] = {
    { "auto", false, "the better one here, by measuring (default)" },
    { "interp", true, "the built-in interpreter" },
    { "tcg", true, "the same: what other emulators call their software CPU" },
    { "check", false, "the interpreter, with KVM beside it: stops at the first difference" },
    { "kvm", false, "the host CPU through " KVM_DEVICE_PATH ", or fail" },
};

static const struct engine_name *engine_find(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(engines); i++) {
        if (strcmp(engines[i].name, name) == 0) {
            return &engines[i];
        }
    }
    return NULL;
}

void accel_help(GString *out)
{
    g_string_append(out, "Engines:\n");
    for (unsigned i = 0; i < G_N_ELEMENTS(engines); i++) {
        g_string_append_printf(out, "%-8s %s\n", engines[i].name, engines[i].help);
    }
    g_string_append(out, "A list such as kvm:interp takes the first that works.\n");
}

static void probe_once(struct accel_choice *choice, const struct kvm_sys *sys)
{
    if (!choice->probed) {
        kvm_probe(&choice->probe, sys);
        choice->probed = true;
    }
}

static bool known(char **names, GError **error)
{
    if (names[0] == NULL) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "-accel: no engine named; known: auto, interp (or tcg), kvm, check");
        return false;
    }
    for (unsigned i = 0; names[i] != NULL; i++) {
        if (engine_find(names[i]) == NULL) {
            g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                        "-accel: unknown engine '%s'; known: auto, interp (or tcg), kvm, check", names[i]);
            return false;
        }
    }
    return true;
}

static void choose_automatically(struct accel_choice *choice)
{
    bool kvm = choice->probe.class == KVM_CLASS_FULL;
    choice->kind = kvm ? ACCEL_KVM : ACCEL_INTERP;
    choice->automatic = true;
    choice->announce = true;
    choice->reason = g_strdup_printf("%s: %s chosen", choice->probe.reason, kvm ? "KVM" : "interpreter");
}

static void choose_kvm(struct accel_choice *choice)
{
    bool limited = choice->probe.class == KVM_CLASS_LIMITED;
    choice->kind = ACCEL_KVM;
    choice->announce = limited;
    choice->reason = limited ? g_strdup_printf("%s: KVM as asked for, the interpreter runs what it cannot",
                                               choice->probe.reason)
                             : g_strdup("KVM, as asked for");
}

static void choose_check(struct accel_choice *choice)
{
    choice->kind = ACCEL_CHECK;
    choice->reason = g_strdup("cross-check of both engines, as asked for");
}

static void choose_interpreter(struct accel_choice *choice)
{
    choice->kind = ACCEL_INTERP;
    choice->announce = choice->probed;
    choice->reason = choice->probed ? g_strdup_printf("could not use KVM (%s): back to the interpreter",
                                                      choice->probe.reason)
                                    : g_strdup("interpreter, as asked for");
}

bool accel_choose(struct accel_choice *choice, const char *list, const struct kvm_sys *sys, GError **error)
{
    g_auto(GStrv) names = g_strsplit(list != NULL ? list : "auto", ":", -1);
    memset(choice, 0, sizeof(*choice));
    if (!known(names, error)) {
        return false;
    }
    for (unsigned i = 0; names[i] != NULL; i++) {
        const struct engine_name *engine = engine_find(names[i]);
        if (engine->plain) {
            choose_interpreter(choice);
            return true;
        }
        probe_once(choice, sys);
        if (strcmp(names[i], "auto") == 0) {
            choose_automatically(choice);
            return true;
        }
        if (kvm_probe_usable(&choice->probe)) {
            (strcmp(names[i], "check") == 0 ? choose_check : choose_kvm)(choice);
            return true;
        }
    }
    const char *remedy = choice->probe.remedy, *name = names[g_strv_length(names) - 1];
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "-accel %s: %s; remedy: %s%s-accel interp",
                name, choice->probe.reason, remedy, remedy[0] != '\0' ? ", or " : "");
    return false;
}

void accel_choice_finish(struct accel_choice *choice)
{
    g_clear_pointer(&choice->reason, g_free);
}

static const char *yes(bool value)
{
    return value ? "yes" : "no";
}

void accel_choice_describe(const struct accel_choice *choice, GString *out)
{
    const struct kvm_probe *probe = &choice->probe;
    if (!choice->probed) {
        return;
    }
    g_string_append_printf(out, "  KVM class: %s (found in %.1f ms)\n", kvm_class_name(probe->class),
                           (double)probe->elapsed_ns / 1e6);
    g_string_append_printf(out, "  CPU virtualization: %s\n",
                           probe->cpu_feature != NULL ? probe->cpu_feature : "neither vmx nor svm");
    if (!kvm_probe_usable(probe)) {
        return;
    }
    g_string_append_printf(out, "  32-bit paging: %s\n", yes(!probe->limits.no_paging32));
    if (probe->loop_done) {
        g_string_append_printf(out, "  loop of 20,000 rounds: %.3f ms\n", (double)probe->loop_ns / 1e6);
    }
    if (probe->x87_done) {
        g_string_append_printf(out, "  x87 instructions: %s\n", yes(!probe->limits.no_x87));
    }
    if (probe->stats_done) {
        g_string_append_printf(out, "  instructions emulated by the kernel meanwhile: %" G_GUINT64_FORMAT "\n",
                               probe->emulated);
    }
}
