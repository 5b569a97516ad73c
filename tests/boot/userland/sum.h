/* What the test programs share: numbers by a fixed seed, and a running checksum printed now and then, so that a
 * difference between two machines shows where it begins. */
#ifndef SUM_H
#define SUM_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct sum {
    uint64_t value;
};

static uint64_t random_state = 0x9E3779B97F4A7C15u;

static inline uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* FNV-1a. */
static inline void sum_add(struct sum *sum, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++) {
        sum->value = (sum->value ^ bytes[i]) * 0x100000001B3u;
    }
}

static inline void sum_print(struct sum *sum, const char *name)
{
    printf("%s %016llx\n", name, (unsigned long long)sum->value);
    sum->value = 0xCBF29CE484222325u;
}

#endif
