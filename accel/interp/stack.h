/*
 * Frames on stacks that need not be the present one: what interrupts, call gates and task switches push.
 */
#ifndef ACCEL_INTERP_STACK_H
#define ACCEL_INTERP_STACK_H

#include "accel/interp/cpu.h"

struct stack {
    struct x86_segment seg; /* SS as it will be */
    uint64_t sp;
    uint64_t mask; /* by SS.B; all ones for 64-bit mode, where only canonical form is checked */
    uint8_t cpl;   /* rights of the accesses */
    uint32_t error; /* error code of #SS */
};

/* SS:SP as they are; error is the code of #SS. */
struct stack stack_current(const struct cpu *cpu, uint32_t error);
/* A stack for 32- or 16-bit segments: mask from seg's B bit. */
struct stack stack_of(const struct x86_segment *seg, uint64_t sp, unsigned cpl, uint32_t error);
/* Pushes n values of width 2, 4 or 8 bytes, values[0] first, and moves st->sp. All or nothing; faults at
 * cpu->rip. */
void stack_push(struct cpu *cpu, struct stack *st, const uint64_t *values, unsigned n, unsigned width);
/* Puts SP (not SS) into the register, only as much of it as the stack's width says. */
void stack_commit(struct cpu *cpu, const struct stack *st);
/* The mask of the present stack pointer. */
uint64_t stack_mask(const struct cpu *cpu);

#endif
