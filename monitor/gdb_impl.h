/* Inside the gdb stub: its object, and the groups of packets. */
#ifndef MONITOR_GDB_IMPL_H
#define MONITOR_GDB_IMPL_H

#include "accel/debug.h"
#include "monitor/command.h"
#include "monitor/gdb_packet.h"
#include "monitor/gdb_regs.h"
#include "monitor/gdb_stub.h"

struct gdb_stub {
    const struct monitor_env *env;
    struct chardev *chr;
    enum gdb_arch arch;
    struct monitor_settings settings; /* of `monitor` commands; ->cpu is the CPU of Hg */
    struct gdb_parser parser;
    GString *pending; /* not sent yet, from `sent` on */
    size_t sent;
    GString *last;    /* the last packet, to be sent again after '-' */
    bool no_ack;
    bool connected;
    bool awaits_stop; /* gdb let the guest run and waits for a stop reply */
    unsigned run_cpu; /* of Hc */
    bool wants_swbreak, wants_hwbreak;
    unsigned step_flags; /* STEP_*, and GDB_STEP_ENABLE */
    bool physical;       /* memory packets take physical addresses */
};

#define GDB_STEP_ENABLE 1u

/* Queues a packet. */
void gdb_send(struct gdb_stub *stub, const char *data, size_t size);

/* gdb_run.c: packets that let the guest run, breakpoints. True if the packet was one of them; a reply, if there is one
 * at once, is in reply, else the stop reply comes later. */
bool gdb_run_packet(struct gdb_stub *stub, const char *packet, GString *reply, bool *replies);
bool gdb_break_packet(struct gdb_stub *stub, const char *packet, GString *reply);
/* Appends why the guest stopped. */
void gdb_stop_reply(struct gdb_stub *stub, GString *reply);
/* Reads a thread; -1 for all and 0 for any give CPU_ANY. False if there is no such thread. */
#define GDB_CPU_ANY UINT32_MAX
bool gdb_parse_thread(const struct gdb_stub *stub, const char **text, unsigned *cpu);

/* gdb_query.c: q and Q packets. */
void gdb_query_packet(struct gdb_stub *stub, const char *packet, size_t size, GString *reply);

#endif
