/*
 * QMP: the monitor for programs (-qmp, -mon mode=control). Commands come as JSON objects, answers and events go out as
 * one line of JSON each. The protocol is QEMU's ("QEMU Machine Protocol Specification"), the commands are those of
 * qmp_commands.c; what a person types goes through human-monitor-command.
 *
 * All of it runs in the main thread.
 */
#ifndef MONITOR_QMP_H
#define MONITOR_QMP_H

#include <stdbool.h>

#include "monitor/monitor.h"

struct chardev;
struct qmp;

/* Serves a connection (not owned). pretty: answers over several lines. */
struct qmp *qmp_create(const struct monitor_env *env, struct chardev *chr, bool pretty);
/* Tells the peer that vmm ends. NULL is fine. */
void qmp_destroy(struct qmp *qmp);

#endif
