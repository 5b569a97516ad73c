/*
 * Comparison and conditional branch in one handler.
 */
#ifndef ACCEL_INTERP_FUSED_H
#define ACCEL_INTERP_FUSED_H

#include "accel/interp/cpu.h"

/* Gives the records of pairs that have one their common handler: the first gets it, the second stays as it is. */
void op_fuse(struct insn *insn, unsigned count);

#endif
