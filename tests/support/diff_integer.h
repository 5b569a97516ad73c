/*
 * Differential test of integer instructions: random instructions of the decoder's own table with random
 * operands, executed by the interpreter and by the host CPU, in 64- or 32-bit mode.
 */
#ifndef TESTS_SUPPORT_DIFF_INTEGER_H
#define TESTS_SUPPORT_DIFF_INTEGER_H

#include <stdbool.h>
#include <stdint.h>

/* bits: 32 or 64. Runs `count` instructions; only those of one mnemonic if `only` is not NULL. Returns how many differed, after
 * printing the first few. *tried = how many were comparable. */
unsigned diff_integer(unsigned bits, uint32_t seed, unsigned count, const char *only, unsigned *tried);

#endif
