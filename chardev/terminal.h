/*
 * Raw mode of the terminal that vmm was started on. It is left again by terminal_leave(), when the
 * process dies from one of its own faults (SIGSEGV, SIGABRT ..), and entered anew when the process
 * is continued after a stop. SIGTERM and the like are for main to turn into an orderly end.
 *
 * While the process is a background job of its terminal ("vmm .. &", or under timeout(1), which
 * makes a process group of its own), the keys belong to others: whoever reads is stopped. So
 * nothing may be read then; the guest runs on, and the keys come back with the foreground.
 */
#ifndef CHARDEV_TERMINAL_H
#define CHARDEV_TERMINAL_H

#include <stdbool.h>

struct terminal;

/* fd: the terminal; borrowed until terminal_leave(). NULL if it cannot be switched. One at a time.
 */
struct terminal *terminal_enter(int fd);
/* Calls back in the main thread when the process is in the foreground after terminal_has_keys()
 * said no. */
void terminal_on_foreground(struct terminal *terminal, void (*call)(void *arg), void *arg);
/* Whether a read gives keys and does not stop the process. Main thread. */
bool terminal_has_keys(struct terminal *terminal);
/* Ctrl-C, Ctrl-\ and Ctrl-Z are signals (as at first) or bytes. */
void terminal_set_signals(struct terminal *terminal, bool on);
void terminal_leave(struct terminal *terminal);

#endif
