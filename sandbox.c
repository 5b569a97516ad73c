/* -sandbox, on libseccomp. Threads are made by clone() with CLONE_THREAD, which stays; clone3() hides its flags from
 * filters and is answered with ENOSYS, upon which the C library takes clone(). */
#include "sandbox.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>

#include "options.h"

#define FAIL(error, ...) (g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, __VA_ARGS__), false)

/* ---- the option ---- */

static bool get_denied(const struct option_list *list, const char *name, bool otherwise, bool *denied, GError **error)
{
    const char *text = option_list_get(list, name);

    *denied = text != NULL ? strcmp(text, "deny") == 0 : otherwise;
    return text == NULL || *denied || strcmp(text, "allow") == 0 || FAIL(error, "%s=%s: must be allow or deny", name, text);
}

bool option_set_sandbox(void *target, const struct option *option, const char *arg, GError **error)
{
    static const char *const known[] = { "enable", "obsolete", "elevateprivileges", "spawn", "resourcecontrol", NULL };
    struct sandbox_options *sandbox = &((struct options *)target)->sandbox;
    struct option_list list;

    if (!option_list_parse(&list, arg, "enable", known, error)) {
        return false;
    }
    const char *enable = option_list_get(&list, "enable"), *elevate = option_list_get(&list, "elevateprivileges");
    bool children = g_strcmp0(elevate, "children") == 0;
    bool ok = (enable == NULL || option_parse_bool(enable, &sandbox->on, error)) &&
              get_denied(&list, "obsolete", true, &sandbox->deny_obsolete, error) &&
              (children || get_denied(&list, "elevateprivileges", false, &sandbox->deny_privileges, error)) &&
              get_denied(&list, "spawn", false, &sandbox->deny_spawn, error) &&
              get_denied(&list, "resourcecontrol", false, &sandbox->deny_resources, error);
    sandbox->no_new_privileges = children || sandbox->deny_privileges;
    option_list_finish(&list);
    return ok;
}

/* ---- the filter ---- */

static const int obsolete[] = {
    SCMP_SYS(_sysctl), SCMP_SYS(create_module), SCMP_SYS(get_kernel_syms), SCMP_SYS(query_module), SCMP_SYS(uselib),
    SCMP_SYS(ustat), SCMP_SYS(sysfs), SCMP_SYS(nfsservctl), SCMP_SYS(acct), SCMP_SYS(swapon), SCMP_SYS(swapoff),
    SCMP_SYS(reboot), SCMP_SYS(kexec_load), SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module),
};
static const int privileges[] = {
    SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(setreuid), SCMP_SYS(setregid), SCMP_SYS(setresuid), SCMP_SYS(setresgid),
    SCMP_SYS(setfsuid), SCMP_SYS(setfsgid), SCMP_SYS(setgroups), SCMP_SYS(setpgid), SCMP_SYS(setsid), SCMP_SYS(capset),
};
static const int resources[] = {
    SCMP_SYS(setpriority), SCMP_SYS(sched_setparam), SCMP_SYS(sched_setscheduler), SCMP_SYS(sched_setattr),
    SCMP_SYS(sched_setaffinity), SCMP_SYS(mbind), SCMP_SYS(set_mempolicy), SCMP_SYS(migrate_pages), SCMP_SYS(move_pages),
    SCMP_SYS(ioprio_set),
};
static const int spawn[] = { SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(execve), SCMP_SYS(execveat) };

static int deny(scmp_filter_ctx filter, const int *calls, unsigned count)
{
    int result = 0;

    for (unsigned i = 0; result == 0 && i < count; i++) {
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i], 0);
    }
    return result;
}

#define DENY(filter, calls) deny(filter, calls, G_N_ELEMENTS(calls))

static int deny_processes(scmp_filter_ctx filter)
{
    int result = DENY(filter, spawn);

    if (result == 0) {
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                  SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
    }
    return result == 0 ? seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) : result;
}

static int fill(scmp_filter_ctx filter, const struct sandbox_options *options)
{
    int result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

    if (result == 0 && !options->no_new_privileges) {
        /* libseccomp sets it otherwise; without it only root may load a filter, and then it is tried with it. */
        result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
    }
    if (result == 0 && options->deny_obsolete) {
        result = DENY(filter, obsolete);
    }
    if (result == 0 && options->deny_privileges) {
        result = DENY(filter, privileges);
    }
    if (result == 0 && options->deny_resources) {
        result = DENY(filter, resources);
    }
    return result == 0 && options->deny_spawn ? deny_processes(filter) : result;
}

bool sandbox_enter(const struct sandbox_options *options, GError **error)
{
    if (!options->on) {
        return true;
    }
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int result = filter != NULL ? fill(filter, options) : -ENOMEM;
    if (result == 0) {
        result = seccomp_load(filter);
        if ((result == -EACCES || result == -EPERM) && !options->no_new_privileges) {
            result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 1);
            result = result == 0 ? seccomp_load(filter) : result;
        }
    }
    if (filter != NULL) {
        seccomp_release(filter);
    }
    return result == 0 || FAIL(error, "-sandbox: the kernel does not take the filter: %s; remedy: leave -sandbox away",
                               g_strerror(-result));
}
