/*
 * Long differential test: integer [SEED [COUNT [MNEMONIC]]]. Without arguments 10 seeds of
 * 100000 instructions, each in 64- and in 32-bit mode.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/diff_integer.h"

int main(int argc, char **argv)
{
    unsigned first = argc > 1 ? atoi(argv[1]) : 1, last = argc > 1 ? first : 10;
    unsigned count = argc > 2 ? atoi(argv[2]) : 100000, bad = 0;
    for (unsigned seed = first; seed <= last; seed++) {
        for (unsigned bits = 32; bits <= 64; bits += 32) {
            unsigned tried, differ = diff_integer(bits, seed, count, argc > 3 ? argv[3] : NULL, &tried);
            printf("seed %u, %u bits: %u compared, %u differ\n", seed, bits, tried, differ);
            bad += differ;
        }
    }
    return bad != 0;
}
