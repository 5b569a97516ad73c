/*
 * Instructions for fuzzing: rows of the decoder's table with random operands and prefixes, such with a byte
 * changed, and plain random bytes.
 */
#ifndef TESTS_SUPPORT_FUZZ_CODE_H
#define TESTS_SUPPORT_FUZZ_CODE_H

#include "tests/support/fuzz.h"

enum { FUZZ_INSN_MAX = 32 };

/* Puts one instruction (or what goes for it) to out, which has room for FUZZ_INSN_MAX bytes; returns its length.
 * bits: 16, 32 or 64. */
unsigned fuzz_insn(struct fuzz *fuzz, uint8_t *out, unsigned bits);
/* Fills memory with instructions. */
void fuzz_code(struct fuzz *fuzz, uint8_t *out, size_t size, unsigned bits);

#endif
