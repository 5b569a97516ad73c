/*
 * The choice of an engine, and its reason in words. `auto` measures what KVM is worth (kvm/probe.h) and takes the
 * interpreter unless it is complete and fast; an engine that was asked for by name is taken if it works at all;
 * a list is gone through until one works. What was asked for and cannot be had is an error, never a silent
 * substitute.
 */
#ifndef ACCEL_CHOOSE_H
#define ACCEL_CHOOSE_H

#include <glib.h>
#include <stdbool.h>

#include "accel/kvm/probe.h"

enum accel_kind { ACCEL_INTERP, ACCEL_KVM, ACCEL_CHECK };

struct accel_choice {
    enum accel_kind kind;
    char *reason;           /* one sentence; owned */
    bool announce;          /* not simply what was asked for: worth a line at the start */
    bool automatic;         /* `auto` decided */
    bool probed;
    struct kvm_probe probe; /* if probed */
};

/* Goes through `list` ("auto", "kvm:interp" ...; NULL = auto). False and an error that names the option, the
 * obstacle and its remedy. `sys` is the host's kernel, or a test's. */
bool accel_choose(struct accel_choice *choice, const char *list, const struct kvm_sys *sys, GError **error);
void accel_choice_finish(struct accel_choice *choice);

/* What was measured, for `info accel` and `vmm -doctor`: indented lines. Nothing if nothing was. */
void accel_choice_describe(const struct accel_choice *choice, GString *out);

/* For -accel help: one line an engine. */
void accel_help(GString *out);

#endif
