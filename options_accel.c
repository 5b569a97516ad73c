/*
 * Options that choose an engine. See the header. Properties that tune QEMU's engines and mean nothing here are accepted,
 * so that its command lines work.
 */
#include "options_accel.h"

#include <string.h>

#define FAIL(error, ...) (g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, __VA_ARGS__), false)

bool option_irqchip(struct options *o, const struct option_list *list, GError **error)
{
    static const char *const words[] = { [ACCEL_IRQCHIP_OFF] = "off", [ACCEL_IRQCHIP_SPLIT] = "split",
                                         [ACCEL_IRQCHIP_ON] = "on" };
    static const char *const names[] = { "kernel_irqchip", "kernel-irqchip" };
    for (unsigned n = 0; n < G_N_ELEMENTS(names); n++) {
        const char *value = option_list_get(list, names[n]);
        unsigned i = 0;
        while (value != NULL && i < G_N_ELEMENTS(words) && strcmp(value, words[i]) != 0) {
            i++;
        }
        if (i == G_N_ELEMENTS(words)) {
            return FAIL(error, "%s: '%s' is not on, split or off", names[n], value);
        }
        o->irqchip = value != NULL ? (enum accel_irqchip)i : o->irqchip;
    }
    return true;
}

bool option_set_no_irqchip(void *target, const struct option *option, const char *arg, GError **error)
{
    ((struct options *)target)->irqchip = ACCEL_IRQCHIP_OFF;
    return true;
}

bool option_set_accel(void *target, const struct option *option, const char *arg, GError **error)
{
    static const char *const known[] = { "accel", "kernel_irqchip", "kernel-irqchip", "thread", "tb-size",
                                         "one-insn-per-tb", "split-wx", "kvm-shadow-mem", "dirty-ring-size", NULL };
    struct options *o = target;
    struct option_list list;
    if (strcmp(arg, "help") == 0 || strcmp(arg, "?") == 0) {
        g_free(o->help_topic);
        o->help_topic = g_strdup("accel");
        return true;
    }
    if (!option_list_parse(&list, arg, "accel", known, error)) {
        return false;
    }
    const char *name = option_list_get(&list, "accel");
    bool ok = (name != NULL && name[0] != '\0') ||
              FAIL(error, "'%s' names no engine; there are auto, interp, kvm", arg);
    ok = ok && option_irqchip(o, &list, error);
    if (ok) {
        /* Repeated: a list in order of preference. */
        char *joined = o->accel != NULL ? g_strconcat(o->accel, ":", name, NULL) : g_strdup(name);
        g_free(o->accel);
        o->accel = joined;
    }
    option_list_finish(&list);
    return ok;
}
