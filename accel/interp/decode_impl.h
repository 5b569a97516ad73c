/*
 * Inside the decoder: the candidates for an opcode, in the order in which they are tried.
 */
#ifndef ACCEL_INTERP_DECODE_IMPL_H
#define ACCEL_INTERP_DECODE_IMPL_H

#include "accel/interp/decode.h"

#define OP_SLOTS (OP_MAPS * 256)
#define OP_CANDIDATES_MAX 96

struct op_index {
    uint16_t first[OP_SLOTS + 1]; /* rows of slot map * 256 + opcode: row[first[slot]] to row[first[slot + 1] - 1] */
    uint8_t modrm[OP_SLOTS];      /* has a ModRM byte */
    uint16_t row[];               /* numbers in op_table, preferred ones first */
};

/* Collects the rows of an opcode, preferred ones first, by looking through the whole table. Returns how many. */
unsigned op_candidates(unsigned map, unsigned opcode, uint16_t rows[OP_CANDIDATES_MAX]);
/* True if the instruction has a ModRM byte. */
bool op_row_has_modrm(const struct op_row *row);

#endif
