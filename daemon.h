/* -daemonize: vmm in the background, and a command that returns when the machine is made, or has failed to be. */
#ifndef DAEMON_H
#define DAEMON_H

#include <glib.h>
#include <stdbool.h>

/* Before any thread exists. Goes on in a child without a terminal; *parent: for daemon_ready(). The parent waits for
 * that and ends with 0, or with 1 if the child ends first. Messages go where they went before until then. False and
 * error: there is no child. */
bool daemon_start(int *parent, GError **error);
/* Lets the parent go; standard input and output are /dev/null from now on. -1: nothing is to be done. */
void daemon_ready(int parent);

#endif
