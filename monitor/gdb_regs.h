/*
 * The CPU's registers as gdb sees them: numbers, sizes, order in the `g` packet, and the target description that
 * says so (GDB manual, appendix G).
 *
 * The description is fixed for the whole session: by default the x86-64 registers, whatever mode the CPU is in, so
 * that gdb need not know of changes of mode; or, if asked for, those of an i386. $rip is what the CPU calls RIP, the
 * offset in CS; cs_base and its like are registers too.
 */
#ifndef MONITOR_GDB_REGS_H
#define MONITOR_GDB_REGS_H

#include <glib.h>
#include <stdbool.h>

#include "accel/x86_state.h"

enum gdb_arch { GDB_X86_64, GDB_I386 };

#define GDB_REG_BYTES_MAX 16

/* How many registers there are: numbers 0 to count - 1. */
unsigned gdb_reg_count(enum gdb_arch arch);
/* Stores register n in target byte order; returns its size in bytes. */
unsigned gdb_reg_get(enum gdb_arch arch, const struct x86_state *state, unsigned n,
                     uint8_t data[GDB_REG_BYTES_MAX]);
/* Sets register n, from as many bytes as gdb_reg_size() says. In real and V86 mode a selector brings its base with
 * it; in protected mode it is the number alone that changes. */
void gdb_reg_set(enum gdb_arch arch, struct x86_state *state, unsigned n, const uint8_t *data);
unsigned gdb_reg_size(enum gdb_arch arch, unsigned n);

/* Appends target.xml. */
void gdb_reg_describe(enum gdb_arch arch, GString *out);

#endif
