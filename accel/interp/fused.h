/*
 * Comparison and conditional branch in one handler.
 */
#ifndef ACCEL_INTERP_FUSED_H
#define ACCEL_INTERP_FUSED_H

#include "accel/interp/cpu.h"

/* The handler that does the work of both records, to stand in the first; NULL if there is none. The second record
 * stays as it is. */
insn_fn *op_fused(const struct insn *first, const struct insn *second);

#endif
