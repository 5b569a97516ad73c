/*
 * The trail of device accesses: the last TRAIL_SIZE reads and writes of registers by CPUs, always kept, for the
 * monitor's black box (`why`, `info trail`). Guarded by the machine lock, like the accesses.
 */
#ifndef CORE_TRAIL_H
#define CORE_TRAIL_H

#include <stdbool.h>
#include <stdint.h>

/* 0 only in tests/bench/blackbox.py, which measures what these cost. */
#ifndef BLACKBOX_KEPT
#define BLACKBOX_KEPT 1 /* the trail, and the path of branches (accel/blackbox.h) */
#endif
#ifndef TRACES_KEPT
#define TRACES_KEPT 1 /* the question whether an access is to be logged */
#endif

#define TRAIL_SIZE 256u /* a power of two */

struct trail_entry {
    const char *bus;    /* "io" or "memory" */
    uint64_t address, value;
    uint8_t size; /* bytes */
    bool write;
};

#define TRAIL_COUNTS 4096u /* a power of two */
#define TRAIL_PROBES 8u
#define TRAIL_RIP_OTHER UINT64_MAX

/* How often a register was used, and from where. */
struct trail_count {
    const char *bus; /* NULL: a free place */
    uint64_t address;
    uint64_t rip; /* TRAIL_RIP_OTHER: all places for which there was no room */
    uint64_t reads, writes;
};

struct trail {
    struct trail_entry entries[TRAIL_SIZE]; /* number n at n % TRAIL_SIZE */
    uint64_t count;                         /* so far */
    struct trail_count counts[TRAIL_COUNTS]; /* by address and RIP, hashed; what finds no place is not counted */
    /* Linear address of the instruction whose accesses come next; set by the engine. The interpreter knows it exactly
     * for ports; for memory it is where the run of instructions begins that it executes as one. */
    uint64_t rip;
};

#endif
