/*
 * Saved states of the machine: CPUs, memory and devices together with the disks, under a name, as snapshots inside the
 * qcow2 images of its drives (savevm, loadvm, delvm, -loadvm). The first drive that can have snapshots holds the state;
 * core/snapshot.h says how it is written. What is at the other end of a network connection or a serial line is not in it.
 */
#ifndef MONITOR_VM_STATE_H
#define MONITOR_VM_STATE_H

#include <glib.h>
#include <stdbool.h>

#include "monitor/monitor.h"

/* All of these: main thread; a running machine is stopped for the time and goes on then. False and error: what the
 * drives held before is still there. */

/* A state with the same name is replaced. */
bool vm_state_save(const struct monitor_env *env, const char *name, GError **error);
/* After an error behind the point of no return the machine is reset and stands; the error says so. */
bool vm_state_load(const struct monitor_env *env, const char *name, GError **error);
/* From every drive; that it is nowhere is no error. */
bool vm_state_delete(const struct monitor_env *env, const char *name, GError **error);

/* `info snapshots`. */
void vm_state_list(const struct monitor_env *env, GString *out);

#endif
