/*
 * Long differential test: integer [SEED [COUNT [MNEMONIC]]]. Without arguments 20 seeds of 100000 instructions.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/diff_integer.h"

int main(int argc, char **argv)
{
    unsigned first = argc > 1 ? atoi(argv[1]) : 1, last = argc > 1 ? first : 20;
    unsigned count = argc > 2 ? atoi(argv[2]) : 100000, bad = 0;
    for (unsigned seed = first; seed <= last; seed++) {
        unsigned tried, differ = diff_integer(seed, count, argc > 3 ? argv[3] : NULL, &tried);
        printf("seed %u: %u compared, %u differ\n", seed, tried, differ);
        bad += differ;
    }
    return bad != 0;
}
