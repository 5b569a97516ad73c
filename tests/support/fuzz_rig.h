/*
 * Machines for fuzzing: an interpreted CPU with 16 MiB of RAM, with nothing else or on the whole board with two
 * drives (a disk and a CD), and guests for it whose tables are full of traps.
 *
 * The guest clock stands still but for fuzz_rig_time(), so that a seed gives the same run each time; only completed disk
 * requests come when the host has them.
 */
#ifndef TESTS_SUPPORT_FUZZ_RIG_H
#define TESTS_SUPPORT_FUZZ_RIG_H

#include "tests/support/cpu_test.h"
#include "tests/support/fuzz.h"

#define FUZZ_CODE_SIZE 0x3000u /* from CPU_TEST_CODE */

struct block;
struct display;
struct input;
struct pc;

struct fuzz_rig {
    struct cpu_test *t; /* owned */
    struct x86_state start; /* of the guest's mode, with intact segments */
    /* With a board; else NULL. Owned. */
    struct pc *pc;
    struct display *display;
    struct input *input;
    struct block *disk, *disc;
    char *folder;
};

/* What a guest is to be. */
struct fuzz_guest {
    unsigned bits; /* 16, 32, 64: size of code */
    unsigned cpl;  /* 0 or 3; 16-bit code at level 3 is virtual-8086 mode or a 16-bit segment */
    bool paging;   /* always on in 64-bit mode */
    bool tame;     /* intact tables, and no change of them by the program */
};

/* model: as for -cpu. The machine lock is not held. */
void fuzz_rig_init(struct fuzz_rig *rig, const char *model, bool board);
void fuzz_rig_finish(struct fuzz_rig *rig);
/* Lets up to a few milliseconds pass, and does what is due then. */
void fuzz_rig_time(struct fuzz_rig *rig, struct fuzz *fuzz);
/* A device has asked for a reset or the like: does it, or forgets it. */
void fuzz_rig_requests(struct fuzz_rig *rig, struct fuzz *fuzz);

/* Fills memory with tables, handlers and code. */
void fuzz_guest_build(struct fuzz_rig *rig, struct fuzz *fuzz, const struct fuzz_guest *guest);
/* Sets the CPU to anything that a program could have brought about, with RIP in the code. */
void fuzz_guest_enter(struct fuzz_rig *rig, struct fuzz *fuzz, const struct fuzz_guest *guest);
/* A store into the code as by a device. */
void fuzz_guest_dma(struct fuzz_rig *rig, struct fuzz *fuzz);

#endif
