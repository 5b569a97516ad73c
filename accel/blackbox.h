/*
 * The black box of a CPU: where it came from, always kept, for the monitor's `why`. The interpreter writes it; what runs
 * on KVM leaves no trace here but the state at the end.
 *
 * The path is a list of linear addresses at which straight runs of code began: the target of every branch, and the
 * continuation of long runs. Where a branch came from follows from the code itself: it is the first branch at or
 * behind the address before.
 */
#ifndef ACCEL_BLACKBOX_H
#define ACCEL_BLACKBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "accel/x86_state.h"

#define BLACKBOX_PATH 128u  /* powers of two */
#define BLACKBOX_FAULTS 16u

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
    uint64_t path;          /* blackbox.path_count at that time */
};

struct blackbox {
    uint64_t path[BLACKBOX_PATH]; /* number n at n % BLACKBOX_PATH */
    uint64_t path_count;
    struct blackbox_fault faults[BLACKBOX_FAULTS]; /* likewise */
    uint64_t fault_count;
};

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
