/*
 * The gdb stub: gdb's remote serial protocol on a connection. Threads are CPUs, thread n + 1 is CPU n. Commands run in
 * the main thread; when gdb connects, the guest is stopped. docs/gdb.md lists the packets.
 *
 * Not modelled: non-stop mode, several processes, reverse execution.
 */
#ifndef MONITOR_GDB_STUB_H
#define MONITOR_GDB_STUB_H

#include <glib.h>
#include <stdbool.h>

#include "monitor/gdb_regs.h"
#include "monitor/monitor.h"

struct chardev;
struct gdb_stub;

/* chr is not owned. env->accel must be there. */
struct gdb_stub *gdb_stub_create(const struct monitor_env *env, struct chardev *chr, enum gdb_arch arch);
/* Tells gdb, if it is connected, that the program has ended. */
void gdb_stub_destroy(struct gdb_stub *stub);

/* The server: a stub on a connection that can be opened and closed. */
struct gdb_server;
struct gdb_server *gdb_server_create(const struct monitor_env *env);
void gdb_server_destroy(struct gdb_server *server);
/* spec: as for -serial, a socket waits for gdb by itself; ",arch=i386" behind it describes a 32-bit CPU. Closes what
 * was open. False and error. */
bool gdb_server_open(struct gdb_server *server, const char *spec, GError **error);
void gdb_server_close(struct gdb_server *server);

#endif
