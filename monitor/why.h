/* The explanation of the black box, in words: the command `why`. */
#ifndef MONITOR_WHY_H
#define MONITOR_WHY_H

#include <glib.h>

struct monitor_env;

/* Appends why the machine stopped or was reset last, or where it stands now. Parks the VCPUs. */
void why_explain(const struct monitor_env *env, unsigned cpu, GString *out);

#endif
