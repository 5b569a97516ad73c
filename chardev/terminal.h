/*
 * Raw mode of the terminal that vmm was started on. It is left again by terminal_leave(), when the
 * process dies from one of its own faults (SIGSEGV, SIGABRT ..), and entered anew when the process
 * is continued after a stop. SIGTERM and the like are for main to turn into an orderly end.
 */
#ifndef CHARDEV_TERMINAL_H
#define CHARDEV_TERMINAL_H

#include <stdbool.h>

struct terminal;

/* fd: the terminal; borrowed until terminal_leave(). NULL if it cannot be switched. One at a time.
 */
struct terminal *terminal_enter(int fd);
/* Ctrl-C, Ctrl-\ and Ctrl-Z are signals (as at first) or bytes. */
void terminal_set_signals(struct terminal *terminal, bool on);
void terminal_leave(struct terminal *terminal);

#endif
