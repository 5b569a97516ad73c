/*
 * The black box of a CPU: where it came from, always kept, for the monitor's `why`. The interpreter writes it; what runs
 * on KVM leaves no trace here but the state at the end.
 *
 * The path is a ring of the targets of branches, interrupts and exceptions, as offsets in CS, because the interpreter writes
 * it at every branch and has these at hand. Where the base of CS changes, an entry BLACKBOX_BASE says what it was before.
 */
#ifndef ACCEL_BLACKBOX_H
#define ACCEL_BLACKBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "accel/x86_state.h"
#include "core/trail.h"

#define BLACKBOX_PATH 256u /* what a uint8_t counts */
#define BLACKBOX_FAULTS 16u /* a power of two */

/* Entries of the path that are no offsets: no code can be there, for they are not canonical. */
#define BLACKBOX_EMPTY (1ull << 62)
#define BLACKBOX_BASE (1ull << 63) /* the low half is the base of the entries before */

/* A fault, trap or abort that an instruction or a delivery raised. */
struct blackbox_fault {
    uint8_t vector;
    bool delivering;        /* it was raised by the delivery of `first` */
    uint8_t first;          /* vector of the exception that was being delivered */
    uint8_t cpl;
    uint16_t cs;            /* selector */
    uint32_t error;         /* as pushed, 0 if the vector has none */
    uint64_t rip, linear;   /* of the instruction: offset in CS, and with the base added */
    uint64_t rsp, cr2;
};

struct blackbox {
    uint64_t path[BLACKBOX_PATH];
    uint64_t path_base; /* what is to be added to the newest entries */
    uint8_t path_next;  /* index of the oldest entry, which is the next to be written */
    struct blackbox_fault faults[BLACKBOX_FAULTS]; /* number n at n % BLACKBOX_FAULTS */
    uint64_t fault_count;
};

void blackbox_init(struct blackbox *box);

/* A branch to an offset in CS. */
static inline __attribute__((always_inline)) void blackbox_branch(struct blackbox *box, uint64_t rip)
{
    if (BLACKBOX_KEPT) {
        box->path[box->path_next] = rip;
        __asm__("incb %0" : "+m"(box->path_next)); /* compilers take three instructions for it */
    }
}

/* Code runs with another base of CS from here on, or with the same. */
void blackbox_set_base(struct blackbox *box, uint64_t base);

/* The newest branch targets as linear addresses, newest first; returns how many, at most max. */
unsigned blackbox_branches(const struct blackbox *box, uint64_t *linear, unsigned max);

enum incident_kind {
    INCIDENT_NONE,
    INCIDENT_TRIPLE_FAULT,
    INCIDENT_RESET, /* a reset that the guest asked for */
    INCIDENT_HALT,  /* HLT with interrupts disabled */
};

/* What stopped or reset the machine last. */
struct incident {
    enum incident_kind kind;
    unsigned cpu;
    struct x86_state state; /* at that time */
    struct blackbox box;
};

#endif
