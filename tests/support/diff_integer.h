/*
 * Differential test of integer instructions: random instructions of the decoder's own table with random
 * operands, executed by the interpreter and by the host CPU.
 */
#ifndef TESTS_SUPPORT_DIFF_INTEGER_H
#define TESTS_SUPPORT_DIFF_INTEGER_H

#include <stdbool.h>
#include <stdint.h>

/* Runs `count` instructions; only those of one mnemonic if `only` is not NULL. Returns how many differed, after
 * printing the first few. *tried = how many were comparable. */
unsigned diff_integer(uint32_t seed, unsigned count, const char *only, unsigned *tried);

#endif
