/*
 * -sandbox: system calls that a running vmm has no use for fail with EPERM from the moment the guest may run, so that
 * a hole in a device model opens less of the host. Nothing that vmm needs later is lost but what is asked for: with
 * spawn=deny no script of a tap and no guestfwd command can be run.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <glib.h>
#include <stdbool.h>

#include "core/option.h"

struct sandbox_options {
    bool on;
    bool deny_obsolete;    /* calls that no program of today makes */
    bool deny_privileges;  /* setuid() and its like */
    bool no_new_privileges; /* elevateprivileges=deny or children: programs that are run get no more than vmm has */
    bool deny_spawn;       /* new processes and programs */
    bool deny_resources;   /* priorities, CPU affinity, memory policy */
};

/* For the table of options.c; target: struct options. */
bool option_set_sandbox(void *target, const struct option *option, const char *arg, GError **error);

/* For all threads, for good. False and error: the kernel does not take it. */
bool sandbox_enter(const struct sandbox_options *options, GError **error);

#endif
