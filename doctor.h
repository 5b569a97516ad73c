/*
 * vmm -doctor: what this host offers, and one safe remedy for each obstacle.
 */
#ifndef DOCTOR_H
#define DOCTOR_H

#include <glib.h>
#include <stdbool.h>

#include "accel/kvm/kvm_sys.h"
#include "options.h"

/* Appends the report on the host, with the options that were given beside -doctor in mind (-accel, -bios, -L, -m,
 * -display). True if vmm can run with them. `sys` is the host's kernel, or a test's. */
bool doctor_examine(const struct options *options, const struct kvm_sys *sys, GString *out);

#endif
