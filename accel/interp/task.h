/*
 * The task state segment and hardware task switches: SDM volume 3, chapter 8 (of the 2023 edition).
 */
#ifndef ACCEL_INTERP_TASK_H
#define ACCEL_INTERP_TASK_H

#include "accel/interp/cpu.h"

struct descriptor;

enum task_reason { TASK_JMP, TASK_CALL, TASK_IRET, TASK_EVENT };

struct task_switch {
    enum task_reason reason;
    uint16_t selector; /* of the TSS */
    uint64_t next_rip; /* saved as the old task's EIP */
    uint32_t ext;      /* EXT bit of error codes */
    bool has_error;    /* an error code is pushed on the new stack */
    uint32_t error;
};

/* Switches; the CPU is then at the new task's cpu->rip. Privileges have been checked by the caller, the TSS
 * descriptor is checked here. Faults at cpu->rip: before the switch in the old task, afterwards in the new. */
void task_switch(struct cpu *cpu, const struct task_switch *request);

/* A task gate's descriptor: the selector of its TSS. */
uint16_t task_gate_selector(const struct descriptor *gate);

/* Privileged stack pointer of the present TSS: SS:ESP (legacy). #TS if beyond the limit. */
void tss_stack(struct cpu *cpu, unsigned cpl, uint32_t ext, uint16_t *ss, uint32_t *esp);
/* 64-bit TSS: RSP0-2, or IST1-7 with ist 1-7. */
uint64_t tss_stack64(struct cpu *cpu, unsigned cpl, unsigned ist, uint32_t ext);
/* True if the I/O permission bitmap lets through size ports from port. */
bool tss_io_allowed(struct cpu *cpu, uint16_t port, unsigned size);

#endif
