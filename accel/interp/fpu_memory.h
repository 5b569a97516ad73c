/*
 * Access to save areas that are larger than one memory access of the interpreter.
 */
#ifndef ACCEL_INTERP_FPU_MEMORY_H
#define ACCEL_INTERP_FPU_MEMORY_H

#include "accel/interp/access.h"

/* size bytes at the instruction's segment and offset ea. A write faults before its first byte is
 * stored. */
void fpu_read_area(struct cpu *cpu, const struct insn *insn, uint64_t ea, void *data,
                   unsigned size);
void fpu_write_area(struct cpu *cpu, const struct insn *insn, uint64_t ea, const void *data,
                    unsigned size);
/* Raises what a write there would raise. */
void fpu_probe_area(struct cpu *cpu, const struct insn *insn, uint64_t ea, unsigned size);
/* #GP(0) unless the linear address is a multiple of `alignment`, a power of two. */
void fpu_check_alignment(struct cpu *cpu, const struct insn *insn, uint64_t ea, unsigned alignment);

#endif
